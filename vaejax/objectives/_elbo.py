from vaejax.numerics import require_number
from vaejax.objectives._traded import traded
from vaejax.types import Number, Objective


def elbo(beta: Number = 1.0) -> Objective:
    """E_q log p(x|z) - beta KL(q(z|x) || p(z)), nats per example, one draw of z.

    At beta 1 it bounds log p(x) from below; elsewhere it is a trade-off and no bound at beta < 1.
    Higgins et al. (2017), openreview Sy2fzU9gl. Raises: VaejaxError where beta is known and negative or not finite.

    >>> import jax, jax.numpy as jnp, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> objective, batch = elbo(beta=4.0), vj.Example(jnp.zeros((3, 4)))
    >>> params = objective.init(jax.random.key(0), model, batch)
    >>> bound = objective.evaluate(jax.random.key(1), model, params, batch)
    >>> bool(jnp.allclose(bound.value, -(bound.distortion + 4 * bound.rate)))
    True
    """
    require_number("beta", beta, least=0.0)
    formula = "E_q log p(x|z) - beta KL(q(z|x) || p(z))"
    return traded(lambda distortion, rate: -(distortion + beta * rate), formula, {"beta": beta})
