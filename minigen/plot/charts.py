"""Numbers: training histories, curves and bars, with their intervals."""

from collections.abc import Mapping, Sequence
from math import ceil, sqrt
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, MaxNLocator

from minigen.errors import ShapeError
from minigen.plot.figure import MARKERS, PALETTE, colour_of, host, new_figure, open_frame


def training_curves(history: Mapping[str, Sequence[float]], title: str | None = None) -> Figure:
    """Every column of a training history against the epoch, one panel a quantity.

    A column "validation NAME" is drawn dashed in the panel of NAME. A panel whose values are all positive and
    span more than two decades has a logarithmic axis. NaN stands for "not measured in this epoch".

    history: column name -> numbers, all of one length, among them "epoch".
    Raises ValueError without "epoch" or without anything to draw, ShapeError if lengths differ.
    """
    if "epoch" not in history or len(history) < 2 or len(history["epoch"]) == 0:
        raise ValueError(
            f"training_curves: got columns {list(history)}, expected 'epoch' and at least one more, not empty"
        )
    columns = {name: np.asarray(column, dtype=np.float64) for name, column in history.items()}
    epochs = columns.pop("epoch")
    for name, column in columns.items():
        if column.shape != epochs.shape or epochs.ndim != 1:
            raise ShapeError(
                f"training_curves: got column {name!r} of shape {column.shape} and 'epoch' of shape "
                f"{epochs.shape}, expected plain lists of the same length"
            )
    quantities = list(dict.fromkeys(name.removeprefix("validation ") for name in columns))
    across = len(quantities) if len(quantities) <= 3 else ceil(sqrt(len(quantities)))
    down = ceil(len(quantities) / across)
    figure = new_figure((6.0 if across == 1 else 4.2 * across, 3.8 * down), title)
    for i, quantity in enumerate(quantities):
        axes = figure.add_subplot(down, across, i + 1)
        drawn = []
        for name, label, colour, dashes in (
            (quantity, "training", PALETTE[0], "-"),
            (f"validation {quantity}", "validation", PALETTE[6], "--"),
        ):
            if name in columns:
                measured = np.isfinite(columns[name])
                marker = "o" if measured.sum() <= 30 else None
                style = {
                    "color": colour,
                    "linewidth": 1.8,
                    "marker": marker,
                    "markersize": 3.5,
                    "label": label,
                }
                axes.plot(epochs[measured], columns[name][measured], dashes, **style)
                drawn.append(columns[name][measured])
        values = np.concatenate(drawn)
        if len(values) and values.min() > 0 and values.max() / values.min() > 100:
            axes.set_yscale("log")
        axes.set(xlabel="epoch", ylabel=quantity)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        open_frame(axes)
        if f"validation {quantity}" in columns:
            axes.legend(frameon=False)
    return figure


def curves(
    x: Any, lines: Mapping[str, Any], *, xlabel: str, ylabel: str, title: str | None = None, logx: bool = False
) -> Figure:
    """Curves over x, with their intervals: bars at up to ten points, a shaded band at more.

    Up to ten points on a logarithmic axis are its ticks; whole numbers have no ticks between them.

    x: (n,) numbers, positive if logx.  lines: label -> y (n,), or a tuple (mean, half_width), both (n,) and in the units
    of ylabel, for the interval from mean - half_width to mean + half_width.
    Raises ShapeError if lengths differ, ValueError without lines, for values that are not finite, for negative half
    widths, or for an x of 0 or less if logx.
    """
    if not lines:
        raise ValueError("curves: got no lines, expected at least one, as in {'label': y}")
    x = host(x)
    if x.ndim != 1 or len(x) == 0:
        raise ShapeError(f"curves: got x of shape {x.shape}, expected (n,) with n at least 1")
    x = checked_numbers(x, "curves: got x", x.shape)
    if logx and x.min() <= 0:
        raise ValueError(f"curves: x goes down to {x.min():g}, expected positive numbers for a logarithmic axis")
    few = len(x) <= 10
    figure = new_figure((6.0, 4.0), title)
    axes = figure.add_subplot()
    for i, (label, line) in enumerate(lines.items()):
        y, half_width = with_interval(line, f"curves: got line {label!r}", x.shape)
        style = {"color": colour_of(i), "linewidth": 1.8, "label": label}
        if few:
            marker = MARKERS[i % len(MARKERS)]
            axes.errorbar(x, y, half_width, marker=marker, markersize=5, capsize=3, elinewidth=1.2, **style)
        else:
            axes.plot(x, y, **style)
            if half_width is not None:
                axes.fill_between(x, y - half_width, y + half_width, color=colour_of(i), alpha=0.25, linewidth=0)
    if logx:
        axes.set_xscale("log")
        if few:
            axes.set_xticks(x, [f"{value:g}" for value in x])
            axes.set_xticks([], minor=True)
    elif (x == x.round()).all():
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    open_frame(axes)
    if len(lines) > 1:
        axes.legend(frameon=False)
    return figure


def bars(heights: Mapping[str, Any], *, ylabel: str, title: str | None = None) -> Figure:
    """Numbers side by side: bars from 0, each with its value beside its end, and with its interval if there is one.

    heights: label -> value, or a tuple (value, half_width), both in the units of ylabel, for the interval from
    value - half_width to value + half_width.
    Raises ValueError without bars, for values that are not finite or for negative half widths, ShapeError for
    anything but one number or two.
    """
    if not heights:
        raise ValueError("bars: got no bars, expected at least one, as in {'label': value}")
    labels = [str(label) for label in heights]
    longest = max(len(line) for label in labels for line in label.split("\n"))
    figure = new_figure((1.0 + len(heights) * max(1.0, 0.1 * longest + 0.2), 4.0), title)
    axes = figure.add_subplot()
    for i, (label, height) in enumerate(heights.items()):
        value, half_width = with_interval(height, f"bars: got {label!r}", ())
        bar = axes.bar(i, value, yerr=half_width, width=0.6, color=PALETTE[0], capsize=4)
        text = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
        axes.bar_label(bar, [Formatter.fix_minus(text)], padding=3)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xlim(-0.6, len(heights) - 0.4)
    axes.set_xticks(range(len(labels)), labels)
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(ylabel)
    axes.margins(y=0.1)
    open_frame(axes)
    return figure


def with_interval(given: Any, name: str, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray | None]:
    """(numbers, half widths or None) from numbers of this shape or a tuple of numbers and half widths, or an error."""
    numbers, half_widths = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    numbers = checked_numbers(numbers, name, shape)
    if half_widths is None:
        return numbers, None
    half_widths = checked_numbers(half_widths, f"{name} with half widths", shape)
    if half_widths.min() < 0:
        raise ValueError(f"{name} with a half width of {half_widths.min():g}, expected 0 or more")
    return numbers, half_widths


def checked_numbers(numbers: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """numbers as a finite array of this shape, or an error that says what they are instead."""
    numbers = host(numbers).astype(np.float64)
    if numbers.shape != shape:
        expected = shape or "one number"
        raise ShapeError(f"{name} of shape {numbers.shape}, expected {expected}, or a tuple of two: numbers, half widths")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} with NaN or infinity, expected finite numbers")
    return numbers
