"""`minigen demo all`: in processes, without running anything twice, and one that fails does not stop the others."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minigen.errors import UsageError
from minigen.gallery import run_all
from minigen.gallery.registry import names
from minigen.gallery.run_all import Clock, chosen, is_done, parsed, settings_of
from minigen.gallery.statement import checksum

ROOT = Path(__file__).parents[2]


def started(out, *options, **environment):
    """`minigen demo all --out OUT ...`, begun."""
    return subprocess.Popen(
        [sys.executable, "-m", "minigen", "demo", "all", "--out", str(out), *options],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# -- what is run -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words, expected", [
    ("2", ["02"]), ("01,02", ["01", "02"]), ("3,1", ["01", "03"]), ("1-3", ["01", "02", "03"]), ("09-11,stylegan,2", ["02", "09", "10", "11", "27"]),
    ("2,2,1-2", ["01", "02"]),
])  # fmt: skip
def test_only_chooses_demos(words, expected):
    assert [name[:2] for name in chosen(words)] == expected


def test_a_mistyped_option_is_answered_with_the_right_one():
    for words, message in [
        (["--only", "1,stakced"], "no demo 'stakced': did you mean '02_stacked'?"),
        (["--only", ","], "no demo in ','"),
        (["--jobs", "0"], "argument --jobs: expected a whole number of at least 1, got '0'"),
        (["--quik", "1"], "minigen demo all has no option --quik: did you mean 'quick'?"),
        (["--data", "mnits"], "argument --data: unknown data 'mnits': did you mean 'mnist'?"),
    ]:
        with pytest.raises(UsageError, match=re.escape(message)):
            parsed(words)


def test_without_only_everything_runs():
    args = parsed([])
    assert args.only == names() and args.out == Path("out") and settings_of(args) == {}
    args = parsed(["--quick", "--data", "mnist", "--seed", "0", "--backend", "strict"])
    assert settings_of(args) == {"quick": True, "data": "mnist", "seed": 0, "backend": "strict"}


NAME = names()[1]
DEFAULT = {"quick": False, "data": "glyphs", "seed": 0, "backend": None, "given": {}, "source": checksum(NAME)}


@pytest.mark.parametrize("config, settings, expected", [
    ({}, {}, True),
    ({}, {"seed": 0}, True),
    ({}, {"data": "glyphs", "seed": 0}, True),
    ({}, {"quick": True}, False),
    ({}, {"data": "mnist"}, False),
    ({"quick": True, "given": {"quick": True}}, {"quick": True}, True),
    ({"quick": True, "given": {"quick": True}}, {}, False),
    ({"seed": 3, "given": {"seed": 3}}, {"seed": 3}, True),
    ({"seed": 3, "given": {"seed": 3}}, {}, False),
    ({"epochs": 1, "given": {"epochs": 1}}, {}, False),
    ({"source": "0123456789"}, {}, False),
    ({"source": None}, {}, False),
])  # fmt: skip
def test_a_run_with_the_same_settings_counts_as_done(config, settings, expected):
    assert is_done(NAME, {"config": DEFAULT | config}, settings) is expected


def test_no_result_and_an_old_one_do_not_count_as_done():
    assert not is_done(NAME, None, {})
    assert not is_done(NAME, {"config": {"quick": False, "seed": 0}}, {})


# -- how long it takes -------------------------------------------------------------------------------------------


def test_the_clock_learns_the_pace(monkeypatch):
    monkeypatch.setattr(run_all, "SECONDS", {"01": 100.0, "02": 300.0})
    clock = Clock(quick=False)
    assert clock.left(["01_linear_pca", "02_stacked"], {}, jobs=1) == pytest.approx(400.0)
    assert clock.left(["01_linear_pca", "02_stacked"], {}, jobs=2) == pytest.approx(300.0), "the longest decides"
    assert clock.left([], {"02_stacked": 100.0}, jobs=2) == pytest.approx(200.0)
    assert clock.left([], {"02_stacked": 1000.0}, jobs=2) == pytest.approx(100.0), "late: a tenth more"
    for _ in range(100):
        clock.finished("01_linear_pca", 200.0)
    assert clock.left(["02_stacked"], {}, jobs=1) == pytest.approx(600.0, rel=0.01)
    assert Clock(quick=True).left(["02_stacked"], {}, jobs=1) == pytest.approx(run_all.QUICK)


def test_every_demo_has_its_seconds():
    assert {name[:2] for name in names()} <= run_all.SECONDS.keys()


def test_a_demo_that_needs_what_another_trains_waits_for_it():
    assert run_all.first_ready(["34_a", "35_b"], ["33_c"]) == "35_b"
    assert run_all.first_ready(["34_a"], ["33_c", "12_d"]) is None
    assert run_all.first_ready(["34_a", "35_b"], ["12_d"]) == "34_a"
    assert run_all.first_ready([], []) is None


# -- runs --------------------------------------------------------------------------------------------------------


def test_a_run_is_resumed(tmp_path):
    process = started(tmp_path, "--quick", "--only", "20,21")
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    assert "2 of 2 demos passed" in out and "\r" not in error, "bars are for terminals"
    assert set(re.findall(r"(\S+) +quick run, not checked", out + error)) == {"20_oscillation", "21_remedies"}
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "2 of " in page and "not run yet" in page
    assert "wrote" in (tmp_path / "20_oscillation" / "log.txt").read_text()

    (tmp_path / "21_remedies" / "result.json").unlink()
    before = (tmp_path / "20_oscillation" / "result.json").stat().st_mtime_ns
    process = started(tmp_path, "--quick", "--only", "20,21")
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0 and out.startswith("1 of 2 have run already with these settings")
    assert (tmp_path / "20_oscillation" / "result.json").stat().st_mtime_ns == before
    assert (tmp_path / "21_remedies" / "result.json").exists()


def test_a_demo_that_fails_does_not_stop_the_others(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train-images-idx3-ubyte").touch()
    process = started(
        tmp_path, "--quick", "--only", "1,20", "--data", "mnist", "--jobs", "1", MINIGEN_DATA=str(tmp_path / "data")
    )
    out, error = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "01_linear_pca" in out and "did not finish" in out
    page = (tmp_path / "pages" / "01_linear_pca.html").read_text(encoding="utf-8")
    assert "lacks train-labels-idx1-ubyte" in page and "The end of its log" in page
    assert not (tmp_path / "01_linear_pca" / "result.json").exists()
    assert (tmp_path / "20_oscillation" / "result.json").exists(), "demo 20 needs no data"


def test_a_failed_criterion_is_reported(tmp_path, monkeypatch, capsys):
    result = {
        "config": DEFAULT,
        "criteria": [{"name": "loss", "expected": "at most 1", "measured": 2.0, "pass": False}],
        "report": {},
        "seconds": 7.0,
    }
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "result.json").write_text(json.dumps(result))
    assert run_all.run_all(["--out", str(tmp_path), "--only", NAME]) == 1
    out = capsys.readouterr().out
    assert "1 of 1 have run already" in out and re.search(rf"{NAME} +✗ 1 of 1 FAIL +7.0 s", out)


@pytest.mark.skipif(os.name != "posix", reason="an interrupt is sent otherwise")
@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_demo_and_leaves_the_page(number, status, tmp_path):
    process = started(tmp_path, "--only", "12", "--jobs", "1")
    log = tmp_path / "12_variational" / "log.txt"
    deadline = time.monotonic() + 120
    while not (log.exists() and log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(number)
    out, error = process.communicate(timeout=60)
    assert process.returncode == status, out + error
    assert "Stopped." in error and f"minigen demo all --out {tmp_path} --only 12 --jobs 1" in error
    assert not log.exists() and "not run yet" in (tmp_path / "index.html").read_text(encoding="utf-8")
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert str(tmp_path / "12_variational") not in running, "the demo runs on"


def test_a_demo_that_is_not_in_the_table_takes_some_time():
    assert Clock(False).seconds("99_mine") > 0
