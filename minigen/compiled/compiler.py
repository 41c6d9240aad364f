"""Whether there is a compiler; what is said where there is none. Imported with the ops, unlike build.py, which calls it."""

import importlib.util


class CannotCompile(Exception):
    """Why there is no library."""


def compiler_missing() -> str | None:
    """What to do if the compiler is not installed; None if it is."""
    if importlib.util.find_spec("ziglang") is None:
        return "the compiler is not installed: pip install ziglang"
    return None
