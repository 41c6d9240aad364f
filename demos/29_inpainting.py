# %% [markdown]
"""Inpainting: filling a hole in an image.

A hole of 10 x 10 pixels in images, filled by the mean image, by the best linear map, by an autoencoder trained on complete
images, and by a network trained to fill holes: the context encoder, without and with a discriminator.
"""

# %% [markdown]
# # 29. Inpainting
#
#     G minimizes  squared error in the hole + 2.5e-4 * (-E log D(image with its hole filled))
#
# A network that must fill a hole has to learn the structure of images (context encoder, Pathak et al. 2016). Holes are cut at new
# random positions for each batch, and the network sees where: an additional channel is 1 in the hole. Its output is used only in
# the hole; known pixels stay. `--weight` changes the discriminator's weight, which is the paper's: 0.001 beside 0.999 of the
# squared error for pixels in [-1, 1], and a quarter of it for ours in [0, 1], whose squared errors are a quarter.
# %%
import copy

import numpy as np

import minigen as mg
from minigen import data, metrics, plot
from minigen.gallery.demo import Criteria, demo_arguments, save, train_evaluator
from minigen.models.applications import context_encoder
from minigen.models.autoencoders import ConvolutionalAutoencoder
from minigen.recipes.restoration import RestorationRecipe

recipe = RestorationRecipe()
args = demo_arguments("29_inpainting", __doc__, recipe, hole=10, weight=recipe.weight, images=10_000, tests=2000)
if args.hole > 28:
    raise SystemExit(f"--hole {args.hole}: images are 28 x 28")
train, test = data.load(args.data)
if args.quick:
    train, args.epochs, args.steps, args.tests = train[:300], 1, 4, 100
criteria = Criteria(args)
evaluator = train_evaluator(train, args)
train, test = train[: args.images], test[: args.tests]


# %% [markdown]
# ## Training
# The context encoder is first trained on the content loss alone. Then two copies continue for as many updates: one as before, and
# one with the discriminator. The plain autoencoder, with 30 codes, is trained on complete images, for as many updates.
# %%
# the network learns at 10 times the discriminator's rate, as in the official code
recipe = recipe.with_arguments(args).with_settings(discriminator_lr=recipe.later_lr / 10)
recipe.show()
content, plain = context_encoder.Generator(args.hole), ConvolutionalAutoencoder(latent_dim=30)
recipe.with_settings(lr=4e-3).fit_content(content, train.images)
recipe.fit_content(plain, train.images)
adversarial = copy.deepcopy(content)
trainer = recipe.trainer(adversarial)
for network in (content, plain):
    recipe.continue_content(network, train.images)
history = recipe.fit(trainer, train.images)
save(
    plot.training_curves(
        history,
        panels={"content": ("content",), "D is right": ("accuracy on real", "accuracy on fake")},
        title=f"With the adversarial term ({args.data})",
    ),
    args,
    "training.png",
)

# %% [markdown]
# ## Five ways to fill a hole
# Known pixels k and hidden ones h of images with mean m and covariance C: the best linear map of k needs only the inverse of C.
#
#     h^ = m_h - (P_hh)^-1 P_hk (k - m_k),   P = (C + I / (12 * 255^2))^-1
#
# The small noise added is that of pixels rounded to bytes. The autoencoder's input has the mean in the hole.
# %%
corners = np.random.default_rng(args.seed).integers(test.images.shape[1] - args.hole + 1, size=(len(test), 2))
damaged = mg.to_numpy(content.degrade(mg.asarray(test.images), corners))
known, hole = damaged[..., :1], damaged[..., 1:]
mean = mg.mean(train.images, axis=0)


def filled(made):
    """The known pixels, with the hole filled."""
    return (known + hole * made).clip(0.0, 1.0)


def linear(images):
    """The linear map's estimate of the hidden pixels of each image."""
    pixels = train.images.reshape(len(train), -1).astype(np.float64)
    inverse = np.linalg.inv(np.cov(pixels.T) + np.eye(pixels.shape[1]) / (12 * 255**2))
    made = np.repeat(mean.reshape(1, -1), len(images), axis=0).astype(np.float64)
    for guess, image, hidden in zip(made, images.reshape(made.shape), hole.reshape(made.shape) == 1.0):
        deviation = inverse[np.ix_(hidden, ~hidden)] @ (image - guess)[~hidden]
        guess[hidden] -= np.linalg.solve(inverse[np.ix_(hidden, hidden)], deviation)
    return made.reshape(images.shape).astype(np.float32)


with_mean = filled(mean)
pictures = {
    "mean": with_mean,
    "linear": filled(linear(known)),
    "autoencoder": filled(mg.to_numpy(plain.reconstruct(mg.asarray(with_mean)))),
    "content": content.restore(damaged),
    "content and adversarial": adversarial.restore(damaged),
    "original": test.images,
}
shown = {"damaged": known + 0.5 * hole} | pictures
rows = {name.replace(" and ", "\nand "): images[:12] for name, images in shown.items()}
save(plot.image_rows(rows, title=f"Held-out images ({args.data}), and their filled holes"), args, "filled.png")


# %% [markdown]
# ## Did it work?
# Inside the hole: the squared error, and sharpness, the energy of the Laplacian, as a share of the originals'. For the whole
# image: whether the evaluator can still recognize the class, and the Fréchet distance between features of all filled images and
# of the originals.
# %%
def inside(images):
    """The content of the holes, (n, hole, hole, 1)."""
    return images[hole == 1.0].reshape(len(images), args.hole, args.hole, 1)


features = evaluator.features(test.images)
sharpness = metrics.sharpness(inside(test.images))
scores = {}
for name, images in pictures.items():
    scores[name] = {
        "error": metrics.reconstruction_mse(inside(images), inside(test.images)),
        "accuracy": metrics.accuracy(evaluator.predict(images), test.labels),
        "sharpness": metrics.sharpness(inside(images)) / sharpness,
        "Fréchet": metrics.frechet_distance(features, evaluator.features(images)),
    }
rows = {name: [each["error"] / scores["mean"]["error"], each["accuracy"], each["sharpness"]] for name, each in scores.items()}
save(
    plot.table(rows, ("error", "accuracy", "sharpness"), f"In the hole ({args.data}); the error as a share of the mean's"),
    args,
    "scores.png",
)

alone, both = scores["content"], scores["content and adversarial"]
for name, bound in (("mean", 0.5), ("linear", 1.0), ("autoencoder", 1.0)):
    share = alone["error"] / scores[name]["error"]
    criteria.check(f"content alone: squared error in the hole, as a share of that by {name}", share, at_most=bound)
bound = {"mnist": 0.054, "fashion_mnist": 0.0205}.get(args.data, 0.047)  # a little less than the linear map's
criteria.check("content alone: squared error in the hole", alone["error"], at_most=bound)
gained = 100 * (alone["accuracy"] - scores["mean"]["accuracy"])
criteria.check("content alone: evaluator's accuracy above the mean fill's, %", gained, at_least=0.0)
criteria.check(
    "sharpness that the adversarial term adds, as a share of the originals'", both["sharpness"] - alone["sharpness"], at_least=0.0
)
criteria.report("squared error with the adversarial term, as a share of that without", both["error"] / alone["error"])
for name, each in scores.items():
    criteria.report(
        f"{name}: squared error in the hole, accuracy, sharpness, Fréchet distance",
        f"{each['error']:.5f}, {each['accuracy']:.2%}, {each['sharpness']:.3f}, {each['Fréchet']:.3f}",
    )
criteria.report("evaluator", f"{evaluator.fingerprint()}, {len(test):,} held-out images")
criteria.finish()
