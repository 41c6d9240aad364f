"""`fit` with a loss of outputs and targets, for any Module; and a validation set that is a share of the examples."""

import numpy as np
import pytest

import minigen as mg
from minigen import data, losses, nn, ops, optim
from minigen.data import batches
from minigen.errors import CheckpointError, DtypeError, ShapeError
from minigen.training import Checkpoint, evaluate, fit, predict

rng = np.random.default_rng(0)
X = rng.random((20, 4, 4, 1), dtype=np.float32)
LABELS = np.arange(20) % 3
QUIET = {"progress": False, "batch_size": 8, "seed": 3}


def made(last=(nn.Reshape, (4, 4, 1)), outputs=16):
    mg.seed(0)
    kind, *arguments = last
    encoder = nn.Sequential(nn.Flatten(), nn.Dense(16, 5, activation="selu"))
    return nn.Sequential(encoder, nn.Sequential(nn.Dense(5, outputs), kind(*arguments)))


def sgd(model):
    return optim.SGD(model.parameters(), lr=0.1)


def trained(examples=X, model=None, **options):
    model = model or made()
    history = fit(model, examples, optimizer=sgd(model), **{"epochs": 2, **QUIET, **options})
    return model, history


# -- losses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["mse", "mae", "bce_with_logits", losses.mse, lambda y, x: ops.absolute(y - x).mean()])
def test_a_plain_network_learns_as_in_a_loop_by_hand(loss, backend):
    model, history = trained(loss=loss)
    function = getattr(losses, loss) if isinstance(loss, str) else loss
    expected, rows = made(), []
    optimizer, stream = sgd(expected), batches(X, batch_size=8, seed=3)
    for _ in range(2):
        total = 0.0
        for x in stream:
            value = function(expected(x), x)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += float(value) * len(x)
        rows.append(total / len(X))
    assert history["loss"] == pytest.approx(rows, rel=1e-6)
    assert [set(row) for row in history.rows] == [{"epoch", "loss", "seconds"}] * 2
    for name, value in expected.state_dict().items():
        np.testing.assert_allclose(model.state_dict()[name], value, rtol=1e-5, atol=1e-7)


def test_targets_may_be_others_than_the_examples():
    _, history = trained((X, 1.0 - X), loss="mse", validation=(X, 1.0 - X))
    assert set(history.rows[0]) == {"epoch", "loss", "validation loss", "seconds"}
    classifier, history = trained((X, LABELS), made((nn.Flatten,), 3), loss="cross_entropy", epochs=30)
    assert history["loss"][-1] < history["loss"][0]
    assert predict(classifier, X).shape == (20, 3)


def test_the_loss_given_stands_in_place_of_the_models():
    class Own(nn.Sequential):
        def loss(self, x):
            raise AssertionError("another loss was given")

    trained(model=Own(nn.Flatten(), nn.Dense(16, 16), nn.Reshape((4, 4, 1))), loss="mse")


def test_penalties_of_activities_are_added_and_named():
    model = nn.Sequential(nn.Flatten(), nn.Dense(16, 5, "sigmoid"), nn.ActivityRegularization(l1=0.1), nn.Dense(5, 16))
    _, history = trained((X, X.reshape(20, 16)), model, loss="mse")
    row = history.rows[0]
    assert row["penalty"] > 0 and row["loss"] == pytest.approx(row["mse"] + row["penalty"])


def test_a_resumed_run_must_have_the_same_loss(tmp_path):
    trained(loss="mse", callbacks=[Checkpoint(tmp_path)])
    assert len(trained(loss="mse", epochs=3, resume=tmp_path)[1]) == 3
    for other in ("mae", losses.mae):
        with pytest.raises(CheckpointError, match="loss was .*mse.*, is .*mae"):
            trained(loss=other, epochs=3, resume=tmp_path)


WRONG = {
    "misspelled": ({"loss": "msee"}, ValueError, "unknown loss 'msee': did you mean 'mse'"),
    "Keras's": ({"loss": "binary_crossentropy"}, ValueError, "unknown loss 'binary_crossentropy': here it is 'bce_with_logits'"),
    "nowhere": ({"loss": "huber"}, ValueError, "unknown loss 'huber': expected one of mse, mae, bce_with_logits, cross_entropy"),
    "a number": ({"loss": 3}, TypeError, "loss: expected a function .*outputs, targets.*, got int"),
    "none": ({}, TypeError, 'Sequential has no loss.batch.: give another, loss="mse", or'),
    "no mean": ({"loss": lambda y, x: (y - x) ** 2}, TypeError, r"loss <lambda> returned an array of shape \(8, 4, 4, 1\)"),
    "a tuple": ({"loss": lambda y, x: (1, {})}, TypeError, "loss <lambda> returned a tuple, expected one number"),
    "three arrays": ({"loss": "mse", "examples": (X, X, X)}, ValueError, r"with loss=mse the examples are x, .* got 3 arrays"),
    "flat outputs": (
        {"loss": "mse", "model": lambda: made((nn.Flatten,))},
        ShapeError,
        r"loss mse: the model makes \(n, 16\) of examples \(n, 4, 4, 1\), the examples themselves are \(n, 4, 4, 1\), expected the "
        r"same: end the model with nn.Reshape\(\(4, 4, 1\)\)",
    ),
    "flat targets": (
        {"loss": "mae", "examples": (X, X.reshape(20, 16))},
        ShapeError,
        r"the targets are \(n, 16\).*nn.Flatten\(\)",
    ),
    "other size": (
        {"loss": "bce_with_logits", "model": lambda: made((nn.Flatten,), 3)},
        ShapeError,
        r"makes \(n, 3\) .* expected the same$",
    ),
    "a sigmoid": (
        {"loss": "bce_with_logits", "model": lambda: nn.Sequential(made(), nn.Sigmoid(), nn.Reshape((4, 4, 1)))},
        ValueError,
        r"loss bce_with_logits is of logits, the sigmoid is part of it: this Sequential ends with another; leave that out, and take "
        r"minigen.sigmoid\(training.predict\(model, x\)\) for what it would have made",
    ),
    "a sigmoid in a layer": (
        {"loss": losses.bce_with_logits, "model": lambda: nn.Sequential(nn.Flatten(), nn.Dense(16, 16, "sigmoid"), nn.Flatten())},
        ValueError,
        "loss bce_with_logits is of logits",
    ),
    "a softmax": (
        {
            "loss": "cross_entropy",
            "examples": (X, LABELS),
            "model": lambda: nn.Sequential(nn.Flatten(), nn.Dense(16, 3, "softmax")),
        },
        ValueError,
        "loss cross_entropy is of logits, the softmax is part of it",
    ),
    "double targets": ({"loss": "mse", "examples": (X, X.astype("float64"))}, DtypeError, r"examples\[1\] are float64"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_loss_that_does_not_fit_is_named(name):
    options, error, message = WRONG[name]
    model = options.get("model", made)()
    before = model.state_dict()
    with pytest.raises(error, match=message):
        trained(options.get("examples", X), model, **{key: options[key] for key in options if key == "loss"})
    assert all((before[path] == value).all() for path, value in model.state_dict().items())


# -- validation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "kept"), [(0.2, 16), (0.05, 19), (0.9, 2), (np.float32(0.5), 10)])
def test_a_share_holds_out_the_last_examples(share, kept):
    shared, history = trained(loss="mse", validation=share)
    given, expected = trained(X[:kept], loss="mse", validation=X[kept:])
    assert history["validation loss"] == expected["validation loss"] and history["loss"] == expected["loss"]
    assert shared.fingerprint() == given.fingerprint()
    _, history = trained((X, LABELS), made((nn.Flatten,), 3), loss="cross_entropy", validation=share)
    assert len(history["validation loss"]) == 2


@pytest.mark.parametrize("share", [0.0, 1.0, 1, -0.2, 5000, True, float("nan")])
def test_a_share_is_above_0_and_below_1(share):
    with pytest.raises(ValueError, match=f"validation: a share of the examples is above 0 and below 1.*, got {share}"):
        trained(loss="mse", validation=share)


@pytest.mark.parametrize(
    ("share", "counts"), [(0.001, "20 to train on, and 0 held out"), (0.99, "0 to train on, and 20 held out")]
)
def test_a_share_leaves_some_on_both_sides(share, counts):
    with pytest.raises(ValueError, match=f"a share of {share} of 20 examples leaves {counts}"):
        trained(loss="mse", validation=share)


def test_keras_names_are_answered():
    with pytest.raises(TypeError, match="fit has no setting 'validation_split': did you mean 'validation'"):
        trained(loss="mse", validation_split=0.2)


# -- evaluation --------------------------------------------------------------------------------------------------------


def test_an_activation_that_a_loss_does_not_have_may_end_a_network():
    pixels = nn.Sequential(nn.Flatten(), nn.Dense(16, 16, "sigmoid"), nn.Reshape((4, 4, 1)))
    assert len(trained(model=pixels, loss="mse")[1]["loss"]) == 2
    trained((X, LABELS), nn.Sequential(nn.Flatten(), nn.Dense(16, 3, "sigmoid")), loss="cross_entropy")


def test_an_evaluation_is_what_fit_says_of_held_out_examples(backend):
    model, history = trained(loss="mse", validation=X[:7])
    model.train()
    assert evaluate(model, X[:7], loss="mse") == {"loss": pytest.approx(history["validation loss"][-1], rel=1e-6)}
    assert all(layer.training for layer in model.modules()), "its mode is as before"


def test_an_evaluation_has_the_terms_of_the_models_own_loss_and_draws_nothing_of_yours():
    class Own(nn.Module):
        def __init__(self):
            self.dense, self.drop = nn.Dense(3, 3), nn.Dropout(0.5)

        def loss(self, x):
            noise = mg.asarray(mg.backend.random.normal(x.shape))
            error, size = losses.mse(self.drop(self.dense(x)), x + noise), losses.mse(x, noise)
            return error + size, {"error": error, "size": size}

    model, x = Own(), rng.random((6, 3), dtype=np.float32)
    before = mg.backend.random.state_dict()
    first, again = evaluate(model, x), evaluate(model, x)
    assert first == again and set(first) == {"loss", "error", "size"} and mg.backend.random.state_dict() == before
    assert first["loss"] == pytest.approx(first["error"] + first["size"]) and not hasattr(model.dense.weight.grad, "shape")


def test_an_evaluation_drops_nothing():
    model, x = nn.Sequential(nn.Dropout(0.5), nn.Dense(3, 3)), rng.random((6, 3), dtype=np.float32)
    assert evaluate(model, x, loss="mse")["loss"] == pytest.approx(float(losses.mse(predict(model, x), x)), rel=1e-6)


def test_a_classifier_is_evaluated_on_pairs():
    classifier = made((nn.Flatten,), 3)
    expected = float(losses.cross_entropy(predict(classifier, X), LABELS))
    assert evaluate(classifier, (X, LABELS), loss="cross_entropy")["loss"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("arguments", "options", "error", "message"), [
    ((lambda x: x, X), {"loss": "mse"}, TypeError, "evaluate takes a Module, evaluate.model, examples., got a function"),
    ((made(), X), {}, TypeError, 'Sequential has no loss.batch.: give another, loss="mse", or'),
    ((made(), X[:0]), {"loss": "mse"}, ShapeError, "examples: expected an array .* with n >= 1"),
    ((made(), (X, X, X)), {"loss": "mse"}, ValueError, "got 3 arrays"),
])  # fmt: skip
def test_what_cannot_be_evaluated_is_refused(arguments, options, error, message):
    with pytest.raises(error, match=message):
        evaluate(*arguments, **options)


# -- prediction --------------------------------------------------------------------------------------------------------


class Several(nn.Module):
    """Everything that forward may return."""

    def __init__(self, make):
        self.dense, self.make = nn.Dense(3, 2), make

    def forward(self, x, *others):
        return self.make(self.dense(x), *others)


def test_predictions_are_host_arrays_of_the_evaluation_mode(backend):
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.BatchNorm(16), nn.Dense(16, 3))
    expected = model.eval()(mg.asarray(X)).numpy()
    model.train()
    for size in (None, 1, 7, 20, 100):
        predicted = predict(model, X, batch_size=size)
        assert type(predicted) is np.ndarray and model.training
        np.testing.assert_allclose(predicted, expected, rtol=1e-5, atol=1e-6)


def test_batches_have_the_size_asked_for():
    seen = []
    model = Several(lambda y: seen.append(len(y)) or y)
    predict(model, np.zeros((7, 3), np.float32), batch_size=3)
    assert seen == [3, 3, 1]


def test_several_inputs_and_outputs():
    x, others = rng.random((7, 3), dtype=np.float32), rng.random((7, 2), dtype=np.float32)
    pair = predict(Several(lambda y, z: (y, y + z)), (x, others), batch_size=3)
    assert type(pair) is tuple
    np.testing.assert_allclose(pair[1] - pair[0], others, rtol=1e-5)
    named = predict(Several(lambda y: {"values": y, "sums": y.sum(axis=1)}), x, batch_size=3)
    assert {name: value.shape for name, value in named.items()} == {"values": (7, 2), "sums": (7,)}


def test_bytes_become_pixels():
    images = rng.integers(0, 256, (5, 4, 4, 1), dtype=np.uint8)
    np.testing.assert_array_equal(predict(made(), images), predict(made(), data.as_pixels(images)))


@pytest.mark.parametrize(("arguments", "error", "message"), [
    ((lambda x: x, X), TypeError, "predict takes a Module, predict.model, examples., got a function"),
    ((made(), [[1.0]]), TypeError, r"examples: expected an array \(n, ...\), got list"),
    ((made(), X[:0]), ShapeError, "no examples"),
    ((made(), X.astype("float64")), DtypeError, "float64"),
    ((made(), data.Dataset("toy", X, LABELS, ("a", "b", "c"), {})), TypeError, "got Dataset; pass its array .images"),
])  # fmt: skip
def test_what_cannot_be_predicted_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        predict(*arguments)


@pytest.mark.parametrize("make", [lambda y: y.mean(), lambda y: y.reshape(-1, 1), lambda y: y[:1]])
def test_a_network_returns_a_result_for_each_example(make):
    with pytest.raises(ShapeError, match=r"in batches a network returns a result for each example, for 3 of them got shape \("):
        predict(Several(make), np.zeros((7, 3), np.float32), batch_size=3)


@pytest.mark.parametrize("size", [0, -1, 2.5, "many"])
def test_a_batch_size_is_a_count(size):
    with pytest.raises(ValueError, match=f"batch_size counts examples, a whole number of at least 1, got {size}"):
        predict(made(), X, batch_size=size)
