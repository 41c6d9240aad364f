"""What a run has left is read, whatever its state."""

import json
from pathlib import Path

import pytest

from minigen.gallery.registry import names
from minigen.gallery.runs import DemoRun, duration, kept, read

PICTURES = Path(__file__).parents[2] / "demos" / "pictures"


def result(name, quick=False):
    """A result.json without criteria."""
    return json.dumps({"demo": name, "config": {"quick": quick}, "report": {}, "seconds": 7.31, "criteria": []})


def test_an_unreadable_result_is_none(tmp_path):
    (tmp_path / "result.json").write_text('{"demo": ')
    assert read(names()[0], tmp_path) == DemoRun(names()[0], None, None, kept(names()[0]), True, [])


def test_pictures_in_the_order_of_the_demo_and_whole_ones_only(tmp_path):
    """Half a file is what a demo leaves that is just writing it, or that was killed."""
    (tmp_path / "result.json").write_text(result("12_variational"))
    content = (PICTURES / "12.png").read_bytes()
    for name in ("classes", "extra_one", "interpolation", "reconstructions", "samples", "training"):
        (tmp_path / f"{name}.png").write_bytes(content)
    (tmp_path / "interpolation.png").write_bytes(content[: len(content) // 2])
    (tmp_path / "training.png").write_bytes(b"")
    run = read("12_variational", tmp_path)
    assert [picture.title for picture in run.pictures] == ["samples", "reconstructions", "classes", "extra one"] and not run.kept


@pytest.mark.parametrize("quick", [True, False])
def test_a_quick_run_has_the_kept_picture(quick, tmp_path):
    (tmp_path / "result.json").write_text(result("12_variational", quick))
    (tmp_path / "samples.png").write_bytes((PICTURES / "13.png").read_bytes())
    run = read("12_variational", tmp_path)
    assert run.kept is quick and [picture.content for picture in run.pictures] == [
        (PICTURES / f"{12 if quick else 13}.png").read_bytes()
    ]


@pytest.mark.parametrize("name", names())
def test_every_demo_has_a_kept_picture(name):
    assert len(kept(name)) == 1


@pytest.mark.parametrize(
    "seconds, words", [(8.24, "8.2 s"), (48.2, "48 s"), (720, "12 min"), (3900, "65 min"), (7500, "2 h 5 min")]
)
def test_a_duration_is_given_in_fitting_units(seconds, words):
    assert duration(seconds) == words
