"""Answers to near misses: for a name that is nearly right, or another library's, the name used here.

Nothing here runs before an error has occurred.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from minigen.errors import nearest, suggestion
from minigen.utils.reading import shortened

Target = TypeVar("Target", bound=Callable)

# fmt: off
SETTINGS = {  # what a setting is called in Keras, PyTorch or papers -> what it may be called here
    "act": ["activation"], "nonlinearity": ["activation"],
    "alpha": ["slope", "rho"], "leak": ["slope"], "negative_slope": ["slope"],
    "axes": ["axis"], "dim": ["axis", "latent_dim"], "dims": ["axis"], "keepdim": ["keepdims"],
    "betas": ["beta1", "beta2"], "beta_1": ["beta1"], "beta_2": ["beta2"],
    "clipnorm": ["clip_norm"], "global_clipnorm": ["clip_norm"], "max_norm": ["clip_norm"],
    "codings_size": ["latent_dim"], "n_latent": ["latent_dim"], "nz": ["latent_dim"], "z_dim": ["latent_dim"],
    "data": ["examples"], "dataset": ["examples"], "inputs": ["examples"], "x": ["examples"],
    "ema_decay": ["decay", "ema"],
    "epsilon": ["eps"],
    "filters": ["out_channels"], "num_filters": ["out_channels"],
    "filter_size": ["kernel_size"], "kernel": ["kernel_size"], "strides": ["stride"],
    "hidden_dim": ["hidden_size", "hidden"], "hidden_units": ["hidden_size", "hidden"],
    "in_dim": ["in_features", "input_size"], "input_dim": ["in_features", "input_size"], "n_in": ["in_features"],
    "in_features": ["input_size"], "in_channels": ["in_features", "features"], "out_channels": ["out_features"],
    "iterations": ["steps"], "num_steps": ["steps"], "steps": ["total"], "total_steps": ["total"], "T_max": ["total"],
    "kernel_initializer": ["weight_init"], "initializer": ["weight_init"],
    "kernel_size": ["pool_size", "size"], "pool_size": ["size"],
    "lambda_": ["weight"], "lambda_gp": ["weight"], "gp_weight": ["weight"],
    "learning_rate": ["lr", "optimizer"], "eta": ["lr"], "step_size": ["lr"],
    "model": ["parameters", "module"], "params": ["parameters"],
    "n_critic": ["discriminator_steps"], "critic_steps": ["discriminator_steps"],
    "n_epochs": ["epochs"], "num_epochs": ["epochs"],
    "normalized_shape": ["features"], "num_channels": ["features"], "num_features": ["features"],
    "out_dim": ["out_features"], "output_dim": ["out_features"], "units": ["out_features", "hidden_size"],
    "p": ["rate"], "prob": ["rate"], "drop_prob": ["rate"],
    "scale_factor": ["factor"], "size": ["factor", "kernel_size", "pool_size", "shape"],
    "sigma": ["std"], "stddev": ["std"], "noise_std": ["std"],
    "start_dim": ["start_axis"], "target_shape": ["shape"],
    "use_bias": ["bias"],
    "validation_data": ["validation"], "validation_split": ["validation"],
    "verbose": ["progress"],
}

NAMES = {  # classes and functions elsewhere -> here, where a search by spelling does not find them
    "Linear": "minigen.nn.Dense", "Layer": "minigen.nn.Module", "Model": "minigen.nn.Module",
    "kaiming_normal": "minigen.nn.init.he_normal", "xavier_uniform": "minigen.nn.init.glorot_uniform",
    "Unflatten": "minigen.nn.Reshape",
    "ModuleList": "a list of modules, as an attribute", "ModuleDict": "a dict of modules, as an attribute",
    "BatchNormalization": "minigen.nn.BatchNorm", "LayerNormalization": "minigen.nn.LayerNorm",
    "AdamW": "minigen.optim.Adam, whose weight_decay is added to the gradient", "EMA": "minigen.optim.ExponentialMovingAverage",
    "lr_scheduler": "minigen.optim.schedules", "clip_grad_norm_": "clip_norm=..., a setting of optimizers",
    "MSELoss": "minigen.losses.mse", "mse_loss": "minigen.losses.mse", "MeanSquaredError": "minigen.losses.mse",
    "L1Loss": "minigen.losses.mae", "l1_loss": "minigen.losses.mae", "MeanAbsoluteError": "minigen.losses.mae",
    "BCELoss": "minigen.losses.bce_with_logits", "BCEWithLogitsLoss": "minigen.losses.bce_with_logits",
    "BinaryCrossentropy": "minigen.losses.bce_with_logits", "binary_crossentropy": "minigen.losses.bce_with_logits",
    "binary_cross_entropy": "minigen.losses.bce_with_logits", "CrossEntropyLoss": "minigen.losses.cross_entropy",
    "SparseCategoricalCrossentropy": "minigen.losses.cross_entropy",
    "sparse_categorical_crossentropy": "minigen.losses.cross_entropy", "categorical_crossentropy": "minigen.losses.cross_entropy",
    "KLDivLoss": "minigen.losses.kl_normal", "kl_div": "minigen.losses.kl_normal", "kl_divergence": "minigen.losses.kl_normal",
    "cat": "minigen.concatenate", "concat": "minigen.concatenate", "unsqueeze": "minigen.expand_dims", "view": "minigen.reshape",
    "abs": "minigen.absolute", "sub": "minigen.subtract", "mul": "minigen.multiply", "div": "minigen.divide",
    "neg": "minigen.negative", "pow": "minigen.power", "permute": "minigen.transpose", "norm": "minigen.l2norm",
    "reduce_mean": "minigen.mean", "reduce_sum": "minigen.sum", "array": "minigen.asarray", "manual_seed": "minigen.seed",
    "GradientTape": "minigen.grad", "DataLoader": "minigen.data.Batches", "functional": "minigen.ops",
    "tensor": "minigen.Tensor", "from_numpy": "minigen.Tensor",
    "device": "minigen.use(\"cupy\")", "cuda": "minigen.use(\"cupy\")",
    "save": "model.save(path)", "load_model": "minigen.load(path)", "ModelCheckpoint": "minigen.training.Checkpoint",
    "TimeDistributed": "minigen.nn.Dense, of (n, steps, features)", "random_normal": "minigen.backend.random.normal(shape)",
    "constant": "minigen.asarray(values, 'float32')", "convert_to_tensor": "minigen.asarray(values, 'float32')",
    "randn": "minigen.backend.random.normal(shape)", "normal": "minigen.backend.random.normal(shape)",
    "rand": "minigen.backend.random.uniform(shape)", "uniform": "minigen.backend.random.uniform(shape)",
    "random": "minigen.backend.random", "dot": "x @ y", "mm": "x @ y", "bmm": "x @ y", "einsum": "minigen.transpose and x @ y",
    "outer": "minigen.expand_dims(x, 1) * y", "vstack": "minigen.concatenate(x, y, axis=0)",
    "hstack": "minigen.concatenate(x, y, axis=1)", "tile": "minigen.concatenate(x, x, axis=0)",
    "repeat": "minigen.take(x, indices)", "inf": "math.inf", "pi": "math.pi", "float32": "the text 'float32'",
    **{name: f"minigen.asarray(np.{name}(...), 'float32')" for name in "arange empty eye full linspace ones zeros".split()},
    **{f"{name}_like": f"minigen.asarray(np.{name}(x.shape, 'float32'))" for name in "empty ones zeros".split()},
    **{name: f"np.{name} of x.numpy(), outside the graph" for name in """all allclose any argmax argmin argsort ceil cumsum floor
        isfinite isinf isnan median prod quantile round sign sort unique""".split()},
}

METHODS = {  # methods and attributes elsewhere -> what is written here
    "fit": "minigen.training.fit(model, examples, optimizer=..., epochs=...)",
    "compile": "minigen.training.fit, which takes the optimizer and the loss, unless that is a method of the model",
    "predict": "minigen.training.predict(model, examples)",
    "train_on_batch": "loss.backward() and optimizer.step(), or minigen.training.fit",
    "evaluate": "minigen.training.evaluate(model, examples)",
    "add_loss": "a method of yours, loss(batch) -> (total, dict of its terms)",
    "add_weight": "minigen.Parameter(array), as an attribute",
    "to": "minigen.use(\"cupy\") before the model is made, or astype for another dtype",
    "cuda": "minigen.use(\"cupy\") before the model is made", "cpu": "minigen.use(\"numpy\") before the model is made",
    "double": "astype(\"float64\")", "float": "astype(\"float32\")",
    "trainable": "`with module.frozen():`", "requires_grad_": "`with module.frozen():`",
    "weights": "parameters()", "trainable_weights": "parameters()", "trainable_variables": "parameters()",
    "get_weights": "state_dict()", "set_weights": "load_state_dict()", "load_weights": "minigen.load(path, into=model)",
    "save": "minigen.training.Checkpoint", "save_weights": "save(path)", "save_model": "save(path)",
    "to_json": "save(path)", "get_config": "save(path)",
    "count_params": "parameter_count()", "num_parameters": "parameter_count()",
    "named_children": "children()", "add": "Sequential(*layers)", "append": "Sequential(*layers)",
    "minimize": "loss.backward() and step()", "apply_gradients": "loss.backward() and step()",
    "zero_gradients": "zero_grad()", "param_groups": "an optimizer for each group of parameters",
    "learning_rate": "lr, or rate() for that of the next step",
}

TENSORS = {  # a Tensor's methods and attributes elsewhere -> what is written here
    "view": "x.reshape(shape)", "permute": "x.transpose(axes)", "unsqueeze": "x.expand_dims(axis)", "dim": "x.ndim",
    "clamp": "x.clip(low, high)", "abs": "abs(x)", "pow": "x ** p", "mm": "x @ y", "bmm": "x @ y", "norm": "x.l2norm()",
    "to": "minigen.use(\"cupy\") before the Tensor is made", "cuda": "minigen.use(\"cupy\") before the Tensor is made",
    "cpu": "x.numpy()", "clone": "minigen.Tensor(x.data.copy())", "tolist": "x.numpy().tolist()", "grad_fn": "x.op",
    "float": "x.astype, which says how", "double": "x.astype, which says how", "half": "float32 or float64 alone",
    "requires_grad_": "minigen.Tensor(array, requires_grad=True)", "zero_grad": "zero_grad() of the optimizer or the module",
    "unwrap": "x.data",
}
# fmt: on


def misnamed(name: str, known: Iterable[str]) -> str:
    """The known setting that was probably meant: by another library's name for it, or by spelling."""
    known = list(known)
    here = [each for each in SETTINGS.get(name, ()) if each in known]
    return f"did you mean {' and '.join(map(repr, here))}?" if here else suggestion(name, known)


def explained(function: Target) -> Target:
    """The function; the error of a call that does not fit its parameters, or has something else for an array, says what does."""

    @functools.wraps(function)
    def called(*inputs: Any, **options: Any) -> Any:
        try:
            return function(*inputs, **options)
        except TypeError as error:
            if getattr(error.__traceback__, "tb_next", None) is None:  # not an error inside: the function was not called at all
                raise wrong_call(function, inputs, options, error) from None
            raise
        except AttributeError as error:
            if error.name in ("shape", "ndim", "dtype") and (name := name_of(error.obj, function, inputs, options)):
                message = f"{function.__name__}'s {name} must be an array or a Tensor, got {shortened(error.obj)}"
                raise TypeError(message) from None
            raise

    return cast(Target, called)


def wrong_call(function: Callable, inputs: tuple, options: dict[str, Any], error: TypeError) -> TypeError:
    """The error for a call that does not fit a function's parameters, in place of Python's own."""
    constructor = function.__name__ == "__init__"
    owner = type(inputs[0]).__name__ if constructor else function.__qualname__.rpartition("<locals>.")[2]
    parameters = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    open_ended = any(p.kind == p.VAR_KEYWORD for p in parameters)
    for name in options:
        if name not in named and not open_ended:
            return TypeError(f"{owner} has no setting {name!r}: {misnamed(name, named)}")
    text = str(error).removeprefix(f"{function.__qualname__}() ")
    if "positional argument" in text and "given" in text:  # Python counts `self`
        text = "got too many positional arguments"
    signature = ", ".join(str(parameter.replace(annotation=parameter.empty)) for parameter in parameters)
    return TypeError(f"{owner} {text}; it takes {owner.rpartition('.')[2]}({signature})")


def name_of(argument: Any, function: Callable, inputs: tuple, options: dict[str, Any]) -> str | None:
    """The name of the parameter for which a call gave this very argument; None if it is not one of them."""
    arguments = inspect.signature(function).bind(*inputs, **options).arguments
    return next((name for name, given in arguments.items() if given is argument), None)


def answering(module: str, names: Iterable[str]) -> Callable[[str], Any]:
    """The `__getattr__` of a module with these names: its error for an unknown name suggests the right one.

    Assign it under `if not TYPE_CHECKING`, as a type checker believes that a module with one has every name.
    """

    def __getattr__(name: str) -> Any:
        raise missing(f"module {module!r}", name, NAMES, names)

    return __getattr__


def missing(owner: str, name: str, elsewhere: Mapping[str, str], known: Iterable[str] = ()) -> AttributeError:
    """The error for an attribute that is not there, with its name here, or the nearest of the known names."""
    text = f"{owner} has no attribute {name!r}"
    if name in elsewhere:
        text += f": here it is {elsewhere[name]}"
    elif not name.startswith("_") and (near := nearest(name, known, cutoff=0.75)):  # "zeros" is not a misspelled "errors"
        text += f": did you mean {near!r}?"
    return AttributeError(text)
