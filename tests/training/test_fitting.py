"""The training loop: the same as a loop by hand, and what it writes down."""

import csv
import sys
import threading

import numpy as np
import pytest

import minigen as mg
from minigen import data, losses, nn, optim, training
from minigen.data import batches
from minigen.errors import DataError, DtypeError, ShapeError
from minigen.models.autoencoders import LinearAutoencoder, StackedAutoencoder
from minigen.training import fit
from tests.training.networks import BATCH, EXAMPLES, STEPS, Noisy, assert_same, examples, made, numbers

OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.01),
    "Adam": lambda p: optim.Adam(p, lr=0.05, clip_norm=0.1),
    "Nadam": lambda p: optim.Nadam(p, lr=optim.schedules.cosine(0.05, 20)),
}


def train(seed=1, **options):
    """A run of two epochs; its values and its history."""
    model, optimizer = made(seed)
    history = fit(model, examples(), optimizer=optimizer, **{"epochs": 2, "batch_size": BATCH, "progress": False, **options})
    return numbers(model, optimizer, history), history


# -- the loop ----------------------------------------------------------------------------------------------------


def by_hand(model, optimizer, epochs, seed):
    """The loop as a learner would write it; the mean loss of each epoch, and the means of the terms."""
    x, rows = examples(), {"loss": [], "mse": [], "size": []}
    stream = batches(x, batch_size=BATCH, seed=seed)
    for _ in range(epochs):
        sums = dict.fromkeys(rows, 0.0)
        for batch in stream:
            loss, terms = model.loss(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            for name, value in {"loss": loss, **terms}.items():
                sums[name] += float(value) * len(batch)
        for name in rows:
            rows[name].append(sums[name] / len(x))
    return rows


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_loop_equals_the_one_written_by_hand(name):
    results = []
    for fitted in (False, True):
        mg.seed(1)
        model = Noisy()
        optimizer = OPTIMIZERS[name](model.parameters())
        if fitted:
            history = fit(model, examples(), optimizer=optimizer, epochs=3, batch_size=BATCH, seed=3, progress=False)
            rows = {column: history[column] for column in ("loss", "mse", "size")}
        else:
            rows = by_hand(model, optimizer, epochs=3, seed=3)
        results.append({**numbers(model, optimizer), **rows})
    assert_same(results[1], results[0])


def test_training_runs_on_every_backend(backend):
    model, optimizer = made()
    rows = by_hand(model, optimizer, epochs=2, seed=3)
    expected = numbers(model, optimizer)
    model, optimizer = made()
    history = fit(
        model, examples(), optimizer=optimizer, epochs=2, batch_size=BATCH, seed=3, validation=examples(5, 6), progress=False
    )
    tolerance = 1e-5 if backend == "cupy" else 0.0
    np.testing.assert_allclose(history["loss"], rows["loss"], rtol=tolerance)
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(value, expected[f"model/{name}"], rtol=tolerance, atol=tolerance, err_msg=name)
    assert mg.backend.backend_of(model.parameters()[0].data).name == backend, "the weights have left the backend"


def test_examples_and_validation_may_live_on_the_backend(backend):
    expected, _ = train(seed=1, validation=examples(5, 6))
    model, optimizer = made(1)
    history = fit(
        model,
        mg.asarray(examples()),
        validation=mg.asarray(examples(5, 6)),
        optimizer=optimizer,
        epochs=2,
        batch_size=BATCH,
        progress=False,
    )
    assert_same(numbers(model, optimizer, history), expected)


def test_examples_may_lie_in_a_file(tmp_path):
    np.save(tmp_path / "x.npy", examples())
    expected, _ = train()
    model, optimizer = made()
    history = fit(
        model, np.load(tmp_path / "x.npy", mmap_mode="r"), optimizer=optimizer, epochs=2, batch_size=BATCH, progress=False
    )
    assert_same(numbers(model, optimizer, history), expected)


def test_a_seed_gives_the_same_run():
    first, _ = train(seed=7)
    assert_same(train(seed=7)[0], first)
    other, _ = train(seed=8)
    assert not np.array_equal(other["model/decoder.0.weight"], first["model/decoder.0.weight"])


def test_seed_argument_decides_only_the_order():
    model, _ = made()
    optimizer = optim.SGD(model.parameters(), lr=0.0)
    seen = []
    loss = model.loss
    model.loss = lambda x: (seen.append(x.copy()), loss(x))[1]
    fit(model, examples(), optimizer=optimizer, epochs=2, batch_size=BATCH, seed=11, progress=False)
    for epoch in range(2):
        order = np.random.default_rng([11, epoch]).permutation(EXAMPLES)
        np.testing.assert_array_equal(np.concatenate(seen[epoch * STEPS : (epoch + 1) * STEPS]), examples()[order])


def test_a_second_fit_goes_on_training():
    model, optimizer = made()
    for steps in (STEPS, 2 * STEPS):
        history = fit(model, examples(), optimizer=optimizer, epochs=1, batch_size=BATCH, progress=False)
        assert optimizer.steps == steps
        assert history["epoch"] == [1]


def test_other_threads_may_train():
    expected, _ = train()
    results = []
    thread = threading.Thread(target=lambda: results.append(train()[0]))
    thread.start()
    thread.join()
    assert_same(results[0], expected)


# -- history -----------------------------------------------------------------------------------------------------


def test_the_history_has_a_column_for_the_loss_and_each_term():
    _, history = train()
    assert list(history) == ["epoch", "loss", "mse", "size", "seconds"]
    assert history["epoch"] == [1, 2]
    _, history = train(validation=examples(5, 6))
    assert list(history) == ["epoch", "loss", "mse", "size", "validation loss", "validation mse", "validation size", "seconds"]
    assert all(seconds > 0 for seconds in history["seconds"])


def test_a_single_term_is_not_repeated():
    model = LinearAutoencoder(6, 2)
    history = fit(
        model, examples(), validation=examples(5, 6), optimizer=optim.SGD(model.parameters(), lr=0.1), epochs=1, progress=False
    )
    assert list(history) == ["epoch", "loss", "validation loss", "seconds"]


def test_loss_is_the_mean_over_examples_though_the_last_batch_is_smaller():
    model = LinearAutoencoder(6, 2)
    with mg.no_grad():
        expected = np.square((model(examples()).numpy() - examples()).astype(np.float64)).mean()
    history = fit(model, examples(), optimizer=optim.SGD(model.parameters(), lr=0.0), epochs=1, batch_size=20, progress=False)
    assert history["loss"][0] == pytest.approx(expected, rel=1e-6)


def test_validation_takes_no_noise_from_training(backend):
    """On a GPU, whose generator cannot be saved, as on the host."""

    def trained(validation):
        model, optimizer = made()
        fit(model, mg.asarray(examples()), optimizer=optimizer, epochs=3, batch_size=BATCH, validation=validation, progress=False)
        return model.state_dict()

    assert_same(trained(None), trained(mg.asarray(examples(5, 6))))


def test_validation_is_the_mean_over_examples_though_the_last_batch_is_smaller(monkeypatch):
    _, history = train(validation=examples(15, 6))
    monkeypatch.setattr(training.evaluation, "BATCH", 7)
    _, in_batches = train(validation=examples(15, 6))
    for name in ("validation loss", "validation mse", "validation size"):
        np.testing.assert_allclose(in_batches[name], history[name], rtol=1e-6, err_msg=name)


def test_validation_is_deterministic_and_leaves_no_trace():
    plain, _ = train()
    validated, history = train(validation=examples(5, 6))
    assert_same({name: validated[name] for name in plain}, plain)

    model, optimizer = made()
    fit(model, examples(), optimizer=optimizer, epochs=2, batch_size=BATCH, progress=False)
    with mg.no_grad():
        assert history["validation loss"][-1] == float(model.eval().loss(examples(5, 6))[0])


def test_validation_records_no_graph():
    model, optimizer = made()
    recorded, loss = [], model.loss

    def watched(x):
        total, terms = loss(x)
        recorded.append(total.op is not None)
        return total, terms

    model.loss = watched
    fit(model, examples(), validation=examples(5, 6), optimizer=optimizer, epochs=1, batch_size=BATCH, progress=False)
    assert recorded == [True] * STEPS + [False]


def test_training_and_validation_run_in_their_modes():
    model, optimizer = made()
    modes, loss = [], model.loss
    model.loss = lambda x: (modes.append({module.training for module in model.modules()}), loss(x))[1]
    model.eval()
    fit(model, examples(), validation=examples(5, 6), optimizer=optimizer, epochs=2, batch_size=BATCH, progress=False)
    assert modes == 2 * ([{True}] * STEPS + [{False}])
    assert all(module.training for module in model.modules()), "validation did not restore the training mode"


def test_csv_holds_the_history_to_the_last_digit(tmp_path):
    _, history = train(validation=examples(5, 6))
    history.save_csv(tmp_path / "deep" / "history.csv")
    with open(tmp_path / "deep" / "history.csv", newline="") as file:
        header, *rows = list(csv.reader(file))
    assert header == list(history)
    assert [[float(cell) for cell in row] for row in rows] == [list(row) for row in zip(*history.values())]


def test_history_is_a_mapping_of_columns():
    history = training.History([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.5, "extra": 3.0}])
    assert len(history) == 3 and dict(history)["loss"] == [2.0, 1.5]
    np.testing.assert_array_equal(history["extra"], [np.nan, 3.0])
    assert repr(history) == "History(2 rows; last: epoch 2, loss 1.5, extra 3)"
    with pytest.raises(KeyError, match="no column 'validation loss': expected one of epoch, loss, extra"):
        history["validation loss"]


def test_progress_goes_to_stderr_and_can_be_silent(capsys):
    train(progress=False)
    assert capsys.readouterr() == ("", "")
    _, history = train(progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    for epoch in (1, 2):
        assert f"epoch {epoch}/2: loss {history['loss'][epoch - 1]:.5g}, mse " in err


@pytest.mark.parametrize("progress", [True, "lines"])
def test_a_log_has_one_whole_line_an_epoch(capsys, progress):
    train(progress=progress)
    err = capsys.readouterr().err
    assert [line.split(":")[0] for line in err.splitlines()] == ["epoch 1/2", "epoch 2/2"] and "\r" not in err


@pytest.mark.parametrize(("progress", "bars"), [(True, True), ("lines", False)])
def test_bars_are_for_terminals(capsys, monkeypatch, progress, bars):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    train(progress=progress)
    err = capsys.readouterr().err
    assert ("0/22" in err) is bars and err.count("epoch 2/2: loss") == 1
    monkeypatch.setenv("TQDM_DISABLE", "1")
    train(progress=progress)
    assert "\r" not in capsys.readouterr().err


def test_another_progress_is_refused():
    with pytest.raises(ValueError, match="progress: True for a bar .* got 'line'"):
        train(progress="line")


# -- callbacks ---------------------------------------------------------------------------------------------------


class Steps(training.Callback):
    """Notes each step, and lowers a setting of the model."""

    def __init__(self):
        self.seen = []

    def on_step_end(self, run):
        self.seen.append((run.optimizer.steps, run.epoch, len(run.history.rows)))


def test_callbacks_are_told_of_each_step_and_a_single_one_needs_no_list():
    steps = Steps()
    train(callbacks=steps)
    assert steps.seen == [(i + 1, i // STEPS, i // STEPS) for i in range(2 * STEPS)]


# -- bad input ---------------------------------------------------------------------------------------------------


def bad_examples(value):
    x = examples().copy()
    x[[13, 17], 2] = value
    return x


REFUSED = {
    "NaN": (bad_examples(np.nan), DataError, "2 of 22 contain NaN or infinity, the first at index 13"),
    "infinity": (bad_examples(np.inf), DataError, "2 of 22 contain NaN or infinity, the first at index 13"),
    "uint8": (np.zeros((5, 6), np.uint8), DtypeError, r"are uint8, the model computes in float32: .*x.astype\('float32'\) / 255"),
    "int64": (np.zeros((5, 6), np.int64), DtypeError, r"are int64, the model computes in float32: .*x.astype\('float32'\)$"),
    "float64": (np.zeros((5, 6)), DtypeError, r"are float64, the model computes in float32: .*x.astype\('float32'\)$"),
    "empty": (np.zeros((0, 6), np.float32), ShapeError, r"expected an array \(n, ...\) with n >= 1, got shape \(0, 6\)"),
    "number": (np.float32(1).reshape(()), TypeError, r"expected an array \(n, ...\), got float"),
    "list": ([[0.0] * 6], TypeError, r"expected an array \(n, ...\), got list"),
    "data set": (
        data.Dataset("toy", examples(), np.zeros(EXAMPLES, int), ("a",), {}),
        TypeError,
        r"expected an array \(n, ...\), got Dataset; pass its array .images",
    ),
}


@pytest.mark.parametrize("argument", ["examples", "validation"])
@pytest.mark.parametrize("name", REFUSED)
def test_bad_data_is_refused_before_anything_happens(name, argument):
    x, error, message = REFUSED[name]
    if name == "number" and argument == "validation":
        error, message = ValueError, "a share of the examples is above 0 and below 1, such as 0.2, or held-out arrays, got 1.0"
    model, optimizer = made()
    before = numbers(model, optimizer)
    arguments = {"examples": examples(), "validation": examples(5, 6), argument: x}
    with pytest.raises(error, match=f"(?s){argument}.*{message}"):
        fit(model, optimizer=optimizer, epochs=1, progress=False, **arguments)
    assert_same(numbers(model, optimizer), before)


@pytest.mark.parametrize("options, message", [
    ({"epochs": 0}, "epochs is the number of passes over the data, at least 1, got 0"),
    ({"epochs": -3}, "at least 1, got -3"),
    ({"batch_size": 0}, "batch_size 0, expected at least 1"),
    ({"seed": -1}, "seed -1"),
])  # fmt: skip
def test_bad_settings_are_refused(options, message):
    model, optimizer = made()
    with pytest.raises(ValueError, match=message):
        fit(model, examples(), optimizer=optimizer, **{"epochs": 1, "progress": False, **options})


def test_optimizer_of_another_model_is_refused():
    (model, _), (_, optimizer) = made(), made()
    with pytest.raises(ValueError, match="the optimizer has none of this model's parameters"):
        fit(model, examples(), optimizer=optimizer, epochs=1, progress=False)


@pytest.mark.parametrize("wrong", ["adam", optim.Adam])
def test_what_is_not_an_optimizer_is_answered_with_one(wrong):
    with pytest.raises(TypeError, match=r"^optimizer: expected such as optim\.Adam\(model\.parameters\(\)\), got .*[aA]dam'"):
        fit(made()[0], examples(), optimizer=wrong, epochs=1, progress=False)


def test_a_part_of_the_model_may_be_trained():
    model, _ = made()
    before = model.state_dict()
    fit(model, examples(), optimizer=optim.SGD(model.decoder.parameters(), lr=0.1), epochs=1, progress=False)
    changed = {name for name, value in model.state_dict().items() if not np.array_equal(value, before[name])}
    assert changed == {"decoder.0.weight", "decoder.0.bias"}


def test_a_loss_without_terms_is_explained():
    model, optimizer = made()
    loss = model.loss
    model.loss = lambda x: loss(x)[0]
    with pytest.raises(TypeError, match=r"Noisy.loss returned a Tensor, expected \(total, dict of its terms\)"):
        fit(model, examples(), optimizer=optimizer, epochs=1, progress=False)


def test_a_float64_model_takes_float64():
    model, _ = made()
    model.astype("float64")
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    model.encoder[0].std = 0.0
    fit(model, examples().astype("float64"), optimizer=optimizer, epochs=1, progress=False)
    with pytest.raises(DtypeError, match="are float32, the model computes in float64"):
        fit(model, examples(), optimizer=optimizer, epochs=1, progress=False)


def test_wrong_shape_names_the_layer():
    model, optimizer = made()
    with pytest.raises(ShapeError, match=r"^encoder\.1: .*expects shape \(\.\.\., 6\), got \(4, 5\)"):
        fit(model, examples()[:, :5].copy(), optimizer=optimizer, epochs=1, batch_size=BATCH, progress=False)
    stacked = StackedAutoencoder()
    with pytest.raises(ShapeError, match=r"^encoder\.1: .*784.*, got \(4, 6\)"):
        fit(stacked, examples(), optimizer=optim.SGD(stacked.parameters(), lr=1.0), epochs=1, batch_size=BATCH, progress=False)


def test_validation_of_another_shape_is_refused_before_training():
    model, optimizer = made()
    with pytest.raises(ShapeError, match=r"validation: .*\(n, 6\), got \(5, 7\)"):
        fit(model, examples(), validation=np.zeros((5, 7), np.float32), optimizer=optimizer, epochs=1, progress=False)
    assert optimizer.steps == 0


def test_a_plain_module_only_needs_a_loss():
    class Mean(nn.Module):
        def __init__(self):
            self.mean = mg.Parameter(np.zeros(6, np.float32))

        def loss(self, x):
            error = losses.mse(self.mean + mg.Tensor(np.zeros_like(x)), x)
            return error, {"mse": error}

    model = Mean()
    optimizer = optim.SGD(model.parameters(), lr=3.0)  # one step of 3 * 2 / 6 lands on the mean
    fit(model, examples(), optimizer=optimizer, epochs=1, batch_size=EXAMPLES, progress=False)
    np.testing.assert_allclose(model.mean.numpy(), examples().mean(axis=0), rtol=1e-5)


class NoisyInEvaluation(nn.Module):
    """Draws noise in evaluation too, as a variational autoencoder does."""

    def __init__(self):
        self.dense = nn.Dense(6, 6)

    def loss(self, x):
        noise = mg.backend.random.normal(x.shape)
        error = losses.mse(self.dense(x), x + 0.1 * noise)
        return error, {"mse": error}


def test_validation_draws_no_noise_from_training_and_the_same_every_epoch():
    weights, histories = [], []
    for validation in (None, examples(7, seed=6)):
        mg.seed(1)
        model = NoisyInEvaluation()
        histories.append(
            fit(
                model,
                examples(),
                optimizer=optim.SGD(model.parameters(), lr=1e-30),
                epochs=3,
                batch_size=BATCH,
                validation=validation,
                progress=False,
            )
        )
        weights.append(model.state_dict()["dense.weight"])
    np.testing.assert_array_equal(*weights)
    assert histories[0]["loss"] == histories[1]["loss"]
    assert len(set(histories[1]["validation loss"])) == 1, "weights hardly moved, so only other noise can change it"
