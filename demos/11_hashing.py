# %% [markdown]
"""Hashing with a binary autoencoder: sixteen bits that find similar images.

Noise before the codes leaves them only two safe values, 0 and 1. Rounded, they are a hash: images with the same or nearly the
same hash look alike.
"""

# %% [markdown]
# # 11. Hashing with a binary autoencoder
#
#     784 -> 100, SELU -> + 15 noise -> 16, sigmoid = z -> 100, SELU -> 784,        noise ~ N(0, 1), new noise for every batch
#
# The noise drowns any information in values between 0 and 1. What survives is the sign of an input much larger than the noise, so
# training drives every code to 0 or 1 (Salakhutdinov & Hinton 2009, "Semantic hashing"). The same network without noise, for
# comparison, has no reason to.
# %%
import numpy as np

import minigen as mg
from minigen import data, metrics, ops, plot, recipes
from minigen.gallery.demo import Criteria, demo_arguments, save
from minigen.models.autoencoders import HashingAutoencoder

recipe = recipes.find("hashing")
args = demo_arguments("11_hashing", __doc__, recipe)
train, test = data.load(args.data)
if args.quick:
    train, test, args.epochs = train[:2000], test[:500], 2
criteria = Criteria(args)

recipe = recipe.with_arguments(args)
recipe.show()
model, plain = (each.network(each.spec_of(train)) for each in (recipe, recipe.with_settings(noise_std=0.0)))
model.summary((28, 28, 1))
for network in (model, plain):
    recipe.fit(network, train)
    network.eval()

# %% [markdown]
# ## The codes
# Held-out images, without noise: trained with noise, the codes are bits up to rounding; trained without it, they are not.
# Accordingly, rounding them costs little or much.
# %%
held_out = test[:4000]
x = mg.asarray(held_out.images)
with mg.no_grad():
    codes, plain_codes = (mg.to_numpy(network.encode(x).data) for network in (model, plain))
title = f"Codes of {len(held_out):,} held-out images ({args.data})"
histograms = {"trained with noise": codes, "trained without": plain_codes}
save(plot.activation_histograms(histograms, title=title), args, "codes.png")


def rounding_errors(network: HashingAutoencoder) -> tuple[float, float]:
    """Mean squared error of reconstructions from codes, and from bits."""
    with mg.no_grad():
        rounded = ops.sigmoid(network.decode(network.hash(x).astype("float32")))
    return tuple(metrics.reconstruction_mse(held_out.images, mg.to_numpy(y.data)) for y in (network.reconstruct(x), rounded))


# %% [markdown]
# ## Searching by hash
# One held-out image of each class is the query; below it, the training images whose hashes differ from its own in the fewest bits
# (the first ones, in a tie). Only 16 bits per image are compared.
# %%
hashes, library = (mg.to_numpy(model.hash(mg.asarray(images))).astype(np.float32) for images in (held_out.images, train.images))


def hamming(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The number of bits in which each hash of a (n, bits) differs from each of b (m, bits): (n, m)."""
    return a @ (1 - b).T + (1 - a) @ b.T


queries = [int(np.argmax(held_out.labels == label)) for label in np.unique(held_out.labels)[:10]]
distances = hamming(hashes[queries], library)
nearest = np.argsort(distances, axis=1, kind="stable")[:, :5]
rows = {"query": held_out.images[queries], **{f"match {i + 1}": train.images[found] for i, found in enumerate(nearest.T)}}
save(plot.image_rows(rows, title="Held-out images and the training images with the nearest 16-bit hash"), args, "search.png")

# %% [markdown]
# ## Did it work?
# Do pairs of held-out images with the same hash share their class? As a multiple of how often any two of these images do.
# %%
pairs = np.triu(np.ones((len(held_out), len(held_out)), dtype=bool), 1)
same_class, distance = (held_out.labels[:, None] == held_out.labels)[pairs], hamming(hashes, hashes)[pairs]
chance, same_hash, near = same_class.mean(), distance == 0, distance <= 2


def decided(values: np.ndarray) -> float:
    """The share of codes outside (0.1, 0.9)."""
    return float((abs(values - 0.5) >= 0.4).mean())


criteria.check("share of code values outside (0.1, 0.9)", decided(codes), at_least=0.9)
criteria.check(
    "pairs with the same hash that share their class, as a multiple of chance",
    same_class[same_hash].mean() / chance,
    at_least=3.0,
)
criteria.report(
    "pairs whose hashes differ in at most 2 bits that share their class, as a multiple of chance",
    same_class[near].mean() / chance,
)
criteria.report("chance that two of these images share their class", chance)
criteria.report("share of pairs: same hash, at most 2 bits apart", f"{same_hash.mean():.5f}, {near.mean():.5f}")
criteria.report("different hashes among these images", f"{len(np.unique(hashes, axis=0)):,} of {len(held_out):,} images")
criteria.report("without noise in training: share outside (0.1, 0.9)", decided(plain_codes))
criteria.report("mean squared error from codes, from bits", "{:.5f}, {:.5f}".format(*rounding_errors(model)))
criteria.report("the same without noise in training", "{:.5f}, {:.5f}".format(*rounding_errors(plain)))
criteria.finish()
