# %% [markdown]
"""A recurrent autoencoder: an image read, and written, row by row.

To a recurrent network an image is a sequence of 28 rows. Two LSTMs read it into 30 values, a third one writes it from them.
"""

# %% [markdown]
# # 8. Recurrent autoencoders
#
#     28 rows of 28 pixels -> LSTM 100 -> the last state of LSTM 30 = z        z, 28 times -> LSTM 100 -> 28 rows of 28 pixels
#
# The book's network, 122,548 parameters. The decoder gets z at every step and never sees what it has written: it must count the
# rows itself. That is slow to learn: for some hundred steps the network outputs only the mean image, and a large learning rate
# can keep it there for thousands. So the rate starts small, rises over the first third of the steps, and falls along a cosine.
#
# Trained on 10,000 images (`minigen train recurrent` takes all). For comparison: as many principal components, and the chapter's
# stacked network, trained on the same images for as many epochs, in a fraction of the time.
# %%
import numpy as np

import minigen as mg
from minigen import baselines, data, metrics, optim, plot, recipes, training
from minigen.gallery.demo import Criteria, demo_arguments, save
from minigen.models.autoencoders import StackedAutoencoder

recipe = recipes.find("recurrent")
args = demo_arguments("08_recurrent", __doc__, recipe, images=10_000)
train, test = data.load(args.data)
if args.quick:
    train, test, args.epochs, args.images = train[:320], test[:100], 1, 320
train = train[: args.images]
criteria = Criteria(args)

recipe = recipe.with_arguments(args)
recipe.show()
model = recipe.network(recipe.spec_of(train))
model.summary((28, 28, 1))
history = recipe.fit(model, train, test[:1000])

stacked = StackedAutoencoder()
nadam = optim.Nadam(stacked.parameters(), lr=1e-3)
training.fit(stacked, train.images, optimizer=nadam, epochs=args.epochs, batch_size=args.batch_size)

# %% [markdown]
# ## Reconstructions
# %%
model.eval()
stacked.eval()
rebuilt, dense = (network.reconstruct(mg.asarray(test.images)).numpy() for network in (model, stacked))
pca = baselines.pca(train.images.reshape(len(train), -1), 30)
projected = pca.reconstruct(test.images.reshape(len(test), -1)).reshape(test.images.shape)
rows = {
    "original": test.images[:10],
    "PCA,\n30 components": projected[:10].clip(0, 1),
    "stacked,\n30 codes": dense[:10],
    "recurrent,\n30 codes": rebuilt[:10],
}
save(plot.image_rows(rows, title="Held-out images and their reconstructions"), args, "reconstructions.png")
curves = {name: history[name] for name in history if name != "seconds"}
save(plot.training_curves(curves, title="Binary cross entropy, nats per pixel"), args, "training.png")

# %% [markdown]
# ## Reading from the top
# An image is revealed four rows at a time, the rest is blank. The network has never seen a partial digit, let alone a blank: at
# first it outputs a blot or another digit, and comes closer to the right one the further it has read.
# %%
revealed = np.arange(4, 29, 4)
rows = {}
for i, image in enumerate(test.images[:3]):
    shown = np.stack([np.where(np.arange(28)[:, None, None] < count, image, np.float32(0.0)) for count in revealed])
    rows |= {f"image {i + 1}": shown, f"rebuilt {i + 1}": model.reconstruct(mg.asarray(shown)).numpy()}
title = f"Revealed from the top: the first {', '.join(map(str, revealed[:-1]))} and all {revealed[-1]} rows"
save(plot.image_rows(rows, title=title), args, "revealed.png")

# %% [markdown]
# ## Did it work?
# %%
error, linear, other = (metrics.reconstruction_mse(test.images, images) for images in (rebuilt, projected, dense))
criteria.check("mean squared error on held-out images, as a share of PCA's with 30 components", error / linear, at_most=1.0)
criteria.report("mean squared error: recurrent, stacked, PCA", f"{error:.5f}, {other:.5f}, {linear:.5f}")
criteria.report(
    "mean squared error of the mean image",
    metrics.reconstruction_mse(test.images, np.broadcast_to(mg.mean(train.images, axis=0), test.images.shape)),
)
criteria.report("parameters: recurrent, stacked", f"{model.parameter_count():,}, {stacked.parameter_count():,}")
criteria.finish()
