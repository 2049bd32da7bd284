import jax.numpy as jnp

from vaejax.bound import latents_of, require_per_latent
from vaejax.numerics import average, require_number
from vaejax.objectives._codes import flat
from vaejax.objectives._traded import OneDraw, of_one_draw
from vaejax.types import Number, Objective, Scalar


def free_bits(nats: Number = 0.25) -> Objective:
    """E_q log p(x|z) - sum_l max(nats, KL_l), KL_l the rate of latent l, a mean over the batch; nats per example.

    A latent below `nats` pays that much whatever it says, so it is not pressed to say less: none is given up early.
    Kingma et al. (2016), arXiv:1606.04934, with the maximum taken of the mean over the batch, not of each example, and
    every latent a group of its own; 1 bit is 0.693 nats. `rate` is the plain one; `value` is never above the ELBO.
    Microbatches: the mean is that of a piece.
    Raises: VaejaxError where `nats` is known and negative or not finite, and, in `evaluate`, where the rate is not
    known by latent, as with a prior whose latents depend on each other.

    >>> import jax, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> objective, batch = free_bits(nats=7.0), vj.Example(jnp.zeros((3, 4)))
    >>> params = objective.init(jax.random.key(0), model, batch)
    >>> bound = objective.evaluate(jax.random.key(1), model, params, batch)  # neither latent says 7 nats
    >>> bool(jnp.allclose(bound.value, -bound.distortion - 2 * 7))
    True
    """
    require_number("nats", nats, least=0.0)

    def value(one: OneDraw) -> Scalar:
        require_per_latent("free_bits", "the rate", one.draw.rate[0], one.draw.z[0])
        paid = jnp.maximum(nats, average(flat(one.draw.rate), one.batch.weight)) @ latents_of(one.model)
        return -(one.distortion + paid)

    return of_one_draw(value, "E_q log p(x|z) - sum_l max(nats, KL_l)", {"nats": nats})
