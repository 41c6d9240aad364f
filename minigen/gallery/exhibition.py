"""The page of demo 34: images that do not exist, each beside the training image that is most like it."""

from collections.abc import Mapping, Sequence

import numpy as np

from minigen.gallery.page import picture

STYLE = """
body { max-width: 68rem; }
.hero { display: flex; flex-wrap: wrap; gap: 1.5rem 2.5rem; align-items: center; margin: 1rem 0 2rem; }
.hero > img { width: min(18rem, 100%); border-radius: .75rem; box-shadow: 0 .25rem 1.5rem rgb(0 0 0 / .25); }
.hero > div { flex: 1 1 20rem; }
h1 { font-size: clamp(1.9rem, 6vw, 3.2rem); margin: 0 0 .75rem; letter-spacing: -.02em; }
h2 { margin-top: 3rem; }
.chart { width: min(34rem, 100%); margin-top: 1.5rem; }
.faint { color: var(--faint); font-size: .9rem; }
button { font: inherit; color: inherit; cursor: pointer; }
.another { padding: .5rem 1.1rem; border: 1px solid var(--accent); border-radius: 2rem; background: none; color: var(--accent); }
.another:hover { background: var(--accent); color: var(--paper); }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 1rem; padding: 0; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 3px; padding: .4rem; text-align: left; background: var(--box);
        border: 1px solid var(--line); border-radius: .6rem; }
.pair:hover, .pair:focus-visible { border-color: var(--accent); outline: none; }
.pair img, .matrix img, .strip img { width: 100%; display: block; }
.pair .known { opacity: .75; transition: opacity .15s; }
.pair:hover .known, .pair:focus-visible .known { opacity: 1; }
.pair small { grid-column: 1 / -1; color: var(--faint); padding: .15rem .1rem 0; }
dialog { border: none; border-radius: .8rem; padding: 1.2rem; background: var(--paper); color: var(--ink);
         width: min(40rem, 94vw); }
dialog::backdrop { background: rgb(0 0 0 / .6); }
.both { display: grid; grid-template-columns: 1fr 1fr; gap: .8rem; }
.both figure, .strip figure { margin: 0; }
.both img { width: 100%; display: block; }
.choice { display: inline-block; margin: 0 1rem .6rem 0; }
.matrix { display: grid; gap: 4px; max-width: 44rem; }
.matrix .source { outline: 2px solid var(--accent); outline-offset: -2px; border-radius: .25rem; }
.matrix[hidden] { display: none; }
.window { width: min(16rem, 100%); aspect-ratio: 1; overflow: hidden; border-radius: .6rem; }
.window img { max-width: none; height: 100%; width: auto; display: block; border-radius: 0; }
input[type=range] { width: min(16rem, 100%); accent-color: var(--accent); }
.strip { display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; gap: 3px; max-width: 44rem; margin-top: 1rem; }
"""

SCRIPT = """
const all = selector => [...document.querySelectorAll(selector)];
const hero = document.querySelector('.hero > img'), pairs = all('.pair'), dialog = document.querySelector('dialog');
let shown = 0;
document.querySelector('.another').onclick = () => {
  shown = (shown + 1) % pairs.length;
  const next = pairs[shown].querySelector('.new');
  hero.src = next.src;
  hero.alt = next.alt;
};
for (const pair of pairs) pair.onclick = () => {
  for (const kind of ['new', 'known']) {
    const large = dialog.querySelector('.' + kind), small = pair.querySelector('.' + kind);
    large.src = small.src;
    large.alt = small.alt;
  }
  dialog.querySelector('p').textContent = pair.querySelector('small').textContent;
  dialog.showModal();
};
dialog.onclick = event => { if (event.target === dialog) dialog.close(); };
for (const choice of all('[name=band]')) choice.onchange = () => {
  for (const matrix of all('.matrix')) matrix.hidden = matrix.id !== choice.value;
};
const slider = document.querySelector('input[type=range]'), film = document.querySelector('.window img');
(slider.oninput = () => {
  film.style.transform = `translateX(${-100 * slider.value / (Number(slider.max) + 1)}%)`;
})();
"""


def classed(img: str, name: str) -> str:
    """An <img> with a class."""
    return img.replace("<img ", f'<img class="{name}" ', 1)


def hero(thing: str, image: np.ndarray, lead: str) -> str:
    """The head of the page: one image, large, what it claims, and a button for the next. lead: HTML."""
    return (
        f'<header class="hero">{picture(image, f"a new {thing}, large")}<div><h1>This {thing} does not exist.</h1>{lead}'
        f'<button class="another" type="button">Another one</button></div></header>'
    )


def gallery(thing: str, images: np.ndarray, nearest: np.ndarray, nearness: Sequence[float]) -> str:
    """Pairs: each new image and the training image most like it; a click shows them large.

    nearness: of each, how far apart the two are, in typical distances of a held-out image from its nearest.
    """
    cards = "".join(
        f'<button class="pair" type="button">{classed(picture(new, f"new {thing} {i}"), "new")}'
        f"{classed(picture(known, f'the training image nearest to new {thing} {i}'), 'known')}"
        f"<small>{distance:.2f} apart</small></button>"
        for i, (new, known, distance) in enumerate(zip(images, nearest, nearness), start=1)
    )
    large = "".join(
        f'<figure>{classed(picture(image, caption), kind)}<figcaption class="faint">{caption}</figcaption></figure>'
        for image, kind, caption in ((images[0], "new", "new"), (nearest[0], "known", "in the training data"))
    )
    return (
        f'<div class="gallery">{cards}</div><dialog aria-label="A pair, large"><div class="both">{large}</div><p></p>'
        '<form method="dialog"><button class="another">Close</button></form></dialog>'
    )


def mixing(thing: str, left: np.ndarray, above: np.ndarray, mixed: Mapping[str, np.ndarray]) -> str:
    """Matrices of images that take some styles from above and all others from the left, one at a time.

    left: (rows, ...), above: (columns, ...), mixed: band -> (rows, columns, ...).
    """
    choices, matrices = [], []
    head = "".join(classed(picture(image, f"{thing} above, column {j}"), "source") for j, image in enumerate(above, start=1))
    side = [classed(picture(image, f"{thing} at the left, row {i}"), "source") for i, image in enumerate(left, start=1)]
    for band, table in mixed.items():
        checked, hidden = ("", " hidden") if choices else (" checked", "")  # the first is shown
        choices.append(
            f'<label class="choice"><input type="radio" name="band" value="{band}"{checked}> {band} styles from above</label>'
        )
        rows = "".join(
            source
            + "".join(picture(image, f"row {i} with the {band} styles of column {j}") for j, image in enumerate(images, start=1))
            for i, (source, images) in enumerate(zip(side, table), start=1)
        )
        matrices.append(
            f'<div class="matrix" id="{band}"{hidden} style="grid-template-columns: repeat({len(above) + 1}, '
            f'minmax(0, 1fr))"><span></span>{head}{rows}</div>'
        )
    return f"<div>{''.join(choices)}</div>{''.join(matrices)}"


def between(thing: str, frames: np.ndarray, stills: int = 9) -> str:
    """From one image to the next and the next: a slider over all frames (n, h, w, c), and some of them side by side."""
    film = np.concatenate(list(frames), axis=1)
    strip = "".join(
        f"<figure>{picture(frames[i], f'frame {i + 1} of {len(frames)}')}</figure>"
        for i in np.linspace(0, len(frames) - 1, stills).round().astype(int)
    )
    return (
        f'<div class="window">{picture(film, f"on the way from one {thing} to another")}</div>'
        f'<label>from one to another<br><input type="range" min="0" max="{len(frames) - 1}" value="0"></label>'
        f'<div class="strip">{strip}</div>'
    )
