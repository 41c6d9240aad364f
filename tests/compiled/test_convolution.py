"""Convolutions by loops are those of NumPy: on random shapes, strides and paddings, by minimal filtering too, on any number of
threads."""

import numpy as np
import pytest

pytest.importorskip("ziglang", reason="the compiled loops need a compiler: pip install -e '.[fast]'")

from minigen import compiled, ops
from minigen.compiled import convolution, switch
from tests.compiled.comparison import assert_as_accurate, both, normal

pytestmark = pytest.mark.usefixtures("loops")


def random_convolution(seed):
    """A random convolution: images, kernel, bias, attributes."""
    rng = np.random.default_rng(seed)
    n, h, w = (int(i) for i in rng.integers(1, (9, 20, 20)))
    few = seed % 3 == 0  # channels of first and last layers, and of powers of two
    c, o = (int(i) for i in (rng.choice([1, 2, 3, 16, 32, 64], 2) if few else rng.integers(1, 40, 2)))
    kh, kw = (int(i) for i in rng.integers(1, 6, 2))
    stride = tuple(int(i) for i in rng.integers(1, 4, 2))
    padding = ["same", "valid", 1, ((2, 0), (1, 3))][seed % 4]
    h, w = max(h, kh), max(w, kw)
    return normal(rng, n, h, w, c), normal(rng, kh, kw, c, o), normal(rng, o), {"stride": stride, "padding": padding}


@pytest.mark.parametrize("seed", range(120))
def test_a_convolution_is_that_of_numpy(seed):
    x, w, b, settings = random_convolution(seed)
    assert_as_accurate(ops.conv2d, x, w, b if seed % 2 else None, **settings)


@pytest.mark.parametrize("seed", range(120))
def test_a_transposed_convolution_is_that_of_numpy(seed):
    x, w, _, settings = random_convolution(seed)
    rng = np.random.default_rng(seed)
    g = normal(rng, *ops.conv2d(x, w, **settings).shape)
    b = normal(rng, x.shape[3]) if seed % 2 else None
    assert_as_accurate(ops.conv2d_transpose, g, w, b, output_size=x.shape[1:3], **settings)


@pytest.mark.parametrize("seed", range(120))
def test_the_gradient_of_a_kernel_is_that_of_numpy(seed):
    x, w, _, settings = random_convolution(seed)
    g = normal(np.random.default_rng(seed), *ops.conv2d(x, w, **settings).shape)
    assert_as_accurate(ops.conv2d_weight, x, g, kernel_size=w.shape[:2], **settings)


def rms(x):
    return np.sqrt(np.mean(np.square(x, dtype=np.float64)))


FILTERED = [  # kernel size, stride, padding, image size
    ((3, 3), 1, "same", (9, 14)),
    ((2, 3), 1, ((0, 1), (1, 1)), (16, 7)),
    ((1, 2), 1, "valid", (5, 20)),
    ((5, 5), 2, ((2, 1), (2, 1)), (14, 14)),
    ((4, 4), 2, 1, (16, 10)),
    ((6, 5), 2, "same", (15, 9)),
    ((3, 1), (2, 1), "same", (17, 8)),
    ((2, 6), (1, 2), "valid", (6, 24)),
]


@pytest.fixture
def filtered(monkeypatch):
    """All convolutions that can take minimal filtering do."""
    monkeypatch.setattr(convolution, "filtering_pays", lambda kernel, stride, *_: convolution.can_be_filtered(kernel, stride))
    monkeypatch.setattr(convolution, "ROUND_TILES", 8)  # a few rounds,
    monkeypatch.setattr(convolution, "ROUND_VALUES", 0)
    monkeypatch.setattr(convolution, "GROUP_TILES", 4)  # of a few groups, for small kernels
    monkeypatch.setattr(convolution, "GROUP_VALUES", 36 * 48 * 32)


@pytest.mark.parametrize(("kernel", "stride", "padding", "size"), FILTERED)
@pytest.mark.parametrize(("c", "o"), [(16, 16), (48, 32), (16, 80), (112, 16)])
def test_minimal_filtering_rounds_a_few_times_as_much(kernel, stride, padding, size, c, o, filtered):
    """Against float64: at most six times as much as NumPy by the root mean square, fifteen times at the largest."""
    assert convolution.can_be_filtered((*kernel, c, o), convolution.pair(stride, "stride"))
    rng = np.random.default_rng(0)
    settings = {"stride": stride, "padding": padding}
    x, w, b = normal(rng, 11, *size, c), normal(rng, *kernel, c, o), normal(rng, o)
    g = normal(rng, *ops.conv2d(x, w, **settings).shape)
    for function, arrays, more in [
        (ops.conv2d, (x, w, b), {}),
        (ops.conv2d_transpose, (g, w), {"output_size": size}),
        (ops.conv2d_weight, (x, g), {"kernel_size": kernel}),
    ]:
        by_loops, by_numpy = both(function, *arrays, **settings, **more)
        true = function(*(array.astype(np.float64) for array in arrays), **settings, **more)
        assert rms(by_loops - true) <= 6 * rms(by_numpy - true)
        assert abs(by_loops - true).max() <= 15 * abs(by_numpy - true).max()


def test_minimal_filtering_loses_no_nan_or_infinity(filtered):
    rng = np.random.default_rng(0)
    x, w = normal(rng, 2, 14, 14, 16), normal(rng, 5, 5, 16, 32)
    x[0, 3, 4, 5], x[1, 13, 13, 2] = np.nan, np.inf
    settings = {"stride": 2, "padding": ((2, 1), (2, 1))}
    g = normal(rng, 2, 7, 7, 32)
    for function, arrays, more in [(ops.conv2d, (x, w), {}), (ops.conv2d_weight, (x, g), {"kernel_size": (5, 5)})]:
        with compiled.using(False):
            by_numpy = function(*arrays, **settings, **more)
        by_loops = function(*arrays, **settings, **more)
        assert not np.isfinite(by_loops[~np.isfinite(by_numpy)]).any()
        assert np.isfinite(by_loops).any()


@pytest.mark.parametrize("images", [3, 40])
def test_minimal_filtering_gives_the_same_bits_on_any_number_of_threads(images, filtered):
    rng = np.random.default_rng(0)
    x, w, g = normal(rng, images, 14, 14, 32), normal(rng, 5, 5, 32, 48), normal(rng, images, 7, 7, 48)
    results = []
    for threads in (1, 2, 3, 8):
        switch.library().set_threads(threads)
        results.append((ops.conv2d(x, w, stride=2), ops.conv2d_weight(x, g, kernel_size=(5, 5), stride=2)))
    for result in results[1:]:
        for one, other in zip(result, results[0]):
            np.testing.assert_array_equal(one, other)


def test_filtering_is_chosen_where_it_saves_more_than_its_forms_cost():
    def pays(kernel, stride, n, size):
        return convolution.filtering_pays(kernel, stride, n, size, size, convolution.KERNEL_TILES)

    assert pays((3, 3, 64, 64), (1, 1), 32, 8)
    assert pays((5, 5, 64, 128), (2, 2), 32, 7)
    assert not pays((3, 3, 64, 64), (1, 1), 1, 8)  # too few tiles for the kernel's form
    assert not pays((3, 3, 16, 32), (2, 2), 32, 14)  # as many products as without
    assert not pays((5, 5, 64, 64), (1, 1), 32, 14)  # more taps than it can


def test_a_batch_may_be_empty(filtered):
    x, w = np.empty((0, 8, 8, 16), np.float32), np.ones((3, 3, 16, 32), np.float32)
    y = ops.conv2d(x, w)
    assert y.shape == (0, 8, 8, 32)
    assert ops.conv2d_transpose(y, w).shape == x.shape
    assert not ops.conv2d_weight(x, y, kernel_size=(3, 3)).any()


def test_images_and_kernels_of_any_strides():
    rng = np.random.default_rng(0)
    x, w = normal(rng, 4, 12, 12, 8), normal(rng, 3, 3, 8, 24)
    for kernel in (w[::-1, ::-1], w.transpose(1, 0, 2, 3), np.asfortranarray(w), np.repeat(w, 2, axis=3)[..., ::2]):
        assert_as_accurate(ops.conv2d, x, kernel)
    with compiled.using(False):
        expected = ops.conv2d(x[:, ::2], w)
    np.testing.assert_allclose(ops.conv2d(x[:, ::2], w), expected, rtol=1e-5, atol=1e-4)  # left to NumPy
