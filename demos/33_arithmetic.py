# %% [markdown]
"""Semantic arithmetic: "woman with glasses" = "woman" + "man with glasses" - "man", and how often it is true.

Concepts are means of codes, and an image is edited by adding the difference of two of them. A network trained to recognize
attributes of faces counts in how many of a thousand trials it worked, in StyleGAN's Z and W and in a variational autoencoder.
"""

# %% [markdown]
# # 33. Arithmetic in a latent space
#
# Radford et al. (2016), section 6.3.2: of samples that show a man with glasses, a man and a woman, take the mean code of each.
#
#     woman with glasses = woman + mean(man with glasses) - mean(man)
#
# Here it is measured. A trial takes the code of one woman without glasses, twenty new men with glasses and twenty without; it is
# a success if the evaluator, a classifier trained on all factors of the images, sees a woman *and* glasses. The evaluator also
# decides which of StyleGAN's samples show which attribute; for the images that the variational autoencoder encodes, the labels
# do. For continuous attributes the upper third counts as having it, the lower third as lacking it.
#
# The arithmetic is compared with four alternatives that should do worse: no edit; a random direction of the same length; the same
# procedure, scaled to the same length, with arbitrary samples (in W, where codes vary far more along some directions than along
# others, this is the harder one to beat); and the same sum of *pixels*, which may well show glasses, but as in a double exposure:
# its images are compared with the model's own images of women with glasses.
# %%
from typing import NamedTuple

import numpy as np

import minigen as mg
from minigen import data, evaluators, metrics, plot, pretrained, recipes
from minigen.gallery.demo import Criteria, demo_arguments, save, train_evaluator
from minigen.models.latent import analogy, attribute_direction, walk
from minigen.plot import gan_figures
from minigen.recipes import portraits
from minigen.recipes.inputs import square

recipe, full = recipes.find("stylegan"), portraits.full("stylegan")
SHOWN, SHOWN_VAE = "stylegan-faces-64", "vae-faces-64"
sizes = portraits.SIZE | {"samples": 5000, "trials": 1000, "examples": 20}
args = demo_arguments("33_arithmetic", __doc__, recipe, data="faces", full=full, shipped=SHOWN, **sizes)


class Analogy(NamedTuple):
    """start + with_it - without: adds `attribute` to images with a level of the factor `kept`, using images that have both
    levels."""

    attribute: str
    kept: str
    level: int
    other: int
    start: str
    with_it: str
    without: str


ANALOGIES = {
    "faces": {
        "woman with glasses": Analogy("glasses", "man", 0, 1, "woman", "man with\nglasses", "man"),
        "smiling woman": Analogy("smile", "man", 0, 1, "sad woman", "smiling\nman", "sad man"),
        "woman with long hair": Analogy(
            "hair_length", "man", 0, 1, "woman with\nshort hair", "man with\nlong hair", "man with\nshort hair"
        ),
    },
    "glyphs": {
        "bold and slanted": Analogy("weight", "slant", 1, 0, "slanted", "bold", "plain"),
        "slanted and bold": Analogy("slant", "weight", 1, 0, "bold", "slanted", "plain"),
        "bold 3": Analogy("weight", "class", 3, 8, "3", "bold 8", "8"),
    },
}
WALKS = {
    "faces": ("man", "glasses", "smile", "hair_length", "skin", "age"),
    "glyphs": ("weight", "slant", "stroke", "rotation", "scale"),
}
if args.data not in ANALOGIES:
    raise SystemExit(
        f"--data {args.data}: arithmetic is evaluated by an image's factors of variation, which are known for "
        f"{' and '.join(ANALOGIES)} only"
    )
cases = ANALOGIES[args.data]
if args.quick:
    portraits.shorten(args)
    args.trials, cases = 20, dict([*cases.items()][:1])
criteria = Criteria(args)
task = portraits.PortraitTask(args)
factors = {name: values for name, values in task.train.factors.items() if name != "font"}  # that is weight, slant and family
images = data.Dataset(args.data, task.images, task.train.labels, task.train.class_names, factors)
evaluator = task.evaluator if task.faces else train_evaluator(images, args, evaluators.attribute_classifier)

# %% [markdown]
# ## Three spaces
# `stylegan-faces-64` and `vae-faces-64` come with minigen. With `--train` the first is demo 27's, loaded from the user's cache or
# trained, which takes a quarter of an hour, and the second is trained here. Attributes that the one does not draw, or the other
# does not encode, cannot be added. The variational autoencoder's codes are the means of q(z|x).
# %%
if args.train:
    generator, vae = portraits.trained_stylegan(task), portraits.trained_vae(task)
else:
    generator, vae = mg.load(SHOWN).network, mg.load(SHOWN_VAE).network
    print(f"{SHOWN_VAE}:\n\n{pretrained.card(SHOWN_VAE)}\n")


class Space:
    """Codes (n, d), the function that draws their images, these, and what they show: factor -> (n,)."""

    def __init__(self, codes, draw, shown=None):
        self.codes, self.draw = codes, draw
        self.images = draw(codes)
        self.shown = evaluator.predict(self.images) if shown is None else shown


def on_host(function):
    """A function of device arrays, outside any graph, as one of host arrays."""

    def hosted(x):
        with mg.no_grad():
            return function(mg.asarray(x)).numpy()

    return hosted


z = gan_figures.latent(generator, args.samples, seed=1)
encoded = images[: args.samples]
spaces = {
    "Z": Space(z, generator.draw),
    "W": Space(generator.map(z), generator.draw_styles),
    "VAE": Space(on_host(lambda x: vae.encode(x)[0])(encoded.images), on_host(vae.pixels), encoded.factors),
}
SPACES = {"Z": "StyleGAN's Z", "W": "StyleGAN's W", "VAE": "a variational autoencoder's space"}
thirds = {name: np.quantile(values, (1 / 3, 2 / 3)) for name, values in factors.items() if values.dtype.kind == "f"}


def shows(shown, factor, level):
    """Which images have this level of a factor; for a continuous one the upper third is 1 and the lower third 0."""
    if factor not in thirds:
        return shown[factor] == level
    return shown[factor] > thirds[factor][1] if level else shown[factor] < thirds[factor][0]


# %% [markdown]
# ## The chapter's picture
# The first three samples in which the evaluator sees each concept, and the image of their mean. On the right the sum, in the
# center, surrounded by variations with a little noise.
# %%


def some(mask):
    """Indices of the images that have it; if none has, as in a quick run, of any."""
    return np.flatnonzero(mask) if mask.any() else np.arange(len(mask))


def concepts(space, case):
    """Indices of all images that show the start, the attribute in others, and the others without it."""
    kept, other = (shows(space.shown, case.kept, level) for level in (case.level, case.other))
    has, lacks = (shows(space.shown, case.attribute, level) for level in (1, 0))
    return kept & lacks, other & has, other & lacks


name, chapter = next(iter(cases.items()))
rng = np.random.default_rng(args.seed)
for label, space in spaces.items():
    three = [space.codes[np.resize(some(mask), 3)] for mask in concepts(space, chapter)]  # over again if there are fewer
    start, with_it, without = (
        {text: space.draw(np.concatenate([codes, codes.mean(axis=0, keepdims=True)]))}
        for text, codes in zip((chapter.start, chapter.with_it, chapter.without), three)
    )
    center = analogy(three[0].mean(axis=0, keepdims=True), three[2], three[1])
    noise = 0.4 * space.codes.std(axis=0) * rng.standard_normal((9, space.codes.shape[1]))
    noise[4] = 0.0
    around = space.draw((center + noise).astype(np.float32))
    title = f"{name.capitalize()}, in {SPACES[label]}"
    save(
        plot.equation(start | with_it | without, "+-", around.reshape(3, 3, *around.shape[1:]), title),
        args,
        f"equation_{label.lower()}.png",
    )

# %% [markdown]
# ## A thousand trials
# %%
METHODS = ("no edit", "random direction", "any samples", "arithmetic", "pixels")
discrete = [name for name, values in factors.items() if values.dtype.kind == "i"]


def trials(space, case):
    """For each method its images and the evaluator's predictions; and the number of samples of the rarest concept."""
    masks = concepts(space, case)
    start = rng.choice(some(masks[0]), args.trials)
    with_it, without = (rng.choice(some(mask), (args.trials, args.examples)) for mask in masks[1:])
    codes = space.codes[start]
    edit = analogy(codes, space.codes[without], space.codes[with_it]) - codes
    length = np.linalg.norm(edit, axis=1, keepdims=True)
    anyone = rng.choice(len(space.codes), (2, args.trials, args.examples))
    directions = {
        "random direction": rng.standard_normal(edit.shape),
        "any samples": space.codes[anyone[0]].mean(axis=1) - space.codes[anyone[1]].mean(axis=1),
    }
    made = {"no edit": space.images[start], "arithmetic": space.draw(codes + edit)} | {
        method: space.draw((codes + length * way / np.linalg.norm(way, axis=1, keepdims=True)).astype(np.float32))
        for method, way in directions.items()
    }
    made["pixels"] = np.stack(
        [
            space.images[s] + space.images[w].mean(axis=0) - space.images[o].mean(axis=0)
            for s, w, o in zip(start, with_it, without)
        ]
    ).clip(0, 1)
    return made, {method: evaluator.predict(each) for method, each in made.items()}, min(mask.sum() for mask in masks)


table, stays, successes, rarest, distances = {}, {}, {}, {}, {}
for label, space in spaces.items():
    for name, case in cases.items():
        made, read, rarest[label, name] = trials(space, case)
        good = {method: shows(read[method], case.attribute, 1) & shows(read[method], case.kept, case.level) for method in METHODS}
        successes[label, name] = {method: int(good[method].sum()) for method in METHODS}
        table[f"{label}: {name}"] = [good[method].mean() for method in METHODS]
        others = [factor for factor in discrete if factor not in (case.attribute, case.kept)]
        stays[label, name] = {
            method: np.mean([read[method][factor] == read["no edit"][factor] for factor in others]) for method in METHODS
        }
        if case is chapter:
            save(
                plot.image_rows({method: made[method][:12] for method in METHODS}, f"{name.capitalize()}, in {SPACES[label]}"),
                args,
                f"trials_{label.lower()}.png",
            )
            own = shows(space.shown, case.attribute, 1) & shows(space.shown, case.kept, case.level)
            target = evaluator.features(space.images[some(own)])
            distances[label] = {
                method: metrics.frechet_distance(target, evaluator.features(each)) for method, each in made.items()
            }
save(plot.table(table, METHODS, "How often both attributes are there"), args, "successes.png")

# %% [markdown]
# ## Walking along an attribute
# From the codes without an attribute to those with it, in steps of one standard deviation of the codes in that direction, both
# ways; continuous attributes count as present above their median. Each picture walks from the same portrait.
# %%
distance = np.arange(-3.0, 4.0)


def has(space, factor, shown):
    """Which images have an attribute; for a continuous one, those above the median of the space."""
    return shown[factor] > np.median(space.shown[factor]) if factor in thirds else shown[factor] == 1


curves = {}
for label in ("W", "VAE"):
    space, walked, curves[label] = spaces[label], {}, {}
    for factor in WALKS[args.data]:
        labels = has(space, factor, space.shown)
        if 0 < labels.sum() < len(labels):
            path = walk(space.codes[: args.trials // 10], attribute_direction(space.codes, labels), distance)
            drawn = space.draw(path.reshape(-1, path.shape[2]))
            walked[factor] = drawn[: len(distance)]
            curves[label][factor] = has(space, factor, evaluator.predict(drawn)).reshape(len(path), -1).mean(axis=0)
    if walked:
        save(
            plot.image_rows(walked, f"From three deviations below to three above, in {SPACES[label]}"),
            args,
            f"walks_{label.lower()}.png",
        )
        save(
            plot.curves(
                distance,
                curves[label],
                xlabel="standard deviations along the attribute",
                ylabel="share that has it",
                title=f"Walking along an attribute, in {SPACES[label]}",
            ),
            args,
            f"walked_{label.lower()}.png",
        )

# %% [markdown]
# ## Did it work?
# The chapter's analogy must succeed more than three times as often as the best of the latent ways that should do worse, in each
# space and beyond chance: the lower end of its 95 % interval against three times the upper end of theirs. Its images must be
# closer than sums of pixels to StyleGAN's own images of women with glasses, and preserve more of everything else than a step of
# the same length in a random direction. The attribute that changes least must still change in half of the images. And
# the evaluator, which was trained on sharp images, must see the attribute in blurred ones, or it could not judge the autoencoder.
# %%
name = next(iter(cases))
for label in spaces:
    intervals = {method: metrics.wilson_interval(count, args.trials) for method, count in successes[label, name].items()}
    best = max(intervals[method][1] for method in METHODS[:3])
    criteria.check(
        f"{label}: {name}, lower end less 3 times the others' upper end", intervals["arithmetic"][0] - 3 * best, at_least=0.0
    )
ghosts, kept = distances["W"], stays["W", name]
criteria.check(
    "W: Fréchet distance from its own, as a share of that of sums of pixels", ghosts["arithmetic"] / ghosts["pixels"], at_most=1.0
)
criteria.check(
    "W: other factors that stay, as a multiple of those that a random direction leaves",
    kept["arithmetic"] / kept["random direction"],
    at_least=1.0,
)
test = task.test[: args.samples]
repainted = evaluator.predict(on_host(vae.reconstruct)(square(test.images)))
criteria.check(
    f"VAE: {chapter.attribute} read rightly in held-out reconstructions",
    (repainted[chapter.attribute] == test.factors[chapter.attribute]).mean(),
    at_least=0.9,
)
criteria.check(
    "rarest concept: samples to take examples from", min(rarest[label, name] for label in spaces), at_least=args.examples
)
for label, lines in curves.items():
    criteria.check(
        f"{label}: the attribute that walks least, share at 3 deviations less at -3",
        min((line[-1] - line[0] for line in lines.values()), default=0.0),
        at_least=0.5,
    )
for row, shares in table.items():
    low, high = metrics.wilson_interval(successes[tuple(row.split(": "))]["arithmetic"], args.trials)
    criteria.report(
        row,
        f"{shares[3]:.3f} ({low:.3f} to {high:.3f}); "
        + ", ".join(f"{method} {share:.3f}" for method, share in zip(METHODS, shares) if method != "arithmetic"),
    )
for label, of in distances.items():
    criteria.report(f"{label}: Fréchet distance from its own", ", ".join(f"{method} {value:.3g}" for method, value in of.items()))
for label in spaces:
    criteria.report(
        f"{label}: other factors that stay", ", ".join(f"{method} {share:.3f}" for method, share in stays[label, name].items())
    )
for label, lines in curves.items():
    criteria.report(
        f"{label}: walks, share at -3 and at 3",
        ", ".join(f"{factor} {line[0]:.2f} {line[-1]:.2f}" for factor, line in lines.items()),
    )
criteria.report("evaluator", f"{evaluator.fingerprint()}, {args.trials:,} trials with {args.examples} examples of each concept")
criteria.finish()
