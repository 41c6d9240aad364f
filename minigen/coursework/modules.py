"""Checks of layers and models: parameters, state, and the conventions of a loss."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minigen.autograd import Tensor, no_grad
from minigen.backend import asarray, to_numpy
from minigen.coursework.calls import Parts, evaluating, tensor
from minigen.coursework.discover import Subject, draw, moved
from minigen.coursework.learner import reseed
from minigen.coursework.report import Line


def parameters(subject: Subject) -> Line:
    """Which there are, and whether each gets a gradient."""
    parts = Parts(subject.parts)
    named = subject.parameters()
    lost = [f"{type(part).__name__}.{name}" for part in parts.modules() for name, value in vars(part).items()
            if type(value) is Tensor and value.requires_grad]
    if lost:
        return Line("parameters", False, f"{', '.join(lost)} is a Tensor that no optimizer will find",
                    ["make it a Parameter: from minigen import Parameter; self.weight = Parameter(array)"])
    y = subject(*map(tensor, subject.drawn(np.float32)))
    parts.zero_grad()
    if y.requires_grad:
        y.backward(asarray(np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)))
    without = [name for name, parameter in named.items() if parameter.grad is None]
    parts.zero_grad()
    count = sum(parameter.size for parameter in named.values())
    if without and subject.kind == "function":
        return Line("parameters", True, f"{count:,} numbers; {', '.join(without)} does not enter")
    if without:
        return Line("parameters", False, f"{', '.join(without)} never gets a gradient",
                    ["it is made but not used, or its values are taken out of the graph on the way (.data, .numpy(), no_grad)"])
    return Line("parameters", True, f"{count:,} numbers in {', '.join(named)}; each gets a gradient" if count else "none")


def state(subject: Subject, twin: Callable[[str], Subject]) -> Line:
    """Whether all that the module has learned is in its state: a fresh one that loads it must compute the same."""
    used, fresh = subject, twin("numpy")
    with no_grad():
        used(*map(tensor, used.drawn(np.float32, seed=200)))  # other inputs than those on which the two are compared
    for old, new in zip(used.parts, fresh.parts):
        new.load_state_dict(old.state_dict())
    inputs = [tensor(x) for x in used.drawn(np.float32)]
    with evaluating(used.parts + fresh.parts), no_grad():
        if not np.array_equal(used(*inputs).numpy(), fresh(*inputs).numpy()):
            return Line("state dict", False, "a new object that loads the state of a used one computes something else",
                        ["numbers that change but are no Parameter belong into an nn.Buffer(array), changed by .assign(array)"])
    count = len(Parts(used.parts).state_dict())
    return Line("state dict", True, f"{count} array{'s' * (count != 1)}, saved and loaded")


def batch(subject: Subject) -> Line:
    """Whether the loss is a mean over the examples: a batch of twice as many of the same then costs the same."""
    inputs = subject.drawn(np.float32)
    options = {name: draw(value, np.float32) for name, value in subject.options.items()}
    sizes = {len(x) for x in inputs if isinstance(x, np.ndarray) and x.ndim}

    def repeated(x: Any, times: int) -> Any:
        return np.concatenate([x] * times) if isinstance(x, np.ndarray) and x.ndim and len(x) in sizes else x

    def total(times: int) -> tuple[float, dict[str, float]]:
        reseed()
        given = {name: moved(repeated(x, times)) for name, x in options.items()}
        with evaluating(subject.parts), no_grad():
            value, terms = subject.target.loss(*(moved(repeated(x, times)) for x in inputs), **given)
        return float(value), {name: float(term) for name, term in terms.items()}

    value, terms = total(1)
    if not np.isfinite([value, *terms.values()]).all():
        return Line("batch", False, f"a term is not finite: {terms}")
    once, twice = total(8)[0], total(16)[0]  # many, for noise that is drawn, not given, makes a difference
    if abs(once) > 1e-6 and 1.7 < twice / once < 2.3:
        return Line("batch", False, f"twice as many of the same examples cost twice as much: {once:.4g}, {twice:.4g}",
                    ["a sum over the batch makes the learning rate depend on the batch size: take the mean over the examples"])
    weighed = "" if np.isclose(value, sum(terms.values()), rtol=1e-4) else " (which is not their plain sum: they have weights)"
    return Line("batch", True, f"total {value:.4g}: {', '.join(f'{name} {term:.4g}' for name, term in terms.items())}{weighed}")


def sample(subject: Subject) -> Line:
    """Whether it draws as many images as asked for, in [0, 1]."""
    with evaluating(subject.parts), no_grad():
        made = subject.target.sample(3)
    values = to_numpy(made)
    if len(values) != 3:
        return Line("sample(n)", False, f"sample(3) gave {len(values)} examples, shape {values.shape}")
    if not (np.isfinite(values).all() and values.min() >= 0.0 and values.max() <= 1.0):
        return Line("sample(n)", False, f"values from {values.min():.3g} to {values.max():.3g}, expected images in [0, 1]",
                    ["logits? minigen.sigmoid(logits) are pixels"])
    return Line("sample(n)", True, f"{values.shape}, from {values.min():.3g} to {values.max():.3g}")
