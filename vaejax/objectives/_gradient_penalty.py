import jax
import jax.numpy as jnp

from vaejax.numerics import average, require_number
from vaejax.objectives._traded import OneDraw, of_one_draw
from vaejax.types import Example, Latent, Number, Objective, Scalar


def gradient_penalty(beta: Number = 1.0, weight: Number = 1.0) -> Objective:
    """E_q log p(x|z) - beta KL(q(z|x) || p(z)) - weight E |d mean p(x|z) / dz|^2, the squares of all its entries.

    With `vj.posteriors.point()` the rate is -log p(z), |z|^2/2 and a constant, and it is RAE-GP of Ghosh et al. (2020),
    arXiv:1903.12436; the penalty's gradient goes to the decoder and to z. Cost: a derivative of the decoder along every
    latent. No bound.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> objective, batch = gradient_penalty(), vj.Example(jnp.zeros((3, 4)))
    >>> params = objective.init(jax.random.key(0), model, batch)
    >>> objective.evaluate(jax.random.key(1), model, params, batch).value.shape
    ()
    """
    require_number("beta", beta, least=0.0)
    require_number("weight", weight, least=0.0)

    def value(one: OneDraw) -> Scalar:
        def steepness(z: Latent, example: Example) -> Scalar:
            return jnp.sum(jnp.square(jax.jacfwd(lambda z: one.model.decode(one.params, z, example))(z)))

        steep = jax.vmap(steepness)(one.draw.z, one.batch)
        return -(one.distortion + beta * one.rate) - weight * average(steep, one.batch.weight)

    formula = "E_q log p(x|z) - beta KL(q(z|x) || p(z)) - weight E |d mean p(x|z) / dz|^2"
    return of_one_draw(value, formula, {"beta": beta, "weight": weight})
