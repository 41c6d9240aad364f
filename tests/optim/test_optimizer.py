"""What all optimizers share: flat buffers, parameters without gradients, state, staleness, and what is refused."""

import math

import numpy as np
import pytest

import minigen as mg
from minigen import nn, optim
from minigen.backend import strict
from minigen.errors import GraphError, NonFiniteError, StateError
from minigen.optim.optimizer import check_optimizer

OPTIMIZERS = {
    "SGD": lambda p, **options: optim.SGD(p, lr=0.1, **options),
    "momentum": lambda p, **options: optim.SGD(p, lr=0.1, momentum=0.9, **options),
    "Nesterov": lambda p, **options: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, **options),
    "RMSprop": lambda p, **options: optim.RMSprop(p, lr=0.1, **options),
    "Adam": lambda p, **options: optim.Adam(p, lr=0.1, **options),
    "Nadam": lambda p, **options: optim.Nadam(p, lr=0.1, **options),
}
SHAPES = [(4, 3), (3,), (), (2, 1, 2)]


@pytest.fixture(params=OPTIMIZERS)
def make(request):
    """A constructor of each optimizer, momentum and Nesterov's included."""
    return OPTIMIZERS[request.param]


def parameters(seed: int = 0) -> list[mg.Parameter]:
    """Four float32 parameters, a scalar among them."""
    rng = np.random.default_rng(seed)
    return [
        mg.Parameter(np.asarray(rng.standard_normal(shape), dtype=np.float32), name=f"p{i}") for i, shape in enumerate(SHAPES)
    ]


def give_gradients(ps: list[mg.Parameter], seed: int, without: tuple[int, ...] = ()) -> None:
    """Random gradients, the same for the same seed; None for the positions in `without`."""
    rng = np.random.default_rng(seed)
    for i, p in enumerate(ps):
        g = np.asarray(rng.standard_normal(p.shape), dtype=np.float32)
        p.grad = None if i in without else mg.asarray(g)


def values(ps: list[mg.Parameter]) -> list[np.ndarray]:
    """Copies on the host."""
    return [mg.to_numpy(p.data).copy() for p in ps]


def assert_equal(got: list[np.ndarray], expected: list[np.ndarray]) -> None:
    """Bit by bit."""
    for i, (x, y) in enumerate(zip(got, expected, strict=True)):
        np.testing.assert_array_equal(x, y, err_msg=f"parameter {i}")


def test_the_table_holds_every_public_optimizer():
    classes = {type(make(parameters())).__name__ for make in OPTIMIZERS.values()}
    assert classes == set(optim.__all__) - {"schedules", "ExponentialMovingAverage"}


# -- flat buffers ----------------------------------------------------------------------------------------------------


def test_making_an_optimizer_changes_no_value(make, backend):
    ps = parameters()
    before = values(ps)
    make(ps)
    assert_equal(values(ps), before)
    assert [p.shape for p in ps] == SHAPES


def test_all_parameters_in_one_buffer_move_as_each_would_alone(make, backend):
    together, alone = parameters(), parameters()
    optimizer, optimizers = make(together), [make([p]) for p in alone]
    for step in range(3):
        give_gradients(together, step)
        give_gradients(alone, step)
        optimizer.step()
        for each in optimizers:
            each.step()
    assert_equal(values(together), values(alone))


@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1}, {"clip_norm": 0.5, "weight_decay": 0.1}])
def test_cutting_into_chunks_changes_no_bit(make, options, monkeypatch):
    results = []
    for chunk in (1 << 15, 5):
        monkeypatch.setattr("minigen.optim.optimizer.PIECE", chunk)
        ps = parameters()
        optimizer = make(ps, **options)
        for step in range(4):
            give_gradients(ps, step, without=(1,) if step == 2 else ())
            optimizer.step()
        results.append([*values(ps), *optimizer.state_dict().values()])
    assert_equal(*results)


def test_a_device_takes_the_same_steps(make, device):
    results = []
    for name in (device, "numpy"):
        mg.use(name)
        ps = parameters()
        optimizer = make(ps, weight_decay=0.01, clip_norm=1.0)
        for step in range(3):
            give_gradients(ps, step)
            optimizer.step()
        results.append(values(ps))
    for there, on_numpy in zip(*results):
        np.testing.assert_allclose(there, on_numpy, rtol=1e-5, atol=1e-6)


def test_a_step_on_a_device_never_waits_and_copies_nothing(make):
    mg.use("strict")
    ps = parameters()
    optimizer = make(ps, weight_decay=0.1)
    launches = []
    for step in range(3):
        give_gradients(ps, step)
        with strict.count() as counted:
            optimizer.step()
        assert (counted.synchronizations, counted.uploads, counted.downloads) == (0, 0, 0)
        launches.append(counted.launches)
    more = [*parameters(), *parameters()]
    optimizer = make(more, weight_decay=0.1)
    give_gradients(more, 0)
    with strict.count() as counted:
        optimizer.step()
    per_parameter = (counted.launches - launches[0]) / len(ps)
    assert per_parameter <= 1, "more than the copy of its gradient is launched for each parameter"


def test_a_step_on_a_device_with_clipping_waits_once():
    mg.use("strict")
    ps = parameters()
    optimizer = optim.Adam(ps, clip_norm=1.0)
    give_gradients(ps, 0)
    with strict.count() as counted:
        optimizer.step()
    assert counted.synchronizations == 1


# -- parameters without a gradient -------------------------------------------------------------------------------------


@pytest.mark.parametrize("without", [(0,), (1, 2), (3,), (0, 3), (0, 1, 2)])
def test_parameters_without_a_gradient_stay_and_so_do_their_buffers(make, without, backend):
    ps, reference = parameters(), parameters()
    optimizer = make(ps, weight_decay=0.1)
    moving = make([p for i, p in enumerate(reference) if i not in without], weight_decay=0.1)
    give_gradients(ps, 0, without)
    give_gradients(reference, 0, without)
    optimizer.step()
    moving.step()
    assert_equal(values(ps), values(reference))
    stops = np.cumsum([p.size for p in ps])
    for name, buffer in optimizer.state_dict().items():
        if name not in ("steps", "began"):
            for i in without:
                assert not buffer[stops[i] - ps[i].size : stops[i]].any(), f"{name} of p{i} has moved"
            moved = np.concatenate([buffer[stops[i] - p.size : stops[i]] for i, p in enumerate(ps) if i not in without])
            np.testing.assert_array_equal(moved, moving.state_dict()[name])


def test_clipping_looks_at_present_gradients_only():
    """The gradient that a parameter had in an earlier step must not count in the norm."""
    p, q = mg.Parameter(np.zeros(1)), mg.Parameter(np.zeros(1))
    optimizer = optim.SGD([p, q], lr=1.0, clip_norm=5.0)
    p.grad, q.grad = np.array([3.0]), np.array([400.0])
    optimizer.step()
    before = p.numpy()[0]
    p.grad, q.grad = np.array([3.0]), None
    optimizer.step()
    assert p.numpy()[0] - before == -3.0


def test_a_very_long_gradient_is_clipped_to_its_norm():
    """Millions of squares in single precision: added in pieces, not in one running sum."""
    p = mg.Parameter(np.zeros(1 << 22, np.float32))
    p.grad = np.full(p.shape, 0.77, np.float32)
    optim.SGD([p], lr=1.0, clip_norm=1.0).step()
    assert np.linalg.norm(p.numpy().astype(np.float64)) == pytest.approx(1.0, rel=5e-5)


@pytest.mark.parametrize("given", ["adam", optim.Adam], ids=["a name, as in Keras", "a class"])
def test_what_is_not_an_optimizer_is_answered_with_how_to_make_one(given):
    check_optimizer("optimizer", optim.Adam([mg.Parameter([1.0])]), "model")
    with pytest.raises(TypeError, match=r"^optimizer: expected such as optim\.Adam\(model\.parameters\(\)\), got "):
        check_optimizer("optimizer", given, "model")


def test_a_step_without_any_gradient_is_refused_and_not_counted(make):
    ps = parameters()
    optimizer = make(ps)
    with pytest.raises(GraphError, match=r"no parameter has a gradient: call loss\.backward\(\) before step\(\)"):
        optimizer.step()
    assert optimizer.steps == 0


def test_zero_grad_forgets_the_gradients_of_its_parameters():
    ps = parameters()
    give_gradients(ps, 0)
    optim.Adam(ps[:2]).zero_grad()
    assert [p.grad is None for p in ps] == [True, True, False, False]


# -- two owners ------------------------------------------------------------------------------------------------------


def test_two_optimizers_over_the_same_parameters_take_turns(backend):
    """Plain gradient descent has no memory: taking turns is one optimizer with alternating rates."""
    ps, reference = parameters(), parameters()
    first, second = optim.SGD(ps, lr=0.1), optim.SGD(ps[1:], lr=0.01)
    alternating = optim.SGD(reference, lr=lambda step: 0.1 if step % 2 == 0 else 0.01)
    for step in range(6):
        without = () if step % 2 == 0 else (0,)
        give_gradients(ps, step, without)
        give_gradients(reference, step, without)
        (first if step % 2 == 0 else second).step()
        alternating.step()
    assert_equal(values(ps), values(reference))


def test_loading_a_model_state_reaches_the_flat_buffer(make, backend):
    net, reference = nn.Dense(4, 3), nn.Dense(4, 3)
    optimizer = make(net.parameters())
    state = {name: value + 1.0 for name, value in net.state_dict().items()}
    net.load_state_dict(state)
    reference.load_state_dict(state)
    other = make(reference.parameters())
    for module, each in ((net, optimizer), (reference, other)):
        give_gradients(module.parameters(), 5)
        each.step()
    assert_equal(values(net.parameters()), values(reference.parameters()))
    assert (net.state_dict()["weight"] != state["weight"]).all()


def test_a_converted_model_needs_a_new_optimizer(make):
    net = nn.Dense(4, 3)
    optimizer = make(net.parameters())
    net.astype("float64")
    for p in net.parameters():
        p.grad = np.ones(p.shape)
    for _ in range(2):
        with pytest.raises(TypeError, match=r"no longer float32: make a new optimizer after astype\(\)"):
            optimizer.step()
    make(net.parameters()).step()
    assert net.weight.dtype == np.float64


# -- state -------------------------------------------------------------------------------------------------------------


def test_a_state_dict_continues_bit_by_bit(make, backend):
    ps = parameters()
    optimizer = make(ps)
    for step in range(3):
        give_gradients(ps, step)
        optimizer.step()
    state, at_three = optimizer.state_dict(), values(ps)
    others = parameters(seed=9)
    resumed = make(others)
    resumed.load_state_dict(state)
    for p, value in zip(others, at_three):
        p.assign(mg.asarray(value))
    for step in range(3, 6):
        for pair in ((ps, optimizer), (others, resumed)):
            give_gradients(pair[0], step)
            pair[1].step()
    assert_equal(values(others), values(ps))
    assert resumed.steps == optimizer.steps == 6


def test_the_state_of_an_optimizer_that_has_done_nothing_fits(make):
    resumed = make(parameters())
    resumed.load_state_dict(make(parameters()).state_dict())
    assert (resumed.steps, resumed.began) == (0, 0)


def test_a_state_dict_is_a_copy_on_the_host(make, backend):
    ps = parameters()
    optimizer = make(ps)
    state = optimizer.state_dict()
    give_gradients(ps, 0)
    optimizer.step()
    assert all(type(value) is np.ndarray for value in state.values())
    assert not any(value.any() for value in state.values()), "the state has moved with the optimizer"


def test_a_state_that_does_not_fit_is_refused_by_name_and_changes_nothing():
    ps = parameters()
    optimizer = optim.Adam(ps)
    give_gradients(ps, 0)
    optimizer.step()
    before = optimizer.state_dict()
    state = {**{name: value + 1 for name, value in before.items()}, "velocity": np.zeros(20)}
    del state["first_moment"]
    state["second_moment"] = np.zeros(7, dtype=np.float32)
    with pytest.raises(StateError) as caught:
        optimizer.load_state_dict(state)
    assert str(caught.value).endswith(
        "missing first_moment (20,); second_moment is float32[7], expected float32[20]; unexpected velocity"
    )
    assert str(caught.value).startswith("this state does not fit Adam(4 parameters, ")
    assert_equal(list(optimizer.state_dict().values()), list(before.values()))


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("steps", np.array(-1), "steps is -1 and began 0, expected 0 <= began <= steps"),
        ("began", np.array(2), "steps is 1 and began 2, expected 0 <= began <= steps"),
        ("steps", np.array(1.5), r"steps is float64\[\], expected int64\[\]"),
        ("steps", np.array([1, 2]), r"steps is int64\[2\], expected int64\[\]"),
        ("first_moment", np.zeros(20), r"first_moment is float64\[20\], expected float32\[20\]"),
        ("first_moment", np.full(20, np.nan, np.float32), "first_moment holds NaN or infinity"),
        ("second_moment", np.full(20, np.inf, np.float32), "second_moment holds NaN or infinity"),
        ("second_moment", np.full(20, -1, np.float32), "second_moment holds negative values, it is a mean of squares"),
    ],
)
def test_a_state_of_impossible_values_is_refused_and_changes_nothing(name, value, message):
    ps = parameters()
    optimizer = optim.Adam(ps)
    give_gradients(ps, 0)
    optimizer.step()
    before = optimizer.state_dict()
    with pytest.raises(StateError, match=message):
        optimizer.load_state_dict({**before, name: value})
    assert_equal(list(optimizer.state_dict().values()), list(before.values()))
    optimizer.load_state_dict({**before, "first_moment": -before["first_moment"]})


# -- restart -----------------------------------------------------------------------------------------------------------


def steps(ps: list[mg.Parameter], optimizer, seeds: range) -> None:
    """A step for each seed, by random gradients."""
    for seed in seeds:
        give_gradients(ps, seed)
        optimizer.step()


def test_after_a_restart_steps_are_those_of_a_fresh_optimizer(make, backend):
    """Bit by bit, the second as well as the first; options stay."""
    ps, fresh = parameters(), parameters()
    optimizer = make(ps, weight_decay=0.01, clip_norm=2.0)
    steps(ps, optimizer, range(5))
    for p, value in zip(fresh, values(ps)):
        p.assign(mg.asarray(value))
    optimizer.restart()
    other = make(fresh, weight_decay=0.01, clip_norm=2.0)
    for seed in range(5, 9):
        steps(ps, optimizer, range(seed, seed + 1))
        steps(fresh, other, range(seed, seed + 1))
        assert_equal(values(ps), values(fresh))


def test_without_a_restart_steps_differ_from_a_fresh_optimizers(make):
    """Else the test above would prove nothing; plain gradient descent has nothing to forget."""
    ps, fresh = parameters(), parameters()
    optimizer = make(ps)
    steps(ps, optimizer, range(5))
    for p, value in zip(fresh, values(ps)):
        p.assign(value)
    steps(ps, optimizer, range(5, 6))
    steps(fresh, make(fresh), range(5, 6))
    assert np.array_equal(ps[0].numpy(), fresh[0].numpy()) == (not optimizer.buffers)


def test_a_restart_counts_from_one_and_forgets_all_moments_but_changes_no_value(make, backend):
    ps = parameters()
    optimizer = make(ps)
    assert optimizer.t == 1
    steps(ps, optimizer, range(3))
    assert (optimizer.t, optimizer.steps) == (4, 3)
    before, gradients = values(ps), [mg.to_numpy(p.grad).copy() for p in ps]
    optimizer.restart()
    assert (optimizer.t, optimizer.steps) == (1, 3)
    assert not any(value.any() for name, value in optimizer.state_dict().items() if name not in ("steps", "began"))
    assert_equal(values(ps), before)
    assert_equal([mg.to_numpy(p.grad) for p in ps], gradients)


def test_a_schedule_goes_on_after_a_restart():
    asked, ps = [], parameters()
    optimizer = optim.Adam(ps, lr=lambda step: asked.append(step) or 0.1 / (1 + step))
    asked.clear()
    steps(ps, optimizer, range(2))
    optimizer.restart()
    steps(ps, optimizer, range(2))
    optimizer.restart()
    assert asked == [0, 1, 2, 3] and optimizer.rate() == 0.1 / 5 and (optimizer.began, optimizer.t) == (4, 1)


def test_a_restart_is_saved_and_restored(make, backend):
    """Two steps after it, the number of the next one is three, whatever came before."""
    ps, others = parameters(), parameters()
    optimizer, resumed = make(ps), make(others)
    steps(ps, optimizer, range(3))
    optimizer.restart()
    steps(ps, optimizer, range(3, 5))
    resumed.load_state_dict(optimizer.state_dict())
    for p, value in zip(others, values(ps)):
        p.assign(mg.asarray(value))
    assert (resumed.steps, resumed.began, resumed.t) == (5, 3, 3)
    for pair in ((ps, optimizer), (others, resumed)):
        steps(*pair, range(5, 8))
    assert_equal(values(others), values(ps))


def test_a_state_without_a_restart_counts_from_the_first_step():
    """What an older release has saved, which knew no restart."""
    optimizer, other = optim.Adam(parameters()), optim.Adam(parameters())
    steps(optimizer.parameters, optimizer, range(2))
    state = optimizer.state_dict()
    del state["began"]
    other.restart()
    other.load_state_dict(state)
    assert (other.steps, other.t) == (2, 3)


def test_a_restart_does_not_change_the_settings():
    optimizer = optim.RMSprop(parameters())
    before = repr(optimizer), optimizer.settings()
    steps(optimizer.parameters, optimizer, range(2))
    optimizer.restart()
    assert (repr(optimizer), optimizer.settings()) == before


# -- staleness ---------------------------------------------------------------------------------------------------------


def test_a_graph_from_before_the_step_is_stale(make):
    net = nn.Sequential(nn.Dense(4, 3), nn.Dense(3, 1))
    optimizer = make(net.parameters())
    x = np.ones((2, 4), dtype=np.float32)
    old = net(x).sum()
    net(x).sum().backward()
    optimizer.step()
    with pytest.raises(GraphError, match=r"stale graph: [01]\.(weight|bias) of shape .* was changed"):
        old.backward()
    net(x).sum().backward()


def test_a_graph_through_parameters_that_did_not_move_is_not_stale():
    """One optimizer over two networks, of which only one has a gradient: the other's graph is unchanged."""
    moving, resting = nn.Dense(2, 1), nn.Dense(2, 1)
    optimizer = optim.SGD([*moving.parameters(), *resting.parameters()], lr=0.1)
    x = np.ones((1, 2), dtype=np.float32)
    old = resting(x).sum()
    moving(x).sum().backward()
    optimizer.step()
    old.backward()
    assert (resting.weight.grad == 1.0).all()


# -- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, expected",
    [
        (lambda p: optim.SGD(p, lr=-0.1), "SGD's lr must be at least 0 and finite, got -0.1"),
        (lambda p: optim.SGD(p, lr=math.nan), "SGD's lr must be at least 0 and finite, got nan"),
        (lambda p: optim.Adam(p, lr=math.inf), "Adam's lr must be at least 0 and finite, got inf"),
        (lambda p: optim.Adam(p, lr=lambda step: step - 1.0), "Adam's lr must be at least 0 and finite, got -1.0"),
        (lambda p: optim.SGD(p, lr=0.1, weight_decay=-1.0), "SGD's weight_decay must be at least 0 and finite, got -1.0"),
        (lambda p: optim.SGD(p, lr=0.1, clip_norm=0.0), "SGD's clip_norm must be above 0 and finite, got 0.0"),
        (lambda p: optim.SGD(p, lr=0.1, momentum=1.0), "SGD's momentum must be at least 0 and below 1, got 1.0"),
        (lambda p: optim.SGD(p, lr=0.1, nesterov=True), "Nesterov's momentum needs momentum > 0, got 0"),
        (lambda p: optim.RMSprop(p, rho=1.5), "RMSprop's rho must be at least 0 and below 1, got 1.5"),
        (lambda p: optim.RMSprop(p, eps=0.0), "RMSprop's eps must be above 0 and finite, got 0.0"),
        (lambda p: optim.Adam(p, beta1=-0.1), "Adam's beta1 must be at least 0 and below 1, got -0.1"),
        (lambda p: optim.Adam(p, beta2=1.0), "Adam's beta2 must be at least 0 and below 1, got 1.0"),
        (lambda p: optim.Nadam(p, eps=-1e-8), "Nadam's eps must be above 0 and finite, got -1e-08"),
    ],
)
def test_impossible_hyperparameters_are_named(call, expected):
    with pytest.raises(ValueError) as caught:
        call(parameters())
    assert str(caught.value) == expected


def test_what_is_not_a_list_of_distinct_parameters_is_refused(make):
    ps = parameters()
    with pytest.raises(ValueError, match=r"at least one parameter, got none: pass model\.parameters\(\)"):
        make([])
    with pytest.raises(TypeError, match=r"takes Parameters, got Tensor: pass model\.parameters\(\)"):
        make([*ps, mg.Tensor([1.0], requires_grad=True)])
    with pytest.raises(TypeError, match="takes Parameters, got str"):
        make(nn.Dense(2, 1).named_parameters())
    with pytest.raises(ValueError, match="the same parameter was given twice"):
        make([*ps, ps[1]])
    with pytest.raises(TypeError, match=r"parameters mix dtypes: \['float32', 'float64'\]"):
        make([*ps, mg.Parameter(np.zeros(2))])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_clipping_refuses_a_gradient_that_is_not_finite_and_changes_nothing(make, value):
    ps = parameters()
    optimizer = make(ps, clip_norm=1.0)
    before = [*values(ps), *optimizer.state_dict().values()]
    give_gradients(ps, 0)
    ps[1].grad[0] = value
    with pytest.raises(NonFiniteError, match=f"the gradient's norm is {value}"):
        optimizer.step()
    assert_equal([*values(ps), *optimizer.state_dict().values()], before)


@pytest.mark.parametrize("lr", [np.float64(0.1), np.float32(0.125), 1])
def test_a_numpy_learning_rate_computes_in_the_parameters_dtype(lr):
    """np.logspace makes float64 numbers, which a device would have to refuse."""
    mg.use("strict")
    ps = parameters()
    optimizer = optim.SGD(ps, lr=lr)
    give_gradients(ps, 0)
    optimizer.step()
    assert type(optimizer.rate()) is float and ps[0].dtype == np.float32


def test_settings_and_representation_show_the_hyperparameters():
    optimizer = optim.SGD(parameters(), lr=0.1, momentum=0.9, nesterov=True, clip_norm=2.0)
    assert optimizer.settings() == {
        "optimizer": "SGD",
        "lr": 0.1,
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 0.0,
        "clip_norm": 2.0,
    }
    assert repr(optimizer) == ("SGD(4 parameters, momentum=0.9, nesterov=True, lr=0.1, weight_decay=0.0, clip_norm=2.0)")
    scheduled = optim.RMSprop(parameters(), lr=optim.schedules.cosine(0.1, 10))
    assert scheduled.settings() == {"optimizer": "RMSprop", "rho": 0.9, "eps": 1e-7, "lr": "a schedule", "weight_decay": 0.0}


def test_what_is_not_an_optimizer_is_refused():
    check_optimizer("optimizer", optim.SGD(parameters(), lr=0.1), "model")
    for wrong in ("adam", optim.Adam):
        with pytest.raises(TypeError, match=r"^optimizer: expected such as optim.Adam\(model.parameters\(\)\), got "):
            check_optimizer("optimizer", wrong, "model")
