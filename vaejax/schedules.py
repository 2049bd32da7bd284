"""Numbers over time. Their peaks and lengths may be traced, so they may be axes of a grid."""

from typing import Any

import optax

from vaejax.numerics import require_number
from vaejax.types import Number


def scaled(peak: Number, schedule: optax.Schedule) -> optax.Schedule:
    """peak * schedule(step): a learning rate that is mapped, times a schedule of unit peak that is not.

    >>> halved = scaled(0.5, optax.cosine_decay_schedule(1.0, decay_steps=100))
    >>> float(halved(0)), float(halved(100))
    (0.5, 0.0)
    """
    require_number("the peak of a schedule", peak, least=0.0)

    def value(step: Any) -> Any:
        return peak * schedule(step)

    return value
