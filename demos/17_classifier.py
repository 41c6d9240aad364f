# %% [markdown]
"""The evaluator: a small convolutional classifier, whose features later scores use.

How good is a generated digit? Distances between pixels say little. So distances are measured between a classifier's features, and
the classifier is trained here, by minigen, in about a minute.
"""

# %% [markdown]
# # 17. A classifier as evaluator
#
#     28 x 28 -> conv 16 -> pool -> conv 32 -> pool -> 64 features -> 10 classes
#
# Scores of generated images (the Fréchet distance, precision and recall, "does it show the right class?") need a space in which
# near means similar. Published ones use a network trained on ImageNet; for small gray images, the 64 features before the last
# layer of this network serve better, and nothing has to be downloaded. Scores from different evaluators cannot be compared: the
# fingerprint of the weights is printed with each.
# %%
import numpy as np

from minigen import data, evaluators, metrics, plot
from minigen.baselines import tsne
from minigen.gallery.demo import Criteria, demo_arguments, save

args = demo_arguments("17_classifier", __doc__, epochs=evaluators.EPOCHS, map_examples=1500)
train, test = data.load(args.data)
if args.quick:
    train, test, args.epochs, args.map_examples = train[:1000], test[:300], 1, 100
criteria = Criteria(args)

evaluator = evaluators.feature_classifier(train, epochs=args.epochs, cache=args.out / "weights")
evaluator.summary((28, 28, 1))

# %% [markdown]
# ## Errors and features
# The images it gets wrong are mostly ambiguous to a person, too. The map shows the 64 features in two dimensions.
# %%
predicted = evaluator.predict(test.images)
wrong = np.flatnonzero(predicted != test.labels)[:20]
if len(wrong):
    texts = [f"{test.class_names[test.labels[i]]} taken for {test.class_names[predicted[i]]}" for i in wrong]
    figure = plot.image_grid(test.images[wrong], columns=5, labels=texts, title=f"Held-out images ({args.data}) it gets wrong")
    save(figure, args, "mistakes.png")
few = test[: args.map_examples]
features = evaluator.features(few.images)
save(
    plot.code_map(
        tsne(features, perplexity=30, progress=True),
        few.labels,
        few.class_names,
        images=few.images,
        title=f"Held-out images ({args.data}) by their 64 features, t-SNE",
    ),
    args,
    "features.png",
)
save(plot.filters(evaluator.encoder[0].weight, title="First layer: 16 kernels of 3 x 3"), args, "filters.png")

# %% [markdown]
# ## Did it work?
# The required accuracy, 98.5 % of MNIST's test images, leaves little doubt when it classifies a generated image as a 7. Glyphs
# are tested in fonts that it has never seen. Neighbors by features must agree better than neighbors by pixels, otherwise nothing
# is gained.
# %%
neighbors = {
    name: metrics.knn_accuracy(space, few.labels)
    for name, space in (("features", features), ("pixels", few.images.reshape(len(few), -1)))
}
required = 0.985 if args.data == "mnist" else 0.89 if args.data == "fashion_mnist" else 0.95
criteria.check("accuracy on held-out images", evaluator.accuracy(test.images, test.labels), at_least=required)
criteria.check(
    "5-NN errors among the features, as a share of those among the pixels",
    (1 - neighbors["features"]) / max(1 - neighbors["pixels"], 1e-12),
    at_most=1.0,
)
criteria.report("5-NN accuracy: features, pixels", f"{neighbors['features']:.4f}, {neighbors['pixels']:.4f}")
criteria.report("parameters", f"{evaluator.parameter_count():,}")
criteria.report("fingerprint of the weights", evaluator.fingerprint())
criteria.finish()
