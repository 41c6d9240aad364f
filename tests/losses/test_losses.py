"""One table of all public losses, and what must hold for each: derivatives, values against naive loops and PyTorch,
reductions, errors. A loss that is not in the table fails here."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import minigen as mg
from minigen import backend, losses
from minigen.errors import CHANNELS_FIRST, DeviceError, DtypeError, ShapeError
from minigen.losses.reduction import REDUCTIONS

rng = np.random.default_rng(3)


@dataclass(frozen=True)
class Case:
    """A call of a loss in float64, and one element (or example) of it in plain Python."""

    prediction: np.ndarray
    target: np.ndarray
    element: Callable[..., float]

    def arguments(self, dtype: Any = np.float64) -> tuple[Any, Any]:
        """Prediction and target on the current backend; labels stay integers."""
        target = self.target if self.target.dtype.kind in "iu" else self.target.astype(dtype)
        return mg.Tensor(self.prediction.astype(dtype), requires_grad=True), backend.asarray(target)


def squared(x: float, t: float) -> float:
    """(x - t)^2."""
    return (x - t) ** 2


def bernoulli(x: float, t: float) -> float:
    """Through the probability, as in the definition; good for moderate logits only."""
    p = 1.0 / (1.0 + math.exp(-x))
    return -t * math.log(p) - (1.0 - t) * math.log(1.0 - p)


def categorical(logits: np.ndarray, label: int) -> float:
    """-log of the label's share."""
    return -math.log(math.exp(logits[label]) / sum(math.exp(x) for x in logits))


def normal(*shape: int) -> np.ndarray:
    """N(0, 1)."""
    return rng.standard_normal(shape)


LOSSES: dict[str, list[Case]] = {
    "mse": [
        Case(normal(4, 3), normal(4, 3), squared),
        Case(normal(2, 3, 3, 1), normal(2, 3, 3, 1), squared),
        Case(normal(5), normal(5), squared),
    ],
    "mae": [
        Case(normal(4, 3), normal(4, 3), lambda x, t: abs(x - t)),
        Case(normal(2, 3, 3, 1), normal(2, 3, 3, 1), lambda x, t: abs(x - t)),
    ],
    "bce_with_logits": [
        Case(3 * normal(4, 3), rng.random((4, 3)), bernoulli),
        Case(normal(2, 3, 3, 1), rng.random((2, 3, 3, 1)), bernoulli),
        Case(normal(5), (rng.random(5) < 0.5).astype(float), bernoulli),
    ],
    "cross_entropy": [
        Case(normal(5, 4), rng.integers(0, 4, 5), categorical),
        Case(normal(3, 2), np.array([1, 0, 1], dtype=np.uint8), categorical),
        Case(normal(2, 1), np.array([0, 0]), categorical),
    ],
}
ELEMENTWISE = [name for name in LOSSES if name != "cross_entropy"]
CASES = [pytest.param(name, case, id=f"{name}-{i}") for name, cases in LOSSES.items() for i, case in enumerate(cases)]


def naive(name: str, case: Case, reduction: str) -> float:
    """The definition, one element after the other."""
    n = len(case.prediction)
    if name == "cross_entropy":
        per_example = [case.element(case.prediction[i], int(case.target[i])) for i in range(n)]
        elements = n
    else:
        per_example = [
            sum(case.element(float(x), float(t)) for x, t in zip(case.prediction[i].flat, case.target[i].flat)) for i in range(n)
        ]
        elements = case.prediction.size
    return sum(per_example) / {"mean": elements, "batchmean": n, "sum": 1}[reduction]


def test_the_table_names_every_public_loss():
    elsewhere = {"kl_normal"}  # tests/losses/test_divergence.py: two parameters of a distribution, another default
    elsewhere |= {"kl_sparsity", "l1_sparsity"}  # tests/losses/test_penalties.py: no target to compare with
    elsewhere |= of_two_players()
    assert set(LOSSES) == set(losses.__all__) - elsewhere


def of_two_players() -> set[str]:
    """Names from the two files about adversarial training, whose tests have tables of their own: test_adversarial.py and
    test_gradient_penalties.py."""
    made_in = {name: getattr(losses, name).__module__ for name in losses.__all__}
    return {name for name, module in made_in.items() if module in ("minigen.losses.adversarial", "minigen.losses.penalties")}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name, case", CASES)
def test_derivatives_to_order_2(name, case, reduction, backend):
    loss = getattr(losses, name)
    mg.gradcheck(lambda x, t: loss(x, t, reduction), case.prediction, case.target)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name, case", CASES)
def test_value_is_the_naive_definition(name, case, reduction, backend):
    value = getattr(losses, name)(*case.arguments(), reduction)
    assert value.shape == ()
    np.testing.assert_allclose(value.item(), naive(name, case, reduction), rtol=1e-12)


@pytest.mark.parametrize("name, case", CASES)
def test_the_default_is_the_mean(name, case):
    loss = getattr(losses, name)
    assert loss(*case.arguments()).item() == loss(*case.arguments(), reduction="mean").item()


@pytest.mark.parametrize("name, case", CASES)
def test_float32_stays_float32(name, case, backend):
    for reduction in REDUCTIONS:
        x, target = case.arguments(np.float32)
        loss = getattr(losses, name)(x, target, reduction)
        loss.backward()
        assert loss.dtype == np.float32 and x.grad.dtype == np.float32, reduction
        np.testing.assert_allclose(loss.item(), naive(name, case, reduction), rtol=1e-5)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name, case", CASES)
def test_value_and_gradient_are_those_of_torch(name, case, reduction):
    torch = pytest.importorskip("torch")
    function = {
        "mse": torch.nn.functional.mse_loss,
        "mae": torch.nn.functional.l1_loss,
        "bce_with_logits": torch.nn.functional.binary_cross_entropy_with_logits,
        "cross_entropy": torch.nn.functional.cross_entropy,
    }[name]
    theirs = torch.tensor(case.prediction, requires_grad=True)
    target = torch.tensor(case.target.astype(np.int64) if case.target.dtype.kind in "iu" else case.target)
    elementwise = function(theirs, target, reduction="none")
    # Torch knows "batchmean" for one loss only, with this meaning.
    expected = {"mean": elementwise.mean(), "sum": elementwise.sum(), "batchmean": elementwise.sum() / len(theirs)}[reduction]
    expected.backward()
    x, t = case.arguments()
    loss = getattr(losses, name)(x, t, reduction)
    loss.backward()
    np.testing.assert_allclose(loss.item(), expected.item(), rtol=1e-12)
    np.testing.assert_allclose(x.grad, theirs.grad.numpy(), rtol=1e-10, atol=1e-15)


# -- reductions: exact on numbers that are exact ---------------------------------------------------------------------


def test_each_reduction_equals_its_definition():
    """Errors 1, 2, 3, 4 over two examples of two elements: squares 1 + 4 and 9 + 16."""
    prediction, target = mg.Tensor([[1.0, 2.0], [3.0, 4.0]]), np.zeros((2, 2), dtype=np.float32)
    values = {reduction: losses.mse(prediction, target, reduction).item() for reduction in REDUCTIONS}
    assert values == {"mean": 30 / 4, "batchmean": 30 / 2, "sum": 30.0}


def test_mean_and_batchmean_of_cross_entropy_agree():
    case = LOSSES["cross_entropy"][0]
    x, labels = case.arguments()
    mean, batchmean = (losses.cross_entropy(x, labels, reduction).item() for reduction in ("mean", "batchmean"))
    assert math.isclose(mean, batchmean, rel_tol=1e-15)


@pytest.mark.parametrize("name", LOSSES)
def test_an_unknown_reduction_is_named_with_the_known_ones(name):
    with pytest.raises(ValueError, match="unknown reduction 'avg': expected one of mean, batchmean, sum"):
        getattr(losses, name)(*LOSSES[name][0].arguments(), "avg")


# -- extreme logits ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bce_of_extreme_logits_is_exact_and_silent(dtype, backend):
    x = mg.Tensor(np.array([1e4, 1e4, -1e4, -1e4, 0.0], dtype=dtype), requires_grad=True)
    target = mg.asarray(np.array([1, 0, 1, 0, 0.5], dtype=dtype))
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss = losses.bce_with_logits(x, target, "sum")
        loss.backward()
    np.testing.assert_allclose(loss.item(), 2e4 + math.log(2), rtol=np.finfo(dtype).eps)
    np.testing.assert_array_equal(mg.to_numpy(x.grad), [0, 1, -1, 0, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_of_extreme_logits_is_exact_and_silent(dtype, backend):
    x = mg.Tensor(np.array([[1e4, -1e4, 0], [1e4, -1e4, 0], [-1e4, -1e4, -1e4]], dtype=dtype), requires_grad=True)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss = losses.cross_entropy(x, mg.asarray(np.array([0, 1, 2])), "sum")
        loss.backward()
    np.testing.assert_allclose(loss.item(), 2e4 + math.log(3), rtol=np.finfo(dtype).eps)
    expected = [[0, 0, 0], [1, -1, 0], [1 / 3, 1 / 3, -2 / 3]]
    np.testing.assert_allclose(mg.to_numpy(x.grad), expected, atol=4 * np.finfo(dtype).eps)


def test_bce_of_a_correct_confident_logit_keeps_its_digits():
    """log(1 + e^-30) = e^-30 to the last digit of float32; through probabilities it would be 0."""
    loss = losses.bce_with_logits(mg.Tensor([30.0]), np.ones(1, dtype=np.float32))
    np.testing.assert_allclose(loss.item(), math.exp(-30), rtol=1e-6)


def test_bce_of_targets_between_0_and_1_is_smallest_at_their_logit():
    t = np.array([0.1, 0.5, 0.8])
    x = mg.Tensor(np.log(t / (1 - t)), requires_grad=True)
    loss = losses.bce_with_logits(x, t)
    loss.backward()
    np.testing.assert_allclose(x.grad, 0.0, atol=1e-16)
    np.testing.assert_allclose(loss.item(), entropy(t), rtol=1e-12)


def entropy(t: np.ndarray) -> float:
    """Mean entropy of Bernoulli variables, in nats."""
    return float(-(t * np.log(t) + (1 - t) * np.log(1 - t)).mean())


# -- errors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_column_against_a_row_is_refused(name):
    """(n, 1) against (n,) would broadcast to n * n pairs."""
    x, target = mg.Tensor(np.zeros((4, 1), np.float32)), np.zeros(4, np.float32)
    with pytest.raises(ShapeError, match=rf"{name}: prediction has shape \(4, 1\), target \(4,\); expected the same"):
        getattr(losses, name)(x, target)


@pytest.mark.parametrize("logits, labels", [((4, 3), (4, 1)), ((4, 3), (3,)), ((4,), (4,)), ((4, 3), ())])
def test_cross_entropy_names_both_shapes(logits, labels):
    with pytest.raises(ShapeError) as caught:
        losses.cross_entropy(mg.Tensor(np.zeros(logits, np.float32)), np.zeros(labels, int))
    assert str(caught.value) == f"cross_entropy expects logits (n, classes) and labels (n,), got {logits} and {labels}"


@pytest.mark.parametrize("labels, reach", [([0, 3], "from 0 to 3"), ([-1, 2], "from -1 to 2")])
def test_labels_out_of_range_are_refused(labels, reach, backend):
    with pytest.raises(ValueError, match=f"labels reach {reach}, expected 0 to 2"):
        losses.cross_entropy(mg.Tensor(np.zeros((2, 3), np.float32)), mg.asarray(np.array(labels)))


@pytest.mark.parametrize("dtype", ["float32", "bool"])
def test_labels_that_are_not_integers_are_refused(dtype):
    with pytest.raises(TypeError, match=f"labels must be integers, got {dtype}"):
        losses.cross_entropy(mg.Tensor(np.zeros((2, 3), np.float32)), np.zeros(2, dtype))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_an_empty_batch_is_refused_whatever_the_reduction(name, reduction):
    target = np.zeros(0, int) if name == "cross_entropy" else np.zeros((0, 3), np.float32)
    with pytest.raises(ShapeError, match="an empty batch, shape"):
        getattr(losses, name)(mg.Tensor(np.zeros((0, 3), np.float32)), target, reduction)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("dtype, advice", [("float64", r"x\.astype\('float32'\)$"), ("uint8", r"x\.astype\('float32'\) / 255$")])
def test_a_target_of_another_dtype_is_refused_with_the_conversion(name, dtype, advice):
    """NumPy would subtract bytes from float32 without a word, and pixels from 0 to 255 would be the targets."""
    with pytest.raises(DtypeError, match=f"{name}: prediction is float32, target {dtype}; .*{advice}"):
        getattr(losses, name)(mg.Tensor(np.zeros((2, 3), np.float32)), np.zeros((2, 3), dtype))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_target_that_is_not_an_array_is_refused(name):
    with pytest.raises(TypeError, match=f"^{name}: expected an array as target, got float$"):
        getattr(losses, name)(mg.Tensor([0.0, 1.0]), 0.5)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("shape, hint", [((2, 4, 5, 3), True), ((2, 3, 5, 4), False), ((2, 5, 4, 3), False), ((2, 4, 5), False)])
def test_channels_first_targets_are_recognized(name, shape, hint):
    """Only where moving the axis would help."""
    with pytest.raises(ShapeError) as caught:
        getattr(losses, name)(mg.Tensor(np.zeros(shape, np.float32)), np.zeros((2, 3, 4, 5), np.float32))
    said = f"{name}: prediction has shape {shape}, target (2, 3, 4, 5); expected the same"
    assert str(caught.value) == (f"{said}: {CHANNELS_FIRST}" if hint else said)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_target_may_be_a_tensor_and_gets_its_gradient(name):
    target = mg.Tensor([[0.25, 0.75]], requires_grad=True)
    getattr(losses, name)(mg.Tensor([[1.0, -1.0]]), target).backward()
    assert target.grad.shape == (1, 2) and target.grad.all()


# -- targets of the binary cross entropy -----------------------------------------------------------------------------


def bce_of(*targets: float) -> mg.Tensor:
    """Of logits 0 and these targets, in double precision."""
    return losses.bce_with_logits(mg.Tensor(np.zeros(len(targets))), np.array(targets))


def test_targets_may_leave_the_unit_interval_by_a_rounding_and_no_further():
    assert bce_of(-1e-5, 1.0 + 1e-5).item() == pytest.approx(math.log(2.0))
    for wrong in (np.nextafter(-1e-5, -1.0), np.nextafter(1.0 + 1e-5, 2.0)):
        with pytest.raises(ValueError, match="bce_with_logits: got targets from"):
            bce_of(0.5, wrong)


@pytest.mark.parametrize(
    "low, high, advised", [(-1.0, 1.0, True), (-0.5, 0.5, True), (-1.5, 1.0, False), (-1.0, 1.5, False), (0.0, 2.0, False)]
)
def test_targets_outside_the_unit_interval_are_refused_with_their_range(low, high, advised):
    """And with the scaling, where they lie as tanh gives them."""
    with pytest.raises(ValueError) as caught:
        bce_of(low, 0.25, high)
    said = f"bce_with_logits: got targets from {low:.6g} to {high:.6g}, expected probabilities or pixels in [0, 1]"
    assert str(caught.value) == said + ("; scale them, as in (images + 1) / 2" if advised else "")


def test_the_range_of_targets_is_not_checked_on_a_device(device):
    """It would have to wait."""
    mg.use(device)
    logits, target = (mg.asarray(np.full((2, 3), value, np.float32)) for value in (0.0, 2.0))
    assert losses.bce_with_logits(mg.Tensor(logits), target).item() == pytest.approx(math.log(2.0))


def test_labels_in_an_array_stay_on_their_device(device):
    """A list goes to the device in use; an array is where it is, and does not meet logits elsewhere."""
    mg.use(device)
    logits = mg.Tensor(mg.asarray(np.zeros((2, 3))))
    assert losses.cross_entropy(logits, [1, 0]).item() == pytest.approx(math.log(3.0))
    with pytest.raises(DeviceError):
        losses.cross_entropy(logits, np.array([1, 0]))


def test_labels_may_be_a_list():
    x = mg.Tensor([[1.0, 2.0], [0.0, 3.0]])
    assert losses.cross_entropy(x, [1, 0]).item() == losses.cross_entropy(x, np.array([1, 0])).item()
