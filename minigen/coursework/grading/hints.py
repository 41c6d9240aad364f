"""What a wrong derivative suggests, from the ratio of the rules' values to the right ones."""

import math
import re

import numpy as np

from minigen.autograd.gradient_check import Mismatch

CLOSE = 1e-3  # relative: derivatives or ratios that agree to this count as equal
ENOUGH = 4  # elements that must agree before a pattern in them is believed

OF_HIDDEN_CUTS = [
    "does a rule use what another function has stored (an attribute, a closure), or call one that leaves the graph? "
    "Compute everything from g, y and the inputs, with operators and minigen's ops"
]


def of_values(mismatch: Mismatch, x: np.ndarray | None, y: np.ndarray | None, whose: str = "your rule") -> list[str]:
    """What a Mismatch looks like; x: the input, y: the result, for patterns such as "a factor y too often"."""
    analytic, numeric = mismatch.analytic, mismatch.numeric
    shown = f"{whose} against the numerical derivative: {str(mismatch).split(': ', 1)[1]}"
    if not np.isfinite(analytic).all():
        return [shown, f"{whose} gives NaN or infinity: a division by 0, a root or a logarithm of a number that is not positive?"]
    if not np.isfinite(numeric).all():
        return [shown, "close by, the result itself is NaN or infinite: is it defined there?"]
    largest = np.abs(numeric).max(initial=0.0)
    seen = np.abs(numeric) > 1e-4 * largest
    if largest < 1e-9:
        return [shown, f"numerically the result does not depend on this input, but {whose} says that it does"]
    if np.abs(analytic).max() < CLOSE * largest:
        return [shown, f"{whose} gives 0 everywhere, but the result does change with this input"]
    ratio = analytic[seen] / numeric[seen]
    if np.ptp(ratio) < CLOSE * np.abs(ratio).max():
        if len(ratio) == 1 and mismatch.elements.size > 1:
            return [shown]
        return [shown, f"the ratio is {ratio.mean():.4g} at every element: {of_ratio(ratio.mean(), mismatch.shape)}"]
    return [shown, *of_pattern(mismatch, seen, x, y)]


def of_ratio(ratio: float, shape: tuple[int, ...]) -> str:
    """What a ratio that is the same everywhere suggests."""
    known = {
        1.0: "nearly right: a small term is missing, or the result differs from call to call",
        -1.0: "the sign is wrong",
        2.0: "twice what it should be; a factor 1/2 is missing, or one of two contributions was counted twice",
        0.5: "half of what it should be; the factor 2 of a square's derivative is missing, or the input is used twice and "
        "only one use was differentiated",
        -2.0: "the sign is wrong, and a factor 1/2 is missing",
        -0.5: "the sign is wrong, and the factor 2 of a square's derivative is missing",
    }
    meanings = [meaning for value, meaning in known.items() if np.isclose(ratio, value, rtol=CLOSE)]
    counts = {int(np.prod(shape)): "the number of elements"}
    counts.update({n: f"the length of axis {axis}" for axis, n in enumerate(shape)})
    for n, meaning in counts.items():
        if n > 1 and np.isclose(ratio, n, rtol=CLOSE):
            meanings.append(f"{n} is {meaning}: a mean divides by it, and so does its derivative")
        if n > 1 and np.isclose(ratio, 1.0 / n, rtol=CLOSE):
            meanings.append(f"{n} is {meaning}: a sum does not divide by it, and neither does its derivative")
    return "; or ".join(meanings) or "a constant factor that does not belong there"


def of_pattern(mismatch: Mismatch, seen: np.ndarray, x: np.ndarray | None, y: np.ndarray | None) -> list[str]:
    """What a ratio that differs from element to element suggests, of an op that works element by element."""
    wrong = ~np.isclose(mismatch.analytic, mismatch.numeric, rtol=CLOSE, atol=CLOSE * np.abs(mismatch.numeric).max())
    if 0 < wrong.sum() <= 0.5 * wrong.size:
        rows = {int(np.unravel_index(e, mismatch.shape)[0]) for e in mismatch.elements[wrong]}
        where = f", all in row {rows.pop()}" if len(rows) == 1 and mismatch.shape[0] > 1 and wrong.sum() > 1 else ""
        return [f"{wrong.sum()} of {wrong.size} elements are wrong{where}: a special case, a branch or an edge?"]
    if x is None or y is None or y.shape != x.shape or seen.sum() < ENOUGH:
        return []
    at = mismatch.elements[seen]
    x, y, g = (values.ravel()[at] for values in (x, y, mismatch.cotangent))
    ratio, difference = mismatch.analytic[seen] / mismatch.numeric[seen], (mismatch.analytic - mismatch.numeric)[seen]
    for name, values in expressions(x, y, g).items():
        for factor in (1.0, -1.0, 2.0, -2.0, 0.5, -0.5):
            times = "" if factor == 1.0 else f"{factor:g} * "
            if equal(ratio, factor * values):
                return [f"at every element the ratio is {times}{name}: your rule has this factor once too often"]
            if equal(ratio * values, np.full_like(values, factor)):
                return [f"at every element the ratio is {factor:g} / ({name}): your rule lacks the factor {name}"]
            if name != "g" and equal(difference, factor * g * values):
                term = f"{'' if abs(factor) == 1.0 else f'{abs(factor):g} * '}g * {name}"
                return [f"your rule is right but for a term {term}, which it {'should not have' if factor > 0 else 'lacks'}"]
    return []


def expressions(x: np.ndarray, y: np.ndarray, g: np.ndarray) -> dict[str, np.ndarray]:
    """Factors that are often forgotten, or misplaced."""
    with np.errstate(all="ignore"):
        return {
            "x": x,
            "y": y,
            "g": g,
            "|x|": np.abs(x),
            "x^2": x * x,
            "y^2": y * y,
            "x * y": x * y,
            "(1 + x)": 1 + x,
            "(1 - x)": 1 - x,
            "(1 + y)": 1 + y,
            "(1 - y)": 1 - y,
            "(1 + |x|)": 1 + np.abs(x),
            "(1 + x^2)": 1 + x * x,
            "(1 - y^2)": 1 - y * y,
            "y * (1 - y)": y * (1 - y),
            "e^x": np.exp(x),
            "e^-x": np.exp(-x),
            "cos(x)": np.cos(x),
            "sin(x)": np.sin(x),
        }


def equal(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two patterns agree at every element."""
    return bool(np.isfinite(b).all() and np.allclose(a, b, rtol=CLOSE, atol=1e-6))


def of_rule_result(message: str) -> list[str]:
    """What to do about a rule whose result has not the shape of its input, as the engine's message says it."""
    found = re.search(r"returned \w+\[([\d, ]*)\], expected \w+\[([\d, ]*)\]", message)
    if not found or found.group(1) == found.group(2):
        return []
    got, expected = (tuple(int(n) for n in part.split(",") if n.strip().isdecimal()) for part in found.groups())
    if len(got) >= len(expected) and math.prod(got) > math.prod(expected):
        return [
            f"the input of shape {expected} was repeated (broadcast) on the way: its gradient is the sum over the axes along "
            "which it was, g.sum(axis=...), or declare @op(broadcasts=True) and the engine sums"
        ]
    if math.prod(got) < math.prod(expected):
        return [
            f"each element of the input of shape {expected} has its own derivative: after a sum or a mean g must be spread "
            "again, as in g.reshape(n, 1) * x or minigen.broadcast_to"
        ]
    return ["transpose or reshape the result"]
