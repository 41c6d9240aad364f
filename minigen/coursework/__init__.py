"""Coursework: a learner's own file, checked; the exercises, and what a file says about how it is to be called.

Two processes, which exchange messages (protocol.py) and never import each other's files:

    grader.py    the order of the questions, and the report
      exercises/   what an exercise asks for, and what the completed file must do
        grading/     asks, compares, marks; believes nothing that comes from a submission
    worker/      imports the submission, shut off by confine.py, and answers; it knows no right answer

Both know samples.py, the arrays that a call is tried with, and examples.py, how a file says what is to be called.
"""

from minigen.coursework.examples import example
from minigen.coursework.samples import array, images, labels, normal, positive, unit

__all__ = ["array", "example", "images", "labels", "normal", "positive", "unit"]
