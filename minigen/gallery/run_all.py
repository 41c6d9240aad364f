"""`minigen demo all`: every demo in a process of its own, one per core at a time, and a page of what is there so far.

A demo that has run with the same settings and the same source is not run again, so that a stopped run continues where it was.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import minigen
from minigen.backend.devices import NAMES as BACKENDS
from minigen.backend.devices import THREAD_VARIABLES
from minigen.gallery import site
from minigen.gallery.registry import DATA, find, names
from minigen.gallery.runs import DemoRun, duration, read
from minigen.gallery.statement import checksum
from minigen.utils.arguments import Parser, add_name, add_output, nonnegative_int, positive_int
from minigen.utils.files import locked, owned
from minigen.utils.progress import bar
from minigen.utils.signals import INTERRUPTED, Request, Stopped, ending, handled

# Seconds with the defaults: from 18 on measured on two cores (20 and 33 are guesses), before it estimated on one from the first
# epochs. The clock corrects them by a common factor.
SECONDS = {
    "01": 30, "02": 20, "03": 55, "04": 50, "05": 60, "06": 120, "07": 150, "08": 260, "09": 150, "10": 120, "11": 50, "12": 110,
    "13": 90, "14": 240, "15": 90, "16": 60, "17": 60, "18": 255, "19": 80, "20": 30, "21": 3600, "22": 270, "23": 590, "24": 210,
    "25": 430, "26": 730, "27": 840, "28": 390, "29": 410, "30": 390, "31": 460, "32": 470, "33": 800, "34": 30,
}  # fmt: skip
QUICK = 8  # seconds of a quick run, of any demo
UNKNOWN = 200  # of a demo that is not in the table
AFTER = {"34": "33"}  # 34 uses what 33 trains and keeps: in parallel, both would train it


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The options of `minigen demo all`."""
    parser = Parser("minigen demo all", __doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds each, to see that they run; criteria are not checked")
    add_output(parser, Path("out"), "folder of the page and the demos' folders")
    parser.add_argument("--only", type=chosen, default=names(), metavar="DEMOS", help="for example 01,02,18-20,stylegan")
    add_name(parser, "data", DATA, "data set of all of them; by default each its own, which needs no download")
    parser.add_argument("--seed", type=nonnegative_int, metavar="N", help="seed of all of them (default: 0)")
    add_name(parser, "backend", BACKENDS, "array library")
    parser.add_argument(
        "--jobs", type=positive_int, metavar="N", help="how many run at a time (default: one per core, one on a GPU)"
    )
    parser.add_argument("--again", action="store_true", help="rerun what has run with these settings; after a change in minigen/")
    return parser.parse_args(words)


def chosen(words: str) -> list[str]:
    """The demos that a list such as "01,18-20,stylegan" means, in reading order."""
    found = set()
    for word in filter(None, words.split(",")):
        if span := re.fullmatch(r"(\d+)-(\d+)", word):
            first, last = (find(number) for number in span.groups())
            found |= {name for name in names() if first <= name <= last}
        else:
            found.add(find(word))
    if not found:
        raise argparse.ArgumentTypeError(f"no demo in {words!r}")
    return sorted(found)


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """The options that every demo is given."""
    options = {"quick": args.quick or None, "data": args.data, "seed": args.seed, "backend": args.backend}
    return {option: value for option, value in options.items() if value is not None}


def is_done(name: str, result: Mapping[str, Any] | None, settings: Mapping[str, Any]) -> bool:
    """Whether a result.json was written by the demo as it is now, with these settings and no others."""
    config = (result or {}).get("config", {})
    asked = all(config.get(option) == value for option, value in settings.items())
    return asked and config.get("given", {"unknown": None}).keys() <= settings.keys() and config.get("source") == checksum(name)


class Clock:
    """An estimate of the remaining time: the known seconds, at the pace of the finished demos."""

    def __init__(self, quick: bool):
        self.quick = quick
        self.expected, self.taken = 20.0, 20.0  # an initial pace of 1, which a few demos soon outweigh

    def seconds(self, name: str) -> float:
        """The known seconds of a demo."""
        return QUICK if self.quick else SECONDS.get(name[:2], UNKNOWN)

    def finished(self, name: str, seconds: float) -> None:
        """Record the time of a finished demo."""
        self.expected, self.taken = self.expected + self.seconds(name), self.taken + seconds

    def left(self, waiting: Sequence[str], running: Mapping[str, float], jobs: int) -> float:
        """Seconds until the last has finished; running: demos with their elapsed seconds."""
        pace = self.taken / self.expected
        rest = [max(pace * self.seconds(name) - ran, ran / 10) for name, ran in running.items()]  # late: expect some more
        rest += [pace * self.seconds(name) for name in waiting]
        return max(sum(rest) / jobs, max(rest, default=0.0))


class Process:
    """A running demo: its process, with its output in log.txt."""

    def __init__(self, name: str, settings: Mapping[str, Any], out: Path, threads: int):
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):  # or an error: it is running there already
            (folder / "result.json").unlink(missing_ok=True)  # results from now on are of this run
            for picture in folder.glob("*.png"):
                picture.unlink()
        words = [word for option, value in settings.items() for word in (f"--{option}", str(value)) if word != "True"]
        paths = os.pathsep.join(filter(None, [str(Path(minigen.__file__).parents[1]), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "PYTHONPATH": paths}
        if not any(variable in os.environ for variable in THREAD_VARIABLES):
            environment |= dict.fromkeys(THREAD_VARIABLES, str(threads))
        self.log: TextIO = open(folder / "log.txt", "w", encoding="utf-8")
        self.start = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "minigen", "demo", name, *words, "--out", str(folder)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )

    def seconds(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.start

    def stop(self) -> None:
        """End it if it is still running: by an interrupt, so that it ends its own processes too, or by force after ten
        seconds."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self.log.close()


def run_all(words: Sequence[str]) -> int:
    """Run the chosen demos and write the page: 0, or 1 if a criterion failed or a demo did not finish, 130 after Ctrl-C, 143
    after SIGTERM. BusyError if the folder is in use."""
    args = parsed(words)
    settings, out = settings_of(args), args.out.resolve()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with owned(args.out):
        waiting = [name for name in args.only if args.again or not is_done(name, read(name, out / name).result, settings)]
        if kept := len(args.only) - len(waiting):
            print(f"{kept} of {len(args.only)} have run already with these settings (--again runs them anyway)")
        jobs = args.jobs or (1 if args.backend == "cupy" else min(cores, 8))
        try:  # as many threads for the last demo as for the first: results depend on it
            play(waiting, settings, out, jobs, threads=max(1, cores // jobs))
        except (KeyboardInterrupt, Stopped) as stop:
            page = site.write(out)
            print(
                f"\nStopped. Finished demos are on {page}. The same command continues where it stopped:\n"
                f"  {' '.join(['minigen demo all', *words])}".replace(" --again", ""),
                file=sys.stderr,
            )
            return stop.code if isinstance(stop, Stopped) else INTERRUPTED
        page = site.write(out)
        return summary([read(name, out / name) for name in args.only], page)


def play(waiting: list[str], settings: Mapping[str, Any], out: Path, jobs: int, threads: int) -> None:
    """Run the demos in this order, `jobs` at a time, and write the page whenever one has finished.

    Raises KeyboardInterrupt after Ctrl-C, Stopped after SIGTERM, both when the demos are next polled.
    """
    waiting, running, clock = list(waiting), {}, Clock(settings.get("quick", False))
    site.write(out)
    request = Request()
    shown = bar(
        show=bool(waiting),
        total=len(waiting),
        bar_format="{n_fmt}/{total_fmt} |{bar:20}| {elapsed}{postfix}",
        mininterval=1,
        miniters=0,
    )
    with handled(request):
        try:
            while waiting or running:
                if request.number:
                    raise ending(request.number)
                while len(running) < jobs and (name := first_ready(waiting, running)):
                    waiting.remove(name)
                    running[name] = Process(name, settings, out, threads)
                time.sleep(0.1)
                for name in [name for name, demo in running.items() if demo.process.poll() is not None]:
                    demo = running.pop(name)
                    demo.stop()
                    clock.finished(name, demo.seconds())
                    shown.write(line(read(name, out / name)))
                    site.write(out)
                    shown.update()
                left = clock.left(waiting, {name: demo.seconds() for name, demo in running.items()}, jobs)
                text = f"about {duration(left)} left; running {', '.join(running)}" if running else ""
                shown.set_postfix_str(text, refresh=False)
                shown.update(0)  # shows it, at most once a second
        finally:
            for name, demo in running.items():
                demo.stop()
                (out / name / "log.txt").unlink()  # stopped, not failed
            shown.close()


def first_ready(waiting: Sequence[str], running: Iterable[str]) -> str | None:
    """The next demo to start that need not wait for a running one, if any."""
    numbers = {name[:2] for name in running}
    return next((name for name in waiting if AFTER.get(name[:2]) not in numbers), None)


def line(run: DemoRun) -> str:
    """One line about a finished demo."""
    took = duration(run.result["seconds"]) if run.result else f"see {run.name}/log.txt"
    return f"{run.name:24} {run.status[1]:24} {took}"


def summary(runs: Sequence[DemoRun], page: Path) -> int:
    """Print what failed and where the page is; returns the exit status."""
    failed = [run for run in runs if run.status[0] == "bad"]
    if failed:
        print("failed:", *(f"  {line(run)}" for run in failed), sep="\n")
    print(f"{len(runs) - len(failed)} of {len(runs)} demos passed; all pictures and criteria: {page}")
    return 1 if failed else 0
