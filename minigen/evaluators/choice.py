"""Which evaluator judges the images of a data set: chosen here, for commands, recipes and demos alike."""

from pathlib import Path

from minigen.data import Dataset
from minigen.evaluators.classifiers import EPOCHS, feature_classifier
from minigen.evaluators.faces import EPOCHS as FACE_EPOCHS
from minigen.evaluators.faces import FACES, face_evaluator
from minigen.evaluators.pictures import picture_evaluator
from minigen.models.attribute_classifier import AttributeClassifier
from minigen.models.classifier import FeatureClassifier


def evaluator_of(
    train: Dataset, epochs: int | None = None, cache: Path | None = None, progress: bool = True, count: int = FACES
) -> AttributeClassifier | FeatureClassifier:
    """The evaluator of what is generated in the manner of `train`: its `features`, and what it predicts.

    faces: `face_evaluator` at their resolution, which sees details; those for 32 x 32 and 64 x 64 are part of minigen, others are
    trained on `count` faces of their own and as many spoiled ones.  Gray images of 28 x 28, in several classes:
    `feature_classifier` of `train`.  Any others: `picture_evaluator` of `train`.
    All are trained once and then loaded from the cache. epochs: None for the usual number, as all figures have it.
    """
    if train.name == "faces":
        return face_evaluator(train.images.shape[1], epochs or FACE_EPOCHS, count, cache, progress)
    if train.images.shape[1:] == (28, 28, 1) and len(train.class_names) > 1:
        return feature_classifier(train, epochs or EPOCHS, cache, progress)
    return picture_evaluator(train, epochs, cache, progress)
