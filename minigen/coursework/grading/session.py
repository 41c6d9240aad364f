"""A conversation with the worker of one submission: questions, answers of the expected form, and errors that the learner's code
raised. What a worker says is cleaned before it may be printed."""

import re
from typing import Any

import numpy as np

LENGTH = 5000  # characters of a text
HINTS = 20  # that are shown, of an error
PRINTED = 2000  # characters that are kept of what a file prints
# What controls a terminal: control characters except tab and newline, and the marks that reverse the order of a line.
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

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

    @property
    def first_line(self) -> str:
        return f"{self.type}: {self.message}".splitlines()[0]


class Session:
    """`running`: the current activity, for the message if it never ends. `files`: the submission and its helpers, by name.
    `seed`: of all random numbers of this grading. `memory`: bytes that a process may take; 0 where there is no limit.

    The seed comes from the text of the submission: the same file gets the same marks every time, and no file can anticipate its
    questions.
    """

    def __init__(self, seed: int, files: list[str]):
        self.seed, self.files, self.memory = seed, files, 0
        self.running = "starting"
        self.printed = ""

    def random(self, number: int) -> np.random.Generator:
        """Random numbers for one purpose."""
        return np.random.default_rng([self.seed, number])

    def ask(self, question: str, form: Any, **fields: Any) -> Any:
        """The worker's answer, which has this form (see `fits`). Raises LearnerError and Stopped."""
        reply = self.exchange({"do": question, **fields})
        if "error" in reply:
            raise self.error(reply["error"])
        if "ok" not in reply or not fits(reply["ok"], form):
            raise self.nonsense(question)
        return reply["ok"]

    def exchange(self, question: dict[str, Any]) -> dict[str, Any]:
        """Send a question, return the answer to it, cleaned."""
        raise NotImplementedError

    def hear(self, printed: str) -> None:
        """Keep the beginning of what the file prints; carriage returns are a progress bar's."""
        rest = max(0, PRINTED - len(self.printed))
        self.printed += "\r".join(clean(part, PRINTED) for part in printed[:PRINTED].split("\r"))[:rest]

    def error(self, found: Any) -> LearnerError:
        """An error of the learner's code, as a worker describes it."""
        if not fits(found, ERROR):
            raise self.nonsense("error")
        return LearnerError(found)

    def nonsense(self, question: str) -> Stopped:
        return Stopped(
            f"it cannot be graded: while {self.running}, its process gave an answer that makes no sense ({question}); "
            "does the file change minigen, NumPy or Python itself?"
        )


def fits(value: Any, form: Any) -> bool:
    """Whether an answer has a form: a type, None, [form of each], {name: form}, {str: form of each} or (one, or another)."""
    if isinstance(form, tuple):
        return any(fits(value, each) for each in form)
    if isinstance(form, list):
        return type(value) is list and all(fits(part, form[0]) for part in value)
    if isinstance(form, dict) and form.keys() == {str}:
        return type(value) is dict and all(fits(part, form[str]) for part in value.values())
    if isinstance(form, dict):
        return type(value) is dict and all(name in value and fits(value[name], part) for name, part in form.items())
    if value is form:
        return True
    if type(value) is int and form in (int, float):
        return abs(value) < 2**63
    return type(value) is form if isinstance(form, type) else False


def clean(text: str, length: int = LENGTH) -> str:
    """A text without terminal control characters, cut to this length."""
    if len(text) > length:
        text = text[:length] + " ..."
    text = STEERING.sub(lambda found: repr(found.group())[1:-1], text)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def in_one_line(text: str) -> str:
    """The same for a name, or for what stands in a list."""
    return clean(text).replace("\n", r"\n").replace("\t", r"\t")


def cleaned(message: Any, folder: str, origin: str) -> Any:
    """A message with all its texts cleaned, and with the folder in place of which the submission was run."""
    if isinstance(message, str):
        return clean(message.replace(folder, origin))
    if isinstance(message, list):
        return [cleaned(part, folder, origin) for part in message]
    if isinstance(message, dict):
        return {clean(name): cleaned(part, folder, origin) for name, part in message.items()}
    return message
