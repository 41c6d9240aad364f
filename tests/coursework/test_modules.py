"""`minigen check` on layers, models, losses and functions of networks."""

import re
import textwrap

import pytest

from tests.coursework.checking import checked_text, failures, item, line

HEAD = """\
import numpy as np
import minigen as mg
from minigen import Parameter, Tensor, losses, nn
from minigen.coursework import array, example, images, labels, normal, unit
"""


def layer_text(init: str, forward: str) -> str:
    """A file with one layer, `Mine`, 4 -> 3."""
    return (
        HEAD
        + f"""
class Mine(nn.Module):
    def __init__(self):
{textwrap.indent(textwrap.dedent(init), "        ")}

    def forward(self, x):
{textwrap.indent(textwrap.dedent(forward), "        ")}
"""
    )


WEIGHT = "self.weight = Parameter(nn.init.glorot_uniform((4, 3)))"


def test_a_right_layer_passes_without_an_example(tmp_path):
    report = checked_text(tmp_path, layer_text(WEIGHT, "return mg.tanh(x @ self.weight)"))
    assert report.status == "passed", failures(report)
    assert line(report, "gradient, order 2").detail == "by x, weight"
    assert line(report, "parameters").detail == "12 values in weight; each gets a gradient"
    assert line(report, "GPU-ready").detail.startswith("yes")


def test_a_layer_of_two_inputs_is_guessed_too(tmp_path):
    report = checked_text(
        tmp_path, layer_text(WEIGHT, "return (x @ self.weight) * (y @ self.weight)").replace("self, x", "self, x, y")
    )
    assert report.status == "passed", failures(report)
    assert line(report, "gradient, order 2").detail == "by x, y, weight"


def test_random_layers_are_checked_with_the_same_numbers_in_each_call(tmp_path):
    report = checked_text(tmp_path, layer_text("self.net = nn.Sequential(nn.Dense(4, 3), nn.Dropout(0.5))", "return self.net(x)"))
    assert report.status == "passed", failures(report)
    assert "in eval() the result differs" in line(report, "repeatable").detail


MISTAKES = {
    "no Parameter": (
        "self.w = Tensor(np.ones((4, 3), dtype=np.float32), requires_grad=True)",
        "return x @ self.w",
        "parameters",
        "Mine.w is a Tensor that no optimizer will find",
    ),
    "not used": (
        WEIGHT + "\nself.bias = Parameter(np.zeros(3, dtype=np.float32))",
        "return x @ self.weight",
        "parameters",
        "bias never gets a gradient",
    ),
    "taken out": (WEIGHT, "return x @ self.weight.numpy()", "parameters", "weight never gets a gradient"),
    "half taken out": (
        WEIGHT,
        "return x @ self.weight * float((self.weight * self.weight).sum())",
        "gradient, order 1",
        r"wrong by weight.*(.|\n)*line \d+: float\(.*\) takes a value out of the graph",
    ),
    "state outside": (
        WEIGHT + "\nself.seen = 0.0",
        "if self.training:\n    self.seen = float(x.numpy().mean())\nreturn x @ self.weight + self.seen",
        "state dict",
        "nn.Buffer",
    ),
    "an array": (WEIGHT, "return (x @ self.weight).numpy()", "runs", "must return one Tensor, got an array"),
    "fails as it is made": ("self.w = [][1]", "return x", "runs", 'theirs.py", line 8, in __init__(.|\n)*IndexError'),
    "unwritten": ('raise NotImplementedError("write it")', "return x", "runs", "still to be written"),
}


@pytest.mark.parametrize("init, forward, check, said", MISTAKES.values(), ids=MISTAKES)
def test_each_usual_mistake_of_a_layer_is_named(tmp_path, init, forward, check, said):
    wrong = failures(checked_text(tmp_path, layer_text(init, forward)))
    assert next(iter(wrong)) == check, wrong
    assert re.search(said, wrong[check]), wrong[check]


def test_a_layer_with_settings_needs_an_example(tmp_path):
    text = layer_text(WEIGHT, "return x @ self.weight").replace("(self):", "(self, size):")
    assert "write example(Mine(size), (5, 4)), with its settings" in failures(checked_text(tmp_path, text))["runs"]
    report = checked_text(tmp_path, text + "\nexample(Mine(3), (5, 4), output=(5, 3))\n")
    assert report.status == "passed", failures(report)
    wrong = failures(checked_text(tmp_path, text + "\nexample(Mine(3), (5, 4), output=(5, 4))\n"))
    assert wrong["runs"] == "gave shape (5, 3), the example says (5, 4)"


def test_a_layer_without_a_forward_and_a_class_that_is_not_a_layer_are_told_apart(tmp_path):
    text = layer_text(WEIGHT, "return x @ self.weight")
    assert "it has no forward" in failures(checked_text(tmp_path, text.replace("def forward", "def compute")))["runs"]
    alone = checked_text(tmp_path, text.replace("(nn.Module)", ""))
    assert "write class Mine(nn.Module), with from minigen import nn" in alone.stopped
    beside = checked_text(tmp_path, text + "\nclass Other:\n    def forward(self, x):\n        return x\n")
    assert beside.status == "passed" and "write class Other(nn.Module)" in beside.remarks[0]


def test_labels_are_proposed_for_labels(tmp_path):
    text = layer_text(WEIGHT, "return x @ self.weight[labels]").replace("forward(self, x)", "forward(self, x, labels)")
    assert "write example(Mine(), (5, 4), labels(5, classes=10))" in failures(checked_text(tmp_path, text))["runs"]


def test_an_example_of_a_class_says_that_an_object_is_wanted(tmp_path):
    report = checked_text(tmp_path, layer_text(WEIGHT, "return x @ self.weight") + "\nexample(Mine, (5, 4))\n")
    assert report.status == "unchecked"
    assert "an object of it, such as Mine(...)" in report.stopped
    assert "theirs.py" in report.stopped and "coursework/examples.py" not in report.stopped


MODEL = (
    HEAD
    + """
class Encoder(nn.Module):
    def __init__(self, codes):
        self.dense = nn.Dense(16, codes)

    def forward(self, x):
        return self.dense(x.reshape((-1, 16)))

class Model(nn.Module):
    def __init__(self):
        self.encoder, self.decoder = Encoder(3), nn.Dense(3, 16)

    def loss(self, x, noise=None):
        codes = self.encoder(x)
        if noise is None:
            noise = mg.backend.random.normal(codes.shape, dtype=codes.dtype)
        y = self.decoder(codes + noise)
        mse = losses.mse(y, x.reshape((-1, 16)))
        return mse, {"mse": mse}

    def sample(self, n):
        return mg.sigmoid(self.decoder(mg.Tensor(np.zeros((n, 3), dtype=np.float32))))

example(Model(), images(2, 4, 4, 1))
"""
)


def test_a_model_is_checked_by_all_its_parameters_and_its_parts_with_it(tmp_path):
    report = checked_text(tmp_path, MODEL)
    assert report.status == "passed", failures(report)
    assert [(each.kind, each.name) for each in report.items] == [("model", "Model")]  # Encoder, which needs settings, is in it
    assert line(report, "gradient, order 2").detail == (
        "by encoder.dense.weight, encoder.dense.bias, decoder.weight, decoder.bias"
    )
    assert line(report, "sample(n)").detail == "(3, 16), from 0.5 to 0.5"


def test_noise_can_be_given(tmp_path):
    report = checked_text(tmp_path, MODEL.replace("images(2, 4, 4, 1))", "images(2, 4, 4, 1), noise=normal(2, 3))"))
    assert report.status == "passed", failures(report)


@pytest.mark.parametrize(
    "right, wrong, check, said",
    [
        ("losses.mse(y, x.reshape((-1, 16)))", "mg.square(y - x.reshape((-1, 16))).sum()", "batch", "a sum over the batch"),
        ("return mse, {", "return {", "runs", "must return the total and a dict"),
        ('return mse, {"mse": mse}', "return mse", "runs", 'got Tensor\nreturn total, {"error": error}'),
        ("return mg.sigmoid(self.decoder(", "return (5.0 + self.decoder(", "sample(n)", "expected images in [0, 1]"),
        ("np.zeros((n, 3)", "np.zeros((1, 3)", "sample(n)", "sample(3) returned 1 examples"),
    ],
)
def test_usual_mistakes_of_a_model(tmp_path, right, wrong, check, said):
    assert right in MODEL
    found = failures(checked_text(tmp_path, MODEL.replace(right, wrong)))
    assert next(iter(found)) == check and said in found[check], found


FUNCTIONS = (
    HEAD
    + """
class Critic(nn.Module):
    def __init__(self):
        self.a, self.b = nn.Dense(2, 5, activation="tanh"), nn.Dense(5, 1)

    def forward(self, x):
        return self.b(self.a(x))

def r1(critic, x):
    x = mg.Tensor(x.data, requires_grad=True)
    (slope,) = mg.grad(critic(x).sum(), [x], create_graph=CREATE)
    return (slope * slope).sum() / float(len(x))

def huber(a, b):
    q = mg.minimum(abs(a - b), 1.0)
    return (q * (abs(a - b) - 0.5 * q)).mean()

def nll(logits, classes):
    return losses.cross_entropy(logits, classes)

def another(x):
    return x

example(r1, Critic(), (4, 2))
example(huber, (5, 3), (5, 3), output=())
example(nll, (5, 3), labels(5, classes=3))
"""
)


def test_functions_are_checked_by_their_arrays_or_by_the_parameters_of_their_networks(tmp_path):
    report = checked_text(tmp_path, FUNCTIONS.replace("CREATE", "True"))
    assert report.status == "passed", failures(report)
    assert line(report, "gradient, order 2", "huber").detail.startswith("by a, b")
    assert line(report, "gradient, order 2", "nll").detail.startswith("by logits;")
    assert line(report, "gradient, order 2", "r1").detail == "by a.weight, a.bias, b.weight, b.bias"
    assert "b.bias does not affect the result" in line(report, "parameters", "r1").detail
    assert report.remarks[0].startswith("Not checked: another. ")
    assert {each.kind for each in report.items} == {"layer", "function"} or item(report, "r1").kind == "function"


def test_a_penalty_that_cannot_be_differentiated_is_caught(tmp_path):
    wrong = failures(checked_text(tmp_path, FUNCTIONS.replace("CREATE", "False")))
    assert "gives 0 everywhere, but the result does change" in wrong["gradient, order 1"]


def test_an_array_that_is_copied_to_the_gpu_in_every_call_is_named_and_noise_is_not(tmp_path):
    report = checked_text(
        tmp_path, layer_text(WEIGHT, "mask = mg.asarray(np.ones(3, dtype=np.float32))\nreturn x @ self.weight * mask")
    )
    ready = line(report, "GPU-ready")
    assert ready.detail.startswith("yes") and "mask = mg.asarray" in ready.hints[0], ready
    report = checked_text(tmp_path, layer_text(WEIGHT, "return x @ self.weight + mg.backend.random.normal((3,), dtype=x.dtype)"))
    assert report.status == "passed", failures(report)
    assert line(report, "GPU-ready").detail.startswith("yes") and not line(report, "GPU-ready").hints


def test_a_tensor_whose_value_is_asked_for_waits_for_the_gpu(tmp_path):
    report = checked_text(tmp_path, layer_text(WEIGHT, "y = x @ self.weight\nreturn y * 2.0 if float(y.sum()) < 1e9 else y"))
    ready = line(report, "GPU-ready")
    assert "waits for the GPU" in ready.detail and "line 12: return y * 2.0" in ready.hints[0], ready


def test_a_layer_is_said_to_be_where_it_is(tmp_path):
    report = checked_text(tmp_path, layer_text(WEIGHT, "return x @ self.weight"))
    assert report.items[0].line == 7  # of its first method
