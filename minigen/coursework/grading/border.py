"""Sanitizing what comes from a worker: texts that may be printed, and answers of the expected form."""

import re
from typing import Any

LENGTH = 5000  # characters of a text
# What controls a terminal: control characters except tab and newline, and the marks that reverse the order of a line.
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def clean(text: str, length: int = LENGTH) -> str:
    """A text without terminal control characters, cut to this length."""
    if len(text) > length:
        text = text[:length] + " ..."
    text = STEERING.sub(lambda found: repr(found.group())[1:-1], text)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def in_one_line(text: str, length: int = LENGTH) -> str:
    """The same for a name, or for what stands in a list."""
    return clean(text, length).replace("\n", r"\n").replace("\t", r"\t")


def cleaned(message: Any, folder: str, origin: str) -> Any:
    """A message with all its texts cleaned, and with the folder in place of which the submission was run."""
    if isinstance(message, str):
        return clean(message.replace(folder, origin))
    if isinstance(message, list):
        return [cleaned(part, folder, origin) for part in message]
    if isinstance(message, dict):
        return {clean(name): cleaned(part, folder, origin) for name, part in message.items()}
    return message


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
