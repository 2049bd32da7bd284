"""Which entry of a source's array is which entry of the target's, told by what lies along its axes."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vaejax.types import Shape

NEW = -1  # an entry that no entry of the source is
READERS = ("encoder", "decoder", "prior_net")  # what they see comes along the first axis of a matrix: latents last
WRITERS = ("encoder", "prior_net", "posterior", "prior")  # these have an axis of latents


class Sides(NamedTuple):
    """What source and target differ by.

    latents: how many each has, in every group. kept: which of the source's each of the target's is, or `NEW`.
    unit: numbers of a latent. groups: of latents. context: numbers in the context of an example.
    """

    latents: tuple[int, int]
    kept: tuple[int, ...]
    unit: int
    groups: int
    context: tuple[int, int]
    data_shapes: tuple[Shape, Shape]


def entries_of(path: str, source: Shape, target: Shape, sides: Sides) -> list[np.ndarray] | None:
    """For each axis of the target's array, which entry of the source's each is; `None` where it is not known.

    An axis as long as that of the source is the same axis. One of another length is known where it is that of the
    latents, or that of what a network sees, and latents and context account for the difference.
    """
    if len(source) != len(target):
        return None
    found = []
    for axis in range(len(target)):
        entries = _along(path, axis, source, target, sides)
        if entries is None:
            return None
        found.append(entries)
    return found


def _along(path: str, axis: int, source: Shape, target: Shape, sides: Sides) -> np.ndarray | None:
    part, ends = path.split("/")[0], (source[axis], target[axis])
    if ends[0] == ends[1]:
        return np.arange(ends[1])
    if part in WRITERS and ends == sides.latents:
        return np.array(sides.kept)
    return _seen(ends, _width(path, sides), sides) if part in READERS and axis == 0 and len(target) > 1 else None


def _width(path: str, sides: Sides) -> int:
    """How many numbers of each latent (of all groups) a network sees, after whatever else it sees."""
    part, *rest = path.split("/")
    if part == "decoder":
        return sides.groups * sides.unit
    group = rest[0].removeprefix("group_") if sides.groups > 1 else "0"
    return int(group)


def _seen(ends: tuple[int, int], width: int, sides: Sides) -> np.ndarray | None:
    """Along what a network sees: x, the context, latents. What is new of a context comes after what was there."""
    before = [end - num * width for end, num in zip(ends, sides.latents, strict=True)]
    enough = all(num >= context for num, context in zip(before, sides.context, strict=True))
    if not enough or before[1] - before[0] != sides.context[1] - sides.context[0]:
        return None
    first = np.where(np.arange(before[1]) < before[0], np.arange(before[1]), NEW)
    kept = np.repeat(np.array(sides.kept, int), width)
    place = before[0] + kept * width + np.tile(np.arange(width), len(sides.kept))
    return np.concatenate([first, np.where(kept == NEW, NEW, place)])


class Colours(NamedTuple):
    """An array `[rows, channel, rest]` of a source, as that of a target with another number of channels."""

    rows: int
    channels: tuple[int, int]
    summed: bool


def colours_of(path: str, source: Shape, target: Shape, sides: Sides) -> Colours | None:
    """Where the channels of images lie in an array, if they alone make it another; `None` if that is not so.

    Channels lie last along what an encoder sees and along what a decoder makes, in `nets.mlp` and in `nets.conv` and
    `nets.deconv`.
    """
    part, images = path.split("/")[0], [_image(shape) for shape in sides.data_shapes]
    if images[0] is None or images[1] is None or images[0][:2] != images[1][:2] or images[0] == images[1]:
        return None
    (*size, before), after = images[0], images[1][2]
    if part == "encoder" and len(source) == len(target) and sides.context == (0, 0):
        pixels = math.prod(size)
        if (source[0], target[0]) == (pixels * before, pixels * after) and source[1:] == target[1:]:
            return Colours(pixels, (before, after), True)  # of a dense layer
        if len(source) == 4 and source[2:3] + target[2:3] == (before, after) and _but(source, 2) == _but(target, 2):
            return Colours(math.prod(source[:2]), (before, after), True)
    if part in ("decoder", "likelihood"):
        rows = math.prod(source) // before
        dense = source[-len(sides.data_shapes[0]) :] == sides.data_shapes[0]
        dense = dense and target[-len(sides.data_shapes[1]) :] == sides.data_shapes[1]
        convolution = source[:-1] == target[:-1] and source[-1] % before == 0
        if rows * before == math.prod(source) and rows * after == math.prod(target) and (dense or convolution):
            return Colours(rows, (before, after), False)
    return None


def _image(shape: Shape) -> tuple[int, int, int] | None:
    """[height, width, channels]."""
    if len(shape) not in (2, 3):
        return None
    height, width, channels = (*shape, 1)[:3]
    return height, width, channels


def _but(shape: Sequence[int], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])
