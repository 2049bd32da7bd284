"""What every recipe ends with."""

from typing import TYPE_CHECKING, Any

from vaejax.train import by_name, trainer
from vaejax.types import VAE, Number, Objective, Trainer

if TYPE_CHECKING:
    from optax import GradientTransformation
else:
    GradientTransformation = Any  # optax is imported when an optimizer is first used


def taught(
    model: VAE,
    objective: Objective,
    optimizer: GradientTransformation | None,
    learning_rate: Number,
    /,
    **named: GradientTransformation,
) -> Trainer:
    """A trainer with Adam at the rate of the paper where no optimizer was given; `named` parameters have their own."""
    import optax

    rest = optimizer or optax.adam(learning_rate)
    return trainer(model, objective, by_name(rest, **named) if named else rest)
