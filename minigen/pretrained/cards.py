"""Model cards: what a trained model is, how it was made, and how good it is."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from minigen.errors import CheckpointError, RecipeError, suggestion
from minigen.evaluators import evidence_table
from minigen.recipes.config import Config
from minigen.utils.files import write_json
from minigen.utils.tables import table

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Card:
    """What is known of a trained model.

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
            "data": f"{self.config.examples:,} images of {self.config.data}, {' x '.join(map(str, self.config.shape))}",
            "trained by": self.command,
            "images seen": f"{self.images_seen:,}",
            "time": self.hours,
            "parameters": f"{self.parameters:,}",
            "weights": f"{self.weights.name}, SHA-256 {self.sha256}",
            "license": self.license,
        }

    def __str__(self) -> str:
        return table([(name, str(value)) for name, value in self.facts.items()]) + "\n\n" + evidence_table(self.metrics)

    def save(self) -> None:
        """Write it beside the weights."""
        write_json(self.weights.with_suffix(".json"), asdict(self))


def names() -> list[str]:
    """The names of all trained models that came with this copy of minigen."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def weights_of(name: str) -> Path:
    """The file of weights of a model of this name."""
    return FOLDER / f"{name}.npz"


def card(name: str) -> Card:
    """The card of a model. RecipeError, with the nearest names, for an unknown one; CheckpointError for a damaged card."""
    if name not in names():
        of_this_kind = [each for each in names() if each.rpartition("-")[0] == name.rpartition("-")[0]]
        known = f"there are {' and '.join(of_this_kind)}" if of_this_kind else suggestion(name, names() or ["none here"])
        run = f"a run folder, which `minigen train MODEL --out {name}` makes"
        raise RecipeError(f"{name} is neither {run}, nor one of `minigen models`: {known}")
    path = FOLDER / f"{name}.json"
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Card(**{**said, "config": Config(**said["config"])})
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged ({error}): install minigen again") from error
