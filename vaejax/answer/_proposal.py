"""From a look to the latent sizes that are worth a grid."""

import math
from typing import NamedTuple

from vaejax.answer._look import Look

PARTS = (0.25, 0.5, 0.75, 1.0, 1.5)  # of the number of active units


class Proposal(NamedTuple):
    """Latent sizes, the smallest first. too_narrow: all latents of the widest were in use, so it may be too small."""

    sizes: tuple[int, ...]
    reason: str
    too_narrow: bool


def propose(look: Look) -> Proposal:
    """1/4, 1/2, 3/4, 1 and 3/2 of A, rounded, and D, all from 1 to the widest: A active units, D the data's dimension.

    A is the number of latents that a model with more than enough uses (the larger by covariance and by rate), so that
    the answer is hardly above it; well below, where most of the rate is in few latents. D (of `two_nn`) joins them only
    where it is larger than all of them: then the look may have ended before the model had found its latents.

    >>> look = Look(None, None, 0, 32, 10, 8, 8, (2.0,) * 8 + (0.0,) * 24)
    >>> propose(look).sizes
    (2, 4, 6, 8, 12)
    """
    active = look.active
    sizes = {_rounded(part * max(active, 1)) for part in PARTS}
    dimension = look.two_nn.value if look.two_nn is not None else 0.0
    beyond = math.ceil(dimension) > max(sizes)
    if beyond:
        sizes.add(math.ceil(dimension))
    kept = tuple(sorted({min(size, look.widest) for size in sizes}))
    too_narrow = active == look.widest
    return Proposal(kept, _reason(look, kept, beyond, too_narrow), too_narrow)


def _rounded(value: float) -> int:
    """To the nearest whole number, at least 1, halves upwards."""
    return max(1, math.floor(value + 0.5))


def _reason(look: Look, sizes: tuple[int, ...], beyond: bool, too_narrow: bool) -> str:
    tried = f"sizes {', '.join(map(str, sizes))}" if len(sizes) > 1 else f"size {sizes[0]}"
    epochs = f"{look.epochs} epoch{'s' * (look.epochs > 1)}"
    if too_narrow:
        text = (
            f"All {look.widest} latents of the widest model are active after {epochs}, so the answer may be larger: "
            f"give a wider one, like {2 * look.widest}. Up to there, tried are {tried}"
        )
    elif not look.active:
        text = f"None of {look.widest} latents is active after {epochs}: q(z|x) is the prior. Tried are {tried}"
    else:
        text = f"{look.active} of {look.widest} latents are active after {epochs}: tried are {tried}"
    if beyond and look.two_nn is not None:
        text += f", up to the dimension of the data, {look.two_nn.value:.1f} ± {look.two_nn.se:.1f}"
    return f"{text}."
