from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.lax import stop_gradient
from jaxtyping import Array, Float

from vaejax.bound import Terms, each, terms
from vaejax.numerics import average, logmeanexp, require_count, with_gradient_of
from vaejax.objectives._traded import params_of_model
from vaejax.types import VAE, Bound, Example, Key, Number, Objective, Params, Scalar

PerGroup = Float[Array, "outer importance"]


def miwae(num_importance: Number = 8, num_outer: Number = 8) -> Objective:
    """1/M sum_m log 1/K sum_k p(x, z_mk) / q(z_mk|x), nats per example: the mean of M bounds of K draws each.

    Rainforth et al. (2018), arXiv:1802.04537. The bound is that of `iwae(K)`, the signal of the gradient of q rises
    with M; K is `num_importance`, M is `num_outer`. With M = 1 it is `iwae(K)`, with K = 1 the sampled ELBO of M draws.
    Both shape arrays: one program for each in a grid. Cost: M K decodings.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> objective, batch = miwae(num_importance=3, num_outer=2), vj.Example(jnp.zeros((3, 4)))
    >>> params = objective.init(jax.random.key(0), model, batch)
    >>> objective.evaluate(jax.random.key(1), model, params, batch).value.shape
    ()
    """

    def value(log_weight: Callable[[VAE, Params], PerGroup], model: VAE, params: Params) -> Scalar:
        return _mean_of_bounds(log_weight(model, params))

    formula = "1/M sum_m log 1/K sum_k p(x, z_mk) / q(z_mk|x), M = num_outer, K = num_importance"
    return _grouped(value, formula, num_importance, num_outer)


def piwae(num_importance: Number = 8, num_outer: Number = 8) -> Objective:
    """E log 1/MK sum_mk p(x, z_mk) / q(z_mk|x), nats per example, for p; q ascends the mean of M bounds of K draws.

    Rainforth et al. (2018), arXiv:1802.04537: p has the gradient of `iwae(M K)` and q, over the same draws, that of
    `miwae(K, M)`. `value` is the bound of p, the tighter one. A parameter is q's where it draws z or scores it under q,
    and p's where it scores z or x under p. K is `num_importance`, M is `num_outer`; both shape arrays.
    Cost: M K decodings, and twice their gradient.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> batch, key = vj.Example(jnp.zeros((3, 4))), jax.random.key(1)
    >>> params = model.init(jax.random.key(0), batch)
    >>> bound, plain = (made.evaluate(key, model, params, batch) for made in (piwae(3, 2), vj.objectives.iwae(6)))
    >>> bool(jnp.allclose(bound.value, plain.value))
    True
    """

    def value(log_weight: Callable[[VAE, Params], PerGroup], model: VAE, params: Params) -> Scalar:
        for_p = logmeanexp(log_weight(_with_q_held(model), params).reshape(-1))
        for_q = _mean_of_bounds(log_weight(_with_p_held(model), params))
        return with_gradient_of(for_p, for_p + for_q)

    formula = (
        "E log 1/MK sum_mk p(x, z_mk) / q(z_mk|x), M = num_outer, K = num_importance; for q the mean of M bounds of K"
    )
    return _grouped(value, formula, num_importance, num_outer)


Value = Callable[[Callable[[VAE, Params], PerGroup], VAE, Params], Scalar]


def _grouped(value: Value, formula: str, num_importance: Number, num_outer: Number) -> Objective:
    """An objective whose `value` of one example is a function of its log weights, `[outer, importance]`."""
    inner, outer = require_count("num_importance", num_importance), require_count("num_outer", num_outer)

    def evaluate(key: Key, model: VAE, params: Params, batch: Example) -> Bound:
        def one(key: Key, example: Example) -> tuple[Scalar, Terms]:
            keys = jax.random.split(key, outer * inner)

            def of(model: VAE, params: Params) -> Terms:
                return jax.vmap(lambda key: terms(key, model, params, example))(keys)

            found = value(lambda model, params: of(model, params).log_weight.reshape(outer, inner), model, params)
            return found, of(model, params)

        values, found = each(one, key, batch)
        distortion, rate = (average(jnp.mean(a, axis=1), batch.weight) for a in (found.distortion, found.rate))
        return Bound(average(values, batch.weight), distortion, rate)

    return Objective(params_of_model, evaluate, formula, {"num_importance": inner, "num_outer": outer})


def _mean_of_bounds(log_weight: PerGroup) -> Scalar:
    return jnp.mean(logmeanexp(log_weight, axis=1))


def _with_q_held(model: VAE) -> VAE:
    return model._replace(sample=lambda key, params, example: model.sample(key, stop_gradient(params), example))


def _with_p_held(model: VAE) -> VAE:
    return model._replace(
        log_prior=lambda params, z, example: model.log_prior(stop_gradient(params), z, example),
        log_likelihood=lambda params, z, example: model.log_likelihood(stop_gradient(params), z, example),
    )
