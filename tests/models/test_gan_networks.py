"""The networks one by one: published sizes, what each of their switches does, pixels, summaries, and what is refused."""

import numpy as np
import pytest

import minigen as mg
from minigen import nn
from minigen.errors import ShapeError
from minigen.models import gans
from minigen.models.gans import dcgan, gan, points, wgan

rng = np.random.default_rng(0)


def layers(network: nn.Module, kind: type) -> list[nn.Module]:
    """All layers of a kind, in order."""
    return [layer for layer in network.modules() if isinstance(layer, kind)]


def numbers(network: nn.Module) -> int:
    """Parameters and running statistics, as Keras counts them."""
    return sum(value.size for value in network.state_dict().values())


# -- published sizes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "parameters", "latent_dim", "shape"),
    [
        (gan.Generator, 136_634, 30, (28, 28, 1)),
        (dcgan.Generator, 840_321, 100, (28, 28, 1)),
        (wgan.Generator, 1_554_177, 128, (28, 28, 1)),
        (lambda: points.Generator(hidden=512), 527_874, 2, (2,)),
    ],
)
def test_generators_have_the_published_parameters(make, parameters, latent_dim, shape):
    generator = make()
    assert generator.parameter_count() == parameters and generator.latent_dim == latent_dim
    assert generator.output_shape((latent_dim,)) == shape
    assert f"{parameters:,}" in type(generator).__doc__


@pytest.mark.parametrize(
    ("make", "parameters", "shape"),
    [
        (gan.Discriminator, 132_951, (28, 28, 1)),
        (dcgan.Discriminator, 212_865, (28, 28, 1)),
        (wgan.Critic, 1_030_145, (28, 28, 1)),
        (lambda: points.Discriminator(hidden=512), 527_361, (2,)),
    ],
)
def test_discriminators_have_the_published_parameters(make, parameters, shape):
    discriminator = make()
    assert discriminator.parameter_count() == parameters and discriminator.output_shape(shape) == (1,)
    assert f"{parameters:,}" in type(discriminator).__doc__


def test_the_books_generator_has_384_running_statistics():
    generator = dcgan.Generator()
    assert (numbers(generator), numbers(generator) - generator.parameter_count()) == (840_705, 384)


@pytest.mark.parametrize(
    ("make", "shapes"),
    [
        (dcgan.Generator, [(7, 7, 128), (14, 14, 64), (28, 28, 1)]),
        (dcgan.TinyGenerator, [(7, 7, 64), (14, 14, 32), (28, 28, 1)]),
        (wgan.Generator, [(4, 4, 256), (7, 7, 128), (14, 14, 64), (28, 28, 1)]),
    ],
)
def test_generators_grow_as_their_docstrings_say(make, shapes):
    generator, seen = make(), []
    shape = (generator.latent_dim,)
    for layer in generator.net:
        shape = layer.output_shape(shape)
        seen += [shape] if len(shape) == 3 and shape not in seen else []
    assert seen == shapes


@pytest.mark.parametrize(
    ("make", "shapes"),
    [
        (dcgan.Discriminator, [(14, 14, 64), (7, 7, 128)]),
        (dcgan.TinyDiscriminator, [(14, 14, 16), (7, 7, 48), (4, 4, 96)]),
        (wgan.Critic, [(14, 14, 64), (7, 7, 128), (4, 4, 256)]),
    ],
)
def test_discriminators_shrink_as_their_docstrings_say(make, shapes):
    shape, seen = (28, 28, 1), []
    for layer in make().body:
        shape = layer.output_shape(shape)
        seen += [shape] if len(shape) == 3 and shape not in seen else []
    assert seen == shapes


def test_the_first_gan_equals_its_docstring():
    generator, z = gan.Generator().astype("float64"), rng.standard_normal((3, 30))
    w1, b1, w2, b2, w3, b3 = (p.numpy() for p in generator.parameters())

    def selu(a: np.ndarray) -> np.ndarray:
        return 1.0507009873554805 * np.where(a > 0, a, 1.6732632423543772 * (np.exp(a) - 1))

    expected = 1 / (1 + np.exp(-(selu(selu(z @ w1 + b1) @ w2 + b2) @ w3 + b3)))
    np.testing.assert_allclose(generator(z).numpy(), expected.reshape(3, 28, 28, 1), rtol=1e-10)


# -- switches ------------------------------------------------------------------------------------------------------


def test_a_dcgan_by_all_the_rules():
    """Strides and no pooling; batch normalization, not at the images; no hidden dense layers; ReLU, tanh, leaky ReLU."""
    generator, discriminator = dcgan.TinyGenerator(), dcgan.TinyDiscriminator()
    assert [type(layer).__name__ for layer in generator.net] == [
        "Dense",
        "Reshape",
        "BatchNorm",
        "ReLU",
        "ConvTranspose2d",
        "BatchNorm",
        "ReLU",
        "ConvTranspose2d",
        "Tanh",
    ]
    assert [type(layer).__name__ for layer in discriminator.body] == [
        "Conv2d",
        "LeakyReLU",
        "Conv2d",
        "BatchNorm",
        "LeakyReLU",
        "Conv2d",
        "BatchNorm",
        "LeakyReLU",
        "Flatten",
    ]
    assert discriminator.pack is None and discriminator.minibatch is None
    kernels = [layer.weight.shape[:2] for layer in layers(generator, nn.ConvTranspose2d) + layers(discriminator, nn.Conv2d)]
    assert kernels == [(4, 4)] * 5


def test_each_rule_of_the_generator_can_be_broken():
    assert not layers(dcgan.TinyGenerator(batch_norm=False), nn.BatchNorm)
    resized = dcgan.TinyGenerator(transposed=False)
    assert not layers(resized, nn.ConvTranspose2d) and len(layers(resized, nn.UpSample2d)) == len(layers(resized, nn.Conv2d)) == 2
    hidden = dcgan.TinyGenerator(hidden=20)
    assert [layer.weight.shape for layer in layers(hidden, nn.Dense)] == [(64, 20), (20, 7 * 7 * 64)]
    assert len(layers(hidden, nn.BatchNorm)) == 3
    assert len(layers(dcgan.TinyGenerator(activation="selu"), nn.SELU)) == 2


def test_each_rule_of_the_discriminator_can_be_broken():
    assert not layers(dcgan.TinyDiscriminator(batch_norm=False), nn.BatchNorm)
    pooled = dcgan.TinyDiscriminator(strided=False)
    assert [layer.stride for layer in layers(pooled, nn.Conv2d)] == [(1, 1)] * 3 and len(layers(pooled, nn.MaxPool2d)) == 3
    hidden = dcgan.TinyDiscriminator(hidden=20)
    assert [layer.weight.shape for layer in layers(hidden, nn.Dense)] == [(4 * 4 * 96, 20), (20, 1)]
    assert len(layers(dcgan.TinyDiscriminator(activation="tanh", hidden=20), nn.Tanh)) == 4


@pytest.mark.parametrize(
    "options",
    [
        {"batch_norm": False},
        {"transposed": False},
        {"hidden": 20},
        {"activation": "elu"},
        {"shape": (28, 28, 3)},
        {"shape": (20, 12, 2), "feature_maps": None},
        {"feature_maps": (5, 4)},
        {"latent_dim": 7},
    ],
)
def test_whatever_the_rule_the_generator_makes_the_same_images(options):
    generator = dcgan.TinyGenerator(**options)
    assert generator.sample(2).shape == (2, *options.get("shape", (28, 28, 1)))


DISCRIMINATORS = {
    "gan": gan.Discriminator,
    "dcgan": dcgan.Discriminator,
    "dcgan, tiny": dcgan.TinyDiscriminator,
    "points": points.Discriminator,
}
WITH_DROPOUT = pytest.mark.parametrize("make", DISCRIMINATORS.values(), ids=DISCRIMINATORS)
EVERY = pytest.mark.parametrize("make", [*DISCRIMINATORS.values(), wgan.Critic], ids=[*DISCRIMINATORS, "wgan"])


def examples(make: type, n: int, channels: int = 1) -> np.ndarray:
    """Examples as a discriminator takes them."""
    shape = (n, 2 * channels) if make is points.Discriminator else (n, 28, 28, channels)
    return rng.random(shape).astype(np.float32)


@WITH_DROPOUT
def test_dropout_is_a_rate_and_0_leaves_the_layers_out(make):
    assert not layers(make(dropout=0.0), nn.Dropout)
    discriminator, x = make(dropout=0.3), examples(make, 2)
    assert {layer.rate for layer in layers(discriminator, nn.Dropout)} == {0.3}
    assert len(layers(discriminator, nn.Dropout)) == (3 if make in (points.Discriminator, dcgan.TinyDiscriminator) else 2)
    assert (discriminator(x).numpy() != discriminator(x).numpy()).all()
    np.testing.assert_array_equal(discriminator.eval()(x).numpy(), discriminator(x).numpy())


@pytest.mark.parametrize(
    ("make", "kinds"),
    [
        (gan.Discriminator, ["Flatten", *["Dense", "Dropout"] * 2]),
        (points.Discriminator, ["Dense", "Dropout"] * 3),
        (dcgan.Discriminator, [*["Conv2d", "LeakyReLU", "Dropout"] * 2, "Flatten"]),
        (
            dcgan.TinyDiscriminator,
            ["Conv2d", "LeakyReLU", "Dropout", *["Conv2d", "BatchNorm", "LeakyReLU", "Dropout"] * 2, "Flatten"],
        ),
    ],
    ids=DISCRIMINATORS,
)
def test_dropout_follows_each_hidden_layer(make, kinds):
    assert [type(layer).__name__ for layer in make(dropout=0.3).body] == kinds


def test_the_books_discriminator_drops_two_fifths():
    assert [layer.rate for layer in layers(dcgan.Discriminator(), nn.Dropout)] == [0.4, 0.4]


@EVERY
def test_packed_examples_share_one_score_that_depends_on_no_others(make):
    discriminator, x = make(pack=2).eval(), examples(make, 6)
    scores = discriminator(x).numpy()
    assert scores.shape == (3, 1) and discriminator.features(x).shape[0] == 3
    changed = x.copy()
    changed[3] = 0.5  # in the second pack
    assert ((discriminator(changed).numpy() == scores)[:, 0] == [True, False, True]).all()
    with pytest.raises(ShapeError, match=r"Pack\(2\) expects a batch whose size is a multiple of 2, got 5"):
        discriminator(x[:5])


@EVERY
def test_a_pack_widens_only_the_first_layer(make):
    plain, packed = ([p.shape for p in make(pack=m).parameters()] for m in (1, 3))
    inputs = plain[0][-2]
    assert packed[0] == (*plain[0][:-2], 3 * inputs, plain[0][-1]) and packed[1:] == plain[1:]


@EVERY
@pytest.mark.parametrize(
    ("name", "layer", "further"), [("stddev", nn.MinibatchStdDev, 1), ("discrimination", nn.MinibatchDiscrimination, 32)]
)
def test_a_minibatch_layer_precedes_the_last_one_and_compares_examples(make, name, layer, further):
    discriminator, x = make(minibatch=name).eval(), examples(make, 4)
    assert type(discriminator.minibatch) is layer
    assert discriminator.head.weight.shape[0] == make().head.weight.shape[0] + further
    together = discriminator(x).numpy()
    apart = discriminator(np.concatenate([x[:1]] * 4)).numpy()  # the first one, beside its likes
    assert together[0] != apart[0]
    assert discriminator.features(x).shape == make().features(x).shape


@EVERY
def test_without_a_minibatch_layer_an_example_is_scored_alone(make):
    discriminator, x = make().eval(), examples(make, 4)
    np.testing.assert_allclose(discriminator(x).numpy()[:1], discriminator(x[:1]).numpy(), rtol=1e-4, atol=1e-6)


@EVERY
def test_features_are_the_input_of_the_last_layer(make):
    discriminator, x = make().eval(), examples(make, 2)
    np.testing.assert_array_equal(discriminator.head(discriminator.features(x)).numpy(), discriminator(x).numpy())


@EVERY
def test_scores_are_logits_of_any_size(make):
    """No sigmoid: ten times the last weights give ten times the score."""
    discriminator, x = make().eval(), examples(make, 3)
    scores = discriminator(x).numpy()
    discriminator.head.weight.assign(10.0 * discriminator.head.weight.data)
    np.testing.assert_allclose(discriminator(x).numpy(), 10.0 * scores, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("make", [gan.Discriminator, dcgan.Discriminator, dcgan.TinyDiscriminator, wgan.Critic])
def test_images_may_have_colors(make):
    assert make((28, 28, 3))(examples(make, 2, channels=3)).shape == (2, 1)


def test_points_may_have_more_coordinates_layers_and_units():
    generator, discriminator = (
        points.Generator(4, hidden=6, layers=2, features=3),
        points.Discriminator(hidden=6, layers=2, features=3),
    )
    assert [p.shape for p in generator.parameters()[::2]] == [(4, 6), (6, 6), (6, 3)]
    assert [p.shape for p in discriminator.parameters()[::2]] == [(3, 6), (6, 6), (6, 1)]
    assert discriminator(generator(generator.latent(5))).shape == (5, 1)


def test_a_discriminator_takes_a_custom_body():
    discriminator = gans.Discriminator(nn.Sequential(nn.Dense(6, 5, activation="tanh")), 5, pack=2, minibatch="stddev")
    assert discriminator(np.zeros((8, 3), np.float32)).shape == (4, 1)


# -- pixels and samples ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "bounds"),
    [(gan.Generator, (0, 1)), (wgan.Generator, (0, 1)), (dcgan.Generator, (-1, 1)), (dcgan.TinyGenerator, (-1, 1))],
)
def test_pixels_are_converted_to_the_range_of_the_network_and_back(make, bounds):
    generator = make()
    assert generator.pixel_range == bounds
    pixels = np.linspace(0.0, 1.0, 257, dtype=np.float32)
    images = generator.from_pixels(pixels)
    assert (images[0], images[-1]) == bounds and images.dtype == np.float32
    np.testing.assert_array_equal(generator.to_pixels(images), pixels)
    made = generator(10.0 * generator.latent(20)).numpy()
    assert bounds[0] <= made.min() and made.max() <= bounds[1]


def test_points_stay_as_they_are():
    generator, x = points.Generator(), rng.standard_normal((5, 2)) * 10
    assert generator.pixel_range is None and generator.to_pixels(x) is x and generator.from_pixels(x) is x


def test_many_samples_are_drawn_in_parts():
    """The parts are one sample: the same latent vectors give the same examples."""
    generator = points.Generator()
    z = generator.latent(1203)
    samples = generator.draw(z)
    assert samples.shape == (1203, 2)
    np.testing.assert_allclose(samples, generator(z).numpy(), rtol=1e-5, atol=1e-6)


def test_latent_vectors_are_standard_normal_and_new_each_time():
    generator = points.Generator(latent_dim=3)
    first, second = generator.latent(20_000), generator.latent(20_000)
    assert (first != second).all()
    np.testing.assert_allclose(first.mean(axis=0), 0.0, atol=4 / 20_000**0.5)
    np.testing.assert_allclose(np.cov(first.T), np.eye(3), atol=0.05)


def test_networks_for_points_have_128_units_per_layer():
    shapes = [(2, 128), (128, 128), (128, 128)]
    assert [p.shape for p in points.Generator().parameters()[::2]] == [*shapes, (128, 2)]
    assert [p.shape for p in points.Discriminator().parameters()[::2]] == [*shapes, (128, 1)]


def test_a_single_sample_can_be_drawn():
    assert points.Generator().latent(1).shape == (1, 2) and points.Generator().sample(1).shape == (1, 2)


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match="n counts examples, a whole number of at least 1, got 0"):
        points.Generator().sample(0)


# -- summaries and errors --------------------------------------------------------------------------------------------


def test_a_summary_of_the_books_generator(capsys):
    dcgan.Generator().summary((100,))
    printed = capsys.readouterr().out
    assert "net.3 ConvTranspose2d(128 -> 64, 5x5, stride 2, selu)" in printed
    assert printed.splitlines()[-1].split() == ["total", "840,321"]


def test_a_summary_of_a_discriminator_shows_packs_and_minibatch_layers_in_order(capsys):
    gan.Discriminator(dropout=0.3, pack=2, minibatch="stddev").summary((28, 28, 1))
    rows = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert [row for row in rows if row.split(".")[0] in ("pack", "body", "minibatch", "head")] == [
        "pack",
        "body.0",
        "body.1",
        "body.2",
        "body.3",
        "body.4",
        "minibatch",
        "head",
    ]


@EVERY
def test_an_unknown_minibatch_layer_is_named_with_the_nearest(make):
    with pytest.raises(ValueError, match="unknown minibatch layer 'stdev': did you mean 'stddev'?"):
        make(minibatch="stdev")


@pytest.mark.parametrize("make", [dcgan.TinyGenerator, dcgan.TinyDiscriminator])
def test_an_unknown_activation_is_named_with_the_nearest(make):
    with pytest.raises(ValueError, match="unknown activation 'leakyrelu': did you mean 'leaky_relu'?"):
        make(activation="leakyrelu")


def test_examples_of_another_size_are_refused_with_the_layer():
    with pytest.raises(ShapeError, match=r"body\.1: Dense\(784 -> 150, selu\) expects shape \(\.\.\., 784\), got \(5, 1024\)"):
        gan.Discriminator()(np.zeros((5, 32, 32, 1), np.float32))
    with pytest.raises(ShapeError, match=r"net\.0: Dense\(30 -> 100, selu\) expects shape \(\.\.\., 30\), got \(5, 31\)"):
        gan.Generator()(mg.Tensor(np.zeros((5, 31), np.float32)))
