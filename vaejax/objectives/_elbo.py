from vaejax.bound import each, terms
from vaejax.numerics import average, require_number
from vaejax.types import VAE, Bound, Example, Key, Number, Objective, Params


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

    def init(key: Key, model: VAE, batch: Example) -> Params:
        return model.init(key, batch)

    def evaluate(key: Key, model: VAE, params: Params, batch: Example) -> Bound:
        found = each(lambda key, example: terms(key, model, params, example), key, batch)
        distortion, rate = average(found.distortion, batch.weight), average(found.rate, batch.weight)
        return Bound(-(distortion + beta * rate), distortion, rate)

    return Objective(init, evaluate, "E_q log p(x|z) - beta KL(q(z|x) || p(z))", {"beta": beta})
