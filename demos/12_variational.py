# %% [markdown]
"""A variational autoencoder: codes are distributions, so that new images can be drawn.

The encoder outputs a Gaussian instead of a point, and a divergence keeps these Gaussians near one prior. So codes drawn from the
prior resemble those the decoder was trained on. The loss bounds the log-likelihood of images, and is measured in nats.
"""

# %% [markdown]
# # 12. A variational autoencoder
#
#     q(z|x) = N(mean(x), diag exp(logvar(x))),    p(z) = N(0, I),    z = mean + exp(logvar / 2) * noise
#     loss = E_q[-log p(x|z)] + KL(q(z|x) || p(z))  >=  -log p(x),    in nats per image
#
# The book's network, 784-150-100-(10, 10)-100-150-784. The likelihood is Bernoulli: a gray value is read as the probability that
# the pixel is white, and the loss is the expected one of black and white images drawn with these probabilities. The entropy of
# the pixels is a lower limit for any model; it is printed below. The criterion allows 64.5 nats above the entropy of MNIST
# (45.5), and as much above that of the glyphs (39).
# %%
import numpy as np

import minigen as mg
from minigen import data, metrics, plot, recipes
from minigen.gallery.demo import Criteria, demo_arguments, save, train_evaluator
from minigen.gallery.standards import check_samples

recipe = recipes.find("vae")
args = demo_arguments("12_variational", __doc__, recipe, samples=5000)
train, test = data.load(args.data)
if args.quick:
    train, test, args.epochs, args.samples = train[:2000], test[:300], 1, 300
criteria = Criteria(args)

recipe = recipe.with_arguments(args)
recipe.show()


def trained(recipe):
    """A variational autoencoder after training, in evaluation mode, and its history."""
    model = recipe.network(recipe.spec_of(train))
    history = recipe.fit(model, train, test)
    return model.eval(), history


model, history = trained(recipe)
model.summary((28, 28, 1))
curves = {name: history[name] for name in ("epoch", "reconstruction", "validation reconstruction", "kl", "validation kl")}
save(plot.training_curves(curves, title="The two terms of the bound, nats per image"), args, "training.png")

# %% [markdown]
# ## Reconstructions and new images
# A reconstruction is decoded from the mean of q(z|x). A new image is decoded from ten values drawn from N(0, 1).
# %%
shown = test.images[:10]
rows = {"original": shown, "reconstruction": model.reconstruct(mg.asarray(shown))}
save(plot.image_rows(rows, title="Held-out images and their reconstructions"), args, "reconstructions.png")
save(plot.image_grid(model.sample(60), columns=12, title="Drawn from the prior"), args, "samples.png")

# %% [markdown]
# ## Between images
# Twelve held-out images in a grid of 3 x 4 (framed), and 23 between them, decoded from codes between their codes.
# %%


def between(table):
    """A grid of codes (rows, columns, d) with the means of neighbors inserted between them: (2 rows - 1, 2 columns - 1, d)."""
    for axis in (0, 1):
        table = np.moveaxis(table, axis, 0)
        wider = np.repeat(table, 2, axis=0)[:-1]
        wider[1::2] = (table[:-1] + table[1:]) / 2
        table = np.moveaxis(wider, 0, axis)
    return table


with mg.no_grad():
    mean, _ = model.encode(mg.asarray(test.images[:12]))
codes = between(mean.numpy().reshape(3, 4, -1))
grid = model.pixels(mg.asarray(codes.reshape(35, -1))).numpy().reshape(5, 7, 28, 28, 1)
anchors = [(row, column) for row in (0, 2, 4) for column in (0, 2, 4, 6)]
save(plot.interpolation_grid(grid, title="Between twelve images", anchors=anchors), args, "interpolation.png")
ends = model.reconstruct(mg.asarray(test.images[:12])).numpy()
steps = np.concatenate([np.sqrt((np.diff(grid, axis=axis) ** 2).sum(axis=(2, 3, 4))).ravel() for axis in (0, 1)])

# %% [markdown]
# ## Did it work?
# The bound is loose by the divergence of q(z|x) from the true posterior. Averaging k weighted samples inside the logarithm
# tightens it (Burda et al. 2016); this is measured on black and white images, drawn once. The prior is tested by its samples:
# labeled by their nearest training images, they should cover all classes evenly (entropy at most log 10 = 2.303 nats for ten
# classes). They must also meet a standard that no trivial sampler meets, in the features of a classifier (demo 17): neither one
# Gaussian of the pixels nor copies do. A second model with squared error (Gaussian, the other usual choice) is also reported.
# %%
floor = 784 * metrics.bernoulli_entropy(test.images)
bound = {"mnist": 110.0, "fashion_mnist": 251.0}.get(args.data, 103.5)
elbo = metrics.elbo(model, test.images, samples=5, seed=args.seed)
criteria.check("negative ELBO of held-out images, nats", -elbo.value, at_most=bound)
kl = history["validation kl"][-1]
criteria.check("KL divergence of q(z|x) from the prior, nats", kl, between=(5.0, 40.0))

gray = test.images[:: max(1, len(test) // 500)]
drawn = (np.random.default_rng(args.seed).random(gray.shape) < gray).astype(np.float32)
loose, tighter, tightest = (metrics.importance_weighted_nll(model, drawn, k, seed=args.seed).value for k in (1, 5, 50))
criteria.check("fall of the bound from 1 to 5 samples, nats", loose - tighter, at_least=0.0)
criteria.check("fall of the bound from 5 to 50 samples, nats", tighter - tightest, at_least=0.0)

n, reference = 200 if args.quick else 1000, train[:2000]
samples, pixels = model.sample(n).numpy().reshape(n, -1), reference.images.reshape(len(reference), -1)
shares = np.array(
    [
        metrics.knn_accuracy(pixels, reference.labels, test_codes=samples, test_labels=np.full(n, label))
        for label in range(len(train.class_names))
    ]
)
shown = {f"{name}": float(share) for name, share in zip(train.class_names, shares)}
figure = plot.bars(shown, ylabel="share of samples", title="What the samples show, by their nearest training images")
save(figure, args, "classes.png")
criteria.check(f"class entropy of {n:,} samples, nats", -(shares[shares > 0] * np.log(shares[shares > 0])).sum(), at_least=2.0)

evaluator = train_evaluator(train, args)
check_samples(criteria, evaluator, train, test, model.sample(args.samples).numpy())

apart = np.abs(grid[::2, ::2].reshape(ends.shape) - ends).max()
criteria.check("interpolation: largest difference of its anchors from reconstructions", apart, at_most=1e-5)
criteria.check(
    "interpolation: largest step between neighbors, as a multiple of the mean step", steps.max() / steps.mean(), at_most=3.0
)

criteria.report("entropy of the held-out pixels, nats per image", floor)
criteria.report("bound on black and white images: 1, 5, 50 samples, nats", f"{loose:.2f}, {tighter:.2f}, {tightest:.2f}")
for name, (form, terms) in {
    "Bernoulli": (model, history),
    "Gaussian, variance 1/2": trained(recipe.with_settings(reconstruction="mse")),
}.items():
    with mg.no_grad():
        mean, _ = form.encode(mg.asarray(test.images))
    error = metrics.reconstruction_mse(test.images, form.reconstruct(mg.asarray(test.images)).numpy())
    criteria.report(
        f"{name}: squared error, KL, active units of 10",
        f"{error:.4f}, {terms['validation kl'][-1]:.2f} nats, {metrics.active_units(mean.numpy())}",
    )
criteria.report("parameters", f"{model.parameter_count():,}")
criteria.finish()
