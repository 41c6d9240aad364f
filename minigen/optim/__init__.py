"""Optimizers on flat buffers, and learning-rate schedules."""

from typing import TYPE_CHECKING

from minigen import compiled
from minigen.optim import schedules
from minigen.optim.average import ExponentialMovingAverage
from minigen.optim.optimizers import SGD, Adam, Nadam, RMSprop
from minigen.utils.near_misses import answering

__all__ = ["SGD", "Adam", "ExponentialMovingAverage", "Nadam", "RMSprop", "schedules"]

compiled.install_updates(SGD, RMSprop, Adam)

if not TYPE_CHECKING:
    __getattr__ = answering(__name__, __all__)
