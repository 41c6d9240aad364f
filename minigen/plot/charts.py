"""Charts of values: training histories, curves and bars, with their intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import Formatter, MaxNLocator

from minigen.backend.host import whole_array
from minigen.errors import ShapeError, suggestion
from minigen.plot.figure import MARKERS, PALETTE, check_some, checked_array, color_of, grid_of, host, new_figure, open_frame

Style = dict[str, Any]  # of a line, as matplotlib takes it


def training_curves(
    history: Mapping[str, Sequence[float]], title: str | None = None, panels: Mapping[str, Sequence[str]] | None = None
) -> Figure:
    """The columns of a training history against the epoch or the step, one panel for each quantity.

    A column "validation NAME" is drawn dashed, in the panel of NAME. A panel whose values are all positive and span
    more than two decades has a logarithmic axis. NaN stands for "not measured here".

    history: column name -> values, all of one length; "epoch" or "step", whichever comes first, is the horizontal axis.
    panels: panel name -> the columns drawn together in it, as in {"losses": ["critic loss", "generator loss"]}; other columns are
    omitted. None: every column, with its validation.
    """
    clock, times, columns = columns_of(history, "training_curves")
    contents = by_quantity(columns) if panels is None else panels
    if not contents or not all(contents.values()):
        raise ValueError(f"training_curves: got panels {dict(contents)}, expected at least one, each with at least one column")
    for panel, names in contents.items():
        for name in names:
            if name not in columns:
                raise ValueError(f"training_curves: panel {panel!r}: no column {name!r} to draw; {suggestion(name, columns)}")
    across, down = grid_of(len(contents), len(contents) if len(contents) <= 3 else None, "training_curves")
    width, height = {1: (6.0, 3.8), 2: (4.2, 3.8)}.get(across, (3.5, 3.2))  # of a panel, in inches
    figure = new_figure((width * across, height * down), title)
    for i, (panel, names) in enumerate(contents.items()):
        axes = figure.add_subplot(down, across, i + 1)
        for k, name in enumerate(names):
            validation = name.startswith("validation ")
            style: Style = {"linestyle": "--" if validation else "-", "linewidth": 1.8, "markersize": 3.5}
            if panels is not None:
                style |= {"label": name, "color": color_of(k)}
            else:
                style |= {"label": "validation" if validation else "training", "color": color_of(6 if validation else 0)}
            measured = np.isfinite(columns[name])
            marker = "o" if measured.sum() <= 30 else None
            axes.plot(times[measured], columns[name][measured], marker=marker, **style)
        finish_panel(axes, clock, panel)
        if len(names) > 1 or f"validation {panel}" in names:
            axes.legend(framealpha=0.8, edgecolor="none")  # noisy curves leave no free space
    return figure


def compared_curves(histories: Mapping[str, Mapping[str, Sequence[float]]], title: str | None = None) -> Figure:
    """The training histories of several runs, one panel for each quantity that at least two of them have, a color for each run.

    A column "validation NAME" is drawn dashed, in the panel of NAME. Runs that count epochs and runs that count steps have panels
    of their own. Axes as in `training_curves`.

    histories: name of the run -> its history. ValueError if no two of them have a column in common.
    """
    check_some("compared_curves", "histories", histories, "{'run': history}")
    runs = {label: columns_of(history, f"compared_curves: {label!r}") for label, history in histories.items()}
    panels: dict[tuple[str, str], list[str]] = {}  # clock and quantity -> the runs
    for label, (clock, _, columns) in runs.items():
        for quantity in by_quantity(columns):
            panels.setdefault((clock, quantity), []).append(label)
    panels = {panel: labels for panel, labels in panels.items() if len(labels) > 1}
    if not panels:
        raise ValueError(f"compared_curves: no two of {', '.join(histories)} have a column in common")
    across, down = grid_of(len(panels), len(panels) if len(panels) <= 3 else None, "compared_curves")
    width, height = {1: (6.5, 4.2), 2: (4.6, 4.0)}.get(across, (3.7, 3.4))  # of a panel, in inches
    figure = new_figure((width * across, height * down + 0.3), title)
    colors = {label: color_of(i) for i, label in enumerate(histories)}
    others = {label: MARKERS[i // len(PALETTE) % len(MARKERS)] for i, label in enumerate(histories) if i >= len(PALETTE)}
    for i, ((clock, quantity), labels) in enumerate(panels.items()):
        axes = figure.add_subplot(down, across, i + 1)
        for label in labels:
            _, times, columns = runs[label]
            for name in by_quantity(columns)[quantity]:
                measured = np.isfinite(columns[name])
                marker = others.get(label, "o" if measured.sum() <= 30 else None)
                dashes = "--" if name.startswith("validation ") else "-"
                style: Style = {
                    "color": colors[label],
                    "linestyle": dashes,
                    "marker": marker,
                    "linewidth": 1.8,
                    "markersize": 3.5,
                    "markevery": max(int(measured.sum()) // 30, 1),
                }
                axes.plot(times[measured], columns[name][measured], **style)
        finish_panel(axes, clock, quantity)
    drawn = dict.fromkeys(label for labels in panels.values() for label in labels)
    handles = [Line2D([], [], color=colors[label], marker=others.get(label), label=label) for label in drawn]
    if any(line.get_linestyle() == "--" for axes in figure.axes for line in axes.lines):
        handles.append(Line2D([], [], color="black", linestyle="--", label="validation"))
    figure.legend(
        handles=handles, loc="outside lower center", ncols=max(min(len(handles), int(width * across / 1.8)), 1), frameon=False
    )
    return figure


def columns_of(history: Mapping[str, Sequence[float]], function: str) -> tuple[str, np.ndarray, dict[str, np.ndarray]]:
    """The name of a history's clock, its values, and all other columns, as arrays; else an error that says what they are."""
    clock = next((name for name in history if name in ("epoch", "step")), None)
    if clock is None or len(history) < 2 or len(history[clock]) == 0:
        raise ValueError(f"{function}: got columns {list(history)}, expected 'epoch' or 'step' and at least one more, not empty")
    columns = {name: whole_array(column, dtype=np.float64) for name, column in history.items()}
    times = columns.pop(clock)
    for name, column in columns.items():
        if column.shape != times.shape or times.ndim != 1:
            raise ShapeError(
                f"{function}: got column {name!r} of shape {column.shape} and {clock!r} of shape {times.shape}, expected plain "
                "lists of the same length"
            )
    return clock, times, columns


def finish_panel(axes: Axes, clock: str, quantity: str) -> None:
    """The axes of a panel: logarithmic if its values, all positive, span more than two decades; whole numbers for the clock."""
    values = np.concatenate([line.get_ydata() for line in axes.lines])
    if len(values) and values.min() > 0 and values.max() / values.min() > 100:
        axes.set_yscale("log")
    axes.set(xlabel=clock, ylabel=quantity)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    open_frame(axes)


def by_quantity(columns: Mapping[str, Any]) -> dict[str, list[str]]:
    """Each quantity -> the names of its column and of that of its validation, if they exist."""
    quantities = dict.fromkeys(name.removeprefix("validation ") for name in columns)
    return {quantity: [name for name in (quantity, f"validation {quantity}") if name in columns] for quantity in quantities}


def curves(
    x: Any,
    lines: Mapping[str, Any],
    *,
    xlabel: str,
    ylabel: str,
    title: str | None = None,
    logx: bool = False,
    logy: bool = False,
) -> Figure:
    """Curves over x, with their intervals: bars at up to ten points, a shaded band at more.

    Up to ten points on a logarithmic horizontal axis are its ticks; whole numbers have no ticks between them. On a
    logarithmic vertical axis, an interval that reaches down to 0 or below leaves the picture at its lower edge.

    x: (n,) values, positive if logx.  lines: label -> y (n,), or a tuple (mean, half_width), both (n,) and in the units
    of ylabel, for the interval from mean - half_width to mean + half_width; y or mean positive if logy.
    """
    check_some("curves", "lines", lines, "{'label': y}")
    expected = "(n,) with n at least 1"
    x = checked_array(host(x).astype(np.float64), "curves: got x", lambda shape: len(shape) == 1 and shape > (0,), expected)
    if logx and x.min() <= 0:
        raise ValueError(f"curves: x goes down to {x.min():g}, expected positive values for a logarithmic axis")
    measured = {label: with_interval(line, f"curves: got line {label!r}", x.shape) for label, line in lines.items()}
    lowest = min(measured, key=lambda label: measured[label][0].min())
    floor = measured[lowest][0].min()
    if logy and floor <= 0:
        raise ValueError(f"curves: line {lowest!r} goes down to {floor:g}, expected positive values for a logarithmic axis")
    few = len(x) <= 10
    figure = new_figure((6.0, 4.0), title)
    axes = figure.add_subplot()
    for i, (label, (y, half_width)) in enumerate(measured.items()):
        style: Style = {"color": color_of(i), "linewidth": 1.8, "label": label}
        if few:
            marker = MARKERS[i % len(MARKERS)]
            axes.errorbar(x, y, half_width, marker=marker, markersize=5, capsize=3, elinewidth=1.2, **style)
        else:
            axes.plot(x, y, **style)
            if half_width is not None:
                axes.fill_between(x, y - half_width, y + half_width, color=color_of(i), alpha=0.25, linewidth=0)
    if logx:
        axes.set_xscale("log")
        if few:
            axes.set_xticks(x, [f"{value:g}" for value in x])
            axes.set_xticks([], minor=True)
    elif (x == x.round()).all():
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    if logy:
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(axes.get_ylim()[0], floor / 10))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    open_frame(axes)
    if len(lines) > 1:
        axes.legend(frameon=False)
    return figure


def bars(heights: Mapping[str, Any], *, ylabel: str, title: str | None = None) -> Figure:
    """Values side by side: bars from 0, each with its value beside its end, and with its interval if there is one.

    The bars are vertical if their labels fit side by side in 11 inches, else horizontal, the first on top.

    heights: label -> value, or a tuple (value, half_width), both in the units of ylabel, for the interval from
    value - half_width to value + half_width.
    """
    check_some("bars", "bars", heights, "{'label': value}")
    labels = [str(label) for label in heights]
    longest = max(len(line) for label in labels for line in label.split("\n"))
    width = 1.0 + len(labels) * max(1.0, 0.1 * longest + 0.2)  # inches that the labels need side by side
    lying = width > 11
    figure = new_figure((5.5 + 0.08 * longest, 0.8 + 0.3 * len(labels)) if lying else (width, 4.0), title)
    axes = figure.add_subplot()
    for i, (label, height) in enumerate(heights.items()):
        value, half_width = with_interval(height, f"bars: got {label!r}", ())
        style: Style = {"color": PALETTE[0], "capsize": 3 if lying else 4}
        bar = axes.barh(i, value, 0.6, xerr=half_width, **style) if lying else axes.bar(i, value, 0.6, yerr=half_width, **style)
        text = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
        axes.bar_label(bar, [Formatter.fix_minus(text)], padding=3)
    if lying:
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set(ylim=(len(labels) - 0.4, -0.6), xlabel=ylabel)
        axes.set_yticks(range(len(labels)), labels)
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.15)
    else:
        axes.axhline(0, color="black", linewidth=0.8)
        axes.set(xlim=(-0.6, len(labels) - 0.4), ylabel=ylabel)
        axes.set_xticks(range(len(labels)), labels)
        axes.tick_params(axis="x", length=0)
        axes.margins(y=0.1)
    open_frame(axes)
    return figure


def table(rows: Mapping[str, Any], columns: Sequence[str], title: str | None = None) -> Figure:
    """Values in a table, each in a cell that is darker the closer it is to 1, and white at 0 and below.

    rows: label -> as many values as there are columns.
    """
    check_some("table", "rows", rows, "{'label': values}")
    values = np.stack([checked_values(row, f"table: got row {label!r}", (len(columns),)) for label, row in rows.items()])
    longest = max(len(label) for label in rows)
    figure = new_figure((0.1 * longest + 1.0 * len(columns) + 0.4, 0.3 * len(rows) + 0.8), title)
    axes = figure.add_subplot()
    axes.imshow(values, cmap="Blues", vmin=0, vmax=1.3, aspect="auto")  # 1.3: black letters stay readable
    for (i, j), value in np.ndenumerate(values):
        axes.text(j, i, Formatter.fix_minus(f"{value:.2f}"), ha="center", va="center")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def histograms(values: Mapping[str, Any], *, xlabel: str, title: str | None = None) -> Figure:
    """The distribution of values, one panel for each set, from its smallest to its largest value.

    values: label -> values of any shape, in the units of xlabel; bar heights are shares in percent, in 50 bins.
    """
    check_some("histograms", "sets", values, "{'label': values}")
    figure = new_figure((3.6 * len(values), 3.0), title)
    for i, (label, given) in enumerate(values.items()):
        given = host(given).astype(np.float64)
        flat = checked_array(given, f"histograms: got {label!r}", lambda shape: 0 not in shape, "at least one value").ravel()
        axes = figure.add_subplot(1, len(values), i + 1)
        axes.hist(flat, bins=50, weights=np.full(flat.size, 100 / flat.size), color=color_of(i))
        axes.set_title(label, fontsize=11)
        axes.set(xlabel=xlabel, ylabel="%" if i == 0 else None)
        open_frame(axes)
    return figure


def with_interval(given: Any, name: str, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray | None]:
    """(values, half widths or None) from values of this shape or a tuple of values and half widths, else an error."""
    values, half_widths = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    values = checked_values(values, name, shape)
    if half_widths is None:
        return values, None
    half_widths = checked_values(half_widths, f"{name} with half widths", shape)
    if half_widths.min() < 0:
        raise ValueError(f"{name} with a half width of {half_widths.min():g}, expected 0 or more")
    return values, half_widths


def checked_values(values: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """values as a finite array of this shape, else an error that says what they are."""
    expected = f"{shape or 'one value'}, or a tuple of two: values, half widths"
    return checked_array(host(values).astype(np.float64), name, lambda given: given == shape, expected)
