"""Module: what it owns, its state, its modes, and what its errors say."""

import copy
import pickle

import numpy as np
import pytest

import minigen as mg
from minigen import nn
from minigen.errors import DeviceError, DtypeError, ShapeError, StateError
from minigen.models.autoencoders import StackedAutoencoder


def parameter(*shape: int) -> mg.Parameter:
    """Ones."""
    return mg.Parameter(np.ones(shape, dtype=np.float32))


class Everywhere(nn.Module):
    """Parameters in every place where they are looked for, and other attributes among them."""

    def __init__(self):
        self.rate = 0.5
        self.direct = parameter(1)
        self.child = nn.Dense(2, 3)
        self.several = [parameter(2), (nn.Dense(1, 1, bias=False), parameter(3))]
        self.named = {"a": parameter(4), "b": [nn.Sequential(nn.ReLU(), nn.Dense(3, 1))]}
        self.constant = mg.Tensor([1.0], requires_grad=True)
        self.nothing = None


class Tied(nn.Module):
    """One Dense under two names, and its weight once more by itself."""

    def __init__(self):
        self.first = nn.Dense(2, 2)
        self.second = self.first
        self.again = self.first.weight
        self.own = parameter(2)


# -- what belongs to it --------------------------------------------------------------------------------------------


def test_parameters_are_found_in_attributes_lists_tuples_dicts_and_modules():
    shapes = {name: p.shape for name, p in Everywhere().named_parameters().items()}
    assert shapes == {
        "direct": (1,),
        "child.weight": (2, 3),
        "child.bias": (3,),
        "several.0": (2,),
        "several.1.0.weight": (1, 1),
        "several.1.1": (3,),
        "named.a": (4,),
        "named.b.0.1.weight": (3, 1),
        "named.b.0.1.bias": (1,),
    }
    assert list(shapes)[:3] == ["direct", "child.weight", "child.bias"], "not in order of assignment"


def test_a_parameter_is_named_by_its_path():
    assert all(p.name == name for name, p in Everywhere().named_parameters().items())


def test_a_shared_parameter_counts_once_under_its_first_path():
    net = Tied()
    assert list(net.named_parameters()) == ["first.weight", "first.bias", "own"]
    assert len(net.parameters()) == 3 and net.parameter_count() == 4 + 2 + 2
    assert list(net.state_dict()) == ["first.weight", "first.bias", "own"]


def test_parameter_count_is_the_number_of_elements():
    assert Everywhere().parameter_count() == 1 + 6 + 3 + 2 + 1 + 3 + 4 + 3 + 1


def test_modules_lists_the_module_itself_and_all_below():
    kinds = [type(module).__name__ for module in Everywhere().modules()]
    assert kinds == ["Everywhere", "Dense", "Dense", "Sequential", "ReLU", "Dense"]
    assert [path for path, _ in Everywhere().named_modules()] == [
        "",
        "child",
        "several.1.0",
        "named.b.0",
        "named.b.0.0",
        "named.b.0.1",
    ]


def test_a_parameter_of_a_subclass_of_sequential_is_found():
    class Scaled(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Dense(2, 2), nn.ReLU())
            self.scale = parameter(2)

    assert list(Scaled().named_parameters()) == ["0.weight", "0.bias", "scale"]


def test_members_of_sequential_are_counted_indexed_and_iterated():
    layers = [nn.Dense(2, 3), nn.ReLU(), nn.Dense(3, 1)]
    net = nn.Sequential(*layers)
    assert len(net) == 3 and net[1] is layers[1] and net[-1] is layers[2] and list(net) == layers


def test_sequential_applies_its_layers_in_order():
    net = nn.Sequential(nn.Dense(4, 3), nn.Tanh(), nn.Dense(3, 2))
    x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    np.testing.assert_array_equal(net(x).numpy(), net[2](net[1](net[0](x))).numpy())


def test_zero_grad_clears_all_gradients():
    net = nn.Sequential(nn.Dense(2, 2), nn.Dense(2, 1))
    net(np.ones((1, 2), dtype=np.float32)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_astype_converts_every_parameter_and_clears_gradients():
    net = nn.Sequential(nn.Dense(2, 2), nn.Dense(2, 1))
    net(np.ones((1, 2), dtype=np.float32)).sum().backward()
    assert net.astype("float64") is net
    assert {p.dtype for p in net.parameters()} == {np.dtype("float64")} and all(p.grad is None for p in net.parameters())
    assert net(np.ones((1, 2))).dtype == np.float64


@pytest.mark.parametrize("dtype", ["float16", "int64", "bool"])
def test_astype_refuses_other_dtypes_and_changes_nothing(dtype):
    net = nn.Sequential(nn.Dense(2, 2), nn.BatchNorm(2))
    before = net.fingerprint()
    with pytest.raises(DtypeError, match=f"a model computes in float32 or float64, not in {dtype}"):
        net.astype(dtype)
    assert net.fingerprint() == before


def test_a_graph_from_before_astype_is_stale():
    net = nn.Dense(2, 1)
    y = net(np.ones((1, 2), dtype=np.float32)).sum()
    net.astype("float32")
    with pytest.raises(mg.errors.GraphError, match="stale graph"):
        y.backward()


def test_a_deep_copy_is_independent_and_stays_tied():
    dense = nn.Dense(3, 2)
    net = nn.Sequential(dense, nn.DenseTranspose(dense))
    twin = copy.deepcopy(net)
    assert twin[0].weight is twin[1].weight and twin[0].weight is not dense.weight
    before = net.state_dict()
    for p in twin.parameters():
        p.assign(p.data + 1.0)
    assert all((net.state_dict()[name] == value).all() for name, value in before.items())


# -- modes ---------------------------------------------------------------------------------------------------------


def test_train_and_eval_reach_every_module_and_return_the_module():
    net = Everywhere()
    assert net.training
    assert net.eval() is net and not any(module.training for module in net.modules())
    assert net.train() is net and all(module.training for module in net.modules())
    net.child.eval()
    assert net.training and not net.child.training
    assert nn.Dense(1, 1).training, "the mode of one module has become that of its class"


# -- state ---------------------------------------------------------------------------------------------------------


def test_state_dict_is_a_copy_on_the_host(backend):
    net = nn.Dense(2, 3)
    state = net.state_dict()
    before = mg.to_numpy(net.weight.data).copy()
    assert all(type(value) is np.ndarray for value in state.values())
    state["weight"][...] = 7.0
    np.testing.assert_array_equal(mg.to_numpy(net.weight.data), before)
    net.weight.assign(net.weight.data + 1.0)
    assert (state["weight"] == 7.0).all()


def test_load_state_dict_copies_the_values_in(backend):
    first, second = Everywhere(), Everywhere()
    state = {name: np.full(value.shape, i, dtype=np.float32) for i, (name, value) in enumerate(first.state_dict().items())}
    second.load_state_dict(state)
    for name, value in second.state_dict().items():
        np.testing.assert_array_equal(value, state[name])
    state["direct"][...] = 99.0
    assert second.state_dict()["direct"] == 0.0


def test_load_state_dict_makes_older_graphs_stale():
    net = nn.Dense(2, 1)
    net.named_parameters()
    y = net(np.ones((1, 2), dtype=np.float32)).sum()
    net.load_state_dict(net.state_dict())
    with pytest.raises(mg.errors.GraphError, match="stale graph: (weight|bias)"):
        y.backward()


def test_load_state_dict_names_every_mismatch_and_changes_nothing():
    net = nn.Sequential(nn.Dense(2, 3), nn.Dense(3, 1), nn.Dense(1, 1))
    before = net.state_dict()
    state = {name: value + 1 for name, value in before.items()}
    del state["0.weight"]
    state["4.weight"] = np.zeros((1, 1), dtype=np.float32)
    state["1.weight"] = np.zeros((1, 3), dtype=np.float32)
    state["2.bias"] = np.zeros(1)
    with pytest.raises(StateError) as caught:
        net.load_state_dict(state)
    assert str(caught.value) == (
        "this state does not fit Sequential: 1.weight is float32[1, 3], expected float32[3, 1]; "
        "2.bias is float64[1], expected float32[1]; missing 0.weight (2, 3); unexpected 4.weight"
    )
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


# -- errors say where and what -------------------------------------------------------------------------------------


def images(n: int = 5, size: int = 28, dtype: str = "float32") -> np.ndarray:
    """A batch of pictures, all zero."""
    return np.zeros((n, size, size, 1), dtype=dtype)


def message(kind: type, call, *inputs) -> str:
    """What the error says."""
    with pytest.raises(kind) as caught:
        call(*inputs)
    return str(caught.value)


def test_an_error_in_a_nested_layer_names_its_path():
    assert message(ShapeError, StackedAutoencoder(), images(size=32)) == (
        "encoder.1: Dense(784 -> 100, selu) expects shape (..., 784), got (5, 1024)"
    )


def test_an_error_of_an_op_names_the_path_too():
    class Broken(nn.Module):
        def forward(self, x):
            return x @ np.ones((3, 2), dtype=np.float32)

    net = nn.Sequential(nn.Dense(2, 2), nn.Sequential(Broken()))
    assert message(ShapeError, net, np.ones((1, 2), dtype=np.float32)).startswith("1.0: matmul: ")


def test_the_path_leads_through_lists_and_dicts():
    class Net(nn.Module):
        def __init__(self):
            self.blocks = {"deep": [nn.Sequential(nn.ReLU(), nn.Dense(3, 2))]}

        def forward(self, x):
            return self.blocks["deep"][0](x)

    assert message(ShapeError, Net(), np.ones((1, 2), dtype=np.float32)).startswith("blocks.deep.0.1: Dense(3 -> 2) ")


def test_the_path_is_whole_where_a_module_reaches_past_its_child():
    class Net(nn.Module):
        def __init__(self):
            self.body = nn.Sequential(nn.ReLU(), nn.Dense(3, 2))

        def forward(self, x):
            return self.body[1](x)

    assert message(ShapeError, Net(), np.ones((1, 2), dtype=np.float32)).startswith("body.1: Dense(3 -> 2) ")


def test_a_module_that_calls_itself_adds_no_name():
    class Twice(nn.Module):
        def forward(self, x, again=True):
            return self(x, again=False) if again else x @ np.ones((3, 2), dtype=np.float32)

    x = mg.Tensor(np.ones((1, 2), dtype=np.float32))
    assert message(ShapeError, Twice(), x).startswith("matmul: ")
    assert message(ShapeError, nn.Sequential(Twice()), x).startswith("0: matmul: ")


def test_the_path_of_a_layer_used_twice_is_its_first():
    dense = nn.Dense(2, 2)
    net = nn.Sequential(nn.Sequential(dense, dense), dense)
    assert message(ShapeError, net, np.ones((1, 3), dtype=np.float32)).startswith("0.0: Dense(2 -> 2) expects")


def test_pictures_into_dense_get_the_hint_to_flatten():
    dense = nn.Dense(784, 100)
    assert message(ShapeError, dense, images()) == (
        "Dense(784 -> 100) expects shape (..., 784), got (5, 28, 28, 1); put nn.Flatten() before it"
    )
    assert "Flatten" in message(ShapeError, dense, images()[..., 0])
    assert "Flatten" not in message(ShapeError, dense, images(size=32)), "flattening would not help"


class OtherLibrarys:
    """A tensor as PyTorch has it: with a dtype of its own, without astype."""

    shape, dtype = (1, 3), "torch.float32"


def test_integers_and_float64_get_the_conversion():
    dense = nn.Dense(3, 2)
    assert message(DtypeError, dense, np.zeros((1, 3), np.uint8)) == (
        "Dense(3 -> 2) computes in float32, got uint8: convert the data with x.astype('float32') / 255"
    )
    assert message(DtypeError, dense, np.zeros((1, 3))) == (
        "Dense(3 -> 2) computes in float32, got float64: convert the data with x.astype('float32')"
    )
    assert "convert the data with minigen.asarray(x).astype('float32')" in message(DtypeError, dense, OtherLibrarys())
    assert "x.astype('float64')" in message(DtypeError, nn.Dense(3, 2).astype("float64"), np.zeros((1, 3), np.float32))
    assert message(DtypeError, StackedAutoencoder(), images(dtype="uint8")).startswith("encoder.1: Dense")


@pytest.mark.parametrize(
    "layer", [nn.Dropout(0.5), nn.GaussianNoise(0.1), nn.ActivityRegularization(0.1), nn.ActivityRegularization()], ids=repr
)
@pytest.mark.parametrize("training", [True, False])
def test_noise_on_integers_gets_the_conversion(layer, training):
    assert message(DtypeError, layer.train(training), np.zeros((1, 3), np.uint8)) == (
        f"{layer!r} takes floating-point numbers, got uint8: convert the data with x.astype('float32') / 255"
    )


def test_sequential_refuses_a_class_a_list_and_a_function():
    assert message(TypeError, nn.Sequential, nn.ReLU).endswith("write nn.ReLU(), with brackets, or a Module of yours")
    assert message(TypeError, nn.Sequential, [nn.ReLU()]) == (
        "Sequential takes modules one by one, got [ReLU()]: write Sequential(*layers)"
    )
    assert "got <ufunc 'tanh'>" in message(TypeError, nn.Sequential, np.tanh)


def test_dense_refuses_impossible_sizes_and_unknown_activations():
    assert message(ShapeError, nn.Dense, 0, 3) == "Dense's in_features must be at least 1, got 0"
    assert message(ShapeError, nn.Dense, 3, -1) == "Dense's out_features must be at least 1, got -1"
    assert message(TypeError, nn.Dense, 3, 2.5) == "Dense's out_features must be a whole number, got 2.5"
    assert message(ValueError, nn.Dense, 3, 2, "sellu") == "unknown activation 'sellu': did you mean 'selu'?"
    assert "expected one of relu, " in message(ValueError, nn.Dense, 3, 2, "xyz")
    assert "a name, such as 'selu'" in message(TypeError, nn.Dense, 3, 2, nn.SELU())


def test_reshape_names_both_sizes():
    expected = "Reshape((28, 28)) expects 784 values per example, got 100: (100,)"
    assert message(ShapeError, nn.Reshape((28, 28)), np.zeros((2, 100), np.float32)) == expected
    assert message(ShapeError, nn.Reshape((28, 28)).output_shape, (100,)) == expected


def test_output_shape_refuses_what_forward_refuses():
    assert message(ShapeError, nn.Dense(3, 2).output_shape, (4,)) == "Dense(3 -> 2) expects shape (..., 3), got (4,)"
    assert "got ()" in message(ShapeError, nn.Dense(3, 2).output_shape, ())


def test_a_module_without_forward_says_so():
    class Unfinished(nn.Module):
        pass

    assert message(NotImplementedError, Unfinished(), 1) == "Unfinished has no forward()"


# -- buffers -------------------------------------------------------------------------------------------------------


class Counting(nn.Module):
    """A parameter, and a buffer that counts calls."""

    def __init__(self):
        self.scale = parameter(2)
        self.calls = nn.Buffer(np.zeros(1, dtype=np.float32))

    def forward(self, x):
        self.calls.assign(self.calls.data + 1)
        return x * self.scale


def test_a_buffer_is_saved_but_not_a_parameter():
    net = nn.Sequential(Counting(), Counting())
    assert list(net.named_parameters()) == ["0.scale", "1.scale"] and net.parameter_count() == 4
    assert list(net.state_dict()) == ["0.scale", "0.calls", "1.scale", "1.calls"] == list(net.named_state())
    assert not net[0].calls.requires_grad


def test_a_buffer_travels_in_the_state_dict(backend):
    first, second = Counting(), Counting()
    first(mg.asarray(np.ones(2, dtype=np.float32)))
    second.load_state_dict(first.state_dict())
    assert float(second.calls.numpy()[0]) == 1.0
    with pytest.raises(StateError, match=r"missing calls \(1,\)"):
        second.load_state_dict({"scale": first.state_dict()["scale"]})


def test_a_buffer_is_converted_with_the_parameters_and_belongs_to_the_module_alone():
    start = np.zeros(1, dtype=np.float32)
    buffer = nn.Buffer(start)
    buffer.assign(np.ones(1, dtype=np.float32))
    assert start[0] == 0.0
    assert Counting().astype("float64").calls.dtype == np.float64


@pytest.mark.parametrize("again", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))], ids=["deepcopy", "pickle"])
def test_a_copy_has_buffers_of_its_own(again):
    net = nn.Sequential(nn.BatchNorm(3), nn.Dense(3, 2))
    net(np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32))
    twin, before = again(net), net.state_dict()
    assert type(twin[0].running_mean) is nn.Buffer and not twin[0].running_mean.requires_grad
    assert all((twin.state_dict()[name] == value).all() for name, value in before.items())
    twin(np.ones((4, 3), dtype=np.float32))
    assert all((net.state_dict()[name] == value).all() for name, value in before.items())
    assert (twin[0].running_mean.numpy() != net[0].running_mean.numpy()).all()


def test_eval_mode_restores_the_mode_of_every_module():
    net = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5).eval())
    with pytest.raises(KeyError), net.eval_mode():
        assert not any(module.training for module in net.modules())
        raise KeyError
    assert [module.training for module in net.modules()] == [True, True, False]


def test_different_states_have_different_fingerprints():
    mg.seed(0)
    first, second = nn.Dense(3, 2), nn.Dense(3, 2)
    assert len(first.fingerprint()) == 12 and first.fingerprint() != second.fingerprint()
    second.load_state_dict(first.state_dict())
    assert first.fingerprint() == second.fingerprint() != nn.Sequential(first).fingerprint()


def test_what_was_pickled_on_a_device_loads_elsewhere_and_back(device):
    mg.use(device)
    net = nn.Sequential(nn.BatchNorm(3), nn.Dense(3, 2))
    on_device, state = pickle.dumps(net), net.state_dict()
    mg.use("numpy")
    here = pickle.loads(on_device)
    mg.use(device)
    there = pickle.loads(pickle.dumps(here))
    for twin, kind in ((here, np.ndarray), (there, mg.backend.current().array_type)):
        assert all(type(tensor.data) is kind for tensor in twin.named_state().values())
        for name, value in twin.state_dict().items():
            np.testing.assert_array_equal(value, state[name])


def test_an_array_of_another_device_is_refused_by_assign(device):
    mg.use(device)
    layer = nn.Dense(3, 2)
    before = layer.state_dict()
    with pytest.raises(DeviceError, match=rf"mixes arrays on .*numpy.*minigen.asarray\(x\) after minigen.use\('{device}'\)"):
        layer.weight.assign(np.ones((3, 2), dtype=np.float32))
    np.testing.assert_array_equal(layer.state_dict()["weight"], before["weight"])
    layer.weight.assign(mg.asarray(np.ones((3, 2), dtype=np.float32)))
    layer.bias.assign([1.0, 2.0])
    np.testing.assert_array_equal(layer.bias.numpy(), [1.0, 2.0])
