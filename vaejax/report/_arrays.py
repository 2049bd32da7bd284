"""The arrays of a portrait, as one pure function of a member: it is mapped over the members of a grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from vaejax import latent, verbs
from vaejax.bound import keys_of, latents_of
from vaejax.types import VAE, Example, Key, Latent, Params

STEPS = 9
REACH = 2.5  # standard deviations of the prior from its mean to either end of a traversal: 99% of N(0, 1)
DRAWS = 2000  # of the prior, which tell its ends, and whether its values are of a few kinds
CONTINUOUS = 0.95  # of draws of a density are different numbers at least
AT_ONCE = 100  # examples in a network


class Kinds(NamedTuple):
    """How many pictures there are: reconstructions, draws of the prior, and latents that are moved.

    Without rows there is no interpolation either.
    """

    reconstructions: int
    samples: int
    rows: int

    @property
    def num(self) -> int:
        """Of all of them together, at most."""
        return sum(self.counts(self.rows, self.rows > 0))

    def counts(self, num_rows: int, between: bool) -> tuple[int, int, int, int]:
        """Pictures of each kind, in the order in which they are decoded."""
        return self.reconstructions, self.samples, num_rows * STEPS, between * STEPS


def arrays_of(
    model: VAE, kinds: Kinds, partner: int | None, key: Key, params: Params, examples: Example
) -> dict[str, Array]:
    """Codes, rates, and decoded pictures of a member; nothing here depends on the values of its latent size.

    partner: the example that the first is interpolated to; `None` where there is none.
    codes: `[example, *latent]`. rates: of each example and latent, no columns where they do not come per latent.
    order: the latents that are moved. values: what each takes, `[step, latent]`. movable: of which that makes sense.
    events: all pictures in a row, in the order of `Kinds.counts`; between: the steps of an interpolation.
    """
    rate_key, prior_key, draw_key = jax.random.split(key, 3)
    codes, rates = _encoded(rate_key, model, params, examples)
    prior = _prior(prior_key, model, params, examples)
    nature = _nature_of(prior, model.active())
    values = jnp.linspace(*_ends_of(prior), STEPS)
    movable = latents_of(model) * nature.movable
    order = _order(rates, movable, kinds.rows if codes.ndim == 2 else 0)
    between = jnp.zeros(0)
    if partner is not None and kinds.rows:
        ends = jnp.stack([jnp.zeros((), int), jnp.asarray(partner)])
        drawn = _draws(draw_key, model, params, jax.tree.map(lambda leaf: leaf[ends], examples))
        between = _between(nature, codes[ends], drawn)
    context = _contexts(examples, kinds, len(order), len(between))
    z = [codes[: kinds.reconstructions], prior[: kinds.samples], _moved(codes[0], order, values)]
    z = jnp.concatenate([*z, *([between] if len(between) else [])])
    events = _rows(lambda pair: verbs.decode(model, params, *pair), (z, context))
    found = {"codes": codes, "rates": rates, "order": order, "values": values, "events": events, "between": between}
    return {**found, "movable": movable}


def same_context(context: Any, one: int, other: int) -> bool:
    """Whether two examples have one context."""
    return all(np.array_equal(leaf[one], leaf[other]) for leaf in map(np.asarray, jax.tree.leaves(context)))


class _Nature(NamedTuple):
    """Whether each latent takes a few values alone, and whether the norm of all is 1."""

    discrete: Array
    round: Array

    @property
    def movable(self) -> Array:
        """Of each latent, whether it can take any value between two while the others stay."""
        return ~self.discrete & ~self.round


def _rows(function: Callable[[Any], Any], rows: Any) -> Any:
    """`function` of each row, some at a time, so that memory does not grow with their number."""
    return jax.lax.map(function, rows, batch_size=min(AT_ONCE, len(jax.tree.leaves(rows)[0])))


def _encoded(key: Key, model: VAE, params: Params, examples: Example) -> tuple[Array, Array]:
    """Means of q(z|x), and rates of each example and latent; no columns where a rate has other parts than latents.

    Both in one pass, so that the encoder is evaluated once.
    """

    def one(pair: tuple[Key, Example]) -> tuple[Array, Array]:
        return verbs.encode(model, params, pair[1]), verbs.sample(pair[0], model, params, pair[1]).rate

    codes, rates = _rows(one, (keys_of(key, examples), examples))
    num, size = codes.shape[:2]
    per_latent = rates.shape in (codes.shape, codes.shape[:2])
    return codes, rates.reshape(num, size, -1).sum(2) if per_latent else jnp.zeros((num, 0))


def _prior(key: Key, model: VAE, params: Params, examples: Example) -> Array:
    """Draws of the prior, with the contexts of the examples in turn."""
    num = len(examples.x)
    context = jax.tree.map(lambda leaf: leaf[jnp.arange(DRAWS) % num], examples.context)
    blank = jnp.zeros(model.data_shape)
    draw = jax.vmap(lambda key, context: model.sample_prior(key, params, Example(blank, context)))
    return draw(jax.random.split(key, DRAWS), context)


def _ends_of(prior: Array) -> tuple[Array, Array]:
    """Of each latent: so many standard deviations from the mean, and no farther than the draws went."""
    mean, reach = prior.mean(0), REACH * prior.std(0)
    return jnp.maximum(mean - reach, prior.min(0)), jnp.minimum(mean + reach, prior.max(0))


def _draws(key: Key, model: VAE, params: Params, pair: Example) -> Array:
    return jax.vmap(lambda key, example: verbs.sample(key, model, params, example).z)(jax.random.split(key, 2), pair)


def _nature_of(prior: Array, active: Latent) -> _Nature:
    ordered = jnp.sort(prior, axis=0)
    distinct = jnp.sum(ordered[1:] > ordered[:-1], axis=0) + 1
    few = (active > 0) & (distinct < CONTINUOUS * len(prior))
    discrete = jnp.any(few.reshape(len(few), -1), axis=1)
    norms = jnp.linalg.norm(prior.reshape(len(prior), -1), axis=1)
    return _Nature(discrete, jnp.all(jnp.abs(norms - 1) < 1e-3) & (prior[0].size > 1))


def _order(rates: Array, movable: Array, num: int) -> Array:
    """The latents that can be moved by their rate, to a thousandth of a nat: what tells nothing keeps its own order."""
    mean = jnp.round(rates.mean(0), 3) if rates.shape[1] else jnp.zeros(movable.shape)
    return jnp.argsort(jnp.where(movable > 0, -mean, jnp.inf), stable=True)[:num]


def _moved(code: Latent, order: Array, values: Array) -> Array:
    """The code with one latent at each of its values, one latent after another: `[row * step, *latent]`."""
    row = jax.vmap(lambda at: jax.vmap(lambda value: code.at[at].set(value))(values[:, at]))
    return row(order).reshape(-1, *code.shape) if len(order) else jnp.zeros((0, *code.shape))


def _between(nature: _Nature, codes: Array, draws: Array) -> Array:
    """From one code to another, by the path that such latents are to take."""
    straight, along = (path(*codes, STEPS) for path in (latent.linear, latent.spherical))
    one_by_one = latent.latent_by_latent(*draws, STEPS)
    return jnp.where(jnp.any(nature.discrete), one_by_one, jnp.where(nature.round, along, straight))


def _contexts(examples: Example, kinds: Kinds, num_rows: int, num_between: int) -> Any:
    """The context of each picture: of its own example, of the examples in turn, and of the first for all others."""
    in_turn = np.arange(kinds.samples) % len(examples.x)
    rest = np.zeros(num_rows * STEPS + num_between, int)
    at = np.concatenate([np.arange(kinds.reconstructions), in_turn, rest])
    return jax.tree.map(lambda leaf: leaf[at], examples.context)
