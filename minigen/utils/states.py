"""Checks of state dicts: all mismatches are reported together, before anything changes."""

from collections.abc import Mapping
from typing import Any

from minigen.errors import StateError


def check_fit(owner: str, state: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise StateError, naming every mismatch, unless a state has arrays of the names, shapes and dtypes that are expected.

    The values on both sides are arrays or have their `shape` and `dtype`; for integers any integer dtype will do.
    """
    problems = [f"missing {name} {tuple(expected[name].shape)}" for name in expected.keys() - state.keys()]
    problems += [f"unexpected {name}" for name in state.keys() - expected.keys()]
    for name in expected.keys() & state.keys():
        got, wanted = state[name], expected[name]
        whole = got.dtype.kind in "iu" and wanted.dtype.kind in "iu"
        if tuple(got.shape) != tuple(wanted.shape) or not (whole or got.dtype == wanted.dtype):
            problems.append(f"{name} is {got.dtype}{list(got.shape)}, expected {wanted.dtype}{list(wanted.shape)}")
    refuse(owner, problems)


def refuse(owner: str, problems: list[str]) -> None:
    """Raise StateError with the problems of a state, if there are any."""
    if problems:
        raise StateError(f"this state does not fit {owner}: {'; '.join(sorted(problems))}")
