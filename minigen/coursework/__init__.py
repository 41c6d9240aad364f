"""Coursework: checks of a learner's own file, the exercises, and how a file says how it is called.

Two processes, which exchange messages (protocol.py) and never import each other's files:

    grader.py    the order of the questions, and the report
      exercises/   what an exercise requires of the completed file
        grading/     asks, compares, marks; trusts nothing that comes from a submission
    worker/      imports the submission, confined by confine.py, and answers; it knows no right answers

Both know examples.py: the calls that a file asks for, and the arrays that they are tried with.

What is handed out (handouts.py): starters/, templates/, and engine/, an engine in ten steps; questions.py asks in words.
"""

from minigen.coursework.examples import above_zero, array, example, images, labels, normal, unit

__all__ = ["above_zero", "array", "example", "images", "labels", "normal", "unit"]
