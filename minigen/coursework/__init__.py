"""Coursework: a learner's own file, checked; the exercises, and what a file says about how it is to be called."""

from minigen.coursework.examples import array, example, images, labels, normal, positive, unit

__all__ = ["array", "example", "images", "labels", "normal", "positive", "unit"]
