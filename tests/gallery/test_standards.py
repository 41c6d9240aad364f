"""A standard is worth what fails it: trivial samplers, copies, spoiled images, generators before their training. Real ones pass."""

import argparse
import re
from pathlib import Path

import numpy as np
import pytest

from minigen import data, evaluators, metrics, recipes
from minigen.baselines import spoiling, trivial_samples
from minigen.evaluators.comparison import Comparison, within_classes
from minigen.evaluators.figures import HELD_OUT, SAMPLES, named, named_parts, told_apart
from minigen.gallery.demo import Criteria
from minigen.gallery.standards import SHIPPED, STANDARDS, best_trivial, check_samples, requirements

N = 1000
DEMOS = Path(__file__).parents[2] / "demos"
OF_FACES = ("26_progressive", "27_stylegan")
OF_DIGITS = tuple(name for name in STANDARDS if name not in OF_FACES)
RECIPES = {"18_gan": "gan", "22_dcgan": "dcgan", "25_conditional_gan": "conditional-dcgan", "26_progressive": "progan"}


def test_every_demo_that_checks_samples_has_a_standard():
    checking = {path.stem for path in DEMOS.glob("*.py") if "check_samples(" in path.read_text(encoding="utf-8")}
    assert checking == STANDARDS.keys()


# -- what fails ------------------------------------------------------------------------------------------------------


def spoiled(images):
    """Real images that nobody has seen, each set spoiled in one way."""
    rng = np.random.default_rng(0)
    ways = [spoiling.blurred, spoiling.double_exposures, spoiling.swapped_blocks]
    if images.shape[-1] == 3:  # the classifier of digits, which has learned only to tell them apart, is blind to these
        ways += [spoiling.noisy, spoiling.half_resolution]
    return {f"real images, {way.__name__}": way(images, rng) for way in ways}


def untrained(train, count):
    """Generators before their first step, by recipe."""
    made = {}
    for name in ("gan", "dcgan") if train.name == "glyphs" else ("progan", "stylegan"):
        recipe = recipes.find(name)
        generator, _ = recipe.networks(recipe.spec_of(train))
        if hasattr(generator, "grow_to"):
            generator.grow_to(32)
        made[f"untrained {name}"] = generator.sample(count)
    return made


@pytest.fixture(scope="module")
def faces():
    """(comparison, scores of what must fail, scores of real images that nobody has seen)"""
    train, test = data.load("faces", resolution=32, train_size=2500, test_size=2 * N)
    evaluator = evaluators.face_evaluator()
    comparison = Comparison(evaluator.features, train.images, train.labels, test.images[:N], N)
    seen = test.images[N:]
    rng = np.random.default_rng(0)
    eyes = {  # what an evaluator of attributes does not see
        "real images, scrambled eyes": spoiling.scrambled(seen, rng),
        "real images, smeared eyes": spoiling.smeared(seen, rng),
    }
    bad = {name: comparison.scores(images) for name, images in {**spoiled(seen), **eyes, **untrained(train, N)}.items()}
    return comparison, comparison.trivial | bad, comparison.scores(seen)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The same for glyphs, with an evaluator of its own."""
    train, test = data.load("glyphs", train_size=4000, test_size=10)
    evaluator = evaluators.feature_classifier(train, epochs=2, cache=tmp_path_factory.mktemp("features"), progress=False)
    others = evaluators.held_out(test, 2 * N)
    comparison = Comparison(evaluator.features, train.images, train.labels, others[:N], N)
    means = np.stack([train.images[train.labels == label].mean(axis=0) for label in range(10)])
    few = {"ten class means": means[np.arange(N) % 10], "twenty training images": train.images[np.arange(N) % 20]}
    bad = {name: comparison.scores(images) for name, images in {**spoiled(others[N:]), **few, **untrained(train, N)}.items()}
    return comparison, comparison.trivial | bad, comparison.scores(others[N:])


# What `evidence` has beside scores, as good as can be: so that only the scores decide.
FAULTLESS = {"lowest relative frequency, class 0": 1.0, "lowest relative diversity, class 0": 1.0, "samples: 1-NN accuracy": 0.5}
FAULTLESS |= {f"{who}: SWD x 1000, {side} pixels": 5.0 for who in (SAMPLES, HELD_OUT) for side in (32, 16)}


def figures_of(scores, comparison):
    """Figures of samples with these scores, faultless otherwise."""
    everybody = {SAMPLES: scores, **comparison.trivial, HELD_OUT: comparison.floor}
    figures = {
        f"{who}: {what}": value for who, each in everybody.items() for what, value in named(each, comparison.floor).items()
    }
    return figures | FAULTLESS


def failed(name, figures, tmp_path):
    """The criteria of a standard that samples with these figures fail."""
    criteria = Criteria(argparse.Namespace(name=name, out=tmp_path, quick=False))
    for what, value, bound, limit in requirements((STANDARDS | SHIPPED)[name], figures):
        criteria.check(what, value, **{bound: limit})
    return [check["name"] for check in criteria.checks if not check["pass"]]


def check(name, comparison, bad, good, tmp_path):
    passed = [what for what, scores in bad.items() if not failed(name, figures_of(scores, comparison), tmp_path)]
    assert not passed, f"these pass the standard of {name}"
    assert not failed(name, figures_of(good, comparison), tmp_path), "real images that nobody has seen fail"


@pytest.mark.parametrize("name", [*OF_FACES, *(name for name in SHIPPED if "faces" in name)])
def test_what_is_not_a_generator_fails_on_faces(name, faces, tmp_path):
    comparison, bad, good = faces
    assert len(comparison.trivial) >= 8 and len(bad) >= 16
    check(name, comparison, bad, good, tmp_path)


@pytest.mark.parametrize("name", [*OF_DIGITS, *(name for name in SHIPPED if "mnist" in name)])
def test_what_is_not_a_generator_fails_on_digits(name, digits, tmp_path):
    comparison, bad, good = digits
    if name == "12_variational":  # whose samples are blurred, and look no better than spoiled images
        bad = {what: scores for what, scores in bad.items() if not what.startswith("real images")}
    check(name, comparison, bad, good, tmp_path)


def test_only_newness_finds_many_copies(faces, tmp_path):
    """A thousand training images have the distance, the precision and the recall of real ones: each part of a standard is needed."""
    comparison, bad, _ = faces
    assert "copies" in failed("26_progressive", figures_of(bad["100 training images"], comparison), tmp_path)
    thousand = comparison.scores(comparison.images[:N])
    assert failed("26_progressive", figures_of(thousand, comparison), tmp_path) == ["newness", "copies"]


def test_every_part_of_a_standard_is_asked_for(faces, tmp_path):
    """Figures just good enough pass, and one of them a little worse fails, by its own name."""
    comparison, _, _ = faces
    name = "progan-faces-32"
    standard = SHIPPED[name]
    figures = figures_of(comparison.floor, comparison)
    least = min(
        standard.floors * comparison.floor.distance,
        standard.of_gaussian * figures["one Gaussian of the pixels: Fréchet distance"],
        standard.best * figures[f"{best_trivial(figures)}: Fréchet distance"],
    )

    def with_distance(distance):
        return {"samples: Fréchet distance": distance, "samples: distance in floors": distance / comparison.floor.distance}

    good = figures | with_distance(0.999 * least)
    good |= {f"samples: {what}": getattr(standard, what) for what in ("precision", "recall", "newness", "copies")}
    good |= {"samples: 1-NN accuracy": standard.told, "samples: SWD x 1000, 16 pixels": 5.0 * standard.patches}
    good |= {"lowest relative frequency, class 0": standard.rarest, "lowest relative diversity, class 0": standard.within}
    assert not failed(name, good, tmp_path)
    for worse, word in (
        (with_distance(1.001 * least), "distance"),
        (with_distance(float("nan")), "distance"),
        ({"samples: precision": standard.precision - 1e-6}, "precision"),
        ({"samples: recall": standard.recall - 1e-6}, "recall"),
        ({"samples: newness": standard.newness - 1e-6}, "newness"),
        ({"samples: copies": standard.copies + 1e-6}, "copies"),
        ({"samples: 1-NN accuracy": standard.told + 1e-6}, "1-NN"),
        ({"samples: SWD x 1000, 32 pixels": 5.0 * standard.patches + 1e-6}, "SWD"),
        ({"lowest relative frequency, class 0": standard.rarest - 1e-6}, "frequency"),
        ({"lowest relative diversity, class 0": standard.within - 1e-6}, "diversity"),
    ):
        names = failed(name, good | worse, tmp_path)
        assert names and all(word in each for each in names)


def test_the_best_trivial_sampler_does_not_copy(digits):
    comparison, _, _ = digits
    figures = figures_of(comparison.floor, comparison)
    distances = {who: value for who, what, value in named_parts(figures) if what == "Fréchet distance"}
    name, blind = best_trivial(figures), best_trivial(figures, labels=False)
    assert name in comparison.trivial and not name.endswith("training images") and "class" not in blind
    better = {who for who, distance in distances.items() if distance < distances[name]}
    assert better <= {SAMPLES, HELD_OUT, *(who for who in distances if who.endswith("training images"))}
    assert distances[blind] >= distances[name]


# -- what a demo shows -----------------------------------------------------------------------------------------------


def test_the_table_shows_every_trivial_sampler(tmp_path):
    train, test = data.load("glyphs", train_size=1500, test_size=10)
    evaluator = evaluators.feature_classifier(train, epochs=1, cache=tmp_path, progress=False)
    criteria = Criteria(argparse.Namespace(name="25_conditional_gan", out=tmp_path, quick=False))
    check_samples(criteria, evaluator, train, test, train.images[:N], asked=train.labels[:N])
    reported = dict(criteria.reports)
    made = dict(trivial_samples(train.images, train.labels, 10))
    assert {*made, SAMPLES, HELD_OUT, "relative frequency", "relative diversity", "evaluator"} <= reported.keys()
    assert re.fullmatch(
        r"Fréchet distance \S+, distance in floors 1, precision 0\.\d+, recall 0\.\d+, newness 1, copies 0", reported[HELD_OUT]
    )
    for who in (SAMPLES, HELD_OUT):
        assert all(f"{side} pixels" in reported[f"{who}: patches, neighbors"] for side in (28, 14))
    checks = {check["name"]: check["pass"] for check in criteria.checks}
    assert not checks["copies"] and not checks["newness"] and checks["precision"] and checks["lowest relative diversity"]
    assert len(checks) == 9


def test_one_image_per_class_has_no_difference_within_classes(digits):
    comparison, _, _ = digits
    first = np.array([np.flatnonzero(comparison.labels == label)[0] for label in range(10)])
    asked = np.arange(500) % 10
    assert max(within_classes(comparison, comparison.images[first[asked]], asked).values()) < 1e-6
    real = within_classes(comparison, comparison.images, comparison.labels)
    assert 0.9 < min(real.values()) <= max(real.values()) < 1.1


def test_patches_and_neighbors_are_judged_for_generators_that_come_trained(faces, tmp_path):
    """Real images that nobody has seen pass."""
    comparison, _, _ = faces
    train, test = data.load("faces", resolution=32, train_size=2500, test_size=2 * N)
    evaluator = evaluators.face_evaluator()

    def judged(images):
        of_each = {SAMPLES: images, HELD_OUT: comparison.held_out_images}
        apart = {
            f"{who}: {what}": value
            for who, each in of_each.items()
            for what, value in told_apart(comparison, evaluator, each).items()
        }
        return failed("progan-faces-32", figures_of(comparison.floor, comparison) | apart, tmp_path)

    rng, seen = np.random.default_rng(0), test.images[N:]
    assert judged(seen) == []
    assert any("SWD" in name for name in judged(spoiling.blurred(seen, rng)))
    assert "1-NN accuracy" in judged(spoiling.scrambled(seen, rng))


def test_trivial_samplers_are_what_they_are_called(digits):
    comparison, _, _ = digits
    made = dict(trivial_samples(comparison.images, comparison.labels, N))
    assert made.keys() == comparison.trivial.keys()
    assert metrics.pairwise_diversity(made["mean image"]) == 0
    assert len(np.unique(made["10 training images"].reshape(N, -1), axis=0)) == 10
