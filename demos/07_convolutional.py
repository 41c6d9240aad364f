# %% [markdown]
"""A convolutional autoencoder: the same small kernels everywhere in the image.

Kernels that slide over the image need fewer parameters than a dense layer, and detect a stroke wherever it is. They are compared
with dense networks at equal parameters, and through a bottleneck of equal width.
"""

# %% [markdown]
# # 7. Convolutional autoencoders
#
#     encoder   28 x 28 x 1 -> 14 x 14 x 16 -> 7 x 7 x 32 -> 3 x 3 x 64      3 x 3 kernels, SELU, then max pooling by 2
#     decoder   3 x 3 x 64 -> 7 x 7 x 32 -> 14 x 14 x 16 -> 28 x 28 x 1      transposed convolutions with stride 2
#
# The chapter's encoder and the book's decoder, 23,296 + 23,233 parameters. Its codes are 64 maps of 3 x 3, which is 576 values
# for 784 pixels: no bottleneck at all, as the error of PCA with 576 components, below, shows. This network shows how far shared
# kernels get with few parameters; how much fits into 30 values takes a second one. So there are two comparisons:
#
#     576 codes   the network above, beside a dense network with as many parameters, 784-28-30-28-784
#     30 codes    a network with a dense layer on either side of the codes (40,606 + 13,873 parameters, as the third edition's),
#                 beside the chapter's stacked network, three times as large
#
# All four see the same 10,000 images equally often, with the same optimizer. `minigen train convolutional` takes all images.
# %%
import minigen as mg
from minigen import baselines, data, metrics, plot, recipes
from minigen.gallery.demo import Criteria, demo_arguments, save
from minigen.models.autoencoders import StackedAutoencoder

recipe = recipes.find("convolutional")
args = demo_arguments("07_convolutional", __doc__, recipe, images=10_000)
train, test = data.load(args.data)
if args.quick:
    train, test, args.epochs, args.images = train[:640], test[:100], 1, 640
train = train[: args.images]
criteria = Criteria(args)

recipe = recipe.with_arguments(args)
recipe.show()
narrow, spec = recipe.with_settings(latent_dim=30), recipe.spec_of(train)
models = {
    "dense,\nas many\nparameters": StackedAutoencoder(hidden=28),
    "convolutional,\n576 codes": recipe.network(spec),
    "stacked,\n30 codes": StackedAutoencoder(),
    "convolutional,\n30 codes": narrow.network(spec),
}
models["convolutional,\n576 codes"].summary((28, 28, 1))
for model in models.values():
    recipe.fit(model, train)
    model.eval()

# %% [markdown]
# ## Reconstructions
# %%
shown = mg.asarray(test.images[:10])
rows = {"original": test.images[:10], **{name: model.reconstruct(shown) for name, model in models.items()}}
save(plot.image_rows(rows, title="Held-out images and their reconstructions"), args, "reconstructions.png")

# %% [markdown]
# ## The first layer's feature maps
# Its 16 kernels, and the feature map of each for the same image, in the same order: edges of one direction or another, strokes,
# background.
# %%
first = models["convolutional,\n576 codes"].encoder[0]
save(plot.filters(first.weight, title="The kernels of the first layer"), args, "kernels.png")
with mg.no_grad():
    maps = mg.to_numpy(first(shown[:1]).data)[0].transpose(2, 0, 1)
low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
title = "The feature maps of one image\n(black: smallest value, white: largest)"
save(plot.image_grid((maps - low) / (high - low), columns=4, title=title), args, "maps.png")


# %% [markdown]
# ## Did it work?
# Networks that have learned nothing may be better than one another: so both must also beat PCA with 30 components.
# %%
def error(model: mg.nn.Module) -> float:
    """Mean squared error on held-out images."""
    return metrics.reconstruction_mse(test.images, model.reconstruct(mg.asarray(test.images)).numpy())


def pca_error(k: int) -> float:
    """The mean squared error of k principal components of the training images."""
    pixels, held_out = (images.reshape(len(images), -1) for images in (train.images, test.images))
    return metrics.reconstruction_mse(held_out, baselines.pca(pixels, k).reconstruct(held_out))


small, wide, stacked, narrow = (error(model) for model in models.values())
linear = pca_error(30)
criteria.check(
    "576 codes: mean squared error, as a share of that of a dense network with as many parameters", wide / small, at_most=1.0
)
criteria.check("30 codes: mean squared error, as a share of the stacked network's", narrow / stacked, at_most=1.0)
for codes, value in ((576, wide), (30, narrow)):
    criteria.check(f"{codes} codes: mean squared error, as a share of PCA's with 30 components", value / linear, at_most=1.0)
criteria.report("576 codes: mean squared error; PCA with 576 components", f"{wide:.2g}; {pca_error(576):.2g}")
criteria.report("30 codes: convolutional, stacked; PCA with 30 components", f"{narrow:.5f}, {stacked:.5f}; {linear:.5f}")
criteria.report("dense network with as many parameters, 30 codes", small)
criteria.report("parameters, in the order of the rows", ", ".join(f"{model.parameter_count():,}" for model in models.values()))
criteria.finish()
