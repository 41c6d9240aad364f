"""Models that were trained for hours, ready for use: `minigen.load("stylegan-faces-64").sample(16)`.

NAME.json in this folder is a model's card: what it is, how it was trained, how good it is; NAME.npz its weights, in half
precision. `python -m minigen.pretrained RUN NAME` makes both from a run folder.
"""

from minigen.pretrained.cards import Card, card, is_name, names
from minigen.pretrained.weights import load, pack

__all__ = ["Card", "card", "is_name", "load", "names", "pack"]
