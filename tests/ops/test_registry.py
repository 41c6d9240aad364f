"""Every op of minigen has samples, and every sample holds: its rules are right to second order, on every backend, in both
dtypes, for every memory layout."""

import contextlib
import inspect
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import minigen
from minigen.autograd import OPS, Tensor, grad, gradcheck
from minigen.backend import to_numpy
from minigen.errors import GradcheckError
from minigen.ops import im2col
from tests.inventory import ops
from tests.samples import SAMPLES, Sample, differentiable

# An op without samples fails by name in the first test, not in each.
SAMPLED = [op for op in ops(minigen) if op in SAMPLES]
each_op = pytest.mark.parametrize("op", SAMPLED, ids=lambda op: op.removeprefix("minigen.ops."))


def samples_of(op: str) -> Iterator[tuple[Sample, contextlib.AbstractContextManager]]:
    """Each sample, and a context that names it when something in it fails."""
    for number, sample in enumerate(SAMPLES[op]):
        yield sample, named(f"{op}, sample {number}: {sample}")


@contextlib.contextmanager
def named(text: str) -> Iterator[None]:
    """Begin the message of a failure with `text`."""
    try:
        yield
    except Exception as error:
        raise AssertionError(f"{text}\n{type(error).__name__}: {error}") from error


def value_and_gradients(sample: Sample, op: str, arrays: list, dtype: type = np.float64) -> list[np.ndarray]:
    """The result of a sample at `arrays`, and its gradients for a fixed random cotangent that must not be written to."""
    tensors = [Tensor(minigen.asarray(x), requires_grad=True) for x in arrays]
    y = sample.function(op, dtype)(*tensors)
    u = np.asarray(np.random.default_rng(1).standard_normal(y.shape)).astype(dtype)
    u.flags.writeable = False
    return [y.numpy(), *(g.numpy() for g in grad(y, tensors, minigen.asarray(u)))]


# -- the registry ------------------------------------------------------------------------------------------------


def test_every_op_has_samples_and_every_sample_has_an_op():
    existing = set(ops(minigen))
    assert existing - set(SAMPLES) == set(), "ops without samples: enter calls of them in tests/samples.py"
    assert set(SAMPLES) - existing == set(), "samples of ops that do not exist"


@each_op
def test_every_input_has_a_rule_or_is_declared_non_differentiable(op):
    inputs, rules, non_differentiable = OPS[op].inputs, OPS[op].rules, OPS[op].non_differentiable
    missing = set(inputs) - set(rules) - set(non_differentiable)
    assert not missing, f"write rules for {missing}, or declare them in @op(non_differentiable=...)"
    assert set(rules) | set(non_differentiable) == set(inputs)
    assert not set(rules) & set(non_differentiable)


@each_op
def test_the_op_and_its_rules_have_docstrings(op):
    for function in (OPS[op].forward, *OPS[op].rules.values()):
        assert inspect.getdoc(function), f"{function.__name__} has no docstring"


@each_op
def test_every_rule_is_run_by_some_sample(op):
    differentiated = set()
    for sample in SAMPLES[op]:
        names = OPS[op].inputs * len(sample.arguments) if OPS[op].variadic else OPS[op].inputs
        differentiated |= {name for name, x in zip(names, sample.arguments) if differentiable(x)}
    assert differentiated == set(OPS[op].rules)


@each_op
def test_some_sample_runs_all_rules_together(op):
    """Order 2 has mixed derivatives: how the derivative by one input changes with another."""
    arguments = [sample.arguments for sample in SAMPLES[op]]
    if OPS[op].variadic:
        assert any(sum(map(differentiable, each)) > 1 for each in arguments)
    else:
        by_rule = [position for position, name in enumerate(OPS[op].inputs) if name in OPS[op].rules]
        assert any(all(position < len(each) and differentiable(each[position]) for position in by_rule) for each in arguments)


@each_op
def test_no_sample_is_content_with_first_derivatives(op):
    assert all(sample.order >= 2 for sample in SAMPLES[op])


@each_op
def test_the_graph_of_a_sample_contains_the_op_and_all_its_inputs(op):
    for sample, name in samples_of(op):
        with name:
            tensors = [Tensor(x, requires_grad=True) for x in sample.arrays]
            y = sample.function(op)(*tensors)
            assert y.op is OPS[op]
            assert list(map(id, filter(lambda x: isinstance(x, Tensor), y.inputs))) == list(map(id, tensors))


# -- the rules ---------------------------------------------------------------------------------------------------


@each_op
def test_every_sample_passes_the_gradient_check(backend, op):
    for sample, name in samples_of(op):
        with name:
            gradcheck(sample.function(op), *sample.arrays, order=sample.order)


@pytest.mark.parametrize(
    ("op", "rule", "position"),
    [
        pytest.param(op, rule, position, id=f"{op.removeprefix('minigen.ops.')}, {rule}: {name}")
        for op in SAMPLED
        for rule in OPS[op].rules
        for position, name in enumerate(("the result", *OPS[op].inputs))
    ],
)
def test_a_rule_that_detached_its_argument_would_be_found(op, rule, position, monkeypatch):
    """Right at order 1, wrong at order 2. An argument on which the derivative depends only in steps, as a gate does, may be."""
    right, reached = OPS[op].rules[rule], []

    def detaching(g, *arguments, **attributes):
        if isinstance(g, Tensor):
            end = len(arguments) if OPS[op].variadic and position else position + 1
            copies = [Tensor(x.data, requires_grad=True) if isinstance(x, Tensor) else x for x in arguments[position:end]]
            arguments = (*arguments[:position], *copies, *arguments[end:])
            result = right(g, *arguments, **attributes)
            leaves = [x for x in copies if isinstance(x, Tensor)]
            if result.requires_grad and leaves:
                reached.extend(slope.data.any() for slope in grad(result, leaves, result, allow_unused=True))
        return right(g, *arguments, **attributes)

    monkeypatch.setitem(OPS[op].rules, rule, detaching)
    found = any(is_wrong(sample, op) for sample in SAMPLES[op])
    assert found or not any(reached), (
        "the derivative depends on this argument, and no sample notices when it is taken for a constant"
    )


def is_wrong(sample: Sample, op: str) -> bool:
    """Whether the gradient check of a sample fails."""
    try:
        gradcheck(sample.function(op), *sample.arrays)
    except GradcheckError:
        return True
    return False


@each_op
def test_a_device_gives_the_numbers_of_numpy(device, op):
    for sample, name in samples_of(op):
        with name:
            minigen.use("numpy")
            expected = value_and_gradients(sample, op, sample.arrays)
            minigen.use(device)
            for got, want in zip(value_and_gradients(sample, op, sample.arrays), expected, strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


@each_op
def test_float32_stays_float32_and_agrees_with_float64(backend, op):
    for sample, name in samples_of(op):
        with name:
            exact = value_and_gradients(sample, op, sample.arrays)
            single = value_and_gradients(sample, op, [x.astype(np.float32) for x in sample.arrays], np.float32)
            for got, want in zip(single, exact, strict=True):
                assert got.dtype == np.float32
                scale = max(np.abs(want).max(initial=0.0), 1.0)
                np.testing.assert_allclose(got / scale, want / scale, rtol=0, atol=1e-4)


# -- memory ------------------------------------------------------------------------------------------------------


def fortran(x: np.ndarray) -> np.ndarray:
    """Column by column."""
    return np.array(x, order="F")


def strided(x: np.ndarray) -> np.ndarray:
    """Every second element along every axis of a larger array."""
    larger = np.full([2 * n for n in x.shape], np.nan)
    view = larger[(Ellipsis, *(slice(None, None, 2) for _ in x.shape))]
    view[...] = x
    return view


def backwards(x: np.ndarray) -> np.ndarray:
    """From the last element to the first, along every axis."""
    return np.flip(np.flip(x).copy())


def read_only(x: np.ndarray) -> np.ndarray:
    """In memory that cannot be written to."""
    x = x.copy()
    x.flags.writeable = False
    return x


@pytest.mark.parametrize("layout", [fortran, strided, backwards, read_only])
@each_op
def test_the_memory_layout_does_not_matter(op, layout):
    for sample, name in samples_of(op):
        with name:
            expected = value_and_gradients(sample, op, sample.arrays)
            for got, want in zip(value_and_gradients(sample, op, list(map(layout, sample.arrays))), expected, strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


@each_op
def test_neither_inputs_nor_result_nor_cotangent_are_modified(backend, op):
    for sample, name in samples_of(op):
        with name:
            tensors = [Tensor(minigen.asarray(x.copy()), requires_grad=True) for x in sample.arrays]
            y = sample.function(op)(*tensors)
            result = y.numpy().copy()
            u = minigen.asarray(np.random.default_rng(1).standard_normal(y.shape))
            cotangent = to_numpy(u).copy()
            grad(y, tensors, u)
            np.testing.assert_array_equal(to_numpy(u), cotangent, err_msg="a rule has changed the cotangent")
            np.testing.assert_array_equal(y.numpy(), result, err_msg="a rule has changed the result")
            for x, array in zip(tensors, sample.arrays):
                np.testing.assert_array_equal(x.numpy(), array, err_msg="an input has been changed")


@each_op
def test_no_uninitialized_memory_shows(op, monkeypatch):
    """What an op or a rule reserves it also writes, all of it: were the memory full of NaN, the values would be the same."""
    for sample, name in samples_of(op):
        with name:
            expected = value_and_gradients(sample, op, sample.arrays)
            with monkeypatch.context() as within:
                within.setattr(im2col, "_local", threading.local())  # a workspace that nothing was written to yet
                for reserve in ("empty", "empty_like"):
                    within.setattr(np, reserve, full_of_nan(getattr(np, reserve)))
                results = value_and_gradients(sample, op, sample.arrays)
            for got, want in zip(results, expected, strict=True):
                np.testing.assert_array_equal(got, want)


def full_of_nan(reserve: Callable) -> Callable:
    """np.empty or np.empty_like, whose floating-point arrays begin as NaN."""

    def reserved(*arguments, **options):
        x = reserve(*arguments, **options)
        if x.dtype.kind == "f":
            x.fill(np.nan)
        return x

    return reserved
