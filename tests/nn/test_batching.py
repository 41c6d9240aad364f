"""Long batches go through the autoencoders in batches: the same results, in memory that does not grow with their number."""

import tracemalloc

import numpy as np
import pytest

import minigen as mg
from minigen import nn
from minigen.models.autoencoders import (
    ConditionalVariationalAutoencoder,
    ConvolutionalAutoencoder,
    HashingAutoencoder,
    LinearVariationalAutoencoder,
    RecurrentAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    TiedAutoencoder,
    VariationalAutoencoder,
)
from minigen.nn import batching

IMAGES = (28, 28, 1)
MODELS = {
    "stacked": (StackedAutoencoder, IMAGES),
    "tied": (TiedAutoencoder, IMAGES),
    "sparse": (SparseAutoencoder, IMAGES),
    "hashing": (HashingAutoencoder, IMAGES),
    "recurrent": (RecurrentAutoencoder, IMAGES),
    "convolutional": (ConvolutionalAutoencoder, IMAGES),
    "variational": (VariationalAutoencoder, IMAGES),
    "conditional": (ConditionalVariationalAutoencoder, IMAGES),
    "linear variational": (lambda: LinearVariationalAutoencoder(784, 30), (784,)),
}
METHODS = [
    (name, method)
    for name, (model, _) in MODELS.items()
    for method in ("encode", "reconstruct", "hash", "elbo")
    if hasattr(model(), method)
]


def examples(name, n, dtype=np.float32):
    """n examples for a model, and their labels if it takes them, on the current backend."""
    x = np.random.default_rng(0).random((n, *MODELS[name][1]), dtype=dtype)
    return [mg.asarray(x)] + [mg.asarray(np.arange(n) % 10)] * (name == "conditional")


def arrays(result):
    """What a method returns, as host arrays."""
    return [mg.to_numpy(part) for part in (result if isinstance(result, tuple) else (result,))]


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_batches_make_what_the_whole_makes(name, method, backend, monkeypatch):
    model = MODELS[name][0]().astype("float64").eval()
    inputs = examples(name, 7, np.float64)
    with mg.no_grad():
        whole = getattr(model, method)(*inputs)
        monkeypatch.setattr(batching, "BATCH", 3)
        parted = getattr(model, method)(*inputs)
    assert type(parted) is type(whole)
    for got, expected in zip(arrays(parted), arrays(whole), strict=True):
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_memory_does_not_grow_with_the_number_of_examples(name, method):
    model = MODELS[name][0]()
    peaks = []
    for n in (batching.BATCH, 4 * batching.BATCH):
        inputs = examples(name, n)
        tracemalloc.start()
        with mg.no_grad():
            result = arrays(getattr(model, method)(*inputs))
        peaks.append(tracemalloc.get_traced_memory()[1] - sum(array.nbytes for array in result))
        tracemalloc.stop()
    results = 2 * sum(array.nbytes for array in result) // 4  # beside the whole, those of the last part and of the next
    assert peaks[1] < peaks[0] + results + (1 << 20), "more than one part's work lies in memory"


def test_arguments_with_a_row_per_example_are_split_with_the_examples(monkeypatch):
    monkeypatch.setattr(batching, "BATCH", 2)
    model = HashingAutoencoder().astype("float64")
    x, noise = np.random.default_rng(1).random((5, *IMAGES)), np.random.default_rng(2).standard_normal((5, 100))
    expected = model.encode(x, noise).numpy()  # a graph is recorded: in one piece
    with mg.no_grad():
        np.testing.assert_allclose(model.encode(x, noise).numpy(), expected, rtol=1e-12)
        np.testing.assert_allclose(model.encode(x, noise=noise).numpy(), expected, rtol=1e-12)
        np.testing.assert_allclose(model.encode(x, 0.0).numpy(), model.eval().encode(x).numpy(), rtol=1e-12)


def test_inside_a_graph_all_examples_go_together(monkeypatch):
    monkeypatch.setattr(batching, "BATCH", 2)
    model = StackedAutoencoder()
    seen = []
    model.encoder = Seeing(model.encoder, seen)
    codes = model.encode(np.ones((5, *IMAGES), np.float32))
    codes.sum().backward()
    assert seen == [5]
    assert all(p.grad is not None for p in model.encoder.parameters())
    with mg.no_grad():
        model.encode(np.ones((5, *IMAGES), np.float32))
    assert seen == [5, 2, 2, 1]


class Seeing(nn.Module):
    """A module that notes how many examples it is given."""

    def __init__(self, inner, seen):
        self.inner, self.seen = inner, seen

    def forward(self, x):
        self.seen.append(len(x))
        return self.inner(x)


@pytest.mark.parametrize("wrong", [None, 3.0, [[1.0]], np.float32(2)])
def test_inputs_without_a_batch_axis_are_left_to_the_model(wrong):
    model = StackedAutoencoder()
    with mg.no_grad(), pytest.raises((TypeError, ValueError, AttributeError)):
        model.encode(wrong)
