"""Everything public can be copied and pickled: the copy is equal, works, and shares nothing that changes with the original."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigen as mg
from minigen import data, errors, losses, nn, optim, synthetic, training
from minigen.autograd import grad
from minigen.models.autoencoders.denoising import Corruption
from minigen.optim.optimizer import Optimizer
from minigen.training import remedies
from minigen.utils.settings import Settings
from tests.models.test_autoencoders import MODELS as AUTOENCODERS
from tests.models.test_gans import PAIRS
from tests.models.test_restorers import RESTORERS
from tests.models.test_variational import MODELS as VARIATIONAL
from tests.nn.test_layers import LAYERS, run
from tests.training import networks
from tests.training.gans.players import QUIET, cloud, everything, game

COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda x: pickle.loads(pickle.dumps(x))}
each_copy = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)


def assert_copied(twin: nn.Module, module: nn.Module) -> None:
    """The same modules with the same values, in memory of their own."""
    assert [repr(each) for each in twin.modules()] == [repr(each) for each in module.modules()]
    assert twin.named_parameters().keys() == module.named_parameters().keys()
    for (name, tensor), other in zip(twin.named_state().items(), module.named_state().values(), strict=True):
        np.testing.assert_array_equal(tensor.numpy(), other.numpy(), err_msg=name)
        assert not np.shares_memory(tensor.numpy(), other.numpy()), name


@each_copy
@pytest.mark.parametrize("name", LAYERS)
def test_layers(name, copied):
    for case in LAYERS[name]:
        layer, x, _ = run(case)
        twin = copied(layer)
        assert_copied(twin, layer)
        others = [mg.asarray(other.astype(np.float32) if other.dtype.kind == "f" else other) for other in case.others]
        for each in (layer, twin):
            each.eval()
        np.testing.assert_array_equal(twin(x, *others).numpy(), layer(x, *others).numpy())


@each_copy
@pytest.mark.parametrize("name", [*AUTOENCODERS, *VARIATIONAL, *RESTORERS])
def test_models(name, copied):
    makes = [RESTORERS[name][0]] if name in RESTORERS else [case.make for case in {**AUTOENCODERS, **VARIATIONAL}[name][-2:]]
    for make in makes:
        model = make()
        assert_copied(copied(model), model)


@each_copy
@pytest.mark.parametrize(
    "name", [name for name in PAIRS if name not in ("gan", "dcgan")]
)  # large ones, with the layers of others
def test_games_that_have_not_begun(name, copied):
    trainer = PAIRS[name].game()
    twin = copied(trainer)
    assert_copied(twin.generator, trainer.generator)
    assert_copied(twin.discriminator, trainer.discriminator)
    assert twin.generator_optimizer.parameters[0] is twin.generator.parameters()[0]
    assert repr((twin.loss, twin.penalties, twin.remedies)) == repr((trainer.loss, trainer.penalties, trainer.remedies))


SCHEDULES: dict[str, Any] = {
    "a number": 0.1,
    "exponential": optim.schedules.exponential(0.1, 0.5, 3),
    "cosine": optim.schedules.cosine(0.1, 7),
    "linear": optim.schedules.linear(0.1, 7, constant=2, final=0.01),
    "piecewise": optim.schedules.piecewise(0.1, [2, 4]),
    "warmup": optim.schedules.warmup(0.1, 3),
    "both": optim.schedules.warmup(optim.schedules.cosine(0.1, 7), 3),
}


@each_copy
@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize(
    "name",
    [name for name in optim.__all__ if isinstance(getattr(optim, name), type) and issubclass(getattr(optim, name), Optimizer)],
)
def test_an_optimizer_takes_the_steps_that_its_original_takes(name, schedule, copied):
    layer = nn.Dense(3, 2)
    optimizer = getattr(optim, name)(layer.parameters(), lr=schedule, weight_decay=0.01)

    def step(layer: nn.Module, optimizer: Any) -> None:
        optimizer.zero_grad()
        mg.square(layer(np.ones((2, 3), np.float32)) - 1.0).sum().backward()
        optimizer.step()

    step(layer, optimizer)
    twins = copied((layer, optimizer))
    assert twins[1].parameters[0] is twins[0].weight and repr(twins[1]) == repr(optimizer)
    before = layer.weight.numpy().copy()
    for _ in range(4):
        step(*twins)
    np.testing.assert_array_equal(layer.weight.numpy(), before, err_msg="the copy has changed the original")
    for _ in range(4):
        step(layer, optimizer)
    np.testing.assert_array_equal(twins[0].weight.numpy(), layer.weight.numpy())
    if callable(schedule):
        assert all(copied(schedule)(step) == schedule(step) for step in range(9))


def test_every_schedule_is_copied_above():
    public = {
        name
        for name, value in vars(optim.schedules).items()
        if callable(value) and not name.startswith("at_") and getattr(value, "__module__", "") == optim.schedules.__name__
    }
    assert public <= set(SCHEDULES)


@each_copy
def test_a_moving_average_follows_the_copy_of_its_network(copied):
    layer = nn.Sequential(nn.Dense(2, 2), nn.BatchNorm(2))
    average = optim.ExponentialMovingAverage(layer, 0.5)
    average.update()
    twin, twins_average = copied((layer, average))
    twin[0].weight.assign(np.ones((2, 2), np.float32))
    twins_average.update()
    assert average.updates == 1 and not np.array_equal(twins_average.average[0].weight.numpy(), average.average[0].weight.numpy())


@each_copy
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ema": 0.5, "remedies": [remedies.InstanceNoise(0.1), remedies.LabelSmoothing()]},
        {"replay": True, "penalties": [losses.R1()]},
    ],
    ids=["plain", "averaged", "replay"],
)
def test_a_game_that_has_begun_goes_on_as_its_copy_does(options, copied):
    options = {**options, **({"remedies": [remedies.ExperienceReplay(10)]} if options.get("replay") else {})}
    options.pop("replay", None)
    trainer = game(**options)
    trainer.fit(cloud(), steps=3, **QUIET)
    twin, results = copied(trainer), []
    for each in (trainer, twin):
        mg.seed(5)
        each.train_step()
        each.fit(cloud(), steps=7, **QUIET)
        results.append(everything(each))
    networks.assert_same(*results)


def described(base: type = Settings) -> list[type]:
    """All losses, penalties and remedies that can be made without arguments."""
    return [each for cls in base.__subclasses__() for each in (cls, *described(cls)) if each.__module__.startswith("minigen.")]


@each_copy
@pytest.mark.parametrize("make", described(), ids=lambda cls: cls.__name__)
def test_losses_penalties_and_remedies(make, copied):
    assert repr(copied(make())) == repr(make())


PLAIN: dict[str, Callable[[], Any]] = {
    "Checkpoint": lambda: training.Checkpoint("runs", every=2),
    "EarlyStopping": lambda: training.EarlyStopping(3),
    "FrechetMonitor": lambda: training.FrechetMonitor(np.ravel, samples=10),
    "GanMonitor": training.GanMonitor,
    "SampleGrid": training.SampleGrid,
    "Schedule": lambda: training.Schedule(nn.GaussianNoise(0.1), "std", optim.schedules.linear(0.1, 10)),
    "TensorBoard": lambda: training.TensorBoard("runs"),
    "Growth": lambda: training.Growth(8),
    "History": lambda: training.History([{"epoch": 1, "loss": 0.5}]),
    "Corruption": lambda: Corruption("masking", 0.5),
    "Batches": lambda: data.Batches(np.arange(6), batch_size=2, seed=1),
    "GaussianMixture": lambda: synthetic.gaussian_ring(4),
    "Profile": mg.profile,
    "a frozen module": lambda: nn.Dense(1, 1).frozen(),
    "Dataset": lambda: data.Dataset(
        "few", np.zeros((2, 2, 2, 1), np.float32), np.array([0, 1]), ("a", "b"), {"size": np.ones(2)}
    ),
    "an op": lambda: mg.tanh,
    "a loss": lambda: losses.mse,
}


@each_copy
@pytest.mark.parametrize("name", PLAIN)
def test_what_else_is_public(name, copied):
    made = PLAIN[name]()
    twin = copied(made)
    assert type(twin) is type(made)
    if callable(getattr(made, "state_dict", None)):
        np.testing.assert_equal(twin.state_dict(), made.state_dict())


def test_every_callback_is_copied_above():
    public = {
        name
        for name in training.__all__
        if isinstance(getattr(training, name), type) and issubclass(getattr(training, name), training.Callback)
    }
    assert public - {"Callback"} <= set(PLAIN)


@each_copy
@pytest.mark.parametrize("kind", [mg.Tensor, mg.Parameter, nn.Buffer])
def test_tensors(kind, copied, backend):
    x = kind(np.ones(3, np.float32), name="x")
    twin = copied(x)
    assert type(twin) is kind and (twin.name, twin.requires_grad, twin.dtype) == (x.name, x.requires_grad, x.dtype)
    np.testing.assert_array_equal(twin.numpy(), x.numpy())
    twin.assign(np.zeros(3).tolist())
    assert x.numpy().all()
    if x.requires_grad:
        with pytest.raises(TypeError, match=r"is part of a graph and cannot be copied: use x\.detach\(\)"):
            copied(x * 2.0)
        assert grad((twin * twin).sum(), [twin])[0].shape == (3,)


@each_copy
@pytest.mark.parametrize(
    "kind",
    [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)],
    ids=lambda kind: kind.__name__,
)
def test_errors(kind, copied):
    error = kind("what was wrong")
    assert type(copied(error)) is kind and str(copied(error)) == str(error)
