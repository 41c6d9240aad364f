"""The evaluators, in plain NumPy. They are minigen's own: no paper but their docstrings."""

import numpy as np

from minigen import nn
from minigen.models.attribute_classifier import AttributeClassifier
from minigen.models.classifier import Classifier, FeatureClassifier
from tests.models.papers.arithmetic import Weights, batch_norm, conv, convolved, dense, flat, kernel, max_pool, relu
from tests.models.papers.network import Network, normal, uniform


def surprise(logits: np.ndarray, labels: np.ndarray) -> float:
    """-log softmax(logits) of the labels, a mean example's."""
    powers = np.exp(logits)
    return -np.mean([np.log(powers[i, label] / powers[i].sum()) for i, label in enumerate(labels)])


def on_an_encoder(w: Weights, x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, ...]:
    """Softmax regression on what an encoder makes, here a dense layer with tanh."""
    logits = dense(np.tanh(dense(x, w, "encoder.0")), w, "head.1")
    return logits, surprise(logits, labels)


def featured(w: Weights, x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, ...]:
    """Convolution, ReLU, pooling, twice; a dense layer with ReLU: the features; a linear one."""
    h = max_pool(relu(conv(x, w, "encoder.0", 3)))
    h = max_pool(relu(conv(h, w, "encoder.2", 3)))
    features = relu(dense(flat(h), w, "encoder.5"))
    logits = dense(features, w, "head.1")
    return logits, surprise(logits, labels), features


def attributed(w: Weights, x: np.ndarray, levels: np.ndarray, values: np.ndarray, training: bool) -> tuple[np.ndarray, ...]:
    """Convolution, pooling, batch normalization, ReLU, three times; a dense layer with the last two; a head for each factor."""
    h = x
    for name, norm in (("encoder.0", "encoder.2"), ("encoder.4", "encoder.6"), ("encoder.8", "encoder.10")):
        h = relu(batch_norm(max_pool(convolved(h, kernel(w, name, 3))), w, norm, training))
    features = relu(batch_norm(flat(h) @ w["encoder.13.weight"], w, "encoder.14", training))
    logits, value = dense(features, w, "heads.kind"), dense(features, w, "heads.size")
    wanted = (values - w["mean.size"]) / w["std.size"]
    return logits, value, surprise(logits, levels) + 0.5 * ((value[:, 0] - wanted) ** 2).mean()


# -- beside minigen's ----------------------------------------------------------------------------------------------


def classified(model, x, labels):
    """Logits and loss."""
    return model(x), model.loss(x, labels)[0]


def with_features(model, x, labels):
    """Logits, loss and features."""
    return *classified(model, x, labels), model.features(x)


def factors(model, x, levels, values):
    """What each head says, and the loss."""
    said = model(x)
    return said["kind"], said["size"], model.loss(x, levels, values)[0]


LABELS = np.array([1, 0, 2])
NETWORKS = [
    Network(
        "classifier",
        lambda: Classifier(nn.Sequential(nn.Dense(5, 4, "tanh")), 3, (5,)),
        classified,
        on_an_encoder,
        (normal(3, 5), LABELS),
    ),
    Network(
        "feature classifier", lambda: FeatureClassifier(3, (2, 3), 4), with_features, featured, (uniform(3, 28, 28, 1), LABELS)
    ),
    *(
        Network(
            f"attribute classifier, training={training}",
            lambda: AttributeClassifier({"kind": 3, "size": None}, 8, 2, (2, 3, 4), 5),
            factors,
            lambda w, *inputs, training=training: attributed(w, *inputs, training),
            (uniform(3, 8, 8, 2), LABELS, normal(3)),
            training,
        )
        for training in (False, True)
    ),
]
