# %% [markdown]
"""Anomaly detection: a network cannot reconstruct what it has not seen.

An autoencoder trained only on normal images draws everything as if it were normal. The reconstruction error measures how strange
an image is; the threshold is set on held-out normal images.
"""

# %% [markdown]
# # 32. Anomaly detection
#
# Scores, each based on normal images only, and higher for stranger images:
#
#     mean           mean over pixels of (x - m)^2,  m the mean of the normal images
#     PCA            mean over pixels of (x - x^)^2,  x^ from 10 principal components
#     nearest        distance from the nearest of the normal images (of the first 4,000)
#     autoencoder    mean over pixels of (x - x^)^2,  x^ from the 10 codes of a stacked autoencoder
#     relative       the same as a share of the image itself:  sum (x - x^)^2 / sum x^2
#     variational    -log p(x|z) + KL(q(z|x) || p(z)),  z the mean of q(z|x): about -log p(x), in nats
#
# A score is measured by the area under its ROC curve: how often it is higher for an anomaly than for a normal image. Chance is
# 1/2.
# %%
from math import ceil

import numpy as np

import minigen as mg
from minigen import baselines, data, metrics, optim, plot, training
from minigen.gallery.demo import Criteria, demo_arguments, save
from minigen.models.autoencoders import StackedAutoencoder, VariationalAutoencoder
from minigen.utils.progress import bar

args = demo_arguments("32_anomalies", __doc__, updates=600, batch_size=64)
sizes, codes, references = (10_000, 3000, 3000), 10, 4000
train, test = data.load(args.data)
letters = data.load("glyphs", characters="ACEFHKMNPRTUVWXY", train_size=1, test_size=1000)[1]
if args.quick:
    sizes, args.updates, test, letters = (500, 200, 200), 10, test[:300], letters[:100]
test = test[:2000]
criteria = Criteria(args)
rng = np.random.default_rng(args.seed)
fitted, calibration, tested = (train[part] for part in np.split(rng.permutation(len(train))[: sum(sizes)], np.cumsum(sizes)[:2]))
classes = range(2 if args.quick else len(train.class_names))


def rows(images):
    """Images (n, 28, 28, 1) -> (n, 784)."""
    return images.reshape(len(images), -1)


def trained(model, images, updates):
    """The model after (about) `updates` updates on these images, in evaluation mode."""
    in_epoch = ceil(len(images) / args.batch_size)
    epochs = ceil(updates / in_epoch)
    optimizer = optim.Adam(model.parameters(), lr=optim.schedules.cosine(5e-3, epochs * in_epoch))
    training.fit(model, images, optimizer=optimizer, epochs=epochs, batch_size=args.batch_size, progress=False)
    return model.eval()


class Detector:
    """Five scores, learned from normal images (n, 28, 28, 1)."""

    def __init__(self, normal, updates):
        self.normal, self.mean = normal[:references], mg.mean(normal, axis=0)
        self.pca = baselines.pca(rows(normal), codes)
        self.autoencoder = trained(StackedAutoencoder(latent_dim=codes), normal, updates)

    def rebuilt(self, images):
        """The autoencoder's reconstructions of images."""
        return mg.to_numpy(self.autoencoder.reconstruct(mg.asarray(images)))

    def errors(self, images):
        """The autoencoder's score alone: (n,)."""
        return np.mean((images - self.rebuilt(images)) ** 2, axis=(1, 2, 3))

    def scores(self, images):
        """Each score of the images: name -> (n,)."""
        error = self.errors(images)
        return {
            "mean": np.mean((images - self.mean) ** 2, axis=(1, 2, 3)),
            "PCA": np.mean((rows(images) - self.pca.reconstruct(rows(images))) ** 2, axis=1),
            "nearest": metrics.nearest_training(images, self.normal).distances,
            "autoencoder": error,
            "relative": error / np.mean(images**2, axis=(1, 2, 3)),
        }


def areas(normal, anomalous):
    """The area under the ROC curve of each score: name -> area with its interval."""
    return {name: metrics.auroc(normal[name], anomalous[name]) for name in normal}


# %% [markdown]
# ## All classes are normal
# The anomalies: letters, in fonts, that do not look like digits; and held-out images that have been damaged. A sixth score, the
# variational autoencoder's, is available here.
# %%


def damaged(images):
    """Four kinds of damage: name -> images."""
    kinds = {"noise": (images + 0.2 * rng.standard_normal(images.shape, dtype=np.float32)).clip(0, 1)}
    for kind, side, value in (("piece missing", 8, 0.0), ("spot", 4, 1.0)):
        kinds[kind] = images.copy()
        for image, (top, left) in zip(kinds[kind], rng.integers(6, 22 - side + 1, (len(images), 2))):
            image[top : top + side, left : left + side] = value
    kinds["two halves"] = np.concatenate([images[:, :14], np.roll(images, 1, axis=0)[:, 14:]], axis=1)
    return kinds


def nll(images):
    """The negative bound of the variational autoencoder, with the mean of q(z|x) for z, in nats: (n,)."""
    x = mg.asarray(images)
    with mg.no_grad():
        mean, logvar = variational.encode(x)
        return (mg.ops.kl_standard_normal(mean, logvar).sum(axis=1) - variational.log_likelihood(x, mean)).numpy()


everything = Detector(fitted.images, 2 * args.updates)
variational = trained(VariationalAutoencoder(latent_dim=codes), fitted.images, 2 * args.updates)
whole, others = test.images[: len(test) // 2], test.images[len(test) // 2 :]
anomalies = {"letters": letters.images} | damaged(others)
usual, *scores = [everything.scores(images) | {"variational": nll(images)} for images in (whole, *anomalies.values())]
strange = dict(zip(anomalies, scores))
found = {kind: areas(usual, scores) for kind, scores in strange.items()}
save(
    plot.table(
        {method: [found[kind][method].value for kind in anomalies] for method in usual},
        list(anomalies),
        title=f"All classes normal: area under the ROC curve ({args.data})",
    ),
    args,
    "all.png",
)

shown = np.concatenate([whole[:4], *(images[:2] for images in anomalies.values())])
rebuilt = everything.rebuilt(shown)
save(
    plot.image_rows(
        {"image": shown, "rebuilt": rebuilt, "error": abs(shown - rebuilt)},
        title=f"Four normal images ({args.data}); then, by twos: " + ", ".join(anomalies),
    ),
    args,
    "anomalies.png",
)
highest = whole[np.argsort(-usual["autoencoder"])[:10]]
lowest = letters.images[np.argsort(strange["letters"]["autoencoder"])[:10]]
save(
    plot.image_rows(
        {
            "normal images with\nthe highest error": highest,
            "rebuilt": everything.rebuilt(highest),
            "letters with\nthe lowest error": lowest,
            "letters, reconstructed": everything.rebuilt(lowest),
        },
        title=f"Where the autoencoder is most mistaken ({args.data})",
    ),
    args,
    "extremes.png",
)

edges = np.linspace(0, np.quantile(strange["letters"]["autoencoder"], 0.99), 41)
errors = {"normal": usual["autoencoder"]} | {kind: strange[kind]["autoencoder"] for kind in ("letters", "noise", "piece missing")}
shares = {kind: 100 * np.histogram(error, edges)[0] / len(error) for kind, error in errors.items()}
save(
    plot.curves(
        (edges[:-1] + edges[1:]) / 2,
        shares,
        xlabel="squared error",
        ylabel="% of images",
        title=f"How far reconstructions are from the images ({args.data})",
    ),
    args,
    "scores.png",
)

# %% [markdown]
# ## One class is normal, and one class is missing
# Ten times each: a detector trained on one class only, for which all others are anomalies; and one trained on all but one class,
# which is the anomaly. The second task is harder: a network that can draw nine classes can draw much of the tenth.
# %%
one, missing = {}, {}
for label in bar(classes, desc="classes"):
    own, of_class = fitted.labels == label, test.labels == label
    for table, normal, anomaly in ((one, own, ~of_class), (missing, ~own, of_class)):
        detector = Detector(fitted.images[normal], args.updates)
        table[label] = areas(detector.scores(test.images[~anomaly]), detector.scores(test.images[anomaly]))
methods = list(one[0])
TABLES = {"one class normal": one, "one class an anomaly": missing}
for name, table in TABLES.items():
    save(
        plot.table(
            {method: [table[label][method].value for label in classes] for method in methods},
            [train.class_names[label][:7] for label in classes],
            title=f"{name.capitalize()}: area under the ROC curve ({args.data})",
        ),
        args,
        f"{name.replace(' ', '_')}.png",
    )

# %% [markdown]
# ## Did it work?
# The threshold is chosen on 3,000 normal images so that 5 % of new ones give a false alarm. Among 3,000 others the share must lie
# in the interval of 99 of 100 detectors, which is exact for any score. Images with little ink are expected to be reconstructed
# well, known or not: trained without the class with the least ink, the error ranks it as more normal than the normal ones.
# %%
threshold = metrics.alarm_threshold(everything.errors(calibration.images))
alarms = np.mean(everything.errors(tested.images) > threshold)
criteria.check("false alarms at a threshold for 5 %, share", alarms, between=metrics.false_alarm_interval(*sizes[1:]))
criteria.check("all classes normal: area for letters", found["letters"]["autoencoder"].value, at_least=0.80)
of_one = {method: np.array([one[label][method].value for label in classes]) for method in methods}
criteria.check("one class normal: area, mean over classes", of_one["autoencoder"].mean(), at_least=0.90)
mean, half_width = metrics.t_interval(of_one["autoencoder"] - of_one["mean"])
criteria.check(
    "one class normal: area beyond that by the distance from the mean, lower end of the 95 % interval",
    mean - half_width,
    at_least=0.0,
)
thinnest = int(np.argmin([fitted.images[fitted.labels == label].mean() for label in classes]))
criteria.check(
    f"one class an anomaly, the one with the least ink ({train.class_names[thinnest]}): area",
    missing[thinnest]["autoencoder"].value,
    at_most=0.5,
)

criteria.report("areas by", ", ".join(usual))
for kind in anomalies:
    figures = [f"{found[kind][method].value:.3f} \N{PLUS-MINUS SIGN} {found[kind][method].half_width:.3f}" for method in usual]
    criteria.report(f"all classes normal: {kind}", ", ".join(figures))
for name, table in TABLES.items():
    groups = {"mean over classes": classes} | {train.class_names[label]: [label] for label in classes}
    for whose, labels in groups.items():
        means = [np.mean([table[label][method].value for label in labels]) for method in methods]
        criteria.report(f"{name}: {whose}", ", ".join(f"{mean:.3f}" for mean in means))
for kind, scores in ({"held-out images (of glyphs: in fonts that are new)": usual} | strange).items():
    criteria.report(f"alarms among {kind}", f"{np.mean(scores['autoencoder'] > threshold):.2%}")
criteria.finish()
