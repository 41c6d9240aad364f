"""Models that were trained before, opened by `minigen.load`: those that come with minigen, for each of `names()`
`minigen.load(NAME).sample(16)`; files of `model.save`; folders of runs. `minigen.card` says what is known of each.

NAME.json in this folder is a model's card: what it is, how it was trained, how good it is; NAME.npz its weights, in half
precision. `python -m minigen.pretrained RUN NAME` makes both from a run folder.
"""

from minigen.pretrained.cards import Card, ShippedCard, names, shipped
from minigen.pretrained.check import check_figures
from minigen.pretrained.describing import card
from minigen.pretrained.files import SavedRun
from minigen.pretrained.weights import Opened, load, opened, pack

__all__ = ["Card", "Opened", "SavedRun", "ShippedCard", "card", "check_figures", "load", "names", "opened", "pack", "shipped"]
