"""Drawing a picture of `faces`: parts given by signed distances, painted from back to front.

Points (x, y) of a picture are relative to its center, y downward; (u, v) are the same, rotated with the head and relative to the
center of a part. A part has a signed distance d, negative inside, and covers this share of a pixel of side p:

    alpha = clip(1/2 - d / p, 0, 1),        pixels <- (1 - alpha) pixels + alpha color

which antialiases its edge. Distances are exact to first order at the outline, the only place where they matter: for an outline
q(u, v) = 1 they are (q - 1) / |gradient of q|. One formula serves all pictures, so that many are drawn at once.
"""

from typing import NamedTuple

import numpy as np

Values = np.ndarray | float  # one for each of the n pictures, (n,), or the same for all

HAIR_COLORS = {
    "black": (0.13, 0.11, 0.13),
    "brown": (0.42, 0.24, 0.13),
    "blond": (0.95, 0.78, 0.38),
    "red": (0.80, 0.33, 0.12),
    "gray": (0.76, 0.77, 0.80),
}
SHIRT_COLORS = {"white": (0.95, 0.95, 0.93), "red": (0.82, 0.22, 0.24), "green": (0.20, 0.52, 0.38), "navy": (0.16, 0.22, 0.42)}
# From light to dark skin.
SKIN = ((1.00, 0.87, 0.77), (0.96, 0.75, 0.58), (0.76, 0.53, 0.37), (0.50, 0.33, 0.235))
IRIS = ((0.27, 0.50, 0.60), (0.27, 0.38, 0.27), (0.32, 0.20, 0.11))
LIPS = ((0.85, 0.45, 0.42), (0.66, 0.33, 0.30))
WHITE, RED, FRAME, GLARE = (0.98, 0.98, 0.97), (0.84, 0.12, 0.20), (0.08, 0.08, 0.11), (0.75, 0.90, 1.00)

# Of each hair style: the height of the hairline, its curvature, where it is parted, and the height of its curls.
HAIRLINES = np.array([(-0.39, 1.20, -0.17, 0.00), (-0.20, -0.35, 0.00, 0.00), (-0.31, 0.30, 0.00, 0.05)])

# The stochastic detail of one picture, as uniform values.
FRECKLES, DISCS = 14, 4
STRANDS = (1.7, 2.9, 4.3, 11.0, 23.0)  # waves of tone across the hair, from wide locks to single hairs
NOISE = 1 + 3 * FRECKLES + 4 * DISCS + 2 * len(STRANDS)

VIEW = 0.88  # the picture covers points from -VIEW to VIEW
HEAD = -0.12  # y of the middle of an upright head
PIVOT = 0.50  # y of the point about which it tilts


def draw(factors: dict[str, np.ndarray], noise: np.ndarray, resolution: int, rows: slice) -> np.ndarray:
    """Factors (n,) each and uniform noise (n, NOISE) -> the given rows of n pictures, (n, 3, h, resolution), near [0, 1]."""
    freckles, discs, strands = np.split(noise, np.cumsum((1 + 3 * FRECKLES, 4 * DISCS)), axis=1)
    head = Head(factors)
    canvas = Canvas(len(noise), resolution, rows, np.deg2rad(factors["tilt"]))
    draw_background(canvas, factors["background"], discs)
    hair = draw_hair_behind(canvas, head, factors, strands)
    draw_shoulders(canvas, head, factors["shirt"])
    draw_neck_and_ears(canvas, head)
    draw_head(canvas, head, factors["age"])
    draw_freckles(canvas, head, freckles)
    draw_age(canvas, head, factors["age"])
    draw_eyes(canvas, head, factors)
    draw_nose(canvas, head)
    draw_mouth(canvas, head, factors)
    draw_hair_in_front(canvas, head, factors, hair)
    draw_glasses(canvas, head, factors["glasses"])
    return canvas.pixels


class Window(NamedTuple):
    """A rectangle of the picture that holds a part, and its points (u, v) counted from the part's middle, (n, h, w)."""

    rows: slice
    columns: slice
    u: np.ndarray
    v: np.ndarray


class Hair(NamedTuple):
    """The window of the hair, and at its points: the distance from the outline, what curls add to it, the tone of strands."""

    window: Window
    outline: np.ndarray
    curls: np.ndarray
    tone: np.ndarray


class Canvas:
    """Pixels (n, 3, h, w): the given rows of n pictures. tilt: (n,) of the heads, in radians."""

    def __init__(self, n: int, resolution: int, rows: slice, tilt: np.ndarray) -> None:
        centers = np.float32(VIEW) * ((2 * np.arange(resolution, dtype=np.float32) + 1) / resolution - 1)
        self.resolution, self.pixel = resolution, 2 * VIEW / resolution
        self.x, self.y = centers, centers[rows]
        self.pixels = np.empty((n, 3, len(self.y), len(self.x)), np.float32)
        self.cos, self.sin = np.cos(tilt), np.sin(tilt)

    def upright(self, y: float, height: float) -> Window:
        """All columns of the rows from y - height to y + height; (u, v) are (x, y)."""
        rows = slice(*np.searchsorted(self.y, (y - height - self.pixel, y + height + self.pixel)))
        shape = (len(self.pixels), rows.stop - rows.start, len(self.x))
        return Window(rows, slice(None), np.broadcast_to(self.x, shape), np.broadcast_to(self.y[rows, None], shape))

    def window(self, u: Values, v: Values, width: float, height: float) -> Window:
        """The window that contains, in all pictures, the points within width and height of (u, v) of the head, and a margin."""
        v = v + HEAD - PIVOT
        x, y = self.cos * u + self.sin * v, self.cos * v - self.sin * u + PIVOT
        wide = self.cos * width + abs(self.sin) * height + self.pixel
        high = self.cos * height + abs(self.sin) * width + self.pixel
        columns = slice(*np.searchsorted(self.x, ((x - wide).min(), (x + wide).max())))
        rows = slice(*np.searchsorted(self.y, ((y - high).min(), (y + high).max())))
        across, down = self.x[columns] - plane(x), self.y[rows, None] - plane(y)
        cos, sin = plane(self.cos), plane(self.sin)
        return Window(rows, columns, cos * across - sin * down, sin * across + cos * down)

    def inside(self, distance: np.ndarray) -> np.ndarray:
        """The share of each pixel at a negative distance."""
        return np.clip(0.5 - distance * (1 / self.pixel), 0, 1)

    def stroke(self, u: np.ndarray, v: np.ndarray, half: Values, bend: Values, thick: Values, slope: Values = 0) -> np.ndarray:
        """The share of each pixel under a stroke of the pen from u = -half to half, thick in the middle, tapered to its ends.

        The ends hang down by bend, and the right one by slope more. Exact also for lines much thinner than a pixel.
        """
        t = u * plane(1 / half)
        t *= t
        v = (v - plane(slope) * u - plane(bend) * t) * (1 / self.pixel)
        thickness = np.maximum(1 - t, 0) * plane(thick * (1 / self.pixel))
        v += 0.5
        return np.clip(v + thickness, 0, 1) - np.clip(v - thickness, 0, 1)

    def paint(
        self, window: Window, alpha: np.ndarray, color: np.ndarray | tuple[float, ...], light: np.ndarray | None = None
    ) -> None:
        """Where alpha is 1 the pixel is exactly the color, where it is 0 what it was.

        alpha, light: (n, h, w).  color: (3,) or (n, 3), times light if there is one.
        """
        lit = plane(color) if light is None else plane(color) * light[:, None]
        alpha = alpha[:, None]
        region = self.pixels[:, :, window.rows, window.columns]
        region *= 1 - alpha
        region += alpha * lit


class Head:
    """Measures of the n heads that several parts share.

    width: half of it.  above, below: its height from the middle up and down.  square: how square the jaw is.
    nose, shift: by how much the middle of the face moves right and down where the head is turned.
    """

    def __init__(self, factors: dict[str, np.ndarray]) -> None:
        self.man = factors["man"]
        self.woman = 1 - self.man
        self.skin = between(SKIN, factors["skin"])
        self.skin += 0.4 * factors["age"][:, None] * (self.skin.mean(axis=1, keepdims=True) - self.skin)
        self.hair = np.array(list(HAIR_COLORS.values()))[factors["hair_color"].astype(int)]
        self.width, self.above = 0.36 + 0.13 * factors["face_shape"], 0.50
        self.square = 0.5 * self.man - 0.25 * self.woman
        self.turn = 0.35 * factors["pose_x"]
        self.shift = -0.11 * factors["pose_y"]
        self.below = 0.59 - 0.08 * factors["face_shape"] + 0.6 * self.shift
        self.nose, _ = self.place(0)

    def place(self, u: Values, depth: float = 1) -> tuple[np.ndarray, np.ndarray]:
        """Where points of the face at u, in half widths, lie when the head is turned, and how much narrower things are there.

        depth: 1 on the surface of the face, more for parts that protrude, less where the face is narrower.
        """
        angle = np.arcsin(u) + self.turn
        return self.width * (np.sin(angle) + (depth - 1) * np.sin(self.turn)), np.cos(angle) / np.cos(np.arcsin(u))


# The parts, from back to front.


def draw_background(canvas: Canvas, hue: np.ndarray, discs: np.ndarray) -> None:
    angle = 2 * np.pi * (0.8 * hue[:, None] - np.array((0, 1, 2)) / 3)
    window = canvas.upright(0, VIEW)
    light = 1.10 - 0.25 * (window.v + 1) - 0.08 * window.u * window.u
    for x, y, size, strength in discs.reshape(len(hue), DISCS, 4).transpose(1, 2, 0):
        radius = 0.16 + 0.2 * size
        disc = canvas.inside(ellipse(window.u - plane(2 * x - 1), window.v - plane(1.6 * y - 1), radius, radius))
        light += disc * plane(0.03 + 0.04 * strength)
    canvas.pixels[:] = plane(0.74 + 0.20 * np.cos(angle)) * light[:, None]


def draw_hair_behind(canvas: Canvas, head: Head, factors: dict[str, np.ndarray], strands: np.ndarray) -> Hair:
    length = factors["hair_length"]
    window = canvas.window(0, 0, 0.72, 1.2)
    u, v = window.u, window.v
    curls = wrapped(3.7 * u) ** 2
    curls += wrapped(3.7 * v + 0.2) ** 2
    curls = (curls * 4 - 1.2) * plane(HAIRLINES[factors["hair_style"].astype(int), 3])
    corners = 0.55 * np.minimum(2 * length, 1)
    outline = oval(u, v + 0.1, head.width + 0.085 + 0.05 * length, head.above, 0.2 + 0.98 * length, corners)
    outline += curls

    across = u / (np.maximum(v + 0.65, 0) * 0.5 + 0.35)  # hair falls from the crown
    tone = 1 - 2 * curls
    for frequency, stretch, phase in zip(STRANDS, *strands.T.reshape(2, -1, len(strands)), strict=True):
        contrast = 0.06 * min(1, max(0, 1.5 - 5 * frequency / canvas.resolution))  # none where it is finer than the pixels
        if contrast:
            wave = 1 - 4 * np.abs(wrapped(across * plane(frequency * (0.8 + 0.4 * stretch)) + plane(phase)))
            tone += contrast * wave * (2 - np.abs(wave))
    canvas.paint(window, canvas.inside(outline), head.hair * 0.72, tone)
    return Hair(window, outline, curls, tone)


def draw_shoulders(canvas: Canvas, head: Head, shirt: np.ndarray) -> None:
    color = np.array(list(SHIRT_COLORS.values()))[shirt.astype(int)]
    window = canvas.upright(0.86, 0.40)
    shoulders = ellipse(window.u, window.v - 1.12, 0.80 + 0.08 * head.man, 0.54)
    canvas.paint(window, canvas.inside(shoulders), color, 1.08 - 0.35 * window.u * window.u - 0.1 * window.v)
    collar = ellipse(window.u, window.v - 0.64, 0.27, 0.165)
    canvas.paint(window, canvas.inside(collar), color * 0.78)


def draw_neck_and_ears(canvas: Canvas, head: Head) -> None:
    window = canvas.upright(0.5, 0.32)
    neck = np.maximum(np.abs(window.u) - plane(0.145 + 0.05 * head.man), window.v - 0.65)
    neck = np.minimum(neck, ellipse(window.u, window.v - 0.63, 0.24, 0.13))
    canvas.paint(window, canvas.inside(neck), head.skin, np.clip(1.6 * window.v - 0.06, 0.70, 0.97))
    for side in (-1, 1):
        window = canvas.window(side * head.width - 0.15 * head.turn, 0.06 - 0.5 * head.shift, 0.09, 0.13)
        canvas.paint(window, canvas.inside(ellipse(window.u, window.v, 0.085, 0.125)), head.skin * 0.93)
        canvas.paint(window, canvas.inside(ellipse(window.u, window.v, 0.045, 0.075)), head.skin * (0.88, 0.70, 0.67))


def draw_head(canvas: Canvas, head: Head, age: np.ndarray) -> None:
    window = canvas.window(0, 0.08, 0.52, 0.60)
    u, v = window.u, window.v
    whole = canvas.inside(oval(u, v, head.width, head.above, head.below, head.square))
    light = 1.04 - 0.1 * u - 0.1 * v
    light -= 0.5 * np.clip(u * u + 0.7 * v * v - 0.09, 0, 1)
    canvas.paint(window, whole, head.skin, light)

    shaved = oval(u - plane(head.nose), v - plane(0.1 + head.shift), head.width * 0.86, 0.5, 0.17, 0)
    beard = whole * (1 - canvas.inside(0.3 * shaved)) * np.clip(6 * v, 0, 1)
    canvas.paint(window, beard * plane(0.8 * head.man), head.hair * 0.6 + head.skin * 0.25)
    for side in (-1, 1):
        cheek, narrow = head.place(0.58 * side)
        window = canvas.window(cheek, 0.2 + head.shift, 0.14, 0.10)
        blush = 1 - (window.u * plane(1 / (0.13 * narrow))) ** 2 - (window.v * 10) ** 2
        canvas.paint(window, np.clip(blush, 0, 1) * plane((0.4 + 0.15 * head.woman) * (1 - age)), head.skin * (1.00, 0.60, 0.57))


def draw_freckles(canvas: Canvas, head: Head, freckles: np.ndarray) -> None:
    radius = max(0.013, canvas.pixel / 2)  # a dot smaller than a pixel is drawn wider and fainter
    strength = (0.013 / radius) ** 2 * np.clip(2 * freckles[:, 0] - 1, 0, 1)  # half of the people have none
    for across, down, tone in freckles[:, 1:].T.reshape(FRECKLES, 3, -1):
        u, _ = head.place(1.3 * across - 0.65)
        window = canvas.window(u, 0.07 + 0.15 * down + head.shift, radius, radius)
        spot = canvas.inside(ellipse(window.u, window.v, radius, radius))
        canvas.paint(window, spot * plane(strength * (0.3 + 0.4 * tone)), head.skin * (0.72, 0.55, 0.45))


def draw_age(canvas: Canvas, head: Head, age: np.ndarray) -> None:
    strength, color = plane(0.9 * age), head.skin * (0.58, 0.46, 0.42)
    for height, half in ((-0.34, 0.15), (-0.27, 0.18)):  # the forehead
        window = canvas.window(head.nose, height + head.shift, half, 0.035)
        canvas.paint(window, canvas.stroke(window.u, window.v, half, 0.015, 0.02) * strength, color)
    for side in (-1, 1):
        u, narrow = head.place(0.47 * side)  # bags under the eyes
        window = canvas.window(u, 0.145 + head.shift, 0.16, 0.075)
        shadow = np.clip(1.2 - (window.u * plane(1 / (0.12 * narrow))) ** 2 - (window.v * 15) ** 2, 0, 1)
        canvas.paint(window, 0.45 * shadow * strength, color)
        canvas.paint(window, canvas.stroke(window.u, window.v, 0.1 * narrow, -0.03, 0.022) * strength, color)
        u, _ = head.place(0.40 * side)  # from the nose to the corners of the mouth
        window = canvas.window(u, 0.27 + head.shift, 0.08, 0.11)
        canvas.paint(window, canvas.stroke(window.v, -side * window.u, 0.11, 0.03, 0.022, -0.35) * strength, color)


def draw_eyes(canvas: Canvas, head: Head, factors: dict[str, np.ndarray]) -> None:
    iris = between(IRIS, factors["skin"])
    for side in (-1, 1):
        u, narrow = head.place(0.47 * side)
        width, height = 0.108 * narrow, 0.078 + 0.012 * head.woman
        window = canvas.window(u, 0.03 + head.shift, 0.2, 0.15)
        white = canvas.inside(ellipse(window.u, window.v, width, height))
        canvas.paint(window, white, WHITE)
        gaze = window.u - plane(0.02 * factors["pose_x"])
        for radius, color in ((0.066, iris), (0.037, iris * 0.15)):
            disc = canvas.inside(ellipse(gaze, window.v, radius * np.minimum(narrow, 1), radius))
            canvas.paint(window, disc * white, color)
        canvas.paint(window, canvas.inside(ellipse(gaze + 0.022, window.v + 0.026, 0.02, 0.02)), WHITE)

        color = head.skin * (0.15 + 0.35 * head.man)[:, None]
        half, thick = width * (1.25 - 0.1 * head.man), 0.033 - 0.016 * head.man
        canvas.paint(window, canvas.stroke(window.u, window.v + plane(height - 0.004), half, 0.055, thick), color)
        lash = canvas.stroke(side * window.u - plane(1.1 * width), window.v + 0.035, 0.06, 0, 0.024, -0.7)
        canvas.paint(window, lash * plane(head.woman), color)

        window = canvas.window(u, -0.125 + head.shift, 0.17, 0.1)
        brow = canvas.stroke(window.u, window.v, 0.135 * narrow, 0.04, 0.022 + 0.024 * head.man, 0.08 * side)
        canvas.paint(window, brow, head.hair * 0.55)


def draw_nose(canvas: Canvas, head: Head) -> None:
    u, _ = head.place(0, depth=1.35)
    window = canvas.window(u, 0.18 + 1.3 * head.shift, 0.1, 0.13)
    bridge = np.clip(1 - (14 * window.u) ** 2 - (8 * window.v + 0.16) ** 2, 0, 1)
    canvas.paint(window, 0.45 * bridge, np.minimum(1.12 * head.skin, 1))
    tip = canvas.stroke(window.u, window.v - 0.06, 0.075 + 0.015 * head.man, -0.035, 0.022)
    canvas.paint(window, tip, head.skin * (0.72, 0.55, 0.50))


def draw_mouth(canvas: Canvas, head: Head, factors: dict[str, np.ndarray]) -> None:
    """Between two parabolas that meet at the corners: the lips, and in them, where the smile is broad, the teeth."""
    u, narrow = head.place(0, depth=0.75)
    window = canvas.window(u, 0.265 + head.shift, 0.16, 0.1)
    canvas.paint(window, canvas.stroke(window.u, window.v, 0.16, 0.05, 0.038) * plane(head.man), head.hair * 0.62)

    smile = factors["smile"]
    window = canvas.window(u, 0.37 + head.shift, 0.26, 0.18)
    t = window.u * plane(1 / (narrow * (0.18 + 0.02 * smile)))
    t *= t
    height = 1 - t
    v = window.v + plane(0.12 * smile) * (t - 0.3)
    opening, lip = 0.08 * np.clip(smile - 0.1, 0, 1), 0.024 + 0.008 * head.woman

    def between_curves(up: np.ndarray, down: np.ndarray) -> np.ndarray:
        return canvas.inside(np.maximum(v - plane(down) * height, -v - plane(up) * height))

    lips = between(LIPS, factors["skin"]) * head.man[:, None] + np.array(RED) * head.woman[:, None]
    canvas.paint(window, between_curves(0.35 * opening + lip, opening + lip) * (t < 1.5), lips)
    line = between_curves(0.35 * opening + 0.006, opening + 0.006)
    canvas.paint(window, line * (t < 1), 0.4 * lips)
    teeth = between_curves(0.35 * opening - 0.004, opening - 0.004)
    canvas.paint(window, teeth * (t < 1) * plane(np.minimum(60 * opening, 1)), WHITE)


def draw_hair_in_front(canvas: Canvas, head: Head, factors: dict[str, np.ndarray], hair: Hair) -> None:
    """The hair again, except the opening for the face."""
    window, outline, curls, tone = hair
    u, v = window.u - plane(0.6 * head.nose), window.v - plane(0.6 * head.shift)
    hairline, curvature, parting, _ = plane(HAIRLINES[factors["hair_style"].astype(int)].T)
    t = u - parting
    line = (hairline + curvature * t * t - v) / np.sqrt(1 + (2 * curvature * t) ** 2)
    opening = oval(u, v - 0.05, head.width - 0.03 - 0.05 * factors["hair_length"], 0.62, 3, 0)
    opening = np.maximum(opening, line) + curls
    shine = 0.2 * np.clip(1 - 9 * np.abs(v + 0.4 - 0.5 * u * u), 0, 1)
    canvas.paint(window, canvas.inside(np.maximum(outline, -opening)), head.hair, tone + shine - 0.12 * u)


def draw_glasses(canvas: Canvas, head: Head, glasses: np.ndarray) -> None:
    worn = plane(glasses)
    for side in (-1, 1):
        u, narrow = head.place(0.47 * side)
        window = canvas.window(u, 0.035 + head.shift, 0.21, 0.17)
        rim = ellipse(window.u, window.v, 0.162 * narrow, 0.145)
        canvas.paint(window, canvas.inside(rim) * (0.14 * worn), GLARE)
        canvas.paint(window, canvas.inside(np.abs(rim) - 0.022) * worn, FRAME)
    u, narrow = head.place(0, depth=1.1)
    window = canvas.window(u, 0.02 + head.shift, 0.11, 0.05)
    canvas.paint(window, canvas.stroke(window.u, window.v, (0.47 * head.width - 0.13) * narrow, 0.02, 0.025) * worn, FRAME)


# Signed distances.


def ellipse(x: np.ndarray, y: np.ndarray, width: Values, height: Values) -> np.ndarray:
    width, height = plane(1 / width), plane(1 / height)
    x, y = x * width, y * height
    q = x * x + y * y
    x *= width
    y *= height
    return (q - 1) / (2 * np.sqrt(x * x + y * y) + 1e-3)


def oval(x: np.ndarray, y: np.ndarray, width: Values, above: Values, below: Values, square: Values) -> np.ndarray:
    """An ellipse with different halves above and below y = 0; square > 0 fills the corners of the lower one, < 0 points it."""
    width, above, below, square = (plane(value) for value in (1 / width, 1 / above, 1 / below, square))
    x = x * width
    upper, lower = np.minimum(y, 0) * above, np.maximum(y, 0) * below
    across, down = x * x, lower * lower
    q = across + down + upper * upper
    across, down = square * np.minimum(across, 1.6), np.minimum(down, 1.6)  # far away, the corner would fill the plane
    q -= across * down
    slope_x, slope_y = x * width * (1 - square * down), upper * above + lower * below * (1 - across)
    return (q - 1) / (2 * np.sqrt(slope_x * slope_x + slope_y * slope_y) + 1e-3)


def wrapped(x: np.ndarray) -> np.ndarray:
    """x up to a whole number, from -1/2 to 1/2."""
    return x - np.rint(x)


# Values of each picture.


def plane(values: Values | tuple[float, ...]) -> np.ndarray:
    """(...) -> (..., 1, 1), to go with the pixels of a picture."""
    return np.asarray(values, np.float32)[..., None, None]


def between(colors: tuple[tuple[float, ...], ...], share: np.ndarray) -> np.ndarray:
    """The colors at shares (n,) of the way from the first to the last. -> (n, 3)"""
    way = share * (len(colors) - 1)
    return np.stack([np.interp(way, np.arange(len(colors)), channel) for channel in np.transpose(colors)], axis=1)
