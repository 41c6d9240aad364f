"""What people do by mistake, or nearly rightly: no silent wrong answer, and an error that names the op and the remedy."""

import copy

import numpy as np
import pytest

import minigen as mg
from minigen import losses, nn, optim, training
from minigen.errors import DeviceError, DtypeError, GraphError, ShapeError

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_an_optimizer_copied_with_its_model_trains_the_copy():
    layer = nn.Dense(2, 1)
    twin, optimizer = copy.deepcopy((layer, optim.SGD(layer.parameters(), lr=1.0)))
    before = twin.weight.numpy().copy()
    twin(np.ones((1, 2), dtype=np.float32)).sum().backward()
    optimizer.step()
    np.testing.assert_array_equal(twin.weight.numpy(), before - 1.0)


@pytest.mark.parametrize("condition", [mg.Tensor([3.0, 0.0]), np.array([2, 0], dtype=np.int8)])
def test_where_takes_a_bool_condition(condition):
    with pytest.raises(DtypeError, match="where: the condition must be bool, such as x > 0"):
        mg.where(condition, mg.Tensor([1.0, 2.0]), 0.0)


@pytest.mark.parametrize("plain", [np.ones((2, 1), dtype=bool), np.full((3, 1), 200, dtype=np.uint8)])
def test_sums_of_plain_integers_are_numpys(plain):
    np.testing.assert_array_equal(mg.sum(plain, axis=0), plain.sum(axis=0))
    assert mg.sum(plain) == plain.sum()


def test_gradients_share_no_memory_with_each_other_or_the_cotangent():
    a, b = (mg.Tensor(X, requires_grad=True) for _ in range(2))
    cotangent = np.ones_like(X)
    da, db = mg.grad(a + b, [a, b], cotangent=cotangent)
    da.data[...] = 7.0
    assert (db.numpy() == 1).all() and (cotangent == 1).all()
    mg.grad((a + b).sum(), [a])[0].assign(np.zeros_like(X))


@pytest.mark.parametrize("call", [lambda x: mg.expand_dims(x, 5), lambda x: mg.squeeze(x, 5), lambda x: mg.swapaxes(x, 0, 5)])
def test_an_axis_out_of_range(call):
    with pytest.raises(IndexError, match="axis 5 is out of range"):
        call(mg.Tensor(X))


def test_a_model_computes_in_floats_and_astype_makes_graphs_stale():
    layer = nn.Dense(3, 1)
    with pytest.raises(DtypeError, match="a model computes in float32 or float64, not in int32"):
        layer.astype("int32")
    y = layer(X).sum()
    layer.astype("float64")
    with pytest.raises(GraphError, match="stale graph"):
        y.backward()


def test_the_slope_of_leaky_relu():
    with pytest.raises(ValueError, match="leaky_relu: expected 0 <= slope <= 1, got slope=2.0"):
        nn.LeakyReLU(2.0)(mg.Tensor(X))


def test_assign_checks_lists_and_takes_tensors():
    p = mg.Parameter(X)
    with pytest.raises(ShapeError, match=r"assign to a tensor: got shape \(3,\), expected \(2, 3\)"):
        p.assign([9.0, 9.0, 9.0])
    p.assign(mg.Tensor(X + 1))
    np.testing.assert_array_equal(p.numpy(), X + 1)
    np.testing.assert_array_equal(X, np.arange(6).reshape(2, 3), err_msg="a parameter owns its values")


def test_matmul_says_what_it_got_and_expected():
    with pytest.raises(ShapeError, match=r"matmul: got \(2, 3\) @ \(2, 3\), expected \(\.\.\., n, k\) @ \(\.\.\., k, m\)"):
        mg.Tensor(X) @ mg.Tensor(X)
    with pytest.raises(TypeError, match=r"matmul: .* multiply by a number with \*"):
        mg.Tensor(X) @ 2.0


def test_lists_of_labels_and_indices():
    x = mg.Tensor(X)
    np.testing.assert_array_equal(mg.take(x, [1, 0]).numpy(), X[[1, 0]])
    np.testing.assert_array_equal(mg.one_hot([0, 2], 3), np.eye(3)[[0, 2]])
    assert np.isfinite(losses.cross_entropy(x, [0, 2]).item())
    with pytest.raises(TypeError, match="mse: expected an array as target, got list"):
        losses.mse(x, [1, 2])
    with pytest.raises(TypeError, match=r"Dense\(3 -> 1\) expects an array or a Tensor, got list: write minigen.Tensor\(x\)"):
        nn.Dense(3, 1)([[1.0, 2.0, 3.0]])


def test_a_mix_of_devices_names_the_op():
    x = mg.Tensor(X)
    mg.use("strict")
    try:
        with pytest.raises(DeviceError, match="add mixes arrays on numpy and strict: .*minigen.asarray"):
            x + mg.Tensor(X)
    finally:
        mg.use("numpy")


def test_fit_needs_a_loss():
    network = nn.Sequential(nn.Dense(3, 3))
    with pytest.raises(TypeError, match=r"Sequential has no loss\(batch\): .* loss\(batch\) -> \(total, dict of its terms\)"):
        training.fit(network, X, optimizer=optim.SGD(network.parameters(), lr=0.1), epochs=1)


def test_gradcheck_without_floats():
    with pytest.raises(DtypeError, match=r"gradcheck needs a float64 array to differentiate, got \['int64'\]"):
        mg.gradcheck(mg.tanh, np.array([1, 2, 3]))
