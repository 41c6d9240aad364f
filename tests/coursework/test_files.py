"""Files that do not import, hold nothing, hang or die; and the command `check`, as it is called."""

import argparse
import csv
import io
import json
import os
import re
import sys
from pathlib import Path

import pytest

from minigen.commands import check
from minigen.coursework.grading.report import Item, Line, Report
from minigen.coursework.grading.submission import read_all
from minigen.errors import UsageError
from tests.coursework.checking import PAGE, SOLUTIONS, check_file, checked_text

SOFTSIGN = '''
from minigen.autograd import op

@op
def softsign(x):
    """x / (1 + |x|)."""
    return x / (1 + abs(x))

@softsign.vjp("x")
def softsign_dx(g, y, x):
    """dL/dx = g / (1 + |x|)^2."""
    return g / (1 + abs(x)) ** 2
'''


def command(*words: str) -> int:
    """The exit status of `minigen check WORDS`."""
    parser = argparse.ArgumentParser()
    check.arguments(parser)
    return check.run(parser.parse_args([str(word) for word in words]))


# -- their own traceback, not ours -------------------------------------------------------------------------------

BROKEN = {
    "a missing module": ("import numpi\n", ["line 1, in <module>", "ModuleNotFoundError: No module named 'numpi'"]),
    "a syntax error": ("def f(:\n    pass\n", ["line 1", "SyntaxError: invalid syntax"]),
    "an error in a function": (
        "def half(x):\n    return 1 / x\n\nhalf(0)\n",
        ["line 4, in <module>", "line 2, in half", "ZeroDivisionError: division by zero"],
    ),
    "an error from minigen": ("import minigen as mg\nmg.Tensor([1.0]).reshape((7,))\n", ["line 2, in <module>", "ShapeError"]),
    "a question": ('name = input("name? ")\n', ["line 1, in <module>"]),
    "an exit": ("import sys\nsys.exit(3)\n", ["it ends the program, in line 2: sys.exit(3)"]),
}


@pytest.mark.parametrize("text, said", BROKEN.values(), ids=BROKEN)
def test_a_file_that_does_not_import_shows_its_own_traceback(tmp_path, text, said):
    report = checked_text(tmp_path, text)
    assert report.status == "unchecked"
    assert report.stopped.startswith("theirs.py cannot be imported:")
    for part in said:
        assert part in report.stopped
    files = re.findall(r'File "(.*?)"', report.stopped)
    assert all(file.endswith("theirs.py") for file in files), files


def test_a_file_beside_it_can_be_imported_and_its_frames_are_shown(tmp_path):
    (tmp_path / "halves.py").write_text(
        "from minigen.coursework import example\n\ndef half(x):\n    return x / 2\n\nexample(half, (3,))\n", encoding="utf-8"
    )
    report = checked_text(tmp_path, "from halves import half\n\nhalf('x')\n")
    assert 'halves.py", line 4, in half' in report.stopped
    report = checked_text(tmp_path, "from halves import half\n" + SOFTSIGN)
    assert [each.name for each in report.items] == ["softsign"]  # the other file's example is its own affair


@pytest.mark.parametrize(
    "text",
    [
        "import halves",
        "import numpy as np, halves as h",
        "import os; from halves import half",
        "try: import halves\nexcept ImportError: pass",
        "from a import (b,\n c)\n  import halves # mine",
    ],
)
def test_every_way_to_import_is_seen(tmp_path, text):
    (tmp_path / "halves.py").touch()
    (tmp_path / "mine.py").touch()
    (tmp_path / "ada.py").write_text(text, encoding="utf-8")
    assert read_all([tmp_path / "ada.py"])[0].helpers == {"halves.py": b""}


def test_what_is_imported_from_beside_is_copied_along_unless_it_is_anothers_solution(tmp_path):
    (tmp_path / "halves.py").write_text("from quarters import half\n", encoding="utf-8")
    (tmp_path / "quarters.py").write_text("def half(x):\n    return x / 2\n", encoding="utf-8")
    (tmp_path / "bob.py").write_text("EXERCISE = 1\n", encoding="utf-8")
    path = tmp_path / "ada.py"
    path.write_text("import math, halves\nfrom bob import bump\n" + SOFTSIGN + "assert halves.half(2) == 1\n", encoding="utf-8")

    def helpers(*files: str, number: int | None = None) -> set[str]:
        return set(read_all([tmp_path / file for file in files], number)[0].helpers)

    assert helpers("ada.py") == helpers("ada.py", "bob.py") == {"halves.py", "quarters.py", "bob.py"}  # of different exercises
    assert helpers("ada.py", "bob.py", number=1) == {"halves.py", "quarters.py"}
    path.write_text(path.read_text(encoding="utf-8").replace("from bob import bump\n", ""), encoding="utf-8")
    report = check_file(path)
    assert report.status == "passed", str(report)


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "nothing to check"),
        ("x = 3\n", "`minigen template op` writes a file to begin with"),
        ("def f(x):\n    return x\n", "example(f, (3, 4))"),
        ("from minigen.ops import tanh\nfrom minigen.nn import Dense\n", "nothing to check"),
    ],
)
def test_a_file_with_nothing_to_check_says_what_would_be(tmp_path, text, said):
    report = checked_text(tmp_path, text)
    assert report.status == "unchecked" and said in report.stopped
    assert "NOT CHECKED" in str(report)


def test_what_the_file_prints_is_shown_once_and_cut_off(tmp_path):
    report = checked_text(tmp_path, "print('hello')\n" + SOFTSIGN.replace("    return x", "    print('again')\n    return x"))
    assert report.status == "passed" and report.printed == "hello\n"
    assert "The file printed while it was imported:\n    hello" in str(report)
    report.printed = "epoch 1: 0 %\repoch 1: 100 %\ndone\n"
    assert "imported:\n    epoch 1: 100 %\n    done" in str(report)
    report = checked_text(tmp_path, "for i in range(10_000):\n    print(i)\n" + SOFTSIGN)
    assert len(report.printed) == 2000
    assert "    8\n    9\n    ...\n" in str(report) and "    10\n" not in str(report)


@pytest.mark.parametrize(
    "call, said",
    [
        ("example(3, (3,))", "the first argument is what is to be called, an op, layer or function, got 3"),
        ("example(abs, (3, 4.5))", r"a shape is whole numbers, each at least 0, got (3, 4.5)"),
        ("example(abs, 3, 4)", "got the numbers 3, 4; a shape is one tuple, (3, 4)"),
        ("example(abs, [3, 4])", "a shape is a tuple, such as (3, 4), and values are array([3, 4])"),
        ("example(abs, (-1,))", "at least 0, got (-1,)"),
        ("example(abs, images(28, 28))", "images are (n, height, width, channels), got (28, 28)"),
    ],
)
def test_a_wrong_example_says_what_would_be_right(tmp_path, call, said):
    report = checked_text(tmp_path, f"from minigen.coursework import example, images\n\n{call}\n")
    assert said in report.stopped and "line 3, in <module>" in report.stopped
    assert "coursework/examples.py" not in report.stopped


# -- in a process of its own -------------------------------------------------------------------------------------


def test_a_file_that_never_ends_is_ended_and_the_line_named(tmp_path):
    path = tmp_path / "endless.py"
    path.write_text("print('begins')\n\ndef spin(x):\n    while True:\n        x = x + 0.0\n\nspin(1.0)\n", encoding="utf-8")
    report = check_file(path, seconds=5.0)
    assert report.status == "unchecked"
    assert re.search(
        r"time ran out after 5 s, while importing the file, in line [45] \(spin\): an endless loop", report.stopped
    ), report.stopped
    assert report.printed == "begins\n"
    assert report.seconds < 10.0


def test_a_file_that_dies_takes_nobody_with_it_and_what_was_found_is_kept(tmp_path):
    path = tmp_path / "dies.py"
    path.write_text(
        SOFTSIGN + "\n\n@op\ndef quit(x):\n    if x.ndim == 4:\n        __import__('os')._exit(7)\n    raise ValueError\n",
        encoding="utf-8",
    )
    report = check_file(path)
    assert report.status == "unchecked"
    assert "the process ended by itself (exit status 7)" in report.stopped


def test_a_crash_of_python_itself_names_the_line(tmp_path):
    path = tmp_path / "crashes.py"
    path.write_text("import ctypes\nctypes.string_at(0)\n", encoding="utf-8")
    assert "Python itself crashed while importing the file, in line 2" in check_file(path).stopped


def test_what_a_file_leaves_running_is_not_waited_for(tmp_path):
    path = tmp_path / "lingers.py"
    path.write_text(
        SOFTSIGN + "\nimport threading, time\nthreading.Thread(target=time.sleep, args=(50.0,)).start()\n", encoding="utf-8"
    )
    report = check_file(path)
    assert report.status == "passed" and report.seconds < 30.0


def test_a_file_that_is_killed_is_told_by_which_signal(tmp_path):
    path = tmp_path / "killed.py"
    path.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n", encoding="utf-8")
    assert "the process was killed (signal 15" in check_file(path).stopped


def test_files_beside_it_that_are_called_like_pythons_own_do_no_harm(tmp_path, monkeypatch):
    for name in ("json", "random", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('mine')\n", encoding="utf-8")
    path = tmp_path / "softsign.py"
    path.write_text(SOFTSIGN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    report = check_file(path)
    assert report.status == "passed", str(report)
    assert not (tmp_path / "__pycache__").exists()


def test_the_strict_device_and_the_environment_do_not_mix(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGEN_BACKEND", "strict")
    path = tmp_path / "softsign.py"
    path.write_text(SOFTSIGN, encoding="utf-8")
    report = check_file(path)
    assert report.status == "passed", str(report)


# -- the command -------------------------------------------------------------------------------------------------


def test_one_file_is_reported_in_full(tmp_path, capsys):
    path = tmp_path / "softsign.py"
    path.write_text(SOFTSIGN, encoding="utf-8")
    assert command(path) == 0
    out = capsys.readouterr().out
    assert "softsign  (op, line 4)" in out and out.rstrip().endswith("PASSED: 9 checks passed")
    assert max(map(len, out.splitlines())) <= 130


def test_letters_that_a_terminal_lacks_do_no_harm(tmp_path, monkeypatch):
    path = tmp_path / "größe.py"
    path.write_text(SOFTSIGN + "print('\\ud800', 'α')\n", encoding="utf-8")
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert command(path) == 0
    sys.stdout.flush()
    out = sys.stdout.buffer.getvalue().decode("ascii")
    assert r"gr\xf6\xdfe.py" in out and r"\ud800 \u03b1" in out


def test_many_files_are_a_line_each_and_a_file_of_marks(tmp_path, capsys):
    (tmp_path / "ada.py").write_text(SOFTSIGN, encoding="utf-8")
    (tmp_path / "bob.py").write_text(SOFTSIGN.replace("** 2", ""), encoding="utf-8")
    (tmp_path / "cleo.py").write_text("import nothing_of_the_kind\n", encoding="utf-8")
    marks = tmp_path / "marks.json"
    assert command(*sorted(tmp_path.glob("*.py")), "--json", marks) == 2
    lines = capsys.readouterr().out.splitlines()
    assert re.search(r"ada.py +passed +9 of +9$", lines[0])
    assert re.search(r"bob.py +failed +7 of +8 +softsign: gradient, order 1$", lines[1])
    assert re.search(r"cleo.py +unchecked +0 of +0 +ModuleNotFoundError", lines[2])
    files = json.loads(marks.read_text(encoding="utf-8"))["files"]
    assert [each["status"] for each in files] == ["passed", "failed", "unchecked"]
    (failed,) = [each for each in files[1]["items"][0]["checks"] if each["passed"] is False]
    assert failed["check"] == "gradient, order 1" and "(1 + |x|)" in " ".join(failed["hints"])


def test_a_class_is_marked_by_one_command(tmp_path, capsys):
    """A row for each submission and exercise, in order, though two are checked at a time; helpers are no submissions."""
    right = (SOLUTIONS / "exercise1.py").read_text(encoding="utf-8")
    texts = {
        "ada/exercise1.py": right,
        "ada/exercise3.py": "EXERCISE = 3\nfrom helper import huber\n",
        "ada/helper.py": "def huber(prediction, target, delta=1.0):\n    raise NotImplementedError\n",
        "bob/exercise1.py": right.replace("* y * y", "* y"),
        "cleo/exercise1.py": "raise ValueError('=HYPERLINK')\nEXERCISE = 1\n",
        "dan/exercise1.py": right + "import numpy\nnumpy.ones(1 << 30)\n",
        ".trash/exercise1.py": right,
    }
    for name, text in texts.items():
        (tmp_path / "class" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "class" / name).write_text(text, encoding="utf-8")
    table = tmp_path / "marks" / "marks.csv"
    assert command(tmp_path / "class", "--csv", table, "--jobs", "2", "--memory", "1G") == 2
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["file"]).relative_to(tmp_path / "class").as_posix() for row in rows] == [
        *["ada/exercise1.py", "ada/exercise3.py", "bob/exercise1.py", "cleo/exercise1.py", "dan/exercise1.py"]
    ]
    assert [(row["exercise"], row["status"], row["of"]) for row in rows] == [
        *[("1", "passed", "11"), ("3", "failed", "18"), ("1", "failed", "11"), ("1", "unchecked", "11"), ("1", "unchecked", "11")]
    ]
    assert (rows[0]["passed"], rows[0]["first failure"], rows[2]["first failure"]) == ("11", "", "bump: gradient, order 1")
    assert rows[3]["first failure"] == "ValueError: =HYPERLINK" and "MemoryError" in rows[4]["first failure"]
    assert len(capsys.readouterr().out.splitlines()) == 5
    assert command(tmp_path / "class", "--exercise", "3", "--csv", table) == 1
    assert [line.partition(",")[0][-16:] for line in table.read_text(encoding="utf-8").splitlines()] == [
        "file",
        "ada/exercise3.py",
    ]


def test_a_class_has_a_row_for_whatever_was_handed_in(tmp_path, capsys):
    """Files that do not say their number, or cannot be read, are not left out in silence; what nobody handed in is."""
    right = (SOLUTIONS / "exercise1.py").read_text(encoding="utf-8")
    texts = {
        "ada/exercise1.py": "",
        "bob/exercise1.py": right.replace("EXERCISE = 1\n", ""),
        "cleo/exercise1.py": "EXERCISE = 1\n" + "#" * (1 << 20),
        "dan/exercise1.py/readme.txt": "",
        "eve/exercise1.py": right.encode("utf-16"),
        "fay/large.py": "#" * (2 << 20),
        "gil/exercise1.py": "from bump import bump\nEXERCISE = 1\n",
        "gil/bump.py": "bump = 1\n",
        "gil/notes.py": "",
        "hal/.ipynb_checkpoints/exercise1.py": right,
        "hal/venv/lib/site-packages/minigen/coursework/starters/exercise1.py": right,
        "hal/__MACOSX/exercise1.py": "",
    }
    for name, text in texts.items():
        (tmp_path / "class" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "class" / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    if hasattr(os, "symlink"):
        (tmp_path / "class/ian").mkdir()
        (tmp_path / "class/ian/exercise1.py").symlink_to("nowhere.py")
    assert command(tmp_path / "class", "--csv", tmp_path / "marks.csv") == 2
    with open(tmp_path / "marks.csv", encoding="utf-8", newline="") as file:
        rows = {Path(row["file"]).relative_to(tmp_path / "class").parts[0]: row for row in csv.DictReader(file)}
    unchecked = ("1", "unchecked", "0", "11")
    assert {name: (row["exercise"], row["status"], row["passed"], row["of"]) for name, row in rows.items()} == {
        "ada": ("1", "failed", "0", "11"),
        "bob": ("1", "passed", "11", "11"),
        "cleo": unchecked,
        "dan": unchecked,
        "eve": unchecked,
        "fay": ("", "unchecked", "0", "0"),
        "gil": ("1", "failed", "0", "11"),
        **({"ian": unchecked} if hasattr(os, "symlink") else {}),
    }
    assert rows["cleo"]["first failure"] == "cannot be read: it has 1,048,589 bytes, expected at most 1,048,576"
    assert rows["dan"]["first failure"].startswith("is a folder without submissions")
    err = capsys.readouterr().err
    assert err == f"not checked, without a line EXERCISE = NUMBER: {tmp_path / 'class/gil/notes.py'}\n"


def test_a_name_that_is_no_exercises_makes_none_of_a_file(tmp_path):
    path = tmp_path / "exercise77.py"
    path.write_text(SOFTSIGN, encoding="utf-8")
    report = check_file(path)
    assert report.exercise is None and report.status == "passed", str(report)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_a_link_to_nowhere_says_where_it_leads(tmp_path):
    (tmp_path / "exercise1.py").symlink_to("gone.py")
    assert check_file(tmp_path / "exercise1.py").stopped.endswith("exercise1.py is a link to gone.py, which does not exist")


def test_the_first_failure_is_the_one_to_begin_with():
    """Not a rule that is judged by a function that is wrong."""
    lines = [Line("gradient", False, follows=True), Line("values", False), Line("slope", False, follows=True)]
    assert Report("ada.py", 1, [Item("op", "bump", checks=lines)]).first_failure() == "bump: values"
    assert Report("ada.py", 1, [Item("op", "bump", checks=lines[:1])]).first_failure() == "bump: gradient"
    assert Report("ada.py", 1, [Item("op", "bump", checks=[Line("runs", True)])]).first_failure() == ""


def test_a_spreadsheet_computes_nothing_of_a_learners(tmp_path):
    report = Report("=1+1.py", 1, stopped="@SUM(A1)", checks=11)
    check.write_table(tmp_path / "marks.csv", [report])
    assert (tmp_path / "marks.csv").read_text(encoding="utf-8").splitlines()[1] == "'=1+1.py,1,unchecked,0,11,0.0,'@SUM(A1)"


@pytest.mark.parametrize("size", ["2", "0.1G", "much", "-1G", "1e3G"])
def test_a_size_that_is_none_is_refused(size, tmp_path, capsys):
    with pytest.raises(SystemExit):
        command(tmp_path / "a.py", f"--memory={size}")
    assert "expected a size of at least 256M, such as 512M or 2G, got" in capsys.readouterr().err


def test_a_files_name_is_one_line_and_leaves_room(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["a.py  passed  9 of  9\nbob.py", "b" * 200 + ".py", "c.py"]
    for name in names:
        (tmp_path / name).write_text("x = (\n", encoding="utf-8")
    (tmp_path / "d.py").write_text("", encoding="utf-8")
    (tmp_path / "e.py").write_text("raise ValueError('x' * 1000)", encoding="utf-8")
    command(*names, "d.py", "e.py", "--json", "marks.json")
    lines = capsys.readouterr().out.splitlines()
    assert [line.rpartition("unchecked    0 of   0  ")[2][:40] for line in lines] == [
        *["SyntaxError: '(' was never closed"] * 3,
        "has nothing to check: no op (a function ",
        "ValueError: xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ]
    assert max(map(len, lines[2:])) <= 210 and r"9\nbob.py" in lines[0]
    assert r"9\nbob.py" in json.loads((tmp_path / "marks.json").read_text(encoding="utf-8"))["files"][0]["file"]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_a_link_is_called_one(tmp_path, capsys):
    (tmp_path / "solution.py").write_text(SOFTSIGN, encoding="utf-8")
    (tmp_path / "bob.py").symlink_to("solution.py")
    report = check_file(tmp_path / "bob.py")
    assert report.status == "passed"
    said = f"{tmp_path / 'bob.py'} is a link: what was checked is {tmp_path / 'solution.py'}"
    assert report.remarks[0] == said
    assert command(tmp_path / "bob.py", tmp_path / "solution.py") == 0
    assert capsys.readouterr().err == f"{said}\n", "where there is a line for each, no remark would be seen"


def test_marks_that_cannot_be_written_are_refused_before_any_work(tmp_path, monkeypatch):
    path = tmp_path / "softsign.py"
    path.write_text(SOFTSIGN, encoding="utf-8")
    (tmp_path / "marks.json").mkdir()
    monkeypatch.setattr(check, "grade", lambda *_: pytest.fail("it has been graded"))
    with pytest.raises(UsageError, match=r"the marks cannot be written to .*marks.json \(.*\): give another file"):
        command(path, "--json", tmp_path / "marks.json")


@pytest.mark.parametrize(
    "name, said", [("missing.py", "does not exist"), (".", "is a folder"), ("notes.txt", "is not a Python file")]
)
def test_what_is_not_a_python_file_is_named(tmp_path, capsys, name, said):
    (tmp_path / "notes.txt").touch()
    assert command(tmp_path / name) == 2
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    "words, said",
    [
        (["--timeout", "0"], "expected a number of seconds above 0, got '0'"),
        (["--timeout", "soon"], "got 'soon'"),
        (["--exercise", "third"], "expected a whole number of at least 1, got 'third'"),
        (["--json", "ada.py"], "ada.py would be overwritten"),
    ],
)
def test_wrong_options_are_refused(tmp_path, capsys, words, said):
    with pytest.raises(SystemExit):
        command(tmp_path / "x.py", *words)
    assert said in capsys.readouterr().err


def test_an_exercise_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(UsageError, match="argument --exercise: there is no exercise 9: expected 1 to 8"):
        command(tmp_path / "x.py", "--exercise", "9")


def test_the_teachers_page_makes_a_table_of_marks(tmp_path, monkeypatch, capsys):
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1)
    monkeypatch.chdir(tmp_path)
    files = [
        {"file": "ada.py", "status": "passed", "passed": 9, "failed": 0},
        {"file": "bob.py", "status": "failed", "passed": 6, "failed": 2},
        {"file": "cleo.py", "status": "unchecked", "passed": 0, "failed": 0},
    ]
    Path("marks.json").write_text(json.dumps({"files": files}), encoding="utf-8")
    exec(code)
    assert capsys.readouterr().out.splitlines() == ["ada.py;passed;9", "bob.py;failed;6", "cleo.py;unchecked;0"]
