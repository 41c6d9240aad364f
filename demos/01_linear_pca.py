# %% [markdown]
"""A linear autoencoder is principal component analysis.

An autoencoder squeezes its input through a narrow layer of codes and rebuilds it. With linear layers and squared error, the
optimum is known in closed form: projection onto the first principal components. So training can be checked exactly.
"""

# %% [markdown]
# # 1. A linear autoencoder is principal component analysis
#
#     z = x W1 + b1,    x^ = z W2 + b2,    loss = mean (x^ - x)^2
#
# At the minimum, the rows of W2 span the same plane as the first principal components, and the loss is the sum of the discarded
# eigenvalues of the covariance, divided by the number of features (Baldi & Hornik 1989). Only the plane is found, not the axes in
# it: any rotation of the codes, undone by the decoder, is just as good.
# %%
import numpy as np

import minigen as mg
from minigen import baselines, data, metrics, optim, plot, recipes, synthetic
from minigen.gallery.demo import Criteria, demo_arguments, save
from minigen.models.autoencoders import LinearAutoencoder
from minigen.utils.progress import bar

recipe = recipes.find("linear")
args = demo_arguments("01_linear_pca", __doc__, recipe, images=5000, image_steps=800)
train_set, test_set = data.load(args.data)
if args.quick:
    args.steps, args.images, args.image_steps = 200, 1000, 20
criteria = Criteria(args)


def compare(model, points, closed_form):
    """(largest angle in degrees to the closed form's plane, loss above the closed form's in per cent, the closed form's loss)."""
    angles = metrics.principal_angles(model.decoder[0].weight.numpy().T.astype(np.float64), closed_form.components)
    floor = closed_form.discarded.sum() / points.shape[1]
    with mg.no_grad():
        loss, _ = model.loss(mg.asarray(points))
    return angles.max(), 100 * (float(loss) / floor - 1), floor


def train(model, points, optimizer, epochs, batch_size):
    """Train for `epochs` epochs, in batches; returns the loss before each step of the optimizer."""
    points = mg.asarray(points)
    history = []
    for _ in bar(range(epochs), leave=False):
        for start in range(0, len(points), batch_size):
            loss, _ = model.loss(points[start : start + batch_size])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            history.append(float(loss))
    return history


# %% [markdown]
# ## The chapter's three dimensions
# Sixty points near a tilted plane, two codes. First exactly the chapter's setting: SGD with learning rate 0.1 for 20 epochs, in
# batches of 32. It looks trained, but the plane that it found is not the plane of PCA.
# %%
points = synthetic.tilted_plane()
closed_form = baselines.pca(points, 2)
model = LinearAutoencoder()
train(model, points, optim.SGD(model.parameters(), lr=0.1), epochs=20, batch_size=32)
angle, excess, floor = compare(model, points, closed_form)
criteria.report("after the chapter's 20 epochs: angle to the plane of PCA, degrees", angle)
criteria.report("after the chapter's 20 epochs: loss above the closed form, %", excess)

# %% [markdown]
# Now to convergence, by the recipe: what `minigen train linear` does.
# %%
recipe = recipe.with_arguments(args)
recipe.show()
history = train(model, points, recipe.optimizer(model.parameters(), recipe.steps), recipe.steps, recipe.batch_size)
angle, excess, floor = compare(model, points, closed_form)
criteria.check("3-D points: largest principal angle to PCA's plane, degrees", angle, at_most=1.0)
criteria.check("3-D points: loss above the discarded eigenvalue, %", excess, between=(-0.1, 0.1))
criteria.report("3-D points: loss, and the closed form's", f"{history[-1]:.7f}, {floor:.7f}")
with mg.no_grad():
    codes = model.encode(mg.asarray(points))
    rebuilt = model.decode(codes)
save(plot.plane_fit(points, rebuilt, codes, title="A linear autoencoder finds the plane of PCA"), args, "plane.png")

# %% [markdown]
# ## The same on images
# 5,000 images of 784 pixels, centered, and ten codes. The closed form is still there to compare with.
# %%
recipe = recipe.with_settings(latent_dim=10, steps=args.image_steps)
images = train_set.images[: args.images].reshape(-1, 28 * 28)
mean = mg.mean(images, axis=0)
images = images - mean
closed_form = baselines.pca(images, 10)
pictures = recipe.network(recipe.spec_of(train_set))
train(pictures, images, recipe.optimizer(pictures.parameters(), recipe.steps), recipe.steps, len(images))
angle, excess, floor = compare(pictures, images, closed_form)
criteria.check(f"{args.data}, 10 codes: largest principal angle to PCA, degrees", angle, at_most=1.0)
criteria.check(f"{args.data}, 10 codes: loss above the discarded eigenvalues, %", excess, between=(-0.1, 0.1))

chosen = test_set.images[:10]
centered = chosen.reshape(-1, 28 * 28) - mean
with mg.no_grad():
    rebuilt = pictures(mg.asarray(centered)).numpy() + mean
projected = closed_form.reconstruct(centered) + mean
rows = {
    "original": chosen,
    "linear\nautoencoder": rebuilt.reshape(chosen.shape).clip(0, 1),
    "PCA": projected.reshape(chosen.shape).clip(0, 1),
}
save(plot.image_rows(rows, title="Ten codes per image: the autoencoder against the closed form"), args, "images.png")

# %% [markdown]
# ## Did it work?
# %%
criteria.finish()
