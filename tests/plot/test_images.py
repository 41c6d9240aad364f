"""Images in grids and over a latent space: what they show is what they were given."""

import numpy as np
import pytest

from minigen import plot
from minigen.errors import ShapeError
from tests.plot.drawn import HostedElsewhere, pictures, shown, texts

# image_grid


@pytest.mark.parametrize("shape", [(7, 6, 4), (7, 6, 4, 1), (7, 6, 4, 3)], ids=["gray", "gray, channel", "RGB"])
def test_grid_shows_the_images_in_reading_order(shape):
    images = pictures(*shape)
    arrays, corners = shown(plot.image_grid(images, columns=3))
    np.testing.assert_array_equal(arrays, images[..., 0] if shape[3:] == (1,) else images)
    assert len({x for x, _ in corners}) == 3 and len({y for _, y in corners}) == 3


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (5, 3), (9, 3), (10, 4)])
def test_grid_is_as_square_as_can_be(n, columns):
    _, corners = shown(plot.image_grid(pictures(n, 2, 2)))
    assert len({x for x, _ in corners}) == columns


def test_grid_takes_tensors_a_title_and_labels():
    images = pictures(4, 3, 3, 1)
    figure = plot.image_grid(HostedElsewhere(images), title="Samples", labels=[3, 1, "two", 0])
    np.testing.assert_array_equal(shown(figure)[0], images[..., 0])
    assert figure.get_suptitle() == "Samples"
    assert texts(figure) == ["3", "1", "two", "0"]


def test_gray_is_shown_on_the_scale_from_0_to_1():
    (gray,) = plot.image_grid(np.full((1, 2, 2), 0.3)).axes[0].images
    assert gray.get_clim() == (0, 1) and gray.get_cmap().name == "gray"


def test_what_rounding_adds_is_cut_off(caplog):
    (arrays, _) = shown(plot.image_grid(np.array([-1e-5, 0.5, 1 + 1e-5]).reshape(1, 1, 1, 3)))
    np.testing.assert_array_equal(arrays[0], [[[0, 0.5, 1]]])
    assert caplog.text == "", "matplotlib complained about the range"


@pytest.mark.parametrize(("low", "high"), [(-0.04, 1.0), (0.0, 1.04), (-1e-5, 1e-7)])
def test_what_an_unbounded_decoder_overshoots_is_cut_off(low, high):
    """A twentieth of the brightest pixel; of black images only rounding errors."""
    (arrays, _) = shown(plot.image_grid(np.array([low, high / 2, high]).reshape(1, 1, 1, 3)))
    np.testing.assert_array_equal(arrays[0], [[np.clip([low, high / 2, high], 0, 1)]])


EVERY_PICTURE_OF_IMAGES = {
    "image_grid": lambda images, path: plot.image_grid(images),
    "image_rows": lambda images, path: plot.image_rows({"fine": np.zeros_like(images), "these": images}),
    "interpolation_grid": lambda images, path: plot.interpolation_grid(images.reshape(2, 2, *images.shape[1:])),
    "walk_grid": lambda images, path: plot.walk_grid(images.reshape(2, 2, *images.shape[1:])),
    "save_walks": lambda images, path: plot.save_walks(images.reshape(2, 2, *images.shape[1:]), path / "a.gif"),
    "manifold_grid": lambda images, path: plot.manifold_grid(images.reshape(2, 2, *images.shape[1:]), [0, 1], [0, 1]),
    "equation, terms": lambda images, path: plot.equation({"a": images}, "", np.zeros((1, 1, *images.shape[1:]))),
    "equation, result": lambda images, path: plot.equation(
        {"a": np.zeros_like(images)}, "", images.reshape(2, 2, *images.shape[1:])
    ),
    "code_map": lambda images, path: plot.code_map(np.eye(4, 2), [0, 0, 1, 1], "ab", images),
    "save_tiles": lambda images, path: plot.save_tiles(images, path / "a.png"),
    "save_animation": lambda images, path: plot.save_animation([images], path / "a.gif"),
}


@pytest.mark.parametrize("draw", EVERY_PICTURE_OF_IMAGES.values(), ids=list(EVERY_PICTURE_OF_IMAGES))
@pytest.mark.parametrize(
    ("low", "high", "cure"),
    [
        (0, 255, "from 0 to 255, .*divided by 255"),
        (-1, 1, r"from -1 to 1, .*\(x \+ 1\) / 2"),
        (-0.01, 1.2, r"from -0.01 to 1.2, .*x.clip\(0, 1\)"),
        (-0.04, 0.05, r"from -0.04 to 0.05, .*\(x \+ 1\) / 2"),
        (-4, 3, r"from -4 to 3, .*minigen.sigmoid\(x\), and what was normalized by x \* std \+ mean"),
    ],
    ids=["bytes", "of a tanh", "overshooting", "of an untrained tanh", "logits"],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_images_outside_the_unit_interval_are_refused_and_not_cut_off(draw, low, high, cure, channels, tmp_path):
    images = np.linspace(low, high, 16 * channels).reshape(4, 2, 2, channels)
    with pytest.raises(ValueError, match=cure):
        draw(images, tmp_path)
    assert not list(tmp_path.iterdir())
    draw((images - low) / (high - low), tmp_path)


def test_grid_leaves_the_images_as_they_are():
    images = pictures(2, 3, 3, 3)
    images[0, 0, 0, 0] = 1 + 1e-5
    before = images.copy()
    plot.image_grid(images)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize(
    ("images", "options", "error", "message"),
    [
        (pictures(28, 28), {}, ShapeError, r"images of shape \(28, 28\), expected at least one image"),
        (pictures(0, 28, 28), {}, ShapeError, r"shape \(0, 28, 28\)"),
        (pictures(2, 28, 28, 2), {}, ShapeError, r"shape \(2, 28, 28, 2\)"),
        (np.full((2, 4, 4), 7, np.uint8), {}, ValueError, r"of dtype uint8 from 7 to 7, .*: x.astype\('float32'\) / 255$"),
        (np.full((2, 4, 4), 255), {}, ValueError, r"of dtype int64 from 255 to 255, .* / 255$"),
        (np.ones((2, 4, 4), bool), {}, ValueError, r"of dtype bool from 1 to 1, .*: x.astype\('float32'\)$"),
        (np.full((2, 4, 4), "a"), {}, ValueError, "of dtype <U1, expected floats"),
        (np.full((2, 4, 4), np.nan), {}, ValueError, "NaN or infinity"),
        (pictures(2, 4, 4), {"columns": 0}, ValueError, "columns is 0"),
        (pictures(2, 4, 4), {"labels": [1]}, ShapeError, "1 labels for 2 images"),
    ],
)
def test_grid_refuses(images, options, error, message):
    with pytest.raises(error, match=message):
        plot.image_grid(images, **options)


# image_rows


def test_rows_show_each_mapping_entry_beside_its_label():
    original, reconstruction = pictures(5, 4, 4, 3), HostedElsewhere(pictures(5, 8, 8, 3, seed=1))
    figure = plot.image_rows({"original": original, "reconstruction": reconstruction}, title="Held out")
    arrays, corners = shown(figure)
    np.testing.assert_array_equal(arrays[:5], original)
    np.testing.assert_array_equal(arrays[5:], reconstruction.values)
    assert [x for x, _ in corners[:5]] == [x for x, _ in corners[5:]], "columns are not aligned"
    assert texts(figure) == ["original", "reconstruction"]
    assert figure.get_suptitle() == "Held out"


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ({}, ValueError, "got no rows"),
        ({"a": pictures(3, 2, 2), "b": pictures(4, 2, 2)}, ShapeError, r"\{'a': 3, 'b': 4\}"),
        ({"a": pictures(3, 2, 2), "b": pictures(3, 4)}, ShapeError, r"row 'b' of shape \(3, 4\)"),
    ],
)
def test_rows_refuse(rows, error, message):
    with pytest.raises(error, match=message):
        plot.image_rows(rows)


# interpolation_grid


def frames(figure):
    """(left, top, right, bottom) of the frames."""
    boxes = [patch.get_bbox() for patch in figure.axes[0].patches]
    return [(box.xmin, box.ymin, box.xmax, box.ymax) for box in boxes]


@pytest.mark.parametrize("channels", [1, 3])
def test_interpolation_shows_rows_and_columns(channels):
    images = pictures(2, 3, 6, 4, channels)
    figure = plot.interpolation_grid(HostedElsewhere(images), "Between")
    arrays, corners = shown(figure)
    np.testing.assert_array_equal(np.reshape(arrays, images.shape), images)
    assert len({x for x, _ in corners}) == 3 and len({y for _, y in corners}) == 2
    assert figure.get_suptitle() == "Between"


@pytest.mark.parametrize(
    ("anchors", "framed"),
    [(None, [0, 4, 10, 14]), ([], []), ([(1, 2)], [7]), (np.array([[0, 0], [-1, 3]]), [0, 13])],
    ids=["corners", "none", "one", "counted from the end"],
)
def test_interpolation_frames_the_anchors(anchors, framed):
    figure = plot.interpolation_grid(pictures(3, 5, 6, 4, 1), anchors=anchors)
    inside = [
        [i for i, (x, y) in enumerate(shown(figure)[1]) if left < x < x + 1 < right and top < y < y + 1.5 < bottom]
        for left, top, right, bottom in frames(figure)
    ]
    assert inside == [[i] for i in framed], "each frame holds one whole image"


# walk_grid


def test_walks_are_rows_with_their_ends_framed():
    walks = pictures(2, 3, 6, 4, 3)
    figure = plot.walk_grid(HostedElsewhere(walks), "Walks")
    arrays, corners = shown(figure)
    np.testing.assert_array_equal(np.reshape(arrays, walks.shape), walks)
    assert len({x for x, _ in corners}) == 3 and len({y for _, y in corners}) == 2
    inside = [
        [i for i, (x, y) in enumerate(corners) if left < x < x + 1 < right and top < y < y + 1.5 < bottom]
        for left, top, right, bottom in frames(figure)
    ]
    assert sorted(inside) == [[0], [2], [3], [5]]


def test_walks_have_labels_and_steps():
    figure = plot.walk_grid(pictures(2, 3, 6, 4, 1), labels=["hair", "smile"], steps=[-1.5, 0, "far"], framed=[1])
    texts = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    assert list(texts) == ["hair", "smile", "\N{MINUS SIGN}1.5", "0", "far"]
    assert texts["hair"][0] < 0 and texts["hair"][1] < texts["smile"][1] < texts["0"][1]
    assert texts["\N{MINUS SIGN}1.5"][0] < texts["0"][0] < texts["far"][0] and len(frames(figure)) == 2


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"labels": ["a"]}, ShapeError, "walk_grid: got 1 labels for 2 walks of 3 images, expected 2"),
        ({"steps": [1, 2]}, ShapeError, "walk_grid: got 2 steps for 2 walks of 3 images, expected 3"),
        ({"framed": [3]}, IndexError, "walk_grid: framed column 3 is outside the 3 columns"),
    ],
)
def test_walk_grid_refuses(options, error, message):
    with pytest.raises(error, match=message):
        plot.walk_grid(pictures(2, 3, 6, 4, 1), **options)


@pytest.mark.parametrize(
    ("images", "anchors", "error", "message"),
    [
        (
            pictures(6, 28, 28, 1),
            None,
            ShapeError,
            r"interpolation_grid: got images of shape \(6, 28, 28, 1\), expected \(rows, ",
        ),
        (pictures(2, 3, 4, 4, 2), None, ShapeError, r"\(2, 3, 4, 4, 2\), expected .* with c 1 or 3"),
        (pictures(0, 3, 4, 4, 1), None, ShapeError, r"\(0, 3, 4, 4, 1\)"),
        (np.zeros((2, 3, 4, 4, 1), int), None, ValueError, "of dtype int64"),
        (pictures(2, 3, 4, 4, 1), [(2, 0)], IndexError, r"anchor \(2, 0\) is outside the 2 rows and 3 columns"),
        (pictures(2, 3, 4, 4, 1), [(0, -4)], IndexError, r"anchor \(0, -4\)"),
    ],
)
def test_interpolation_refuses(images, anchors, error, message):
    with pytest.raises(error, match=message):
        plot.interpolation_grid(images, anchors=anchors)


# equation


def test_equation_shows_its_terms_in_columns_and_the_result_in_rows():
    first, second, result = pictures(3, 4, 4, 3), pictures(3, 4, 4, 3, seed=1), pictures(3, 3, 4, 4, 3, seed=2)
    figure = plot.equation({"woman": first, "man": HostedElsewhere(second)}, "-", result, "woman - man")
    placed = {tuple(image.get_extent()[0::3]): np.asarray(image.get_array()) for image in figure.axes[0].images}
    lefts = sorted({left for left, _ in placed})
    for left, images in zip(lefts, [first, second, *result.swapaxes(0, 1)]):
        np.testing.assert_array_equal([placed[place] for place in sorted(placed) if place[0] == left], images)
    assert texts(figure) == ["woman", "−", "man", "="] and figure.get_suptitle() == "woman - man"


def test_equation_frames_the_means_and_the_sum():
    result = pictures(3, 3, 4, 4, 1, seed=2)
    figure = plot.equation({"a": pictures(4, 4, 4), "b": pictures(4, 4, 4, seed=1), "c": pictures(4, 4, 4, seed=3)}, "+-", result)
    arrays, corners = shown(figure)
    inside = [
        [array for array, (x, y) in zip(arrays, corners) if left < x < x + 1 < right and top < y < y + 1 < bottom]
        for left, top, right, bottom in frames(figure)
    ]
    expected = [pictures(4, 4, 4)[3], pictures(4, 4, 4, seed=1)[3], pictures(4, 4, 4, seed=3)[3], result[1, 1, ..., 0]]
    np.testing.assert_array_equal(np.concatenate(inside), expected)


@pytest.mark.parametrize(
    ("terms", "signs", "result", "error", "message"),
    [
        ({}, "", pictures(1, 1, 4, 4, 1), ValueError, "got 0 terms and 0 signs"),
        ({"a": pictures(2, 4, 4), "b": pictures(2, 4, 4)}, "+-", pictures(1, 1, 4, 4, 1), ValueError, "2 terms and 2 signs"),
        ({"a": pictures(2, 4, 4), "b": pictures(3, 4, 4)}, "+", pictures(1, 1, 4, 4, 1), ShapeError, "the same number of images"),
        (
            {"a": pictures(2, 4, 4)},
            "",
            pictures(1, 1, 4, 4, 3),
            ShapeError,
            r"terms of shapes .* a result of shape \(1, 1, 4, 4, 3\)",
        ),
        ({"a": pictures(2, 4, 4)}, "", pictures(3, 4, 4), ShapeError, r"expected \(rows, columns, h, w, c\)"),
    ],
)
def test_equation_refuses(terms, signs, result, error, message):
    with pytest.raises(error, match=message):
        plot.equation(terms, signs, result)


# manifold_grid


def cells(figure, rows, columns):
    """The images of a manifold, (rows, columns, h, w[, 3]), from the lowest row upward."""
    (axes,) = figure.axes
    (mosaic,) = axes.images
    assert tuple(mosaic.get_extent()) == (-0.5, columns - 0.5, -0.5, rows - 0.5), "cell j lies around j"
    array = np.asarray(mosaic.get_array())
    height, width = array.shape[0] // rows, array.shape[1] // columns
    return array.reshape(rows, height, columns, width, *array.shape[2:]).swapaxes(1, 2)[::-1]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("x", [[-1, 0, 1], [1, 0, -1]], ids=["x rises", "x falls"])
@pytest.mark.parametrize("y", [[0, 0.5], [0.5, 0]], ids=["y rises", "y falls"])
def test_manifold_puts_every_image_at_its_code(x, y, channels):
    images = pictures(2, 3, 6, 4, channels)
    figure = plot.manifold_grid(HostedElsewhere(images), x, y, title="Manifold")
    (axes,) = figure.axes
    placed = cells(figure, 2, 3)
    for i, low in enumerate([0, 0.5]):
        for j, left in enumerate([-1, 0, 1]):
            expected = images[y.index(low), x.index(left)]
            np.testing.assert_array_equal(placed[i, j], expected[..., 0] if channels == 1 else expected)
    assert axes.get_xlim() == (-0.5, 2.5) and axes.get_ylim() == (-0.5, 1.5), "z1 to the right, z2 upward, nothing around"
    assert axes.images[0].get_clim() == (0, 1) or channels == 3
    assert (axes.get_xlabel(), axes.get_ylabel(), figure.get_suptitle()) == ("$z_1$", "$z_2$", "Manifold")


def ticks(axis):
    return dict(
        zip([text.get_text().replace("\N{MINUS SIGN}", "-") for text in axis.get_ticklabels()], axis.get_ticklocs().tolist())
    )


@pytest.mark.parametrize(
    ("coordinates", "expected"),
    [
        ([-2, -1, 0, 1, 2], {"-2": 0, "-1": 1, "0": 2, "1": 3, "2": 4}),
        ([2, 1, 0, -1, -2], {"-2": 0, "-1": 1, "0": 2, "1": 3, "2": 4}),
        ([-1.1, -0.3, 0.3, 1.1], {"-1": 0.125, "0": 1.5, "1": 2.875}),
        ([0.25], {"0.25": 0}),
    ],
    ids=["round", "falling", "between the images, where they are unevenly spaced", "one"],
)
def test_manifold_marks_round_coordinates_where_they_lie(coordinates, expected):
    n = len(coordinates)
    (axes,) = plot.manifold_grid(pictures(1, n, 4, 4, 1), coordinates, [7]).axes
    assert ticks(axes.xaxis) == pytest.approx(expected)
    assert ticks(axes.yaxis) == {"7": 0}
    (axes,) = plot.manifold_grid(pictures(n, 1, 4, 4, 1), [7], coordinates).axes
    assert ticks(axes.yaxis) == pytest.approx(expected)


def test_manifold_of_many_images_stays_readable():
    (axes,) = plot.manifold_grid(pictures(30, 30, 4, 4, 1), np.linspace(-3, 3, 30), np.linspace(-3, 3, 30)).axes
    assert list(ticks(axes.xaxis)) == list(ticks(axes.yaxis)) == ["-3", "-2", "-1", "0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"images": pictures(6, 4, 4, 1)}, ShapeError, r"manifold_grid: got images of shape \(6, 4, 4, 1\)"),
        ({"x": [0, 1]}, ShapeError, r"got x of shape \(2,\), expected \(3,\), one for each column"),
        ({"y": [0, 1, 2]}, ShapeError, r"got y of shape \(3,\), expected \(2,\), one for each row"),
        ({"x": [0, 1, 1]}, ValueError, r"got x = \[0. 1. 1.\], expected finite, strictly monotonic values"),
        ({"y": [0, np.nan]}, ValueError, "got y with NaN or infinity"),
    ],
)
def test_manifold_refuses(changes, error, message):
    arguments = {"images": pictures(2, 3, 4, 4, 1), "x": [0, 1, 2], "y": [0, 1]}
    with pytest.raises(error, match=message):
        plot.manifold_grid(**(arguments | changes))


# filters


def test_filters_of_one_channel_lie_in_a_square_each_on_its_own_scale():
    weights = pictures(5, 4, 1, 9).astype(np.float64) - 0.3
    weights[..., 0] *= 1e-3
    figure = plot.filters(HostedElsewhere(weights), title="Kernels")
    arrays, corners = shown(figure)
    largest = np.abs(weights).max(axis=(0, 1, 2))
    np.testing.assert_allclose(arrays, (weights / largest)[:, :, 0].transpose(2, 0, 1))
    assert len({x for x, _ in corners}) == 3 and len({y for _, y in corners}) == 3
    for image in figure.axes[0].images:
        assert image.get_clim() == (-1, 1) and image.get_cmap().name == "RdBu_r"
    assert figure.get_suptitle() == "Kernels" and texts(figure) == []


def test_filters_of_several_channels_are_columns_and_keep_the_proportions_of_their_channels():
    weights = pictures(3, 3, 2, 5).astype(np.float64) - 0.5
    figure = plot.filters(weights)
    arrays, corners = shown(figure)
    for i, array in enumerate(arrays):
        channel, kernel = divmod(i, 5)
        np.testing.assert_allclose(array * np.abs(weights[..., kernel]).max(), weights[:, :, channel, kernel])
    assert len({x for x, _ in corners}) == 5 and len({y for _, y in corners}) == 2
    assert texts(figure) == ["input channels", "filters"]


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 1), (2, 2, 3)])
def test_columns_of_a_dense_layer_are_filters(shape):
    weights = pictures(12, 5) - 0.5
    expected, _ = shown(plot.filters(weights.reshape(*shape[:2], -1, 5)))
    drawn, _ = shown(plot.filters(weights, shape=shape))
    np.testing.assert_array_equal(drawn, expected)


def test_a_filter_of_zeros_is_white():
    arrays, _ = shown(plot.filters(np.zeros((3, 3, 1, 2))))
    np.testing.assert_array_equal(arrays, np.zeros((2, 3, 3)))


def test_filters_have_a_scale_as_high_as_they_are():
    figure = plot.filters(pictures(3, 3, 1, 6))
    figure.canvas.draw()
    (axes,), (scale,) = figure.axes, figure.axes[0].child_axes
    assert [text.get_text() for text in scale.get_yticklabels()] == [r"$-\max|w|$", "0", r"$\max|w|$"]
    assert scale.get_ylim() == (-1, 1)
    np.testing.assert_allclose(scale.get_window_extent().intervaly, axes.get_window_extent().intervaly)


@pytest.mark.parametrize(
    ("weights", "shape", "error", "message"),
    [
        (
            pictures(784, 30),
            None,
            ShapeError,
            r"weights of shape \(784, 30\), expected kernels .* or dense columns .* with shape=",
        ),
        (
            pictures(784, 30),
            (28, 27),
            ShapeError,
            r"shape \(784, 30\) and shape=\(28, 27\), expected dense columns \(h \* w, units\)",
        ),
        (pictures(784, 30), (784,), ShapeError, r"shape=\(784,\)"),
        (pictures(3, 3, 1, 6), (3, 3), ShapeError, r"\(3, 3, 1, 6\) and shape=\(3, 3\)"),
        (pictures(3, 3, 1, 0), None, ShapeError, r"\(3, 3, 1, 0\)"),
        (np.full((3, 3, 1, 1), np.inf), None, ValueError, "weights with NaN or infinity"),
    ],
)
def test_filters_refuse(weights, shape, error, message):
    with pytest.raises(error, match=message):
        plot.filters(weights, shape=shape)
