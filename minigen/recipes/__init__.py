"""Every model of the chapter by name, with the training that is known to make it work: what `minigen train` trains."""

from minigen.errors import RecipeError, suggestion
from minigen.recipes.autoencoders import AUTOENCODERS
from minigen.recipes.gans import GANS
from minigen.recipes.recipe import Learner, Option, Plan, Recipe, Subject

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (*AUTOENCODERS, *GANS)}

__all__ = ["RECIPES", "Option", "Plan", "Learner", "Recipe", "Subject", "find"]


def find(name: str) -> Recipe:
    """The recipe of this name. RecipeError, with the nearest name, for one that there is not."""
    if name not in RECIPES:
        raise RecipeError(f"unknown model {name!r}: {suggestion(name, RECIPES)}")
    return RECIPES[name]
