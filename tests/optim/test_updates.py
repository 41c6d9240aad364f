"""Each optimizer's numbers: three steps by hand after the published formula, and twenty against PyTorch."""

import math
from collections.abc import Callable

import numpy as np
import pytest

import minigen as mg
from minigen import losses, nn, optim

START, GRADIENTS = 0.7, (0.5, -1.25, 2.0)


def after_three_steps(make: Callable[..., optim.optimizer.Optimizer]) -> list[float]:
    """The values of one float64 parameter after each step with a given gradient."""
    p = mg.Parameter(np.array([START]))
    optimizer = make([p])
    values = []
    for g in GRADIENTS:
        p.grad = mg.asarray(np.array([g]))
        optimizer.step()
        values.append(float(mg.to_numpy(p.data)[0]))
    return values


# -- by hand: plain Python floats, written after the papers and not after the code --------------------------------------


def sgd(lr: float) -> list[float]:
    p, values = START, []
    for g in GRADIENTS:
        p = p - lr * g
        values.append(p)
    return values


def momentum(lr: float, mu: float) -> list[float]:
    """Polyak, in the form of Sutskever et al. without their factor lr inside v."""
    p, v, values = START, 0.0, []
    for g in GRADIENTS:
        v = mu * v + g
        p = p - lr * v
        values.append(p)
    return values


def nesterov(lr: float, mu: float) -> list[float]:
    """The look-ahead rewritten for the parameters at which the gradient is taken (Bengio et al. 2013)."""
    p, v, values = START, 0.0, []
    for g in GRADIENTS:
        v = mu * v + g
        p = p - lr * g - lr * mu * v
        values.append(p)
    return values


def rmsprop(lr: float, rho: float, eps: float) -> list[float]:
    p, v, values = START, 0.0, []
    for g in GRADIENTS:
        v = rho * v + (1 - rho) * g**2
        p = p - lr * g / (math.sqrt(v) + eps)
        values.append(p)
    return values


def adam(lr: float, beta1: float, beta2: float, eps: float) -> list[float]:
    p, m, v, values = START, 0.0, 0.0, []
    for t, g in enumerate(GRADIENTS, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        p = p - lr * m_hat / (math.sqrt(v_hat) + eps)
        values.append(p)
    return values


def nadam(lr: float, beta1: float, beta2: float, eps: float) -> list[float]:
    """Dozat 2016, algorithm 2, with its schedule of mu."""

    def mu(t: int) -> float:
        return beta1 * (1 - 0.5 * 0.96 ** (t / 250))

    p, m, v, product, values = START, 0.0, 0.0, 1.0, []
    for t, g in enumerate(GRADIENTS, start=1):
        product *= mu(t)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_bar = (1 - mu(t)) * g / (1 - product) + mu(t + 1) * m / (1 - product * mu(t + 1))
        p = p - lr * m_bar / (math.sqrt(v / (1 - beta2**t)) + eps)
        values.append(p)
    return values


BY_HAND = {
    "SGD": (lambda p: optim.SGD(p, lr=0.1), sgd(0.1)),
    "momentum": (lambda p: optim.SGD(p, lr=0.1, momentum=0.9), momentum(0.1, 0.9)),
    "Nesterov": (lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True), nesterov(0.1, 0.9)),
    "RMSprop": (lambda p: optim.RMSprop(p, lr=0.1, rho=0.8, eps=0.01), rmsprop(0.1, 0.8, 0.01)),
    "RMSprop, default": (optim.RMSprop, rmsprop(1e-3, 0.9, 1e-7)),
    "Adam": (lambda p: optim.Adam(p, lr=0.1, beta1=0.6, beta2=0.8, eps=0.01), adam(0.1, 0.6, 0.8, 0.01)),
    "Adam, default": (optim.Adam, adam(1e-3, 0.9, 0.999, 1e-8)),
    "Adam, beta1 = 0": (lambda p: optim.Adam(p, lr=0.1, beta1=0.0, beta2=0.99), adam(0.1, 0.0, 0.99, 1e-8)),
    "Nadam": (lambda p: optim.Nadam(p, lr=0.1, beta1=0.6, beta2=0.8, eps=0.01), nadam(0.1, 0.6, 0.8, 0.01)),
    "Nadam, default": (optim.Nadam, nadam(1e-3, 0.9, 0.999, 1e-8)),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_three_steps_are_those_of_the_published_formula(name, backend):
    make, expected = BY_HAND[name]
    np.testing.assert_allclose(after_three_steps(make), expected, rtol=1e-12)


@pytest.mark.parametrize("make", [optim.Adam, optim.Nadam, optim.RMSprop])
def test_the_size_of_an_adaptive_first_step_does_not_depend_on_the_gradient(make):
    """Adam: lr exactly, but for eps; RMSprop: lr / sqrt(1 - rho)."""
    steps = []
    for g in (1e-3, 1.0, 1e3):
        p = mg.Parameter(np.zeros(1))
        optimizer = make([p], lr=0.5)
        p.grad = np.array([g])
        optimizer.step()
        steps.append(-p.numpy()[0])
    np.testing.assert_allclose(steps, steps[1], rtol=1e-3)
    if make is optim.Adam:
        np.testing.assert_allclose(steps[1], 0.5, rtol=1e-7)
    if make is optim.RMSprop:
        np.testing.assert_allclose(steps[1], 0.5 / math.sqrt(0.1), rtol=1e-6)


def test_weight_decay_adds_the_parameter_to_its_gradient(backend):
    p = mg.Parameter(np.array([2.0, -4.0]))
    optimizer = optim.SGD([p], lr=0.5, weight_decay=0.25)
    p.grad = mg.asarray(np.array([1.0, 1.0]))
    optimizer.step()
    np.testing.assert_array_equal(mg.to_numpy(p.data), [2.0 - 0.5 * (1 + 0.5), -4.0 - 0.5 * (1 - 1)])


def test_clipping_scales_the_gradient_of_all_parameters_together(backend):
    p, q = mg.Parameter(np.zeros(2)), mg.Parameter(np.zeros((1, 1)))
    optimizer = optim.SGD([p, q], lr=1.0, clip_norm=6.5)
    for scale, expected in ((1.0, 0.5), (0.25, 0.25)):  # norm 13, clipped to half; norm 3.25, left alone
        for parameter in (p, q):
            parameter.assign(mg.asarray(np.zeros(parameter.shape)))
        p.grad, q.grad = mg.asarray(np.array([3.0, -4.0]) * scale), mg.asarray(np.array([[12.0]]) * scale)
        optimizer.step()
        np.testing.assert_array_equal(mg.to_numpy(p.data), np.array([-3.0, 4.0]) * expected)
        np.testing.assert_array_equal(mg.to_numpy(q.data), [[-12.0 * expected]])
        np.testing.assert_array_equal(mg.to_numpy(p.grad), np.array([3.0, -4.0]) * scale), "step() changes no .grad"


# -- against PyTorch: a small net, twenty steps, float64 ----------------------------------------------------------------

AGAINST_TORCH = {
    "SGD": (optim.SGD, {"lr": 0.1}, "SGD", {"lr": 0.1}),
    "momentum": (optim.SGD, {"lr": 0.1, "momentum": 0.9}, "SGD", {"lr": 0.1, "momentum": 0.9}),
    "Nesterov": (
        optim.SGD,
        {"lr": 0.1, "momentum": 0.9, "nesterov": True},
        "SGD",
        {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    ),
    "RMSprop": (optim.RMSprop, {"lr": 0.01, "rho": 0.95, "eps": 1e-7}, "RMSprop", {"lr": 0.01, "alpha": 0.95, "eps": 1e-7}),
    "Adam": (optim.Adam, {"lr": 0.01, "beta1": 0.5}, "Adam", {"lr": 0.01, "betas": (0.5, 0.999)}),
    "Nadam": (optim.Nadam, {"lr": 0.01}, "NAdam", {"lr": 0.01, "momentum_decay": 4e-3}),
}
OPTIONS = {
    "plain": {},
    "weight decay": {"weight_decay": 0.1},
    "clipped": {"clip_norm": 0.05},
    "clipped with weight decay": {"clip_norm": 0.05, "weight_decay": 0.1},
}


@pytest.fixture
def torch():
    """PyTorch, with float64 also for the running product of NAdam's mu, which it keeps in its default dtype."""
    torch = pytest.importorskip("torch")
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize("name", AGAINST_TORCH)
def test_twenty_steps_are_those_of_torch(name, options, torch):
    make, ours, their_name, theirs = AGAINST_TORCH[name]
    rng = np.random.default_rng(0)
    x, target = rng.standard_normal((20, 16, 5)), rng.standard_normal((20, 16, 3))
    net = nn.Sequential(nn.Dense(5, 4, activation="tanh"), nn.Dense(4, 3)).astype("float64")
    optimizer = make(net.parameters(), **ours, **options)

    weights = [torch.tensor(p.numpy().copy(), requires_grad=True) for p in net.parameters()]
    decay = {"weight_decay": options["weight_decay"]} if "weight_decay" in options else {}
    their_optimizer = getattr(torch.optim, their_name)(weights, **theirs, **decay)
    clipped = []
    for step in range(20):
        optimizer.zero_grad()
        losses.mse(net(x[step]), target[step]).backward()
        optimizer.step()

        w1, b1, w2, b2 = weights
        their_optimizer.zero_grad()
        y = torch.tanh(torch.tensor(x[step]) @ w1 + b1) @ w2 + b2
        ((y - torch.tensor(target[step])) ** 2).mean().backward()
        if "clip_norm" in options:
            clipped.append(float(torch.nn.utils.clip_grad_norm_(weights, options["clip_norm"])) > options["clip_norm"])
        their_optimizer.step()
    assert all(clipped), "the norms were too small for the clipping to be seen"
    # Torch divides by norm + 1e-6 where it clips: 20 steps with a relative difference of about 1e-5 in the gradient.
    tolerance = {"rtol": 1e-4, "atol": 1e-5} if clipped else {"rtol": 1e-9, "atol": 1e-12}
    for p, w in zip(net.parameters(), weights):
        np.testing.assert_allclose(p.numpy(), w.detach().numpy(), **tolerance, err_msg=p.name)
