"""What all pictures share: how they are written to files."""

import numpy as np
import pytest
from PIL import Image

from minigen import plot
from tests.plot.drawn import pictures


@pytest.mark.parametrize("suffix", ["png", "jpg", "pdf", "svg"])
def test_a_figure_is_written_in_the_format_that_its_name_ends_in(suffix, tmp_path):
    path = plot.save_figure(plot.image_grid(pictures(4, 5, 5), title="Four\nimages"), tmp_path / "new" / f"a.{suffix}")
    assert path == tmp_path / "new" / f"a.{suffix}"
    start = {"png": b"\x89PNG", "jpg": b"\xff\xd8\xff", "pdf": b"%PDF", "svg": b"<?xml"}[suffix]
    assert path.read_bytes().startswith(start) and [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("title", ["Four\nimages", None])
def test_a_picture_carries_its_title(title, tmp_path):
    path = plot.save_figure(plot.bars({"a": 1.0}, ylabel="loss", title=title), tmp_path / "a.png")
    assert Image.open(path).info.get("Title") == ("Four images" if title else "")


def test_what_was_there_stays_if_the_figure_cannot_be_written(tmp_path, monkeypatch):
    path = plot.save_figure(plot.image_grid(pictures(4, 5, 5)), tmp_path / "a.png")
    before = path.read_bytes()
    figure = plot.image_grid(pictures(9, 5, 5))
    monkeypatch.setattr(figure, "savefig", lambda path, **options: (path.write_bytes(b"half"), 1 / 0))
    with pytest.raises(ZeroDivisionError):
        plot.save_figure(figure, path)
    assert path.read_bytes() == before and np.asarray(Image.open(path)).size
