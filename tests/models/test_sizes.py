"""Every model of images takes their shape: other sizes, other proportions, colors; and sizes are refused with what is possible."""

import inspect
import math
import re

import numpy as np
import pytest

import minigen as mg
from minigen import nn, optim
from minigen.errors import ShapeError
from minigen.models import autoencoders, sizes
from minigen.models.applications import style_transfer
from minigen.models.autoencoders import (
    ConditionalVariationalAutoencoder,
    ConvolutionalAutoencoder,
    ConvolutionalVariationalAutoencoder,
    DenoisingAutoencoder,
    HashingAutoencoder,
    RecurrentAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    TiedAutoencoder,
    VariationalAutoencoder,
)
from minigen.models.gans import conditional, dcgan, gan, progan, wgan
from minigen.training import Adversarial

AUTOENCODERS = {
    "stacked": StackedAutoencoder,
    "tied": TiedAutoencoder,
    "sparse": SparseAutoencoder,
    "hashing": HashingAutoencoder,
    "denoising": DenoisingAutoencoder,
    "convolutional": ConvolutionalAutoencoder,
    "convolutional, 30 codes": lambda shape: ConvolutionalAutoencoder(30, shape=shape),
    "recurrent": RecurrentAutoencoder,
    "variational": VariationalAutoencoder,
    "conditional": lambda shape: ConditionalVariationalAutoencoder(3, shape=shape),
    "convolutional variational": lambda shape: ConvolutionalVariationalAutoencoder(maps=4, shape=shape),
}
CODES = {"sparse": (300,), "hashing": (16,), "variational": (10,), "conditional": (10,), "convolutional variational": (32,)}
OTHER_SHAPES = pytest.mark.parametrize("shape", [(20, 12, 3), (32, 32, 3)], ids=str)


def labeled(discriminator):
    """A discriminator of images and of three classes, from their shape."""
    return lambda shape: conditional.Discriminator(discriminator((*shape[:2], shape[2] + 3)), classes=3)


GANS = {
    "gan": (lambda shape: gan.Generator(shape=shape), gan.Discriminator),
    "dcgan": (lambda shape: dcgan.Generator(shape=shape), dcgan.Discriminator),
    "tiny dcgan": (
        lambda shape: dcgan.TinyGenerator(shape=shape),
        lambda shape: dcgan.TinyDiscriminator(shape, batch_norm=False),
    ),
    "wgan": (lambda shape: wgan.Generator(shape=shape, width=8), lambda shape: wgan.Critic(shape, width=8)),
    "conditional gan": (lambda shape: conditional.Generator(gan.Generator(30 + 3, shape), classes=3), labeled(gan.Discriminator)),
    "conditional dcgan": (
        lambda shape: conditional.Generator(dcgan.TinyGenerator(30 + 3, shape), classes=3),
        labeled(dcgan.TinyDiscriminator),
    ),
}


def pictures(shape: tuple[int, ...], n: int = 4) -> np.ndarray:
    """Pixels of noise."""
    return np.random.default_rng(0).random((n, *shape), dtype=np.float32)


# -- every model ---------------------------------------------------------------------------------------------------


def test_every_model_of_images_takes_their_shape():
    """But those that grow, whose images are squares of a resolution; a linear model takes rows; a conditional GAN any networks."""
    networks = [vars(module)[name] for module in (gan, dcgan, wgan) for name in vars(module)]
    defined = {kind for kind in networks if inspect.isclass(kind) and kind.__module__.startswith("minigen.models.gans")}
    defined |= {kind for name in autoencoders.__all__ if "Linear" not in name for kind in [getattr(autoencoders, name)]}
    for kind in defined:
        given = inspect.signature(kind.__init__).parameters["shape"]
        assert given.default == ((64, 64, 3) if kind is ConvolutionalVariationalAutoencoder else (28, 28, 1)), kind
    made = {type(make(shape=(8, 8, 3))) for make in AUTOENCODERS.values()}
    assert defined <= made | {type(make((8, 8, 3))) for pair in GANS.values() for make in pair}


@OTHER_SHAPES
@pytest.mark.parametrize("name", AUTOENCODERS)
def test_autoencoders_encode_rebuild_and_learn_images_of_any_shape(name, shape):
    mg.seed(0)
    model, x = AUTOENCODERS[name](shape=shape), pictures(shape)
    labels = [np.arange(4) % 3] if name == "conditional" else []
    expected = (shape[0] // 8, shape[1] // 8, 64) if name == "convolutional" else CODES.get(name, (30,))
    with model.eval_mode():
        codes = model.encode(x, *labels)
        codes = codes[0] if isinstance(codes, tuple) else codes
        assert codes.shape == (4, *expected)
        assert model.decode(codes, *labels).shape == x.shape
        assert model.reconstruct(x, *labels).shape == x.shape
    if hasattr(model, "sample"):
        assert model.sample(*(labels or [2])).shape[1:] == shape

    def loss():  # the same noise each time
        mg.seed(1)
        return model.loss(x, *labels)[0]

    before, optimizer = loss(), optim.SGD(model.parameters(), lr=1e-4 if hasattr(model, "sample") else 0.05)
    before.backward()
    optimizer.step()
    assert float(loss()) < float(before)


@OTHER_SHAPES
@pytest.mark.parametrize("name", GANS)
def test_gans_make_and_score_images_of_any_shape_and_learn(name, shape):
    mg.seed(0)
    generator, discriminator = (make(shape) for make in GANS[name])
    labels = [np.arange(4) % 3] if "conditional" in name else []
    real, z = generator.from_pixels(pictures(shape)), generator.latent(4)
    assert generator(z, *labels).shape == (4, *shape)
    assert discriminator(real, *labels).shape == (4, 1)
    assert generator.sample(4, *labels).shape == (4, *shape)
    game = Adversarial(
        generator,
        discriminator,
        generator_optimizer=optim.SGD(generator.parameters(), lr=1e-3),
        discriminator_optimizer=optim.SGD(discriminator.parameters(), lr=1e-3),
    )
    fake = generator(z, *labels).data

    def discriminator_loss():  # with the same dropout each time
        mg.seed(1)
        return game.discriminator_loss((real, *labels), (fake, *labels))[0]

    def generator_loss():
        mg.seed(1)
        return game.generator_loss(z, *labels)[0]

    for loss, optimizer in ((discriminator_loss, game.discriminator_optimizer), (generator_loss, game.generator_optimizer)):
        optimizer.zero_grad()
        before = loss()
        before.backward()
        optimizer.step()
        assert float(loss()) < float(before)


@pytest.mark.parametrize(
    ("make", "default", "shape"),
    [
        (lambda shape: StackedAutoencoder(shape=shape), 163_814, (20, 12, 3)),
        (lambda shape: SparseAutoencoder(shape=shape), 218_084, (20, 12, 3)),
        (lambda shape: HashingAutoencoder(shape=shape), 161_000, (20, 12, 3)),
        (lambda shape: VariationalAutoencoder(shape=shape), 269_504, (20, 12, 3)),
    ],
)
def test_dense_autoencoders_have_more_weights_for_more_pixels(make, default, shape):
    """A row of the first weight for each, a column of the last, and a bias."""
    first = make((28, 28, 1)).parameters()[0].shape[1]
    assert make((28, 28, 1)).parameter_count() == default
    assert make(shape).parameter_count() == default + (math.prod(shape) - 784) * (2 * first + 1)


# -- a layer more for each doubling ----------------------------------------------------------------------------------


def maps(network: nn.Module, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The shapes of all feature maps along a sequence of layers, each once."""
    seen = []
    for layer in network:
        shape = layer.output_shape(shape)
        seen += [shape] if len(shape) == 3 and shape not in seen else []
    return seen


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (16, [(4, 4, 128), (8, 8, 64)]),
        (28, [(7, 7, 128), (14, 14, 64)]),
        (32, [(4, 4, 256), (8, 8, 128), (16, 16, 64)]),
        (64, [(4, 4, 512), (8, 8, 256), (16, 16, 128), (32, 32, 64)]),
        (128, [(4, 4, 1024), (8, 8, 512), (16, 16, 256), (32, 32, 128), (64, 64, 64)]),
    ],
)
def test_a_dcgan_has_a_layer_more_for_each_doubling(side, expected):
    """As in the figure of the paper, whose networks for 64 pixels are twice as wide; and as many parameters as that makes."""
    shape = (side, side, 3)
    generator, discriminator = dcgan.Generator(shape=shape), dcgan.Discriminator(shape)
    assert maps(generator.net, (100,)) == [*expected, shape]
    assert maps(discriminator.body, shape) == expected[::-1]
    channels = [channels for *_, channels in expected]
    between = [25 * before * after for before, after in zip([*channels, 3], [*channels, 3][1:])]
    coarse = math.prod(expected[0])
    assert generator.parameter_count() == 101 * coarse + 2 * channels[0] + sum(between) + 3 * sum(channels[1:]) + 3
    assert discriminator.parameter_count() == sum(between) + sum(channels) + coarse + 1


@pytest.mark.parametrize(
    ("side", "up", "down"),
    [
        (8, [(4, 4, 32)], [(4, 4, 16)]),
        (16, [(4, 4, 64), (8, 8, 32)], [(8, 8, 16), (4, 4, 48)]),
        (28, [(7, 7, 64), (14, 14, 32)], [(14, 14, 16), (7, 7, 48), (4, 4, 96)]),
        (33, [(5, 5, 128), (9, 9, 64), (17, 17, 32)], [(17, 17, 16), (9, 9, 48), (5, 5, 96), (3, 3, 192)]),
        (64, [(4 << i, 4 << i, 256 >> i) for i in range(4)], [(32, 32, 16), (16, 16, 48), (8, 8, 96), (4, 4, 192)]),
        (128, [(4 << i, 4 << i, 512 >> i) for i in range(5)], [(64, 64, 16), *[(32 >> i, 32 >> i, 48 << i) for i in range(4)]]),
    ],
)
def test_so_has_a_tiny_one(side, up, down):
    shape = (side, side, 2)
    assert maps(dcgan.TinyGenerator(shape=shape).net, (64,)) == [*up, shape]
    assert maps(dcgan.TinyDiscriminator(shape).body, shape) == down


def test_as_many_feature_maps_as_are_given_are_as_many_doublings():
    generator = dcgan.TinyGenerator(shape=(32, 24, 3), feature_maps=(5, 4))
    assert maps(generator.net, (64,)) == [(8, 6, 5), (16, 12, 4), (32, 24, 3)]
    assert maps(dcgan.TinyDiscriminator((32, 24, 3), (4, 5)).body, (32, 24, 3)) == [(16, 12, 4), (8, 6, 5)]


def test_feature_maps_may_be_an_array():
    for given in (np.array([5, 4]), [np.int64(5), 4], (5, 4)):
        generator, discriminator = dcgan.TinyGenerator(feature_maps=given), dcgan.TinyDiscriminator(feature_maps=given)
        assert maps(generator.net, (64,)) == [(7, 7, 5), (14, 14, 4), (28, 28, 1)]
        assert maps(discriminator.body, (28, 28, 1)) == [(14, 14, 5), (7, 7, 4)]
    given = [ConvolutionalAutoencoder(feature_maps=maps).parameter_count() for maps in (np.array([2, 3, 4]), (2, 3, 4))]
    assert given == [375, 375]


def test_as_many_doublings_as_there_are_from_one_pixel_on():
    """Of elongated pictures along the shorter side."""
    for shape, coarsest in (((28, 28, 1), (1, 1, 6)), ((16, 128, 1), (1, 8, 6)), ((128, 8, 1), (16, 1, 6))):
        given = [6] * sizes.halvings(shape, 1)
        generator, discriminator = dcgan.TinyGenerator(shape=shape, feature_maps=given), dcgan.TinyDiscriminator(shape, given)
        assert maps(generator.net, (64,))[0] == maps(discriminator.body, shape)[-1] == coarsest
        assert discriminator(generator(generator.latent(2))).shape == (2, 1)


def test_a_convolutional_variational_autoencoder_halves_to_4_to_7_pixels():
    for shape, expected in (((64, 64, 3), (4, 4)), ((28, 28, 1), (7, 7)), ((20, 12, 3), (10, 6)), ((33, 100, 1), (5, 13))):
        model = ConvolutionalVariationalAutoencoder(maps=1, shape=shape)
        down, up = maps(model.encoder, shape), maps(model.decoder, (32,))
        assert down[-1][:2] == expected
        assert up == [*down[::-1], shape], "and back"


@pytest.mark.parametrize("side", [8, 9, 15, 28, 31])
def test_images_are_halved_until_few_pixels_are_left(side):
    times = sizes.halvings((side, 1000, 1), 7)
    *_, before, (short, long) = sizes.halved((side, 1000, 1), times)
    assert 4 <= short <= 7 < before[0] and long == math.ceil(1000 / 2**times)


@pytest.mark.parametrize("size", [(14, 14), (7, 7), (7, 14), (13, 8)])
@pytest.mark.parametrize("kernel", [4, 5])
def test_a_doubling_is_the_adjoint_of_a_halving(kernel, size):
    """<A u, v> = <u, A* v>, with the same kernel."""
    rng = np.random.default_rng(0)
    down = nn.Conv2d(3, 2, kernel, stride=2, bias=False).astype("float64")
    up = sizes.doubling(2, 3, kernel, size, bias=False).astype("float64")
    up.weight.assign(down.weight.data)
    u = rng.standard_normal((1, *size, 3))
    v = rng.standard_normal(down(u).shape)
    np.testing.assert_allclose((down(u).numpy() * v).sum(), (u * up(v).numpy()).sum(), rtol=1e-10)


# -- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: dcgan.Generator(shape=(256, 256, 3)), "a DCGAN takes images with sides of 8 to 128 pixels, got 256 x 256 x 3"),
        (lambda: dcgan.TinyDiscriminator((7, 28, 1)), "a DCGAN takes images with sides of 8 to 128 pixels, got 7 x 28 x 1"),
        (lambda: wgan.Critic((28, 129, 1)), "the WGAN's critic takes images with sides of 8 to 128 pixels, got 28 x 129 x 1"),
        (
            lambda: ConvolutionalAutoencoder(shape=(20, 7, 3)),
            "ConvolutionalAutoencoder takes images with sides of at least 8 pixels, got 20 x 7 x 3",
        ),
        (
            lambda: ConvolutionalVariationalAutoencoder(shape=(4, 4, 3)),
            "ConvolutionalVariationalAutoencoder takes images with sides of 8 to 1024 pixels, got 4 x 4 x 3",
        ),
        (
            lambda: TiedAutoencoder(shape=(28, 28)),
            r"TiedAutoencoder's shape is \(height, width, channels\), such as \(28, 28, 1\), got \(28, 28\)",
        ),
        (lambda: RecurrentAutoencoder(shape=(28, 0, 1)), r"RecurrentAutoencoder's shape\[1\] must be at least 1, got 0"),
        (
            lambda: dcgan.TinyGenerator(shape=(28, 30, 1), transposed=False),
            "a DCGAN that repeats pixels, transposed=False, doubles 7 x 8 to 28 x 32, not to 28 x 30",
        ),
    ],
)
def test_a_size_that_is_impossible_is_refused_with_those_that_are_possible(make, complaint):
    with pytest.raises(ShapeError, match=complaint):
        make()


@pytest.mark.parametrize("given", [[], (), np.array([]), [0], [2.5], [True], "ab", 5, [3] * 6, {3: 4}], ids=str)
def test_feature_maps_are_refused_with_how_many_there_may_be(given):
    for make, expected in (
        (dcgan.TinyGenerator, "1 to 5 positive whole numbers, one for each doubling of 28 x 28 pixels"),
        (dcgan.TinyDiscriminator, "1 to 5 positive whole numbers, one for each doubling of 28 x 28 pixels"),
        (ConvolutionalAutoencoder, "3 positive whole numbers"),
        (lambda feature_maps: progan.Generator(8, 3, feature_maps), "2 positive whole numbers, one for each resolution 4, 8"),
        (style_transfer.TextureAutoencoder, "2 positive whole numbers"),
    ):
        with pytest.raises(ValueError, match=f"feature_maps: expected {expected}, got {re.escape(repr(given))}"):
            make(feature_maps=given)


def test_pooling_rounds_down():
    """28, 14, 7, 3, 1: a doubling less."""
    pooled = dcgan.TinyDiscriminator(feature_maps=[2] * 4, strided=False)
    assert maps(pooled.body, (28, 28, 1))[-1] == (1, 1, 2)
    with pytest.raises(
        ValueError, match="feature_maps: expected 1 to 4 positive whole numbers, one for each doubling of 28 x 28"
    ):
        dcgan.TinyDiscriminator(feature_maps=[2] * 5, strided=False)


def test_a_size_is_not_taken_for_codes():
    with pytest.raises(
        TypeError, match=r"got too many positional arguments; it takes .*\(latent_dim=32, \*, beta=1\.0, .*shape="
    ):
        ConvolutionalVariationalAutoencoder(64, 3)


def test_a_shape_is_a_tuple():
    with pytest.raises(TypeError, match=r"StackedAutoencoder's shape must be a tuple, such as \(28, 28, 1\), got 28"):
        StackedAutoencoder(shape=28)
    with pytest.raises(TypeError, match=r"VariationalAutoencoder's shape\[0\] must be a whole number, got 28.0"):
        VariationalAutoencoder(shape=(28.0, 28, 1))


def test_images_of_another_shape_than_the_models_are_refused():
    with pytest.raises(ShapeError, match=r"encoder\.1: Dense\(720 -> 100, selu\) expects shape \(\.\.\., 720\), got \(2, 784\)"):
        StackedAutoencoder(shape=(20, 12, 3)).loss(pictures((28, 28, 1), 2))
