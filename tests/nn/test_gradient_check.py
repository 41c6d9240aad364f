"""The checker of modules is itself checked: each kind of mistake must be caught and named."""

import numpy as np
import pytest

import minigen as mg
from minigen import gradcheck_module, nn
from minigen.errors import GradcheckError, GraphError
from tests.checks import apart

x = apart(5, 4)


def test_a_wrong_rule_is_caught_and_the_parameters_are_listed():
    @mg.op
    def scaled(x):
        """2 x."""
        return 2.0 * x

    @scaled.vjp("x")
    def scaled_dx(g, y, x):
        """Wrong by a factor of 1.001."""
        return 2.002 * g

    class Wrong(nn.Dense):
        def forward(self, x):
            return x @ self.weight + scaled(self.bias)

    with pytest.raises(GradcheckError, match=r"input 2 .*ratio 1\.001.*Wrong's parameters are the inputs {1: weight, 2: bias}"):
        layer = Wrong(4, 3)
        gradcheck_module(layer, layer, x)


def test_a_derivative_that_forgets_a_dependence_is_caught():
    class Detached(nn.Dense):
        def forward(self, x):
            return x @ self.weight + self.bias * self.weight.detach().mean()

    with pytest.raises(GradcheckError, match="input 1 "):
        layer = Detached(4, 3)
        gradcheck_module(layer, layer, x)


def test_a_rule_that_is_right_only_at_order_1_is_caught():
    @mg.op
    def cube(x):
        """x^3."""
        return x**3

    @cube.vjp("x")
    def cube_dx(g, y, x):
        """Takes x for a constant."""
        return g * 3.0 * (x.detach() if isinstance(x, mg.Tensor) else x) ** 2

    class Cubed(nn.Dense):
        def forward(self, x):
            return cube(x @ self.weight + self.bias)

    layer = Cubed(4, 3)
    gradcheck_module(layer, layer, x, order=1)
    with pytest.raises(GradcheckError, match="derivative of"):
        gradcheck_module(layer, layer, x)


def test_a_parameter_that_is_not_used_is_caught():
    class Idle(nn.Dense):
        def forward(self, x):
            return x @ self.weight

    with pytest.raises(GraphError, match="does not depend on bias"):
        layer = Idle(4, 3)
        gradcheck_module(layer, layer, x)


def test_noise_that_is_drawn_inside_is_caught():
    net = nn.Sequential(nn.Dense(4, 3), nn.GaussianNoise(0.1))
    with pytest.raises(GradcheckError):
        gradcheck_module(net, net, x)


def test_parameters_are_found_in_lists_and_dicts_and_put_back():
    class Nested(nn.Module):
        def __init__(self):
            self.parts = [mg.Parameter(np.ones(4)), {"inner": (nn.Dense(4, 3), mg.Parameter(np.ones(3)))}]

        def forward(self, x):
            inner, shift = self.parts[1]["inner"]
            return inner(x * self.parts[0]) + shift

    net = Nested()
    before = net.parameters()
    gradcheck_module(net, net, x)
    assert all(p is q for p, q in zip(net.parameters(), before)) and len(before) == 4
