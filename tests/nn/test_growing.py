"""The layers of style-based generators: against loops, PyTorch and closed forms, and which random numbers they draw."""

import numpy as np
import pytest

import minigen as mg
from minigen import gradcheck_module, nn, ops
from minigen.backend import asarray, random, to_numpy
from minigen.errors import DtypeError, ShapeError

rng = np.random.default_rng(7)


def drawn_from(call):
    """The random streams that a call draws from."""
    before = random.state_dict()
    call()
    after = random.state_dict()
    return {name for name in before if before[name] != after[name]}


def perturbed(module, seed=0):
    """The module in float64, no parameter where it starts."""
    numbers = np.random.default_rng(seed)
    for parameter in module.astype("float64").parameters():
        parameter.assign(parameter.data + asarray(numbers.standard_normal(parameter.shape)))
    return module


# -- PixelNorm -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 4, 5), (2, 1, 1, 1)])
def test_pixel_norm_against_loops(shape, backend):
    x = rng.standard_normal(shape)
    expected = np.zeros(shape)
    for where in np.ndindex(shape[:-1]):
        expected[where] = x[where] / np.sqrt(sum(value * value for value in x[where]) / shape[-1] + 1e-8)
    np.testing.assert_allclose(to_numpy(nn.PixelNorm()(asarray(x))), expected, rtol=1e-13)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_pixel_norm_brings_the_mean_square_to_one(scale, backend):
    """To m / (m + eps) exactly, m being what it was."""
    x = scale * rng.standard_normal((2, 3, 4, 6))
    y, m = to_numpy(nn.PixelNorm()(asarray(x))), (x * x).mean(axis=-1)
    np.testing.assert_allclose((y * y).mean(axis=-1), m / (m + 1e-8), rtol=1e-12)


def test_pixel_norm_of_zeros_is_zero_with_a_finite_gradient():
    x = mg.Tensor(np.zeros((2, 4), dtype=np.float32), requires_grad=True)
    y = nn.PixelNorm()(x)
    y.sum().backward()
    np.testing.assert_array_equal(y.numpy(), 0.0)
    np.testing.assert_allclose(x.grad, 1e4, rtol=1e-6)


def test_pixel_norm_normalizes_each_latent_vector():
    z = rng.standard_normal((3, 8))
    np.testing.assert_allclose(ops.pixel_norm(z)[1], ops.pixel_norm(z[1:2])[0], rtol=1e-15)


@pytest.mark.parametrize("shape", [(3, 4), (2, 2, 3, 2)])
def test_gradients_of_pixel_norm(shape, backend):
    gradcheck_module(nn.PixelNorm(), nn.PixelNorm(), rng.standard_normal(shape))


# -- AdaIN ---------------------------------------------------------------------------------------------------------


def styles(layer, w):
    """(1 + ys, yb) of a style, each (n, features)."""
    y = to_numpy(layer.affine(asarray(w)))
    return 1.0 + y[:, : layer.features], y[:, layer.features :]


def test_adain_against_loops(backend):
    layer = perturbed(nn.AdaIN(3, 4))
    x, w = rng.standard_normal((2, 4, 5, 3)), rng.standard_normal((2, 4))
    weight, bias = to_numpy(layer.affine.weight.data), to_numpy(layer.affine.bias.data)
    expected = np.zeros(x.shape)
    for i in range(2):
        for c in range(3):
            scale = 1.0 + sum(w[i, k] * weight[k, c] for k in range(4)) / np.sqrt(4) + bias[c]
            shift = sum(w[i, k] * weight[k, 3 + c] for k in range(4)) / np.sqrt(4) + bias[3 + c]
            pixels = [x[i, r, s, c] for r in range(4) for s in range(5)]
            mean = sum(pixels) / 20
            variance = sum((pixel - mean) ** 2 for pixel in pixels) / 20
            for r in range(4):
                for s in range(5):
                    expected[i, r, s, c] = scale * (x[i, r, s, c] - mean) / np.sqrt(variance + 1e-8) + shift
    np.testing.assert_allclose(to_numpy(layer(asarray(x), asarray(w))), expected, rtol=1e-11, atol=1e-12)


def test_after_adain_each_channel_has_the_mean_and_deviation_of_its_style(backend):
    """Of each image on its own: yb, and |1 + ys| sqrt(v / (v + eps)), v being the variance before."""
    layer = perturbed(nn.AdaIN(3, 4))
    x, w = 2.0 + 3.0 * rng.standard_normal((2, 6, 5, 3)), rng.standard_normal((2, 4))
    y, (scale, shift), v = to_numpy(layer(asarray(x), asarray(w))), styles(layer, w), x.var(axis=(1, 2))
    np.testing.assert_allclose(y.mean(axis=(1, 2)), shift, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=(1, 2)), abs(scale) * np.sqrt(v / (v + 1e-8)), rtol=1e-11)
    np.testing.assert_allclose(y.std(axis=(1, 2)), abs(scale), rtol=1e-8)


def test_adain_in_float32_has_the_style_statistics():
    layer = nn.AdaIN(8, 4)
    x, w = (100.0 + rng.standard_normal((2, 8, 8, 8))).astype(np.float32), rng.standard_normal((2, 4)).astype(np.float32)
    y, (scale, shift) = layer(x, w).numpy(), styles(layer, w)
    np.testing.assert_allclose(y.mean(axis=(1, 2)), shift, atol=1e-4)
    np.testing.assert_allclose(y.std(axis=(1, 2)), abs(scale), rtol=1e-4)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_adain_is_invariant_to_the_scale_and_shift_of_each_channel(sign, backend):
    """But for eps. A negative factor turns the channel around, nothing else."""
    layer = perturbed(nn.AdaIN(3, 4))
    x, w = rng.standard_normal((2, 4, 5, 3)), rng.standard_normal((2, 4))
    factor, offset = rng.uniform(1.0, 5.0, (2, 1, 1, 3)), rng.standard_normal((2, 1, 1, 3))
    y, other = (to_numpy(layer(asarray(each), asarray(w))) for each in (x, sign * factor * x + offset))
    shift = styles(layer, w)[1][:, None, None]
    np.testing.assert_allclose(other - shift, sign * (y - shift), rtol=1e-7, atol=1e-8)


def test_adain_normalizes_at_the_start_where_the_style_is_zero(backend):
    layer, x = nn.AdaIN(2, 4).astype("float64"), rng.standard_normal((3, 4, 4, 2))
    y = to_numpy(layer(asarray(x), asarray(np.zeros((3, 4)))))
    centered, variance = x - x.mean(axis=(1, 2), keepdims=True), x.var(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(y, centered / np.sqrt(variance + 1e-8), rtol=1e-12, atol=1e-14)


def test_gradients_of_adain(backend):
    layer = nn.AdaIN(2, 3)
    gradcheck_module(layer, layer, rng.standard_normal((2, 3, 2, 2)), rng.standard_normal((2, 3)))


def test_gradients_of_adain_as_a_function_of_scale_and_shift():
    scale, shift = rng.standard_normal((2, 2)), rng.standard_normal((2, 2))
    mg.gradcheck(ops.adain, rng.standard_normal((2, 2, 3, 2)), scale, shift, order=2)


def test_a_channel_without_contrast_gets_the_style_mean_and_a_finite_gradient():
    layer, x = nn.AdaIN(2, 3), mg.Tensor(np.full((1, 4, 4, 2), 0.5, np.float32), requires_grad=True)
    w = np.ones((1, 3), np.float32)
    y = layer(x, w)
    y.sum().backward()
    np.testing.assert_array_equal(y.numpy(), np.broadcast_to(styles(layer, w)[1][:, None, None], y.shape))
    assert np.isfinite(x.grad).all()


# -- NoiseInjection ------------------------------------------------------------------------------------------------


def noisy(features=3, scale=(0.5, -2.0, 1.0), dtype="float64"):
    """4 x 5 pixels, and a scale for each channel."""
    layer = nn.NoiseInjection(features, 4, 5).astype(dtype)
    layer.scale.assign(asarray(np.array(scale, dtype=dtype)))
    return layer


@pytest.mark.parametrize("training", [True, False])
def test_noise_is_off_at_the_start(training, backend):
    layer, x = nn.NoiseInjection(3, 4, 5).train(training), rng.standard_normal((2, 4, 5, 3)).astype(np.float32)
    np.testing.assert_array_equal(to_numpy(layer(asarray(x))), x)


def test_a_noise_scale_of_zero_has_a_gradient(backend):
    layer, x, noise = nn.NoiseInjection(2, 4, 5).astype("float64"), np.zeros((3, 4, 5, 2)), rng.standard_normal((3, 4, 5, 1))
    g = rng.standard_normal(x.shape)
    (layer(asarray(x), asarray(noise)) * asarray(g)).sum().backward()
    np.testing.assert_allclose(to_numpy(layer.scale.grad), (g * noise).sum(axis=(0, 1, 2)), rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2])
def test_given_noise_is_one_map_for_all_channels_with_a_scale_for_each(n, backend):
    layer, x, noise = noisy(), rng.standard_normal((2, 4, 5, 3)), rng.standard_normal((n, 4, 5, 1))
    expected = x + noise * np.array([0.5, -2.0, 1.0])
    np.testing.assert_allclose(to_numpy(layer(asarray(x), asarray(noise))), expected, rtol=1e-14)
    assert drawn_from(lambda: layer(asarray(x), asarray(noise))) == set()


def test_in_evaluation_all_images_have_the_same_map_a_buffer_and_nothing_is_drawn(backend):
    layer, x = noisy().eval(), np.zeros((3, 4, 5, 3))
    assert drawn_from(lambda: layer(asarray(x))) == set()
    y, fixed = to_numpy(layer(asarray(x))), to_numpy(layer.fixed.data)
    np.testing.assert_array_equal(y, np.broadcast_to(fixed * np.array([0.5, -2.0, 1.0]), y.shape))
    assert fixed.std() > 0.0 and list(layer.state_dict()) == ["scale", "fixed"]


def test_in_training_each_image_and_each_call_has_its_own_map(backend):
    layer, x = noisy(), asarray(np.zeros((2, 4, 5, 3)))
    first, second = to_numpy(layer(x)), to_numpy(layer(x))
    assert len({float(value) for value in np.concatenate([first, second])[..., 2].ravel()}) == 2 * 2 * 20, "a number came twice"
    for y in (first, second):
        np.testing.assert_array_equal(y[..., 0], 0.5 * y[..., 2])
        np.testing.assert_array_equal(y[..., 1], -2.0 * y[..., 2])


def test_noise_in_training_comes_from_its_own_stream(backend):
    layer, x = noisy(dtype="float32"), asarray(np.zeros((2, 4, 5, 3), np.float32))
    assert drawn_from(lambda: layer(x)) == {"noise"}
    assert drawn_from(lambda: nn.NoiseInjection(2, 3, 3)) == {"weights"}
    mg.seed(5)
    first = to_numpy(layer(x))
    mg.seed(5)
    np.testing.assert_array_equal(to_numpy(layer(x)), first)


def test_noise_in_training_is_normal():
    """Of n numbers the mean is known to 1 / sqrt(n), the deviation to 1 / sqrt(2 n); five times that must do."""
    layer = nn.NoiseInjection(1, 100, 100)
    layer.scale.assign(np.ones(1, np.float32))
    noise = layer(np.zeros((10, 100, 100, 1), np.float32)).numpy()
    assert noise.shape == (10, 100, 100, 1) and noise.dtype == np.float32
    assert abs(noise.mean()) < 5 / np.sqrt(1e5) and abs(noise.std() - 1.0) < 5 / np.sqrt(2e5)


def test_gradients_of_noise_injection(backend):
    layer = nn.NoiseInjection(2, 3, 2)
    gradcheck_module(layer, layer, rng.standard_normal((2, 3, 2, 2)), rng.standard_normal((2, 3, 2, 1)))


# -- constant and bias ---------------------------------------------------------------------------------------------


def test_a_learned_constant_starts_at_one_and_ignores_its_input(backend):
    layer = nn.LearnedConstant((2, 3))
    x = rng.standard_normal((4, 5)).astype(np.float32)
    np.testing.assert_array_equal(to_numpy(layer(asarray(x))), np.ones((4, 2, 3)))
    layer.weight.assign(asarray(np.arange(6.0, dtype=np.float32).reshape(2, 3)))
    for each in (x, 0.0 * x):
        np.testing.assert_array_equal(to_numpy(layer(asarray(each))), np.tile(np.arange(6.0).reshape(2, 3), (4, 1, 1)))
    assert layer.output_shape((5,)) == (2, 3) and repr(layer) == "LearnedConstant(2x3)"


def test_a_learned_constant_learns_from_the_sum_over_the_batch(backend):
    layer, g = nn.LearnedConstant((2, 3)).astype("float64"), rng.standard_normal((4, 2, 3))
    x = mg.Tensor(asarray(np.zeros((4, 1))), requires_grad=True)
    (layer(x) * asarray(g)).sum().backward()
    np.testing.assert_allclose(to_numpy(layer.weight.grad), g.sum(axis=0), rtol=1e-13)
    assert x.grad is None


@pytest.mark.parametrize("shape", [(4, 3), (2, 2, 2, 3)])
def test_a_bias_adds_one_value_to_each_channel(shape, backend):
    layer, x = nn.Bias(3), rng.standard_normal(shape).astype(np.float32)
    np.testing.assert_array_equal(to_numpy(layer(asarray(x))), x)
    layer.bias.assign(asarray(np.float32([1.0, -2.0, 0.5])))
    np.testing.assert_array_equal(to_numpy(layer(asarray(x))), x + np.float32([1.0, -2.0, 0.5]))
    assert repr(layer) == "Bias(3)"


# -- Blur2d --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 6, 5, 3), (1, 2, 2, 1), (1, 1, 4, 2), (1, 1, 1, 1)])
def test_blur_against_pytorch(shape, backend):
    torch = pytest.importorskip("torch")
    x, channels = rng.standard_normal(shape), shape[3]
    kernel = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64)
    kernel = (kernel[:, None] * kernel[None, :] / 16.0).expand(channels, 1, 3, 3)
    expected = torch.nn.functional.conv2d(torch.tensor(x.transpose(0, 3, 1, 2)), kernel, padding=1, groups=channels)
    np.testing.assert_allclose(to_numpy(nn.Blur2d()(asarray(x))), expected.numpy().transpose(0, 2, 3, 1), rtol=1e-12, atol=1e-14)


def test_blur_keeps_a_constant_image_except_at_the_edge(backend):
    y = to_numpy(nn.Blur2d()(asarray(np.full((1, 5, 6, 2), 3.0, np.float32))))
    expected = np.full((1, 5, 6, 2), 3.0)
    for rim in (np.s_[:, 0], np.s_[:, -1], np.s_[:, :, 0], np.s_[:, :, -1]):
        expected[rim] *= 0.75
    np.testing.assert_array_equal(y, expected)


def test_blur_removes_a_checkerboard(backend):
    """The highest frequency of both directions, away from the border."""
    board = np.indices((6, 6)).sum(axis=0) % 2 * 2.0 - 1.0
    y = to_numpy(nn.Blur2d()(asarray(board[None, ..., None])))
    assert not y[0, 1:-1, 1:-1].any()


def test_blur_is_its_own_adjoint(backend):
    """<A u, v> = <u, A v>, exactly: of whole numbers all sums are multiples of 1 / 16."""
    u, v = (asarray(rng.integers(-9, 10, (2, 5, 4, 3)).astype(np.float64)) for _ in range(2))
    assert to_numpy((ops.blur2d(u) * v).sum()) == to_numpy((u * ops.blur2d(v)).sum())


def test_blur_leaves_its_input_alone(backend):
    x = rng.standard_normal((1, 4, 4, 2))
    on_device = asarray(x.copy())
    nn.Blur2d()(on_device)
    np.testing.assert_array_equal(to_numpy(on_device), x)


def test_gradients_of_blur(backend):
    gradcheck_module(nn.Blur2d(), nn.Blur2d(), rng.standard_normal((2, 3, 4, 2)))


# -- misuse --------------------------------------------------------------------------------------------------------

X, W = np.zeros((2, 4, 5, 3), dtype=np.float32), np.zeros((2, 6), dtype=np.float32)
NOISE = np.zeros((2, 4, 5, 1), dtype=np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.PixelNorm()(X.astype(np.int64)), DtypeError, r"PixelNorm\(\) takes floating-point numbers, got int64"),
        (lambda: nn.AdaIN(3, 6)(X[:, :1, :1], W), ShapeError, r"of more than one pixel, got \(2, 1, 1, 3\)"),
        (lambda: nn.AdaIN(3, 6)(X, W[:1]), ShapeError, r"images \(2, 4, 5, 3\) take a scale of shape \(2, 3\), got \(1, 3\)"),
        (lambda: nn.AdaIN(3, 6)(X, W[:, :5]), ShapeError, r"AdaIN\(3, styles of 6\) expects shape \(..., 6\), got \(2, 5\)"),
        (lambda: nn.AdaIN(2, 6)(X, W), ShapeError, r"expects images \(n, height, width, 2\), got \(2, 4, 5, 3\)"),
        (lambda: nn.AdaIN(3, 6)(X[0], W), ShapeError, r"got \(4, 5, 3\): a single image\? x\[None\]"),
        (lambda: nn.AdaIN(3, 6)(X.astype(float), W), DtypeError, "computes in float32, got float64"),
        (lambda: nn.AdaIN(3, 6)(X, W.astype(float)), DtypeError, "computes in float32, got float64"),
        (lambda: nn.AdaIN(3, 6).output_shape((4, 5, 2)), ShapeError, r"expects images \(height, width, 3\), got \(4, 5, 2\)"),
        (lambda: nn.AdaIN(3, 0), ShapeError, "EqualizedDense's in_features must be at least 1, got 0"),
        (
            lambda: ops.adain(X, np.ones((2, 3), np.float32), np.ones((2, 2), np.float32)),
            ShapeError,
            r"take a shift of shape \(2, 3\), got \(2, 2\)",
        ),
        (lambda: ops.adain(X[0], W, W), ShapeError, r"expected images .* of more than one pixel, got \(4, 5, 3\)"),
        (lambda: nn.NoiseInjection(0, 4, 5), ShapeError, "NoiseInjection's features must be at least 1, got 0"),
        (lambda: nn.NoiseInjection(3, 4, 0), ShapeError, "NoiseInjection's width must be at least 1, got 0"),
        (
            lambda: nn.NoiseInjection(3, 5, 4)(X),
            ShapeError,
            r"NoiseInjection\(3, 5x4\) expects images \(n, 5, 4, 3\), got \(2, 4, 5, 3\)",
        ),
        (lambda: nn.NoiseInjection(2, 4, 5)(X), ShapeError, r"expects images \(n, 4, 5, 2\), got \(2, 4, 5, 3\)"),
        (lambda: nn.NoiseInjection(3, 4, 5)(X.astype(float)), DtypeError, "computes in float32, got float64"),
        (
            lambda: nn.NoiseInjection(3, 4, 5)(X, NOISE[:, :3]),
            ShapeError,
            r"noise of shape \(2 or 1, 4, 5, 1\), got \(2, 3, 5, 1\)",
        ),
        (lambda: nn.NoiseInjection(3, 4, 5)(X, X), ShapeError, r"noise of shape \(2 or 1, 4, 5, 1\), got \(2, 4, 5, 3\)"),
        (
            lambda: nn.NoiseInjection(3, 4, 5)(X, NOISE[[0, 0, 0]]),
            ShapeError,
            r"noise of shape \(2 or 1, 4, 5, 1\), got \(3, 4, 5, 1\)",
        ),
        (lambda: nn.LearnedConstant((4, 0)), ShapeError, r"LearnedConstant\'s shape\[1\] must be at least 1, got 0"),
        (lambda: nn.Bias(0), ShapeError, "Bias's features must be at least 1, got 0"),
        (lambda: nn.Bias(2)(X), ShapeError, r"Bias\(2\) expects shape \(..., 2\), got \(2, 4, 5, 3\)"),
        (lambda: nn.Bias(3)(X.astype(float)), DtypeError, "computes in float32, got float64"),
        (lambda: nn.Blur2d()(X[0]), ShapeError, r"expected images \(n, height, width, channels\), got shape \(4, 5, 3\)"),
        (lambda: nn.Blur2d()(X.astype(np.uint8)), DtypeError, "expected floating-point images, got uint8"),
    ],
)
def test_wrong_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_noise_that_is_learned_more_slowly_starts_the_same_and_moves_less():
    """Off at the start; a scale of 1 then adds m times the noise."""
    layer, x, noise = (
        nn.NoiseInjection(2, 3, 4, lr_multiplier=0.1),
        np.zeros((2, 3, 4, 2), np.float32),
        np.ones((2, 3, 4, 1), np.float32),
    )
    assert (layer(x, noise).numpy() == 0.0).all()
    layer.scale.assign(np.ones(2, np.float32))
    np.testing.assert_allclose(layer(x, noise).numpy(), 0.1, rtol=1e-6)
    assert (
        repr(layer) == "NoiseInjection(2, 3x4, lr_multiplier=0.1)"
        and repr(nn.NoiseInjection(2, 3, 4)) == "NoiseInjection(2, 3x4)"
    )
    with pytest.raises(ValueError, match="NoiseInjection's lr_multiplier must be above 0 and finite, got 0"):
        nn.NoiseInjection(2, 3, 4, lr_multiplier=0)
