"""What samples must reach: the bounds of every demo of a generator, in one place, and how they are checked.

A bound is worth what fails it. Every trivial sampler, and every generator before its training, must fail each of these standards;
tests/gallery/test_standards.py proves that they do.
"""

from dataclasses import dataclass

import numpy as np

from minigen.evaluators.comparison import Comparison, Scores
from minigen.gallery.demo import Criteria


@dataclass(frozen=True)
class Standard:
    """Bounds for samples, fixed before the run. The Fréchet distances are in the evaluator's space, all for equally many images.

    floors: the distance, at most so many times that of real images held out.  of_trivial: and at most this share of the best
    trivial sampler's that does not copy.  precision, recall: at least.  newness: median distance from the nearest training image,
    at least this share of a held-out image's.  copies: of training images, at most this share of the samples.
    """

    floors: float
    of_trivial: float
    precision: float
    recall: float
    newness: float = 0.6
    copies: float = 0.01


def check_samples(criteria: Criteria, samples: np.ndarray, comparison: Comparison, standard: Standard, of: str = "") -> Scores:
    """Check samples against a standard, and report the trivial samplers beside them. of: whose samples, for the names."""
    scores, floor = comparison.scores(samples), comparison.floor
    best, smallest = comparison.best_trivial()
    prefix = f"{of}: " if of else ""
    criteria.check(
        f"{prefix}Fréchet distance, as a multiple of that of real images held out",
        scores.distance / floor.distance,
        at_most=standard.floors,
    )
    criteria.check(
        f"{prefix}Fréchet distance, as a share of the best trivial sampler's", scores.distance / smallest, at_most=standard.of_trivial
    )
    criteria.check(f"{prefix}precision", scores.precision, at_least=standard.precision)
    criteria.check(f"{prefix}recall", scores.recall, at_least=standard.recall)
    criteria.check(
        f"{prefix}distance from the nearest training image, as a share of a held-out image's",
        scores.newness,
        at_least=standard.newness,
    )
    criteria.check(f"{prefix}copies of training images", scores.copies, at_most=standard.copies)
    return scores


def report_scores(criteria: Criteria, scores: Scores, comparison: Comparison) -> None:
    """Report the samples' scores above those of every trivial sampler and of real images held out."""
    criteria.report(f"of {comparison.n:,} images", "Fréchet distance (as a multiple of the floor), precision, recall, newness, copies")
    every = {"samples": scores, **comparison.trivial, "real images held out: the floor": comparison.floor}
    for name, each in every.items():
        criteria.report(
            name,
            f"{each.distance:.3g} ({each.distance / comparison.floor.distance:.3g}), {each.precision:.2f}, {each.recall:.2f}, "
            f"{each.newness:.2f}, {each.copies:.1%}",
        )
