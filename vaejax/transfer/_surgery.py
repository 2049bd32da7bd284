from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from vaejax.errors import VaejaxError
from vaejax.numerics import concrete, leaves_by_path, require_count
from vaejax.transfer._alignment import NEW, Colours, Sides, colours_of, entries_of
from vaejax.types import VAE, Params, Shape


class Move(NamedTuple):
    """What became of an array: "copied", "extended", "cut", both, "averaged", "anew" or "left out"."""

    what: str
    source: Shape | None
    target: Shape | None


class Started(NamedTuple):
    """params: where the target starts. new: true where a number is none of the source's. moves: of each array, by path.

    `str()` of it is a table.
    """

    params: Params
    new: Params
    moves: Mapping[str, Move]

    def __str__(self) -> str:
        rows = [(path, move.what, _shown(move.source), _shown(move.target)) for path, move in self.moves.items()]
        lines = [("parameters", "were", "source", "target"), *rows]
        widths = [max(len(line[at]) for line in lines) for at in range(4)]
        return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def started_from(
    source: tuple[VAE, Params],
    target: tuple[VAE, Params],
    *,
    context_sizes: tuple[int, int] = (0, 0),
    latents: Sequence[int] | None = None,
    fresh: Callable[[Array], Array] = jnp.zeros_like,
) -> Started:
    """The target's parameters, fresh ones, into which all of the source's that fits was copied.

    source, target: a model and its parameters, like a `Member`. The source may have a part of its parameters only
    (`part_of`); arrays are held together by their paths.

    An array of the same shape is copied. With more latents, or a longer context, it is extended: what is new passes
    through `fresh`, and zero, the default, changes no function: stats of zero are the prior, which costs no rate, and
    a decoder with rows of zero does not see them. Adam leaves that point within a step or two. `fresh=lambda own: own`
    starts what is new as the target did. With fewer latents it is cut: `latents` says which to keep, in order, by
    default the first.
    context_sizes: how many numbers the context of an example has, in source and in target. What is new comes last, like
    columns of new batches in a one-hot context: Lotfollahi et al. (2022), doi:10.1038/s41587-021-01001-7.
    Where images differ in their channels alone, weights of an encoder are summed over the source's and spread evenly,
    those of a decoder averaged and repeated, so that of an image whose channels are equal nothing changes.
    Anything else of another shape starts anew, as the layers next to data of another shape: it stays the target's.

    Limits: layers of x, then context, then latents are understood, as in `nets.mlp`, `nets.conv` and `nets.deconv`.
    Raises: VaejaxError where no weight of the encoder or the decoder can be copied, where the source is not finite,
    or where `latents` names none of its latents.

    >>> import vaejax as vj
    >>> small, large = (vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=n) for n in (2, 3))
    >>> own = [(one, vj.init(jax.random.key(n), one, jnp.zeros((1, 4)))) for n, one in enumerate((small, large))]
    >>> for line in str(started_from(*own)).splitlines()[:4]:
    ...     print(line)
    parameters               were      source     target
    decoder/hidden_0/bias    copied    (8,)       (8,)
    decoder/hidden_0/kernel  extended  (2, 8)     (3, 8)
    decoder/output/bias      copied    (1, 4)     (1, 4)
    """
    sides = _sides(source, target[0], context_sizes, latents)
    theirs, ours = leaves_by_path(source[1]), leaves_by_path(target[1])
    _require_finite(theirs)
    found = {path: _placed(path, theirs.get(path), own, sides, fresh) for path, own in ours.items()}
    unused = {path: Move("left out", np.shape(leaf), None) for path, leaf in theirs.items() if path not in ours}
    moves = {path: move for path, (_, _, move) in found.items()}
    _require_some(source, target, moves)
    structure = jax.tree.structure(target[1])
    params, new = (jax.tree.unflatten(structure, [one[at] for one in found.values()]) for at in (0, 1))
    return Started(params, new, {**moves, **unused})


def _sides(
    source: tuple[VAE, Params], target: VAE, context_sizes: tuple[int, int], latents: Sequence[int] | None
) -> Sides:
    shapes = [model.active().shape for model in (source[0], target)]
    groups = _num_groups(source[1])
    before, after = (shape[0] // groups for shape in shapes)
    most = min(before, after)
    kept = list(range(most)) if latents is None else [require_count("a latent", one, least=0) for one in latents]
    if len(set(kept)) < len(kept) or len(kept) > most or any(one >= before for one in kept):
        raise VaejaxError(
            f"latents must name at most {most} of the source's {before} latents, each once and counting from 0, "
            f"got {latents!r}"
        )
    if latents is not None and before == after:
        raise VaejaxError(f"source and target both have {before} latents: leave out `latents`, which says what is kept")
    before_context, after_context = (require_count("a context size", size, least=0) for size in context_sizes)
    return Sides(
        (before, after),
        (*kept, *[NEW] * (after - len(kept))),
        int(np.prod(shapes[1][1:])),
        groups,
        (before_context, after_context),
        (source[0].data_shape, target.data_shape),
    )


def _num_groups(params: Params) -> int:
    """Of a ladder's latents; 1 of any other model."""
    return max(1, sum(name.startswith("group_") for name in params.get("encoder", {})))


def _placed(
    path: str, source: Any, own: Any, sides: Sides, fresh: Callable[[Array], Array]
) -> tuple[Array, Array, Move]:
    """An array of the target with what fits of the source's, where it is new, and what became of it."""
    own = jnp.asarray(own)
    if source is None:
        return own, jnp.ones(own.shape, bool), Move("anew", None, own.shape)
    source = jnp.asarray(source, own.dtype)
    entries = entries_of(path, source.shape, own.shape, sides)
    if entries is None:
        colours = colours_of(path, source.shape, own.shape, sides)
        if colours is None:
            return own, jnp.ones(own.shape, bool), Move("anew", source.shape, own.shape)
        return _coloured(source, own, colours), jnp.zeros(own.shape, bool), Move("averaged", source.shape, own.shape)
    taken, is_new = source, np.zeros(own.shape, bool)
    for axis, places in enumerate(entries):
        taken = jnp.take(taken, np.maximum(places, 0), axis)
        is_new |= (places == NEW).reshape(-1, *[1] * (own.ndim - 1 - axis))
    what = ["extended"] if is_new.any() else []
    what += ["cut"] if any(set(range(n)) - set(p.tolist()) for n, p in zip(source.shape, entries, strict=True)) else []
    values = jnp.where(is_new, fresh(own), taken) if is_new.any() else taken
    return values, jnp.asarray(is_new), Move(" and ".join(what) or "copied", source.shape, own.shape)


def _coloured(source: Array, own: Array, colours: Colours) -> Array:
    before, after = colours.channels
    apart = source.reshape(colours.rows, before, -1)
    one = apart.sum(1, keepdims=True) / after if colours.summed else apart.mean(1, keepdims=True)
    return jnp.repeat(one, after, axis=1).reshape(own.shape)


def _require_finite(leaves: Mapping[str, Any]) -> None:
    for path, leaf in leaves.items():
        known = concrete(leaf)
        if known is not None and not np.isfinite(np.asarray(known, float)).all():
            raise VaejaxError(f"{path} of the source is not finite: it diverged, and nothing can start from it")


def _require_some(source: tuple[VAE, Params], target: tuple[VAE, Params], moves: Mapping[str, Move]) -> None:
    """Raises: VaejaxError where no weight of a network could be copied."""
    nets = {path: move for path, move in moves.items() if path.split("/")[0] in ("encoder", "decoder")}
    weights = [move for path, move in nets.items() if len(move.target or ()) > 1 and not path.endswith("bias")]
    if all(move.what == "anew" for move in weights):
        theirs, ours = (
            f"data of shape {model.data_shape} and {model.active().shape[0]} latents" for model, _ in (source, target)
        )
        raise VaejaxError(
            f"no weight of the source fits the target: it is for {theirs}, the target for {ours}, and no array of "
            "their networks has the same name and shape: build the target with the networks of the source"
        )


def _shown(shape: Shape | None) -> str:
    return "-" if shape is None else str(shape)
