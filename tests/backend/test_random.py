"""Random streams: the same start on every backend, and a state that can be saved."""

import json
import re

import numpy as np
import pytest

import minigen
from minigen.backend import devices, random, to_numpy


def draw():
    """Some values of each host stream."""
    return {name: random.stream(name).standard_normal(5) for name in random.HOST_STREAMS}


def assert_same(first, second):
    for name in random.HOST_STREAMS:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_a_seed_gives_the_same_start_on_every_backend(backend):
    minigen.seed(3)
    here = draw()
    minigen.use("numpy")
    minigen.seed(3)
    assert_same(here, draw())


def test_the_streams_of_a_seed_differ_from_each_other_and_from_another_seeds():
    minigen.seed(3)
    first = draw()
    minigen.seed(4)
    values = [*first.values(), *draw().values()]
    assert len({tuple(x) for x in values}) == 8


def test_a_stream_does_not_move_when_another_is_used():
    minigen.seed(3)
    expected = draw()["shuffle"]
    minigen.seed(3)
    random.stream("weights").standard_normal(100)
    random.normal((50,))
    np.testing.assert_array_equal(draw()["shuffle"], expected)


@pytest.mark.parametrize("seed", ["a", -1, 2.5, [1, 2], float("nan")])
def test_a_wrong_seed_is_refused_and_changes_nothing(seed):
    minigen.seed(3)
    before = random.state_dict()
    with pytest.raises(ValueError, match=rf"minigen\.seed: got seed {re.escape(repr(seed))}, expected a non-negative integer"):
        minigen.seed(seed)
    assert random.state_dict() == before
    minigen.seed(np.int64(3))
    assert random.state_dict() == before


def test_without_a_number_the_seed_is_fresh():
    minigen.seed()
    first = draw()["weights"]
    minigen.seed()
    assert not np.array_equal(first, draw()["weights"])


@pytest.mark.parametrize("make", [random.normal, random.uniform])
def test_noise_lives_on_the_backend_and_is_reproducible(backend, make):
    minigen.seed(3)
    first = make((4, 3))
    assert type(first) is minigen.backend.current().array_type
    assert first.shape == (4, 3) and first.dtype == np.float32
    assert make((2,), np.float64).dtype == np.float64
    minigen.seed(3)
    np.testing.assert_array_equal(to_numpy(make((4, 3))), to_numpy(first))


def test_noise_has_the_right_distribution(backend):
    normal, uniform = to_numpy(random.normal((20_000,))), to_numpy(random.uniform((20_000,)))
    assert abs(normal.mean()) < 0.03 and abs(normal.std() - 1.0) < 0.03
    assert 0.0 <= uniform.min() < 0.01 and 0.99 < uniform.max() < 1.0 and abs(uniform.mean() - 0.5) < 0.01


@pytest.mark.parametrize("p", [0.0, 2.0**-16, 0.3, 0.5, 1.0])
def test_bernoulli_is_true_as_often_as_asked(backend, p):
    """Exactly never and always at 0 and 1; in between within six standard deviations. Neighbors share a random number."""
    drawn = random.bernoulli((333, 1001), p)
    assert type(drawn) is minigen.backend.current().array_type and drawn.shape == (333, 1001) and drawn.dtype == bool
    x = to_numpy(drawn).astype(float)
    spread = np.sqrt(p * (1.0 - p))
    assert abs(x.mean() - p) <= 6.0 * spread / np.sqrt(x.size)
    if p == 0.3:
        together = [(x[:, :-lag] * x[:, lag:]).mean() for lag in (1, 2, 3, 4)]
        np.testing.assert_allclose(together, p * p, atol=6.0 * p / np.sqrt(x.size))
    minigen.seed(3)
    first = to_numpy(random.bernoulli((5, 3), p))
    minigen.seed(3)
    np.testing.assert_array_equal(to_numpy(random.bernoulli((5, 3), p)), first)


def test_bernoulli_of_the_strict_backend_is_that_of_the_host():
    minigen.seed(3)
    host = random.bernoulli((7, 3), 0.4)
    minigen.use("strict")
    minigen.seed(3)
    np.testing.assert_array_equal(to_numpy(random.bernoulli((7, 3), 0.4)), host)


@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (5,)])
def test_bernoulli_draws_any_shape(shape):
    assert random.bernoulli(shape, 0.5).shape == shape


def test_the_state_goes_through_json_and_back_exactly(backend):
    draw(), random.normal((7,))
    state = json.loads(json.dumps(random.state_dict()))
    expected, noise = draw(), to_numpy(random.normal((5,)))
    minigen.seed(99)
    random.load_state_dict(state)
    assert_same(draw(), expected)
    np.testing.assert_array_equal(to_numpy(random.normal((5,))), noise)


def test_a_gpus_noise_goes_on_alike_in_the_run_that_was_saved_and_in_the_run_that_resumes(monkeypatch):
    """Its generator cannot be saved: NumPy's stands for it here, made by the same code."""
    gpu = devices.Backend("cupy", np, np.ndarray, lambda x: x, lambda x: x, lambda: None)
    monkeypatch.setattr(devices, "_current", gpu)
    random.normal((7,))
    state = random.state_dict()
    saved = random.normal((5,))
    assert not np.array_equal(saved, random.normal((5,)))
    minigen.seed(99)
    random.normal((3,))
    random.load_state_dict(state)
    np.testing.assert_array_equal(random.normal((5,)), saved)


def test_saving_the_state_moves_no_host_stream():
    before = random.state_dict()
    assert random.state_dict() == before


@pytest.mark.parametrize("change", [lambda state: state.pop("latent"), lambda state: state.update(extra="{}")])
def test_a_state_of_other_streams_is_refused_and_nothing_is_loaded(change):
    before = random.state_dict()
    state = dict(before)
    change(state)
    draw()
    after = random.state_dict()
    with pytest.raises(
        ValueError, match=r"random state: got the streams .*, expected \['latent', 'noise', 'shuffle', 'weights'\]"
    ):
        random.load_state_dict(state)
    assert random.state_dict() == after


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "{",
        lambda text: 3,
        lambda text: "null",
        lambda text: "[1]",
        lambda text: "[" * 100_000,
        lambda text: "{}",
        lambda text: text.replace("PCG64", "MT19937"),
        lambda text: text.replace('"inc": ', '"inc": -'),
        lambda text: text.replace('"has_uint32": ', '"has_uint32": 7'),
        lambda text: text.replace('"uinteger": ', '"uinteger": 0.5, "more": '),
        lambda text: text.replace('"state": {"state": ', '"state": {"state": 1' + "0" * 40),
        lambda text: json.dumps({**json.loads(text), "state": {**json.loads(text)["state"], "inc": 2}}),
    ],
)
def test_an_unreadable_state_loads_nothing(change):
    state = random.state_dict()
    draw()
    after = random.state_dict()
    with pytest.raises(ValueError, match="random state: the stream 'weights' is not a state of a PCG64 generator"):
        random.load_state_dict({**state, "weights": change(state["weights"])})
    assert random.state_dict() == after


def test_an_unknown_stream_is_refused():
    with pytest.raises(KeyError, match="weight"):
        random.stream("weight")


def noise_after_five(between=lambda: None):
    """The noise that comes after five values of a seed, with something done in between."""
    minigen.seed(3)
    random.normal((5,))  # a GPU has made its generator by now
    between()
    return to_numpy(random.normal((7,)))


def drawn_aside():
    """Values of every stream, and noise, drawn aside."""
    with random.fork_rng():
        return draw(), to_numpy(random.normal((7,)))


def test_what_is_drawn_aside_is_always_the_same_and_leaves_no_trace(backend):
    expected = noise_after_five()
    streams = draw()
    (first, first_noise), (second, second_noise) = drawn_aside(), drawn_aside()
    assert_same(first, second)
    np.testing.assert_array_equal(first_noise, second_noise)
    np.testing.assert_array_equal(noise_after_five(drawn_aside), expected)
    assert_same(draw(), streams)


def test_aside_ends_with_an_error_too_and_nests():
    minigen.seed(3)
    expected = draw()
    minigen.seed(3)
    held = random.stream("latent")
    with pytest.raises(RuntimeError, match="inside"), random.fork_rng():
        with random.fork_rng(5):
            draw()
        raise RuntimeError("inside")
    assert random.stream("latent") is held, "who holds a stream goes on with it"
    assert_same(draw(), expected)
