"""A setting may be a NumPy number: result, dtype, repr and checkpoint are those of Python's number, in every op, layer,
model, objective and optimizer."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigen as mg
from minigen import data, losses, nn, ops, optim, training
from minigen.autograd import OPS, grad
from minigen.baselines import tsne
from minigen.models.gans.growing import at_stage
from minigen.nn import Module
from minigen.training import checkpoint, remedies
from minigen.utils.settings import Configured, to_python
from tests.models.test_autoencoders import MODELS as AUTOENCODERS
from tests.models.test_gans import PAIRS
from tests.models.test_variational import MODELS as VARIATIONAL
from tests.nn.test_layers import LAYERS, run
from tests.samples import SAMPLES
from tests.training.gans.players import QUIET, cloud, game
from tests.training.networks import examples, made

KINDS = {
    "64": (np.int64, np.float64),
    "32": (np.int32, np.float32),
    "small": (np.uint8, np.float16),
    "long": (np.int64, np.longdouble),
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def numpys(value: Any, kind: tuple[type, type]) -> Any:
    """The value with NumPy scalars in place of Python's, also in tuples and lists; where they do not fit, as it is."""
    if type(value) in (tuple, list):
        return type(value)(numpys(part, kind) for part in value)
    if type(value) is int and np.iinfo(kind[0]).min <= value <= np.iinfo(kind[0]).max:
        return kind[0](value)
    return kind[1](value) if type(value) is float else value


def ways(kind: tuple[type, type]) -> tuple[Callable, Callable]:
    """What makes a setting NumPy's, and what makes it the number of Python's that this is."""
    return lambda value: numpys(value, kind), lambda value: to_python(numpys(value, kind))


def assert_equal(got: Any, expected: Any) -> None:
    """Bit for bit, in value and dtype."""
    got, expected = (mg.to_numpy(x.data if isinstance(x, mg.Tensor) else x) for x in (got, expected))
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


def has_numpys(value: Any) -> bool:
    """Whether a setting, or a part of it, is a NumPy number."""
    return isinstance(value, np.generic) or (isinstance(value, (tuple, list)) and any(map(has_numpys, value)))


# -- ops ---------------------------------------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize(
    "op", [op for op in OPS if op.startswith("minigen.") and OPS[op].attributes], ids=lambda op: op.removeprefix("minigen.ops.")
)
def test_numpys_numbers_are_as_good_as_pythons_for_ops(op, kind):
    for sample in SAMPLES[op]:
        arrays = [x.astype(np.float32) for x in sample.arrays]
        results = []
        for convert in ways(kind):
            attributes = {name: convert(value) for name, value in sample.attributes.items()}
            function = dataclasses.replace(sample, attributes=attributes).function(op, np.float32)
            tensors = [mg.Tensor(x, requires_grad=True) for x in arrays]
            y = function(*tensors)
            gradients = grad(y, tensors, np.ones(y.shape, np.float32), create_graph=True)
            results.append([y, *gradients, *grad(y, tensors, np.ones(y.shape, np.float32)), function(*arrays)])
            assert not any(map(has_numpys, y.attributes.values()))
        for got, expected in zip(*results, strict=True):
            assert_equal(got, expected)


COMPOSED: dict[str, Callable[[Any, Callable], Any]] = {  # x (2, 4, 4, 3) in (0, 1), and what makes a number NumPy's
    "var": lambda x, n: x.var(n(1)),
    "std": lambda x, n: mg.std(x, axis=(n(1), n(2)), keepdims=True),
    "split": lambda x, n: mg.concatenate(*mg.split(x, n(2), axis=n(1)), axis=n(0)),
    "stack": lambda x, n: mg.stack(x, x, axis=n(1)),
    "expand_dims": lambda x, n: mg.expand_dims(x, n(1)),
    "swapaxes": lambda x, n: mg.swapaxes(x, n(0), n(3)),
    "take": lambda x, n: mg.take(x, np.array([0, 1]), axis=n(3)),
    "reshape": lambda x, n: mg.reshape(x, shape=[n(2), n(48)]),
    "index": lambda x, n: x[n(1), n(0) : n(2)],
    "avg_pool2d": lambda x, n: mg.avg_pool2d(x, size=n(3), stride=(n(1), n(2)), padding=n(1)),
    "resize_bilinear": lambda x, n: mg.resize_bilinear(x, size=n(5)),
    "normalize": lambda x, n: mg.normalize(x, axis=n(3), eps=n(1e-3)),
    "softmax": lambda x, n: ops.softmax(x, axis=n(1)),
    "dropout": lambda x, n: ops.dropout(x, np.ones((2, 4, 4, 3), bool), n(0.3)),
    "with_labels": lambda x, n: ops.with_labels(x, np.array([0, 1]), n(3)),
    "kl_sparsity": lambda x, n: ops.kl_sparsity(x, n(0.2)),
    "minibatch_stddev": lambda x, n: ops.minibatch_stddev(x, n(2)),
    "pixel_norm": lambda x, n: ops.pixel_norm(x, n(1e-3)),
    "adain": lambda x, n: ops.adain(x, np.ones((2, 3), np.float32), np.ones((2, 3), np.float32), n(1e-3)),
    "at_stage": lambda x, n: at_stage(x, n(2), n(0.3)),
    "add": lambda x, n: mg.add(x, n(0.3)),
    "maximum": lambda x, n: mg.maximum(n(0.3), x),
    "power": lambda x, n: mg.power(x, n(2.0)),
    "power of an int": lambda x, n: mg.power(x, n(2)),
    "where": lambda x, n: mg.where(np.ones((2, 4, 4, 3), bool), x, n(0.5)),
    "cross entropy": lambda x, n: mg.sigmoid_cross_entropy(x, n(0.9)),
}


@each_kind
@pytest.mark.parametrize("name", COMPOSED)
def test_settings_of_compositions_and_numbers_beside_tensors_and_plain_arrays(name, kind):
    x = np.random.default_rng(0).random((2, 4, 4, 3), dtype=np.float32)
    for make in (np.array, lambda x: mg.Tensor(x, requires_grad=True)):
        got, expected = (COMPOSED[name](make(x), convert) for convert in ways(kind))
        assert_equal(got, expected)
        assert got.dtype == np.float32
        if isinstance(got, mg.Tensor) and got.requires_grad:
            leaves = got, expected
            assert_equal(*(grad(y.sum(), [inputs_of(y)])[0] for y in leaves))


def inputs_of(y: mg.Tensor) -> mg.Tensor:
    """The leaf that y was computed from."""
    while y.op is not None:
        y = next(x for x in y.inputs if isinstance(x, mg.Tensor) and x.requires_grad)
    return y


@each_kind
def test_numpys_numbers_are_as_good_as_pythons_for_a_map(kind):
    x = np.random.default_rng(0).standard_normal((12, 3), dtype=np.float32)
    got, expected = (tsne(x, n(3.0), n(20), n(50.0), n(4.0)) for n in ways(kind))
    assert_equal(got, expected)


# -- layers, models, objectives ------------------------------------------------------------------------------------


def configured(kind: type = Configured) -> list[type]:
    """All classes with settings that have a constructor of their own."""
    below = [each for cls in kind.__subclasses__() for each in configured(cls)]
    return [*dict.fromkeys([*([kind] if "__init__" in vars(kind) else []), *below])]


@pytest.fixture
def constructed(monkeypatch):
    """constructed(convert): from now on every constructor is given the numbers that `convert` makes of those in the code."""

    def constructed(convert: Callable) -> None:
        monkeypatch.undo()
        for cls in configured():
            monkeypatch.setattr(cls, "__init__", given(vars(cls)["__init__"], convert))

    return constructed


def given(init: Callable, convert: Callable) -> Callable:
    """A constructor whose arguments are converted first."""

    def called(self: Any, *inputs: Any, **options: Any) -> None:
        init(self, *map(convert, inputs), **{name: convert(value) for name, value in options.items()})

    return called


def settings(model: Module) -> dict[str, str]:
    """How all modules describe themselves. None has a NumPy number."""
    for path, module in model.named_modules():
        held = {name: value for name, value in vars(module).items() if has_numpys(value)}
        assert not held, f"{path} {module!r} has {held}"
    return {path: repr(module) for path, module in model.named_modules()}


def gradients(model: Module, loss: mg.Tensor) -> list[mg.Tensor]:
    """By all parameters."""
    return grad(loss, model.parameters(), allow_unused=True)


@each_kind
@pytest.mark.parametrize("name", LAYERS)
def test_numpys_numbers_are_as_good_as_pythons_for_layers(name, kind, constructed):
    for case in LAYERS[name]:
        results = []
        for convert in ways(kind):
            constructed(convert)
            layer, x, y = run(case)
            results.append((settings(layer), [x.grad, y, *(p.grad for p in layer.parameters() if p.grad is not None)]))
        (got, numbers), (expected, others) = results
        assert got == expected
        for a, b in zip(numbers, others, strict=True):
            assert_equal(a, b)


@each_kind
@pytest.mark.parametrize("name", [*AUTOENCODERS, *VARIATIONAL])
def test_numpys_numbers_are_as_good_as_pythons_for_autoencoders(name, kind, constructed):
    for case in {**AUTOENCODERS, **VARIATIONAL}[name][-2:]:
        results = []
        for convert in ways(kind):
            constructed(convert)
            mg.seed(3)
            model = case.make()
            loss = case.loss(model)[0] if name in AUTOENCODERS else model.loss(*case.arguments(), noise=case.noise32())[0]
            results.append((settings(model), [loss, *gradients(model, loss)]))
        (got, numbers), (expected, others) = results
        assert got == expected
        for a, b in zip(numbers, others, strict=True):
            assert_equal(a, b)


@pytest.mark.parametrize(
    "name", [name for name in PAIRS if name not in ("gan", "dcgan")]
)  # large ones, with the layers of others
def test_settings_of_both_players_and_their_objectives(name, constructed):
    results = []
    for convert in ways(KINDS["32"]):
        constructed(convert)
        mg.seed(3)
        trainer, *objectives = PAIRS[name].objectives()
        values = [each() for each in objectives]
        results.append(
            (
                [settings(trainer.discriminator), settings(trainer.generator)],
                [*values, *gradients(trainer.discriminator, values[0]), *gradients(trainer.generator, values[1])],
            )
        )
    (got, numbers), (expected, others) = results
    assert got == expected
    for a, b in zip(numbers, others, strict=True):
        assert_equal(a, b)


DESCRIBED = {
    "GradientPenalty": lambda n: losses.GradientPenalty(n(5.0), n(0.5), n(8)),
    "R1": lambda n: losses.R1(n(2.5), resolution=n(4)),
    "Drift": lambda n: losses.Drift(n(0.25)),
    "WeightClipping": lambda n: losses.WeightClipping(n(0.5)),
    "LabelSmoothing": lambda n: remedies.LabelSmoothing(n(0.75), n(0.25)),
    "NoisyLabels": lambda n: remedies.NoisyLabels(n(0.25)),
    "InstanceNoise": lambda n: remedies.InstanceNoise(n(0.5), n(200)),
    "ExperienceReplay": lambda n: remedies.ExperienceReplay(n(100), share=n(0.25)),
    "Growth": lambda n: training.Growth(n(16), start=n(8), stable=n(120), fading=n(40)),
    "EarlyStopping": lambda n: training.EarlyStopping(n(3), minimum=n(0.5)),
    "Batches": lambda n: data.Batches(np.arange(9), batch_size=n(2), seed=n(3)),
    "ExponentialMovingAverage": lambda n: optim.ExponentialMovingAverage(nn.Flatten(), n(0.75)),
}


@each_kind
@pytest.mark.parametrize("name", DESCRIBED)
def test_settings_of_what_is_not_a_module(name, kind):
    got, expected = (DESCRIBED[name](convert) for convert in ways(kind))
    assert not any(map(has_numpys, vars(got).values()))
    if type(got).__repr__ is not object.__repr__:
        assert repr(got) == repr(expected)
    if name == "Batches":
        assert json.dumps(got.state_dict()) == json.dumps(expected.state_dict())


# -- optimizers and runs -------------------------------------------------------------------------------------------

OPTIMIZERS = {
    "SGD": lambda p, n: optim.SGD(p, n(0.1), n(0.9), True, weight_decay=n(0.01)),
    "RMSprop": lambda p, n: optim.RMSprop(p, n(0.01), rho=n(0.8), eps=n(1e-3), clip_norm=n(0.5)),
    "Adam": lambda p, n: optim.Adam(p, n(0.01), n(0.5), n(0.9), n(1e-3)),
    "Nadam": lambda p, n: optim.Nadam(p, lr=n(0.01), beta1=n(0.5)),
    "exponential": lambda p, n: optim.SGD(p, optim.schedules.exponential(n(0.1), n(0.5), n(2))),
    "piecewise": lambda p, n: optim.SGD(p, optim.schedules.piecewise(n(0.1), [n(1), n(2)], n(0.3))),
    "cosine": lambda p, n: optim.SGD(p, optim.schedules.cosine(n(0.1), n(3), n(0.01))),
    "warmup": lambda p, n: optim.SGD(p, optim.schedules.warmup(n(0.1), n(3))),
}


@each_kind
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_settings_of_optimizers_and_schedules(name, kind):
    results = []
    for convert in ways(kind):
        mg.seed(0)
        layer = nn.Dense(3, 2)
        optimizer = OPTIMIZERS[name](layer.parameters(), convert)
        for _ in range(4):
            optimizer.zero_grad()
            mg.square(layer(np.ones((2, 3), np.float32))).sum().backward()
            optimizer.step()
        assert not any(map(has_numpys, vars(optimizer).values()))
        results.append((repr(optimizer), optimizer.settings(), optimizer.values))
    (*got, values), (*expected, others) = results
    assert got == expected
    assert_equal(values, others)


def test_settings_that_are_changed_later():
    layer = nn.GaussianNoise(0.5)
    layer.std = np.linspace(0, 1, 5)[1]
    assert repr(layer) == "GaussianNoise(std=0.25)"
    optimizer = optim.SGD(nn.Dense(1, 1).parameters(), lr=0.5)
    optimizer.lr = np.float64(0.25)
    assert optimizer.settings()["lr"] == 0.25 and type(optimizer.rate()) is float


def test_a_layer_of_ones_own_is_given_pythons_numbers():
    class Twice(nn.Module):
        def __init__(self, features: int):
            self.weight = mg.Parameter(np.ones(2 * features, np.float32))  # 2 * np.uint8(200) would be 144

    assert Twice(np.uint8(200)).weight.shape == (400,)


def assert_same_checkpoints(folder):
    """Those of the two runs in the folders 0 and 1, but for the times."""
    files = [checkpoint.load(folder / number / "checkpoint.npz") for number in "01"]
    for _, header in files:
        for row in header["history"]:
            del row["seconds"]
    (arrays, header), (others, expected) = files
    assert header == expected
    for group in others:
        for name in others[group]:
            assert_equal(arrays[group][name], others[group][name])


@each_kind
def test_numpys_numbers_are_as_good_as_pythons_for_a_fit(kind, tmp_path):
    for number, convert in enumerate(ways(kind)):
        model, optimizer = made(convert(1))
        training.fit(
            model,
            examples(),
            optimizer=optimizer,
            epochs=convert(2),
            batch_size=convert(4),
            seed=convert(3),
            progress=False,
            callbacks=[training.Checkpoint(tmp_path / str(number), every=convert(1))],
        )
    assert_same_checkpoints(tmp_path)


@each_kind
def test_settings_of_an_adversarial_run(kind, tmp_path):
    for number, n in enumerate(ways(kind)):
        trainer = game(
            discriminator_steps=n(2),
            generator_steps=n(1),
            ema=n(0.75),
            loss=losses.LeastSquares(),
            penalties=[losses.R1(n(0.5))],
            remedies=[remedies.LabelSmoothing(n(0.75)), remedies.InstanceNoise(n(0.5))],
        )
        trainer.fit(
            cloud(),
            steps=n(4),
            record_every=n(2),
            **{name: n(value) for name, value in QUIET.items()},
            callbacks=[training.Checkpoint(tmp_path / str(number))],
        )
    assert_same_checkpoints(tmp_path)


# -- what is not a number stays what it is ----------------------------------------------------------------------------


def test_bools_pass_for_numbers_where_they_did_before_and_nowhere_else():
    for true in (True, np.True_):
        with pytest.raises(TypeError, match="kernel_size is True, expected an int"):
            nn.Conv2d(1, 1, true)
        assert mg.sum(np.ones((2, 2), np.float32), keepdims=true).shape == (1, 1)


def test_fractions_are_not_counts():
    with pytest.raises(TypeError, match=r"kernel_size is 3\.0, expected an int"):
        nn.Conv2d(1, 1, np.float64(3.0))


def test_to_python_turns_numpys_numbers_into_pythons():
    array, mixed = np.zeros(1), [np.zeros(2), (1, 2)]
    assert to_python(array) is array and to_python(mixed) is mixed
    assert repr(to_python((np.array(0.25), [np.array(3)], np.array(0.5, np.longdouble)))) == "(0.25, [3], 0.5)"
    assert nn.GaussianNoise(np.array(0.5))(mg.Tensor(np.ones(3, np.float32))).dtype == np.float32
    assert type(to_python(np.longdouble(0.5))) is float and type(to_python(np.str_("mean"))) is str
    assert repr(to_python((np.int8(1), [np.float32(0.5), None], np.True_))) == "(1, [0.5, None], True)"
