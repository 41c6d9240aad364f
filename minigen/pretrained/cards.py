"""Model cards: what a trained model is, how it was made, and how good it is."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from minigen.errors import CheckpointError, RecipeError, suggestion
from minigen.evaluators import evidence_table
from minigen.evaluators.figures import shown
from minigen.recipes.config import Config
from minigen.utils.files import write_json
from minigen.utils.tables import table

FOLDER = Path(__file__).parent


LONGEST, DEEPEST = 300, 20  # characters of a fact as text, and the levels of its lists and names that are shown


class Card(Mapping[str, Any]):
    """What is known of a trained model, by names, in the order of reading; as text, a table.

    facts: name -> value, such as "about", "data", "epochs", "class"; JSON values.  metrics: name -> number, under "metrics".
    """

    def __init__(self, facts: Mapping[str, Any], metrics: Mapping[str, Any]):
        self._facts, self.metrics = dict(facts), dict(metrics)

    @property
    def facts(self) -> dict[str, Any]:
        """All but the metrics."""
        return self._facts

    def __getitem__(self, name: str) -> Any:
        return {**self.facts, **({"metrics": self.metrics} if self.metrics else {})}[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*self.facts, *(["metrics"] if self.metrics else [])])

    def __len__(self) -> int:
        return len(self.facts) + bool(self.metrics)

    def __str__(self) -> str:
        facts = table([(in_words(name), in_words(value)) for name, value in self.facts.items() if value is not None])
        figures = {
            in_words(name): value if isinstance(value, (int, float)) else in_words(value) for name, value in self.metrics.items()
        }
        return "\n\n".join(filter(None, (facts, evidence_table(figures))))

    def __repr__(self) -> str:
        return f"Card({', '.join(self)})"


def in_words(value: Any) -> str:
    """A JSON value as a line of text, whoever wrote it: no control characters, and cut where it becomes long."""
    text = "".join(letter if letter.isprintable() else " " for letter in spelled(value))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def spelled(value: Any, depth: int = 0) -> str:
    """A JSON value as text, descriptions of objects as `Dense(in_features 784, out_features 30)`."""
    if depth > DEEPEST:
        return "..."
    if isinstance(value, dict):
        if value.keys() == {"class", "settings"}:
            return f"{str(value['class']).rpartition('.')[2]}({spelled(value['settings'], depth + 1)})"
        return ", ".join(f"{name} {spelled(each, depth + 1)}" for name, each in value.items())
    if isinstance(value, list):
        return f"[{', '.join(spelled(each, depth + 1) for each in value)}]"
    return str(value) if isinstance(value, bool) else shown(value)


@dataclass(frozen=True)
class ShippedCard(Card):
    """The card of a model that came with minigen.

    command: what trained it, the seed included.  images_seen: by its discriminator or encoder, repeats counted.  hours: of
    training, and on what.  parameters: of the network that is kept, the generator of a GAN.  metrics: name -> value, as
    `minigen evaluate` measures them.  sha256: of the file of weights.  check: what `check_figures` must find again.
    """

    name: str
    about: str
    config: Config
    command: str
    images_seen: int
    hours: str
    parameters: int
    license: str
    metrics: dict[str, Any]
    sha256: str
    check: dict[str, float] = field(default_factory=dict)

    @property
    def weights(self) -> Path:
        """The file of weights."""
        return weights_of(self.name)

    @property
    def facts(self) -> dict[str, Any]:
        """What a reader wants to know of its making, in order."""
        return {
            "model": self.about,
            "data": self.config.examples_in_words,
            "trained by": self.command,
            "images seen": f"{self.images_seen:,}",
            "time": self.hours,
            "parameters": f"{self.parameters:,}",
            "weights": f"{self.weights.name}, SHA-256 {self.sha256}",
            "license": self.license,
        }

    def save(self) -> None:
        """Write it beside the weights."""
        write_json(self.weights.with_suffix(".json"), asdict(self))


def names() -> list[str]:
    """The names of all trained models that came with this copy of minigen."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def weights_of(name: str) -> Path:
    """The file of weights of a model of this name."""
    return FOLDER / f"{name}.npz"


def shipped(name: str) -> ShippedCard:
    """The card of a model that came with minigen. RecipeError, with the nearest names, for an unknown one; CheckpointError for a
    damaged card."""
    if name not in names():
        of_this_kind = [each for each in names() if each.rpartition("-")[0] == name.rpartition("-")[0]]
        known = f"there are {' and '.join(of_this_kind)}" if of_this_kind else suggestion(name, names() or ["none here"])
        run = f"a run folder, which `minigen train MODEL --out {name}` makes"
        raise RecipeError(f"{name} is neither {run}, nor one of `minigen models`: {known}")
    path = FOLDER / f"{name}.json"
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return ShippedCard(**{**said, "config": Config(**said["config"])})
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged ({error}): install minigen again") from error
