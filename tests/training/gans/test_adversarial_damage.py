"""Damaged checkpoints of a game, sealed as if they were right: each is refused with part and array, and nothing has changed."""

import numpy as np
import pytest

import minigen as mg
from minigen import nn
from minigen.errors import CheckpointError
from minigen.training import Checkpoint, GanMonitor, SampleGrid, checkpoint
from minigen.training.gans.remedies import ExperienceReplay
from tests.training.gans.players import (
    QUIET,
    PictureGenerator,
    cloud,
    conditioned,
    everything,
    game,
    labels,
    picture_discriminator,
    pixels,
)
from tests.training.networks import assert_same


class NormedPictures(PictureGenerator):
    """3 -> 2 x 2 images, with BatchNorm."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Dense(3, 4), nn.BatchNorm(4), nn.Tanh(), nn.Reshape((2, 2, 1)))


def played(folder, seed=1, networks=lambda: (NormedPictures(), picture_discriminator()), data=pixels, steps=4):
    """A trainer of some steps, with something of everything to remember, and its callbacks."""
    run = game(networks, seed, ema=0.9, remedies=[ExperienceReplay(6)])
    watchers = [SampleGrid(folder / "samples", every=2, n=3), GanMonitor(samples=4)] if data is pixels else []
    run.fit(data(), steps=steps, record_every=2, callbacks=[*watchers, Checkpoint(folder)], **QUIET)
    return run, watchers


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    mg.use("numpy")
    folder = tmp_path_factory.mktemp("game")
    played(folder)
    return checkpoint.load(folder / "checkpoint.npz")


@pytest.fixture
def refused(tmp_path):
    """A check that arrays and header are refused by a run that has played, and that it stays as it was."""
    run, watchers = played(tmp_path / "other", seed=2)
    before = everything(run)

    def check(arrays, header, *words):
        checkpoint.save(tmp_path / "spoiled.npz", arrays, header)
        with pytest.raises(CheckpointError) as caught:
            run.fit(pixels(), steps=8, record_every=2, callbacks=watchers, resume=tmp_path / "spoiled.npz", **QUIET)
            pytest.fail(f"accepted: {words}")
        for word in (str(tmp_path / "spoiled.npz"), *words):
            assert word in str(caught.value)
        assert_same(everything(run), before)

    return check


def test_the_good_one_is_accepted(good, tmp_path):
    checkpoint.save(tmp_path / "checkpoint.npz", *good)
    run, watchers = played(tmp_path / "other", seed=2)
    run.fit(pixels(), steps=8, record_every=2, callbacks=watchers, resume=tmp_path, **QUIET)
    assert run.step == 8


SPOILED = {
    "generator/net.1.running_var": (-1, "negative values"),
    "average/average.net.1.running_var": (-1, "negative values"),
    "average/average.net.0.weight": (np.float64, "float64[3, 4], expected float32[3, 4]"),
    "discriminator optimizer/second_moment": (-1, "negative"),
    "remedy 0/stored 0": (np.float64, "is of float64[2, 2, 1], the generator makes float32[2, 2, 1]"),
    "callback SampleGrid 1/samples 1": (-1, "not pixels"),
    "callback SampleGrid 1/samples 0": (np.nan, "not pixels"),
    "callback SampleGrid 1/steps": (-(2**63), "increasing"),
    "callback GanMonitor 1/diversity": (-1, "impossible"),
}


@pytest.mark.parametrize("where", SPOILED)
def test_an_array_with_wrong_values_is_refused(where, good, refused):
    """The last number is another, or all have another dtype."""
    wrong, words = SPOILED[where]
    arrays, header = good
    part, _, name = where.partition("/")
    array = arrays[part][name].astype(wrong if isinstance(wrong, type) else arrays[part][name].dtype)
    if not isinstance(wrong, type):
        array.reshape(-1)[-1] = wrong
    label = {"callback": part.split()[-2], "remedy": "ExperienceReplay"}.get(part.split()[0], part) if " " in part else part
    refused({**arrays, part: {**arrays[part], name: array}}, header, label, name.removeprefix("average."), words)


@pytest.mark.parametrize("shape", [(3, 1, 1), (2, 2, 3), (4, 4, 1), (2, 0, 1)])
def test_samples_that_no_smaller_generator_made_are_refused(shape, good, refused):
    arrays, header = good
    grid = {**arrays["callback SampleGrid 1"], "samples 0": np.zeros((3, *shape), np.float32)}
    refused({**arrays, "callback SampleGrid 1": grid}, header, "SampleGrid: samples 0 is float32[3")


def test_a_part_that_does_not_fit_is_named(good, refused):
    """The average has the generator's arrays, under the same names."""
    arrays, header = good
    average = {**arrays["average"], "average.net.0.bias": np.zeros(9, np.float32)}
    refused(
        {**arrays, "average": average},
        header,
        "average: this state does not fit ExponentialMovingAverage: average.net.0.bias is float32[9]",
    )


@pytest.mark.parametrize("name, wrong", [("step", 10**30), ("settings", 3), ("settings", [])])
def test_a_header_with_a_wrong_value_is_refused(name, wrong, good, refused):
    arrays, header = good
    refused(arrays, {**header, name: wrong}, f"fit this run: {name} is ")


def test_replayed_labels_that_are_not_classes_are_refused(tmp_path):
    def data():
        return cloud(), labels()

    played(tmp_path, networks=conditioned, data=data)
    arrays, header = checkpoint.load(tmp_path / "checkpoint.npz")
    arrays["remedy 0"]["stored 1"][-1] = 3
    checkpoint.save(tmp_path / "checkpoint.npz", arrays, header)
    run = game(conditioned, 1, ema=0.9, remedies=[ExperienceReplay(6)])
    with pytest.raises(CheckpointError, match=r"ExperienceReplay\(.*\): stored are labels that are none of 3 classes"):
        run.fit(data(), steps=8, record_every=2, resume=tmp_path, **QUIET)
    assert run.step == 0 and not run.remedies[0].buffer
