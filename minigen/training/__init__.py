"""Training loops and their callbacks; those for adversarial games are in `training.gans`."""

from typing import TYPE_CHECKING

from minigen.training.callbacks import Callback, Checkpoint, EarlyStopping
from minigen.training.evaluation import evaluate
from minigen.training.fitting import fit
from minigen.training.gans import Adversarial, FrechetMonitor, GanMonitor, Growth, Progressive, Restoration, SampleGrid, remedies
from minigen.training.history import History
from minigen.training.layerwise import fit_layerwise
from minigen.training.prediction import predict
from minigen.training.schedule import Schedule
from minigen.training.tensorboard import TensorBoard
from minigen.utils.near_misses import answering

__all__ = [
    "Adversarial",
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "FrechetMonitor",
    "GanMonitor",
    "Growth",
    "History",
    "Progressive",
    "Restoration",
    "SampleGrid",
    "Schedule",
    "TensorBoard",
    "evaluate",
    "fit",
    "fit_layerwise",
    "predict",
    "remedies",
]

if not TYPE_CHECKING:
    __getattr__ = answering(__name__, __all__)
