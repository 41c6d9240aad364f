"""Every demo runs and leaves what it promises; criteria check what they say."""

import argparse
import ast
import json
import math
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from PIL import Image

from minigen import data, evaluators, recipes, training
from minigen.errors import BusyError, UsageError
from minigen.gallery import demo
from minigen.gallery.demo import Criteria, demo_arguments
from minigen.gallery.registry import find, names, title
from minigen.gallery.statement import checksum, statement
from minigen.recipes import Recipe, remedy_bench
from minigen.recipes.restoration import RestorationRecipe
from minigen.training.gans.restoration import ADVERSARIAL_WEIGHT
from minigen.utils.files import locked

ROOT = Path(__file__).parents[1]
NAMES = names()


def source(name):
    """The text of a demo."""
    return (ROOT / "demos" / f"{name}.py").read_text(encoding="utf-8")


def command(*arguments):
    """`minigen demo ...` in a process of its own, from another folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "minigen", "demo", *arguments], cwd=ROOT / "tests", env=environment, capture_output=True, text=True
    )


# -- every demo runs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("library", ["numpy", "strict"])
def test_quick_run(name, library, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name, "--quick", "--out", "pictures", "--backend", library])
    runpy.run_path(str(ROOT / "demos" / f"{name}.py"), run_name="__main__")  # a failure would raise SystemExit

    assert [path.name for path in tmp_path.iterdir()] == ["pictures"], "a demo writes only into its output folder"
    folder = tmp_path / "pictures"
    result = json.loads((folder / "result.json").read_text())
    assert list(result) == ["demo", "config", "criteria", "report", "seconds"]
    assert result["demo"] == name
    asked = {
        "name": name,
        "quick": True,
        "backend": library,
        "seed": 0,
        "out": "pictures",
        "given": {"quick": True, "backend": library},
        "source": checksum(name),
    }
    assert asked.items() <= result["config"].items()
    assert result["config"]["data"] in ("glyphs", "faces"), "a demo needs no download unless it is asked for"
    assert result["criteria"], "a demo without a criterion shows nothing"
    for criterion in result["criteria"]:
        assert list(criterion) == ["name", "expected", "measured", "pass"]
        assert re.fullmatch(r"at most \S+|at least \S+|exactly \S+|\S+ to \S+", criterion["expected"])
        assert math.isfinite(criterion["measured"]), criterion["name"]
        assert criterion["pass"] is None, "a quick run is not checked"
    assert all(isinstance(value, str) for value in result["report"].values())
    assert result["seconds"] > 0

    pictures = list(folder.glob("*.png"))
    assert pictures, "a demo without a picture"
    for picture in pictures:
        pixels = imread(picture)
        assert min(pixels.shape[:2]) > 100 and pixels[..., :3].std() > 0.01, f"{picture.name} is blank"

    out = capsys.readouterr().out
    for criterion in result["criteria"]:
        assert re.search(rf"^{re.escape(criterion['name'])} +{re.escape(criterion['expected'])} +\S+ +quick$", out, re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_help(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(ROOT / "demos" / f"{name}.py"), run_name="__main__")
    out = capsys.readouterr().out
    assert caught.value.code == 0
    assert f"usage: minigen demo {name}" in out and title(name) in out
    assert all(option in out for option in ("--data", "--backend", "--out", "--seed", "--quick"))


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_name_is_refused_before_any_work(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name, "--data", "mnits"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(ROOT / "demos" / f"{name}.py"), run_name="__main__")
    assert caught.value.code == 2 and "argument --data: unknown data 'mnits': did you mean 'mnist'?" in capsys.readouterr().err
    assert not list(tmp_path.iterdir()), "something was left behind"


@pytest.mark.parametrize("method", remedy_bench.METHODS)
def test_a_training_of_the_bench_depends_on_its_seed_and_not_on_what_ran_before(method):
    """A remedy that remembers would carry one training's fakes into the next."""
    first, _, again = (remedy_bench.train("ring", method, seed, steps=2) for seed in (3, 4, 3))
    assert again == first


# -- every demo reads like a section -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_form(name):
    text = source(name)
    heading, gap, *rest = ast.get_docstring(ast.parse(text)).splitlines()
    assert text.startswith(f'# %% [markdown]\n"""{heading}\n'), "a demo starts with its title, a cell of text"
    assert heading.endswith(".") and not gap and rest, "title, empty line, summary"
    assert text.rstrip().endswith("\ncriteria.finish()"), "a demo ends with its criteria"
    assert f'demo_arguments("{name}", __doc__' in text, "a demo is called what its file is called"

    _, _, *cells = re.split(r"^(?=# %%)", text, flags=re.MULTILINE)
    kinds = [cell.splitlines()[0] for cell in cells]
    assert set(kinds) == {"# %% [markdown]", "# %%"}
    for cell in cells:
        first, *lines = cell.rstrip().splitlines()
        if first == "# %% [markdown]":
            assert lines and all(line.startswith("#") for line in lines), f"code in the text {lines[:1]}"
        else:
            assert any(line and not line.startswith("#") for line in lines), "an empty cell of code"
    assert cells[0].splitlines()[1].startswith(f"# # {int(name[:2])}. "), "the first cell is the heading, with its number"
    assert "# ## Did it work?" in cells[-2], "the last section is that of the criteria"


def test_numbers_are_in_order_and_unique():
    assert [int(name[:2]) for name in NAMES] == list(range(1, len(NAMES) + 1))


# -- every experiment is stated once --------------------------------------------------------------------------------

SETTINGS = {"lr", "batch_size", "epochs", "steps", "gamma", "beta1", "beta2", "ema", "momentum", "beta", "phase", "last", "clip"}
BESIDE = {  # what is trained in a demo beside the model of its recipe, by numbers of its own
    "01_linear_pca": "exactly the chapter's 20 epochs",
    "08_recurrent": "the chapter's stacked network",
    "09_denoising": "the linear network",
    "24_wasserstein": "generators of points",
}
NOT_SHOWN = {"conv-vae"}  # the recipe of demo 33's second model
DEVIATIONS = {
    "13_manifold": {"latent_dim", "lr", "batch_size", "epochs"},
    "29_inpainting": {"discriminator_lr"},
}  # from the recipe


def recipe_of(name):
    """The recipe that a demo begins with, or None."""
    text = source(name)
    if found := re.search(r'^recipe(?:, full)? = recipes\.find\("([\w-]+)"\)', text, re.MULTILINE):
        return recipes.find(found[1])
    return RestorationRecipe() if "RestorationRecipe()" in text else None


WITH_RECIPE = [name for name in NAMES if recipe_of(name)]
SHOWN = [name for name in WITH_RECIPE if ".show()" in source(name)]


def test_demos_of_a_model_that_minigen_train_knows_have_its_recipe():
    variations = {name for name in recipes.RECIPES if name.endswith(("-book", "-paper"))} | {"wgan"}  # which the same demos show
    assert {recipe_of(name).name for name in SHOWN} == recipes.RECIPES.keys() - variations - NOT_SHOWN | {"restoration"}


def repeated(name, text):
    """Numbers of a training that stand in a demo with a recipe: such as ["lr=0.1"]."""
    recipe, found = recipe_of(name), []
    for call in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)):
        for keyword in call.keywords:
            if keyword.arg in SETTINGS and isinstance(keyword.value, ast.Constant):
                deviates = ast.unparse(call.func).endswith(".with_settings") or name in BESIDE
                if not deviates or keyword.value.value == recipe.settings.get(keyword.arg):
                    found.append(ast.unparse(keyword))
    return found


@pytest.mark.parametrize("name", WITH_RECIPE)
def test_a_demo_repeats_no_number_of_its_recipe(name):
    assert not repeated(name, source(name)), "state it in the recipe, or as a deviation from it: recipe.with_settings(...)"


def test_a_repeated_number_is_found():
    assert repeated("02_stacked", "optim.SGD(parameters, lr=1.5); demo_arguments('', '', epochs=10)") == ["lr=1.5", "epochs=10"]
    assert repeated("13_manifold", "recipe.with_settings(lr=1e-3, epochs=25)") == ["epochs=25"]


CLAIM = re.compile(r"(\d[\d.]*e-\d+)|(?:learning rate|beta1?|batches)(?: of| =)? (\d+(?:\.\d+)?)")
OF_PAPERS = {
    "24_wasserstein": {5e-5, 1e-4},  # which the recipe has four times as high
    "28_super_resolution": {ADVERSARIAL_WEIGHT, 1e-3},  # the trainer's default, and what it is for pixels in [-1, 1]
    "29_inpainting": {ADVERSARIAL_WEIGHT},
}


def claimed(prose):
    """The numbers that a text gives for settings of a training: such as {1.5} for "SGD with learning rate 1.5"."""
    return {float(each[1] or each[2]) for each in CLAIM.finditer(prose.replace("\n", " "))}


@pytest.mark.parametrize("name", WITH_RECIPE)
def test_the_text_of_a_demo_says_no_other_numbers_than_its_recipe(name):
    kind = recipe_of(name).name
    of_papers = [recipes.find(f"{kind}-{of}").source() for of in ("book", "paper") if f"{kind}-{of}" in recipes.RECIPES]
    tree = ast.parse("\n".join([source(name), statement(name), *of_papers]))
    stated = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) in (int, float)}
    prose = claimed(" ".join(re.findall(r"^# (.*)", source(name), re.MULTILINE)))
    assert prose <= stated | OF_PAPERS.get(name, set()), "the recipe has changed: so must the text"


def test_a_number_of_a_text_is_found():
    assert claimed("SGD with learning rate 1.5, beta = 2, batches of 32, rates\nof 2e-4. And 28 x 28") == {1.5, 2, 32, 2e-4}


class Shown(Exception):
    """Ends a demo where it shows its recipe."""


@pytest.mark.parametrize("name", SHOWN)
def test_a_demo_trains_as_minigen_train_does(name, tmp_path, monkeypatch):
    """By the settings of the recipe, if no option says otherwise; what differs is declared above."""
    few = data.load("glyphs")[0][:600]
    faces = data.load("faces", resolution=32, train_size=64, test_size=10)
    monkeypatch.setattr(data, "load", lambda kind, **options: faces if kind == "faces" else (few, few))
    monkeypatch.setattr(demo, "train_evaluator", lambda *args, **options: None)
    monkeypatch.setattr(evaluators, "attribute_classifier", lambda *args, **options: None)
    monkeypatch.setattr(training.Adversarial, "fit", lambda *args, **options: None)
    shipped = ["--train"] if "shipped=" in source(name) else []
    monkeypatch.setattr(sys, "argv", [name, *shipped, "--out", str(tmp_path / "out")])

    def show(recipe):
        raise Shown(recipe)

    monkeypatch.setattr(Recipe, "show", show)
    with pytest.raises(Shown) as caught:
        runpy.run_path(str(ROOT / "demos" / f"{name}.py"), run_name="__main__")
    used = caught.value.args[0]
    standard = recipes.RECIPES.get(used.name) or RestorationRecipe()
    if "phase" in used.settings:
        standard = standard.with_length(standard.spec_of(faces[0]), len(faces[0]))
    assert recipe_of(name).name == used.name or name == "24_wasserstein", "which shows that of clipping first"
    assert {key for key, value in used.settings.items() if value != standard.settings[key]} == DEVIATIONS.get(name, set())


# -- minigen demo ---------------------------------------------------------------------------------------------


def test_list():
    done = command()
    assert (done.returncode, done.stderr) == (0, "")
    heading, *lines = done.stdout.splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [[name, title(name)] for name in NAMES]


def test_unknown_name():
    done = command("stakced")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "minigen: error: no demo 'stakced': did you mean '02_stacked'?; `minigen demo` lists all\n"


def test_running_by_number():
    done = command("2", "--epochs", "many")
    assert done.returncode == 2
    assert (
        "minigen: error: argument --epochs: expected a whole number of at least 1, got 'many'; see minigen demo 02_stacked --help"
        in done.stderr
    )


@pytest.mark.parametrize("word, name", [
    ("02_stacked", "02_stacked"), ("02", "02_stacked"), ("2", "02_stacked"), ("stacked", "02_stacked"),
    ("pca", "01_linear_pca"),
])  # fmt: skip
def test_find(word, name):
    assert find(word) == name


@pytest.mark.parametrize("word, message", [
    ("01_linear_pka", "did you mean '01_linear_pca'?"), ("pcca", "did you mean '01_linear_pca'?"),
    ("0", "it could be 01_.* or 02_"), ("xyzzy", "expected a name, a number, or a part of a name"),
])  # fmt: skip
def test_find_helps(word, message):
    with pytest.raises(UsageError, match=rf"no demo '{word}': {message}"):
        find(word)


# -- arguments ---------------------------------------------------------------------------------------------------


def test_arguments(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["name", "--image-steps", "7", "--seed", "3"])
    args = demo_arguments("99_name", "text", epochs=10, image_steps=400, rate=0.5)
    assert (args.epochs, args.image_steps, args.rate, args.seed, args.quick) == (10, 7, 0.5, 3, False)
    assert args.out == Path("out/99_name") and args.out.is_dir()
    assert args.given == {"image_steps": 7, "seed": 3}, "what differs from its default"
    assert args.source is None, "no demo of this folder"


@pytest.mark.parametrize(
    "words, complaint",
    [
        (["--epochs", "0"], "argument --epochs: expected a whole number of at least 1, got '0'"),
        (["--epochs", "1e9"], "argument --epochs: expected a whole number of at least 1, got '1e9'"),
        (["--seeds", "1"], "argument --seeds: expected a whole number of at least 2, got '1'"),
        (["--rate", "nan"], "argument --rate: expected a finite number of at least 0, got 'nan'"),
        (["--rate", "-1"], "argument --rate: expected a finite number of at least 0, got '-1'"),
        (["--resolution", "28"], "argument --resolution: expected 4, 8, 16 ... 1024, got '28'"),
        (["--seed", "-1"], "argument --seed: expected a whole number of at least 0, got '-1'"),
        (["--backend", "torch"], "argument --backend: unknown backend 'torch': expected one of numpy, cupy, strict"),
        (["--data", "faces"], "argument --data: unknown data 'faces': expected one of glyphs, mnist, fashion_mnist"),
        (["--out", ""], "argument --out: expected a name, got ''"),
        (["--out", "file"], "File exists: 'file'"),
        (["--out", "file/out"], "argument --out: 'file' is a file, so 'file/out' cannot be in it: choose another name"),
        (["--out", "x" * 5000], "File name too long: 'xxx"),
        (["--data", "x" * 5000], "argument --data: unknown data 'xxx"),
        (["--nonsense" * 500], "has no option --nonsense--nonsense"),
    ],
)
def test_what_cannot_be_right_is_refused_before_any_work(words, complaint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    monkeypatch.setattr(sys, "argv", ["name", *words])
    with pytest.raises(SystemExit) as caught:
        demo_arguments("99_name", "text", epochs=10, rate=0.5, seeds=3, resolution=32)
    error = capsys.readouterr().err
    assert caught.value.code == 2 and complaint in error and len(error) < 1000
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_output_folder_is_one_demos_own(tmp_path, monkeypatch, capsys):
    """Until its criteria are checked; what a killed one has left goes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["name", "--out", "out"])
    Path("out").mkdir()
    Path("out/.plane.png.1.tmp").touch()
    args = demo_arguments("99_name", "text")
    with pytest.raises(BusyError):
        with locked(Path("out")):
            pass
    criteria = Criteria(args)
    criteria.check("loss", 1.0, at_most=2.0)
    criteria.finish()
    assert [path.name for path in Path("out").iterdir()] == ["result.json"]
    with locked(Path("out")), pytest.raises(SystemExit):
        demo_arguments("99_name", "text")
    assert "out is in use by process" in capsys.readouterr().err


# -- criteria ----------------------------------------------------------------------------------------------------


@pytest.fixture
def criteria(tmp_path):
    return Criteria(argparse.Namespace(name="99_name", out=tmp_path, quick=False, seed=0))


NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize("bound, expected, passing, failing", [
    ({"at_most": 1.0}, "at most 1", [1.0, 0.5, -INFINITY], [1.0000001, INFINITY, NAN]),
    ({"at_least": 0.8}, "at least 0.8", [0.8, 1, INFINITY], [0.7999999, -INFINITY, NAN]),
    ({"between": (-0.1, 0.1)}, "-0.1 to 0.1", [-0.1, 0, 0.1], [-0.1000001, 0.1000001, INFINITY, -INFINITY, NAN]),
    ({"at_most": 0.0}, "at most 0", [0.0, -1], [1e-9, NAN]),
    ({"at_least": 0.0}, "at least 0", [0.0, 1], [-1e-9, NAN]),
    ({"between": (0.0, 0.0)}, "exactly 0", [0], [1, -1, NAN]),
])  # fmt: skip
def test_criteria(criteria, bound, expected, passing, failing):
    for measured in (*passing, *failing):
        criteria.check("loss", measured, **bound)
    assert {criterion["expected"] for criterion in criteria.checks} == {expected}
    assert [criterion["pass"] for criterion in criteria.checks] == [True] * len(passing) + [False] * len(failing)


@pytest.mark.parametrize("bounds", [{}, {"at_most": 1.0, "at_least": 0.0}, {"at_most": 1.0, "between": (0.0, 1.0)}])
def test_a_criterion_has_one_bound(criteria, bounds):
    with pytest.raises(ValueError, match="loss: a criterion has one bound: at_most, at_least or between"):
        criteria.check("loss", 0.5, **bounds)


def test_passing(criteria, tmp_path, capsys):
    criteria.check("loss", 0.5, at_most=1.0)
    criteria.report("epochs", 3)
    criteria.report("error", 0.123456789)
    criteria.finish()
    result = json.loads((tmp_path / "result.json").read_text())
    assert result.pop("seconds") >= 0
    assert result == {
        "demo": "99_name", "config": {"name": "99_name", "out": str(tmp_path), "quick": False, "seed": 0},
        "criteria": [{"name": "loss", "expected": "at most 1", "measured": 0.5, "pass": True}],
        "report": {"epochs": "3", "error": "0.123457"},
    }  # fmt: skip
    assert capsys.readouterr().out.splitlines()[1:6] == [
        "criterion  expected   measured",
        "loss       at most 1  0.5       pass",
        "",
        "epochs  3",
        "error   0.123457",
    ]  # fmt: skip


def test_long_reports_are_lines_that_a_page_can_hold(criteria):
    criteria.report("levels", ", ".join(f"level {n} {n / 7:.4g}" for n in range(40)))
    lines = criteria.table().splitlines()[2:]
    assert len(lines) > 3 and all(len(line) < 120 for line in lines)
    assert lines[0].startswith("levels  level 0 0,") and lines[1].startswith(" " * 8)


@pytest.mark.parametrize("measured", [2.0, NAN])
def test_failing_ends_with_status_1_and_still_writes(criteria, measured, tmp_path, capsys):
    criteria.check("loss", 0.5, at_most=1.0)
    criteria.check("angle", measured, at_most=1.0)
    with pytest.raises(SystemExit) as caught:
        criteria.finish()
    assert caught.value.code == 1
    result = json.loads((tmp_path / "result.json").read_text())
    assert [criterion["pass"] for criterion in result["criteria"]] == [True, False]
    assert re.search(r"^angle +at most 1 +\S+ +FAIL$", capsys.readouterr().out, re.MULTILINE)


def test_a_quick_run_checks_no_criteria(tmp_path, capsys):
    criteria = Criteria(argparse.Namespace(name="99_name", out=tmp_path, quick=True))
    criteria.check("angle", 2.0, at_most=1.0)
    criteria.finish()
    assert json.loads((tmp_path / "result.json").read_text())["criteria"][0]["pass"] is None


def test_measured_may_be_of_numpy(criteria, tmp_path):
    criteria.check("float32", np.float32(0.5), at_most=1.0)
    criteria.check("0-d", np.array(0.5), at_least=0.0)
    criteria.finish()
    result = json.loads((tmp_path / "result.json").read_text())
    assert [(criterion["measured"], criterion["pass"]) for criterion in result["criteria"]] == [(0.5, True), (0.5, True)]


def test_saving_a_figure_says_where(tmp_path, capsys):
    demo.save(Figure(figsize=(1, 1)), argparse.Namespace(out=tmp_path), "empty.png")
    assert Image.open(tmp_path / "empty.png").size == (100, 100)
    assert capsys.readouterr().out == f"wrote {tmp_path / 'empty.png'}\n"


def test_a_saved_figure_carries_its_title(tmp_path):
    figure = Figure(figsize=(3, 3))
    figure.add_subplot().set_title("One of\ntwo lines")
    demo.save(figure, argparse.Namespace(out=tmp_path), "axes.png")
    figure.suptitle("Above all")
    demo.save(figure, argparse.Namespace(out=tmp_path), "figure.png")
    assert Image.open(tmp_path / "axes.png").info["Title"] == "One of two lines"
    assert Image.open(tmp_path / "figure.png").info["Title"] == "Above all"
