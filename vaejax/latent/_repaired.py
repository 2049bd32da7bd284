"""A code moved to where codes are, by one of several ways of moving it."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from vaejax.numerics import require_count, require_number
from vaejax.samplers import Codes, Sampler
from vaejax.types import VAE, Example, Key, Number, Params, Scalar

from ._codes import code_of, latent_of
from ._holes import Score, log_prob_of, squared_distances

Move: TypeAlias = Callable[[Key, Float[Array, " size"]], Float[Array, " size"]]  # one step of a code


class Repaired(NamedTuple):
    """code: where it was first at most the threshold, or the best it came to. score: there. passed: whether it is.

    moved: how far that is from where it was, in units of the codes.
    """

    code: Float[Array, " size"]
    score: Scalar
    passed: Bool[Array, ""]
    moved: Scalar


def repaired(
    key: Key, code: Float[Array, " size"], move: Move, score: Score, threshold: Number, *, num_steps: Number = 20
) -> Repaired:
    """`move` again and again, until the score is at most the threshold; a code that is there already stays as it is.

    move: `uphill(sampler, fitted)`, `to_nearest(codes)` or `encode_decode(model, params)`. Repaired codes are draws of
    no density that is written down: they heap up at the edge of what passes, so keep to rejecting where draws are
    cheap, and repair a code that one has. Cost: num_steps moves and scores, always.

    >>> closer = lambda key, code: 0.5 * code
    >>> found = repaired(jax.random.key(0), jnp.array([8.0]), closer, lambda code: jnp.abs(code[0]), 1.5)
    >>> found.code.tolist(), float(found.moved)
    ([1.0], 7.0)
    """
    num = require_count("num_steps", num_steps)

    def step(carry: tuple[Array, Array, Array], key: Key) -> tuple[tuple[Array, Array, Array], None]:
        at, best, lowest = carry
        moved = jnp.where(lowest <= threshold, at, move(key, at))
        found = score(moved)
        better = (lowest > threshold) & (found < lowest)
        return (moved, jnp.where(better, moved, best), jnp.where(better, found, lowest)), None

    (_, best, lowest), _ = jax.lax.scan(step, (code, code, score(code)), jax.random.split(key, num))
    return Repaired(best, lowest, lowest <= threshold, jnp.sqrt(jnp.sum(jnp.square(best - code))))


def uphill(sampler: Sampler, fitted: Params, length: Number = 0.2) -> Move:
    """A step of this length along the gradient of the fitted log density, in units of the codes.

    Raises: VaejaxError where the sampler has no density.

    >>> from vaejax.samplers import gaussian_mixture
    >>> sampler = gaussian_mixture(1)
    >>> fitted = sampler.fit(jax.random.key(0), jax.random.normal(jax.random.key(1), (99, 1)))
    >>> round(uphill(sampler, fitted, 0.5)(jax.random.key(2), jnp.array([3.0])).item(), 4)
    2.5
    """
    log_prob = log_prob_of(sampler)
    require_number("length", length, above=0.0)

    def move(key: Key, code: Float[Array, " size"]) -> Float[Array, " size"]:
        slope = jax.grad(log_prob, argnums=1)(fitted, code)
        size = jnp.sqrt(jnp.maximum(jnp.sum(jnp.square(slope)), jnp.finfo(code.dtype).tiny))
        return code + length * slope / size

    return move


def to_nearest(codes: Codes, share: Number = 0.2) -> Move:
    """A share of the way to the nearest of the codes, near in units of each latent's standard deviation over them.

    >>> to_nearest(jnp.array([[-1.0], [1.0]]), 0.5)(jax.random.key(0), jnp.array([3.0])).tolist()
    [2.0]
    """
    require_number("share", share, above=0.0, most=1.0)
    codes = jnp.asarray(codes)
    squares_to = squared_distances(codes)

    def move(key: Key, code: Float[Array, " size"]) -> Float[Array, " size"]:
        return code + share * (codes[jnp.argmin(squares_to(code))] - code)

    return move


def encode_decode(model: VAE, params: Params, context: PyTree = None) -> Move:
    """z' ~ q(z|x), x the mean of p(x|z): what the model takes its own picture for.

    With x drawn from p(x|z) it would be a step of the Gibbs sampler of the model's own p(x, z), were q exact, and would
    stay where the prior is; with the mean it is drawn to where reconstructions lie. An encoder must see what it was
    trained on: of binary x the mean is grey, and off that.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> encode_decode(model, params)(jax.random.key(1), jnp.zeros(2)).shape
    (2,)
    """
    shown = Example(jnp.zeros(model.data_shape), context)

    def move(key: Key, code: Float[Array, " size"]) -> Float[Array, " size"]:
        x = model.decode(params, latent_of(model, code), shown)
        return code_of(model, model.sample(key, params, Example(x, context)).z)

    return move
