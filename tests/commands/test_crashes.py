"""A process that dies before any change of the disk leaves nothing that stays in the way: resumed or repeated, the run ends as if
undisturbed."""

import csv
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from minigen.commands import main
from minigen.training import checkpoint

LINES = {
    "stacked": "train stacked --epochs 2 --images 32 --silent --out",
    "gan": "train gan --steps 3 --images 32 --silent --out",
    "linear": "train linear --epochs 2 --images 60 --silent --out",
}
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod"}
DEAD = 99


def dying(words, change):
    """Run a command in a child that dies before it changes the disk below the working folder for this time; how often it did."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            count = 0

            def before(event, arguments):
                nonlocal count
                writing = event in CHANGES or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR))
                if (
                    writing
                    and isinstance(arguments[0], (str, os.PathLike))
                    and Path(arguments[0]).absolute().is_relative_to(here)
                ):
                    count += 1
                    if count == change:
                        os._exit(DEAD)

            here = Path.cwd()
            sys.stdout = sys.stderr = open(os.devnull, "w")
            sys.addaudithook(before)
            main(words.split())
            os.write(writer, str(count).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        said = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert (status == DEAD) is (not said), f"the child ended with {status}"
    return int(said) if said else change


def contents(folder):
    """Everything in a run folder: of checkpoints and history all but the seconds that it took, of other files their bytes."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}
    found["history.csv"] = [*csv.DictReader(found["history.csv"].decode().splitlines())]
    checkpoints = {name: checkpoint.load(Path(folder, name)) for name in found if name.endswith(".npz")}
    for rows in (found["history.csv"], *(header["history"] for _, header in checkpoints.values())):
        for row in rows:
            del row["seconds"]
    return found | checkpoints


def check_same(folder, whole):
    """Everything in the folder is as in that of the undisturbed run."""
    files = contents(folder)
    assert sorted(files) == sorted(whole), "something is missing, or was left"
    np.testing.assert_equal(files, whole)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is of POSIX")
@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_killed_before_any_change_of_the_disk(line, minigen_line, monkeypatch):
    assert minigen_line(f"{line} whole")[0] == 0
    whole, changes = contents("whole"), dying(f"{line} counted", 0)
    assert changes > 20
    chosen = range(1, changes + 1) if "MINIGEN_ALL_CRASHES" in os.environ else np.linspace(1, changes, 8).astype(int)
    for change in chosen:
        run = f"run{change}"
        dying(f"{line} {run}", change)
        status, _, complaint = minigen_line(f"resume {run} --silent")
        if status and "train" in complaint and "has trained for all" not in complaint:  # there was nothing to go on from
            status, _, complaint = minigen_line(f"{line} {run}")
        assert status == 0 or "has trained for all" in complaint, f"killed before change {change}: {complaint}"
        check_same(run, whole)
        assert "has trained for all" in minigen_line(f"resume {run} --silent")[2]
