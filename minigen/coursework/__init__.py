"""Coursework: checks of a learner's own file, the exercises, and how a file says how it is called.

Two processes, which exchange messages (protocol.py) and never import each other's files:

    grader.py    the order of the questions, and the report
      exercises/   what an exercise requires of the completed file
        grading/     asks, compares, marks; trusts nothing that comes from a submission
    worker/      imports the submission, confined by confine.py, and answers; it knows no right answers

Both know samples.py, the arrays that a call is tried with, and examples.py, the calls that a file asks for.
"""

from minigen.coursework.examples import example
from minigen.coursework.samples import array, images, labels, normal, positive, unit

__all__ = ["array", "example", "images", "labels", "normal", "positive", "unit"]
