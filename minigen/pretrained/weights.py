"""The weights of trained models, in half precision: 11 bits a number, of which no eye sees the rounding."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minigen.errors import CheckpointError, CommandError, StateError
from minigen.nn import Module
from minigen.nn.saving import fill
from minigen.pretrained.cards import ShippedCard, shipped, weights_of
from minigen.pretrained.files import CHECKPOINT, best_of, check_best, is_place, load_checkpoint, load_file, place_of
from minigen.recipes import TrainedModel
from minigen.recipes.config import Config
from minigen.recipes.run_folder import RunFolder
from minigen.training import History, checkpoint
from minigen.utils.reading import shortened

LARGEST = 3 << 20  # bytes of a file of weights


class Opened(NamedTuple):
    """A trained model, with what it was trained on, by its name or its run folder."""

    name: str
    folder: Path | None  # None for one that came with minigen
    config: Config
    trained: TrainedModel

    def out(self, name: str) -> Path:
        """Where a file goes that is made with it: into the run folder, or else into this one, with the model's name before."""
        return Path(f"{self.name}-{name}") if self.folder is None else self.folder / name


def load(name: str | Path, *, into: Module | None = None, best: bool = False) -> Any:
    """What was trained before, opened, in evaluation mode. name: one of

    - a file that `model.save` wrote: the model itself, made again by its class, its settings and its weights
    - a folder of `training.Checkpoint`, or the checkpoint in it: a `SavedRun` with `network` and `history`
    - a folder that `minigen train` made, or a name that `minigen models` lists: a `TrainedModel`, which can also `sample` and
      `interpolate`; of a GAN the averaged generator. Its network is `network`, that of a folder has a `history`

    into: a model of yours that gets the weights of this network, and is returned: for classes of your own, whose code is in no
    file. Classes are only ever looked up among minigen's own, settings are JSON, and no pickle is opened: files of strangers can
    disappoint you, but run nothing.

    best: of a folder, the checkpoint that was best in place of the last one, as `training.Checkpoint(folder, best="validation
    loss")` and `minigen train` keep it. The history then ends with it.

    RecipeError, with the nearest names, for an unknown name; FileNotFoundError for a file that does not exist; CheckpointError
    for one that is damaged, of another version, or does not fit, and for weights of a class that minigen does not have;
    CommandError for a folder that is no run, or has no checkpoint yet, or no best one; ValueError for the best of what is no
    folder.
    """
    if into is not None and not isinstance(into, Module):
        raise TypeError(f"into is a model, such as MyNetwork(), got {shortened(into)}")
    check_best(name, best)
    kind, path = place_of(name)
    if kind == "model":
        return load_file(path, into)
    if kind == "run" and into is not None and (path / CHECKPOINT).is_file():
        kind, path = "checkpoint", path / CHECKPOINT
    if kind == "checkpoint":
        path = best_of(path) if best else path
        return load_checkpoint(path, into)
    trained = opened(name, best).trained
    if into is None:
        return trained
    fill(into, trained.network.state_dict(), str(name))
    return into.eval()


def opened(name: str | Path, best: bool = False) -> Opened:
    """A run folder, or a model that came with minigen, with what else is known."""
    if is_place(name):
        return opened_run(RunFolder.opened(name), best)
    if best:
        raise CommandError(f"{name} came trained, with one checkpoint: only run folders also keep their best one")
    described = shipped(str(name))
    check_hash(described)
    trained = described.config.recipe.build(described.config.input_spec)
    with checkpoint.opened(described.weights) as saved:
        state = {path: array.astype(np.float32) for path, array in saved["network"].items()}
    try:
        trained.network.load_state_dict(state)
    except StateError as error:
        raise CheckpointError(f"{described.weights} is of another version of its network: {error}") from error
    trained.network.eval()
    return Opened(described.name, None, described.config, trained)


def opened_run(folder: RunFolder, best: bool) -> Opened:
    """The model of a run folder, as of its last checkpoint, or of its best one."""
    config = folder.config()
    path = folder.best_of(config) if best else folder.trained(config)
    with folder.bounded():
        trained = config.recipe.build(config.input_spec)
    with checkpoint.opened(path) as saved:
        try:
            trained.restore(saved)
            trained.history = History.checked(saved.header.get("history"))
        except StateError as error:
            raise CommandError(f"{path} is not of the model in {folder.config_file}: {error}") from error
    return Opened(folder.path.name, folder.path, config, trained)


def check_hash(described: ShippedCard) -> None:
    """Raise CheckpointError unless the file of weights is the one that the card describes."""
    path = described.weights
    if not path.is_file():
        raise CheckpointError(f"{path} is missing: install minigen again")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != described.sha256:
        raise CheckpointError(
            f"{path} is damaged: its SHA-256 is {found[:12]}..., the card says {described.sha256[:12]}...: install minigen again"
        )


def pack(trained: TrainedModel, config: Config, name: str, **facts: object) -> ShippedCard:
    """Write the weights of a trained model, and its card with these facts. ValueError for a network that is too large."""
    state = {path: array.astype(np.float16) for path, array in trained.network.state_dict().items()}
    size = sum(array.nbytes for array in state.values())
    if size > LARGEST:
        raise ValueError(f"the weights of {name} have {size:,} bytes in half precision: at most {LARGEST:,} are shipped")
    path = weights_of(name)
    checkpoint.save(path, {"network": state}, {"name": name})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    described = ShippedCard(name=name, config=config, parameters=trained.network.parameter_count(), sha256=digest, **facts)  # type: ignore[arg-type]
    described.save()
    return described
