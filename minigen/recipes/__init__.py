"""Every model of the chapter by name, with a training known to work: the experiments, each stated once.

`minigen train` and the demos, which print them, train by these recipes. `autoencoders`, `gans` and `growing` are meant to be read
and copied: a class with a name, settings, networks and their training is all that your own experiment needs.
"""

from minigen.errors import RecipeError, suggestion
from minigen.recipes.autoencoders import AUTOENCODERS
from minigen.recipes.gans import GANS
from minigen.recipes.growing import GROWING
from minigen.recipes.recipe import InputSpec, Recipe
from minigen.recipes.trained import TrainedModel

RECIPES: dict[str, Recipe] = {recipe.name: recipe() for recipe in (*AUTOENCODERS, *GANS, *GROWING)}

__all__ = ["RECIPES", "InputSpec", "Recipe", "TrainedModel", "find"]


def find(name: str) -> Recipe:
    """The recipe of this name. RecipeError, with the nearest name, for an unknown one."""
    if name not in RECIPES:
        raise RecipeError(f"unknown model {name!r}: {suggestion(name, RECIPES)}")
    return RECIPES[name]
