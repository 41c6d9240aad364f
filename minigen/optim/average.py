"""The moving average of a network's weights, which gives better samples than the network itself."""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from minigen.autograd import Parameter
from minigen.backend import pieces
from minigen.errors import StateError
from minigen.nn import Module
from minigen.utils.checks import check_fit, check_fraction
from minigen.utils.settings import Configured


class ExponentialMovingAverage(Configured):
    """A copy of a module whose weights are a moving average of the module's: `average`, a Module in evaluation mode.

        a <- d a + (1 - d) w,    d = min(decay, (1 + t) / (10 + t)) after t updates

    The warm-up of d lets the average forget the initial weights. Buffers (running statistics) are copied, not averaged.
    Adversarial training circles around its equilibrium, and the average of the circle is nearer to it than any of its points
    (Yazıcı et al. 2019; Karras et al. 2018 use it for all samples, with d = 0.999).
    """

    def __init__(self, module: Module, decay: float = 0.999):
        check_fraction("ExponentialMovingAverage", decay=decay)
        self.decay = decay
        self.average = copy.deepcopy(module).eval()
        self.pairs = list(zip(self.average.named_state().values(), module.named_state().values()))
        self.updates = 0

    def update(self) -> None:
        """Update the average; call it after each update of the module."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for averaged, followed in self.pairs:
            if isinstance(averaged, Parameter):
                for a, w in pieces(averaged.data, followed.data):
                    difference = w - a
                    difference *= 1.0 - decay
                    a += difference
                averaged.touch()
            else:
                averaged.assign(followed.data)
        self.updates += 1

    def state_dict(self) -> dict[str, np.ndarray]:
        """The averages and the number of updates, as host arrays."""
        return {"updates": np.array(self.updates), **{f"average.{k}": v for k, v in self.average.state_dict().items()}}

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Raise StateError, naming every mismatch, unless a state fits; only shapes and dtypes are compared."""
        expected = {f"average.{name}": tensor for name, tensor in self.average.named_state().items()}
        check_fit(type(self).__name__, state, {"updates": np.array(self.updates), **expected})

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Load a state of the same module. If it does not fit, StateError is raised and nothing changes."""
        self.check_state(state)
        if state["updates"] < 0:
            raise StateError(f"updates is {state['updates']}, expected at least 0")
        self.average.load_state_dict({name: state[f"average.{name}"] for name in self.average.named_state()})
        self.updates = int(state["updates"])
