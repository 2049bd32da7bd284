"""A cheap first look: the dimension of the data, and how many latents one wide model uses."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.data import Data
from vaejax.errors import VaejaxError
from vaejax.grid import Member, Result, extract
from vaejax.metrics import active_units, active_units_by_rate, maximum_likelihood_dimension, two_nn
from vaejax.types import Example, Latent, Parts

ROWS = 2000  # of the data: distances between all of them are looked at
CARRIED = 0.95  # of the rate: while a model is trained, latents that go idle keep a little
NEIGHBOURS = 20  # of a row, for the likelihood


class Estimate(NamedTuple):
    """A number and its standard error."""

    value: float
    se: float


class Look(NamedTuple):
    """What is known before a grid is trained.

    two_nn, maximum_likelihood: intrinsic dimensions of the data, from `num_rows` of them; `None` of what cannot tell,
        as where values are missing. Both are too low in high dimensions, and too high where the data are noisy.
    widest: latents of the one model that was trained, at beta 1, for `epochs`.
    active_units, active_units_by_rate: how many it uses, by the covariance of the means and by the rate; the second is
        `None` where the rate has not one part for each latent.
    rates: of each latent, nats, the largest first; empty where it has not one part for each.
    """

    two_nn: Estimate | None
    maximum_likelihood: Estimate | None
    num_rows: int
    widest: int
    epochs: int
    active_units: int
    active_units_by_rate: int | None
    rates: tuple[float, ...]

    @property
    def carrying(self) -> int:
        """How many latents carry 95% of the rate, of those that are active by either count."""
        active = max(self.active_units, self.active_units_by_rate or 0)
        if not self.rates:
            return active
        return min(active, int(np.searchsorted(np.cumsum(self.rates), CARRIED * sum(self.rates))) + 1)


def look_at(data: Data, wide: Result) -> Look:
    """The look that a trained wide model gives: a sweep of one member, with all its latents in use.

    Dimensions are those of the data as they are kept (`Data.view` may draw at random), or of pictures where they are
    rendered, of the first 2,000 for training; units are counted on as many of validation.
    Raises: VaejaxError where the model diverged.
    """
    if str(wide.dataset["status"].values.squeeze()) != "ok":
        raise VaejaxError("the wide model of the first look diverged: lower the learning rate, or clip the gradient")
    points = _points(data)
    means, rates = _codes(extract(wide), data)
    told = np.sort(rates.mean(0))[::-1] if rates.shape[1:] == means.shape[1:2] else None
    return Look(
        two_nn=_two_nn(points),
        maximum_likelihood=_maximum_likelihood(points),
        num_rows=len(points),
        widest=means.shape[1],
        epochs=int(wide.dataset.attrs["epochs"]),
        active_units=int(active_units(jnp.asarray(means))),
        active_units_by_rate=None if told is None else int(active_units_by_rate(jnp.asarray(rates))),
        rates=() if told is None else tuple(told.tolist()),
    )


def _points(data: Data) -> np.ndarray:
    """Rows of numbers, none where some were not observed."""
    raw = jax.tree.map(lambda leaf: np.asarray(leaf[:ROWS]), data.raw("train"))
    if raw.observed is not None:
        return np.zeros((0, 1), np.float32)
    return np.asarray(_seen(data, raw).x if data.is_rendered else raw.x, np.float32).reshape(len(raw.x), -1)


def _two_nn(points: np.ndarray) -> Estimate | None:
    if len(points) < 3:
        return None
    found = jax.jit(two_nn)(jnp.asarray(points))
    return _estimate(found.dimension, found.standard_error)


def _maximum_likelihood(points: np.ndarray) -> Estimate | None:
    if len(points) <= NEIGHBOURS:
        return None
    found = jax.jit(lambda points: maximum_likelihood_dimension(points, NEIGHBOURS))(jnp.asarray(points))
    return _estimate(found.dimension, found.standard_error)


def _estimate(value: Any, se: Any) -> Estimate | None:
    """`None` where all rows are copies of one."""
    return Estimate(float(value), float(se)) if np.isfinite(value) and value > 0 else None


def _codes(member: Member, data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Means of q(z|x) and parts of the rate, `[example, ...]`."""
    raw = jax.tree.map(lambda leaf: np.asarray(leaf[:ROWS]), data.raw("validation"))

    def one(key: jax.Array, example: Example) -> tuple[Latent, Parts]:
        return member.model.encode(member.params, example), member.model.sample(key, member.params, example).rate

    def every(keys: jax.Array, batch: Example) -> tuple[Latent, Parts]:
        return jax.vmap(one)(keys, batch)

    means, rates = jax.jit(every)(jax.random.split(jax.random.key(1), len(raw.x)), _seen(data, raw))
    return np.asarray(means), np.asarray(rates)


def _seen(data: Data, raw: Example) -> Example:
    """Examples as the model sees them, drawn with a fixed key."""
    return jax.jit(jax.vmap(data.example))(jax.random.split(jax.random.key(0), len(raw.x)), raw)
