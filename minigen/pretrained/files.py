"""What training leaves, opened again: files of models, and the folders of `training.Checkpoint`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigen.errors import CheckpointError, CommandError, StateError
from minigen.models import attribute_classifier, classifier  # noqa: F401  a class is known to files once it is imported
from minigen.models.applications import context_encoder, style_transfer, super_resolution  # noqa: F401
from minigen.nn import Module, saving
from minigen.nn.saving import ENDINGS
from minigen.recipes.run_folder import RunFolder
from minigen.training import History, checkpoint

BEST_FIRST = ("average", "generator", "model")  # parts of a checkpoint: which of them makes examples
ELSEWHERE = "weights of PyTorch come in by minigen.exchange.from_torch(model, torch.load(path, weights_only=True))"
CHECKPOINT, BEST = "checkpoint.npz", "best.npz"  # in the folder of a run
AVERAGE = "average."  # before the names of a moving average's weights


class Networks(dict[str, Module]):
    """Networks by their names. `omitted`: name -> why one that was saved is not among them."""

    def __init__(self) -> None:
        self.omitted: dict[str, str] = {}

    def __missing__(self, name: str) -> Module:
        if name in self.omitted:
            raise CheckpointError(
                f"{name!r} was saved, but cannot be made again: {self.omitted[name]}; the weights are in the file"
            )
        raise KeyError(f"there is no {name!r}, only {', '.join(map(repr, self))}")


@dataclass
class SavedRun:
    """What a `training.Checkpoint` has kept.

    history: as `training.fit` returned it.  networks: by name, in evaluation mode: "model"; or of two players "generator",
    "discriminator", and "average", the generator's moving average, if there is one.

    Whoever opens the run of a generator may lack the class of its discriminator: `omitted` says which networks are missing for
    such a reason, name -> reason, and so does `networks["discriminator"]`, a CheckpointError.
    """

    history: History
    networks: Networks

    @property
    def omitted(self) -> dict[str, str]:
        """Why a network that was saved is not among `networks`, by its name."""
        return self.networks.omitted

    @property
    def network(self) -> Module:
        """What makes examples: the model; or the generator, averaged if there is an average."""
        return next(self.networks[name] for name in BEST_FIRST if name in self.networks)


def place_of(name: str | Path) -> tuple[str, Path]:
    """What a name stands for: "model" or "checkpoint" and the file, "run" and the folder, or "shipped". A folder comes before a
    name. Raises what `load` raises for what is none of them."""
    path = Path(name)
    if path.suffix in ENDINGS and not path.is_dir():
        return "checkpoint" if path.suffix != ".safetensors" and is_checkpoint(path) else "model", path
    if path.is_file():
        raise CheckpointError(f"{path} is not a file of minigen, which ends in {' or '.join(ENDINGS)}: {ELSEWHERE}")
    for there in (Path(f"{name}{ending}") for ending in ENDINGS if not path.exists()):
        if there.is_file():
            raise FileNotFoundError(f"{path} does not exist: did you mean {there}?")
    if (path / CHECKPOINT).is_file() and not RunFolder(path).config_file.exists():
        return "checkpoint", path / CHECKPOINT
    return "run" if is_place(name) else "shipped", path


def is_place(name: str | Path) -> bool:
    """Whether a name is that of a folder or a file, rather than of a model that came with minigen."""
    return Path(name).exists() or Path(name).name != str(name)


def check_best(name: str | Path, best: bool) -> None:
    """Raise ValueError where the best checkpoint is asked for of what is no folder."""
    if best and not Path(name).is_dir():
        raise ValueError(f"best=True is for the folder of a run: {name} is none")


def best_of(path: Path) -> Path:
    """The best checkpoint of a run, beside its last one. CommandError if none was kept."""
    best = path.with_name(BEST)
    if not best.is_file():
        raise CommandError(f"{path.parent} has no {BEST}: training.Checkpoint(folder, best='validation loss') keeps one")
    return best


def load_file(path: Path, into: Module | None) -> Module:
    """The model of a file; or `into`, with its weights. See `load`."""
    header, state = saving.read(path)
    if into is None:
        return saving.build(header, state, str(path))
    saving.fill(into, state, str(path))
    return into.eval()


def is_checkpoint(path: Path) -> bool:
    """Whether an .npz is a run's checkpoint. Raises what `checkpoint.opened` raises."""
    with checkpoint.opened(path) as saved:
        return "history" in saved.header and "batches" in saved.header


def load_checkpoint(path: Path, into: Module | None) -> Any:
    """The networks and the history of a run's checkpoint; or `into`, with the weights of what makes examples."""
    with checkpoint.opened(path) as saved:
        best = best_part(saved, path)
        if into is not None:
            saving.fill(into, weights(saved, best), str(path))
            return into.eval()
        history = checked_history(saved, path)
        networks = Networks()
        for part in (each for each in (*BEST_FIRST, "discriminator") if each in saved):
            said = record_of(saved, part)
            if said.get("model") is None and part != best:
                networks.omitted[part] = said.get("reason") or "the file says nothing of its class"
            else:
                networks[part] = saving.build(said, weights(saved, part), f"{path}, {part}")
    return SavedRun(history, networks)


def best_part(saved: checkpoint.Saved, path: Path) -> str:
    """Which part of a checkpoint makes examples. CheckpointError for one without any."""
    for part in BEST_FIRST:
        if part in saved:
            return part
    raise CheckpointError(f"{path} has none of {', '.join(BEST_FIRST)}, only {', '.join(saved.layout)}")


def checked_history(saved: checkpoint.Saved, path: Path) -> History:
    """The history in a checkpoint. CheckpointError for what is none."""
    try:
        return History.checked(saved.header.get("history"))
    except StateError as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error


def record_of(saved: checkpoint.Saved, part: str) -> dict[str, Any]:
    """What a checkpoint says of a network."""
    models = saved.header.get("models")
    said = models.get("generator" if part == "average" else part) if isinstance(models, dict) else None
    return said if isinstance(said, dict) else {}


def weights(saved: checkpoint.Saved, part: str) -> dict[str, Any]:
    """The state of a network in a checkpoint."""
    return kept(saved[part], part)


def kept(state: Mapping[str, Any], part: str) -> dict[str, Any]:
    """What of a part of a checkpoint is its network's state: all, or a moving average's weights."""
    return {name.removeprefix(AVERAGE): array for name, array in state.items() if part != "average" or name.startswith(AVERAGE)}
