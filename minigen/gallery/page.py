"""HTML pages that need no network: pictures inside, light and dark, from a phone's width on."""

import base64
import html
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

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
.good { color: var(--good); } .bad { color: var(--bad); } .faint { color: var(--faint); }
"""


def document(title: str, body: str, style: str = "") -> str:
    """A whole page: `body` and `style` are HTML and CSS, `title` is plain text."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def picture(source: np.ndarray, alt: str) -> str:
    """An <img> that carries one image of (h, w), (h, w, 1) or (h, w, 3) in [0, 1], as PNG."""
    image = Image.fromarray(to_bytes(source))
    return tag("png", coded(image, "PNG", optimize=True), alt, image.size)


def small_picture(source: Path | BinaryIO, alt: str, width: int) -> str:
    """An <img> that carries a file in few bytes: PNG of 64 colors, or WebP at most `width` pixels wide if that is smaller."""
    image = Image.open(source).convert("RGB")
    png, webp = coded(image.quantize(64), "PNG"), coded(at_most(width, image), "WEBP", quality=80, method=2)
    return tag("png", png, alt, image.size) if len(png) <= len(webp) else tag("webp", webp, alt, image.size)


def thumbnail(source: Path | BinaryIO, alt: str, width: int) -> str:
    """An <img> that carries a file made `width` pixels wide, as WebP."""
    image = at_most(width, Image.open(source).convert("RGB"))
    return tag("webp", coded(image, "WEBP", quality=80), alt, image.size)


def at_most(width: int, image: Image.Image) -> Image.Image:
    """An image no wider than this, its proportions kept."""
    scale = min(1.0, width / image.width)
    return image.resize((round(image.width * scale), max(1, round(image.height * scale))), Image.Resampling.LANCZOS)


def coded(image: Image.Image, form: str, **options: Any) -> bytes:
    """An image as the bytes of a file of this format."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def tag(form: str, content: bytes, alt: str, size: tuple[int, int]) -> str:
    """An <img> with its picture in it; size: its proportions, for the page's layout before it is drawn."""
    return (
        f'<img src="data:image/{form};base64,{base64.b64encode(content).decode()}" alt="{html.escape(alt)}" '
        f'width="{size[0]}" height="{size[1]}" loading="lazy">'
    )


def to_bytes(image: np.ndarray) -> np.ndarray:
    """An image in [0, 1] as bytes; (h, w, 1) loses its channel."""
    image = image[..., 0] if image.shape[2:] == (1,) else image
    return np.rint(image.clip(0, 1) * 255).astype(np.uint8)


RESULTS = {True: ("good", "✓ pass"), False: ("bad", "✗ FAIL"), None: ("faint", "quick: not judged")}


def criteria_table(result: Mapping[str, Any]) -> str:
    """What a demo's result.json says, as a table: criterion, expected, measured, result; and below them the reports."""
    rows = ["<tr><th>criterion</th><th>expected</th><th>measured</th><th>result</th></tr>"]
    for criterion in result["criteria"]:
        color, word = RESULTS[criterion["pass"]]
        cells = "".join(
            f"<td>{html.escape(text)}</td>" for text in (criterion["name"], criterion["expected"], f"{criterion['measured']:.6g}")
        )
        rows.append(f'<tr>{cells}<td class="{color}">{word}</td></tr>')
    rows += [
        f'<tr class="report"><td>{html.escape(name)}</td><td></td><td colspan="2">{html.escape(value)}</td></tr>'
        for name, value in result["report"].items()
    ]
    return f'<div class="wide"><table class="criteria">{"".join(rows)}</table></div>'
