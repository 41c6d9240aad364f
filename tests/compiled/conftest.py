"""The compiled loops, in use for all cases."""

import pytest

from minigen import compiled
from minigen.compiled import switch


@pytest.fixture
def loops(monkeypatch):
    """All cases take the loops, however small, and on two threads."""
    monkeypatch.setattr(compiled, "SMALL", 0)
    with compiled.using(True):
        switch.library().set_threads(2)
        yield
        switch.library().set_threads(compiled.threads())
