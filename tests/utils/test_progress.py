"""Bars are for those who watch: a log has whole lines only."""

import io
import re
import sys
from pathlib import Path

import pytest

from minigen.utils import progress

OWN_BAR = re.compile(r"\bt(qdm|range)\(")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("value", "shown"), [(None, True), ("", True), ("0", True), ("false", True), ("1", False), ("yes", False)]
)
def test_tqdm_disable_is_heard(monkeypatch, value, shown):
    monkeypatch.setattr(sys, "stderr", Terminal())
    if value is None:
        monkeypatch.delenv("TQDM_DISABLE", raising=False)
    else:
        monkeypatch.setenv("TQDM_DISABLE", value)
    assert progress.watched() is shown


@pytest.mark.parametrize("stream", [io.StringIO(), None, object()])
def test_nobody_watches_a_file(monkeypatch, stream):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setattr(sys, "stderr", stream)
    assert not progress.watched()


def test_a_bar_goes_through_what_it_is_given(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    for stream, show, seen in ((Terminal(), True, True), (Terminal(), False, False), (io.StringIO(), True, False)):
        monkeypatch.setattr(sys, "stderr", stream)
        assert list(progress.bar(range(3), show=show)) == [0, 1, 2]
        assert bool(stream.getvalue()) is seen


@pytest.mark.parametrize("text", ["line", "quiet", ""])
def test_another_word_is_refused(text):
    with pytest.raises(ValueError, match=f"progress: True for a bar .*'lines' for the lines alone, .* got '{text}'"):
        progress.checked(text)


def test_every_bar_is_one_of_these():
    """In the package and in the demos: tqdm's own would write to logs."""
    root = Path(__file__).parents[2]
    paths = [path for folder in ("minigen", "demos") for path in (root / folder).rglob("*.py")]
    assert {path.name for path in paths if OWN_BAR.search(path.read_text(encoding="utf-8"))} == {"progress.py"}
