from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.errors import VaejaxError
from vaejax.numerics import require_number
from vaejax.types import Number, Params

if TYPE_CHECKING:
    from optax import GradientTransformation
else:
    GradientTransformation = Any  # optax is imported when an optimizer is first used


def l2_sp(alpha: Number, beta: Number = 0.0, new: Params | None = None) -> GradientTransformation:
    """Adds the gradient of alpha/2 |w - w_0|^2 + beta/2 |w'|^2: w_0 is where training starts, w' is what is new.

    L2-SP of Li, Grandvalet and Davoine (2018), arXiv:1802.01483: regularised towards the source, not towards zero.
    `optax.chain(l2_sp(0.01), optax.adam(1e-3))`. `new`, as in `Started.new`, is true where no number of the source is;
    without it everything is drawn to its start. In nats per example: the penalty stands beside a mean over examples,
    so alpha is that of a sum over n of them divided by n. alpha and beta may be traced; 0 is none.

    It is a transformation and no objective, so that `value` stays the bound and any objective can have it; before Adam
    it is the penalty of the paper, after it (with the learning rate in alpha) it is decoupled as weight decay is in
    AdamW. Memory: w_0, once more the parameters.
    Raises: VaejaxError where a strength is known and negative.

    >>> import optax
    >>> optimizer = optax.chain(l2_sp(0.5), optax.sgd(1.0))
    >>> state = optimizer.init({"bias": jnp.array(2.0)})
    >>> updates, _ = optimizer.update({"bias": jnp.array(0.0)}, state, {"bias": jnp.array(3.0)})
    >>> float(updates["bias"])
    -0.5
    """
    import optax

    require_number("alpha of L2-SP", alpha, least=0.0)
    require_number("beta of L2-SP", beta, least=0.0)

    def pulled(gradient: Array, start: Array, now: Array, is_new: Any) -> Array:
        pull = jnp.where(is_new, jnp.asarray(beta, now.dtype) * now, jnp.asarray(alpha, now.dtype) * (now - start))
        return gradient + pull.astype(gradient.dtype)

    def update(updates: Params, state: Params, params: Params | None = None) -> tuple[Params, Params]:
        if params is None:
            raise VaejaxError(
                "L2-SP looks at the parameters and was given none: call optimizer.update(gradients, state, params)"
            )
        where = jax.tree.map(lambda leaf: False, params) if new is None else new
        return jax.tree.map(pulled, updates, state, params, where), state

    return optax.GradientTransformation(lambda params: jax.tree.map(jnp.asarray, params), update)


def only_new(optimizer: GradientTransformation, new: Params) -> GradientTransformation:
    """The optimizer that moves a number only where `new` is true: what was copied stays, to the bit.

    With `Started.new` of a longer context it trains the weights of new batches and nothing else, the surgery of
    architectures of Lotfollahi et al. (2022), doi:10.1038/s41587-021-01001-7: what the model makes of old contexts
    stays as it was.

    >>> import optax
    >>> optimizer = only_new(optax.sgd(1.0), {"kernel": jnp.array([False, True])})
    >>> params = {"kernel": jnp.zeros(2)}
    >>> optimizer.update({"kernel": jnp.ones(2)}, optimizer.init(params), params)[0]["kernel"].tolist()
    [0.0, -1.0]
    """
    import optax

    def update(updates: Params, state: Any, params: Params | None = None, **more: Any) -> tuple[Params, Any]:
        steps, state = optax.with_extra_args_support(optimizer).update(updates, state, params, **more)
        return jax.tree.map(lambda step, here: jnp.where(here, step, jnp.zeros_like(step)), steps, new), state

    return optax.GradientTransformationExtraArgs(optimizer.init, update)
