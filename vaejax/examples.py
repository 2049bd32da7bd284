"""The door for many examples: arrays become an `Example` of them, checked; any number go through a function of one."""

from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from vaejax.data import Data, first_bad
from vaejax.errors import DataError, VaejaxError
from vaejax.numerics import require_count
from vaejax.types import VAE, Example, Key, Number, Params, Support

AT_ONCE = 1024  # examples in a network: enough for matrix products to run at their full speed
OfExample = Callable[[Key, Params, Example], Any]
Watcher = Callable[[int, int], Any]  # so many examples are done, of so many
_WATCHER: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


def examples_of(
    model: VAE, x: Any, *, observed: Any = None, context: PyTree = None, within: Support | None = None
) -> Example:
    """Arrays `[num, *data_shape]` as examples of a model, checked before anything is computed.

    x: floats as the model was trained on. What was not observed may be anything, NaN too.
    observed: one (or True) where x was seen, of the shape of x; `None` is everywhere.
    context: what the model was trained with beside x, arrays `[num, ...]`; `None` where there is none.
    within: where x must lie; by default on the support of the model's likelihood. An encoder may look at other values,
        like noisy ones.

    An `Example` of such arrays passes, and is checked in the same way. The arrays stay NumPy's, so that what does not
    fit a device can go through `each_example`.
    Raises: DataError where there are no examples, or they have another shape, are integers, are not finite where
    they were seen, are no values of the model's likelihood, or are wholly unseen; where the mask is no mask of them;
    where the context has another number of rows.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> examples_of(model, np.zeros((5, 4))).x.shape
    (5, 4)
    >>> examples_of(model, np.zeros((0, 4)))
    Traceback (most recent call last):
    vaejax.errors.DataError: expected at least one example of shape (4,), got none
    """
    given = x if isinstance(x, Example) else Example(x, context, observed)
    rows = _floats(given.x)
    shape = ", ".join(("num", *map(str, model.data_shape)))
    if rows.shape[1:] != model.data_shape or not rows.shape:
        one = ": one example is x[None]" if rows.shape == model.data_shape else ""
        raise DataError(
            f"expected examples of shape {model.data_shape}, [{shape}], got an array of shape {rows.shape}{one}"
        )
    if not len(rows):
        raise DataError(f"expected at least one example of shape {model.data_shape}, got none")
    mask: Any = None if given.observed is None else _mask(given.observed, rows)
    _require_values(model, rows, mask, within or model.likelihood.support)
    for name, leaf in (("context", given.context), ("weight", given.weight), ("index", given.index)):
        _require_rows(name, leaf, len(rows))
    return given._replace(x=rows, observed=mask)


def examples_in(data: Data, split: str = "test", key: Key | None = None, *, num: Number | None = None) -> Example:
    """The examples of a split (the first `num`) as models see them; what the view draws comes from `key`.

    >>> import vaejax as vj
    >>> examples_in(vj.data.digits(), "test", num=10).x.shape
    (10, 8, 8)
    """
    return seen_by(data, first(data.raw(split), num), jax.random.key(0) if key is None else key)


def seen_by(data: Data, raw: Example, key: Key) -> Example:
    """Raw examples as models see those of the data: any number of them, streamed; `key` is of what the view draws."""
    return each_example(fixed(_through, data.view), key, (), raw)


def first(examples: Example, num: Number | None) -> Example:
    """The first `num` of them; `None` is all. Raises: VaejaxError where it is no whole number above 0."""
    if num is None:
        return examples
    num = require_count("num", num)
    return jax.tree.map(lambda leaf: leaf[:num], examples)


def _through(view: Callable[[Key, Any], Any], key: Key, _: Params, raw: Example) -> Example:
    return raw._replace(x=view(key, raw.x))


class Fixed(NamedTuple):
    """A function with its first arguments: equal to another where both of them are."""

    function: Callable[..., Any]
    first: tuple[Hashable, ...]

    def __call__(self, key: Key, params: Params, example: Example) -> Any:
        """`function(*first, key, params, example)`."""
        return self.function(*self.first, key, params, example)


def fixed(function: Callable[..., Any], *first: Hashable) -> OfExample:
    """`function(*first, key, params, example)` as what `each_example` maps: the same for the same, and compiled once.

    first: what is known when it is compiled, like a model. Arrays go into `params`.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> of_one = lambda model, key, params, example: model.encode(params, example)
    >>> fixed(of_one, model) == fixed(of_one, model)
    True
    """
    return Fixed(function, first)


@contextmanager
def watched(by: Watcher) -> Generator[None]:
    """Within it, `by` is told after each piece of examples how far `each_example` is.

    >>> with watched(lambda done, num: print(f"{done} of {num}")):
    ...     x = each_example(lambda key, params, example: example.x, jax.random.key(0), (), Example(np.zeros((3, 1))))
    3 of 3
    """
    before = _WATCHER.set(by)
    try:
        yield
    finally:
        _WATCHER.reset(before)


def each_example(function: OfExample, key: Key, params: Params, examples: Example, *, at_once: Number = AT_ONCE) -> Any:
    """`function(key, params, example)` of each of any number of examples; its leaves as NumPy's `[num, ...]`.

    A pure function of one example is mapped over so many `at_once` and compiled once, and again where it is another
    function: hand over the same one to have its program again, as `fixed` makes it of a function and a model. The key
    of an example is `key` folded with its place (`Example.index`, else where it stands): results do not depend on
    `at_once`, nor on who else is there, but for the last bits of matrix products. Memory is that of twice so many
    examples, as the next are read while some are computed, and of the results. Products of float32 are in float32. On
    a CPU it is fastest where 1,000 to 4,000 rows are in a network, and a function of many draws has a row for each of
    them: 128 examples of 16 draws.
    Raises: VaejaxError where there is no example.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> of_one = lambda key, params, example: model.sample(key, params, example).z
    >>> each_example(of_one, jax.random.key(1), params, examples_of(model, np.zeros((5, 4)))).shape
    (5, 2)
    """
    num = len(examples.x)
    if not num:
        raise VaejaxError("expected at least one example, got none")
    size = min(require_count("at_once", at_once), num)
    places = np.arange(num) if examples.index is None else np.asarray(examples.index)
    found, computing, watcher = [], [], _WATCHER.get()
    for start in range(0, num, size):
        first = min(start, num - size)  # the last piece is as long as the others: another size is compiled anew
        rows = slice(first, first + size)
        with jax.default_matmul_precision("float32"):
            piece = _mapped(function, key, params, _taken(examples, rows), places[rows])
        computing.append((piece, start - first))
        if len(computing) > 1:  # the device has work while results are fetched
            found.append(_as_numpy(*computing.pop(0)))
            if watcher is not None:
                watcher(start, num)
    found.append(_as_numpy(*computing.pop()))
    if watcher is not None:
        watcher(num, num)
    return jax.tree.map(lambda *pieces: np.concatenate(pieces), *found)


@partial(jax.jit, static_argnums=0)
def _mapped(function: OfExample, key: Key, params: Params, examples: Example, places: Any) -> Any:
    return jax.vmap(lambda example, place: function(jax.random.fold_in(key, place), params, example))(examples, places)


def _taken(examples: Example, rows: slice) -> Example:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf[rows]), examples)


def _as_numpy(piece: Any, num_repeated: int) -> Any:
    """Waits for a piece, and leaves out what the one before had."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[num_repeated:], piece)


def _floats(x: Any) -> Any:
    """An array of floats, which may stay in its file. Raises: DataError."""
    try:
        rows = x if isinstance(x, np.ndarray | jax.Array) else np.asarray(x)
    except ValueError as error:
        raise DataError(f"expected examples as one array, got rows of different shapes: {error}") from None
    if not np.issubdtype(rows.dtype, np.floating):
        hint = ": scale them as in training, like x / 255" if np.issubdtype(rows.dtype, np.integer) else ""
        raise DataError(f"expected examples as floats as the model was trained on, got {rows.dtype}{hint}")
    return rows


def _mask(observed: Any, rows: Any) -> np.ndarray:
    mask = np.asarray(observed)
    if mask.shape != rows.shape:
        raise DataError(
            f"expected a mask of the shape of the examples, {rows.shape}, one where they were seen, got {mask.shape}"
        )
    if mask.dtype != bool and not np.isin(mask, (0, 1)).all():
        raise DataError("expected a mask of ones, where a value was seen, and zeros, and it has other values")
    mask = mask.astype(bool)
    seen = mask.reshape(len(mask), -1).any(1)
    if not seen.all():
        raise DataError(
            f"row {np.argmin(seen)} has nothing that was observed ({np.sum(~seen)} such rows): leave them out; what a "
            "model makes of nothing is vj.generate"
        )
    return mask


def _require_values(model: VAE, rows: Any, mask: np.ndarray | None, support: Support) -> None:
    known = np.asarray(rows) if mask is None else np.where(mask, rows, support.low if np.isfinite(support.low) else 0.0)
    bad = first_bad(support, known)
    if bad is None:
        return
    value, where = known[bad], f"row {bad[0]}" + (f" at {bad[1:]}" if len(bad) > 1 else "")
    if np.isnan(value) and mask is None:
        raise DataError(f"{where} is NaN: say what was seen by observed=~np.isnan(x), or leave such rows out")
    seen = " though the mask says that it was observed" if mask is not None else ""
    whose = f"the likelihood {model.likelihood.name} is a distribution on {support}"
    wanted = whose if support == model.likelihood.support else f"values must lie in {support}"
    raise DataError(f"{where} is {value:g}{seen}, and {wanted}: give x as in training")


def _require_rows(name: str, tree: PyTree, num: int) -> None:
    for leaf in jax.tree.leaves(tree):
        if np.shape(leaf)[:1] != (num,):
            raise DataError(f"expected a {name} of {num} rows, one for each example, got shape {np.shape(leaf)}")
