"""The leaves next to the latents: drawn anew by a law that was said, at the true fans, and then checked."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from zlib import crc32

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from vaejax.errors import VaejaxError
from vaejax.nets._laws import Law
from vaejax.nets._named import leaves_of, with_leaf
from vaejax.types import Key, Net, NetBuilder, Params, Shape

FEW = 2  # latents of the network on which what was said is checked
CLOSE = 1e-2  # of the largest output: above the rounding of an accelerator, below any wrong order


class Latents(NamedTuple):
    """What was said: the law of each leaf next to the latents, and whether the network writes them or reads them.

    A network that reads them has them as its last input, [latent]; one that writes them gives [num_stats, latent].
    """

    laws: Mapping[str, Law]
    written: bool


class Asked(NamedTuple):
    """The arguments of `Net.init`, but the key."""

    inputs: PyTree
    outputs: Array


def starting(plain: NetBuilder, latents: Latents) -> NetBuilder:
    """`plain`, whose leaves next to the latents start as in a network that has only the latents in use.

    Raises: VaejaxError, in `init`, where what was said does not make the two the same network.
    """

    def started(key: Key, asked: Asked) -> Params:
        net = plain(asked.outputs.shape)
        params = net.init(key, *asked)
        _require_output(net, params, asked)
        shapes = dict(leaves_of(params))
        more = _with_one_more(asked, latents)
        wider = dict(leaves_of(jax.eval_shape(lambda: plain(more.outputs.shape).init(key, *more))))
        lines = {path: _line(path, shapes, wider, asked, latents) for path in latents.laws}
        for path, law in latents.laws.items():
            leaf_key = jax.random.fold_in(key, crc32(path.encode()))
            leaf = _drawn(leaf_key, law, shapes[path], lines[path], _fans(path, lines, shapes, latents))
            params = with_leaf(params, path, leaf)
        return params

    @functools.cache
    def check(structure: Any, leaves: tuple[tuple[Shape, Any], ...]) -> None:
        rng = np.random.default_rng(0)
        with jax.ensure_compile_time_eval():  # on numbers, also where a caller traces
            small = jax.tree.unflatten(structure, [_noise(rng, *leaf) for leaf in leaves])
            _check(plain, started, small, latents, rng)

    def build(out_shape: Shape) -> Net:
        def init(key: Key, inputs: PyTree, outputs: Array) -> Params:
            asked = Asked(inputs, outputs)
            params = started(key, asked)
            leaves, structure = jax.tree.flatten(asked)
            shapes = [(leaf.shape, leaf.dtype) for leaf in leaves]
            shapes[_place(latents)] = ((*leaves[_place(latents)].shape[:-1], FEW), leaves[_place(latents)].dtype)
            check(structure, tuple(shapes))  # once, not for every number of latents
            return params

        return plain(out_shape)._replace(init=init)

    return build


class Line(NamedTuple):
    """The axis of a leaf along which latents lie, and one where what lies there is in use; no axis in a plain bias."""

    axis: int | None
    in_use: Array


def _line(path: str, leaves: dict[str, Array], wider: dict[str, Any], asked: Asked, latents: Latents) -> Line:
    if path not in leaves:
        raise VaejaxError(f"expected the name of a leaf, got {path!r}; there are {_list(leaves)}")
    small, large = leaves[path].shape, wider[path].shape
    if len(small) > 2:
        raise VaejaxError(f"a law is for a matrix or a vector, the leaf {path} is {small}: give a flat output")
    axes = [axis for axis, (one, other) in enumerate(zip(small, large, strict=True)) if one != other]
    if len(axes) > 1 or (len(small) == 2 and not axes):
        raise VaejaxError(
            f"expected a leaf with one axis of latents, {path} is {small}, and {large} with one latent more; "
            f"there are {_list(leaves)}"
        )
    active = _active(asked, latents)
    if not axes:
        return Line(None, active)
    (axis,) = axes
    each = large[axis] - small[axis]
    before = small[axis] - each * len(active)
    if before < 0:
        raise VaejaxError(f"expected {each} entries for each of {len(active)} latents in {path}, it is {small}")
    return Line(axis, jnp.concatenate([jnp.ones(before, active.dtype), jnp.repeat(active, each)]))


def _fans(path: str, lines: dict[str, Line], leaves: dict[str, Array], latents: Latents) -> tuple[Array, Array]:
    """(fan_in, fan_out) of the matrix of a layer, also for its bias: inputs and outputs in use."""
    layer = path.rpartition("/")[0]
    matrices = [other for other in lines if leaves[other].ndim == 2 and other.rpartition("/")[0] == layer]
    matrix = path if path in matrices else next(iter(matrices), None)
    if matrix is None:
        raise VaejaxError(f"the law of the vector {path} needs fans: name the matrix of its layer too")
    in_use = lines[matrix].in_use
    beside = jnp.asarray(leaves[matrix].size / len(in_use), in_use.dtype)
    along = jnp.maximum(jnp.sum(in_use), 1.0)
    return (beside, along) if latents.written else (along, beside)


def _drawn(key: Key, law: Law, leaf: Array, line: Line, fans: tuple[Array, Array]) -> Array:
    """A key for each entry along the latents, so that more of them do not change the draws that were there."""
    if line.axis is None:
        return (law.draw(key, leaf.shape, leaf.dtype) * law.std(*fans)).astype(leaf.dtype)
    keys = jax.random.split(key, leaf.shape[line.axis])
    beside = tuple(size for axis, size in enumerate(leaf.shape) if axis != line.axis)
    rows = jax.vmap(lambda key: law.draw(key, beside, leaf.dtype))(keys)
    rows = rows * law.std(*fans) * line.in_use.reshape(-1, *[1] * len(beside))
    return jnp.moveaxis(rows, 0, line.axis).astype(leaf.dtype)


def _place(latents: Latents) -> int:
    """Where among the leaves of `Asked` the latents are."""
    return -1 if latents.written else -2


def _active(asked: Asked, latents: Latents) -> Array:
    """One for each latent in use."""
    found = jax.tree.leaves(asked)[_place(latents)]
    z = found[0] if latents.written else found
    if z.ndim != 1:
        raise VaejaxError(f"latents must be a vector, got an array of shape {z.shape}")
    return jnp.where(z != 0, 1.0, 0.0)


def _with_one_more(asked: Asked, latents: Latents) -> Asked:
    """With one latent more, which is not in use."""
    leaves, structure = jax.tree.flatten(asked)
    wide = leaves[_place(latents)]
    leaves[_place(latents)] = jnp.pad(wide, [*[(0, 0)] * (wide.ndim - 1), (0, 1)])
    return jax.tree.unflatten(structure, leaves)


def _require_output(net: Net, params: Params, asked: Asked) -> None:
    """Raises NetworkError, before anything is said about leaves."""
    jax.eval_shape(lambda: net.apply(params, asked.inputs, None))


def _check(
    plain: NetBuilder, started: Callable[[Key, Asked], Params], small: Asked, latents: Latents, rng: np.random.Generator
) -> None:
    """Hold a network with one latent out of use against the one without it: weights at the start, and outputs."""
    large = _with_one_more(small, latents)
    narrow, wide = (started(jax.random.key(0), asked) for asked in (small, large))
    wide_leaves = dict(leaves_of(wide))
    other = {path: leaf for path, leaf in leaves_of(narrow) if not _is_prefix(leaf, wide_leaves[path])}
    if other:
        raise VaejaxError(
            f"these leaves start differently in a network with fewer latents: {_list(other)}; say their law in "
            f"{'writes_latents' if latents.written else 'reads_latents'}, like {{{next(iter(other))!r}: "
            "vj.nets.lecun_normal()}, or let them start at zero"
        )
    stir = jax.tree.map(lambda a, b: _noise(rng, a.shape, a.dtype) if a.shape == b.shape else 0.0, narrow, wide)
    narrow, wide = (jax.tree.map(jnp.add, params, stir) for params in (narrow, wide))  # nothing hides behind a zero
    out_shape = small.outputs.shape
    expected = plain(out_shape).apply(narrow, small.inputs, None)
    found = plain(large.outputs.shape).apply(wide, large.inputs, None)[tuple(slice(size) for size in out_shape)]
    if not np.allclose(found, expected, rtol=0, atol=CLOSE * float(jnp.max(jnp.abs(expected)))):
        raise VaejaxError(
            "with one latent out of use the network does not compute what the smaller one computes: only the leaves "
            "that are named may look at the latents, and in them the context comes before the latents"
        )


def _noise(rng: np.random.Generator, shape: Shape, dtype: Any) -> Array:
    """Numbers that are all in use."""
    floating = jnp.issubdtype(dtype, jnp.floating)
    return jnp.asarray(rng.uniform(0.5, 1.5, shape) if floating else np.ones(shape), dtype)


def _is_prefix(narrow: Array, wide: Array) -> bool:
    inside = tuple(slice(size) for size in narrow.shape)
    rest = np.array(wide)
    close = np.allclose(rest[inside], narrow, rtol=1e-5, atol=1e-8)
    rest[inside] = 0
    return bool(close and not rest.any())


def _list(leaves: dict[str, Array]) -> str:
    return ", ".join(f"{path} {leaf.shape}" for path, leaf in leaves.items())
