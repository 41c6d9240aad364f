"""Every workload computes the same with all libraries, or its ratio means nothing. Time is never tested."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import memory, timing
from tests.benchmarks.measure import as_numpy, check_agreement
from tests.benchmarks.workload import Side, discover, nothing, select

ROOT = Path(__file__).parents[2]
WORKLOADS = {workload.name: workload for workload in discover()}


def fake(step, prepare=nothing) -> Side:
    return Side(step, prepare, nothing)


# -- the workloads ----------------------------------------------------------------------------------------


def test_every_file_is_discovered():
    files = {path.stem for path in (Path(__file__).parent / "workloads").glob("*.py")} - {"__init__"}
    assert {workload.module.__name__.rsplit(".", 1)[1] for workload in discover()} == files


def test_names_are_unique():
    names = [workload.name for workload in discover()]
    assert len(set(names)) == len(names), f"two workloads share a name: {names}"


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_step_runs_on_every_backend(name, backend):
    side = WORKLOADS[name].minigen()
    assert np.isfinite(as_numpy(side.step(side.prepare()))).all()


@pytest.mark.parametrize("name", WORKLOADS)
def test_pytorch_computes_the_same(name):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    workload = WORKLOADS[name]
    for variant in workload.variants:
        ours, theirs = workload.minigen(), workload.pytorch("cpu", variant)
        check_agreement(f"{name}, first step", {"minigen": ours, "pytorch": theirs})
        check_agreement(f"{name}, after an update", {"minigen": ours, "pytorch": theirs})


@pytest.mark.parametrize("name", [name for name, workload in WORKLOADS.items() if workload.has_numpy])
def test_bare_numpy_computes_the_same(name):
    workload = WORKLOADS[name]
    check_agreement(name, {"minigen": workload.minigen(), "numpy": workload.numpy()})


def test_what_is_compared_with_numpy_has_bare_calls():
    for workload in discover():
        if workload.goal.measure == "over NumPy":
            assert workload.has_numpy, f"{workload.name} has no with_numpy"


# -- the tools --------------------------------------------------------------------------------------------


def test_a_disagreement_is_named():
    sides = {"minigen": fake(lambda _: np.float32(1.0)), "pytorch": fake(lambda _: np.float32(1.001))}
    with pytest.raises(AssertionError, match="stacked: pytorch computes something else"):
        check_agreement("stacked", sides)


def test_a_result_that_is_not_finite_is_named():
    with pytest.raises(AssertionError, match="stacked: minigen computes nan"):
        check_agreement("stacked", {"minigen": fake(lambda _: np.float32("nan"))})


def test_words_select_workloads():
    assert [workload.name for workload in select(["stacked-32"])] == ["stacked-32"]
    assert [workload.name for workload in select(["stacked"])] == ["stacked-32", "stacked-256"]
    assert len(select([])) == len(WORKLOADS)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(SystemExit, match="no workload 'stakced-256': did you mean stacked-256?"):
        select(["stakced-256"])


def test_sides_take_turns_and_get_what_was_prepared(monkeypatch):
    monkeypatch.setattr(timing, "BLOCK", 0.0)  # one step
    calls = []
    sides = [fake(lambda prepared, name=name: calls.append((name, prepared)), lambda name=name: f"for {name}") for name in "AB"]
    a, b = timing.alternate(sides, seconds=0.0)
    assert len(a) == len(b) == timing.FEWEST_ROUNDS
    assert set(calls) == {("A", "for A"), ("B", "for B")}
    turns = [name for i, (name, _) in enumerate(calls) if i == 0 or calls[i - 1][0] != name]
    assert turns == ["A", "B"] * (1 + timing.FEWEST_ROUNDS), "one turn each to warm up, then one each a round"


def test_paired_figures_ignore_a_round_in_which_both_were_slow():
    assert timing.paired_ratio([1.0, 30.0, 3.0], [2.0, 60.0, 4.0]) == 0.5
    assert timing.paired_difference([1.5, 31.5, 3.0], [1.0, 31.0, 1.0]) == 0.5


def test_what_is_prepared_is_not_timed(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])

    def pass_time(seconds):
        clock[0] += seconds

    side = fake(lambda _: pass_time(1.0), lambda: pass_time(100.0))
    assert timing.seconds_per_step(side, 3) == 1.0


@pytest.mark.skipif(not memory.reset_peak(), reason="only Linux has a peak that can be reset")
def test_the_peak_holds_what_was_freed_and_starts_again_when_reset():
    size = 64 * 2**20  # always fresh from the system, however much freed memory the process has kept
    assert memory.reset_peak()
    before = memory.resident("VmHWM")
    np.ones(size, dtype=np.uint8)
    assert memory.resident("VmHWM") - before > 0.9 * size, "memory that was freed again must show in the peak"
    assert memory.reset_peak()
    assert memory.resident("VmHWM") - before < 0.5 * size, "a reset must forget the old peak"


def test_the_memory_of_a_step_is_at_least_that_of_parameters_and_gradients():
    if not memory.reset_peak():
        pytest.skip("only Linux has a peak that can be reset")
    assert memory.peak_memory("stacked-32", "minigen", {}) > 2 * 4 * 163_814


# -- the command ------------------------------------------------------------------------------------------


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *arguments],
        cwd=ROOT,
        text=True,
        capture_output=True,
        env={**os.environ, **environment},
    )


def test_the_list_names_every_workload():
    done = command("--list")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(WORKLOADS)


def test_a_run_prints_a_table_and_a_profile_and_writes_json(tmp_path):
    path = tmp_path / "new folder" / "figures.json"
    done = command("op-tanh-forward", "--seconds", "0", "--profile", "--json", str(path))
    assert done.returncode == 0, done.stderr
    assert "op-tanh-forward  us" in done.stdout
    assert "op-tanh-forward, 20 steps:" in done.stdout and "tanh" in done.stdout.split("20 steps:")[1]
    (result,) = json.loads(path.read_text())["workloads"]
    assert result["name"] == "op-tanh-forward" and result["minigen"]["seconds"] > 0
    assert result["goal"]["reached"] == (result["over NumPy"] <= 2e-6)


def test_without_pytorch_the_figures_come_with_a_hint(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['torch'] = None\n")
    path = tmp_path / "figures.json"
    done = command("op-tanh-forward", "--seconds", "0", "--json", str(path), PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "pip install -e '.[torch]'" in done.stdout
    (result,) = json.loads(path.read_text())["workloads"]
    assert result["minigen"]["seconds"] > 0 and "pytorch" not in result
