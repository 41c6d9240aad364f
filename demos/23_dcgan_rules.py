# %% [markdown]
"""The rules of the DCGAN, one broken at a time.

Do they matter? The same small networks with all rules, and with each of them broken, for several seeds, scored by the evaluator.
"""

# %% [markdown]
# # 23. The rules, one broken at a time
#
# Radford et al. (2016) found their rules by trial and error, on images of faces and bedrooms. Here each is broken alone, on
# networks of 32 and 16 maps, with the same steps, batches and optimizer. The results are reported as they are: at this size a
# rule may not matter, or its opposite may be better.
# %%
import numpy as np

import minigen as mg
from minigen import data, metrics, optim, plot, training
from minigen.baselines import trivial_samplers
from minigen.gallery.demo import Criteria, demo_arguments, save, train_evaluator
from minigen.models.gans import dcgan
from minigen.utils.progress import bar

args = demo_arguments("23_dcgan_rules", __doc__, steps=400, batch_size=64, seeds=3, samples=5000)
BROKEN = {  # what is changed in the generator, and in the discriminator
    "all rules": ({}, {}),
    "no batch norm": ({"batch_norm": False}, {"batch_norm": False}),
    "batch norm in G only": ({}, {"batch_norm": False}),
    "pooling, repeated pixels": ({"transposed": False}, {"strided": False}),
    "hidden dense layers": ({"hidden": 256}, {"hidden": 256}),
    "ReLU in D": ({}, {"activation": "relu"}),
}
train, test = data.load(args.data)
if args.quick:
    train, args.steps, args.batch_size, args.seeds, args.samples = train[:1000], 3, 8, 2, 100
    BROKEN = dict(list(BROKEN.items())[:4])
criteria = Criteria(args)
evaluator = train_evaluator(train, args)
real = train.images[np.random.default_rng(0).permutation(len(train))[: args.samples]]
true = evaluator.features(real)

# %% [markdown]
# ## The trainings
# %%
distances, rarest, shown = {}, {}, {}
runs = [(name, seed) for name in BROKEN for seed in range(args.seed, args.seed + args.seeds)]
for name, seed in bar(runs, desc="trainings"):
    mg.seed(seed)
    of_generator, of_discriminator = BROKEN[name]
    generator = dcgan.TinyGenerator(feature_maps=(32, 16), **of_generator)
    discriminator = dcgan.TinyDiscriminator(feature_maps=(16, 32), **of_discriminator)
    trainer = training.Adversarial(
        generator,
        discriminator,
        ema=0.99,
        generator_optimizer=optim.Adam(generator.parameters(), lr=2e-3, beta1=0.5),
        discriminator_optimizer=optim.Adam(discriminator.parameters(), lr=5e-4, beta1=0.5),
    )
    trainer.fit(train.images, steps=args.steps, batch_size=args.batch_size, progress=False)
    samples = trainer.sample(args.samples)
    distances.setdefault(name, []).append(metrics.frechet_distance(true, evaluator.features(samples)))
    histogram = metrics.class_histogram(evaluator.predict(samples), len(train.class_names))
    rarest.setdefault(name, []).append(histogram.min() * len(histogram) / histogram.sum())
    shown.setdefault(name, samples[:14])
distances = {name: np.array(values) for name, values in distances.items()}

# %% [markdown]
# ## Samples
# One seed each, nothing selected.
# %%
save(plot.image_rows(shown, title=f"After {args.steps} steps of {args.batch_size} images"), args, "samples.png")
heights = {name: (values.mean(), values.std(ddof=1) / np.sqrt(len(values))) for name, values in distances.items()}
save(
    plot.bars(
        heights,
        ylabel="Fréchet distance (lower is better)",
        title=f"One rule broken at a time: mean and standard error of {args.seeds} seeds",
    ),
    args,
    "rules.png",
)

# %% [markdown]
# ## Did it work?
# The criterion is only that the networks that keep all rules learn something in so short a time: their samples must be closer to
# real images than those of one Gaussian fitted to the pixels. Whether a rule matters is reported: its difference from all rules,
# seed by seed, with its 95 % interval.
# %%
gaussian = trivial_samplers.Gaussian(train.images).sample(args.samples, np.random.default_rng(args.seed))
of_gaussian = metrics.frechet_distance(true, evaluator.features(gaussian))
criteria.check(
    "Fréchet distance with all rules, as a share of one Gaussian's of the pixels",
    distances["all rules"].mean() / of_gaussian,
    at_most=1.0,
)
for name, values in distances.items():
    text = f"{values.mean():.2f} \N{PLUS-MINUS SIGN} {values.std(ddof=1) / np.sqrt(len(values)):.2f}"
    if name != "all rules":
        difference, half_width = metrics.t_interval(values - distances["all rules"])
        clear = "the rule helps" if difference > 0 else "the rule hurts"
        says = clear if abs(difference) > half_width else "no clear difference"
        text += f"; difference {difference:+.2f} \N{PLUS-MINUS SIGN} {half_width:.2f}: {says}"
    criteria.report(f"{name}: Fréchet distance", f"{text}; rarest class {np.mean(rarest[name]):.2f} of its share")
criteria.report("evaluator", f"{evaluator.fingerprint()}, {args.samples:,} samples; one Gaussian of the pixels {of_gaussian:.1f}")
criteria.finish()
