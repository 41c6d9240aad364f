"""The command line itself: help, examples, wrong words, exit statuses."""

import os
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import minigen
from minigen.commands import COMMANDS, main, parser_of
from minigen.commands.train import model_parser
from minigen.recipes import RECIPES, inputs

ROOT = Path(__file__).parents[2]
PRESENT = [name for name in COMMANDS if find_spec(f"minigen.commands.{name}")]


def child(*arguments):
    """The command line in a process of its own."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT)


# -- help -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["", "--help", "-h", "help"])
def test_help_lists_every_command(line, minigen_line):
    status, out, err = minigen_line(line)
    assert status == 0 and not err
    assert all(f"  {name:12} {summary}\n" in out for name, summary in COMMANDS.items())


def test_help_answers_without_numpy():
    done = child("-c", "import sys; from minigen.__main__ import main; main(['--help']); print('numpy' in sys.modules)")
    assert done.stdout.splitlines()[-1] == "False", done.stderr


@pytest.mark.parametrize("line", [name for name in COMMANDS if name != "train"] + ["train vae"])
def test_help_answers_without_matplotlib(line):
    """Which takes longer to import than all of minigen."""
    code = f"import sys; from minigen.commands import main\ntry: main({[*line.split(), '--help']})\nfinally: print(*sys.modules)"
    out = child("-c", code).stdout
    assert "usage:" in out and "minigen.errors" in out and "matplotlib" not in out


def test_python_m_minigen_is_the_same():
    done = child("-m", "minigen", "--version")
    assert (done.returncode, done.stdout) == (0, f"minigen {minigen.__version__}\n"), done.stderr


@pytest.mark.parametrize("name", PRESENT)
def test_each_command_explains_itself(name, minigen_line):
    status, out, err = minigen_line(f"{name} --help")
    assert status == 0 and not err
    assert out.startswith(f"usage: minigen {name} ") and "examples:\n  minigen " in out


@pytest.mark.parametrize("name", PRESENT)
def test_every_example_is_understood(name):
    _, module = parser_of(name)
    examples = [shlex.split(line) for line in module.EXAMPLES.strip().splitlines()]
    assert any(words[:2] == ["minigen", name] for words in examples)
    for _, command, *arguments in examples:
        args = parser_of(command)[0].parse_args(arguments)
        if command == "train":
            model_parser(RECIPES[args.model]).parse_args(args.words)


def test_the_help_of_train_lists_every_model(minigen_line):
    _, out, _ = minigen_line("train --help")
    assert all(f"  {recipe.name:22} {recipe.summary}\n" in out for recipe in RECIPES.values())


def test_the_help_of_a_model_has_its_own_options(minigen_line):
    status, out, _ = minigen_line("train vae --help")
    assert (
        status == 0
        and out.startswith("usage: minigen train vae ")
        and "options of vae:" in out
        and "--beta" in out
        and "(default: 25 epochs)" in out
    )


# -- wrong words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, complaint",
    [
        ("trian vae", "unknown command 'trian': did you mean 'train'?"),
        (
            "sample nosuch",
            "nosuch is neither a run folder, which `minigen train MODEL --out nosuch` makes, nor one of `minigen models`",
        ),
        ("zzz", "unknown command 'zzz': expected one of info, demo, models, train"),
        ("train", "the following arguments are required: MODEL; see minigen train --help"),
        ("train vea", "unknown model 'vea': did you mean 'vae'?"),
        ("train vae --data mnits", "argument --data: 'mnits' is no data set, and no folder of pictures: did you mean 'mnist'?"),
        ("train vae --epoch 3", "minigen train vae has no option --epoch: did you mean 'epochs'?"),
        ("train stacked --beta 3", "minigen train stacked has no option --beta: expected one of help, out, data"),
        ("train vae --reconstruction mes", "unknown reconstruction 'mes': did you mean 'mse'?"),
        ("train vae --backend cuppy", "unknown backend 'cuppy': did you mean 'cupy'?"),
        ("train vae --epochs 0", "argument --epochs: expected a whole number of at least 1, got '0'"),
        ("train vae --epochs 2 --steps 3", "argument --steps: not allowed with argument --epochs"),
        ("train vae --beta -1", "beta weighs the KL divergence: at least 0 and finite, got -1.0"),
        ("train vae --latent-dim many", "argument --latent-dim: invalid int value: 'many'"),
        ("train vae --lr 0", "lr must be above 0 and finite, got 0.0"),
        ("train vae --seed -1", "argument --seed: expected a whole number of at least 0, got '-1'"),
        (
            "train vae --resolution 64",
            "--resolution is for --data faces, or a folder: examples of glyphs have a size of their own",
        ),
        ("train vae mnist", "minigen train vae does not know what to do with 'mnist'"),
        ("train stylegan --mixing 2", "mixing"),
        ("train wgan-gp --critic-steps 0 --epochs 1", "wgan-gp's critic_steps must be at least 1, got 0"),
        ("train conditional-dcgan --replay -1", "ExperienceReplay needs a capacity of at least 1"),
        ("train progan --last -1", "progan's last must be at least 0, got -1"),
        ("train progan --phase -1", "stable and fading count images, expected at least 0 each"),
        ("train progan --lazy 0", "R1's every counts updates of the critic, a whole number of at least 1, got 0"),
        ("train progan --hold 1", "linear: the rate changes from step `constant` to step `total`, got 3750 and 3750"),
        ("train progan --half-life 0", "progan's half_life must be above 0"),
        ("train vae --distance", "minigen train vae has no option --distance"),
        ("train vae --data mnist --latent-dim 0", "0"),
        ("train vae --lr nan", "lr must be above 0 and finite, got nan"),
        ("train " + "x" * 5000, "unknown model 'xxx"),
        ("train vae --epochs " + "9" * 5000, "argument --epochs: expected a whole number of at least 1, got '999"),
        ("sample run -n 1000000000", "argument -n: expected at most 10,000, got 1000000000"),
        ("interpolate run --rows 200 --steps 200", "200 walks of 200 steps are 40,000 images: take at most 10,000"),
        ("train vae --out=", "argument --out: expected a name, got ''"),
        (
            "train wgan-gp --epochs 2",
            "wgan-gp needs 3 batches for a step, an epoch has 1: choose more epochs, or a smaller batch_size",
        ),
        ("sample run --psi nan", "argument --psi: expected a finite number, got 'nan'"),
        ("sample run --seed -1", "argument --seed: expected a whole number of at least 0, got '-1'"),
        ("train vae --images 97", "glyphs has 96 training examples, not 97"),
        ("train vae --data plane", "vae takes images, got points of 3"),
        (
            "train wgan-gp --data faces --resolution 256",
            "wgan-gp takes images with sides of 8 to 128 pixels, got images of 256 x 256 x 3: --resolution N takes squares of N x N",
        ),
        ("train gan --batch-size 97", "gan needs full batches: choose a batch_size of at most 96"),
        (
            "train progan --data glyphs --phase 6000 --steps 5",
            "progan needs 42000 images to grow to 32 x 32, 5 steps of 32 are too few: at least 1313",
        ),
        ("train progan --resolution 28", "argument --resolution: expected 4, 8, 16 ... 1024, got '28'"),
        ("resume", "the following arguments are required: RUN"),
        (
            "sample run --out picture.txt",
            "argument --out: expected a name that ends in .png, .jpg, .pdf, .svg, got 'picture.txt'",
        ),
        ("sample run extra", "minigen sample does not know what to do with 'extra'"),
        ("interpolate run --steps 1", "a walk has two ends: take at least 2 steps"),
    ],
)
def test_bad_usage_ends_with_status_2_and_one_line(line, complaint, minigen_line):
    status, out, err = minigen_line(line)
    assert status == 2 and not out
    assert complaint in err and err.startswith("minigen: error: ") and err.count("\n") == 1 and len(err) < 1000
    assert not list(Path().iterdir()), "something was left behind"


def test_what_a_model_cannot_be_made_with_is_refused_before_data_are_loaded(monkeypatch, minigen_line):
    monkeypatch.setattr(inputs, "load_examples", None)
    for line in ("stylegan --mixing 2", "vae --beta -1", "progan --resolution 1024 --phase 6000 --steps 2", "vae --data plane"):
        assert minigen_line(f"train {line}")[0] == 2


@pytest.mark.parametrize("name", ["glyphs", "faces", "plane"])
def test_what_is_expected_of_data_before_they_are_loaded(name):
    train, _ = inputs.load_examples(name, 8, 16)
    assert (inputs.shape_of(name, 16), inputs.classes_of(name)) == (train.images.shape[1:], len(train.class_names))
    assert {inputs.shape_of(name) for name in ("mnist", "fashion_mnist")} == {(28, 28, 1)}
    assert (inputs.shape_of("cifar10"), inputs.classes_of("cifar10")) == ((32, 32, 3), 10)


@pytest.mark.parametrize(
    "line, complaint",
    [
        ("sample runs/nosuch", "runs/nosuch does not exist; `minigen train MODEL --out runs/nosuch` makes a run folder"),
        ("resume plain", "plain is not a run folder: it has no config.json"),
        ("evaluate damaged", "config.json is damaged, or of another version of minigen"),
        ("interpolate begun", "begun has no checkpoint to continue from: `minigen train stacked --out begun` trains"),
        ("resume begun", "begun has no checkpoint to continue from: `minigen train stacked --out begun` trains"),
        ("train vae --out plain", "plain already exists and is not empty: choose another --out"),
        ("train vae --out /", "/ already exists and is not empty: choose another --out"),
        ("train vae --out plain/notes.txt", "plain/notes.txt is a file: choose another --out"),
        ("train vae --out dangling", "dangling is a link to nowhere, where there is no folder: choose another --out"),
        ("train vae --out done", "done already holds a run: `minigen resume done` continues it; or choose another --out"),
        (
            "train vae --out begun",
            "begun holds the remains of a run without its checkpoint (best.npz, history.csv, pictures): take another --out",
        ),
        (
            "resume unlinked",
            "unlinked/checkpoint.npz is a link to nowhere.npz, where there is no file: bring it back, or start again with",
        ),
        (
            "train vae --out unlinked",
            "unlinked holds the remains of a run without its checkpoint (best.npz, checkpoint.npz, history.csv)",
        ),
    ],
)
def test_failures_end_with_status_1_and_one_line(line, complaint, minigen_line):
    Path("plain").mkdir()
    Path("plain/notes.txt").write_text("mine")
    Path("damaged").mkdir()
    Path("damaged/config.json").write_text('{"model": "vae"')
    assert minigen_line("train stacked --epochs 1 --images 32 --out done --quiet")[0] == 0
    Path("dangling").symlink_to("nowhere")
    for name in ("begun", "unlinked"):
        shutil.copytree("done", name)
        Path(name, "checkpoint.npz").unlink()
    Path("unlinked/checkpoint.npz").symlink_to("nowhere.npz")
    before = sorted(Path().rglob("*"))
    status, out, err = minigen_line(line)
    assert status == 1 and not out
    assert complaint in err and err.startswith("minigen: error: ") and err.count("\n") == 1
    assert sorted(Path().rglob("*")) == before


def test_too_little_memory_is_an_error_in_one_line(minigen_line):
    status, _, err = minigen_line("train vae --latent-dim 99999999999")
    assert status == 1 and err.startswith("minigen: error: Unable to allocate ") and err.count("\n") == 1
    assert not list(Path().iterdir())


WRITING = [
    "train stacked --epochs 1 --images 32 --out {}",
    "sample done --out {}.png",
    "interpolate done --out {}.png",
    "check exercise1.py --json {}",
    "demo 01 --out {}",
    "demo notebook 01 --out {}.ipynb",
]


@pytest.mark.parametrize("line", WRITING)
def test_where_nothing_can_be_written_is_said_before_any_work(line, monkeypatch, minigen_line):
    """By the same rule for every command, and nothing is made."""
    Path("file").touch()
    Path("closed").mkdir()
    before = sorted(Path().rglob("*"))
    status, _, err = minigen_line(line.format("file/in/it"))
    assert status == 2 and "'file' is a file, so 'file/in/it" in err and err.count("\n") == 1
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != Path("closed"))  # root may write everywhere
    status, _, err = minigen_line(line.format("closed/out"))
    assert status == 2 and "nothing may be written to 'closed': choose another folder" in err
    assert sorted(Path().rglob("*")) == before


def test_folders_that_a_picture_lacks_are_made(minigen_line):
    assert minigen_line("train stacked --epochs 1 --images 32 --out new/run --quiet")[0] == 0
    assert minigen_line("interpolate new/run --rows 2 --steps 3 --out no/such/walk.png --gif")[0] == 0
    assert sorted(path.name for path in Path("no/such").iterdir()) == ["walk.gif", "walk.png"]
    status, _, err = minigen_line("interpolate new/run --out nodir/walk")
    assert status == 2 and "expected a name that ends in .png, .jpg, .pdf, .svg, got 'nodir/walk': walk.png?" in err
    assert not Path("nodir").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
@pytest.mark.parametrize("line", ["--help", "info"])
def test_a_reader_that_goes_away_is_not_an_error(line):
    """As in `minigen info | head -1`: no traceback, and no message when Python flushes at its end."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-m", "minigen", *line.split()], stdout=writer, stderr=subprocess.PIPE, cwd=ROOT)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_gpu_that_is_not_there_is_an_error_with_the_reason(minigen_line):
    if minigen.backend.cuda.status()[0]:
        pytest.skip("there is a usable GPU")
    status, _, err = minigen_line("train vae --backend cupy")
    assert status == 1 and "the cupy backend cannot be used: " in err and not list(Path().iterdir())


def test_an_unknown_backend_in_the_environment_is_refused(monkeypatch):
    monkeypatch.setenv("MINIGEN_BACKEND", "torch")
    done = child("-m", "minigen", "info")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "minigen: error: MINIGEN_BACKEND: unknown backend 'torch': expected one of numpy, cupy, strict\n"


def test_a_bug_keeps_its_traceback(monkeypatch):
    import minigen.commands.info

    monkeypatch.setattr(minigen.commands.info, "threads", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["info"])


# -- info and demo --------------------------------------------------------------------------------------------------


def test_info_names_versions_backend_and_data(minigen_line, monkeypatch):
    monkeypatch.setenv("MINIGEN_DATA", str(Path("data").absolute()))
    Path("data/mnist").mkdir(parents=True)
    Path("data/mnist/train-images-idx3-ubyte.gz").touch()
    status, out, _ = minigen_line("info")
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert status == 0 and lines["minigen"].startswith(minigen.__version__)
    assert lines["backend"].startswith("numpy") and lines["GPU"] == minigen.backend.cuda.status()[1]
    assert "data: mnist;" in lines["data"]


@pytest.mark.parametrize(
    "line, status, said", [("demo", 0, "12_variational"), ("demo 12 --help", 0, "usage: minigen demo 12_variational")]
)
def test_demo_hands_all_options_on(line, status, said):
    done = child("-m", "minigen", *line.split())
    assert done.returncode == status and said in done.stdout, done.stderr


def test_an_unknown_demo_is_answered_with_the_nearest_name():
    done = child("-m", "minigen", "demo", "variatonal")
    assert done.returncode == 2 and "12_variational" in done.stderr


@pytest.mark.parametrize(("option", "lines"), [("", 2), ("--quiet", 2), ("--silent", 0)])
def test_how_much_a_training_says(option, lines, minigen_line):
    """Where stderr is no terminal, without an option as with --quiet: a whole line for each epoch."""
    status, out, err = minigen_line(f"train stacked --epochs 2 --images 32 --out run {option}")
    assert status == 0 and out.startswith("stacked on ") and err.count("\n") == lines and "\r" not in err
    assert err.count("epoch ") == lines
    status, _, err = minigen_line(f"resume run --epochs 4 {option}")
    assert status == 0 and err.count("\n") == lines and "\r" not in err
    status, _, err = minigen_line("train stacked --quiet --silent --out other")
    assert status == 2 and "not allowed with argument" in err
