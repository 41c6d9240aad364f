# %% [markdown]
"""A conditional variational autoencoder: choose the class, draw the style.

Encoder and decoder are conditioned on the label, so the codes need not represent it: they keep what the label leaves open, the
style. One code then draws all classes in one handwriting, and a new image can be requested by class.
"""

# %% [markdown]
# # 16. A conditional variational autoencoder
#
# The label y enters both networks as ten more inputs, one-hot (Kingma et al. 2014; Sohn et al. 2015). The prior of z is the same
# for every class, which pushes codes to be independent of it, as far as the divergence has weight: here beta = 2, since a code
# that represents more than the style does not fit another label.
#
#     loss = E_q[-log p(x|z, y)] + beta KL(q(z|x, y) || p(z))
# %%
import numpy as np

import minigen as mg
from minigen import data, metrics, plot, recipes
from minigen.gallery.demo import Criteria, demo_arguments, save, train_evaluator
from minigen.gallery.standards import check_samples, recognized

recipe = recipes.find("conditional-vae")
args = demo_arguments("16_conditional_vae", __doc__, recipe, beta=recipe.beta, samples=5000)
train, test = data.load(args.data)
if args.quick:
    train, test, args.epochs, args.samples = train[:2000], test[:500], 1, 500
criteria = Criteria(args)

classes = len(train.class_names)
recipe = recipe.with_arguments(args)
recipe.show()
model = recipe.network(recipe.spec_of(train))
history = recipe.fit(model, train, test)
model.eval()

# %% [markdown]
# ## One style, all classes
# Each row is one z from the prior, decoded with every label.
# %%


def in_all_classes(z):
    """Codes (n, latent_dim) -> images (n * classes, 28, 28, 1): each code decoded with each label in turn."""
    labels = np.tile(np.arange(classes), len(z))
    return model.pixels(mg.asarray(np.repeat(mg.to_numpy(z), classes, axis=0)), labels).numpy()


save(
    plot.image_grid(in_all_classes(model.prior(8)), columns=classes, title="Each row one style, each column one class"),
    args,
    "styles.png",
)

# %% [markdown]
# ## The style of an image
# The same with the style of held-out images (left): the code of each, decoded with every label.
# %%
chosen = test[:8]
with mg.no_grad():
    mean, _ = model.encode(mg.asarray(chosen.images), chosen.labels)
written = in_all_classes(mean).reshape(8, classes, 28, 28, 1)
written = np.concatenate([chosen.images[:, None], written], axis=1)
title = "Left: held-out images. Right: all classes in their style"
save(plot.image_grid(written.reshape(-1, 28, 28, 1), columns=classes + 1, title=title), args, "hands.png")

# %% [markdown]
# ## Did it work?
# A classifier that has seen only real images (5 nearest neighbors, pixels) must predict the class that an image is conditioned
# on. Its accuracy on real held-out images is given for comparison. Ten class means would pass: so the images must also meet a
# standard that no trivial sampler meets, in the features of a classifier (demo 17), and those of each class must differ nearly as
# much as real ones do.
# %%
n, pixels = min(len(test), 1000), train.images.reshape(len(train), -1)
asked = np.arange(n) % classes
drawn = model.sample(asked).numpy().reshape(n, -1)
criteria.check(
    "drawn images that show the class asked for",
    metrics.knn_accuracy(pixels, train.labels, test_codes=drawn, test_labels=asked),
    at_least=recognized(args.data),
)
real = test[:n]
criteria.report(
    "held-out images whose class the same classifier finds",
    metrics.knn_accuracy(pixels, train.labels, test_codes=real.images.reshape(len(real), -1), test_labels=real.labels),
)
with mg.no_grad():
    mean, _ = model.encode(mg.asarray(real.images), real.labels)
evaluator = train_evaluator(train, args)
labels = np.arange(args.samples) % classes
check_samples(criteria, evaluator, train, test, model.sample(labels).numpy(), asked=labels)
criteria.report("5-NN accuracy of the codes: what they still say of the class", metrics.knn_accuracy(mean.numpy(), real.labels))
reconstruction, kl = history["validation reconstruction"][-1], history["validation kl"][-1]
criteria.report("negative ELBO of held-out images given their labels, nats", reconstruction + kl)
criteria.report("its part that is the divergence of q(z|x, y) from the prior, nats", kl)
criteria.report("parameters", f"{model.parameter_count():,}")
criteria.finish()
