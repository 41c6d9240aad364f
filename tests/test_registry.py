"""Everything in minigen that computes with Tensors is gradient-checked to order 2, exported or not: the suite is asked what its
checks run, and the packages are asked what there is. New things that nothing checks fail here, by name."""

import importlib
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigen
from minigen.errors import GradcheckError
from tests.inventory import Checked, functions, leaving, ops, unchecked, unnamed
from tests.samples import SAMPLES

TESTS = Path(__file__).parent
CHECK = re.compile(r"\bgradcheck(_module)?\(")
ELSEWHERE = {
    "autograd",
    "coursework",
    "docs",
    "tests",
    "test_gradient_check",
}  # whose gradient checks are of the tests' own functions

# What no gradient check to order 2 runs, or by which input none differentiates, and why.
CONSTANT = {
    "minigen.losses.penalties.WeightClipping": "it changes weights after a step, and is no term of a loss",
    "minigen.models.applications.style_transfer.StyleTransfer.transfer": "forward, outside any graph",
    "minigen.models.attribute_classifier.AttributeClassifier.loss(factors)": "the measured factors, which nobody makes",
    "minigen.models.autoencoders.base.ImageAutoencoder.reconstruct": "for pictures, outside any graph",
    "minigen.models.autoencoders.conditional.ConditionalVariationalAutoencoder.pixels": "for pictures, outside any graph",
    "minigen.models.autoencoders.conditional.ConditionalVariationalAutoencoder.reconstruct": "for pictures, outside any graph",
    "minigen.models.autoencoders.conditional.ConditionalVariationalAutoencoder.sample": "for pictures, outside any graph",
    "minigen.models.autoencoders.variational.VariationalAutoencoder.pixels": "for pictures, outside any graph",
    "minigen.models.autoencoders.variational.VariationalAutoencoder.reconstruct": "for pictures, outside any graph",
    "minigen.models.autoencoders.variational.VariationalAutoencoder.sample": "for pictures, outside any graph",
    "minigen.training.gans.drawing.Drawing.dtype": "the kind of its numbers",
    "minigen.training.gans.drawing.Drawing.latent": "noise",
    "minigen.nn.batching.guarded": "a result without a graph, which cannot be differentiated",
    "minigen.nn.batching.joined": "run only where no graph is recorded",
    "minigen.nn.batching.outputs": "on the host, outside any graph",
    "minigen.nn.init.for_activation": "an initializer",
    "minigen.nn.init.initializer": "an initializer",
    "minigen.nn.module.zeros": "an input of zeros, to ask for shapes",
    "minigen.nn.recurrent.LSTMCell.initial_state": "zeros",
    "minigen.nn.recurrent.RecurrentCell.initial_state": "zeros",
    "minigen.ops.indexing.checked_index": "indices are integers",
    "minigen.training.gans.game.Game.discriminator_loss(noise)": "what the penalties would draw",
    "minigen.training.gans.adversarial.Adversarial.evaluate": "runs the objectives, and tells of their errors",
    "minigen.training.gans.drawing.as_generator": "it wraps a network, and computes nothing",
    "minigen.training.objective.Objective.__call__": "runs a loss, and tells of its errors",
    "minigen.training.prediction.predict": "on the host, outside any graph",
    "minigen.training.objective.Objective.evaluate": "runs a model's loss, and tells of its errors",
    "minigen.training.gans.remedies.ExperienceReplay.fakes": "the discriminator learns from fakes as from data",
    "minigen.training.gans.remedies.LabelSmoothing.smoothed": "targets are numbers",
    "minigen.training.gans.remedies.LabelSmoothing.targets": "targets are numbers",
    "minigen.training.gans.remedies.NoisyLabels.targets": "targets are numbers",
    "minigen.training.gans.remedies.Remedy.fakes": "the discriminator learns from fakes as from data",
    "minigen.training.gans.remedies.Remedy.targets": "targets are numbers",
    "minigen.training.gans.sample_grid.SampleGrid.cloud": "a figure",
}

# Where something in the graph is taken for a constant on purpose, and why. What CONSTANT names is one as a whole.
DETACHED = {
    "minigen.ops.regularization.kl_sparsity": "to see whether the means are in [0, 1]",
    "minigen.losses.penalties.GradientPenalty.__call__": "the points between real and generated examples are given: G is not punished",
    "minigen.losses.penalties.gradient_norms": "those points are where the critic is differentiated, a graph of their own",
    "minigen.models.gans.stylegan.Generator.forward": "the running average of w; and the other latent vectors are noise",
    "minigen.nn.minibatch.MinibatchDiscrimination.forward": "to make a mask on the same device",
    "minigen.nn.normalization.BatchNorm.forward": "the running statistics",
    "minigen.nn.spectral.SpectralNorm.forward": "u, by which the paper does not differentiate: it is exact where u is a singular vector",
    "minigen.ops.elementwise.absolute_dx": "the sign, which has the derivative 0",
    "minigen.ops.elementwise.power_dp": "a base that is a number, which has no graph; and where it is 0",
    "minigen.ops.elementwise.power_dx": "an exponent that is a number; and where it is 0",
    "minigen.ops.pooling.separable": "to compare sizes",
    "minigen.training.gans.game.Game.discriminator_loss": "examples are data: D's step does not change G",
    "minigen.training.gans.game.Game.generate": "latent vectors are noise",
    "minigen.training.gans.remedies.FeatureMatching.generator_objective": "the features of real examples, which G is to match",
    "minigen.training.gans.restoration.Restoration.generate": "degraded images are data",
}


def evidence(folder: Path) -> tuple[Checked, list[str]]:
    """What the suite's gradient checks run, each of which runs its function once, watched (tests/evidence.py), and which
    failed."""
    files = [
        str(file)
        for file in sorted(TESTS.rglob("test_*.py"))
        if not ELSEWHERE & {file.parent.name, file.stem} and CHECK.search(file.read_text(encoding="utf-8"))
    ]
    without = ["--assert=plain", "-p", "no:xdist", "-p", "no:hypothesispytest"]  # which take longer than the checks
    command = [
        sys.executable,
        "-m",
        "pytest",
        *without,
        "-p",
        "tests.evidence",
        "--evidence",
        str(folder / "evidence.json"),
        *files,
    ]
    done = subprocess.run(
        command,
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS.parent), "MINIGEN_BACKEND": "numpy", "PYTEST_ADDOPTS": ""},
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr  # 1: checks that are to fail, and here do not
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return Checked.from_json((folder / "evidence.json").read_text()), failed


def test_all_that_exists_is_gradient_checked_to_order_2(tmp_path):
    checked, failed = evidence(tmp_path)
    missing = unchecked(minigen, checked, CONSTANT)
    assert not missing, "\n".join(
        [
            "write a gradient check to order 2 (of an op in tests/samples.py, of a composition of ops in tests/ops/test_forwards.py,",
            "of a layer in tests/nn/test_layers.py, of others in tests/models and tests/losses), or give in CONSTANT the reason why",
            "there is none:",
            *(f"{name}: {reason}" for name, reason in sorted(missing.items())),
            "(tests that failed when their checks only looked, as those do that expect an error:)",
            *failed,
        ]
    )
    needless = CONSTANT.keys() - unchecked(minigen, checked)
    assert not needless, f"these are checked, or do not exist: {sorted(needless)}"


def test_the_graph_is_left_on_purpose_only():
    found = {name: exits for name, exits in leaving(minigen).items() if name not in CONSTANT}
    undeclared = {name: exits for name, exits in found.items() if name not in DETACHED}
    assert not undeclared, (
        f"something is taken for a constant: compute with the Tensor, or give the reason in DETACHED: {undeclared}"
    )
    assert not DETACHED.keys() - found.keys(), "these take nothing for a constant, or do not exist"


@pytest.mark.parametrize("part", ["metrics", "optim"])
def test_every_metric_optimizer_and_schedule_is_in_a_test(part):
    assert not unnamed(importlib.import_module(f"minigen.{part}"), TESTS / part), f"no test in tests/{part} names them"


# -- the registry itself: what it must find --------------------------------------------------------------------------

COUNT = itertools.count()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A function that makes a package of one file, of which nothing is checked, and imports it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(file: str, source: str):
        name = f"addition{next(COUNT)}"
        path = tmp_path / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        for folder in (path.parent, *path.parent.parents):
            if folder == tmp_path:
                break
            (folder / "__init__.py").touch()
        path.write_text(source, encoding="utf-8")
        return importlib.import_module(name)

    yield make
    for name in [name for name in sys.modules if re.match(r"addition\d", name)]:
        del sys.modules[name]


ADDITIONS = {
    "a layer": (
        "nn/style.py",
        """
from minigen import nn
class Demodulation(nn.Module):
    def forward(self, x):
        return x * x
""",
        {"nn.style.Demodulation", "nn.style.Demodulation.forward"},
    ),
    "a layer that inherits its forward": (
        "nn/activations.py",
        """
from minigen import metrics, nn, ops
class Swish(nn.ReLU):
    function = staticmethod(lambda x: x * ops.sigmoid(x))
""",
        {"nn.activations.Swish"},
    ),
    "an autoencoder": (
        "models/autoencoders/contractive.py",
        """
from typing import Any
from minigen import nn
from minigen.models.autoencoders.base import ImageAutoencoder
class ContractiveAutoencoder(ImageAutoencoder):
    def __init__(self):
        self.encoder, self.decoder = nn.Flatten(), nn.Dense(784, 784)
    def loss(self, x: Any) -> tuple[Any, dict[str, Any]]:
        bce, _ = super().loss(x)
        return bce, {"bce": bce}
""",
        {"models.autoencoders.contractive.ContractiveAutoencoder", "models.autoencoders.contractive.ContractiveAutoencoder.loss"},
    ),
    "an autoencoder that is a network only": (
        "models/autoencoders/wide.py",
        """
from minigen.models.autoencoders import StackedAutoencoder
class WideAutoencoder(StackedAutoencoder):
    def __init__(self):
        super().__init__(hidden=500)
""",
        {"models.autoencoders.wide.WideAutoencoder"},
    ),
    "two players": (
        "models/gans/lsgan.py",
        """
from minigen.models.gans import base
class Generator(base.Generator):
    latent_dim = 2
class Critic(base.Discriminator):
    def features(self, x):
        return self.body(x)
""",
        {"models.gans.lsgan.Generator", "models.gans.lsgan.Critic", "models.gans.lsgan.Critic.features"},
    ),
    "a penalty": (
        "losses/penalties.py",
        """
from typing import Any
from minigen.losses.penalties import Penalty
class R2(Penalty):
    name = "R2"
    def __call__(self, batch) -> Any:
        return batch.fake_scores.mean()
""",
        {"losses.penalties.R2", "losses.penalties.R2.__call__"},
    ),
    "a loss of two players": (
        "losses/relativistic.py",
        """
from minigen.losses import Hinge
class Relativistic(Hinge):
    def generator(self, fake):
        return -fake.mean(), {}
""",
        {"losses.relativistic.Relativistic", "losses.relativistic.Relativistic.generator"},
    ),
    "a loss function": (
        "losses/reconstruction.py",
        """
from typing import Any
def huber(prediction: Any, target: Any) -> Any:
    return (prediction - target).mean()
""",
        {"losses.reconstruction.huber"},
    ),
    "an application": (
        "models/applications/coloring.py",
        """
from minigen import nn
class Coloring(nn.Module):
    def forward(self, x):
        return x
    def color_loss(self, x: "Any", wanted: "Any"):
        return (x - wanted).mean()
""",
        {
            "models.applications.coloring.Coloring",
            "models.applications.coloring.Coloring.forward",
            "models.applications.coloring.Coloring.color_loss",
        },
    ),
    "a remedy with an objective": (
        "training/gans/remedies.py",
        """
from typing import Any
from minigen.training.gans.remedies import Remedy
class MinibatchMatching(Remedy):
    def generator_objective(self, discriminator: Any, real: tuple, fake: tuple) -> tuple[Any, dict[str, Any]] | None:
        loss = fake[0].mean()
        return loss, {}
""",
        {"training.gans.remedies.MinibatchMatching.generator_objective"},
    ),
    "a composition": (
        "ops/special.py",
        """
from typing import Any
from minigen.autograd import Tensor
from minigen.ops import sigmoid
def swish(x: Any) -> Any:
    return x * sigmoid(x)
""",
        {"ops.special.swish"},
    ),
    "a private composition, under a condition, with a result in a tuple": (
        "ops/special.py",
        """
from minigen.autograd import Tensor
try:
    def _halves(x) -> tuple[Tensor, ...]:
        return x[:1], x[1:]
except ImportError:
    pass
""",
        {"ops.special._halves"},
    ),
    "a network beside the models": (
        "metrics/evaluators.py",
        """
from minigen import nn
class Evaluator(nn.Sequential):
    pass
""",
        {"metrics.evaluators.Evaluator"},
    ),
}


@pytest.mark.parametrize(("file", "source", "expected"), ADDITIONS.values(), ids=ADDITIONS)
def test_an_addition_that_nothing_checks_is_found(file, source, expected, package):
    added = package(file, source)
    assert unchecked(added, Checked()).keys() == {f"{added.__name__}.{name}" for name in expected}


def test_what_is_not_a_computation_with_tensors_is_not_asked_for(package):
    added = package(
        "losses/checks.py",
        """
from collections.abc import Callable
from typing import Any
import numpy as np
from minigen.backend import Array
from minigen.losses import Penalty
class Base(Penalty):
    def __repr__(self):
        return "Base()"
    def measure(self, x: Any) -> Any:
        "To be written by subclasses."
        raise NotImplementedError
def check(x: Any) -> None:
    x.shape
def name(x: Any) -> "str | None":
    return "x"
def noise(n: int) -> Array:
    return np.zeros(n)
def shape(x: Any) -> tuple[int, ...]:
    return x.shape
def settings() -> dict[str, Any]:
    return {}
def maker() -> Callable[[Any], Any]:
    return abs
""",
    )
    assert unchecked(added, Checked(classes={f"{added.__name__}.losses.checks.Base"})) == {}


def test_an_input_that_is_always_a_constant_is_found(package):
    added = package(
        "losses/weighted.py",
        """
from typing import Any
def weighted(prediction: Any, weight: Any, times: int = 1) -> Any:
    return (prediction * weight).sum() * times
""",
    )
    name = f"{added.__name__}.losses.weighted.weighted"
    constants = {name: {"weight"}}
    assert unchecked(added, Checked({name: {"prediction"}}, constants)).keys() == {f"{name}(weight)"}
    assert unchecked(added, Checked({name: {"prediction", "weight"}}, constants)) == {}


@pytest.mark.parametrize(
    "detached", ["x.data", "unwrap(x)", "x.numpy()", "Tensor(unwrap(x))", "autograd.Tensor(x.data)", "to_numpy(x)"]
)
def test_a_composition_that_detaches_is_found(detached, package):
    added = package(
        "ops/special.py",
        f"""
from minigen import autograd
from minigen.autograd import Tensor
from minigen.autograd import unwrap
from minigen.backend import to_numpy
from minigen.ops import sigmoid
def swish(x):
    return x * sigmoid({detached})
""",
    )
    assert leaving(added).keys() == {f"{added.__name__}.ops.special.swish"}
    from_there = importlib.import_module(f"{added.__name__}.ops.special")
    with pytest.raises(GradcheckError, match="swish: wrong derivative"):
        minigen.gradcheck(from_there.swish, np.array([0.3, -0.7]))


def test_an_op_that_nothing_checks_and_whose_rule_detaches_is_found(package):
    added = package(
        "nn/special.py",
        """
from minigen.autograd import op
from minigen.autograd import unwrap
@op
def cube(x):
    return x * x * x
@cube.vjp("x")
def cube_dx(g, y, x):
    return g * (3.0 * unwrap(y) / x)
""",
    )
    assert set(ops(added)) - set(SAMPLES) == {f"{added.__name__}.nn.special.cube"}
    assert functions(added).keys() == leaving(added).keys() == {f"{added.__name__}.nn.special.cube_dx"}
    cube, x = importlib.import_module(f"{added.__name__}.nn.special").cube, np.array([0.3, -0.7])
    minigen.gradcheck(cube, x, order=1)
    with pytest.raises(GradcheckError, match="the derivative of cube: wrong derivative"):
        minigen.gradcheck(cube, x)


@pytest.mark.parametrize(
    ("file", "source", "name"),
    [
        ("optimizers.py", "from minigen.optim.optimizer import Optimizer\nclass Lion(Optimizer):\n    pass\n", "Lion"),
        ("schedules.py", "def polynomial(lr, total):\n    return lambda step: lr * (1 - step / total) ** 2\n", "polynomial"),
        (
            "sharp.py",
            "def sharper(images):\n    return helper(images)\ndef helper(images):\n    return images.var()\n",
            "sharper",
        ),
    ],
)
def test_what_no_test_names_is_found(file, source, name, package, tmp_path):
    added = package(file, source)
    (tmp_path / "tests").mkdir()
    test = tmp_path / "tests" / "test_it.py"
    test.write_text(f"from {added.__name__} import {name}\n")
    assert unnamed(added, tmp_path / "tests") == [f"{added.__name__}.{file.removesuffix('.py')}.{name}"], "an import is no test"
    test.write_text(f"def test_it():\n    assert {added.__name__}.{name}()\n")
    assert unnamed(added, tmp_path / "tests") == []
