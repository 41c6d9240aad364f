"""The pages that are made of measurements: results, criteria, techniques, benchmarks.

    python docs/generate.py                                 # write the pages again, from docs/templates and docs/results
    python docs/generate.py results out                     # take in what `minigen demo all --out out` has measured
    python docs/generate.py benchmarks out/*.json           # take in what `python -m tests.benchmarks` and its like have measured

A page is a template of text with `{{ measured(...) }}` in it; figures come from docs/results alone. The rows of the table of
results are data of their own, docs/templates/results.toml. The second and third command copy new figures to docs/results,
compactly, under the version of minigen that is installed, and then write the pages.
"""

import argparse
import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

DOCS = Path(__file__).parent
RESULTS = DOCS / "results"
PAGES = ("results", "criteria", "techniques", "benchmarks")
KINDS = ("steps", "convolutions", "scaling")  # of benchmarks
LABELS = {
    "pytorch": "PyTorch",
    "minigen": "minigen by NumPy",
    "loops": "minigen by loops",
    "torch.compile": "torch.compile",
    "jax": "JAX (jitted)",
    "keras": "Keras",
    "dezero": "DeZero",
}
NO_BREAK = "\N{NO-BREAK SPACE}"
KEPT = ("demo", "criteria", "report", "seconds")  # of a result.json
SERIES = {  # what the demos were run on -> the file of docs/results that has a demo's result
    "glyphs": "glyphs/{}",
    "faces": "faces/{}",
    "faces, `--train`": "faces/{}-trained",  # by demos that otherwise show a model that comes with minigen
    "MNIST": "mnist/{}",
    "Fashion-MNIST": "fashion_mnist/{}",
}
COLUMNS = {  # of the table of results
    "glyphs, or faces": ("faces", "faces, `--train`", "glyphs"),
    "MNIST": ("MNIST",),
    "Fashion-MNIST": ("Fashion-MNIST",),
}


@dataclass(frozen=True)
class Row:
    """A row of the table of results: docs/templates/results.toml says what is what."""

    demo: str
    chapter: str
    model: str
    criterion: str
    pattern: str
    form: str
    worst: str | None = None

    @property
    def script(self) -> str:
        """The demo's file: "02_stacked.py"."""
        (path,) = (DOCS.parent / "demos").glob(f"{self.demo}_*.py")
        return path.name


def write_pages() -> None:
    """Every page of PAGES, from its template."""
    for name in PAGES:
        (DOCS / f"{name}.md").write_text(page(name), encoding="utf-8")


def page(name: str) -> str:
    """The text of a page."""
    environment = Environment(loader=FileSystemLoader(DOCS / "templates"), undefined=StrictUndefined, keep_trailing_newline=True)
    environment.tests["passing"] = passes
    environment.globals |= {
        "measured": measured,
        "reported": reported,
        "shipped": shipped,
        "techniques": lambda: load("techniques"),
        "runs": runs,
        "rows": rows,
        "cell": cell,
        "columns": COLUMNS,
        "series": SERIES,
        "demos": demos,
        "whole": whole,
        "anchor": anchor,
        "title": title,
        "figure": figure,
        "signed": signed,
        "versions": versions,
        "milliseconds": milliseconds,
        "mebibytes": mebibytes,
        "beside_pytorch": beside_pytorch,
        "peaks": peaks,
        "compared": compared,
        "others": others,
        "means": means,
        "beside_dezero": beside_dezero,
        "convolutions": convolutions,
        "steps_by_description": steps_by_description,
        "labels": LABELS,
        "max": max,
        "min": min,
    }
    note = f"<!-- Written by docs/generate.py from docs/templates/{name}.md and docs/results: change those. -->\n\n"
    return note + environment.get_template(f"{name}.md").render()


# -- what the templates ask for ------------------------------------------------------------------------------------


def load(name: str) -> Any:
    """A file of docs/results."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def measured(data: str, demo: str, criterion: str, form: str, worst: Callable[..., float] | None = None) -> str:
    """What a demo measured on a data set for the criterion whose name has a match of `criterion`, a pattern.

    form: a format, such as "{:.2f} dB".  worst: max or min, where several have one.
    """
    found = [each["measured"] for each in load(f"{data}/{demo}")["criteria"] if re.search(criterion, each["name"])]
    if len(found) != 1 and not (found and worst):
        raise LookupError(f"{data}, demo {demo}: {len(found)} criteria match {criterion!r}, expected one")
    text = form.format(worst(found) if worst else found[0])
    return re.sub(r"(?<=\d) ?(?=%|dB)", NO_BREAK, signed(text))


def reported(data: str, demo: str, entry: str, pattern: str, form: str = "{}") -> str:
    """A number that a demo reports without judging it: of the text of an entry, what the group of a pattern matches."""
    found = re.search(pattern, text := load(f"{data}/{demo}")["report"][entry])
    if not found:
        raise LookupError(f"{data}, demo {demo}: {pattern!r} has no match in {entry}: {text!r}")
    return signed(form.format(float(found[1].replace(",", ""))))


def shipped(name: str, figure: str, form: str) -> str:
    """A figure on the card of a model that comes with minigen, such as "samples: recall"."""
    card = json.loads((DOCS.parent / f"minigen/pretrained/{name}.json").read_text(encoding="utf-8"))
    return form.format(card["metrics"][figure])


def rows() -> list[Row]:
    """The rows of the table of results."""
    return [Row(**each) for each in tomllib.loads((DOCS / "templates/results.toml").read_text(encoding="utf-8"))["rows"]]


def cell(row: Row, column: str) -> str:
    """What a demo measured for a row, and whether it passes as a whole: "7.4 dB [**✗ 2 of 6 fail**](criteria.md#glyphs-28)".

    In a column of several series each has a line, and its name, unless the demo was run on glyphs alone. "—" if it was not run.
    """
    names = [name for name in COLUMNS[column] if (RESULTS / f"{SERIES[name].format(row.demo)}.json").exists()]
    lines = []
    for name in names:
        data, demo = SERIES[name].format(row.demo).split("/")
        text = measured(data, demo, row.pattern, row.form, {"max": max, "min": min}[row.worst] if row.worst else None)
        label = f"{name}: " if len(names) > 1 or "faces" in name else ""
        lines.append(label + text + mark(name, row.demo))
    return "<br>".join(lines) or "\N{EM DASH}"


def mark(name: str, demo: str) -> str:
    """Whether a demo passes as a whole, after a space and with a link to its criteria; "" if only its main figure was kept."""
    result = load(SERIES[name].format(demo))
    if not is_whole(result):
        return ""
    failed, count = sum(not each["pass"] for each in result["criteria"]), len(result["criteria"])
    place = f"criteria.md#{anchor(name, demo)}"
    if passes(result):
        return f"{NO_BREAK}[✓]({place})"
    text = f"✗ {failed} of {count} fail{'s' if failed == 1 else ''}".replace(" ", NO_BREAK)
    return f" [**{text}**]({place})"


def anchor(name: str, demo: str) -> str:
    """Where the criteria of a demo are on their page: "faces-26-trained"."""
    return SERIES[name].format(demo).replace("/", "-")


def demos(name: str) -> list[dict[str, Any]]:
    """What all demos of a series measured, in reading order."""
    paths = sorted(RESULTS.glob(f"{SERIES[name].format('[0-9][0-9]')}.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def whole(name: str) -> list[dict[str, Any]]:
    """The results of a series of which all criteria were kept, and not the main figure only."""
    return [result for result in demos(name) if is_whole(result)]


def is_whole(result: dict[str, Any]) -> bool:
    """Whether all criteria of a result were kept."""
    return "seconds" in result


def passes(result: dict[str, Any]) -> bool:
    """Whether a demo passes as a whole: all of its criteria, if they were kept."""
    return is_whole(result) and all(each["pass"] for each in result["criteria"])


def title(demo: str) -> str:
    """The heading of a demo, such as "02_stacked", without its number: "A stacked autoencoder"."""
    source = (DOCS.parent / "demos" / f"{demo}.py").read_text(encoding="utf-8")
    return re.search(r"^# # \d+\. (.+)", source, re.MULTILINE)[1]


def figure(value: float) -> str:
    """A measured value to four digits; an integer whole."""
    return signed(f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}")


def signed(text: str) -> str:
    """A text with minus signs before its numbers and in their exponents, where Python writes hyphens."""
    return re.sub(r"(?<![\w)])-(?=\d)|(?<=\de)-", "\N{MINUS SIGN}", text)


def versions(name: str) -> str:
    """Which version measured which demos of a series: "0.2.0 (01), 0.1.0 (02 to 25, 28)"."""
    of: dict[str, list[int]] = {}
    for result in demos(name):
        of.setdefault(result["version"], []).append(int(result["demo"][:2]))
    return ", ".join(f"{version} ({spans(numbers)})" for version, numbers in of.items())


def spans(numbers: list[int]) -> str:
    """Numbers in words: "01 to 25, 28"."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]:02} to {run[-1]:02}" if len(run) > 2 else ", ".join(f"{each:02}" for each in run) for run in runs)


def runs(kind: str) -> list[dict[str, Any]]:
    """What was measured of a kind, one of KINDS: a run for each machine and instruction set."""
    return load("benchmarks")[kind]


def steps_by_description() -> list[tuple[str, list[str]]]:
    """(what is timed, names of the workloads that do)."""
    of: dict[str, dict[str, None]] = {}
    for run in runs("steps"):
        for each in run["steps"]:
            of.setdefault(each["description"], {})[f"`{each['name']}`"] = None
    return [(description, list(names)) for description, names in of.items()]


def compared(rows: list[dict[str, Any]]) -> list[str]:
    """The libraries that have a ratio to PyTorch in some row, in the order of LABELS."""
    return [library for library in LABELS if any("ratio" in row["sides"].get(library, {}) for row in rows)]


def others(rows: list[dict[str, Any]]) -> str:
    """The names of the libraries beside minigen: "PyTorch, DeZero"."""
    return ", ".join(["PyTorch", *(LABELS[each] for each in compared(rows) if each not in ("minigen", "loops"))])


def beside_pytorch(side: dict[str, Any] | None) -> str:
    """A library's time, and its ratio to PyTorch's with the quartiles, where they are known: "0.81 ms: 0.79 (0.75 to 0.84)"."""
    if not side or "ratio" not in side:
        return ""
    form = "{0:.2f}" if len(side["ratio"]) == 1 else "{1:.2f} ({0:.2f} to {2:.2f})"
    return f"{milliseconds(side['seconds'])}: {form.format(*side['ratio'])}"


def peaks(rows: list[dict[str, Any]]) -> list[str]:
    """The libraries whose memory is known."""
    return [each for each in ("minigen", "loops", "pytorch") if any("peak bytes" in row["sides"].get(each, {}) for row in rows)]


def middle(side: dict[str, Any]) -> float:
    """The median of a ratio."""
    return side["ratio"][len(side["ratio"]) // 2]


def means(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Geometric means of the ratios by group, and of all groups, for the libraries that have them in all rows of a group."""
    found: dict[str, dict[str, float]] = {}
    for name in ("dense", "convolutional", "all"):
        group = [row for row in rows if row["group"] and name in (row["group"], "all")]
        complete = [library for library in compared(group) if all("ratio" in row["sides"].get(library, {}) for row in group)]
        if complete:
            found[name] = {library: geometric_mean(middle(row["sides"][library]) for row in group) for library in complete}
    return found


def beside_dezero(rows: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """The smallest and the largest ratio to DeZero's time, for the libraries that have one."""
    of: dict[str, list[float]] = {}
    for row in rows:
        for library, side in row["sides"].items():
            if "to DeZero" in side:
                of.setdefault(library, []).append(side["to DeZero"][1])
    return {library: (min(ratios), max(ratios)) for library, ratios in of.items()}


def convolutions(run: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Shape -> part (forward, images, kernel) -> sides."""
    of: dict[str, dict[str, dict[str, Any]]] = {}
    for each in run["convolutions"]:
        shape, part = each["name"].removeprefix("conv-").split()
        of.setdefault(shape, {})[part] = each["sides"]
    return of


def milliseconds(seconds: float | None) -> str:
    """A time with its unit: "1.72 ms", or in microseconds if it is short."""
    if seconds is None:
        return ""
    scale, unit = (1e3, "ms") if seconds >= 1e-4 else (1e6, "µs")
    return f"{seconds * scale:.3g} {unit}"


def mebibytes(count: float | None) -> str:
    """Bytes in MiB, without the unit."""
    return "" if count is None else f"{count / 2**20:.0f}"


# -- taking in new measurements ------------------------------------------------------------------------------------


def take_results(folder: Path) -> None:
    """Copy the results of a run of demos to docs/results: each by its data set and number, and demo 21's table of MNIST."""
    version = installed_version()
    for path in sorted(folder.glob("*/result.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        config = result["config"]
        if config["quick"] or set(config["given"]) - {"data", "backend", "train"}:
            print(f"left out: {path}, which was run quickly or with other settings")
            continue
        # On any other data set than their own, demos that show a model which comes with minigen always train.
        trained = "train" in config["given"] and "data" not in config["given"]
        kept = {"version": version, **{key: result[key] for key in KEPT}}
        write(f"{config['data']}/{result['demo'][:2]}{'-trained' if trained else ''}", kept)
        if (table := path.with_name("table.md")).exists() and config["data"] == "mnist":  # as the page of techniques says
            write("techniques", {"version": version, "data": config["data"], **read_table(table.read_text())})


def read_table(markdown: str) -> dict[str, Any]:
    """A Markdown table as data: its columns, and each row's cells by its first one."""
    head, _, *rows = ([cell.strip() for cell in line.strip("| \n").split("|")] for line in markdown.strip().splitlines())
    return {"columns": head[1:], "rows": {name: cells for name, *cells in rows}}


def take_benchmarks(paths: list[Path]) -> None:
    """Copy what the benchmarks measured to docs/results, in place of what is there of the same kinds."""
    kept = load("benchmarks")
    measured = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    for kind in KINDS:
        if of_kind := [shortened({"version": installed_version(), **run}) for run in measured if kind in run]:
            kept[kind] = of_kind
    write("benchmarks", kept)


def shortened(figures: Any) -> Any:
    """The same with four digits of every number that is not whole."""
    if isinstance(figures, dict):
        return {key: shortened(value) for key, value in figures.items()}
    if isinstance(figures, list):
        return [shortened(value) for value in figures]
    return float(f"{figures:.4g}") if isinstance(figures, float) else figures


def installed_version() -> str:
    """Of minigen: the version whose measurements these are."""
    import minigen

    return minigen.__version__


def write(name: str, content: Any) -> None:
    """Write a file of docs/results."""
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {path}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("results").add_argument("path", type=Path, help="output folder of `minigen demo all`")
    benchmarks = commands.add_parser("benchmarks")
    benchmarks.add_argument(
        "path", type=Path, nargs="+", help="what `python -m tests.benchmarks`, its .convolution, .scaling wrote"
    )
    args = parser.parse_args()
    if args.command:
        {"results": take_results, "benchmarks": take_benchmarks}[args.command](args.path)
    write_pages()


if __name__ == "__main__":
    main()
