"""The gradient check of a call, to order 2, and what a wrong derivative suggests about its rule.

A worker's derivatives are compared with differences of its values: minigen.gradcheck, across a pipe. For one input x, a random
direction v and a random cotangent u:

    <u, (f(x + eps v) - f(x - eps v)) / (2 eps)>   =   <vjp(u), v>

At order 2 f is itself the gradient: a function of x and u. Values and derivatives are requested in random order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from minigen.autograd.gradient_check import Mismatch, agree, compare
from minigen.coursework.grading import hints
from minigen.coursework.grading.calls import Call
from minigen.coursework.grading.remote import Array
from minigen.coursework.grading.report import CheckFailed

EPS, RTOL, ATOL = 1e-6, 1e-5, 1e-7


def check(call: Call, order: int) -> str:
    """Compare the derivatives of this order with respect to all floating inputs and all parameters, or only the parameters."""
    random, parameters = call.session.random, []
    if call.modules:  # not at their initial values, but nearby, where no bias is zero
        near, values = random(3), call.ask("values", [Array])
        if [x.shape for x in values] != [*call.parameters.values()]:
            raise call.session.nonsense("values")
        parameters = [np.asarray(x + 0.1 * near.standard_normal(x.shape), np.float64) for x in values]
    for variant in range(len(call.variants)):
        arrays = [*call.draw(np.float64, variant), *parameters]
        if order == 2:
            arrays.append(random(4).standard_normal(differentiable(call, variant, 1).value(arrays).shape))
        mismatch = find_mismatch(differentiable(call, variant, order), arrays, random(10 * order + variant))
        if mismatch:
            names = [*call.array_names(), *call.parameters, "the cotangent g"]
            name = names[min(mismatch.input, len(names) - 1)]
            raise CheckFailed(f"wrong by {name}, shape {mismatch.shape}", *explain(call, mismatch, arrays, order))
    names = [name for name, x in zip(call.array_names(), call.samples()) if x.floating and not call.data] + [*call.parameters]
    by = f"by {', '.join(names)}" if len(names) <= 6 else f"by {', '.join(names[:4])} and {len(names) - 4} others"
    return by if call.modules else f"{by}; shapes {call.shapes()}"


@dataclass(frozen=True)
class Differentiable:
    """A function of arrays that can be asked for its value and for vjp(u), by the arrays at `wrt`."""

    value: Callable[[list[Array]], Array]
    vjp: Callable[[list[Array], Array], list[Array]]
    wrt: Sequence[int]


def differentiable(call: Call, variant: int, order: int) -> Differentiable:
    """The call as a function of its arrays and its parameters; at order 2 its gradients, in one row, of the cotangent too."""
    inputs, count = len(call.samples(variant)), len(call.parameters)
    by = [] if call.data else call.floating(variant)

    def derive(arrays: list[Array], cotangents: list[Array], **wanted: Any) -> dict[str, Any]:
        if call.modules:
            wanted |= {"by_parameters": True, "parameters": arrays[inputs : inputs + count]}
        wanted |= {"variant": variant, "dtype": np.float64, "frozen": True, "cotangents": cotangents}
        return call.result(arrays[:inputs], **wanted)

    def value(arrays: list[Array]) -> Array:
        return derive(arrays, [], by=call.floating(variant))["y"]  # it may itself contain grad()

    def vjp(arrays: list[Array], u: Array) -> list[Array]:
        return derive(arrays, [u], by=by)["first"]

    wrt = [*by, *range(inputs, inputs + count)]
    if order == 1:
        return Differentiable(value, vjp, wrt)

    def gradients(arrays: list[Array]) -> Array:
        return np.concatenate([np.zeros(0), *(g.ravel() for g in vjp(arrays[:-1], arrays[-1]))])

    def second(arrays: list[Array], w: Array) -> list[Array]:
        ends = np.cumsum([arrays[i].size for i in wrt])[:-1]
        others = [part.reshape(arrays[i].shape) for i, part in zip(wrt, np.split(w, ends))]
        return derive(arrays[:-1], [arrays[-1], *others], by=by, by_cotangent=True)["second"]

    return Differentiable(gradients, second, [*wrt, inputs + count])


def find_mismatch(f: Differentiable, arrays: list[Array], rng: np.random.Generator) -> Mismatch | None:
    """The first derivative of f that is wrong."""
    shape = f.value(arrays).shape
    u = rng.standard_normal(shape)
    directions = {i: rng.standard_normal(arrays[i].shape) for i in f.wrt}

    def moved(i: int, step: Array) -> Array:
        y = f.value([*arrays[:i], arrays[i] + step, *arrays[i + 1 :]])
        if y.shape != shape:
            raise CheckFailed(f"the result has shape {shape} at one input, and {y.shape} at another of the same shape")
        return np.asarray(y, np.float64)

    def difference(plus: Array, minus: Array) -> float:
        return float(np.sum(u * (plus - minus)) / (2 * EPS))

    def directional(i: int, v: Array) -> float:
        return difference(moved(i, EPS * v), moved(i, -EPS * v))

    moves = [(i, sign * EPS * v) for i, v in directions.items() for sign in (1.0, -1.0)]
    answers: dict[int, Array] = {}
    analytic: list[Array] = []
    for k in rng.permutation(len(moves) + 1):
        if k == len(moves):
            analytic = [np.asarray(g, np.float64) for g in f.vjp(arrays, u)]
        else:
            answers[int(k)] = moved(*moves[k])
    for k, (g, i) in enumerate(zip(analytic, f.wrt)):
        if not agree(g, directions[i], difference(answers[2 * k], answers[2 * k + 1]), RTOL, ATOL):
            return compare(partial(directional, i), i, u, g)
    return None


def explain(call: Call, mismatch: Mismatch, arrays: list[Array], order: int) -> list[str]:
    """Where the wrong rule is, and what its values suggest."""
    op = call.op
    if op is None:
        return hints.of_values(mismatch, None, None, whose="the graph") + call.advice("cuts")
    if order == 2:
        return [
            f"rule: {', '.join(rule['place'] for rule in op['rules'].values())}",
            *hints.of_values(mismatch, None, None)[:1],
            "order 1 is right, and so is the formula; but at order 2 the rule itself is differentiated, and part of it was "
            "treated as a constant",
            *(call.advice("cuts") or hints.OF_HIDDEN_CUTS),
        ]
    name = op["inputs"][0 if op["variadic"] else mismatch.input]
    f = differentiable(call, 0, 1)
    place = op["rules"][name]["place"] if name in op["rules"] else name
    of_values = hints.of_values(mismatch, arrays[mismatch.input], f.value(arrays))
    return [f"rule: {place}", *of_values, *of_another_input(f, mismatch, arrays), *call.advice("rules")]


def of_another_input(f: Differentiable, mismatch: Mismatch, arrays: list[Array]) -> list[str]:
    """Whether a rule gives the derivative for another input, or the same for any g."""
    place = list(f.wrt).index(mismatch.input)
    once, twice = (f.vjp(arrays, k * mismatch.cotangent) for k in (1.0, 2.0))
    if len(arrays) == len(once) == 2 and all(x.shape == mismatch.shape for x in arrays):
        if np.allclose(once[1 - place].ravel()[mismatch.elements], mismatch.numeric, rtol=1e-3):
            return ["the other input's rule gives the derivative by this one: are the two rules swapped?"]
    if not np.allclose(2.0 * once[place], twice[place], rtol=1e-6, equal_nan=True):
        return ["the rule is not proportional to g: dL/dx is g times the derivative, in every term"]
    return []
