"""Layers that read a sequence step by step. Sequences are (n, time, features); a state is passed on from step to step."""

import numpy as np

from minigen import ops
from minigen.autograd import Parameter, TensorLike
from minigen.backend import Array, array_module, asarray
from minigen.errors import ShapeError
from minigen.nn import init
from minigen.nn.checks import check_example, check_input
from minigen.nn.module import Module
from minigen.utils.checks import check_sizes

State = tuple[TensorLike, ...]  # what a cell carries from step to step, its output h (n, hidden_size) first


class RecurrentCell(Module):
    """One time step: cell(x, state) -> the next state. A subclass sets its number of gates, and defines `step`.

    Weights: `weight` (in, gates * hidden) and `bias` for the input, `recurrent_weight` (hidden, gates * hidden) for h, the gates
    side by side. Each gate is initialized like a layer of its own: Glorot uniform from the input, orthogonal from h. (Keras draws
    each fused matrix as one, which makes every gate about half as strong; the recurrent autoencoder then needed twice the steps.)
    """

    gates: int

    def __init__(self, input_size: int, hidden_size: int):
        check_sizes(type(self).__name__, input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight = Parameter(self.each_gate(init.glorot_uniform, (input_size, hidden_size)))
        self.recurrent_weight = Parameter(self.each_gate(init.orthogonal, (hidden_size, hidden_size)))
        self.bias = Parameter(init.zeros((self.gates * hidden_size,)))

    def each_gate(self, initializer: init.Initializer, shape: tuple[int, int]) -> Array:
        """Initial weights of this shape for each gate, side by side."""
        parts = [initializer(shape) for _ in range(self.gates)]
        return array_module(*parts).concatenate(parts, axis=1)

    def step(self, x: TensorLike, state: State) -> State:
        """The next state, from the input x (n, in) and the previous state; unchecked."""
        raise NotImplementedError(f"{type(self).__name__} has no step()")

    def initial_state(self, n: int) -> State:
        """Zeros: nothing read yet."""
        weight = self.weight.data
        return (array_module(weight).zeros((n, self.hidden_size), dtype=weight.dtype),)

    def forward(self, x: TensorLike, state: State | None = None) -> State:
        check_input(self, x, (..., self.input_size), self.weight.dtype)
        zeros = self.initial_state(x.shape[0])
        if state is None:
            state = zeros
        elif [part.shape for part in state] != [part.shape for part in zeros]:
            raise ShapeError(
                f"{self!r} expects a state of {len(zeros)} arrays {zeros[0].shape}, got {[tuple(part.shape) for part in state]}"
            )
        return self.step(x, state)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of h."""
        check_example(self, input_shape, (..., self.input_size))
        return (*input_shape[:-1], self.hidden_size)

    def describe(self) -> str:
        return f"{self.input_size} -> {self.hidden_size}"


class LSTMCell(RecurrentCell):
    """A cell with a gated memory c (Hochreiter & Schmidhuber 1997; forget gate of Gers et al. 2000).

        i, f, g, o = x W + h U + b                     (n, hidden) each, side by side in this order
        c' = sigmoid(f) * c + sigmoid(i) * tanh(g),    h' = sigmoid(o) * tanh(c')

    cell(x, (h, c)) -> (h', c'); by default from zeros. The biases of f start at 1, so that the memory lasts from the first step
    on (Jozefowicz et al. 2015). Parameters: 4 * hidden * (in + hidden + 1), as in Keras; PyTorch has a second, redundant bias.
    """

    gates = 4

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size)
        self.bias.assign(asarray(np.repeat(np.array([0, 1, 0, 0], np.float32), hidden_size)))

    def initial_state(self, n: int) -> State:
        return 2 * super().initial_state(n)

    def step(self, x: TensorLike, state: State) -> State:
        h, c = state
        i, f, g, o = ops.split(ops.dense(x, self.weight, self.bias) + h @ self.recurrent_weight, 4, axis=1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        return ops.sigmoid(o) * ops.tanh(c), c


class GRUCell(RecurrentCell):
    """A cell that mixes its old state with a candidate n (Cho et al. 2014, with the reset gate where PyTorch and Keras have it).

        r, z, n_x = x W + b,    r_h, z_h, n_h = h U + b_h       (n, hidden) each, side by side in this order
        r = sigmoid(r + r_h),   z = sigmoid(z + z_h),           n = tanh(n_x + r * n_h)
        h' = (1 - z) * n + z * h

    cell(x, (h,)) -> (h',); by default from zeros. Cho et al. reset h before the product, tanh(n_x + (r * h) U); with the reset
    after it, all three gates are one product, which needs a bias of its own: hence two biases. Parameters: 3 * hidden * (in +
    hidden + 2), as in PyTorch (whose order of gates this is) and in Keras (whose order is z, r, n).
    """

    gates = 3

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size)
        self.recurrent_bias = Parameter(init.zeros((3 * hidden_size,)))

    def step(self, x: TensorLike, state: State) -> State:
        (h,) = state
        r_x, z_x, n_x = ops.split(ops.dense(x, self.weight, self.bias), 3, axis=1)
        r_h, z_h, n_h = ops.split(ops.dense(h, self.recurrent_weight, self.recurrent_bias), 3, axis=1)
        r, z = ops.sigmoid(r_x + r_h), ops.sigmoid(z_x + z_h)
        n = ops.tanh(n_x + r * n_h)
        return (n + z * (h - n),)


class Recurrent(Module):
    """A cell that runs along a sequence: x (n, time, in) -> its last h (n, hidden), or all of them (n, time, hidden)."""

    cell_type: type[RecurrentCell]

    def __init__(self, input_size: int, hidden_size: int, return_sequences: bool = False):
        if not isinstance(return_sequences, bool):
            raise TypeError(f"{type(self).__name__}'s return_sequences must be True or False, got {return_sequences!r}")
        self.cell, self.return_sequences = self.cell_type(input_size, hidden_size), return_sequences

    def forward(self, x: TensorLike) -> TensorLike:
        check_input(self, x, ("n", "time", self.cell.input_size), self.cell.weight.dtype)
        self.check_steps(x.shape[1])
        state, outputs = self.cell.initial_state(x.shape[0]), []
        for t in range(x.shape[1]):
            state = self.cell.step(x[:, t], state)
            outputs.append(state[0])
        return ops.stack(*outputs, axis=1) if self.return_sequences else outputs[-1]

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        check_example(self, input_shape, ("time", self.cell.input_size))
        self.check_steps(input_shape[0])
        return (*input_shape[: int(self.return_sequences)], self.cell.hidden_size)

    def check_steps(self, time: int) -> None:
        """Raise ShapeError for an empty sequence, which has no output."""
        if time < 1:
            raise ShapeError(f"{self!r} expects sequences (time, {self.cell.input_size}) of at least one step, got none")

    def describe(self) -> str:
        return self.cell.describe() + (", sequences" if self.return_sequences else "")


class LSTM(Recurrent):
    """An `LSTMCell` along a sequence: x (n, time, in) -> its last h (n, hidden); `return_sequences`: all, (n, time, hidden).

    Starts from zeros. LSTM(28, 100) has 51,600 parameters.
    """

    cell_type = LSTMCell


class GRU(Recurrent):
    """A `GRUCell` along a sequence: x (n, time, in) -> the last h (n, hidden), or with `return_sequences` all, (n, time, hidden).

    Starts from zeros. GRU(28, 100) has 39,000 parameters.
    """

    cell_type = GRUCell


class RepeatVector(Module):
    """Each example repeated n times, as a sequence: (n_examples, features) -> (n_examples, n, features)."""

    def __init__(self, n: int):
        check_sizes("RepeatVector", n=n)
        self.n = n

    def forward(self, x: TensorLike) -> TensorLike:
        shape = self.output_shape(x.shape[1:])
        return ops.broadcast_to(ops.expand_dims(x, 1), shape=(x.shape[0], *shape))

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        check_example(self, input_shape, ("features",))
        return (self.n, *input_shape)

    def describe(self) -> str:
        return str(self.n)
