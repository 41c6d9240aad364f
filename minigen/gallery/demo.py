"""Shared by all demos: their arguments, and the criteria at the end."""

import argparse
import atexit
import contextlib
import math
import os
import shlex
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

import minigen as mg
from minigen import evaluators, plot, pretrained
from minigen.backend.devices import NAMES as BACKENDS
from minigen.data import Dataset
from minigen.errors import BusyError, DeviceError, UsageError
from minigen.gallery.criteria_table import criteria_table
from minigen.gallery.registry import DATA, names
from minigen.gallery.statement import checksum
from minigen.recipes import Recipe
from minigen.utils.arguments import Parser, add_name, add_output, add_seed, integer, number, resolution
from minigen.utils.exits import USAGE, print_error
from minigen.utils.files import owned, write_json
from minigen.utils.tables import table

HELD = contextlib.ExitStack()  # the output folder of the running demo
atexit.register(HELD.close)


# The minimum of an option, if it is not 1: an interval needs two seeds, a figure needs samples.
LEAST = {
    "seeds": 2,
    "columns": 2,
    "age": 5,
    "phase": 0,
    "portraits": 12,
    **dict.fromkeys(("samples", "tests", "points", "map_examples", "images"), 100),
}
NOT_OF_TRAINING = {"backend", "seed", "samples"}  # options that a model which is already trained has, too
VALUE_WIDTH = 105  # characters of a line of what a demo reports
weight = number("a finite number of at least 0", lambda value: 0.0 <= value < math.inf)


def type_of(option: str, default: Any) -> Callable[[str], Any]:
    """The type of an option: counts are at least 1, weights at least 0, resolutions are powers of two."""
    if option == "resolution":
        return resolution
    return {int: integer(LEAST.get(option, 1)), float: weight, str: str}[type(default)]


def in_notebook() -> bool:
    """Whether this runs in a notebook: Jupyter's, or one that is hosted."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def demo_arguments(
    name: str,
    description: str,
    recipe: Recipe | None = None,
    data: str = "glyphs",
    full: Mapping[str, Any] | None = None,
    shipped: str | None = None,
    **defaults: Any,
) -> argparse.Namespace:
    """The arguments of a demo, with the backend chosen and the seed set.

    --data, --backend, --out, --seed, --quick, and one option for each of `defaults` (epochs=10 gives --epochs).  `recipe`: its
    length of training is added as options.  `data`: the default of --data; only demos of faces accept faces.  `full`: other
    defaults, for --full; explicit options override them.  `shipped`: the trained model that the demo shows unless it trains one
    of its own, as it does with --train, and with any option that says how; `images` and `resolution` are then those that it was
    trained on. Invalid options end the script with status 2, before any work. The output folder is locked until
    `Criteria.finish`.

    In a notebook the options are those in the environment variable MINIGEN_OPTIONS. For result.json the namespace also has
    `given`, the options that differ from their defaults, and `source`, the checksum of the demo and its recipes (None in a
    notebook, where the code may have been changed).
    """
    words = shlex.split(os.environ.get("MINIGEN_OPTIONS", "")) if in_notebook() else sys.argv[1:]
    parser = demo_parser(name, description, data, (recipe.length if recipe else {}) | defaults)
    if full is not None:
        values = ", ".join(f"{option.replace('_', '-')} {value}" for option, value in full.items())
        parser.add_argument("--full", action="store_true", help=f"the real thing, for a GPU, with other defaults: {values}")
        if "--full" in words:
            parser.set_defaults(**full)
    if shipped:
        parser.add_argument("--train", action="store_true", help=f"train one here, instead of showing {shipped}")
    HELD.close()
    try:
        args = parser.parse_args(words)
        args.given = {key: value for key, value in vars(args).items() if value != parser.get_default(key) and key != "out"}
        if shipped:
            args.train = bool(args.given.keys() - NOT_OF_TRAINING)
        args.source = checksum(name) if name in names() and not in_notebook() else None
        args.name = name
        mg.use(args.backend or mg.backend.current().name)
        HELD.enter_context(owned(args.out))
    except (UsageError, DeviceError, BusyError, OSError) as error:  # no usable GPU, no usable folder: the message is enough
        sys.exit(print_error(error, USAGE))
    mg.seed(args.seed)
    if shipped and not args.train:
        card = pretrained.shipped(shipped)
        args.images, args.resolution = card.config.examples, card.config.resolution
        print(f"{shipped}, which comes with minigen (--train trains one here):\n\n{card}\n")
    return args


def demo_parser(name: str, description: str, data: str, defaults: Mapping[str, Any]) -> Parser:
    """The parser of a demo's options."""
    parser = Parser(f"minigen demo {name}", description)
    known = [each for each in DATA if each != "faces" or data == "faces"]
    add_name(parser, "data", known, "data set, of which glyphs and faces need no download", data)
    add_name(parser, "backend", BACKENDS, "array library")
    add_output(parser, Path("out", name), "output folder")
    add_seed(parser)
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that it runs; criteria are not checked")
    for option, default in defaults.items():
        kind, metavar = type_of(option, default), {int: "N", float: "X", str: "NAME"}[type(default)]
        parser.add_argument(
            f"--{option.replace('_', '-')}", type=kind, default=default, metavar=metavar, help=f"default: {default}"
        )
    return parser


def thing_of(data: str) -> str:
    """What an image of this data set shows: "digit", "garment" or "face"."""
    return {"faces": "face", "fashion_mnist": "garment"}.get(data, "digit")


def train_evaluator(
    train: Dataset, args: argparse.Namespace, kind: Callable[..., Any] = evaluators.evaluator_of, **options: Any
) -> Any:
    """The evaluator of images of this kind: trained once for all demos; in a quick run for one epoch, only for that run."""
    return kind(train, **options | ({"epochs": 1, "cache": args.out / "weights"} if args.quick else {}))


class Criteria:
    """Acceptance criteria, each fixed before the run, against measured values."""

    def __init__(self, args: argparse.Namespace):
        self.args, self.start = args, time.perf_counter()
        self.checks: list[dict[str, Any]] = []
        self.reports: list[tuple[str, str]] = []

    def check(
        self,
        name: str,
        measured: float,
        *,
        at_most: float | None = None,
        at_least: float | None = None,
        between: tuple[float, float] | None = None,
    ) -> None:
        """Check a criterion: `measured` at most, at least, or between the given bounds. NaN never passes."""
        if sum(bound is not None for bound in (at_most, at_least, between)) != 1:
            raise ValueError(f"{name}: a criterion has one bound: at_most, at_least or between")
        low, high = between or (at_least, at_most)
        passed = (low is None or measured >= low) and (high is None or measured <= high)
        if between:
            expected = f"exactly {low:,.6g}" if low == high else f"{low:.6g} to {high:.6g}"
        else:
            expected = f"at most {high:.6g}" if low is None else f"at least {low:.6g}"
        self.checks.append({"name": name, "expected": expected, "measured": float(measured), "pass": bool(passed)})

    def report(self, name: str, value: Any) -> None:
        """Report a value that is not a criterion."""
        self.reports.append((name, f"{value:.6g}" if isinstance(value, float) else str(value)))

    def finish(self) -> None:
        """Show the table, write result.json, and end the script: exit status 1 if a criterion failed.

        A quick run is too short for the criteria: values are printed, "pass" is null, the exit status 0. In a notebook the table
        is shown as HTML, and nothing exits.
        """
        seconds = time.perf_counter() - self.start
        if self.args.quick:
            for criterion in self.checks:
                criterion["pass"] = None
        config = {key: str(value) if isinstance(value, Path) else value for key, value in vars(self.args).items()}
        result = {
            "demo": self.args.name,
            "config": config,
            "criteria": self.checks,
            "report": dict(self.reports),
            "seconds": round(seconds, 2),
        }
        write_json(self.args.out / "result.json", result)
        HELD.close()
        if in_notebook():
            show("HTML", criteria_table(result))
        else:
            print(f"\n{self.table()}")
        print(f"\n{seconds:.1f} s; pictures and result.json in {self.args.out}")
        if any(c["pass"] is False for c in self.checks) and not in_notebook():
            sys.exit(1)

    def table(self) -> str:
        """Criteria in columns, and below them what is reported, in lines that a page can hold."""
        rows = [("criterion", "expected", "measured", "")]
        rows += [
            (c["name"], c["expected"], f"{c['measured']:.6g}", {True: "pass", False: "FAIL", None: "quick"}[c["pass"]])
            for c in self.checks
        ]
        reports = [
            ("" if i else name, line)
            for name, value in self.reports
            for i, line in enumerate(textwrap.wrap(value, VALUE_WIDTH) or [""])
        ]
        return "\n\n".join(map(table, filter(None, (rows, reports))))


def save(figure: Any, args: argparse.Namespace, name: str) -> None:
    """Save a figure to the output folder and print its path; in a notebook, show it."""
    path = plot.save_figure(figure, args.out / name)
    if in_notebook():
        show("Image", filename=path)
    else:
        tqdm.write(f"wrote {path}")


def show(kind: str, *content: Any, **source: Any) -> None:
    """Show something in the output of a notebook cell: kind is a class of IPython.display."""
    from IPython import display

    display.display(getattr(display, kind)(*content, **source))
