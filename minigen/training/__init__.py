"""Training loops, and what can be hung into them."""

from minigen.training import remedies
from minigen.training.adversarial import Adversarial
from minigen.training.callbacks import Callback, Checkpoint, EarlyStopping
from minigen.training.features import feature_classifier
from minigen.training.greedy import fit_greedily
from minigen.training.history import History
from minigen.training.reconstruction import fit

__all__ = [
    "Adversarial", "Callback", "Checkpoint", "EarlyStopping", "History", "feature_classifier", "fit", "fit_greedily", "remedies",
]
