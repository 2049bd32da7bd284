import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vaejax.errors import VaejaxError
from vaejax.metrics._counting import mean_where, varies
from vaejax.metrics._mutual_information import information_of, joint_counts
from vaejax.types import Scalar


def modularity(
    codes: Float[Array, "num latent"],
    factors: Int[Array, "num factor"],
    num_values: int | None = None,
    num_bins: int = 20,
) -> Scalar:
    """1/L sum_l 1 - sum_{f not best} I(z_l; f)^2 / (I(z_l; f_best)^2 (F - 1)): whether a latent knows one factor.

    From 0 to 1, of the L latents that vary; 0 where none does. Ridgeway and Mozer (2018), arXiv:1802.05312, with the
    information of `mutual_information_matrix`. Nothing is asked of the factors: one that no latent knows costs nothing,
    and codes that hold each factor twice score 1. Bias: a latent of noise counts as another, and as its information on
    all factors is chance, it scores anything. Locatello et al. (2019), arXiv:1811.12359, give a latent without any
    information 0 and count it; here it is left out where it is constant, and is 0 else.
    Raises: VaejaxError of fewer than two factors, of which any latent knows one.

    >>> factors = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> modularity(jnp.tile(factors, 2).astype(float), factors).item()
    1.0
    """
    num_factors = factors.shape[1]
    if num_factors < 2:
        raise VaejaxError(f"modularity needs two factors or more, got {num_factors}: any latent knows only one")
    squares = jnp.square(information_of(joint_counts(codes, factors, num_values, num_bins)))
    best = jnp.max(squares, axis=1)
    others = (jnp.sum(squares, axis=1) - best) / (num_factors - 1)
    by_latent = jnp.where(best > 0, 1 - others / jnp.where(best > 0, best, 1.0), 0.0)
    return mean_where(by_latent, varies(codes))
