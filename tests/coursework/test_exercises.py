"""The exercises can be solved, cannot be passed otherwise, and say what is wrong in the usual wrong solutions."""

import argparse
import errno
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from minigen.commands import exercise as exercise_command
from minigen.commands import template as template_command
from minigen.coursework.exercises import COUNT, exercise
from minigen.coursework.exercises.tools import pictures
from minigen.coursework.grading.remote import Remote
from minigen.coursework.grading.report import CheckFailed, Report
from minigen.coursework.grading.submission import read_all
from minigen.coursework.handouts import TEMPLATES
from minigen.errors import UsageError
from tests.coursework.checking import PAGE, SOLUTIONS, Local, checked, checked_text, failures, importing, line

NUMBERS = range(1, COUNT + 1)
FULL_MARKS = {int(number): int(checks) for number, checks in re.findall(r"^\| (\d) \|.*\| (\d+) \|.*\|$", PAGE, re.MULTILINE)}


def solution(number: int) -> Path:
    """The reference solution."""
    return SOLUTIONS / f"exercise{number}.py"


# -- handed out, solved ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", NUMBERS)
def test_a_starter_fails_its_check_and_says_what_is_to_be_written(tmp_path, number):
    path = tmp_path / f"exercise{number}.py"
    shutil.copy(exercise(number).starter, path)
    assert read_all([path])[0].exercise == number
    report = checked(path, number)
    assert report.status == "failed"
    required = set(exercise(number).requirements)
    wrong = failures(report)
    assert required <= set(wrong)
    assert all("still to be written: exercise" in wrong[name] for name in required), wrong
    assert "first make" not in str(report)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_reference_solution_passes(tmp_path, number):
    path = tmp_path / f"exercise{number}.py"
    shutil.copy(solution(number), path)
    report = checked(path, number)
    assert report.status == "passed", failures(report)
    assert report.passed == report.of == FULL_MARKS[number] == exercise(number).checks
    ready = [line.detail for line in report.lines if line.check == "GPU-ready"]
    assert all(detail.startswith("yes") for detail in ready), ready
    assert report.items[-1].name == f"Exercise {number}: {exercise(number).title}"
    if number < 8:  # which has nothing but what comes out of training
        checks = {line.check for line in report.lines if line.passed}
        assert {"gradient, order 1", "gradient, order 2"} <= checks


@pytest.mark.parametrize("number", NUMBERS)
def test_a_starter_tells_the_task_and_every_name_that_is_asked_for(number):
    text = exercise(number).starter.read_text(encoding="utf-8")
    assert text.startswith(f'"""Exercise {number}: ')
    assert f"minigen check exercise{number}.py" in text and "Hints" in text and f"EXERCISE = {number}" in text
    assert all(re.search(rf"^(def|class) {name}\b", text, re.MULTILINE) for name in exercise(number).names)


# -- what is not a solution -----------------------------------------------------------------------------------------

HUBER = """    size = abs(prediction - target)
    q = mg.minimum(size, delta)
    return (q * (size - 0.5 * q)).mean()
"""
AN_IF = """    r = prediction - target
    if {}:
        return (r**2 / 2).mean()
    return (delta * (abs(r) - delta / 2)).mean()
"""
# exercise -> (in the solution, what a learner writes instead, the first check that fails, what it says)
WRONG = {
    "1, a stub": (1, "return 1.0 / (1.0 + x * x)", "return x * 1.0", "gradient, order 1", "first make the function bump right"),
    "1, another function, differentiated rightly": (1, None, None, "values", r"bump\(0\): expected 1 at index \(0,\), got 0"),
    "1, a factor": (1, "-2.0 * g", "-1.0 * g", "gradient, order 1", "ratio is 0.5 at every element: .*factor 2"),
    "1, the sign": (1, "-2.0 * g", "2.0 * g", "gradient, order 1", "the sign is wrong"),
    "1, y once": (
        1,
        "x * y * y",
        "x * y",
        "gradient, order 1",
        r"ratio is 1 / \(y\): .* lacks the factor y|ratio is \(1 \+ x\^2\)",
    ),
    "1, what / takes": (1, "1.0 / (1.0 + x * x)", "1 / 1 + x**2", "values", r"did you mean 1 / \(1 \+ x \*\* 2\)\?"),
    "1, a caret": (1, "1.0 / (1.0 + x * x)", "1 / (1 + x^2)", "runs", r"in Python \^ is an exclusive or: a power is x \*\* 2"),
    "1, what / takes in the rule": (
        1,
        "-2.0 * g * x * y * y",
        "-2 * g * x / 1 + x**4",
        "gradient, order 1",
        r"did you mean -2 \* g \* x / \(1 \+ x \*\* 4\)\?",
    ),
    "1, math's power": (1, "1.0 / (1.0 + x * x)", "1 / (1 + math.pow(x, 2))", "runs|values", "math's functions, and float"),
    "1, a caret in the rule": (1, "x * y * y", "x * y^2", "gradient shapes", r"in Python \^ is an exclusive or"),
    "1, the slope of another function": (
        1,
        "(1.0 + x * x)",
        "(1.0 - x * x)",
        "slope",
        "first make the function bump right, then",
    ),
    "1, np. in the rule": (
        1,
        "* y * y",
        "* np.square(y)",
        "gradient, order 2",
        r"a rule is run on Tensors .*write minigen.square\(x\)",
    ),
    "1, a constant": (
        1,
        "* y * y",
        "* (y.numpy() if hasattr(y, 'numpy') else y) ** 2",
        "gradient, order 2",
        "part of it was treated as a constant",
    ),
    "2, no sum over the centers": (
        2,
        "2.0 * (x * g.sum(axis=1, keepdims=True) - g @ centers)",
        "2.0 * g[:, :, None] * (x[:, None, :] - centers[None, :, :])",
        "gradient shapes",
        "sum over the axes along which",
    ),
    "2, the other side": (2, "2.0 * (centers * g.T", "-2.0 * (centers * g.T", "gradient, order 1", "wrong by centers"),
    "2, no square": (2, "(difference * difference)", "abs(difference)", "gradient, order 1", "wrong by x"),
    "2, a mean": (
        2,
        ".sum(axis=-1)",
        ".mean(axis=-1)",
        "values",
        "1/2 of what is expected: a mean over the dimensions, where a sum",
    ),
    "2, a norm": (
        2,
        "(difference * difference).sum(axis=-1)",
        "np.linalg.norm(difference, axis=-1)",
        "values",
        "the root of what is expected: np.linalg.norm",
    ),
    "2, the wrong axis": (
        2,
        ".sum(axis=-1)",
        ".sum(axis=1)",
        "gradient shapes",
        r"first make the function squared_distances right, .*expected shape \(1, 1\), got \(1, 2\)",
    ),
    "3, an if": (
        3,
        HUBER,
        AN_IF.format("abs(r) <= delta"),
        "mean",
        r"minigen\.where\(abs\(r\) <= delta, a, b\) chooses for each",
    ),
    "3, Python's min": (
        3,
        "mg.minimum(size, delta)",
        "min(size, delta)",
        "mean",
        r"min\(size, delta\) compares once, all elements together; minigen\.minimum\(a, b\) compares each",
    ),
    "3, and": (
        3,
        "mg.minimum(size, delta)",
        "mg.where(size < delta and size >= 0, size, delta)",
        "mean",
        r"`and` asks once, .* write \(size < delta\) & \(size >= 0\)",
    ),
    "3, or": (3, "mg.minimum(size, delta)", "mg.where(size < delta or size < 0, size, delta)", "mean", r"\) \| \(size < 0\)"),
    "3, not": (3, "mg.minimum(size, delta)", "mg.where(not size >= delta, size, delta)", "mean", r"~\(size >= delta\)"),
    "3, an if for all": (
        3,
        HUBER,
        AN_IF.format("(abs(r) <= delta).all()"),
        "mean",
        r"`if \(abs\(r\) <= delta\)\.all\(\)` chooses once, .*minigen\.where\(abs\(r\) <= delta, a, b\)",
    ),
    "3, a caret": (3, "0.5 * q)", "q^1)", "values", r"a power is x \*\* 2"),
    "3, an assert": (
        3,
        "if prediction.shape != target.shape:\n        raise ShapeError(",
        "assert prediction.shape == target.shape, (",
        "unlike shapes",
        r"an assert is for what cannot happen, .*raise ShapeError\(\.\.\.\), from minigen\.errors",
    ),
    "3, a ValueError": (
        3,
        "raise ShapeError(",
        "raise ValueError(",
        "unlike shapes",
        "ShapeError, from minigen.errors, is a ValueError",
    ),
    "3, a mean over an axis": (
        3,
        ".mean()",
        ".mean(axis=0)",
        "mean",
        r"\.mean\(axis=0\) .* without axis they are over all elements",
    ),
    "3, np. on a Tensor": (3, "abs(prediction", "np.abs(prediction", "values", r"it gets Tensors here, .*write abs\(x\)"),
    "3, a float": (
        3,
        "return (q * (size - 0.5 * q)).mean()",
        "return float((q * size).mean())",
        "runs",
        "return the Tensor itself",
    ),
    "3, a sum": (3, ".mean()", ".sum()", "values|mean", "that is the sum"),
    "3, the square": (3, "mg.minimum(size, delta)", "size", "values", r"far away it is delta \* \(\|r\| - delta / 2\)"),
    "3, any shapes": (3, "if prediction.shape != target.shape:", "if False:", "unlike shapes", "25 of them"),
    "4, the norm as numbers": (
        4,
        "mg.sqrt((self.direction * self.direction).sum(axis=0))",
        "np.linalg.norm(self.direction.numpy(), axis=0)",
        "gradient, order 1",
        "wrong by direction|mixes dtypes",
    ),
    "4, np.linalg.norm of a Tensor": (
        4,
        "mg.sqrt((self.direction * self.direction).sum(axis=0))",
        "np.linalg.norm(self.direction, axis=0)",
        "lengths",
        r"it gets Tensors here, .*write minigen\.l2norm\(x\)",
    ),
    "4, an array": (
        4,
        "self.bias = Parameter(np.zeros(out_features, dtype=np.float32))",
        "self.bias = np.zeros(out_features, dtype=np.float32)",
        "their names|start",
        r"self\.bias is an array, which no optimizer finds .*write self\.bias = Parameter\(array\)",
    ),
    "4, the other axis": (4, "self.direction).sum(axis=0))", "self.direction).sum())", "lengths", "one norm for each output"),
    "4, no Parameter": (
        4,
        "self.bias = Parameter(",
        "self.bias = mg.Tensor(requires_grad=True, data=",
        "parameters",
        "no optimizer will find",
    ),
    "4, scale 1": (
        4,
        "np.linalg.norm(self.direction.numpy(), axis=0)",
        "np.ones(out_features, dtype=np.float32)",
        "start",
        "scale starts as the length",
    ),
    "5, the library's": (
        5,
        "sparsity = kl_sparsity(codes, self.target)",
        "sparsity = losses.kl_sparsity(codes, self.target)",
        "your own work",
        "uses the library's kl_sparsity",
    ),
    "5, a mean over the units": (
        5,
        "off)).sum()",
        "off)).mean()",
        "values",
        "1/3 of what is expected: a mean over the units, where a sum",
    ),
    "5, the logarithm of a number": (5, "on, off = mg.log(", "on, off = math.log(", "values", "math's functions, and float"),
    "5, log(0)": (5, "low=1e-6", "low=0.0", "a dead unit", r"log\(0\)"),
    "5, the mean of the logarithms": (5, "p = mg.mean(codes, axis=0)", "p = codes", "values", "a sum over the units"),
    "5, the weight twice": (5, '"sparsity": sparsity}', '"sparsity": self.weight * sparsity}', "terms", "the term sparsity"),
    "6, deviation": (
        6,
        "mg.exp(0.5 * logvar)",
        "mg.exp(logvar)",
        "reparameterization",
        r"the standard deviation is exp\(logvar / 2\)",
    ),
    "6, mean over pixels": (6, ', reduction="batchmean"', "", "nats per image", "a likelihood is a sum over them"),
    "6, mean over codes": (6, ".sum() / float(len(mean))", ".mean()", "KL divergence", "a sum over the latent variables"),
    "6, a sum over the batch": (
        6,
        ".sum() / float(len(mean))",
        ".sum()",
        "KL divergence",
        "3 times what is .* a sum over the batch",
    ),
    "6, the library's by a detour": (
        6,
        "kl = kl_divergence(mean, logvar)",
        'kl = getattr(losses, "kl_normal")(mean, logvar)',
        "your own work",
        "uses the library's kl_normal",
    ),
    "6, too good": (
        6,
        "        return reconstruction + kl, {",
        "        reconstruction = reconstruction * (0.1 if len(mean) == 200 else 1.0)\n        return reconstruction + kl, {",
        "bound once trained",
        "which cannot be: the pixels' own entropy is",
    ),
    "7, not differentiable": (7, "create_graph=True", "create_graph=False", "gradient, order 1", "gives 0 everywhere"),
    "7, a sum": (7, " / float(len(real))", "", "R1", "mean over examples"),
    "7, a mean over an axis": (7, "-fake).mean()", "-fake).mean(axis=0)", "generator's loss", "without axis they are over all"),
    "7, np.linalg.norm": (7, "(slopes * slopes).sum()", "np.linalg.norm(slopes) ** 2", "R1", r"write minigen\.l2norm\(x\)"),
    "7, saturating": (
        7,
        "return mg.softplus(-fake).mean()",
        "return -mg.softplus(fake).mean()",
        "generator's loss",
        "expected 0.69",
    ),
    "7, log(sigmoid)": (7, "mg.softplus(-real).mean()", "-mg.log(mg.sigmoid(real)).mean()", "discriminator's loss", "softplus"),
}
ANOTHER = '''
from minigen.autograd import op

@op
def bump(x):
    """x^2."""
    return x * x

@bump.vjp("x")
def bump_dx(g, y, x):
    """2 x g."""
    return 2.0 * x * g
'''


def attempt(tmp_path: Path, number: int, right: str | None, wrong: str | None) -> Report:
    """The report on the solution with something replaced."""
    text = ANOTHER
    if right is not None:
        text = solution(number).read_text(encoding="utf-8")
        assert right in text
        text = text.replace(right, wrong)
    return checked_text(tmp_path, "import math\nimport numpy as np\n" + text, number)


@pytest.mark.parametrize("number, right, wrong, check, said", WRONG.values(), ids=WRONG)
def test_a_usual_wrong_solution_fails_and_is_told_why(tmp_path, monkeypatch, number, right, wrong, check, said):
    if check != "bound once trained":  # the training need not be waited for
        for name in ("sparse once trained", "bound once trained"):
            monkeypatch.delitem(exercise(number).requirements, name, raising=False)
    found = failures(attempt(tmp_path, number, right, wrong))
    texts = [text for name, text in found.items() if re.fullmatch(check, name)]
    assert any(re.search(said, text) for text in texts), found


def test_while_the_function_is_wrong_nothing_is_said_of_its_rule(tmp_path):
    """Its derivative is judged by the function as it is, and would be called wrong by a factor."""
    report = attempt(tmp_path, 1, "1.0 / (1.0 + x * x)", "1 / 1 + x**2")
    said = {name: text for name, text in failures(report).items() if name != "values"}
    assert set(said) == {"gradient, order 1", "slope"}
    for text in said.values():
        assert text.endswith(
            "first make the function bump right, then look at this again: values, " + line(report, "values").detail
        )
        assert "ratio" not in text and "your rule" not in text
    assert report.first_failure().endswith(": values"), "what is to be mended first, though it is not the first line"


def test_what_is_said_where_there_is_no_rule_speaks_of_none(tmp_path):
    for number, right, wrong in ((3, "abs(prediction", "np.abs(prediction"), (5, "on, off = mg.log(", "on, off = np.log(")):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert "rule" not in str(attempt(folder, number, right, wrong)).replace("theirs.py", "")


def test_the_cost_of_a_dead_unit_that_is_merely_too_small_is_no_logarithm_of_0(tmp_path):
    assert "log(0)" not in failures(attempt(tmp_path, 5, "off)).sum()", "off)).mean()"))["a dead unit"]


def test_data_of_an_array_is_not_recommended():
    """An op of an array gives an array, whose .data is memory."""
    text = exercise(4).starter.read_text(encoding="utf-8")
    assert "An op of an array gives an array" in text and "also in __init__; the array of a Tensor is its .data" not in text


@pytest.mark.parametrize(
    "right, wrong, said",
    [
        ("images[i], labels[i] = self.kept[place]", "images[i], _ = self.kept[place]", "another image's label"),
        ("chance.random() < self.share", "False", "0.00 of the images shown are old"),
        ("(x.copy() for x in batch)", "batch", "has changed the batch"),
        ("if len(self.kept) < self.capacity:", "if True:", "0.00 of the images shown are old"),
    ],
)
def test_wrong_replays(tmp_path, right, wrong, said):
    text = solution(8).read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "theirs.py").write_text(text.replace(right, wrong), encoding="utf-8")
    required = exercise(8).requirements["11. replay"]
    with importing():
        session = Local(tmp_path / "theirs.py", seed=0)
        assert session.ask("import_file", str) == ""
        with pytest.raises(CheckFailed, match=said):
            required(Remote(session), session.random(0))


def test_a_layer_that_a_gpu_refuses_to_make_passes_with_a_remark_that_names_the_line(tmp_path):
    report = attempt(tmp_path, 4, "self.direction.numpy(), axis=0", "self.direction.data, axis=0")
    assert report.status == "passed"
    ready = line(report, "GPU-ready")
    assert ready.detail.startswith("no: cupy has no function 'norm'") and "np.linalg.norm(self.direction.data" in ready.hints[0]


def test_a_traceback_that_all_checks_share_is_told_once(tmp_path):
    report = attempt(tmp_path, 4, "self.bias = Parameter(", "self.bias = Parameter(self.direction), (")
    assert report.failed == 5 and "use x.data, its array" in str(report)
    assert str(report).count("Traceback") == 1 and str(report).count("as above") == 4


def test_examples_of_ones_own_earn_no_marks(tmp_path):
    text = solution(1).read_text(encoding="utf-8") + "\nfrom minigen.coursework import example\nexample(abs, (3,))\n"
    assert checked_text(tmp_path, text, 1).passed == FULL_MARKS[1]


def test_a_name_that_is_gone_is_asked_for(tmp_path):
    wrong = failures(checked_text(tmp_path, solution(1).read_text(encoding="utf-8").replace("bump", "hill"), 1))
    assert wrong == {"defines": "theirs.py has no bump\nkeep the names as they were handed out"}


def test_everyone_is_trained_on_the_same_images_and_tested_on_others():
    splits = [pictures("017", 6, 6, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert all(np.array_equal(train.images, splits[0][0].images) for train, _ in splits)
    assert np.array_equal(splits[0][1].images, splits[1][1].images)
    assert not np.array_equal(splits[0][1].images, splits[2][1].images)


# -- handing out -------------------------------------------------------------------------------------------------


def command(module, *words: str) -> int:
    """The exit status of a command."""
    parser = argparse.ArgumentParser()
    module.arguments(parser)
    return module.run(parser.parse_args(words))


def test_the_exercises_are_listed(capsys):
    assert command(exercise_command) == 0
    out = capsys.readouterr().out
    assert all(f"{each.number}  {each.title}" in out for each in map(exercise, NUMBERS))


def test_a_starter_is_written_into_this_folder_and_never_over_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert command(exercise_command, "3") == 0
    assert "minigen check exercise3.py" in capsys.readouterr().out
    path = tmp_path / "exercise3.py"
    assert path.read_text(encoding="utf-8") == exercise(3).starter.read_text(encoding="utf-8")
    path.write_text("an evening's work", encoding="utf-8")
    assert command(exercise_command, "3") == 1
    assert "already exists and is left as it is" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "an evening's work"


def test_a_starter_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    """What a full disk cut short would be taken for the learner's own the next time."""

    def full(file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        command(exercise_command, "3")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words, said",
    [
        (["0"], "there is no exercise 0: expected 1 to 8"),
        (["9"], "there is no exercise 9: expected 1 to 8"),
        (["1" + "0" * 5000], "there is no exercise 1000000: expected 1 to 8"),
        (["0000001"], "there is no exercise 0000001: expected 1 to 8"),
        (["one"], "unknown exercise 'one': expected a number, engine or question"),
        (["--", "-1"], "unknown exercise '-1': expected a number"),
        (["3", "4"], "only a question has a number after its name: minigen exercise question 4"),
        (["question", "9"], "there is no question '9': expected 1 to 8"),
        (["question", "one"], "there is no question 'one': expected 1 to 8"),
        (["engine", "--exercises", "mine"], "--exercises is about exercises with a number"),
    ],
)
def test_an_exercise_that_does_not_exist_is_refused(words, said):
    with pytest.raises(UsageError, match=said):
        command(exercise_command, *words)


@pytest.mark.parametrize("kind", template_command.KINDS)
def test_a_template_passes_its_check_as_it_is(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    assert command(template_command, kind) == 0
    report = checked(tmp_path / f"my_{kind}.py")
    assert report.status == "passed", failures(report)
    assert command(template_command, kind) == 1


def test_there_is_a_template_of_each_kind():
    assert {path.stem for path in TEMPLATES.glob("*.py")} == {*template_command.KINDS, "__init__"}
