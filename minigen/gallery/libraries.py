"""The libraries for pages and notebooks, which minigen itself does not need; one message if one is missing."""

from minigen.errors import MissingPackageError

try:
    import jinja2
    import jupytext
    import markdown_it
    import markupsafe
    import nbformat
    import pygments
    import pygments.formatters
    import pygments.lexers
except ImportError as error:
    raise MissingPackageError(
        f"pages and notebooks of the demos need {error.name}: pip install jinja2 jupytext markdown-it-py pygments"
    ) from error

__all__ = ["jinja2", "jupytext", "markdown_it", "markupsafe", "nbformat", "pygments"]
