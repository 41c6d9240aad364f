"""Trained models that are kept in files, so that they need not be trained again."""

import sys
from collections.abc import Callable
from pathlib import Path

from minigen.errors import CheckpointError, StateError
from minigen.nn import Module
from minigen.training import checkpoint
from minigen.utils.files import keeping
from minigen.utils.reading import shortened


def train_or_load(model: Module, path: Path | None, made_of: str, train: Callable[[], None]) -> None:
    """Read the weights of a model from a file, or else train it, and keep them there; then evaluation mode.

    made_of: what it has learned, and how. A file that is damaged, or was made of something else, or whose weights are not those
    that were trained, is reported on stderr, and replaced. Where none can be written, that is said, and the model serves
    nevertheless.
    """
    if not load_weights(path, "model", model, made_of):
        train()
        save_weights(path, "model", model, made_of)
    model.eval()


def save_weights(path: Path | None, part: str, model: Module, made_of: str) -> None:
    """Write a trained model to a file, if that can be done, for `load_weights`."""
    if path:
        with keeping():
            checkpoint.save(path, {part: model.state_dict()}, {"made of": made_of, "fingerprint": model.fingerprint()})


def load_weights(path: Path | None, part: str, model: Module, made_of: str) -> bool:
    """Read the weights of a model that was trained before; False if there is no file that can be trusted.

    Of a file that is there, and is damaged, of another version, or not of this model, a line on stderr says so.
    """
    if path is None:
        return False
    before = model.state_dict()
    try:
        with checkpoint.opened(path) as saved:
            if saved.header.get("made of") != made_of:
                raise CheckpointError(f"{path} was made of {shortened(saved.header.get('made of'))}, not of {made_of}")
            model.load_state_dict(saved.fitting(part, model))
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
