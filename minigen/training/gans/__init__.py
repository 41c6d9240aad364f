"""The adversarial game: its trainers, remedies and callbacks."""

from minigen.training.gans import remedies
from minigen.training.gans.adversarial import Adversarial
from minigen.training.gans.frechet_monitor import FrechetMonitor
from minigen.training.gans.monitor import GanMonitor
from minigen.training.gans.progressive import Growth, Progressive
from minigen.training.gans.restoration import Restoration
from minigen.training.gans.sample_grid import SampleGrid

__all__ = ["Adversarial", "FrechetMonitor", "GanMonitor", "Growth", "Progressive", "Restoration", "SampleGrid", "remedies"]
