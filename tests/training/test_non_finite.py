"""A value that stops being finite stops the run, says where, and never reaches a checkpoint."""

import signal

import numpy as np
import pytest

import minigen as mg
from minigen import losses, nn, ops, optim
from minigen.errors import NonFiniteError
from minigen.models.autoencoders import LinearAutoencoder
from minigen.training import Checkpoint, checkpoint, fit
from tests.training.networks import BATCH, STEPS, examples

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's own warnings of the overflow


def explodes_at(step, lr):
    """A learning rate of 0.01 up to `step` (counted from 1), and then a huge one."""
    return lambda done: lr if done + 1 >= step else 0.01


def train(model, folder=None, lr=0.01, **options):
    optimizer = optim.SGD(model.parameters(), lr=lr)
    callbacks = [Checkpoint(folder)] if folder else []
    return fit(
        model,
        examples(),
        optimizer=optimizer,
        callbacks=callbacks,
        **{"epochs": 3, "batch_size": BATCH, "progress": False, **options},
    )


def assert_last_good(folder, epoch):
    """The checkpoint on disk is of that epoch, and finite."""
    arrays, header = checkpoint.load(folder / "checkpoint.npz")
    assert header["epoch"] == epoch
    assert all(np.isfinite(value).all() for group in arrays.values() for value in group.values())
    assert len((folder / "history.csv").read_text().splitlines()) == 1 + epoch


# -- exploding ---------------------------------------------------------------------------------------------------


def test_exploding_loss_names_step_and_layer(tmp_path):
    with pytest.raises(NonFiniteError) as caught:
        train(LinearAutoencoder(6, 2), tmp_path, lr=explodes_at(STEPS + 2, 1e15))
    message = str(caught.value)
    assert message.startswith(f"the loss is inf at step {STEPS + 3} (epoch 2): layer "), message
    assert "returned NaN or infinity; it computed it from finite inputs" in message
    assert_last_good(tmp_path, 1)


def test_exploding_hidden_layer_is_named():
    with pytest.raises(NonFiniteError, match=rf"at step {STEPS + 3} \(epoch 2\): layer decoder\.0: dense"):
        train(LinearAutoencoder(6, 2), lr=explodes_at(STEPS + 2, 1e30))


def test_exploding_parameter_is_named(tmp_path):
    with pytest.raises(NonFiniteError) as caught:
        train(LinearAutoencoder(6, 2), tmp_path, lr=explodes_at(STEPS + 2, 1e300))
    message = str(caught.value)
    assert message.startswith(f"parameter encoder.0.weight is not finite before step {STEPS + 3} (epoch 2): "), message
    assert "the last update went too far; try a smaller learning rate or clip_norm" in message
    assert_last_good(tmp_path, 1)


@pytest.mark.parametrize("lr", [1e15, 1e30, 1e300])
def test_exploding_in_the_last_step_of_an_epoch_is_noticed_before_saving(lr, tmp_path):
    x = examples()
    with pytest.raises(NonFiniteError, match=r"\(epoch 2\)"):
        train(LinearAutoencoder(6, 2), tmp_path, lr=explodes_at(2 * STEPS, lr), validation=x)
    assert_last_good(tmp_path, 1)


def test_exploding_in_the_last_step_of_the_run_is_noticed(tmp_path):
    with pytest.raises(NonFiniteError, match=rf"parameter .* before step {3 * STEPS + 1} \(epoch 3\)"):
        train(LinearAutoencoder(6, 2), tmp_path, lr=explodes_at(3 * STEPS, 1e300))
    assert_last_good(tmp_path, 2)


def test_the_last_good_checkpoint_can_be_resumed_with_a_smaller_rate(tmp_path):
    with pytest.raises(NonFiniteError):
        train(LinearAutoencoder(6, 2), tmp_path, lr=explodes_at(STEPS + 2, 1e15))
    history = train(LinearAutoencoder(6, 2), lr=lambda step: 0.01, resume=tmp_path)
    assert history["epoch"] == [1, 2, 3] and np.isfinite(history["loss"]).all()


def test_ctrl_c_does_not_save_what_is_not_finite(tmp_path):
    model = LinearAutoencoder(6, 2)
    original, calls = model.loss, []

    def loss(x):
        calls.append(len(x))
        if len(calls) == STEPS + 2:
            signal.raise_signal(signal.SIGINT)
        return original(x)

    model.loss = loss
    with pytest.raises(NonFiniteError, match="parameter encoder.0.weight"):
        train(model, tmp_path, lr=explodes_at(STEPS + 2, 1e300))
    assert_last_good(tmp_path, 1)


def test_clipping_a_gradient_of_nan_says_so():
    model = Sqrt()
    optimizer = optim.SGD(model.parameters(), lr=0.1, clip_norm=1.0)
    with pytest.raises(NonFiniteError, match="the gradient's norm is nan"):
        fit(model, examples(), optimizer=optimizer, epochs=1, progress=False)


# -- NaN from a layer --------------------------------------------------------------------------------------------


class Breaks(nn.Module):
    """The identity, and NaN from the n-th batch on."""

    def __init__(self, n):
        self.n, self.calls = n, 0

    def forward(self, x):
        self.calls += 1
        return x * float("nan") if self.calls >= self.n else x


def with_layer(layer):
    model = LinearAutoencoder(6, 2)
    model.decoder = nn.Sequential(nn.Dense(2, 4), nn.Sequential(nn.Tanh(), layer), nn.Dense(4, 6))
    return model


def test_layer_that_makes_nan_is_named():
    with pytest.raises(NonFiniteError, match=r"^the loss is nan at step 3 \(epoch 1\): layer decoder\.1\.1: multiply"):
        train(with_layer(Breaks(3)))


def test_nan_in_validation_is_noticed_before_saving(tmp_path):
    with pytest.raises(NonFiniteError, match=rf"validation loss is nan at step {STEPS + 1} \(epoch 1\)"):
        train(with_layer(Breaks(STEPS + 1)), tmp_path, validation=examples(5, 6))
    assert not list(tmp_path.iterdir())


def test_nan_that_comes_and_goes_is_reported_as_such():
    class Once(Breaks):
        def forward(self, x):
            self.calls += 1
            return x * float("nan") if self.calls == self.n else x

    with pytest.raises(NonFiniteError, match=r"the loss is nan at step 2 \(epoch 1\), and finite when computed again"):
        train(with_layer(Once(2)))


def test_nan_in_the_loss_itself_names_the_model():
    model = LinearAutoencoder(6, 2)
    original = model.loss
    model.loss = lambda x: (original(x)[0] * float("nan"), {})
    with pytest.raises(NonFiniteError, match=r"step 1 \(epoch 1\): layer LinearAutoencoder: multiply"):
        train(model)


# -- NaN in a gradient, while the loss is finite -----------------------------------------------------------------


class Sqrt(nn.Module):
    """loss = mean (w x - x)^2 + sqrt(0 * w) from the n-th step on: finite, but its derivative at 0 is 0 * infinity."""

    def __init__(self, n=1):
        self.weight = mg.Parameter(np.ones(6, np.float32))
        self.n, self.calls = n, 0

    def loss(self, x):
        self.calls += 1
        error = losses.mse(self.weight * x, x)
        if self.calls >= self.n:
            error = error + ops.sqrt(self.weight * 0.0).sum()
        return error, {"error": error}


@pytest.mark.parametrize("step", [STEPS + 3, 2 * STEPS], ids=["in the middle of an epoch", "in its last step"])
def test_nan_gradient_is_noticed_before_saving(step, tmp_path):
    with pytest.raises(NonFiniteError, match=rf"parameter weight is not finite before step {step + 1} \(epoch 2\)") as caught:
        train(Sqrt(step), tmp_path)
    assert "its gradient was not finite; minigen.detect_anomaly() names the op" in str(caught.value)
    assert_last_good(tmp_path, 1)


def test_what_the_message_advises_finds_the_op():
    """What the message of a NaN gradient advises does find the op."""
    model = Sqrt()
    with mg.detect_anomaly(), pytest.raises(NonFiniteError, match="sqrt"):
        model.loss(examples())[0].backward()


def test_non_finite_on_every_backend(backend):
    with pytest.raises(NonFiniteError, match=r"step 3 \(epoch 1\): layer decoder\.1\.1: multiply"):
        train(with_layer(Breaks(3)))
    with pytest.raises(NonFiniteError, match="parameter weight is not finite before step 2"):
        train(Sqrt())


def test_the_op_is_named_although_a_batch_norm_has_remembered_its_nan():
    class Broken(nn.Module):
        def __init__(self):
            self.dense, self.norm = nn.Dense(6, 6), nn.BatchNorm(6)

        def loss(self, x):
            error = self.norm(mg.log(self.dense(x) - 100.0)).mean()
            return error, {"error": error}

    model = Broken()
    with np.errstate(invalid="ignore"), pytest.raises(NonFiniteError, match="log returned NaN"):
        fit(model, examples(), optimizer=optim.SGD(model.parameters(), lr=0.1), epochs=1, progress=False)
