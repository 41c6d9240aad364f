"""Versions, the backend in use, and why there is no GPU."""

import argparse
import importlib
import importlib.util
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import minigen
from minigen import compiled
from minigen.backend import cuda, current
from minigen.backend.devices import THREAD_VARIABLES
from minigen.data import cifar, mnist
from minigen.errors import DataError
from minigen.utils.arguments import Parser
from minigen.utils.files import cache_folder

EXAMPLES = """
  minigen info
"""


def arguments(parser: Parser) -> None:
    """None."""


def run(args: argparse.Namespace) -> int:
    for name, value in {
        "minigen": f"{minigen.__version__} in {Path(minigen.__file__).parent}",
        "Python": f"{platform.python_version()} on {platform.platform()}",
        **{package: installed(package) for package in ("numpy", "matplotlib", "tqdm", "cupy")},
        "backend": f"{current().name} (MINIGEN_BACKEND or --backend chooses numpy, cupy, or strict, a pretend GPU)",
        "GPU": cuda.status()[1],
        "processors": threads(),
        "loops": loops(),
        "data": folders(),
    }.items():
        print(f"{name:11} {value}")
    return 0


def installed(package: str) -> str:
    """Its version."""
    try:
        return version(package)
    except PackageNotFoundError:
        found = importlib.util.find_spec(package) is not None  # cupy is a module of several packages: cupy-cuda13x ...
        return importlib.import_module(package).__version__ if found else "not installed"


def threads() -> str:
    """How many processors there are, and what was said to the library that multiplies matrices."""
    said = [f"{name}={os.environ[name]}" for name in THREAD_VARIABLES if name in os.environ]
    return f"{os.cpu_count()}; threads of BLAS: {', '.join(said) or 'as many as it likes (OMP_NUM_THREADS limits them)'}"


def loops() -> str:
    """Whether the compiled loops are in use, and why not."""
    in_use = compiled.available()  # compiled now, if need be
    return compiled.status() + (f", {compiled.threads()} threads" if in_use else "")


def folders() -> str:
    """Where data sets are searched, and which are there; glyphs and faces need no file."""
    said = []
    try:
        if own := mnist.own_folder():
            names = [name for name in mnist.SOURCES if any(map(mnist.found, mnist.places(name, own)))]
            names += ["cifar10"] if any(map(cifar.found, cifar.own_places(own))) else []
            said.append(f"{own}: {', '.join(names) or ('nothing' if own.is_dir() else 'there is no such folder')}")
        cache = cache_folder("mnist").parent
        names = [name for name in mnist.SOURCES if mnist.found(cache / name)]
        names += ["cifar10"] if cifar.found(cache / "cifar10") else []
        said.append(f"{cache}: {', '.join(names) or 'nothing yet'}")
    except (OSError, DataError) as error:
        said.append(str(error))
    return "; ".join(said)
