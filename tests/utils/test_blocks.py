"""`with` blocks as decorators: what they switch on holds while the function runs, and a generator's body, and not in between."""

import inspect
import threading

import numpy as np
import pytest

import minigen as mg
from minigen import nn
from minigen.autograd.debug import FiniteOnly, Profile
from minigen.backend import strict
from minigen.engine.context import current_observer, recording
from minigen.utils.blocks import Block

layer = nn.Dropout(0.5)

# Name -> (how the block is made, whether it holds here and now).
BLOCKS = {
    "no_grad": (mg.no_grad, lambda: not recording.get()),
    "detect_anomaly": (mg.detect_anomaly, lambda: isinstance(current_observer.get(), FiniteOnly)),
    "profile": (mg.profile, lambda: isinstance(current_observer.get(), Profile)),
    "eval_mode": (layer.eval_mode, lambda: not layer.training),
    "frozen": (lambda: FROZEN.frozen(), lambda: not FROZEN.weight.requires_grad),
    "strict.count": (strict.count, lambda: strict.counters is not COUNTERS),
}
FROZEN, COUNTERS = nn.Dense(1, 1), strict.counters


@pytest.fixture(params=BLOCKS)
def made(request):
    """(block, holds); afterward nothing holds."""
    make, holds = BLOCKS[request.param]
    assert not holds()
    yield make(), holds
    assert not holds()


def test_a_decorated_function_runs_inside_the_block(made):
    block, holds = made

    @block
    def decorated(n: int = 2) -> list[bool]:
        """What it does."""
        return [holds(), *(decorated(n - 1) if n else [])]

    assert decorated() == decorated(n=2) == [True, True, True]
    assert (decorated.__name__, decorated.__doc__) == ("decorated", "What it does.")


def test_a_with_block_again_and_inside_itself(made):
    block, holds = made
    for _ in range(2):
        with block:
            with block:
                assert holds()
            assert holds()
        assert not holds()


def test_a_generator_holds_while_its_body_runs_and_not_in_between(made):
    block, holds = made

    @block
    def decorated():
        for _ in range(3):
            yield holds()

    running = []
    for value in decorated():
        running.append(value)
        assert not holds(), "it leaks to the caller"
    assert running == [True, True, True]
    assert inspect.isgeneratorfunction(decorated)


def test_two_generators_in_turns_and_one_that_calls_itself(made):
    block, holds = made

    @block
    def decorated(n: int):
        yield holds()
        if n:
            yield from decorated(n - 1)
        yield holds()

    first, second = decorated(1), decorated(1)
    assert [next(generator) for _ in range(4) for generator in (first, second)] == 8 * [True]
    assert list(first) == list(second) == [] and not holds()


def test_what_is_sent_thrown_and_returned_passes_through(made):
    block, holds = made
    seen = []

    @block
    def decorated():
        try:
            got = yield "first"
            seen.append((got, holds()))
            try:
                yield "second"
            except KeyError as error:
                seen.append((error.args, holds()))
            yield "third"
        finally:
            seen.append(("closed", holds()))
        return "result"

    def whole():
        return (yield from decorated())

    generator = whole()
    assert next(generator) == "first" and generator.send("sent") == "second" and generator.throw(KeyError("thrown")) == "third"
    with pytest.raises(StopIteration) as end:
        next(generator)
    assert end.value.value == "result"
    assert seen == [("sent", True), (("thrown",), True), ("closed", True)]

    generator = decorated()
    next(generator)
    generator.close()
    assert seen[3:] == [("closed", True)]
    generator = decorated()
    next(generator)
    with pytest.raises(ZeroDivisionError):
        generator.throw(ZeroDivisionError)
    assert seen[4:] == [("closed", True)] and not holds()
    with pytest.raises(StopIteration):
        next(generator)


def test_an_error_in_a_generator_is_the_callers(made):
    block, holds = made

    @block
    def decorated():
        yield 1
        raise ValueError("mine")

    generator = decorated()
    next(generator)
    with pytest.raises(ValueError, match="mine"):
        next(generator)
    assert not holds()


def test_a_generator_that_another_decorator_or_a_class_hides(made):
    block, holds = made

    def body(n: int):
        for _ in range(n):
            yield holds()

    class Callable:
        def __call__(self, n: int):
            return body(n)

    for function in (lambda n: body(n), Callable()):
        assert list(block(function)(2)) == [True, True]


def test_what_awaits_and_classes_are_refused(made):
    block, _ = made

    async def coroutine():
        pass

    async def generator():
        yield

    for function in (coroutine, generator):
        with pytest.raises(TypeError, match=r"is an async function.* write the `with` block in its body"):
            block(function)
        with pytest.raises(TypeError, match=r"is an async function"):
            block(lambda function=function: function())()
    with pytest.raises(TypeError, match=r"takes a function, got <class 'int'>: decorate its methods"):
        block(int)
    for kind in (staticmethod, classmethod, property):
        with pytest.raises(TypeError, match=f"takes a function, got .*: put this decorator below @{kind.__name__}"):
            block(kind(lambda *_: None))


def test_no_grad_and_detect_anomaly_without_parentheses():
    for name in ("no_grad", "detect_anomaly"):
        make, holds = BLOCKS[name]

        @make
        def function(holds=holds):
            return holds()

        @make
        def generator(holds=holds):
            yield holds()

        assert function() and list(generator()) == [True] and not holds()
        with pytest.raises(TypeError, match=r"takes a function, got <class 'int'>: decorate its methods"):
            make(int)


def test_threads_that_call_one_decorated_function_at_once_do_not_disturb_each_other():
    meeting = threading.Barrier(2)

    @mg.no_grad()
    def decorated():
        meeting.wait(10)
        held = not recording.get()
        meeting.wait(10)
        return held

    results = []
    threads = [threading.Thread(target=lambda: results.append((decorated(), recording.get()))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [(True, True), (True, True)]


def test_no_graph_is_recorded_in_a_generator():
    w = mg.Parameter(np.ones(2, np.float32))

    @mg.no_grad()
    def losses():
        for _ in range(2):
            yield (w * w).sum()

    for loss in losses():
        assert not loss.requires_grad
        assert (w * w).requires_grad


def test_a_profile_as_a_decorator_adds_up_all_calls():
    costs = mg.profile()

    @costs
    def forward():
        return mg.Tensor([1.0]).tanh()

    forward(), forward()
    assert costs.costs["tanh"].calls == 2


def test_outputs_in_batches_leave_the_caller_its_modes(monkeypatch):
    from minigen.nn import Dense, batching

    monkeypatch.setattr(batching, "BATCH", 2)
    model, seen = Dense(1, 1), []

    def look(x):
        seen.append((len(x), model.training, recording.get()))
        return model(x)

    assert batching.outputs(model, look, np.ones((3, 1), np.float32)).shape == (3, 1)
    assert seen == [(2, False, False), (1, False, False)]
    assert model.training and recording.get()


def test_public_blocks_are_blocks():
    assert all(isinstance(make(), Block) for make, _ in BLOCKS.values())
