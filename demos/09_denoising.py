# %% [markdown]
"""Denoising autoencoders: from damaged images to clean ones.

A network that must undo damage has to know what images look like. Three kinds of damage are tried; and for the linear network the
optimum is known in closed form: the Wiener filter.
"""

# %% [markdown]
# # 9. Denoising autoencoders
#
#     x~ = corrupt(x),    loss = mean over pixels of  BCE(decode(encode(x~)), x)
#
# The input is damaged, the target is not (Vincent et al. 2008). Three corruptions:
#
#     gaussian 0.2    x~ = x + 0.2 noise,  noise ~ N(0, 1)      leaves [0, 1], and is not clipped
#     masking 0.5     x~ = x at half of the pixels, else 0      on average half as bright as x
#     dropout 0.5     x~ = 2 x at half of the pixels, else 0    on average as bright as x
#
# Dropout, the chapter's Dropout(0.5) before the encoder, is masking times 2. It destroys just as much; but to a network trained
# on one of them, the other's images are too bright or too dark.
# %%
from math import ceil

import numpy as np

import minigen as mg
from minigen import baselines, data, metrics, optim, plot, recipes, training
from minigen.gallery.demo import Criteria, demo_arguments, save
from minigen.models.autoencoders import LinearDenoisingAutoencoder, StackedAutoencoder

recipe = recipes.find("denoising")
args = demo_arguments("09_denoising", __doc__, recipe, images=30_000, linear_steps=2400)
train, test = data.load(args.data)
train = train[: args.images]
if args.quick:
    train, test, args.epochs, args.linear_steps = train[:1000], test[:200], 1, 4
criteria = Criteria(args)
CORRUPTIONS = {"gaussian": recipe.amount, "masking": 0.5, "dropout": 0.5}
CODES = recipe.latent_dim

# %% [markdown]
# ## Training
# The chapter's stacked autoencoder, four times: once on clean images, and once for each corruption. The damage is random in each
# batch.
# %%
recipe = recipe.with_arguments(args)
recipe.show()
plain, spec = StackedAutoencoder(latent_dim=CODES), recipe.spec_of(train)
denoisers = {name: recipe.with_settings(corruption=name, amount=amount).network(spec) for name, amount in CORRUPTIONS.items()}
for model in (plain, *denoisers.values()):
    recipe.fit(model, train)
    model.eval()

# %% [markdown]
# ## The best linear denoiser
# A linear map can use only the mean m and the covariance C of the pixels, and the variances N of the noise (dropout's, at rate
# 1/2, is mean(x^2) at each pixel). The Wiener filter is the best such map; through 30 codes, its projection on the first
# eigenvectors V of C (C + N)^-1 C is:
#
#     x^ = m + (x~ - m) (C + N)^-1 C,        through codes:  x^ = m + (x~ - m) (C + N)^-1 C V V^T
#
# Masked images are doubled first, which turns masking into dropout. And a little noise is always assumed, that of pixels rounded
# to bytes, of variance 1 / (12 * 255^2): without it, the filter overfits to a pixel that was gray in one training image.
# %%
pixels = train.images.reshape(len(train), -1)
mean_square = np.mean(pixels**2, axis=0, dtype=np.float64)
noise_variance = {"gaussian": CORRUPTIONS["gaussian"] ** 2, "masking": mean_square, "dropout": mean_square}
noise_variance = {name: variance + 1 / (12 * 255**2) for name, variance in noise_variance.items()}
brightness = {"gaussian": 1.0, "masking": 0.5, "dropout": 1.0}
filters = {name: baselines.wiener_filter(pixels, noise_variance[name]) for name in CORRUPTIONS}

errors = {}
for name, model in denoisers.items():
    damaged = model.corrupt(mg.asarray(test.images))
    flat = mg.to_numpy(damaged).reshape(len(test), -1) / brightness[name]
    linear = {"Wiener filter": filters[name], f"Wiener filter,\n{CODES} codes": filters[name].truncated(CODES)}
    pictures = {
        "damaged": mg.to_numpy(damaged),
        "denoised": mg.to_numpy(model.reconstruct(damaged)),
        "plain\nautoencoder": mg.to_numpy(plain.reconstruct(damaged)),
        **{kind: best.denoise(flat).reshape(test.images.shape) for kind, best in linear.items()},
    }
    errors[name] = [metrics.reconstruction_mse(x, test.images) for x in pictures.values()]
    rows = {kind: x[:10].clip(0, 1) for kind, x in ({"original": test.images} | pictures).items()}
    save(plot.image_rows(rows, title=f"Held-out images: {name} {CORRUPTIONS[name]}"), args, f"{name}.png")

# %% [markdown]
# ## Gradient descent finds the Wiener filter
# A linear network with 30 codes, trained on damaged images like the others. Its expected error on the training images is
# compared, which is exact: for a linear map the expectation over the noise needs no samples.
# %%
excess = {}
for name, amount in CORRUPTIONS.items():
    network = LinearDenoisingAutoencoder(pixels.shape[1], CODES, name, amount)
    adam = optim.Adam(network.parameters(), lr=optim.schedules.cosine(0.01, args.linear_steps))
    training.fit(network, pixels, optimizer=adam, epochs=ceil(args.linear_steps * 250 / len(pixels)), batch_size=250)
    w1, b1, w2, b2 = (parameter.numpy().astype(np.float64) for parameter in network.parameters())
    reached = baselines.denoising_error(pixels, noise_variance[name], brightness[name] * w1 @ w2, b1 @ w2 + b2)
    excess[name] = 100 * (reached / filters[name].truncated(CODES).error - 1)

# %% [markdown]
# ## Did it work?
# %%
for name, (damaged, denoised, undamaged, _, through_codes) in errors.items():
    criteria.check(f"{name}: squared error, as a share of the damaged images'", denoised / damaged, at_most=0.5)
    criteria.check(f"{name}: squared error, as a share of the plain autoencoder's", denoised / undamaged, at_most=1.0)
    criteria.check(
        f"{name}: squared error, as a share of the Wiener filter's with {CODES} codes", denoised / through_codes, at_most=1.0
    )
    criteria.check(f"{name}, linear network: expected error above the closed form, %", excess[name], between=(0.0, 1.0))
for name, figures in errors.items():
    criteria.report(
        f"{name}: squared error damaged, denoised, by the plain one, Wiener, Wiener with {CODES} codes",
        ", ".join(f"{error:.5f}" for error in figures),
    )
criteria.finish()
