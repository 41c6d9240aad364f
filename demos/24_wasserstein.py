# %% [markdown]
"""The Wasserstein GAN: a critic with a slope, by clipping its weights or by a penalty on its gradient.

The critic does not classify, it measures how far apart real and generated images are; that is a distance only while the critic's
slope is bounded. Two ways to bound it, and their effects on the critic.
"""

# %% [markdown]
# # 24. Wasserstein GANs
#
#     W(p, q) = max over 1-Lipschitz f of  E f(x) - E f(G(z))
#
# Clipping every weight to [-c, c] after each update (Arjovsky et al. 2017) bounds the slope only roughly; the critic's weights
# then collect at the two ends of the interval, which gives simple functions. A penalty on the gradient's norm, 10 E (||grad
# f(x^)|| - 1)^2 at points x^ between real and generated images (Gulrajani et al. 2017), asks for the slope of the optimal critic.
# The critic has no batch normalization: gradients must be per example.
# %%
import numpy as np

import minigen as mg
from minigen import data, losses, metrics, optim, plot, recipes, synthetic, training
from minigen.baselines import trivial_samplers
from minigen.gallery.demo import Criteria, demo_arguments, save, train_evaluator
from minigen.models.gans import points

recipe = recipes.find("wgan-gp")
args = demo_arguments("24_wasserstein", __doc__, recipe, toy_steps=1500, critic_steps=recipe.critic_steps, samples=5000)
train, test = data.load(args.data)
if args.quick:
    train, args.steps, args.toy_steps, args.batch_size, args.samples = train[:1000], 4, 10, 16, 100
criteria = Criteria(args)

# %% [markdown]
# ## In the plane
# A critic's values on the plane, after some training of the generator: they are high where it expects real points. Both critics
# were trained for the same number of steps against a generator of points.
# %%
ring = synthetic.gaussian_ring(20_000, std=0.02)
BOUNDS = {
    "clipping": (losses.WeightClipping(0.1), lambda parameters: optim.RMSprop(parameters, lr=5e-4)),
    "gradient penalty": (losses.GradientPenalty(0.1), lambda parameters: optim.Adam(parameters, lr=1e-3, beta1=0.5, beta2=0.9)),
}
side = np.linspace(-1.6, 1.6, 60, dtype=np.float32)
plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
for name, (bound, optimizer) in BOUNDS.items():
    mg.seed(args.seed)
    generator, critic = points.Generator(), points.Discriminator()
    trainer = training.Adversarial(
        generator,
        critic,
        loss=losses.Wasserstein(),
        penalties=[bound],
        discriminator_steps=args.critic_steps,
        generator_optimizer=optimizer(generator.parameters()),
        discriminator_optimizer=optimizer(critic.parameters()),
    )
    trainer.fit(ring.points, steps=args.toy_steps, batch_size=128, record_every=args.toy_steps)
    with mg.no_grad():
        scores = critic(mg.asarray(plane)).numpy().reshape(60, 60)
    made = trainer.sample(1000)
    save(
        plot.point_cloud(made, ring.points[:1000], field=(side, side, scores), title=f"What the critic sees: {name}"),
        args,
        f"plane_{name.replace(' ', '_')}.png",
    )
    coverage = metrics.mode_coverage(made, ring.centers, ring.std)
    criteria.report(f"ring, {name}: modes of 8, of high quality", f"{coverage.modes}, {coverage.high_quality:.1%}")

# %% [markdown]
# ## On images
# The same two on small convolutional networks, with the settings of the papers: RMSprop at 5e-5 and c = 0.01 for clipping, Adam
# at 1e-4 with moments 0 and 0.9 for the penalty (here both rates four times as high, for a short training).
# %%
ways = {"clipping": recipes.find("wgan").with_arguments(args), "gradient penalty": recipe.with_arguments(args)}
ways["clipping"].show()  # which begins with the other one
evaluator = train_evaluator(train, args)
real = train.images[np.random.default_rng(0).permutation(len(train))[: args.samples]]
true = evaluator.features(real)
rng = np.random.default_rng(args.seed)


class Follow(training.Callback):
    """The evaluator's distance at every row of the history."""

    def __init__(self):
        self.distances = []

    def on_epoch_end(self, run):
        self.distances.append(metrics.frechet_distance(true, evaluator.features(run.sample(1000 if not args.quick else 50))))


trainers, followed = {}, {}
for name, each in ways.items():
    mg.seed(args.seed)
    generator, critic = each.networks(each.spec_of(train))
    if name == "clipping":  # uniform over the interval, so that any pile-up at its ends is due to training
        clip = each.clip
        for parameter in critic.parameters():
            parameter.assign(mg.asarray(rng.uniform(-clip, clip, parameter.shape).astype(np.float32)))
    trainers[name], followed[name] = each.trainer(generator, critic), Follow()
    each.fit(trainers[name], train, record_every=max(args.steps // 20, 1), callbacks=[followed[name]])
samples = {name: trainer.sample(args.samples) for name, trainer in trainers.items()}
title = f"After {args.steps:,} steps of the generator, {args.critic_steps} of the critic each"
save(plot.image_rows({name: images[:14] for name, images in samples.items()}, title=title), args, "samples.png")
save(plot.image_grid(samples["gradient penalty"][:96], columns=16, title="WGAN-GP: nothing selected"), args, "grid.png")

# %% [markdown]
# ## The critic's weights
# With clipping, they pile up at the ends of the interval; with the penalty they are distributed as in any other network.
# %%
weights = {
    name: np.concatenate([layer.weight.numpy().ravel() for layer in trainer.discriminator.modules() if hasattr(layer, "weight")])
    for name, trainer in trainers.items()
}
edge = np.abs(weights["clipping"]) > 0.99 * clip
save(plot.histograms(weights, xlabel="weight", title="The critics' weights"), args, "weights.png")

# %% [markdown]
# ## A loss that means something
# The critic's estimate E f(x) - E f(G(z)) against the evaluator's distance, while the generator learns.
# %%


def rank_correlation(a, b):
    """Spearman's: the correlation of the ranks."""
    return float(np.corrcoef(np.argsort(np.argsort(a)), np.argsort(np.argsort(b)))[0, 1])


history = trainers["gradient penalty"].history
estimates, distances = np.array(history["distance"]), np.array(followed["gradient penalty"].distances)
lines = {"critic's estimate": estimates / estimates.max(), "evaluator's Fréchet distance": distances / distances.max()}
save(
    plot.curves(
        history["step"],
        lines,
        xlabel="step",
        ylabel="as a share of its maximum",
        title="WGAN-GP: the critic's estimate and the evaluator's distance",
    ),
    args,
    "estimate.png",
)

# %% [markdown]
# ## Did it work?
# With the penalty the slope between real and generated images must be near 1, and samples closer to real images than those of
# one Gaussian fitted to the pixels. With clipping, the weights must pile up: they started uniformly distributed over the
# interval, with 1 % of them in its outermost hundredth. And the critic's estimate must fall when the evaluator's distance falls.
# Which of the two ways is better on these images is only reported.
# %%
mix = rng.random((len(real[:500]), 1, 1, 1), dtype=np.float32)
slopes = {}
for name, trainer in trainers.items():
    between = mix * trainer.generator.from_pixels(real[:500]) + (1 - mix) * trainer.generator.from_pixels(samples[name][:500])
    slopes[name] = float(losses.gradient_norms(trainer.discriminator, mg.asarray(between.astype(np.float32))).numpy().mean())
criteria.check(
    "mean slope of the penalized critic between real and generated images", slopes["gradient penalty"], between=(0.8, 1.2)
)
criteria.check("clipped weights in the outermost 1 % of their interval", edge.mean(), at_least=0.10)
criteria.check(
    "rank correlation of the critic's estimate with the evaluator's distance",
    rank_correlation(estimates, distances),
    at_least=0.5,
)
scores = {name: metrics.evaluate_samples(evaluator, images, real) for name, images in samples.items()}
gaussian = trivial_samplers.Gaussian(train.images).sample(len(real), rng)
criteria.check(
    "Fréchet distance with the penalty, as a share of one Gaussian's of the pixels",
    scores["gradient penalty"]["Fréchet distance"] / metrics.frechet_distance(true, evaluator.features(gaussian)),
    at_most=1.0,
)
for name, reached in scores.items():
    criteria.report(
        f"{name}: Fréchet distance, rarest class, precision, recall",
        ", ".join(f"{reached[key]:.3g}" for key in ("Fréchet distance", "rarest class", "precision", "recall")),
    )
criteria.report("mean slope of the clipped critic", slopes["clipping"])
criteria.report("evaluator", f"{evaluator.fingerprint()}, {args.samples:,} samples")
criteria.finish()
