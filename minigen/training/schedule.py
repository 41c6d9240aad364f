"""Settings that change by steps, as learning rates do: KL warm-up, a penalty that comes in slowly, noise that fades."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

from minigen.errors import suggestion
from minigen.optim.optimizer import Optimizer
from minigen.training.history import is_finite_number
from minigen.training.resume_settings import path_of
from minigen.training.run import Callback, Run
from minigen.utils.reading import shortened
from minigen.utils.settings import to_python


class Schedule(Callback[Run]):
    """Changes a setting by steps: the weight of a term of the loss, the amount of a noise, any number that is an attribute.

        owner.name = schedule(steps done)      before each step

    owner: the model, one of its layers, the loss, a penalty ...: any object in the run.  name: the attribute, such as "beta".
    schedule: a function of the number of steps done, as for a learning rate: one of `optim.schedules`, or your own.

    The history has a column for it, named by the path at which the run finds it, such as "model.beta" or "penalties.0.weight":
    the value after the last step of each row, which is also that of the validation. A resumed run continues at its step; it
    needs a schedule for the same setting, which, as for a learning rate, may be another one.

    While the weight of a term changes, so does what the total means: let `EarlyStopping` and `Checkpoint(best=...)` watch a term,
    such as "validation reconstruction".

    TypeError for an owner without such an attribute, or one that is not a number, and for what is not a function; ValueError for
    values of the function that are not finite, for an owner that is not in the run, and for two schedules of one setting.
    """

    def __init__(self, owner: Any, name: str, schedule: Callable[[int], float]):
        if isinstance(owner, Optimizer):
            raise TypeError("Schedule: an optimizer takes the schedule of its learning rate itself, optim.Adam(..., lr=schedule)")
        kind = type(owner).__name__
        value = getattr(owner, name, None) if isinstance(name, str) else None
        if not is_number(value):
            numbers = [each for each, content in getattr(owner, "__dict__", {}).items() if is_number(content)]
            what = (
                f"{name!r} of {kind} is {shortened(value)}" if hasattr(owner, str(name)) else f"{kind} has no {shortened(name)}"
            )
            hint = suggestion(name, numbers) if numbers else "it has no number among its attributes"
            raise TypeError(f"Schedule: {what}, expected the name of a number: {hint}")
        try:
            assign(owner, name, value)
        except AttributeError as error:
            raise TypeError(f"Schedule: {name!r} of {kind} cannot be changed: {error}") from error
        if not callable(schedule):
            raise TypeError(
                "Schedule: expected a function of the number of steps done, such as optim.schedules.linear(0.0, 1000, "
                f"final=1.0), got {shortened(schedule)}"
            )
        self.owner, self.name, self.schedule = owner, name, schedule
        self.value(0)

    def value(self, step: int) -> float:
        """The setting after so many steps. ValueError unless it is a finite number."""
        value = to_python(self.schedule(step))
        if isinstance(value, bool) or not is_finite_number(value):
            raise ValueError(f"the schedule of {self.name} gave {shortened(value)} after {step} steps, expected a finite number")
        return value

    def scheduled_setting(self, run: Run) -> str:
        """ValueError if the owner is not in the run."""
        path = path_of(self.owner, parts := run.parts_with_settings())
        if path is None:
            raise ValueError(
                f"Schedule changes {self.name} of a {type(self.owner).__name__} that is not in this run: pass the run's own "
                f"{' or '.join(parts)}, or an object in it"
            )
        return f"{path}.{self.name}"

    def on_train_begin(self, run: Run) -> None:
        path = self.scheduled_setting(run)
        if run.scheduled_settings().count(path) > 1:
            raise ValueError(f"two schedules change {path}: pass one")
        self.on_step_end(run)

    def on_step_end(self, run: Run) -> None:
        assign(self.owner, self.name, self.value(run.step))

    def on_epoch_end(self, run: Run) -> None:
        run.history.rows[-1][self.scheduled_setting(run)] = getattr(self.owner, self.name)


def assign(owner: Any, name: str, value: Any) -> None:
    """owner.name = value; also of a penalty, which is frozen for all but its schedule."""
    try:
        setattr(owner, name, value)
    except FrozenInstanceError:
        object.__setattr__(owner, name, value)


def is_number(value: Any) -> bool:
    """Whether it is a Python number, and not a truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
