# %% [markdown]
"""A linear variational autoencoder is probabilistic PCA: the bound against the likelihood itself.

A variational autoencoder maximizes a lower bound, and usually the gap to the likelihood is unknown. With linear networks the
likelihood is known in closed form, and so is the best bound: the two are equal. So the whole method can be checked here.
"""

# %% [markdown]
# # 15. A linear variational autoencoder is probabilistic PCA
#
#     q(z|x) = N(x V + c, diag),    p(z) = N(0, I),    p(x|z) = N(z W + b, variance I)
#     loss = E_q[-log p(x|z)] + KL(q(z|x) || p(z))  >=  -log p(x)
#
# Integrating z out, p(x) = N(b, W^T W + variance I): probabilistic PCA (Tipping & Bishop 1999). Its maximum likelihood has W
# along the principal components, and the mean of the discarded eigenvalues as variance. Then the true posterior of z is Gaussian,
# too, so that the bound can reach the likelihood (Lucas et al. 2019). Training does not use this: it draws one z for each
# example, as every variational autoencoder does.
# %%
import numpy as np

import minigen as mg
from minigen import baselines, data, metrics, plot, recipes, synthetic
from minigen.gallery.demo import Criteria, demo_arguments, save
from minigen.utils.progress import bar

recipe = recipes.find("linear-vae")
args = demo_arguments("15_linear_vae", __doc__, point_epochs=recipe.steps, images=5000, image_epochs=60)
train_set, _ = data.load(args.data)
if args.quick:
    args.point_epochs, args.images, args.image_epochs = 100, 1000, 3
criteria = Criteria(args)

recipe.show()


def train(model, recipe, examples):
    """The recipe's training of the sampled bound; returns the mean bound of each epoch, in nats per example."""
    batches = data.batches(examples, batch_size=recipe.batch_size, seed=args.seed)
    optimizer = recipe.optimizer(model.parameters(), recipe.epochs * len(batches))
    bounds = []
    for _ in bar(range(recipe.epochs), leave=False):
        losses = []
        for batch in batches:
            loss, _ = model.loss(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss))
        bounds.append(-np.mean(losses))
    return np.array(bounds)


def compare(name, model, examples, best):
    """The criteria: how far the bound is below the likelihood's maximum, and W's plane from the principal components."""
    features = examples.shape[1]
    with mg.no_grad():
        bound = model.elbo(mg.asarray(examples)).numpy().mean(dtype=float) / features
    likelihood = best.log_likelihood(examples).mean() / features
    angles = metrics.principal_angles(model.decoder.weight.numpy().T.astype(float), best.principal.components)
    criteria.check(f"{name}: bound below the largest likelihood, nats per dimension", likelihood - bound, between=(-1e-5, 0.05))
    criteria.check(f"{name}: largest principal angle to PCA, degrees", angles.max(), at_most=1.0)
    criteria.report(f"{name}: bound, largest likelihood, nats per dimension", f"{bound:.5f}, {likelihood:.5f}")
    criteria.report(f"{name}: bound below the largest likelihood, nats per example", (likelihood - bound) * features)
    variance = np.exp(model.noise_logvar.numpy()[0])
    criteria.report(f"{name}: variance of the noise, closed form's", f"{variance:.5f}, {best.variance:.5f}")


# %% [markdown]
# ## Sixty points in three dimensions
# The chapter's points near a tilted plane, two latent variables. All points are one batch, so that each epoch is a step.
# %%
points = synthetic.tilted_plane()
flat = recipe.network(recipe.input_spec(points.shape[1:], classes=1))
train(flat, recipe.with_settings(epochs=args.point_epochs), points)
compare("3-D points", flat, points, baselines.probabilistic_pca(points, 2))

# %% [markdown]
# ## Images
# 784 pixels, centered, ten latent variables, a smaller learning rate. The right subspace is found soon. Within it the bound
# prefers W's rows along the components themselves, since only then the posterior is a diagonal q(z|x); but that is worth a
# fraction of a nat per image, and the gradient that rotates the rows is weak: their remaining rotation, and its cost, are
# reported at the end.
# %%
images = train_set.images[: args.images].reshape(-1, 28 * 28)
mean = mg.mean(images, axis=0)
images = images - mean
best = baselines.probabilistic_pca(images, 10)
larger = recipe.with_settings(latent_dim=10, lr=0.01, batch_size=250, epochs=args.image_epochs)
model = larger.network(larger.spec_of(train_set))
bounds = train(model, larger, images) / images.shape[1]
compare(args.data, model, images, best)

likelihood = np.full(len(bounds), best.log_likelihood(images).mean() / images.shape[1])
lines = {"largest likelihood, closed form": likelihood, "bound in training": bounds}
save(
    plot.curves(
        np.arange(1, len(bounds) + 1),
        lines,
        xlabel="epoch",
        ylabel="nats per dimension",
        title="The bound rises to the likelihood",
    ),
    args,
    "bound.png",
)

shown = images[:10]
codes, _ = best.posterior(shown)
rows = {
    "original": shown,
    "linear\nvariational\nautoencoder": model.reconstruct(mg.asarray(shown)).numpy(),
    "probabilistic\nPCA, closed\nform": codes @ best.weight.T,
}
rows = {name: (row + mean).clip(0, 1).reshape(-1, 28, 28) for name, row in rows.items()}
save(plot.image_rows(rows, title="Decoded from the mean of the posterior: learned, and in closed form"), args, "images.png")

# %% [markdown]
# ## Did it work?
# The bound with its expectation in closed form, over all examples, against the largest likelihood that any such model can have.
# %%
learned = model.decoder.weight.numpy()
learned = learned / np.linalg.norm(learned, axis=1, keepdims=True)
cosines = np.abs(learned @ best.principal.components).max(axis=1).clip(0, 1)
criteria.report(
    f"{args.data}: angles of W's rows to the nearest component, degrees",
    ", ".join(f"{angle:.0f}" for angle in np.degrees(np.arccos(cosines))),
)
criteria.finish()
