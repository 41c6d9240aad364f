"""Check a file in a process of its own, which may crash or never end, and gather the report."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from minigen.coursework.exercises import COUNT, exercise
from minigen.coursework.learner import LIBRARY, exercise_of, theirs
from minigen.coursework.report import THE_END, Item, Line, Report

# Without the current folder on the path, where a learner's file may be called random.py.
START = "import sys; del sys.path[0]; from minigen.coursework.child import main; main(*sys.argv[1:])"
SECONDS = 60.0  # a check may take, unless its exercise allows more
GRACE = 5.0     # seconds after which a process that should have ended itself is killed


def check_file(path: Path, seconds: float | None = None, number: int | None = None) -> Report:
    """The report on one file. `seconds`: the time limit, by default 60 or what its exercise allows. `number`: of the exercise, by
    default what the file says."""
    shown = str(path)
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        return Report(shown, stopped=f"{shown} {kind}: give a Python file, such as `minigen check my_op.py`")
    if path.suffix != ".py":
        return Report(shown, stopped=f"{shown} is no Python file: its name should end in .py")
    path = path.resolve()
    report = Report(shown, exercise_of(path) if number is None else number)
    limit = default_limit(report.exercise) if seconds is None else seconds
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events"
        events.touch()
        status, errors = run_child(path, events, limit, report.exercise)
        running = gather(report, events)
        if not report.stopped and running != THE_END:
            trace = Path(f"{events}.trace")
            trace_text = trace.read_text(errors="replace") if trace.exists() else ""
            report.stopped = unfinished(path, status, running, trace_text, errors, limit)
    report.seconds = time.perf_counter() - start
    return report


def default_limit(number: int | None) -> float:
    """Seconds for a file of this exercise, or of none."""
    return exercise(number).seconds if number in range(1, COUNT + 1) else SECONDS


def run_child(path: Path, events: Path, limit: float, number: int | None) -> tuple[int | None, str]:
    """Run the child to its end; its exit status (None: killed) and what it wrote to standard error."""
    environment = {name: value for name, value in os.environ.items() if name != "MINIGEN_BACKEND"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(LIBRARY.parent), environment.get("PYTHONPATH")]))
    command = [sys.executable, "-c", START, str(path), str(events), str(limit)]
    command += [] if number is None else [str(number)]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, env=environment)
        try:
            status = process.wait(limit + GRACE)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        errors.seek(0)
        return status, errors.read(5000).decode(errors="replace")


def gather(report: Report, events: Path) -> str:
    """Fill the report from the file of events; returns what was running when they end, THE_END if nothing was."""
    running = "starting"
    for text in events.read_text(encoding="utf-8").splitlines():
        if not text.endswith("}"):  # a last one, cut off by a kill
            break
        event = json.loads(text)
        running = event.get("running", running)
        if "item" in event:
            report.items.append(Item(**event["item"]))
        elif "line" in event:
            report.items[-1].lines.append(Line(**event["line"]))
        elif "remark" in event:
            report.remarks.append(event["remark"])
        elif "stopped" in event:
            report.stopped = event["stopped"]
        report.printed += event.get("printed", "")
    return running


def unfinished(path: Path, status: int | None, running: str, trace: str, errors: str, limit: float) -> str:
    """Why there is no end to the events: time was over, or the process died."""
    at = re.findall(r'File "(.+)", line (\d+) in (\S+)', trace)
    own = [(line, function) for file, line, function in at if theirs(file, path)]
    where = f", in line {own[0][0]} ({own[0][1]})" if own else ""
    if status is None or "Timeout" in trace:
        return (f"time was over after {limit:g} s, while {running}{where}: an endless loop, or too much work? "
                "(--timeout SECONDS allows more)")
    if "Fatal Python error" in trace:
        return f"Python itself crashed while {running}{where}: {trace.splitlines()[0]}"
    how = f"was killed (signal {-status}; by signal 9, perhaps for too much memory)" if status < 0 else (
        f"ended by itself (exit status {status})")
    return f"the process {how} while {running}{where}\n{errors}".rstrip()
