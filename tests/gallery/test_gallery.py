"""The gallery: the whole chapter is in it, everything can be found, and the page is whole in a real browser."""

import json
import re
import shutil
from pathlib import Path

import pytest

from minigen.gallery import chapter, gallery
from minigen.gallery.registry import names, source
from tests.browser import background, browser, check_page

ROOT = Path(__file__).parents[2]
NUMBERS = [name[:2] for name in names()]


# -- the chapter -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", NUMBERS)
def test_every_demo_belongs_to_one_section(number):
    assert sum(section.demos.count(number) for section in chapter.SECTIONS) == 1


def test_every_demo_of_the_chapter_exists():
    named = {number for section in chapter.SECTIONS for number in section.demos}
    named |= {number for term in chapter.terms() for number in term.demos}
    assert named - {name[:2] for name in names()} == set()


def test_every_file_of_the_chapter_exists():
    assert [file for term in chapter.terms() for file in term.files if not (ROOT / "minigen" / file).is_file()] == []


def test_terms_are_unique_and_shown():
    found = [term.name.casefold() for term in chapter.terms()]
    assert len(set(found)) == len(found)
    assert all(term.demos for term in chapter.terms())
    assert found == sorted(found)


@pytest.mark.parametrize("number", chapter.TELLING)
def test_the_telling_picture_is_one_that_the_demo_draws(number):
    (name,) = (name for name in names() if name.startswith(number))
    stem = chapter.TELLING[number].removesuffix(".png").split("_")[0]
    assert re.search(rf'"{stem}[^"]*\.png"', source(name))


# What the two summaries of the chapter name, in their words and order; "|" parts what may stand for the same.
SUMMARIES = """
autoencoder; encoder; decoder; coding; latent; reconstruction loss; MSE; unlabeled; dimensionality reduction; visualization;
undercomplete; bottleneck; PCA; feature learning; unsupervised pretraining; labeled data; denoising; linear autoencoder; stacked;
symmetrical; ReLU; SELU; weight tying; DenseTranspose; greedy layer-wise training; masking; Gaussian noise; robust;
sparse autoencoder; L1 regularization; KL divergence penalty; specialized neurons; identity mapping; variational autoencoder;
probabilistic autoencoder; log-variance; q(z|x); reparameterization trick; p(x|z); KL divergence; unit Gaussian prior; beta;
sampling new images; interpolation; generative adversarial network; generator; discriminator; min-max game;
log D(x) + log(1 - D(G(z))); maximize log D(G(z)); image synthesis; super-resolution; inpainting; style transfer; data augmentation;
mode collapse; minibatch discrimination; feature matching; architectural tweaks; training instability; oscillation;
Wasserstein GAN; gradient penalty; DCGAN guidelines; learning-rate and batch-size tuning; overpowerful discriminator;
label smoothing; noisy labels; updating G more often than D; DCGAN; strided convolutions; transposed convolution; batch normalization;
leaky ReLU in D; progressive growing; 4 x 4 to 1024 x 1024; fade-in; StyleGAN; mapping network; style vector w; AdaIN;
pose, hair, lighting; noise inputs; stochastic detail; style mixing regularization; disentangled; semantic arithmetic;
woman with glasses; this person does not exist;
representation learning; blurry; trivial copying; SGD; binary cross entropy; visualizing reconstructions; frozen weights; transfer;
convolutional autoencoder; max pooling; dropout; ActivityRegularization; sparsity constraint; continuous latent space; Sampling layer;
RMSprop; alternating training; custom training loop; oscillating gradients; sensitivity to hyperparameters; experience replay;
t-SNE; recurrent autoencoder; hashing; anomaly detection; most activate each coding neuron; conditional GAN; minibatch standard
deviation; equalized learning rate; pixelwise normalization; truncation trick; VAE on a data set of choice; with replay, made conditional
"""


@pytest.mark.parametrize("words", [" ".join(words.split()) for words in SUMMARIES.split(";")])
def test_everything_that_the_chapter_names_is_in_the_index(words):
    assert [term for term in chapter.terms() if words.casefold() in term.name.casefold()], words


# -- the page ----------------------------------------------------------------------------------------------------


def result(name, passed):
    """A result.json with one criterion."""
    return {
        "demo": name,
        "config": {"given": {"data": "mnist"}, "data": "mnist"},
        "report": {"parameters": "17 <b>"},
        "seconds": 7.31,
        "criteria": [{"name": "loss & <more>", "expected": "at most 1", "measured": 0.5, "pass": passed}],
    }


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Output folders as all demos would leave them, with this project's own pictures; some have failed, some have not run."""
    out = tmp_path_factory.mktemp("out")
    pictures = sorted((ROOT / "demos" / "pictures").glob("*.png"))
    for number, name in enumerate(names(), 1):
        (out / name).mkdir()
        if number == 3:
            (out / name / "log.txt").write_text("a\n\n10%|#\r20%|##\r\nValueError: <nothing> works\n")
        elif number != 4:
            (out / name / "result.json").write_text(json.dumps(result(name, {5: False, 6: None}.get(number, True))))
            for place in range(4):  # more than most demos have
                picture = pictures[(number + 9 * place) % len(pictures)]
                shutil.copy(picture, out / name / picture.name)
    gallery.write(out)
    return out


@pytest.fixture(scope="module")
def text(out):
    return (out / "index.html").read_text(encoding="utf-8")


def part(text, name):
    """What the page says of a demo."""
    return text[text.index(f'<article id="demo-{name[:2]}">') :].split("</article>")[0]


def test_the_page_is_small(out):
    assert 1e6 < (out / "index.html").stat().st_size < 10e6


def test_every_link_leads_somewhere(out, text):
    ids = re.findall(r'id="([^"]+)"', text)
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
    files = set(re.findall(r'href="([^"#]+\.py)"', text))
    assert len(files) > 60 and all((out / file).resolve().is_file() for file in files)


def test_every_term_leads_to_its_first_demo(text):
    entries = text[text.index('<ul class="index">') :].split("</ul>")[0]
    assert entries.count("<li") == len(chapter.terms())
    for term in chapter.terms():
        if term.demos[0] in NUMBERS:
            assert f'<a href="#demo-{term.demos[0]}">{gallery.html.escape(term.name)}</a>' in entries


def test_sections_come_in_the_order_of_the_chapter(text):
    places = [text.index(f"</span>{gallery.html.escape(section.title)}</h2>") for section in chapter.SECTIONS]
    assert places == sorted(places)


def test_a_page_of_a_demo_is_linked(out):
    (out / names()[0] / "faces.html").write_text("x")
    assert f'<a href="{names()[0]}/faces.html">faces.html</a>' in part(gallery.page(out), names()[0])


def test_what_a_demo_shows(text):
    shown = part(text, names()[0])
    assert "A linear autoencoder is principal component analysis</h3>" in shown and "<pre>z = x W1 + b1" in shown
    assert shown.count("<figure>") == 4 and "<h4>Did it work?</h4>" in shown
    assert "loss &amp; &lt;more&gt;" in shown and "17 &lt;b&gt;" in shown and "✓ pass" in shown and "7.3 s" in shown
    assert "minigen demo 01 --data mnist" in shown and "demos/01_linear_pca.py" in shown
    assert "criteria.finish()" in shown, "its code"


def test_failed_unjudged_crashed_and_missing(text):
    crashed, missing, failed, quick = (part(text, name) for name in names()[2:6])
    assert "✗ did not finish" in crashed and "10%|#\n20%|##\nValueError: &lt;nothing&gt; works" in crashed
    assert "not run yet" in missing and "minigen demo 04" in missing and "<figure>" not in missing
    assert "✗ FAIL" in failed and "✗ 1 of 1 FAIL" in failed
    assert "quick: not judged" in quick


def test_a_demo_of_no_section_has_a_place(out, monkeypatch):
    monkeypatch.setattr(chapter, "SECTIONS", chapter.SECTIONS[3:])
    assert "More demos" in gallery.page(out) and '<article id="demo-01">' in gallery.page(out)


def test_an_unreadable_result_is_none(tmp_path):
    (tmp_path / "result.json").write_text('{"demo": ')
    assert gallery.read(names()[0], tmp_path) == gallery.Run(names()[0], None, None, [], [])


def test_pictures_in_the_order_of_the_demo_and_whole_ones_only(tmp_path):
    """Half a file is what a demo leaves that is just writing it, or that was killed."""
    (tmp_path / "result.json").write_text(json.dumps(result("12_variational", True)))
    content = (ROOT / "demos" / "pictures" / "12.png").read_bytes()
    for name in ("classes", "extra_one", "interpolation", "reconstructions", "samples", "training"):
        (tmp_path / f"{name}.png").write_bytes(content)
    (tmp_path / "interpolation.png").write_bytes(content[: len(content) // 2])
    (tmp_path / "training.png").write_bytes(b"")
    shown = gallery.read("12_variational", tmp_path).pictures
    assert [picture.title for picture in shown] == ["samples", "reconstructions", "classes", "extra one"]


@pytest.mark.parametrize(
    "seconds, words", [(8.24, "8.2 s"), (48.2, "48 s"), (720, "12 min"), (3900, "65 min"), (7500, "2 h 5 min")]
)
def test_duration(seconds, words):
    assert gallery.duration(seconds) == words


@pytest.mark.parametrize("width, dark", [(390, True), (1200, False)])
def test_in_a_browser(out, width, dark):
    with browser(width, dark) as session:
        check_page(session, out / "index.html")
        assert background(session) < 150 if dark else background(session) > 700

        shown = "return [...document.querySelectorAll('.index li')].filter(entry => entry.offsetHeight).length"
        assert session.execute_script(shown) == len(chapter.terms())
        box = session.find_element("css selector", "input[type=search]")
        box.send_keys("tying")
        assert session.execute_script(shown) == 1
        box.send_keys("\n")
        session.execute_script("document.documentElement.style.scrollBehavior = 'auto'")
        assert session.current_url.endswith("#demo-04")

        picture = session.find_element("css selector", "#demo-02 .zoom")
        size = "return document.querySelector('#demo-02 .zoom').getBoundingClientRect().height"
        before = session.execute_script(size)
        session.execute_script("arguments[0].click()", picture)
        assert session.execute_script(size) > max(before, 800), "a click enlarges it to the window"
        session.execute_script("arguments[0].click()", picture)
        assert session.execute_script(size) == pytest.approx(before, abs=1)
