"""The embedded faces: reproducible, every factor seen where it should be and nowhere else, the same at every resolution."""

import hashlib
import shutil
import struct
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

from minigen import data
from minigen.data import image_cache
from minigen.errors import DataError
from minigen.synthetic import faces, portrait
from minigen.synthetic.faces import FACTORS, render, sample_factors
from minigen.utils import archive, files

SMALL = {"resolution": 32, "train_size": 300, "test_size": 100}
TINY = {"resolution": 8, "train_size": 6, "test_size": 3}
MEASURED = [name for name, factor in FACTORS.items() if not factor.levels]


@pytest.fixture(scope="module")
def splits():
    return data.load("faces", **SMALL)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder in which cached images are kept; nothing is in memory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    faces.load_drawn.cache_clear()
    yield tmp_path / "minigen" / "faces"
    faces.load_drawn.cache_clear()


def people(n, seed=0, **fixed):
    return {**sample_factors(n, np.random.default_rng(seed)), **fixed}


def ends(name):
    factor = FACTORS[name]
    return range(len(factor.levels)) if factor.levels else (factor.low, factor.high)


def fingerprint(*datasets):
    digest = hashlib.sha256()
    for dataset in datasets:
        for array in (dataset.images, dataset.labels, *dataset.factors.values()):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def box_means(images, side):
    n, r = len(images), images.shape[1]
    return images.reshape(n, side, r // side, side, r // side, 3).mean(axis=(2, 4))


def changed(a, b):
    return (a != b).any(axis=-1)


def outside(left, right, top, bottom, resolution):
    """The pixels that lie wholly outside a rectangle of the points of portrait.py."""
    lower = portrait.VIEW * (2 * np.arange(resolution) / resolution - 1)
    upper = lower + 2 * portrait.VIEW / resolution
    columns, rows = (upper < left) | (lower > right), (upper < top) | (lower > bottom)
    return columns | rows[:, None]


# The data set.


def test_shapes_dtypes_and_range(splits):
    for dataset, n in zip(splits, (300, 100), strict=True):
        assert dataset.name == "faces"
        assert dataset.images.shape == (n, 32, 32, 3)
        assert dataset.images.dtype == np.float32
        assert 0 <= dataset.images.min() < 0.1 and 0.9 < dataset.images.max() <= 1
        assert dataset.class_names == ("woman", "man")
        assert list(dataset.factors) == list(FACTORS)
        assert dataset.labels.dtype == np.int64
        np.testing.assert_array_equal(dataset.labels, dataset.factors["man"])
        for name, factor in FACTORS.items():
            assert dataset.factors[name].shape == (n,)
            assert dataset.factors[name].dtype == (np.int64 if factor.levels else np.float32), name


def test_images_are_whole_steps_of_a_255th(splits):
    steps = splits[0].images * 255
    np.testing.assert_array_equal(np.rint(steps).astype(np.uint8) / np.float32(255), splits[0].images)


def test_same_seed_gives_the_same_bytes_also_when_drawn_anew(splits):
    faces.load_drawn.cache_clear()
    assert fingerprint(*data.load("faces", **SMALL)) == fingerprint(*splits)


def test_seeds_and_splits_show_other_people(splits):
    train, test = splits
    other, _ = data.load("faces", seed=1, **SMALL)
    assert not np.array_equal(train.images, other.images)
    everyone = np.concatenate([train.images, test.images, other.images])
    assert len(np.unique(everyone.reshape(len(everyone), -1), axis=0)) == len(everyone)


def test_a_smaller_size_shows_the_first_people(splits):
    fewer = data.load("faces", resolution=32, train_size=7, test_size=3)
    for few, many in zip(fewer, splits, strict=True):
        assert fingerprint(few) == fingerprint(many[: len(few)])


def test_every_resolution_shows_the_same_people(splits):
    train, _ = data.load("faces", resolution=16, train_size=20, test_size=1)
    for name in FACTORS:
        np.testing.assert_array_equal(train.factors[name], splits[0].factors[name][:20])
    # Within the steps of a 255th of both.
    np.testing.assert_allclose(train.images, box_means(splits[0].images[:20], 16), atol=1.01 / 255)


def test_fixed_factors_are_held_and_all_else_stays(splits):
    fixed = {"glasses": 1, "smile": -0.5}
    train, test = data.load("faces", fixed=fixed, **SMALL)
    for got, free in ((train, splits[0]), (test, splits[1])):
        for name in FACTORS:
            expected = np.full(len(got), fixed[name]) if name in fixed else free.factors[name]
            np.testing.assert_array_equal(got.factors[name], expected)
            assert got.factors[name].dtype == free.factors[name].dtype
    men, _ = data.load("faces", fixed={"man": 1}, **SMALL)
    assert (men.labels == 1).all()


def test_pictures_are_what_render_makes_of_their_factors(splits):
    for split, dataset in enumerate(splits):
        detail = np.random.default_rng([0, split, 1]).integers(2**62, size=len(dataset))
        np.testing.assert_array_equal(render(dataset.factors, 32, detail=detail), dataset.images)


def test_cached_arrays_cannot_be_changed():
    train, _ = data.load("faces", **SMALL)
    for array in (train.images, train.labels, train.factors["smile"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    train.factors.clear()
    assert data.load("faces", **SMALL)[0].factors, "the cache handed out its own dict"


# The factors.


def test_factors_stay_in_their_ranges_and_fill_them():
    values = people(2000)
    for name, factor in FACTORS.items():
        assert factor.low <= values[name].min() and values[name].max() <= factor.high, name
        assert factor.low <= factor.neutral <= factor.high
        if factor.levels:
            shares = np.bincount(values[name]) / 2000
            np.testing.assert_allclose(shares, 1 / len(factor.levels), atol=0.05)  # 4.5 standard deviations of 1/2
        else:
            margin = (factor.high - factor.low) / 50
            assert values[name].min() < factor.low + margin and values[name].max() > factor.high - margin, name


def test_factors_are_independent():
    correlations = np.corrcoef(list(people(10_000).values()))
    off_diagonal = correlations[~np.eye(len(FACTORS), dtype=bool)]
    assert np.abs(off_diagonal).max() < 0.045  # 4.5 standard deviations


# Least change of the mean picture's pixels, and of its most changed pixel, at 32 x 32 and over all pairs of levels or ends.
SEEN = {
    "man": (0.009, 0.3),
    "glasses": (0.007, 0.35),
    "smile": (0.0018, 0.25),
    "hair_length": (0.02, 0.35),
    "hair_style": (0.002, 0.2),
    "hair_color": (0.012, 0.3),
    "skin": (0.05, 0.45),
    "face_shape": (0.02, 0.4),
    "pose_x": (0.02, 0.4),
    "pose_y": (0.02, 0.4),
    "tilt": (0.05, 0.5),
    "age": (0.002, 0.12),
    "background": (0.05, 0.2),
    "shirt": (0.007, 0.25),
}


@pytest.mark.parametrize("name", FACTORS)
def test_every_factor_is_seen_in_every_picture(name):
    """Also in small ones, whatever the other factors and the detail are."""
    mean, most = SEEN[name]
    pictures = [render(people(40, seed=3, **{name: value}), 32) for value in ends(name)]
    for i, a in enumerate(pictures):
        for b in pictures[:i]:
            difference = np.abs(a - b)
            assert difference.mean(axis=(1, 2, 3)).min() > mean
            assert difference.max(axis=(1, 2, 3)).min() > most


@pytest.mark.parametrize("name", MEASURED)
def test_every_step_of_a_sweep_is_seen_and_leads_away(name):
    factor = FACTORS[name]
    sweep = render({name: np.linspace(factor.low, factor.high, 5)}, 64, detail=5)
    step = np.abs(np.diff(sweep, axis=0)).mean(axis=(1, 2, 3))
    distance = np.abs(sweep[1:] - sweep[0]).mean(axis=(1, 2, 3))
    assert step.min() > 2e-4 and (distance[1:] >= 0.9 * distance[0]).all()


# Where a factor may change a picture of a head that looks ahead: left, right, top, bottom. Widest faces.
PLACES = {
    "glasses": (-0.44, 0.44, -0.27, 0.10),
    "smile": (-0.26, 0.26, 0.07, 0.44),
    "age": (-0.60, 0.60, -0.65, 0.80),
    "shirt": (-1, 1, 0.45, 1),
    "hair_length": (-0.72, 0.72, -0.80, 1),
    "hair_style": (-0.72, 0.72, -0.80, 1),
    "skin": (-0.60, 0.60, -0.65, 0.80),
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("resolution", [32, 64])
def test_a_factor_changes_nothing_beyond_its_place(name, resolution):
    factors = people(30, seed=4, pose_x=0, pose_y=0, tilt=0)
    pictures = [render({**factors, name: value}, resolution) for value in ends(name)]
    beyond = outside(*PLACES[name], resolution)
    assert beyond.any()
    for picture in pictures[1:]:
        assert not changed(picture, pictures[0])[:, beyond].any()


def test_the_background_changes_nothing_of_the_person():
    factors = people(60, seed=5)
    drawn = render({**factors, "background": 0}, 64)
    behind = changed(drawn, render({**factors, "background": 0.5}, 64))
    assert behind[:, :3].all() and behind[:, :30, :3].all() and behind[:, :30, -3:].all()
    assert not behind[:, 20:40, 24:40].any() and not behind[:, -3:, 16:48].any()  # face, shirt
    assert 0.3 < behind.mean() < 0.7


def test_the_person_changes_nothing_of_the_background():
    """Where nothing of the person is, in either of two people, their pictures with the same background and detail agree."""
    one, other = (people(40, seed=seed, background=0.2) for seed in (5, 6))
    bare = outside(-0.80, 0.80, -0.80, 1, 64)
    assert not changed(render(one, 64), render(other, 64))[:, bare & outside(-1, 1, 0.4, 1, 64)].any()


@pytest.mark.parametrize("turn", ["pose_x", "tilt"])
def test_a_head_turned_the_other_way_is_the_mirror_image(turn):
    """In outline: the light falls from the left."""
    outlines = []
    for share in (-0.8, 0.8):
        factors = {turn: share * FACTORS[turn].high, "hair_style": 1, "hair_length": 0, "man": np.array([0, 1])}
        outlines.append(changed(*(render({**factors, "background": hue}, 64, detail=1) for hue in (0, 1))))
    mirrored, as_is = ((outlines[0] != other).mean() for other in (outlines[1][:, :, ::-1], outlines[1]))
    assert mirrored < 0.002 and as_is > 5 * mirrored


def test_a_tilt_is_in_degrees_anticlockwise():
    """The whites of the eyes of a dark face: the line through their middles."""
    eyes = {"skin": 1.0, "hair_color": 0, "shirt": 3, "hair_style": 1, "background": 0.0, "smile": 0.0}
    for tilt in (-10, 0, 7):
        picture = render({**eyes, "tilt": tilt}, 256, detail=0)[0]
        rows, columns = np.nonzero(picture.min(axis=-1) > 0.9)
        left = columns < 128
        rise = rows[left].mean() - rows[~left].mean()  # rows count downward
        run = columns[~left].mean() - columns[left].mean()
        assert np.rad2deg(np.arctan2(rise, run)) == pytest.approx(tilt, abs=0.5)


# The stochastic detail.


def test_detail_changes_a_picture_but_little():
    factors = people(40, seed=6)
    first, second = (render(factors, 64, detail=detail) for detail in (np.arange(40), np.arange(40) + 100))
    difference = np.abs(first - second).mean(axis=(1, 2, 3))
    assert difference.min() > 0.003 and difference.max() < 0.03
    np.testing.assert_array_equal(first, render(factors, 64))  # detail is 0 to n - 1 by default


def test_detail_is_one_stream_for_each_picture():
    factors = people(3, seed=6)
    for name in factors:
        factors[name][:] = factors[name][0]
    pictures = render(factors, 32, detail=[7, 8, 7])
    np.testing.assert_array_equal(pictures[0], pictures[2])
    assert changed(pictures[0], pictures[1]).any()
    np.testing.assert_array_equal(render(factors, 32, detail=7)[1], pictures[0])


# Resolutions.


@pytest.mark.parametrize("resolution", [32, 64])
def test_box_means_of_twice_the_resolution_are_close(resolution):
    factors = people(30, seed=7)
    difference = np.abs(box_means(render(factors, 2 * resolution), resolution) - render(factors, resolution))
    assert difference.mean(axis=(1, 2, 3)).max() < 0.02


@pytest.mark.parametrize("resolution", [4, 8, 16])
def test_small_pictures_are_box_means(resolution):
    factors = people(12, seed=8)
    small = render(factors, resolution)
    assert small.shape == (12, resolution, resolution, 3)
    np.testing.assert_allclose(small, box_means(render(factors, 32), resolution), atol=1.01 / 255)


def test_the_largest_resolution():
    factors = people(1, seed=9)
    large = render(factors, 1024)
    assert large.shape == (1, 1024, 1024, 3)
    assert np.abs(box_means(large, 64) - render(factors, 64)).mean() < 0.02


@pytest.mark.parametrize("tile", [2**10, 2**13])
def test_pictures_do_not_depend_on_how_many_are_drawn_at_a_time(tile, monkeypatch):
    factors = people(16, seed=10)
    together = {resolution: render(factors, resolution) for resolution in (16, 32, 64)}
    monkeypatch.setattr(faces, "TILE", tile)
    for resolution, pictures in together.items():
        np.testing.assert_array_equal(render(factors, resolution), pictures)


def test_long_drawing_shows_its_progress(monkeypatch, capsys):
    render({}, 32)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(faces, "LONG", 0)
    render({}, 32, n=2)
    assert "faces:" not in capsys.readouterr().err, "a bar in what is not a terminal"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    render({}, 32, n=2)
    assert "faces:" in capsys.readouterr().err


# render's arguments.


def test_missing_factors_are_neutral_and_numbers_serve_all_pictures():
    neutral = {name: factor.neutral for name, factor in FACTORS.items()}
    np.testing.assert_array_equal(render({}, 32, n=3), render(neutral, 32, n=3))
    np.testing.assert_array_equal(render({"smile": np.array([1.0, 1.0])}, 32), render({"smile": 1}, 32, n=2))
    assert render({}, 32).shape == (1, 32, 32, 3)
    assert render({}, 32, detail=[4, 5, 6]).shape == (3, 32, 32, 3)
    np.testing.assert_array_equal(render({"tilt": 5}, np.int64(32)), render({"tilt": 5}, 32))


def test_render_leaves_its_arguments_unchanged():
    factors, detail = people(5), np.arange(5)
    before = {name: values.copy() for name, values in factors.items()}
    render(factors, 32, detail=detail)
    for name in factors:
        np.testing.assert_array_equal(factors[name], before[name])
    np.testing.assert_array_equal(detail, np.arange(5))


# The cache on disk.


def test_cached_images_are_those_drawn(cache, monkeypatch):
    drawn = fingerprint(*data.load("faces", **TINY))
    assert not cache.exists(), "nothing is written unasked"
    assert fingerprint(*data.load("faces", cache=True, **TINY)) == drawn
    assert len(list(cache.iterdir())) == 1
    faces.load_drawn.cache_clear()
    monkeypatch.setattr(faces, "draw_pixels", None)
    assert fingerprint(*data.load("faces", cache=True, **TINY)) == drawn


@pytest.mark.parametrize("options", [{"seed": 1}, {"fixed": {"man": 1}}, {"resolution": 4}, {"test_size": 4}], ids=str)
def test_other_arguments_have_another_file(cache, options):
    data.load("faces", cache=True, **TINY)
    data.load("faces", cache=True, **TINY | options)
    assert len(list(cache.iterdir())) == 2


def damage_end(path):
    path.write_bytes(path.read_bytes()[:-100])


def damage_middle(path):
    content = bytearray(path.read_bytes())
    content[200:240] = bytes(40)
    path.write_bytes(content)


def write_text(path):
    path.write_text("not an archive")


def write_one_split(path):
    archive.save(path, {"train": np.zeros((6, 8, 8, 3), np.uint8)}, {})


def write_wrong_shape(path):
    archive.save(path, {"train": np.zeros((5, 8, 8, 3), np.uint8), "test": np.zeros((3, 8, 8, 3), np.uint8)}, {})


def write_floats(path):
    archive.save(path, {"train": np.zeros((6, 8, 8, 3)), "test": np.zeros((3, 8, 8, 3))}, {})


def write_other_pixels(path):
    content = path.read_bytes()
    with np.load(path) as file:
        pixels = file["test"].tobytes()
    path.write_bytes(content.replace(pixels, bytes(255 - pixel for pixel in pixels)))


def write_by_another_program(path):
    np.savez(path, train=np.zeros((6, 8, 8, 3), np.uint8), test=np.zeros((3, 8, 8, 3), np.uint8))


def write_bomb(path, claim=100, kind=zipfile.ZIP_DEFLATED):
    """64 MiB of zeros that say they are 100 bytes."""
    with zipfile.ZipFile(path, "w", kind) as file:
        file.writestr("train.npy", bytes(64 << 20))
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<I", 64 << 20), struct.pack("<I", claim)))


def write_bomb_of_bzip2(path):
    write_bomb(path, kind=zipfile.ZIP_BZIP2)


def test_pictures_of_other_versions_are_removed(cache, monkeypatch):
    """Of the same arguments only: each version that draws has a file of its own, and leaves no other behind."""
    data.load("faces", cache=True, **TINY)
    data.load("faces", cache=True, **TINY | {"seed": 1})
    ours, other = sorted(cache.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    arguments = ours.name.partition("-")[0]
    stale = ours.rename(cache / f"{arguments}-{'0' * 16}.npz")
    faces.load_drawn.cache_clear()
    data.load("faces", cache=True, **TINY)
    assert not stale.exists() and {*cache.iterdir()} == {ours, other}


@pytest.mark.parametrize(
    "damage",
    [
        damage_end,
        damage_middle,
        write_text,
        write_one_split,
        write_wrong_shape,
        write_floats,
        write_other_pixels,
        write_by_another_program,
        write_bomb,
        write_bomb_of_bzip2,
    ],
)
def test_a_damaged_file_is_made_again(cache, damage, capsys):
    drawn = fingerprint(*data.load("faces", cache=True, **TINY))
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    damage(path)
    faces.load_drawn.cache_clear()
    tracemalloc.start()
    try:
        assert fingerprint(*data.load("faces", cache=True, **TINY)) == drawn
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()
    assert f"{path} is damaged" in capsys.readouterr().err
    assert [file.read_bytes() for file in cache.iterdir()] == [whole]


def test_a_broken_off_write_leaves_nothing(cache, monkeypatch, capsys):
    """The faces are there nevertheless."""

    def full_disk(file, **arrays):
        file.write(b"half of it")
        raise OSError("no space left on device")

    drawn = fingerprint(*data.load("faces", **TINY))
    faces.load_drawn.cache_clear()
    monkeypatch.setattr(np, "savez", full_disk)
    monkeypatch.setattr(files, "REPORTED", [])
    assert fingerprint(*data.load("faces", cache=True, **TINY)) == drawn
    assert not list(cache.iterdir())
    assert capsys.readouterr().err == "minigen: nothing is kept for the next time (no space left on device)\n"


# Bytes.


@pytest.mark.parametrize("cache_too", [False, True], ids=["in memory", "memory-mapped"])
def test_bytes_are_the_same_pixels(cache, cache_too):
    floats = data.load("faces", **TINY)
    for _ in range(2):  # drawn, and found
        for got, expected in zip(data.load("faces", dtype="uint8", cache=cache_too, **TINY), floats, strict=True):
            assert got.images.dtype == np.uint8 and isinstance(got.images, np.memmap) == cache_too
            assert (data.as_pixels(got.images) == expected.images).all()
            np.testing.assert_array_equal(got.labels, expected.labels)
            with pytest.raises(ValueError, match="read-only"):
                got.images[0] = 0
        faces.load_drawn.cache_clear()


def test_bytes_and_floats_have_one_file(cache, monkeypatch):
    data.load("faces", dtype="uint8", cache=True, **TINY)
    monkeypatch.setattr(faces, "drawn_parts", None)
    assert data.load("faces", cache=True, **TINY)[0].images.dtype == np.float32


def test_many_bytes_are_drawn_into_the_file_and_not_into_memory(cache, monkeypatch):
    """64 MB of them."""
    monkeypatch.setattr(
        faces, "drawn_parts", lambda factors, detail, side: (np.ones((1, side, side, 3), np.uint8) for _ in detail)
    )
    tracemalloc.start()
    try:
        train, _ = data.load("faces", resolution=512, train_size=80, test_size=1, dtype="uint8", cache=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert train.images.shape == (80, 512, 512, 3) and (train.images[7] == 1).all()
    assert peak < 8 << 20, f"{peak >> 20} MiB"


def full(free):
    """A disk that has so many bytes left."""
    return lambda path: shutil._ntuple_diskusage(10**9, 10**9 - free, free)


def never(*arguments):
    yield from ()
    raise AssertionError("it has drawn")


def test_many_bytes_are_not_drawn_for_a_disk_without_room(cache, monkeypatch):
    monkeypatch.setattr(image_cache, "LARGE", 1000)
    monkeypatch.setattr(image_cache.shutil, "disk_usage", full(9 * 8 * 8 * 3 - 1))
    monkeypatch.setattr(faces, "drawn_parts", never)
    message = rf"the images are 0.0 GB, for which {cache} has no room \(0.0 GB are free\): make room, set XDG_CACHE_HOME"
    for dtype in faces.DTYPES:
        with pytest.raises(DataError, match=message):
            data.load("faces", dtype=dtype, cache=True, **TINY)


@pytest.mark.parametrize("number", image_cache.FULL)
def test_a_disk_that_fills_up_meanwhile_is_named(cache, number, monkeypatch):
    def parts(*split):
        yield np.zeros((1, 8, 8, 3), np.uint8)
        raise OSError(number, "it is full")

    monkeypatch.setattr(image_cache, "LARGE", 1000)
    monkeypatch.setattr(faces, "drawn_parts", parts)
    with pytest.raises(DataError, match="has no room .it is full.*or take fewer images"):
        data.load("faces", dtype="uint8", cache=True, **TINY)
    assert not list(cache.iterdir())


def test_few_bytes_are_drawn_into_memory_where_a_disk_has_no_room(cache, monkeypatch, capsys):
    drawn = fingerprint(*data.load("faces", dtype="uint8", **TINY))
    monkeypatch.setattr(image_cache.shutil, "disk_usage", full(0))
    monkeypatch.setattr(files, "REPORTED", [])
    train, test = data.load("faces", dtype="uint8", cache=True, **TINY)
    assert type(train.images) is np.ndarray and fingerprint(train, test) == drawn
    assert "nothing is kept for the next time" in capsys.readouterr().err


# Errors.


@pytest.mark.parametrize(
    "options, message",
    [
        ({"resolution": 48}, "a power of two from 4 to 1024, got 48"),
        ({"resolution": 2}, "from 4 to 1024, got 2"),
        ({"resolution": 2048}, "from 4 to 1024, got 2048"),
        ({"resolution": 64.0}, "from 4 to 1024, got 64.0"),
        ({"train_size": 0}, "train_size 0.*at least 1"),
        ({"test_size": -1}, "test_size -1"),
        ({"seed": -1}, "seed -1"),
        ({"fixed": {"glases": 1}}, "unknown factor 'glases': did you mean 'glasses'"),
        ({"fixed": {"smile": 2}}, "smile contains 2, expected -1 to 1"),
        ({"fixed": {"smile": float("nan")}}, "smile contains nan, expected -1 to 1"),
        ({"fixed": {"hair_style": 3}}, r"hair_style contains 3, expected 0 \(parted\), 1 \(fringe\), 2 \(curly\)"),
        ({"fixed": {"man": 0.5}}, r"man contains 0.5, expected 0 \(woman\), 1 \(man\)"),
        ({"fixed": {"smile": [0, 1]}}, r"smile of shape \(2,\), expected a scalar"),
        ({"dtype": "float64"}, "dtype 'float64', expected one of float32, uint8"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        data.load("faces", **{**TINY, **options})


@pytest.mark.parametrize(
    "arguments, message",
    [
        (({}, 33), "from 4 to 1024, got 33"),
        (({"tint": 1}, 32), "unknown factor 'tint': did you mean 'tilt'"),
        (({"tilt": [0, 11]}, 32), "tilt contains 11, expected -10 to 10"),
        (({"smile": [0, 1], "skin": [0, 1, 0]}, 32), "'smile': 2, 'skin': 3.*same number"),
        (({"smile": [0, 1]}, 32, 3), "'smile': 2, 'n': 3"),
        (({"smile": [0, 1]}, 32, None, [1, 2, 3]), "'smile': 2, 'detail': 3"),
        (({"smile": [[0, 1]]}, 32), r"smile of shape \(1, 2\), expected \(n,\) or a scalar"),
        (({}, 32, 0), "n 0, expected at least 1"),
        (({"smile": []}, 32), "n 0, expected at least 1"),
        (({}, 32, None, -1), "detail contains -1"),
        (({}, 32, None, 0.5), "detail float64.*expected integers"),
    ],
)
def test_render_names_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        render(*arguments)


def test_sample_factors_needs_a_size():
    with pytest.raises(ValueError, match="n 0"):
        sample_factors(0, np.random.default_rng(0))
