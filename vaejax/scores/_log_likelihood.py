from vaejax.types import Number

from ._types import Score, of_draws

NEEDS = "log q(z|x) that is finite along draws of it; a posterior of points has none: use elbo or reconstruction"


def log_likelihood(num_samples: Number = 64) -> Score:
    """-log 1/K sum_k p(x, z_k) / q(z_k|x), z_k ~ q(z|x): importance-weighted, nats.

    An upper bound on -log p(x) in expectation (Burda et al. 2016, arXiv:1509.00519), whose bias falls with
    `num_samples` and is largest where q fits worst, as it does anomalies: a part of it is the encoder's surprise.
    Cost: that many decodings, rounded up to 16. Raises: VaejaxError where `num_samples` is below 1.

    >>> import jax, jax.numpy as jnp, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> vj.scores.scored(jax.random.key(1), model, params, log_likelihood(), (), jnp.zeros((5, 4))).shape
    (5,)
    """
    return of_draws("log_likelihood", num_samples, lambda found: -found.log_likelihood, NEEDS)
