import jax
import jax.numpy as jnp

from vaejax.bound import FOR_BETA, Terms, each, terms
from vaejax.contexts import AtBeta
from vaejax.numerics import average, require_number
from vaejax.objectives._traded import params_of_model
from vaejax.types import VAE, Bound, Example, Key, Number, Objective, Params


def multi_rate(low: Number = 0.1, high: Number = 10.0) -> Objective:
    """E over log beta ~ U(log low, log high) of (E_q log p(x|z) - beta KL(q || p)) / (1 + beta), q and p told beta.

    For a model made by `vj.variants.multi_rate`: one training for every beta between `low` and `high`, one draw of beta
    for each example. The weight 1 / (1 + beta) keeps gradients of one size and moves no optimum of networks that can
    tell betas apart. Distortion and rate are means over beta, and `value` is no bound.
    Bae et al. (2023), arXiv:2212.03905.

    >>> import vaejax as vj
    >>> model = vj.variants.multi_rate(vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2))
    >>> objective, batch = multi_rate(), vj.Example(jnp.zeros((3, 4)))
    >>> params = objective.init(jax.random.key(0), model, batch)
    >>> objective.evaluate(jax.random.key(1), model, params, batch).value.shape
    ()
    """
    require_number("low", low, above=0.0)
    require_number("high", high, above=0.0)

    def evaluate(key: Key, model: VAE, params: Params, batch: Example) -> Bound:
        def one(key: Key, example: Example) -> tuple[Terms, Number]:
            place = jax.random.uniform(jax.random.fold_in(key, FOR_BETA))
            log_beta = jnp.log(low) + place * (jnp.log(high) - jnp.log(low))
            asked = example._replace(context=AtBeta(example.context, log_beta))
            return terms(key, model, params, asked), jnp.exp(log_beta)

        found, beta = each(one, key, batch)
        value = -(found.distortion + beta * found.rate) / (1 + beta)
        return Bound(*(average(a, batch.weight) for a in (value, found.distortion, found.rate)))

    formula = "E (E_q log p(x|z) - beta KL(q(z|x) || p(z))) / (1 + beta), log beta uniform between low and high"
    return Objective(params_of_model, evaluate, formula, {"low": low, "high": high})
