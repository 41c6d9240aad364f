"""`minigen check` is fed the ops that learners write: right ones pass, and each usual mistake is named, with its line."""

import re
import textwrap

import pytest

from tests.coursework.checking import checked_text, failures, line

HEAD = """\
import math
import numpy as np
import minigen as mg
from minigen.autograd import op
from minigen.coursework import above_zero, example, labels, unit
"""


def op_text(forward: str, rule: str, arguments: str = "x", by: str = "x", decorator: str = "@op") -> str:
    """A file with one op, `mine`, and one rule; `forward` and `rule` are their last lines, or all of them."""
    return (
        HEAD
        + f'''

{decorator}
def mine({arguments}):
    """An op."""
{textwrap.indent(textwrap.dedent(forward), "    ")}

@mine.vjp("{by}")
def mine_d{by}(g, y, {arguments}):
    """Its rule."""
{textwrap.indent(textwrap.dedent(rule), "    ")}
'''
    )


# -- right ones --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forward, rule",
    [
        ("return x / (1 + abs(x))", "return g / (1 + abs(x)) ** 2"),  # the README's
        ("return np.tanh(x)", "return g * (1 - y * y)"),
        ("return np.log(x)", "return g / x"),  # of positive numbers only
        ("return np.arctanh(x)", "return g / (1 - x * x)"),  # of numbers in (-1, 1)
        ("return np.swapaxes(x, -1, -2) * 2", "return mg.swapaxes(g, -1, -2) * 2.0"),
    ],
)
def test_a_right_op_passes_without_an_example(tmp_path, forward, rule):
    report = checked_text(tmp_path, op_text(forward, rule))
    assert report.status == "passed", failures(report)
    assert "guessed" in line(report, "runs").detail
    assert {"gradient, order 1", "gradient, order 2", "dtype", "leaves inputs alone"} <= {
        each.check for each in report.items[0].checks if each.passed
    }
    assert line(report, "GPU-ready").detail.startswith("yes")
    assert re.search(r"[\d.]+ [um]?s forward, [\d.]+ [um]?s backward", line(report, "time").detail)


def test_an_op_of_matrices_and_one_of_images_are_guessed_too(tmp_path):
    text = (
        op_text("return a @ b", "return g @ b.T", "a, b", "a")
        + '\n@mine.vjp("b")\ndef mine_db(g, y, a, b):\n    return a.T @ g\n'
    )
    report = checked_text(tmp_path, text)
    assert report.status == "passed" and "(4, 4), (4, 4)" in line(report, "gradient, order 2").detail, failures(report)
    text = op_text(
        "n, h, w, c = x.shape\nreturn x.reshape(n, h // 2, 2, w // 2, 2, c).sum(axis=(2, 4))",
        "return mg.upsample_nearest2d(g, 2)",
    )
    report = checked_text(tmp_path, text)
    assert report.status == "passed" and "(2, 6, 6, 3)" in line(report, "gradient, order 2").detail, failures(report)


def test_attributes_labels_and_several_shapes_are_given_by_examples(tmp_path):
    text = op_text("return x * factor", "return g * factor", "x, *, factor") + "example(mine, (3, 4), factor=2.0)\n"
    text += "example(mine, (5,), factor=2.0)\nexample(mine, (2, 2), factor=3.0, output=(2, 2))\n"
    report = checked_text(tmp_path, text)
    assert report.status == "passed", failures(report)
    assert [each.name for each in report.items] == ["mine", "mine"]  # calls that differ in their shapes only are one
    assert "(3, 4); (5,)" in line(report, "gradient, order 2").detail


def test_inputs_that_nobody_differentiates_by(tmp_path):
    text = op_text(
        "return mg.take(x, index)",
        "return mg.scatter_add(g, index, shape=x.shape)",
        "x, index",
        decorator='@op(non_differentiable=("index",))',
    )
    assert "example(mine, (3, 4), (3, 4))" in failures(checked_text(tmp_path, text))["runs"]
    text = op_text(
        "return x * (index[:, None] == 0)",
        "return g * (index[:, None] == 0)",
        "x, index",
        decorator='@op(non_differentiable=("index",))',
    )
    report = checked_text(tmp_path, text + "example(mine, (5, 3), labels(5, classes=2))\n")
    assert report.status == "passed", failures(report)


# -- wrong ones: (forward, rule, the check that fails, what it says) ----------------------------------------------

MISTAKES = {
    "factor 2 of the square": ("return x * x", "return g * x", "gradient, order 1", "ratio is 0.5 .*factor 2 of a square"),
    "twice": ("return x ** 3 / 6", "return g * x * x", "gradient, order 1", "ratio is 2 .*1/2 is missing"),
    "sign": ("return np.exp(-x)", "return g * y", "gradient, order 1", "ratio is -1 .*the sign is wrong"),
    "mean of a row": (
        "return x.mean(axis=-1, keepdims=True)",
        "return mg.broadcast_to(g, shape=x.shape)",
        "gradient, order 1",
        "ratio is 4 .*4 is the length of axis 1: a mean divides",
    ),
    "mean of all": (
        "return x.mean(axis=(-2, -1), keepdims=True)",
        "return mg.broadcast_to(g, shape=x.shape)",
        "gradient, order 1",
        "ratio is 12 .*12 is the number of elements: a mean divides",
    ),
    "divided a sum": (
        "return x.sum(axis=-1, keepdims=True)",
        "return mg.broadcast_to(g, shape=x.shape) / float(x.shape[-1])",
        "gradient, order 1",
        "ratio is 0.25 .*a sum does not divide",
    ),
    "forgot a square": ("return x / (1 + abs(x))", "return g / (1 + abs(x))", "gradient, order 1", r"ratio is \(1 \+ \|x\|\)"),
    "forgot x": ("return np.exp(x * x / 2)", "return g * y", "gradient, order 1", "lacks the factor x"),
    "forgot a term": ("return x * np.exp(x)", "return g * x * mg.exp(x)", "gradient, order 1", r"g \* e\^x, which it lacks"),
    "forgot g": ("return x * x", "return 2.0 * x", "gradient, order 1", "not proportional to g"),
    "zero": ("return x * x", "return 0.0 * g", "gradient, order 1", "gives 0 everywhere"),
    "nan": ("return x * x", "return g * mg.log(-x * x)", "gradient, order 1", "NaN or infinity"),
    "captured y": (
        "return np.tanh(x)",
        'y = y.numpy() if hasattr(y, "numpy") else y\nreturn g * (1 - y * y)',
        "gradient, order 2",
        r"theirs.py, line 16: y.numpy takes a value out of the graph",
    ),
    "captured in the forward": (
        "kept[0] = np.tanh(x)\nreturn np.tanh(x)",
        "return g * (1 - kept[0] ** 2)",
        "gradient, order 2",
        "uses the global 'kept', an array made earlier",
    ),
    "a NumPy function": (
        "return np.sin(x)",
        "return g * np.cos(x)",
        "gradient, order 2",
        r"line 16: np.cos\(x\): a rule is run on Tensors .* write minigen.cos",
    ),
    "float64": ("return np.sqrt(2.0) * x", "return g * math.sqrt(2.0)", "dtype", r"line 11: np.sqrt\(2.0\) is float64"),
    "float64 in the rule": (
        "return math.sqrt(2.0) * x",
        "return g * np.sqrt(2.0) * np.ones(1)",
        "dtype",
        r"line 16: np.sqrt\(2.0\) is float64",
    ),
    "in place": ("x += 1\nreturn x", "return g", "leaves inputs alone", "x was changed in place"),
    "in place in the rule": (
        "return 2.0 * x",
        "g *= 2.0\nreturn g",
        "leaves inputs alone",
        "the cotangent g was changed in place",
    ),
    "random": ("return x + np.random.default_rng().standard_normal(x.shape)", "return g", "repeatable", "minigen.seed"),
    "no return": ("return 2.0 * x", "g * 2.0", "gradient shapes", "the rule has no return"),
    "raises": ("return x", "return g / (1 // 0)", "gradient shapes", 'theirs.py", line 16, in mine_dx(.|\n)*ZeroDivisionError'),
    "a view read wrongly": (
        "return np.lib.stride_tricks.as_strided(x, x.shape, x.copy().strides) * 1.0",
        "return g",
        "strided inputs",
        "a copy",
    ),
    "a number": ("return 3", "return g", "runs", "a number is not an array"),
    "nothing": ("2.0 * x", "return g", "runs", "there is no return"),
    "two results": ("return x, 2.0 * x", "return g", "runs", "an op has one result"),
    "a Tensor": ("return mg.Tensor(2.0 * x)", "return g", "runs", "made a Tensor: it gets arrays"),
    "whole numbers": ("return x.astype(int)", "return g", "runs", r"gave int64(.|\n)*no astype\(int\)"),
    "a Tensor in the rule": ("return 2.0 * x", "return mg.Tensor(2.0 * g)", "gradient shapes", "arrays stay arrays"),
    "a number in the rule": ("return 2.0 * x", "return 2", "gradient shapes", "one array, of the shape of its input"),
    "NaN in the rule": ("return 2.0 * x", "return g / 0.0", "gradient, order 1", "NaN or infinity: [^\n]*$"),
    "np.array in the rule": (
        "return x * x",
        "return 2.0 * g * np.array(x)",
        "gradient, order 2",
        r"line 16: np.array\(x\): a rule",
    ),
    "an exit in the rule": ("return 2.0 * x", "raise SystemExit", "gradient shapes", 'theirs.py", line 16, in mine_dx'),
    "kept out of sight": (
        "math.kept = x\nreturn x * x",
        "return 2.0 * g * math.kept",
        "gradient, order 2",
        "another function has stored",
    ),
    "not finite": ("return x / 0.0", "return g / 0.0", "runs", "NaN or infinity"),
    "refuses": ("return x.reshape(17)", "return g", "runs", 'theirs.py", line 11, in mine'),
    "unwritten": ('raise NotImplementedError("write it")', "return g", "runs", "still to be written: theirs.py, line 11, mine"),
}


@pytest.mark.parametrize("forward, rule, check, said", MISTAKES.values(), ids=MISTAKES)
def test_each_usual_mistake_is_named(tmp_path, forward, rule, check, said):
    report = checked_text(tmp_path, op_text(forward, rule) + "kept = [None]\n")
    assert report.status == "failed"
    wrong = failures(report)
    assert next(iter(wrong)) == check, wrong  # it is the first that fails
    assert re.search(said, wrong[check]), wrong[check]
    assert "minigen/" not in wrong[check], "frames of ours are none of the learner's business"


TWO = {
    "no sum over the repeated axis": (
        "return a + b",
        "return g",
        "return g",
        "gradient shapes",
        r"sum over the axes along which",
    ),
    "too small": ("return a * b.sum()", "return g * b.sum()", "return (g * a).sum()", "gradient shapes", "must be spread again"),
    "by b only": (
        "return a * b ** 2",
        "return g * b ** 2",
        "return g * a * b",
        "gradient, order 1",
        "wrong by b.*(.|\n)*ratio is 0.5",
    ),
    "exchanged": ("return a * b ** 2", "return 2.0 * g * a * b", "return g * b ** 2", "gradient, order 1", "rules swapped"),
}


@pytest.mark.parametrize("forward, by_a, by_b, check, said", TWO.values(), ids=TWO)
def test_mistakes_with_two_inputs(tmp_path, forward, by_a, by_b, check, said):
    text = op_text(forward, by_a, "a, b", "a") + f'\n@mine.vjp("b")\ndef mine_db(g, y, a, b):\n    """Its rule."""\n    {by_b}\n'
    text += "example(mine, (3, 4), (4,))\n" if check == "gradient shapes" else ""
    wrong = failures(checked_text(tmp_path, text))
    assert list(wrong) == [check] and re.search(said, wrong[check]), wrong


def test_a_missing_rule_is_spelled_out(tmp_path):
    wrong = failures(checked_text(tmp_path, op_text("return x * z", "return g * z", "x, z")))
    assert list(wrong) == ["rules"]
    assert '@mine.vjp("z")\n    def mine_dz(g, y, x, z):' in wrong["rules"]


def test_a_missing_docstring_is_a_remark(tmp_path):
    text = op_text("return 2.0 * x", "return 2.0 * g").replace('    """Its rule."""\n', "")
    report = checked_text(tmp_path, text)
    assert report.status == "passed"
    assert "a docstring with the formula is missing in mine_dx" in line(report, "rules").detail


# -- on a GPU ----------------------------------------------------------------------------------------------------

NOT_READY = {
    "host array": ("return x + np.ones(x.shape, dtype=x.dtype)", "return g", "mixes arrays", "line 11"),
    "conversion": ("return np.asarray(x) * 1", "return g", "no implicit conversion", "line 11"),
    "waits": ("return 2.0 * x if float(x.sum()) < 1e9 else x", "return 2.0 * g", "waits for the GPU", "line 11: return 2.0"),
    "not in CuPy": (
        "return np.apply_along_axis(lambda row: 2 * row, -1, x)",
        "return 2.0 * g",
        "cupy has no function",
        "line 11",
    ),
}


@pytest.mark.parametrize("forward, rule, reason, where", NOT_READY.values(), ids=NOT_READY)
def test_what_a_gpu_would_refuse_is_a_remark_with_reason_and_line(tmp_path, forward, rule, reason, where):
    report = checked_text(tmp_path, op_text(forward, rule))
    assert report.status == "passed", failures(report)
    ready = line(report, "GPU-ready")
    assert ready.passed is None and ready.detail.startswith("no") and reason in ready.detail
    assert any(where in hint for hint in ready.hints), ready.hints
    assert report.summary().endswith("; not GPU-ready: mine")
