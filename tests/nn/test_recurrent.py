"""LSTM and GRU: against their equations in loops, against PyTorch, and what their gates are for."""

import math

import numpy as np
import pytest

import minigen as mg
from minigen import nn
from minigen.errors import DtypeError, ShapeError

rng = np.random.default_rng(5)
SIZES = [(1, 1, 1, 1), (2, 5, 3, 4), (3, 1, 6, 2), (4, 7, 2, 5)]  # examples, steps, inputs, hidden units
LAYERS = [nn.LSTM, nn.GRU]


def made(layer: type[nn.Module], inputs: int, hidden: int, **options: bool) -> nn.Module:
    """A layer in float64 with random parameters, biases too."""
    module = layer(inputs, hidden, **options).astype("float64")
    for parameter in module.parameters():
        parameter.assign(mg.asarray(rng.standard_normal(parameter.shape)))
    return module


def sigmoid(a: float) -> float:
    return 1 / (1 + math.exp(-a))


def lstm_by_loops(layer: nn.LSTM, x: np.ndarray) -> np.ndarray:
    """All h of an LSTM, one number at a time."""
    w, u, b = (mg.to_numpy(p.data) for p in layer.parameters())
    hidden = len(u)
    h, c, y = np.zeros((len(x), hidden)), np.zeros((len(x), hidden)), np.zeros((*x.shape[:2], hidden))
    for n in range(len(x)):
        for t in range(x.shape[1]):
            sums = [
                sum(x[n, t, i] * w[i, k] for i in range(x.shape[2])) + sum(h[n, i] * u[i, k] for i in range(hidden)) + b[k]
                for k in range(4 * hidden)
            ]
            for k in range(hidden):
                i, f, g, o = (sums[gate * hidden + k] for gate in range(4))
                c[n, k] = sigmoid(f) * c[n, k] + sigmoid(i) * math.tanh(g)
                y[n, t, k] = sigmoid(o) * math.tanh(c[n, k])
            h[n] = y[n, t]
    return y


def gru_by_loops(layer: nn.GRU, x: np.ndarray) -> np.ndarray:
    """All h of a GRU, one number at a time."""
    w, u, b, b_h = (mg.to_numpy(p.data) for p in layer.parameters())
    hidden = len(u)
    h, y = np.zeros((len(x), hidden)), np.zeros((*x.shape[:2], hidden))
    for n in range(len(x)):
        for t in range(x.shape[1]):
            of_x = [sum(x[n, t, i] * w[i, k] for i in range(x.shape[2])) + b[k] for k in range(3 * hidden)]
            of_h = [sum(h[n, i] * u[i, k] for i in range(hidden)) + b_h[k] for k in range(3 * hidden)]
            for k in range(hidden):
                r = sigmoid(of_x[k] + of_h[k])
                z = sigmoid(of_x[hidden + k] + of_h[hidden + k])
                candidate = math.tanh(of_x[2 * hidden + k] + r * of_h[2 * hidden + k])
                y[n, t, k] = (1 - z) * candidate + z * h[n, k]
            h[n] = y[n, t]
    return y


# -- against other computations ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n, steps, inputs, hidden", SIZES)
@pytest.mark.parametrize("layer, oracle", [(nn.LSTM, lstm_by_loops), (nn.GRU, gru_by_loops)], ids=["LSTM", "GRU"])
def test_cells_equal_their_equations_element_by_element(layer, oracle, n, steps, inputs, hidden, backend):
    module, x = made(layer, inputs, hidden, return_sequences=True), rng.standard_normal((n, steps, inputs))
    expected = oracle(module, x)
    np.testing.assert_allclose(mg.to_numpy(module(mg.asarray(x)).data), expected, rtol=1e-12, atol=1e-14)
    module.return_sequences = False
    np.testing.assert_allclose(mg.to_numpy(module(mg.asarray(x)).data), expected[:, -1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n, steps, inputs, hidden", SIZES)
@pytest.mark.parametrize("layer", LAYERS)
def test_values_and_gradients_are_pytorchs(layer, n, steps, inputs, hidden):
    torch = pytest.importorskip("torch")
    module, x = made(layer, inputs, hidden, return_sequences=True), rng.standard_normal((n, steps, inputs))
    weight, recurrent_weight, *biases = (p.numpy() for p in module.parameters())
    twin = getattr(torch.nn, layer.__name__)(inputs, hidden, batch_first=True, dtype=torch.float64)
    biases = [*biases, np.zeros_like(biases[0])][:2]  # an LSTM's second bias in PyTorch is redundant
    for theirs, ours in zip(twin.parameters(), [weight.T, recurrent_weight.T, *biases], strict=True):
        theirs.data = torch.tensor(ours.copy())

    here, there = mg.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, expected = module(here), twin(there)[0]
    np.testing.assert_allclose(y.numpy(), expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    g = rng.standard_normal(y.shape)
    y.backward(g)
    expected.backward(torch.tensor(g))
    np.testing.assert_allclose(here.grad, there.grad.numpy(), rtol=1e-9, atol=1e-12)
    for theirs, ours in zip(twin.parameters(), module.parameters()):
        np.testing.assert_allclose(ours.grad.T, theirs.grad.numpy(), rtol=1e-9, atol=1e-12, err_msg=ours.name)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_cell_run_by_hand_is_the_layer(layer):
    module, x = made(layer, 3, 4), rng.standard_normal((2, 6, 3))
    state = None
    for t in range(6):
        state = module.cell(x[:, t], state)
    assert len(state) == {nn.LSTM: 2, nn.GRU: 1}[layer]
    np.testing.assert_allclose(state[0].numpy(), module(x).numpy(), rtol=1e-12)


# -- what the gates are for ----------------------------------------------------------------------------------------


def test_an_lstm_with_forgetting_off_and_input_shut_keeps_its_memory():
    cell = made(nn.LSTM, 3, 2).cell
    for parameter in (cell.weight, cell.recurrent_weight):
        parameter.assign(np.zeros(parameter.shape))
    cell.bias.assign(np.repeat([-1e3, 1e3, 0.0, 1e3], 2))  # i = 0, f = 1, o = 1
    memory = rng.standard_normal((4, 2))
    h, c = cell(rng.standard_normal((4, 3)), (rng.standard_normal((4, 2)), memory))
    np.testing.assert_array_equal(c.numpy(), memory)
    np.testing.assert_allclose(h.numpy(), np.tanh(memory), rtol=1e-15)


@pytest.mark.parametrize("z, kept", [(1e3, 1.0), (-1e3, 0.0)])
def test_a_gru_keeps_its_state_or_takes_the_candidate(z, kept):
    cell = made(nn.GRU, 3, 2).cell
    for parameter in cell.parameters():
        parameter.assign(np.zeros(parameter.shape))
    candidate = np.array([0.3, -0.7])
    cell.bias.assign(np.concatenate([[0.0, 0.0], [z, z], np.arctanh(candidate)]))
    before = rng.standard_normal((4, 2))
    (h,) = cell(rng.standard_normal((4, 3)), (before,))
    np.testing.assert_allclose(h.numpy(), kept * before + (1 - kept) * candidate, rtol=1e-14)


@pytest.mark.parametrize("layer", LAYERS)
def test_later_steps_do_not_change_earlier_outputs(layer):
    module, x = made(layer, 3, 4, return_sequences=True), rng.standard_normal((2, 6, 3))
    changed = x.copy()
    changed[:, 4:] += 1.0
    first, second = module(x).numpy(), module(changed).numpy()
    np.testing.assert_allclose(first[:, :4], second[:, :4], rtol=1e-12)  # one product of all steps: another order of sums
    assert (first[:, 4:] != second[:, 4:]).all()


# -- how they start ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer, count",
    [(nn.LSTM(28, 100), 51_600), (nn.LSTM(100, 30), 15_720), (nn.LSTM(30, 100), 52_400), (nn.GRU(28, 100), 39_000)],
    ids=repr,
)
def test_parameter_counts_are_those_of_keras(layer, count):
    assert layer.parameter_count() == count


def test_biases_start_at_0_but_those_of_the_forget_gate_at_1():
    np.testing.assert_array_equal(nn.LSTM(2, 3).cell.bias.numpy(), [0] * 3 + [1] * 3 + [0] * 6)
    gru = nn.GRU(2, 3).cell
    assert not gru.bias.numpy().any() and not gru.recurrent_bias.numpy().any()


@pytest.mark.parametrize("layer, gates", [(nn.LSTM, 4), (nn.GRU, 3)])
def test_each_gate_starts_glorot_uniform_for_the_input_and_orthogonal_for_the_state(layer, gates, backend):
    mg.seed(2)
    cell = layer(20, 30).cell
    mg.seed(2)
    for weight, initializer, inputs in (
        (cell.weight, nn.init.glorot_uniform, 20),
        (cell.recurrent_weight, nn.init.orthogonal, 30),
    ):
        parts = [mg.to_numpy(initializer((inputs, 30))) for _ in range(gates)]
        np.testing.assert_array_equal(mg.to_numpy(weight.data), np.concatenate(parts, axis=1))


# -- RepeatVector --------------------------------------------------------------------------------------------------


def test_repeat_vector_repeats_and_its_gradient_adds_up(backend):
    x, g = rng.standard_normal((2, 3)), rng.standard_normal((2, 4, 3))
    tensor = mg.Tensor(mg.asarray(x), requires_grad=True)
    y = nn.RepeatVector(4)(tensor)
    np.testing.assert_array_equal(mg.to_numpy(y.data), np.stack([x] * 4, axis=1))
    y.backward(mg.asarray(g))
    np.testing.assert_allclose(mg.to_numpy(tensor.grad), g.sum(axis=1), rtol=1e-14)


# -- what they refuse ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape, expected",
    [
        ((5, 28), r"\(n, time, 28\), got \(5, 28\)"),
        ((5, 1, 28, 28), r"\(n, time, 28\), got \(5, 1, 28, 28\)"),
        ((5, 0, 28), r"\(time, 28\) of at least one step, got none"),
    ],
)
def test_what_is_not_a_sequence_is_refused(shape, expected):
    with pytest.raises(ShapeError, match=rf"LSTM\(28 -> 3\) expects sequences {expected}"):
        nn.LSTM(28, 3)(np.zeros(shape, dtype=np.float32))


def test_other_numbers_of_features_and_other_dtypes_are_refused():
    with pytest.raises(ShapeError, match=r"GRU\(3 -> 2, sequences\) expects sequences \(n, time, 3\), got \(5, 4, 1\)"):
        nn.GRU(3, 2, return_sequences=True)(np.zeros((5, 4, 1), dtype=np.float32))
    with pytest.raises(DtypeError, match=r"LSTM\(3 -> 2\) computes in float32, got float64"):
        nn.LSTM(3, 2)(np.zeros((5, 4, 3)))
    with pytest.raises(ShapeError, match=r"LSTM\(3 -> 2\) expects sequences \(time, 3\), got \(4, 1\)"):
        nn.LSTM(3, 2).output_shape((4, 1))


@pytest.mark.parametrize("cell, state, message", [
    (nn.LSTMCell(3, 2), (np.zeros((5, 2)),), r"LSTMCell\(3 -> 2\) expects a state of 2 arrays \(5, 2\), got \[\(5, 2\)\]"),
    (nn.LSTMCell(3, 2), (np.zeros((5, 2)), np.zeros((1, 2))), r"got \[\(5, 2\), \(1, 2\)\]"),
    (nn.GRUCell(3, 2), np.zeros((5, 2)), r"GRUCell\(3 -> 2\) expects a state of 1 arrays \(5, 2\), got \[\(2,\)"),
])  # fmt: skip
def test_a_state_that_does_not_fit_is_refused(cell, state, message):
    with pytest.raises(ShapeError, match=message):
        cell(np.zeros((5, 3), dtype=np.float32), state)


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU, nn.LSTMCell, nn.GRUCell])
@pytest.mark.parametrize("sizes, name", [((0, 2), "input_size"), ((2, 0), "hidden_size")])
def test_sizes_of_zero_are_refused(layer, sizes, name):
    with pytest.raises(ShapeError, match=rf"Cell's {name} must be at least 1, got 0"):
        layer(*sizes)


def test_repeat_vector_refuses_no_repetition_and_sequences():
    with pytest.raises(ValueError, match="RepeatVector's n must be at least 1, got 0"):
        nn.RepeatVector(0)
    with pytest.raises(ShapeError, match=r"RepeatVector\(4\) expects shape \(features,\), got \(3, 2\)"):
        nn.RepeatVector(4)(np.zeros((5, 3, 2), dtype=np.float32))
