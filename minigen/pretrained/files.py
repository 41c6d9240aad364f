"""What training leaves, opened again: files of models, and the folders of `training.Checkpoint`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigen.errors import CheckpointError, StateError
from minigen.models import attribute_classifier, classifier  # noqa: F401  a class is known to files once it is imported
from minigen.models.applications import context_encoder, style_transfer, super_resolution  # noqa: F401
from minigen.nn import Module, saving
from minigen.training import History, checkpoint

BEST_FIRST = ("average", "generator", "model")  # parts of a checkpoint: which of them makes examples
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


def load_file(path: Path, into: Module | None) -> Any:
    """The model of a file, or a run's checkpoint. See `load`."""
    if path.suffix != ".safetensors" and is_checkpoint(path):
        return load_checkpoint(path, into)
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
        parts = [part for part in BEST_FIRST if part in saved]
        if not parts:
            raise CheckpointError(f"{path} has none of {', '.join(BEST_FIRST)}, only {', '.join(saved.layout)}")
        if into is not None:
            saving.fill(into, weights(saved, parts[0]), str(path))
            return into.eval()
        try:
            history = History.checked(saved.header.get("history"))
        except StateError as error:
            raise CheckpointError(f"{path} is damaged: {error}") from error
        networks = Networks()
        for part in (each for each in (*BEST_FIRST, "discriminator") if each in saved):
            said = record_of(saved, part)
            if said.get("model") is None and part != parts[0]:
                networks.omitted[part] = said.get("reason") or "the file says nothing of its class"
            else:
                networks[part] = saving.build(said, weights(saved, part), f"{path}, {part}")
    return SavedRun(history, networks)


def record_of(saved: checkpoint.Saved, part: str) -> dict[str, Any]:
    """What a checkpoint says of a network."""
    models = saved.header.get("models")
    said = models.get("generator" if part == "average" else part) if isinstance(models, dict) else None
    return said if isinstance(said, dict) else {}


def weights(saved: checkpoint.Saved, part: str) -> dict[str, Any]:
    """The state of a network in a checkpoint."""
    state = saved[part]
    return {name.removeprefix(AVERAGE): array for name, array in state.items() if part != "average" or name.startswith(AVERAGE)}


def about(path: str | Path) -> dict[str, Any]:
    """What a file of a model says of it: "class" and "settings", "minigen", the version that wrote it, the number of "values" in
    its state, "weights", their SHA-256, and its notes. Raises what `load` raises for a file that is damaged."""
    header, state = saving.read(Path(path))
    model = header["model"] or {"class": None, "settings": None}
    if not isinstance(model, dict):
        raise CheckpointError(f"{path} has a damaged header: 'model' is {type(model).__name__}")
    return {
        **header["notes"],  # they may not stand in for what follows
        "class": model.get("class"),
        "settings": model.get("settings"),
        "minigen": header["minigen"],
        "values": sum(array.size for array in state.values()),
        "weights": header["weights"],
    }
