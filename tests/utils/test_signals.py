"""Asked to stop: once, by which signal, and whose handlers are left alone."""

import signal
import threading

import pytest

from minigen.utils.signals import ASKING, Ending, Stopped, handled, stop_requests

STATUS = {"SIGTERM": 143, "SIGHUP": 129}


def test_ctrl_c_asks_and_then_interrupts():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stop_requests() as asked:
        assert not asked()
        signal.raise_signal(signal.SIGINT)
        assert asked()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("name", STATUS)
def test_other_signals_ask_and_then_end_with_their_status(name):
    number = getattr(signal, name)
    before = [signal.getsignal(each) for each in ASKING]
    with pytest.raises(Stopped) as caught, stop_requests() as asked:
        signal.raise_signal(number)
        assert asked()
        raise KeyboardInterrupt  # as a run does that has saved
    assert caught.value.code == STATUS[name] and isinstance(caught.value, SystemExit)
    assert [signal.getsignal(each) for each in ASKING] == before


def test_a_second_signal_ends_at_once():
    with pytest.raises(Stopped), stop_requests():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        raise AssertionError("went on")


def test_an_interrupt_that_nobody_asked_for_stays_one():
    with pytest.raises(KeyboardInterrupt), stop_requests():
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    "name, handler",
    [
        ("SIGINT", signal.SIG_IGN),
        ("SIGTERM", signal.SIG_IGN),
        ("SIGHUP", signal.SIG_IGN),
        ("SIGTERM", lambda number, frame: None),
    ],
    ids=["in the background of a script", "SIGTERM ignored", "nohup", "the user's own"],
)
def test_a_handler_of_ones_own_is_not_disturbed(name, handler):
    number = getattr(signal, name)
    before = signal.signal(number, handler)
    try:
        with stop_requests() as asked:
            signal.raise_signal(number)
            assert not asked()
    finally:
        signal.signal(number, before)


def test_a_run_within_a_run_stops_too():
    seen = []
    with pytest.raises(Stopped), handled(Ending()), stop_requests(), stop_requests() as inner:
        signal.raise_signal(signal.SIGTERM)
        seen.append(inner())
    assert seen == [True]


def test_in_another_thread_no_signal_arrives():
    before, seen = signal.getsignal(signal.SIGINT), []

    def work():
        with stop_requests() as asked:
            seen.append((asked(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, before)]
