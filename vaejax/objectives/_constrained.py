"""One number at its least while another is held: the multiplier is a parameter, moved by an optimizer of its own."""

from collections.abc import Callable

import jax.numpy as jnp
from jax.lax import stop_gradient

from vaejax.numerics import require_number, with_gradient_of
from vaejax.objectives._traded import OneDraw, of_one_draw
from vaejax.types import VAE, Example, Key, Number, Objective, Params, Scalar

Split = Callable[[Scalar, Scalar], tuple[Scalar, Scalar]]  # of distortion and rate: what is least, what is at most zero


def geco(distortion: Number = 25.0, multiplier: Number = 1.0) -> Objective:
    """-(KL(q(z|x) || p(z)) + lambda (D - distortion)), D = -E_q log p(x|z): the least rate at that distortion, in nats.

    Rezende and Viola (2018), arXiv:1810.00597: state the error that is good enough, not its weight. lambda starts at
    `multiplier`; its logarithm is `params["objective"]["log_multiplier"]`, whose gradient is the constraint C = D -
    distortion. So it needs an optimizer of its own, `vj.by_name(optax.adam(1e-3), objective=optax.sgd(eta))`, which is
    exactly lambda <- lambda exp(eta C); with momentum C is averaged over time, as in the paper. Their C is an error per
    pixel, ours -log p in nats, often thousands: take eta of about 1 over its size. A distortion out of reach makes
    lambda grow without end. beta, in the sense of `elbo`, is 1 / lambda.

    `value` is the Lagrangian: ascent for the model, not to be compared. Microbatches: exact, as C is linear in them.
    Raises: VaejaxError where a number is known and not finite, or the multiplier not above 0.

    >>> import jax, optax, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> optimizer = vj.by_name(optax.adam(1e-3), objective=optax.sgd(0.1))
    >>> taught, batch = vj.trainer(model, geco(distortion=2.0), optimizer), vj.Example(jnp.zeros((3, 4)))
    >>> state, bound = taught.step(jax.random.key(1), taught.init(jax.random.key(0), batch), batch)
    >>> bool(jnp.allclose(state.params["objective"]["log_multiplier"], 0.1 * (bound.distortion - 2)))
    True
    """
    require_number("distortion", distortion)
    formula = "-(KL(q(z|x) || p(z)) + lambda (D - distortion)), lambda learned from multiplier"
    return _held(lambda d, r: (r, d - distortion), multiplier, formula, {"distortion": distortion})


def target_rate(rate: Number = 25.0, multiplier: Number = 1.0) -> Objective:
    """E_q log p(x|z) - beta (KL(q(z|x) || p(z)) - rate): the least distortion at that rate, in nats.

    `elbo(beta)` with the beta that spends `rate` nats, found as it is trained; where the optimum spends less, beta goes
    to 0. `capacity` presses towards the rate with a fixed weight instead. beta starts at `multiplier`; its logarithm is
    `params["objective"]["log_multiplier"]`, whose gradient is the constraint R - rate, so that with
    `vj.by_name(optax.adam(1e-3), objective=optax.sgd(eta))` beta <- beta exp(eta (R - rate)): the rule of `geco`,
    Rezende and Viola (2018), arXiv:1810.00597, with the sides changed; the target is that of Alemi et al. (2018),
    arXiv:1711.00464. `value` is the Lagrangian, not to be compared. Microbatches: exact.
    Raises: VaejaxError where the rate is known and negative, or the multiplier not above 0, or either not finite.

    >>> import jax, optax, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> optimizer = vj.by_name(optax.adam(1e-3), objective=optax.sgd(0.1))
    >>> taught, batch = vj.trainer(model, target_rate(3.0), optimizer), vj.Example(jnp.zeros((3, 4)))
    >>> state, bound = taught.step(jax.random.key(1), taught.init(jax.random.key(0), batch), batch)
    >>> bool(jnp.allclose(state.params["objective"]["log_multiplier"], 0.1 * (bound.rate - 3)))
    True
    """
    require_number("rate", rate, least=0.0)
    formula = "E_q log p(x|z) - beta (KL(q(z|x) || p(z)) - rate), beta learned from multiplier"
    return _held(lambda d, r: (d, r - rate), multiplier, formula, {"rate": rate})


def _held(split: Split, multiplier: Number, formula: str, settings: dict[str, Number]) -> Objective:
    require_number("multiplier", multiplier, above=0.0)

    def init(key: Key, model: VAE, batch: Example) -> Params:
        return {**model.init(key, batch), "objective": {"log_multiplier": jnp.log(jnp.asarray(multiplier, float))}}

    def value(one: OneDraw) -> Scalar:
        least, excess = split(one.distortion, one.rate)
        log_multiplier = one.params["objective"]["log_multiplier"]
        lagrangian = -(least + jnp.exp(stop_gradient(log_multiplier)) * excess)
        ascending = lagrangian + log_multiplier * stop_gradient(excess)  # it rises while the constraint is broken
        return with_gradient_of(lagrangian, ascending)

    return of_one_draw(value, formula, {**settings, "multiplier": multiplier}, init)
