"""BatchNorm, LayerNorm, InstanceNorm: against PyTorch, against their definition, and in their two modes."""

import numpy as np
import pytest

import minigen as mg
from minigen import gradcheck_module, nn, optim
from minigen.errors import DtypeError, GraphError, ShapeError

rng = np.random.default_rng(5)


def randomized(layer):
    """The layer with weight and bias away from 1 and 0."""
    layer.weight.assign(mg.asarray(rng.uniform(0.5, 2.0, layer.features).astype(np.float32)))
    layer.bias.assign(mg.asarray(rng.standard_normal(layer.features).astype(np.float32)))
    return layer


def images(*shape):
    """Of mean 3 and standard deviation 2."""
    return (3.0 + 2.0 * rng.standard_normal(shape)).astype(np.float32)


# -- what they compute -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("layer", "axis"), [(nn.BatchNorm, (0, 1, 2)), (nn.LayerNorm, -1), (nn.InstanceNorm, (1, 2))])
def test_mean_0_and_variance_1_before_weight_and_bias(layer, axis, backend):
    y = mg.to_numpy(layer(4)(mg.asarray(images(3, 5, 6, 4)))).astype(float)
    np.testing.assert_allclose(y.mean(axis=axis), 0.0, atol=1e-6)
    np.testing.assert_allclose(y.var(axis=axis), 1.0, atol=1e-4)


@pytest.mark.parametrize(("layer", "axis"), [(nn.BatchNorm, (0, 1, 2)), (nn.LayerNorm, -1), (nn.InstanceNorm, (1, 2))])
def test_weight_multiplies_and_bias_is_added(layer, axis, backend):
    layer, x = layer(4).astype("float64"), images(3, 5, 6, 4).astype(float)
    weight, bias = np.array([0.5, -2.0, 3.0, 1.5]), np.array([1.0, 0.0, -4.0, 2.0])
    layer.weight.assign(mg.asarray(weight))
    layer.bias.assign(mg.asarray(bias))
    scale = np.sqrt(x.var(axis=axis, keepdims=True) + layer.eps)
    expected = weight * (x - x.mean(axis=axis, keepdims=True)) / scale + bias
    np.testing.assert_allclose(mg.to_numpy(layer(mg.asarray(x)).data), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layer", [nn.LayerNorm(4), nn.InstanceNorm(4)], ids=repr)
def test_an_example_does_not_depend_on_its_batch(layer):
    x = images(3, 5, 6, 4)
    alone = np.concatenate([mg.to_numpy(layer(x[i : i + 1])) for i in range(3)])
    np.testing.assert_allclose(mg.to_numpy(layer(x)), alone, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(mg.to_numpy(layer.eval()(x)), mg.to_numpy(layer.train()(x)))


def test_the_running_statistics_follow_the_batches(backend):
    """running = momentum * running + (1 - momentum) * batch, from 0 and 1, with the unbiased variance."""
    layer = nn.BatchNorm(3, momentum=0.75)
    mean, var = np.zeros(3), np.ones(3)
    for _ in range(4):
        x = images(4, 5, 3)
        layer(mg.asarray(x))
        mean = 0.75 * mean + 0.25 * x.astype(float).mean(axis=(0, 1))
        var = 0.75 * var + 0.25 * x.astype(float).var(axis=(0, 1), ddof=1)
    np.testing.assert_allclose(mg.to_numpy(layer.running_mean), mean, rtol=1e-5)
    np.testing.assert_allclose(mg.to_numpy(layer.running_var), var, rtol=1e-5)


def test_evaluation_uses_the_running_statistics_and_leaves_them(backend):
    layer = randomized(nn.BatchNorm(3))
    for _ in range(3):
        layer(mg.asarray(images(8, 3)))
    layer.eval()
    x, before = images(5, 3), layer.state_dict()
    y = mg.to_numpy(layer(mg.asarray(x)))
    expected = (x - before["running_mean"]) / np.sqrt(before["running_var"] + 1e-5) * before["weight"] + before["bias"]
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(mg.to_numpy(layer(mg.asarray(x[:1]))), y[:1], rtol=1e-6)  # a batch of one has a result here
    assert all((value == before[name]).all() for name, value in layer.state_dict().items())


def test_running_statistics_are_state_but_not_parameters():
    layer = nn.BatchNorm(3)
    assert list(layer.named_parameters()) == ["weight", "bias"] and layer.parameter_count() == 6
    assert set(layer.state_dict()) == {"weight", "bias", "running_mean", "running_var"}
    layer(images(4, 3))
    other = nn.BatchNorm(3)
    other.load_state_dict(layer.state_dict())
    x = images(4, 3)
    np.testing.assert_array_equal(mg.to_numpy(other.eval()(x)), mg.to_numpy(layer.eval()(x)))


def test_a_constant_channel_becomes_the_bias_and_its_running_variance_shrinks_to_0(backend):
    layer = randomized(nn.BatchNorm(2, momentum=0.0))
    y = layer(mg.asarray(np.full((6, 2), 0.5, dtype=np.float32)))
    np.testing.assert_array_equal(mg.to_numpy(y), np.broadcast_to(mg.to_numpy(layer.bias), (6, 2)))
    running = mg.to_numpy(layer.running_var)
    assert (running >= 0).all() and (running < 1e-10).all()


def test_a_second_batch_before_the_first_ones_backward_does_no_harm():
    """As in a GAN, whose discriminator sees a real and a fake batch: the statistics are outside the graph."""
    layer, x = nn.BatchNorm(3), [images(4, 3), images(4, 3)]
    losses = [(layer(part) ** 3).sum() for part in x]
    (losses[0] + losses[1]).backward()
    together = layer.weight.grad.copy()
    layer.zero_grad()
    for part in x:
        (layer(part) ** 3).sum().backward()
    np.testing.assert_allclose(layer.weight.grad, together, rtol=1e-5)


def test_a_graph_of_evaluation_is_stale_after_the_statistics_moved():
    layer = nn.BatchNorm(3).eval()
    loss = layer(images(4, 3)).sum()
    layer.train()(images(4, 3))
    with pytest.raises(GraphError, match="stale graph: .* was changed after this"):
        loss.backward()


# -- derivatives -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [lambda: nn.BatchNorm(2), lambda: nn.BatchNorm(2).eval(), lambda: nn.LayerNorm(2, eps=0.1), lambda: nn.InstanceNorm(2)],
    ids=["training", "evaluation", "LayerNorm", "InstanceNorm"],
)
def test_a_gradient_penalty_through_normalization(make, backend):
    """The square of the gradient of a nonlinear loss, as in WGAN-GP; its gradient holds a second derivative of the layer."""
    layer = make().astype("float64")

    def penalty(x):
        (dx,) = mg.grad((layer(x) ** 3).sum(), [x], create_graph=True)
        return (dx * dx).sum()

    mg.gradcheck(penalty, rng.standard_normal((2, 2, 2, 2)), order=1)


def test_gradcheck_of_a_network_with_batch_norm(backend):
    net = nn.Sequential(nn.Dense(3, 4), nn.BatchNorm(4), nn.Tanh(), nn.Dense(4, 2, bias=False), nn.BatchNorm(2))
    gradcheck_module(net, net, rng.standard_normal((6, 3)))


# -- PyTorch -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["BatchNorm of rows", "BatchNorm", "LayerNorm", "InstanceNorm"])
def test_values_and_gradients_equal_pytorchs(name, seed):
    """Output, gradients of x, weight and bias, and running statistics, over three steps and in evaluation."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    n, h, w, c = (int(length) for length in rng.integers(2, 8, 4))
    shape = (n, c) if name == "BatchNorm of rows" else (n, h, w, c)
    kind = name.split()[0]
    ours = getattr(nn, kind)(c).astype("float64")
    theirs = {
        "BatchNorm of rows": torch.nn.BatchNorm1d,
        "BatchNorm": torch.nn.BatchNorm2d,
        "LayerNorm": torch.nn.LayerNorm,
        "InstanceNorm": lambda c: torch.nn.InstanceNorm2d(c, affine=True),
    }[name](c).double()
    weight, bias = rng.uniform(0.5, 2.0, c), rng.standard_normal(c)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(weight))
        theirs.bias.copy_(torch.tensor(bias))
    ours.weight.assign(weight)
    ours.bias.assign(bias)
    first = len(shape) == 4 and kind != "LayerNorm"  # their channels come first

    for training in (True, True, True, False):
        ours.train(training), theirs.train(training)
        ours.zero_grad(), theirs.zero_grad()
        values, u = rng.standard_normal((2, *shape)) * 2.0 + 1.0
        x, t = mg.Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
        y = ours(x)
        z = theirs(t.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) if first else theirs(t)
        y.backward(u), z.backward(torch.tensor(u))
        pairs = {
            "y": (y.numpy(), z),
            "dx": (x.grad, t.grad),
            "dweight": (ours.weight.grad, theirs.weight.grad),
            "dbias": (ours.bias.grad, theirs.bias.grad),
        }
        if kind == "BatchNorm":
            pairs |= {"mean": (ours.running_mean.data, theirs.running_mean), "var": (ours.running_var.data, theirs.running_var)}
        for what, (got, want) in pairs.items():
            np.testing.assert_allclose(got, want.detach().numpy(), rtol=1e-9, atol=1e-10, err_msg=f"{what}, training={training}")


# -- training ----------------------------------------------------------------------------------------------------


def test_a_step_with_an_optimizer_moves_weight_and_bias_only_by_it(backend):
    layer = nn.BatchNorm(3)
    optimizer = optim.SGD(layer.parameters(), lr=0.5)
    layer(mg.asarray(images(4, 3))).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(mg.to_numpy(layer.bias), -0.5 * 4, rtol=1e-6)
    np.testing.assert_allclose(mg.to_numpy(layer.weight), 1.0, atol=1e-5)  # normalized values add up to 0


# -- misuse ------------------------------------------------------------------------------------------------------

X = np.zeros((2, 5, 6, 3), dtype=np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: nn.BatchNorm(3)(X[:1, 0, 0]),
            ShapeError,
            r"BatchNorm\(3\) in training mode needs more than one value per channel, got \(1, 3\)",
        ),
        (lambda: nn.BatchNorm(3)(X[:1, :1, :1]), ShapeError, "needs more than one value per channel"),
        (lambda: nn.InstanceNorm(3)(X[:, :1, :1]), ShapeError, "needs images of more than one pixel"),
        (
            lambda: nn.BatchNorm(5)(X),
            ShapeError,
            r"BatchNorm\(5\) expects images \(n, height, width, 5\), got .* channels first\?",
        ),
        (lambda: nn.InstanceNorm(4)(X), ShapeError, r"InstanceNorm\(4\) expects images \(n, height, width, 4\), got"),
        (lambda: nn.InstanceNorm(3)(X[0]), ShapeError, "a single image"),
        (lambda: nn.LayerNorm(4)(X[0]), ShapeError, r"LayerNorm\(4\) expects shape \(..., 4\)"),
        (lambda: nn.LayerNorm(3)(X.astype(float)), DtypeError, "computes in float32, got float64"),
        (lambda: nn.BatchNorm(3)([1.0]), TypeError, "expects an array or a Tensor, got list"),
        (lambda: nn.BatchNorm(0), ShapeError, "BatchNorm's features must be at least 1, got 0"),
        (lambda: nn.BatchNorm(3, momentum=1.0), ValueError, "BatchNorm's momentum must be at least 0 and below 1, got 1.0"),
        (lambda: nn.LayerNorm(3, eps=0.0), ValueError, "eps must be above 0 and finite, got 0.0"),
    ],
)
def test_wrong_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
