"""Objectives with a discriminator of codes: one value and two players, who see each other through `stop_gradient`."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.lax import stop_gradient
from jaxtyping import Array, Float

from vaejax.assembly import built, first_params
from vaejax.bound import FOR_SHUFFLE, weights_of
from vaejax.nets import mlp
from vaejax.numerics import average, require_number, with_gradient_of
from vaejax.objectives._codes import Codes, active_of, flat, prior_codes
from vaejax.objectives._traded import OneDraw, of_one_draw
from vaejax.types import VAE, Example, Key, NetBuilder, Number, Objective, Params, Scalar

LOGIT = (1, 1)  # the shape of what a discriminator gives

Judge = Callable[[Codes], Float[Array, " batch"]]


def factor(gamma: Number = 10.0, discriminator: NetBuilder | None = None) -> Objective:
    """E_q log p(x|z) - KL(q(z|x) || p(z)) - gamma TC, TC = KL(q(z) || prod_j q(z_j)) read off a discriminator, nats.

    The discriminator tells codes from codes of which each latent was permuted over the batch; at its best its mean
    logit on codes is TC, before that it is no bound on it from either side. It is a parameter, under "objective", and
    its gradient comes with that of the model in one step: give it an optimizer of its own, like
    `vj.by_name(optax.adam(1e-4), objective=optax.adam(1e-4, b1=0.5, b2=0.9))`, the paper's. The permuted codes are
    those of the same batch, where the paper draws a second one.

    discriminator: sees z and gives one logit; `vj.nets.mlp(128, 128, 128)` with leaky ReLU. The paper has six layers
    of 1000. Kim and Mnih (2018), arXiv:1802.05983.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> objective, batch = factor(), vj.Example(jnp.zeros((6, 4)))
    >>> sorted(objective.init(jax.random.key(0), model, batch)["objective"])
    ['hidden_0', 'hidden_1', 'hidden_2', 'output']
    """
    require_number("gamma", gamma, least=0.0)
    net = discriminator or _default()

    def value(one: OneDraw) -> Scalar:
        z, weight = flat(one.draw.z), one.batch.weight
        judge, held = _judges(net, one.params)
        total_correlation = average(held(z), weight)
        told = stop_gradient(z)
        shuffled = _permuted(jax.random.fold_in(one.key, FOR_SHUFFLE), told, weights_of(one.batch))
        player = _verdict(judge, told, shuffled, weight)
        found = -(one.distortion + one.rate) - gamma * total_correlation
        return with_gradient_of(found, found + player)

    formula = "E_q log p(x|z) - KL(q(z|x) || p(z)) - gamma TC, TC by a discriminator"
    return of_one_draw(value, formula, {"gamma": gamma}, _with_discriminator(net))


def adversarial(weight: Number = 1.0, discriminator: NetBuilder | None = None) -> Objective:
    """E_q log p(x|z) + weight E log d(z): q(z) goes to p(z) where a discriminator d cannot tell them apart.

    d(z) is its probability that z is a draw of p(z); it is taught on draws of both. No term is the rate, and `value` is
    no bound and need not rise. Distortion and rate are measured as of any model. The discriminator is as in `factor`.
    With `vj.posteriors.point()` it is the deterministic adversarial autoencoder.
    Makhzani et al. (2016), arXiv:1511.05644.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> objective, batch = adversarial(), vj.Example(jnp.zeros((6, 4)))
    >>> params = objective.init(jax.random.key(0), model, batch)
    >>> objective.evaluate(jax.random.key(1), model, params, batch).value.shape
    ()
    """
    require_number("weight", weight, least=0.0)
    net = discriminator or _default()

    def value(one: OneDraw) -> Scalar:
        z = flat(one.draw.z)
        real = stop_gradient(prior_codes(one.key, one.model, one.params, one.batch))
        judge, held = _judges(net, one.params)
        fooled = average(jax.nn.log_sigmoid(held(z)), one.batch.weight)
        player = _verdict(judge, real, stop_gradient(z), one.batch.weight)
        found = -one.distortion + weight * fooled
        return with_gradient_of(found, found + player)

    formula = "E_q log p(x|z) + weight E log d(z), d a discriminator of p(z) and q(z)"
    return of_one_draw(value, formula, {"weight": weight}, _with_discriminator(net))


def _default() -> NetBuilder:
    return mlp(128, 128, 128, activation=lambda h: jax.nn.leaky_relu(h, 0.2))


def _with_discriminator(builder: NetBuilder) -> Callable[[Key, VAE, Example], Params]:
    def init(key: Key, model: VAE, batch: Example) -> Params:
        net = built("discriminator", builder, LOGIT)
        own = first_params("discriminator", net, jax.random.fold_in(key, 1), active_of(model), jnp.ones(LOGIT))
        return {**model.init(key, batch), "objective": own}

    return init


def _judges(builder: NetBuilder, params: Params) -> tuple[Judge, Judge]:
    """The logit of each code: as the discriminator learns it, and as the model sees it."""
    net = built("discriminator", builder, LOGIT)

    def under(params: Params) -> Judge:
        return lambda codes: jax.vmap(lambda z: net.apply(params, z, None)[0, 0])(codes)

    return under(params["objective"]), under(stop_gradient(params["objective"]))


def _verdict(judge: Judge, real: Codes, fake: Codes, weight: Float[Array, " batch"] | None) -> Scalar:
    """The log likelihood that the discriminator ascends; codes come first in `factor`, draws of the prior here."""
    return average(jax.nn.log_sigmoid(judge(real)) + jax.nn.log_sigmoid(-judge(fake)), weight)


def _permuted(key: Key, codes: Codes, weight: Float[Array, " batch"]) -> Codes:
    """Each latent permuted over the examples that count, by draws for each latent and example, so that more of either
    do not change the others'."""
    counts = weight > 0
    places = jnp.argsort(~counts)  # those that count come first

    def one(latent: Array, column: Float[Array, " batch"]) -> Float[Array, " batch"]:
        keys = jax.vmap(lambda row: jax.random.fold_in(jax.random.fold_in(key, latent), row))(jnp.arange(len(column)))
        draws = jnp.where(counts, jax.vmap(jax.random.uniform)(keys), 2.0)
        return column.at[places].set(column[jnp.argsort(draws)])

    return jax.vmap(one, (0, 1), 1)(jnp.arange(codes.shape[1]), codes)
