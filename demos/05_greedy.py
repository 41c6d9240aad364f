# %% [markdown]
"""One layer at a time: a deep autoencoder as a series of shallow ones.

Greedy layer-wise training needs no gradient through more than two layers. Put together and fine-tuned, the network must be as
good as one trained end to end, for as many epochs.
"""

# %% [markdown]
# # 5. Greedy layer-wise training
# Each stage is a shallow autoencoder, which learns the codes of the stage before (Bengio et al. 2007):
#
#     stage 1:  784 -> 100 -> 784    on the images,           binary cross entropy
#     stage 2:  100 -> 30 -> 100     on the codes of stage 1, squared error
#
# Put together, the layers make the stacked autoencoder, 784 -> 100 -> 30 -> 100 -> 784. The stages were trained separately: stage
# 1 never had to decode the errors of stage 2. Some epochs for all layers together fix that.
#
# In 2006 this was the way to train deep networks at all. With today's activations and initial weights they can be trained end to
# end, so the demo only shows that the pieces fit together. Adam normalizes the size of the steps, since the two losses differ in
# scale. Most of the epochs go to fine-tuning: with --stage-epochs 5 --fine-tuning 5, as many in total, the network ends behind
# the one trained end to end.
# %%
import copy

import numpy as np

import minigen as mg
from minigen import baselines, data, metrics, optim, plot, training
from minigen.gallery.demo import Criteria, demo_arguments, save
from minigen.models.autoencoders import StackedAutoencoder

args = demo_arguments("05_greedy", __doc__, stage_epochs=3, fine_tuning=9, batch_size=32)
train, test = data.load(args.data)
if args.quick:
    train, test, args.stage_epochs, args.fine_tuning = train[:2000], test[:500], 1, 1
criteria = Criteria(args)
settings = {"batch_size": args.batch_size, "validation": test.images}


def adam(parameters):
    """The optimizer of every stage."""
    return optim.Adam(parameters, lr=1e-3)


model = StackedAutoencoder()
stages = training.fit_layerwise(model, train.images, optimizer=adam, epochs=args.stage_epochs, **settings)
together = copy.deepcopy(model)
stages.append(training.fit(model, train.images, optimizer=adam(model.parameters()), epochs=args.fine_tuning, **settings))

# %% [markdown]
# ## The same network, trained end to end
# For as many epochs as the two stages and the fine-tuning together.
# %%
mg.seed(args.seed)
whole, epochs = StackedAutoencoder(), 2 * args.stage_epochs + args.fine_tuning
at_once = training.fit(whole, train.images, optimizer=adam(whole.parameters()), epochs=epochs, **settings)

names = ("stage 1: images, BCE", "stage 2: codes, MSE", "fine-tuning: images, BCE", "trained whole: images, BCE")
curves = {"epoch": at_once["epoch"]}
for name, history, start in zip(names, (*stages, at_once), (0, args.stage_epochs, 2 * args.stage_epochs, 0)):
    for column in ("loss", "validation loss"):
        values = np.full(epochs, np.nan)
        values[start : start + len(history[column])] = history[column]
        curves[column.replace("loss", name)] = values
save(plot.training_curves(curves, title=f"Layer by layer, and all at once ({args.data})"), args, "training.png")

# %% [markdown]
# ## Reconstructions
# %%
shown = {"put together": together, "fine-tuned": model, "trained whole": whole}
rebuilt = {name: mg.to_numpy(network.eval().reconstruct(mg.asarray(test.images))) for name, network in shown.items()}
rows = {"original": test.images[:10], **{name: images[:10] for name, images in rebuilt.items()}}
save(plot.image_rows(rows, title=f"Held-out images and their reconstructions ({args.data})"), args, "reconstructions.png")

# %% [markdown]
# ## Did it work?
# Two networks that have learned nothing are equally good: so the one that was put together must also beat PCA with as many
# components.
# %%
pca = baselines.pca(train.images.reshape(len(train), -1), 30)
linear = metrics.reconstruction_mse(test.images, pca.reconstruct(test.images.reshape(len(test), -1)).reshape(test.images.shape))
errors = {name: metrics.reconstruction_mse(test.images, images) for name, images in rebuilt.items()}
fine_tuned, at_end = stages[-1]["validation loss"][-1], at_once["validation loss"][-1]
criteria.check(
    "mean squared error on held-out images, layer by layer / whole", errors["fine-tuned"] / errors["trained whole"], at_most=1.05
)
criteria.check(
    "layer by layer: mean squared error on held-out images, as a share of PCA's with 30 components",
    errors["fine-tuned"] / linear,
    at_most=1.0,
)
criteria.check("binary cross entropy on held-out images, layer by layer / whole", fine_tuned / at_end, at_most=1.05)
for name, history in zip(names, stages):
    criteria.report(f"{name} on held-out images", history["validation loss"][-1])
for name, error in errors.items():
    criteria.report(f"mean squared error on held-out images, {name}", f"{error:.5f}")
criteria.report("binary cross entropy, trained whole; its floor", f"{at_end:.5f}; {metrics.bernoulli_entropy(test.images):.5f}")
criteria.finish()
