"""Turning the loops on and off; what happens where they cannot be compiled, kept or run in parallel."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from minigen import compiled, ops
from minigen.compiled import build, switch
from minigen.compiled.blas import openblas

USE = """
    import numpy as np
    from minigen import compiled, ops
    x = np.random.default_rng(0).standard_normal((32, 16, 16, 8), dtype=np.float32)
    w = np.random.default_rng(1).standard_normal((3, 3, 8, 16), dtype=np.float32)
    y = ops.conv2d(x, w)
    compiled.use(False)
    np.testing.assert_allclose(y, ops.conv2d(x, w), rtol=1e-5, atol=1e-4)
"""


def python(code, **environment):
    """Run code in a process of its own; returns what it wrote."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "MINIGEN_COMPILED": "1", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done


has_compiler = pytest.mark.skipif(
    switch.compiler_missing() is not None, reason="the compiled loops need a compiler: pip install -e '.[fast]'"
)


# -- the switch ----------------------------------------------------------------------------------------------------------


def test_the_environment_turns_them_off():
    assert (
        "off (MINIGEN_COMPILED=0)"
        in python("from minigen import compiled; print(compiled.status())", MINIGEN_COMPILED="0").stdout
    )


def test_an_unknown_value_is_said_and_turns_them_off():
    done = python("from minigen import compiled; print(compiled.status())", MINIGEN_COMPILED="yes")
    assert done.stdout == "off (MINIGEN_COMPILED=yes is neither 0 nor 1)\n"
    assert done.stderr == "minigen: MINIGEN_COMPILED=yes is neither 0 nor 1; the compiled loops are not used\n"


def test_without_a_compiler_they_are_off_and_say_what_to_install():
    done = python(
        """
        import sys
        sys.modules["ziglang"] = None
        import importlib.util
        found = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *more: None if name == "ziglang" else found(name, *more)
        from minigen import compiled
        print(compiled.status())
        compiled.use(False)
        try:
            compiled.use(True)
        except RuntimeError as error:
            print(error)
        """
    )
    reason = "the compiler is not installed: pip install ziglang"
    assert done.stdout == f"off ({reason})\nthere are no compiled loops: {reason}\n"


@has_compiler
def test_a_compiler_that_fails_is_said_once_and_numpy_goes_on(tmp_path):
    code = "from minigen.compiled import build; build.CPU = 'no-such-cpu'\n" + textwrap.dedent(USE).replace(
        "compiled.use(False)", "ops.conv2d(x, w); print(compiled.status()); compiled.use(False)"
    )
    done = python(code, XDG_CACHE_HOME=str(tmp_path))
    assert done.stdout.startswith("off (the compiler failed: ")
    assert done.stderr.count("minigen goes on without its compiled loops: the compiler failed") == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@has_compiler
def test_a_cache_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "minigen").write_text("a file where a folder is needed")
    python(USE, XDG_CACHE_HOME=str(tmp_path))


@has_compiler
def test_without_a_home_there_is_no_cache_and_nothing_stops():
    no_home = """
    import pathlib
    def no_home(): raise RuntimeError("Could not determine home directory.")
    pathlib.Path.home = staticmethod(no_home)
    """
    python(textwrap.dedent(no_home) + textwrap.dedent(USE), XDG_CACHE_HOME="")


@has_compiler
def test_a_damaged_library_in_the_cache_is_not_used(tmp_path):
    folder = tmp_path / "minigen" / "compiled"
    folder.mkdir(parents=True)
    (folder / f"{build.fingerprint()}.so").write_bytes(b"damaged")
    python(USE, XDG_CACHE_HOME=str(tmp_path))


@has_compiler
def test_two_processes_that_compile_at_once_do_not_disturb_each_other(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(USE)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "XDG_CACHE_HOME": str(tmp_path),
        "MINIGEN_COMPILED": "1",
    }
    processes = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    assert [path.name for path in (tmp_path / "minigen" / "compiled").iterdir()] == [f"{build.fingerprint()}.so"]


@has_compiler
def test_the_library_depends_on_the_loops_the_flags_and_the_cpu(monkeypatch, tmp_path):
    names = {build.fingerprint()}
    monkeypatch.setattr(build, "CPU", "haswell")
    names.add(build.fingerprint())
    monkeypatch.setattr(build, "FLAGS", ("-O1",))
    names.add(build.fingerprint())
    for source in build.LOOPS.iterdir():
        (tmp_path / source.name).write_bytes(source.read_bytes() + b"\n")
    monkeypatch.setattr(build, "LOOPS", tmp_path)
    names.add(build.fingerprint())
    assert len(names) == 4


@has_compiler
@pytest.mark.skipif(openblas() is None, reason="NumPy has another BLAS")
def test_blas_takes_one_thread_while_the_loops_are_in_use():
    python(
        """
        from minigen import compiled
        from minigen.compiled.blas import openblas
        threads = openblas().scipy_openblas_get_num_threads64_
        before = threads()
        assert compiled.available() and threads() == 1
        with compiled.using(False):
            assert threads() == before
        assert threads() == 1
        """,
        OPENBLAS_NUM_THREADS="2",
    )


# -- threads and processes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "threads"), [("3", 3), ("2,1", 2), ("", None), ("many", None), ("0", None)])
def test_the_number_of_threads_is_that_of_openmp_else_the_cores(monkeypatch, said, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    monkeypatch.setattr(switch, "_threads", None)
    assert compiled.threads() == (threads or switch.cores())


def test_more_threads_than_cores_are_said_once(monkeypatch, capsys):
    monkeypatch.setattr(switch, "_threads", None)
    switch.warn_of_many.cache_clear()
    compiled.set_threads(switch.cores() + 1)
    compiled.set_threads(switch.cores() + 1)
    assert capsys.readouterr().err.count("more than cores wait for each other") == 1
    assert compiled.threads() == switch.cores() + 1
    compiled.set_threads(1)


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2"])
def test_what_is_not_a_number_of_threads_is_refused(count):
    with pytest.raises(ValueError, match="expected a number of threads, 1 or more"):
        compiled.set_threads(count)


@has_compiler
def test_two_threads_of_python_in_the_loops_at_once():
    python(
        USE
        + """
    import threading
    compiled.use(True)
    compiled.set_threads(2)
    expected, failed = ops.conv2d(x, w), []
    def work():
        for _ in range(200):
            if not np.array_equal(ops.conv2d(x, w), expected):
                failed.append(1)
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join(120)
    assert not failed and not any(thread.is_alive() for thread in threads)
        """
    )


@has_compiler
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_after_a_parallel_loop_and_a_loop_in_a_worker():
    python(
        USE
        + """
    import multiprocessing, warnings
    warnings.simplefilter("ignore")  # Python's own about fork and threads
    compiled.use(True)
    compiled.set_threads(2)
    expected = ops.conv2d(x, w)
    def work(i):
        return np.array_equal(ops.conv2d(x, w), expected)
    for _ in range(3):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert all(pool.map(work, range(20)))
        assert work(0)
        """
    )


@has_compiler
def test_off_and_on_again_within_a_block():
    x = np.random.default_rng(0).standard_normal(100_000, dtype=np.float32)
    with compiled.using(True):
        by_loops = ops.tanh(x)
        with compiled.using(False):
            by_numpy = ops.tanh(x)
        np.testing.assert_array_equal(ops.tanh(x), by_loops)
    assert (by_loops != by_numpy).any(), "rounded alike everywhere: the switch does nothing"
