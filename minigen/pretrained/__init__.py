"""Models that come trained, ready for use: `minigen.load(NAME).sample(16)`, for each of `names()`.

NAME.json in this folder is a model's card: what it is, how it was trained, how good it is; NAME.npz its weights, in half
precision. `python -m minigen.pretrained RUN NAME` makes both from a run folder.
"""

from minigen.pretrained.cards import Card, card, names
from minigen.pretrained.check import check_figures
from minigen.pretrained.weights import Opened, load, opened, pack

__all__ = ["Card", "Opened", "card", "check_figures", "load", "names", "opened", "pack"]
