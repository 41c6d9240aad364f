"""`with` blocks that are decorators too: then they are active while a function, or a generator's body, runs."""

import functools
import inspect
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


class Block(AbstractContextManager):
    """A context manager that a thread can enter repeatedly, and that as a decorator is active in each call of a function.

    For a generator (a function with `yield`) it is active while the body runs, not while the body waits for its caller. An
    `async` function, which yields control whenever it awaits, raises TypeError, as does a class: decorate its methods. `enter`:
    makes a new context manager each time.
    """

    def __init__(self, enter: Callable[[], AbstractContextManager]):
        self.enter = enter
        self.entered: list[AbstractContextManager] = []  # one for each `with` that is open

    def __enter__(self) -> Any:
        entered = self.enter()
        value = entered.__enter__()
        self.entered.append(entered)
        return value

    def __exit__(self, *error: Any) -> bool | None:
        return self.entered.pop().__exit__(*error)

    def __call__(self, function: Callable) -> Callable:
        if not callable(function) or isinstance(function, (type, *DESCRIPTORS)):
            raise not_a_function(function)
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise asynchronous(function)
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator(*inputs: Any, **options: Any) -> Generator[Any, Any, Any]:
                return (yield from self.around(function(*inputs, **options)))

            return generator

        @functools.wraps(function)
        def call(*inputs: Any, **options: Any) -> Any:
            with self.enter():
                result = function(*inputs, **options)
            if inspect.isgenerator(result):  # of a generator function that another decorator has hidden
                return self.around(result)
            if inspect.iscoroutine(result) or inspect.isasyncgen(result):
                getattr(result, "close", lambda: None)()  # else Python warns that nobody has awaited it
                raise asynchronous(function)
            return result

        return call

    def around(self, generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """The generator with each of its steps run inside the block; what is sent, thrown and returned passes through."""
        resume: Callable[[Any], Any] = generator.send
        argument: Any = None
        while True:
            with self.enter():
                try:
                    value = resume(argument)
                except StopIteration as end:
                    return end.value
            try:
                resume, argument = generator.send, (yield value)
            except GeneratorExit:
                with self.enter():
                    return generator.close()
            except BaseException as error:
                resume, argument = generator.throw, error


DESCRIPTORS = (staticmethod, classmethod, property)  # of a class; a decorator for functions belongs below them


def not_a_function(given: Any) -> TypeError:
    """The error for what cannot be decorated, with what can be instead."""
    hint = ": decorate its methods" if isinstance(given, type) else ""
    if isinstance(given, DESCRIPTORS):
        hint = f": put this decorator below @{type(given).__name__}, next to the function"
    return TypeError(f"this decorator takes a function, got {given!r}{hint}")


def asynchronous(function: Callable) -> TypeError:
    """The error for an async function, which runs piece by piece."""
    name = getattr(function, "__qualname__", repr(function))
    return TypeError(
        f"{name} is an async function, and while it waits others would run inside the block: write the `with` block "
        "in its body, around what does not await"
    )


def block(hold: Callable) -> Callable:
    """`contextlib.contextmanager` for blocks that are decorators too: takes a generator function that yields once.

    One without parameters can be written without parentheses: @no_grad.
    """
    enter, bare = contextmanager(hold), not inspect.signature(hold).parameters

    @functools.wraps(hold)
    def make(*inputs: Any, **options: Any) -> Any:
        if bare and inputs:
            return Block(enter)(*inputs)
        return Block(functools.partial(enter, *inputs, **options))

    return make
