import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Integer, UInt8

from vaejax.numerics import require_count

from ._factors import FactorSpace

SHAPES = FactorSpace(("shape", "scale", "orientation", "x_position", "y_position"), (3, 6, 40, 32, 32))
SIDE = 64.0  # of the frame, the unit of every length here
FIRST = 16.5  # the centre at position 0; the next is one further
RADIUS = 15.75  # of the circle round the centre that holds the shapes of the largest scale
TURNS = 2 * np.pi * np.arange(SHAPES.sizes[2]) / SHAPES.sizes[2]
SCALE, COS, SIN = np.linspace(0.5, 1.0, SHAPES.sizes[1]), np.cos(TURNS), np.sin(TURNS)
HALF = 1 / math.sqrt(2)  # of the side of a square in a circle of radius 1
FLAT = 0.5  # the small half axis of an ellipse whose large one is 1
OFF = (math.pi / 2 + 2 / 3) / (4 + math.pi)  # of a heart of arcs of radius 1, along either arc: its centre of mass
ARC = 1 / (math.sqrt(2) * (1 + OFF))  # the radius of the arcs of a heart whose tip is 1 away from its centre of mass


def render(factors: Integer[Array, "5"], size: int = 64) -> UInt8[Array, "size size"]:
    """One picture of a white shape on black, 0 or 1, from its factors: shape, scale, orientation, x and y position.

    The factor space is that of dSprites (`SHAPES`; Matthey, Higgins, Hassabis and Lerchner, 2017), the drawing ours:
    a pixel is 1 where its centre lies in the shape, in a frame of 64 x 64 whatever `size` is. Shapes: a square, an
    ellipse of half axes 2 : 1, a heart (a square on its corner with half a disc on each of the upper sides). Scale
    0.5, 0.6, ..., 1: no shape is further than 15.75 from its centre of mass, which is where the position says,
    (16.5 + x, 16.5 + y) from the upper left; so none leaves the frame. Orientation k turns by 2 pi k/40 against the
    clock: the square is the same after 10 steps and the ellipse after 20, so different factors may be one picture
    (dSprites turns by 2 pi k/39, so that its first and last are one angle). At size 64 430,080 of the 737,280 pictures
    differ, and no centre of a pixel is nearer than 4e-4 to an edge: rounding changes none, on any device.

    Pure, for `jit` and `vmap`; factors out of range are taken as the nearest.

    >>> picture = render(jnp.array([0, 5, 0, 0, 31]))
    >>> picture.shape, int(picture.sum()), int(jnp.argmax(picture.any(0))), int(jnp.argmax(picture.any(1)))
    ((64, 64), 529, 5, 36)
    """
    size = require_count("the size of a picture", size)
    shape, scale, turn, x, y = (jnp.clip(factors[i].astype(int), 0, n - 1) for i, n in enumerate(SHAPES.sizes))
    centres = (jnp.arange(size) + 0.5) * (SIDE / size)
    unit = 1 / (RADIUS * jnp.asarray(SCALE, float)[scale])
    right, up = (centres - (FIRST + x))[None, :], ((FIRST + y) - centres)[:, None]
    cos, sin = jnp.asarray(COS, float)[turn], jnp.asarray(SIN, float)[turn]
    u = unit * (cos * right + sin * up)  # in the shape's own frame: its right, and its up
    v = unit * (cos * up - sin * right)
    return _inside(shape, u, v).astype(jnp.uint8)


def _inside(shape: Array, u: Array, v: Array) -> Array:
    """Whether a point is in the shape whose furthest point is 1 away from its centre of mass."""
    square = jnp.maximum(jnp.abs(u), jnp.abs(v)) <= HALF
    ellipse = u**2 + (v / FLAT) ** 2 <= 1
    a, b = ((v + u) * HALF / ARC + OFF, (v - u) * HALF / ARC + OFF)  # along the sides of the heart's square
    sides = jnp.maximum(jnp.abs(a), jnp.abs(b)) <= 1
    arcs = ((a - 1) ** 2 + b**2 <= 1) | (a**2 + (b - 1) ** 2 <= 1)
    return jnp.where(shape == 0, square, jnp.where(shape == 1, ellipse, sides | arcs))
