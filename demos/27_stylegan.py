# %% [markdown]
"""StyleGAN: a style for every layer, and what each of them controls.

The generator starts from a constant and gets a style at every resolution. Which features of a portrait follow the coarse styles,
and which the fine ones, is measured by a network trained to predict them.
"""

# %% [markdown]
# # 27. StyleGAN
#
# Karras et al. (2019). A mapping network turns z into w; w sets, by adaptive instance normalization, the mean and the strength of
# each channel in each layer; noise is added for random detail; the input is a learned constant. In many training steps the later
# layers get the style of another z (style mixing), so that neighboring layers do not learn to rely on each other.
#
# `stylegan-faces-32` comes with minigen: `minigen models stylegan-faces-32` tells how it was trained. It is shown here, unless
# you ask for a training of your own, by `--train`, or by any option that says how: a quarter of an hour, far less than that one.
#
# For two CPU cores: 32 x 32 pixels, few feature maps, few mapping layers, and otherwise the settings of demo 26: not grown, R1 in
# every eighth step, learning rates of 1e-2 that stay for 40 % of the run and then fall along a line. The mapping network learns
# more slowly than the rest, though not as slowly as the paper's (a hundredth of the rate). Styles are mixed in fewer batches than
# in the paper (nine of ten). The discriminator is Progressive GAN's, without low-pass filters. `--full`: the paper's networks,
# growth, weight of R1 and rates, at 128 x 128 pixels, for a GPU (the recipe `stylegan-paper`).
# %%
import numpy as np

import minigen as mg
from minigen import metrics, plot, recipes
from minigen.gallery.demo import Criteria, demo_arguments, save
from minigen.gallery.standards import SHIPPED, STANDARDS, check_samples
from minigen.plot import gan_figures
from minigen.recipes import portraits

recipe, full = recipes.find("stylegan"), portraits.full("stylegan")
SHOWN = "stylegan-faces-32"
sizes = {**portraits.SIZE, "samples": 5000}
args = demo_arguments("27_stylegan", __doc__, recipe, data="faces", full=full, shipped=SHOWN, **sizes)
if args.quick:
    portraits.shorten(args)
criteria = Criteria(args)
task = portraits.PortraitTask(args)
recipe, trainer = portraits.stylegan_game(task)
generator = trainer.generator
generator.grow_to(args.resolution)  # to show all layers; a trainer of networks that grow starts at 4 x 4 pixels anyway
generator.summary((generator.latent_dim,))
z = gan_figures.latent(generator, args.samples, seed=1)
untrained = task.distance(generator.draw(z))

# %% [markdown]
# ## Training
# With `--train`. What demos 33 and 34 train is the same generator: it is kept for them in the user's cache.
# %%
if args.train:
    recipe.show()
    history = recipe.fit(trainer, task.train, **task.watched(recipe))
    sampler = trainer.sampler
    portraits.keep_stylegan(task, recipe, sampler)
    save(plot.training_curves(history, panels=portraits.panels(history), title="The game"), args, "training.png")
else:
    sampler = mg.load(SHOWN).network

# %% [markdown]
# ## Samples
# %%
save(gan_figures.uncurated(sampler, n=96, columns=16), args, "samples.png")
save(gan_figures.style_mixing(sampler), args, "mixing.png")
save(gan_figures.noise(sampler), args, "noise.png")
save(gan_figures.truncation(sampler), args, "truncation.png")
save(gan_figures.interpolation(sampler), args, "interpolation.png")

# %% [markdown]
# ## Which layers control what?
# For pairs of styles the evaluator predicts each factor of three images: that of the first, that of the second, and that of the
# first with some layers of the second. For a discrete factor: how often it follows the second, if the two differ. For a
# continuous one: how far it moves from the first toward the second, on average. 0: these layers do not matter; 1: they alone
# control it.
# %%
w, other = (sampler.map(gan_figures.latent(sampler, args.samples // 2, seed)) for seed in (2, 3))
bands = gan_figures.bands(sampler)
read = {"first": w, "second": other, **{band: sampler.mix(w, other, layers) for band, layers in bands.items()}}
read = {name: task.read(sampler.draw_styles(styles)) for name, styles in read.items()}
follows = {
    factor: [metrics.style_attribution(read["first"][factor], read["second"][factor], read[band][factor]) for band in bands]
    for factor in read["first"]
    if (read["first"][factor] != read["second"][factor]).any()
}
save(
    plot.table(
        follows,
        [f"{band}\nlayers {layers.start} to {layers.stop - 1}" for band, layers in bands.items()],
        title="How far portraits follow\nthe second style in some layers",
    ),
    args,
    "follows.png",
)

# %% [markdown]
# ## Did it work?
# For the images, as in demo 26. Coarse and fine styles must differ in what they control. Truncation must make images more precise
# and less varied, and all equal for psi = 0. Noise may change less than 5 % of the evaluator's predictions. W should be smoother
# than Z, and its attributes easier to separate by planes.
# %%
samples = sampler.draw(z)
distance = task.distance(samples)
criteria.check("Fréchet distance, as a share of the untrained generator's", distance / untrained, at_most=0.25)
standard = STANDARDS[args.name] if args.train else SHIPPED[SHOWN]
check_samples(criteria, task.evaluator, task.train, task.test, task.seen(samples), standard=standard)
coarse, _, fine = np.array(list(follows.values())).T
difference = coarse - fine
criteria.check("the factor that follows coarse styles most, by how much more than fine ones", difference.max(), at_least=0.2)
criteria.check("the factor that follows fine styles most, by how much more than coarse ones", -difference.min(), at_least=0.2)
factors = list(follows)
criteria.report("these are", f"{factors[int(difference.argmax())]}; {factors[int(difference.argmin())]}")

real = task.features(task.images[np.random.default_rng(1).permutation(len(task.images))[: len(z) // 2]])
manifold = {psi: metrics.precision_recall(real, task.features(sampler.draw(z[: len(real)], psi=psi))) for psi in (1.0, 0.7, 0.4)}
criteria.check("precision gained by psi = 0.4", manifold[0.4].precision - manifold[1.0].precision, at_least=0.02)
criteria.check(
    "diversity of pixels at psi = 0.4, as a share of that at psi = 1",
    metrics.pairwise_diversity(sampler.draw(z[:1000], psi=0.4), samples[:1000]),
    at_most=0.8,
)
alike = sampler.draw(z[:100], psi=0.0)
criteria.check("largest difference between images of psi = 0", float(np.ptp(alike, axis=0).max()), at_most=1e-4)
for psi, score in manifold.items():
    criteria.report(f"precision and recall at psi = {psi:g}", f"{score.precision:.3f}, {score.recall:.3f}")

rng = np.random.default_rng(4)
noisy = [task.read(sampler.draw_styles(w, sampler.noise_maps(len(w), rng))) for _ in range(2)]
changed = np.mean([(noisy[0][factor] != noisy[1][factor]).mean() for factor in noisy[0] if noisy[0][factor].dtype.kind == "i"])
criteria.check("discrete factors that other noise changes", changed, at_most=0.05)
criteria.report("standard deviation of pixels over noise", float(gan_figures.noise_deviation(sampler, w[:20], rng).mean()))

pairs = min(2000, args.samples)
lengths = {space: metrics.perceptual_path_length(sampler, task, space, n=pairs) for space in ("z", "w")}
labels, sure = task.attributes(samples)
planes = {"z": metrics.linear_separability(z, labels, sure), "w": metrics.linear_separability(sampler.map(z), labels, sure)}
criteria.check("path length in W, as a share of that in Z", lengths["w"].value / lengths["z"].value, at_most=1.0)
criteria.check(
    "entropy left by planes in W, as a share of that in Z", np.log(planes["w"].score) / np.log(planes["z"].score), at_most=1.0
)
for space in lengths:
    low, high = lengths[space].interval
    criteria.report(f"path length in {space.upper()}, 95 % interval", f"{lengths[space].value:.3g} ({low:.3g} to {high:.3g})")
    criteria.report(
        f"entropy left by planes in {space.upper()}, nats",
        f"{np.log(planes[space].score):.3f} of {np.log(planes[space].unrelated):.3f}, {len(labels)} attributes",
    )
criteria.finish()
