"""Reconstruction losses, and the divergence of codes. `reduction`: see losses.reduction; the default is the mean over all
elements, as in the chapter's Keras losses, and for the divergence nats per image."""

from minigen import ops
from minigen.autograd import TensorLike
from minigen.backend import Array, asarray, is_array
from minigen.errors import ShapeError
from minigen.losses.reduction import check_matching, check_unit_interval, reduce
from minigen.utils.checks import check_same_shape
from minigen.utils.near_misses import explained


@explained
def mse(prediction: TensorLike, target: TensorLike, reduction: str = "mean") -> TensorLike:
    """Squared error (x - t)^2; prediction and target of one shape (n, ...)."""
    check_matching("mse", prediction, target)
    return reduce(ops.square(prediction - target), reduction)


@explained
def mae(prediction: TensorLike, target: TensorLike, reduction: str = "mean") -> TensorLike:
    """Absolute error |x - t|; prediction and target of one shape (n, ...)."""
    check_matching("mae", prediction, target)
    return reduce(ops.absolute(prediction - target), reduction)


@explained
def bce_with_logits(logits: TensorLike, target: TensorLike, reduction: str = "mean") -> TensorLike:
    """Binary cross entropy of sigmoid(logits) against targets in [0, 1], in nats.

    -t log s(x) - (1 - t) log(1 - s(x)), computed from the logit x, which cannot overflow. For targets between 0 and 1 its
    minimum is their own entropy, not 0: see `metrics.bernoulli_entropy`. For targets outside [0, 1] there is no minimum:
    ValueError (not checked on a GPU, where it would have to synchronize).
    """
    check_matching("bce_with_logits", logits, target)
    check_unit_interval("bce_with_logits", target)
    return reduce(ops.sigmoid_cross_entropy(logits, target), reduction)


@explained
def cross_entropy(logits: TensorLike, labels: Array, reduction: str = "mean") -> TensorLike:
    """-log softmax(logits)[label], in nats: logits (n, classes), labels (n,) plain integers from 0 to classes - 1.

    One value per example, so that "mean" and "batchmean" agree. Raises ValueError for labels out of range.
    """
    labels = labels if is_array(labels) else asarray(labels)
    if len(logits.shape) != 2 or tuple(labels.shape) != (logits.shape[0],):
        raise ShapeError(
            f"cross_entropy expects logits (n, classes) and labels (n,), got {tuple(logits.shape)} and {tuple(labels.shape)}"
        )
    chosen = ops.one_hot(labels, logits.shape[1], dtype=bool)
    return reduce(-ops.masked(ops.log_softmax(logits), chosen).sum(axis=1), reduction)


@explained
def kl_normal(mean: TensorLike, logvar: TensorLike, reduction: str = "batchmean") -> TensorLike:
    """Divergence of a diagonal Gaussian from the standard normal, KL(N(mean, diag exp(logvar)) || N(0, I)), in nats.

        1/2 sum_j (mean_j^2 + exp(logvar_j) - 1 - logvar_j)

    mean, logvar: (n, latent_dim). "batchmean": summed over the latent variables, mean over the n examples, to match a
    log-likelihood per image; "mean" also divides by latent_dim. From logvar = 20 on it continues along its tangent
    (`ops.kl_standard_normal`), so that nothing overflows. Raises ShapeError unless both have one shape. Source: Kingma & Welling
    2014, appendix B.
    """
    check_same_shape("kl_normal", mean=mean, logvar=logvar)
    return reduce(ops.kl_standard_normal(mean, logvar), reduction)
