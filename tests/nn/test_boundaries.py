"""Where each layer draws the line: the last settings and inputs that it takes, and the first that it refuses."""

import math
import warnings

import numpy as np
import pytest

from minigen import nn
from minigen.backend import asarray
from minigen.errors import ShapeError

TINY, HUGE = 1e-30, 1e30

# -- settings --------------------------------------------------------------------------------------------------------

TAKEN = {
    "Dense": [lambda: nn.Dense(1, 1)],
    "Conv2d": [lambda: nn.Conv2d(1, 1, 1), lambda: nn.Conv2d(1, 1, (1, 1), (1, 1), 0)],
    "ConvTranspose2d": [lambda: nn.ConvTranspose2d(1, 1, 1), lambda: nn.ConvTranspose2d(1, 1, 1, output_size=1)],
    "EqualizedDense": [
        lambda: nn.EqualizedDense(1, 1, gain=TINY, lr_multiplier=HUGE),
        lambda: nn.EqualizedDense(1, 1, gain=HUGE, lr_multiplier=TINY),
    ],
    "EqualizedConv2d": [lambda: nn.EqualizedConv2d(1, 1, 1, gain=TINY), lambda: nn.EqualizedConv2d(1, 1, 1, gain=HUGE)],
    "Bias": [lambda: nn.Bias(1)],
    "LearnedConstant": [lambda: nn.LearnedConstant((1,)), lambda: nn.LearnedConstant(())],
    "NoiseInjection": [lambda: nn.NoiseInjection(1, 1, 1, TINY), lambda: nn.NoiseInjection(1, 1, 1, HUGE)],
    "AdaIN": [lambda: nn.AdaIN(1, 1)],
    "MinibatchDiscrimination": [lambda: nn.MinibatchDiscrimination(1, 1, 1)],
    "MinibatchStdDev": [lambda: nn.MinibatchStdDev(2)],
    "Pack": [lambda: nn.Pack(1)],
    "BatchNorm": [lambda: nn.BatchNorm(1, momentum=0.0, eps=TINY), lambda: nn.BatchNorm(1, momentum=1 - 1e-9, eps=HUGE)],
    "LayerNorm": [lambda: nn.LayerNorm(1, eps=TINY), lambda: nn.LayerNorm(1, eps=HUGE)],
    "InstanceNorm": [lambda: nn.InstanceNorm(1, eps=TINY)],
    "Dropout": [lambda: nn.Dropout(0.0), lambda: nn.Dropout(1 - 1e-9)],
    "GaussianNoise": [lambda: nn.GaussianNoise(0.0), lambda: nn.GaussianNoise(HUGE)],
    "ActivityRegularization": [
        lambda: nn.ActivityRegularization(0.0, 0.0, TINY),
        lambda: nn.ActivityRegularization(HUGE, HUGE, 1 - 1e-9),
    ],
    "LeakyReLU": [lambda: nn.LeakyReLU(0.0), lambda: nn.LeakyReLU(1.0)],
    "RepeatVector": [lambda: nn.RepeatVector(1)],
    "LSTM": [lambda: nn.LSTM(1, 1)],
    "GRU": [lambda: nn.GRU(1, 1)],
    "LSTMCell": [lambda: nn.LSTMCell(1, 1)],
    "GRUCell": [lambda: nn.GRUCell(1, 1)],
    "MaxPool2d": [lambda: nn.MaxPool2d(1, 1, 0)],
    "AvgPool2d": [lambda: nn.AvgPool2d((1, 1), (1, 1), ((0, 0), (0, 0)))],
    "UpSample2d": [lambda: nn.UpSample2d(1)],
}

REFUSED = {
    "Dense": [lambda: nn.Dense(0, 1), lambda: nn.Dense(1, 0)],
    "Conv2d": [
        lambda: nn.Conv2d(0, 1, 1),
        lambda: nn.Conv2d(1, 0, 1),
        lambda: nn.Conv2d(1, 1, (1, 0)),
        lambda: nn.Conv2d(1, 1, 1, stride=0),
        lambda: nn.Conv2d(1, 1, 1, padding=-1),
    ],
    "ConvTranspose2d": [
        lambda: nn.ConvTranspose2d(0, 1, 1),
        lambda: nn.ConvTranspose2d(1, 0, 1),
        lambda: nn.ConvTranspose2d(1, 1, 1, output_size=0),
    ],
    "EqualizedDense": [
        lambda: nn.EqualizedDense(1, 1, gain=0.0),
        lambda: nn.EqualizedDense(1, 1, gain=math.inf),
        lambda: nn.EqualizedDense(1, 1, lr_multiplier=0.0),
        lambda: nn.EqualizedDense(1, 1, lr_multiplier=math.inf),
    ],
    "EqualizedConv2d": [lambda: nn.EqualizedConv2d(1, 1, 1, gain=0.0), lambda: nn.EqualizedConv2d(1, 1, 1, gain=math.inf)],
    "Bias": [lambda: nn.Bias(0)],
    "LearnedConstant": [lambda: nn.LearnedConstant((1, 0))],
    "NoiseInjection": [
        lambda: nn.NoiseInjection(0, 1, 1),
        lambda: nn.NoiseInjection(1, 0, 1),
        lambda: nn.NoiseInjection(1, 1, 0),
        lambda: nn.NoiseInjection(1, 1, 1, 0.0),
        lambda: nn.NoiseInjection(1, 1, 1, math.inf),
    ],
    "AdaIN": [lambda: nn.AdaIN(0, 1), lambda: nn.AdaIN(1, 0)],
    "MinibatchDiscrimination": [
        lambda: nn.MinibatchDiscrimination(0, 1, 1),
        lambda: nn.MinibatchDiscrimination(1, 0, 1),
        lambda: nn.MinibatchDiscrimination(1, 1, 0),
    ],
    "MinibatchStdDev": [lambda: nn.MinibatchStdDev(1)],
    "Pack": [lambda: nn.Pack(0)],
    "BatchNorm": [
        lambda: nn.BatchNorm(0),
        lambda: nn.BatchNorm(1, momentum=-TINY),
        lambda: nn.BatchNorm(1, momentum=1.0),
        lambda: nn.BatchNorm(1, eps=0.0),
        lambda: nn.BatchNorm(1, eps=math.inf),
    ],
    "LayerNorm": [lambda: nn.LayerNorm(0), lambda: nn.LayerNorm(1, eps=0.0), lambda: nn.LayerNorm(1, eps=math.inf)],
    "InstanceNorm": [lambda: nn.InstanceNorm(0), lambda: nn.InstanceNorm(1, eps=0.0)],
    "Dropout": [lambda: nn.Dropout(-TINY), lambda: nn.Dropout(1.0)],
    "GaussianNoise": [lambda: nn.GaussianNoise(-TINY), lambda: nn.GaussianNoise(math.inf)],
    "ActivityRegularization": [
        lambda: nn.ActivityRegularization(l1=-TINY),
        lambda: nn.ActivityRegularization(l1=math.inf),
        lambda: nn.ActivityRegularization(kl=-TINY),
        lambda: nn.ActivityRegularization(kl=math.inf),
        lambda: nn.ActivityRegularization(target=0.0),
        lambda: nn.ActivityRegularization(target=1.0),
    ],
    "LeakyReLU": [lambda: nn.LeakyReLU(-TINY), lambda: nn.LeakyReLU(1 + 1e-9)],
    "RepeatVector": [lambda: nn.RepeatVector(0)],
    "LSTM": [lambda: nn.LSTM(0, 1), lambda: nn.LSTM(1, 0)],
    "GRU": [lambda: nn.GRU(0, 1), lambda: nn.GRU(1, 0)],
    "LSTMCell": [lambda: nn.LSTMCell(0, 1), lambda: nn.LSTMCell(1, 0)],
    "GRUCell": [lambda: nn.GRUCell(0, 1), lambda: nn.GRUCell(1, 0)],
    "MaxPool2d": [lambda: nn.MaxPool2d(0), lambda: nn.MaxPool2d(1, stride=(1, 0)), lambda: nn.MaxPool2d(1, padding=-1)],
    "AvgPool2d": [lambda: nn.AvgPool2d((0, 1)), lambda: nn.AvgPool2d(1, stride=0), lambda: nn.AvgPool2d(1, padding=-1)],
    "UpSample2d": [lambda: nn.UpSample2d(0), lambda: nn.UpSample2d((1, 0))],
}


@pytest.mark.parametrize("name", TAKEN)
def test_settings_at_their_limit_are_accepted(name):
    for make in TAKEN[name]:
        assert type(make()).__name__ == name


@pytest.mark.parametrize("name", REFUSED)
def test_settings_beyond_their_limit_are_refused(name):
    assert name in TAKEN
    for make in REFUSED[name]:
        with pytest.raises(ValueError):
            make()


# -- inputs ----------------------------------------------------------------------------------------------------------

# Shapes of one example that a layer takes, and such as it refuses: an axis less, an axis more, another length of the last.
IMAGES = [(3, 4, 2)], [(3, 4), (2, 3, 4, 2), (3, 4, 3)]
EXAMPLES = {
    "Dense": (lambda: nn.Dense(2, 3), [(2,), (4, 2)], [(), (3,), (2, 3)]),
    "DenseTranspose": (lambda: nn.DenseTranspose(nn.Dense(3, 2)), [(2,), (4, 2)], [(), (3,), (2, 3)]),
    "Conv2d": (lambda: nn.Conv2d(2, 3, 3), *IMAGES),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(2, 3, 3), *IMAGES),
    "ConvTranspose2d of one size": (
        lambda: nn.ConvTranspose2d(2, 3, 3, 2, output_size=(5, 8)),
        [(3, 4, 2)],
        [(2, 4, 2), (3, 3, 2)],
    ),
    "InstanceNorm": (lambda: nn.InstanceNorm(2), [(1, 2, 2), (2, 1, 2)], []),
    "AdaIN": (lambda: nn.AdaIN(2, 3), *IMAGES),
    "MaxPool2d": (nn.MaxPool2d, [(2, 2, 1)], [(2, 2), (2, 2, 2, 1), (1, 2, 1), (2, 1, 1)]),
    "UpSample2d": (nn.UpSample2d, [(1, 1, 1)], [(1, 1), (1, 1, 1, 1)]),
    "MinibatchDiscrimination": (lambda: nn.MinibatchDiscrimination(2, 1, 1), [(2,)], [(), (3,), (1, 2)]),
    "MinibatchStdDev": (lambda: nn.MinibatchStdDev(2), [(1,), (2, 1)], [()]),
    "Pack": (lambda: nn.Pack(2), [(1,), (2, 1)], [()]),
    "Reshape": (lambda: nn.Reshape((2, 3)), [(6,), (3, 2)], [(5,), (7,), ()]),
    "LSTM": (lambda: nn.LSTM(2, 3), [(1, 2)], [(2,), (1, 1, 2), (0, 2), (1, 3)]),
    "GRU": (lambda: nn.GRU(2, 3, return_sequences=True), [(1, 2)], [(2,), (1, 1, 2), (0, 2), (1, 3)]),
    "LSTMCell": (lambda: nn.LSTMCell(2, 3), [(2,)], [(), (3,)]),
    "RepeatVector": (lambda: nn.RepeatVector(2), [(1,)], [(), (1, 1)]),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_output_shape_and_forward_refuse_the_same_shapes(name):
    make, taken, refused = EXAMPLES[name]
    layer = make()

    def forward(shape: tuple[int, ...]) -> tuple[int, ...]:
        others = [np.zeros((6, 3), np.float32)] if name == "AdaIN" else []
        y = layer(np.zeros((6, *shape), np.float32), *others)
        return (y[0] if isinstance(y, tuple) else y).shape[1:]

    for shape in taken:
        assert layer.output_shape(shape) == forward(shape), shape
    for shape in refused:
        for call in (layer.output_shape, forward):
            with pytest.raises(ShapeError):
                call(shape)


def zeros(*shape: int) -> np.ndarray:
    """float32 zeros."""
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("layer", "taken", "refused"),
    [
        (nn.BatchNorm(1), [(2, 1), (1, 2, 1), (1, 1, 2, 1), (1, 2, 1, 1)], [(1, 1), (1, 1, 1), (1, 1, 1, 1)]),
        (nn.InstanceNorm(1), [(1, 1, 2, 1), (1, 2, 1, 1)], [(2, 1, 1, 1)]),
        (nn.MinibatchDiscrimination(1, 1, 1), [(2, 1)], [(1, 1), (0, 1)]),
        (nn.MinibatchStdDev(2), [(2, 1), (4, 1)], [(1, 1), (3, 1)]),
        (nn.Pack(2), [(2, 1), (4, 1)], [(1, 1), (3, 1)]),
    ],
    ids=lambda value: repr(value) if isinstance(value, nn.Module) else None,
)
def test_batches_of_one_example_too_few_are_refused(layer, taken, refused):
    for shape in taken:
        layer(zeros(*shape))
    for shape in refused:
        with pytest.raises(ShapeError):
            layer(zeros(*shape))


def test_noise_for_an_image_is_one_map_for_each_or_one_for_all(backend):
    layer = nn.NoiseInjection(2, 3, 4)
    x = asarray(zeros(5, 3, 4, 2))
    for shape in ((5, 3, 4, 1), (1, 3, 4, 1)):
        assert layer(x, asarray(zeros(*shape))).shape == x.shape
    for shape in ((2, 3, 4, 1), (6, 3, 4, 1), (5, 3, 4, 2), (5, 4, 3, 1), (5, 3, 4)):
        with pytest.raises(ShapeError, match=r"expects noise of shape \(5 or 1, 3, 4, 1\), got"):
            layer(x, asarray(zeros(*shape)))
    for shape in ((5, 4, 4, 2), (5, 3, 3, 2)):
        with pytest.raises(ShapeError, match=r"expects images \(n, 3, 4, 2\), got"):
            layer(asarray(zeros(*shape)))


@pytest.mark.parametrize(
    ("channels", "shape", "hint"),
    [
        (3, (2, 3, 5, 6), "channels first"),
        (1, (2, 5, 6), r"without an axis of channels\? x.reshape\(\*x.shape, 1\)$"),
        (3, (5, 6, 3), r"a single image\? x\[None\]$"),
        (3, (2, 5, 6, 4), r"2, 5, 6, 4\)$"),
        (3, (2, 5, 6), r"2, 5, 6\)$"),
        (3, (3, 5), r"3, 5\)$"),
        (1, (5, 1, 1), r"without an axis of channels\?"),
        (1, (1, 1), r"1, 1\)$"),
        (1, (1, 1, 1, 1, 1), r"1, 1, 1, 1, 1\)$"),
        (3, (1, 3, 3, 3, 3), r"1, 3, 3, 3, 3\)$"),
    ],
)
@pytest.mark.parametrize("make", [nn.Conv2d, nn.ConvTranspose2d])
def test_hints_for_images_of_a_wrong_shape(make, channels, shape, hint):
    with pytest.raises(ShapeError, match=rf"expects images \(n, height, width, {channels}\), got \(.*{hint}"):
        make(channels, 2, 1)(zeros(*shape))


@pytest.mark.parametrize(
    ("shape", "warned"),
    [
        ((2, 3, 4, 4), True),
        ((2, 1, 2, 2), True),
        ((2, 2, 4, 4), False),
        ((2, 4, 5, 5), False),
        ((2, 3, 4, 5), False),
        ((2, 3, 3, 3), False),
        ((2, 1, 1, 1), False),
        ((2, 3, 2, 2), False),
    ],
)
def test_pooling_warns_of_channels_that_come_first(shape, warned):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nn.UpSample2d()(zeros(*shape))
    assert bool(caught) == warned
    assert all(each.filename == __file__ for each in caught), "the warning points at the call"


def test_the_hint_to_flatten_is_for_images_that_would_fit():
    layer = nn.Dense(12, 1)
    for shape, flat in (
        ((2, 3, 4), True),
        ((2, 3, 4, 1), True),
        ((12, 1), False),
        ((3, 4), False),
        ((2, 12, 2), False),
        ((), False),
    ):
        with pytest.raises(ShapeError) as caught:
            layer(zeros(*shape))
        assert ("nn.Flatten()" in str(caught.value)) == flat, shape
