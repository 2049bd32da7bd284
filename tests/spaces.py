"""The space of a family's events as nodes and weights: integrals over it are sums, whatever kind of space it is."""

import itertools
from typing import NamedTuple

import numpy as np

from vaejax.families import ONE_HOT, REALS, SPHERE
from vaejax.types import Family, Support

MOST_COUNTS = 1000  # beyond them the mass that is left in these tests is below 1e-30


class Space(NamedTuple):
    """events: `[node, latent, *unit_shape]`. weights: `[node]`."""

    events: np.ndarray
    weights: np.ndarray


def fewest(family: Family) -> int:
    """Latents of the smallest event there is."""
    return 2 if family.support == SPHERE else 1


def shape_of(family: Family, num: int) -> tuple[int, ...]:
    """Of an event of so many latents."""
    return (num, *family.unit_shape)


def smallest(family: Family, middle: float) -> Space:
    """The events of the fewest latents; a density on the reals may have a kink at `middle`."""
    if family.support == SPHERE:
        return circle()
    if family.support == ONE_HOT:
        return Space(np.eye(family.unit_shape[0])[:, None], np.ones(family.unit_shape[0]))
    nodes, weights = line(family.support, middle)
    return Space(nodes[:, None], weights)


def larger(family: Family) -> Space:
    """The events of one latent more."""
    if family.support == SPHERE:
        return ball_surface()
    if family.support == REALS:
        nodes, weights = half_lines(0.0, 110, 2.0)
        return product(Space(nodes[:, None], weights))
    return product(smallest(family, 0.0))


def product(one: Space) -> Space:
    """Pairs of events of one latent."""
    pairs = list(itertools.product(range(len(one.events)), repeat=2))
    return Space(
        np.array([np.concatenate([one.events[i], one.events[j]]) for i, j in pairs]),
        np.array([one.weights[i] * one.weights[j] for i, j in pairs]),
    )


def circle() -> Space:
    """400 points at equal angles, the sum of a periodic function that is exact far beyond these densities."""
    angles = (np.arange(400) + 0.5) / 400 * 2 * np.pi - np.pi
    return Space(np.stack([np.cos(angles), np.sin(angles)], 1), np.full(400, 2 * np.pi / 400))


def ball_surface() -> Space:
    """The sphere in three dimensions: Gauss and Legendre's heights by equal angles."""
    heights, weights = np.polynomial.legendre.leggauss(60)
    angles = (np.arange(120) + 0.5) / 120 * 2 * np.pi
    across = np.sqrt(1 - heights**2)[:, None]
    x, y = across * np.cos(angles), across * np.sin(angles)
    events = np.stack([x, y, np.broadcast_to(heights[:, None], x.shape)], -1).reshape(-1, 3)
    return Space(events, np.repeat(weights, 120) * 2 * np.pi / 120)


def coordinate(family: Family, events: np.ndarray) -> np.ndarray:
    """A number for each smallest event, by which they sort."""
    events = np.asarray(events)
    if family.support == SPHERE:
        return np.arctan2(events[:, 1], events[:, 0])
    return np.argmax(events[:, 0], -1).astype(float) if family.support == ONE_HOT else events[:, 0]


def line(support: Support, middle: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on the values of one number: exact for masses, to 1e-10 and better for these densities."""
    low, high, step = support.low, support.high, support.step
    if step:
        num = round((min(high, MOST_COUNTS) - low) / step) + 1
        return np.linspace(low, min(high, MOST_COUNTS), num), np.ones(num)
    if np.isfinite(low):
        nodes, weights = np.polynomial.legendre.leggauss(60)
        return (nodes + 1) / 2, weights / 2
    return half_lines(middle)


def half_lines(middle: float, num: int = 1500, end: float = 3.45) -> tuple[np.ndarray, np.ndarray]:
    """On the reals, x = middle +- exp(pi/2 sinh t): tails may be heavy, and a density may have a kink at its middle."""
    t, step = np.linspace(-3.65, end, num, retstep=True)
    away = np.exp(np.pi / 2 * np.sinh(t))
    weights = away * np.pi / 2 * np.cosh(t) * step
    return np.concatenate([middle - away[::-1], middle + away]), np.concatenate([weights[::-1], weights])
