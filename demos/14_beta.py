# %% [markdown]
"""The beta of a variational autoencoder: a price on every nat of the code.

With a higher price, codes carry less and reconstructions get worse. Does each latent variable then represent one factor of
variation? That is measured over several seeds, not assumed.
"""

# %% [markdown]
# # 14. What beta does
#
#     loss = E_q[-log p(x|z)] + beta * KL(q(z|x) || p(z)),    nats per image
#
# KL is the information of the code on the image, and beta is its price (Higgins et al. 2017). At the minimum of the loss a higher
# beta can only lower KL and raise the reconstruction error: from the same start, with the same images, we expect both at every
# step of beta, on held-out images too. The paper hopes for something else: that under a high price each latent variable learns
# one factor of variation.
# %%
import numpy as np

import minigen as mg
from minigen import baselines, data, metrics, optim, plot, training
from minigen.gallery.demo import Criteria, demo_arguments, save
from minigen.models.autoencoders import VariationalAutoencoder
from minigen.utils.progress import bar

args = demo_arguments("14_beta", __doc__, epochs=8, seeds=5, images=20_000)
betas = (0.5, 1.0, 2.0, 4.0, 8.0)
if args.quick:
    betas, args.epochs, args.seeds, args.images = (1.0, 8.0), 1, 2, 1000
train, test = data.load(args.data)
train = train[: args.images]
if args.quick:
    test = test[:500]
criteria = Criteria(args)

# %% [markdown]
# ## Does one code determine one factor?
# Glyphs come with their factors of variation, so it can be measured on held-out images, by the mutual information gap (MIG): for
# each factor, the information of the best code on it beyond that of the second best, as a share of the factor's entropy; 1 if
# every factor has a code of its own. Only factors that were drawn independently are used; family, weight and slant follow from
# the font. Other data sets have no factors, and no MIG.
# %%
INDEPENDENT = ("class", "font", "rotation", "scale", "shift_x", "shift_y", "stroke")
factors = {name: test.factors[name] for name in INDEPENDENT if name in test.factors}


def posterior(model, images):
    """Means of q(z|x), and KL(q(z|x) || p(z)) of each latent variable averaged over the images, in nats."""
    with mg.no_grad():
        mean, logvar = (mg.to_numpy(part) for part in model.encode(mg.asarray(images)))
    return mean, mg.mean(mg.kl_standard_normal(mean, logvar), axis=0)


def measure(model):
    """Measurements of a trained model on held-out images: (KL, reconstruction error, active units, MIG or NaN)."""
    means, kl = posterior(model, test.images)
    bound = metrics.elbo(model, test.images, seed=0)
    gap = metrics.mutual_information_gap(means, factors)[0] if factors else np.nan
    return kl.sum(), -bound.value - kl.sum(), metrics.active_units(means), gap


measured, shown = np.empty((len(betas), args.seeds, 4)), {}
for run in bar(range(args.seeds * len(betas)), desc="trainings"):
    seed, i = divmod(run, len(betas))
    mg.seed(args.seed + seed)
    model = VariationalAutoencoder(latent_dim=10, beta=betas[i])
    training.fit(
        model, train.images, optimizer=optim.Adam(model.parameters(), lr=1e-3), epochs=args.epochs, batch_size=128, progress=False
    )
    model.eval()
    measured[i, seed] = measure(model)
    if seed == 0:
        shown[betas[i]] = model
kl, reconstruction, active, gaps = np.moveaxis(measured, -1, 0)  # each (betas, seeds)

# %% [markdown]
# ## The price and what it buys
# Intervals contain the mean over seeds with 95 % confidence (Student's t).
# %%
curves = {"reconstruction error": metrics.t_interval(reconstruction), "KL": metrics.t_interval(kl)}
save(
    plot.curves(
        betas,
        curves,
        xlabel="beta",
        ylabel="nats per image",
        logx=True,
        title=f"What a code costs and what it buys, held-out images ({args.data})",
    ),
    args,
    "beta.png",
)
if factors:
    components = baselines.pca(train.images.reshape(len(train), -1), 10).project(test.images.reshape(len(test), -1))
    others = {"10 principal components": components, "random codes": np.random.default_rng(0).standard_normal((len(test), 10))}
    others = {name: metrics.mutual_information_gap(codes, factors)[0] for name, codes in others.items()}
    lines = {"variational autoencoder": metrics.t_interval(gaps)}
    lines |= {name: np.full(len(betas), gap) for name, gap in others.items()}
    save(
        plot.curves(
            betas,
            lines,
            xlabel="beta",
            ylabel="mutual information gap (at most 1)",
            logx=True,
            title="Does one code determine one factor?",
        ),
        args,
        "gap.png",
    )

# %% [markdown]
# ## Traversals
# The codes of one image, with one latent variable at a time moving from -3 to 3, the variables with the highest KL first. A
# variable with a KL near 0 is not used, and changes nothing.
# %%
steps = np.linspace(-3, 3, 7, dtype=np.float32)
for beta in (1.0, betas[-1]):
    means, of_each = posterior(shown[beta], test.images)
    rows = {}
    for j in of_each.argsort()[::-1]:
        codes = np.repeat(means[:1], len(steps), axis=0)
        codes[:, j] = steps
        rows[f"$z_{{{j + 1}}}$, KL {of_each[j]:.2f}"] = mg.to_numpy(shown[beta].pixels(mg.asarray(codes)))
    save(
        plot.image_rows(rows, title=f"beta = {beta:g}: one latent variable from \N{MINUS SIGN}3 to 3 (KL in nats)"),
        args,
        f"traversals_{beta:g}.png",
    )

# %% [markdown]
# ## Did it work?
# The two criteria count the steps from one beta to the next, of every seed. The gap is only reported; it differs from that of
# beta 1 only if the interval of the difference, seed by seed, excludes 0.
# %%
ups = args.seeds * (len(betas) - 1)
criteria.check(f"steps up in beta, of {ups}, at which KL does not fall", (np.diff(kl, axis=0) >= 0).sum(), at_most=0)
criteria.check(
    f"steps up in beta, of {ups}, at which the reconstruction error does not rise",
    (np.diff(reconstruction, axis=0) <= 0).sum(),
    at_most=0,
)
for i, beta in enumerate(betas):
    criteria.report(
        f"beta {beta:g}: reconstruction error, KL, nats; active units",
        f"{reconstruction[i].mean():.2f}, {kl[i].mean():.2f}; {active[i].mean():.1f}",
    )
if factors:
    for i, beta in enumerate(betas):
        (gap, width), (gain, error) = map(metrics.t_interval, (gaps[i], gaps[i] - gaps[betas.index(1.0)]))
        difference = "" if beta == 1.0 else f"; less that of beta 1: {gain:+.3f} \N{PLUS-MINUS SIGN} {error:.3f}"
        criteria.report(f"beta {beta:g}: mutual information gap", f"{gap:.3f} \N{PLUS-MINUS SIGN} {width:.3f}{difference}")
    for name, gap in others.items():
        criteria.report(f"{name}: mutual information gap", f"{gap:.3f}")
criteria.finish()
