"""Optimizers on flat buffers, and learning-rate schedules."""

from minigen.optim import schedules
from minigen.optim.average import ExponentialMovingAverage
from minigen.optim.optimizers import SGD, Adam, Nadam, RMSprop

__all__ = ["SGD", "Adam", "ExponentialMovingAverage", "Nadam", "RMSprop", "schedules"]
