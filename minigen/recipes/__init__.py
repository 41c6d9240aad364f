"""Every model of the chapter by name, with the training that is known to make it work: the experiments, each stated once.

`minigen train` trains by these recipes, and so do the demos, which print them. `autoencoders` and `gans` are to be read, and
copied: a class with a name, its settings, its networks and their training is all that an experiment of one's own needs.
"""

from minigen.errors import RecipeError, suggestion
from minigen.recipes.autoencoders import AUTOENCODERS
from minigen.recipes.gans import GANS
from minigen.recipes.recipe import InputSpec, Recipe
from minigen.recipes.trained import TrainedModel

RECIPES: dict[str, Recipe] = {recipe.name: recipe() for recipe in (*AUTOENCODERS, *GANS)}

__all__ = ["RECIPES", "InputSpec", "Recipe", "TrainedModel", "find"]


def find(name: str) -> Recipe:
    """The recipe of this name. RecipeError, with the nearest name, for one that there is not."""
    if name not in RECIPES:
        raise RecipeError(f"unknown model {name!r}: {suggestion(name, RECIPES)}")
    return RECIPES[name]
