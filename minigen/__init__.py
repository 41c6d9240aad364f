"""minigen: autoencoders and GANs from scratch, on an autograd engine that can be differentiated twice.

Names are imported on first use, so that `minigen --help` does not wait for NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# fmt: off
# isort: off
if TYPE_CHECKING:  # what type checkers and editors see of what follows; `as` says that it is for others too
    from minigen import autograd as autograd, backend as backend, baselines as baselines, compiled as compiled
    from minigen import data as data, engine as engine, errors as errors, evaluators as evaluators, exchange as exchange
    from minigen import losses as losses, metrics as metrics
    from minigen import models as models, nn as nn, ops as ops, optim as optim, plot as plot, pretrained as pretrained
    from minigen import recipes as recipes, synthetic as synthetic, training as training
    from minigen.autograd import Parameter as Parameter, Tensor as Tensor, detect_anomaly as detect_anomaly
    from minigen.autograd import draw_graph as draw_graph, grad as grad, gradcheck as gradcheck, graph_to_dot as graph_to_dot
    from minigen.autograd import no_grad as no_grad, op as op, profile as profile
    from minigen.backend import asarray as asarray, seed as seed, to_numpy as to_numpy, use as use
    from minigen.nn.gradient_check import gradcheck_module as gradcheck_module
    from minigen.pretrained import card as card, load as load
    from minigen.ops import *  # noqa: F403
# isort: on

__version__ = "0.2.0"

FOLDERS = (
    "autograd", "backend", "baselines", "compiled", "data", "engine", "errors", "evaluators", "exchange", "losses", "metrics",
    "models", "nn", "ops", "optim", "plot", "pretrained", "recipes", "synthetic", "training",
)
NAMES = {
    **dict.fromkeys((
        "Parameter", "Tensor", "detect_anomaly", "draw_graph", "grad", "gradcheck", "graph_to_dot", "no_grad", "op",
        "profile",
    ), "autograd"),
    **dict.fromkeys(("asarray", "seed", "to_numpy", "use"), "backend"),
    "gradcheck_module": "nn.gradient_check",
    **dict.fromkeys(("card", "load"), "pretrained"),
}  # -> where they live; and all ops
# fmt: on


if not TYPE_CHECKING:  # to a type checker, a module with __getattr__ has any name

    def __getattr__(name: str) -> Any:
        """minigen.nn, minigen.Tensor, minigen.tanh ...: imported on first access, ordinary attributes from then on."""
        if name in FOLDERS:
            return import_module(f"minigen.{name}")
        ops = import_module("minigen.ops")
        if name == "__all__":
            return [*NAMES, *ops.__all__]
        if name not in NAMES and name not in ops.__all__:
            return not_here(name, [*FOLDERS, *NAMES, *ops.__all__])
        value = globals()[name] = getattr(import_module(f"minigen.{NAMES.get(name, 'ops')}"), name)
        return value


def not_here(name: str, known: list[str]) -> Any:
    """Raise AttributeError for a name that minigen does not have, naming the package that has it, or its name here."""
    near_misses = import_module("minigen.utils.near_misses")
    elsewhere = dict(near_misses.NAMES)
    for room in () if name.startswith("_") else ("nn", "optim", "losses"):
        elsewhere |= {each: f"minigen.{room}.{each}" for each in import_module(f"minigen.{room}").__all__}
    raise near_misses.missing("module 'minigen'", name, elsewhere, known)


def __dir__() -> list[str]:
    return sorted({*globals(), *FOLDERS, *NAMES, *import_module("minigen.ops").__all__})
