"""Networks that evaluator what others make, each trained once for a data set by one recipe and kept."""

from minigen.evaluators.attributes import attribute_classifier
from minigen.evaluators.features import feature_classifier, train_on_fake

__all__ = ["attribute_classifier", "feature_classifier", "train_on_fake"]
