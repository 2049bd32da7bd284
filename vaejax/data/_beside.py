"""What lies beside x: a context that models may look at, and what of x was observed. One entry for each example."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from vaejax.contexts import UNKNOWN
from vaejax.errors import DataError
from vaejax.numerics import leaves_by_path, require_count, require_number
from vaejax.types import Number

from ._files import NAMES
from ._rows import Rows
from ._types import Data


def with_context(data: Data, context: Mapping[str, PyTree]) -> Data:
    """The data with something that encoder, prior and decoder may look at and nobody explains, by split.

    context: for train, validation and test a tree of arrays `[N, ...]`, a row for each example: a condition,
    covariates, a library size, an image.
    Raises: DataError where a split has none, or its rows are not those of the examples.

    >>> from vaejax.data import arrays
    >>> data = arrays(np.zeros((10, 4), np.uint8))
    >>> sizes = {name: np.ones((len(split), 3), np.float32) for name, split in data.splits.items()}
    >>> with_context(data, sizes).raw("test").context.shape
    (1, 3)
    """
    found = {name: jax.tree.map(np.asarray, one) for name, one in _by_split(data, "context", context).items()}
    looks = {name: [(where, leaf.shape[1:], leaf.dtype) for where, leaf in _rows(data, name, found)] for name in found}
    if any(look != looks["train"] for look in looks.values()):
        raise DataError(
            f"the context of {data.name} must be of one structure, shape and type in every split, got {looks}"
        )
    return data._replace(context=found)


def with_observed(data: Data, observed: Mapping[str, Any]) -> Data:
    """The data of which some values were not observed: `observed` is true where they were, by split, of the shape of x.

    Likelihood and encoder see zero where a value was not observed, and what stands there does not matter.
    The bound is then on the log probability of what was observed: Mattei and Frellsen (2019), arXiv:1812.02633.
    Raises: DataError where a split has none, or it has another shape, or an example has nothing that was observed.

    >>> from vaejax.data import arrays
    >>> data = arrays(np.zeros((10, 4), np.uint8))
    >>> seen = {name: np.ones(split.shape, bool) for name, split in data.splits.items()}
    >>> with_observed(data, seen).raw("test").observed.shape
    (1, 4)
    """
    found = {name: np.asarray(one, bool) for name, one in _by_split(data, "observed", observed).items()}
    for name, one in found.items():
        expected = (len(data.splits[name]), *data.data_shape)
        if one.shape != expected:
            raise DataError(f"observed must be of the shape of x, {expected} in {name} of {data.name}, got {one.shape}")
        empty = np.flatnonzero(~one.reshape(len(one), -1).any(1))
        if len(empty):
            raise DataError(f"nothing was observed of example {empty[0]} of {name}: leave such examples out")
    return data._replace(observed=found)


def missing_at_random(data: Data, rate: Number, seed: Number = 0) -> Data:
    """The data of which each value is missing with this probability, whatever it is, by a mask that is drawn once.

    Where a mask would leave nothing of an example, one value of it stays. What was missing before stays missing.

    >>> from vaejax.data import arrays
    >>> masked = missing_at_random(arrays(np.zeros((100, 50), np.uint8)), 0.3)
    >>> round(float(masked.observed["train"].mean()), 1)
    0.7
    """
    require_number("the rate of what is missing", rate, least=0.0, most=1.0)
    rng = np.random.default_rng(require_count("seed", seed, least=0))
    observed = {}
    for name, split in data.splits.items():
        shape = (len(split), *data.data_shape)
        before = data.observed.get(name, np.ones(shape, bool)).reshape(len(split), -1)
        draws = rng.random(before.shape)
        kept = np.where(before, draws, -1.0).argmax(1)
        seen = before & ((draws >= rate) | (np.arange(before.shape[1]) == kept[:, None]))
        observed[name] = seen.reshape(shape)
    return with_observed(data, observed)


def one_hot_labels(data: Data) -> Data:
    """The data whose context is the label of each example, one-hot as floats: for models conditional on the class.

    >>> from vaejax.data import digits
    >>> one_hot_labels(digits()).raw("test").context.shape
    (300, 10)
    """
    num = 1 + max(int(labels.max()) for labels in _labels(data).values())
    return with_context(data, {name: np.eye(num, dtype=np.float32)[labels] for name, labels in _labels(data).items()})


def few_labels(data: Data, num_labelled: Number, seed: Number = 0) -> Data:
    """The data whose context is the label of `num_labelled` training examples, the same number of each class, and -1,
    unknown, of all others, validation and test included: for `vj.variants.labelled`.

    Raises: DataError where that many cannot be had of each class.

    >>> from vaejax.data import digits
    >>> int((few_labels(digits(), 100).raw("train").context >= 0).sum())
    100
    """
    labels, num = _labels(data), require_count("num_labelled", num_labelled)
    classes, counts = np.unique(labels["train"], return_counts=True)
    each, rest = divmod(num, len(classes))
    if rest or each > counts.min():
        raise DataError(
            f"num_labelled must be a multiple of the {len(classes)} classes of {data.name} and at most "
            f"{counts.min() * len(classes)}, got {num}"
        )
    rng = np.random.default_rng(require_count("seed", seed, least=0))
    known = {name: np.full(len(one), UNKNOWN, np.int32) for name, one in labels.items()}
    for one in classes:
        rows = rng.permutation(np.flatnonzero(labels["train"] == one))[:each]
        known["train"][rows] = one
    return with_context(data, known)


def zero_unseen(x: Any, observed: Any) -> Any:
    """x with zeros where it was not observed, so that what stands there need not be data."""
    if observed is None:
        return x
    x, observed = np.asarray(x), np.asarray(observed, bool)
    if x.shape != observed.shape:
        raise DataError(f"observed must be of the shape of x, {x.shape}, got {observed.shape}")
    return np.where(observed, x, np.zeros((), x.dtype))


def beside_rows(name: str, given: PyTree, num: int, rows: Mapping[str, np.ndarray]) -> dict[str, PyTree] | None:
    """What lies beside one array, split as it is."""
    if given is None:
        return None
    given = jax.tree.map(np.asarray, given)
    for leaf in jax.tree.leaves(given):
        if leaf.ndim == 0 or len(leaf) != num:
            raise DataError(f"what lies beside {name} must have a row for each of its {num} examples, got {leaf.shape}")
    return {split: jax.tree.map(lambda leaf, index=index: leaf[index], given) for split, index in rows.items()}


def _labels(data: Data) -> dict[str, np.ndarray]:
    missing = [name for name in NAMES if name not in data.labels]
    if missing:
        raise DataError(f"{data.name} has no labels for {', '.join(missing)}: data.labels has {sorted(data.labels)}")
    return {name: np.asarray(data.labels[name]) for name in NAMES}


def _by_split(data: Data, what: str, given: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(given, Mapping) or sorted(given) != sorted(NAMES):
        got = sorted(given) if isinstance(given, Mapping) else type(given).__name__
        raise DataError(f"{what} of {data.name} must be a dict with train, validation and test, got {got}")
    return {name: given[name] for name in NAMES}


def _rows(data: Data, name: str, context: Mapping[str, PyTree]) -> list[tuple[str, np.ndarray | Rows]]:
    """The leaves of a split's context, each with a number for each example."""
    num, leaves = len(data.splits[name]), list(leaves_by_path(context[name]).items())
    for where, leaf in leaves:
        called = f"the context {where} of {name}" if where else f"the context of {name}"
        if leaf.dtype.kind not in "fiub":
            raise DataError(f"{called} must be numbers, got {leaf.dtype}")
        if leaf.ndim == 0 or len(leaf) != num:
            raise DataError(f"{called} must have a row for each of its {num} examples, got shape {leaf.shape}")
        if leaf.dtype.kind == "f" and not np.isfinite(leaf).all():
            raise DataError(f"{called} must be finite")
    return leaves
