"""The table that summary() prints, and the shapes found by tracing."""

import numpy as np
import pytest

import minigen as mg
from minigen import nn
from minigen.backend import random
from minigen.models.autoencoders import LinearAutoencoder, StackedAutoencoder


def lines(net: nn.Module, shape: tuple[int, ...], capsys) -> list[str]:
    """The printed lines, without spaces at their ends."""
    net.summary(shape)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def rows(net: nn.Module, shape: tuple[int, ...], capsys) -> list[list[str]]:
    """The cells of the layers' lines and of the total."""
    return [
        [cell.strip() for cell in line.split("   ") if cell.strip()]
        for line in lines(net, shape, capsys)[3:]
        if not line.startswith("---")
    ]


def test_the_stacked_autoencoder_of_the_chapter(capsys):
    assert (
        lines(StackedAutoencoder(), (28, 28, 1), capsys)
        == """\
layer                               output shape   parameters
-------------------------------------------------------------
input                               (28, 28, 1)
encoder.0 Flatten()                 (784,)                  0
encoder.1 Dense(784 -> 100, selu)   (100,)             78,500
encoder.2 Dense(100 -> 30, selu)    (30,)               3,030
decoder.0 Dense(30 -> 100, selu)    (100,)              3,100
decoder.1 Dense(100 -> 784)         (784,)             79,184
decoder.2 Reshape((28, 28, 1))      (28, 28, 1)             0
-------------------------------------------------------------
total                                                 163,814""".splitlines()
    )


def test_the_linear_autoencoder_of_the_chapter(capsys):
    assert rows(LinearAutoencoder(), (3,), capsys) == [
        ["encoder.0 Dense(3 -> 2)", "(2,)", "8"],
        ["decoder.0 Dense(2 -> 3)", "(3,)", "9"],
        ["total", "17"],
    ]


def test_a_single_layer_has_no_path(capsys):
    assert rows(nn.Dense(4, 3), (4,), capsys) == [["Dense(4 -> 3)", "(3,)", "15"], ["total", "15"]]


def test_a_tied_weight_counts_where_it_comes_first(capsys):
    dense = nn.Dense(4, 3)
    assert rows(nn.Sequential(dense, nn.DenseTranspose(dense)), (4,), capsys) == [
        ["0 Dense(4 -> 3)", "(3,)", "15"],
        ["1 DenseTranspose(3 -> 4, tied)", "(4,)", "4"],
        ["total", "19"],
    ]


class Residual(nn.Module):
    """A module of your own: a layer used twice, one not used, and a parameter outside all layers."""

    def __init__(self):
        self.body = nn.Sequential(nn.Dense(4, 4), nn.Dropout(0.5))
        self.head = nn.Dense(4, 2)
        self.again = self.body
        self.spare = nn.Dense(2, 2)
        self.gain = mg.Parameter(np.ones((), dtype=np.float32))

    def forward(self, x):
        return self.head(x + self.gain * self.body(self.again(x)))


RESIDUAL_ROWS = [
    ["body.0 Dense(4 -> 4)", "(4,)", "20"],
    ["body.1 Dropout(rate=0.5)", "(4,)", "0"],
    ["head Dense(4 -> 2)", "(2,)", "10"],
    ["spare Dense(2 -> 2)", "not reached", "6"],
]


def test_a_custom_module_is_traced(capsys):
    assert rows(Residual(), (4,), capsys) == [*RESIDUAL_ROWS, ["parameters outside the layers", "1"], ["total", "37"]]


def test_a_module_with_nothing_below_that_does_not_know_its_shape_is_a_row(capsys):
    class Gain(nn.Module):
        def __init__(self):
            self.gain = mg.Parameter(np.ones(4, dtype=np.float32))

        def forward(self, x):
            return (x * self.gain)[:, :3]

    assert rows(Gain(), (4,), capsys) == [["Gain()", "(3,)", "4"], ["total", "4"]]


def test_a_layer_with_layers_below_is_one_row_if_it_knows_its_shape(capsys):
    class Gain(nn.Module):
        def __init__(self):
            self.gain = mg.Parameter(np.ones(2, dtype=np.float32))

        def forward(self, x):
            return x * self.gain

    class Reader(nn.Module):
        def __init__(self):
            self.read, self.cell, self.gain = nn.LSTM(3, 2), nn.LSTMCell(2, 2), Gain()

        def forward(self, x):
            return self.gain(self.cell(self.read(x))[0])

    assert rows(Reader(), (4, 3), capsys) == [
        ["read LSTM(3 -> 2)", "(2,)", "48"],
        ["cell LSTMCell(2 -> 2)", "('?',)", "40"],
        ["gain Gain()", "(2,)", "2"],
        ["total", "90"],
    ]


def test_a_custom_module_inside_a_sequential_is_traced(capsys):
    net = nn.Sequential(nn.Dense(3, 4), Residual(), nn.Dense(2, 1))
    assert rows(net, (3,), capsys) == [
        ["0 Dense(3 -> 4)", "(4,)", "16"],
        *([f"1.{name}", *rest] for name, *rest in RESIDUAL_ROWS),
        ["2 Dense(2 -> 1)", "(1,)", "3"],
        ["parameters outside the layers", "1"],
        ["total", "56"],
    ]


def test_the_parameters_of_the_rows_add_up_to_the_total(capsys):
    for net, shape in ((Residual(), (4,)), (StackedAutoencoder(), (28, 28, 1))):
        *parts, total = [int(row[-1].replace(",", "")) for row in rows(net, shape, capsys)]
        assert sum(parts) == total == net.parameter_count()


def test_a_summary_leaves_the_model_unchanged(capsys):
    """Neither the random streams nor modes nor methods nor gradients change."""
    net = Residual()
    net.head.eval()
    before = random.state_dict()
    net.summary((4,))
    assert net.output_shape((4,)) == (2,)
    assert random.state_dict() == before
    assert [module.training for module in (net, net.body, net.body[1], net.head)] == [True, True, True, False]
    assert not any("forward" in vars(module) for module in net.modules())
    assert all(p.grad is None for p in net.parameters())


def test_a_failing_trace_restores_the_model(capsys):
    net = Residual()
    with pytest.raises(mg.errors.ShapeError, match=r"Dense\(4 -> 4\) expects"):
        net.summary((5,))
    assert net.training and not any("forward" in vars(module) for module in net.modules())


def test_shapes_are_found_on_every_backend_and_in_float64(backend, capsys):
    assert Residual().output_shape((4,)) == (2,)
    assert Residual().astype("float64").output_shape((4,)) == (2,)
    Residual().summary((4,))


def test_a_summary_lists_what_a_subclass_adds_beside_the_layers_apart(capsys):
    class WithProbe(StackedAutoencoder):
        def __init__(self):
            self.decoder = None  # named before the encoder, applied after it
            super().__init__()
            self.probe = nn.Dense(30, 2)

    WithProbe().summary((28, 28, 1))
    printed = capsys.readouterr().out
    assert printed.index("encoder") < printed.index("decoder")
    assert "parameters outside the layers" in printed and "probe" not in printed
