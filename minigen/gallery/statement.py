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


def whole(name: str) -> str:
    """The source of a demo, of its recipes, and of the modules of `minigen.recipes` that it shares with other demos."""
    shared = [PACKAGE / "recipes" / f"{module}.py" for module in SHARED.findall(source(name))]
    return "\n\n".join([source(name), statement(name), *(path.read_text(encoding="utf-8") for path in shared)])


def checksum(name: str) -> str:
    """Ten hexadecimal digits that change with the source of a demo, and of its recipes."""
    return hashlib.sha256(whole(name).encode()).hexdigest()[:10]
