"""What crosses the pipe: messages come back as they went, and what is none is refused before memory is taken for it."""

import ast
import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import minigen
from minigen.coursework.examples import Sample, above_zero, array, images, labels, normal, unit
from minigen.coursework.grading.session import clean, cleaned, fits
from minigen.coursework.protocol import HEAD, JSON_LIMIT, KINDS, NUMBERS_LIMIT, ProtocolError, pack, receive

COURSEWORK = Path(minigen.__file__).parent / "coursework"


def got(frame: bytes):
    """What is read from a frame."""
    return receive(io.BytesIO(frame).read)


def framed(text: bytes, numbers: bytes = b"", length: int | None = None, size: int | None = None) -> bytes:
    """A frame that may lie about its lengths."""
    return HEAD.pack(len(text) if length is None else length, len(numbers) if size is None else size) + text + numbers


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)])
def test_arrays_come_back_as_they_went(kind, shape):
    x = np.asarray(10 * np.random.default_rng(0).random(shape)).astype(kind)
    y = np.asfortranarray(x)
    for back, sent in zip(got(pack([x, {"name": y}, "text"]))[:2], (x, y)):
        back = back["name"] if isinstance(back, dict) else back
        assert back.dtype == sent.dtype and back.shape == sent.shape and np.array_equal(back, sent)
        assert not back.flags.writeable


def test_other_values_come_back_too():
    message = {"a": [None, True, 3, -0.5, "ä\ud800\n"], "b": {}, "nan": float("inf")}
    assert got(pack(message)) == message


@pytest.mark.parametrize("value", [object(), np.array(["x"]), np.array([None]), np.zeros(2, complex), {1, 2}, b"bytes"])
def test_what_no_message_holds_is_refused(value):
    with pytest.raises(ProtocolError):
        pack([value])


REFUSED = {
    "no JSON": framed(b"{"),
    "a pickle": framed(b"\x80\x04N."),
    "no UTF-8": framed(b'"\xff"'),
    "lists in lists": framed(b"[" * 200_000 + b"]" * 200_000),
    "a number of a million digits": framed(b"1" * 1_000_000),
    "a text that is too long": framed(b"", length=JSON_LIMIT + 1),
    "numbers that are too many": framed(b"1", size=NUMBERS_LIMIT + 1),
    "an end inside": framed(b"[1]", length=100),
    "an end inside the numbers": framed(b"[1]", size=100),
    "half a head": b"\0\0\0",
    "an unknown dtype": framed(b'{"array": ["object", [1]]}', b"12345678"),
    "no dtype": framed(b'{"array": [3, [1]]}', b"12345678"),
    "no description": framed(b'{"array": 3}'),
    "a negative length": framed(b'{"array": ["float64", [-1]]}', b"12345678"),
    "a length that is true": framed(b'{"array": ["float64", [true]]}', b"12345678"),
    "a fraction": framed(b'{"array": ["float64", [1.0]]}', b"12345678"),
    "931 GiB": framed(b'{"array": ["float64", [125000000000]]}', b"12345678"),
    "931 GiB of nothing": framed(b'{"array": ["float64", [0, 1000000000000000000000000]]}'),
    "too many axes": framed(b'{"array": ["float64", [' + b"1, " * 64 + b"1]]}", b"12345678"),
    "numbers that were used": framed(b'[{"array": ["float64", [1]]}, {"array": ["float64", [1]]}]', b"12345678"),
}


@pytest.mark.parametrize("frame", REFUSED.values(), ids=REFUSED)
def test_what_is_not_a_message_is_refused_and_costs_no_memory(frame):
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            got(frame)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_random_bytes_are_refused():
    rng = np.random.default_rng(0)
    frame = pack({"ok": [np.arange(5.0), "text", {"a": 1}]})
    for _ in range(500):
        damaged = bytearray(frame)
        damaged[rng.integers(len(frame))] = rng.integers(256)
        try:
            got(bytes(damaged))
        except (ProtocolError, EOFError):
            pass


@pytest.mark.parametrize(
    "text, shown",
    [
        ("plain text, ä\n\tindented", "plain text, ä\n\tindented"),
        ("\x1b[2J\x07\x00", r"\x1b[2J\x07\x00"),
        ("a\rb", r"a\rb"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("\ud800", r"\ud800"),
        ("x" * 10_000, "x" * 5000 + " ..."),
    ],
)
def test_texts_are_cleaned(text, shown):
    assert clean(text) == shown
    assert cleaned({text[:4]: [text, 3, None]}, "/nowhere", "/somewhere") == {clean(text[:4]): [shown, 3, None]}


def test_the_folder_in_which_it_ran_is_not_shown():
    assert cleaned(['File "/tmp/m-1/a.py"'], "/tmp/m-1", "/home/ada") == ['File "/home/ada/a.py"']


@pytest.mark.parametrize(
    "value, form, right",
    [
        (3, int, True),
        (True, int, False),
        (3, float, True),
        (10**30, int, False),
        (None, None, True),
        (0, None, False),
        ([1, 2], [int], True),
        ([1, "2"], [int], False),
        ({"a": 1, "b": 2}, {"a": int}, True),
        ({"b": 1}, {"a": int}, False),
        ({"x": [1]}, {str: [int]}, True),
        ({"x": 1}, {str: [int]}, False),
        ("x", (int, None, str), True),
        (1.5, (int, None, str), False),
        (np.zeros(2), np.ndarray, True),
        ([], np.ndarray, False),
        ({}, [int], False),
        ([], {"a": int}, False),
    ],
)
def test_answers_have_the_form_that_was_asked_for(value, form, right):
    assert fits(value, form) is right


@pytest.mark.parametrize(
    "sample",
    [
        normal(2, 3),
        above_zero(4),
        unit(),
        images(1, 2, 2, 1),
        labels(5, classes=3),
        array([[1.0, 2.0]]),
        array([1, 2]),
        array(True),
    ],
)
def test_samples_are_drawn_alike_on_both_sides(sample):
    back = Sample.of(got(pack(vars(sample))))
    for seed in (0, [1, 2]):
        x, y = sample.draw(np.float32, seed), back.draw(np.float32, seed)
        assert x.shape == sample.shape and x.dtype == y.dtype and np.array_equal(x, y)
        assert (x.dtype == np.float32) is sample.floating
    assert back.text == sample.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "other"},
        {"shape": [-1]},
        {"shape": [1.5]},
        {"shape": 3},
        {"classes": "3"},
        {"values": np.zeros(2)},
        {"kind": "given"},
        {"kind": "labels"},
        {"shape": [2**40]},
    ],
)
def test_what_does_not_describe_a_sample_is_refused(wrong):
    with pytest.raises((ValueError, TypeError)):
        Sample.of(vars(normal(2)) | wrong)


def test_grader_and_worker_know_nothing_of_each_other():
    def imported(folder: str) -> set[str]:
        trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (COURSEWORK / folder).glob("*.py")]
        return {node.module for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert not [name for name in imported("grading") if "coursework.worker" in name]
    assert not [name for name in imported("worker") if "coursework.grading" in name or "exercises" in name]
