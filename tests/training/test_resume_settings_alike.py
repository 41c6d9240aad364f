"""What is made in the same way is never refused: its description depends on nothing but what was set, and it stays short."""

import collections
import datetime
import enum
import functools
import json
import os
import runpy
import subprocess
import sys
import types
from dataclasses import dataclass

import numpy as np
import pytest

import minigen as mg
from minigen import losses, nn
from minigen.models.gans import progan
from minigen.training import Checkpoint
from minigen.training.resume_settings import described, differences
from tests.training.gans.players import QUIET, cloud, game, small


class Thing:
    """An object whose repr says where it lies in memory."""

    def __init__(self, size=1):
        self.size = size


class Kind(enum.Flag):
    A = 1
    B = 2


@dataclass(frozen=True, slots=True)
class Slots:
    size: int = 1


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no repr")


def chain(n):
    """Things that hang on one another, n deep."""
    first = last = Thing()
    for _ in range(n):
        last.next = last = Thing()
    return first


MADE = {  # each called twice, by what was made before and after
    "objects in a set": lambda: {Thing(i) for i in range(9)},
    "functions in a set": lambda: {(lambda x: x), (lambda x: 2 * x), (lambda x: 3 * x)},
    "objects without a repr in a set": lambda: {Unprintable(), Unprintable()},
    "an object as a key": lambda: {Thing(): 1, Thing(2): 2},
    "a function as a key": lambda: {(lambda x: x): 1},
    "tuples as keys": lambda: {(0, "a"): 1, None: 2, mg.relu: 3},
    "an array of objects": lambda: np.array([Thing(), None, lambda x: x], object),
    "dates": lambda: [np.array(["2020-01-01"], "M8[D]"), np.datetime64("2020"), datetime.date(2020, 1, 1)],
    "a structured array": lambda: np.zeros(3, [("x", "f4"), ("y", "U3")]),
    "an array without bytes": lambda: [np.zeros((0, 3)), np.array("")],
    "a very large number": lambda: [10**6000, np.uint64(2**64 - 1)],
    "a very deep list": lambda: functools.reduce(lambda inner, _: [inner], range(3000), 1),
    "a very long chain": lambda: chain(3000),
    "not a number": lambda: {"a": float("nan"), "b": np.float32("nan"), "c": [float("nan")] * 20},
    "plain values of other kinds": lambda: [range(5), 1j, b"\xff", "\ud800", Kind.A | Kind.B, ..., Slots],
    "the environment": lambda: os.environ,
    "what a process holds": lambda: [sys.stdout, collections.deque([1]), types, np.random.default_rng(), iter([])],
    "a slot": lambda: Slots(3),
}


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_twice_is_described_alike(name):
    first, second = (described("x", Thing(MADE[name]())) for _ in range(2))
    assert not differences(json.loads(json.dumps(first)), second, set())
    assert len(json.dumps(first)) < 20_000 and "0x7" not in json.dumps(first)


def test_nothing_of_the_environment_is_written_down():
    assert described("x", os.environ) == {"x": "_Environ"}


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda x: x.things.add(Thing(3)), "x.things.2 was None, is 'Thing'"),
        (lambda x: vars(next(iter(x.keys))).update(size=5), "x.keys.key 0.size was 1, is 5"),
        (lambda x: vars(x).update(stages=range(6)), r"x.stages was 'range(0, 5)', is 'range(0, 6)'"),
        (lambda x: x.hide(2), "x._Hiding__size was 1, is 2"),
        (lambda x: x.numbers.__setitem__(-1, 7), "x.numbers was '2,000 list "),
        (lambda x: x.pairs[-1].__setitem__(1, 7), "x.pairs was '1,100 list "),
        (lambda x: x.words.update({"1999": 7}), "x.words was '2,000 dict "),
        (lambda x: vars(x).update(text=x.text[:-1] + "y"), "x.text was 'aaaaaaaa... 10,000 str "),
        (lambda x: vars(x).update(huge=10**5000 + 1), "x.huge was '0x"),
    ],
)
def test_what_has_changed_is_seen_all_the_same(change, message):
    first, second = Hiding(), Hiding()
    change(second)
    saved = described("x", first)
    assert len(json.dumps(saved)) < 10_000
    assert "; ".join(differences(saved, described("x", second), set())).startswith(message)


class Hiding:
    """Something long of each kind, and something in a slot of its own."""

    __slots__ = ("__dict__", "__size")

    def __init__(self):
        self.things, self.keys, self.stages = {Thing(), Thing(2)}, {Thing(): 1}, range(5)
        self.numbers, self.pairs = list(range(2000)), [[i, i] for i in range(1100)]
        self.words, self.text, self.huge = {str(i): i for i in range(2000)}, "a" * 10_000, 10**5000
        self.hide(1)

    def hide(self, size):
        self.__size = size


def test_a_function_of_a_cell_that_was_run_again():
    """The model holds the function of before, of which the module knows no more."""
    cell = "def double(x):\n    return 2 * x\ntriple = lambda x: 3 * x\n"
    models = []
    for start in ("", "\n\n"):
        names = {"__name__": "__main__"}
        exec(compile(start + cell, f"<cell {len(models)}>", "exec"), names)
        models.append([names["double"], names["triple"]])
    assert described("x", models[0]) == described("x", models[1])
    assert described("x", models[0])["x.0"] == "double"


SCRIPT = """
import json, sys
import numpy as np
import minigen as mg
from minigen import nn
from minigen.training.resume_settings import described

def twice(x):
    return 2 * x

class Own(nn.Module):
    names = {"encoder", "decoder", "mean", "logvar", "prior"}

    def __init__(self):
        self.layers, self.function, self.kinds = [nn.Dense(2, 2, "relu")], twice, frozenset("abcdefgh")
        self.known = lambda x: x in {"a", "b", "c"} and self.names
        self.objects = {lambda: 1, lambda: 2, Other(), np.tanh, mg.relu, None, (1, "a")}

class Other:
    pass

print(json.dumps(described("model", Own())))
"""


def test_another_process_another_file_and_a_script_that_is_imported(tmp_path, capsys):
    (tmp_path / "train.py").write_text(SCRIPT)
    runpy.run_path(str(tmp_path / "train.py"), run_name="__main__")
    (tmp_path / "other.py").write_text("\n" * 9 + SCRIPT)
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    other = subprocess.run([sys.executable, "-c", "import other"], env=environment, capture_output=True, check=True).stdout
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(other) and found["model.layers.0.activation"] == "relu"


# -- what a class says is none -------------------------------------------------------------------------------------


class Stamped:
    """Something with settings that are others each time."""

    def __init__(self, stamp):
        self.stamp, self.notes, self.size = stamp, {"at": stamp, "of": [stamp] * 20}, 1


class Forgiving(Stamped):
    remembered = ("stamp", "notes")


class One(Stamped):
    remembered = "stamp"


def as_stamped(found):
    return {**found, "x": "Stamped"}


def test_what_is_named_as_remembered_is_not_a_setting():
    """Also of a run that was saved before it was named."""
    assert not differences(described("x", Forgiving(1)), described("x", Forgiving(2)), set())
    assert not differences(described("x", Stamped(1)), as_stamped(described("x", Forgiving(2))), set())
    found = differences(described("x", One(1)), described("x", One(2)), set())
    assert found[0] == "x.notes.at was 1, is 2" and not any("stamp" in each for each in found)


def test_what_minigen_remembers_is_so_in_subclasses():
    class Own(progan.Generator):
        remembered = ("stamp",)

    model = Own(8, 4, [4, 4])
    model.sample(1)
    before = described("x", model)
    model.grow_to(4)
    model.stamp = 3
    assert not differences(before, described("x", model), {"x.growth"})


# -- games ---------------------------------------------------------------------------------------------------------


class Printed(nn.Module):
    """A layer that says in its summary where it lies in memory."""

    def __init__(self):
        self.function = lambda x: x

    def forward(self, x):
        return x

    def describe(self):
        return repr(self.function)


class Own(losses.NonSaturating):
    def __init__(self):
        self.thing, self.function = Thing(), lambda x: x

    __repr__ = object.__repr__


def test_a_game_whose_reprs_are_others_each_time(tmp_path):
    def trainer():
        generator, discriminator = small()
        discriminator.body = nn.Sequential(Printed(), discriminator.body)
        return game((generator, discriminator), loss=Own())

    trainer().fit(cloud(), steps=2, callbacks=[Checkpoint(tmp_path)], **QUIET)
    trainer().fit(cloud(), steps=4, resume=tmp_path, **QUIET)
