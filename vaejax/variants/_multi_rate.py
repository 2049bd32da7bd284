from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from vaejax.contexts import AtBeta, at_beta
from vaejax.types import VAE, Example, Key, Params, Scalar

OF_AN_EXAMPLE = (
    "encode",
    "sample",
    "decode",
    "log_posterior",
    "log_prior",
    "log_likelihood",
    "sample_prior",
    "sample_likelihood",
)


def multi_rate(model: VAE) -> VAE:
    """One model for every beta: its networks are told log beta beside the context, and stand for a VAE at each.

    Give `vj.variants.at_beta(beta, context)` as the context of an example; any other context is at beta 1, so bounds
    and likelihoods that are measured as of any model are those at beta 1. Train with `vj.objectives.multi_rate`.
    The networks see `(x, (context, log_beta))` and `((context, log_beta), z)`; Bae et al. scale hidden units by a
    function of log beta, where here it is an input. Bae et al. (2023), arXiv:2212.03905.

    >>> import vaejax as vj
    >>> model = multi_rate(vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2))
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> vj.encode(model, params, vj.Example(jnp.zeros(4), vj.variants.at_beta(4.0))).shape
    (2,)
    """

    def told(example: Example) -> Example:
        asked = example.context if isinstance(example.context, AtBeta) else at_beta(1.0, example.context)
        return example._replace(context=tuple(asked))

    def init(key: Key, batch: Example) -> Params:
        given = batch.context.context if isinstance(batch.context, AtBeta) else batch.context
        return model.init(key, batch._replace(context=(given, jnp.zeros(len(batch.x)))))

    def upkeep(key: Key, params: Params, batch: Example) -> Scalar:
        return model.upkeep(key, params, jax.vmap(told)(batch))

    def given_told(function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with its last argument, an example, told."""
        return lambda *arguments: function(*arguments[:-1], told(arguments[-1]))

    changed: dict[str, Any] = {name: given_told(getattr(model, name)) for name in OF_AN_EXAMPLE}
    return model._replace(init=init, upkeep=upkeep, compact=lambda: multi_rate(model.compact()), **changed)
