"""What came with minigen: each file of weights gives the figures of its card, and one with other weights does not."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

import minigen
from minigen import pretrained
from minigen.errors import DataError
from minigen.gallery.standards import SHIPPED
from minigen.gallery.standards import verdicts as verdicts_of
from minigen.pretrained import cards
from minigen.recipes import find
from minigen.recipes.config import Config
from minigen.training import checkpoint

FACTS = {"about": "for tests", "command": "none", "images_seen": 0, "hours": "none", "license": "none needed", "metrics": {}}


def check(name):
    """Recompute the figures of a card. Other machines round otherwise: then an image in a thousand may be near another no more."""
    found, expected = pretrained.check_figures(name), pretrained.shipped(name).check
    assert found["Fréchet distance"] == pytest.approx(expected["Fréchet distance"], rel=1e-3)
    for share in ("precision", "recall"):
        assert found[share] == pytest.approx(expected[share], abs=4e-3)


@pytest.mark.parametrize("name", pretrained.names())
def test_shipped_weights_give_the_figures_of_their_card(name):
    try:
        check(name)
    except DataError as error:
        pytest.skip(f"its data are not here: {error}")


MISSED = {  # what was asked for and is not reached: said in docs/results.md
    "progan-faces-32": {"distance in floors"},
    "stylegan-faces-32": {"distance in floors", "recall"},
    "stylegan-faces-64": {"distance in floors", "precision", "recall"},
}


@pytest.mark.parametrize("name", [name for name in pretrained.names() if name in SHIPPED])
def test_a_card_says_what_is_reached(name):
    verdicts = verdicts_of(name)
    assert len(verdicts) >= 6
    assert {what for what, _, _, met in verdicts if not met} == MISSED.get(name, set())


def test_worse_figures_are_not_enough(monkeypatch):
    """Each figure, a little beyond its bound, is missed by its own name."""
    card = pretrained.shipped("progan-faces-32")
    floor, worst = "real images held out: ", {"distance in floors": 9.0, "precision": 0.8, "recall": 0.7, "newness": 0.6}
    worst |= {"copies": 0.02, "1-NN accuracy": 0.66, "SWD x 1000, 8 pixels": 2.1 * card.metrics[f"{floor}SWD x 1000, 8 pixels"]}
    for what, value in worst.items():
        spoiled = replace(card, metrics=card.metrics | {f"samples: {what}": value})
        monkeypatch.setattr(pretrained, "shipped", lambda name, spoiled=spoiled: spoiled)
        missed = {each.partition(",")[0] for each, _, _, met in verdicts_of("progan-faces-32") if not met}
        assert missed == {"distance in floors", what.partition(" x")[0]}


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """Packs a model as it is initialized, as `python -m minigen.pretrained` does; returns its name."""
    monkeypatch.setattr(cards, "FOLDER", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def pack(model, data, resolution, name):
        classes = ["woman", "man"] if data == "faces" else list("0123456789")
        recipe = find(model)
        config = Config("0.2.0", model, data, None, resolution, 2000, classes, 0, "numpy", recipe.settings | {"steps": 10})
        card = pretrained.pack(config.recipe.build(config.input_spec), config, name, **FACTS)
        replace(card, check=pretrained.check_figures(name)).save()
        return name

    return pack


@pytest.mark.parametrize(
    ("model", "data", "resolution"), [("gan", "glyphs", 32), ("progan", "faces", 32), ("progan", "faces", 64)]
)
def test_other_weights_do_not_give_the_figures(model, data, resolution, packed):
    """Not even if the hash on the card is theirs."""
    name = packed(model, data, resolution, f"{model}-{data}-{resolution}")
    check(name)
    path = cards.weights_of(name)
    with checkpoint.opened(path) as saved:
        state = dict(saved["network"].items())
    last = [each for each in state if each.endswith("weight")][-1]
    checkpoint.save(path, {"network": state | {last: (1.5 * state[last]).astype(np.float16)}}, {"name": name})
    card = path.with_suffix(".json")
    card.write_text(json.dumps(json.loads(card.read_text()) | {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}))
    with pytest.raises(AssertionError):
        check(name)


def test_the_seed_of_the_caller_goes_on(packed):
    name = packed("gan", "glyphs", 32, "gan-glyphs-28")
    minigen.seed(5)
    first = minigen.load(name).sample(1)
    minigen.seed(5)
    pretrained.check_figures(name)
    np.testing.assert_array_equal(minigen.load(name).sample(1), first)
