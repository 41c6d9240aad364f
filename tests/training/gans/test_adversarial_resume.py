"""An adversarial run that is stopped and resumed ends bit for bit as if it had never stopped; any other run is refused."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigen as mg
from minigen import losses, nn, optim
from minigen.errors import CheckpointError
from minigen.models.gans import points
from minigen.training import Callback, Checkpoint, GanMonitor, checkpoint, fit, remedies
from tests.training.gans.players import QUIET, Each, NormedGenerator, cloud, conditioned, everything, game, labels, small, weights
from tests.training.networks import Crash, Dies, assert_same, examples, made
from tests.training.test_kill import Third, half_a_file, kill

ROOT = Path(__file__).parents[3]
STEPS = 13  # three epochs, of five batches each but for the last
EVERY = 3  # steps a row: the last row is short


def networks():
    """Statistics, a power iteration and dropout: buffers that move, and random numbers in every step."""
    return NormedGenerator(), nn.spectral_norm(points.Discriminator(hidden=4, layers=1, dropout=0.3))


def adam(lr=0.01, beta1=0.5):
    return lambda parameters: optim.Adam(parameters, lr=lr, beta1=beta1)


def replaced(**changes):
    """New remedies, as every game needs its own; their arguments may be changed."""
    chosen = {"LabelSmoothing": (0.9,), "NoisyLabels": (0.1,), "InstanceNoise": (0.1, 20), "ExperienceReplay": (6,), **changes}
    return [getattr(remedies, name)(*arguments) for name, arguments in chosen.items() if arguments is not None]


def trainer(seed=1, players=networks, optimizer=None, **options):
    """A game that has something of everything to remember."""
    chosen = {"penalties": [losses.GradientPenalty(1.0)], "ema": 0.9, "remedies": replaced, **options}
    return game(players, seed, optimizer or adam(), **{**chosen, "remedies": chosen["remedies"]()})


def train(folder=None, seed=1, callbacks=(), data=None, **options):
    """A run watched by GanMonitor; everything it has changed."""
    fitting = {name: options.pop(name) for name in ("steps", "record_every", "batch_size", "seed", "resume") if name in options}
    run = trainer(seed, **options)
    hung = [GanMonitor(samples=8), *([Checkpoint(folder)] if folder else []), *callbacks]
    run.fit(cloud() if data is None else data, callbacks=hung, **{**QUIET, "steps": STEPS, "record_every": EVERY, **fitting})
    run.callbacks = hung[:1]
    return everything(run)


@pytest.fixture(scope="module")
def whole():
    """What an unbroken run ends with."""
    mg.use("numpy")
    return train()


def ctrl_c(step):
    """Ctrl-C during a step, which is still finished."""
    return Each(lambda run: signal.raise_signal(signal.SIGINT) if run.step == step else None)


# -- stopped anywhere --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", range(1, STEPS))
def test_ctrl_c_after_any_step(step, whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, callbacks=[ctrl_c(step)])
    header = checkpoint.load(tmp_path / "checkpoint.npz")[1]
    assert header["step"] == step and len(header["history"]) == step // EVERY
    assert header["summed"].get("generator loss", 0) == step % EVERY, "the row that is begun is saved too"
    assert_same(train(tmp_path, seed=99, resume=tmp_path), whole)


def test_ctrl_c_in_the_middle_of_a_step(whole, tmp_path):
    """Between the two players' updates: the step is finished before anything is saved."""
    run = trainer()
    original = run.generator_step

    def interrupted(inputs):
        if run.step == 7:
            signal.raise_signal(signal.SIGINT)
        original(inputs)

    run.generator_step = interrupted
    with pytest.raises(KeyboardInterrupt):
        run.fit(cloud(), steps=STEPS, record_every=EVERY, callbacks=[GanMonitor(samples=8), Checkpoint(tmp_path)], **QUIET)
    assert run.step == run.generator_optimizer.steps == run.discriminator_optimizer.steps == 8
    assert_same(train(tmp_path, seed=99, resume=tmp_path), whole)


def test_ctrl_c_in_the_last_step_leaves_nothing_to_train(whole, tmp_path):
    """What belongs to the end of a run may be missing, and is made."""
    ended = []
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, callbacks=[ctrl_c(STEPS), Ended(ended)])
    assert not ended
    assert_same(train(tmp_path, seed=99, resume=tmp_path, callbacks=[Ended(ended)]), whole)
    assert ended == [STEPS]
    with pytest.raises(
        ValueError, match=f"^{STEPS} steps are done already; `steps` includes them: pass at least as many, not 5$"
    ):
        train(tmp_path, seed=99, resume=tmp_path, steps=5)


class Ended(Callback):
    """Records the steps of runs that ended."""

    def __init__(self, steps):
        self.steps = steps

    def on_train_end(self, run):
        self.steps.append(run.step)


def test_ctrl_c_says_where_it_stopped_and_how_to_go_on(tmp_path, capsys):
    with pytest.raises(KeyboardInterrupt):
        game().fit(cloud(), steps=9, callbacks=[ctrl_c(4), Checkpoint(tmp_path)], **{**QUIET, "progress": True})
    err = capsys.readouterr().err
    assert "stopped after step 4 of 9" in err and f"continue with fit(..., resume={str(tmp_path)!r})" in err


@pytest.mark.parametrize("step", [3, 6, 12])
def test_a_run_killed_after_a_row_ends_as_if_it_had_not_been(step, whole, tmp_path):
    with pytest.raises(Crash):
        train(tmp_path, callbacks=[Dies(step)])
    assert_same(train(tmp_path, seed=99, resume=tmp_path / "checkpoint.npz"), whole)


def test_a_run_killed_in_between_goes_back_to_the_last_row(whole, tmp_path):
    def crash(run):
        if run.step == 8:
            raise Crash

    with pytest.raises(Crash):
        train(tmp_path, callbacks=[Each(crash)])
    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["step"] == 6
    assert_same(train(tmp_path, seed=99, resume=tmp_path), whole)


def die(folder):
    """What the child process does: it is killed while it writes its third checkpoint."""
    np.savez = Third(np.savez, lambda file, **arrays: (half_a_file(file), kill()))
    train(folder)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="SIGKILL is of POSIX")
def test_a_run_killed_while_it_writes_resumes_from_the_previous_checkpoint(whole, tmp_path):
    code = f"from tests.training.gans.test_adversarial_resume import die; die({str(tmp_path)!r})"
    child = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["step"] == 6 and len(list(tmp_path.glob(".*.tmp"))) == 1
    assert_same(train(tmp_path, seed=99, resume=tmp_path), whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.npz", "history.csv"]


def test_a_finished_run_can_be_extended(tmp_path):
    """The rows are those of the two runs; all else is as if it had never stopped."""
    train(tmp_path, steps=5)
    actual = train(tmp_path, seed=99, resume=tmp_path)
    assert actual.pop("history/step") == [3, 5, 6, 9, 12, 13]
    expected = train()
    for name in [name for name in expected if name.startswith(("history", "callback"))]:
        expected.pop(name), actual.pop(name, None)
    assert_same(actual, expected)


OTHERS = {
    "conditional": {"players": lambda: conditioned(dropout=0.3), "data": (cloud(), labels())},
    "momentum": {"optimizer": lambda parameters: optim.SGD(parameters, lr=0.05, momentum=0.9)},
    "schedule": {"optimizer": lambda parameters: optim.Nadam(parameters, lr=optim.schedules.cosine(0.05, 20))},
    "several steps": {"discriminator_steps": 2, "generator_steps": 3},
    "critic": {
        "loss": losses.Wasserstein(),
        "penalties": [losses.WeightClipping(0.5)],
        "remedies": lambda: [remedies.ExperienceReplay(50)],
    },
    "nothing to remember": {"penalties": [], "remedies": list, "ema": None},
    "feature matching, discrimination": {
        "players": lambda: small(minibatch="discrimination"),
        "remedies": lambda: [remedies.FeatureMatching()],
    },
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_games_resume_as_if_never_stopped(name, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, callbacks=[ctrl_c(7)], **OTHERS[name])
    assert_same(train(tmp_path, seed=99, resume=tmp_path, **OTHERS[name]), train(**OTHERS[name]))


def test_a_run_resumes_on_every_backend(backend, tmp_path):
    options = {**OTHERS["conditional"], "steps": 6}
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, callbacks=[ctrl_c(4)], **options)
    resumed = train(tmp_path, seed=99, resume=tmp_path, **options)
    if backend == "cupy":  # saving restarts the GPU's noise, so the run that is compared with must save as well
        return
    assert_same(resumed, train(**options))


def test_a_resume_into_a_trainer_that_has_played(whole, tmp_path):
    """Whatever it has done before is gone."""
    with pytest.raises(Crash):
        train(tmp_path, callbacks=[Dies(6)])
    run = trainer(seed=99)
    run.fit(cloud(9), steps=2, **{**QUIET, "batch_size": 3})
    monitor = GanMonitor(samples=8)
    run.fit(cloud(), steps=STEPS, record_every=EVERY, callbacks=[monitor], resume=tmp_path, **QUIET)
    assert_same(everything(run), whole)


def test_settings_may_be_numbers_of_numpys(tmp_path):
    options = {"discriminator_steps": np.int64(2), "ema": np.float32(0.5)}
    fitting = {**QUIET, "batch_size": np.int64(4), "seed": np.int64(3)}
    whole = game(**options)
    whole.fit(cloud(), steps=4, **fitting)
    game(**options).fit(cloud(), steps=2, callbacks=[Checkpoint(tmp_path)], **fitting)
    resumed = game(**options, seed=99)
    resumed.fit(cloud(), steps=4, resume=tmp_path, **fitting)
    assert_same(weights(resumed), weights(whole))


# -- a second fit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [1, 4, 5, 10])
def test_a_second_fit_goes_on(first):
    """In the order of the first, whatever its seed; and it draws nothing more from the random streams."""
    run = trainer()
    run.fit(cloud(), steps=first, **QUIET)
    history = run.fit(cloud(), steps=STEPS, **{**QUIET, "seed": None})
    assert history is run.history and history["step"] == [first, STEPS]
    actual = everything(run)
    run = trainer()
    run.fit(cloud(), steps=STEPS, **QUIET)
    expected = everything(run)
    assert_same(*({name: value for name, value in state.items() if "history" not in name} for state in (actual, expected)))


def test_other_data_are_read_from_the_start():
    run = game()
    run.fit(cloud(), steps=7, **QUIET)
    run.fit(cloud(30), steps=9, **{**QUIET, "seed": 8})
    assert run.batches.state_dict() == {"seed": 8, "epoch": 0, "position": 2, "examples": 30, "batch_size": 4}


def test_steps_that_are_done_already_are_refused():
    run = game()
    run.fit(cloud(), steps=4, **QUIET)
    for steps in (1, 4):
        with pytest.raises(ValueError, match=f"^4 steps are done already; `steps` includes them: pass more than {steps}$"):
            run.fit(cloud(), steps=steps, **QUIET)


# -- checkpoints of another run ----------------------------------------------------------------------------------


def players(width=4, dropout=0.3, activation="relu", spectral=True, generator=NormedGenerator):
    discriminator = points.Discriminator(hidden=width, layers=1, dropout=dropout)
    if activation != "relu":
        discriminator.body.layers[0] = nn.Dense(2, width, activation)
    return lambda: (generator(), nn.spectral_norm(discriminator) if spectral else discriminator)


ANOTHER_RUN = {
    "loss": ({"loss": losses.LeastSquares()}, r"loss was 'NonSaturating\(\)', is 'LeastSquares\(\)'"),
    "weight of a penalty": (
        {"penalties": [losses.GradientPenalty(2.0)]},
        r"penalties was '\[GradientPenalty\(weight=1.0, target=1.0, resolution=None, every=1\)\]', is '\[GradientPenalty\(weight=2.0",
    ),
    "penalty": ({"penalties": [losses.R1()]}, r"penalties was .*, is '\[R1\(gamma=10.0, resolution=None, every=1\)\]'"),
    "one more penalty": ({"penalties": [losses.GradientPenalty(1.0), losses.Drift()]}, "penalties was"),
    "smoothing": ({"remedies": lambda: replaced(LabelSmoothing=(0.8,))}, r"remedies was .*real=0.9.*, is .*real=0.8"),
    "flips": ({"remedies": lambda: replaced(NoisyLabels=(0.2,))}, "remedies was .*flip=0.1.*, is .*flip=0.2"),
    "noise": ({"remedies": lambda: replaced(InstanceNoise=(0.1, 30))}, "remedies was .*steps=20.*, is .*steps=30"),
    "replay": ({"remedies": lambda: replaced(ExperienceReplay=(7,))}, "remedies was .*capacity=6.*, is .*capacity=7"),
    "one remedy less": ({"remedies": lambda: replaced(ExperienceReplay=None)}, "remedies was"),
    "generator's learning rate": ({"rates": (0.02, 0.01)}, "^[^;]*: generator optimizer.lr was 0.01, is 0.02$"),
    "discriminator's learning rate": ({"rates": (0.01, 0.02)}, "^[^;]*: discriminator optimizer.lr was 0.01, is 0.02$"),
    "beta1": ({"optimizer": adam(beta1=0.9)}, "generator optimizer.beta1 was 0.5, is 0.9; discriminator optimizer.beta1 was"),
    "optimizer": ({"optimizer": lambda p: optim.Nadam(p, lr=0.01, beta1=0.5)}, "generator optimizer was 'Adam', is 'Nadam'"),
    "dropout": ({"players": players(dropout=0.4)}, r"discriminator.body.1 was 'Dropout\(rate=0.3\)', is 'Dropout\(rate=0.4\)'"),
    "width": ({"players": players(width=5)}, r"discriminator.body.0 was 'Dense\(2 -> 4, relu\)', is 'Dense\(2 -> 5, relu\)'"),
    "activation": ({"players": players(activation="elu")}, r"was 'Dense\(2 -> 4, relu\)', is 'Dense\(2 -> 4, elu\)'"),
    "no spectral norm": (
        {"players": players(spectral=False)},
        r"discriminator.body.0.reparametrization was 'SpectralNorm\(4\)', is None",
    ),
    "generator": (
        {"players": players(generator=lambda: small()[0])},
        r"generator.net.1 was 'BatchNorm\(4\)', is 'Dense\(4 -> 2\)'",
    ),
    "batch size": ({"batch_size": 2}, "batch size was 4, is 2"),
    "data": (
        {"data": cloud(seed=6)},
        r"the training data have changed \(now as then 22 examples of \(2,\) float32, but other values",
    ),
    "number of examples": (
        {"data": cloud(21)},
        r"the training data have changed \(22 examples of \(2,\) float32 then, 21 examples of \(2,\) float32 now\)",
    ),
    "discriminator's steps": ({"discriminator_steps": 2}, "discriminator steps was 1, is 2"),
    "generator's steps": ({"generator_steps": 2}, "generator steps was 1, is 2"),
    "no average": ({"ema": None}, "average was 0.9, is None"),
    "decay of the average": ({"ema": 0.99}, "average was 0.9, is 0.99"),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The folder of a run that was stopped in its fifth step."""
    mg.use("numpy")
    folder = tmp_path_factory.mktemp("good")
    with pytest.raises(KeyboardInterrupt):
        train(folder, callbacks=[ctrl_c(5)])
    return folder


def refused(path, message, played=True, data=None, batch_size=4, rates=None, **options):
    """Resuming is refused with this message, and nothing has changed."""
    run = trainer(seed=99, **options)
    if rates:
        run.generator_optimizer.lr, run.discriminator_optimizer.lr = rates
    before = GanMonitor(samples=8)
    if played:
        run.fit(cloud(12), steps=2, callbacks=[before], **QUIET)
    batches, state = run.batches, everything(run) if played else weights(run) | mg.backend.random.state_dict()
    data = cloud() if data is None else data
    with pytest.raises(CheckpointError, match=message) as caught:
        run.fit(data, steps=STEPS, resume=path, callbacks=[GanMonitor(samples=9)], **{**QUIET, "batch_size": batch_size})
    assert str(path) in str(caught.value), "the message does not name the file"
    assert run.batches is batches and run.callbacks == ([before] if played else [])
    assert_same(everything(run) if played else weights(run) | mg.backend.random.state_dict(), state)


@pytest.mark.parametrize("name", ANOTHER_RUN)
def test_another_run_is_refused(name, good):
    changes, message = ANOTHER_RUN[name]
    refused(good, message, played=name in ("loss", "width", "data"), **changes)


def test_after_a_refusal_training_begins_as_if_nothing_had_been_asked(good):
    """With the order that its own seed gives."""
    run = game()
    with pytest.raises(CheckpointError):
        run.fit(cloud(), steps=6, resume=good, **QUIET)
    run.fit(cloud(), steps=6, **QUIET)
    actual = everything(run)
    plain = game()
    plain.fit(cloud(), steps=6, **QUIET)
    assert_same(actual, everything(plain))


def test_a_truncated_checkpoint_is_refused(good, tmp_path):
    content = (good / "checkpoint.npz").read_bytes()
    path = tmp_path / "checkpoint.npz"
    for length in (0, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        refused(path, "not a readable checkpoint; truncated", played=length == 100)


@pytest.mark.parametrize("missing", ["generator optimizer/second_moment", "average/updates", "remedy 3/stored 0", "header step"])
def test_a_checkpoint_that_lacks_something_is_refused(missing, good, tmp_path):
    """It fails halfway, and what was loaded until then is put back."""
    arrays, header = checkpoint.load(good / "checkpoint.npz")
    header.pop("format")
    if missing == "header step":
        header.pop("step")
    else:
        group, name = missing.split("/")
        arrays[group].pop(name)
    checkpoint.save(tmp_path / "checkpoint.npz", arrays, header)
    refused(tmp_path / "checkpoint.npz", "does not fit this run: .*(second_moment|updates|'filled'|step)")


def test_a_checkpoint_of_fit_is_refused(tmp_path):
    model, optimizer = made()
    fit(model, examples(), optimizer=optimizer, epochs=1, callbacks=[Checkpoint(tmp_path)], progress=False)
    refused(tmp_path / "checkpoint.npz", "belongs to another run: model was 'Noisy', is None")


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="checkpoint.npz"):
        game().fit(cloud(), steps=2, resume=tmp_path, **QUIET)
