"""Things to draw, and what is drawn in a figure."""

import numpy as np


class HostedElsewhere:
    """Stands for a Tensor: NumPy cannot read it, .numpy() can."""

    def __init__(self, values):
        self.values = values

    def numpy(self):
        return self.values

    def __array__(self, dtype=None, copy=None):
        raise TypeError("use .numpy()")


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def shown(figure):
    """The arrays of the images in a figure's only axes, in reading order, and their upper left corners."""
    (axes,) = figure.axes
    assert not axes.axison, "a picture has an axis"
    placed = [(image.get_extent(), np.asarray(image.get_array())) for image in axes.images]
    placed.sort(key=lambda image: (image[0][3], image[0][0]))
    return [array for _, array in placed], [(extent[0], extent[3]) for extent, _ in placed]


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]
