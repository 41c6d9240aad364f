"""What samples must reach: the bounds of every demo of a generator, in one place, and how they are checked.

A bound is worth what fails it: each of these standards is failed by every trivial sampler, by copies, and by a generator before
its training, and passed by real images held out (tests/gallery/test_standards.py).
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigen import metrics, pretrained
from minigen.data import Dataset
from minigen.evaluators.comparison import Comparison, Scores, held_out, within_classes
from minigen.evaluators.figures import HELD_OUT, PATCHED, SAMPLES, patch_distances
from minigen.gallery.demo import Criteria


@dataclass(frozen=True)
class Standard:
    """Bounds for samples; in the evaluator's space, all for equally many images.

    floors: the Fréchet distance, at most so many times that of real images held out.  of_gaussian: and at most this share of that
    of one Gaussian of the pixels.  best: and at most this share of the best trivial sampler's, of those that do not copy, and,
    without `labels`, do not know the classes.  precision, recall: at least.  newness: median distance from the nearest training
    image, at least this share of a held-out image's.  copies: of training images, at most this share of the samples.  within:
    where classes are asked for, the mean distance of two images of a class, at least this share of two real ones', in each class.
    rarest: each class, or level of a factor, at least this share of its fair share.  patches: the sliced Wasserstein distance at
    each scale, at most this multiple of that of real images held out.  told: the accuracy of the 1-NN test, at most. None for
    what is only reported.
    """

    floors: float
    precision: float
    recall: float
    of_gaussian: float = 0.5
    best: float = 0.9
    labels: bool = True
    newness: float = 0.7
    copies: float = 0.01
    within: float = 0.75
    rarest: float = 1 / 3
    patches: float | None = None
    told: float | None = None


# Set from what the demo's recipe had reached, which stands beside each: distance in floors, precision, recall; one seed, on
# glyphs, or on faces (120,000 images). So they say whether a run is as good as that one, not how good it should be. As long as
# fakes can be told from real faces, recall says little: half a Gaussian's distance, 93 floors, decides.
STANDARDS = {
    # 132, 0.23, 0.70
    "12_variational": Standard(floors=160, precision=0.15, recall=0.5, of_gaussian=0.6, best=1.0, labels=False),
    "16_conditional_vae": Standard(floors=90, precision=0.5, recall=0.35),  # 73, 0.67, 0.49
    "18_gan": Standard(floors=50, precision=0.15, recall=0.4),  # 26, 0.25, 0.65
    "22_dcgan": Standard(floors=30, precision=0.2, recall=0.6),  # 11, 0.32, 0.88
    "25_conditional_gan": Standard(floors=30, precision=0.2, recall=0.6),  # not yet measured
    "26_progressive": Standard(floors=90, precision=0.25, recall=0.002),  # 68, 0.37, 0.007
    "27_stylegan": Standard(floors=90, precision=0.25, recall=0.002),  # not yet measured
}


# What generators that come with minigen should reach, by name: set before they were trained, but for the precision of digits.
SHIPPED = {
    "progan-faces-32": Standard(floors=4, precision=0.9, recall=0.75, rarest=0.8, patches=2.0, told=0.65),
    "stylegan-faces-32": Standard(floors=8, precision=0.75, recall=0.6, rarest=0.6),
    "stylegan-faces-64": Standard(floors=15, precision=0.75, recall=0.5, rarest=0.5),
    "dcgan-mnist": Standard(floors=4, precision=0.7, recall=0.6, rarest=0.5),
    "conditional-dcgan-mnist": Standard(floors=4, precision=0.7, recall=0.6, rarest=0.5, within=0.8),
}


def compared(evaluator: Any, train: Dataset, test: Dataset, args: argparse.Namespace) -> Comparison:
    """What samples of a demo of 28 x 28 images are compared with. test: its size limits how many."""
    n = min(args.samples, len(test))
    return Comparison(evaluator.features, train.images, train.labels, held_out(test, n), n)


def check_samples(
    criteria: Criteria,
    samples: np.ndarray,
    comparison: Comparison,
    asked: np.ndarray | None = None,
    standard: Standard | None = None,
) -> Scores:
    """Check samples against a standard, by default that of the running demo, and report the trivial samplers beside them.

    asked: the classes that were asked for, (n,).
    """
    standard, scores = standard or STANDARDS[criteria.args.name], comparison.scores(samples)
    for name, value, bound in requirements(standard, scores, comparison):
        criteria.check(name, value, **bound)
    if asked is not None:
        within = within_classes(comparison, samples, asked)
        criteria.check(
            "difference of images within a class, as a share of real ones', the least",
            min(within.values()),
            at_least=standard.within,
        )
    report_scores(criteria, scores, comparison)
    criteria.report("best trivial sampler that does not copy", comparison.best_trivial(standard.labels)[0])
    return scores


def requirements(standard: Standard, scores: Scores, comparison: Comparison) -> Iterator[tuple[str, float, dict[str, float]]]:
    """What a standard asks of scores: name, measured value, and the bound by which it is judged."""
    distance, gaussian = scores.distance, comparison.trivial["one Gaussian of the pixels"].distance
    of_floor, of_best = distance / comparison.floor.distance, distance / comparison.best_trivial(standard.labels)[1]
    yield "Fréchet distance, as a multiple of that of real images held out", of_floor, {"at_most": standard.floors}
    yield "Fréchet distance, as a share of one Gaussian's of the pixels", distance / gaussian, {"at_most": standard.of_gaussian}
    yield "Fréchet distance, as a share of the best trivial sampler's", of_best, {"at_most": standard.best}
    yield "precision", scores.precision, {"at_least": standard.precision}
    yield "recall", scores.recall, {"at_least": standard.recall}
    nearest = "distance from the nearest training image, as a share of a held-out image's"
    yield nearest, scores.newness, {"at_least": standard.newness}
    yield "copies of training images", scores.copies, {"at_most": standard.copies}


def report_scores(criteria: Criteria, scores: Scores, comparison: Comparison) -> None:
    """Report the samples' scores above those of every trivial sampler and of real images held out."""
    criteria.report(f"of {comparison.n:,} images each", "Fréchet distance (in floors), precision, recall, newness, copies")
    for name, each in {"samples": scores, **comparison.trivial, "real images held out: the floor": comparison.floor}.items():
        criteria.report(
            name,
            f"{each.distance:.3g} ({each.distance / comparison.floor.distance:.3g}), {each.precision:.2f}, {each.recall:.2f}, "
            f"{each.newness:.2f}, {each.copies:.1%}",
        )


def report_patches(criteria: Criteria, samples: np.ndarray, comparison: Comparison, standard: Standard | None = None) -> None:
    """Report the sliced Wasserstein distances of samples, and of real images held out, at each scale; and the 1-NN test.

    standard: check what it asks of them, too; by default that of the running demo.
    """
    standard = standard or STANDARDS[criteria.args.name]
    n = min(comparison.n, PATCHED)
    of = {
        name: patch_distances(comparison, images)
        for name, images in (("samples", samples), ("real images held out", comparison.held_out_images))
    }
    for name, distances in of.items():
        criteria.report(
            f"sliced Wasserstein distance x 1000, {n:,} {name}",
            ", ".join(f"{side} pixels: {distance:.3g}" for side, distance in distances.items()),
        )
    told = metrics.nearest_neighbor_test(comparison.real, comparison.features(samples[: comparison.n])).accuracy
    criteria.report("1-NN test, samples against real images (1/2 if they cannot be told apart)", told)
    if standard.patches is not None:
        worst = max(distance / of["real images held out"][side] for side, distance in of["samples"].items())
        what = "sliced Wasserstein distance, as a multiple of that of real images held out, at the worst scale"
        criteria.check(what, worst, at_most=standard.patches)
    if standard.told is not None:
        criteria.check("1-NN test, samples against real images", told, at_most=standard.told)


def verdicts(name: str) -> list[tuple[str, str, float, bool]]:
    """What was asked of a generator that comes with minigen, beside the figures on its card: figure, bound, measured, met.

    Empty for a model of which nothing was asked.
    """
    if name not in SHIPPED:
        return []
    standard, figures = SHIPPED[name], pretrained.card(name).metrics
    named = {key.partition(",")[0]: value for key, value in figures.items() if key.startswith("lowest")}
    patches = [
        value / figures[key.replace(SAMPLES, HELD_OUT)] for key, value in figures.items() if key.startswith(f"{SAMPLES}: SWD")
    ]
    asked = [
        ("distance in floors", figures[f"{SAMPLES}: distance in floors"], "at_most", standard.floors),
        ("precision", figures[f"{SAMPLES}: precision"], "at_least", standard.precision),
        ("recall", figures[f"{SAMPLES}: recall"], "at_least", standard.recall),
        ("newness", figures[f"{SAMPLES}: newness"], "at_least", standard.newness),
        ("copies", figures[f"{SAMPLES}: copies"], "at_most", standard.copies),
        ("lowest relative frequency", named["lowest relative frequency"], "at_least", standard.rarest),
        ("lowest relative diversity", named.get("lowest relative diversity"), "at_least", standard.within),
        ("SWD, as a multiple of real images', at the worst scale", max(patches), "at_most", standard.patches),
        ("1-NN accuracy", figures[f"{SAMPLES}: 1-NN accuracy"], "at_most", standard.told),
    ]
    return [
        (what, f"{bound.replace('_', ' ')} {limit:.3g}", value, value <= limit if bound == "at_most" else value >= limit)
        for what, value, bound, limit in asked
        if value is not None and limit is not None
    ]
