"""Numbers over time, for beta, a capacity or a learning rate: functions of the step, constant after their end.

Starts, ends and lengths may be traced, so they may be axes of a grid; a length is in steps. optax's own schedules
decide by `if` on their lengths, so a grid compiles one program for each.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jaxtyping import Array

from vaejax.numerics import require_number
from vaejax.types import Number

if TYPE_CHECKING:
    from optax import Schedule
else:
    Schedule = Any  # a function of the step; optax is not needed to make one


def linear(start: Number, end: Number, num_steps: Number) -> Schedule:
    """start + (end - start) t / num_steps up to t = num_steps, then `end`; with 0 steps it is `end` throughout.

    Of the weight of the KL term: Bowman et al. (2016), arXiv:1511.06349; Sonderby et al. (2016), arXiv:1602.02282.
    Raises: VaejaxError where a number is known and not finite, or a length is negative.

    >>> beta = linear(0.0, 4.0, 1000)
    >>> float(beta(0)), float(beta(250)), float(beta(5000))
    (0.0, 1.0, 4.0)
    """
    return _ramp(lambda part: part, start, end, num_steps)


def cosine(start: Number, end: Number, num_steps: Number) -> Schedule:
    """start + (end - start) (1 - cos(pi t / num_steps)) / 2 up to t = num_steps, then `end`: level at both ends.

    From 0 to a peak it is a warm-up, from a peak to 0 the decay of Loshchilov and Hutter (2017), arXiv:1608.03983.
    Raises: as `linear`.

    >>> rate = cosine(0.5, 0.0, 100)
    >>> float(rate(0)), round(float(rate(50)), 4), float(rate(100))
    (0.5, 0.25, 0.0)
    """
    return _ramp(lambda part: (1 - jnp.cos(jnp.pi * part)) / 2, start, end, num_steps)


def cyclical(
    start: Number,
    end: Number,
    num_steps: Number,
    num_cycles: Number = 4,
    proportion: Number = 0.5,
    ramp: Callable[[Number, Number, Number], Schedule] = linear,
) -> Schedule:
    """`num_cycles` times in `num_steps`: from `start` to `end` in that proportion of a cycle, then at `end`.

    Fu et al. (2019), arXiv:1903.10145, whose cycles are whole numbers of steps; these are num_steps / num_cycles.
    ramp: `linear` or `cosine`. Raises: as `linear`, and where the proportion is known and not in [0, 1].

    >>> beta = cyclical(0.0, 1.0, num_steps=400)
    >>> [float(beta(step)) for step in (0, 25, 50, 99, 100, 125, 400)]
    [0.0, 0.5, 1.0, 1.0, 0.0, 0.5, 1.0]
    """
    require_number("the length of a schedule", num_steps, least=0.0)
    require_number("num_cycles", num_cycles, least=1.0)
    require_number("the proportion of a cycle", proportion, least=0.0, most=1.0)
    within = ramp(start, end, proportion * num_steps)

    def value(step: Any) -> Array:
        step, length = jnp.asarray(step, float), jnp.asarray(num_steps, float)
        turned = jnp.mod(step * num_cycles, jnp.where(length > 0, length, 1.0))  # exact where all are whole
        return jnp.where(step < length, within(turned), end)

    return value


def warmup_cosine(peak: Number, warm_up: Number, num_steps: Number) -> Schedule:
    """Linear from 0 to `peak` in `warm_up` steps, then along a cosine back to 0 at t = num_steps: a learning rate.

    Raises: as `linear`, and where `warm_up` is known to be longer than `num_steps`.

    >>> rate = warmup_cosine(1e-3, 10, 100)
    >>> [round(float(rate(step)), 6) for step in (0, 5, 10, 55, 100)]
    [0.0, 0.0005, 0.001, 0.0005, 0.0]
    """
    rise, fall = linear(0.0, peak, warm_up), cosine(peak, 0.0, num_steps - warm_up)

    def value(step: Any) -> Array:
        return jnp.where(step < warm_up, rise(step), fall(step - warm_up))

    return value


def scaled(peak: Number, schedule: Schedule) -> Schedule:
    """peak * schedule(step): a peak that is mapped, times any schedule of unit peak, optax's too.

    >>> import optax
    >>> halved = scaled(0.5, optax.cosine_decay_schedule(1.0, decay_steps=100))
    >>> float(halved(0)), float(halved(100))
    (0.5, 0.0)
    """
    require_number("the peak of a schedule", peak, least=0.0)

    def value(step: Any) -> Any:
        return peak * schedule(step)

    return value


def _ramp(shape: Callable[[Array], Array], start: Number, end: Number, num_steps: Number) -> Schedule:
    """From `start` to `end` along `shape`, which rises from 0 to 1 on [0, 1]."""
    require_number("the start of a schedule", start)
    require_number("the end of a schedule", end)
    require_number("the length of a schedule", num_steps, least=0.0)

    def value(step: Any) -> Array:
        length = jnp.asarray(num_steps, float)
        part = jnp.clip(jnp.asarray(step, float) / jnp.where(length > 0, length, 1.0), 0.0, 1.0)
        risen = shape(jnp.where(length > 0, part, 1.0))
        return (1 - risen) * start + risen * end  # exact at both ends

    return value
