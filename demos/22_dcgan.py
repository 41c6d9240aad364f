# %% [markdown]
"""A deep convolutional GAN: digits that one can read.

Convolutions in both networks, and a few rules under which they train. After the same number of images it must be closer to the
real ones than the dense networks of demo 18, by the features of the same evaluator.
"""

# %% [markdown]
# # 22. A deep convolutional GAN
#
# The rules of Radford et al. (2016): strides instead of pooling, batch normalization, no hidden dense layers, ReLU in the
# generator with a tanh at its end, leaky ReLU in the discriminator, Adam with beta1 = 0.5.
#
# `--model tiny`, for two CPU cores: 64 -> 7 x 7 x 64 -> 14 x 14 x 32 -> 28 x 28, kernels of 4 x 4. Its discriminator breaks one
# rule: instead of batch normalization it has R1 (Mescheder et al. 2018), half the squared slope at real images. Both rates fall
# from 4e-3 by half a cosine. `--model book`: the chapter's, 100 -> 7 x 7 x 128 -> 14 x 14 x 64 -> 28 x 28, kernels of 5 x 5, with
# dropout in the discriminator and rates of 2e-4; it takes several times as long.
# %%
import numpy as np

import minigen as mg
from minigen import data, metrics, optim, plot, recipes, training
from minigen.gallery.demo import Criteria, demo_arguments, save, train_evaluator
from minigen.gallery.standards import check_samples
from minigen.models.latent import great_circle

recipe = recipes.find("dcgan")
args = demo_arguments("22_dcgan", __doc__, recipe, samples=10_000, model="tiny")
if args.model not in ("tiny", "book"):
    raise SystemExit(f"--model {args.model}: there are tiny and book")
train, test = data.load(args.data)
if args.quick:
    train, test, args.steps, args.batch_size, args.samples = train[:1000], test[:200], 4, 16, 100
criteria = Criteria(args)
evaluator = train_evaluator(train, args)

recipe = recipes.find({"tiny": "dcgan", "book": "dcgan-book"}[args.model]).with_arguments(args)
recipe.show()
generator, discriminator = recipe.networks(recipe.spec_of(train))
generator.summary((generator.latent_dim,))
discriminator.summary((28, 28, 1))
grid = training.SampleGrid(args.out / "evolution", every=max(args.steps // 10, 1), n=36)
monitor = training.GanMonitor(evaluator)
trainer = recipe.trainer(generator, discriminator)
recipe.fit(trainer, train, callbacks=[grid, monitor])
samples = trainer.sample(args.samples)

# %% [markdown]
# ## Samples
# Nothing was selected.
# %%
save(plot.image_grid(samples[:96], columns=16, title=f"Made by a DCGAN after {args.steps:,} steps"), args, "samples.png")
moments = grid.steps[:3] + grid.steps[3::3]
rows = {f"step {step}": images[:12] for step, images in zip(grid.steps, grid.samples) if step in moments}
save(plot.image_rows(rows, title="The same noise while the generator learns"), args, "evolution.png")
save(
    plot.training_curves(
        trainer.history,
        panels={
            "loss": ("discriminator loss", "generator loss"),
            "D is right": ("accuracy on real", "accuracy on fake"),
            "gradient norm": ("discriminator gradient norm", "generator gradient norm"),
        },
        title="The game",
    ),
    args,
    "training.png",
)

# %% [markdown]
# ## A walk through the latent space
# Each row runs from one z to another in equal steps along a great circle. A generator that only memorizes would jump.
# %%
ends = np.random.default_rng(args.seed).standard_normal((2, 5, generator.latent_dim))
walked = trainer.sampler.draw(great_circle(*ends, 12).reshape(60, -1)).reshape(5, 12, 28, 28, 1)
save(
    plot.interpolation_grid(
        walked, anchors=[(row, column) for row in range(5) for column in (0, -1)], title="From one image to another"
    ),
    args,
    "walk.png",
)

# %% [markdown]
# ## The dense GAN, with as many images seen
# The chapter's dense networks and RMSprop, at the initial rates of demo 18, constant; the same steps and batches, the same
# average of weights.
# %%
first = recipes.find("gan")
mg.seed(args.seed)
generator, discriminator = first.networks(first.spec_of(train))
dense = training.Adversarial(
    generator,
    discriminator,
    ema=recipe.ema,
    generator_optimizer=optim.RMSprop(generator.parameters(), lr=first.rates[0]),
    discriminator_optimizer=optim.RMSprop(discriminator.parameters(), lr=first.rates[1]),
)
recipe.fit(dense, train)
dense_samples = dense.sample(args.samples)
half = len(train) // 2
near = metrics.nearest_training(samples[:500], train.images[:half], held_out=train.images[half : half + 500])
save(
    plot.image_rows(
        {"dense GAN": dense_samples[:12], "DCGAN": samples[:12], "nearest real": train.images[near.indices[:12]]},
        title=f"After {args.steps:,} steps of {args.batch_size}; below, what in training is nearest to the DCGAN's",
    ),
    args,
    "comparison.png",
)

# %% [markdown]
# ## Did it work?
# The Fréchet distance between the evaluator's features of generated and of training images must be below the dense GAN's, and no
# class may be rarer than a third of its fair share. The samples must meet
# a standard that no trivial sampler meets, not Gaussians of the pixels, not double exposures, not a hundred training images over
# and over: these are scored beside them.
# %%
real = evaluator.features(train.images[np.random.default_rng(0).permutation(len(train))[: args.samples]])
distance, of_dense = (metrics.frechet_distance(real, evaluator.features(made)) for made in (samples, dense_samples))
criteria.check("Fréchet distance, as a share of the dense GAN's", distance / of_dense, at_most=1.0)
check_samples(criteria, evaluator, train, test, samples)
criteria.report(
    "distance from the nearest of half the training images, as a share of that of other real images (0: copies)",
    near.memorization_ratio,
)
for step, text in monitor.warnings:
    criteria.report(f"monitor, step {step}", text)
criteria.finish()
