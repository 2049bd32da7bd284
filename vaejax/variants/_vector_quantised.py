import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.lax import stop_gradient
from jaxtyping import Array, Float, Int

from vaejax.bound import latents_of, weights_of
from vaejax.numerics import average, require_count, require_number, towards, with_gradient_of
from vaejax.types import VAE, Draw, Example, Key, Latent, Number, Params, Parts, Scalar

Codes = Float[Array, "codes size"]
Rows = Float[Array, "latent size"]  # a row of numbers for each latent
LEAST = 1e-30  # of a frequency that divides: a code that nobody chose for thousands of steps is no NaN


def vector_quantised(
    model: VAE,
    num_codes: Number = 64,
    commitment: Number = 0.25,
    decay: Number = 0.99,
    least_usage: Number = 0.1,
) -> VAE:
    """Each latent is the nearest of `num_codes` learned codes, straight through, and p(z) is uniform over the codes.

    `model` is a `vae` with `posteriors.point((code_size,))`; a prior that it has is not used. q(z|x) is one point of a
    finite set: log q is 0, the rate log(num_codes) for each latent in use, exactly, and -(distortion + rate) bounds
    log p(x). A z that is scored is taken as the code nearest to it.

    Codes are running means of the encodings that chose them, `total / frequency` of `params["codebook"]`, which forget
    1 - `decay` in a step. They do not climb: a trainer moves them by `VAE.upkeep`, whatever its optimizer. They start
    as encodings of examples of the first batch. A code whose frequency is below `least_usage` / num_codes starts anew
    at an encoding of a random example, with the uniform frequency; `least_usage` 0 leaves it alone.
    `commitment` times the squared distance of an encoding to its code, summed over latents, pulls at the encoder
    whatever the objective and its beta, and is in no number that is reported. Examples of weight 0 and latents out of
    use count for nothing. In microbatches a new code is the mean of one encoding of each. Cost: the distances, latents
    x codes x code_size, twice, and where it is not compiled a second encoding.
    Van den Oord, Vinyals and Kavukcuoglu (2017), arXiv:1711.00937, with the running means of its appendix; Dhariwal
    et al. (2020), arXiv:2005.00341, section 3.2, for codes that start anew.

    >>> import vaejax as vj
    >>> nets = vj.nets.mlp(8), vj.nets.mlp(8)
    >>> model = vj.vae(*nets, data_shape=(4,), latent_size=3, posterior=vj.posteriors.point((2,)))
    >>> model = vector_quantised(model, num_codes=16)
    >>> params = vj.init(jax.random.key(0), model, jnp.ones((5, 4)))
    >>> vj.sample(jax.random.key(1), model, params, jnp.ones(4)).rate.round().tolist()
    [3.0, 3.0, 3.0]
    """
    num = require_count("num_codes", num_codes)
    require_number("commitment", commitment, least=0.0)
    require_number("decay", decay, least=0.0, most=1.0)
    require_number("least_usage", least_usage, least=0.0, most=1.0)

    def init(key: Key, batch: Example) -> Params:
        pick, rest = jax.random.split(key)
        params = model.init(rest, batch)
        codes = _drawn(pick, num, _encoded(model, params, batch))
        return {**params, "codebook": {"frequency": jnp.full(num, 1 / num, codes.dtype), "total": codes / num}}

    def encode(params: Params, example: Example) -> Latent:
        z, codes = model.encode(params, example), _codes(params)
        code = codes[_nearest(codes, _rows(z))].reshape(z.shape) * model.active()
        return with_gradient_of(code, z)

    def sample(key: Key, params: Params, example: Example) -> Draw:
        z = encode(params, example)
        return Draw(z, jnp.zeros(len(z), z.dtype), -log_prior(params, z, example))

    def log_posterior(params: Params, z: Latent, example: Example) -> Parts:
        codes = _codes(params)
        there = _nearest(codes, _rows(z)) == _nearest(codes, _rows(model.encode(params, example)))
        return jnp.where(there | (latents_of(model) == 0), 0.0, -jnp.inf)

    def log_prior(params: Params, z: Latent, example: Example) -> Parts:
        return -math.log(num) * latents_of(model)

    def sample_prior(key: Key, params: Params, example: Example) -> Latent:
        active = model.active()
        chosen = jax.random.randint(key, (len(active),), 0, num)
        return _codes(params)[chosen].reshape(active.shape) * active

    def upkeep(key: Key, params: Params, batch: Example) -> Scalar:
        own, rest = jax.random.split(key)
        seen = _encoded(model, params, batch)
        codes, held = _codes(params), stop_gradient(seen)
        chosen = jax.vmap(lambda rows: _nearest(codes, rows))(held.rows)
        moved = _renewed(_moved(params, held, chosen, decay), _drawn(own, num, held), least_usage / num)
        away = jnp.sum(jnp.square(seen.rows - codes[chosen]), axis=-1) @ seen.in_use
        pull = -commitment * average(away, batch.weight)
        kept = jax.tree.map(lambda now, target: jnp.sum(towards(now, target)), params["codebook"], moved)
        books = kept["frequency"] + kept["total"]
        return books + with_gradient_of(jnp.zeros_like(pull), pull) + model.upkeep(rest, params, batch)

    return model._replace(
        init=init,
        encode=encode,
        sample=sample,
        log_posterior=log_posterior,
        log_prior=log_prior,
        sample_prior=sample_prior,
        upkeep=upkeep,
        kept=(*model.kept, "codebook"),
        compact=lambda: vector_quantised(model.compact(), num, commitment, decay, least_usage),
    )


class Encoded(NamedTuple):
    """A batch before it is quantised. weight: of each example. in_use: one for each latent in use."""

    rows: Float[Array, "batch latent size"]
    weight: Float[Array, " batch"]
    in_use: Float[Array, " latent"]


def _encoded(model: VAE, params: Params, batch: Example) -> Encoded:
    rows = jax.vmap(lambda example: _rows(model.encode(params, example)))(batch)
    return Encoded(rows, weights_of(batch).astype(rows.dtype), latents_of(model))


def _rows(z: Latent) -> Rows:
    return z.reshape(len(z), -1)


def _codes(params: Params) -> Codes:
    """Of the codebook, which nothing moves by climbing."""
    book = stop_gradient(params["codebook"])
    return book["total"] / jnp.maximum(book["frequency"], LEAST)[:, None]


def _nearest(codes: Codes, rows: Rows) -> Int[Array, " latent"]:
    return jnp.argmin(jnp.sum(jnp.square(rows[:, None] - codes[None]), axis=-1), axis=-1)


def _drawn(key: Key, num: int, seen: Encoded) -> Codes:
    """Encodings of random examples that count, each at most once while there are others, at a random latent in use."""
    order, place = jax.random.split(key)
    counts = seen.weight > 0
    shuffled = jnp.argsort(jnp.where(counts, jax.random.uniform(order, counts.shape), 2.0))  # those that count first
    examples = shuffled[jnp.arange(num) % jnp.maximum(jnp.sum(counts), 1)]
    num_in_use = jnp.sum(seen.in_use)
    latents = jnp.floor(jax.random.uniform(place, (num,)) * num_in_use)  # of the first, whatever stands behind them
    return seen.rows[examples, jnp.minimum(latents, num_in_use - 1).astype(int)]


def _moved(params: Params, seen: Encoded, chosen: Int[Array, "batch latent"], decay: Number) -> Params:
    """The codebook one step later: the shares of the codes in this batch, and the sums of what chose them."""
    book = params["codebook"]
    weight = seen.weight[:, None] * seen.in_use[None]
    share = jax.nn.one_hot(chosen, len(book["frequency"]), dtype=weight.dtype) * (weight / jnp.sum(weight))[..., None]
    fresh = {"frequency": jnp.sum(share, axis=(0, 1)), "total": jnp.einsum("blk,bld->kd", share, seen.rows)}
    return jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, book, fresh)


def _renewed(book: Params, seeds: Codes, least: Number) -> Params:
    """The codebook with new codes for those that are hardly chosen."""
    dead = book["frequency"] < least
    share = 1 / len(dead)
    return {
        "frequency": jnp.where(dead, share, book["frequency"]),
        "total": jnp.where(dead[:, None], share * seeds, book["total"]),
    }
