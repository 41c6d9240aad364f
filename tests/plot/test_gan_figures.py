"""The papers' figures: what each shows, that a seed says which, and that the generator stays as it was."""

import inspect

import numpy as np
import pytest
from matplotlib.figure import Figure

from minigen.errors import ShapeError, StateError
from minigen.models.gans import points, progan, stylegan
from minigen.plot import gan_figures

SIZES = {"resolution": 16, "latent_dim": 3, "feature_maps": (4, 3, 2)}


def pro() -> progan.Generator:
    return progan.Generator(**SIZES)


def style() -> stylegan.Generator:
    """With an average of w, and noise that can be seen."""
    generator = stylegan.Generator(**SIZES, style_dim=4, mapping_layers=1)
    generator.follow(generator.map(np.random.default_rng(0).standard_normal((8, 3))))
    for block in generator.blocks:
        for layer in block.layers:
            layer.noise.scale.assign(np.full(layer.noise.features, 0.5, np.float32))
    return generator


# figure -> (makes a generator, draws, images in it)
EVERY = {
    "uncurated": (pro, lambda g, seed: gan_figures.uncurated(g, n=6, seed=seed), 6),
    "uncurated, truncated": (style, lambda g, seed: gan_figures.uncurated(g, n=6, seed=seed, psi=0.7), 6),
    "growth": (pro, lambda g, seed: gan_figures.growth([np.full((3, r, r, 3), r / 16) for r in (4, 4, 8, 16)], n=2), 6),
    "fade_in": (pro, lambda g, seed: gan_figures.fade_in(g, n=2, seed=seed, alphas=(0, 0.5, 1)), 6),
    "fade_in, styles": (style, lambda g, seed: gan_figures.fade_in(g, n=1, seed=seed), 6),
    "style_mixing": (style, lambda g, seed: gan_figures.style_mixing(g, rows=2, columns=3, seed=seed), 4 + 3 * 2 * 4),
    "noise": (style, lambda g, seed: gan_figures.noise(g, n=2, seed=seed), 8),
    "truncation": (style, lambda g, seed: gan_figures.truncation(g, n=2, seed=seed, psis=(1, 0, -1)), 6),
    "interpolation": (pro, lambda g, seed: gan_figures.interpolation(g, pairs=2, steps=3, seed=seed), 6),
    "interpolation, styles": (style, lambda g, seed: gan_figures.interpolation(g, pairs=2, steps=3, seed=seed), 12),
}
CASES = pytest.mark.parametrize(("make", "draw", "count"), EVERY.values(), ids=EVERY)


def images(figure: Figure) -> list[np.ndarray]:
    """What is shown, in order."""
    return [np.asarray(image.get_array()) for image in figure.axes[0].images]


def test_every_figure_is_here():
    public = {
        name
        for name, value in vars(gan_figures).items()
        if inspect.isfunction(value)
        and value.__module__ == gan_figures.__name__
        and inspect.signature(value).return_annotation is Figure
    }
    assert {name.split(",")[0] for name in EVERY} == public


@CASES
def test_it_shows_so_many_images(make, draw, count):
    assert len(images(draw(make(), 0))) == count


@CASES
def test_a_seed_says_which(make, draw, count):
    generator = make()
    first, again, other = (images(draw(generator, seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(x, y) for x, y in zip(first, again))
    if draw is not EVERY["growth"][1]:
        assert any(not np.array_equal(x, y) for x, y in zip(first, other))


@CASES
def test_the_generator_stays_as_it_was(make, draw, count):
    generator = make()
    generator.train()
    before = generator.fingerprint()
    draw(generator, 0)
    assert generator.fingerprint() == before and generator.training


def test_growth_takes_the_last_images_of_each_resolution():
    frames = [np.full((2, r, r, 1), shade) for r, shade in ((4, 0.1), (4, 0.2), (8, 0.3), (8, 0.4))]
    shown = images(gan_figures.growth(frames, n=1))
    assert [(len(image), float(image[0, 0])) for image in shown] == [(4, 0.2), (8, 0.4)]


def test_fading_begins_with_the_old_image_enlarged_and_is_even():
    generator = pro()
    first, middle, last = images(gan_figures.fade_in(generator, n=1, alphas=(0, 0.5, 1)))
    generator.grow_to(8)
    np.testing.assert_array_equal(
        first, generator.draw(gan_figures.latent(generator, 1, 0))[0].repeat(2, axis=0).repeat(2, axis=1)
    )
    inside = (first > 0) & (first < 1) & (last > 0) & (last < 1)  # not cut off
    np.testing.assert_allclose(middle[inside], ((first + last) / 2)[inside], atol=1e-6)


@pytest.mark.parametrize(
    ("resolution", "layers"), [(4, (2,)), (8, (2, 2)), (16, (2, 2, 2)), (32, (4, 2, 2)), (64, (4, 4, 2)), (1024, (6, 6, 6))]
)
def test_bands_are_thirds_of_the_resolutions(resolution, layers):
    generator = stylegan.Generator(resolution, 3, 4, 1, [1] * (resolution.bit_length() - 2))
    bands = gan_figures.bands(generator)
    assert list(bands) == ["coarse", "middle", "fine"][: len(layers)] and tuple(map(len, bands.values())) == layers
    assert [layer for band in bands.values() for layer in band] == list(range(generator.layers))


def test_mixed_images_take_styles_from_above_and_the_rest_from_the_left():
    generator = style()
    shown = images(gan_figures.style_mixing(generator, rows=1, columns=1))
    w = generator.map(gan_figures.latent(generator, 2, 0))
    for row, layers in enumerate(gan_figures.bands(generator).values()):
        expected = generator.draw_styles(generator.mix(w[:1], w[1:], layers))[0]
        np.testing.assert_allclose(shown[2 + 2 * row + 1], expected, atol=1e-6)
    assert (shown[0] == 1.0).all(), "the corner is empty"


def test_without_noise_nothing_deviates():
    generator = style()
    for block in generator.blocks:
        for layer in block.layers:
            layer.noise.scale.assign(np.zeros(layer.noise.features, np.float32))
    w = generator.map(gan_figures.latent(generator, 2, 0))
    assert gan_figures.noise_deviation(generator, w, np.random.default_rng(0)).max() < 1e-6
    assert gan_figures.noise_deviation(style(), w, np.random.default_rng(0)).max() > 1e-3


def test_truncation_needs_an_average():
    with pytest.raises(StateError, match="no average was recorded"):
        gan_figures.truncation(stylegan.Generator(**SIZES, style_dim=4, mapping_layers=1))


def test_samples_that_are_no_images_are_refused():
    with pytest.raises(ShapeError, match="expected at least one image"):
        gan_figures.uncurated(points.Generator(), n=4)


@pytest.mark.parametrize(
    "draw",
    [
        gan_figures.style_mixing,
        gan_figures.noise,
        gan_figures.truncation,
        gan_figures.bands,
        lambda g: gan_figures.uncurated(g, psi=0.7),
    ],
)
def test_figures_of_styles_need_styles(draw):
    with pytest.raises(TypeError, match="shows styles, and a minigen.models.gans.progan.Generator has none"):
        draw(pro())


def test_a_refused_alpha_leaves_the_stage_as_it_was():
    generator = pro()
    with pytest.raises(ValueError, match="alpha is the weight of the new layers"):
        gan_figures.fade_in(generator, n=1, alphas=(0.3, 2))
    assert generator.alpha == 1.0


def test_the_deviation_is_that_of_all_draws():
    generator = style()
    w = generator.map(gan_figures.latent(generator, 2, 0))
    rng = np.random.default_rng(3)
    images = np.stack([generator.draw_styles(w, generator.noise_maps(2, rng)) for _ in range(gan_figures.REALIZATIONS)])
    expected = images.astype(np.float64).std(axis=0).mean(axis=-1, keepdims=True)
    np.testing.assert_allclose(
        gan_figures.noise_deviation(generator, w, np.random.default_rng(3)), expected, rtol=1e-6, atol=1e-9
    )
