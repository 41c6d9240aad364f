"""One picture file as an array of a given shape: any size, any mode, whatever Pillow reads."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen.data.pixels import as_pixels
from minigen.errors import DataError, one_line, suggestion
from minigen.utils.checks import is_whole

if TYPE_CHECKING:
    from PIL import Image

FITS = ("crop", "squeeze", "pad")
SMALLEST, LARGEST = 4, 2048  # pixels along a side
NOT_OPENED = {"BUFR", "EPS", "FITS", "FPX", "GRIB", "HDF5", "MPEG", "PDF", "WMF"}  # needs other programs, or is no picture
FOREIGN = (".heic", ".heif", ".svg", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raw")  # pictures, which Pillow alone does not read
SPARE = 2  # a JPEG is decoded at no less than this many times the size that is asked for


@dataclass(frozen=True)
class PictureFormat:
    """The shape that pictures are brought to, and how.

    fit: "crop" cuts the sides of what is too wide, or top and bottom of what is too high, "squeeze" changes the proportions,
    "pad" adds margins.  gray: one channel, luma, in place of three.  background: the color of margins, and of what shows through
    the transparent parts of a picture: a name, or "#rrggbb".
    Raises ValueError, naming the option, for one that cannot be.
    """

    height: int
    width: int
    fit: str = "crop"
    gray: bool = False
    background: str = "white"

    def __post_init__(self) -> None:
        from PIL import ImageColor

        for side in (self.height, self.width):
            if not is_whole(side) or isinstance(side, bool) or not SMALLEST <= side <= LARGEST:
                raise ValueError(
                    f"resolution must be a whole number from {SMALLEST} to {LARGEST}, or two, (height, width), got {side!r}"
                )
        if self.fit not in FITS:
            raise ValueError(f"unknown fit {self.fit!r}: {suggestion(self.fit, FITS)}")
        if not isinstance(self.gray, bool):
            raise ValueError(f"gray must be True or False, got {self.gray!r}")
        try:
            ImageColor.getcolor(self.background, "RGB")
        except (AttributeError, TypeError, ValueError):
            raise ValueError(f'background must be a color, such as "black" or "#80ff00", got {self.background!r}') from None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of a picture."""
        return int(self.height), int(self.width), 1 if self.gray else 3

    def read(self, path: Path) -> np.ndarray:
        """The picture in a file: (height, width, channels) uint8; the first one of an animation. DataError, with the mere
        reason, if it cannot be read."""
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(path) as image:
                pixels = np.asarray(self.fitted(self.flattened(self.opened(image))))
        except UnidentifiedImageError:
            reason = "in no format that Pillow reads" if path.stat().st_size else "an empty file"
            raise DataError(reason) from None
        except MemoryError:
            raise DataError("too large for the memory") from None
        except Exception as error:  # a broken file fails in many ways: OSError, SyntaxError, struct.error ...
            raise DataError(one_line(getattr(error, "strerror", None) or str(error) or type(error).__name__)) from error
        return pixels.reshape(self.shape)

    def opened(self, image: "Image.Image") -> "Image.Image":
        """A picture with its pixels loaded, turned as its EXIF orientation says."""
        from PIL import ImageOps

        longer = SPARE * max(self.height, self.width)
        image.draft(None, (longer, longer))  # a JPEG is decoded at a fraction of its size, in a fraction of the time
        image.load()
        try:
            return ImageOps.exif_transpose(image)
        except Exception:  # damaged EXIF data, of which there is much: the picture itself was read
            return image

    def flattened(self, image: "Image.Image") -> "Image.Image":
        """A picture as "L" or "RGB", in front of the background where it is transparent."""
        from PIL import Image

        if image.mode.startswith(("I", "F")):
            image = Image.fromarray(eight_bits(np.asarray(image), image.mode))
        if image.has_transparency_data:
            layer = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", layer.size, self.background), layer)
        return image.convert("L" if self.gray else "RGB")

    def fitted(self, image: "Image.Image") -> "Image.Image":
        """A picture of the right size. Every pixel is a mean over all that it covers, weighted by the bicubic kernel."""
        from PIL import Image, ImageColor, ImageOps

        size, method = (self.width, self.height), Image.Resampling.BICUBIC
        if self.fit == "squeeze":
            return image.resize(size, method)
        if self.fit == "pad":
            return ImageOps.pad(image, size, method, color=ImageColor.getcolor(self.background, image.mode))
        return ImageOps.fit(image, size, method)


def picture_format(
    resolution: int | tuple[int, int], fit: str = "crop", gray: bool = False, background: str = "white"
) -> PictureFormat:
    """The PictureFormat of these options. resolution: of the sides of a square, or (height, width)."""
    sides = resolution if isinstance(resolution, (tuple, list)) else (resolution, resolution)
    if len(sides) != 2:
        raise ValueError(f"resolution must be a whole number, or (height, width), got {resolution!r}")
    return PictureFormat(*sides, fit, gray, background)


def picture(path: str | Path, resolution: int | tuple[int, int] = 64, **options: Any) -> np.ndarray:
    """One picture as models take it: (height, width, channels) float32 in [0, 1].

    options: fit, gray and background, as those of `data.folder`; with the same ones it is the same as in a folder's Dataset.
    Raises ValueError for options that cannot be, DataError for a file that is missing or cannot be read.
    """
    form, path = picture_format(resolution, **options), Path(path).expanduser()
    if not path.is_file():
        raise DataError(
            f"{path} is {'a folder: data.folder reads it' if path.is_dir() else 'not there'}; expected a picture file"
        )
    try:
        return as_pixels(form.read(path)[None])[0]
    except DataError as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def extensions() -> set[str]:
    """The endings of names of picture files, ".png" and so on."""
    from PIL import Image

    known = Image.registered_extensions()
    return {*FOREIGN, *(each for each, kind in known.items() if kind in Image.OPEN and kind not in NOT_OPENED)}


def eight_bits(values: np.ndarray, mode: str) -> np.ndarray:
    """Gray values of a deeper picture as uint8. Of 16 bits, 65535 is white. Of whole numbers and of floats, whose white no file
    says, it is the least of 1 (of floats only), 255 and 65535 that none of them exceeds, or else the largest of them."""
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise DataError("it has pixels that are NaN or infinite")
    whites = (65535,) if mode.startswith("I;16") else (1, 255, 65535) if mode == "F" else (255, 65535)
    largest = float(values.max(initial=0))
    white = next((each for each in whites if largest <= each), largest)
    return np.rint(values.clip(0, math.inf) * (255 / white)).astype(np.uint8)
