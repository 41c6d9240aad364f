"""Every workload computes the same with all libraries, or its ratio means nothing. Time is never tested."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minigen import compiled
from minigen.compiled.compiler import compiler_missing
from tests.benchmarks import convolution, machine, memory, scaling, timing
from tests.benchmarks.__main__ import beside_dezero
from tests.benchmarks.measure import build, check_agreement, measure
from tests.benchmarks.tasks import as_numpy, first_steps
from tests.benchmarks.worker import Worker, WorkerFailed, workers
from tests.benchmarks.workload import LIBRARIES, Side, Workload, discover, missing, nothing, select

ROOT = Path(__file__).parents[2]
WORKLOADS = {workload.name: workload for workload in discover()}
FIRST = {workload.module_name: workload for workload in reversed(WORKLOADS.values())}  # the first case of each module
COMPARED = {workload.name: workload for workload in WORKLOADS.values() if workload.calls > 1 or workload in FIRST.values()}
CONVOLUTIONS = {workload.name: workload for workload in convolution.workloads()}
needs_loops = pytest.mark.skipif(compiler_missing() is not None, reason="the compiler of the loops is not installed")


def fake(step, prepare=nothing) -> Side:
    return Side(step, prepare, nothing)


# -- the workloads ----------------------------------------------------------------------------------------


def test_every_file_is_discovered():
    files = {path.stem for path in (Path(__file__).parent / "workloads").glob("*.py")} - {"__init__"}
    assert {workload.module_name.rsplit(".", 1)[1] for workload in discover()} == files


def test_names_are_unique():
    names = [workload.name for workload in discover()]
    assert len(set(names)) == len(names), f"two workloads share a name: {names}"


@pytest.mark.parametrize("name", COMPARED)
def test_a_step_runs_on_every_backend(name, backend):
    side = WORKLOADS[name].side("minigen")
    assert np.isfinite(as_numpy(side.step(side.prepare()))).all()


@needs_loops
@pytest.mark.parametrize("name", [name for name in COMPARED if not name.startswith("op-")])
def test_the_loops_compute_the_same(name):
    with compiled.using(False):
        expected = first_steps(WORKLOADS[name].side("minigen"))
    with compiled.using(True):
        check_agreement(name, {"minigen": expected, "loops": first_steps(WORKLOADS[name].side("loops"))})


@pytest.mark.parametrize(
    "name, library",
    [
        (name, library)
        for name, workload in (COMPARED | CONVOLUTIONS).items()
        for library in ("pytorch", "jax", "keras", "dezero", "numpy")
        if workload.variants(library)
    ],
)
def test_other_libraries_compute_the_same(name, library):
    if why := missing([library], "cpu").get(library):
        pytest.skip(why)
    workload = (COMPARED | CONVOLUTIONS)[name]
    expected = first_steps(workload.side("minigen"))
    for variant in workload.variants(library):
        check_agreement(name, {"minigen": expected, library: first_steps(workload.side(library, "cpu", variant))})


def test_dense_steps_are_there_in_jax_and_compiled_by_torch():
    dense = [workload for workload in WORKLOADS.values() if workload.group == "dense"]
    assert len(dense) == 6 and all(workload.variants("jax") and workload.variants("torch.compile") for workload in dense)
    assert not WORKLOADS["wgan-gp-32"].variants("torch.compile"), "it cannot differentiate twice"


def test_steps_are_there_in_keras_and_dezero_but_for_networks_that_grow():
    steps = [workload for workload in WORKLOADS.values() if workload.group]
    for library in ("keras", "dezero"):
        without = {workload.name.partition("-")[0] for workload in steps if not workload.variants(library)}
        assert without == {"progan", "stylegan"}


def test_what_is_compared_with_numpy_has_bare_calls():
    for workload in discover():
        if workload.goal.measure == "over NumPy":
            assert workload.variants("numpy"), f"{workload.name} has no with_numpy"


# -- the tools --------------------------------------------------------------------------------------------


def test_a_disagreement_is_named():
    results = {"minigen": [np.float32(1.0)] * 2, "pytorch": [np.float32(1.0), np.float32(1.001)]}
    with pytest.raises(AssertionError, match="stacked: pytorch computes something else than minigen in step 2"):
        check_agreement("stacked", results)


def test_a_result_that_is_not_finite_is_named():
    with pytest.raises(AssertionError, match="stacked: minigen computes nan"):
        check_agreement("stacked", {"minigen": [np.float32("nan")]})


def test_words_select_workloads():
    assert [workload.name for workload in select(["stacked-32"])] == ["stacked-32"]
    assert [workload.name for workload in select(["stacked"])] == ["stacked-32", "stacked-256"]
    assert len(select([])) == len(WORKLOADS)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(SystemExit, match="no workload 'stakced-256': did you mean stacked-256?"):
        select(["stakced-256"])


class FakeWorker:
    """A process that notes its turns."""

    def __init__(self, name: str, turns: list[str]):
        self.name, self.turns, self.arguments = name, turns, []

    def call(self, task: str, *arguments: Any) -> float:
        self.turns.append(f"{self.name} {task}")
        self.arguments.append(arguments)
        return len(self.turns)


def test_workers_take_turns():
    turns = []
    shares = []
    a, b = timing.in_turns([FakeWorker("A", turns), FakeWorker("B", turns)], seconds=0.0, progress=shares.append)
    assert turns == ["A calibrate", "B calibrate", *["A time", "B time"] * timing.FEWEST_ROUNDS]
    assert a == [3, 5, 7, 9, 11] and b == [4, 6, 8, 10, 12] and shares[-1] == 1.0


@pytest.mark.parametrize("seconds, block", [(0.0, 0.0), (0.1, 0.01), (60.0, timing.BLOCK)])
def test_the_fewest_rounds_fit_into_the_time(seconds, block, monkeypatch):
    clock = itertools.count(step=10.0)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(clock))
    pair = [FakeWorker("A", []), FakeWorker("B", [])]
    timing.in_turns(pair, seconds)
    assert {arguments[-1] for worker in pair for arguments in worker.arguments} == {block}


def test_paired_figures_ignore_a_round_in_which_both_were_slow():
    assert timing.paired_ratio([1.0, 30.0, 3.0], [2.0, 60.0, 4.0]) == [0.5, 0.5, 0.625]
    assert timing.paired_difference([1.5, 31.5, 3.0], [1.0, 31.0, 1.0]) == 0.5


def test_avx2_limits_every_library():
    variables = machine.environment(1, "avx2")
    assert variables["OPENBLAS_NUM_THREADS"] == "1" and machine.AVX2.items() <= variables.items()
    asked = "from tests.benchmarks.machine import numpy_beyond_avx2; print(numpy_beyond_avx2())"
    told = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, env=os.environ | variables, capture_output=True, text=True)
    assert told.stdout.strip() == "[]", told.stderr
    assert "NPY_DISABLE_CPU_FEATURES" not in machine.environment(1, "native")


def test_what_fails_in_a_process_is_raised_here():
    with workers(["minigen"], threads=1) as (worker,):
        with pytest.raises(WorkerFailed, match="with_missing") as caught:
            worker.call("build", WORKLOADS["stacked-32"], {"with_missing": 1})
        assert caught.value.last_line.startswith("TypeError: ")
        assert np.isfinite(worker.call("build", WORKLOADS["stacked-32"], {})).all(), "it lives on"
        worker.ask("build", WORKLOADS["stacked-32"], {})
        with pytest.raises(WorkerFailed, match="minigen did not end in 0 s"):
            worker.answer(0.0)
        assert len(worker.answer()) == 2, "it has gone on"
        assert worker.call("peak_bytes") in (None, pytest.approx(4e6, rel=0.9))
    assert worker.process.exitcode == 0


def test_who_takes_too_long_to_build_is_named_and_left_out(monkeypatch, capsys):
    class Slow(FakeWorker):
        library = "torch.compile"
        connection = SimpleNamespace(poll=lambda seconds: False)
        ask = FakeWorker.call
        answer = Worker.answer

    results, failures = build(WORKLOADS["stacked-32"], [Slow("", [])], [{}])
    assert results == [None] and "torch.compile still builds stacked-32" in capsys.readouterr().err
    assert failures == {"torch.compile": "torch.compile is left out of stacked-32: torch.compile did not end in 900 s"}


def test_the_largest_share_of_the_time_of_dezero_is_named():
    shares = {"stacked-32": [0.3, 0.4, 0.5], "vae-32": [0.1, 0.2, 0.3]}
    results = [{"name": name, "sides": {"loops": {"to DeZero": share}}} for name, share in shares.items()]
    assert beside_dezero(results) == ["minigen, loops / DeZero (2 steps): 0.20 to 0.40, in stacked-32 (goal: at most 0.5)"]
    assert beside_dezero([{"name": "vae-32", "sides": {"loops": {}}}]) == []


def test_a_library_that_fails_is_left_out_and_named(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "none_such")
    workload = Workload("stacked-2", "tests.benchmarks.workloads.stacked_autoencoder", {"batch_size": 2})
    result = measure(workload, ["minigen", "keras"], 0.0, threads=1)
    assert set(result["sides"]) == {"minigen"} and "left out of stacked-2" in result["left out"]["keras"]


def test_curves_begin_small_and_reach_what_the_page_promises():
    for curve, (_, grows, values, _) in scaling.CURVES.items():
        assert (values[0], values[-1]) == ((1, 1024) if grows == "batch_size" else (8, 128))
        assert np.isfinite(first_steps(scaling.workload(curve, values[0]).side("minigen"))).all()


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


# -- the command ------------------------------------------------------------------------------------------


def command(*arguments: str, module: str = "", **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{module}".rstrip("."), *arguments],
        cwd=ROOT,
        text=True,
        capture_output=True,
        env={**os.environ, **environment},
    )


def test_the_list_names_every_workload():
    done = command("--list")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(WORKLOADS)


@pytest.mark.parametrize(
    "arguments, said", [(("--threads", "0"), "choose from 1"), (("dcgan", "--libraries", "dezero"), "nothing to measure")]
)
def test_what_cannot_be_measured_is_said(arguments, said):
    done = command(*arguments)
    assert done.returncode != 0 and said in done.stderr and "Traceback" not in done.stderr


def test_a_run_prints_a_table_and_a_profile_and_writes_json(tmp_path):
    path = tmp_path / "new folder" / "figures.json"
    libraries = ("minigen", "numpy")
    done = command("op-tanh-forward", "--seconds", "0", "--profile", "--libraries", *libraries, "--json", str(path))
    assert done.returncode == 0, done.stderr
    assert "op-tanh-forward  us" in done.stdout
    assert "op-tanh-forward:\n" in done.stdout and "tanh" in done.stdout.split("op-tanh-forward:\n")[1]
    figures = json.loads(path.read_text())
    (result,) = figures["steps"]
    assert result["name"] == "op-tanh-forward" and set(result["sides"]) == set(libraries) and result["rounds"] >= 5
    assert result["sides"]["minigen"]["seconds"] > 0 and result["sides"]["minigen"]["over NumPy"] > -1e-6
    assert figures["machine"]["command"].startswith("python -m tests.benchmarks op-tanh-forward --seconds 0")
    assert {"instruction set", "threads", "cpu", "numpy"} <= figures["machine"].keys()


def test_what_is_not_installed_is_named(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nfor name in ('torch', 'jax', 'keras', 'dezero'): sys.modules[name] = None\n"
    )
    path = tmp_path / "figures.json"
    done = command("op-tanh-forward", "--seconds", "0", "--json", str(path), PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    for library in ("pytorch", "torch.compile", "jax", "keras", "dezero"):
        assert f"{LIBRARIES[library].label} is left out: " in done.stdout
    (result,) = json.loads(path.read_text())["steps"]
    assert result["sides"]["minigen"]["seconds"] > 0 and "pytorch" not in result["sides"]


def test_a_convolution_is_timed_in_its_parts(tmp_path):
    path = tmp_path / "figures.json"
    done = command("7x7x32", "--seconds", "0", "--json", str(path), module="convolution")
    assert done.returncode == 0, done.stderr
    assert [result["name"].split()[1] for result in json.loads(path.read_text())["convolutions"]] == [
        "forward",
        "images",
        "kernel",
    ]
    assert "fastest" in done.stdout


def test_a_point_of_a_curve_stands_beside_what_the_machine_can_do(tmp_path):
    path = tmp_path / "figures.json"
    options = ("--most", "1", "--threads", "1", "--libraries", "minigen", "--seconds", "0", "--json", str(path))
    done = command("stacked", *options, module="scaling")
    assert done.returncode == 0, done.stderr
    figures = json.loads(path.read_text())
    assert figures["rates"]["1"]["flops"] > 1e9 and figures["rates"]["1"]["bytes"] > 1e8
    assert [point["name"] for point in figures["scaling"]] == ["stacked batch 1"]
