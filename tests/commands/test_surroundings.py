"""Where the command line is run: terminals, closed streams, full devices, Python's own switches."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from minigen.commands import main
from minigen.errors import DataError, one_line
from minigen.gallery import registry
from minigen.training import checkpoint
from minigen.utils.exits import guarded
from minigen.utils.signals import Stopped

ROOT = Path(__file__).parents[2]
TRAIN = "train stacked --epochs 1 --images 32 --out"
LINE = (
    "import sys; sys.path.insert(0, {root!r})\nfrom minigen.commands import main\nfrom minigen.data import registry\n"
    "from minigen.synthetic.glyphs import load\nregistry.LOADERS['glyphs'] = lambda: load(train_size=96, test_size=24)\n"
    "sys.exit(main(sys.argv[1:]))"
)


def child(words, options=(), around='"$@"', **environment):
    """The command line on small data in a process of its own, in a shell that does something around it."""
    command = [sys.executable, *options, "-c", LINE.format(root=str(ROOT)), *words]
    return subprocess.run(["sh", "-c", around, "sh", *command], env={**os.environ, **environment}, capture_output=True)


pytestmark = pytest.mark.skipif(os.name != "posix", reason="shells, streams and names of POSIX")

ASCII = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
BARE = {
    "TERM": "",
    "COLUMNS": "0",
    "MPLBACKEND": "nonsense",
    "MINIGEN_BACKEND": "",
    "XDG_CACHE_HOME": "/dev/null",
    "HOME": "/nonexistent",
}


@pytest.mark.parametrize(
    "around, options, environment, folder",
    [
        ('"$@"', (), ASCII, "r\N{LATIN SMALL LETTER U WITH DIAERESIS}n".encode()),
        ('"$@"', (), {}, b"r\xffn"),
        ('"$@" <&- >&- 2>&-', (), {}, b"run"),
        ('umask 077; "$@"', ("-OO", "-W", "error"), BARE, b"run"),
    ],
    ids=["a terminal of ASCII only", "a name that is not UTF-8", "closed streams", "bare"],
)
def test_a_run_that_is_done_says_so_wherever_it_is(around, options, environment, folder):
    done = child([*TRAIN.split(), folder], options, around, **environment)
    assert done.returncode == 0 and b"Traceback" not in done.stderr + done.stdout, done.stderr
    assert checkpoint.load(Path(os.fsdecode(folder), "checkpoint.npz"))[1]["epoch"] == 1
    if ">&-" not in around:
        assert done.stdout.startswith(b"stacked on glyphs: epoch 1, "), done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_device_that_is_full_is_an_error_after_the_run_is_saved():
    done = child([*TRAIN.split(), "run", "--silent"], around='"$@" > /dev/full')
    assert (done.returncode, done.stderr) == (1, b"minigen: error: [Errno 28] No space left on device\n")
    assert checkpoint.load("run/checkpoint.npz")[1]["epoch"] == 1


def test_in_a_folder_that_was_deleted():
    done = child([*TRAIN.split(), "run"], around='mkdir gone && cd gone && rmdir ../gone && "$@"')
    assert done.returncode == 1 and done.stderr.startswith(b"minigen: error: ") and done.stderr.count(b"\n") == 1


# -- what stands around a command or a demo ------------------------------------------------------------------------


def test_sigterm_cleans_up_and_ends_with_its_status():
    cleaned = []

    def work():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            cleaned.append(True)

    with pytest.raises(Stopped) as caught:
        guarded(work)
    assert caught.value.code == 143 and cleaned and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_ctrl_c_where_nothing_is_saved_is_said(capsys):
    """While data are loaded, or networks are made."""
    assert guarded(lambda: signal.raise_signal(signal.SIGINT)) == 130
    assert capsys.readouterr() == ("", "minigen: stopped\n")


def test_only_what_is_expected_is_said_in_a_line(capsys):
    def work():
        raise DataError("mnist: no such\nfile")

    assert guarded(work) == 1
    assert capsys.readouterr().err == "minigen: error: mnist: no such file\n"
    with pytest.raises(ZeroDivisionError):
        guarded(lambda: 1 // 0)


def test_an_error_of_a_demos_own_text_keeps_its_traceback(monkeypatch, tmp_path, capsys):
    """It may be a learner's text; what its surroundings do is said in a line."""
    (tmp_path / "demos").mkdir()
    script = tmp_path / "demos" / "01_mine.py"
    monkeypatch.setattr(registry, "FOLDER", script.parent)
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setattr(sys, "path", [*sys.path])
    script.write_text('"""Mine."""\nfrom minigen import errors\nraise errors.ShapeError("three axes")\n')
    assert main(["demo", "01"]) == 1
    error = capsys.readouterr().err
    assert "Traceback" in error and "01_mine.py" in error and error.endswith("ShapeError: three axes\n")
    script.write_text('"""Mine."""\nfrom minigen import errors\nraise errors.DataError("no such file")\n')
    assert main(["demo", "mine"]) == 1
    assert capsys.readouterr().err == "minigen: error: no such file\n"


def test_a_long_input_is_not_echoed():
    assert one_line("unknown   model\n'vea': did you mean 'vae'?") == "unknown model 'vea': did you mean 'vae'?"
    path = "/".join(["folder"] * 20)
    assert one_line(f"{path} is a file") == f"{path} is a file", "a path is long, too"
    word = one_line(f"unknown model {'x' * 5000}: see --help")
    assert len(word) < 200 and word.startswith("unknown model xxx") and "x…x" in word and word.endswith(": see --help")
    assert len(one_line("x " * 5000)) < 2000
