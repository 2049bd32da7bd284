import jax.numpy as jnp

from vaejax.numerics import require_number
from vaejax.objectives._traded import traded
from vaejax.types import Number, Objective


def capacity(weight: Number = 1000.0, capacity: Number = 25.0) -> Objective:
    """E_q log p(x|z) - weight |KL(q(z|x) || p(z)) - capacity|, nats per example, one draw of z.

    The rate, a mean over the batch, is held at `capacity` nats; raise it over time with `schedules.linear` and
    `vj.scheduled`. No bound on log p(x). Burgess et al. (2018), arXiv:1804.03599; the defaults are theirs at the end.
    Raises: VaejaxError where a number is known and negative or not finite.

    >>> import jax, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> objective, batch = capacity(weight=10.0, capacity=3.0), vj.Example(jnp.zeros((3, 4)))
    >>> params = objective.init(jax.random.key(0), model, batch)
    >>> bound = objective.evaluate(jax.random.key(1), model, params, batch)
    >>> bool(jnp.allclose(bound.value, -(bound.distortion + 10 * abs(bound.rate - 3))))
    True
    """
    require_number("weight", weight, least=0.0)
    require_number("capacity", capacity, least=0.0)
    formula = "E_q log p(x|z) - weight |KL(q(z|x) || p(z)) - capacity|"
    settings = {"weight": weight, "capacity": capacity}
    return traded(lambda distortion, rate: -(distortion + weight * jnp.abs(rate - capacity)), formula, settings)
