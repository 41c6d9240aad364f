"""Optimizers on flat buffers, and learning-rate schedules."""

from minigen.optim import schedules
from minigen.optim.optimizers import SGD, Adam, Nadam, RMSprop

__all__ = ["SGD", "Adam", "Nadam", "RMSprop", "schedules"]
