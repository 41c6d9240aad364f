"""Recipes: what they make, how long they train, and what they refuse. That each trains is tested with the command line."""

import argparse
import inspect

import numpy as np
import pytest
from PIL import Image

import minigen as mg
from minigen import data, recipes
from minigen.data import Dataset
from minigen.errors import RecipeError
from minigen.models import autoencoders, gans
from minigen.recipes import RECIPES, InputSpec, inputs

DIGITS = InputSpec((28, 28, 1), 10)


def spec_of(name):
    """What the recipe's own data are like."""
    return (
        DIGITS
        if RECIPES[name].data == "glyphs"
        else RECIPES[name].input_spec({"plane": (3,), "faces": (16, 16, 3)}[RECIPES[name].data], 2)
    )


def test_every_autoencoder_and_every_gan_has_a_recipe():
    built = [recipe.build(spec_of(name)) for name, recipe in RECIPES.items()]
    models = {type(trained.model).__name__ for trained in built if hasattr(trained, "model")}
    assert set(autoencoders.__all__) - models == {"LinearDenoisingAutoencoder"}, "the Wiener filter of demo 09"
    files = {type(trained.generator).__module__.rsplit(".")[-1] for trained in built if hasattr(trained, "generator")}
    every = {name for name in gans.__all__ if inspect.ismodule(getattr(gans, name))}
    assert every - files == {"points", "wgan"}, "the toys, and networks too large for two cores: wgan-gp has smaller ones"


@pytest.mark.parametrize("name", RECIPES)
def test_options_are_the_models_own(name):
    """Another value than the default makes another recipe, by which a model can be built."""
    recipe = RECIPES[name]
    for option, described in recipe.options().items():
        words, default = described.metadata["choices"], described.default
        other = next((word for word in words if word != default), None) or default / 2 or 12
        changed = recipe.with_settings(**{option: type(default)(other)})
        assert changed.settings[option] != default and changed.settings.keys() == recipe.settings.keys()
        changed.with_length(spec_of(name), 1000).build(spec_of(name))
        assert described.metadata["help"]


@pytest.mark.parametrize(
    "name, given, expected",
    [
        ("stacked", {}, (10, None)),
        ("stacked", {"epochs": 3}, (3, None)),
        ("stacked", {"steps": 33}, (2, None)),
        ("linear", {}, (118, None)),
        ("gan", {}, (None, 20_000)),
        ("gan", {"epochs": 2}, (None, 62)),
        ("gan", {"steps": 7}, (None, 7)),
        ("wgan-gp", {"epochs": 2}, (None, 10)),
        ("stylegan", {"phase": 6000, "last": 20_000, "batch_size": 100}, (None, 500)),
        ("stylegan", {}, (None, 3750)),
        ("progan", {}, (None, 3750)),
        ("progan", {"last": 1001}, (None, 32)),
        ("progan", {"steps": 3}, (None, 3)),
        ("progan", {"phase": 6000, "last": 0}, (None, 938)),
        ("progan", {"phase": 6000, "steps": 2000, "batch_size": 100}, (None, 2000)),
    ],
)
def test_how_long_a_run_is(name, given, expected):
    """1000 examples; growing to 16 x 16 takes 5 phases of 6000 images. By default portraits are not grown, and trained on 120,000."""
    recipe = RECIPES[name].with_settings(**given).with_length(spec_of(name), 1000)
    assert (recipe.epochs, recipe.steps) == expected


@pytest.mark.parametrize("name", ["progan-paper", "stylegan-paper"])
def test_the_papers_networks_take_a_step(name):
    spec, images = InputSpec((4, 4, 3), 2), np.random.default_rng(0).random((8, 4, 4, 3), dtype=np.float32)
    recipe = RECIPES[name].with_settings(batch_size=4, phase=4, last=4).with_length(spec, len(images))
    trainer = recipe.trainer(*recipe.networks(spec))
    history = recipe.fit(trainer, Dataset("noise", images, np.zeros(8, dtype=int), ("face", "other"), {}), progress=False)
    assert history["step"][-1] == recipe.steps == 2 and np.isfinite(history["generator loss"]).all()


def test_what_is_refused():
    with pytest.raises(RecipeError, match="unknown model 'styelgan': did you mean 'stylegan'?"):
        recipes.find("styelgan")
    with pytest.raises(RecipeError, match="vae has no option 'latent_dims': did you mean 'latent_dim'?"):
        RECIPES["vae"].with_settings(latent_dims=3)
    with pytest.raises(RecipeError, match="dcgan needs full batches: choose a batch_size of at most 20"):
        RECIPES["dcgan"].with_length(DIGITS, 20)
    with pytest.raises(RecipeError, match="needs 30000 images to grow to 16 x 16, 10 steps of 32 are too few: at least 938"):
        RECIPES["progan"].with_settings(phase=6000, steps=10).with_length(spec_of("progan"), 1000)
    with pytest.raises(
        RecipeError, match="progan is not grown, and trained for no images: choose a phase, or a last of at least 1"
    ):
        RECIPES["progan"].with_settings(last=0).with_length(spec_of("progan"), 1000)
    with pytest.raises(RecipeError, match="stacked takes images, got points of 3"):
        RECIPES["stacked"].input_spec((3,), 2)
    with pytest.raises(
        RecipeError, match="progan takes square images with a side of 4, 8, 16 ... 1024 pixels, or of 28, got points of 3"
    ):
        RECIPES["progan"].input_spec((3,), 1)
    with pytest.raises(RecipeError, match="dcgan takes images with sides of 8 to 128 pixels, got images of 256 x 256 x 3"):
        RECIPES["dcgan"].input_spec((256, 256, 3), 1)
    with pytest.raises(RecipeError, match="convolutional takes images with sides of at least 8 pixels, got images of 7 x 28 x 1"):
        RECIPES["convolutional"].input_spec((7, 28, 1), 1)
    with pytest.raises(RecipeError, match="conv-vae takes images with sides of 8 to 1024 pixels, got points of 3"):
        RECIPES["conv-vae"].input_spec((3,), 1)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """(train, test): a folder of random pictures in two classes, as `minigen train MODEL --data FOLDER --resolution 32` takes it."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        for i in range(24):
            path = folder / "ab"[i % 2] / f"{i}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (40, 32 + i, 3), dtype=np.uint8)).save(path)
        yield inputs.load_examples(str(folder), resolution=32)


@pytest.mark.parametrize("name", [name for name in RECIPES if not name.endswith("-paper")])
def test_every_recipe_trains_on_a_folder_of_pictures(name, pictures):
    """Images in color, of another size than the model's default: it learns, samples, rebuilds and walks in their shape.

    (The papers' networks take the same images as progan's and stylegan's, and are for a GPU.)
    """
    train, test = pictures
    recipe = RECIPES[name]
    short = {"phase": 0, "last": 16} if hasattr(recipe, "last") else {"epochs": 1} if recipe.epochs else {"steps": 2}
    spec = recipe.spec_of(train)
    recipe = recipe.with_settings(**short, batch_size=8).with_length(spec, len(train))
    mg.seed(0)
    trained = recipe.build(spec)
    before = trained.network.fingerprint()
    history = trained.fit(train, test, progress=False)
    assert all(np.isfinite(column).all() for column in history.values() if len(column))
    assert trained.network.fingerprint() != before
    size = (32 * 32 * 3,) if name.startswith("linear") else (32, 32, 3)
    if trained.generative:
        assert trained.sample(3).shape == (3, *size)
    a, b, labels = trained.ends(1, np.random.default_rng(0), train)
    assert trained.interpolate(a, b, 3, labels=labels).shape == (1, 3, *size)
    if hasattr(trained, "reconstruct"):
        assert trained.reconstruct(test).shape == (len(test), *size)


@pytest.mark.parametrize("name", ["vae", "stacked", "conditional-vae", "dcgan", "conditional-dcgan", "stylegan"])
def test_walks_begin_and_end_where_they_should(name):
    spec = spec_of(name)
    mg.seed(0)
    trained = RECIPES[name].build(spec)
    rng = np.random.default_rng(0)
    held_out = Dataset("noise", rng.random((8, *spec.shape), dtype=np.float32), np.arange(8), tuple("0123456789"), {})
    a, b, labels = trained.ends(2, np.random.default_rng(1), held_out)
    walks = trained.interpolate(a, b, 5, labels=labels)
    assert walks.shape == (2, 5, *spec.shape) and walks.min() >= 0 and walks.max() <= 1
    steps = np.abs(np.diff(walks, axis=1)).mean(axis=(2, 3, 4))
    assert (steps > 0).all()
    if name in ("stacked", "vae"):
        with pytest.raises(RecipeError, match="5 walks are between 10 held-out examples, there are 8"):
            trained.ends(5, rng, held_out)
        chosen = held_out[np.random.default_rng(1).permutation(8)[:4]]
        rebuilt = trained.reconstruct(chosen)
        np.testing.assert_allclose(walks[:, 0], rebuilt[:2], atol=1e-6)
        np.testing.assert_allclose(walks[:, -1], rebuilt[2:], atol=1e-6)


def test_only_stylegan_is_truncated_and_only_conditional_models_take_a_class():
    for name in ("vae", "dcgan"):
        trained = RECIPES[name].build(DIGITS)
        with pytest.raises(RecipeError, match=f"psi truncates the styles of stylegan, {name} has none"):
            trained.sample(1, psi=0.5)
        with pytest.raises(RecipeError, match=f"{name} is not conditioned on the class"):
            trained.sample(1, label=3)


def test_data_sets():
    train, test = inputs.load_examples("plane", images=40)
    assert train.images.shape == (40, 3) and test.images.shape == (60, 3)
    assert (train.images != test.images[:40]).any(), "held-out points are others"
    with pytest.raises(RecipeError, match="plane has 60 training examples, not 61"):
        inputs.load_examples("plane", images=61)
    assert inputs.square(np.ones((2, 28, 28, 1))).shape == (2, 32, 32, 1)
    assert inputs.described(train.images) == "points of 3"


def test_faces_to_train_on_are_memory_mapped_bytes(tmp_path, monkeypatch):
    """In every form that a model takes they are the pixels that `data.load` gives."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    train, test = inputs.load_examples("faces", images=12, resolution=8)
    floats, held_out = data.load("faces", resolution=8, train_size=12)
    assert type(train.images) is np.memmap and train.images.dtype == np.uint8
    np.testing.assert_array_equal(test.images, held_out.images)
    assert inputs.square(train.images) is train.images
    for name in ("linear", "progan"):
        recipe = RECIPES[name]
        (shown,) = next(iter(zip(data.batches(recipe.examples(train), batch_size=12, shuffle=False))))
        np.testing.assert_array_equal(shown, recipe.examples(floats))
    trained = RECIPES["conv-vae"].build(RECIPES["conv-vae"].spec_of(train))
    np.testing.assert_array_equal(trained.codes(train), trained.codes(floats))
    np.testing.assert_array_equal(trained.reconstruct(train), trained.reconstruct(floats))


def test_a_recipe_is_shown_as_it_stands_with_what_differs_here(capsys):
    recipe = RECIPES["tied"].with_settings(epochs=3)
    recipe.show()
    shown = capsys.readouterr().out
    assert inspect.getsource(type(recipe)) in shown and "# here: epochs = 3\n" in shown and shown.count("# here") == 1
    assert "class Stacked(AutoencoderRecipe)" in shown, "what it is a variation of"


def test_other_settings():
    recipe = RECIPES["linear"].with_settings(epochs=3, lr=None)
    assert (recipe.epochs, recipe.steps, recipe.lr) == (3, None, RECIPES["linear"].lr), "epochs take the place of steps"
    assert RECIPES["vae"].with_arguments(argparse.Namespace(beta=4.0, out="out")) == RECIPES["vae"].with_settings(beta=4.0)
    assert RECIPES["progan"].length == {"batch_size": 32, "phase": 0, "last": 120_000}


@pytest.mark.parametrize("name, phase", [("progan", 0), ("progan", 8), ("stylegan", 0), ("stylegan", 8)])
def test_portraits_are_trained_with_what_a_long_run_needs(name, phase):
    """Lazy R1, fakes for both players, a rate that ends low, an average by images; grown or not."""
    spec = spec_of(name)
    recipe = RECIPES[name].with_settings(phase=phase, last=800, lazy=4, gamma=3.0, half_life=200.0, hold=0.25)
    recipe = recipe.with_length(spec, 1000)
    trainer = recipe.trainer(*recipe.networks(spec))
    assert repr(trainer.penalties) == "[R1(gamma=3.0, resolution=32, every=4)]" and trainer.reuse_fakes
    assert trainer.average.decay ** (200 / recipe.batch_size) == pytest.approx(0.5)
    assert trainer.generator.resolution == trainer.discriminator.resolution == (4 if phase else 16)
    for optimizer in (trainer.generator_optimizer, trainer.discriminator_optimizer):
        assert [optimizer.lr(step) for step in (0, round(0.25 * recipe.steps))] == [recipe.lr] * 2
        assert optimizer.lr(recipe.steps) == pytest.approx(0.02 * recipe.lr)


def test_feature_maps_of_portraits():
    recipe = RECIPES["progan"]
    assert recipe.feature_maps(32) == [96, 64, 32, 16] and recipe.feature_maps(1024) == [96, 64, 32, 16, *5 * [12]]
    counts = [network.parameter_count() for network in recipe.networks(InputSpec((32, 32, 3), 2))]
    assert counts == [308_435, 358_641]
    with pytest.raises(ValueError, match="lr"):
        RECIPES["vae"].with_settings(lr=0.0)
