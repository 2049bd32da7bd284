"""The contract: an imputer draws the latents of an incomplete example; all that is asked of it follows from those.

Given z the entries of x are independent of each other, so p(x_mis|x_obs) is p(x_mis|z) averaged over p(z|x_obs): means
come from means of p(x|z), which has less noise than draws of x, and completions from draws. Latents are small, so that
memory hardly knows how many there are.
"""

from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Array, Float, Shaped

from vaejax.types import VAE, Example, Key, Params, Scalar


class Latents(NamedTuple):
    """Draws z of p(z|x_obs) of one example.

    log_weights: what each counts, up to a constant. ess: how many independent draws of equal weight they are worth, as
    far as the draws can tell.
    """

    z: Shaped[Array, "num *latent"]
    log_weights: Float[Array, " num"]
    ess: Scalar


class Imputer(NamedTuple):
    """A way to draw the latents of one example of which `Example.observed` says what was seen; `None` is everything."""

    name: str
    latents: Callable[[Key, VAE, Params, Example], Latents]
