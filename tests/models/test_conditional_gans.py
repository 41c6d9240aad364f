"""Conditional GANs: how labels join latent vectors and examples, that they change what comes out, and which are refused."""

import copy

import numpy as np
import pytest

import minigen as mg
from minigen import nn, ops
from minigen.errors import ShapeError
from minigen.models.gans import base, conditional, dcgan, gan, points

rng = np.random.default_rng(0)


class Echo(base.Generator):
    """A generator that shows what it is given."""

    def __init__(self, latent_dim: int):
        self.latent_dim, self.net = latent_dim, nn.Sequential()


class Ear(nn.Module):
    """A discriminator that shows what it is given, and gives that as its features too."""

    def forward(self, x):
        return x

    features = forward


def conditioned(classes: int = 3) -> conditional.Generator:
    """A generator of points that knows classes."""
    return conditional.Generator(points.Generator(2 + classes, hidden=8), classes)


# -- where the labels go -------------------------------------------------------------------------------------------


def test_the_last_latent_variables_are_the_label(backend):
    generator, z = conditional.Generator(Echo(2 + 3), classes=3), rng.standard_normal((4, 2)).astype(np.float32)
    assert generator.latent_dim == 2
    y = mg.to_numpy(generator(mg.asarray(z), mg.asarray(np.array([2, 0, 1, 2]))))
    np.testing.assert_array_equal(y, np.concatenate([z, np.eye(3, dtype=np.float32)[[2, 0, 1, 2]]], axis=1))


@pytest.mark.parametrize("shape", [(3, 2), (3, 4, 5, 2)])
def test_the_label_becomes_constant_channels_of_0_or_1(shape, backend):
    x, labels = rng.standard_normal(shape).astype(np.float32), np.array([1, 3, 0])
    expected = np.zeros((*shape[:-1], 2 + 4), np.float32)
    expected[..., :2] = x
    for i, label in enumerate(labels):
        expected[i, ..., 2 + label] = 1.0
    discriminator = conditional.Discriminator(Ear(), classes=4)
    for joined in (lambda x, labels: ops.with_labels(x, labels, 4), discriminator, discriminator.features):
        np.testing.assert_array_equal(mg.to_numpy(joined(mg.Tensor(mg.asarray(x)), mg.asarray(labels)).data), expected)


def test_in_a_pack_each_example_keeps_its_own_label():
    packed = conditional.Discriminator(nn.Pack(2), classes=2)(np.float32([[5], [6], [7], [8]]), np.array([0, 1, 1, 1]))
    np.testing.assert_array_equal(packed, [[5, 1, 0, 6, 0, 1], [7, 0, 1, 8, 0, 1]])


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_labels_are_integers_of_any_kind(dtype, backend):
    generator = conditioned()
    z, labels = generator.latent(4), np.array([0, 1, 2, 1])
    expected = generator(z, mg.asarray(labels)).numpy()
    np.testing.assert_array_equal(generator(z, mg.asarray(labels.astype(dtype))).numpy(), expected)
    np.testing.assert_array_equal(generator(z, labels.tolist()).numpy(), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_label_takes_the_dtype_of_the_input(dtype):
    generator = conditioned().astype(dtype)
    z = rng.standard_normal((2, 2)).astype(dtype)
    assert generator(z, [0, 1]).dtype == dtype


# -- what they change ----------------------------------------------------------------------------------------------


def test_another_label_gives_another_example_and_another_score():
    generator, z = conditioned(), mg.asarray(rng.standard_normal((1, 2)).astype(np.float32)).repeat(3, axis=0)
    made = generator(z, [0, 1, 2]).numpy()
    assert len({tuple(point) for point in made.tolist()}) == 3
    discriminator = conditional.Discriminator(points.Discriminator(hidden=8, features=2 + 3), classes=3)
    assert len(set(discriminator(np.ones((3, 2), np.float32), [0, 1, 2]).numpy()[:, 0].tolist())) == 3


def test_the_wrapped_network_is_the_one_that_is_trained():
    inner = points.Generator(2 + 3, hidden=8)
    generator = conditional.Generator(inner, classes=3)
    assert {id(p) for p in generator.parameters()} == {id(p) for p in inner.parameters()}
    assert list(generator.state_dict()) == [f"net.{name}" for name in inner.state_dict()]


def test_the_rows_of_the_first_weight_that_belong_to_absent_classes_get_no_gradient():
    """Their inputs are 0: a label reaches only its own row."""
    generator = conditioned()
    generator(generator.latent(4), [0, 2, 2, 0]).square().sum().backward()
    by_row = abs(generator.net.net[0].weight.grad).sum(axis=1)
    assert (by_row > 0).tolist() == [True, True, True, False, True]


@pytest.mark.parametrize(
    ("network", "pixel_range"),
    [(lambda: gan.Generator(30 + 10), (0.0, 1.0)), (lambda: dcgan.TinyGenerator(20 + 10), (-1.0, 1.0))],
)
def test_images_of_ten_classes_have_the_right_shapes(network, pixel_range, backend):
    generator, labels = conditional.Generator(network()), np.arange(10)
    assert generator.classes == 10 and generator.pixel_range == pixel_range
    samples = generator.sample(10, labels)
    assert samples.shape == (10, 28, 28, 1) and samples.min() >= 0.0 and samples.max() <= 1.0
    discriminator = conditional.Discriminator(dcgan.TinyDiscriminator((28, 28, 1 + 10), feature_maps=(2, 3)))
    assert discriminator(mg.asarray(samples), mg.asarray(labels)).shape == (10, 1)
    assert discriminator.features(mg.asarray(samples), mg.asarray(labels)).shape == (10, 7 * 7 * 3)


def test_samples_in_parts_have_their_own_labels():
    generator, labels = conditional.Generator(Echo(2 + 3), classes=3), np.arange(700) % 3
    np.testing.assert_array_equal(generator.sample(700, labels)[:, 2:].argmax(axis=1), labels)
    for n in (500, 600, 1000):
        with pytest.raises(
            ShapeError, match=rf"^expected one label for each of {n} examples, or one for all, got shape \(700,\)$"
        ):
            generator.sample(n, labels)


def test_a_single_class_is_accepted():
    assert conditional.Generator(points.Generator(3), classes=1).sample(2, 0).shape == (2, 2)


@pytest.mark.parametrize("classes", [0, -1, 3.0])
def test_the_number_of_classes_is_a_positive_whole_number(classes):
    with pytest.raises(ValueError, match=f"^classes counts the classes, a whole number of at least 1, got {classes}$"):
        conditional.Generator(Echo(2 + 3), classes=classes)


def test_state_dicts_and_copies_of_conditional_networks():
    first, second = conditioned(), conditioned()
    second.load_state_dict(first.state_dict())
    z, labels = first.latent(4), [0, 1, 2, 0]
    for other in (second, copy.deepcopy(first)):
        np.testing.assert_array_equal(other(z, labels).numpy(), first(z, labels).numpy())


def test_a_summary_is_of_what_the_wrapped_network_takes(capsys):
    conditioned().summary((2 + 3,))
    conditional.Discriminator(gan.Discriminator((28, 28, 1 + 10))).summary((28, 28, 1 + 10))
    printed = capsys.readouterr().out
    assert "Dense(5 -> 8, relu)" in printed and "body.1 Dense(8624 -> 150, selu)" in printed


# -- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("latent_dim", [2, 3])
def test_a_network_whose_latent_variables_are_all_labels_is_refused(latent_dim):
    with pytest.raises(
        ValueError, match=f"needs a network of more than 3 latent variables, 3 of them for the label, got {latent_dim}"
    ):
        conditional.Generator(points.Generator(latent_dim), classes=3)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 3], ValueError, "labels reach from 0 to 3, expected 0 to 2"),
        ([-1, 2], ValueError, "labels reach from -1 to 2, expected 0 to 2"),
        ([0.0, 1.0], TypeError, "labels must be integers, got float"),
        ([0, 1, 2], ShapeError, r"expected one label for each of 2 examples, got labels of shape \(3,\)"),
        ([[0], [1]], ShapeError, r"expected one label for each of 2 examples, got labels of shape \(2, 1\)"),
        (1, ShapeError, r"expected one label for each of 2 examples, got labels of shape \(\)"),
    ],
)
def test_wrong_labels_are_refused_by_both_networks(labels, error, message, backend):
    generator = conditioned()
    discriminator = conditional.Discriminator(points.Discriminator(hidden=8, features=2 + 3), classes=3)
    labels = mg.asarray(np.array(labels))
    for network, x in ((generator, generator.latent(2)), (discriminator, mg.asarray(np.ones((2, 2), np.float32)))):
        with pytest.raises(error, match=message):
            network(x, labels)


def test_a_discriminator_that_was_not_made_for_labels_is_refused_with_the_layer():
    discriminator = conditional.Discriminator(points.Discriminator(hidden=8), classes=3)
    with pytest.raises(ShapeError, match=r"net\.body\.0: Dense\(2 -> 8, relu\) expects shape \(\.\.\., 2\), got \(4, 5\)"):
        discriminator(np.ones((4, 2), np.float32), [0, 1, 2, 0])


def test_one_label_is_used_for_all_samples():
    generator = conditional.Generator(Echo(2 + 3), classes=3)
    made = generator.sample(4, 2)
    np.testing.assert_array_equal(made[:, 2:], np.tile([0, 0, 1], (4, 1)))


def test_a_generator_in_float64_samples_in_float64():
    generator = conditional.Generator(points.Generator(latent_dim=2 + 3, hidden=4, layers=1), classes=3).astype("float64")
    assert generator.sample(3, np.arange(3)).dtype == np.float64
