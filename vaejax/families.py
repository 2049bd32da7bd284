"""What every `Family` is made with: supports, and the lifting of entrywise densities."""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from vaejax.errors import VaejaxError
from vaejax.types import Event, Family, Key, Params, Parts, Shape, Stats, Support

REALS = Support(None, -float("inf"), float("inf"))
UNIT_INTERVAL = Support(None, 0.0, 1.0)
COUNTS = Support(float("inf"), 0.0, float("inf"))
ONE_HOT = Support(2, 0.0, 1.0, "one-hot vectors")
SPHERE = Support(None, -1.0, 1.0, "the unit sphere")


def levels_of(num_levels: int) -> Support:
    """The n values 0, 1/(n-1), ..., 1.

    >>> str(levels_of(17))
    'the 17 levels 0, 1/16, ..., 1'
    """
    return Support(num_levels, 0.0, 1.0)


def no_params(*_: Any) -> Params:
    """`Family.init` of a family that learns nothing of its own."""
    return ()


def factorised(
    name: str,
    num_stats: int,
    sample: Callable[[Key, Params, Stats], Event],
    log_prob: Callable[[Params, Stats, Event], Parts],
    mean: Callable[[Params, Stats], Event],
    *,
    support: Support = REALS,
    init: Callable[..., Params] = no_params,
    unit_shape: Shape = (),
) -> Family:
    """A `Family` whose entries are independent given `stats`: one part per entry, so any entry can be masked."""

    def draw(key: Key, params: Params, stats: Stats) -> tuple[Event, Parts]:
        event = sample(key, params, stats)
        return event, log_prob(params, stats, event)

    return masked_by_parts(Family(name, num_stats, init, draw, log_prob, mean, support, None, unit_shape))


def known_mean(family: Family) -> Callable[[Params, Stats], Event]:
    """Its mean. Raises: VaejaxError where none is known."""
    if family.mean is None:
        raise VaejaxError(
            f"the mean of {family.name} is not known: it can be a prior, and neither posterior nor likelihood"
        )
    return family.mean


def narrowed(family: Family, active: Array) -> Family:
    """The family on the entries in use. Raises: VaejaxError where it cannot be narrowed."""
    if family.masked is None:
        raise VaejaxError(f"{family.name} cannot be narrowed by a mask: pass latent_size without max_latent_size")
    return family.masked(active)


def keep(parts: Parts, active: Array) -> Parts:
    """The parts in use. Refuses by shape what has not one part per latent and so does not factorise."""
    if parts.shape == active.shape[:1] and active.size:
        active = one_per_latent(active)
    if parts.shape != active.shape:
        raise VaejaxError(
            f"latents that do not factorise cannot be masked: expected one part for each of {active.shape} latents, "
            f"got parts of shape {parts.shape}; give the family a `masked` of its own, or drop max_latent_size"
        )
    return jnp.where(active != 0, parts, 0.0)  # 0 times the log of a mass of zero would be NaN


def one_per_latent(active: Array) -> Array:
    """`[latent]` of `[latent, *unit_shape]`: the numbers of a latent are in use together.

    >>> one_per_latent(jnp.array([[1.0, 1.0], [0.0, 0.0]])).tolist()
    [1.0, 0.0]
    """
    return active.reshape(len(active), -1)[:, 0]


def per_latent(entries: Array, unit_shape: Shape) -> Parts:
    """The sum of a term of each number over the numbers of a latent.

    >>> per_latent(jnp.ones((3, 8)), (8,)).tolist(), per_latent(jnp.ones(3), ()).tolist()
    ([8.0, 8.0, 8.0], [1.0, 1.0, 1.0])
    """
    return jnp.sum(entries, axis=tuple(range(-len(unit_shape), 0)))


def in_use(active: Array | None) -> Callable[[Array], Array]:
    """What makes entries `[latent, ...]` zero for latents out of use; `None` is all in use.

    >>> in_use(jnp.array([1.0, 0.0]))(jnp.ones((2, 3))).tolist()
    [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    """
    if active is None:
        return lambda entries: entries
    return lambda entries: entries * active.reshape(-1, *[1] * (entries.ndim - 1))


def both(active: Array | None, more: Array) -> Array:
    """One mask, if there is one, and another."""
    return more if active is None else active * more


def on_vectors(family: Family) -> Family:
    """A family written for events [n], on events of any shape."""

    def flat(a: Array) -> Array:
        return a.reshape(a.shape[0], math.prod(a.shape[1:]))

    def sample(key: Key, params: Params, stats: Stats) -> tuple[Event, Parts]:
        event, log_prob = family.sample(key, params, flat(stats))
        return event.reshape(stats.shape[1:]), log_prob

    mean = family.mean
    return family._replace(
        init=lambda key, shape: family.init(key, (math.prod(shape),)),
        sample=sample,
        log_prob=lambda params, stats, event: family.log_prob(params, flat(stats), jnp.ravel(event)),
        mean=mean and (lambda params, stats: mean(params, flat(stats)).reshape(stats.shape[1:])),
    )


def masked_by_parts(family: Family) -> Family:
    """`family` with a `masked` that multiplies events and log densities, one entry per part."""
    mean = known_mean(family)

    def masked(active: Array) -> Family:
        def sample(key: Key, params: Params, stats: Stats) -> tuple[Event, Parts]:
            event, log_prob = family.sample(key, params, stats)
            return event * active, keep(log_prob, active)

        def log_prob(params: Params, stats: Stats, event: Event) -> Parts:
            return keep(family.log_prob(params, stats, event * active), active)

        def mean_in_use(params: Params, stats: Stats) -> Event:
            return mean(params, stats) * active

        return family._replace(
            sample=sample, log_prob=log_prob, mean=mean_in_use, masked=lambda more: masked(active * more)
        )

    return family._replace(masked=masked)
