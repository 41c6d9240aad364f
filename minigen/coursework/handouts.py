"""What is handed out: starters, templates, and the engine in steps, copied into the reader's folder and never over a file."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from minigen.utils.files import replacing

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STEPS = sorted((HERE / "engine").glob("step_*.py"))


def hand_out(source: Path, path: Path, options: str = "") -> int:
    """Copy a starter or a template to `path`, atomically, and print so; an existing file is never overwritten. Returns the
    exit status. `options`: what else is to be typed to check it."""
    check = f"minigen check {path}{options}"
    if path.exists() or path.is_symlink():
        print(f"{path} already exists and is left as it is: move it away, or continue with `{check}`", file=sys.stderr)
        return 1
    with replacing(path) as temporary:
        temporary.write_bytes(source.read_bytes())
    print(f"{path} is written. Make it yours, then: {check}")
    return 0


def hand_out_steps(folder: Path) -> int:
    """Copy the engine in steps into a new folder, atomically, and print how to go on. Returns the exit status."""
    first = folder / STEPS[0].name
    if os.path.lexists(folder):
        print(f"{folder} already exists and is left as it is: move it away, or continue with `python {first}`", file=sys.stderr)
        return 1
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent))
    try:
        for step in STEPS:
            (temporary / step.name).write_bytes(step.read_bytes())
        temporary.chmod(0o777 & ~mask())
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    print(f"{folder} has {len(STEPS)} steps. Read the first, run it, and do what it ends with: python {first}")
    return 0


def mask() -> int:
    """The permissions that new folders of this user do without."""
    value = os.umask(0)
    os.umask(value)
    return value
