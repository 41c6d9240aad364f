"""Spectral normalization: against the singular values of NumPy, against PyTorch, and by hand."""

import copy

import numpy as np
import pytest

import minigen as mg
from minigen import gradcheck_module, nn
from minigen.backend import random
from minigen.errors import ShapeError
from minigen.nn.module import WeightedModule
from tests.checks import apart

rng = np.random.default_rng(13)

KINDS = {
    "Dense": (lambda: nn.Dense(4, 3), (4,)),
    "Conv2d": (lambda: nn.Conv2d(2, 3, 3, stride=2), (5, 4, 2)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(3, 2, 4, stride=2), (2, 3, 3)),
}


def normalized(name):
    """(a layer in float64 with spectral normalization, a batch for it)."""
    make, shape = KINDS[name]
    return nn.spectral_norm(make()).astype("float64"), apart(5, *shape)


def matrix(layer):
    """(the weight, the weight that the layer computes with), as matrices (fan_in, out), by other means than the layer's."""
    before = mg.to_numpy(layer.weight.data)
    with layer.frozen(), layer.eval_mode():
        after = mg.to_numpy(layer.effective_weight().data)
    columns = [np.take(w, i, axis=layer.output_axis).ravel() for w in (before, after) for i in range(w.shape[layer.output_axis])]
    return np.split(np.stack(columns, axis=1), 2, axis=1)


def converged(net):
    """The module after 300 steps of power iteration."""
    for layer in net.modules():
        for _ in range(300 if isinstance(layer, WeightedModule) else 0):
            layer.effective_weight()
    return net


def test_one_step_by_hand(backend):
    """W = diag(2, 1), u = (1, 1) / sqrt 2: then W^T W u = (4, 1) up to length, and |W u|^2 = (64 + 1) / 17."""
    layer = nn.spectral_norm(nn.Dense(2, 2, bias=False)).astype("float64")
    layer.weight.assign(mg.asarray(np.diag([2.0, 1.0])))
    layer.reparametrization.u.assign(mg.asarray(np.array([1.0, 1.0]) / np.sqrt(2.0)))
    y = mg.to_numpy(layer(mg.asarray(np.eye(2))))
    np.testing.assert_allclose(mg.to_numpy(layer.reparametrization.u), np.array([4.0, 1.0]) / np.sqrt(17.0), rtol=1e-14)
    np.testing.assert_allclose(y, np.diag([2.0, 1.0]) / np.sqrt(65.0 / 17.0), rtol=1e-14)


def test_the_start_is_fifteen_steps_from_a_random_direction():
    """Of a matrix whose singular values lie close together, so that each step is seen: u_i shrinks by (s_i / s_1)^2 in it."""
    values = np.float32([1.0, 0.99, 0.95])
    mg.seed(3)
    u = nn.SpectralNorm(mg.Parameter(np.vstack([np.diag(values), np.zeros((1, 3), np.float32)]))).u.numpy()
    mg.seed(3)
    expected = random.stream("weights").standard_normal(3) * values.astype(float) ** 30
    np.testing.assert_allclose(u, expected / np.linalg.norm(expected), rtol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_sigma_becomes_the_largest_singular_value_which_then_is_1(name, backend):
    layer, _ = normalized(name)
    before, after = matrix(converged(layer))
    values = np.linalg.svd(before, compute_uv=False)
    np.testing.assert_allclose(after, before / values[0], rtol=1e-12)
    np.testing.assert_allclose(np.linalg.svd(after, compute_uv=False), values / values[0], rtol=1e-12)


@pytest.mark.parametrize("name", KINDS)
def test_sigma_is_never_too_large_and_close_from_the_start(name):
    layer, _ = normalized(name)
    before, after = matrix(layer)
    sigma = np.linalg.norm(before) / np.linalg.norm(after)
    largest = np.linalg.norm(before, ord=2)
    assert 0.9 * largest < sigma <= largest * (1.0 + 1e-12)


def test_a_network_of_normalized_layers_stretches_no_distance():
    """Exactly: no Jacobian has a singular value above 1; and on random pairs."""
    net = nn.Sequential(*(nn.Dense(a, b, activation="leaky_relu") for a, b in ((5, 16), (16, 16), (16, 3)))).astype("float64")
    plain = copy.deepcopy(net)
    converged(nn.spectral_norm(net)).eval()
    x = mg.Tensor(rng.standard_normal((20, 5)), requires_grad=True)
    for model, bound in ((plain, False), (net, True)):
        rows = [mg.grad(model(x)[:, i].sum(), [x])[0].numpy() for i in range(3)]
        slopes = np.linalg.svd(np.stack(rows, axis=1), compute_uv=False)
        assert (slopes <= 1.0 + 1e-9).all() == bound, "without normalization the same network must stretch"
    first, second = rng.standard_normal((2, 100, 5))
    stretched = np.linalg.norm(net(first).numpy() - net(second).numpy(), axis=1) / np.linalg.norm(first - second, axis=1)
    assert (stretched <= 1.0 + 1e-9).all()


@pytest.mark.parametrize("factor", [1e-3, 7.0])
def test_the_result_is_invariant_to_the_scale_of_the_weight(factor):
    layer, x = normalized("Dense")
    layer.bias.assign(np.zeros(3))
    y = layer.eval()(x).numpy()
    layer.weight.assign(factor * layer.weight.data)
    np.testing.assert_allclose(layer(x).numpy(), y, rtol=1e-12)


# -- training and evaluation ---------------------------------------------------------------------------------------


def test_only_forward_passes_in_training_move_u(backend):
    layer = nn.spectral_norm(nn.Dense(8, 6))
    x, u = mg.asarray(np.ones((2, 8), dtype=np.float32)), layer.reparametrization.u
    layer.weight.assign(mg.asarray(rng.standard_normal((8, 6)).astype(np.float32)))
    start = mg.to_numpy(u).copy()
    layer.eval()(x)
    np.testing.assert_array_equal(mg.to_numpy(u), start)
    layer.train()(x)
    assert (mg.to_numpy(u) != start).any()
    np.testing.assert_allclose(np.linalg.norm(mg.to_numpy(u)), 1.0, rtol=1e-6)


def test_frozen_restores_u():
    layer = nn.spectral_norm(nn.Dense(8, 6))
    layer.weight.assign(rng.standard_normal((8, 6)).astype(np.float32))
    before = layer.state_dict()
    with layer.frozen():
        layer(np.ones((2, 8), dtype=np.float32))
        assert (layer.reparametrization.u.numpy() != before["reparametrization.u"]).any()
    assert all((value == before[name]).all() for name, value in layer.state_dict().items())


@pytest.mark.parametrize("name", KINDS)
def test_training_differentiates_as_evaluation_does_at_the_moved_u(name, backend):
    """u is a constant for derivatives: what the gradient checks show of evaluation, where u rests, holds in training."""
    layer, x = normalized(name)
    x = mg.Tensor(mg.asarray(x), requires_grad=True)
    results = []
    for mode in (True, False):
        y = layer.train(mode)(x)
        (dx,) = mg.grad((y * y * y).sum(), [x], create_graph=True)
        penalty = (dx * dx).sum()
        results.append([y, dx, *mg.grad(penalty, layer.parameters())])
    for in_training, in_evaluation in zip(*results):
        np.testing.assert_array_equal(mg.to_numpy(in_training), mg.to_numpy(in_evaluation))


def test_the_gradient_of_sigma_is_that_of_the_largest_singular_value():
    """Where u has converged: d sigma / dW = v u^T, both by NumPy's singular vectors."""
    layer = converged(normalized("Dense")[0])
    v, values, u = np.linalg.svd(layer.weight.numpy())
    c = rng.standard_normal((4, 3))
    (g,) = mg.grad((layer.effective_weight() * c).sum(), [layer.weight])
    expected = c / values[0] - (c * layer.weight.numpy()).sum() / values[0] ** 2 * np.outer(v[:, 0], u[0])
    np.testing.assert_allclose(g.numpy(), expected, rtol=1e-10)


def test_a_second_batch_before_the_first_ones_backward_does_no_harm():
    """As in a GAN, whose discriminator sees a real and a fake batch: u moves in between."""
    net = nn.Sequential(nn.spectral_norm(nn.Dense(4, 6, activation="tanh")), nn.spectral_norm(nn.Dense(6, 1))).astype("float64")
    for p in net.parameters():
        p.assign(rng.standard_normal(p.shape))  # so that u is far from converged
    twin, batches = copy.deepcopy(net), [apart(5, 4), apart(5, 4, seed=1)]
    first, second = (net(x).square().sum() for x in batches)
    (first + second).backward()
    for x in batches:
        twin(x).square().sum().backward()
    for p, q in zip(net.parameters(), twin.parameters()):
        np.testing.assert_allclose(p.grad, q.grad, rtol=1e-12)


# -- derivatives ---------------------------------------------------------------------------------------------------


def test_gradcheck_of_a_normalized_discriminator(backend):
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, stride=2, activation="tanh"), nn.ConvTranspose2d(2, 1, 2), nn.Flatten(), nn.Dense(4, 1)
    )
    gradcheck_module(nn.spectral_norm(net).eval(), net, rng.standard_normal((3, 4, 4, 1)))


def test_a_gradient_penalty_reaches_the_weights(backend):
    net = nn.spectral_norm(nn.Sequential(nn.Dense(3, 4, activation="tanh"), nn.Dense(4, 1, bias=False))).eval()

    def penalty(x):
        (dx,) = mg.grad(net(x).sum(), [x], create_graph=True)
        return (dx * dx).sum()

    x = mg.Tensor(mg.asarray(rng.standard_normal((5, 3))), requires_grad=True)
    gradcheck_module(net, lambda: penalty(x), order=1)


# -- PyTorch -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
def test_values_and_gradients_equal_pytorchs(name):
    """Output, gradient of the weight and u, over three steps of gradient descent, and then in evaluation."""
    torch = pytest.importorskip("torch")
    ours, x = normalized(name)
    theirs = {
        "Dense": lambda: torch.nn.Linear(4, 3, bias=False),
        "Conv2d": lambda: torch.nn.Conv2d(2, 3, 3, stride=2, bias=False),
        "ConvTranspose2d": lambda: torch.nn.ConvTranspose2d(3, 2, 4, stride=2, padding=1, bias=False),
    }[name]().double()
    axes = (1, 0) if name == "Dense" else (3, 2, 0, 1)  # from our weight to theirs
    back = np.argsort(axes)
    theirs = torch.nn.utils.parametrizations.spectral_norm(theirs)
    norm, weight = theirs.parametrizations.weight[0], theirs.parametrizations.weight.original
    weight.data = torch.tensor(ours.weight.numpy().transpose(axes).copy())
    norm._u.data = torch.tensor(ours.reparametrization.u.numpy().copy())
    images = torch.tensor(x if name == "Dense" else x.transpose(0, 3, 1, 2))
    if name == "Conv2d":  # "same" of 5x4 images, 3x3 kernels and stride 2
        images = torch.nn.functional.pad(images, (0, 1, 1, 1))
    for training in (True, True, True, False):
        ours.train(training), theirs.train(training)
        # PyTorch keeps v of the step before, of another weight; the paper computes it from u
        norm._v.data = torch.nn.functional.normalize(norm._reshape_weight_to_matrix(weight.data).T @ norm._u, dim=0)
        y, z = ours(x), theirs(images)
        y.square().sum().backward(), (z * z).sum().backward()
        pairs = {
            "y": (y.numpy(), (z if name == "Dense" else z.permute(0, 2, 3, 1)).detach().numpy()),
            "dW": (ours.weight.grad, weight.grad.numpy().transpose(back)),
            "u": (ours.reparametrization.u.numpy(), norm._u.numpy()),
        }
        for what, (got, want) in pairs.items():
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11, err_msg=f"{what}, training={training}")
        ours.weight.assign(ours.weight.data - 0.1 * ours.weight.grad)
        weight.data -= 0.1 * weight.grad
        ours.zero_grad(), theirs.zero_grad()


# -- a layer among others ------------------------------------------------------------------------------------------


def discriminator():
    """As of a DCGAN, tiny."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2),
        nn.LeakyReLU(),
        nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm(4)),
        nn.Flatten(),
        nn.Dense(16, 1),
    )


def test_all_layers_below_are_normalized_and_no_other():
    net = discriminator()
    assert nn.spectral_norm(net) is net
    assert [path for path, module in net.named_modules() if type(module) is nn.SpectralNorm] == [
        "0.reparametrization",
        "2.0.reparametrization",
        "4.reparametrization",
    ]
    assert net.named_parameters().keys() == discriminator().named_parameters().keys(), "u is no parameter"


def test_u_travels_in_the_state_dict(backend):
    first, second = nn.spectral_norm(discriminator()), nn.spectral_norm(discriminator())
    assert {"0.reparametrization.u", "2.0.reparametrization.u", "4.reparametrization.u"} <= first.state_dict().keys()
    x = mg.asarray(rng.standard_normal((3, 4, 4, 1)).astype(np.float32))
    second.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(mg.to_numpy(second(x)), mg.to_numpy(first(x)))
    assert first.fingerprint() == second.fingerprint()


def test_a_deep_copy_has_a_u_of_its_own():
    layer = nn.spectral_norm(nn.Dense(8, 6))
    layer.weight.assign(rng.standard_normal((8, 6)).astype(np.float32))
    twin, x, before = copy.deepcopy(layer), np.ones((2, 8), dtype=np.float32), layer.state_dict()
    y = twin(x).numpy()
    assert all((value == before[name]).all() for name, value in layer.state_dict().items())
    np.testing.assert_array_equal(layer(x).numpy(), y)


def test_a_layer_that_is_used_twice_is_normalized_once():
    dense = nn.Dense(3, 3)
    net = nn.spectral_norm(nn.Sequential(dense, nn.Tanh(), dense))
    assert sum(type(module) is nn.SpectralNorm for module in {id(m): m for m in net.modules()}.values()) == 1


def test_a_seed_gives_the_same_start():
    mg.seed(5)
    first = nn.spectral_norm(nn.Dense(8, 6)).state_dict()
    mg.seed(5)
    assert (nn.spectral_norm(nn.Dense(8, 6)).state_dict()["reparametrization.u"] == first["reparametrization.u"]).all()


def test_any_module_can_be_a_reparametrization():
    """The hook is not spectral normalization's own: an equalized learning rate, for example, multiplies by a constant."""

    class Doubled(nn.Module):
        def forward(self, weight):
            return 2.0 * weight

    for make, shape in KINDS.values():
        layer = make()
        x = apart(2, *shape).astype(np.float32)
        single = layer(x).numpy()
        layer.reparametrization = Doubled()
        np.testing.assert_allclose(layer(x).numpy(), 2.0 * single, rtol=1e-5, atol=1e-5)


# -- misuse --------------------------------------------------------------------------------------------------------


def tied():
    """An autoencoder with one weight."""
    dense = nn.Dense(4, 3)
    return nn.Sequential(nn.Dense(4, 4), dense, nn.DenseTranspose(dense))


class Scale(WeightedModule):
    """A weight of one axis."""

    def __init__(self):
        self.weight = mg.Parameter(np.ones(3, dtype=np.float32))


@pytest.mark.parametrize(
    ("module", "error", "message"),
    [
        (
            lambda: nn.Sequential(nn.BatchNorm(3), nn.Tanh()),
            ValueError,
            "Sequential.* contains no Dense, Conv2d or ConvTranspose2d",
        ),
        (
            lambda: nn.spectral_norm(nn.Dense(3, 2)),
            ValueError,
            r"the module, Dense\(3 -> 2\), is reparametrized already, by SpectralNorm\(2\)",
        ),
        (
            lambda: nn.Sequential(nn.Dense(4, 3), nn.spectral_norm(nn.Dense(3, 2))),
            ValueError,
            r"1, Dense\(3 -> 2\), is .* apply it once",
        ),
        (tied, ValueError, r"1, Dense\(4 -> 3\), shares its weight with a DenseTranspose"),
        (
            lambda: nn.Sequential(nn.Dense(4, 3), nn.Dense(3, 1, weight_init=nn.init.zeros)),
            ValueError,
            "1, .* has a weight of zeros",
        ),
        (
            lambda: nn.Sequential(nn.Dense(4, 3), Scale()),
            ShapeError,
            r"1, Scale\(\), has a weight of shape \(3,\), expected at least two",
        ),
    ],
)
def test_wrong_modules_are_refused_and_unchanged(module, error, message):
    module = module()
    before = list(module.modules())
    with pytest.raises(error, match=f"spectral_norm: .*{message}"):
        nn.spectral_norm(module)
    assert list(module.modules()) == before
