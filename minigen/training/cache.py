"""A cache of trained models, so that they need not be trained again."""

import sys
from collections.abc import Callable
from pathlib import Path

from minigen.errors import CheckpointError, StateError
from minigen.nn import Module
from minigen.training import checkpoint
from minigen.utils.files import keeping
from minigen.utils.reading import shortened


def train_or_load(model: Module, path: Path | None, made_of: str, train: Callable[[], None]) -> None:
    """Load the weights of a model from a file, or else train it and save them there; then switch it to evaluation mode.

    made_of: a description of its data and training. A file that is damaged, has another description, or other weights than were
    trained is reported on stderr and replaced. If the file cannot be written, that is reported too, and the model is used anyway.
    """
    if not load_weights(path, model, made_of):
        train()
        save_weights(path, model, made_of)
    model.eval()


def save_weights(path: Path | None, model: Module, made_of: str) -> None:
    """Write a trained model to a file, if possible, for `load_weights`."""
    if path:
        with keeping():
            checkpoint.save(path, {"model": model.state_dict()}, {"made of": made_of, "fingerprint": model.fingerprint()})


def load_weights(path: Path | None, model: Module, made_of: str) -> bool:
    """Load the weights of a model that was trained before; False if there is no valid file.

    An existing file that is damaged, of another version, or of another model is reported in a line on stderr.
    """
    if path is None:
        return False
    before = model.state_dict()
    try:
        with checkpoint.opened(path) as saved:
            if saved.header.get("made of") != made_of:
                raise CheckpointError(f"{path} was made of {shortened(saved.header.get('made of'))}, not of {made_of}")
            model.load_state_dict(saved.fitting("model", model))
            if saved.header.get("fingerprint") != model.fingerprint():
                model.load_state_dict(before)
                raise CheckpointError(f"{path} holds other weights than those that were trained")
    except FileNotFoundError:
        return False
    except (CheckpointError, StateError) as error:
        named = "" if str(path) in str(error) else f"{path}: "
        print(f"minigen: {named}{error}; it is trained again", file=sys.stderr)
        return False
    return True
