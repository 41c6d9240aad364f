"""Networks that restore images: what each takes away, what it gives back, and derivatives of its objectives."""

import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import minigen as mg
from minigen import gradcheck_module, losses, nn, optim
from minigen.errors import ShapeError
from minigen.models import applications
from minigen.models.applications import context_encoder, super_resolution
from minigen.models.applications.restorer import Restorer
from minigen.models.gans import base
from minigen.training import Restoration
from tests.checks import to_order_2

STEP, SEED = 1e-7, 2  # of the gradchecks: along these directions so small a step passes no kink

# name -> (the network at a size that suits a check, the channels of its images); all of them 8 x 8
RESTORERS = {
    "super-resolution by 2": (lambda: super_resolution.Generator(2, 8, feature_maps=3, blocks=1), 1),
    "super-resolution by 4": (lambda: super_resolution.Generator(4, 8, channels=2, feature_maps=2, blocks=2), 2),
    "context encoder": (lambda: context_encoder.Generator(3, 8, feature_maps=(3, 2)), 1),
    "context encoder, colors": (lambda: context_encoder.Generator(5, 8, channels=3, feature_maps=(2, 3)), 3),
}
EVERY = pytest.mark.parametrize(("make", "channels"), RESTORERS.values(), ids=RESTORERS)


def images(n: int, channels: int = 1, side: int = 8, dtype: str = "float32", seed: int = 1) -> np.ndarray:
    """Pictures of noise."""
    return np.random.default_rng(seed).random((n, side, side, channels)).astype(dtype)


def game(make, channels: int, dtype: str = "float32") -> tuple[Restoration, list]:
    """A trainer, and the two objectives and the content loss of two images, without chance."""
    generator = make()
    discriminator = base.Discriminator(nn.Sequential(nn.Conv2d(channels, 2, 4, stride=2, activation="tanh"), nn.Flatten()), 32)
    optimizers = [optim.SGD(player.parameters(), lr=0.01) for player in (generator, discriminator)]
    trainer = Restoration(
        generator,
        discriminator,
        weight=0.5,
        penalties=[losses.R1(1.0)],
        generator_optimizer=optimizers[0],
        discriminator_optimizer=optimizers[1],
    )
    for player in (generator, discriminator):
        player.astype(dtype)
    real, fake = (mg.asarray(images(2, channels, dtype=dtype, seed=seed)) for seed in (1, 2))
    degraded = generator.degrade(real)
    return trainer, [
        lambda: trainer.discriminator_loss((real,), (fake,))[0],
        lambda: trainer.generator_loss(degraded, real)[0],
        lambda: generator.loss(real, degraded)[0],
    ]


def test_the_table_names_every_public_restorer():
    files = [
        importlib.import_module(f"{applications.__name__}.{file.name}") for file in pkgutil.iter_modules(applications.__path__)
    ]
    public = {
        value
        for file in files
        for value in vars(file).values()
        if inspect.isclass(value) and value.__module__ == file.__name__ and issubclass(value, Restorer)
    }
    assert {type(make()) for make, _ in RESTORERS.values()} == public - {Restorer}


# -- what holds for each -------------------------------------------------------------------------------------------


@EVERY
def test_derivatives_of_all_objectives_to_order_2(make, channels):
    trainer, (of_discriminator, of_generator, content) = game(make, channels, "float64")
    gradcheck_module(trainer.discriminator, of_discriminator, eps=STEP, seed=SEED)
    for objective in (of_generator, content):
        gradcheck_module(trainer.generator, objective, eps=STEP, seed=SEED)


@EVERY
def test_derivatives_with_respect_to_the_degraded_images(make, channels):
    generator = make().astype("float64")
    x = images(1, channels, dtype="float64")
    degraded = generator.degrade(x)
    gradcheck_module(generator, lambda left: generator.loss(x, left)[0], degraded, eps=STEP, seed=SEED)


@EVERY
def test_derivatives_of_the_content_loss_by_the_images_to_order_2(make, channels):
    """Through the degradation as well, whose holes are where they were."""
    generator = make().astype("float64")

    def loss(x):
        mg.seed(5)
        return generator.loss(x)[0]

    mg.gradcheck(loss, images(2, channels, dtype="float64"), eps=STEP, seed=SEED)


@EVERY
def test_a_device_computes_the_same_to_order_2(make, channels, device):
    results = []
    for name in (device, "numpy"):
        mg.use(name)
        mg.seed(0)
        trainer, objectives = game(make, channels, "float64")
        players = (trainer.discriminator, trainer.generator, trainer.generator)
        results.append([x for player, objective in zip(players, objectives) for x in to_order_2(player, objective)])
    for there, on_numpy in zip(*results):
        np.testing.assert_allclose(there, on_numpy, rtol=1e-7, atol=1e-9)


@EVERY
def test_shapes_dtypes_and_range(make, channels, backend):
    generator, x = make(), images(3, channels)
    degraded = generator.degrade(mg.asarray(x))
    assert degraded.shape == (3, *generator.input_shape) and degraded.dtype == np.float32
    restored = generator(degraded)
    assert restored.shape == x.shape and restored.dtype == np.float32
    for p in generator.parameters():
        p.assign(5.0 * p.data)  # so that images have blacks and whites
    on_host = generator.restore(degraded)
    assert type(on_host) is np.ndarray and on_host.shape == x.shape and on_host.dtype == np.float32
    assert 0.0 <= on_host.min() and on_host.max() <= 1.0


@EVERY
def test_restoring_in_parts_changes_nothing(make, channels):
    """Five hundred at a time."""
    generator = make().eval()
    degraded = generator.degrade(images(503, channels))
    np.testing.assert_allclose(
        generator.restore(degraded)[[0, 499, 500, 502]], generator(degraded[[0, 499, 500, 502]]).numpy(), atol=1e-6
    )


@EVERY
def test_the_loss_has_one_term_and_degrades_again_unless_degraded_images_are_given(make, channels):
    generator, x = make(), images(4, channels)
    mg.seed(3)
    degraded = generator.degrade(x)
    given, terms = generator.loss(x, degraded)
    assert list(terms) == ["content"] and terms["content"] is given
    mg.seed(3)
    assert generator.loss(x)[0].item() == given.item() == generator.content_loss(generator(degraded), x).item()


@EVERY
def test_a_restorer_does_not_generate_from_noise(make, channels):
    with pytest.raises(TypeError, match=r"^a Generator of minigen\.models\.applications\.\w+ takes degraded images, not noise: "):
        make().sample(3)


# -- super-resolution ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [2, 4])
def test_the_low_resolution_is_the_mean_of_blocks(factor, backend):
    x = images(2, 3)
    expected = np.zeros((2, 8 // factor, 8 // factor, 3))
    for i, row, column, channel in np.ndindex(expected.shape):
        block = x[i, row * factor : (row + 1) * factor, column * factor : (column + 1) * factor, channel]
        expected[i, row, column, channel] = block.sum(dtype=np.float64) / factor**2
    low = super_resolution.Generator(factor, 8, channels=3, feature_maps=2).degrade(mg.asarray(x))
    np.testing.assert_allclose(mg.to_numpy(low), expected, rtol=1e-6)


@pytest.mark.parametrize(("factor", "parameters"), [(2, 26_665), (4, 35_905)])
def test_parameters_of_super_resolution(factor, parameters):
    generator = super_resolution.Generator(factor)
    assert generator.parameter_count() == parameters
    assert generator.input_shape == (28 // factor, 28 // factor, 1) and generator.output_shape(generator.input_shape) == (
        28,
        28,
        1,
    )


def test_images_of_any_size_are_enlarged():
    generator = super_resolution.Generator(4, 8, feature_maps=2)
    assert generator.restore(images(2, side=5)).shape == (2, 20, 20, 1)


def test_a_residual_block_adds_its_layers_to_its_input():
    layers = nn.Dense(3, 3), nn.Tanh()
    x = images(1, 3)
    np.testing.assert_array_equal(super_resolution.Residual(*layers)(x).numpy(), x + layers[1](layers[0](x)).numpy())


@pytest.mark.parametrize("factor", [0, 1, 3, 6, -2, 2.0])
def test_a_factor_that_is_not_a_power_of_2_is_refused(factor):
    with pytest.raises(ValueError, match=rf"^factor: each upsampling doubles the size, expected 2, 4, 8 \.\.\., got {factor}$"):
        super_resolution.Generator(factor)


def test_a_factor_that_does_not_divide_the_resolution_is_refused():
    with pytest.raises(ValueError, match="^resolution: expected a multiple of the factor 8, got 28$"):
        super_resolution.Generator(8)
    for x in (images(1, side=7), images(1)[0]):
        with pytest.raises(ShapeError, match=r"^degrade: expected images \(n, h, w, c\) whose sides are multiples of 2, got \("):
            super_resolution.Generator(2, 8).degrade(x)


# -- inpainting ----------------------------------------------------------------------------------------------------


def encoder(hole: int = 3, **options) -> context_encoder.Generator:
    """A network of few feature maps for 8 x 8 pixels."""
    return context_encoder.Generator(hole, 8, **{"feature_maps": (2, 3), **options})


def test_a_hole_is_black_and_marked(backend):
    x, corners = images(3, 2), np.array([[0, 0], [5, 2], [1, 5]])
    expected = np.concatenate([x, np.zeros((3, 8, 8, 1), np.float32)], axis=-1)
    for i, (top, left) in enumerate(corners):
        for row in range(top, top + 3):
            for column in range(left, left + 3):
                expected[i, row, column] = [0.0, 0.0, 1.0]
    degraded = encoder(channels=2).degrade(mg.asarray(x), corners)
    np.testing.assert_array_equal(mg.to_numpy(degraded), expected)


def test_holes_are_anywhere_and_the_same_on_every_backend(device):
    marked = []
    for name in (device, "numpy"):
        mg.use(name)
        mg.seed(4)
        marked.append(mg.to_numpy(encoder(hole=6).degrade(mg.asarray(images(90))))[..., -1])
    np.testing.assert_array_equal(*marked)
    assert (marked[0].sum(axis=(1, 2)) == 36).all()
    first = {(int(np.argmax(mask.max(axis=1))), int(np.argmax(mask.max(axis=0)))) for mask in marked[0]}
    assert first == {(row, column) for row in range(3) for column in range(3)}


def test_a_hole_may_be_as_large_as_the_image():
    degraded = context_encoder.Generator(hole=4, resolution=4).degrade(mg.asarray(images(2, 1)[:, :4, :4]))
    np.testing.assert_array_equal(degraded, np.broadcast_to(np.float32([0.0, 1.0]), (2, 4, 4, 2)))


def test_known_pixels_are_unchanged_and_the_hole_is_filled_by_the_network(backend):
    generator, x = encoder(channels=2), images(3, 2)
    degraded = generator.degrade(mg.asarray(x))
    hole = mg.to_numpy(degraded)[..., -1] == 1.0
    restored, made = mg.to_numpy(generator(degraded).data), mg.to_numpy(generator.net(degraded).data)
    np.testing.assert_array_equal(restored[~hole], x[~hole])
    np.testing.assert_array_equal(restored[hole], made[hole])


def test_the_content_is_the_mean_squared_error_in_the_hole():
    generator, x = encoder(hole=5, channels=2), images(3, 2)
    degraded = generator.degrade(x)
    hole = degraded[..., -1] == 1.0
    error = (generator(degraded).numpy()[hole] - x[hole]) ** 2
    assert error.shape == (3 * 5 * 5, 2)
    np.testing.assert_allclose(generator.loss(x, degraded)[0].item(), error.mean(dtype=np.float64), rtol=1e-6)


def test_parameters_of_the_context_encoder():
    assert context_encoder.Generator().parameter_count() == 92_785


def test_the_receptive_field_is_the_docstrings():
    """26 x 26: those whose change changes the middle of the last 7 x 7 maps."""
    to_small = nn.Sequential(*(layer for layer in context_encoder.Generator().net if isinstance(layer, nn.Conv2d)))
    x = mg.Tensor(np.random.default_rng(0).random((1, 28, 28, 2), dtype=np.float32), requires_grad=True)
    assert to_small.output_shape((28, 28, 2)) == (7, 7, 48)
    (gradient,) = mg.grad(to_small(x)[:, 3, 3].sum(), [x])
    seen = (gradient[0] != 0).any(axis=-1)
    assert seen.any(axis=0).sum() == seen.any(axis=1).sum() == 26


@pytest.mark.parametrize("hole", [0, 9, -1, 2.0])
def test_a_hole_that_does_not_fit_is_refused(hole):
    with pytest.raises(ValueError, match=f"^hole: the side in pixels, a whole number from 1 to 8, got {hole}$"):
        encoder(hole)


def test_wrong_sizes_of_inpainting_are_refused():
    with pytest.raises(ValueError, match="^resolution: expected a multiple of 4, as the image is halved twice, got 30$"):
        context_encoder.Generator(resolution=30)
    with pytest.raises(ValueError, match="^degrade: images of 4 x 2 pixels have no room for a hole of 3 x 3$"):
        encoder().degrade(np.zeros((1, 4, 2, 1), np.float32))


def test_wrong_corners_are_refused():
    x = images(2)
    with pytest.raises(
        ShapeError, match=r"^degrade: expected corners \(2, 2\), a row and a column for each image, got \(3, 2\)$"
    ):
        encoder().degrade(x, np.zeros((3, 2), np.int64))
    for corners, low, high in (([[0, 0], [6, 1]], [0, 0], [6, 1]), ([[0, -1], [2, 1]], [0, -1], [2, 1])):
        with pytest.raises(
            ValueError, match="^degrade: holes begin at rows from 0 to 5 and columns from 0 to 5, got corners from"
        ) as caught:
            encoder().degrade(x, corners)
        assert str(caught.value).endswith(f"from {low} to {high}")
