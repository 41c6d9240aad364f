"""How settings describe themselves: a resumed run compares these texts."""

from numbers import Number
from typing import Any

from minigen.utils.settings import Configured


class Described(Configured):
    """Base of what has settings only: its repr is Name(setting=value, ...), the same in every process."""

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if plain_setting(name, value))
        return f"{type(self).__name__}({settings})"


def plain_setting(name: str, value: Any) -> bool:
    """Whether an attribute is a setting, not something that is counted or remembered."""
    return not name.startswith("_") and (value is None or isinstance(value, (Number, str)))
