"""Checks of layers and models: parameters, state, and the conventions of a loss."""

from typing import Any

import numpy as np

from minigen.coursework.grading.calls import Array, Call
from minigen.coursework.grading.report import CheckFailed


def parameters(call: Call) -> str:
    """Which there are, and whether each gets a gradient."""
    arrays, form = call.drawn(np.float32), {"lost": [str], "without": [str], "count": int}
    y = call.value(arrays)
    u = call.session.random(1).standard_normal(y.shape).astype(np.float32)
    found = call.ask("parameters", form, arrays=arrays, options=call.chosen(np.float32), cotangent=u)
    without, count = found["without"], found["count"]
    if found["lost"]:
        raise CheckFailed(
            f"{', '.join(found['lost'])} is a Tensor that no optimizer will find",
            "make it a Parameter: from minigen import Parameter; self.weight = Parameter(array)",
        )
    if without and call.kind == "function":
        return f"{count:,} values; {', '.join(without)} does not enter"
    if without:
        raise CheckFailed(
            f"{', '.join(without)} never gets a gradient",
            "it is made but not used, or its values are taken out of the graph on the way (.data, .numpy(), no_grad)",
        )
    return f"{count:,} values in {', '.join(name for name, _ in call.parameters)}; each gets a gradient" if count else "none"


def state(call: Call) -> str:
    """Whether all that the module has learned is in its state: a fresh one that loads it must compute the same."""
    other = call.drawn(np.float32, again=1)  # other inputs than those on which the two are compared
    count = call.ask("hand_over", int, arrays=other, options=call.chosen(np.float32))
    arrays = call.drawn(np.float32)
    used, fresh = (call.value(arrays, eval_mode=True, again=again) for again in (False, True))
    if not np.array_equal(used, fresh):
        raise CheckFailed(
            "a new object that loads the state of a used one computes something else",
            "values that change but are not a Parameter belong into an nn.Buffer(array), changed by .assign(array)",
        )
    return f"{count} array{'s' * (count != 1)}, saved and loaded"


def batch(call: Call) -> str:
    """Whether the loss is a mean over the examples: a batch of twice as many of the same then costs the same."""
    arrays, options = call.drawn(np.float32), call.chosen(np.float32)
    sizes = {len(x) for x in arrays if x.ndim}

    def repeated(x: Array, times: int) -> Array:
        return np.concatenate([x] * times) if x.ndim and len(x) in sizes else x

    def total(times: int) -> tuple[float, dict[str, float]]:
        given = {"arrays": [repeated(x, times) for x in arrays], "options": {n: repeated(x, times) for n, x in options.items()}}
        found = call.ask("loss", {"total": float, "terms": {str: float}}, **given)
        return found["total"], found["terms"]

    value, terms = total(1)
    once, twice = total(8)[0], total(16)[0]  # many, for noise that is drawn, not given, makes a difference
    if not np.isfinite([value, *terms.values(), once, twice]).all():
        raise CheckFailed(f"a term is not finite: {terms}")
    if abs(once) > 1e-6 and 1.7 < twice / once < 2.3:
        raise CheckFailed(
            f"twice as many of the same examples cost twice as much: {once:.4g}, {twice:.4g}",
            "a sum over the batch makes the learning rate depend on the batch size: take the mean over the examples",
        )
    weighed = "" if np.isclose(value, sum(terms.values()), rtol=1e-4) else " (which is not their plain sum: they have weights)"
    return f"total {value:.4g}: {', '.join(f'{name} {term:.4g}' for name, term in terms.items())}{weighed}"


def sample(call: Call) -> str:
    """Whether it draws as many images as asked for, in [0, 1]."""
    values: Any = call.ask("sample", (Array, dict, list, str, int, float, bool, None), n=3)
    if not isinstance(values, np.ndarray) or values.ndim == 0 or values.dtype.kind not in "fiub":
        raise CheckFailed("sample(3) gave no array")
    if len(values) != 3:
        raise CheckFailed(f"sample(3) gave {len(values)} examples, shape {values.shape}")
    extent = f"from {values.min():.3g} to {values.max():.3g}" if values.size else "none"
    if not (values.size and np.isfinite(values).all() and values.min() >= 0.0 and values.max() <= 1.0):
        raise CheckFailed(f"values {extent}, expected images in [0, 1]", "logits? minigen.sigmoid(logits) are pixels")
    return f"{values.shape}, {extent}"
