"""What every demo shares: its arguments, and the verdict at its end."""

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

import minigen as mg
from demos.catalogue import checksum, names
from demos.page import verdict_table
from minigen.files import replacing


def in_notebook() -> bool:
    """Whether this runs in a notebook: Jupyter's, or one that is hosted."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def demo_arguments(name: str, description: str, data: str = "glyphs", full: Mapping[str, Any] | None = None,
                   **defaults: Any) -> argparse.Namespace:
    """The arguments of a demo, with the backend chosen and the seed set.

    --data, --backend, --out, --seed, --quick, and one option for each of `defaults` (epochs=10 gives --epochs). `data`: the
    default of --data.  `full`: other defaults, which --full stands for; what is given beside it counts.

    In a notebook the options are those in the environment variable MINIGEN_OPTIONS. For result.json the namespace also has
    `given`, the options that differ from their defaults, and `source`, the checksum of the demo's file (None in a notebook,
    where it may have been changed).
    """
    words = shlex.split(os.environ.get("MINIGEN_OPTIONS", "")) if in_notebook() else sys.argv[1:]
    parser = argparse.ArgumentParser(
        prog=f"python -m demos {name}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    faces = "faces, " if data == "faces" else ""
    parser.add_argument("--data", default=data, help=f"data set: {faces}glyphs (no download needed), mnist, fashion_mnist")
    parser.add_argument("--backend", default=None, choices=("numpy", "cupy", "strict"), help="array library")
    parser.add_argument("--out", type=Path, default=None, help=f"output folder (default: out/{name})")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random numbers")
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that it runs; criteria are not judged")
    for option, default in defaults.items():
        parser.add_argument(f"--{option.replace('_', '-')}", type=type(default), default=default, help=f"default: {default}")
    if full is not None:
        values = ", ".join(f"{option.replace('_', '-')} {value}" for option, value in full.items())
        parser.add_argument("--full", action="store_true", help=f"the real thing, for a GPU, with other defaults: {values}")
        if "--full" in words:
            parser.set_defaults(**full)
    args = parser.parse_args(words)
    args.given = {key: value for key, value in vars(args).items() if value != parser.get_default(key) and key != "out"}
    args.source = checksum(name) if name in names() and not in_notebook() else None
    args.name, args.out = name, args.out or Path("out") / name
    try:
        mg.use(args.backend or mg.backend.current().name)
    except TypeError as error:  # no usable GPU: the reason is all that the reader needs
        parser.error(str(error))
    mg.seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    return args


class Verdict:
    """Did it work? Criteria, each fixed before the run, against what was measured."""

    def __init__(self, args: argparse.Namespace):
        self.args, self.start = args, time.perf_counter()
        self.criteria: list[dict[str, Any]] = []
        self.reports: list[tuple[str, str]] = []

    def expect(self, name: str, measured: float, *, at_most: float | None = None, at_least: float | None = None,
               between: tuple[float, float] | None = None) -> None:
        """A criterion: `measured` at most, at least, or between what was said beforehand. NaN never passes."""
        if sum(bound is not None for bound in (at_most, at_least, between)) != 1:
            raise ValueError(f"{name}: a criterion has one bound: at_most, at_least or between")
        low, high = between or (at_least, at_most)
        passed = (low is None or measured >= low) and (high is None or measured <= high)
        expected = f"{low:.6g} to {high:.6g}" if between else f"at most {high:.6g}" if low is None else f"at least {low:.6g}"
        self.criteria.append({"name": name, "expected": expected, "measured": float(measured), "pass": bool(passed)})

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
            for criterion in self.criteria:
                criterion["pass"] = None
        config = {key: str(value) if isinstance(value, Path) else value for key, value in vars(self.args).items()}
        result = {"demo": self.args.name, "config": config, "criteria": self.criteria, "report": dict(self.reports),
                  "seconds": round(seconds, 2)}
        with replacing(self.args.out / "result.json") as path:
            path.write_text(json.dumps(result, indent=2) + "\n")
        if in_notebook():
            show("HTML", verdict_table(result))
        else:
            print(f"\n{self.table()}")
        print(f"\n{seconds:.1f} s; pictures and result.json in {self.args.out}")
        if any(c["pass"] is False for c in self.criteria) and not in_notebook():
            sys.exit(1)

    def table(self) -> str:
        """Criteria and reports in columns."""
        rows = [("criterion", "expected", "measured", "")]
        rows += [(c["name"], c["expected"], f"{c['measured']:.6g}", {True: "pass", False: "FAIL", None: "quick"}[c["pass"]])
                 for c in self.criteria]
        rows += [(name, "", value, "") for name, value in self.reports]
        widths = [max(map(len, column)) for column in zip(*rows)]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def save(figure: Any, args: argparse.Namespace, name: str) -> None:
    """Save a figure into the output folder, with its title in the file, and say so; in a notebook, show it."""
    titles = [figure.get_suptitle(), *(axes.get_title() for axes in figure.axes)]
    figure.savefig(args.out / name, metadata={"Title": " ".join(next(filter(None, titles), "").split())})
    if in_notebook():
        show("Image", filename=args.out / name)
    else:
        tqdm.write(f"wrote {args.out / name}")


def show(kind: str, *content: Any, **source: Any) -> None:
    """Something in the output of a notebook's cell: kind is a class of IPython.display."""
    from IPython import display
    display.display(getattr(display, kind)(*content, **source))
