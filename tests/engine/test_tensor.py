"""Tensors: what they hold, how they are changed, how long their graph lives."""

import copy
import gc
import math
import pickle
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

import minigen
from minigen import Parameter, Tensor, grad, no_grad
from minigen.errors import DtypeError, GraphError, ShapeError

# -- what they hold ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        ([1, 2], np.float32),
        (1.5, np.float32),
        (np.ones(2), np.float64),
        (np.ones(2, np.float32), np.float32),
        (np.float64(2.0), np.float64),
        ([np.float64(2.0)], np.float32),
    ],
)
def test_float_arrays_keep_their_dtype_and_everything_else_becomes_float32(backend, data, dtype):
    x = Tensor(minigen.asarray(data) if isinstance(data, np.ndarray) else data)
    assert x.dtype == dtype
    assert minigen.backend.is_array(x.data)


@pytest.mark.parametrize("data", [np.arange(3), np.ones(2, bool), np.ones(2) * 1j, np.int64(3)])
def test_other_arrays_are_refused(data):
    with pytest.raises(DtypeError, match=f"holds float32 or float64, got {data.dtype}: .*astype"):
        Tensor(data)


def test_a_tensor_of_a_tensor_is_refused():
    with pytest.raises(TypeError, match=r"x\.detach\(\)"):
        Tensor(Tensor([1.0]))


def test_shape_dtype_ndim_size_len():
    x = Tensor(np.zeros((2, 3), np.float32))
    assert (x.shape, x.dtype, x.ndim, x.size, len(x)) == ((2, 3), np.float32, 2, 6, 2)


def test_every_property_says_what_it_is():
    assert all(value.__doc__ for value in vars(Tensor).values() if isinstance(value, property))


def test_a_tensor_shares_the_array_that_it_was_given():
    array = np.zeros(2)
    assert Tensor(array).data is array and Tensor(array).numpy() is array


def test_detach_shares_the_array_and_cuts_the_graph(backend):
    x = Tensor([2.0], requires_grad=True)
    y = x * x
    cut = y.detach()
    assert cut.data is y.data and not cut.requires_grad and cut.op is None
    (dx,) = grad((cut * x).sum(), [x])
    assert dx.item() == 4.0


def test_detach_keeps_the_name():
    assert Parameter(np.ones(2), name="w").detach().name == "w"


def test_item_and_float_read_a_single_element(backend):
    assert Tensor([[2.5]]).item() == 2.5 and float(Tensor(2.5)) == 2.5
    assert type(Tensor(2.5).item()) is float
    for read in (Tensor.item, float):
        with pytest.raises(ShapeError, match=r"one element, got shape \(2,\)"):
            read(Tensor([1.0, 2.0]))


def test_repr_tells_values_shape_dtype_and_origin(backend):
    x = Tensor([1.0, 2.0], requires_grad=True)
    assert repr(x) == "Tensor([1., 2.], shape=(2,), dtype=float32, requires_grad=True)"
    assert repr(x * 2.0) == "Tensor([2., 4.], shape=(2,), dtype=float32, from multiply)"
    assert repr(x.detach()) == "Tensor([1., 2.], shape=(2,), dtype=float32)"


def test_repr_rounds_to_four_digits_and_shortens_beyond_fifty_elements():
    assert repr(Tensor([[1 / 3], [20.0]])) == "Tensor([[ 0.3333],\n        [20.    ]], shape=(2, 1), dtype=float32)"
    assert "..." not in repr(Tensor(np.zeros(50))) and "..." in repr(Tensor(np.zeros(51)))


def test_a_tensor_of_one_element_passes_for_a_number():
    x = Tensor([2.75])
    assert (float(x), int(x), round(x), round(x, 1), math.exp(x)) == (2.75, 2, 3, 2.8, math.exp(2.75))
    for number in (float, int, round, math.floor):
        with pytest.raises(ShapeError, match="one element"):
            number(Tensor([1.0, 2.0]))


def test_a_tensor_can_be_formatted_like_a_number():
    assert f"{Tensor([2.0]).mean():.3f}" == "2.000"
    assert f"{Tensor([2.0])}" == repr(Tensor([2.0]))
    with pytest.raises(ShapeError, match="one element"):
        f"{Tensor([1.0, 2.0]):.3f}"


# -- how they are changed ----------------------------------------------------------------------------------------


def test_assign_writes_into_the_same_memory(backend):
    w = Parameter(minigen.asarray(np.ones((2, 2), np.float32)))
    array = w.data
    w.assign(minigen.asarray(np.full((2, 2), 3.0)))
    assert w.data is array and w.dtype == np.float32
    np.testing.assert_array_equal(w.numpy(), 3.0)
    w.data = 5.0
    np.testing.assert_array_equal(w.numpy(), 5.0)


def test_numbers_and_lists_are_assigned_in_the_dtype_of_the_tensor(backend):
    w = Parameter(minigen.asarray(np.ones(2)))
    w.assign([0.1, 1])
    assert w.numpy().tolist() == [0.1, 1.0]
    w.assign(0.2)
    assert w.numpy().tolist() == [0.2, 0.2]


def test_assign_refuses_another_shape_and_names_the_parameter():
    w = Parameter(np.ones((2, 2)), name="decoder.b")
    for wrong in (np.ones(2), np.ones((2, 1)), np.ones((2, 2, 1))):
        with pytest.raises(ShapeError, match=r"assign to decoder\.b: got shape .*, expected \(2, 2\)"):
            w.assign(wrong)
    np.testing.assert_array_equal(w.data, 1.0)


def test_only_leaves_can_be_assigned():
    y = Tensor([1.0], requires_grad=True) * 2.0
    with pytest.raises(GraphError, match="cannot assign to the result of multiply"):
        y.data = np.zeros(1)


def test_in_place_operators_rebind_and_leave_the_old_tensor_alone():
    x = Tensor([1.0], requires_grad=True)
    y = x
    y += 1.0
    y *= x
    assert y is not x and x.item() == 1.0
    assert grad(y.sum(), [x])[0].item() == 3.0


# -- copies and pickles ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_a_copy_of_a_leaf_is_a_leaf_with_memory_of_its_own(backend, twin):
    w = Parameter(minigen.asarray(np.ones(2, np.float32)), name="w")
    other = twin(w)
    assert type(other) is Parameter and other.name == "w" and other.requires_grad
    other.assign(0.0)
    np.testing.assert_array_equal(w.numpy(), 1.0)
    (w * other).sum().backward()
    np.testing.assert_array_equal(minigen.to_numpy(other.grad), 1.0)


def test_a_constant_stays_a_constant_when_copied():
    assert not copy.deepcopy(Tensor([1.0])).requires_grad


def test_a_result_cannot_be_copied():
    with pytest.raises(TypeError, match=r"the result of multiply is part of a graph .*x\.detach\(\)"):
        copy.deepcopy(Tensor([1.0], requires_grad=True) * 2.0)


def test_a_parameter_pickled_late_works_in_a_young_process(tmp_path):
    """Its version must not be taken along: it would look younger than everything computed from it."""
    for _ in range(1000):
        Tensor([1.0])
    (tmp_path / "w.pickle").write_bytes(pickle.dumps(Parameter(np.ones(3, np.float32))))
    code = "import pickle, sys\nw = pickle.load(open(sys.argv[1], 'rb'))\n(w * w).sum().backward()\nprint(w.grad.tolist())"
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "w.pickle"], capture_output=True, text=True)
    assert done.stdout.strip() == "[2.0, 2.0, 2.0]", done.stderr


def test_an_unpickled_array_has_an_equal_dtype_though_not_the_same_object():
    array = pickle.loads(pickle.dumps(np.ones(3, np.float32)))
    x = Tensor(np.ones(3, np.float32), requires_grad=True)
    assert array.dtype is not x.dtype and array.dtype == x.dtype
    y = Tensor(array, requires_grad=True)
    for product in (x * y, y * x, minigen.tanh(y)):
        product.sum().backward()
    assert x.grad.dtype == y.grad.dtype == np.float32


# -- how long the graph lives ------------------------------------------------------------------------------------


@pytest.fixture
def no_garbage_collector():
    """Only reference counting frees memory inside the test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def graph():
    """A leaf, and weak references to everything that is computed from it, the last result first."""
    x = Tensor([1.0, 2.0], requires_grad=True)
    nodes = [x * 2.0]
    for step in (lambda y: y.tanh(), lambda y: y @ y, lambda y: y * x, lambda y: minigen.concatenate(y, x), lambda y: y.sum()):
        nodes.append(step(nodes[-1]))
    return x, nodes


def alive(references) -> int:
    """How many of the weakly referenced tensors still exist."""
    return sum(reference() is not None for reference in references)


def test_a_dropped_graph_is_freed_at_once(no_garbage_collector):
    x, nodes = graph()
    references = list(map(weakref.ref, nodes))
    del nodes
    assert alive(references) == 0


def test_backward_frees_the_graph_while_the_result_lives_on(no_garbage_collector):
    x, nodes = graph()
    y = nodes[-1]
    references = list(map(weakref.ref, nodes[:-1]))
    del nodes
    assert alive(references) == 5
    y.backward()
    assert alive(references) == 0 and y.item() != 0.0


def test_a_graph_of_derivatives_is_freed_at_once(no_garbage_collector):
    x, nodes = graph()
    y = nodes[-1]
    (dx,) = grad(y, [x], create_graph=True)
    (d2x,) = grad((dx * dx).sum(), [x], create_graph=True)
    references = list(map(weakref.ref, [*nodes, dx, d2x]))
    del nodes, y, dx, d2x
    assert alive(references) == 0


def test_a_failed_backward_leaves_no_cycle(no_garbage_collector):
    x, nodes = graph()
    reference = weakref.ref(nodes[0])
    try:
        nodes[1].backward()
    except GraphError:
        pass
    del nodes
    assert reference() is None


# -- no_grad -----------------------------------------------------------------------------------------------------


def test_no_grad_records_nothing_inside_and_everything_after():
    x = Tensor([1.0], requires_grad=True)
    with no_grad():
        y = x * 2.0
        assert not y.requires_grad and y.op is None and y.inputs == ()
    assert (x * 2.0).requires_grad


def test_what_is_computed_from_constants_is_a_constant():
    x = Tensor([1.0])
    for y in (x * 2.0, minigen.concatenate(x, x), minigen.add(x, 1.0)):
        assert not y.requires_grad and y.op is None and y.inputs == () and y.attributes is None


def test_no_grad_as_a_decorator():
    x = Tensor([1.0], requires_grad=True)

    @no_grad()
    def double():
        return x * 2.0

    assert not double().requires_grad and not double().requires_grad
    assert (x * 2.0).requires_grad


def test_no_grad_ends_with_an_exception():
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert (Tensor([1.0], requires_grad=True) * 2.0).requires_grad


def test_no_grad_can_be_nested():
    x = Tensor([1.0], requires_grad=True)
    with no_grad():
        with no_grad():
            pass
        assert not (x * 2.0).requires_grad


def test_no_grad_holds_in_its_own_thread_only():
    x = Tensor([1.0], requires_grad=True)
    inside, done, seen = threading.Event(), threading.Event(), []

    def other():
        inside.wait()
        seen.append((x * 2.0).requires_grad)
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with no_grad():
        inside.set()
        done.wait()
    thread.join()
    assert seen == [True]


def test_a_backward_pass_inside_no_grad_works():
    x = Tensor([3.0], requires_grad=True)
    y = (x * x).sum()
    with no_grad():
        y.backward()
    assert x.grad[0] == 6.0


def test_two_threads_differentiate_at_once():
    results = {}

    def work(number):
        x = Tensor(np.full(5, float(number)), requires_grad=True)
        for _ in range(200):
            (dx,) = grad((x * x).sum(), [x], create_graph=number % 2 == 0)
        results[number] = dx.numpy()[0]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {0: 0.0, 1: 2.0, 2: 4.0, 3: 6.0}
