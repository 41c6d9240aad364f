"""minigen: autoencoders and GANs from scratch, on an autograd engine that can be differentiated twice."""

from importlib import import_module
from types import ModuleType

from minigen.autograd import (
    Parameter,
    Tensor,
    anomaly,
    draw_graph,
    grad,
    gradcheck,
    graph_to_dot,
    no_grad,
    op,
    profile,
)
from minigen.backend import asarray, keep_freed_memory, seed, to_numpy, use, use_from_environment
from minigen.ops import *  # noqa: F403
from minigen.ops import __all__ as _ops

__version__ = "0.1.0"

__all__ = [
    "Parameter", "Tensor", "anomaly", "asarray", "draw_graph", "grad", "gradcheck", "graph_to_dot", "no_grad", "op",
    "profile", "seed", "to_numpy", "use", *_ops,
]

keep_freed_memory()
use_from_environment()


def __getattr__(name: str) -> ModuleType:
    """minigen.nn, minigen.optim ...: the other folders, imported when first used."""
    if name in ("data", "functional", "losses", "metrics", "models", "nn", "optim", "plot", "training"):
        return import_module(f"minigen.{name}")
    raise AttributeError(f"module 'minigen' has no attribute {name!r}")
