# %% [markdown]
"""Unsupervised pretraining: many images, few labels.

An autoencoder learns from all images without a label, then its encoder becomes the lower part of a classifier that learns from a
few. It is compared with the same network from scratch, with as many updates.
"""

# %% [markdown]
# # 6. Unsupervised pretraining
#
#     1. autoencoder:  decoder(encoder(x)) ~ x              all images, no labels
#     2. transfer:     softmax(encoder(x) W + b)            a copy of the encoder, bit for bit, and a new head
#     3. frozen:       only W and b learn                   few labeled images
#     4. fine-tuning:  encoder, W and b learn               the same ones
#
# The head starts with random weights, and its first gradients would destroy what the encoder has learned: hence step 3. That the
# encoder does not change in steps 2 and 3 is checked weight by weight: a "clone" that draws new weights is an easy mistake, and
# then nothing has been transferred.
# %%
import copy
from math import ceil

import numpy as np

import minigen as mg
from minigen import data, metrics, optim, plot, training
from minigen.gallery.demo import Criteria, demo_arguments, save
from minigen.models.autoencoders import StackedAutoencoder
from minigen.models.classifier import Classifier
from minigen.utils.progress import bar

args = demo_arguments("06_pretraining", __doc__, epochs=10, updates=2000, seeds=5)
sizes, batch_size = (100, 500, 2000), 32
train, test = data.load(args.data)
if args.quick:
    train, test, sizes, args.epochs, args.updates, args.seeds = train[:2000], test[:500], (100, 500), 1, 40, 2
criteria = Criteria(args)


autoencoder = StackedAutoencoder()
training.fit(
    autoencoder, train.images, optimizer=optim.Adam(autoencoder.parameters(), lr=1e-3), epochs=args.epochs, batch_size=batch_size
)

# %% [markdown]
# ## Two classifiers
# They get the same labeled images, in the same order, and the same number of updates: the pretrained one spends a quarter of
# them on its head, which alone, on 30 values that stay, can take larger steps. Each seed draws other images and other initial
# weights; the autoencoder is the same for all.
# %%
before, changed = autoencoder.encoder.state_dict(), 0
classes = len(train.class_names)


def differing(encoder):
    """How many of an encoder's weights differ from the autoencoder's."""
    return sum(int((before[name] != weights).sum()) for name, weights in encoder.state_dict().items())


def train_classifier(classifier, optimizer, labeled, epochs, seed):
    """Train the optimizer's parameters of a classifier; returns the accuracy on held-out images."""
    training.fit(
        classifier,
        (labeled.images, labeled.labels),
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        progress=False,
    )
    classifier.eval()
    return classifier.accuracy(test.images, test.labels)


frozen, pretrained, scratch = np.empty((3, len(sizes), args.seeds))
for run in bar(range(len(sizes) * args.seeds), desc="pairs of classifiers"):
    i, seed = divmod(run, args.seeds)
    labeled = train[np.random.default_rng([args.seed, seed]).choice(len(train), sizes[i], replace=False)]
    epochs = ceil(args.updates / ceil(sizes[i] / batch_size))
    head_epochs = ceil(epochs / 4)

    mg.seed(args.seed + seed)
    classifier = Classifier(copy.deepcopy(autoencoder.encoder), classes)
    changed += differing(classifier.encoder)
    frozen[i, seed] = train_classifier(classifier, optim.Adam(classifier.head.parameters(), lr=1e-2), labeled, head_epochs, seed)
    changed += differing(classifier.encoder)
    pretrained[i, seed] = train_classifier(
        classifier, optim.Adam(classifier.parameters(), lr=1e-3), labeled, epochs - head_epochs, seed
    )

    mg.seed(args.seed + seed)
    classifier = Classifier(StackedAutoencoder().encoder, classes)
    scratch[i, seed] = train_classifier(classifier, optim.Adam(classifier.parameters(), lr=1e-3), labeled, epochs, seed)

# %% [markdown]
# ## What labels are worth
# Means over the seeds, with 95 % intervals (Student's t).
# %%
lines = {"pretrained, fine-tuned": pretrained, "pretrained, frozen": frozen, "from scratch": scratch}
lines = {name: metrics.t_interval(accuracies) for name, accuracies in lines.items()}
save(
    plot.curves(
        sizes,
        lines,
        xlabel="labeled images",
        ylabel="accuracy on held-out images",
        logx=True,
        title=f"Unsupervised pretraining ({args.data})",
    ),
    args,
    "accuracy.png",
)

# %% [markdown]
# ## Did it work?
# The gain of pretraining is the difference of two accuracies with the same seed, so with the same labeled images.
# %%
gains, widths = metrics.t_interval(pretrained - scratch)
at_500 = sizes.index(500)
criteria.check("weights of a frozen encoder that the transfer, or training the head, has changed", changed, at_most=0)
criteria.check("accuracy gained at 500 labels, lower end of the 95 % interval", gains[at_500] - widths[at_500], at_least=0.0)
for i, size in enumerate(sizes):
    figures = [f"{mean[i]:.4f} \N{PLUS-MINUS SIGN} {width[i]:.4f}" for mean, width in lines.values()]
    criteria.report(f"{size} labels: fine-tuned, frozen, from scratch", ", ".join(figures))
    criteria.report(f"{size} labels: gain, fine-tuned over from scratch", f"{gains[i]:+.4f} \N{PLUS-MINUS SIGN} {widths[i]:.4f}")
criteria.finish()
