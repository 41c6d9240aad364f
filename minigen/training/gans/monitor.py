"""Warnings about what goes wrong in an adversarial game, while it does."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minigen import metrics
from minigen.errors import StateError
from minigen.training.gans.adversarial import Adversarial
from minigen.training.run import Callback

SURE = 0.98  # accuracy on real and on generated examples above which the discriminator is too strong
LASTING = 3  # rows of the history for which that must last
COLLAPSED = 0.5  # of the real examples' diversity
RARE = 0.1  # of a fair share: below this, the class has almost disappeared
VANISHED = 1e-3  # of the largest gradient so far
EXPLODED = 100.0  # multiple of the median gradient so far
ROWS = 24  # of the history needed to distinguish oscillation from chance
PERIODS = 3  # that must be seen: fewer may be the drift of a random walk
PERIODIC = 0.85  # of the variance near one frequency


class GanMonitor(Callback[Adversarial]):
    """Watches an adversarial run and says in words, once, what begins to go wrong and what is known to help.

    A discriminator that is too strong; mode collapse, by the diversity of `samples` fresh samples beside as many real examples,
    and, if a classifier with predict(images) is given, by the classes it finds in them; gradients that vanish or explode;
    oscillation. The trainer itself reports tensors that are not finite, and stops. `warnings`: (step, text) of all warnings;
    `diversity`: one value per row of the history. It samples from a seed of its own, so that it does not change the run.
    """

    requires = "Adversarial"

    def __init__(self, classifier: Any = None, samples: int = 256):
        if samples < 2:
            raise ValueError(f"GanMonitor compares samples with one another, at least 2, got {samples}")
        self.classifier, self.samples = classifier, samples
        self.warnings: list[tuple[int, str]] = []
        self.diversity: list[float] = []
        self.present: set[str] = set()  # kinds of trouble in the last row

    def on_train_begin(self, run: Adversarial) -> None:
        if len(self.diversity) > len(run.history.rows):  # it watched another trainer before
            self.warnings, self.diversity, self.present = [], [], set()

    def on_epoch_end(self, run: Adversarial) -> None:
        samples = self.drawn(run)
        real = run.real_examples(self.samples)
        differ = bool((real != real[0]).any())  # a single repeated example leaves nothing to compare with
        self.diversity.append(metrics.pairwise_diversity(samples, real) if differ else 1.0)
        found = {**too_strong(run.history), **gradients(run.history), **oscillating(run.history), **collapsed(self.diversity)}
        grown = samples.shape[1:] == run.batches.arrays[0].shape[1:]  # a classifier takes images of one size
        if self.classifier is not None and len(self.diversity) >= LASTING and grown:
            made, true = (np.asarray(self.classifier.predict(images)) for images in (samples, real))
            histogram = metrics.class_histogram(made, int(max(made.max(), true.max())) + 1)
            found |= missing_classes(histogram[np.unique(true)], np.unique(true))
        for kind in (kind for kind in found if kind not in self.present):
            self.warnings.append((run.step, found[kind]))
            run.log(f"monitor, step {run.step}: {found[kind]}")
        self.present = set(found)

    def drawn(self, run: Adversarial) -> np.ndarray:
        """Samples from latent vectors that are the same each time."""
        return fixed_samples(run, self.samples)

    def on_train_end(self, run: Adversarial) -> None:
        if not self.warnings:
            run.log("monitor: nothing to report")

    def state_dict(self) -> dict[str, np.ndarray]:
        steps, texts = zip(*self.warnings) if self.warnings else ((), ())
        return {
            "steps": np.array(steps, dtype=np.int64),
            "texts": np.array(texts, dtype=str),
            "present": np.array(sorted(self.present), dtype=str),
            "diversity": np.array(self.diversity, dtype=np.float64),
        }

    def check_state(self, state: Mapping[str, Any], run: Adversarial) -> None:
        if not state:  # the run had no GanMonitor before
            return
        kinds = {"steps": "i", "texts": "U", "present": "U", "diversity": "f"}
        fits = state.keys() == kinds.keys() and state["steps"].shape == state["texts"].shape
        if not fits or any(len(state[name].shape) != 1 or state[name].dtype.kind != kind for name, kind in kinds.items()):
            raise StateError(f"GanMonitor: got a state with {sorted(state)}, expected {sorted(kinds)} that fit together")

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        if not state:
            return
        if (state["steps"] < 0).any() or not ((state["diversity"] >= 0) & (state["diversity"] < np.inf)).all():
            raise StateError("GanMonitor: steps or diversity hold impossible values")
        self.warnings = list(zip(state["steps"].tolist(), state["texts"].tolist()))
        self.present, self.diversity = set(state["present"].tolist()), state["diversity"].tolist()

    def __repr__(self) -> str:
        return "\n".join(
            [f"GanMonitor({len(self.warnings)} warnings)", *(f"  step {step}: {text}" for step, text in self.warnings)]
        )


def fixed_samples(run: Adversarial, n: int) -> np.ndarray:
    """Samples from latent vectors that are the same each time."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((n, run.generator.latent_dim))
    labels = [rng.integers(run.generator.classes, size=n)] if run.conditional else []
    return run.sampler.draw(z, *labels)


def too_strong(history: Mapping[str, Sequence[float]]) -> dict[str, str]:
    """A discriminator that is nearly always right, for some rows: the generator then learns little from it."""
    if "accuracy on real" not in history or len(history["step"]) < LASTING:
        return {}
    real, fake = (np.mean(history[f"accuracy on {kind}"][-LASTING:]) for kind in ("real", "fake"))
    if min(real, fake) < SURE:
        return {}
    return {
        "too strong": f"the discriminator is too strong: it knows {real:.1%} of the real and {fake:.1%} of the generated "
        "examples. The generator learns little from it: try one-sided label smoothing, dropout or R1 on the "
        "discriminator, a smaller learning rate for it, or more generator steps"
    }


def collapsed(diversity: Sequence[float]) -> dict[str, str]:
    """Samples that are much more alike than real examples, for some rows; the samples of an untrained generator are alike,
    too."""
    if len(diversity) < LASTING or max(diversity[-LASTING:]) >= COLLAPSED:
        return {}
    return {
        "collapse": f"mode collapse: samples differ {diversity[-1]:.0%} as much as real examples do. Try minibatch "
        "discrimination or standard deviation, packing, a gradient penalty, or experience replay"
    }


def missing_classes(histogram: np.ndarray, classes: np.ndarray | None = None) -> dict[str, str]:
    """Classes that have almost disappeared: `histogram` counts samples of the classes (by default 0, 1 ...) of real examples."""
    rare = np.flatnonzero(histogram < RARE * histogram.sum() / len(histogram))
    if not len(rare):
        return {}
    rare = rare if classes is None else classes[rare]
    occur = "hardly occurs" if len(rare) == 1 else "hardly occur"
    return {
        "classes": f"mode collapse: of the {len(histogram)} classes, {len(rare)} {occur} among the samples "
        f"({', '.join(map(str, rare[:10]))}{', ...' if len(rare) > 10 else ''})"
    }


def gradients(history: Mapping[str, Sequence[float]]) -> dict[str, str]:
    """Gradient norms that have vanished, or far exceed former ones."""
    found = {}
    for network in ("generator", "discriminator"):
        norms = np.asarray(history.get(f"{network} gradient norm", []))
        if len(norms) < 2:
            continue
        now, earlier = norms[-1], norms[:-1]
        if now < VANISHED * earlier.max():
            found[f"{network} vanishing"] = (
                f"the {network}'s gradient vanishes: its norm is {now:.2g}, it was {earlier.max():.2g}. "
                + (
                    "Minimax saturates when the discriminator is confident: try NonSaturating"
                    if network == "generator"
                    else "it has nothing left to learn from these fakes"
                )
            )
        elif now > EXPLODED * np.median(earlier):
            found[f"{network} exploding"] = (
                f"the {network}'s gradient explodes: its norm is {now:.2g}, {np.median(earlier):.2g} is usual. Try a smaller "
                "learning rate, clip_norm, or spectral normalization"
            )
    return found


def oscillating(history: Mapping[str, Sequence[float]]) -> dict[str, str]:
    """A generator's loss that oscillates with one period: the players run in circles."""
    losses = np.asarray(history.get("generator loss", []))[-4 * ROWS :]
    if len(losses) < ROWS:
        return {}
    t = np.arange(len(losses))
    rest = losses - np.polyval(np.polyfit(t, losses, 1), t)
    power = np.abs(np.fft.rfft(rest * np.hanning(len(rest)))) ** 2
    peak = int(power.argmax())
    near = power[peak - 1 : peak + 2]
    if peak < PERIODS or near.sum() < PERIODIC * power.sum() or rest.std() < 0.25 * np.abs(losses).mean():
        return {}
    periods = np.average(np.arange(peak - 1, peak - 1 + len(near)), weights=near)
    period = np.diff(history["step"][-len(losses) :]).mean() * len(losses) / periods
    return {
        "oscillation": f"the players run in circles: the generator's loss goes up and down about every {period:.0f} steps. "
        "Try R1, a gradient penalty, smaller learning rates, less momentum, an average of the generator "
        "(ema), or experience replay"
    }
