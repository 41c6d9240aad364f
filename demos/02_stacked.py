# %% [markdown]
"""A stacked autoencoder: 784 pixels through 30 codes, and better than PCA.

Several nonlinear layers, symmetrical around the codes. With as many codes, it must beat the best linear method on images that
neither has seen.
"""

# %% [markdown]
# # 2. A stacked autoencoder
#
#     784 -> 100 -> 30 -> 100 -> 784, SELU,    loss = mean over pixels of  -x log p - (1 - x) log(1 - p)
#
# Exactly the chapter's network (163,814 parameters) and its optimizer, SGD with learning rate 1.5, which is that large because
# the loss is a mean over pixels. Binary cross entropy of gray pixels cannot reach zero: its floor is the entropy of the pixels
# themselves, printed below with the squared error.
# %%
import minigen as mg
from minigen import baselines, data, metrics, plot, recipes, training
from minigen.gallery.demo import Criteria, demo_arguments, save

recipe = recipes.find("stacked")
args = demo_arguments("02_stacked", __doc__, recipe)
train, test = data.load(args.data)
if args.quick:
    train, test, args.epochs = train[:2000], test[:500], 2
criteria = Criteria(args)

# %% [markdown]
# ## The recipe
# It is what `minigen train stacked` does, too: the network, its optimizer, and the length of training.
# %%
recipe = recipe.with_arguments(args)
recipe.show()
model = recipe.network(recipe.spec_of(train))
model.summary((28, 28, 1))
history = recipe.fit(model, train, test, callbacks=[training.Checkpoint(args.out / "run")])

# %% [markdown]
# ## Reconstructions
# First the images, then what 30 principal components keep of them, then what 30 codes keep.
# %%
model.eval()
rebuilt = model.reconstruct(mg.asarray(test.images)).numpy()
pca = baselines.pca(train.images.reshape(len(train), -1), 30)
projected = pca.reconstruct(test.images.reshape(len(test), -1)).reshape(test.images.shape)
rows = {"original": test.images[:10], "PCA,\n30 components": projected[:10].clip(0, 1), "autoencoder,\n30 codes": rebuilt[:10]}
save(plot.image_rows(rows, title="Held-out images and their reconstructions"), args, "reconstructions.png")
curves = {name: history[name] for name in history if name != "seconds"}
save(plot.training_curves(curves, title="Binary cross entropy, nats per pixel"), args, "training.png")

# %% [markdown]
# ## Did it work?
# %%
error, linear = metrics.reconstruction_mse(test.images, rebuilt), metrics.reconstruction_mse(test.images, projected)
bce, floor = history["validation loss"][-1], metrics.bernoulli_entropy(test.images)
criteria.check("mean squared error on held-out images, as a share of PCA's with 30 components", error / linear, at_most=1.0)
criteria.check("binary cross entropy above its floor, nats per pixel", bce - floor, at_most=0.05)
criteria.report("mean squared error: autoencoder, PCA", f"{error:.5f}, {linear:.5f}")
criteria.report("binary cross entropy on held-out images, its floor", f"{bce:.5f}, {floor:.5f}")
criteria.report("parameters", f"{model.parameter_count():,}")
criteria.finish()
