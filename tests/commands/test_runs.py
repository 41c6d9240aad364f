"""What happens to a run: stopped and resumed, two at once, killed, and a disk that is full."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minigen.commands import learning
from minigen.recipes.run_folder import RunFolder
from minigen.training import Adversarial, checkpoint
from minigen.training.fitting import FitRun

ROOT = Path(__file__).parents[2]
SAVE_CURVES = learning.save_curves  # which the other tests do without
VAE = "train vae --epochs 2 --batch-size 24 --silent --out"
GAN = "train dcgan --steps 4 --batch-size 16 --silent --out"


def child(line, before, **options):
    """The command line on small data in a process of its own, after the Python lines `before`."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from minigen.commands import main\nfrom minigen.data import registry\nfrom minigen.synthetic.glyphs import load\n"
        f"registry.LOADERS['glyphs'] = lambda: load(train_size=96, test_size=24)\n{before}\nsys.exit(main({line.split()!r}))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **options)


def signaled(step, number):
    """Python lines after which training an autoencoder gets a signal at this step."""
    return (
        "import signal\nfrom minigen.training.fitting import FitRun\n"
        "from tests.commands.test_runs import at_step\n"
        f"FitRun.train_step = at_step(FitRun.train_step, {step}, signal.{number.name})\n"
    )


def at_step(train_step, step, number):
    """A training step that sends this process a signal when it is taken for this time."""
    calls = []

    def stepping(*arguments):
        calls.append(None)
        if len(calls) == step:
            os.kill(os.getpid(), number)
        return train_step(*arguments)

    return stepping


def contents(folder):
    """Everything in a checkpoint but the seconds that it took."""
    arrays, header = checkpoint.load(RunFolder(folder).checkpoint)
    header["history"] = [{name: value for name, value in row.items() if name != "seconds"} for row in header["history"]]
    return {f"{group}/{name}": array for group, members in arrays.items() for name, array in members.items()}, header


@pytest.fixture
def stacked_run(minigen_line):
    """The folder of a short run."""
    assert minigen_line("train stacked --epochs 1 --images 32 --out run --silent")[0] == 0
    return Path("run")


# -- stopped and resumed --------------------------------------------------------------------------------------------


STOPPED = "minigen: stopped: the run is saved; to continue: minigen resume stopped\n"


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_in_a_process_of_its_own(number, status):
    stopped = child(f"{VAE} stopped", signaled(6, number))
    assert (stopped.returncode, stopped.stderr) == (status, STOPPED)
    assert RunFolder("stopped").checkpoint.exists()


@pytest.mark.parametrize(
    "line, trainer, step, number, status",
    [
        (VAE, FitRun, 6, signal.SIGINT, 130),
        (GAN, Adversarial, 3, signal.SIGINT, 130),
        (VAE, FitRun, 6, signal.SIGTERM, 143),
        (GAN, Adversarial, 3, signal.SIGHUP, 129),
    ],
    ids=["vae, ctrl-c", "dcgan, ctrl-c", "vae, SIGTERM", "dcgan, SIGHUP"],
)
def test_stopping_saves_and_resume_goes_on_bit_exactly(line, trainer, step, number, status, monkeypatch, minigen_line):
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "train_step", at_step(trainer.train_step, step, number))
        assert minigen_line(f"{line} stopped") == (status, "", STOPPED)
    assert minigen_line("resume stopped --silent")[0] == 0
    assert minigen_line(f"{line} whole")[0] == 0
    (arrays, header), (expected, rest) = contents("stopped"), contents("whole")
    assert header == rest and arrays.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)
    assert RunFolder("stopped").config() == RunFolder("whole").config()


def test_sigterm_outside_of_the_training_leaves_nothing(monkeypatch, minigen_line):
    """While networks are made, as here, or data are loaded."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(learning, "callbacks", lambda *arguments: os.kill(os.getpid(), signal.SIGTERM))
    status, _, err = minigen_line(f"{VAE} run")
    assert (status, err) == (143, "minigen: stopped: nothing was trained yet\n")
    assert not Path("run").exists() and signal.getsignal(signal.SIGTERM) is before


def test_ctrl_c_before_there_is_anything_to_save_leaves_nothing(monkeypatch, minigen_line):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(FitRun, "validate", interrupt)
    status, _, err = minigen_line("train stacked --epochs 1 --out run --silent")
    assert (status, err) == (130, "minigen: stopped: nothing was trained yet\n")
    assert not Path("run").exists()


def test_ctrl_c_while_the_last_pictures_are_drawn(monkeypatch, minigen_line):
    """The run is done: to resume it makes them."""

    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(learning, "draw_results", interrupt)
        status, _, err = minigen_line("train vae --epochs 1 --out run --silent")
    assert (status, err) == (
        130,
        "minigen: stopped: the run is done and saved, some of its pictures may be missing: minigen resume run makes them\n",
    )
    assert not Path("run/pictures/samples.png").exists()
    assert minigen_line("resume run --silent")[0] == 0
    assert Path("run/pictures/samples.png").exists()
    assert "run has trained for all its epochs" in minigen_line("resume run --silent")[2]


def test_resuming_what_is_done_says_how_to_get_more(minigen_line):
    assert minigen_line("train stacked --epochs 2 --images 32 --out run --silent")[0] == 0
    status, _, err = minigen_line("resume run")
    assert status == 1 and "run has trained for all its epochs: 2; for more say how many in all, such as --epochs 4" in err
    status, _, err = minigen_line("resume run --steps 9")
    assert status == 2 and "run counts epochs, not steps: say --epochs" in err


def test_resuming_to_less_than_is_done_says_what_a_folder_keeps(minigen_line):
    assert minigen_line("train stacked --epochs 3 --images 32 --out run --quiet")[0] == 0
    before = {path: path.stat().st_mtime_ns for path in sorted(Path("run").rglob("*"))}
    status, _, err = minigen_line("resume run --epochs 1")
    assert status == 1 and err == (
        "minigen: error: run has trained for 3 epochs, more than 1: a run folder keeps only its last state, from which it can go on "
        "but not back. --epochs counts those already done: for 1 more, minigen resume run --epochs 4; for a run of 1, minigen "
        "train stacked --epochs 1 --out ANOTHER\n"
    )
    assert before == {path: path.stat().st_mtime_ns for path in sorted(Path("run").rglob("*"))}
    assert minigen_line("resume run --epochs 4 --quiet")[0] == 0
    assert minigen_line("train stacked --epochs 1 --images 32 --out ANOTHER --quiet")[0] == 0


def test_a_config_of_other_numbers_is_refused(minigen_line):
    assert minigen_line("train stacked --epochs 1 --images 32 --out run --silent")[0] == 0
    config = Path("run/config.json")
    config.write_text(config.read_text().replace('"latent_dim": 30', '"codes": 30'))
    status, _, err = minigen_line("sample run")
    assert (
        status == 1
        and "config.json is damaged, or of another version" in err
        and "the settings of stacked are lr, batch_size, epochs, steps, latent_dim, got" in err
    )
    config.write_text(config.read_text().replace('"codes": 30', '"latent_dim": 20'))
    status, _, err = minigen_line("sample run")
    assert status == 1 and "this state does not fit StackedAutoencoder" in err
    status, _, err = minigen_line("resume run --epochs 2 --silent")
    assert status == 1 and "checkpoint.npz does not fit this run" in err


@pytest.mark.parametrize(
    "value, other, complaint",
    [
        ('"seed": 0', '"seed": null', "seed must be a whole number of at least 0, got None"),
        ('"images": 32', '"images": 0', "images must be a whole number of at least 1, got 0"),
        ('"data": "glyphs"', '"data": "glyps"', "unknown data 'glyps': did you mean 'glyphs'?"),
        ('"backend": "numpy"', '"backend": "torch"', "unknown backend 'torch': expected one of numpy, cupy, strict"),
        ('"batch_size": 32', '"batch_size": 0', "batch_size must be a whole number of at least 1, got 0"),
        ('"epochs": 1', '"epochs": "many"', "epochs must be a whole number of at least 1, got 'many'"),
        ('"lr": 1.5', '"lr": NaN', "lr must be a finite number, such as 1.5, got nan"),
        ('"lr": 1.5', '"lr": "fast"', "lr must be a finite number, such as 1.5, got 'fast'"),
        ('"latent_dim": 30', '"latent_dim": -30', "Dense's out_features must be at least 1, got -30"),
        ('"data": "glyphs"', '"data": "plane"', "stacked takes images, got points of 3"),
        ('"steps": null', '"step": null', "the settings of stacked are lr, batch_size, epochs, steps, latent_dim, got"),
    ],
)
def test_a_config_that_was_damaged_by_hand(value, other, complaint, stacked_run, minigen_line):
    """Nothing runs on it, and it is as it was."""
    config = stacked_run / "config.json"
    content = config.read_text()
    assert value in content
    config.write_text(content.replace(value, other))
    for command in ("resume", "sample"):
        status, _, err = minigen_line(f"{command} {stacked_run}")
        assert status == 1 and err.count("\n") == 1
        assert "config.json is damaged, or of another version of minigen (" in err and complaint in err
    assert config.read_text() == content.replace(value, other)


def test_a_checkpoint_of_another_kind_of_model(stacked_run, minigen_line):
    assert minigen_line("train gan --steps 1 --out gan --silent")[0] == 0
    autoencoder, gan = stacked_run / "checkpoint.npz", Path("gan/checkpoint.npz")
    content = autoencoder.read_bytes()
    autoencoder.write_bytes(gan.read_bytes())
    gan.write_bytes(content)
    for line, complaint in {
        f"interpolate {stacked_run}": "the checkpoint has no part 'model', only generator, discriminator",
        f"resume {stacked_run} --epochs 2": "it counts no epochs",
        "sample gan": "the checkpoint has no part 'average', only model, optimizer",
        "resume gan --steps 2": "it counts no steps",
    }.items():
        status, _, err = minigen_line(line)
        assert status == 1 and "checkpoint.npz is not of the model in " in err and complaint in err, line


def test_too_few_samples_to_evaluate_are_refused(minigen_line):
    for model, n, least in (("gan", 4, 5), ("conditional-dcgan", 19, 20)):  # of a class that is asked for, two
        assert minigen_line(f"train {model} --steps 1 --out {model} --silent")[0] == 0
        status, _, err = minigen_line(f"evaluate {model} -n {n} --quiet")
        assert status == 2 and f"at least {least} of each, here are {n}" in err
        assert not Path(model, "evaluation.json").exists()


def test_figures_that_cannot_be_saved_are_shown(minigen_line, stacked_run):
    Path(stacked_run, "evaluation.json").mkdir()
    status, out, err = minigen_line(f"evaluate {stacked_run} --quiet")
    assert status == 1 and "squared error" in out and "wrote" not in out
    assert err.count("\n") == 1 and "evaluation.json" in err


def test_an_empty_folder_is_as_good_as_none(minigen_line):
    Path("run").mkdir()
    assert minigen_line("train stacked --epochs 1 --images 32 --out run --silent")[0] == 0
    assert RunFolder("run").checkpoint.exists()


def test_a_run_draws_its_curves(monkeypatch, minigen_line):
    monkeypatch.setattr(learning, "save_curves", SAVE_CURVES)
    assert minigen_line("train gan --steps 3 --out run --silent")[0] == 0
    assert Path("run/pictures/training.png").stat().st_size > 10_000
    assert {"step_000003.png", "evolution.gif", "samples.png"} <= {path.name for path in Path("run/pictures").iterdir()}
    assert minigen_line("interpolate run --rows 2 --steps 4 --gif") == (
        0,
        "wrote run/interpolation.png\nwrote run/interpolation.gif\n",
        "",
    )
    assert Image.open("run/interpolation.gif").n_frames == 6, "there, and back without the ends"


def test_a_run_on_the_strict_backend(minigen_line):
    assert minigen_line("train vae --epochs 1 --backend strict --out run --silent")[0] == 0
    assert RunFolder("run").config().backend == "strict"
    assert minigen_line("resume run --epochs 2 --silent")[0] == 0
    assert minigen_line("sample run -n 4 --backend strict")[0] == 0


def test_a_seed_says_which_samples(minigen_line):
    assert minigen_line("train conditional-vae --epochs 1 --out run --silent")[0] == 0
    for name, options in {"a": "", "b": "", "c": "--seed 1", "d": "--label 7"}.items():
        assert minigen_line(f"sample run -n 4 --out {name}.png {options}")[0] == 0
    a, b, c, d = (Path(f"{name}.png").read_bytes() for name in "abcd")
    assert a == b and len({a, c, d}) == 3
    status, _, err = minigen_line("sample run --label seven")
    assert status == 2 and "unknown class 'seven': expected one of 0, 1" in err


# -- two at once ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["resume run --epochs 3", "train vae --out run"])
def test_a_folder_in_use_is_refused(line, minigen_line):
    assert minigen_line("train stacked --epochs 1 --images 32 --out run --silent")[0] == 0
    with RunFolder("run").locked():
        status, _, err = minigen_line(line)
    assert status == 1 and f"run is in use by process {os.getpid()} on " in err


def test_a_killed_run_holds_no_lock_and_goes_on(minigen_line):
    """Killed in its second epoch: the first is saved."""
    killed = child(f"{VAE} run", signaled(7, signal.SIGKILL))
    assert killed.returncode == -signal.SIGKILL and Path("run/.lock").exists()
    assert "run already holds a run" in minigen_line("train vae --out run")[2]
    assert checkpoint.load("run/checkpoint.npz")[1]["epoch"] == 1
    assert minigen_line("resume run --silent")[0] == 0
    assert checkpoint.load("run/checkpoint.npz")[1]["epoch"] == 2


@pytest.mark.parametrize("what", ["deleted", "moved"])
@pytest.mark.parametrize("line, trainer, step", [(VAE, FitRun, 6), (GAN, Adversarial, 3)], ids=["vae", "dcgan"])
def test_a_folder_that_is_deleted_or_moved_meanwhile_ends_the_run(line, trainer, step, what, monkeypatch, minigen_line):
    steps = []

    def stepping(*arguments, train_step=trainer.train_step):
        steps.append(None)
        if len(steps) == step:
            Path("run").rename("moved")
            if what == "deleted":
                shutil.rmtree("moved")
        return train_step(*arguments)

    monkeypatch.setattr(trainer, "train_step", stepping)
    status, out, err = minigen_line(f"{line} run")
    assert status == 1 and not out and err.startswith("minigen: error: run was deleted or moved while it was in use")
    assert not Path("run").exists(), "half of it was made again"
    if what == "moved":
        assert minigen_line("resume moved --silent")[0] == 0


def test_a_run_that_ended_before_its_first_checkpoint_is_started_again(minigen_line):
    """`resume` says how; what the run has left is no more than that."""
    assert minigen_line(f"{VAE} whole")[0] == 0
    begun, pictures_of_it = Path("begun"), Path("begun/pictures")
    pictures_of_it.mkdir(parents=True)
    begun.joinpath("config.json").write_bytes(Path("whole/config.json").read_bytes())
    for name in (".lock", ".checkpoint.npz.1.tmp", "pictures/epoch_0001.png", "pictures/.epoch_0001.png.1.tmp"):
        begun.joinpath(name).touch()
    assert "`minigen train vae --out begun` trains from the start" in minigen_line("resume begun")[2]
    pictures_of_it.joinpath("holiday.png").touch()
    assert "begun holds the remains of a run without its checkpoint (pictures)" in minigen_line(f"{VAE} begun")[2]
    pictures_of_it.joinpath("holiday.png").unlink()
    assert minigen_line(f"{VAE} begun")[0] == 0
    assert {path.relative_to(begun) for path in begun.rglob("*")} == {
        path.relative_to("whole") for path in Path("whole").rglob("*")
    }


# -- a full disk ----------------------------------------------------------------------------------------------------


def test_a_full_disk_leaves_the_last_checkpoint_whole(monkeypatch, minigen_line):
    savez, written = np.savez, []

    def full(file, **arrays):
        written.append(file)
        if len(written) == 2:
            file.write(b"PK\x03\x04 the beginning of something")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        savez(file, **arrays)

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        status, _, err = minigen_line(f"{VAE} run")
    assert status == 1
    assert "No space left on device; the last checkpoint is intact: once that is fixed, minigen resume run" in err
    assert checkpoint.load("run/checkpoint.npz")[1]["epoch"] == 1
    assert not list(Path("run").rglob("*.tmp"))
    assert minigen_line("resume run --silent")[0] == 0


def test_a_folder_that_was_there_stays_where_it_is(monkeypatch, minigen_line):
    """It is emptied, and not made again: it may be a disk, or a link to another folder."""
    Path("elsewhere").mkdir()
    Path("run").symlink_to("elsewhere")

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez", full)
    status, _, err = minigen_line(f"{VAE} run")
    assert status == 1 and "No space left on device" in err
    assert Path("run").is_symlink() and not list(Path("elsewhere").iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="limits are of POSIX")
def test_a_disk_that_is_full_from_the_start_leaves_nothing():
    import resource  # there is none on Windows

    full = child(f"{VAE} run", "", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)))
    assert full.returncode == 1 and full.stderr.startswith("minigen: error: ") and "File too large" in full.stderr
    assert full.stderr.count("\n") == 1
    assert not Path("run").exists()


def test_pictures_are_written_atomically(monkeypatch, minigen_line):
    assert minigen_line("train vae --epochs 1 --out run --silent")[0] == 0
    before = sorted(Path("run").rglob("*"))

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        status, _, err = minigen_line("sample run -n 4")
    assert status == 1 and "No space left on device" in err
    assert sorted(Path("run").rglob("*")) == before
