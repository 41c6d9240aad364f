"""Coursework: a learner's own file, checked; the exercises, and what a file says about how it is to be called.

worker/ runs the file, in a process of its own, and answers questions about it; grading/ asks them and never imports the file.
"""

from minigen.coursework.examples import example
from minigen.coursework.samples import array, images, labels, normal, positive, unit

__all__ = ["array", "example", "images", "labels", "normal", "positive", "unit"]
