"""The recipes of a demo as text."""

import inspect

from minigen import recipes
from minigen.gallery import statement
from minigen.gallery.registry import names
from minigen.recipes.gans import Dcgan, Gan
from minigen.recipes.restoration import RestorationRecipe


def test_a_demo_states_the_recipes_that_it_takes_each_once():
    assert statement.statement("02_stacked") == recipes.find("stacked").source()
    assert statement.statement("04_tied") == recipes.find("tied").source(), "which begins with that of the stacked one"
    both = statement.statement("22_dcgan")
    assert inspect.getsource(Dcgan) in both and inspect.getsource(Gan) in both
    assert inspect.getsource(RestorationRecipe) in statement.statement("28_super_resolution")
    assert statement.statement("20_oscillation") == ""


def test_a_demo_is_another_one_when_its_recipe_changes(monkeypatch):
    before = {name: statement.checksum(name) for name in names()}
    monkeypatch.setattr(type(recipes.find("vae")), "source", lambda self: "class Other: ...\n")
    changed = {name for name in names() if statement.checksum(name) != before[name]}
    assert changed == {"12_variational", "13_manifold", "16_conditional_vae"}
