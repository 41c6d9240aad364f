"""Long batches go through the autoencoders in batches: the same results, in memory that does not grow with their number."""

import contextlib
import tracemalloc

import numpy as np
import pytest

import minigen as mg
from minigen import nn, optim, training
from minigen.models import gans
from minigen.models.applications.style_transfer import StyleTransfer, TextureAutoencoder
from minigen.models.autoencoders import (
    ConditionalVariationalAutoencoder,
    ConvolutionalAutoencoder,
    ConvolutionalVariationalAutoencoder,
    HashingAutoencoder,
    LinearVariationalAutoencoder,
    RecurrentAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    TiedAutoencoder,
    VariationalAutoencoder,
)
from minigen.models.gans import growing
from minigen.nn import batching
from minigen.training.gans import drawing

IMAGES = (28, 28, 1)
MODELS = {
    "stacked": (StackedAutoencoder, IMAGES),
    "tied": (TiedAutoencoder, IMAGES),
    "sparse": (SparseAutoencoder, IMAGES),
    "hashing": (HashingAutoencoder, IMAGES),
    "recurrent": (RecurrentAutoencoder, IMAGES),
    "convolutional": (ConvolutionalAutoencoder, IMAGES),
    "variational": (VariationalAutoencoder, IMAGES),
    "convolutional variational": (lambda: ConvolutionalVariationalAutoencoder(maps=4, shape=(16, 16, 1)), (16, 16, 1)),
    "conditional": (ConditionalVariationalAutoencoder, IMAGES),
    "linear variational": (lambda: LinearVariationalAutoencoder(784, 30), (784,)),
}
METHODS = [
    (name, method)
    for name, (model, _) in MODELS.items()
    for method in ("encode", "decode", "reconstruct", "pixels", "hash", "elbo", "log_likelihood")
    if hasattr(model(), method)
]


def examples(name, method, n, dtype=np.float32):
    """n examples for a model's method, or codes, and labels if it takes them, on the current backend."""
    rng = np.random.default_rng(0)
    x = rng.random((n, *MODELS[name][1]), dtype=dtype)
    labels = [mg.asarray(np.arange(n) % 10)] * (name == "conditional")
    with mg.no_grad():
        code = arrays(MODELS[name][0]().astype(dtype).encode(mg.asarray(x[:1]), *(each[:1] for each in labels)))[0]
    z = rng.standard_normal((n, *code.shape[1:])).astype(dtype)
    given = {"decode": [z], "pixels": [z], "log_likelihood": [x, z]}.get(method, [x])
    return [*map(mg.asarray, given), *labels]


def arrays(result):
    """What a method returns, as host arrays."""
    return [mg.to_numpy(part) for part in (result if isinstance(result, tuple) else (result,))]


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_batches_make_what_the_whole_makes(name, method, backend, monkeypatch):
    model = MODELS[name][0]().astype("float64").eval()
    inputs = examples(name, method, 7, np.float64)
    with mg.no_grad():
        whole = getattr(model, method)(*inputs)
        monkeypatch.setattr(batching, "BATCH", 3)
        parted = getattr(model, method)(*inputs)
    assert type(parted) is type(whole)
    for got, expected in zip(arrays(parted), arrays(whole), strict=True):
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("name", "method"), METHODS)
@pytest.mark.parametrize("graph", [mg.no_grad, contextlib.nullcontext])
def test_memory_does_not_grow_with_the_number_of_examples(name, method, graph):
    model = MODELS[name][0]()
    peaks = []
    for n in (batching.BATCH, 4 * batching.BATCH):
        inputs = examples(name, method, n)
        tracemalloc.start()
        with graph():
            result = arrays(getattr(model, method)(*inputs))
        peaks.append(tracemalloc.get_traced_memory()[1] - sum(array.nbytes for array in result))
        tracemalloc.stop()
    results = 2 * sum(array.nbytes for array in result) // 4  # beside the whole, those of the last part and of the next
    assert peaks[1] < peaks[0] + results + (1 << 20), "more than one part's work lies in memory"


def test_arguments_with_a_row_per_example_are_split_with_the_examples(monkeypatch):
    monkeypatch.setattr(batching, "BATCH", 2)
    model = HashingAutoencoder().astype("float64")
    x, noise = np.random.default_rng(1).random((5, *IMAGES)), np.random.default_rng(2).standard_normal((5, 100))
    expected = model.encode(mg.Tensor(x), noise).numpy()  # a graph is recorded: in one piece
    with mg.no_grad():
        np.testing.assert_allclose(model.encode(x, noise).numpy(), expected, rtol=1e-12)
        np.testing.assert_allclose(model.encode(x, noise=noise).numpy(), expected, rtol=1e-12)
        np.testing.assert_allclose(model.encode(x, 0.0).numpy(), model.eval().encode(x).numpy(), rtol=1e-12)


X = np.ones((5, *IMAGES), np.float32)
WITH_GRAPH = {
    "a Tensor": lambda model: model.encode(mg.Tensor(X)),
    "the model": lambda model: model(X),
    "its loss": lambda model: model.loss(X)[0],
    "one pass": lambda model: batching.one_pass()(model.encode)(X),
}
AUTOENCODERS = [name for name in MODELS if name not in ("convolutional variational", "conditional", "linear variational")]


def seeing(name, monkeypatch, batch=2):
    """A model, and the numbers of examples that its encoder is given."""
    monkeypatch.setattr(batching, "BATCH", batch)
    model, seen = MODELS[name][0](), []
    if name == "hashing":  # which takes its encoder apart
        first, *others = model.encoder
        model.encoder = [Seeing(first, seen), *others]
    else:
        model.encoder = Seeing(model.encoder, seen)
    return model, seen


@pytest.mark.parametrize("compute", WITH_GRAPH.values(), ids=WITH_GRAPH)
@pytest.mark.parametrize("name", AUTOENCODERS)
def test_where_the_graph_is_wanted_all_examples_go_together(name, compute, monkeypatch):
    model, seen = seeing(name, monkeypatch)
    result = compute(model)
    sum(part.sum() for part in (result if isinstance(result, tuple) else [result])).backward()
    assert seen == [5]
    assert model.parameters()[0].grad is not None


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_arrays_go_by_batches_which_keep_no_graph(name, monkeypatch):
    model, seen = seeing(name, monkeypatch)
    encoded = model.encode(X)
    with mg.no_grad():
        model.encode(mg.Tensor(X))
    assert seen == [2, 2, 1] * 2
    codes = encoded[0] if isinstance(encoded, tuple) else encoded
    for loss in (codes.sum(), model.decoder(codes).sum(), model.decode(codes).sum()):
        with pytest.raises(mg.errors.GraphError, match=r"5 examples were computed in batches.*give the method a Tensor"):
            loss.backward(retain_graph=True)
        with pytest.raises(mg.errors.GraphError, match="5 examples were computed in batches"):
            mg.grad(loss, [model.parameters()[0]], create_graph=True)


def test_what_came_out_of_batches_goes_in_by_batches(monkeypatch):
    model, seen = seeing("stacked", monkeypatch)
    model.decoder = Seeing(model.decoder, seen)
    codes = model.encode(X)
    del seen[:]
    model.decode(codes)
    assert seen == [2, 2, 1]


def test_a_frozen_model_needs_no_guard(monkeypatch):
    model, _ = seeing("stacked", monkeypatch)
    with model.frozen():
        assert not model.encode(X).requires_grad


def test_fit_takes_batches_larger_than_those_of_encode_whatever_a_loss_calls(monkeypatch):
    class Mine(StackedAutoencoder):
        def loss(self, x):
            return self.error(self.decode(self.encode(x)), x)

    monkeypatch.setattr(batching, "BATCH", 2)
    model = Mine()
    before = model.state_dict()
    training.fit(model, X, optimizer=optim.SGD(model.parameters(), lr=1.0), epochs=1, batch_size=5, progress=False)
    assert all((before[name] != value).any() for name, value in model.state_dict().items() if name.endswith("weight"))


# -- sizes ---------------------------------------------------------------------------------------------------------


def test_large_examples_go_fewer_at_a_time(monkeypatch):
    """By their own size, and by that of what is made of them, once it is known."""
    monkeypatch.setattr(batching, "BATCH", 8)
    seen = []

    def compute(rows):
        seen.append(rows.stop - rows.start)
        return np.zeros((seen[-1], batching.SMALL * 2), np.float32)

    assert batching.fitting(np.zeros((9, batching.SMALL))) == 8
    assert batching.fitting(np.zeros((9, 3, batching.SMALL))) == 2
    assert batching.fitting(np.zeros((9, 100, batching.SMALL))) == 1
    batching.joined(12, compute, 8)
    assert seen == [2, 4, 4, 2]
    del seen[:]
    batching.joined(12, compute, 8, exactly=True)
    assert seen == [8, 4]


GENERATORS = {
    "gan": gans.gan.Generator,
    "dcgan": gans.dcgan.Generator,
    "tiny": gans.dcgan.TinyGenerator,
    "progan": lambda: gans.progan.Generator(16, feature_maps=(64, 64, 32)),
    "stylegan": lambda: gans.stylegan.Generator(16, feature_maps=(64, 64, 32), mapping_layers=2),
    "points": gans.points.Generator,
}


@pytest.mark.parametrize("name", GENERATORS)
def test_memory_of_samples_does_not_grow_with_their_number(name, monkeypatch):
    monkeypatch.setattr(batching, "BATCH", 16)
    monkeypatch.setattr(drawing, "BATCH", 16)
    monkeypatch.setattr(growing, "BATCH", 16)
    generator, peaks = GENERATORS[name](), []
    for n in (16, 128):
        z = generator.latent(n)
        tracemalloc.start()
        samples = generator.draw(z)
        peaks.append(tracemalloc.get_traced_memory()[1] - samples.nbytes)
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0] + 2 * z.nbytes + samples.nbytes // 8 + (1 << 18), "more than one part's work lies in memory"


@pytest.mark.parametrize("name", GENERATORS)
def test_samples_in_batches_are_those_of_one_pass(name, monkeypatch):
    generator = GENERATORS[name]().astype("float64")
    z = np.random.default_rng(0).standard_normal((7, generator.latent_dim))
    whole = generator.draw(z)
    for module in (batching, drawing, growing):
        monkeypatch.setattr(module, "BATCH", 3)
    np.testing.assert_allclose(generator.draw(z), whole, rtol=1e-10, atol=1e-12)


def test_styles_are_transferred_in_batches(monkeypatch):
    model = StyleTransfer(TextureAutoencoder(1, (2, 3))).astype("float64")
    contents, styles = np.random.default_rng(0).random((2, 5, 8, 8, 1))
    whole = model.transfer(contents, styles, 0.5).numpy()
    monkeypatch.setattr(batching, "BATCH", 2)
    np.testing.assert_allclose(model.transfer(contents, styles, 0.5).numpy(), whole, rtol=1e-12)
    np.testing.assert_allclose(model.transfer(contents, styles, alpha=0.5).numpy(), whole, rtol=1e-12)


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
