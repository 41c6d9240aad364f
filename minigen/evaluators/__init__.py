"""Networks that evaluate what others make, each trained once for a data set and kept; and what is compared by them."""

from minigen.evaluators.choice import evaluator_of
from minigen.evaluators.classifiers import EPOCHS, attribute_classifier, feature_classifier, train_on_fake
from minigen.evaluators.comparison import Comparison, Scores, at_random, held_out, within_classes
from minigen.evaluators.faces import face_evaluator, realness
from minigen.evaluators.figures import evidence, evidence_table
from minigen.evaluators.pictures import picture_evaluator

# fmt: off
__all__ = [
    "EPOCHS", "Comparison", "Scores", "at_random", "attribute_classifier", "evaluator_of", "evidence", "evidence_table",
    "face_evaluator", "feature_classifier", "held_out", "picture_evaluator", "realness", "train_on_fake", "within_classes",
]
# fmt: on
