"""The recipes by which a demo trains, as text: its page shows them, and it is rerun when they change."""

import hashlib
import re

from minigen import recipes
from minigen.gallery.registry import PACKAGE, source
from minigen.recipes.restoration import RestorationRecipe

FOUND = re.compile(r'recipes\.find\("([\w-]+)"\)')
SHARED = re.compile(r"^from minigen\.recipes(?: import |\.)(\w+)", re.MULTILINE)


def statement(name: str) -> str:
    """The source of all recipes that a demo uses, each once; empty for a demo without any."""
    text = source(name)
    taken = [recipes.find(word) for word in FOUND.findall(text)]
    if "RestorationRecipe()" in text:
        taken.append(RestorationRecipe())
    texts = sorted({recipe.source() for recipe in taken}, key=len, reverse=True)
    return "\n\n".join(each for place, each in enumerate(texts) if not any(each in longer for longer in texts[:place]))


def checksum(name: str) -> str:
    """Ten hexadecimal digits that change with the source of a demo, of its recipes, and of what it shares with other demos."""
    text = source(name)
    shared = [(PACKAGE / "recipes" / f"{module}.py").read_text(encoding="utf-8") for module in SHARED.findall(text)]
    return hashlib.sha256("\n\n".join([text, statement(name), *shared]).encode()).hexdigest()[:10]
