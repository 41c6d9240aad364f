"""Every demo with its training switched off: a criterion must fail, or it shows nothing.

All is as in a quick run, but no optimizer changes a parameter, except those that train evaluators. Sizes are small: a criterion
may fail for that reason too, so that this finds what passes on nothing, not whether bounds are tight.
"""

import contextvars
import runpy
import sys
from pathlib import Path

import pytest

from minigen import evaluators
from minigen.evaluators import classifiers
from minigen.gallery.demo import Criteria
from minigen.gallery.registry import names
from minigen.optim.optimizer import Optimizer

ROOT = Path(__file__).parents[1]
EVALUATING = contextvars.ContextVar("EVALUATING", default=False)
WITHOUT = {  # demos that train nothing with an optimizer, or nothing but an evaluator: why
    "20_oscillation": "its players are equations"
}


class Finished(Exception):
    """Ends a demo where its criteria are shown."""


@pytest.fixture
def training_off(monkeypatch):
    """Optimizers that change nothing, but for evaluators; and criteria that are judged, though the run is quick."""
    step, fit_evaluator = Optimizer.step, classifiers.fit_evaluator

    def switched_off(self):
        if EVALUATING.get():
            step(self)
        else:
            self.steps += 1  # schedules go on

    def evaluator(*args, **options):
        token = EVALUATING.set(True)
        try:
            fit_evaluator(*args, **options)
        finally:
            EVALUATING.reset(token)

    def finish(self):
        raise Finished(self.checks)

    monkeypatch.setattr(Optimizer, "step", switched_off)
    monkeypatch.setattr(classifiers, "fit_evaluator", evaluator)
    monkeypatch.setattr(Criteria, "finish", finish)


@pytest.mark.parametrize("name", [name for name in names() if name not in WITHOUT])
def test_a_demo_fails_if_nothing_is_trained(name, training_off, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name, "--quick", "--out", "out"])
    if name == "17_classifier":  # here the evaluator is the model
        monkeypatch.setattr(classifiers, "fit_evaluator", lambda *args, **options: None)
    with pytest.raises(Finished) as caught:
        runpy.run_path(str(ROOT / "demos" / f"{name}.py"), run_name="__main__")
    (checks,) = caught.value.args
    assert not all(check["pass"] for check in checks), [(check["name"], check["measured"]) for check in checks]


def test_the_switch_leaves_evaluators_alone(training_off, tmp_path):
    """Else every criterion by an evaluator would fail for the wrong reason."""
    from minigen import data

    train = data.load("glyphs", train_size=500, test_size=200)[0]
    evaluator = evaluators.feature_classifier(train, epochs=4, cache=tmp_path, progress=False)
    assert evaluator.accuracy(train.images, train.labels) > 0.5
