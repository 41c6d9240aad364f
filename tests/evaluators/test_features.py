"""The feature classifier: trained once for a data set, found again, and without a trace in the caller's random streams."""

import os
from pathlib import Path

import numpy as np
import pytest

import minigen as mg
from minigen import data, evaluators, gradcheck_module
from minigen.backend import random
from minigen.evaluators import classifiers
from minigen.models.classifier import FeatureClassifier
from minigen.training import checkpoint
from minigen.utils import files

TRAIN = data.load("glyphs", train_size=96, test_size=32)[0]


def evaluator(cache, train=TRAIN, **options):
    return evaluators.feature_classifier(train, epochs=1, cache=cache, progress=False, **options)


@pytest.fixture
def no_training(monkeypatch):
    """Fails the test if anything is trained."""

    def refuse(*arguments, **options):
        raise AssertionError("trained again")

    return lambda: monkeypatch.setattr(classifiers, "fit", refuse)


def test_it_is_trained_once(tmp_path, no_training):
    first = evaluator(tmp_path)
    no_training()
    second = evaluator(tmp_path)
    assert first.fingerprint() == second.fingerprint()
    np.testing.assert_array_equal(first.features(TRAIN.images), second.features(TRAIN.images))


def test_other_data_have_another_evaluator(tmp_path):
    first = evaluator(tmp_path)
    labels = TRAIN.labels.copy()
    labels[0] = (labels[0] + 1) % 10
    other = data.Dataset(TRAIN.name, TRAIN.images, labels, TRAIN.class_names, {})
    assert evaluator(tmp_path, other).fingerprint() != first.fingerprint()
    assert len(list(tmp_path.glob("*.npz"))) == 2


def cut(path):
    path.write_bytes(path.read_bytes()[:1000])


def spoiled(change):
    """Damage that writes the file again, with a right checksum, after change(arrays, header)."""

    def damage(path):
        arrays, header = checkpoint.load(path)
        change(arrays, header)
        checkpoint.save(path, arrays, header)

    return damage


def pipe(path):
    path.unlink()
    os.mkfifo(path)


DAMAGES = {
    "cut": (cut, "is not a readable checkpoint"),
    "other weights": (
        spoiled(lambda arrays, header: arrays["model"].update({name: 2 * array for name, array in arrays["model"].items()})),
        "holds other weights than those that were trained",
    ),
    "NaN": (
        spoiled(lambda arrays, header: arrays["model"]["encoder.0.weight"].fill(np.nan)),
        "model/encoder.0.weight holds NaN or infinity",
    ),
    "of other examples": (
        spoiled(lambda arrays, header: header.update({"made of": "others"})),
        "was made of 'others', not of glyphs-",
    ),
    "of another model": (spoiled(lambda arrays, header: arrays["model"].pop("encoder.0.weight")), "missing encoder.0.weight"),
    "no model": (spoiled(lambda arrays, header: arrays.pop("model")), "the checkpoint has no part 'model'"),
    "by NumPy": (lambda path: np.savez(path, **np.load(path)), "does not end with minigen's checksum"),
    "a pipe": (pipe, "cannot be read: it is not a regular file"),
}


@pytest.mark.parametrize("name", [name for name in DAMAGES if hasattr(os, "mkfifo") or name != "a pipe"])
def test_a_damaged_file_is_reported_and_made_again(name, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(classifiers, "fit_evaluator", lambda *arguments: None)  # what is new will do for what is trained
    damage, message = DAMAGES[name]
    first = evaluator(tmp_path)
    (path,) = tmp_path.glob("*.npz")
    damage(path)
    capsys.readouterr()
    assert evaluator(tmp_path).fingerprint() == first.fingerprint()
    said = capsys.readouterr().err
    assert said.startswith("minigen: ") and str(path) in said and message in said and said.endswith("; it is trained again\n")
    assert evaluator(tmp_path).fingerprint() == first.fingerprint() and not capsys.readouterr().err


def test_without_a_cache_that_can_be_written_the_evaluator_serves_and_it_is_said_once(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(files, "REPORTED", [])
    evaluators = [evaluator(tmp_path / "file" / "cache"), evaluator(tmp_path), evaluator(tmp_path / "file" / "cache")]
    assert len({each.fingerprint() for each in evaluators}) == 1
    assert capsys.readouterr().err.count("minigen: nothing is kept for the next time (") == 1


def test_a_user_without_a_home_has_no_cache(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("XDG_CACHE_HOME", "relative/paths/are/ignored")
    assert files.cache_folder("features") == Path.home() / ".cache" / "minigen" / "features"
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(FileNotFoundError, match="set HOME or XDG_CACHE_HOME"):
        files.cache_folder("features")


def test_the_callers_random_streams_are_left_alone(tmp_path):
    before = random.state_dict()
    evaluator(tmp_path)
    assert random.state_dict() == before


def test_features_and_predictions(backend):
    model = FeatureClassifier(classes=3, feature_maps=(2, 3), features=5)
    images = np.random.default_rng(0).random((1001, 28, 28, 1), dtype=np.float32)  # more than are taken at a time
    found = model.features(images)
    assert found.shape == (1001, 5) and (found >= 0).all()
    logits = mg.to_numpy(model(mg.asarray(images[:3])).data)
    np.testing.assert_array_equal(model.predict(images)[:3], logits.argmax(axis=1))
    assert model.training, "left in evaluation mode"


def test_derivatives_of_the_objective_by_all_parameters_to_order_2(backend):
    model = FeatureClassifier(classes=3, feature_maps=(1, 2), features=3)
    labels = mg.asarray(np.array([2, 0]))
    gradcheck_module(model, lambda x: model.loss(x, labels)[0], np.random.default_rng(0).random((2, 28, 28, 1)))


# -- train on fake, test on real ---------------------------------------------------------------------------------


def test_real_images_teach_what_wrong_labels_and_noise_do_not():
    train, test = data.load("glyphs", train_size=400, test_size=100, characters="0147")
    rng = np.random.default_rng(0)
    noisy = (train.images + rng.normal(0, 1.5, train.images.shape)).clip(0, 1).astype(np.float32)
    fakes = {
        "real": train,
        "noisy": data.Dataset("noisy", noisy, train.labels, train.class_names, {}),
        "wrong labels": data.Dataset("wrong", train.images, rng.permutation(train.labels), train.class_names, {}),
    }
    scores = {name: evaluators.train_on_fake(fake, test, epochs=2, progress=False) for name, fake in fakes.items()}
    assert scores["real"].nearest > scores["noisy"].nearest > scores["wrong labels"].nearest
    assert scores["real"].network > scores["wrong labels"].network
    assert min(scores["real"]) > 0.8 and max(scores["wrong labels"]) < 0.5


def test_train_on_fake_leaves_no_trace_and_says_the_same_again():
    before = random.state_dict()
    first = evaluators.train_on_fake(TRAIN, TRAIN, epochs=1, progress=False)
    assert random.state_dict() == before
    assert evaluators.train_on_fake(TRAIN, TRAIN, epochs=1, progress=False) == first
    assert first.nearest == 1.0
