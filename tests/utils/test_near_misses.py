"""A name that is nearly right, or another library's, is answered with the right one; a right one costs nothing."""

import copy
import dataclasses
import inspect
import pickle
from importlib import import_module

import numpy as np
import pytest

import minigen as mg
import minigen.models.autoencoders
from minigen import losses, nn, optim
from minigen.utils import near_misses
from minigen.utils.settings import Configured, takes_settings

X = np.ones((2, 4, 4, 1), np.float32)


def parameters() -> list[mg.Parameter]:
    """Those of a small layer."""
    return nn.Dense(3, 2).parameters()


SETTINGS = {
    "Adam has no setting 'learning_rate': did you mean 'lr'?": lambda: optim.Adam(parameters(), learning_rate=0.1),
    "Adam has no setting 'betas': did you mean 'beta1' and 'beta2'?": lambda: optim.Adam(parameters(), betas=(0.9, 0.999)),
    "Adam has no setting 'params': did you mean 'parameters'?": lambda: optim.Adam(params=parameters()),
    "SGD has no setting 'learning_rate': did you mean 'lr'?": lambda: optim.SGD(parameters(), learning_rate=0.1),
    "SGD has no setting 'wieght_decay': did you mean 'weight_decay'?": lambda: optim.SGD(parameters(), 0.1, wieght_decay=0.1),
    "RMSprop has no setting 'alpha': did you mean 'rho'?": lambda: optim.RMSprop(parameters(), alpha=0.9),
    "RMSprop has no setting 'epsilon': did you mean 'eps'?": lambda: optim.RMSprop(parameters(), epsilon=1e-6),
    "Nadam has no setting 'clipnorm': did you mean 'clip_norm'?": lambda: optim.Nadam(parameters(), clipnorm=1.0),
    "ExponentialMovingAverage has no setting 'model': did you mean 'module'?": lambda: optim.ExponentialMovingAverage(
        model=nn.ReLU()
    ),
    "cosine has no setting 'steps': did you mean 'total'?": lambda: optim.schedules.cosine(0.1, steps=9),
    "Dense has no setting 'units': did you mean 'out_features'?": lambda: nn.Dense(units=100),
    "Dense has no setting 'use_bias': did you mean 'bias'?": lambda: nn.Dense(3, 2, use_bias=False),
    "Conv2d has no setting 'filters': did you mean 'out_channels'?": lambda: nn.Conv2d(filters=8, kernel_size=3),
    "Conv2d has no setting 'strides': did you mean 'stride'?": lambda: nn.Conv2d(1, 8, 3, strides=2),
    "LSTM has no setting 'units': did you mean 'hidden_size'?": lambda: nn.LSTM(units=100),
    "MaxPool2d has no setting 'kernel_size': did you mean 'pool_size'?": lambda: nn.MaxPool2d(kernel_size=2),
    "BatchNorm has no setting 'num_features': did you mean 'features'?": lambda: nn.BatchNorm(num_features=3),
    "LeakyReLU has no setting 'negative_slope': did you mean 'slope'?": lambda: nn.LeakyReLU(negative_slope=0.2),
    "Dropout has no setting 'p': did you mean 'rate'?": lambda: nn.Dropout(p=0.5),
    "UpSample2d has no setting 'scale_factor': did you mean 'factor'?": lambda: nn.UpSample2d(scale_factor=2),
    "GradientPenalty has no setting 'lambda_gp': did you mean 'weight'?": lambda: losses.GradientPenalty(lambda_gp=10.0),
    "fit has no setting 'learning_rate': did you mean 'optimizer'?": lambda: mg.training.fit(
        None, X, learning_rate=0.1, epochs=1
    ),
    "fit has no setting 'n_epochs': did you mean 'epochs'?": lambda: mg.training.fit(None, X, optimizer=None, n_epochs=1),
    "Adversarial has no setting 'n_critic': did you mean 'discriminator_steps'?": lambda: mg.training.Adversarial(
        None, None, n_critic=5
    ),
    "R1 has no setting 'gama': did you mean 'gamma'?": lambda: losses.R1(gama=10.0),
    "Dense missing 1 required positional argument: 'out_features'; it takes Dense(in_features, out_features, activation=None, "
    "bias=True, weight_init=None)": lambda: nn.Dense(100),
    "weight_init must be a function of the shape, such as nn.init.he_normal, got 'he_normal'": lambda: nn.Dense(
        1, 1, weight_init="he_normal"
    ),
    "piecewise's boundaries are a list of steps, such as [1000, 2000], got 5": lambda: optim.schedules.piecewise(0.1, 5),
    "Dropout's rate must be a number, got '0.5'": lambda: nn.Dropout("0.5"),
    "Reshape got too many positional arguments; it takes Reshape(shape)": lambda: nn.Reshape(28, 28, 1),
}


@pytest.mark.parametrize("message", SETTINGS)
def test_a_near_miss_of_a_setting_is_answered_with_its_name(message):
    with pytest.raises(TypeError) as caught:
        SETTINGS[message]()
    assert str(caught.value) == message and caught.value.__cause__ is None


ARGUMENTS = {
    "sum has no setting 'dim': did you mean 'axis'?": lambda x: mg.sum(x, dim=0),
    "mean has no setting 'keepdim': did you mean 'keepdims'?": lambda x: mg.mean(x, axis=0, keepdim=True),
    "leaky_relu has no setting 'alpha': did you mean 'slope'?": lambda x: mg.leaky_relu(x, alpha=0.2),
    "concatenate has no setting 'dim': did you mean 'axis'?": lambda x: mg.concatenate(x, x, dim=1),
    "max_pool2d has no setting 'kernel_size': did you mean 'size'?": lambda x: mg.max_pool2d(x, kernel_size=2),
    "conv2d has no setting 'strides': did you mean 'stride'?": lambda x: mg.conv2d(
        x, np.ones((3, 3, 1, 1), np.float32), strides=2
    ),
    "softmax has no setting 'dim': did you mean 'axis'?": lambda x: mg.softmax(x, dim=1),
    "flatten has no setting 'start_dim': did you mean 'start_axis'?": lambda x: mg.flatten(x, start_dim=1),
    "clip has no setting 'minimum': expected one of x, low, high": lambda x: mg.clip(x, minimum=0.0),
}


@pytest.mark.parametrize("make", [mg.Tensor, np.asarray, np.ndarray.tolist])
@pytest.mark.parametrize("message", ARGUMENTS)
def test_a_near_miss_of_an_ops_argument_is_answered_with_its_name(message, make):
    with pytest.raises(TypeError) as caught:
        ARGUMENTS[message](make(X))
    assert str(caught.value) == message


PAIRS = "must be one pair (before, after) for each axis, such as ((1, 1), (0, 0)), got 1"
VALUES = {
    f"pad's widths {PAIRS}": lambda x: mg.pad(x, 1),
    f"crop's widths {PAIRS}": lambda x: mg.crop(x, widths=1),
    "pad: widths are one pair (before, after) of at least 0 for each of the axes (2, 4, 4, 1), got ((1, 1), (0, -1))": (
        lambda x: mg.pad(x, ((1, 1), (0, -1)))
    ),
    "split's sections must be a whole number of equal parts, got [1, 2]; unequal ones are x[:1], x[1:3], x[3:]": (
        lambda x: mg.split(x, [1, 2])
    ),
    "split: axis 4 is out of range, expected -4 to 3": lambda x: mg.split(x, 2, axis=4),
    "swapaxes: an axis is an int, got 1.0": lambda x: mg.swapaxes(x, 0, 1.0),
    "concatenate takes arrays, and the axis by its name: concatenate(x, y, axis=1), got 1 among the arrays": (
        lambda x: mg.concatenate(x, x, 1)
    ),
    "stack takes arrays, and the axis by its name: stack(x, y, axis=1), got 1 among the arrays": lambda x: mg.stack(x, x, 1),
    "stack takes one array or more, got none: stack(x, y, axis=0)": lambda x: mg.stack(),
    "sum's axis must be an int, a tuple of ints or None, got 'rows'": lambda x: mg.sum(x, "rows"),
    "transpose's axes must be a tuple of ints or None, got 1.5": lambda x: mg.transpose(x, 1.5),
    "reshape's shape must be a tuple of ints, got (2, 2.5)": lambda x: mg.reshape(x, (2, 2.5)),
    "sum_to's shape must be a tuple of ints, got 3": lambda x: mg.sum_to(x, 3),
    "clip's low must be a number, got 'a'": lambda x: mg.clip(x, "a"),
    "kl_normal's logvar must be an array or a Tensor, got 3": lambda x: losses.kl_normal(x, 3),
    "kl_normal's mean must be an array or a Tensor, got None": lambda x: losses.kl_normal(None, x),
    "flatten's x must be an array or a Tensor, got [1.0]": lambda x: mg.flatten([1.0]),
    "gradcheck takes a function before its arrays, got Tensor: gradcheck(minigen.tanh, x)": lambda x: mg.gradcheck(mg.Tensor(x)),
    "gradcheck_module takes a function of the arrays behind the module, got Tensor: a layer is its own, "
    "gradcheck_module(layer, layer, x)": lambda x: mg.gradcheck_module(nn.ReLU(), mg.Tensor(x)),
    "gradcheck_module missing 1 required positional argument: 'f'; it takes gradcheck_module(module, f, *arrays, order=2, seed=0, "
    "allow_unused=False, **options)": lambda x: mg.gradcheck_module(nn.ReLU()),
}


@pytest.mark.parametrize("make", [mg.Tensor, np.asarray])
@pytest.mark.parametrize("message", VALUES)
def test_values_of_arguments(message, make):
    with pytest.raises((TypeError, ValueError, IndexError)) as caught:
        VALUES[message](mg.to_numpy(X) if "Tensor:" in message else make(X))
    assert str(caught.value) == message


ATTRIBUTES = {
    "module 'minigen.nn' has no attribute 'Linear': here it is minigen.nn.Dense": lambda: nn.Linear,
    "module 'minigen.nn' has no attribute 'Conv2D': did you mean 'Conv2d'?": lambda: nn.Conv2D,
    "module 'minigen.nn' has no attribute 'MaxPooling2D': did you mean 'MaxPool2d'?": lambda: nn.MaxPooling2D,
    "module 'minigen.nn' has no attribute 'BatchNorm2d': did you mean 'BatchNorm'?": lambda: nn.BatchNorm2d,
    "module 'minigen.nn' has no attribute 'Conv2DTranspose': did you mean 'ConvTranspose2d'?": lambda: nn.Conv2DTranspose,
    "module 'minigen.nn' has no attribute 'lstm': did you mean 'LSTM'?": lambda: nn.lstm,
    "module 'minigen.nn' has no attribute 'Qwertz'": lambda: nn.Qwertz,
    "module 'minigen.optim' has no attribute 'AdamW': here it is minigen.optim.Adam, whose weight_decay is added to the gradient": (
        lambda: optim.AdamW
    ),
    "module 'minigen.optim' has no attribute 'RMSProp': did you mean 'RMSprop'?": lambda: optim.RMSProp,
    "module 'minigen.losses' has no attribute 'BCEWithLogitsLoss': here it is minigen.losses.bce_with_logits": (
        lambda: losses.BCEWithLogitsLoss
    ),
    "module 'minigen.losses' has no attribute 'WassersteinLoss': did you mean 'Wasserstein'?": lambda: losses.WassersteinLoss,
    "module 'minigen' has no attribute 'cat': here it is minigen.concatenate": lambda: mg.cat,
    "module 'minigen' has no attribute 'Adam': here it is minigen.optim.Adam": lambda: mg.Adam,
    "module 'minigen' has no attribute 'Dense': here it is minigen.nn.Dense": lambda: mg.Dense,
    "module 'minigen' has no attribute '__wrapped__'": lambda: mg.__wrapped__,
    "module 'minigen' has no attribute 'gradchek': did you mean 'gradcheck'?": lambda: mg.gradchek,
    "module 'minigen' has no attribute 'tahn': did you mean 'tanh'?": lambda: mg.tahn,
    "module 'minigen' has no attribute 'zeros': here it is minigen.asarray(np.zeros(...), 'float32')": lambda: mg.zeros,
    "module 'minigen' has no attribute 'ones_like': here it is minigen.asarray(np.ones(x.shape, 'float32'))": lambda: (
        mg.ones_like
    ),
    "module 'minigen' has no attribute 'randn': here it is minigen.backend.random.normal(shape)": lambda: mg.randn,
    "module 'minigen' has no attribute 'argmax': here it is np.argmax of x.numpy(), outside the graph": lambda: mg.argmax,
    "module 'minigen' has no attribute 'einsumm'": lambda: mg.einsumm,
    "module 'minigen.nn' has no attribute 'functional': here it is minigen.ops": lambda: nn.functional,
    "Tensor has no attribute 'view': here it is x.reshape(shape)": lambda: mg.Tensor(X).view,
    "Tensor has no attribute 'unsqueeze': here it is x.expand_dims(axis)": lambda: mg.Parameter(X).unsqueeze,
    "'Tensor' object has no attribute 'qwertz'": lambda: mg.Tensor(X).qwertz,
    "Dense has no attribute 'train_on_batch': here it is loss.backward() and optimizer.step(), or minigen.training.fit": (
        lambda: nn.Dense(1, 1).train_on_batch
    ),
    "Sequential has no attribute 'add': here it is Sequential(*layers)": lambda: nn.Sequential().add(nn.ReLU()),
    "Dense has no attribute 'count_params': here it is parameter_count()": lambda: nn.Dense(1, 1).count_params(),
    "SGD has no attribute 'apply_gradients': here it is loss.backward() and step()": (
        lambda: optim.SGD(parameters(), 0.1).apply_gradients
    ),
}


@pytest.mark.parametrize("message", ATTRIBUTES)
def test_a_near_miss_of_an_attribute_is_answered_with_its_name(message):
    with pytest.raises(AttributeError) as caught:
        ATTRIBUTES[message]()
    assert str(caught.value) == message


TABLES = (near_misses.NAMES, near_misses.METHODS, near_misses.TENSORS)


@pytest.mark.parametrize("answer", [answer for table in TABLES for answer in table.values()])
def test_what_is_advised_exists(answer):
    for word in answer.replace("(", " ").replace(",", " ").replace(":", " ").split():
        if word.startswith("minigen."):
            path, found = word.split("."), mg
            for i, name in enumerate(path[1:], 1):
                found = getattr(found, name, None) or import_module(".".join(path[: i + 1]))
        elif word.startswith("x."):
            assert hasattr(mg.Tensor(X), word.removeprefix("x.").partition(".")[0]), word
        elif word.endswith("()") or answer.endswith("()") and word.isidentifier() and "_" in word:
            assert hasattr(nn.Module, word.removesuffix("()")) or hasattr(optim.Optimizer, word.removesuffix("()")), word


def test_no_setting_of_another_library_is_by_chance_one_of_ours():
    """An answer must name what some class here takes."""
    known = {
        name
        for room in (nn, optim, optim.schedules, losses, mg.training, mg.models.autoencoders, mg.ops, mg.data)
        for each in vars(room).values()
        if getattr(each, "__module__", "").startswith("minigen.") and callable(each)
        for name in inspect.signature(each).parameters
    }
    assert {here for names in near_misses.SETTINGS.values() for here in names} <= known


def test_an_error_inside_a_constructor_stays_what_it_is():
    class Wrong(nn.Module):
        def __init__(self, size):
            self.body = nn.Dense(units=size)

    with pytest.raises(TypeError, match="^Dense has no setting 'units'"):
        Wrong(3)
    with pytest.raises(TypeError, match=r"^Wrong missing 1 required positional argument: 'size'; it takes Wrong\(size\)$"):
        Wrong()

    @takes_settings
    def divide(total, parts):
        return total / parts

    with pytest.raises(TypeError, match="unsupported operand"):
        divide(1, "2")


def test_a_property_that_fails_says_why():
    class Broken(nn.Module):
        @property
        def add(self):
            return self.nothing

    with pytest.raises(AttributeError, match="'Broken' object has no attribute 'nothing'"):
        Broken().add()


def configured(kind: type = Configured) -> list[type]:
    """All classes with settings in the library."""
    below = [each for cls in kind.__subclasses__() for each in (cls, *configured(cls))]
    return [each for each in below if each.__module__.startswith("minigen.")]


@pytest.mark.parametrize("kind", list(filter(dataclasses.is_dataclass, configured())), ids=lambda kind: kind.__name__)
def test_every_dataclass_with_settings_takes_them_so(kind):
    assert not dataclasses.fields(kind) or hasattr(kind.__init__, "__wrapped__"), f"write @takes_settings above {kind.__name__}"
    with pytest.raises(TypeError, match=f"^{kind.__name__} has no setting 'qwertz'"):
        kind(qwertz=1)


def test_signatures_stay_visible_to_editors_and_copies_work():
    assert list(inspect.signature(nn.Dense).parameters) == ["in_features", "out_features", "activation", "bias", "weight_init"]
    assert list(inspect.signature(losses.R1).parameters) == ["gamma", "resolution", "every"]
    layer = nn.Dense(2, 2)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(twin.weight.numpy(), layer.weight.numpy())


@pytest.mark.parametrize(
    "given, message",
    [
        (nn.Dense(1, 1), r"an optimizer takes a list of parameters, got Dense\(1 -> 1\): pass model.parameters\(\)"),
        (nn.Sequential(nn.Dense(1, 1)), r"an optimizer takes Parameters, got Dense: pass model.parameters\(\)"),
        (nn.Dense(1, 1).weight, r"an optimizer takes a list of parameters, got Tensor"),
        (nn.Dense(1, 1).named_parameters(), r"an optimizer takes Parameters, got str: pass model.parameters\(\)"),
        (nn.Dense(1, 1).parameters, r"an optimizer takes a list of parameters, got <bound method"),
    ],
)
def test_what_is_not_a_list_of_parameters_is_refused(given, message):
    with pytest.raises(TypeError, match=f"^{message}"):
        optim.Adam(given)


def test_a_generator_of_parameters_will_do():
    layer = nn.Dense(2, 1)
    assert len(optim.Adam(p for p in layer.parameters()).parameters) == 2


@pytest.mark.parametrize("lr", ["0.1", None, [0.1]])
def test_a_learning_rate_that_is_not_a_number_is_refused(lr):
    with pytest.raises(TypeError, match="^Adam's lr must be a number, got "):
        optim.Adam(parameters(), lr)


@pytest.mark.parametrize(
    "call, same",
    [
        (lambda: nn.Conv2d(1, 2, [3, 5], stride=[1, 2]), lambda: nn.Conv2d(1, 2, (3, 5), stride=(1, 2))),
        (lambda: nn.Reshape([2, 3]), lambda: nn.Reshape((2, 3))),
        (lambda: nn.LearnedConstant([2, 3]), lambda: nn.LearnedConstant((2, 3))),
    ],
)
def test_lists_will_do_where_tuples_are_meant(call, same):
    assert repr(call()) == repr(same())


@pytest.mark.parametrize(
    "shape, message",
    [
        (784, r"shape must be a tuple, such as \(28, 28, 1\), got 784"),
        ("784", r"shape must be a tuple, such as \(28, 28, 1\), got '784'"),
        ((28, 28.0), r"shape\[1\] must be a whole number, got 28.0"),
        ((28, 0), r"shape\[1\] must be at least 1, got 0"),
    ],
)
def test_what_is_not_a_shape_is_refused(shape, message):
    for layer in (nn.Reshape, nn.LearnedConstant):
        with pytest.raises((TypeError, ValueError), match=rf"^{layer.__name__}'s {message}$"):
            layer(shape)
