"""What every demo shares: its arguments, and the criteria at its end."""

import argparse
import atexit
import contextlib
import json
import math
import os
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from tqdm import tqdm

import minigen as mg
from minigen.backend.devices import NAMES as BACKENDS
from minigen.data.registry import LOADERS
from minigen.errors import BusyError, DeviceError, one_line
from minigen.gallery.criteria_table import criteria_table
from minigen.gallery.registry import checksum, names
from minigen.utils.arguments import nonnegative_int, output_path
from minigen.utils.files import locked, replacing, sweep
from minigen.utils.tables import table

HELD = contextlib.ExitStack()  # the output folder of the demo that runs
atexit.register(HELD.close)


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints echo no more of a long word than is needed to know it again."""

    def error(self, message: str) -> NoReturn:
        super().error(one_line(message))


# What an option must at least be, if it is not 1: an interval needs two seeds, a figure needs samples.
LEAST = {
    "seeds": 2,
    "columns": 2,
    "age": 5,
    "portraits": 12,
    **dict.fromkeys(("samples", "tests", "points", "map_examples", "images"), 100),
}


def refusal(option: str, value: Any) -> str | None:
    """What is wrong with an option's value, in words: counts are at least 1, weights at least 0, the sides of images that grow
    are powers of two."""
    least = LEAST.get(option, 1) if isinstance(value, int) else 0.0
    if not isinstance(value, str) and not least <= value < math.inf:
        return f"expected at least {least:g}{' and finite' * isinstance(value, float)}, got {value}"
    if option == "resolution" and (value & (value - 1) or not 4 <= value <= 1024):
        return f"expected 4, 8, 16 ... 1024, got {value}"
    return None


def in_notebook() -> bool:
    """Whether this runs in a notebook: Jupyter's, or one that is hosted."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def demo_arguments(
    name: str, description: str, data: str = "glyphs", full: Mapping[str, Any] | None = None, **defaults: Any
) -> argparse.Namespace:
    """The arguments of a demo, with the backend chosen and the seed set.

    --data, --backend, --out, --seed, --quick, and one option for each of `defaults` (epochs=10 gives --epochs). `data`: the
    default of --data; only demos of faces take them.  `full`: other defaults, which --full stands for; what is given beside it
    counts. What cannot be right ends the script, with status 2, before any work. The output folder is the demo's own until its
    `Criteria.finish`.

    In a notebook the options are those in the environment variable MINIGEN_OPTIONS. For result.json the namespace also has
    `given`, the options that differ from their defaults, and `source`, the checksum of the demo's file (None in a notebook,
    where it may have been changed).
    """
    words = shlex.split(os.environ.get("MINIGEN_OPTIONS", "")) if in_notebook() else sys.argv[1:]
    parser = Parser(prog=f"minigen demo {name}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [each for each in LOADERS if each != "faces" or data == "faces"]
    parser.add_argument(
        "--data",
        default=data,
        choices=known,
        metavar="NAME",
        help=f"data set: {', '.join(known)} (glyphs and faces need no download)",
    )
    parser.add_argument("--backend", default=None, choices=BACKENDS, help="array library")
    parser.add_argument("--out", type=output_path, default=None, help=f"output folder (default: out/{name})")
    parser.add_argument("--seed", type=nonnegative_int, default=0, help="seed of all random numbers")
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that it runs; criteria are not judged")
    for option, default in defaults.items():
        parser.add_argument(f"--{option.replace('_', '-')}", type=type(default), default=default, help=f"default: {default}")
    if full is not None:
        values = ", ".join(f"{option.replace('_', '-')} {value}" for option, value in full.items())
        parser.add_argument("--full", action="store_true", help=f"the real thing, for a GPU, with other defaults: {values}")
        if "--full" in words:
            parser.set_defaults(**full)
    args = parser.parse_args(words)
    for option in defaults:
        if wrong := refusal(option, getattr(args, option)):
            parser.error(f"argument --{option.replace('_', '-')}: {wrong}")
    args.given = {key: value for key, value in vars(args).items() if value != parser.get_default(key) and key != "out"}
    args.source = checksum(name) if name in names() and not in_notebook() else None
    args.name, args.out = name, args.out or Path("out") / name
    HELD.close()
    try:
        mg.use(args.backend or mg.backend.current().name)
        HELD.enter_context(locked(args.out))
    except (DeviceError, BusyError, OSError) as error:  # no usable GPU, no usable folder: the reason is all that one needs
        parser.error(str(error))
    sweep(args.out)
    mg.seed(args.seed)
    return args


class Criteria:
    """Did it work? Criteria, each fixed before the run, against what was measured."""

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
        """A criterion: `measured` at most, at least, or between what was said beforehand. NaN never passes."""
        if sum(bound is not None for bound in (at_most, at_least, between)) != 1:
            raise ValueError(f"{name}: a criterion has one bound: at_most, at_least or between")
        low, high = between or (at_least, at_most)
        passed = (low is None or measured >= low) and (high is None or measured <= high)
        expected = f"{low:.6g} to {high:.6g}" if between else f"at most {high:.6g}" if low is None else f"at least {low:.6g}"
        self.checks.append({"name": name, "expected": expected, "measured": float(measured), "pass": bool(passed)})

    def report(self, name: str, value: Any) -> None:
        """A figure worth knowing that is no criterion."""
        self.reports.append((name, f"{value:.6g}" if isinstance(value, float) else str(value)))

    def finish(self) -> None:
        """Show the table, write result.json, and end the script: exit status 1 if a criterion failed.

        A quick run is too short to be judged: its figures are printed, its "pass" is null, its exit status 0. In a notebook the
        table is shown as HTML, and nothing exits.
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
        with replacing(self.args.out / "result.json") as path:
            path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        HELD.close()
        if in_notebook():
            show("HTML", criteria_table(result))
        else:
            print(f"\n{self.table()}")
        print(f"\n{seconds:.1f} s; pictures and result.json in {self.args.out}")
        if any(c["pass"] is False for c in self.checks) and not in_notebook():
            sys.exit(1)

    def table(self) -> str:
        """Criteria and reports in columns."""
        rows = [("criterion", "expected", "measured", "")]
        rows += [
            (c["name"], c["expected"], f"{c['measured']:.6g}", {True: "pass", False: "FAIL", None: "quick"}[c["pass"]])
            for c in self.checks
        ]
        rows += [(name, "", value, "") for name, value in self.reports]
        return table(rows)


def save(figure: Any, args: argparse.Namespace, name: str) -> None:
    """Save a figure into the output folder, with its title in the file, and say so; in a notebook, show it."""
    titles = [figure.get_suptitle(), *(axes.get_title() for axes in figure.axes)]
    with replacing(args.out / name) as temporary:
        title = " ".join(next(filter(None, titles), "").split())
        figure.savefig(temporary, format=Path(name).suffix[1:], metadata={"Title": title})
    if in_notebook():
        show("Image", filename=args.out / name)
    else:
        tqdm.write(f"wrote {args.out / name}")


def show(kind: str, *content: Any, **source: Any) -> None:
    """Something in the output of a notebook's cell: kind is a class of IPython.display."""
    from IPython import display

    display.display(getattr(display, kind)(*content, **source))
