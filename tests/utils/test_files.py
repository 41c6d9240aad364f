"""Files written atomically, what killed writers leave, and folders that only one process may use."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from minigen.errors import BusyError
from minigen.utils.files import LOCK, is_temporary, locked, replacing, sweep

ROOT = Path(__file__).parents[1]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# -- replacing -----------------------------------------------------------------------------------------------------


def test_a_file_appears_whole(tmp_path):
    with replacing(tmp_path / "new" / "a.txt") as temporary:
        temporary.write_text("half")
        assert names(tmp_path / "new") == [temporary.name] and is_temporary(temporary)
        temporary.write_text("whole")
    assert names(tmp_path / "new") == ["a.txt"] and (tmp_path / "new" / "a.txt").read_text() == "whole"


def test_what_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_text("new")
        1 / 0  # noqa: B018
    assert names(tmp_path) == ["a.txt"] and path.read_text() == "old"


def test_what_a_killed_writer_left_goes_and_what_a_living_one_writes_stays(tmp_path):
    left = [tmp_path / name for name in (".a[1].txt.1.tmp", f".a[1].txt.{os.getpid()}.tmp")]
    others = [tmp_path / name for name in (".a1.txt.1.tmp", ".b.txt.1.tmp", ".a[1].txt.x.tmp", "a[1].txt.1.tmp")]
    for path in (*left, *others):
        path.touch()
    with replacing(tmp_path / "a[1].txt") as first, replacing(tmp_path / "a[1].txt") as second:
        assert first != second and first.exists() and not left[0].exists()
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "a[1].txt").read_text() == "first", "the block that ends last"
    assert names(tmp_path) == sorted([path.name for path in others] + ["a[1].txt"])
    with replacing(tmp_path / "c") as temporary:
        sweep(tmp_path)
        assert temporary.exists()
        temporary.write_text("c")
    assert names(tmp_path) == sorted([path.name for path in others[2:]] + ["a[1].txt", "c"])


def test_another_process_sees_that_it_is_being_written(tmp_path):
    code = f"from pathlib import Path; from minigen.utils.files import sweep; sweep(Path({str(tmp_path)!r}))"
    with replacing(tmp_path / "a") as temporary:
        temporary.write_text("a")
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    assert names(tmp_path) == ["a"]


def test_a_folder_is_refused_before_the_work_and_a_device_is_written_to(tmp_path):
    with pytest.raises(IsADirectoryError), replacing(tmp_path):
        raise AssertionError("the work began")
    with replacing(Path(os.devnull)) as path:
        assert path == Path(os.devnull)
        path.write_text("nothing")
    assert not Path(os.devnull).is_file()


# -- locked --------------------------------------------------------------------------------------------------------


def test_a_folder_belongs_to_one_process(tmp_path):
    with locked(tmp_path / "new"):
        with pytest.raises(
            BusyError, match=f"new is in use by process {os.getpid()} on .*: wait for it, or choose another folder"
        ):
            with locked(tmp_path / "new"):
                pass
        assert names(tmp_path / "new") == [LOCK], "who is refused takes nothing away"
    assert names(tmp_path) == [], "a new folder in which nothing was put goes"
    with locked(tmp_path):
        (tmp_path / "a").touch()
    assert names(tmp_path) == ["a"]


@pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")
@pytest.mark.parametrize(
    "make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere/x")], ids=["a folder", "a pipe", "a link to nowhere"]
)
def test_what_is_not_a_file_is_not_a_lock(tmp_path, make):
    make(tmp_path / LOCK)
    with pytest.raises(BusyError, match="lock is not a regular file, so nothing can lock .*: remove it, or take another"):
        with locked(tmp_path):
            pass
    assert names(tmp_path) == [LOCK]


def test_a_lock_file_that_a_killed_process_left_locks_nothing(tmp_path):
    (tmp_path / LOCK).write_bytes(b"\xff" * 1000)
    with locked(tmp_path):
        pass
    assert names(tmp_path) == []


def test_a_folder_that_is_deleted_or_moved_is_missed(tmp_path):
    with locked(tmp_path / "a") as hold:
        hold.check()
        (tmp_path / "a").rename(tmp_path / "b")
        with pytest.raises(FileNotFoundError, match="a was deleted or moved while it was in use"):
            hold.check()
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / LOCK).touch()
        with pytest.raises(FileNotFoundError, match="deleted or moved"):
            hold.check()
    assert names(tmp_path / "a") == [LOCK], "that of another"


def test_many_at_once_are_let_in_one_by_one(tmp_path):
    inside, most, refused = [], [], []

    def enter():
        for _ in range(30):
            try:
                with locked(tmp_path / "new"):
                    inside.append(None)
                    most.append(len(inside))
                    inside.pop()
            except BusyError:
                refused.append(None)

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and len(most) + len(refused) == 120


def test_a_folder_that_vanishes_while_it_is_made_is_made_again(tmp_path, monkeypatch):
    """Path.mkdir finds it there, then not: another holder removed it in between."""
    mkdir, calls = Path.mkdir, []

    def vanishing(path, **options):
        calls.append(path)
        if len(calls) == 1:
            raise FileExistsError(path)
        mkdir(path, **options)

    monkeypatch.setattr(Path, "mkdir", vanishing)
    with locked(tmp_path / "new"):
        assert len(calls) == 2


def test_where_a_folder_is_needed_a_broken_link_is_refused(tmp_path):
    (tmp_path / "new").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError), locked(tmp_path / "new"):
        pass


def test_a_file_system_without_locks_gives_none(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def unknown(*arguments):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", unknown)
    (tmp_path / ".a.1.tmp").touch()
    with locked(tmp_path), replacing(tmp_path / "a") as temporary:
        temporary.write_text("a")
    assert names(tmp_path) == [".a.1.tmp", "a"], "nobody can know whether it is left"
