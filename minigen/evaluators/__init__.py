"""Networks that evaluate what others make, each trained once for a data set by one recipe and kept."""

from minigen.evaluators.classifiers import EPOCHS, attribute_classifier, feature_classifier, train_on_fake

__all__ = ["EPOCHS", "attribute_classifier", "feature_classifier", "train_on_fake"]
