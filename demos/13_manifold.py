# %% [markdown]
"""A manifold of images: two latent variables, and all of the decoder's images in one picture.

With a 2-D latent space the whole generative model can be seen: each point of the plane decodes to an image, and neighboring
points to similar ones. Where in it are the classes, which the model has never seen?
"""

# %% [markdown]
# # 13. A manifold of images
# A variational autoencoder with two latent variables (Kingma & Welling 2014, figure 4). Steps of equal probability under the
# prior p(z) = N(0, I), instead of equal length, show every region as often as it occurs.
#
#     z = (F^-1(u), F^-1(v)),   u, v = 1/40, 3/40, ..., 39/40,   F the distribution function of N(0, 1)
# %%
from statistics import NormalDist

import numpy as np

import minigen as mg
from minigen import data, metrics, plot, recipes
from minigen.gallery.demo import Criteria, demo_arguments, save

recipe = recipes.find("vae").with_settings(latent_dim=2, lr=1e-3, batch_size=32, epochs=30)
args = demo_arguments("13_manifold", __doc__, recipe, columns=20)
train, test = data.load(args.data)
if args.quick:
    train, test, args.epochs = train[:2000], test[:500], 1
criteria = Criteria(args)

recipe = recipe.with_arguments(args)
recipe.show()
model = recipe.network(recipe.spec_of(train))
history = recipe.fit(model, train, test)
model.eval()

# %% [markdown]
# ## The map
# %%
quantiles = [NormalDist().inv_cdf((i + 0.5) / args.columns) for i in range(args.columns)]
z = np.array([(z1, z2) for z2 in quantiles for z1 in quantiles], dtype=np.float32)
images = model.pixels(mg.asarray(z)).numpy().reshape(args.columns, args.columns, 28, 28, 1)
save(
    plot.manifold_grid(images, quantiles, quantiles, title="What each point of the latent space decodes to"), args, "manifold.png"
)

# %% [markdown]
# ## Where the images lie
# The mean of q(z|x) for held-out images, colored by a class that the model has never seen.
# %%
with mg.no_grad():
    mean, logvar = (part.numpy().astype(float) for part in model.encode(mg.asarray(test.images)))
shown = test[:2000]
save(
    plot.code_map(
        mean[:2000],
        shown.labels,
        shown.class_names,
        images=shown.images,
        title=f"Codes of {len(shown):,} held-out images ({args.data})",
    ),
    args,
    "codes.png",
)

# %% [markdown]
# ## Did it work?
# Two values are few for an image; still the five nearest codes should predict its class far more often than chance, one in ten.
# And the codes must match the prior: those of all images together, q(z) = mean over x of q(z|x), should look like N(0, I),
# otherwise the map above shows regions without images. The divergence of q(z|x) from the prior is the information of z on x plus
# the divergence of q(z) from the prior (Hoffman & Johnson 2016); approximating q(z) by a Gaussian, the latter must be by far the
# smaller part. The covariance of q(z) is that of the means plus the mean of the variances. Two values have to carry so much here
# that codes extend beyond the prior: variances above 1.
# %%
measured = min(len(test), 4000)
criteria.check(
    "5-NN accuracy of the codes, held-out images", metrics.knn_accuracy(mean[:measured], test.labels[:measured]), at_least=0.5
)
kl, center = history["validation kl"][-1], mean.mean(axis=0)
variances = np.linalg.eigvalsh(np.cov(mean.T, bias=True) + np.diag(np.exp(logvar).mean(axis=0)))
all_together = 0.5 * ((center**2).sum() + (variances - 1 - np.log(variances)).sum())
criteria.check("codes of all images: distance of their mean from 0", np.linalg.norm(center), at_most=0.25)
criteria.check(
    "codes of all images: divergence from the prior, as a share of that of one image's", all_together / kl, at_most=0.1
)
criteria.report("codes of all images: divergence from the prior, nats", all_together)
criteria.report(
    "codes of all images: least and largest variance in any direction (prior: 1)",
    ", ".join(f"{variance:.2f}" for variance in variances),
)
elbo = metrics.elbo(model, test.images, samples=5, seed=args.seed)
criteria.report("negative ELBO of held-out images, nats", -elbo.value)
criteria.report("its part that is the divergence of q(z|x) from the prior, nats", kl)
criteria.report("active units of 2", metrics.active_units(mean))
criteria.finish()
