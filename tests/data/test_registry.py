"""data.load by name, and the Dataset that it returns."""

import numpy as np
import pytest

from minigen import data
from minigen.data import Dataset
from minigen.data.registry import LOADERS
from minigen.errors import DataError


def dataset(n=6):
    images = np.arange(n, dtype=np.float32).reshape(n, 1, 1, 1) / n
    return Dataset("toy", images, np.arange(n) % 2, ("even", "odd"), {"brightness": images[:, 0, 0, 0]})


def test_unknown_name_gets_the_nearest_or_the_list():
    with pytest.raises(
        ValueError, match="'fashion-mnist' is no data set, and no folder of pictures: did you mean 'fashion_mnist'"
    ):
        data.load("fashion-mnist")
    with pytest.raises(ValueError) as caught:
        data.load("qqq")
    assert all(name in str(caught.value) for name in LOADERS)
    assert "mean" not in str(caught.value)


@pytest.mark.parametrize(
    "index", [slice(1, 4), slice(None, None, 2), np.array([5, 0]), np.array([True, False] * 3), [2, 3]], ids=str
)
def test_indexing_selects_the_same_examples_everywhere(index):
    whole, part = dataset(), dataset()[index]
    np.testing.assert_array_equal(part.images, whole.images[index])
    np.testing.assert_array_equal(part.labels, whole.labels[index])
    np.testing.assert_array_equal(part.factors["brightness"], whole.factors["brightness"][index])
    assert (part.name, part.class_names, len(part)) == ("toy", ("even", "odd"), len(whole.images[index]))


@pytest.mark.parametrize("index", [0, (slice(2), 0)])
def test_indexing_by_a_number_says_what_to_write(index):
    with pytest.raises(TypeError, match=r"dataset\.images\[i\]"):
        dataset()[index]


def test_lengths_that_differ_are_refused():
    images = np.zeros((3, 1, 1, 1), np.float32)
    with pytest.raises(DataError, match="'images': 3, 'labels': 2"):
        Dataset("toy", images, np.zeros(2, int), ("a",), {})
    with pytest.raises(DataError, match="pose.*4"):
        Dataset("toy", images, np.zeros(3, int), ("a",), {"pose": np.zeros(4)})


def test_fields_cannot_be_replaced():
    with pytest.raises(AttributeError):
        dataset().images = None


def test_repr_says_what_it_is():
    assert repr(dataset()) == "Dataset('toy', 6 images of 1 x 1 x 1, 2 classes)"
