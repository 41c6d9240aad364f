"""Active units and the mutual information gap, against loops and at their exact end points."""

from itertools import product
from math import log, sqrt

import numpy as np
import pytest

from minigen.errors import ShapeError
from minigen.metrics import active_units, mutual_information, mutual_information_gap

# -- active units ------------------------------------------------------------------------------------------------


def test_active_units_counts_the_dimensions_whose_mean_moves():
    unit = np.tile([-1.0, 1.0], 50)[:, None]  # variance 1
    means = unit * np.sqrt([0.0, 0.0099, 0.0101, 1.0]) + [5, 6, 7, 8]
    assert active_units(means) == 2
    assert active_units(means, threshold=0.001) == 3


def test_active_units_uses_the_variance_over_n_and_more_than_the_threshold():
    means = np.array([[-0.5], [0.5]])  # sum of squares / n = 0.25, / (n - 1) = 0.5
    assert active_units(means, threshold=0.25) == 0
    assert active_units(means, threshold=0.2499) == 1


# -- mutual information ------------------------------------------------------------------------------------------


def test_information_equals_the_loop():
    a, b = np.random.default_rng(0).integers(0, [[3], [4]], (2, 50))
    b = (b + a) % 4
    expected = 0.0
    for i, j in product(range(3), range(4)):
        p = np.mean((a == i) & (b == j))
        if p:
            expected += p * log(p / (np.mean(a == i) * np.mean(b == j)))
    assert mutual_information(a, b) == pytest.approx(expected, rel=1e-13)
    assert mutual_information(b, a) == pytest.approx(expected, rel=1e-13)
    assert mutual_information(np.array(["x", "y", "z"])[a], b * -2.5) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("flipped", [0, 1, 25, 50])
def test_information_through_a_binary_symmetric_channel(flipped):
    """Of 100 bits of each kind, `flipped` arrive wrong: I = log 2 - H(flipped / 100)."""
    sent = np.repeat([0, 1], 100)
    received = sent.copy()
    received[:flipped] ^= 1
    received[100 : 100 + flipped] ^= 1
    p = flipped / 100
    noise = -sum(q * log(q) for q in (p, 1 - p) if q > 0)
    assert mutual_information(sent, received) == pytest.approx(log(2) - noise, abs=1e-14)


def test_information_through_a_channel_that_shifts():
    """Each of 12 letters arrives as itself or one of the next two: I = log(12 / 3)."""
    sent, shift = np.divmod(np.arange(36), 3)
    assert mutual_information(sent, (sent + shift) % 12) == pytest.approx(log(4), rel=1e-14)


def test_information_of_a_variable_with_itself_is_its_entropy():
    a = np.repeat([3, 1, 4], [5, 3, 2])
    assert mutual_information(a, a) == pytest.approx(-sum(p * log(p) for p in (0.5, 0.3, 0.2)), rel=1e-14)
    assert mutual_information(a, np.zeros(10)) == 0


# -- the gap -----------------------------------------------------------------------------------------------------


def factorial():
    """Every combination of a shape (4, discrete), a size and an angle (20 and 10 values, continuous): exactly independent."""
    shape, size, angle = (values.ravel() for values in np.mgrid[:4, :20, :10])
    return {"shape": shape, "size": size / 7.0, "angle": 40.0 - 3 * angle}


def test_codes_that_are_the_factors_score_one():
    factors = factorial()
    codes = np.stack([factors["angle"], factors["shape"], factors["size"]], axis=1)
    total, gaps = mutual_information_gap(codes, factors)
    assert list(gaps) == ["shape", "size", "angle"]
    assert gaps == pytest.approx(dict.fromkeys(factors, 1), abs=1e-12) and total == pytest.approx(1, abs=1e-12)
    # Neither the order nor the scale of the codes matters, nor idle codes beside them.
    more = np.column_stack([codes[:, ::-1] * [-2.0, 1e-3, 1e6] + 5, np.zeros(800)])
    assert mutual_information_gap(more, factors)[0] == pytest.approx(1, abs=1e-12)


def test_a_factor_in_two_codes_equally_scores_zero():
    factors = factorial()
    codes = np.stack([factors["size"], factors["shape"], factors["size"] * -3 + 1], axis=1)
    _, gaps = mutual_information_gap(codes, factors)
    assert gaps["size"] == pytest.approx(0, abs=1e-12)
    assert gaps["shape"] == pytest.approx(1, abs=1e-12)
    assert gaps["angle"] == pytest.approx(0, abs=1e-12), "no code tells the angle"


def test_codes_equal_to_random_factors_score_one_minus_the_bias():
    """2 n I of independent variables is chi^2 with (p - 1)(q - 1) degrees of freedom; that is the gap's distance from 1 or 0."""
    n, bins = 20_000, 20
    rng = np.random.default_rng(1)
    factors = {name: rng.random(n) for name in "ab"}
    freedom = (bins - 1) ** 2
    most = (freedom + 6 * sqrt(2 * freedom)) / (2 * n * log(bins))  # six standard deviations
    total, gaps = mutual_information_gap(np.stack(list(factors.values()), axis=1), factors, bins)
    assert all(1 - most < gap < 1 for gap in gaps.values())
    assert total == np.mean(list(gaps.values()))
    random, _ = mutual_information_gap(rng.random((n, 6)), factors, bins)
    assert 0 <= random < most


def test_a_rotation_by_45_degrees_destroys_the_gap():
    a, b = (values.ravel() for values in np.mgrid[-20:21, -20:21] / 20.0)
    straight, _ = mutual_information_gap(np.stack([a, b], axis=1), {"a": a, "b": b})
    rotated, _ = mutual_information_gap(np.stack([a + b, a - b], axis=1), {"a": a, "b": b})
    assert straight == pytest.approx(1, abs=1e-12) and rotated < 0.01


def naive_gap(codes, factor, bins):
    def cut(values):
        edges = np.linspace(values.min(), values.max(), bins + 1)
        return [min(sum(value >= edge for edge in edges[1:]), bins - 1) for value in values]

    def information(a, b):
        n = len(a)
        pairs = {(i, j): sum(x == i and y == j for x, y in zip(a, b)) / n for i in set(a) for j in set(b)}
        pa, pb = ({i: list(values).count(i) / n for i in values} for values in (a, b))
        return sum(p * log(p / (pa[i] * pb[j])) for (i, j), p in pairs.items() if p)

    levels = cut(factor) if factor.dtype.kind == "f" else factor.tolist()
    told = sorted((information(cut(code), levels) for code in codes.T), reverse=True)
    return (told[0] - told[1]) / information(levels, levels)


def test_gap_equals_the_loop():
    rng = np.random.default_rng(2)
    factors = {"class": rng.integers(0, 3, 60), "slant": rng.random(60), "stroke": rng.standard_normal(60).astype(np.float32)}
    codes = np.stack([factors["class"] + rng.random(60), factors["slant"] * factors["stroke"], rng.random(60)], axis=1)
    total, gaps = mutual_information_gap(codes, factors, bins=5)
    expected = {name: naive_gap(codes, factor, 5) for name, factor in factors.items()}
    assert gaps == pytest.approx(expected, rel=1e-10) and total == pytest.approx(np.mean(list(expected.values())), rel=1e-10)


def test_integers_and_names_are_levels_and_floats_are_cut():
    digit = np.tile(np.arange(10), 4)
    codes = digit[:, None].astype(float)
    # Two intervals tell which half: log 2 of the factor's log 10, or all of it if the factor is cut too.
    for factor, gap in ((digit, log(2) / log(10)), (np.array(list("abcdefghij"))[digit], log(2) / log(10)), (digit / 1.0, 1)):
        assert mutual_information_gap(codes, {"digit": factor}, bins=2)[0] == pytest.approx(gap, rel=1e-12)


# -- what is refused ---------------------------------------------------------------------------------------------

CODES, FACTOR = np.arange(12.0).reshape(6, 2), np.arange(6)


@pytest.mark.parametrize(
    ("codes", "factors", "bins", "error", "message"),
    [
        (np.ones(4), {"a": FACTOR}, 20, ShapeError, r"got codes of shape \(4,\), expected \(n, d\)"),
        (CODES * np.nan, {"a": FACTOR}, 20, ValueError, "NaN or infinity in codes"),
        (CODES, {"a": FACTOR, "b": FACTOR[:5]}, 20, ShapeError, r"'b': got factor of shape \(5,\), expected \(6,\) as in codes"),
        (CODES, {"a": np.full(6, np.inf)}, 20, ValueError, "'a': got NaN or infinity in factor"),
        (
            CODES,
            {"a": FACTOR, "b": np.ones(6)},
            20,
            ValueError,
            "the factor 'b' never varies, no code can determine it; leave it out",
        ),
        (CODES, {}, 20, ValueError, "got no factors; none are known"),
        (CODES, {"a": FACTOR}, 1, ValueError, "bins is 1, expected at least 2"),
    ],
)
def test_gap_refuses(codes, factors, bins, error, message):
    with pytest.raises(error, match=f"mutual_information_gap.*{message}"):
        mutual_information_gap(codes, factors, bins)


def test_active_units_and_information_refuse():
    with pytest.raises(ShapeError, match=r"active_units: got means of shape \(0, 3\)"):
        active_units(np.ones((0, 3)))
    with pytest.raises(ShapeError, match=r"mutual_information: got a of shape \(3,\) and b of shape \(4,\)"):
        mutual_information(np.ones(3), np.ones(4))
    with pytest.raises(ShapeError, match=r"got a of shape \(0,\) and b of shape \(0,\)"):
        mutual_information([], [])
