"""A folder of pictures as a data set: what belongs to it, its split, its cache, and what is said of folders that are none."""

import os
import sys
import unicodedata

import numpy as np
import pytest
from PIL import Image
from tqdm import tqdm

from minigen import data
from minigen.data import image_cache, image_folder
from minigen.data.image_folder import place
from minigen.data.picture_files import PictureFormat
from minigen.errors import DataError
from minigen.utils import files

SIZE = {"resolution": 8}


def color(name):
    """A color of its own for each name, by which a picture is known."""
    return tuple(map(int, np.random.default_rng(list(name.encode())).integers(0, 256, 3)))


def write(root, *names):
    """Pictures of one color each, of different sizes."""
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9 + number % 5, 8), color(name)).save(root / name)


def numbered(count, kind="{:03}.png"):
    return [kind.format(number) for number in range(count)]


def check(dataset, class_names):
    """Every picture has the color of its name, and the class of its sub-folder."""
    assert dataset.class_names == class_names
    for image, label, name in zip(data.as_pixels(dataset.images), dataset.labels, dataset.files, strict=True):
        np.testing.assert_array_equal(np.rint(image * 255), np.broadcast_to(color(name), image.shape))
        assert len(class_names) == 1 or class_names[label] == name.split("/")[0]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder for pictures; what is decoded is kept in `cache` beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "REPORTED", [])
    (folder := tmp_path / "holidays").mkdir()
    return folder


@pytest.fixture
def read(monkeypatch):
    """The names of the files that are decoded."""
    names, original = [], PictureFormat.read
    monkeypatch.setattr(PictureFormat, "read", lambda form, path: names.append(path.name) or original(form, path))
    return names


# What belongs to it.


def test_a_folder_of_pictures(root, capsys):
    write(root, *numbered(30))
    (root / "notes.txt").write_text("of no interest")
    train, test = data.load(root, **SIZE)
    for part in (train, test):
        check(part, ("holidays",))
        assert part.images.dtype == np.float32 and part.images.shape[1:] == (8, 8, 3) and part.labels.dtype == np.int64
    assert sorted([*train.files, *test.files]) == numbered(30)
    assert repr(train) == f"Dataset('folder holidays', {len(train)} images of 8 x 8 x 3, 1 classes)"
    assert capsys.readouterr().err == ""


def test_sub_folders_are_classes_in_the_order_of_their_names(root):
    write(root, *numbered(12, "dogs/{}.png"), *numbered(9, "cats/young/{}.JPG"), *numbered(3, "Birds/{}.webp"))
    (root / "empty").mkdir()
    train, test = data.folder(root, **SIZE, validation=0.3)
    assert train.class_names == test.class_names == ("Birds", "cats", "dogs")
    assert np.bincount(np.concatenate([train.labels, test.labels])).tolist() == [3, 9, 12]
    assert all(train.class_names[label] == name.split("/")[0] for label, name in zip(train.labels, train.files))


def test_sub_folders_and_pictures_beside_them_are_a_question(root):
    write(root, *numbered(4), *numbered(5, "cats/{}.png"))
    with pytest.raises(
        DataError, match="has 5 pictures in sub-folders and 4 beside them: are the sub-folders classes.*classes=True"
    ):
        data.load(root, **SIZE)
    train, test = data.load(root, **SIZE, classes=True)
    assert len(train) + len(test) == 5 and train.class_names == ("cats",)
    train, test = data.load(root, **SIZE, classes=False)
    assert len(train) + len(test) == 9
    check(train, ("holidays",))


def test_what_systems_leave_in_folders_is_passed_over(root):
    write(root, *numbered(5, "cats/{}.png"), "cats/._0.png", ".thumbnails/0.png", "__MACOSX/cats/0.png", ".hidden.png")
    train, test = data.load(root, **SIZE)
    assert train.class_names == ("cats",) and len(train) + len(test) == 5


def test_links_are_followed_once(root, tmp_path):
    write(tmp_path / "elsewhere", *numbered(6))
    (root / "cats").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (root / "cats" / "round").symlink_to(root, target_is_directory=True)
    (root / "cats" / "lost.png").symlink_to("nowhere.png")
    train, test = data.load(root, **SIZE)
    assert train.class_names == ("cats",) and len(train) + len(test) == 6


def test_a_pipe_is_not_waited_for(root):
    write(root, *numbered(3))
    os.mkfifo(root / "pipe.png")
    assert sum(map(len, data.load(root, **SIZE))) == 3


def test_a_path_in_any_form(root, monkeypatch):
    write(root, *numbered(3))
    monkeypatch.chdir(root.parent)
    monkeypatch.setenv("HOME", str(root.parent))
    for path in ("holidays", "./holidays/", "~/holidays", root, str(root)):
        assert len(data.load(path, **SIZE)[0]) == 2


def test_a_folder_that_is_called_like_a_data_set(root, monkeypatch):
    write(root.parent / "glyphs", *numbered(3))
    monkeypatch.chdir(root.parent)
    assert data.load("./glyphs", **SIZE)[0].name == "folder glyphs"
    assert data.load("glyphs", train_size=4, test_size=4)[0].name == "glyphs"


def test_shape_and_dtype(root):
    write(root, *numbered(3))
    train, test = data.load(root, resolution=(8, 12), gray=True, dtype="uint8")
    assert train.images.shape == (2, 8, 12, 1) and train.images.dtype == np.uint8
    assert isinstance(train.images, np.memmap) and isinstance(test.images, np.memmap)
    floats, _ = data.load(root, resolution=(8, 12), gray=True)
    np.testing.assert_array_equal(data.as_pixels(train.images), floats.images)


def test_names_go_with_what_is_selected(root):
    write(root, *numbered(6))
    train, _ = data.load(root, **SIZE)
    check(train[2:4], ("holidays",))
    check(train[train.files == train.files[3]], ("holidays",))
    assert (train[[1, 0]].files == train.files[[1, 0]]).all()


# The split.


def test_what_is_added_moves_no_other_picture(root):
    write(root, *numbered(40))
    before = [{*part.files} for part in data.load(root, **SIZE, validation=0.25)]
    write(root, *numbered(40, "a{}.png"))
    (root / "007.png").unlink()
    after = [{*part.files} for part in data.load(root, **SIZE, validation=0.25)]
    for earlier, later in zip(before, after, strict=True):
        assert earlier - {"007.png"} <= later
    assert 5 <= len(before[1]) <= 15 and 10 <= len(after[1]) <= 30


def test_the_split_is_the_same_everywhere():
    """Of these names, on every machine, in every version: a run that is resumed elsewhere has the same pictures to train on."""
    assert [round(place(name), 6) for name in ("001.png", "cats/002.jpg", "ä.png")] == [0.62478, 0.490667, 0.154455]
    assert place(unicodedata.normalize("NFD", "ä.png")) == place(unicodedata.normalize("NFC", "ä.png"))


def test_shares_are_about_as_asked():
    names = numbered(2000)
    for share in (0.01, 0.1, 0.5):
        held_out = image_folder.share_below(names, share)
        assert abs(held_out / 2000 - share) < 4 * (share * (1 - share) / 2000) ** 0.5


def test_a_larger_share_has_the_smaller_one_in_it(root):
    write(root, *numbered(40))
    few, many = ({*data.load(root, **SIZE, validation=share)[1].files} for share in (0.1, 0.4))
    assert few < many


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_neither_split_is_empty(root, share):
    write(root, *numbered(2))
    assert [len(part) for part in data.load(root, **SIZE, validation=share)] == [1, 1]


def test_none_held_out(root):
    write(root, "one.png")
    train, test = data.load(root, **SIZE, validation=0)
    assert (len(train), len(test)) == (1, 0) and test.images.shape == (0, 8, 8, 3)


def test_the_first_ones_are_of_all_classes(root):
    write(root, *numbered(20, "a/{}.png"), *numbered(20, "b/{}.png"))
    assert 0 < data.load(root, **SIZE)[0].labels[:12].sum() < 12


# Pictures that cannot be read.


def test_broken_files_are_left_out_and_listed(root, capsys):
    write(root, *numbered(20))
    (root / "b1.png").write_bytes(b"")
    (root / "b2.jpg").write_bytes((root / "000.png").read_bytes()[:45])
    (root / "b3.heic").write_bytes(b"from a telephone")
    for _ in range(2):  # decoded, and found
        assert sum(map(len, data.load(root, **SIZE))) == 20
        assert capsys.readouterr().err == (
            f"minigen: {root}: 3 of 23 pictures cannot be read, and are left out: b1.png (an empty file), b2.jpg (image file is "
            "truncated), b3.heic (in no format that Pillow reads)\n"
        )


def test_of_many_broken_files_the_first_are_listed(root, capsys):
    write(root, *numbered(2))
    for name in numbered(30, "b{:02}.png"):
        (root / name).write_bytes(b"")
    data.load(root, **SIZE)
    assert "30 of 32 pictures" in (said := capsys.readouterr().err)
    assert said.endswith("b07.png (an empty file) and 22 more\n") and said.count("\n") == 1


def test_a_file_that_may_not_be_read_is_tried_again_once_it_may(root, capsys, monkeypatch):
    write(root, *numbered(4))
    original = Image.open

    def denied(path, *arguments):
        if path.name == "002.png":
            raise PermissionError(13, "Permission denied", str(path))
        return original(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Image, "open", denied)
        assert sum(map(len, data.load(root, **SIZE))) == 3
    assert "1 of 4 pictures cannot be read, and are left out: 002.png (Permission denied)" in capsys.readouterr().err
    (root / "002.png").chmod(0o600)
    assert sum(map(len, data.load(root, **SIZE))) == 4


def test_a_broken_picture_is_never_the_one_held_out(root):
    """Two can be read: one for each split, whatever hash the third one has."""
    for name in numbered(8):
        write(root, "a.png", "b.png")
        (root / name).write_bytes(b"")
        assert [len(part) for part in data.load(root, **SIZE)] == [1, 1]
        (root / name).unlink()


# The cache.


def test_pictures_are_decoded_once(root, read):
    write(root, *numbered(10))
    first = data.load(root, **SIZE)
    assert sorted(read) == numbered(10)
    again = data.load(root, **SIZE, validation=0.5)
    assert sorted(read) == numbered(10)
    check(first[0], ("holidays",))
    check(again[0], ("holidays",))


def test_only_what_is_new_or_has_changed_is_decoded(root, read):
    write(root, *numbered(10))
    data.load(root, **SIZE)
    read.clear()
    write(root, "new.png")
    Image.new("RGB", (8, 8), "red").save(root / "003.png")
    (root / "004.png").unlink()
    (root / "005.png").rename(root / "renamed.png")
    train, test = data.load(root, **SIZE)
    assert sorted(read) == ["003.png", "new.png", "renamed.png"]
    images = {name: image for part in (train, test) for name, image in zip(part.files, part.images)}
    assert images.keys() == {*numbered(10), "new.png", "renamed.png"} - {"004.png", "005.png"}
    assert (images["003.png"] == (1, 0, 0)).all()
    np.testing.assert_array_equal(np.rint(images["new.png"][0, 0] * 255), color("new.png"))


def test_a_change_that_keeps_size_and_time_is_noticed(root, read):
    write(root, *numbered(3, "{:03}.bmp"))
    data.load(root, **SIZE)
    read.clear()
    stat = (root / "001.bmp").stat()
    Image.new("RGB", (10, 8), "red").save(root / "001.bmp")
    os.utime(root / "001.bmp", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (root / "001.bmp").stat().st_size == stat.st_size
    data.load(root, **SIZE)
    assert read == ["001.bmp"]


def test_every_form_has_a_file_of_its_own(root, read):
    write(root, *numbered(2))
    for options in (SIZE, {"resolution": 16}, SIZE | {"gray": True}, SIZE | {"fit": "pad"}, SIZE | {"background": "black"}):
        read.clear()
        data.load(root, **options)
        assert sorted(read) == numbered(2)
    assert len(list((root.parent / "cache" / "minigen" / "pictures").iterdir())) == 5


def test_other_classes_are_the_same_pictures(root, read):
    write(root, *numbered(4, "a/{}.png"))
    assert data.load(root, **SIZE)[0].class_names == ("a",)
    read.clear()
    assert data.load(root, **SIZE, classes=False)[0].class_names == ("holidays",)
    assert not read


def test_a_damaged_cache_is_made_again(root, capsys):
    write(root, *numbered(4))
    data.load(root, **SIZE)
    (path,) = (root.parent / "cache" / "minigen" / "pictures").iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    check(data.load(root, **SIZE)[0], ("holidays",))
    assert f"{path} is damaged" in (said := capsys.readouterr().err) and "the pictures are made again" in said


def test_without_a_cache(root, read):
    write(root, *numbered(4))
    for _ in range(2):
        train, _ = data.load(root, **SIZE, cache=False, dtype="uint8")
        check(train, ("holidays",))
    assert len(read) == 8 and not (root.parent / "cache").exists()


def test_a_cache_that_cannot_be_written_is_done_without(root, capsys):
    write(root, *numbered(4))
    (root.parent / "cache").write_text("a file where the folder should be")
    check(data.load(root, **SIZE, dtype="uint8")[0], ("holidays",))
    assert "minigen: nothing is kept for the next time" in capsys.readouterr().err


def test_large_ones_are_decoded_into_a_file(root, monkeypatch):
    write(root, *numbered(5))
    monkeypatch.setattr(image_cache, "LARGE", 8 * 8 * 3)
    seen = []
    monkeypatch.setattr(
        image_folder, "new_array", lambda *given, make=image_folder.new_array: seen.append(make(*given)) or seen[-1]
    )
    check(data.load(root, **SIZE)[0], ("holidays",))
    assert isinstance(seen[0], np.memmap)
    assert len(list((root.parent / "cache" / "minigen" / "pictures").iterdir())) == 1


def test_large_ones_need_room(root, monkeypatch):
    write(root, *numbered(5))
    monkeypatch.setattr(image_cache, "LARGE", 1)
    monkeypatch.setattr(image_cache.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1900}))
    with pytest.raises(DataError, match="pictures: the images are 0.0 GB, for which .* has no room"):
        data.load(root, **SIZE)


def test_ctrl_c_leaves_nothing_half_written(root, monkeypatch):
    write(root, *numbered(4))

    def stopped(form, path):
        raise KeyboardInterrupt

    monkeypatch.setattr(PictureFormat, "read", stopped)
    with pytest.raises(KeyboardInterrupt):
        data.load(root, **SIZE)
    assert not list((root.parent / "cache").rglob("*.*"))


def test_progress_is_shown_on_a_terminal_only(root, capsys, monkeypatch):
    write(root, *numbered(4))
    data.load(root, **SIZE, cache=False)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    data.load(root, **SIZE, cache=False)
    assert "holidays" in capsys.readouterr().err
    assert not tqdm._instances


def test_ten_thousand_files(root, monkeypatch):
    """Ten thousand names of one picture."""
    write(root, "0.png")
    for number in range(1, 10_000):
        os.link(root / "0.png", root / f"{number}.png")
    pixels = np.zeros((8, 8, 3), np.uint8)
    monkeypatch.setattr(PictureFormat, "read", lambda form, path: pixels)
    for _ in range(2):
        train, test = data.load(root, **SIZE, dtype="uint8")
        assert len(train) + len(test) == 10_000 and 850 < len(test) < 1150


# Folders that are none.


@pytest.mark.parametrize("name, message", [("nosuch", "there is no folder {root}/nosuch; {root} has 000.png, notes.txt")])
def test_a_folder_that_is_not_there(root, name, message):
    write(root, "000.png")
    (root / "notes.txt").write_text("")
    with pytest.raises(DataError) as caught:
        data.load(root / name, **SIZE)
    assert str(caught.value) == message.format(root=root)


def test_no_word_at_all():
    with pytest.raises(ValueError, match="'' is no data set, and no folder of pictures"):
        data.load("")


def test_a_word_that_is_neither_data_set_nor_folder():
    with pytest.raises(ValueError, match="'holidys' is no data set, and no folder of pictures: expected one of glyphs, mnist"):
        data.load("holidys")


def test_a_file_in_place_of_a_folder(root):
    write(root, "000.png")
    with pytest.raises(DataError) as caught:
        data.load(root / "000.png")
    assert str(caught.value) == f"{root}/000.png is a file: expected the folder that pictures are in, such as {root}"


def test_an_empty_folder(root):
    with pytest.raises(DataError) as caught:
        data.load(root)
    expected = f"{root} has no pictures, and nothing else; expected .png, .jpg ... in it, or in sub-folders, one for each class"
    assert str(caught.value) == expected


def test_a_folder_of_other_things(root):
    for name in ("a.txt", "b.txt", "sub/c.zip", "README"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("")
    with pytest.raises(DataError, match=r"has no pictures, but 2 \.txt, 1 README, 1 \.zip; expected \.png, \.jpg"):
        data.load(root)


def test_no_sub_folders_where_they_are_asked_for(root):
    write(root, *numbered(3))
    with pytest.raises(
        DataError, match="has no pictures in sub-folders, but 3 beside them; expected .* in sub-folders, one for each"
    ):
        data.load(root, classes=True)


def test_one_picture(root):
    write(root, "alone.png")
    with pytest.raises(
        DataError, match="has one picture, alone.png: expected at least two, one to train on and one held out, or val"
    ):
        data.load(root, **SIZE)


def test_too_few_that_can_be_read(root, capsys):
    write(root, "alone.png")
    (root / "broken.png").write_bytes(b"")
    with pytest.raises(DataError, match="1 of its 2 pictures can be read: expected at least two"):
        data.load(root, **SIZE)
    assert "broken.png (an empty file)" in capsys.readouterr().err


def test_none_that_can_be_read(root):
    for name in numbered(3):
        (root / name).write_bytes(b"")
    with pytest.raises(DataError, match="0 of its 3 pictures can be read"):
        data.load(root, **SIZE, validation=0)


@pytest.mark.parametrize("below", ["", "cats"])
def test_a_folder_that_may_not_be_read(root, below, monkeypatch):
    write(root, *numbered(3, "cats/{}.png"))
    original = os.scandir

    def denied(path):
        if path == root / below:
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(DataError) as caught:
        data.load(root)
    assert str(caught.value) == f"{root / below} cannot be read: Permission denied"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"validation": 1}, "folder's validation must be at least 0 and below 1, got 1"),
        ({"validation": -0.1}, "at least 0 and below 1, got -0.1"),
        ({"dtype": "float64"}, "folder: unknown dtype 'float64': expected one of float32, uint8|did you mean 'float32'"),
        ({"fit": "corp"}, "unknown fit 'corp': did you mean 'crop'"),
        ({"resolution": 0}, "whole number from 4 to 2048"),
        ({"classes": "yes"}, "classes must be True, False or None, got 'yes'"),
    ],
)
def test_options_that_cannot_be(root, options, message):
    write(root, *numbered(2))
    with pytest.raises(ValueError, match=message):
        data.load(root, **options)


def test_an_option_that_does_not_exist(root):
    with pytest.raises(TypeError, match="resolutoin"):
        data.load(root, resolutoin=64)
