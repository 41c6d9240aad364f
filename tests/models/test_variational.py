"""One table of the variational autoencoders and their objectives; the linear one against the closed form of probabilistic PCA.

Noise is passed in wherever two calls must agree.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import minigen as mg
from minigen import baselines, gradcheck_module, losses, metrics, optim, training
from minigen.errors import ShapeError
from minigen.models import autoencoders
from minigen.models.autoencoders import (
    ConditionalVariationalAutoencoder,
    ConvolutionalVariationalAutoencoder,
    LinearVariationalAutoencoder,
    VariationalAutoencoder,
)

rng = np.random.default_rng(0)


@dataclass(frozen=True)
class Case:
    """How to make a model, at a size that suits a check; a batch of float64 examples, labels where it takes them; noise."""

    make: Callable[[], VariationalAutoencoder]
    batch: np.ndarray
    labels: tuple[np.ndarray, ...]
    noise: np.ndarray

    def arguments(self) -> tuple:
        """float32 examples (and labels) on the current backend."""
        return (mg.asarray(self.batch.astype(np.float32)), *map(mg.asarray, self.labels))

    def noise32(self) -> mg.Tensor:
        """float32 noise on the current backend."""
        return mg.asarray(self.noise.astype(np.float32))


def images(n: int, *shape: int) -> np.ndarray:
    """Pixels of (28, 28, 1) or of another shape, none at the end of its range."""
    return rng.uniform(0.05, 0.95, (n, *(shape or (28, 28, 1))))


def tiny(latent_dim: int = 2, **settings: object) -> Case:
    """The image model with few units."""
    return Case(
        lambda: VariationalAutoencoder(latent_dim, hidden=(4, 3), **settings), images(3), (), rng.standard_normal((3, latent_dim))
    )


MODELS: dict[str, list[Case]] = {
    "VariationalAutoencoder": [
        tiny(),
        tiny(reconstruction="mse"),
        tiny(latent_dim=3, beta=2.5),
        tiny(beta=0.0),
        Case(VariationalAutoencoder, images(2), (), rng.standard_normal((2, 10))),
        Case(
            lambda: VariationalAutoencoder(2, hidden=(4, 3), shape=(5, 4, 3)), images(3, 5, 4, 3), (), rng.standard_normal((3, 2))
        ),
    ],
    "ConvolutionalVariationalAutoencoder": [
        Case(
            lambda: ConvolutionalVariationalAutoencoder(latent_dim=2, maps=2, shape=(8, 8, 2)),
            images(2, 8, 8, 2),
            (),
            rng.standard_normal((2, 2)),
        ),
        Case(
            lambda: ConvolutionalVariationalAutoencoder(3, beta=0.5, reconstruction="bce", maps=1, shape=(16, 16, 1)),
            images(2, 16, 16, 1),
            (),
            rng.standard_normal((2, 3)),
        ),
        Case(
            lambda: ConvolutionalVariationalAutoencoder(2, maps=1, shape=(17, 9, 3)),
            images(2, 17, 9, 3),
            (),
            rng.standard_normal((2, 2)),
        ),
    ],
    "LinearVariationalAutoencoder": [
        Case(LinearVariationalAutoencoder, rng.standard_normal((6, 3)), (), rng.standard_normal((6, 2))),
        Case(
            lambda: LinearVariationalAutoencoder(features=5, latent_dim=1),
            rng.standard_normal((4, 5)),
            (),
            rng.standard_normal((4, 1)),
        ),
    ],
    "ConditionalVariationalAutoencoder": [
        Case(
            lambda: ConditionalVariationalAutoencoder(classes=3, latent_dim=2, hidden=(4, 3)),
            images(4),
            (np.array([2, 0, 1, 2]),),
            rng.standard_normal((4, 2)),
        ),
        Case(
            lambda: ConditionalVariationalAutoencoder(classes=2, latent_dim=1, beta=0.5, reconstruction="mse", hidden=(3,)),
            images(2),
            (np.array([0, 1]),),
            rng.standard_normal((2, 1)),
        ),
        Case(
            lambda: ConditionalVariationalAutoencoder(classes=2, latent_dim=2, hidden=(4, 3), shape=(5, 4, 3)),
            images(3, 5, 4, 3),
            (np.array([0, 1, 1]),),
            rng.standard_normal((3, 2)),
        ),
    ],
}
CASES = [pytest.param(case, id=f"{name}-{i}") for name, cases in MODELS.items() for i, case in enumerate(cases)]


def test_the_table_names_every_variational_model():
    public = {name: getattr(autoencoders, name) for name in autoencoders.__all__}
    assert set(MODELS) == {name for name, model in public.items() if issubclass(model, VariationalAutoencoder)}


# -- what holds for each -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_derivatives_of_the_objective_by_all_parameters_to_order_2(case, backend):
    model = case.make()
    labels = tuple(map(mg.asarray, case.labels))
    gradcheck_module(model, lambda x, noise: model.loss(x, *labels, noise=noise)[0], case.batch, case.noise)


@pytest.mark.parametrize("case", CASES)
def test_derivatives_of_the_outputs_and_of_the_likelihood_to_order_2(case):
    """Of pixels off the ends of their range, where they are cut off."""
    model = case.make()
    gradcheck_module(model, lambda x, noise: model(x, *case.labels, noise=noise), case.batch, case.noise, allow_unused=True)
    gradcheck_module(model, lambda x, z: model.log_likelihood(x, z, *case.labels), case.batch, case.noise, allow_unused=True)
    mg.gradcheck(lambda y: model.pixels_from_logits(y * y), case.batch)


def test_derivatives_of_the_bound_in_closed_form_to_order_2():
    model = LinearVariationalAutoencoder()
    gradcheck_module(model, model.elbo, rng.standard_normal((4, 3)))


@pytest.mark.parametrize("case", CASES)
def test_shapes_and_dtypes(case, backend):
    model, (x, *labels) = case.make(), case.arguments()
    n = len(x)
    mean, logvar = model.encode(x, *labels)
    assert mean.shape == logvar.shape == (n, model.latent_dim) and mean.dtype == logvar.dtype == np.float32
    assert model.decode(mean, *labels).shape == model(x, *labels).shape == x.shape
    likelihood = model.log_likelihood(x, mean, *labels)
    assert likelihood.shape == (n,) and likelihood.dtype == np.float32 and likelihood.requires_grad
    loss, terms = model.loss(x, *labels)
    assert loss.shape == () and loss.dtype == np.float32 and list(terms) == ["reconstruction", "kl"]


@pytest.mark.parametrize("case", CASES)
def test_the_loss_is_the_negative_bound_in_nats_per_example(case):
    model, (x, *labels) = case.make().astype("float64"), (case.batch, *case.labels)
    mean, logvar = model.encode(x, *labels)
    z = mean + mg.exp(logvar / 2) * case.noise
    kl = 0.5 * (mean.numpy() ** 2 + np.exp(logvar.numpy()) - 1 - logvar.numpy()).sum(axis=1).mean()
    reconstruction = -model.log_likelihood(x, z, *labels).numpy().mean()
    total, terms = model.loss(x, *labels, noise=case.noise)
    np.testing.assert_allclose(terms["kl"].item(), kl, rtol=1e-10)
    np.testing.assert_allclose(terms["reconstruction"].item(), reconstruction, rtol=1e-10)
    np.testing.assert_allclose(total.item(), reconstruction + model.beta * kl, rtol=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_the_loss_of_a_batch_is_the_mean_of_the_losses_of_its_examples(case):
    model, (x, *labels) = case.make().astype("float64").eval(), (case.batch, *case.labels)  # BatchNorm mixes them in training
    rows = [slice(i, i + 1) for i in range(len(x))]
    alone = [model.loss(x[row], *(each[row] for each in labels), noise=case.noise[row])[0].item() for row in rows]
    np.testing.assert_allclose(model.loss(x, *labels, noise=case.noise)[0].item(), np.mean(alone), rtol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_a_device_computes_the_same_loss_and_gradients(case, device):
    results = []
    for name in (device, "numpy"):
        mg.use(name)
        mg.seed(0)
        model = case.make()
        loss, _ = model.loss(*case.arguments(), noise=case.noise32())
        loss.backward()
        results.append([np.array(float(loss)), *(mg.to_numpy(p.grad) for p in model.parameters())])
    for there, on_numpy in zip(*results):
        np.testing.assert_allclose(there, on_numpy, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_a_state_dict_carries_the_model_over(case):
    first, second = case.make(), case.make()
    second.load_state_dict(first.state_dict())
    losses = [model.loss(*case.arguments(), noise=case.noise32())[0].item() for model in (first, second)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("case", CASES)
def test_steps_of_gradient_descent_lower_the_loss(case):
    model = case.make()
    optimizer = optim.Adam(model.parameters(), lr=0.001)
    losses = []
    for _ in range(6):
        loss, _ = model.loss(*case.arguments(), noise=case.noise32())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("case", CASES)
def test_fit_trains_on_one_array_or_on_pairs(case):
    model, arrays = case.make(), (case.batch.astype(np.float32), *case.labels)
    examples = arrays if case.labels else arrays[0]
    history = training.fit(
        model, examples, validation=examples, optimizer=optim.Adam(model.parameters()), epochs=1, batch_size=2, progress=False
    )
    assert {"loss", "reconstruction", "kl", "validation kl"} <= set(history)


@pytest.mark.parametrize("case", CASES)
def test_noise_is_drawn_by_default_in_evaluation_too(case):
    model = case.make().eval()
    first, second = (model.loss(*case.arguments())[1]["reconstruction"].item() for _ in range(2))
    assert first != second


@pytest.mark.parametrize("case", CASES)
def test_a_seed_samples_the_same_on_every_backend_outside_any_graph(case, device):
    pictures = []
    for name in (device, "numpy"):
        mg.use(name)
        mg.seed(0)
        model = case.make()
        asked = ([0, 1, 1],) if case.labels else (3,)
        picture = model.sample(*asked)
        assert picture.shape == (3, *case.batch.shape[1:]) and not picture.requires_grad
        assert mg.backend.backend_of(picture.data) is mg.backend.current()
        pictures.append(picture.numpy())
    np.testing.assert_allclose(*pictures, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_a_reconstruction_is_decoded_from_the_mean(case):
    model, (x, *labels) = case.make(), case.arguments()
    before, rebuilt = model.state_dict(), model.reconstruct(x, *labels)
    assert rebuilt.shape == x.shape and not rebuilt.requires_grad
    assert model.training and all((before[name] == value).all() for name, value in model.state_dict().items())
    model.eval()
    np.testing.assert_array_equal(rebuilt.numpy(), model.pixels(model.encode(x, *labels)[0], *labels).numpy())
    np.testing.assert_array_equal(rebuilt.numpy(), model.reconstruct(x, *labels).numpy())
    if x.ndim == 4:
        assert 0.0 <= rebuilt.numpy().min() and rebuilt.numpy().max() <= 1.0


@pytest.mark.parametrize("case", CASES)
def test_an_empty_batch_is_refused(case):
    with pytest.raises(ShapeError, match="an empty batch"):
        case.make().eval().loss(*(part[:0] for part in case.arguments()))


@pytest.mark.parametrize("case", CASES)
def test_noise_of_another_shape_is_refused(case):
    model, (n, d) = case.make(), case.noise.shape
    for shape in ((d,), (n, d + 1), (1, d), (2 * n, d)):
        if shape != (n, d):
            with pytest.raises(ShapeError, match=r"Sampling\(\): mean has shape .*, noise .*; expected the same"):
                model.loss(*case.arguments(), noise=np.zeros(shape, np.float32))


# -- the variational autoencoder -------------------------------------------------------------------------------------


def test_it_is_the_books_network():
    model = VariationalAutoencoder()
    counts = {name: child.parameter_count() for name, child in model.children()}
    assert counts == {"encoder": 132_850, "mean": 1_010, "logvar": 1_010, "sampling": 0, "decoder": 134_634}
    assert sum(counts.values()) - counts["decoder"] == 134_870 and model.parameter_count() == 269_504
    assert [p.shape[1] for p in model.parameters() if p.ndim == 2] == [150, 100, 10, 10, 100, 150, 784]


def test_the_summary_lists_its_layers(capsys):
    VariationalAutoencoder().summary((28, 28, 1))
    out = capsys.readouterr().out
    assert "269,504" in out and "not reached" not in out and "mean Dense(100 -> 10)" in out


@pytest.mark.parametrize("reconstruction", ["bce", "mse"])
def test_loss_and_gradients_are_those_of_torch(reconstruction):
    torch = pytest.importorskip("torch")
    model = VariationalAutoencoder(latent_dim=3, beta=0.7, reconstruction=reconstruction, hidden=(6, 5)).astype("float64")
    x, noise = images(4), rng.standard_normal((4, 3))
    loss, _ = model.loss(x, noise=noise)
    loss.backward()

    weights = {name: torch.tensor(value, requires_grad=True) for name, value in model.state_dict().items()}

    def dense(name, h):
        return h @ weights[f"{name}.weight"] + weights[f"{name}.bias"]

    pixels, selu, normal = torch.tensor(x).reshape(4, 784), torch.nn.functional.selu, torch.distributions.Normal
    h = selu(dense("encoder.2", selu(dense("encoder.1", pixels))))
    posterior = normal(dense("mean", h), torch.exp(dense("logvar", h) / 2))
    z = posterior.mean + posterior.stddev * torch.tensor(noise)
    y = dense("decoder.2", selu(dense("decoder.1", selu(dense("decoder.0", z)))))
    if reconstruction == "bce":
        nll = torch.nn.functional.binary_cross_entropy_with_logits(y, pixels, reduction="none")
    else:
        nll = -normal(y, math.sqrt(0.5)).log_prob(pixels)
    kl = torch.distributions.kl_divergence(posterior, normal(torch.zeros(4, 3), torch.ones(4, 3)))
    expected = (nll.sum(dim=1) + 0.7 * kl.sum(dim=1)).mean()
    expected.backward()
    np.testing.assert_allclose(loss.item(), expected.item(), rtol=1e-10)
    for name, parameter in model.named_parameters().items():
        np.testing.assert_allclose(parameter.grad, weights[name].grad.numpy(), rtol=1e-6, atol=1e-9, err_msg=name)


def test_with_squared_error_it_is_the_books_loss_times_784():
    """Mean over pixels of the squared error + KL / 784 is a Gaussian decoder of variance 1/2, but for its normalization."""
    model, x, noise = VariationalAutoencoder(reconstruction="mse").astype("float64"), images(3), rng.standard_normal((3, 10))
    mean, logvar = model.encode(x)
    squared_error = losses.mse(model.decode(model.sampling(mean, logvar, noise)), x)
    book = squared_error + losses.kl_normal(mean, logvar) / 784.0
    total, _ = model.loss(x, noise=noise)
    np.testing.assert_allclose(784 * book.item(), total.item() - 784 / 2 * math.log(math.pi), rtol=1e-12)


def test_gray_images_cost_what_black_and_white_ones_cost_on_average():
    """The Bernoulli log-likelihood is linear in the image: that of gray pixels is the mean of all ways to draw them."""
    model, z = VariationalAutoencoder(latent_dim=2, hidden=(3,)).astype("float64"), rng.standard_normal((1, 2))
    gray = np.zeros((1, 28, 28, 1))
    gray[0, 3, :3, 0] = 0.2, 0.5, 0.9
    expected = 0.0
    for bits in itertools.product((0.0, 1.0), repeat=3):
        drawn = gray.copy()
        drawn[0, 3, :3, 0] = bits
        probability = math.prod(p if bit else 1 - p for p, bit in zip((0.2, 0.5, 0.9), bits))
        expected += probability * model.log_likelihood(drawn, z).item()
    np.testing.assert_allclose(model.log_likelihood(gray, z).item(), expected, rtol=1e-12)


def test_the_bernoulli_loss_stays_above_the_entropy_of_the_pixels():
    x = images(3)
    model = VariationalAutoencoder().astype("float64")
    assert model.loss(x)[1]["reconstruction"].item() >= 784 * metrics.bernoulli_entropy(x)


@pytest.mark.parametrize("settings, message", [
    ({"beta": -1.0}, "beta weighs the KL divergence: at least 0 and finite, got -1.0"),
    ({"beta": math.nan}, "beta weighs the KL divergence: at least 0 and finite, got nan"),
    ({"reconstruction": "BCE"}, "unknown reconstruction 'BCE': did you mean 'bce'"),
    ({"reconstruction": "rmse"}, r"unknown reconstruction 'rmse': did you mean 'mse'\?"),
])  # fmt: skip
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        VariationalAutoencoder(**settings)


def test_images_outside_the_range_are_refused_where_the_loss_needs_it():
    x = images(2).astype(np.float32)
    with pytest.raises(ValueError, match=r"reconstruction: got targets from .* to 2\d\d\.?\d*, expected .* pixels in \[0, 1\]"):
        VariationalAutoencoder().loss(x * 255)
    with pytest.raises(ValueError, match=r"reconstruction: got targets from -0\.\d+ to 0\.\d+, expected"):
        VariationalAutoencoder().loss(x - 0.5)
    VariationalAutoencoder(reconstruction="mse").loss(x - 0.5)


def test_pixels_that_are_nan_are_refused():
    x = images(2).astype(np.float32)
    x[1, 3, 4] = np.nan
    with pytest.raises(ValueError, match="got targets from nan to nan"):
        VariationalAutoencoder().loss(x)


def test_an_extreme_variance_stays_finite_and_recovers(backend):
    """e^200 is no float32; the loss is finite all the same, and the gradient leads the variance down."""
    model, x = VariationalAutoencoder(latent_dim=2, hidden=(4,)), mg.asarray(images(2).astype(np.float32))
    model.logvar.bias.assign(200.0)
    with np.errstate(over="raise", invalid="raise"):
        loss, _ = model.loss(x)
        loss.backward()
    assert np.isfinite(float(loss))
    assert (mg.to_numpy(model.logvar.bias.grad) > 0).all()


# -- the linear one: probabilistic PCA ---------------------------------------------------------------------------------


def closed_form(x: np.ndarray, k: int) -> tuple[LinearVariationalAutoencoder, baselines.ProbabilisticPCA]:
    """The linear model with the weights of probabilistic PCA and its posterior, in float64."""
    model, best = LinearVariationalAutoencoder(x.shape[1], k).astype("float64"), baselines.probabilistic_pca(x, k)
    _, variances = best.posterior(x)
    inverse = best.weight / best.principal.explained  # x -> posterior mean: (x - mean) W diag(1 / eigenvalues)
    model.decoder.weight.assign(best.weight.T)
    model.decoder.bias.assign(best.principal.mean)
    model.encoder.weight.assign(inverse)
    model.encoder.bias.assign(-best.principal.mean @ inverse)
    model.posterior_logvar.assign(np.log(variances))
    model.noise_logvar.assign(np.log([best.variance]))
    return model, best


SETS = [
    pytest.param(rng.standard_normal((40, d)) @ rng.standard_normal((d, d)) + rng.standard_normal(d), k, id=f"{d}-{k}")
    for d, k in ((3, 2), (5, 1), (6, 3))
]


@pytest.mark.parametrize("x, k", SETS)
def test_at_the_closed_form_the_bound_is_the_log_likelihood(x, k):
    model, best = closed_form(x, k)
    np.testing.assert_allclose(model.elbo(x).numpy(), best.log_likelihood(x), rtol=0, atol=1e-10)
    mean, variances = best.posterior(x)
    np.testing.assert_allclose(model.encode(x)[0].numpy(), mean, atol=1e-12)


@pytest.mark.parametrize("x, k", SETS)
def test_with_the_exact_posterior_every_sample_gives_the_log_likelihood(x, k):
    """log p(x|z) + log p(z) - log q(z|x) = log p(x) for every z: not a mean over noise, but each draw."""
    model, best = closed_form(x, k)
    mean, logvar = (part.numpy() for part in model.encode(x))
    for _ in range(3):
        noise = rng.standard_normal(mean.shape)
        z = mean + np.exp(logvar / 2) * noise
        ratio = 0.5 * (noise**2 + logvar - z**2).sum(axis=1)
        np.testing.assert_allclose(model.log_likelihood(x, z).numpy() + ratio, best.log_likelihood(x), rtol=0, atol=1e-9)


@pytest.mark.parametrize("x, k", SETS)
def test_the_bound_is_the_loss_averaged_over_signs_as_noise(x, k):
    """For a linear decoder the loss is quadratic in the noise, and all signs +-1 have the moments of N(0, 1) to that degree."""
    model = LinearVariationalAutoencoder(x.shape[1], k).astype("float64")
    signs = itertools.product((-1.0, 1.0), repeat=k)
    average = np.mean([model.loss(x, noise=np.tile(sign, (len(x), 1)))[0].item() for sign in signs])
    np.testing.assert_allclose(-model.elbo(x).numpy().mean(), average, rtol=1e-12)


@pytest.mark.parametrize("x, k", SETS)
def test_the_closed_form_is_the_maximum_of_the_bound(x, k):
    model, best = closed_form(x, k)
    (-model.elbo(x).mean()).backward()
    for p in model.parameters():
        np.testing.assert_allclose(p.grad, 0.0, atol=1e-10, err_msg=p.name)
    highest = best.log_likelihood(x).mean()
    for p in model.parameters():
        before = p.numpy().copy()
        p.assign(before + 0.1 * rng.standard_normal(p.shape))
        assert model.elbo(x).numpy().mean() < highest, p.name
        p.assign(before)


def test_gradient_descent_reaches_the_closed_form():
    """The likelihood, and not only the plane of the principal components but the components: W's rows, up to their sign."""
    source = np.random.default_rng(0)
    x = (source.standard_normal((200, 4)) * (3.0, 1.5, 0.7, 0.7)) @ np.linalg.qr(source.standard_normal((4, 4)))[0]
    best, model = baselines.probabilistic_pca(x, 2), LinearVariationalAutoencoder(4, 2).astype("float64")
    optimizer = optim.Adam(model.parameters(), lr=optim.schedules.cosine(0.1, 800))
    for _ in range(800):
        optimizer.zero_grad()
        (-model.elbo(mg.Tensor(x)).mean()).backward()
        optimizer.step()
    np.testing.assert_allclose(model.elbo(x).numpy().mean(), best.log_likelihood(x).mean(), atol=1e-4)
    learned = np.abs(model.decoder.weight.numpy())
    np.testing.assert_allclose(learned[(learned**2).sum(axis=1).argsort()[::-1]], np.abs(best.weight.T), atol=0.05)


# -- the conditional one -----------------------------------------------------------------------------------------------


def test_the_label_adds_ten_inputs_to_both_networks():
    plain, conditional = VariationalAutoencoder(), ConditionalVariationalAutoencoder()
    assert conditional.parameter_count() - plain.parameter_count() == 10 * 150 + 10 * 100
    x, labels = images(2).astype(np.float32), np.array([3, 7])
    (mean, _), (other, _) = conditional.encode(x, labels), conditional.encode(x, labels[::-1])
    assert (mean.numpy() != other.numpy()).all()
    z = mean.numpy()
    assert (conditional.decode(z, labels).numpy() != conditional.decode(z, labels[::-1]).numpy()).any(axis=(1, 2, 3)).all()


def test_a_summary_needs_no_labels(capsys):
    ConditionalVariationalAutoencoder().summary((28, 28, 1))
    assert "272,004" in capsys.readouterr().out


def test_the_loss_equals_its_docstring():
    model, x, labels = ConditionalVariationalAutoencoder(3, 2, hidden=()).astype("float64"), images(2), np.array([2, 0])
    one_hot = np.eye(3)[labels]
    h = np.concatenate([x.reshape(2, 784), one_hot], axis=1)
    state = model.state_dict()
    mean, logvar = (h @ state[f"{name}.weight"] + state[f"{name}.bias"] for name in ("mean", "logvar"))
    noise = rng.standard_normal((2, 2))
    z = np.concatenate([mean + np.exp(logvar / 2) * noise, one_hot], axis=1)
    p = 1 / (1 + np.exp(-(z @ state["decoder.0.weight"] + state["decoder.0.bias"])))
    nll = -(x.reshape(2, 784) * np.log(p) + (1 - x.reshape(2, 784)) * np.log(1 - p)).sum(axis=1)
    _, terms = model.loss(x, labels, noise=noise)
    np.testing.assert_allclose(terms["reconstruction"].item(), nll.mean(), rtol=1e-10)
    np.testing.assert_allclose(model.pixels(z[:, :2], labels).numpy().reshape(2, 784), p, rtol=1e-10)


@pytest.mark.parametrize("labels, error, message", [
    ([1], ShapeError, r"one label for each of 2 examples, got labels of shape \(1,\)"),
    ([[0, 1]], ShapeError, r"one label for each of 2 examples, got labels of shape \(1, 2\)"),
    ([0, 3], ValueError, "labels reach from 0 to 3, expected 0 to 2"),
    ([-1, 0], ValueError, "labels reach from -1 to 0, expected 0 to 2"),
    (np.array([0.0, 1.0]), TypeError, "labels must be integers, got float64"),
])  # fmt: skip
def test_labels_that_do_not_fit_are_refused(labels, error, message):
    model, x = ConditionalVariationalAutoencoder(classes=3, latent_dim=2, hidden=(4,)), images(2).astype(np.float32)
    with pytest.raises(error, match=message):
        model.loss(x, labels)


@pytest.mark.parametrize("n", [0, -1, 2.5, "a"])
def test_how_many_are_drawn_is_a_number(n):
    model = VariationalAutoencoder(latent_dim=2, hidden=(3,))
    for draw in (model.sample, model.prior):
        with pytest.raises(ValueError, match=f"n counts examples, a whole number of at least 1, got {n!r}"):
            draw(n)
