"""The backward pass: what it computes, in which order, and what it refuses."""

import numpy as np
import pytest

import minigen
from minigen import Parameter, Tensor, grad, no_grad, op
from minigen.errors import DtypeError, GraphError, ShapeError

rng = np.random.default_rng(0)


def leaf(*values, name=None):
    """A float64 leaf that requires a gradient."""
    return Tensor(minigen.asarray(np.array(values, dtype=float)), requires_grad=True, name=name)


def counted_identity():
    """An op that returns a copy, and the list that its rule writes into."""
    calls = []

    @op
    def identity(x):
        return x + 0.0

    @identity.vjp("x")
    def identity_dx(g, y, x):
        calls.append(g)
        return g

    return identity, calls


# -- graphs of every shape ---------------------------------------------------------------------------------------


def test_a_diamond_adds_both_ways(backend):
    a = leaf(3.0)
    b = a * a
    c = b.sin() + b * b
    c.backward(np.ones(1))
    assert minigen.to_numpy(a.grad)[0] == pytest.approx((np.cos(9.0) + 18.0) * 6.0, rel=1e-14)


def test_a_node_waits_for_all_its_users_before_its_rule_runs():
    identity, calls = counted_identity()
    a = leaf(3.0)
    b = identity(a)
    (b + (b * b) * b).backward(np.ones(1))
    assert len(calls) == 1
    assert a.grad[0] == 1.0 + 3.0 * 9.0


def test_two_to_the_thirtieth_paths_are_walked_once_per_node():
    identity, calls = counted_identity()
    x = leaf(1.0)
    y = x
    for _ in range(30):
        y = identity(y)
        y = y + y
    y.backward(np.ones(1))
    assert x.grad[0] == 2.0**30
    assert len(calls) == 30


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_chain_of_ten_thousand_ops_needs_no_recursion(create_graph):
    x = leaf(2.0)
    y = x
    for _ in range(10_000):
        y = y + 1.0
    (dx,) = grad(y.sum(), [x], create_graph=create_graph)
    assert dx.numpy()[0] == 1.0
    y.backward(np.ones(1))
    assert x.grad[0] == 1.0
    del y, dx  # Python frees a chain of objects without recursion as well


def test_the_same_tensor_twice_in_one_op(backend):
    x = leaf(3.0, -2.0)
    (x * x).sum().backward()
    np.testing.assert_array_equal(minigen.to_numpy(x.grad), [6.0, -4.0])
    (difference,) = grad((x - x).sum(), [x])
    np.testing.assert_array_equal(difference.numpy(), [0.0, 0.0])
    (dx,) = grad(minigen.concatenate(x, x, x).sum(), [x])
    np.testing.assert_array_equal(dx.numpy(), [3.0, 3.0])


def test_a_graph_can_be_differentiated_four_times(backend):
    x = leaf(0.5)
    y = x * x * x * x
    for expected in (4 * 0.5**3, 12 * 0.5**2, 24 * 0.5, 24.0):
        (y,) = grad(y.sum(), [x], create_graph=True)
        assert y.numpy()[0] == pytest.approx(expected, rel=1e-14)


def test_broadcasting_is_undone_in_the_gradient(backend):
    shapes = [(3, 1), (4,), (), (2, 1, 1), (1, 3, 4)]
    tensors = [Tensor(minigen.asarray(np.asarray(rng.standard_normal(shape))), requires_grad=True) for shape in shapes]
    total = tensors[0]
    for x in tensors[1:]:
        total = total + x
    assert total.shape == (2, 3, 4)
    for x, dx in zip(tensors, grad(total.sum(), tensors)):
        np.testing.assert_array_equal(dx.numpy(), np.full(x.shape, 24 / x.size))


def test_an_empty_array_has_an_empty_gradient(backend):
    x = Tensor(minigen.asarray(np.zeros((0, 3))), requires_grad=True)
    (x * 2.0).sum().backward()
    assert x.grad.shape == (0, 3)


# -- the gradient in .grad ---------------------------------------------------------------------------------------


def test_two_backward_passes_add_up(backend):
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    (3.0 * x).sum().backward()
    np.testing.assert_array_equal(minigen.to_numpy(x.grad), [5.0, 7.0])


def test_grad_is_a_plain_array_of_the_shape_and_dtype_of_the_leaf(backend):
    x = Tensor(minigen.asarray(np.ones((2, 1), np.float32)), requires_grad=True)
    (x * Tensor(minigen.asarray(np.ones((3,), np.float32)))).sum().backward()
    assert type(x.grad) is type(x.data)
    assert x.grad.shape == (2, 1) and x.grad.dtype == np.float32


def test_a_scalar_leaf_gets_an_array_of_no_axes():
    x = Tensor(np.array(2.0), requires_grad=True)
    (x * x + x).backward()
    assert isinstance(x.grad, np.ndarray) and x.grad.shape == () and x.grad == 5.0


def test_backward_from_a_leaf_gives_one():
    x = leaf(7.0)
    x.backward()
    assert x.grad[0] == 1.0


def test_intermediate_results_keep_no_gradient():
    x = leaf(1.0)
    y = x * 2.0
    (y * y).sum().backward()
    assert y.grad is None and x.grad is not None


def test_leaves_that_require_no_gradient_get_none():
    x, constant = leaf(1.0), Tensor(np.array([2.0]))
    (x * constant).sum().backward()
    assert constant.grad is None and not constant.requires_grad


@pytest.mark.parametrize(
    "make",
    [
        lambda x, y: x + y,
        lambda x, y: (x + y) + x,
        lambda x, y: x.reshape(2, 1).reshape(2) + y,
        lambda x, y: x.T + (+y),
        lambda x, y: minigen.concatenate(x, y)[:2] + minigen.concatenate(y, x)[:2],
        lambda x, y: minigen.broadcast_to(x, shape=(2, 2)).sum(axis=0) + y,
    ],
)
def test_no_gradient_shares_memory_with_another_or_with_the_data(make):
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    cotangent = np.ones(2)
    make(x, y).backward(cotangent)
    arrays = [x.grad, y.grad, x.data, y.data, cotangent]
    for i, first in enumerate(arrays):
        for second in arrays[i + 1 :]:
            assert not np.shares_memory(first, second)
    before = y.grad.copy()
    x.grad *= 100.0
    np.testing.assert_array_equal(y.grad, before)
    np.testing.assert_array_equal(cotangent, 1.0)


def test_accumulation_never_writes_into_the_gradient_of_an_earlier_pass():
    x = leaf(1.0)
    (x * 2.0).sum().backward()
    first = x.grad
    (x * 2.0).sum().backward()
    assert first[0] == 2.0 and x.grad[0] == 4.0


def test_accumulation_writes_into_no_view():
    """The rules of positive and reshape return g itself; adding the second share must not change the first user's."""
    x = leaf(1.0, 2.0)
    y = +x
    cotangent = np.array([1.0, 10.0])
    (y + y.reshape(2, 1).reshape(2) + y.T).backward(cotangent)
    np.testing.assert_array_equal(x.grad, [3.0, 30.0])
    np.testing.assert_array_equal(cotangent, [1.0, 10.0])


# -- grad() ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("create_graph", [False, True])
def test_grad_touches_no_dot_grad(backend, create_graph):
    x, w = leaf(2.0), leaf(3.0)
    (dx,) = grad((x * w).sum(), [x], create_graph=create_graph)
    assert isinstance(dx, Tensor) and dx.requires_grad == create_graph
    assert x.grad is None and w.grad is None


def test_grad_runs_no_rule_off_the_paths_to_its_inputs():
    wanted, wanted_calls = counted_identity()
    unwanted, unwanted_calls = counted_identity()
    x, w = leaf(2.0), leaf(3.0)
    grad((wanted(x) * unwanted(w)).sum(), [x])
    assert len(wanted_calls) == 1 and not unwanted_calls


def test_grad_runs_no_rule_below_its_inputs():
    below, calls = counted_identity()
    x = leaf(2.0)
    y = below(x)
    grad((y * y).sum(), [y])
    assert not calls


def test_grad_with_respect_to_an_intermediate_tensor(backend):
    x = leaf(2.0)
    y = x * x
    dy, dx = grad((y * y * x).sum(), [y, x], create_graph=True)
    assert dy.numpy()[0] == 2 * 4.0 * 2.0
    assert dx.numpy()[0] == 5 * 2.0**4
    (second,) = grad(dy.sum(), [y])  # d(2 y x)/dy, at fixed x
    assert second.numpy()[0] == 2 * 2.0


def test_grad_with_respect_to_the_result_itself_is_the_cotangent():
    y = leaf(1.0, 2.0) * 2.0
    (dy,) = grad(y, [y], np.array([5.0, 7.0]))
    np.testing.assert_array_equal(dy.numpy(), [5.0, 7.0])


def test_grad_accepts_an_input_twice_and_any_iterable():
    x = leaf(3.0)
    first, second = grad((x * x).sum(), (tensor for tensor in (x, x)))
    assert first.numpy()[0] == second.numpy()[0] == 6.0


def test_grad_can_be_taken_twice_from_one_graph():
    x = leaf(3.0)
    y = (x * x).sum()
    assert [grad(y, [x])[0].item() for _ in range(2)] == [6.0, 6.0]


def test_the_cotangent_may_be_differentiated(backend):
    x, u = leaf(2.0), leaf(5.0)
    (dx,) = grad(x * x * x, [x], u, create_graph=True)
    (du,) = grad(dx.sum(), [u])
    assert du.numpy()[0] == 12.0


def test_a_plain_cotangent_takes_the_dtype_of_the_output(backend):
    x = Tensor([1.0, 2.0], requires_grad=True)
    (dx,) = grad(x * x, [x], [1.0, 10.0])
    assert dx.dtype == np.float32
    np.testing.assert_array_equal(dx.numpy(), [2.0, 40.0])


def test_a_non_differentiable_input_passes_no_gradient_on():
    @op(non_differentiable=("labels",))
    def pick(x, labels):
        return x * labels

    pick.vjp("x")(lambda g, y, x, labels: g * labels)
    x, below = leaf(2.0), leaf(3.0)
    labels = below * 2.0
    pick(x, labels).sum().backward()
    assert x.grad[0] == 6.0 and below.grad is None
    (zero,) = grad(pick(x, labels).sum(), [below], allow_unused=True)
    assert zero.numpy()[0] == 0.0


def test_the_gradient_of_a_gradient_penalty_reaches_every_weight_and_equals_finite_differences(backend):
    """WGAN-GP: the mean over the batch of (||d D(x) / dx|| - 1)^2, differentiated by the weights of a two-layer critic."""
    x = rng.standard_normal((4, 3))
    weights = [rng.standard_normal(shape) for shape in ((3, 5), (5,), (5, 1), (1,))]

    def penalty(w1, b1, w2, b2):
        points = Tensor(minigen.asarray(x), requires_grad=True)
        scores = (points @ w1 + b1).tanh() @ w2 + b2
        (slopes,) = grad(scores.sum(), [points], create_graph=True)
        return ((minigen.l2norm(slopes, axis=1) - 1.0) ** 2).mean()

    parameters = [Parameter(minigen.asarray(w)) for w in weights]
    w1, b1, w2, b2 = grad(penalty(*parameters), parameters, allow_unused=True)
    assert not b2.numpy().any(), "the penalty does not depend on the last bias"
    step = 1e-6
    for position, analytic in enumerate((w1, b1, w2)):
        numeric = np.empty(weights[position].shape)
        for index in np.ndindex(numeric.shape):
            values = []
            for sign in (step, -step):
                moved = [w.copy() for w in weights]
                moved[position][index] += sign
                values.append(penalty(*(Tensor(minigen.asarray(w)) for w in moved)).item())
            numeric[index] = (values[0] - values[1]) / (2 * step)
        assert np.abs(numeric).min() > 1e-6
        np.testing.assert_allclose(analytic.numpy(), numeric, rtol=1e-6, atol=1e-8)


# -- what is refused ---------------------------------------------------------------------------------------------


def test_a_second_backward_says_that_the_graph_is_freed():
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(GraphError, match=r"the graph of this sum has been freed .* backward\(retain_graph=True\)"):
        y.backward()
    assert x.grad[0] == 4.0


def test_a_result_that_shares_a_freed_graph_says_so():
    x = leaf(2.0)
    shared = x * x
    shared.sum().backward()
    with pytest.raises(GraphError, match="the graph of this multiply has been freed"):
        shared.mean().backward()


def test_retain_graph_keeps_the_graph():
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad[0] == 8.0


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w.assign(np.array([9.0])),
        lambda w: setattr(w, "data", np.array([9.0])),
        lambda w: exec("w.data -= 0.1 * w.grad", {"w": w}),
        lambda w: exec("w.data *= 2", {"w": w}),
    ],
)
def test_a_parameter_changed_after_the_forward_pass_is_named(change):
    w, x = Parameter(np.array([2.0]), name="critic.dense.w"), leaf(3.0)
    w.grad = np.array([1.0])
    y = (w * x).sum()
    change(w)
    with pytest.raises(GraphError, match=r"stale graph: critic\.dense\.w of shape \(1,\) was changed after this multiply"):
        y.backward()
    with pytest.raises(GraphError, match="stale graph: critic.dense.w"):
        grad(y, [x])
    (w * x).sum().backward()
    assert x.grad is not None


def test_a_parameter_may_change_between_a_backward_pass_and_the_next_forward_pass():
    w = Parameter(np.array([2.0]))
    for _ in range(3):
        w.grad = None
        (w * w).sum().backward()
        w.data -= 0.25 * w.grad
    assert w.data[0] == 0.25


def test_an_input_that_the_output_does_not_depend_on():
    x, y = leaf(1.0), leaf(2.0, name="style")
    with pytest.raises(GraphError, match="the output does not depend on style: pass allow_unused=True"):
        grad((x * x).sum(), [x, y])
    with pytest.raises(GraphError, match="the output does not depend on input 1"):
        grad((x * x).sum(), [x, leaf(1.0)])
    used, unused = grad((x * x).sum(), [x, y], allow_unused=True)
    assert used.numpy()[0] == 2.0
    np.testing.assert_array_equal(unused.numpy(), [0.0])


@pytest.mark.parametrize("x", [Tensor([1.0]), np.ones(1), 1.0])
def test_an_input_that_requires_no_gradient(x):
    with pytest.raises(GraphError, match="input 0, which does not require a gradient: .*requires_grad=True"):
        grad(leaf(1.0).sum(), [x])


def test_a_single_tensor_instead_of_a_list():
    x = leaf(1.0)
    with pytest.raises(TypeError, match=r"write grad\(y, \[x\]\)"):
        grad(x.sum(), x)


def test_a_result_that_is_not_a_tensor():
    with pytest.raises(TypeError, match="expected a Tensor to differentiate, got ndarray"):
        grad(np.ones(1), [leaf(1.0)])


@pytest.mark.parametrize("differentiate", [lambda y, x: y.backward(), lambda y, x: grad(y, [x])])
def test_more_than_one_element_needs_a_cotangent(differentiate):
    x = leaf(1.0, 2.0)
    with pytest.raises(GraphError, match=r"starts from a single number, got shape \(2,\): .*\.sum\(\)"):
        differentiate(x * 2.0, x)


@pytest.mark.parametrize("cotangent", [np.ones(3), np.ones((2, 1)), 1.0])
def test_a_cotangent_of_the_wrong_shape(cotangent):
    x = leaf(1.0, 2.0)
    with pytest.raises(ShapeError, match=r"cotangent: got shape .*, expected that of the output, \(2,\)"):
        grad(x * 2.0, [x], cotangent)


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_cotangent_tensor_of_the_wrong_dtype(create_graph):
    x = leaf(1.0, 2.0)
    with pytest.raises(DtypeError, match="cotangent: got dtype float32, expected that of the output, float64"):
        grad(x * 2.0, [x], Tensor([1.0, 1.0]), create_graph=create_graph)


def test_a_cotangent_that_would_lose_something():
    with pytest.raises(TypeError, match="got a MaskedArray, whose mask would be lost"):
        (leaf(1.0, 2.0) * 2.0).backward(np.ma.masked_array([1.0, 2.0], mask=[False, True]))


def test_backward_from_what_depends_on_nothing():
    with pytest.raises(GraphError, match="depends on nothing with requires_grad=True"):
        Tensor([1.0]).backward()
    with no_grad():
        y = leaf(1.0) * 2.0
    with pytest.raises(GraphError, match="depends on nothing"):
        y.backward()


@pytest.mark.parametrize(
    ("returned", "error", "got"),
    [
        (np.ones(3), ShapeError, r"float64\[3\]"),
        (np.ones((2, 3)), ShapeError, r"float64\[2, 3\]"),
        (np.array(1.0), ShapeError, r"float64\[\]"),
        (np.ones(2, np.float32), DtypeError, r"float32\[2\]"),
        (None, ShapeError, "NoneType"),
        (1.0, ShapeError, "float"),
        ("gradient", ShapeError, "str"),
    ],
)
@pytest.mark.parametrize("broadcasts", [False, True])
def test_a_rule_that_returns_something_else_is_named(returned, error, got, broadcasts):
    @op(broadcasts=broadcasts)
    def scale(x):
        return 2.0 * x

    @scale.vjp("x")
    def scale_dx(g, y, x):
        return returned

    with pytest.raises(error, match=f"scale: rule scale_dx for 'x' returned {got}, " + r"expected float64\[2\]"):
        scale(leaf(1.0, 2.0)).sum().backward()


def test_a_failed_backward_leaves_the_switches_as_they_were():
    @op
    def broken(x):
        return x + 0.0

    @broken.vjp("x")
    def broken_dx(g, y, x):
        raise RuntimeError("rule")

    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="rule"):
        grad(broken(x).sum(), [x])
    assert (x * 2.0).requires_grad
