"""What an exercise is, and tools for its requirements.

A requirement is a function (file, rng) that returns a remark, or raises CheckFailed. `file` stands for the learner's, which runs
in another process (see grading/remote.py): it is called, and arrays come back. `rng` draws the arguments, because a submission
must not know in advance what it will be asked.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen.coursework.examples import Sample
from minigen.coursework.grading.calls import Call
from minigen.coursework.grading.remote import ALL_ELEMENTS, Array, Network, Remote, encoded, loss_of, numbers
from minigen.coursework.grading.report import CheckFailed, expect
from minigen.utils.checks import is_whole

if TYPE_CHECKING:
    from minigen.data import Dataset

SECONDS = 60.0  # that a check may take, unless an exercise allows more
COURSEWORK = Path(__file__).parents[1]
TARGETS = ("function", "op", "layer", "model")  # what may be asked for
Requirement = Callable[[Remote, np.random.Generator], str]


@dataclass(frozen=True)
class Asked:
    """A call to be checked: of the learner's op or function `name`, or of an object of the class `name` made with `settings`, a
    layer or a model. `variants`: tuples of inputs, samples, networks or other values. Raises ValueError or TypeError for what no
    submission could be asked."""

    name: str
    variants: list[tuple]
    kind: str = "function"
    options: dict[str, Any] = field(default_factory=dict)
    output: tuple[int, ...] | None = None
    settings: tuple | dict[str, Any] | None = None

    def __post_init__(self) -> None:
        what = f"Asked({self.name!r}, ...)"
        if self.kind not in TARGETS:
            raise ValueError(f"{what} has the kind {self.kind!r}: expected one of {', '.join(map(repr, TARGETS))}")
        if self.kind in ("layer", "model") and self.settings is None:
            raise ValueError(f"{what} is a {self.kind}, and has no settings to make one with: settings=(4, 3), or settings=()")
        if not (isinstance(self.variants, list) and self.variants and all(isinstance(each, tuple) for each in self.variants)):
            raise TypeError(f"{what} expects a list of tuples of inputs, such as [(normal(3, 4),)], got {self.variants!r}")
        for x in (x for variant in self.variants for x in variant):
            if isinstance(x, tuple) and all(isinstance(n, int) for n in x):
                raise TypeError(f"{what} has the input {x!r}: for an array of this shape write normal{x!r}")
        if len(counts := {len(each) for each in self.variants}) > 1:
            raise ValueError(f"{what} has variants of {min(counts)} and of {max(counts)} inputs: expected as many in each")

    def is_that(self, call: Call) -> bool:
        """Whether this is what a worker says it is, with inputs that are no easier."""
        networks = sum(isinstance(x, Network) for x in self.variants[0])
        data = self.kind == "model" or networks > 0
        return (
            [list(map(described, variant)) for variant in self.variants] == [list(map(described, each)) for each in call.variants]
            and {name: described(x) for name, x in self.options.items() if isinstance(x, Sample)}
            == {name: described(x) for name, x in call.options.items()}
            and self.output == call.output
            and (data or not call.data)
            and call.modules == networks + (call.kind in ("layer", "model"))
        )

    def as_dict(self) -> dict[str, Any]:
        """For a message."""
        options = {name: encoded(x) for name, x in self.options.items()}
        variants = list(map(encoded, self.variants))
        return {"name": self.name, "variants": variants, "options": options, "output": self.output, "settings": self.settings}


def described(x: Any) -> dict[str, Any] | None:
    """A sample, to be compared; None for anything else."""
    return vars(x) if isinstance(x, Sample) else None


@dataclass
class Exercise:
    """One exercise: the `names` that a file must define, how many `checks` a solution passes (0: unknown), the library's names of
    its own solution, which are `forbidden`, the `seconds` that the check may take, the `examples` that are gradient-checked, and
    requirements by name, in their order. `home`: the folder whose folder "starters" has its starter.

    `values`: requirement -> the name whose values it is about; `rests_on`: requirement -> a name whose values it needs. Values
    come first: while they are wrong, nothing else that is said of that name would help.
    """

    number: int
    title: str
    names: tuple[str, ...]
    checks: int = 0
    examples: list[Asked] = field(default_factory=list)
    forbidden: tuple[str, ...] = ()
    seconds: float = SECONDS
    requirements: dict[str, Requirement] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    rests_on: dict[str, str] = field(default_factory=dict)
    home: Path = COURSEWORK

    def __post_init__(self) -> None:
        for name in ("names", "forbidden"):
            if isinstance(text := getattr(self, name), str):
                raise TypeError(f'Exercise: {name} lists names, {name}=("{text}",) with a comma, got {text!r}')
        if not (is_whole(self.checks) and self.checks >= 0):
            raise ValueError(f"Exercise: checks is how many checks a solution passes, got {self.checks!r}")
        if not (isinstance(self.seconds, (int, float)) and self.seconds > 0):
            raise ValueError(f"Exercise: seconds is how long a check may take, above 0, got {self.seconds!r}")
        for each in self.examples:
            if not isinstance(each, Asked):
                raise TypeError(f"Exercise: examples lists calls, Asked(name, variants, kind), got {each!r}")
            self.expect_named(each.name, f"Asked({each.name!r}, ...)")

    def expect_named(self, name: str, what: str) -> None:
        """Raise ValueError, which says `what` asks for it, unless a file must define this name."""
        if name not in self.names:
            raise ValueError(f"{what} is not among the names of exercise {self.number}: {', '.join(self.names)}")

    @property
    def checker(self) -> str:
        """The name of the file that checks."""
        return f"exercise{self.number}.py"

    @property
    def starter(self) -> Path:
        """The file that is handed out."""
        return self.home / "starters" / self.checker

    def requirement(self, name: str, of: str = "", on: str = "") -> Callable[[Requirement], Requirement]:
        """Make a function a requirement, by the name under which it is reported. `of`: whose values it is about; `on`: whose
        values it rests on."""

        if name in self.requirements:
            raise ValueError(f"Exercise {self.number} has two requirements {name!r}: the name is how they are reported")
        for option, value in (("of", of), ("on", on)):
            if value:
                self.expect_named(value, f"{option}={value!r}")

        def add(function: Requirement) -> Requirement:
            try:
                inspect.signature(function).bind(None, None)
            except TypeError:
                takes = inspect.signature(function)
                raise TypeError(f"requirement {name!r} is a function (file, rng), got {function.__name__}{takes}") from None
            self.requirements[name] = function
            self.values |= {name: of} if of else {}
            self.rests_on |= {name: on} if on else {}
            return function

        return add


# -- what a requirement expects ----------------------------------------------------------------------------------


def expect_close(
    what: str, got: Any, expected: Any, *hints: str, rtol: float = 1e-5, counts: Mapping[int, str] = MappingProxyType({})
) -> None:
    """Raise CheckFailed unless a result is what it should be: shape and values. `counts`: over what a mean may have been taken in
    place of a sum, or a sum in place of a mean, by its number."""
    got, expected = numbers(what, got), np.asarray(expected)
    axes = [] if expected.shape else [ALL_ELEMENTS]
    expect(got.shape == expected.shape, f"{what}: expected shape {expected.shape}, got {got.shape}", *axes, *hints)
    if not np.allclose(got, expected, rtol=rtol, atol=rtol):
        worst = np.unravel_index(np.argmax(np.nan_to_num(np.abs(got - expected), nan=np.inf)), got.shape)
        at = f" at index {tuple(map(int, worst))}" if got.shape else ""
        told = relation(got, expected, counts)
        raise CheckFailed(f"{what}: expected {expected[worst]:.6g}{at}, got {got[worst]:.6g}", told, *hints)


def relation(got: Array, expected: Array, counts: Mapping[int, str]) -> str:
    """What a result is instead of the expected one: its root, its negative, or a mean in place of a sum; "" for anything else."""
    if not np.isfinite(got).all():
        return ""
    if (expected >= 0).all() and np.ptp(expected) + expected.max() > 1.5 and np.allclose(got, np.sqrt(expected)):
        return "that is the root of what is expected: np.linalg.norm, l2norm and ** 0.5 take one"
    if np.allclose(got, -expected):
        return "the sign is wrong"
    for n, over in counts.items():
        if np.allclose(got * n, expected):
            return f"that is 1/{n} of what is expected: a mean over {over}, where a sum is asked for"
        if np.allclose(got, expected * n):
            return f"that is {n} times what is expected: a sum over {over}, where a mean is asked for"
    return ""


def expect_images(what: str, got: Any, shape: tuple[int, ...]) -> Array:
    """The result, images in [0, 1]. Raises CheckFailed for anything else."""
    got = numbers(what, got)
    extent = f", from {got.min():.3g} to {got.max():.3g}" if got.size else ""
    expect(
        got.shape == shape and got.min() >= 0.0 and got.max() <= 1.0,
        f"{what} gave shape {got.shape}{extent}; expected images in [0, 1]",
    )
    return got


def pictures(characters: str, train_size: int, test_size: int, rng: np.random.Generator) -> "tuple[Dataset, Dataset]":
    """Glyphs at 14 x 14 pixels, each the mean of four, so that a network learns them in seconds: (train, test).

    Everyone trains on the same images, and is tested on unseen ones.
    """
    from minigen import data  # imported late: most checks do not need it and should start at once

    train, _ = data.load("glyphs", characters=characters, train_size=train_size, test_size=1)
    _, test = data.load("glyphs", characters=characters, train_size=1, test_size=test_size, seed=int(rng.integers(1, 2**31)))
    train, test = (replace(each, images=each.images.reshape(-1, 14, 2, 14, 2, 1).mean(axis=(2, 4))) for each in (train, test))
    return train, test


def expect_bound(model: Remote, train: "Dataset", test: "Dataset", samples: int) -> tuple[float, float, float, dict[str, float]]:
    """Check a trained variational autoencoder: its bound on held-out images must be better than that of independent pixels and
    not better than possible, and its samples must differ. Returns the bound in nats, its share of that of independent pixels, how
    far samples differ as a share of how far images do, and the terms of the loss."""
    total, terms = loss_of(model, test.images)
    p, gray = train.images.mean(axis=0, dtype=np.float64).clip(0.005, 0.995), test.images.astype(np.float64)
    independent, least = nats(gray, p), nats(gray, gray.clip(1e-12, 1 - 1e-12))  # a gray pixel is a Bernoulli variable
    expect(
        total <= 0.9 * independent,
        f"{total:.1f} nats on held-out images, expected at most 0.9 times the {independent:.1f} of a model of independent pixels",
    )
    expect(total >= least, f"{total:.1f} nats, which cannot be: the pixels' own entropy is {least:.1f}")
    made = expect_images(f"sample({samples})", model.sample(samples), (samples, *test.images.shape[1:]))
    various = made.std(axis=0).mean() / train.images.std(axis=0).mean()
    expect(
        various >= 0.5,
        f"samples differ {various:.2f} times as much as images do, expected at least 0.5",
        "does sample draw its codes from N(0, I), new ones for each image?",
    )
    return total, total / independent, various, terms


def nats(images: np.ndarray, p: np.ndarray) -> float:
    """-log p of an image, in nats, under a model with independent pixels that are white with probability p."""
    return float(-(images * np.log(p) + (1 - images) * np.log(1 - p)).sum(axis=(1, 2, 3)).mean())
