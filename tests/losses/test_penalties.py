"""The penalties on activations: derivatives, values against loops and PyTorch, and that the batch size does not count."""

import math

import numpy as np
import pytest

import minigen as mg
from minigen import losses, ops
from minigen.errors import ShapeError

PENALTIES = {"l1": losses.l1_sparsity, "kl": losses.kl_sparsity, "kl, target 0.3": lambda a: losses.kl_sparsity(a, target=0.3)}
EVERY = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)


def activations(*shape: int, seed: int = 0) -> np.ndarray:
    """Numbers as a sigmoid gives them, off its ends."""
    return np.random.default_rng(seed).uniform(0.05, 0.95, shape)


@EVERY
@pytest.mark.parametrize("shape", [(5, 4), (1, 3), (3, 2, 2, 3), (6,)])
def test_derivatives_to_order_2(penalty, shape, backend):
    mg.gradcheck(penalty, activations(*shape))


def test_derivatives_of_l1_where_activations_are_negative():
    mg.gradcheck(losses.l1_sparsity, activations(5, 4) * np.array([1.0, -1.0, 1.0, -1.0]))


def test_l1_equals_the_loop(backend):
    a = activations(3, 2, 4) - 0.5
    expected = sum(sum(abs(float(v)) for v in example.flat) for example in a) / 3
    np.testing.assert_allclose(losses.l1_sparsity(mg.asarray(a)).item(), expected, rtol=1e-13)


@pytest.mark.parametrize("target", [0.1, 0.5, 0.9])
def test_kl_equals_the_loop(target, backend):
    a = activations(7, 3)
    expected = 0.0
    for j in range(3):
        p = sum(float(v) for v in a[:, j]) / 7
        expected += target * math.log(target / p) + (1 - target) * math.log((1 - target) / (1 - p))
    np.testing.assert_allclose(losses.kl_sparsity(mg.asarray(a), target).item(), expected, rtol=1e-12)


def test_kl_and_its_gradient_are_those_of_torch():
    torch = pytest.importorskip("torch")
    a = activations(6, 5)
    theirs = torch.tensor(a, requires_grad=True)
    coins = (torch.distributions.Bernoulli(torch.tensor(0.1, dtype=torch.float64)), torch.distributions.Bernoulli(theirs.mean(0)))
    expected = torch.distributions.kl_divergence(*coins).sum()
    expected.backward()
    ours = mg.Tensor(a, requires_grad=True)
    loss = losses.kl_sparsity(ours)
    loss.backward()
    np.testing.assert_allclose(loss.item(), expected.item(), rtol=1e-12)
    np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), rtol=1e-10)


@EVERY
def test_the_same_batch_twice_over_costs_the_same(penalty, backend):
    """Not so where a penalty is a sum over the batch: the weight of 1e-3 would mean something else at each batch size."""
    a = activations(4, 3).astype(np.float32)
    once, thrice = (mg.Tensor(mg.asarray(x), requires_grad=True) for x in (a, np.concatenate([a, a, a])))
    values = [penalty(x) for x in (once, thrice)]
    np.testing.assert_allclose(values[1].item(), values[0].item(), rtol=1e-5)
    for value in values:
        value.backward()
    gradient = mg.to_numpy(thrice.grad).reshape(3, 4, 3).sum(axis=0)
    np.testing.assert_allclose(gradient, mg.to_numpy(once.grad), rtol=1e-4, err_msg="the step by the weights differs")


def test_l1_of_a_mean_example_does_not_depend_on_how_many_there_are():
    a = activations(6, 3)
    parts = [losses.l1_sparsity(mg.Tensor(part)).item() for part in (a[:2], a[2:4], a[4:])]
    np.testing.assert_allclose(np.mean(parts), losses.l1_sparsity(mg.Tensor(a)).item(), rtol=1e-13)


def test_the_kl_of_small_batches_is_larger():
    """Of the mean over batches: the divergence is convex in the means, and small batches scatter."""
    a = activations(6, 3)
    parts = [losses.kl_sparsity(mg.Tensor(part)).item() for part in (a[:2], a[2:4], a[4:])]
    assert np.mean(parts) > losses.kl_sparsity(mg.Tensor(a)).item()


@pytest.mark.parametrize("target", [0.05, 0.1, 0.5])
def test_kl_is_least_where_the_means_are_the_target(target):
    a = mg.Tensor(np.stack([np.full(4, target / 2), np.full(4, target * 1.5)]), requires_grad=True)
    loss = losses.kl_sparsity(a, target)
    loss.backward()
    np.testing.assert_allclose(loss.item(), 0.0, atol=1e-15)
    np.testing.assert_allclose(a.grad, 0.0, atol=1e-14)
    assert losses.kl_sparsity(mg.Tensor(a.numpy() * 0.9), target).item() > 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "value, expected",
    [(0.0, 0.1 * math.log(0.1 / 1e-12) + 0.9 * math.log(0.9)), (1.0, 0.1 * math.log(0.1) + 0.9 * math.log(0.9 / 1e-12))],
)
def test_units_that_are_always_off_or_on_have_a_large_finite_cost(value, expected, dtype, backend):
    a = mg.Tensor(np.full((3, 1), value, dtype=dtype), requires_grad=True)
    with np.errstate(all="raise"):
        loss = losses.kl_sparsity(a)
        loss.backward()
    np.testing.assert_allclose(loss.item(), expected, rtol=1e-6)
    assert np.isfinite(mg.to_numpy(a.grad)).all() and loss.dtype == dtype


def test_a_unit_that_is_nearly_off_is_still_pulled_back():
    """Its sigmoid is flat, but log's slope makes up for that: the gradient by the logit is -target / n per example."""
    logits = mg.Tensor(np.full((4, 1), -20.0, dtype=np.float32), requires_grad=True)
    losses.kl_sparsity(mg.ops.sigmoid(logits)).backward()
    np.testing.assert_allclose(logits.grad, -0.1 / 4, rtol=1e-5)


@EVERY
def test_float32_stays_float32(penalty, backend):
    a = mg.Tensor(mg.asarray(activations(4, 3).astype(np.float32)), requires_grad=True)
    loss = penalty(a)
    loss.backward()
    assert loss.shape == () and loss.dtype == a.grad.dtype == np.float32
    np.testing.assert_allclose(loss.item(), penalty(mg.asarray(activations(4, 3))).item(), rtol=1e-5)


@pytest.mark.parametrize("target", [0.0, 1.0, -0.1, 1.5, math.nan])
def test_a_target_outside_0_and_1_is_refused(target):
    with pytest.raises(ValueError, match=f"kl_sparsity: the target is a mean activation, 0 < target < 1, got {target}"):
        losses.kl_sparsity(mg.Tensor(activations(2, 3)), target)


def test_activations_outside_0_and_1_are_refused_on_the_host():
    a = activations(4, 2).astype(np.float32) * np.array([3.0, 1.0], dtype=np.float32) - np.array([0.0, 1.0], dtype=np.float32)
    with pytest.raises(
        ValueError, match=r"mean activations reach from -0\.\d+ to 1\.\d+, expected activations in \[0, 1\], of a sig"
    ):
        losses.kl_sparsity(mg.asarray(a))


def test_nan_is_passed_on():
    """The training loop names the layer that made it; an error about a range would hide that."""
    assert math.isnan(losses.kl_sparsity(mg.Tensor(np.full((2, 3), np.nan))).item())


@EVERY
@pytest.mark.parametrize("shape", [(0, 3), ()])
def test_an_empty_batch_is_refused(penalty, shape):
    with pytest.raises(ShapeError, match="_sparsity: expected activations .* an empty batch"):
        penalty(mg.Tensor(np.zeros(shape, dtype=np.float32)))


def test_layers_and_losses_share_the_formulas():
    assert losses.l1_sparsity is ops.l1_sparsity and losses.kl_sparsity is ops.kl_sparsity
