import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.bound import weights_of
from vaejax.numerics import require_number
from vaejax.objectives._codes import Codes, flat, prior_codes
from vaejax.objectives._kernels import Kernel, inverse_multiquadratic, rbf
from vaejax.objectives._traded import OneDraw, of_one_draw
from vaejax.types import Number, Objective, Scalar


def info_vae(alpha: Number = 0.0, weight: Number = 10.0, kernel: Kernel | None = None) -> Objective:
    """E_q log p(x|z) - (1 - alpha) KL(q(z|x) || p(z)) - weight MMD^2(q(z), p(z)), nats per example but for the MMD.

    Zhao, Song and Ermon (2019), arXiv:1706.02262; `weight` is their alpha + lambda - 1. At alpha 0 it is the ELBO with
    an aggregate held at the prior, at alpha 1 their MMD-VAE, which is `wae`. MMD^2 is unbiased, from one draw of z and
    one of the prior for each row, so it may be below zero. Its numbers are at most 2: weights of 10 to 1000 are usual.

    kernel: `objectives.rbf()`, or `objectives.inverse_multiquadratic()`, or any function of two codes; its width is
        yours to give, see there.
    Cost: three kernels of each pair of rows. Microbatches: the MMD is that of a piece, which is unbiased too, so the
    expectation is that of the whole. A batch of one row has no MMD: it counts zero.
    Raises: VaejaxError where a number is known and out of range.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> objective, batch = info_vae(0.5, weight=100.0, kernel=vj.objectives.rbf(2.0)), vj.Example(jnp.zeros((3, 4)))
    >>> params = objective.init(jax.random.key(0), model, batch)
    >>> objective.evaluate(jax.random.key(1), model, params, batch).value.shape
    ()
    """
    require_number("alpha", alpha, least=0.0, most=1.0)
    require_number("weight", weight, least=0.0)
    formula = "E_q log p(x|z) - (1 - alpha) KL(q(z|x) || p(z)) - weight MMD^2(q(z), p(z))"
    return _matched(1 - alpha, weight, kernel or rbf(), formula, {"alpha": alpha, "weight": weight})


def wae(weight: Number = 10.0, kernel: Kernel | None = None) -> Objective:
    """E_q log p(x|z) - weight MMD^2(q(z), p(z)): no rate is paid for a single example, only for their aggregate.

    Wasserstein autoencoder: Tolstikhin et al. (2018), arXiv:1711.01558, WAE-MMD. Their cost c(x, decoded) is here
    -log p(x|z) in nats: with `likelihoods.normal(scale)` the squared error over 2 scale^2. Estimator, cost and
    microbatches: as `info_vae`, of which it is alpha = 1. `value` is no bound.

    kernel: `objectives.inverse_multiquadratic()`, theirs; its width is yours to give, see there.
    Raises: VaejaxError where the weight is known and negative or not finite.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> objective, batch = wae(), vj.Example(jnp.zeros((3, 4)))
    >>> params = objective.init(jax.random.key(0), model, batch)
    >>> objective.evaluate(jax.random.key(1), model, params, batch).value.shape
    ()
    """
    require_number("weight", weight, least=0.0)
    formula = "E_q log p(x|z) - weight MMD^2(q(z), p(z))"
    return _matched(0.0, weight, kernel or inverse_multiquadratic(), formula, {"weight": weight})


def mmd(kernel: Kernel, a: Codes, b: Codes, weight: Float[Array, " batch"]) -> Scalar:
    """E k(a, a') + E k(b, b') - 2 E k(a, b), a' and b' of other rows than a and b: unbiased, zero for equal laws.

    A row counts by its weight, with what it is paired with. Gretton et al. (2012), JMLR 13, equation 3.

    >>> round(float(mmd(rbf(), jnp.array([[0.0], [9.0]]), jnp.array([[0.0], [9.0]]), jnp.ones(2))), 4)
    -1.0
    """
    pairs = weight[:, None] * weight[None, :]
    others = pairs * (1 - jnp.eye(len(weight)))

    def mean(a: Codes, b: Codes, pairs: Float[Array, "batch batch"]) -> Scalar:
        found = jax.vmap(lambda one: jax.vmap(lambda other: kernel(one, other))(b))(a)
        total = jnp.sum(pairs)
        return jnp.sum(jnp.where(pairs > 0, pairs * found, 0.0)) / jnp.where(total > 0, total, 1.0)

    gap = mean(a, a, others) + mean(b, b, others) - 2 * mean(a, b, pairs)
    return jnp.where(jnp.sum(others) > 0, gap, 0.0)


def _matched(beta: Number, weight: Number, kernel: Kernel, formula: str, settings: dict[str, Number]) -> Objective:
    def value(one: OneDraw) -> Scalar:
        prior = prior_codes(one.key, one.model, one.params, one.batch)
        gap = mmd(kernel, flat(one.draw.z), prior, weights_of(one.batch))
        return -(one.distortion + beta * one.rate) - weight * gap

    return of_one_draw(value, formula, settings)
