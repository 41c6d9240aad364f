"""Settings that change by steps: the values themselves, the history, and runs that are resumed."""

import signal

import numpy as np
import pytest

import minigen as mg
from minigen import losses, nn, optim
from minigen.errors import CheckpointError
from minigen.models.autoencoders import VariationalAutoencoder
from minigen.optim.schedules import linear
from minigen.training import Callback, Checkpoint, Schedule, fit
from tests.training.gans.players import QUIET, cloud, game
from tests.training.networks import STEPS, assert_same, at_step, examples

IMAGES = np.random.default_rng(0).random((24, 4, 4, 1), dtype=np.float32)
RISING = linear(0.0, 8, final=1.0)
PER_EPOCH = 3


def vae(**options):
    mg.seed(0)
    return VariationalAutoencoder(2, shape=(4, 4, 1), **options)


def fitted(model, *callbacks, epochs=1, **options):
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    return fit(model, IMAGES, optimizer=optimizer, epochs=epochs, batch_size=8, callbacks=[*callbacks], progress=False, **options)


class Seen(Callback):
    """What a setting is in each step, in the loss itself."""

    def __init__(self, model):
        self.values, whole = [], model.loss

        def loss(x):
            self.values.append(model.beta)
            return whole(x)

        model.loss = loss


def test_a_setting_has_its_value_in_each_step_in_the_validation_and_in_the_history():
    model = vae(beta=4.0)
    seen = Seen(model)
    history = fitted(model, Schedule(model, "beta", RISING), seen, epochs=3, validation=IMAGES[:4])
    steps = [0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 8]  # a validation behind each epoch of three
    assert seen.values == [step / 8 for step in steps] and model.beta == 1.0
    assert history["model.beta"] == [3 / 8, 6 / 8, 1.0]


@pytest.mark.parametrize("stop", [PER_EPOCH + 2, None], ids=["within an epoch", "between epochs"])
def test_a_resumed_run_goes_on_with_its_setting_bit_for_bit(stop, tmp_path):
    whole = vae()
    expected = fitted(whole, Schedule(whole, "beta", RISING), epochs=3)
    model = vae()
    if stop:
        at_step(model, stop, lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            fitted(model, Schedule(model, "beta", RISING), Checkpoint(tmp_path), epochs=3)
    else:
        fitted(model, Schedule(model, "beta", RISING), Checkpoint(tmp_path), epochs=2)
    again = vae()
    history = fitted(again, Schedule(again, "beta", RISING), epochs=3, resume=tmp_path)
    assert_same(again.state_dict(), whole.state_dict())
    assert history["model.beta"] == expected["model.beta"] and history["loss"] == expected["loss"]


def test_a_resume_without_the_schedule_or_with_a_new_one_is_refused(tmp_path):
    model = vae()
    fitted(model, Schedule(model, "beta", RISING), Checkpoint(tmp_path / "scheduled"), epochs=2)
    with pytest.raises(CheckpointError, match=r"it belongs to another run: model\.beta was 'a schedule', is 1\.0$"):
        fitted(vae(), epochs=3, resume=tmp_path / "scheduled")
    fitted(vae(), Checkpoint(tmp_path / "constant"))
    other = vae()
    with pytest.raises(CheckpointError, match=r"it belongs to another run: model\.beta was 1\.0, is 'a schedule'$"):
        fitted(other, Schedule(other, "beta", RISING), epochs=2, resume=tmp_path / "constant")
    other = vae()  # as a learning rate's, the schedule itself may be another one
    fitted(other, Schedule(other, "beta", linear(0.0, 99, final=1.0)), epochs=3, resume=tmp_path / "scheduled")


class Weighted:
    """A learner's loss, with a weight and a counter."""

    def __init__(self, weight=1.0):
        self.weight, self.calls = weight, 0

    def __call__(self, outputs, targets):
        self.calls += 1
        return self.weight * losses.mse(outputs, targets)


def test_noise_a_penalty_and_a_loss_of_ones_own(tmp_path):
    """All in one run, each a path of its own; a counter in a loss is no reason to refuse a resume."""

    def run(epochs, **options):
        mg.seed(0)
        noise, penalty, weighted = nn.GaussianNoise(0.5), nn.ActivityRegularization(l1=0.1), Weighted()
        model = nn.Sequential(noise, nn.Dense(6, 4), penalty, nn.Dense(4, 6))
        schedules = [
            Schedule(noise, "std", linear(0.5, STEPS)),
            Schedule(penalty, "l1", lambda step: 0.1 if step < STEPS else 0.2),
            Schedule(weighted, "weight", np.float64(3).__add__),
        ]
        callbacks = [*schedules, Checkpoint(tmp_path)]
        optimizer = optim.SGD(model.parameters(), lr=1e-3)
        return fit(model, examples(), loss=weighted, optimizer=optimizer, epochs=epochs, batch_size=4, callbacks=callbacks,
                   progress=False, **options)  # fmt: skip

    run(1)
    history = run(2, resume=tmp_path)
    assert history["model.0.std"] == [0.0, 0.0] and history["model.2.l1"] == [0.2, 0.2]
    assert history["loss.weight"] == [3 + STEPS, 3 + 2 * STEPS]


def test_a_penalty_of_a_game(tmp_path):
    def trainer():
        penalty = losses.R1(gamma=10.0)
        return game(penalties=[penalty]), Schedule(penalty, "gamma", linear(10.0, 4, final=2.0))

    played, schedule = trainer()
    history = played.fit(cloud(), steps=2, record_every=1, callbacks=[schedule, Checkpoint(tmp_path)], **QUIET)
    assert history["penalties.0.gamma"] == [8.0, 6.0]
    again, schedule = trainer()
    history = again.fit(cloud(), steps=4, record_every=1, callbacks=schedule, resume=tmp_path, **QUIET)
    assert history["penalties.0.gamma"] == [8.0, 6.0, 4.0, 2.0]
    again, _ = trainer()
    with pytest.raises(CheckpointError, match=r"penalties\.0\.gamma was 'a schedule', is 10\.0"):
        again.fit(cloud(), steps=4, resume=tmp_path, **QUIET)


# -- what is refused -----------------------------------------------------------------------------------------------


class Frozen:
    @property
    def rate(self):
        return 1.0


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (lambda: (vae(), "betta", RISING), TypeError, "VariationalAutoencoder has no 'betta', .* did you mean 'beta'?"),
        (lambda: (vae(), "encoder", RISING), TypeError, "'encoder' of VariationalAutoencoder is Sequential.*, expected the name"),
        (lambda: (nn.ReLU(), "slope", RISING), TypeError, "ReLU has no 'slope', .* it has no number among its attributes"),
        (lambda: (vae(), 3, RISING), TypeError, "VariationalAutoencoder has no 3, expected the name of a number"),
        (lambda: (Frozen(), "rate", RISING), TypeError, "'rate' of Frozen cannot be changed: "),
        (lambda: (vae(), "beta", 0.5), TypeError, r"a function of the number of steps .* optim\.schedules\.linear.* got 0\.5"),
        (lambda: (vae(), "beta", lambda step: None), ValueError, "schedule of beta gave None after 0 steps, expected a finite"),
        (lambda: (optim.SGD(vae().parameters(), lr=1.0), "lr", RISING), TypeError, "an optimizer takes the schedule .* itself"),
    ],
)
def test_what_no_schedule_can_be_made_of(arguments, error, message):
    with pytest.raises(error, match=message):
        Schedule(*arguments())


def test_a_setting_of_another_model_or_two_schedules_of_one_are_refused_before_the_first_step():
    model, other = vae(), vae()
    with pytest.raises(
        ValueError, match="beta of a VariationalAutoencoder that is not in this run: pass the run's own model, or"
    ):
        fitted(model, Schedule(other, "beta", RISING))
    with pytest.raises(ValueError, match=r"two schedules change model\.beta: pass one"):
        fitted(model, Schedule(model, "beta", RISING), Schedule(model, "beta", linear(1.0, 3)))
    assert_same(model.state_dict(), other.state_dict())


def test_a_value_that_is_not_finite_ends_the_run_at_its_step():
    model = vae()
    with pytest.raises(ValueError, match="schedule of beta gave inf after 2 steps, expected a finite number"):
        fitted(model, Schedule(model, "beta", lambda step: 1.0 if step < 2 else float("inf")))


def test_an_owner_that_checks_what_it_is_given_is_asked():
    class Careful(nn.GaussianNoise):
        def __setattr__(self, name, value):
            if name == "std":
                object.__setattr__(self, "double", 2 * value)
            super().__setattr__(name, value)

    layer = Careful(1.0)
    Schedule(layer, "std", linear(1.0, total=2, final=0.0)).on_step_end(type("At", (), {"step": 1}))
    assert (layer.std, layer.double) == (0.5, 1.0)
