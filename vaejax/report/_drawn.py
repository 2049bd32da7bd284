"""Pictures of trained members: what they rebuild, draw, and make of each latent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.grid import each_member, member_at, some_of
from vaejax.report._arrays import STEPS, Kinds, arrays_of, same_context
from vaejax.report._order import ranked
from vaejax.report._plane import plane_of
from vaejax.report._portrait import Portrait, Traversed
from vaejax.report.live import Live
from vaejax.types import VAE, Example, Key, Params

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vaejax.grid import Program, Result

KINDS = Kinds(12, 32, 8)
FEW = Kinds(12, 32, 0)
MOST_LIVE = 12  # members whose decoders are made live, where latent sizes are fewer
MOST = 2**29  # bytes of all pictures of a grid, as they are before they are made small


LiveOf = Callable[[Key, VAE, Params, Any], Live | None]


class _Given(NamedTuple):
    """What is the same for all members: the examples, and the place of one that differs from the first."""

    examples: Example
    partner: int | None


def portrait_of(key: Key, model: VAE, params: Params, examples: Any, *, kinds: Kinds = KINDS) -> Portrait:
    """What a member draws: means of p(x|z), for examples, for draws of the prior, and along one latent at a time.

    examples: `[num, *data_shape]`, or an `Example` of such arrays: the first are rebuilt, a latent is moved from the
        code of the first, and the codes of all are placed in a plane. kinds: how many of each picture there are.

    A traversal moves one latent from one end of the prior to the other in 9 steps: 2.5 of its standard deviations to
    either side of its mean, no farther than 2,000 draws of it went. Latents come in the order of their rate, the most
    informative first. An interpolation goes from the code of the first example to that of the first that differs from
    it and has its context: in a line, on a sphere along it, and of discrete latents one latent after another between
    draws of q(z|x). Draws of the prior have the contexts of the examples in turn. Left out are traversals of latents
    that are of several numbers, discrete or on a sphere, where one cannot be moved alone; rates where they do not come
    per latent.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4, 4), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4, 4)))
    >>> portrait = portrait_of(jax.random.key(1), model, params, np.ones((3, 4, 4)) / 2)
    >>> portrait.samples.shape, [row.events.shape for row in portrait.traversals]
    ((32, 4, 4), [(9, 4, 4), (9, 4, 4)])
    """
    of = _of(examples)
    kinds = _at_most(kinds, of)
    made = _jitted(model, kinds, of.partner, key, params, of.examples)
    return _portrait(jax.tree.map(np.asarray, made), kinds, model.active().shape)


def portraits(
    key: Key,
    result: Result,
    examples: Any,
    *,
    chosen: Mapping[str, Any] | None = None,
    live_of: LiveOf | None = None,
    most_bytes: int = MOST,
) -> dict[int, Portrait]:
    """`portrait_of` every member of a grid, by its place; those that diverged have none. Compiled once per program.

    A member's pictures are those of the compact model that `vj.extract` gives, up to rounding. Where all would take
    more than `most_bytes`, the chosen member and the best of each latent size have all pictures and the others samples
    and reconstructions; where that is too much too, the last have none.

    live_of: makes the `live` decoder of a compact member, with the context of the first example; it is asked for the
        chosen member, the best of each latent size, and from the best of the others as many as make a dozen.

    >>> import optax, vaejax as vj
    >>> def member(latent_size):
    ...     model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=latent_size, max_latent_size=3)
    ...     return vj.trainer(model, vj.objectives.elbo(), optax.adam(1e-3))
    >>> rows = np.random.default_rng(0).random((20, 4), np.float32)
    >>> result = vj.sweep(member, rows, latent_size=[1, 3], epochs=1, num_samples=4)
    >>> [len(portrait.traversals) for portrait in portraits(jax.random.key(0), result, rows).values()]
    [1, 3]
    """
    of, found = _of(examples), {}
    first, others = ranked([result.dataset], chosen)
    for kinds, places in _shares(first, others, of.examples.x.shape[1:], most_bytes):
        for program, params in zip(result.programs, result.params, strict=True):
            at = [i for i, place in enumerate(program.rows) if place in places]
            if at:
                found.update(_of_program(key, *some_of(program, params, at), _at_most(kinds, of), of))
    if live_of is not None:
        context = jax.tree.map(lambda leaf: leaf[0], of.examples.context)
        for place in [*first, *others[: max(0, MOST_LIVE - len(first))]]:
            if place in found:
                member = member_at(result.programs, result.params, place)
                found[place] = found[place]._replace(live=live_of(key, *member, context))
    return dict(sorted(found.items()))


def _of(examples: Any) -> _Given:
    batch = examples if isinstance(examples, Example) else Example(jnp.asarray(examples, float))
    return _Given(batch, _partner(batch))


def _partner(batch: Example) -> int | None:
    """The first example that differs from the first one and has its context."""
    x = np.asarray(batch.x)
    differs = [i for i in range(1, len(x)) if not np.array_equal(x[i], x[0], equal_nan=True)]
    return next((i for i in differs if same_context(batch.context, 0, i)), None)


def _shares(
    first: list[int], others: list[int], shape: tuple[int, ...], most_bytes: int
) -> list[tuple[Kinds, set[int]]]:
    """Which pictures which members are to have, so that all of them fit; the first before the others."""
    size = 4 * max(int(np.prod(shape)), 1)
    if size * (len(first) + len(others)) * KINDS.num <= most_bytes:
        return [(KINDS, {*first, *others})]
    whole = max(1, min(len(first), most_bytes // (size * KINDS.num)))
    room = max(0, most_bytes - size * whole * KINDS.num) // (size * FEW.num)
    return [(KINDS, {*first[:whole]}), (FEW, {*[*first[whole:], *others][:room]})]


def _at_most(kinds: Kinds, of: _Given) -> Kinds:
    """As many reconstructions as there are examples."""
    return kinds._replace(reconstructions=min(kinds.reconstructions, len(of.examples.x)))


def _of_program(key: Key, program: Program, params: Params, kinds: Kinds, of: _Given) -> dict[int, Portrait]:
    def one(trainer: Any, params: Params, key: Key, examples: Example) -> Any:
        return arrays_of(trainer.model, kinds, of.partner, key, params, examples)

    made = each_member(one, program, params, key, of.examples)
    found = {}
    for at, place in enumerate(program.rows):
        shape = program.trainers[at].model.compact().active().shape
        found[place] = _portrait(jax.tree.map(lambda leaf, at=at: leaf[at], made), kinds, shape)
    return found


_jitted = jax.jit(arrays_of, static_argnums=(0, 1, 2))


def _portrait(made: Mapping[str, Any], kinds: Kinds, latents: Sequence[int]) -> Portrait:
    """From the arrays of a member, which may have room for more latents than the `latents` that are its own."""
    size, single = latents[0], len(latents) == 1
    codes, events = made["codes"][:, :size], made["events"]
    each = made["rates"][:, :size] if made["rates"].shape[1] else None
    mean = None if each is None else each.mean(0)
    pictures = np.split(events, np.cumsum(kinds.counts(made["order"].size, made["between"].size > 0))[:-1])
    rebuilt, drawn, moved, between = pictures
    rows = moved.reshape(-1, STEPS, *events.shape[1:])
    told = [
        Traversed(int(latent), float("nan") if mean is None else float(mean[latent]), made["values"][:, latent], row)
        for latent, row in zip(made["order"], rows, strict=True)
        if latent < size and made["movable"][latent] > 0
    ]
    return Portrait(
        rebuilt,
        drawn,
        tuple(told),
        between if len(between) else None,
        np.zeros(0) if mean is None else mean,
        plane_of(codes.reshape(len(codes), -1), each if single else None),
        codes[0] if single else None,
    )
