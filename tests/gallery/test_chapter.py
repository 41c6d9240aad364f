"""The table of the chapter: all that the chapter names is in it, and what it says of demos and files is so."""

import re
from pathlib import Path

import pytest

import minigen
from minigen.gallery import chapter
from minigen.gallery.registry import names, source
from minigen.gallery.statement import SHARED, statement

PACKAGE = Path(minigen.__file__).parent
NUMBERS = [name[:2] for name in names()]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_demo_belongs_to_one_section(number):
    assert sum(section.demos.count(number) for section in chapter.sections()) == 1


def test_every_demo_of_the_chapter_exists():
    named = {number for section in chapter.sections() for number in section.demos}
    named |= {number for term in chapter.terms() for number in term.demos}
    assert named - set(NUMBERS) == set()


def test_every_file_of_the_chapter_exists():
    assert [file for term in chapter.terms() for file in term.files if not (PACKAGE / file).is_file()] == []


def test_terms_are_unique_and_shown():
    found = [term.name.casefold() for term in chapter.terms()]
    assert len(set(found)) == len(found)
    assert all(term.demos for term in chapter.terms())
    assert found == sorted(found)


def plain(text):
    """A text as words with spaces between, without case: `LabelSmoothing` and `label_smoothing` are "label smoothing"."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return " " + " ".join(re.sub(r"[\W_]+", " ", text).split()).casefold()


def everything(name):
    """The text of a demo, of its recipes, and of what it shares with other demos."""
    shared = [(PACKAGE / "recipes" / f"{module}.py").read_text(encoding="utf-8") for module in SHARED.findall(source(name))]
    return plain(" ".join([source(name), statement(name), *shared]))


DEMOS = {name[:2]: everything(name) for name in names()}


@pytest.mark.parametrize("term", chapter.terms(), ids=lambda term: term.name)
def test_what_is_said_to_show_a_term_says_one_of_its_words(term):
    words = [plain(word) for word in term.words]
    texts = {number: DEMOS[number] for number in term.demos}
    texts |= {file: plain((PACKAGE / file).read_text(encoding="utf-8")) for file in term.files}
    assert [name for name, text in texts.items() if not any(word in text for word in words)] == []


@pytest.mark.parametrize("number", chapter.table()["covers"])
def test_the_cover_is_a_picture_that_the_demo_draws(number):
    (name,) = (name for name in names() if name.startswith(number))
    stem = chapter.cover(number).removesuffix(".png").split("_")[0]
    assert re.search(rf'"{stem}[^"]*\.png"', source(name))


def test_a_field_too_many_is_refused(monkeypatch):
    table = {"section": [{"title": "t", "text": "t", "demos": [], "terms": [{"name": "a", "demos": [], "file": []}]}]}
    monkeypatch.setattr(chapter, "table", lambda: table)
    with pytest.raises(TypeError, match="unexpected keyword argument 'file'"):
        chapter.sections()


# What the two summaries of the chapter name, in their words and order. Two words of theirs are missing, since no demo varies the
# batch size, and the faces have no lighting.
SUMMARIES = """
autoencoder; encoder; decoder; coding; latent; reconstruction loss; MSE; unlabeled; dimensionality reduction; visualization;
undercomplete; bottleneck; PCA; feature learning; unsupervised pretraining; labeled data; denoising; linear autoencoder; stacked;
symmetrical; ReLU; SELU; weight tying; DenseTranspose; greedy layer-wise training; masking; Gaussian noise; robust;
sparse autoencoder; L1 regularization; KL divergence penalty; specialized neurons; identity mapping; variational autoencoder;
probabilistic autoencoder; log-variance; q(z|x); reparameterization trick; p(x|z); KL divergence; unit Gaussian prior; beta;
sampling new images; interpolation; generative adversarial network; generator; discriminator; min-max game;
log D(x) + log(1 - D(G(z))); maximize log D(G(z)); image synthesis; super-resolution; inpainting; style transfer; data
augmentation; mode collapse; minibatch discrimination; feature matching; architectural tweaks; training instability; oscillation;
Wasserstein GAN; gradient penalty; DCGAN guidelines; learning-rate tuning; overpowerful discriminator; label smoothing; noisy
labels; updating G more often than D; DCGAN; strided convolutions; transposed convolution; batch normalization; leaky ReLU in D;
progressive growing; 4 x 4 to 1024 x 1024; fade-in; StyleGAN; mapping network; style vector w; AdaIN; pose, hair; noise inputs;
stochastic detail; style mixing regularization; disentangled; semantic arithmetic; woman with glasses; this person does not exist;
representation learning; blurry; trivial copying; SGD; binary cross entropy; visualizing reconstructions; frozen weights;
transfer; convolutional autoencoder; max pooling; dropout; ActivityRegularization; sparsity constraint; continuous latent space;
Sampling layer; RMSprop; alternating training; custom training loop; oscillating gradients; sensitivity to hyperparameters;
experience replay; t-SNE; recurrent autoencoder; hashing; anomaly detection; most activate each coding neuron; conditional GAN;
minibatch standard deviation; equalized learning rate; pixelwise normalization; truncation trick; VAE on a data set of choice;
with replay, made conditional
"""


@pytest.mark.parametrize("words", [" ".join(words.split()) for words in SUMMARIES.split(";")])
def test_everything_that_the_chapter_names_is_in_the_index(words):
    assert [term for term in chapter.terms() if words.casefold() in term.name.casefold()], words
