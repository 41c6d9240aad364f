# %% [markdown]
"""Progressive growing: from 4 x 4 pixels to portraits.

A generator that comes with minigen shows its portraits; `--train` trains one for a quarter of an hour instead, and a pair of
networks that start with images of sixteen pixels and grow, layer by layer, each new layer faded in.
The samples are scored by a network trained to predict all factors of a portrait, and to tell real ones from spoiled ones.
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
# `progan-faces-32` comes with minigen: `minigen models progan-faces-32` tells how it was trained. It is shown here, unless you
# ask for a training of your own, by `--train`, or by any option that says how.
#
# For two CPU cores: 32 x 32 pixels, few feature maps, and the non-saturating loss with R1 in every eighth step; learning rates of
# 1e-2 that stay for 40 % of the run and then fall along a line (the paper has 1e-3, for 12 million images). At this size growing
# takes time and gains nothing: so the networks are trained twice, at length as they are, and a while growing, to see what that
# looks like and how far it gets. `--grown 120000` compares both at equal length. `--full`: the paper's networks, loss (WGAN-GP
# with drift) and rates, grown to 128 x 128, for a GPU (the recipe `progan-paper`).
# %%
import copy
import math
from dataclasses import replace

import numpy as np

import minigen as mg
from minigen import evaluators, metrics, plot, recipes, training
from minigen.gallery.demo import Criteria, demo_arguments, save, train_evaluator
from minigen.gallery.standards import SHIPPED, STANDARDS, check_samples
from minigen.plot import gan_figures
from minigen.recipes import portraits

recipe, full = recipes.find("progan"), portraits.full("progan")
sizes = {**portraits.SIZE, "samples": 5000, "grown": 24_000}
SHOWN = "progan-faces-32"
args = demo_arguments("26_progressive", __doc__, recipe, data="faces", full=full, shipped=SHOWN, **sizes)
if args.quick:
    portraits.shorten(args)
    args.grown = 16 * 14
criteria = Criteria(args)
task = portraits.PortraitTask(args)
recipe = task.recipe(recipe.name)
generator, discriminator = recipe.networks(recipe.spec_of(task.train))
generator.summary((generator.latent_dim,))
discriminator.summary(task.images.shape[1:])
z = gan_figures.latent(generator, 64 if args.quick else 1000, seed=0)
untrained = task.distance(generator.draw(z))

# %% [markdown]
# ## Growing
# With `--train`. Half of the images are for the smaller resolutions. The run is stopped in the middle of the last fade, to look
# at the blend: from the old layers' image, above, to the new layers', below.
# %%
if args.train:
    recipe.show()
    growing = task.recipe("progan", phase=max(args.grown // 14, 1), last=args.grown // 2)
    grown = growing.trainer(*growing.networks(growing.spec_of(task.train)))
    grid = training.SampleGrid(args.out / "evolution", every=max(growing.steps // 40, 1), n=64)
    half_way = math.ceil((grown.growth.images - grown.growth.stable - grown.growth.fading / 2) / args.batch_size)
    replace(growing, steps=half_way).fit(grown, task.train, **task.watched(growing, grid))
    save(gan_figures.fade_in(grown.sampler), args, "fade.png")
    growing.fit(grown, task.train, **task.watched(growing, grid))
    save(gan_figures.growth(grid.samples, n=12), args, "growth.png")

# %% [markdown]
# ## At length
# With `--train` for a quarter of an hour; else this is the generator that comes with minigen.
# %%
if args.train:
    trainer = recipe.trainer(generator, discriminator)
    history = recipe.fit(trainer, task.train, **task.watched(recipe))
    sampler = trainer.sampler
    save(plot.training_curves(history, panels=portraits.panels(history), title="The game"), args, "training.png")
else:
    sampler = mg.load(SHOWN).network
mg.seed(args.seed)
samples = sampler.sample(args.samples)
save(gan_figures.uncurated(sampler, n=96, columns=16), args, "samples.png")
save(gan_figures.interpolation(sampler), args, "interpolation.png")

# %% [markdown]
# ## Did it work?
# With alpha = 0 the last layers must give exactly the same output as before. The samples must meet a standard that no trivial
# sampler meets: a Fréchet distance at most half that of one Gaussian fitted to the pixels, and below that of every sampler that
# does not copy; precision and recall; as far from the training images as new faces are. No level of any discrete factor (man or
# woman, glasses, hair ...) may occur less than a third as often as its fair share. Of the generator that comes with minigen much
# more is asked: at most four times the distance of real faces from others, precision 0.9, recall 0.75, four fifths of the share,
# patches and neighbors nearly like those of real faces.
#
# The evaluator is trained to tell real faces from spoiled ones, and so looks at eyes and mouths: an evaluator of attributes alone
# takes faces with scrambled eyes for real. What such a one says of the samples is reported too.
# %%
half = args.resolution // 2
twin = copy.deepcopy(sampler)
twin.grow_to(half)
before = twin.draw(z[:100]).repeat(2, axis=1).repeat(2, axis=2)
twin.grow_to(args.resolution, alpha=0.0)
difference = float(np.abs(twin.draw(z[:100]) - before).max())
criteria.check("largest difference that new layers make at alpha = 0", difference, at_most=0.0)
distance = task.distance(samples)
criteria.check("Fréchet distance, as a share of the untrained generator's", distance / untrained, at_most=0.25)
standard = STANDARDS[args.name] if args.train else SHIPPED[SHOWN]
check_samples(criteria, task.evaluator, task.train, task.test, task.seen(samples), standard=standard)
if task.faces:
    middle = len(task.train) // 2
    attributes = train_evaluator(task.train[:middle], args, evaluators.attribute_classifier)
    others = task.train.images[middle:]
    real, real_too, made = (attributes.features(images[: args.samples]) for images in (task.test.images, others, samples))
    distance, floor = metrics.frechet_distance(real, made), metrics.frechet_distance(real, real_too)
    criteria.report("by attributes alone: Fréchet distance, in floors", f"{distance:.3g}, {distance / floor:.3g}")
if args.train:
    rows = grown.history
    at_the_end = dict(zip(map(int, rows["resolution"]), rows["Fréchet distance"]))  # the last row of each resolution stays
    criteria.report(
        f"Fréchet distance of grown networks at the end of each stage, {len(z):,} samples",
        ", ".join(f"{r}x{r}: {distance:.3g}" for r, distance in at_the_end.items()),
    )
    as_many = float(np.interp(rows["images"][-1], history["images"], history["Fréchet distance"]))
    criteria.report(f"not grown, after as many images ({rows['images'][-1]:,}), or at the end", as_many)
criteria.finish()
