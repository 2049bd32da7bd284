"""The codes of examples."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.errors import VaejaxError
from vaejax.types import VAE, Example, Params

from ._mapped import by_rows
from ._types import Members


def codes_of(model: VAE, params: Params, examples: Example) -> Float[Array, "num size"]:
    """The mean of q(z|x) of each example, in a row; zero for latents out of use."""
    found = by_rows(lambda example: model.encode(params, example), examples)
    return found.reshape(len(found), -1)


def one_number_codes_of(model: VAE, params: Params, examples: Example) -> Float[Array, "num latent"]:
    """`codes_of`, a number for each latent. Raises: VaejaxError where a latent is several."""
    if len(model.active().shape) != 1:
        raise VaejaxError("each latent is several numbers, and this looks at latents that are one")
    return codes_of(model, params, examples)


def require_density(members: Members) -> None:
    """Raises: VaejaxError where codes are points, by a draw of the first member."""
    first, example = (jax.tree.map(lambda leaf: leaf[0], tree) for tree in (members.params, members.held.test))
    model = members.program.trainers[0].model
    log_q = jax.jit(lambda key, params: model.sample(key, params, example).log_q)(members.held.keys[0], first)
    if bool(jnp.isposinf(log_q).any()):
        raise VaejaxError("codes are points, which have no density, so that no importance weight is finite")
