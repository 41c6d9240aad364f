# %% [markdown]
"""A generative adversarial network: two players, and new images.

A generator makes images from noise, a discriminator learns to distinguish them from real ones, and each learns from the other.
The chapter's dense networks, its optimizer, its loop.
"""

# %% [markdown]
# # 18. A generative adversarial network
#
#     D maximizes  E log D(x) + E log(1 - D(G(z))),    G maximizes  E log D(G(z)),    z ~ N(0, I)
#
# Generator 30-100-150-784, discriminator 784-150-100-1, SELU, RMSprop, batches of 32 (the chapter's). If the two are balanced and
# real and generated images are indistinguishable, D is 1/2 everywhere: its loss is then 2 log 2 = 1.386, the generator's log 2 =
# 0.693. The discriminator's learning rate is a quarter of the generator's, and both fall to zero by half a cosine. A loss far
# from that is not a failure, and a loss near it not a success: a GAN is evaluated by its samples.
# %%
import numpy as np

import minigen as mg
from minigen import data, metrics, plot, recipes, training
from minigen.gallery.demo import Criteria, demo_arguments, save, train_evaluator
from minigen.gallery.standards import check_samples
from minigen.models.latent import great_circle

recipe = recipes.find("gan")
args = demo_arguments("18_gan", __doc__, recipe, samples=10_000)
train, test = data.load(args.data)
if args.quick:
    train, test, args.steps, args.samples = train[:1000], test[:200], 20, 100
criteria = Criteria(args)

evaluator = train_evaluator(train, args)
recipe = recipe.with_arguments(args)
recipe.show()
generator, discriminator = recipe.networks(recipe.spec_of(train))
untrained = generator.sample(args.samples)
trainer = recipe.trainer(generator, discriminator)
monitor = training.GanMonitor(evaluator)
grid = training.SampleGrid(args.out / "evolution", every=max(args.steps // 20, 1), n=49)
history = recipe.fit(trainer, train, record_every=max(args.steps // 100, 10), callbacks=[monitor, grid])

# %% [markdown]
# ## Samples
# Samples are drawn from a moving average of the generator's weights. Nothing was selected.
# %%
samples = trainer.sample(args.samples)
save(plot.image_grid(samples[:96], columns=16, title=f"Made by a GAN after {args.steps:,} steps"), args, "samples.png")
save(
    plot.training_curves(
        history,
        panels={
            "loss": ("discriminator loss", "generator loss"),
            "D's mean score": ("score of real", "score of fake"),
            "D is right": ("accuracy on real", "accuracy on fake"),
            "gradient norm": ("discriminator gradient norm", "generator gradient norm"),
        },
        title="The game",
    ),
    args,
    "training.png",
)
save(
    plot.image_rows(
        {f"step {step}": images[:12] for step, images in list(zip(grid.steps, grid.samples))[::5]},
        title="The same noise while the generator learns",
    ),
    args,
    "evolution.png",
)

# %% [markdown]
# ## Are they copies?
# Each sample with the training image nearest to it in pixels: similar, but not copies.
# %%
near = metrics.nearest_training(samples[:12], train.images[:20_000])
save(
    plot.image_rows(
        {"made": samples[:12], "nearest in training": train.images[near.indices]}, title="Samples and what is nearest to them"
    ),
    args,
    "nearest.png",
)

# %% [markdown]
# ## Between two images
# From one z to another in equal steps along a great circle.
# %%
ends = np.random.default_rng(args.seed).standard_normal((2, 5, generator.latent_dim))
paths = great_circle(*ends, 10)
images = trainer.sampler.draw(paths.reshape(50, -1)).reshape(5, 10, 28, 28, 1)
save(
    plot.interpolation_grid(
        images, anchors=[(row, column) for row in range(5) for column in (0, -1)], title="From one image to another"
    ),
    args,
    "interpolation.png",
)

# %% [markdown]
# ## Did it work?
# The Fréchet distance is measured between the evaluator's features (demo 17) of generated and training images. It must fall to a
# quarter of the untrained generator's, and below that of images with independent pixels of the same means and variances as in the
# training set. And the samples must meet a standard that no trivial sampler meets: closer to real images than one Gaussian fitted
# to the pixels, than one per class, than double exposures; not copies; precise, and with recall; no class rarer than a third of
# its fair share.
# %%
real = train.images[np.random.default_rng(0).permutation(len(train))[: args.samples]]
noise = np.random.default_rng(args.seed).standard_normal(real.shape)
pixels = np.clip(mg.mean(train.images, axis=0) + mg.std(train.images, axis=0) * noise, 0, 1).astype(np.float32)
distances = {
    name: metrics.frechet_distance(evaluator.features(real), evaluator.features(images))
    for name, images in (("samples", samples), ("untrained", untrained), ("pixels", pixels))
}
for other, who, bound in (("untrained", "the untrained generator's", 0.25), ("pixels", "that of independent pixels", 1.0)):
    criteria.check(f"Fréchet distance, as a share of {who}", distances["samples"] / distances[other], at_most=bound)
check_samples(criteria, evaluator, train, test, samples)
for step, text in monitor.warnings:
    criteria.report(f"monitor, step {step}", text)
criteria.finish()
