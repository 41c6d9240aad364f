"""Every block of code and every command of every page is done, page by page and in order, as a reader does it."""

import configparser
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import minigen
from minigen.synthetic import glyphs
from tests.docs.pages import PAGES, ROOT, steps, words

# The same, so that it takes seconds.
SHORTER = [
    (r'data\.load\("glyphs"\)', 'data.load("glyphs", train_size=1200, test_size=300)'),
    (r"steps=2000\b", "steps=20"),
    (r"every=200\b", "every=10"),
    (r"stable=6000, fading=6000", "stable=64, fading=64"),
    (r"--steps 200\b", "--steps 4"),
    (r"n=4000\b", "n=100"),
    (r"\.latent\(1000, ", ".latent(200, "),
    (r"steps=200\b", "steps=2"),
    (r"(minigen demo all --quick)", r"\1 --only 01"),
    (r"(minigen demo \d\d[^-]*(?: --(?!quick)\S+ \S+)*)$", r"\1 --quick"),
    (r"--images 100000\b", "--images 300 --resolution 8"),
    (r"--last 60000\b", "--last 64 --batch-size 16"),
    (r"--last 360000\b", "--last 48 --batch-size 16 --images 300"),
    (r"(minigen train (?!vae --data people).*)--epochs \d+", r"\1--epochs 1 --images 600"),
    (r"(minigen resume .*)--epochs \d+", r"\1--epochs 2"),
    (r"^minigen (train|resume|evaluate|compare|check)$", r"minigen \1 --help"),  # named, not called
    (r"(python -m tests\.benchmarks)( .*)?$", r"\1 op-tanh-forward --seconds 0.01"),
    (r"(python -m tests\.benchmarks\.convolution)( --.*)?$", r"\1 7x7x32 --seconds 0"),
    (r"(python -m tests\.benchmarks\.scaling)( --.*)?$", r"\1 stacked --most 1 --threads 1 --seconds 0"),
]

# Commands that are not run here, and why.
NOT_HERE = {
    r"python3 -m venv .*|pip install .*|source .*|pre-commit .*": "change the environment; .ci/run begins with the README's",
    r"python -m pytest .*": "this is such a run",
    r"minigen demo all": "hours; its --quick is run",
    r"docker .*": "needs a container with minigen in it",
    r"mkdocs .*|\.ci/run": "the site is built by .ci/run",
    r"git .*|ruff .*|mypy .*": "of the clone, not of a reader's folder",
}

# Commands that a page says fail, and what they print; and what the code of a page prints and writes.
FAILS = {"minigen check exercise1.py": "still to be written"}
PRINTS = {
    "docs/guide/engine.md": ["log returned NaN or infinity", "Tensor ndarray"],
    "docs/guide/training.md": ["163,814", "epoch 2 of 2"],
    "docs/guide/gpu.md": ["multiply mixes arrays on numpy and strict"],
    "docs/guide/saving.md": ["2.0 True\n", "about     Digits from fonts\n", "Dense(784 -> 30, selu)"],
    "docs/guide/pictures.md": [
        "91 images of 32 x 32 x 3, 2 classes",
        "('man', 'woman') man/071.png\n",
        "(32, 32, 3)",
        "(8, 32, 32, 3)",
    ],
    "docs/guide/data.md": ["28, 28, 1)", "'rotation'", "(4, 64, 64, 3)", "memmap uint8\n1.0\n"],
    "docs/guide/sklearn.md": ["{'autoencoder__latent_dim': 10} 0.9\nTrue\n"],
    "docs/coursework.md": ["ada.py;passed;18"],
}
WRITES = {
    "README.md": ["rows.png"],
    "docs/guide/engine.md": ["graph.png"],
    "docs/guide/engine-steps.md": ["engine/step_10.py"],
    "docs/guide/training.md": ["rows.png", "samples.png", "runs/stacked/checkpoint.npz", "runs/vae/best.npz"],
    "docs/guide/saving.md": [
        "models/vae.npz",
        "models/digits.txt",
        "models/vae.safetensors",
        "models/digits.safetensors",
        "runs/linear/checkpoint.npz",
    ],
    "docs/guide/gans.md": ["gan.png", "samples", "runs/dcgan/checkpoint.npz"],
    "docs/guide/growing.md": ["mixing.png"],
    "docs/guide/latent.md": ["between.png", "between.gif", "attributes.png", "analogy.png", "projected.png"],
    "docs/guide/op.md": ["my_op.py"],
    "docs/guide/layer.md": ["my_layer.py"],
    "docs/guide/demos.md": ["out/index.html", "12_variational.ipynb"],
    "docs/guide/command-line.md": [
        "samples.png",
        "walk.png",
        "walk.gif",
        "runs/vae/best.npz",
        "runs/vae/history.csv",
        "curves.png",
    ],
    "docs/coursework.md": ["exercise1.py", "my_layer.py", "marks.json", "engine/step_01.py", "question3.txt"],
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment in which MNIST is a few glyphs and no command finds this user's files."""
    folder = tmp_path_factory.mktemp("home")
    for name, part in zip(("train", "t10k"), glyphs.load(train_size=1200, test_size=200)):
        for kind, array in (("images-idx3", np.rint(part.images[..., 0] * 255)), ("labels-idx1", part.labels)):
            write_idx(folder / "data" / "mnist" / f"{name}-{kind}-ubyte", array)
    home = {"MINIGEN_DATA": str(folder / "data"), "XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPATH": str(ROOT)}
    return {**os.environ, **home}


def write_idx(path, array):
    """An array of bytes in MNIST's format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def shorter(text):
    """A block or a command, so that it takes seconds."""
    for long, short in SHORTER:
        text = re.sub(long, short, text, flags=re.MULTILINE)
    return text


def run(command, folder, environment):
    """A command of a page, made shorter, in a process of its own."""
    program, *arguments = words(shorter(command), folder)
    module = ["-m", "minigen"] if program == "minigen" else []
    return subprocess.run([sys.executable, *module, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


def check_command(command, folder, environment):
    """Run a command; it must do what its page says of it."""
    if any(re.fullmatch(pattern, command) for pattern in NOT_HERE):
        return
    done = run(command, folder, environment)
    if "--backend cupy" in command and done.returncode != 0:
        assert done.returncode == 2 and "the cupy backend cannot be used" in done.stderr, "without a GPU the reason is said"
        return
    assert done.returncode == (1 if command in FAILS else 0), f"{command}: {done.stdout}{done.stderr}"
    assert FAILS.get(command, "") in done.stdout


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if any(steps(text))])
def test_a_reader_can_do_what_a_page_does(page, tmp_path, monkeypatch, capsys, environment):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", environment["XDG_CACHE_HOME"])
    (tmp_path / "submissions").mkdir()
    shutil.copy(ROOT / "tests/coursework/solutions/exercise3.py", tmp_path / "submissions/ada.py")
    done, names = set(), {}
    for number, (language, text) in enumerate(steps(PAGES[page])):
        if language == "python":
            minigen.seed(0)
            exec(compile(shorter(text), f"{page}, step {number + 1}", "exec"), names)
        elif shorter(text) not in done:
            check_command(text, tmp_path, environment)
            done.add(shorter(text))
    printed = capsys.readouterr().out
    assert [words for words in PRINTS.get(page, []) if words not in printed] == []
    assert [name for name in WRITES.get(page, []) if not (tmp_path / name).exists()] == []


def test_nothing_is_declared_that_no_page_does():
    everything = "\n".join(text for page in PAGES.values() for _, text in steps(page))
    assert [pattern for pattern, _ in SHORTER if not re.search(pattern, everything, re.MULTILINE)] == []
    assert [pattern for pattern in NOT_HERE if not re.search(f"^(?:{pattern})$", everything, re.MULTILINE)] == []


def test_every_extra_that_is_installed_exists():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    installed = {
        name for page in PAGES.values() for names in re.findall(r"install -e '\.\[([\w,]+)\]'", page) for name in names.split(",")
    }
    assert installed and installed <= set(setup["options.extras_require"])


def test_no_page_advises_installing_the_strangers_package_of_that_name():
    for page, text in PAGES.items():
        assert not re.search(r"pip install\s+'?\"?minigen\b", text), page


def test_the_message_of_a_wrong_rule_is_as_the_page_says():
    @minigen.op
    def softsign(x):
        return x / (1 + abs(x))

    @softsign.vjp("x")
    def softsign_dx(g, y, x):
        return g / (1 + abs(x))

    (said,) = re.findall(r"the check answers: `([^`]+)`", PAGES["docs/guide/op.md"])
    pattern = re.escape(" ".join(said.split())).replace(r"\.\.\.", ".*")
    with pytest.raises(minigen.errors.GradcheckError, match=pattern):
        minigen.gradcheck(softsign, np.random.default_rng(0).standard_normal((3, 4)))


@pytest.mark.parametrize("shown, function", [(0, "1 / (1 + x**2)"), (1, "1 / 1 + x**2")], ids=["a wrong rule", "wrong values"])
def test_what_check_says_is_what_the_page_shows(shown, function, tmp_path, environment):
    starter = (ROOT / "minigen/coursework/starters/exercise1.py").read_text()
    wrong = starter.replace('raise NotImplementedError("write the function")', f"return {function}")
    (tmp_path / "exercise1.py").write_text(wrong.replace('raise NotImplementedError("write the rule")', "return -2 * g * x * y"))
    done = run("minigen check exercise1.py", tmp_path, environment)
    blocks = re.findall(r"```text\n(.*?)```", PAGES["docs/coursework.md"], flags=re.DOTALL)
    values = r"\s+-?\d+\.\d+|(?<=index )\(\d, \d\)"  # what a file is tried with follows from its text
    assert done.returncode == 1 and len(blocks) == 2
    for part in blocks[shown].split("...\n"):  # what stands between is left out
        assert " ".join(re.sub(values, " ...", part).split()) in " ".join(re.sub(values, " ...", done.stdout).split())
