# %% [markdown]
"""Progressive growing: from 4 x 4 pixels to portraits.

Two networks start with images of sixteen pixels and grow, layer by layer, each new layer faded in. The samples are scored by a
network trained to predict all factors of a portrait.
"""

# %% [markdown]
# # 26. Progressive growing of GANs
#
# Karras et al. (2018). At first both networks see images of 4 x 4 pixels, and there is little to learn. Then layers for twice the
# resolution are added to both, and faded in with a weight alpha that rises from 0 to 1. The generator's image is
#
#     (1 - alpha) double(old image) + alpha new image
#
# and real images are blended in the same way. All layers have an equalized learning rate, the generator normalizes the features
# of each pixel, and the discriminator sees how much the images of a batch differ.
#
# For two CPU cores: 32 x 32 pixels, few feature maps, the non-saturating loss with R1, and learning rates of 1e-2 that fall by
# half a cosine (the paper has 1e-3, for 12 million images). `--full`: the paper's networks, loss (WGAN-GP with drift) and rates
# at 128 x 128, for a GPU (the recipe `progan-paper`).
# %%
import copy
import math
from dataclasses import replace

import numpy as np

from minigen import plot, recipes, training
from minigen.gallery.demo import Criteria, demo_arguments, save
from minigen.plot import gan_figures
from minigen.recipes import portraits

recipe, full = recipes.find("progan"), portraits.full("progan")
args = demo_arguments("26_progressive", __doc__, recipe, data="faces", full=full, **portraits.SIZE, samples=5000)
if args.quick:
    portraits.shorten(args)
criteria = Criteria(args)
task = portraits.PortraitTask(args)
recipe = task.recipe(recipe.name)
recipe.show()
generator, discriminator = recipe.networks(recipe.spec_of(task.train))
generator.summary((generator.latent_dim,))
discriminator.summary(task.images.shape[1:])


class Distances(training.Callback):
    """The Fréchet distance at the networks' current stage, whenever the history gets a row."""

    def __init__(self):
        self.values = []

    def on_epoch_end(self, run):
        samples = run.sampler.draw(gan_figures.latent(run.generator, len(z), seed=1))
        self.values.append(task.distance(samples, run.sampler.resolution, run.sampler.alpha))


z = gan_figures.latent(generator, 64 if args.quick else 1000, seed=0)
untrained = task.distance(generator.draw(z))
trainer = recipe.trainer(generator, discriminator)
grid = training.SampleGrid(args.out / "evolution", every=max(recipe.steps // 40, 1), n=64)
distances = Distances()
watched = {"record_every": max(recipe.steps // 40, 1), "callbacks": [grid, distances]}

# %% [markdown]
# ## Half-way to the last resolution
# The run is stopped in the middle of the last fade, to look at the blend: from the old layers' image, above, to the new layers',
# below.
# %%
growth = trainer.growth
half_way = math.ceil((growth.images - growth.stable - growth.fading / 2) / args.batch_size)
replace(recipe, steps=half_way).fit(trainer, task.train, **watched)
save(gan_figures.fade_in(trainer.sampler), args, "fade.png")

# %% [markdown]
# ## To the end
# %%
recipe.fit(trainer, task.train, **watched)
samples = trainer.sample(args.samples)
save(gan_figures.uncurated(trainer.sampler, n=96, columns=16), args, "samples.png")
save(gan_figures.growth(grid.samples, n=12), args, "growth.png")
save(gan_figures.interpolation(trainer.sampler), args, "interpolation.png")
history = trainer.history
save(
    plot.curves(
        history["images"],
        {"Fréchet distance": distances.values},
        xlabel="real images seen",
        ylabel="Fréchet distance",
        title="From real images, both at the stage of that moment",
        logy=True,
    ),
    args,
    "distance.png",
)
panels = {"loss": ("discriminator loss", "generator loss"), "D is right": ("accuracy on real", "accuracy on fake")}
panels = {name: columns for name, columns in panels.items() if set(columns) <= set(history)}  # a critic has no accuracy
save(plot.training_curves(history, panels=panels, title="The game"), args, "training.png")

# %% [markdown]
# ## Did it work?
# Grown networks with alpha = 0 must give exactly the same output as before. The Fréchet distance of the evaluator's features must
# be a small part of the untrained generator's, and no level of any discrete factor (man or woman, glasses, hair ...) may occur
# less than a third as often as its fair share.
# %%
half = args.resolution // 2
twin = copy.deepcopy(trainer.sampler)
twin.grow_to(half)
before = twin.draw(z[:100]).repeat(2, axis=1).repeat(2, axis=2)
twin.grow_to(args.resolution, alpha=0.0)
difference = float(np.abs(twin.draw(z[:100]) - before).max())
criteria.check("largest difference that new layers make at alpha = 0", difference, at_most=0.0)
distance = task.distance(samples)
criteria.check("Fréchet distance, as a share of the untrained generator's", distance / untrained, at_most=0.25)
level, share = portraits.rarest(task.shares(samples))
criteria.check("rarest level of a factor, as a share of its fair share", share, at_least=1 / 3)
criteria.report("which", level)
criteria.report("Fréchet distance", distance)
criteria.report("Fréchet distance of real images from others", task.floor(min(args.samples, len(task.images) // 2)))
at_the_end = dict(zip(map(int, history["resolution"]), distances.values))  # the last row of each resolution stays
criteria.report(
    f"Fréchet distance at the end of each stage, {len(z):,} samples",
    ", ".join(f"{r}x{r}: {distance:.3g}" for r, distance in at_the_end.items()),
)
criteria.report("evaluator", f"{task.evaluator.fingerprint()}, {args.samples:,} samples")
criteria.finish()
