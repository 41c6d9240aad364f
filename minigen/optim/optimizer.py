"""The base of all optimizers: flat buffers, so that a step is a few vector operations for any number of parameters."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from minigen.autograd import Parameter, Tensor
from minigen.backend import PIECE, Array, array_module, asarray, to_numpy
from minigen.errors import GraphError, NonFiniteError
from minigen.utils.checks import check_fit, check_nonnegative, check_positive, refuse
from minigen.utils.settings import Configured

Schedule = Callable[[int], float]
A_SCHEDULE = "a schedule"  # in place of a setting that has one: functions cannot be compared, a resumed run may use another one


class Optimizer(Configured):
    """Base of the optimizers: subclasses name their `buffers` (each the size of all parameters) and define `update`.

    The values of all parameters move into one flat array, and each parameter's data becomes a view of it; gradients are gathered
    into another, and each buffer is one more. `lr`: a number, or a schedule, a function of the number of steps done.
    `weight_decay`: adds weight_decay * p to the gradient (a Gaussian prior on p; not AdamW's decay). `clip_norm`: scales the
    gradient of all parameters together down to this Euclidean norm (Pascanu et al. 2013). Parameters without a gradient do not
    change.
    """

    buffers: tuple[str, ...] = ()
    squares: tuple[str, ...] = ()  # the buffers that are means of squares, never negative
    remembered = ("parameters", "lr", "values", "gradient", "state", "steps", "began", "_bounds", "_views")  # no settings

    def __init__(
        self, parameters: Iterable[Parameter], lr: float | Schedule, weight_decay: float = 0.0, clip_norm: float | None = None
    ):
        if not isinstance(parameters, Iterable) or isinstance(parameters, Tensor):
            raise TypeError(f"an optimizer takes a list of parameters, got {parameters!r}: pass model.parameters()")
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError("an optimizer needs at least one parameter, got none: pass model.parameters()")
        for p in self.parameters:
            if not isinstance(p, Parameter):
                raise TypeError(f"an optimizer takes Parameters, got {type(p).__name__}: pass model.parameters()")
        if len({id(p) for p in self.parameters}) < len(self.parameters):
            raise ValueError("the same parameter was given twice: each step would update it twice")
        if len({p.dtype for p in self.parameters}) > 1:
            raise TypeError(f"parameters mix dtypes: {sorted({str(p.dtype) for p in self.parameters})}")
        name = type(self).__name__
        check_nonnegative(name, lr=lr(0) if callable(lr) else lr, weight_decay=weight_decay)
        if clip_norm is not None:
            check_positive(name, clip_norm=clip_norm)
        self.lr = lr if callable(lr) else float(lr)
        self.weight_decay, self.clip_norm = weight_decay, clip_norm
        self.steps = 0  # taken so far, for learning-rate schedules
        self.began = 0  # the step at which the moments were zero
        stops = np.cumsum([p.size for p in self.parameters]).tolist()
        self._bounds = list(zip([0, *stops[:-1]], stops))
        self._adopt()
        xp = array_module(self.values)
        self.gradient = xp.zeros_like(self.values)
        self.state = {name: xp.zeros_like(self.values) for name in self.buffers}

    def _adopt(self) -> None:
        """Move the parameters' values into the flat array; again if another optimizer has moved them since."""
        xp = array_module(self.parameters[0].data)
        self.values = xp.concatenate([p.data.ravel() for p in self.parameters])
        for p, (start, stop) in zip(self.parameters, self._bounds):
            p.rebind(self.values[start:stop].reshape(p.shape))
        self._views = [p.data for p in self.parameters]

    def zero_grad(self) -> None:
        """Clear all gradients."""
        for p in self.parameters:
            p.grad = None

    def rate(self) -> float:
        """The learning rate of the next step."""
        return float(self.lr(self.steps)) if callable(self.lr) else self.lr

    def step(self) -> None:
        """Update the parameters by their gradients."""
        if any(p.data is not view for p, view in zip(self.parameters, self._views)):
            if {p.dtype for p in self.parameters} != {self.gradient.dtype}:
                raise TypeError(f"the parameters are no longer {self.gradient.dtype}: make a new optimizer after astype()")
            self._adopt()
        runs = list(self._gather())
        if not runs:
            raise GraphError("no parameter has a gradient: call loss.backward() before step()")
        lr = self.rate()
        scale = self._clipping_scale(runs)
        for part in self._parts(runs):
            gradient = self.gradient[part]
            if scale != 1.0:
                gradient *= scale
            if self.weight_decay:
                gradient += self.weight_decay * self.values[part]
            self.update(self.values[part], gradient, lr, *(buffer[part] for buffer in self.state.values()))
        self.steps += 1
        for p in self.parameters:
            if p.grad is not None:
                p.touch()  # older graphs are stale from now on

    def restart(self) -> None:
        """Reset all moments, as before the first step. A learning-rate schedule continues."""
        for buffer in self.state.values():
            buffer[...] = 0.0
        self.began = self.steps

    @property
    def t(self) -> int:
        """The number of the next step, counted from 1 since the moments were zero."""
        return self.steps - self.began + 1

    def update(self, values: Array, gradient: Array, lr: float, *buffers: Array) -> None:
        """Update flat `values` (and this optimizer's buffers) in place; `gradient` may be used as scratch space."""
        raise NotImplementedError

    def _gather(self) -> Iterator[slice]:
        """Copy the gradients into the flat array; yields the runs of neighboring parameters that have one."""
        xp = array_module(self.values)
        start = 0
        parts: list[Array] = []
        for p, (begin, end) in zip(self.parameters, self._bounds):
            if p.grad is None:
                if parts:
                    xp.concatenate(parts, out=self.gradient[start:begin])
                    yield slice(start, begin)
                start, parts = end, []
            else:
                parts.append(p.grad.ravel())
        if parts:
            xp.concatenate(parts, out=self.gradient[start:end])
            yield slice(start, end)

    def _parts(self, runs: list[slice]) -> Iterator[slice]:
        """The runs, on the CPU cut into pieces: all buffers of one stay in the cache between operations."""
        length = PIECE if isinstance(self.values, np.ndarray) else len(self.values)
        for run in runs:
            for start in range(run.start, run.stop, length):
                yield slice(start, min(start + length, run.stop))

    def _clipping_scale(self, runs: list[slice]) -> float:
        """clip_norm / norm if the norm of the whole gradient exceeds clip_norm, else 1; 1 without a clip_norm."""
        if self.clip_norm is None:
            return 1.0
        norm = math.sqrt(sum(float(self.gradient[part] @ self.gradient[part]) for part in self._parts(runs)))
        if not math.isfinite(norm):
            raise NonFiniteError(
                f"the gradient's norm is {norm}: clipping cannot fix NaN or infinity; see minigen.detect_anomaly()"
            )
        return self.clip_norm / norm if norm > self.clip_norm else 1.0

    # -- state ---------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, np.ndarray]:
        """The step counts and the flat buffers, as host arrays. The parameters belong to the model's state."""
        buffers = {name: np.array(to_numpy(x)) for name, x in self.state.items()}
        return {"steps": np.array(self.steps), "began": np.array(self.began), **buffers}

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Raise StateError, naming every mismatch, unless a state fits; only shapes and dtypes are compared."""
        check_fit(repr(self), state, {"steps": np.array(self.steps), "began": np.array(self.began), **self.state})

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Load a state. Unless all of it fits, StateError names every mismatch and nothing changes.

        The steps are whole numbers, 0 <= began <= steps; moments are finite, and means of squares not negative.
        """
        state = {"began": np.array(0), **state}  # states of older versions, which could not restart
        self.check_state(state)
        problems = [f"{name} holds NaN or infinity" for name in self.state if not np.isfinite(state[name]).all()]
        problems += [f"{name} holds negative values, it is a mean of squares" for name in self.squares if (state[name] < 0).any()]
        if not 0 <= state["began"] <= state["steps"]:
            problems.append(f"steps is {state['steps']} and began {state['began']}, expected 0 <= began <= steps")
        refuse(repr(self), problems)
        buffers = {name: asarray(state[name]) for name in self.state}
        self.steps, self.began = int(state["steps"]), int(state["began"])
        for name, buffer in self.state.items():
            buffer[...] = buffers[name]

    def settings(self) -> dict[str, Any]:
        """The hyperparameters, for checkpoints and messages."""
        plain: dict[str, Any] = {name: value for name, value in vars(self).items() if isinstance(value, (bool, int, float))}
        plain = {name: value for name, value in plain.items() if name not in ("steps", "began")}
        if callable(self.lr):
            plain["lr"] = A_SCHEDULE
        return {"optimizer": type(self).__name__, **plain}

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in self.settings().items() if name != "optimizer")
        return f"{type(self).__name__}({len(self.parameters)} parameters, {settings})"


def check_optimizer(name: str, optimizer: Any, network: str) -> None:
    """Raise TypeError for what is not an optimizer: its name, as Keras takes it, or a class."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{name}: expected such as optim.Adam({network}.parameters()), got {optimizer!r}")
