"""Networks that evaluate what others make, each trained once for a data set by one recipe and kept."""

from minigen.evaluators.attributes import attribute_classifier
from minigen.evaluators.fakes import train_on_fake
from minigen.evaluators.features import feature_classifier

__all__ = ["attribute_classifier", "feature_classifier", "train_on_fake"]
