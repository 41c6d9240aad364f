"""The command line on small data, in a folder of its own."""

import numpy as np
import pytest

from minigen import plot
from minigen.commands import learning, main
from minigen.data import registry
from minigen.evaluators import choice, face_evaluator
from minigen.synthetic.glyphs import load as load_glyphs

TRAIN, TEST = 96, 24


@pytest.fixture(autouse=True)
def small_data(monkeypatch, tmp_path, tmp_path_factory):
    """ "glyphs" are a hundred, paths are relative to a new folder, and evaluators are kept for the session, not in the user's
    cache."""
    monkeypatch.setitem(
        registry.LOADERS, "glyphs", lambda **sizes: load_glyphs(**{"train_size": TRAIN, "test_size": TEST} | sizes)
    )
    monkeypatch.setattr(choice, "face_evaluator", small_face_evaluator)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.chdir(tmp_path)


def small_face_evaluator(resolution, epochs, count, cache, progress):
    """Trained on few faces, and not for long."""
    return face_evaluator(resolution, 1, 64, cache, progress)


@pytest.fixture(autouse=True)
def no_curves(monkeypatch):
    """A picture of the curves takes half a second: it is drawn where it is tested, and elsewhere is a white tile."""
    monkeypatch.setattr(learning, "save_curves", lambda history, path: plot.save_tiles(np.ones((1, 2, 2)), path))


@pytest.fixture
def minigen_line(capsys):
    """Runs a line such as "sample runs/vae -n 4"; returns its exit status, what it printed, and its complaints."""

    def run(line):
        capsys.readouterr()
        try:
            status = main(line.split())
        except SystemExit as end:  # argparse's --help, and demos
            status = end.code
        return status, *capsys.readouterr()

    return run
