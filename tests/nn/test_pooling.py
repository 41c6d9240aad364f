"""Pooling layers: shapes, settings and misuse; what they compute is tested with the ops."""

import numpy as np
import pytest

import minigen as mg
from minigen import nn, ops
from minigen.errors import DtypeError, ShapeError

X = np.random.default_rng(0).standard_normal((2, 7, 6, 3)).astype(np.float32)


@pytest.mark.parametrize(("layer", "op"), [(nn.MaxPool2d, ops.max_pool2d), (nn.AvgPool2d, ops.avg_pool2d)])
def test_the_settings_reach_the_op(layer, op, backend):
    x = mg.asarray(X)
    for settings, attributes in [
        ((), {}),
        ((3,), {"size": 3}),
        (((2, 3), 1, "same"), {"size": (2, 3), "stride": 1, "padding": "same"}),
        ((3, (1, 2), ((1, 0), (0, 2))), {"size": 3, "stride": (1, 2), "padding": ((1, 0), (0, 2))}),
    ]:
        np.testing.assert_array_equal(mg.to_numpy(layer(*settings)(x)), mg.to_numpy(op(x, **attributes)))


def test_the_sizes_of_the_chapters_encoder():
    pools = nn.Sequential(*(nn.MaxPool2d() for _ in range(3)))
    assert pools.output_shape((28, 28, 16)) == (3, 3, 16) == pools(np.zeros((1, 28, 28, 16), dtype=np.float32)).shape[1:]
    assert nn.MaxPool2d(padding="same").output_shape((7, 7, 1)) == (4, 4, 1)


def test_upsampling_repeats_pixels(backend):
    y = mg.to_numpy(nn.UpSample2d((2, 3))(mg.asarray(X)))
    np.testing.assert_array_equal(y, np.repeat(np.repeat(X, 2, axis=1), 3, axis=2))


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.MaxPool2d(), "MaxPool2d(2x2)"),
        (nn.MaxPool2d((2, 3), stride=2, padding="same"), "MaxPool2d(2x3, stride 2x2, padding same)"),
        (nn.AvgPool2d(2, padding=1), "AvgPool2d(2x2, padding 1)"),
        (nn.UpSample2d(), "UpSample2d(2x2)"),
    ],
    ids=repr,
)
def test_the_representation_shows_the_settings(layer, text):
    assert repr(layer) == text


@pytest.mark.parametrize("layer", [nn.MaxPool2d(), nn.AvgPool2d(), nn.UpSample2d()], ids=repr)
def test_images_of_another_shape_are_refused(layer):
    with pytest.warns(UserWarning, match=r"channels first\? Here they come last: x.transpose\(0, 2, 3, 1\)"):
        layer(np.zeros((2, 3, 28, 28), dtype=np.float32))
    assert layer(np.zeros((2, 4, 4, 3), dtype=np.float32)).shape[3] == 3
    with pytest.raises(ShapeError, match=r"expects images \(n, height, width, channels\), got \(28, 28\)"):
        layer(np.zeros((28, 28), dtype=np.float32))
    with pytest.raises(DtypeError, match=r"takes floating-point numbers, got uint8: .* / 255"):
        layer(np.zeros((2, 4, 4, 3), dtype=np.uint8))
    with pytest.raises(TypeError, match="expects an array or a Tensor, got list"):
        layer([[0.0]])
    with pytest.raises(ShapeError, match=r"expects images \(height, width, channels\), got \(784,\)"):
        layer.output_shape((784,))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.MaxPool2d(0), ValueError, "pool_size is 0, expected at least 1"),
        (lambda: nn.AvgPool2d(2, stride=0), ValueError, "stride is 0"),
        (lambda: nn.MaxPool2d(padding="full"), ValueError, "padding is 'full'"),
        (lambda: nn.UpSample2d(0.5), TypeError, r"factor is 0.5, expected an int or \(height, width\)"),
        (lambda: nn.MaxPool2d(3).output_shape((2, 8, 1)), ShapeError, "a window of 3x3 does not fit into images of 2x8"),
        (
            lambda: nn.Sequential(nn.MaxPool2d(9))(X),
            ShapeError,
            "layers.0: max_pool2d: a window of 9x9|a window of 9x9 does not fit",
        ),
    ],
)
def test_wrong_settings_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
