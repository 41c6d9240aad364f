"""HTML pages that need no network: pictures inside, light and dark, from a phone's width on."""

import base64
import html
import io
from pathlib import Path

import numpy as np
from PIL import Image

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1b1f; --faint: #63636b; --line: #d9d9de; --box: #f5f5f7;
        --accent: #1a5fb4; --good: #1a7f37; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16161a; --ink: #e8e8ec; --faint: #a0a0aa; --line: #38383f; --box: #202026;
          --accent: #8ab4f8; --good: #6cc48a; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--paper); color: var(--ink);
       font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1, h2, h3 { line-height: 1.2; }
a { color: var(--accent); }
img { max-width: 100%; height: auto; background: #fff; border-radius: .25rem; }
pre, .wide { overflow-x: auto; }
pre { background: var(--box); padding: .75rem; border-radius: .25rem; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
"""


def document(title: str, body: str, style: str = "") -> str:
    """A whole page: `body` and `style` are HTML and CSS, `title` is plain text."""
    return (f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{html.escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n")


def picture(source: Path | np.ndarray, alt: str, size: int | None = None, colours: int | None = None) -> str:
    """An <img> that carries its picture, as PNG.

    source: a file, or one image of (h, w), (h, w, 1) or (h, w, 3) in [0, 1].  size: width on the page in CSS pixels, where an
    image of few pixels is shown with its pixels as squares.  colours: how many to keep, for smaller pages.
    """
    image = Image.open(source) if isinstance(source, Path) else Image.fromarray(to_bytes(source))
    if colours is not None:
        image = image.convert("RGB").quantize(colours)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    code = base64.b64encode(file.getvalue()).decode()
    shown = f' style="width: {size}px; image-rendering: pixelated"' if size else ""
    return (f'<img src="data:image/png;base64,{code}" alt="{html.escape(alt)}" width="{image.width}" height="{image.height}" '
            f'loading="lazy"{shown}>')


def to_bytes(image: np.ndarray) -> np.ndarray:
    """An image in [0, 1] as bytes; (h, w, 1) loses its channel."""
    image = image[..., 0] if image.shape[2:] == (1,) else image
    return np.rint(image.clip(0, 1) * 255).astype(np.uint8)
