"""Debugging tools: draw the graph, find the op that produced a NaN, and see where the time goes."""

import contextlib
import functools
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minigen import backend
from minigen.engine.context import Observer, current_observer
from minigen.engine.messages import describe
from minigen.engine.operation import Op
from minigen.engine.tensor import Tensor
from minigen.errors import NonFiniteError
from minigen.utils.blocks import Block, block
from minigen.utils.tables import table


@contextlib.contextmanager
def observing(observer: Observer) -> Iterator[Any]:
    """Let `observer` see every op on tensors inside the block, in this thread only."""
    token = current_observer.set(observer)
    try:
        yield observer
    finally:
        current_observer.reset(token)


# -- detect_anomaly: which op produced the NaN? -----------------------------------------------------------------------------


class FiniteOnly(Observer):
    """Raises at the first op whose result, or whose rule's result, is not finite."""

    def __init__(self) -> None:
        self.sites: dict[int, str] = {}

    def forward(self, op: Op, arrays: list, attributes: dict) -> Any:
        y = super().forward(op, arrays, attributes)
        if not all_finite(y):
            fault = "already had such an input" if not all(map(all_finite, arrays)) else "computed it from finite inputs"
            raise NonFiniteError(f"{op.name} returned NaN or infinity; it {fault} ({describe(arrays)}), at {call_site()}")
        return y

    def recorded(self, node: Tensor) -> None:
        self.sites[node.version] = call_site()

    def backward(self, node: Tensor, rule: Callable, arguments: tuple, attributes: dict) -> Any:
        where = self.sites.get(node.version, "a line outside the detect_anomaly() block")
        fault = NonFiniteError(
            f"rule {rule.__name__} of {node.op.name} returned NaN or infinity; {node.op.name} was called at {where}"
        )
        try:
            gx = super().backward(node, rule, arguments, attributes)
        except NonFiniteError as error:  # with create_graph, an op inside the rule raises first
            raise fault from error
        if not all_finite(gx.data if isinstance(gx, Tensor) else gx):
            raise fault
        return gx


@block
def detect_anomaly() -> Iterator[None]:
    """Inside the block, the first op whose output or gradient is not finite raises NonFiniteError with op and call site.

    Slow: every result is checked. Wrap the forward and the backward pass. NumPy's own warnings are silenced inside.
    """
    with np.errstate(all="ignore"), observing(FiniteOnly()):
        yield


def all_finite(x: Any) -> bool:
    """Whether an array (or a number) holds neither NaN nor infinity."""
    return bool(backend.array_module(x).isfinite(x).all()) if hasattr(x, "shape") else True


def call_site() -> str:
    """file:line of the innermost frame outside the library's engine, with its code."""
    library = Path(__file__).parents[1]
    for frame in reversed(traceback.extract_stack()):
        path = Path(frame.filename)
        engine = path.is_relative_to(library) and path.relative_to(library).parts[0] in ("autograd", "engine", "ops")
        if not engine and path.name not in ("contextlib.py", "blocks.py"):
            return f"{path.name}:{frame.lineno} in {frame.name}: {frame.line}"
    return "an unknown line"


# -- profile: where does the time go? ----------------------------------------------------------------------------


@dataclass
class Cost:
    """The accumulated cost of the calls of one op (or one rule)."""

    calls: int = 0
    seconds: float = 0.0
    bytes: int = 0


@dataclass
class Profile(Observer, Block):
    """Calls, seconds and bytes of results by op; forward under its name, backward under its rule's name."""

    costs: dict[str, Cost] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Block.__init__(self, functools.partial(observing, self))

    def forward(self, op: Op, arrays: list, attributes: dict) -> Any:
        return self.timed(op.name, lambda: Observer.forward(self, op, arrays, attributes))

    def backward(self, node: Tensor, rule: Callable, arguments: tuple, attributes: dict) -> Any:
        return self.timed(rule.__name__, lambda: Observer.backward(self, node, rule, arguments, attributes))

    def timed(self, name: str, call: Callable) -> Any:
        """Run one op and record its cost."""
        start = time.perf_counter()
        result = call()
        backend.current().synchronize()
        cost = self.costs.setdefault(name, Cost())
        cost.calls += 1
        cost.seconds += time.perf_counter() - start
        cost.bytes += result.data.nbytes if isinstance(result, Tensor) else result.nbytes
        return result

    def __str__(self) -> str:
        """A table, the most expensive first."""
        total = sum(cost.seconds for cost in self.costs.values()) or 1.0
        rows = [("op", "calls", "ms", "share", "MiB")]
        for name, cost in sorted(self.costs.items(), key=lambda item: -item[1].seconds):
            milliseconds, share, size = 1e3 * cost.seconds, cost.seconds / total, cost.bytes / 2**20
            rows.append((name, str(cost.calls), f"{milliseconds:.3f}", f"{share:.1%}", f"{size:.2f}"))
        return table(rows, "<>>>>")


def profile() -> Profile:
    """`with profile() as p: loss = ...; loss.backward()`, then `print(p)`: calls, time and result bytes by op and by rule.

    As a decorator (`p = profile()`, then `@p` above a function) it adds up all calls of the function.
    """
    return Profile()


# -- the graph as a picture --------------------------------------------------------------------------------------


BOX: dict[str, Any] = {"boxstyle": "round,pad=0.4", "edgecolor": "#444444"}  # of a tensor
ARROW: dict[str, Any] = {"arrowstyle": "-|>", "color": "#666666", "shrinkA": 2, "shrinkB": 2}


def nodes_and_depths(y: Tensor) -> dict[Tensor, int]:
    """Every tensor below y that the graph holds, with its column: a result after its inputs, a leaf before its first use."""
    found, stack = {y}, [y]
    while stack:
        for x in stack.pop().inputs:
            if isinstance(x, Tensor) and x not in found:
                found.add(x)
                stack.append(x)
    depths: dict[Tensor, int] = {}
    for node in sorted(found, key=lambda node: node.version):
        depths[node] = 1 + max((depths[x] for x in node.inputs if isinstance(x, Tensor)), default=-1)
    uses: dict[Tensor, list[int]] = {x: [] for x in found if x.op is None and x is not y}
    for node in found:
        for x in node.inputs:
            if x in uses:
                uses[x].append(depths[node])
    return depths | {x: min(later) - 1 for x, later in uses.items()}


def label(node: Tensor) -> str:
    """The text in a node's box."""
    title = node.op.name if node.op else node.name or ("leaf" if node.requires_grad else "constant")
    value = f" = {node.item():.4g}" if node.size == 1 else ""
    return f"{title}{value}\n{'×'.join(map(str, node.shape)) or 'scalar'}"


def graph_to_dot(y: Tensor) -> str:
    """The graph below y in the DOT language of Graphviz: one box per tensor, arrows from inputs to results."""
    lines = ["digraph minigen {", "  rankdir=LR; node [shape=box, fontname=sans, style=rounded];"]
    for node in nodes_and_depths(y):
        text = label(node).replace("\n", "\\n").replace('"', '\\"')
        lines.append(f'  t{node.version} [label="{text}"{", style=filled" if node.op is None else ""}];')
        lines += [f"  t{x.version} -> t{node.version};" for x in node.inputs if isinstance(x, Tensor)]
    return "\n".join([*lines, "}"])


def draw_graph(y: Tensor, path: str | Path | None = None) -> Any:
    """The graph below y as a picture, from left to right; also saved to `path` if given. Returns a matplotlib Figure.

    Raises ValueError for more than 200 tensors, which no picture can show: draw part of the network, or use graph_to_dot.
    """
    from matplotlib.figure import Figure

    depths = nodes_and_depths(y)
    if len(depths) > 200:
        raise ValueError(f"a graph of {len(depths)} tensors does not fit a picture (at most 200): see graph_to_dot")
    columns: dict[int, list[Tensor]] = {}
    for node, depth in depths.items():
        columns.setdefault(depth, []).append(node)
    place = {node: (depth, (len(column) - 1) / 2 - row) for depth, column in columns.items() for row, node in enumerate(column)}
    height = max(map(len, columns.values()))
    figure = Figure(figsize=(1.0 + 1.5 * len(columns), 1.0 + 0.8 * height), layout="constrained")
    axes = figure.add_subplot()
    axes.axis("off")
    boxes = {}
    for node, (x, y_) in place.items():
        color = "#cfe8ff" if node.op else "#ffe3b8" if node.requires_grad else "#e8e8e8"
        text = axes.text(x, y_, label(node), ha="center", va="center", fontsize=8, zorder=3, bbox=BOX | {"facecolor": color})
        boxes[node] = text.get_bbox_patch()
    for node in place:
        for source in {x: None for x in node.inputs if isinstance(x, Tensor)}:
            bend = 0.3 if place[source][1] < 0 else -0.3
            between = place[node][0] - place[source][0] > 1  # boxes that a straight arrow might cross
            curve = f"arc3,rad={bend if between else 0}"
            arrow = ARROW | {"patchA": boxes[source], "patchB": boxes[node], "connectionstyle": curve}
            axes.annotate("", place[node], place[source], zorder=1, arrowprops=arrow)
    axes.set_xlim(-0.6, len(columns) - 0.4)
    axes.set_ylim(-height / 2 - 0.2, height / 2 + 0.2)
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure
