"""A standard is worth what fails it: trivial samplers, copies, spoiled images, generators before their training. Real ones pass."""

import argparse
import re
from pathlib import Path

import numpy as np
import pytest

from minigen import data, evaluators, metrics, recipes
from minigen.baselines import spoiling, trivial_samples
from minigen.evaluators.comparison import Comparison, Scores, within_classes
from minigen.gallery import standards
from minigen.gallery.demo import Criteria
from minigen.gallery.standards import SHIPPED, STANDARDS, check_samples, requirements

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


def failed(name, scores, comparison, tmp_path):
    """The criteria of a standard that scores fail."""
    criteria = Criteria(argparse.Namespace(name=name, out=tmp_path, quick=False))
    for what, value, bound in requirements((STANDARDS | SHIPPED)[name], scores, comparison):
        criteria.check(what, value, **bound)
    return [check["name"] for check in criteria.checks if not check["pass"]]


def check(name, comparison, bad, good, tmp_path):
    passed = [what for what, scores in bad.items() if not failed(name, scores, comparison, tmp_path)]
    assert not passed, f"these pass the standard of {name}"
    assert not failed(name, good, comparison, tmp_path), "real images that nobody has seen fail"


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
    names = failed("26_progressive", bad["100 training images"], comparison, tmp_path)
    assert "copies of training images" in names
    thousand = comparison.scores(comparison.images[:N])
    assert failed("26_progressive", thousand, comparison, tmp_path) == [
        "distance from the nearest training image, as a share of a held-out image's", "copies of training images",
    ]  # fmt: skip


def test_every_part_of_a_standard_is_asked_for(faces, tmp_path):
    """Scores just good enough pass, and one of them a little worse fails, by its own name."""
    comparison, _, _ = faces
    standard = STANDARDS["22_dcgan"]
    least = min(
        standard.floors * comparison.floor.distance,
        standard.of_gaussian * comparison.trivial["one Gaussian of the pixels"].distance,
        standard.best * comparison.best_trivial()[1],
    )
    good = Scores(0.999 * least, standard.precision, standard.recall, standard.newness, standard.copies)
    assert not failed("22_dcgan", good, comparison, tmp_path)
    for worse, word in (
        ({"distance": 1.001 * least}, "Fréchet"),
        ({"precision": standard.precision - 1e-6}, "precision"),
        ({"recall": standard.recall - 1e-6}, "recall"),
        ({"newness": standard.newness - 1e-6}, "nearest"),
        ({"copies": standard.copies + 1e-6}, "copies"),
        ({"distance": float("nan")}, "Fréchet"),
    ):
        names = failed("22_dcgan", good._replace(**worse), comparison, tmp_path)
        assert names and all(word in name for name in names)


# -- what a demo shows -----------------------------------------------------------------------------------------------


def test_the_table_shows_every_trivial_sampler(digits, tmp_path):
    comparison, _, _ = digits
    criteria = Criteria(argparse.Namespace(name="25_conditional_gan", out=tmp_path, quick=False))
    samples = comparison.images[:N]
    check_samples(criteria, samples, comparison, asked=comparison.labels[:N])
    reported = dict(criteria.reports)
    assert comparison.trivial.keys() <= reported.keys() and "real images held out: the floor" in reported
    assert re.fullmatch(r"\S+ \(1\), 0\.\d\d, 0\.\d\d, 1\.00, 0\.0%", reported["real images held out: the floor"])
    assert [check["name"] for check in criteria.checks][-1].startswith("difference of images within a class")
    assert len(criteria.checks) == 8


def test_one_image_per_class_has_no_difference_within_classes(digits):
    comparison, _, _ = digits
    first = np.array([np.flatnonzero(comparison.labels == label)[0] for label in range(10)])
    asked = np.arange(500) % 10
    assert max(within_classes(comparison, comparison.images[first[asked]], asked).values()) < 1e-6
    real = within_classes(comparison, comparison.images, comparison.labels)
    assert 0.9 < min(real.values()) <= max(real.values()) < 1.1


def test_patches_are_reported_at_every_scale(faces, tmp_path):
    comparison, _, _ = faces
    criteria = Criteria(argparse.Namespace(name="26_progressive", out=tmp_path, quick=False))
    standards.report_patches(criteria, comparison.held_out_images[::-1], comparison)
    texts = dict(criteria.reports)
    assert all(f"{side} pixels" in texts["sliced Wasserstein distance x 1000, 1,000 samples"] for side in (32, 16, 8))
    assert 0.4 < float(texts["1-NN test, samples against real images (1/2 if they cannot be told apart)"]) < 0.6


def test_patches_and_neighbors_are_judged_for_generators_that_come_trained(faces, tmp_path):
    """Real images that nobody has seen pass; each check fails a set that the other is not needed for."""
    comparison, _, _ = faces
    seen = data.load("faces", resolution=32, train_size=2500, test_size=2 * N)[1].images[N:]

    def judged(images):
        criteria = Criteria(argparse.Namespace(name="26_progressive", out=tmp_path, quick=False))
        standards.report_patches(criteria, images, comparison, SHIPPED["progan-faces-32"])
        return {check["name"].split(",")[0]: check["pass"] for check in criteria.checks}

    rng = np.random.default_rng(0)
    assert judged(seen) == {"sliced Wasserstein distance": True, "1-NN test": True}
    assert not judged(spoiling.blurred(seen, rng))["sliced Wasserstein distance"]
    assert not judged(spoiling.scrambled(seen, rng))["1-NN test"]


def test_trivial_samplers_are_what_they_are_called(digits):
    comparison, _, _ = digits
    made = dict(trivial_samples(comparison.images, comparison.labels, N))
    assert made.keys() == comparison.trivial.keys()
    assert metrics.pairwise_diversity(made["mean image"]) == 0
    assert len(np.unique(made["10 training images"].reshape(N, -1), axis=0)) == 10
