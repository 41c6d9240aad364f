"""minigen: autoencoders and GANs from scratch, on an autograd engine that can be differentiated twice.

Names are imported on first use, so that `minigen --help` does not wait for NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors, which complete what they can see
    from minigen.autograd import *  # noqa: F403
    from minigen.backend import *  # noqa: F403
    from minigen.nn.gradient_check import gradcheck_module  # noqa: F401
    from minigen.ops import *  # noqa: F403

__version__ = "0.1.0"

FOLDERS = (
    "autograd",
    "backend",
    "baselines",
    "coursework",
    "data",
    "engine",
    "errors",
    "evaluators",
    "losses",
    "metrics",
    "models",
    "nn",
    "ops",
    "optim",
    "plot",
    "recipes",
    "synthetic",
    "training",
)
NAMES = {
    "Parameter": "autograd",
    "Tensor": "autograd",
    "detect_anomaly": "autograd",
    "draw_graph": "autograd",
    "grad": "autograd",
    "gradcheck": "autograd",
    "gradcheck_module": "nn.gradient_check",
    "graph_to_dot": "autograd",
    "no_grad": "autograd",
    "op": "autograd",
    "profile": "autograd",
    "asarray": "backend",
    "seed": "backend",
    "to_numpy": "backend",
    "use": "backend",
}  # -> where they live; and all ops


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
    return sorted({*globals(), *FOLDERS, *__getattr__("__all__")})
