"""anomaly, profile, draw_graph, graph_to_dot."""

import re
import threading
import time

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import minigen
from minigen import Parameter, Tensor, detect_anomaly, draw_graph, grad, graph_to_dot, op, profile
from minigen.autograd.debug import Cost
from minigen.backend import strict
from minigen.errors import NonFiniteError


def line_of(text: str) -> int:
    """The number of the line of this file that ends with the comment `text`."""
    with open(__file__, encoding="utf-8") as lines:
        return next(number for number, line in enumerate(lines, 1) if line.rstrip().endswith(f"# {text}"))


# -- anomaly -----------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_anomaly_names_the_op_that_made_the_nan_and_its_call_site():
    x = Tensor([-1.0, 1.0], requires_grad=True)
    with (
        detect_anomaly(),
        pytest.raises(NonFiniteError, match="log returned NaN or infinity; it computed it from finite inputs") as caught,
    ):
        x.tanh().log().sum()  # the forward call
    assert re.search(rf"test_debug\.py:{line_of('the forward call')} in test_anomaly_names", str(caught.value))


def test_anomaly_tells_when_the_input_was_the_culprit():
    with detect_anomaly(), pytest.raises(NonFiniteError, match="multiply returned NaN or infinity; it already had such an input"):
        Tensor([np.inf]) * 2.0


def test_an_input_that_was_not_given_is_finite():
    x, kernel = (Tensor(np.full((1, 1, 1, 1), 1e30, np.float32)) for _ in range(2))
    with (
        detect_anomaly(),
        pytest.raises(NonFiniteError, match=r"conv2d returned .* it computed it from finite inputs \(.*, None\), at"),
    ):
        minigen.conv2d(x, kernel)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("create_graph", [False, True])
def test_anomaly_names_the_rule_and_where_its_op_was_called(create_graph):
    x = Tensor([0.0], requires_grad=True)
    with detect_anomaly():
        y = x.sqrt().sum()  # the call whose rule divides by zero
        with pytest.raises(NonFiniteError, match="rule sqrt_dx of sqrt returned NaN or infinity") as caught:
            grad(y, [x], create_graph=create_graph)
    assert f"test_debug.py:{line_of('the call whose rule divides by zero')}" in str(caught.value)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_anomaly_says_when_the_forward_pass_was_outside_the_block():
    y = Tensor([0.0], requires_grad=True).sqrt().sum()
    with detect_anomaly(), pytest.raises(NonFiniteError, match=r"a line outside the detect_anomaly\(\) block"):
        y.backward()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_anomaly_ends_with_its_block_and_holds_in_its_thread_only():
    seen = []
    with detect_anomaly():
        thread = threading.Thread(target=lambda: seen.append(Tensor([np.inf]) * 1.0))
        thread.start()
        thread.join()
    assert len(seen) == 1
    assert np.isinf((Tensor([np.inf]) * 1.0).item())


def test_anomaly_is_quicker_than_numpys_own_complaint():
    with np.errstate(all="raise"), detect_anomaly(), pytest.raises(NonFiniteError, match="log returned NaN or infinity"):
        Tensor([-1.0]).log()


def test_anomaly_lets_finite_numbers_pass(backend):
    x = Tensor([1.0, 2.0], requires_grad=True)
    with detect_anomaly():
        (x * x).sum().backward()
    np.testing.assert_array_equal(minigen.to_numpy(x.grad), [2.0, 4.0])


# -- profile -----------------------------------------------------------------------------------------------------


def test_profile_counts_calls_and_bytes_by_op_and_rule(backend):
    x = Tensor(minigen.asarray(np.ones((5, 4), np.float32)), requires_grad=True)
    with profile() as costs:
        y = x.tanh().tanh() + x.exp()
        y.sum().backward()
    calls = {name: cost.calls for name, cost in costs.costs.items()}
    assert calls == {"tanh": 2, "exp": 1, "add": 1, "sum": 1, "tanh_dx": 2, "exp_dx": 1, "add_dx": 1, "add_dy": 1, "sum_dx": 1}
    assert costs.costs["tanh"].bytes == 2 * 5 * 4 * 4
    assert all(cost.seconds >= 0.0 for cost in costs.costs.values())
    x.tanh()
    assert costs.costs["tanh"].calls == 2, "calls after the block are not counted"


def test_the_table_of_a_profile_lists_every_op_the_most_expensive_first():
    with profile() as costs:
        (Tensor([1.0]) * 2.0).tanh()
    costs.costs["multiply"].seconds, costs.costs["tanh"].seconds = 3e-3, 1e-3
    title, first, second = str(costs).splitlines()
    assert title.split() == ["op", "calls", "ms", "share", "MiB"]
    assert first.split()[:4] == ["multiply", "1", "3.000", "75.0%"] and second.split()[0] == "tanh"


def test_a_row_of_the_table_shows_milliseconds_share_and_mebibytes():
    costs = profile()
    costs.costs = {"tanh": Cost(3, 0.0015, 3 << 19), "tanh_dx": Cost(1, 0.0045, 1 << 18)}
    assert str(costs).splitlines()[1:] == ["tanh_dx      1  4.500  75.0%  0.25", "tanh         3  1.500  25.0%  1.50"]


def test_the_seconds_of_a_profile_are_those_between_start_and_end_of_an_op_on_its_device():
    minigen.use("strict")
    x = Tensor(minigen.asarray(np.ones(3)), requires_grad=True)
    start = time.perf_counter()
    with profile() as costs, strict.count() as counted:
        x.tanh().sum().backward()
    assert 0.0 < sum(cost.seconds for cost in costs.costs.values()) < time.perf_counter() - start
    assert counted.synchronizations == sum(cost.calls for cost in costs.costs.values()) == 4


def test_an_empty_profile_prints_its_total_alone():
    with profile() as costs:
        pass
    assert len(str(costs).splitlines()) == 1


# -- the graph as a picture --------------------------------------------------------------------------------------


@pytest.fixture
def small_graph():
    """sum(w * x + w), with w used twice, x a constant and 1.0 a number."""
    w, x = Parameter(np.ones((2, 3), np.float32), name='layer "0".w'), Tensor(np.ones(3, np.float32))
    return (w * x + w + 1.0).sum()


def test_graph_to_dot_has_a_box_a_tensor_and_an_arrow_an_input(small_graph):
    dot = graph_to_dot(small_graph)
    boxes = re.findall(r't(\d+) \[label="(.*)"(, style=filled)?\];', dot)
    arrows = re.findall(r"t(\d+) -> t(\d+);", dot)
    assert [label.split("\\n")[0] for _, label, _ in boxes if not label.startswith("layer")].count("add") == 2
    assert len(boxes) == 6 and len(arrows) == 6
    assert sum(bool(filled) for *_, filled in boxes) == 2, "leaves are filled"
    assert r"layer \"0\".w\n2×3" in dot
    assert "sum = 18\\nscalar" in dot
    names = {number for number, *_ in boxes}
    assert all(source in names and target in names for source, target in arrows)


def test_draw_graph_writes_a_picture(small_graph, tmp_path):
    figure = draw_graph(small_graph, tmp_path / "graph.png")
    header = (tmp_path / "graph.png").read_bytes()[:24]
    assert header.startswith(b"\x89PNG") and int.from_bytes(header[16:20], "big") == round(150 * figure.get_figwidth())
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert sorted(text.split("\n")[0].split(" = ")[0] for text in texts if text) == [
        "add",
        "add",
        "constant",
        'layer "0".w',
        "multiply",
        "sum",
    ]


def boxes(figure) -> dict[str, tuple[float, float]]:
    """Where the middle of each box is, by its first word."""
    return {text.get_text().split()[0]: text.get_position() for text in figure.axes[0].texts if text.get_text()}


def test_a_result_stands_after_its_inputs_and_a_leaf_before_its_first_use():
    w, x, late = (Parameter(np.ones(2), name=name) for name in ("w", "x", "late"))
    assert boxes(draw_graph(w.exp() + x.tanh().sin()))["exp"][0] == 1, "a result that waits for another has moved to it"
    places = boxes(draw_graph((minigen.tanh(w * x) + late).sum()))
    assert places == {
        "w": (0, 0.5),
        "x": (0, -0.5),
        "multiply": (1, 0.0),
        "late": (2, 0.5),
        "tanh": (2, -0.5),
        "add": (3, 0.0),
        "sum": (4, 0.0),
    }


@pytest.mark.parametrize("leaves, steps", [(1, 0), (2, 1), (7, 1), (3, 12)])
def test_the_boxes_of_a_drawing_touch_neither_each_other_nor_its_edge(leaves, steps):
    y = minigen.concatenate(*(Parameter(np.ones((10, 10)), name=f"encoder.{i}.w") for i in range(leaves)))
    for _ in range(steps):
        y = y.reshape(-1)
    figure = draw_graph(y)
    FigureCanvasAgg(figure).draw()
    drawn = {text.get_position(): text.get_bbox_patch().get_window_extent() for text in figure.axes[0].texts if text.get_text()}
    for place, box in drawn.items():
        np.testing.assert_allclose(
            ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2), figure.axes[0].transData.transform(place), atol=3
        )
    extents = list(drawn.values())
    assert len(extents) == leaves + 1 + steps
    for i, box in enumerate(extents):
        assert figure.bbox.x0 < box.x0 and box.x1 < figure.bbox.x1 and figure.bbox.y0 < box.y0 and box.y1 < figure.bbox.y1
        assert not any(box.overlaps(other) for other in extents[:i])
    (left, right), (bottom, top) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
    np.testing.assert_allclose((left + right, bottom + top), (steps + 1, 0.0), atol=1e-12, err_msg="not in the middle")
    width, height = figure.get_size_inches()
    assert width < 2 * (steps + 2) + 0.1 and height < 1 + leaves, "the picture is mostly empty"


def test_arrows_run_below_the_boxes_and_bend_only_around_what_may_stand_between():
    x, y = Parameter(np.ones(2), name="x"), Parameter(np.ones(2), name="y")
    near = x * y
    figure = draw_graph((near.tanh() + x + y).sum())
    places, bends = boxes(figure), {}
    for text in figure.axes[0].texts:
        if not text.get_text():
            bends[text.xyann, text.xy] = text.arrow_patch.get_connectionstyle().rad
        assert text.get_text() or text.arrow_patch.get_zorder() < min(
            box.get_zorder() for box in figure.axes[0].texts if box.get_text()
        )
    assert len(bends) == 8
    for (source, target), bend in bends.items():
        assert (bend != 0) == (target[0] - source[0] > 1)
    (upper,), (lower,) = ([bend for (source, target), bend in bends.items() if source == places[name] and bend] for name in "xy")
    assert upper == -lower < 0, "arrows from above bend upward, those from below downward"


def test_boxes_of_results_parameters_and_constants_differ_in_color():
    colors = {
        text.get_text().split()[0]: text.get_bbox_patch().get_facecolor()
        for text in draw_graph(Parameter(np.ones(2), name="w") * Tensor(np.ones(2)) + Parameter(np.ones(2), name="b"))
        .axes[0]
        .texts
        if text.get_text()
    }
    assert colors["w"] == colors["b"] and colors["multiply"] == colors["add"]
    assert len({colors["w"], colors["multiply"], colors["constant"]}) == 3


def test_draw_graph_works_for_a_leaf_and_for_a_graph_of_derivatives():
    x = Tensor([2.0], requires_grad=True)
    assert len(draw_graph(x).axes[0].texts) == 1
    (dx,) = grad((x * x * x).sum(), [x], create_graph=True)
    assert any(text.get_text().startswith("multiply") for text in draw_graph(dx).axes[0].texts)


def test_draw_graph_refuses_what_no_picture_shows():
    y = Tensor([1.0], requires_grad=True)
    for _ in range(199):
        y = y + 1.0
    assert len(boxes(draw_graph(y))) == 2, "two hundred tensors, the leaf and sums"
    y = y + 1.0
    with pytest.raises(ValueError, match="a graph of 201 tensors does not fit a picture .*graph_to_dot"):
        draw_graph(y)
    assert graph_to_dot(y).count("add") == 200


def test_names_of_ops_of_ones_own_appear():
    @op
    def swish(x):
        return x / (1.0 + np.exp(-x))

    assert "swish" in graph_to_dot(swish(Tensor([1.0], requires_grad=True)))
