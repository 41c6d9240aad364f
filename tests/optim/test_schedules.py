"""Learning rates: the formulas exactly, and that an optimizer asks for the right step."""

import math

import numpy as np
import pytest

import minigen as mg
from minigen import optim
from minigen.optim import schedules


def test_exponential_falls_by_its_factor_every_so_many_steps():
    rate = schedules.exponential(0.8, decay=0.5, every=10)
    assert [rate(step) for step in (0, 10, 20)] == [0.8, 0.4, 0.2]
    assert math.isclose(rate(5), 0.8 * math.sqrt(0.5), rel_tol=1e-15), "between, it falls smoothly"


def test_piecewise_multiplies_at_each_boundary():
    rate = schedules.piecewise(1.0, [3, 5], factor=0.5)
    assert [rate(step) for step in range(7)] == [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    assert schedules.piecewise(1.0, [1])(1) == 0.1, "the factor is 0.1 by default"
    assert schedules.piecewise(1.0, [])(100) == 1.0


def test_cosine_falls_along_half_a_cosine_and_stays():
    rate = schedules.cosine(1.0, total=8, final=0.2)
    assert rate(0) == 1.0 and math.isclose(rate(4), 0.6, rel_tol=1e-15) and math.isclose(rate(8), 0.2, rel_tol=1e-15)
    assert math.isclose(rate(2), 0.2 + 0.4 * (1 + math.sqrt(0.5)), rel_tol=1e-15)
    assert rate(9) == rate(1000) == rate(8)
    assert schedules.cosine(1.0, total=8)(8) == 0.0


def test_linear_stays_and_then_falls_along_a_line():
    rate = schedules.linear(1.0, total=8, constant=4, final=0.5)
    assert [rate(step) for step in range(10)] == [1.0, 1.0, 1.0, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.5]
    assert [schedules.linear(1.0, total=4)(step) for step in (0, 1, 4, 1000)] == [1.0, 0.75, 0.0, 0.0]


@pytest.mark.parametrize("constant", [-1, 8, 9])
def test_a_line_without_room_to_fall_is_refused(constant):
    with pytest.raises(ValueError, match=f"the rate changes from step `constant` to step `total`, got {constant} and 8"):
        schedules.linear(1.0, total=8, constant=constant)


def test_linear_is_that_of_torch():
    torch = pytest.importorskip("torch")
    their = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    stays = torch.optim.lr_scheduler.ConstantLR(their, factor=1.0)
    falls = torch.optim.lr_scheduler.LinearLR(their, start_factor=1.0, end_factor=0.02, total_iters=6)
    scheduler = torch.optim.lr_scheduler.SequentialLR(their, [stays, falls], milestones=[4])
    rate = schedules.linear(0.3, total=10, constant=4, final=0.02 * 0.3)
    for step in range(13):
        assert math.isclose(rate(step), scheduler.get_last_lr()[0], rel_tol=1e-12), step
        their.step()
        scheduler.step()


def test_warmup_rises_linearly_and_then_follows():
    assert [schedules.warmup(0.8, 4)(step) for step in range(6)] == [0.2, 0.4, 0.6000000000000001, 0.8, 0.8, 0.8]
    rate = schedules.warmup(schedules.exponential(0.8, decay=0.5, every=1), 2)
    assert [rate(step) for step in range(4)] == [0.4, 0.4, 0.2, 0.1]


def test_cosine_is_that_of_torch():
    torch = pytest.importorskip("torch")
    their = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(their, T_max=10, eta_min=0.01)
    rate = schedules.cosine(0.3, total=10, final=0.01)
    for step in range(10):
        assert math.isclose(rate(step), scheduler.get_last_lr()[0], rel_tol=1e-12), step
        their.step()
        scheduler.step()


@pytest.mark.parametrize(
    "make, name",
    [
        (lambda n: schedules.exponential(0.1, 0.5, every=n), "every"),
        (lambda n: schedules.cosine(0.1, total=n), "total"),
        (lambda n: schedules.linear(0.1, total=n), "total"),
        (lambda n: schedules.warmup(0.1, steps=n), "steps"),
    ],
)
@pytest.mark.parametrize("n", [0, -5])
def test_a_schedule_over_no_steps_is_refused(make, name, n):
    with pytest.raises(ValueError, match=f"{name} must be above 0 and finite, got {n}"):
        make(n)


def test_an_optimizer_asks_for_the_number_of_steps_done():
    asked = []

    def rate(step):
        asked.append(step)
        return (0.5, 0.25, 0.125)[step]

    p = mg.Parameter(np.zeros(1))
    optimizer = optim.SGD([p], lr=rate)
    asked.clear()  # the constructor has looked whether the rate makes sense
    values = []
    for _ in range(3):
        p.grad = np.ones(1)
        optimizer.step()
        values.append(-float(p.numpy()[0]))
    assert asked == [0, 1, 2] and values == [0.5, 0.75, 0.875]


def test_rate_is_that_of_the_next_step_also_after_a_resume():
    p = mg.Parameter(np.zeros(1))
    optimizer = optim.SGD([p], lr=schedules.piecewise(1.0, [1, 2], factor=0.5))
    state = optimizer.state_dict()
    for expected in (1.0, 0.5, 0.25):
        assert optimizer.rate() == expected
        p.grad = np.ones(1)
        optimizer.step()
    optimizer.load_state_dict(state)
    assert optimizer.rate() == 1.0
    assert optim.SGD([p], lr=0.1).rate() == 0.1
