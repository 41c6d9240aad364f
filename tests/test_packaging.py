"""What is installed is minigen alone, it works without the clone, and nobody is sent to a stranger's package of that name."""

import configparser
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from minigen.backend import cuda

ROOT = Path(__file__).parents[1]
PROJECT = configparser.ConfigParser()
PROJECT.read(ROOT / "setup.cfg", encoding="utf-8")
SOURCES = ["minigen", "demos", "README.md", "LICENSE", "pyproject.toml", "setup.cfg", "setup.py"]
CACHES = shutil.ignore_patterns("__pycache__")


def pip(*words, cwd):
    """pip, without a network."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *words, "--quiet", "--no-deps", "--no-index"],
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy of the clone, in which building leaves nothing."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / "clone" / name, **({"ignore": CACHES} if copy is shutil.copytree else {}))
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(folder), "./clone", cwd=folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def site(wheel):
    """A folder into which the wheel is installed."""
    folder = wheel.parent / "site"
    pip("install", "--target", str(folder), str(wheel), cwd=wheel.parent)
    return folder


def run(site, tmp_path, *words):
    """The installed command `minigen WORDS`, in an empty folder."""
    environment = {**os.environ, "PYTHONPATH": str(site), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    (command,) = (site / "bin").glob("minigen*")
    return subprocess.run([sys.executable, str(command), *words], cwd=tmp_path, env=environment, capture_output=True, text=True)


def test_the_wheel_has_every_file_of_the_package_and_the_demos_inside_it(wheel):
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = [path for name in ("minigen", "demos") for path in (ROOT / name).rglob("*") if path.is_file()]
    files = [path.relative_to(ROOT).as_posix() for path in files if path.parent.name != "__pycache__"]
    assert found == {re.sub("^demos/", "minigen/demos/", file) for file in files}
    assert "minigen/py.typed" in found and "minigen/demos/02_stacked.py" in found


def test_minigen_is_all_that_is_installed(site):
    assert sorted(path.name for path in site.iterdir()) == ["bin", "minigen", f"minigen_edu-{version()}.dist-info"]


def test_an_editable_install_is_a_path_and_no_import_hook(wheel, tmp_path):
    build = f"from setuptools.build_meta import build_editable; build_editable({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", build], cwd=wheel.parent / "clone", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (editable,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(editable) as archive:
        (name,) = [name for name in archive.namelist() if ".dist-info/" not in name]
        assert Path(archive.read(name).decode().strip()) == wheel.parent / "clone"


def version():
    """As minigen/__init__.py has it."""
    return re.search(r'^__version__ = "(.*)"$', (ROOT / "minigen/__init__.py").read_text(), re.MULTILINE)[1]


def test_the_command_works_outside_the_clone(site, tmp_path):
    for words, said in [
        (["--help"], "usage: minigen COMMAND"),
        (["info"], f"{version()} in {site / 'minigen'}\n"),
        (["demo"], "02_stacked"),
        (["demo", "02", "--quick", "--out", "out"], "pictures and result.json in out"),
    ]:
        done = run(site, tmp_path, *words)
        assert done.returncode == 0 and said in done.stdout, f"{words}: {done.stdout}{done.stderr}"
    assert {"result.json", "reconstructions.png"} <= {path.name for path in (tmp_path / "out").iterdir()}


# -- the name, which on the package index is that of another project ----------------------------------------------

ADVICE = re.compile(r"\b(?:pip|pipx|uv)3? +(?:install|add|run)\b[^\n`#]*?[ '\"]minigen(?:-edu)?(?![-/\w])|[ '\"]minigen\[\w")


def test_what_counts_as_advice():
    for line in ["pip install minigen", "pip install -q 'minigen[cuda13]'", "uv pip install minigen-edu", "use 'minigen[torch]'"]:
        assert ADVICE.search(line), line
    for line in ["pip install -e '.[torch]'", "pip install .  # minigen", "pip install ./minigen-edu", "minigen demo 02"]:
        assert not ADVICE.search(line), line


def test_nobody_is_advised_to_install_the_project_of_that_name():
    kinds = {".py", ".md", ".toml", ".cfg", ".yml", ".yaml", ".html", ".txt", ".ipynb"}
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for folder in ("minigen", "demos", "tests", "docs", ".ci", ".")
        for path in (ROOT.glob("*") if folder == "." else (ROOT / folder).rglob("*"))
        if path.is_file() and (path.suffix in kinds or folder == ".ci") and path != Path(__file__)
        for match in ADVICE.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not found


def test_what_is_advised_for_a_gpu_is_what_the_extras_install():
    extras = PROJECT["options.extras_require"]
    assert all(f"'{extras[name].strip()}'" in cuda.INSTALL for name in ("cuda12", "cuda13"))
