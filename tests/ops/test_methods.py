"""Tensor's methods: the list says what there is, with its signatures, and each is the function of that name."""

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest

import minigen
from minigen import Tensor, ops
from minigen.engine.methods import METHODS as LISTED
from minigen.engine.methods import Methods
from minigen.ops.methods import behind

METHODS = {name: behind(name) for name in LISTED}

# Exported functions that do not read as methods, and why.
FUNCTIONS = {
    "several arrays on an equal footing": "concatenate maximum minimum sigmoid_cross_entropy stack where",
    "works on images": """avg_pool2d blur2d conv2d conv2d_transpose conv2d_weight max_pool2d resize_bilinear sum_pool2d
        upsample_nearest2d""",
    "a step of networks": """adain dense dropout inv_rms kl_sparsity kl_standard_normal l1_sparsity minibatch_stddev pixel_norm
        reparameterize scale_shift with_labels""",
    "makes an array of labels, or of values and places": "one_hot scatter_add",
}
OPERATORS = {
    "absolute": "__abs__",
    "add": "__add__",
    "divide": "__truediv__",
    "getitem": "__getitem__",
    "matmul": "__matmul__",
    "multiply": "__mul__",
    "negative": "__neg__",
    "positive": "__pos__",
    "power": "__pow__",
    "subtract": "__sub__",
}
NAMED = sorted(set(METHODS) & set(ops.__all__))
X = np.random.default_rng(0).uniform(0.5, 1.0, (3, 1, 4))
REDUCTION = [{"axis": 0}, {"axis": (0, -1), "keepdims": True}]
SETTINGS = {  # beside the defaults, where there are any
    "broadcast_to": [{"shape": (2, 3, 5, 4)}],
    "center": [{"axis": 0}],
    "clip": [{"low": 0.6, "high": 0.9}],
    "crop": [{"widths": ((1, 0), (0, 0), (1, 2))}],
    "elu": [{"alpha": 0.5}],
    "expand_dims": [{"axis": 1}],
    "flatten": [{"start_axis": 1}],
    "l2norm": [*REDUCTION, {"axis": 0, "keepdims": False, "eps": 0.1}],
    "leaky_relu": [{"slope": 0.5}],
    "log_softmax": [{"axis": 0}],
    "masked": [{"keep": X > 0.7}, {"keep": X > 0.7, "scale": 2.0}],
    "normalize": [{"axis": 0, "eps": 0.1}],
    "pad": [{"widths": ((1, 0), (0, 0), (1, 2))}],
    "reshape": [{"shape": (4, 3)}],
    "softmax": [{"axis": 0}],
    "split": [{"sections": 3}, {"sections": 2, "axis": 2}],
    "squeeze": [{"axis": 1}],
    "sum_to": [{"shape": (1, 4)}],
    "swapaxes": [{"first": 0, "second": 2}],
    "take": [{"indices": np.array([2, 0])}, {"indices": np.array([2, 0]), "axis": -1}],
    "transpose": [{"axes": (2, 0, 1)}],
    **dict.fromkeys(("logsumexp", "max", "mean", "min", "std", "sum", "var"), REDUCTION),
}


def test_every_function_is_a_method_an_operator_or_stands_alone():
    alone = [name for names in FUNCTIONS.values() for name in names.split()]
    kinds = [*NAMED, *OPERATORS, *alone]
    missing = set(ops.__all__) - set(kinds)
    assert not missing, f"{missing}: enter methods in minigen/engine/methods.py, what does not read as one in FUNCTIONS"
    assert sorted(kinds) == sorted(ops.__all__), "each stands in one place, and is exported"


def test_the_list_is_what_there_is():
    assert {name for name in dir(Tensor) if name not in dir(object)} >= set(METHODS)
    assert all(vars(Tensor)[name] is METHODS[name] for name in METHODS)
    others = {name for name, value in vars(Tensor).items() if inspect.isfunction(value) and name not in METHODS}
    assert all(value.__module__.startswith("minigen.engine") for value in (vars(Tensor)[name] for name in others))


def values(result):
    """Those of a Tensor, or of several."""
    return [x.numpy() for x in result] if isinstance(result, list) else result.numpy()


@pytest.mark.parametrize("name", NAMED)
def test_methods_are_the_functions(name):
    """With their defaults, by name, and one after the other."""
    function, x = getattr(minigen, name), Tensor(X)
    original = getattr(function, "__wrapped__", function)
    _, *parameters = inspect.signature(original).parameters.values()
    settings = SETTINGS.get(name, [])
    if all(p.default is not p.empty for p in parameters):
        settings = [{}, *settings]
    assert settings, f"{name} needs arguments: give some in SETTINGS"
    for given in settings:
        expected = values(function(x, **given))
        np.testing.assert_equal(values(getattr(x, name)(*given.values())), expected)
        if name not in ("reshape", "transpose"):  # as in NumPy, of any number of arguments
            np.testing.assert_equal(values(getattr(x, name)(**given)), expected)


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_are_the_functions(name):
    function, operator, x, y = getattr(ops, name), OPERATORS[name], Tensor(X[:, 0]), Tensor(X[0, 0])
    others = {"getitem": [(slice(None), 1)], "absolute": [], "negative": [], "positive": []}.get(name, [y])
    expected = function(x, *others).numpy()
    np.testing.assert_array_equal(getattr(x, operator)(*others).numpy(), expected)
    reflected = operator.replace("__", "__r", 1)
    if reflected in METHODS:
        np.testing.assert_array_equal(getattr(y, reflected)(x).numpy(), expected)


def test_numpys_other_names_of_methods_work():
    x = Tensor(X)
    np.testing.assert_array_equal(x.ravel().numpy(), X.ravel())
    np.testing.assert_array_equal(x[:, 0].dot(X[0, 0]).numpy(), X[:, 0] @ X[0, 0])
    np.testing.assert_array_equal(x.T.numpy(), X.T)


def written() -> dict[str, ast.FunctionDef]:
    """The methods as editors and type checkers read them."""
    (listed,) = (
        node
        for node in ast.parse(Path(inspect.getfile(Methods)).read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name == "Methods"
    )
    return {node.name: node for node in listed.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", [name for name in NAMED + ["dot"] if name not in ("reshape", "transpose")])
def test_the_signature_that_is_read_is_the_one_that_runs(name):
    arguments = written()[name].args
    assert written()[name].returns is not None and all(each.annotation for each in arguments.args[1:])
    if isinstance(METHODS[name], property):
        return
    original = getattr(METHODS[name], "__wrapped__", METHODS[name])
    parameters = list(inspect.signature(original).parameters.values())[1:]
    assert len(parameters) == len(arguments.args) - 1
    required = len(parameters) - len(arguments.defaults)
    for given, parameter in zip(arguments.args[1:], parameters):
        assert given.arg == parameter.name or name == "dot"
    for parameter, default in zip(parameters, [inspect.Parameter.empty] * required + arguments.defaults):
        if default is inspect.Parameter.empty or ast.unparse(default) != "...":
            assert (default if isinstance(default, type) else ast.literal_eval(default)) == parameter.default


@pytest.mark.parametrize("name", [*LISTED, "backward"])
def test_a_method_is_documented(name):
    assert inspect.getdoc(getattr(Tensor, name)), name
    if name in ops.__all__ and name not in ("reshape", "transpose"):  # which take their lengths and axes one by one, too
        assert getattr(Tensor, name).__doc__ == getattr(minigen, name).__doc__


def test_the_reference_has_the_docstrings_of_methods():
    griffe = pytest.importorskip("griffe")
    root = Path(minigen.__file__).parents[1]
    package = griffe.load(
        "minigen", search_paths=[root], extensions=griffe.load_extensions(f"{root}/docs/hooks.py:MethodDocstrings")
    )
    members = package["engine.methods.Methods"].members
    assert members["sum"].docstring.value == inspect.getdoc(minigen.sum)
    assert all(members[name].docstring for name in LISTED)
