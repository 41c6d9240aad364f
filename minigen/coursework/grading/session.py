"""A conversation with the worker of one submission: questions, answers, and errors that the learner's code raised."""

from typing import Any

import numpy as np

from minigen.coursework.grading.border import clean, fits

HINTS = 20  # that are shown, of an error
PRINTED = 2000  # characters that are kept of what a file prints

ERROR = {
    "type": str,
    "bases": [str],
    "message": str,
    "unwritten": str,
    "line": (int, None),
    "source": (str, None),
    "traceback": str,
    "hints": [str],
}


class Stopped(Exception):
    """The session is over: the worker has ended, or its answers make no sense. The message is for the learner."""


class LearnerError(Exception):
    """What the learner's code raised, as the worker describes it."""

    def __init__(self, found: dict[str, Any]):
        super().__init__(found["message"])
        self.type, self.bases, self.message = found["type"], found["bases"], found["message"]
        self.unwritten, self.line, self.source = found["unwritten"], found["line"], found["source"]
        self.traceback, self.hints = found["traceback"], found["hints"][:HINTS]

    def isa(self, kind: type[BaseException]) -> bool:
        """Whether it is an error of this kind, or of one below it."""
        return kind.__name__ in self.bases

    @property
    def first_line(self) -> str:
        return f"{self.type}: {self.message}".splitlines()[0]


class Session:
    """`running`: the current activity, for the message if it never ends. `files`: the submission and its helpers, by name.
    `seed`: of all random numbers of this grading.

    The seed comes from the text of the submission: the same file gets the same marks every time, and no file can anticipate its
    questions.
    """

    def __init__(self, seed: int, files: list[str]):
        self.seed, self.files = seed, files
        self.running = "starting"
        self.printed = ""

    def random(self, number: int) -> np.random.Generator:
        """Random numbers for one purpose."""
        return np.random.default_rng([self.seed, number])

    def ask(self, question: str, form: Any, **fields: Any) -> Any:
        """The worker's answer, which has this form (see border.fits). Raises LearnerError and Stopped."""
        reply = self.exchange({"do": question, **fields})
        if "error" in reply:
            raise self.error(reply["error"])
        if "ok" not in reply or not fits(reply["ok"], form):
            raise self.nonsense(question)
        return reply["ok"]

    def hear(self, printed: str) -> None:
        """Keep the beginning of what the file prints; carriage returns are a progress bar's."""
        rest = max(0, PRINTED - len(self.printed))
        self.printed += "\r".join(clean(part, PRINTED) for part in printed[:PRINTED].split("\r"))[:rest]

    def error(self, found: Any) -> LearnerError:
        """An error of the learner's code, as a worker describes it."""
        if not fits(found, ERROR):
            raise self.nonsense("error")
        return LearnerError(found)

    def exchange(self, question: dict[str, Any]) -> dict[str, Any]:
        """Send a question, return the answer to it, cleaned."""
        raise NotImplementedError

    def nonsense(self, question: str) -> Stopped:
        return Stopped(
            f"it cannot be graded: while {self.running}, its process gave an answer that makes no sense ({question}); "
            "does the file change minigen, NumPy or Python itself?"
        )
