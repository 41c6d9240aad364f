"""What a type checker, and so an editor, knows of minigen: its names, signatures and types, and what is wrong with a call."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import minigen as mg
from minigen import ops

ROOT = Path(__file__).parents[1]

RIGHT = """
from typing import assert_type

import numpy as np

import minigen as mg
from minigen import data, losses, nn, optim, training
from minigen.autograd import TensorLike
from minigen.models.autoencoders import StackedAutoencoder

x = mg.Tensor(np.ones((2, 3)), requires_grad=True)
assert_type(x.tanh(), mg.Tensor)
assert_type(2 - x @ x.T, mg.Tensor)
assert_type(x[0].sum(axis=0, keepdims=True), mg.Tensor)
assert_type(x.shape, tuple[int, ...])
assert_type(x.numpy(), np.ndarray)
assert_type(mg.tanh(x), TensorLike)
assert_type(mg.softmax(x, axis=1), TensorLike)
assert_type(nn.Dense(3, 2, activation="selu"), nn.Dense)
assert_type(nn.Dense(3, 2).weight, mg.Parameter)
losses.mse(mg.tanh(x), x).backward()

mg.seed(0)
train, test = data.load("glyphs")
model = StackedAutoencoder()
optimizer = optim.SGD(model.parameters(), lr=1.5)
history = training.fit(model, train.images, validation=test.images, optimizer=optimizer, epochs=3)
assert_type(history, training.History)


class Loud(training.Callback[training.Adversarial]):
    def on_step_end(self, run: training.Adversarial) -> None:
        run.log(f"step {run.step}")
"""

# A line -> what is said of it.
WRONG = {
    "mg.tahn(x)": 'Module has no attribute "tahn"',
    "mg.array_module(x)": 'Module has no attribute "array_module"',  # the backend's, not ours
    "x.tahn()": '"Tensor" has no attribute "tahn"',
    "mg.tanh(x).tahn()": 'Item "Tensor" of "Tensor | Any" has no attribute "tahn"',
    "mg.tanh(x, axis=1)": 'Unexpected keyword argument "axis"',
    "mg.leaky_relu(x, alpha=0.2)": 'Unexpected keyword argument "alpha"',
    "x.sum(dim=0)": 'Unexpected keyword argument "dim"',
    "x.grad.sum()": 'Item "None" of "Any | None" has no attribute "sum"',
    'nn.Dense("3", 2)': 'incompatible type "str"; expected "int"',
    "nn.Dense(3, 2, use_bias=True)": 'Unexpected keyword argument "use_bias"',
    "nn.ReLu()": 'Module has no attribute "ReLu"',
    "optim.Adam(nn.Dense(3, 2).parameters(), learning_rate=0.1)": 'Unexpected keyword argument "learning_rate"',
    "optim.Adam([x], lr=0.1)": 'incompatible type "Tensor"; expected "Parameter"',
    "training.fit(nn.Dense(3, 2), x.numpy(), epochs=1)": 'Missing named argument "optimizer"',
}


def checked(folder: Path, name: str, program: str) -> list[str]:
    """What mypy says of a program of somebody who has minigen installed, with all of its strictness."""
    pytest.importorskip("mypy", reason="mypy is not installed: pip install -e '.[dev]'")
    (folder / name).write_text(program, encoding="utf-8")
    cache = f"--cache-dir={folder / 'cache'}"
    command = [sys.executable, "-m", "mypy", "--config-file=", "--strict", "--follow-imports=silent", cache, name]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env={**os.environ, "MYPYPATH": str(ROOT)})
    assert not done.stderr, done.stderr
    return [line for line in done.stdout.splitlines() if ": error: " in line]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One for all, so that minigen is read once."""
    return tmp_path_factory.mktemp("types")


def test_a_program_that_is_right_has_no_errors(folder):
    names = "\n".join(f"mg.{name}" for name in [*mg.FOLDERS, *mg.NAMES, *ops.__all__])
    assert not checked(folder, "right.py", f"{RIGHT}\n{names}\n")


def test_what_is_wrong_is_said_where_it_stands(folder):
    head = (
        "import numpy as np\n\nimport minigen as mg\nfrom minigen import nn, optim, training\n\nx = mg.Tensor(np.ones((2, 3)))\n"
    )
    errors = checked(folder, "wrong.py", head + "\n".join(WRONG) + "\n")
    first = head.count("\n") + 1
    for number, (line, expected) in enumerate(WRONG.items(), first):
        said = [error for error in errors if error.startswith(f"wrong.py:{number}: ")]
        assert any(expected in error for error in said), (line, said)
    assert len(errors) == len(WRONG), errors
