"""Latent spaces of trained models: what is drawn, walked through and found is what its formula says."""

import numpy as np
import pytest

import minigen as mg
from minigen import data
from minigen.errors import RecipeError, ShapeError
from minigen.models import latent
from minigen.recipes import RECIPES, InputSpec, inputs, projection

rng = np.random.default_rng(0)
FEW = 20  # codes at the nearest of which a search begins
SPECS = {"stylegan": (8, 8, 3), "progan": (8, 8, 3), "linear": (3,)}
CONDITIONAL = ("conditional-vae", "conditional-dcgan")
MODELS = ("vae", "stacked", "convolutional", "linear", "conditional-vae", "dcgan", "conditional-dcgan", "progan", "stylegan")


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(projection, "CANDIDATES", FEW)


def built(name):
    """A model as it is initialized; its normalizations have seen nothing, which is enough here."""
    mg.seed(0)
    return RECIPES[name].build(InputSpec(SPECS.get(name, (28, 28, 1)), 10))


def codes_of(trained, n, space="z", seed=0):
    return np.random.default_rng(seed).standard_normal((n, trained.code_size(space))).astype(np.float32)


@pytest.mark.parametrize(("name", "space"), [*((name, "z") for name in MODELS), ("stylegan", "w")])
def test_paths_are_drawn_in_every_space(name, space):
    trained = built(name)
    labels = [3, 7] if name in CONDITIONAL else None
    a, b = codes_of(trained, 2, space), codes_of(trained, 2, space, seed=1)
    walks = trained.interpolate(a, b, 5, space, labels)
    assert walks.shape == (2, 5, *trained.spec.shape) and np.isfinite(walks).all()
    path = latent.great_circle if "gan" in name and space == "z" else latent.straight_line
    for column, codes in ((0, a), (-1, b), (1, path(a, b, 5)[:, 1])):
        np.testing.assert_allclose(walks[:, column], trained.draw(codes, space, labels), atol=1e-5)
    assert np.abs(walks[:, 1] - walks[:, 0]).mean() > 1e-6

    walked = trained.walk(a, b[0], [-1, 0, 2], space, labels)
    np.testing.assert_allclose(walked[:, 1], walks[:, 0], atol=1e-5)
    np.testing.assert_allclose(walked[:, 2], trained.draw(a + 2 * b[0], space, labels), atol=1e-5)

    edited = trained.analogy(a, b[:1], b, space, labels)
    np.testing.assert_allclose(edited, trained.draw(a + b.mean(axis=0) - b[0], space, labels), atol=1e-5)


def test_a_style_is_what_the_mapping_makes():
    trained = built("stylegan")
    z, w = trained.latent(3, seed=4), trained.latent(3, "w", seed=4)
    np.testing.assert_array_equal(w, trained.generator.map(z))
    np.testing.assert_array_equal(trained.draw(z), trained.draw(w, "w"))
    assert trained.spaces == ("z", "w") and built("progan").spaces == built("vae").spaces == ("z",)


@pytest.mark.parametrize("name", ["vae", "dcgan"])
def test_random_codes_are_normal_and_the_same_for_a_seed(name):
    trained = built(name)
    codes = trained.latent(2000, seed=1)
    assert codes.dtype == np.float32 and abs(codes.mean()) < 0.02 and abs(codes.std() - 1) < 0.02
    np.testing.assert_array_equal(codes[:5], trained.latent(5, seed=1))
    assert (codes[:5] != trained.latent(5, seed=2)).all()


def test_the_direction_of_an_attribute():
    """Brightness, which everybody sees: the direction is that of the function on codes, and walking along it makes images brighter."""
    trained = built("vae")
    codes = trained.latent(200, seed=3)
    bright = trained.draw(codes).mean(axis=(1, 2, 3))
    threshold = np.median(bright)
    direction = trained.attribute_direction(lambda images: images.mean(axis=(1, 2, 3)) > threshold, n=200, seed=3)
    np.testing.assert_allclose(direction, latent.attribute_direction(codes, bright > threshold), rtol=1e-5)
    walked = trained.walk(codes[:20], direction, [-2, 0, 2]).mean(axis=(0, 2, 3, 4))
    assert walked[0] < walked[1] < walked[2]


# -- the codes of images ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vae", "stacked", "convolutional", "linear", "conditional-vae"])
def test_autoencoders_encode(name):
    trained = built(name)
    images = rng.random((3, *trained.spec.shape), dtype=np.float32)
    labels = [1, 2, 3] if name in CONDITIONAL else None
    found = trained.project(images, labels=labels)
    examples = data.Dataset("noise", images, np.array([1, 2, 3]), tuple("0123456789"), {})
    np.testing.assert_allclose(found.images, trained.reconstruct(examples), atol=1e-6)
    np.testing.assert_allclose(found.images, trained.draw(found.codes, labels=labels), atol=1e-6)
    assert found.codes.shape == (3, trained.code_size("z"))
    errors = [np.sqrt(np.mean((one - other) ** 2)) for one, other in zip(found.images, images)]
    np.testing.assert_allclose(found.errors, errors, rtol=1e-5)


def test_bytes_are_the_same_pictures_and_pictures_are_padded_as_for_training():
    trained = built("vae")
    images = rng.integers(0, 256, (2, 28, 28, 1), dtype=np.uint8)
    np.testing.assert_array_equal(trained.project(images).codes, trained.project(data.as_pixels(images)).codes)
    recipe = RECIPES["progan"]
    padded = recipe.build(recipe.input_spec((28, 28, 1), 10))
    found = padded.project(images, steps=0)
    np.testing.assert_allclose(
        found.errors, np.sqrt(((found.images - inputs.square(data.as_pixels(images))) ** 2).mean(axis=(1, 2, 3))), rtol=1e-5
    )


@pytest.mark.parametrize(("name", "space"), [("dcgan", "z"), ("progan", "z"), ("stylegan", "z"), ("stylegan", "w")])
def test_generators_are_searched(name, space):
    """What the generator itself has drawn is found much nearer than by the best of the random codes."""
    trained = built(name)
    if name != "dcgan":
        colors = trained.generator.rgb[-1].weight
        colors.assign(0.2 * colors.data)  # of a network that was not trained, most pixels would be beyond black and white
    images = trained.draw(trained.latent(2, space, seed=7), space)
    before = {path: array.copy() for path, array in trained.generator.state_dict().items()}
    begun, found = (trained.project(images, space, steps=steps, progress=False) for steps in (0, 80))
    assert (found.errors < 0.6 * begun.errors).all(), (begun.errors, found.errors)
    np.testing.assert_allclose(found.images, trained.draw(found.codes, space), atol=1e-6)
    if space == "z":
        np.testing.assert_allclose(np.linalg.norm(found.codes, axis=1), np.sqrt(found.codes.shape[1]), rtol=1e-5)
    for path, array in trained.generator.state_dict().items():
        np.testing.assert_array_equal(array, before[path])
    assert all(parameter.grad is None for parameter in trained.generator.parameters())


def test_the_search_begins_at_the_nearest_and_depends_on_the_seed_alone():
    trained = built("dcgan")
    images = trained.draw(trained.latent(FEW, seed=5)[[4, 15]])
    begun = trained.project(images, steps=0, seed=5, progress=False)
    np.testing.assert_allclose(begun.codes, on_sphere(trained.latent(FEW, seed=5)[[4, 15]]), rtol=1e-5)
    first, second, other = (trained.project(images, steps=3, seed=seed, progress=False) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.codes, second.codes)
    assert (first.codes != other.codes).any(axis=1).all()
    alone = trained.project(images[1:], steps=3, seed=1, progress=False)
    np.testing.assert_allclose(alone.codes[0], first.codes[1], atol=1e-4)


def on_sphere(z):
    return z * np.sqrt(z.shape[1]) / np.linalg.norm(z, axis=1, keepdims=True)


def test_many_images_are_searched_a_few_at_a_time(monkeypatch):
    trained = built("dcgan")
    images = trained.draw(trained.latent(5, seed=7))
    together = trained.project(images, steps=2, progress=False)
    monkeypatch.setattr(projection, "AT_A_TIME", 2)
    np.testing.assert_allclose(trained.project(images, steps=2, progress=False).codes, together.codes, atol=1e-4)


def test_the_class_is_heard():
    trained = built("conditional-dcgan")
    first = next(parameter for parameter in trained.generator.parameters() if len(parameter.shape) == 2)
    first.assign(np.concatenate([first.data[:-10], 20 * first.data[-10:]]))  # the class is seen from afar
    z, labels = on_sphere(trained.latent(FEW)[3:9]), np.arange(6)
    images = trained.draw(z, labels=labels)
    found = trained.project(images, labels=labels, steps=0, progress=False)
    np.testing.assert_allclose(found.codes, z, rtol=1e-5)
    before, after = (trained.project(images, labels=labels, steps=steps, seed=1, progress=False) for steps in (0, 30))
    assert (after.errors < 0.7 * before.errors).all()
    assert np.abs(trained.draw(z, labels=2) - trained.draw(z, labels=9)).mean() > 0.01


def test_a_generator_that_has_not_grown_yet_is_compared_at_its_size():
    trained = built("progan")
    trained.generator.grow_to(4)
    found = trained.project(rng.random((1, 8, 8, 3), dtype=np.float32), steps=2, progress=False)
    assert found.images.shape == (1, 4, 4, 3) and np.isfinite(found.errors).all()


# -- bad input -------------------------------------------------------------------------------------------------------

IMAGES = rng.random((2, 28, 28, 1), dtype=np.float32)


@pytest.mark.parametrize(
    ("model", "call", "error", "message"),
    [
        ("vae", lambda m: m.draw(np.ones((2, 9))), ShapeError, r"got codes of shape \(2, 9\), expected codes \(n, 10\) of vae's space 'z'$"),
        ("vae", lambda m: m.draw(np.ones(10)), ShapeError, r"one code is codes\[None\]"),
        ("vae", lambda m: m.interpolate(np.ones(10), np.ones((1, 10))), ShapeError, r"got a of shape \(10,\).* one code is a\[None\]"),
        ("vae", lambda m: m.draw(np.full((1, 10), np.nan)), ValueError, "got codes with values that are no finite numbers"),
        ("vae", lambda m: m.draw(np.ones((1, 10)), "w"), RecipeError, "vae has no space 'w': expected one of z"),
        ("vae", lambda m: m.latent(0), ValueError, "n counts codes, a whole number of at least 1, got 0"),
        ("vae", lambda m: m.interpolate(np.ones((1, 10)), np.ones((1, 10)), 1), ValueError, "interpolate: steps counts the images, both ends included, .* got 1"),
        ("dcgan", lambda m: m.interpolate(np.ones((1, 64)), np.ones((1, 64)), "a"), ValueError, "a whole number of at least 2, got 'a'"),
        ("vae", lambda m: m.interpolate(np.ones((2, 10)), np.ones((1, 10))), ShapeError, "interpolate: got 2 codes a and 1 codes b, expected an end"),
        ("vae", lambda m: m.interpolate("a", np.ones((1, 10))), ShapeError, r"got 'a' as a, expected codes \(n, 10\) of vae's space 'z'"),
        ("vae", lambda m: m.interpolate(None, np.ones((1, 10))), ShapeError, r"got None as a, expected codes \(n, 10\)"),
        ("vae", lambda m: m.interpolate([[1], [2, 3]], np.ones((1, 10))), ShapeError, r"got '\[\[1\], \[2, 3\]\]' as a, expected codes"),
        ("vae", lambda m: m.walk(np.ones((1, 10)), np.ones(10), "a"), ValueError, "walk: got 'a' as steps, expected an array of numbers"),
        ("vae", lambda m: m.latent(2, seed="a"), ValueError, "latent: got seed 'a', expected a non-negative integer"),
        ("dcgan", lambda m: m.project(IMAGES, steps=0, seed=-1), ValueError, "got seed -1, expected a non-negative integer"),
        ("vae", lambda m: m.sample("a"), ValueError, "n counts examples, a whole number of at least 1, got 'a'"),
        ("dcgan", lambda m: m.sample(-1), ValueError, "n counts examples, a whole number of at least 1, got -1"),
        ("conditional-vae", lambda m: m.sample(2, 10), ValueError, "labels of conditional-vae are whole numbers from 0 to 9, got 10 to 10"),
        ("stylegan", lambda m: m.sample(1, psi="a"), TypeError, "psi must be a number, got 'a'"),
        ("vae", lambda m: m.draw(np.ones((1, 10)), labels=3), RecipeError, "vae is not conditioned on the class: leave labels out"),
        ("vae", lambda m: m.attribute_direction(np.ones(3)), TypeError, "shows is a function of images that returns bools, got ndarray"),
        ("vae", lambda m: m.project(IMAGES[0]), ShapeError, r"got one image of shape \(28, 28, 1\), expected \(n, h, w, c\): image\[None\]"),
        ("vae", lambda m: m.project(IMAGES * 255), ValueError, r"expected \[0, 1\]: bytes are divided by 255"),
        ("vae", lambda m: m.project(IMAGES * 2 - 1), ValueError, r"pixels in \[-1, 1\] are \(x \+ 1\) / 2"),
        ("vae", lambda m: m.project(IMAGES * np.nan), ValueError, "expected finite floats"),
        ("vae", lambda m: m.project(IMAGES[:0]), ShapeError, "expected .*, at least one"),
        ("vae", lambda m: m.project(np.zeros((1, 32, 32, 3))), ShapeError, r"\(1, 32, 32, 3\), expected examples of 28 x 28 x 1"),
        ("stylegan", lambda m: m.project(np.zeros((1, 16, 16, 3))), ShapeError, "expected examples of 8 x 8 x 3, as stylegan makes"),
        ("stacked", lambda m: m.latent(2), RecipeError, r"codes of stacked have no distribution to draw from.*project\(images\)"),
        ("dcgan", lambda m: m.project(IMAGES, steps=-1), ValueError, "steps is a whole number of at least 0, got -1"),
        ("dcgan", lambda m: m.project(IMAGES, "w"), RecipeError, "dcgan has no space 'w'"),
        ("conditional-vae", lambda m: m.draw(np.ones((1, 10))), RecipeError, "conditioned on the class: say labels, one from 0 to 9"),
        ("conditional-vae", lambda m: m.draw(np.ones((1, 10)), labels=10), ValueError, "whole numbers from 0 to 9, got 10 to 10"),
        ("conditional-vae", lambda m: m.draw(np.ones((1, 10)), labels="a"), ValueError, "whole numbers from 0 to 9, got 'a'"),
        ("conditional-vae", lambda m: m.draw(np.ones((1, 10)), labels=["a"]), ValueError, r"whole numbers from 0 to 9, got \['a'\]"),
        ("conditional-vae", lambda m: m.draw(np.ones((1, 10)), labels=[True]), ValueError, r"whole numbers from 0 to 9, got \[True\]"),
        ("conditional-vae", lambda m: m.draw(np.ones((1, 10)), labels=2.5), ValueError, "whole numbers from 0 to 9, got 2.5 to 2.5"),
        ("conditional-vae", lambda m: m.draw(np.ones((1, 10)), labels=[1, 2]), ShapeError, r"labels of shape \(2,\), expected one for each of 1"),
    ],
)  # fmt: skip
def test_what_is_refused(model, call, error, message):
    with pytest.raises(error, match=message):
        call(built(model))


def test_what_no_model_makes_is_not_hidden():
    """The error is that of the pixels, whatever was found."""
    trained = built("vae")
    dark = trained.project(np.zeros((1, 28, 28, 1), np.float32))
    bright = trained.project(np.ones((1, 28, 28, 1), np.float32))
    assert dark.errors[0] > 0.05 and bright.errors[0] > 0.05
