"""From a look to the latent sizes that are worth a grid."""

import math
from typing import NamedTuple

from vaejax.answer._look import Look

PARTS = (0.25, 0.5, 0.75, 1.0, 1.5)  # of the number of latents that carry the rate


class Proposal(NamedTuple):
    """Latent sizes, the smallest first. too_narrow: they would go beyond the widest, which cuts them off."""

    sizes: tuple[int, ...]
    reason: str
    too_narrow: bool


def propose(look: Look) -> Proposal:
    """1/4, 1/2, 3/4, 1 and 3/2 of A, rounded, and D, all from 1 to the widest.

    A is the number of latents that carry 95% of the rate of a model with more than enough (`Look.carrying`): the answer
    is hardly above it, and well below where few latents carry most. Active units are told beside it: a look is short,
    and a latent that is going idle counts as active to the last. D, the dimension of the data by `two_nn`, joins them
    only where it is larger than all of them: then the look may have ended before the model had found its latents.

    >>> look = Look(None, None, 0, 32, 10, 9, 9, (2.0,) * 8 + (0.1,) + (0.0,) * 23)
    >>> propose(look).sizes
    (2, 4, 6, 8, 12)
    """
    carrying = look.carrying
    sizes = {_rounded(part * max(carrying, 1)) for part in PARTS}
    too_narrow = max(sizes) > look.widest
    dimension = look.two_nn.value if look.two_nn is not None else 0.0
    beyond = math.ceil(dimension) > max(sizes)
    if beyond:
        sizes.add(math.ceil(dimension))
    kept = tuple(sorted({min(size, look.widest) for size in sizes}))
    return Proposal(kept, _reason(look, kept, beyond, too_narrow), too_narrow)


def _rounded(value: float) -> int:
    """To the nearest whole number, at least 1, halves upwards."""
    return max(1, math.floor(value + 0.5))


def _reason(look: Look, sizes: tuple[int, ...], beyond: bool, too_narrow: bool) -> str:
    tried = f"sizes {', '.join(map(str, sizes))}" if len(sizes) > 1 else f"size {sizes[0]}"
    num, epochs = look.carrying, f"{look.epochs} epoch{'s' * (look.epochs > 1)}"
    if not num:
        text = f"None of {look.widest} latents is active after {epochs}: q(z|x) is the prior. Tried are {tried}"
    elif look.rates:
        text = f"{num} of {look.widest} latents carry 95% of the rate after {epochs}: tried are {tried}"
    else:
        text = f"{num} of {look.widest} latents are active after {epochs}: tried are {tried}"
    if beyond and look.two_nn is not None and look.two_nn.value <= look.widest:
        text += f", up to the dimension of the data, {look.two_nn.value:.1f} ± {look.two_nn.se:.1f}"
    if too_narrow:
        text += f". The range would go beyond {look.widest}: where the answer is near it, give a wider one"
    return f"{text}."
