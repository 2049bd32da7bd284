from vaejax.types import Number

from ._types import Score, of_draws


def elbo(num_samples: Number = 16) -> Score:
    """-(E_q log p(x|z) - KL(q(z|x) || p(z))), distortion and rate at beta 1 whatever was trained, nats.

    The mean of `num_samples` draws, unbiased. The first term alone is `reconstruction`, the second `rate`. A
    density may be high where data never are (Nalisnick et al. 2019, arXiv:1810.09136: simple images score as normal
    under models of complicated ones): see `typicality`, `regret`.
    With a posterior of points it is the loss of a regularised autoencoder and no bound.
    Cost: that many decodings, rounded up to 16. Raises: VaejaxError where `num_samples` is below 1.

    >>> import jax, jax.numpy as jnp, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> vj.scores.scored(jax.random.key(1), model, params, elbo(), (), jnp.zeros((5, 4))).shape
    (5,)
    """
    return of_draws("elbo", num_samples, lambda found: -found.elbo, "a distortion and a rate that are finite")
