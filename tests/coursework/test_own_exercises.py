"""Exercises from a teacher's own folder: listed, handed out and checked as minigen's own are, or said what is wrong with it."""

import csv
import os
import re
import tempfile
from pathlib import Path

import pytest

from minigen.commands import main
from minigen.coursework.exercises import exercises
from minigen.coursework.grader import grade
from minigen.coursework.grading.submission import read_all
from minigen.errors import UsageError
from tests.coursework.checking import PAGE, checked_text, failures
from tests.coursework.test_hostile import apart

# The exercise of the teachers' page.
STARTER, CHECKER = re.findall(r"```python\n# my-exercises/\S+\n(.*?)```", PAGE, re.DOTALL)
DRAWN = "    x = rng.uniform(0, 10, (2, 3, 4))  # other places, and another shape\n"
SOLUTION = STARTER.replace('raise NotImplementedError("write the function")', "return x / (1 + x)").replace(
    'raise NotImplementedError("write the rule")', "return g / (1 + x) ** 2"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the exercise of the teachers' page, number 1."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "my-exercises")
    return tmp_path / "my-exercises"


def write(folder, checker=CHECKER, starter=STARTER, number=1):
    """An exercise, in a teacher's folder."""
    (folder / "starters").mkdir(parents=True, exist_ok=True)
    for path, text in ((folder / f"exercise{number}.py", checker), (folder / f"starters/exercise{number}.py", starter)):
        path.write_text(text, encoding="utf-8")


def test_they_are_listed_and_handed_out(folder, capsys):
    assert main(["exercise", "--exercises", "my-exercises"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("1  Saturation: x / (1 + x)\n")
    assert "`minigen exercise 1 --exercises my-exercises` writes exercise1.py" in out and "engine" not in out
    assert main(["exercise", "1", "--exercises", "my-exercises"]) == 0
    assert "minigen check exercise1.py --exercises my-exercises" in capsys.readouterr().out
    assert Path("exercise1.py").read_text(encoding="utf-8") == STARTER
    assert main(["exercise", "2", "--exercises", "my-exercises"]) == 2
    assert "there is no exercise 2: expected 1" in capsys.readouterr().err
    assert not list(folder.rglob("*.pyc"))


def test_a_starter_fails_a_solution_passes_and_a_wrong_one_is_told_why(folder, capsys):
    texts = {
        "ada": SOLUTION,
        "bob": STARTER,
        "cleo": SOLUTION.replace("x / (1 + x)", "x / 1 + x"),
        "dan": SOLUTION.replace("EXERCISE = 1", "EXERCISE = 7"),
    }
    for name, text in texts.items():
        (folder.parent / f"{name}.py").write_text(text, encoding="utf-8")
    assert main(["check", *(f"{name}.py" for name in texts), "--exercises", "my-exercises", "--csv", "marks.csv"]) == 2
    with open("marks.csv", encoding="utf-8", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert (rows["ada.py"]["status"], rows["ada.py"]["passed"], rows["ada.py"]["of"]) == ("passed", "11", "11")
    assert rows["bob.py"]["status"] == rows["cleo.py"]["status"] == "failed" and rows["bob.py"]["of"] == "11"
    assert rows["dan.py"]["first failure"] == "EXERCISE = 7 in dan.py: there is no exercise 7: expected 1"
    capsys.readouterr()
    assert main(["check", "cleo.py", "--exercises", "my-exercises"]) == 1
    out = capsys.readouterr().out
    assert "saturate(3): expected 0.75 at index (0,), got 6" in out and "did you mean x / (1 + x)?" in out


def test_what_a_teacher_has_written_is_no_submission(folder, capsys):
    Path("ada.py").write_text(SOLUTION, encoding="utf-8")
    assert main(["check", ".", "--exercises", "my-exercises"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("ada.py  (exercise 1)") and "my-exercises" not in out + err


def test_in_a_folder_of_ones_own_minigens_are_not_there(folder, capsys):
    Path("ada.py").write_text(SOLUTION, encoding="utf-8")
    assert main(["check", "ada.py", "--exercise", "3", "--exercises", "my-exercises"]) == 2
    assert "argument --exercise: there is no exercise 3: expected 1" in capsys.readouterr().err
    write(folder, CHECKER.replace("    1,", "    12,", 1), STARTER.replace("EXERCISE = 1", "EXERCISE = 12"), 12)
    assert list(exercises(folder)) == [1, 12]
    assert main(["check", "ada.py", "--exercise", "3", "--exercises", "my-exercises"]) == 2
    assert "there is no exercise 3: expected 1, 12" in capsys.readouterr().err


# What is wrong with a folder: (checker, starter), and what is said.
WRONG = {
    "no checker": (None, STARTER, "my-exercises has starters/exercise1.py, but no exercise1.py, which checks"),
    "no starter": (CHECKER, None, "my-exercises has exercise1.py, but no starters/exercise1.py, which is handed out"),
    "neither": (None, None, "my-exercises has no exercises: expected exercise1.py, which checks, and starters/exercise1.py"),
    "a mistake": (
        "import numpy\nnumpy.tahn",
        STARTER,
        r"exercise1.py cannot be used: AttributeError: .*\(exercise1.py, line 2\)",
    ),
    "no Python": ("x = (", STARTER, r"exercise1.py cannot be used: SyntaxError: '\(' was never closed \(exercise1.py, line 1\)"),
    "it ends Python": ("raise SystemExit(0)", STARTER, r"cannot be used: SystemExit: 0 \(exercise1.py, line 1\)"),
    "no exercise": ("x = 1", STARTER, r"exercise1.py has no exercise: write exercise = Exercise\(1, "),
    "another number": (CHECKER.replace("    1,", "    2,", 1), STARTER, r"has Exercise\(2, ...\): expected 1, the number in"),
    "a comma that is missing": (
        CHECKER.replace('names=("saturate",)', 'names=("saturate")'),
        STARTER,
        r"""names lists names, names=\("saturate",\) with a comma, got 'saturate'""",
    ),
    "a requirement of another name": (
        CHECKER.replace('of="saturate"', 'of="satturate"', 1),
        STARTER,
        "of='satturate' is not among the names of exercise 1: saturate",
    ),
    "two of one name": (
        CHECKER.replace('@exercise.requirement("slope', '@exercise.requirement("values'),
        STARTER,
        "Exercise 1 has two requirements 'values'",
    ),
    "a kind that is none": (
        CHECKER.replace('"op")]', '"opp")]'),
        STARTER,
        r"Asked\('saturate', ...\) has the kind 'opp': expected one of 'function', 'op', 'layer', 'model' \(exercise1.py, line 14\)",
    ),
    "a layer without settings": (
        CHECKER.replace('"op")]', '"layer")]'),
        STARTER,
        r"Asked\('saturate', ...\) is a layer, and has no settings to make one with: settings=\(4, 3\), or settings=\(\)",
    ),
    "an example of another name": (
        CHECKER.replace('Asked("saturate"', 'Asked("satturate"'),
        STARTER,
        r"Asked\('satturate', ...\) is not among the names of exercise 1: saturate",
    ),
    "an example that is none": (
        CHECKER.replace("examples=[Asked(", "examples=['saturate'] or [Asked("),
        STARTER,
        r"examples lists calls, Asked\(name, variants, kind\), got 'saturate'",
    ),
    "a variant that is no tuple": (
        CHECKER.replace("[(above_zero(3, 4),), (above_zero(2, 1, 3),)]", "[above_zero(3, 4)]"),
        STARTER,
        r"expects a list of tuples of inputs, such as \[\(normal\(3, 4\),\)\], got \[Sample",
    ),
    "a shape for an array": (
        CHECKER.replace("(above_zero(3, 4),)", "((3, 4),)"),
        STARTER,
        r"has the input \(3, 4\): for an array of this shape write normal\(3, 4\)",
    ),
    "variants of another number": (
        CHECKER.replace("(above_zero(2, 1, 3),)", "(above_zero(2), above_zero(2))"),
        STARTER,
        "has variants of 1 and of 2 inputs: expected as many in each",
    ),
    "checks that are no number": (
        CHECKER.replace("checks=11", 'checks="11"'),
        STARTER,
        "checks is how many checks a solution passes, got '11'",
    ),
    "no time": (CHECKER.replace("checks=11", "seconds=0"), STARTER, "seconds is how long a check may take, above 0, got 0"),
    "a requirement that takes something else": (
        CHECKER.replace("def slope(file, rng):", "def slope(file):"),
        STARTER,
        r"requirement 'slope' is a function \(file, rng\), got slope\(file\) \(exercise1.py, line 26\)",
    ),
    "nothing to check": (
        "from minigen.coursework.exercises.tools import Exercise\nexercise = Exercise(1, 'x', names=('f',))",
        STARTER,
        "exercise1.py checks nothing: give it examples, or functions under @exercise.requirement",
    ),
    "a starter of another": (
        CHECKER,
        STARTER.replace("EXERCISE = 1", "EXERCISE = 2"),
        "exercise1.py has no line EXERCISE = 1, by",
    ),
}


@pytest.mark.parametrize("checker, starter, said", WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_folder_is_said_before_anything_runs(checker, starter, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(Path("my-exercises"), checker or "", starter or "")
    for path, text in ((Path("my-exercises/exercise1.py"), checker), (Path("my-exercises/starters/exercise1.py"), starter)):
        if text is None:
            path.unlink()
    Path("ada.py").write_text(SOLUTION, encoding="utf-8")
    for words in (["exercise", "1"], ["check", "ada.py", "--csv", "marks.csv"]):
        assert main([*words, "--exercises", "my-exercises"]) == 2
        err = capsys.readouterr().err
        assert re.search(said, err) and err.startswith("minigen: error: ") and err.count("\n") == 1
    assert not Path("marks.csv").exists() and not Path("exercise1.py").exists()


@pytest.mark.parametrize("name", ["nowhere", "ada.py"])
def test_what_is_no_folder_is_named(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("ada.py").write_text(SOLUTION, encoding="utf-8")
    with pytest.raises(UsageError, match=f"{name} is not a folder: --exercises expects one with exercises"):
        exercises(Path(name))


def test_a_checker_that_raises_is_blamed_by_its_line_and_not_the_submission(folder, capsys):
    broken = CHECKER.replace(DRAWN, "    x = rng.random(5) / [1, 2]\n")
    assert broken != CHECKER
    write(folder, broken)
    Path("ada.py").write_text(SOLUTION, encoding="utf-8")
    assert main(["check", "ada.py", "--exercises", "my-exercises"]) == 2
    line = broken.splitlines().index("    x = rng.random(5) / [1, 2]") + 1
    said = f"it cannot be graded: while requirement 'values', ValueError: operands could not be broadcast .*exercise1.py, line {line}"
    assert re.search(said, " ".join(capsys.readouterr().out.split()))


def test_a_derivative_by_an_array_is_the_checkers_mistake(folder):
    write(folder, CHECKER.replace("[AsTensor(x)]", "[x]"))
    report = checked_text(folder.parent, SOLUTION, 1, exercises(folder))
    said = "the checker is wrong, not theirs.py: by=0 differentiates by an input that is no Tensor: write AsTensor(x) for input 0"
    assert report.stopped.startswith(said) and report.failed == 0


@pytest.mark.parametrize(
    "right, wrong", [("file.saturate(x)", "file.satturate(x)"), ("gradients(file.sat", "gradients(file.satt")]
)
def test_a_name_that_the_checker_misspells_is_its_mistake_and_not_the_submissions(right, wrong, folder, capsys):
    assert right in CHECKER
    broken = CHECKER.replace(right, wrong)
    write(folder, broken)
    Path("ada.py").write_text(SOLUTION, encoding="utf-8")
    assert main(["check", "ada.py", "--exercises", "my-exercises", "--csv", "marks.csv"]) == 2
    line = next(at for at, text in enumerate(broken.splitlines(), 1) if wrong in text)
    said = "the checker is wrong, not ada.py: file.satturate is not among the names that a file must define: saturate"
    assert f"{said} (exercise1.py, line {line})" in " ".join(capsys.readouterr().out.split())
    with open("marks.csv", encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["status"] == "unchecked" and row["first failure"].startswith("the checker is wrong, not ada.py")


# Wrong solutions of the page's exercise that do as it wants at the one place where a lazy checker would look.
RULE, FUNCTION = "return g / (1 + x) ** 2", "return x / (1 + x)"
PLAUSIBLE = {
    "flat from 3 on": (FUNCTION, "return (x / (1 + x)).clip(max=0.75)", "values"),
    "of matrices only": (FUNCTION, "return x / (1 + x) if x.ndim < 3 else x", "values"),
    "the slope at 0": (RULE, "return g * 1.0", "slope"),
    "the root of the slope": (RULE, "return g / (1 + x)", "slope"),
    "without g": (RULE, "return 1 / (1 + x) ** 2", "slope"),
    "a rule for x from 0.5 on": (RULE, "return mg.where((unwrap(x) > 0) & (unwrap(x) < 0.5), g, g / (1 + x) ** 2)", "slope"),
    "a rule for x up to 2": (RULE, "return mg.where(unwrap(x) > 2, 0.0 * g, g / (1 + x) ** 2)", "slope"),
}


@pytest.mark.parametrize("right, wrong, check", PLAUSIBLE.values(), ids=PLAUSIBLE)
def test_a_plausible_wrong_solution_does_not_pass_the_pages_exercise(right, wrong, check, folder):
    assert right in SOLUTION
    text = "import minigen as mg\nfrom minigen.autograd import unwrap\n" + SOLUTION.replace(right, wrong)
    report = checked_text(folder.parent, text, 1, exercises(folder))
    assert check in failures(report) and not report.stopped, str(report)


def test_the_page_shows_what_learners_see(folder, capsys):
    shown = re.search(r"```console\n(\$ .*?)```", PAGE, re.DOTALL)[1]
    commands = [part.partition("\n") for part in shown.removeprefix("$ ").split("\n$ ")]
    assert len(commands) == 3
    for number, (typed, _, said) in enumerate(commands):
        if number == 2:
            Path("exercise1.py").write_text(SOLUTION.replace(RULE, "return g / (1 + x)"), encoding="utf-8")
        assert main(typed.split()[1:]) == (number > 0)
        out = capsys.readouterr().out
        for part in said.split("...\n"):  # what stands between is left out
            assert part.strip() in out


def test_a_checker_that_ends_python_checks_nothing(folder, capsys):
    write(folder, CHECKER.replace(DRAWN, "    raise SystemExit(0)\n"))
    Path("ada.py").write_text(SOLUTION, encoding="utf-8")
    assert main(["check", "ada.py", "--exercises", "my-exercises"]) == 2
    assert "it cannot be graded: while requirement 'values', SystemExit: 0" in " ".join(capsys.readouterr().out.split())


def test_a_requirement_that_says_nothing_passes(folder, capsys):
    """And where a checker says too small a number of checks, marks are not 11 of 3."""
    write(folder, CHECKER.replace('    return "3 / 4 at x = 3"\n', "").replace("checks=11", "checks=3"))
    Path("ada.py").write_text(SOLUTION, encoding="utf-8")
    assert main(["check", "ada.py", "--exercises", "my-exercises", "--csv", "marks.csv"]) == 0
    out, err = capsys.readouterr()
    assert re.search(r"^  ok    values$", out, re.MULTILINE)
    assert "ada.py passes 11 checks and fails none, but exercise1.py says checks=3: marks are of a wrong total" in err
    assert ",passed,11,11," in Path("marks.csv").read_text(encoding="utf-8")


def test_what_lies_beside_the_checkers_is_not_copied_along(folder):
    (folder / "ada.py").write_text("import exercise1, mine\n" + SOLUTION, encoding="utf-8")
    (folder / "mine.py").write_text("", encoding="utf-8")
    (alone,) = read_all([folder / "ada.py"], secret={folder.resolve()})
    (free,) = read_all([folder / "ada.py"])
    assert not alone.helpers and set(free.helpers) == {"exercise1.py", "mine.py"}


@pytest.mark.skipif(not (os.path.isdir("/var/tmp") and apart()), reason="needs a system that lets us make name spaces")
def test_a_submission_does_not_see_the_folder():
    """Outside /tmp, which it does not see anyway; what Python itself needs is there all the same."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        folder = Path(place) / "my-exercises"
        write(folder)
        spying = f"import os\nprint('seen:', sorted(os.listdir({str(folder)!r})))\n" + SOLUTION
        path = Path(place) / "ada.py"
        path.write_text(spying, encoding="utf-8")
        (submission,) = read_all([path])
        hidden, open_to_all = (grade(submission, known=known) for known in (exercises(folder), {1: exercises()[1]}))
    assert "seen: ['exercise1.py', 'starters']" in open_to_all.printed
    assert "seen: []" in hidden.printed and hidden.status == "passed", str(hidden)
