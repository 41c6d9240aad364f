"""Training on several arrays that belong together, such as images and labels."""

import numpy as np
import pytest

import minigen as mg
from minigen import losses, nn, optim, training
from minigen.errors import CheckpointError, DataError, DtypeError, ShapeError

rng = np.random.default_rng(0)
IMAGES, LABELS = rng.standard_normal((40, 3), dtype=np.float32), rng.integers(0, 4, 40)


class Classifier(nn.Module):
    """Three features, four classes; remembers what it was given."""

    def __init__(self):
        self.dense = nn.Dense(3, 4)
        self.seen = []

    def loss(self, x, labels):
        self.seen.append((mg.to_numpy(x).copy(), mg.to_numpy(labels).copy()))
        loss = losses.cross_entropy(self.dense(x), labels)
        return loss, {"cross entropy": loss}


def fit(model, examples=(IMAGES, LABELS), epochs=2, **options):
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    return training.fit(model, examples, optimizer=optimizer, epochs=epochs, batch_size=16, seed=1, progress=False, **options)


def test_arrays_are_shuffled_together(backend):
    model = Classifier()
    history = fit(model, validation=(IMAGES[:8], LABELS[:8]))
    rows = {tuple(x): label for x, label in zip(IMAGES, LABELS)}
    assert [len(x) for x, _ in model.seen] == [16, 16, 8, 8, 16, 16, 8, 8]
    for images, labels in model.seen:
        assert [rows[tuple(x)] for x in images] == labels.tolist()
    assert history["loss"][1] < history["loss"][0]


def test_the_validation_loss_is_the_mean_over_its_examples():
    model = Classifier()
    history = fit(model, validation=(IMAGES[:7], LABELS[:7]), epochs=1)
    assert history["validation loss"][0] == pytest.approx(float(model.loss(IMAGES[:7], LABELS[:7])[0]), rel=1e-6)


def test_resume_is_bit_exact_and_notices_other_labels(tmp_path):
    mg.seed(1)
    whole = Classifier()
    fit(whole, epochs=3)
    mg.seed(1)
    model = Classifier()
    fit(model, epochs=1, callbacks=[training.Checkpoint(tmp_path)])
    other = LABELS.copy()
    other[0] = (other[0] + 1) % 4
    with pytest.raises(CheckpointError, match="the training data have changed"):
        fit(Classifier(), (IMAGES, other), epochs=3, callbacks=[training.Checkpoint(tmp_path)], resume=tmp_path)
    resumed = Classifier()
    fit(resumed, epochs=3, callbacks=[training.Checkpoint(tmp_path)], resume=tmp_path)
    for name, value in whole.state_dict().items():
        np.testing.assert_array_equal(resumed.state_dict()[name], value, err_msg=name)


@pytest.mark.parametrize(
    ("examples", "validation", "error", "message"),
    [
        ((IMAGES, LABELS[:-1]), None, ShapeError, "expected the same n in each"),
        ((IMAGES.astype(np.float64), LABELS), None, DtypeError, r"examples\[0\] are float64, the model computes in float32"),
        ((LABELS, IMAGES), None, DtypeError, r"examples\[0\] are int64, the model computes in float32"),
        ((IMAGES, LABELS.astype(float)), None, DtypeError, r"examples\[1\] are float64"),
        ((IMAGES, list(LABELS)), None, TypeError, r"examples\[1\]: expected an array \(n, \.\.\.\), got list"),
        ((np.full_like(IMAGES, np.nan), LABELS), None, DataError, r"examples\[0\]: 40 of 40 contain NaN"),
        ((IMAGES, LABELS), IMAGES, ShapeError, r"the shape of the examples, \(n, 3\) and \(n\), got \(40, 3\)"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(examples, validation, error, message):
    with pytest.raises(error, match=message):
        fit(Classifier(), examples, validation=validation)
