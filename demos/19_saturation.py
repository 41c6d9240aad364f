# %% [markdown]
"""Two objectives for the generator, with the same equilibrium and different gradients.

To make the discriminator wrong, or to make it say "real": both lead to the same equilibrium, and the book calls them equivalent.
But a confident discriminator leaves the first generator without a gradient, and the second with one that grows.
"""

# %% [markdown]
# # 19. Two objectives for the generator
#
#     minimax          G minimizes   E log(1 - D(G(z)))
#     non-saturating   G minimizes  -E log D(G(z))
#
# D is the sigmoid of a score s. Both generators want higher scores, and both are at rest where D cannot distinguish real from
# generated, with s = 0 for everything. On the way there,
#
#     minimax          d/ds = -sigmoid(s)       = -D
#     non-saturating   d/ds = sigmoid(s) - 1    = -(1 - D)
#
# Minimax learns from the examples that already fool D, the other from those that D recognizes. When D recognizes all of them, as
# at the start of training, minimax learns nothing (Goodfellow et al. 2014, section 3).
# %%
from itertools import chain, repeat

import numpy as np

import minigen as mg
from minigen import data, losses, metrics, optim, plot, synthetic, training
from minigen.gallery.demo import Criteria, demo_arguments, save
from minigen.models.gans import gan, points
from minigen.utils.progress import bar

args = demo_arguments("19_saturation", __doc__, images=10_000, age=500, frozen_steps=1000, seeds=5, ring_steps=1000)
train, _ = data.load(args.data)
ages = [args.age // 5, args.age]
if args.quick:
    args.images, ages, args.frozen_steps, args.seeds, args.ring_steps = 1000, [10], 40, 2, 20
criteria = Criteria(args)

OBJECTIVES = {"minimax": losses.Minimax(), "non-saturating": losses.NonSaturating()}


def adversarial(networks, loss):
    """A training run of a new generator and discriminator, each with Adam."""
    generator, discriminator = networks.Generator(), networks.Discriminator()
    optimizers = {
        f"{name}_optimizer": optim.Adam(network.parameters(), lr=1e-3, beta1=0.5)
        for name, network in (("generator", generator), ("discriminator", discriminator))
    }
    return training.Adversarial(generator, discriminator, loss=loss, **optimizers)


# %% [markdown]
# ## By the score
# The gradients of both losses, as the engine computes them, at scores from -8 (surely generated) to 8 (surely real).
# %%
scores = np.linspace(-8, 8, 161)
exact = {"minimax": -1 / (1 + np.exp(-scores)), "non-saturating": -1 / (1 + np.exp(scores))}
slopes = {}
for name, loss in OBJECTIVES.items():
    s = mg.Tensor(mg.asarray(scores.astype(np.float32)), requires_grad=True)
    mean, _ = loss.generator(s)
    slopes[name] = len(scores) * mg.grad(mean, [s])[0].numpy()
    criteria.check(
        f"{name}: largest difference of its slope from the closed form", np.abs(slopes[name] - exact[name]).max(), at_most=1e-6
    )
save(
    plot.curves(
        scores,
        slopes,
        xlabel="score of a generated example",
        ylabel="slope of the generator's loss",
        title="For recognized fakes (left), minimax is flat",
    ),
    args,
    "slopes.png",
)

# %% [markdown]
# ## A frozen generator
# The experiment of Arjovsky & Bottou (2017, figures 2 and 3), with the book's dense networks. A generator is trained for a while,
# then frozen. A new discriminator is trained against it, alone, and after every 20 steps we measure how large the gradient of the
# generator's parameters would be under either objective. A generator's images lie on a thin manifold in the space of all images,
# which real ones do not meet, so that in the end the discriminator can be right about each. Then
#
#     minimax          E[-D ds/dtheta]         vanishes with D(G(z)), which falls exponentially with the score
#     non-saturating   E[-(1 - D) ds/dtheta]   becomes the gradient of the mean score alone
#
# So we expect that the first falls below 1 % of its initial value, and that the second stays above 10 %. Nothing bounds it from
# above: a discriminator that becomes ever more confident becomes ever steeper.
# %%
images = train.images[: args.images]
z = mg.Tensor(mg.asarray(np.random.default_rng(args.seed).standard_normal((512, 30), dtype=np.float32)))


def gradient_norm(loss, run):
    """The Euclidean norm of the gradient of all the generator's parameters, for the latent vectors z."""
    with run.discriminator.frozen():
        value, _ = loss.generator(run.discriminator(run.generator(z)))
        gradients = mg.grad(value, run.generator.parameters())
    return float(np.sqrt(sum((g.numpy().astype(float) ** 2).sum() for g in gradients)))


asked = np.arange(0, args.frozen_steps + 1, 20)
norms = {}  # age -> (asked, objectives)
for age in ages:
    mg.seed(args.seed)
    run = adversarial(gan, losses.NonSaturating())
    run.fit(images, steps=age, batch_size=128, seed=args.seed)
    alone = adversarial(gan, losses.NonSaturating())
    alone.generator.load_state_dict(run.generator.state_dict())
    batches = chain.from_iterable(repeat(data.batches(images, batch_size=128, seed=args.seed, drop_last=True)))
    measured = []
    for step in bar(range(args.frozen_steps + 1), desc="discriminator alone", leave=False):
        if step in asked:
            measured.append([gradient_norm(loss, alone) for loss in OBJECTIVES.values()])
        alone.discriminator_step((next(batches),))
    norms[age] = np.array(measured)

lines = {f"{name}, generator of {age} steps": norms[age][:, j] for j, name in enumerate(OBJECTIVES) for age in ages}
save(
    plot.curves(
        asked,
        lines,
        xlabel="steps of the discriminator alone",
        ylabel="norm of the generator's gradient",
        logy=True,
        title=f"The generator's gradient ({args.data})",
    ),
    args,
    "frozen.png",
)

# %% [markdown]
# ## Both in training
# In a game the discriminator is not trained alone, and whether it ever becomes so confident depends on the task. Here the task is
# eight narrow Gaussians on a circle, and both games start with the same weights. For 2,500 points each, we count the modes they
# reach and the points of high quality, within three standard deviations of a mode. The intervals contain the mean over seeds with
# 95 % confidence; differences are taken seed by seed.
# %%
ring = synthetic.gaussian_ring(20_000, seed=args.seed)
modes, quality, clouds = np.empty((2, args.seeds)), np.empty((2, args.seeds)), {}
for i in bar(range(2 * args.seeds), desc="trainings", leave=False):
    j, seed = divmod(i, args.seeds)
    name = list(OBJECTIVES)[j]
    mg.seed(args.seed + seed)
    run = adversarial(points, OBJECTIVES[name])
    run.fit(ring.points, steps=args.ring_steps, batch_size=128, seed=args.seed + seed, progress=False)
    made = run.sample(2500)
    coverage = metrics.mode_coverage(made, ring.centers, ring.std)
    modes[j, seed], quality[j, seed] = coverage.modes, coverage.high_quality
    if seed < 3:
        clouds[f"{name}, seed {args.seed + seed}"] = made
save(
    plot.point_clouds(
        clouds, ring.points[:2000], columns=len(clouds) // 2, title=f"Eight modes, after {args.ring_steps:,} steps"
    ),
    args,
    "ring.png",
)

# %% [markdown]
# ## Did it work?
# The criteria are about the gradients of the frozen generator. No theory predicts which of the two wins on the circle: it is only
# reported.
# %%
for age in ages:
    who, (saturating, other) = f"generator of {age} steps", (norms[age] / norms[age][0]).T
    criteria.check(f"{who}: minimax's gradient at the end, as a share of that at the start", saturating[-1], at_most=0.01)
    criteria.check(f"{who}: non-saturating gradient at its smallest, as a share of that at the start", other.min(), at_least=0.1)
    criteria.report(f"{who}: non-saturating gradient at the end, as a multiple of that at the start", float(other[-1]))
for what, values in {"modes of 8": modes, "share of high quality": quality}.items():
    for name, (mean, width) in zip(OBJECTIVES, map(metrics.t_interval, values)):
        criteria.report(f"ring, {name}: {what}", f"{mean:.3f} \N{PLUS-MINUS SIGN} {width:.3f}")
    mean, width = metrics.t_interval(values[1] - values[0])
    criteria.report(f"ring, non-saturating less minimax: {what}", f"{mean:+.3f} \N{PLUS-MINUS SIGN} {width:.3f}")
criteria.finish()
