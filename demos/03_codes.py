# %% [markdown]
"""Looking at the codes: a map of 30 dimensions in two.

The codes of a stacked autoencoder, mapped to the plane by t-SNE. The network has never seen a label; yet images of one class lie
together.
"""

# %% [markdown]
# # 3. Looking at the codes
# t-SNE (van der Maaten & Hinton 2008) places each code in the plane so that near neighbors stay near:
#
#     p_ij: neighborhood in 30 dimensions, Gaussian;    q_ij: on the page, Student's t;    minimize KL(p || q)
#
# Distances between far clusters mean little, but neighborhoods mean much. So the map is scored by its neighbors: how often do the
# five nearest points have the class of the point itself?
# %%
import minigen as mg
from minigen import data, metrics, plot, recipes
from minigen.baselines import tsne
from minigen.gallery.demo import Criteria, demo_arguments, save

recipe = recipes.find("stacked")
args = demo_arguments("03_codes", __doc__, recipe, points=2000, iterations=500)
train, test = data.load(args.data)
if args.quick:
    train, args.epochs, args.points, args.iterations = train[:2000], 2, 300, 100
criteria = Criteria(args)

recipe = recipe.with_arguments(args)
recipe.show()
model = recipe.network(recipe.spec_of(train))
recipe.fit(model, train)

# %% [markdown]
# ## The map
# Held-out images only. Colors are the classes, which the network has never seen.
# %%
model.eval()
shown = test[: args.points]
with mg.no_grad():
    codes = mg.to_numpy(model.encode(mg.asarray(shown.images)))
points = tsne(codes, iterations=args.iterations, progress=True)
title = f"Codes of {len(shown):,} held-out images ({args.data}), by t-SNE"
save(plot.code_map(points, shown.labels, shown.class_names, images=shown.images, title=title), args, "codes.png")

# %% [markdown]
# ## Did it work?
# A point's five neighbors predict its class: in the pixels, in the codes, and on the map. Chance is about one in the number of
# classes. Garments are told apart less well than digits, even by their pixels: 0.70 is asked of their map, 0.80 of others.
# %%
pixels = metrics.knn_accuracy(shown.images.reshape(len(shown), -1), shown.labels)
in_codes, on_page = metrics.knn_accuracy(codes, shown.labels), metrics.knn_accuracy(points, shown.labels)
criteria.check(
    "5-NN accuracy on the page (2 coordinates per image)", on_page, at_least=0.70 if args.data == "fashion_mnist" else 0.80
)
criteria.check("5-NN accuracy lost from codes to page", in_codes - on_page, at_most=0.05)
criteria.report("5-NN accuracy in the codes (30 values)", in_codes)
criteria.report("5-NN accuracy in the pixels (784 values)", pixels)
criteria.report("most frequent class", max((shown.labels == label).mean() for label in set(shown.labels.tolist())))
criteria.finish()
