"""Where a Tensor takes part the result is a Tensor; from plain arrays alone it is a plain array of the same values."""

import numpy as np
import pytest

import minigen as mg
from minigen import Tensor, losses, ops
from minigen.autograd import OPS
from minigen.losses import AdversarialLoss
from tests.inventory import classes
from tests.inventory import ops as all_ops
from tests.losses.test_losses import CASES as LOSSES
from tests.nn.test_layers import CASES as LAYERS
from tests.samples import SAMPLES

X = np.random.default_rng(0).uniform(0.1, 0.9, (2, 4, 4, 3))
STYLE = X[:, 0, 0]
COMPOSITIONS = {
    "adain": lambda x: ops.adain(x, STYLE, STYLE),
    "avg_pool2d": ops.avg_pool2d,
    "dropout": lambda x: ops.dropout(x, X > 0.5, 0.5),
    "expand_dims": lambda x: ops.expand_dims(x, 1),
    "flatten": ops.flatten,
    "kl_sparsity": ops.kl_sparsity,
    "l1_sparsity": ops.l1_sparsity,
    "minibatch_stddev": lambda x: ops.minibatch_stddev(x, 2),
    "normalize": lambda x: ops.normalize(x, axis=0, eps=0.1),
    "pixel_norm": ops.pixel_norm,
    "resize_bilinear": lambda x: ops.resize_bilinear(x, size=5),
    "softmax": ops.softmax,
    "split": lambda x: ops.split(x, 2)[1],
    "squeeze": lambda x: ops.squeeze(x[:, :1]),
    "stack": lambda x: ops.stack(x, X),
    "std": ops.std,
    "swapaxes": lambda x: ops.swapaxes(x, 0, 1),
    "take": lambda x: ops.take(x, np.array([1, 0])),
    "var": ops.var,
    "with_labels": lambda x: ops.with_labels(x, np.array([1, 0]), 3),
}


def is_plain(x) -> bool:
    """Whether this is an array of the library in use, or what NumPy makes of one without axes."""
    return type(x) is type(mg.asarray(X)) or (isinstance(x, np.generic) and mg.backend.current().name == "numpy")


def assert_plain(of_arrays, of_tensors) -> None:
    """What a function makes of plain arrays beside what it makes of Tensors."""
    assert is_plain(of_arrays) and isinstance(of_tensors, Tensor)
    assert of_arrays.dtype == of_tensors.dtype
    np.testing.assert_array_equal(mg.to_numpy(of_arrays), of_tensors.numpy())


@pytest.mark.parametrize("op", all_ops(mg), ids=lambda op: op.removeprefix("minigen.ops."))
def test_ops(op, backend):
    for sample in SAMPLES[op]:
        arrays = [mg.asarray(x) for x in sample.arrays]
        assert_plain(sample.function(op)(*arrays), sample.function(op)(*map(Tensor, arrays)))


def test_the_table_names_every_composition():
    primitives = {name.rpartition(".")[2] for name in OPS if name.startswith("minigen.ops.")}
    assert set(COMPOSITIONS) == set(ops.__all__) - primitives - {"one_hot"}, "one_hot makes a plain array of plain labels"


@pytest.mark.parametrize("compose", COMPOSITIONS.values(), ids=COMPOSITIONS)
def test_compositions(compose):
    assert_plain(compose(X), compose(Tensor(X)))


@pytest.mark.parametrize("case", LAYERS)
def test_layers(case):
    """A layer's parameters are Tensors that take part."""
    layer, x = case.make().astype("float64"), case.x()
    mg.seed(0)
    y = layer(x, *case.others)
    assert isinstance(y, Tensor) if layer.parameters() else is_plain(y)
    if not layer.parameters():
        mg.seed(0)
        assert_plain(y, layer(Tensor(x), *case.others))


@pytest.mark.parametrize("reduction", losses.reduction.REDUCTIONS)
@pytest.mark.parametrize("name, case", LOSSES)
def test_losses(name, case, reduction):
    loss = getattr(losses, name)
    assert_plain(loss(case.prediction, case.target, reduction), loss(*case.arguments(), reduction))


def test_the_divergence():
    assert_plain(losses.kl_normal(X, X), losses.kl_normal(Tensor(X), Tensor(X)))


PLAYERS = [kind for kind in classes(mg).values() if issubclass(kind, AdversarialLoss) and "generator" in vars(kind)]


@pytest.mark.parametrize("kind", [kind for kind in PLAYERS if kind is not AdversarialLoss])
def test_losses_of_two_players(kind):
    loss, scores = kind(), X[..., 0].reshape(-1, 1)
    for player, count in (("generator", 1), ("discriminator", 2)):
        total, terms = getattr(loss, player)(*[scores] * count)
        total_of_tensors, terms_of_tensors = getattr(loss, player)(*[Tensor(scores)] * count)
        assert_plain(total, total_of_tensors)
        for term in terms:
            assert_plain(terms[term], terms_of_tensors[term])
