"""Compare runs: a table, a column for each, and a picture of their curves.

The table has the settings in which they differ, of one that changes by a schedule only that it does; how long they were trained;
their last losses, and the best ones; and what `minigen evaluate` has measured. RUN is a folder made by minigen train, or
by training.Checkpoint in Python. What is none, or has no history yet, is named and left out.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigen import plot
from minigen.commands.learning import GAME
from minigen.commands.trained import picture_path
from minigen.errors import CommandError, StateError, UsageError
from minigen.evaluators.figures import SAMPLES, named_parts
from minigen.evaluators.figures import shown as shown_figure
from minigen.pretrained.cards import in_words
from minigen.recipes.run_folder import RunFolder
from minigen.training import History, checkpoint
from minigen.training.gans import frechet_monitor
from minigen.training.resume_settings import DATA, different
from minigen.utils.arguments import Parser
from minigen.utils.reading import shortened
from minigen.utils.tables import table

EXAMPLES = """
  minigen compare runs/vae runs/beta
  minigen compare runs/* --out curves.png
"""
MOST = 30  # settings in which runs differ that are shown
FEWER = ("loss", "validation loss", frechet_monitor.COLUMN)  # columns of which the lowest value is the best


@dataclass
class Compared:
    """A run as it is compared. moved: the settings that training itself has changed."""

    name: str
    length: str  # how many epochs, or steps, are done, and of how many
    history: History
    settings: dict[str, Any]
    moved: set[str]
    figures: dict[str, Any]

    @property
    def clock(self) -> str:
        """What it counts: "epoch" or "step"."""
        return next(iter(self.history))

    @property
    def drawn(self) -> dict[str, Sequence[float]]:
        """The columns of its history that are drawn."""
        game = {name for names in GAME.values() for name in names} | {"step", frechet_monitor.COLUMN}
        return {
            name: self.history[name] for name in self.history if (name in game if "step" in self.history else name != "seconds")
        }

    @property
    def quantities(self) -> set[tuple[str, str]]:
        """What can be drawn beside that of another run: the clock, and the name of a column, of training or validation."""
        return {(self.clock, name.removeprefix("validation ")) for name in self.drawn if name != self.clock}


def arguments(parser: Parser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folders of runs, at least two")
    out = Path("comparison.png")
    parser.add_argument("--out", type=picture_path, default=out, metavar="FILE", help=f"the curves (default: {out})")


def run(args: argparse.Namespace) -> int:
    names = [name.rstrip("/") or name for name in args.runs]
    if len(names) < 2:
        raise UsageError(f"there is nothing to compare {names[0]} with: name at least two runs, such as runs/*")
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{name} is named twice")
    runs = there(names)
    print(compared_table(runs))
    measured = [quantity for run in runs for quantity in run.quantities]
    if len(set(measured)) == len(measured):
        print("no curves: no two of these runs have measured the same")
        return 0
    figure = plot.compared_curves({run.name: run.drawn for run in runs})
    print(f"wrote {plot.save_figure(figure, args.out)}")
    return 0


def there(names: Sequence[str]) -> list[Compared]:
    """Those of the runs that can be compared; the others are named on stderr. CommandError if fewer than two are left."""
    runs, errors = [], []
    for name in names:
        try:
            runs.append(opened(name))
        except CommandError as error:
            errors.append(str(error))
    if len(runs) < 2:
        raise CommandError("; ".join(errors))
    for error in errors:
        print(f"left out: {in_words(error)}", file=sys.stderr)
    return runs


def opened(name: str) -> Compared:
    """A run by the path of its folder. CommandError for what is none, or has no history yet."""
    folder = RunFolder(name)
    if not folder.path.exists():
        raise CommandError(f"{name} does not exist")
    config = folder.config() if folder.config_file.is_file() else None
    if not folder.checkpoint.is_file():
        if config is None:
            raise CommandError(f"{name} is not a run folder: it has no checkpoint.npz, which minigen train and Checkpoint write")
        raise CommandError(f"{name} has no history yet: it has no checkpoint")
    with checkpoint.opened(folder.checkpoint) as saved:
        header = saved.header
    try:
        history = History.checked(header.get("history"))
    except StateError as error:
        raise CommandError(f"{folder.checkpoint} is damaged: {error}") from error
    if not history.rows:
        raise CommandError(f"{name} has no history yet: its first epoch, or row, is not complete")
    done = str(next(iter(history.rows[-1].values())))
    figures = evaluation(folder)
    if config is None:
        settings, moved = header.get("settings"), header.get("moved")
        if not isinstance(settings, dict) or not isinstance(moved, list):
            raise CommandError(f"{folder.checkpoint} is damaged: its settings are {shortened(settings)}")
        plain = {path: value for path, value in settings.items() if ".parameters." not in path}  # which its layers have said
        return Compared(name, done, history, plain, set(map(str, moved)), figures)
    asked = config.settings[config.counted]
    own = {each: value for each, value in config.settings.items() if each not in ("epochs", "steps")}
    about = {each: getattr(config, each) for each in ("minigen", "model", "data", "images", "resolution", "seed", "backend")}
    length = done if done == str(asked) else f"{done} of {asked}"
    return Compared(name, length, history, {**about, **own, **(config.pictures or {})}, set(), figures)


def evaluation(folder: RunFolder) -> dict[str, Any]:
    """The figures of evaluation.json about the model itself, if there are any, and of which state of the run they are."""
    said = folder.evaluated()
    when = next((f"{unit.removesuffix('s')} {said[unit]}" for unit in ("epochs", "steps") if unit in said), None)
    own = {what: value for who, what, value in named_parts(said.get("figures", {})) if who in ("", SAMPLES)}
    return own if when is None else {"evaluated at": when, **own}


# -- the table -----------------------------------------------------------------------------------------------------


def compared_table(runs: Sequence[Compared]) -> str:
    """Settings that differ, length and losses, and figures, as text; a dash stands for what a run does not have."""
    settings = setting_rows(runs)
    more = len(settings) - MOST
    parts = [settings[:MOST], rows_of(map(length_and_losses, runs), str), rows_of((run.figures for run in runs), shown_figure)]
    rules, rows = set(), [("", *(run.name for run in runs))]
    for part in filter(None, parts):
        rules.add(len(rows))
        rows += part
    text = table([tuple(map(in_words, row)) for row in rows], "<" + ">" * len(runs), rules=rules)
    return f"{text}\n{more} more settings differ" if more > 0 else text


def setting_rows(runs: Sequence[Compared]) -> list[tuple[str, ...]]:
    """A row for each setting in which the runs differ."""
    first, *others = runs
    names = dict.fromkeys(
        name for other in others for name in different(first.settings, other.settings, first.moved | other.moved)
    )
    return [(DATA.get(name, name), *(shown_setting(name, run.settings) for run in runs)) for name in names]


def shown_setting(name: str, settings: Mapping[str, Any]) -> str:
    """A setting as text; of data what they are, and their checksum."""
    value = settings.get(name)
    if value is None:
        return "-"
    if name in DATA and isinstance(value, int):
        return f"{settings.get(DATA[name])}, {value:08x}"
    return shortened(value, 60).strip("'")


def length_and_losses(run: Compared) -> dict[str, str]:
    """How long a run was trained, and its losses: the last ones, and where less is better the lowest."""
    found = {f"{run.clock}s": run.length, "seconds": f"{sum(run.history.get('seconds', [])):.1f}"}
    for name in (name for name in run.history if "loss" in name or name in FEWER):
        column = {when: value for when, value in zip(run.history[run.clock], run.history[name]) if value == value}
        found[f"{name}, last"] = f"{[*column.values()][-1]:.5g}"
        if name in FEWER:
            when = min(column, key=column.__getitem__)
            found[f"{name}, lowest"] = f"{column[when]:.5g} ({run.clock} {when})"
    return found


def rows_of(columns: Iterable[Mapping[str, Any]], shown: Callable[[Any], str]) -> list[tuple[str, ...]]:
    """A row for each name in some column, of a column for each run."""
    columns = list(columns)
    names = dict.fromkeys(name for column in columns for name in column)
    return [(name, *(shown(column[name]) if name in column else "-" for column in columns)) for name in names]
