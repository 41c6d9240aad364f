"""Training loops, and what can be hung into them."""

from minigen.training import remedies
from minigen.training.adversarial import Adversarial
from minigen.training.attributes import attribute_classifier
from minigen.training.callbacks import Callback, Checkpoint, EarlyStopping
from minigen.training.features import feature_classifier, train_on_fake
from minigen.training.greedy import fit_greedily
from minigen.training.health import Health
from minigen.training.history import History
from minigen.training.progressive import Growth, Progressive
from minigen.training.reconstruction import fit
from minigen.training.restoration import Restoration
from minigen.training.sample_grid import SampleGrid

__all__ = [
    "Adversarial",
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "Growth",
    "Health",
    "History",
    "Progressive",
    "Restoration",
    "SampleGrid",
    "attribute_classifier",
    "feature_classifier",
    "fit",
    "fit_greedily",
    "remedies",
    "train_on_fake",
]
