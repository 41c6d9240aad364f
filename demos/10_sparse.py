# %% [markdown]
"""A sparse autoencoder: 300 codes, few of them active at a time.

More codes than a bottleneck would allow, but active codes are penalized. Three variants: without a penalty, with L1, and with a
target for how often a code may be active.
"""

# %% [markdown]
# # 10. Sparse autoencoders
#
#     784 -> 100 -> 300 sigmoid codes z -> 100 -> 784,    loss = BCE, mean over pixels, + penalty
#
#     L1   0.001 * sum_j |z_j|                            mean over the batch: every activation is pushed toward zero
#     KL   0.0016 * sum_j KL(0.1 || mean of z_j)          each code may be active for a tenth of the images
#
# L1 is a mean over examples, so it does not change with the batch size. Conventions differ: if the same 0.001 is summed over a
# batch of 32, it is 32 times as strong, and hardly any code survives.
# %%
import numpy as np

import minigen as mg
from minigen import data, metrics, plot, recipes
from minigen.gallery.demo import Criteria, demo_arguments, save

recipe = recipes.find("sparse")
args = demo_arguments("10_sparse", __doc__, recipe, images=30_000)
train, test = data.load(args.data)
train = train[: args.images]
if args.quick:
    train, test, args.epochs = train[:1000], test[:500], 1
criteria = Criteria(args)

recipe = recipe.with_arguments(args)
recipe.show()
plain = recipe.with_settings(kl=0.0)
variants = {"plain": plain, "L1": plain.with_settings(l1=1e-3), "KL": recipe}
models = {name: each.network(each.spec_of(train)) for name, each in variants.items()}
for model in models.values():
    recipe.fit(model, train, test)
    model.eval()

# %% [markdown]
# ## How active are the codes?
# Above, all activations on held-out images; below, each code's mean. The plain network uses the whole range of its sigmoids. L1
# only limits the total activity: it may keep a few codes and switch off the others. KL asks each code to be active for a tenth.
# %%
images = mg.asarray(test.images)
with mg.no_grad():
    codes = {name: mg.to_numpy(model.encode(images)) for name, model in models.items()}
rebuilt = {name: mg.to_numpy(model.reconstruct(images)) for name, model in models.items()}
save(plot.activation_histograms(codes, title=f"Activations of 300 codes, held-out images ({args.data})"), args, "activations.png")
rows = {"original": test.images[:10]} | {name: x[:10] for name, x in rebuilt.items()}
save(plot.image_rows(rows, title="Held-out images and their reconstructions"), args, "reconstructions.png")

# %% [markdown]
# ## What does a code represent?
# The ten held-out images that activate a code most, for the four codes of each sparse network whose activation varies most. Codes
# are not classes. Their purity is the share of the ten images in the most frequent class, averaged over the codes in use (above
# 0.1 for at least ten images), with the plain network for comparison.
# %%
rows, purity = {}, {}
for name, z in codes.items():
    exciting = np.argsort(-z, axis=0)[:10]
    in_use = (z > 0.1).sum(axis=0) >= 10
    purity[name] = np.mean([np.bincount(test.labels[column]).max() / 10 for column in exciting.T[in_use]])
    if name != "plain":
        rows |= {f"{name},\ncode {code}": test.images[exciting[:, code]] for code in np.argsort(-z.var(axis=0))[:4]}
save(plot.image_rows(rows, title="The images that activate a code most"), args, "exciting.png")

# %% [markdown]
# ## Did it work?
# A network that draws the same image for all inputs gets many pixels right, as most are black. So wrong pixels (after rounding to
# black and white) are counted against those of the best constant image: 1 would be collapse.
# %%
white = test.images > 0.5
constant = np.mean((train.images.mean(axis=0) > 0.5) != white)
criteria.check("KL: mean activation", codes["KL"].mean(), between=(0.07, 0.13))
for name, x in rebuilt.items():
    wrong = np.mean((x > 0.5) != white)
    criteria.check(f"{name}: wrong pixels, as a share of those of the mean image", wrong / constant, at_most=0.55)
for name, x in rebuilt.items():
    error, accuracy = metrics.reconstruction_mse(x, test.images), np.mean((x > 0.5) == white)
    criteria.report(f"{name}: squared error, share of right pixels", f"{error:.5f}, {accuracy:.4f}")
    z = codes[name]
    criteria.report(f"{name}: mean activation, share of activations above 0.1", f"{z.mean():.4f}, {np.mean(z > 0.1):.4f}")
    criteria.report(f"{name}: codes in use, of 300", int(((z > 0.1).sum(axis=0) >= 10).sum()))
    criteria.report(f"{name}: purity of the ten images that most excite a code in use", purity[name])
criteria.report("share of right pixels of the mean image", 1 - constant)
criteria.finish()
