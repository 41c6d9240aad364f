"""The engine in ten steps: each file runs by itself, prints what it promises, and notices its mistakes; the last one computes what
minigen does."""

import ast
import gc
import math
import re
import runpy
from types import SimpleNamespace

import numpy as np
import pytest

import minigen as mg
from minigen.commands import main
from minigen.coursework.handouts import STEPS
from tests.docs.pages import PAGES

NAMES = [path.stem for path in STEPS]


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Runs a file as `python step_01.py` does; returns what it printed."""
    monkeypatch.chdir(tmp_path)

    def runs(path):
        try:
            runpy.run_path(str(path), run_name="__main__")
        finally:
            gc.enable()  # one of them switches it off
        return capsys.readouterr().out

    return runs


def loaded(number):
    """The names of a step, without its demonstration."""
    return SimpleNamespace(**runpy.run_path(str(STEPS[number - 1])))


def promised(text):
    """What a step's docstring says that it prints."""
    block = re.search(r"^It prints:\n\n(.*?)\n\nTry: ", ast.get_docstring(ast.parse(text), clean=False), re.DOTALL | re.MULTILINE)
    return "".join(f"{line.removeprefix('    ')}\n" for line in block[1].splitlines())


# -- each by itself ------------------------------------------------------------------------------------------------


def test_there_are_ten_and_the_page_shows_each_from_its_source():
    assert NAMES == [f"step_{number:02d}" for number in range(1, 11)]
    page = PAGES["docs/guide/engine-steps.md"]
    assert re.findall(r"^<!-- file: minigen/coursework/engine/(\w+)\.py -->$", page, re.MULTILINE) == NAMES
    assert re.findall(r"^## \d+\. .*\n\n.*\(\.\./\.\./minigen/coursework/engine/(\w+)\.py\)", page, re.MULTILINE) == NAMES


@pytest.mark.parametrize("path", STEPS, ids=NAMES)
def test_a_step_prints_what_it_promises(path, run):
    text = path.read_text(encoding="utf-8")
    assert run(path) == promised(text)
    assert text.startswith(f'"""Step {int(path.stem[-2:])}: ')


@pytest.mark.parametrize("path", STEPS, ids=NAMES)
def test_a_step_needs_nothing_but_numpy(path):
    """Five of them not even that; and none is long."""
    text = path.read_text(encoding="utf-8")
    nodes = list(ast.walk(ast.parse(text)))
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    assert names <= {"contextlib", "gc", "inspect", "itertools", "math", "numpy", "weakref"}
    assert ("numpy" in names) == (int(path.stem[-2:]) > 5)
    assert len(text.splitlines()) <= 345


# A step, a mistake in it; its own checks must see it.
MISTAKES = {
    "the other factor": (1, "return g * y", "return g * x"),
    "a use that is forgotten": (1, "dy + multiply_dy(dz, x, y)", "multiply_dy(dz, x, y)"),
    "a power": (2, "g * 2 * x.value", "g * x.value"),
    "a link that is left out": (3, "variable.rule(variable.grad)", "variable.rule(1.0)"),
    "not added": (4, "parent.grad += rule", "parent.grad = rule"),
    "the oldest first": (4, "key=lambda each: each.number, reverse=True", "key=lambda each: each.number"),
    "a sign": (5, "return self + other * -1.0", "return self * -1.0 + other"),
    "not transposed": (6, "g @ other.data.T, lambda g: self.data.T @ g", "g @ other.data.T, lambda g: -(self.data.T @ g)"),
    "grad is overwritten": (6, "g if tensor.grad is None else tensor.grad + g", "g"),
    "a stretched axis that stays": (7, "g.sum(axis=stretched, keepdims=True)", "g[tuple(slice(0, n) for n in shape)]"),
    "every rule": (8, "if not (isinstance(parent, Tensor) and parent.requires_grad):", "if not isinstance(parent, Tensor):"),
    "both of two": (8, "np.where(condition, 0.0, g)", "g"),
    "a graph that stays": (9, "                tensor.parents = FREED", "                pass"),
    "a graph that is kept": (9, "        alive.add(self)", "        alive.add(self)\n        self.itself = self"),
    "recorded all the same": (9, "if recording and any(", "if any("),
    "a constant": (10, "g * (1 - y * y)", "g * (1 - array_of(y) * array_of(y))"),
    "no graph of the derivative": (10, "with record(create_graph):", "with no_grad():"),
    "not summed up": (10, "if gx.shape != parent.shape:", "if False:"),
    "the exponent's rule": (10, "g * y * log(", "g * log("),
}


@pytest.mark.parametrize("number, right, wrong", MISTAKES.values(), ids=MISTAKES)
def test_a_step_notices_a_mistake(number, right, wrong, run, tmp_path):
    text = STEPS[number - 1].read_text(encoding="utf-8")
    assert text.count(right) == 1
    path = tmp_path / "step.py"
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    with pytest.raises((AssertionError, ValueError, RuntimeError)):
        run(path)


@pytest.mark.parametrize("number", [6, 7, 8, 9, 10])
@pytest.mark.parametrize("shapes", [((3, 3), (3,)), ((3,), (3, 3)), ((2, 3, 3), (3, 3))])
def test_products_are_of_matrices(number, shapes):
    """NumPy multiplies others, too: the rules would be wrong for them, in silence."""
    step = loaded(number)
    a, b = (step.Tensor(np.ones(shape)) for shape in shapes)
    with pytest.raises(ValueError, match="@ multiplies matrices, got shapes"):
        a @ b


# -- against derivatives measured here -------------------------------------------------------------------------------


def slopes(f, values, h=1e-6):
    """The derivative of f by each of its numbers, measured."""
    sides = [[f(*(v + side * h * (i == j) for j, v in enumerate(values))) for side in (1, -1)] for i in range(len(values))]
    return [(above - below) / (2 * h) for above, below in sides]


@pytest.mark.parametrize("number", [4, 5])
def test_a_graph_of_numbers(number):
    step = loaded(number)

    def f(x, y, add=lambda x, y: x + y, multiply=lambda x, y: x * y):
        z = multiply(add(x, y), x)
        return add(multiply(z, z), multiply(z, y))

    named = {"add": step.add, "multiply": step.multiply} if number == 4 else {}
    x, y = step.Variable(0.7), step.Variable(-1.3)
    f(x, y, **named).backward()
    np.testing.assert_allclose([x.grad, y.grad], slopes(f, [0.7, -1.3]), rtol=1e-7)


@pytest.mark.parametrize("number", range(6, 11))
def test_a_graph_of_arrays(number):
    """Of one shape in step 6, of two that broadcast from step 7 on."""
    step, rng = loaded(number), np.random.default_rng(number)
    wanted = {"requires_grad": True} if number >= 8 else {}
    arrays = [rng.standard_normal(shape) for shape in ((3, 2), (3, 2) if number == 6 else (2,), (2, 4))]

    def f(x, y, w):
        return (((x * y - x + 2.0 * y) @ w) ** 2).sum() * 0.5

    tensors = [step.Tensor(x, **wanted) for x in arrays]
    f(*tensors).backward()
    for i, tensor in enumerate(tensors):
        u = rng.standard_normal(arrays[i].shape)

        def along(t, i=i, u=u):
            return f(*arrays[:i], arrays[i] + t * u, *arrays[i + 1 :])

        assert tensor.grad.shape == arrays[i].shape and tensor.grad.dtype == np.float64
        np.testing.assert_allclose([(tensor.grad * u).sum()], slopes(along, [0.0]), rtol=1e-6)


# -- the last step, and minigen ----------------------------------------------------------------------------------------


def expression(ops, leaves, rng):
    """A number that is computed from these leaves, by operations that rng chooses: the same ones for every engine."""
    pool = list(leaves)
    for _ in range(12):
        x, y = (pool[rng.integers(len(pool))] for _ in range(2))
        kind = rng.integers(15)
        constant, condition = rng.standard_normal(x.shape), rng.random(x.shape) < 0.5
        together = np.broadcast_shapes(x.shape, y.shape) if fits(x, y) else None
        if kind == 0 and together is not None:
            z = x + y * 0.5
        elif kind == 1 and together is not None:
            z = ops.tanh(x) * y
        elif kind == 2 and together is not None:
            z = (x - y) / (1.5 + y**2)
        elif kind == 3 and together is not None:
            z = ops.where(np.broadcast_to(condition, together), x, y)
        elif kind == 4 and len(x.shape) == len(y.shape) == 2:
            z = x.T @ x @ (constant.T @ constant) if x.shape[1] != y.shape[0] else x @ y
        elif kind == 5:
            z = ops.exp(ops.tanh(x)) - constant * x
        elif kind == 6:
            z = ops.log(1.0 + x**2)
        elif kind == 7 and len(x.shape) > 0:
            z = x.sum(axis=int(rng.integers(-len(x.shape), len(x.shape))), keepdims=bool(rng.integers(2)))
        elif kind == 8:
            z = x.reshape(int(np.prod(x.shape, dtype=int)))
        elif kind == 9:
            z = 2.0 / (1.5 + ops.tanh(x)) - x**3 * 0.1
        elif kind == 10 and together is not None:
            z = (1.0 + x**2) ** ops.tanh(y)
        elif kind == 11 and len(x.shape) == 2:
            z = x.sum(axis=(0, -1), keepdims=bool(rng.integers(2)))
        elif kind == 12:
            z = ops.tanh(x) ** rng.integers(4, size=x.shape).astype(float)  # exponents of 0 among them
        elif kind == 13:
            z = (x * condition) ** 2 + (x * condition) ** 0 * constant  # 0 among the numbers
        else:
            z = 1.0 - (-x) * constant
        pool.append(ops.tanh(z))  # so that nothing grows without bound
    return sum(((x * rng.standard_normal(x.shape)) ** 2).sum() for x in pool)


def fits(x, y):
    """Whether two shapes broadcast."""
    return all(n == m or 1 in (n, m) for n, m in zip(x.shape[::-1], y.shape[::-1]))


def derivatives(engine, grad, arrays, seed):
    """Of an expression its value, its first derivatives in three ways, and the derivatives of their weighted sum."""
    leaves = [engine.Tensor(x, requires_grad=True) for x in arrays]
    y = expression(engine, leaves, np.random.default_rng(seed))
    first = grad(y, leaves, create_graph=True)
    weights = [np.random.default_rng([seed, i]).standard_normal(x.shape) for i, x in enumerate(arrays)]
    second = grad(sum((g * w).sum() for g, w in zip(first, weights)), leaves)
    plain = [g.data for g in grad(y, leaves)]
    y.backward()
    return [y.data, *(g.data for g in first), *(g.data for g in second), *plain, *(x.grad for x in leaves)]


@pytest.mark.parametrize("seed", range(40))
def test_the_last_step_computes_what_minigen_does(seed):
    rng = np.random.default_rng([1, seed])
    arrays = [rng.standard_normal(shape) for shape in ((), (3,), (2, 1), (2, 3))]
    step = loaded(10)
    ours = derivatives(step, step.grad, arrays, seed)
    theirs = derivatives(mg, mg.grad, arrays, seed)
    for got, expected in zip(ours, theirs, strict=True):
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


POWERS = [(2.0, 3.0), (0.5, -1.5), (0.0, 2.0), (0.0, 1.0), (0.0, 0.0), (3.0, 0.0), (-2.0, 2.0), (-2.0, 0.0)]  # base, exponent


@pytest.mark.parametrize("by", [(True, False), (False, True), (True, True)], ids=["base", "exponent", "both"])
def test_a_power_is_differentiated_by_both_as_in_minigen(by):
    """By the exponent where the base is not negative; at 0 as minigen defines it."""
    bases, exponents = np.array([pair for pair in POWERS if pair[0] >= 0 or not by[1]]).T
    found = []
    for engine in (loaded(10), mg):
        x, p = (engine.Tensor(each, requires_grad=wanted) for each, wanted in zip((bases, exponents), by))
        leaves = [each for each, wanted in zip((x, p), by) if wanted]
        first = engine.grad((x**p).sum(), leaves, create_graph=True)
        keep = (bases > 0) | (exponents == 2.0)  # where there is a second derivative
        second = engine.grad(sum((g * g * keep).sum() for g in first), leaves)
        found.append([each.data for each in first] + [each.data * keep for each in second])
    for ours, theirs in zip(*found, strict=True):
        assert np.isfinite(theirs[bases >= 0]).all()
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_step_9_differentiates_by_an_exponent():
    step = loaded(9)
    p = step.Tensor([3.0, -1.0], requires_grad=True)
    (step.Tensor([2.0, 0.5]) ** p).sum().backward()
    np.testing.assert_allclose(p.grad, [8.0 * np.log(2.0), 2.0 * np.log(0.5)])


def a_leaf(e, *shape):
    return e.Tensor(np.ones(shape), requires_grad=True)


# Mistakes, in either engine `e`: (what is done, what the last step says).
REFUSED = {
    "backward from a constant": (lambda e: e.Tensor(1.0).backward(), "no gradient is wanted"),
    "backward from what was not recorded": (lambda e: unrecorded(e).backward(), "no gradient is wanted"),
    "grad of a constant": (lambda e: e.grad(e.Tensor(1.0) * 2.0, [a_leaf(e)]), "no gradient is wanted"),
    "grad of a constant by itself": (lambda e: by_itself(e), "no gradient is wanted"),
    "grad by a constant": (lambda e: e.grad(a_leaf(e) * 2.0, [e.Tensor(1.0)]), r"y does not depend on xs\[0\]"),
    "grad by another": (lambda e: e.grad(a_leaf(e) * 2.0, [a_leaf(e)]), r"y does not depend on xs\[0\]"),
    "grad by a condition": (lambda e: by_a_condition(e), r"y does not depend on xs\[0\]"),
    "grad by no list": (lambda e: e.grad(a_leaf(e) * 2.0, a_leaf(e)), "not iterable"),
    "several numbers": (lambda e: (a_leaf(e, 3) * 2.0).backward(), "a derivative starts from a single number"),
    "grad of several numbers": (lambda e: e.grad(a_leaf(e, 3) * 2.0, [a_leaf(e)]), "a derivative starts from a single number"),
    "a graph that is freed": (lambda e: twice(e), "the graph has been freed"),
    "shapes that do not broadcast": (lambda e: a_leaf(e, 3) * a_leaf(e, 2), "could not be broadcast"),
    "matrices that do not fit": (lambda e: a_leaf(e, 2, 3) @ a_leaf(e, 2, 3), "mismatch"),
    "another number of elements": (lambda e: a_leaf(e, 3).reshape(2), "cannot reshape"),
    "an axis that is not there": (lambda e: a_leaf(e, 3).sum(axis=1), "out of bounds"),
    "a ufunc": (lambda e: np.exp(a_leaf(e, 3)), "does not support ufuncs"),
    "a mean of NumPy": (lambda e: np.mean(a_leaf(e, 3)), "a function of NumPy remembers nothing"),
    "a choice of NumPy": (lambda e: np.where(True, a_leaf(e, 3), 0.0), "a function of NumPy remembers nothing"),
    "an array": (lambda e: np.asarray(a_leaf(e, 3)), "a function of NumPy remembers nothing"),
    "math": (lambda e: math.exp(a_leaf(e, 3)), "must be real number"),
    "a text": (lambda e: a_leaf(e, 3) * "2", "ufunc"),
    "None": (lambda e: a_leaf(e, 3) + None, "unsupported operand"),
}


def by_itself(e):
    x = e.Tensor(1.0)
    return e.grad(x, [x])


def unrecorded(e):
    with e.no_grad():
        return a_leaf(e) * 2.0


def by_a_condition(e):
    condition = a_leaf(e, 3)
    return e.grad((e.where(condition, a_leaf(e, 3), 0.0) + 0.0 * a_leaf(e, 3)).sum(), [condition])


def twice(e):
    y = (a_leaf(e, 3) ** 2).sum()
    y.backward()
    y.backward()


@pytest.mark.parametrize("mistake, said", REFUSED.values(), ids=REFUSED)
def test_what_the_last_step_refuses_minigen_refuses(mistake, said):
    with pytest.raises(Exception, match=said) as ours:
        mistake(loaded(10))
    with pytest.raises(Exception) as theirs:
        mistake(mg)
    assert AttributeError not in (ours.type, theirs.type), "what is asked for is in both"


@pytest.mark.parametrize("number", [8, 9])
def test_backward_from_a_constant_is_refused(number):
    step = loaded(number)
    with pytest.raises(ValueError, match="no gradient is wanted: nothing that this was computed from has requires_grad=True"):
        (step.Tensor(1.0) * 2.0).backward()


@pytest.mark.parametrize("rule, shape", [(lambda g: g.sum(), r"\(\)"), (lambda g: g.T, r"\(4, 3\)")], ids=["a sum", "T"])
@pytest.mark.parametrize("number", [8, 9, 10])
def test_a_rule_that_gives_another_shape_is_refused(number, rule, shape):
    step = loaded(number)
    double = step.Op("double", lambda x: 2.0 * x, x=lambda g, y, x: 2.0 * rule(g))
    with pytest.raises(ValueError, match=rf"a rule gave a gradient of shape {shape} for an input of shape \(3, 4\)"):
        double(step.Tensor(np.ones((3, 4)), requires_grad=True)).sum().backward()


def test_gradients_of_the_last_step_are_arrays_of_their_own():
    step = loaded(10)
    a, b = (step.Tensor(np.ones(2), requires_grad=True) for _ in range(2))
    da, db = step.grad((a + b).sum(), [a, b])
    da.data -= 1.0
    np.testing.assert_array_equal(db.data, [1.0, 1.0])


def test_the_last_step_gives_arrays_for_arrays_and_frees_as_minigen_does():
    step = loaded(10)
    x = np.ones(3)
    assert type(step.tanh(x)) is type(mg.tanh(x)) is np.ndarray
    for engine, error in ((step, RuntimeError), (mg, mg.errors.GraphError)):
        x = engine.Tensor(np.ones(3), requires_grad=True)
        y = (x * x).sum()
        y.backward(retain_graph=True)
        y.backward()
        np.testing.assert_array_equal(x.grad, [4.0, 4.0, 4.0])
        a, b = (engine.Tensor(np.ones(2), requires_grad=True) for _ in range(2))
        (a + b).sum().backward()
        assert not np.shares_memory(a.grad, b.grad)
        with pytest.raises(error, match="freed"):
            y.backward()
        with engine.no_grad():
            assert not (x * x).requires_grad
    x, other = (step.Tensor(1.0, requires_grad=True) for _ in range(2))
    with pytest.raises(ValueError, match=r"y does not depend on xs\[1\]"):
        step.grad(x * x, [x, other])


# -- handed out --------------------------------------------------------------------------------------------------------


def test_the_steps_are_written_into_a_new_folder_and_never_over_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["exercise", "engine"]) == 0
    assert "python engine/step_01.py" in capsys.readouterr().out
    assert [path.read_bytes() for path in sorted((tmp_path / "engine").iterdir())] == [path.read_bytes() for path in STEPS]
    (tmp_path / "engine/step_01.py").write_text("an evening's work", encoding="utf-8")
    assert main(["exercise", "engine"]) == 1
    assert "engine already exists and is left as it is" in capsys.readouterr().err
    assert (tmp_path / "engine/step_01.py").read_text(encoding="utf-8") == "an evening's work"
    assert [path.name for path in tmp_path.iterdir()] == ["engine"]


def test_a_disk_that_is_full_leaves_no_half_of_the_steps(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("minigen.coursework.handouts.STEPS", [*STEPS[:3], tmp_path / "that is not there"])
    assert main(["exercise", "engine"]) == 1
    assert not list(tmp_path.iterdir())
