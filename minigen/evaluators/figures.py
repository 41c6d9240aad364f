"""All that is known of a generator's samples, as figures with names: what `minigen evaluate` writes, and what model cards say."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np

from minigen import metrics
from minigen.data import Dataset
from minigen.evaluators.comparison import Comparison, Scores, within_classes
from minigen.evaluators.faces import SPOILED
from minigen.evaluators.pictures import CLASS
from minigen.synthetic.faces import FACTORS
from minigen.utils.tables import table

Figures = dict[str, Any]  # name -> number, or a text
PATCHED = 1000  # images whose patches are compared: they are many
SAMPLES, HELD_OUT = "samples", "real images held out"
DISTANCE = "Fréchet distance"


def evidence(
    evaluator: Any, train: Dataset, held_out: np.ndarray, samples: np.ndarray, asked: np.ndarray | None = None
) -> Figures:
    """Name -> figure of samples, beside those of every trivial sampler and of real images held out.

    "WHO: WHAT", where WHO is "samples", a trivial sampler or "real images held out" and WHAT one of their `Scores`, or "distance
    in floors", the Fréchet distance as a multiple of that of real images held out. Then, for samples and real images held out,
    "SWD", the sliced Wasserstein distance at each resolution, of at most 1,000 images; the accuracy of the 1-NN test, 1/2
    if they cannot be told from real ones; and the share that the evaluator takes for unspoiled, if it has learned to see that.
    For each class, or each level of the discrete factors of faces, "relative frequency": its share of the samples, as a multiple
    of its share of `train`; the lowest is named. If classes were `asked` for, (n,), also how many samples show the class asked
    for, and for each class "relative diversity", the mean distance of two samples as a share of that of two real images; the
    lowest is named.

    evaluator: `evaluator_of(train)`.  train: what the generator was trained on.  held_out, samples: images like those in `train`,
    at least as many of the former. Raises what `Comparison` and `within_classes` raise for too few images.
    """
    comparison = Comparison(evaluator.features, train.images, train.labels, held_out, len(samples))
    samples, asked = samples[: comparison.n], None if asked is None else asked[: comparison.n]
    everybody = {SAMPLES: comparison.scores(samples), **comparison.trivial, HELD_OUT: comparison.floor}
    figures: Figures = {"images of each kind": comparison.n}
    for who, scores in everybody.items():
        figures |= {f"{who}: {what}": value for what, value in named(scores, comparison.floor).items()}
    for who, images in ((SAMPLES, samples), (HELD_OUT, comparison.held_out_images)):
        figures |= {f"{who}: {what}": value for what, value in told_apart(comparison, evaluator, images).items()}
    figures |= frequencies(evaluator, train, samples)
    if asked is not None:
        figures |= of_classes(evaluator, comparison, train, samples, asked)
    return figures | {"evaluator": evaluator.fingerprint()}


def evidence_table(figures: Figures) -> str:
    """Figures as text, in their order: those that several have in common as one table, with a column for each."""
    tables = []
    for whats, group in alike(figures):
        if whats:
            rows = [(who, *map(shown, values)) for who, values in group]
            tables.append(table([("", *whats), *rows], "<" + ">" * len(whats)))
        else:
            tables.append(table([(name, shown(value)) for name, (value,) in group]))
    return "\n\n".join(tables)


def grouped(figures: Figures) -> dict[str, str]:
    """Figures as lines of text, name -> values: one for each set of images, and one for what is known of every class."""
    lines: dict[str, str] = {}
    for whats, group in alike(figures):
        if len(whats) == 1:
            lines[whats[0]] = ", ".join(f"{who} {shown(value)}" for who, (value,) in group)
            continue
        for who, values in group:
            name = f"{who}: patches, neighbors" if who in lines else who
            lines[name] = ", ".join(f"{what} {shown(value)}" for what, value in zip(whats, values)) if whats else shown(values[0])
    return lines


def alike(figures: Figures) -> Iterator[tuple[tuple[str, ...], list[tuple[str, tuple[Any, ...]]]]]:
    """Figures in their order, those of which the same is known together: WHATs, and for each WHO the values.

    Without WHATs for figures that stand alone: their names, each with one value.
    """
    of_each: list[tuple[str, dict[str, Any]]] = []
    for who, group in groupby(named_parts(figures), key=lambda part: part[0]):
        if who:
            of_each.append((who, {what: value for _, what, value in group}))
        else:
            of_each += [(what, {"": value}) for _, what, value in group]
    for whats, several in groupby(of_each, key=lambda each: tuple(each[1])):
        yield () if whats == ("",) else whats, [(who, tuple(values.values())) for who, values in several]


def named_parts(figures: Figures) -> Iterator[tuple[str, str, Any]]:
    """Figures as (WHO, WHAT, value); WHO is "" for those that stand alone."""
    for name, value in figures.items():
        who, _, what = name.rpartition(": ")
        yield who, what, value


def shown(value: Any) -> str:
    """A figure as text."""
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def named(scores: Scores, floor: Scores) -> dict[str, float]:
    """What each of the scores is called among figures."""
    distance, precision, recall, newness, copies = scores
    return {
        DISTANCE: distance,
        "distance in floors": distance / floor.distance,
        "precision": precision,
        "recall": recall,
        "newness": newness,
        "copies": copies,
    }


def patch_distances(comparison: Comparison, images: np.ndarray) -> dict[int, float]:
    """Height of a level -> the sliced Wasserstein distance, times 1000, of at most 1,000 images from as many real ones."""
    n = min(comparison.n, PATCHED)
    return metrics.sliced_wasserstein(comparison.real_images[:n], images[:n])


def told_apart(comparison: Comparison, evaluator: Any, images: np.ndarray) -> dict[str, float]:
    """What tells images from real ones: their patches, their nearest neighbors, and the evaluator if it has learned to."""
    patches = patch_distances(comparison, images)
    found = {f"SWD x 1000, {side} pixels": distance for side, distance in patches.items()}
    found["1-NN accuracy"] = metrics.nearest_neighbor_test(comparison.real, comparison.features(images)).accuracy
    said = evaluator.predict(images)
    if isinstance(said, dict) and SPOILED in said:
        found["seen as unspoiled"] = float((said[SPOILED] == 0).mean())
    return found


def frequencies(evaluator: Any, train: Dataset, samples: np.ndarray) -> Figures:
    """How often the evaluator sees each class, or each level of a discrete factor: 1 for as often as in the data."""
    found: dict[str, float] = {}
    for names, seen, true in levels(evaluator, train, samples):
        shares, real = (metrics.class_histogram(each, len(names)) / len(each) for each in (seen, true))
        found |= {name: float(share / of_data) for name, share, of_data in zip(names, shares, real, strict=True) if of_data > 0}
    if not found:  # pictures of one class
        return {}
    lowest = min(found, key=found.__getitem__)
    return {
        **{f"{name}: relative frequency": value for name, value in found.items()},
        f"lowest relative frequency, {lowest}": found[lowest],
    }


def levels(evaluator: Any, train: Dataset, samples: np.ndarray) -> Iterator[tuple[list[str], np.ndarray, np.ndarray]]:
    """Of the classes, or of each discrete factor of faces: the names of its levels, the samples' levels, those of the data."""
    said = evaluator.predict(samples)
    if (classes := classes_seen(said)) is not None:
        yield [f"class {name}" for name in train.class_names], classes, train.labels
        return
    for factor, seen in said.items():
        if factor in train.factors and FACTORS[factor].levels:
            yield [f"{factor} ({name})" for name in FACTORS[factor].levels], seen, train.factors[factor]


def classes_seen(said: Any) -> Any:
    """The classes, (n,), among what an evaluator predicts, if it knows any."""
    return said.get(CLASS) if isinstance(said, dict) else said


def of_classes(evaluator: Any, comparison: Comparison, train: Dataset, samples: np.ndarray, asked: np.ndarray) -> Figures:
    """Whether samples show the class that was asked for, and how different those of a class are."""
    right = classes_seen(evaluator.predict(samples)) == asked
    within = {train.class_names[label]: share for label, share in within_classes(comparison, samples, asked).items()}
    lowest = min(within, key=within.__getitem__)
    return {
        "samples of the class asked for": float(right.mean()),
        **{f"asked for class {name}: relative diversity": share for name, share in within.items()},
        f"lowest relative diversity, class {lowest}": within[lowest],
    }
