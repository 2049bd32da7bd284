from typing import NoReturn

import numpy as np

from vaejax.errors import DataError
from vaejax.families import COUNTS, UNIT_INTERVAL, levels_of
from vaejax.types import Family, Support

from ._raw import at
from ._support import extremes, first_bad, holds, tightest
from ._types import Data
from ._views import as_floats, dequantised, scaled, seen_through

BINARISE = "binarise (--binarise dynamic or threshold; data.binarise_dynamic or data.binarise_threshold)"
MASSES = "(--likelihood binomial or discretized_logistic)"
BERNOULLI = "use bernoulli (--likelihood bernoulli)"
DENSITY = "use a density that holds them (--likelihood normal"
CAST = ", or, if they are counts, read them as x.astype(np.int32)"


def fitted(data: Data, likelihood: Family) -> Data:
    """The data as the likelihood may see them, so that it is a distribution on the values of `x`, and normalised.

    Integer data of n levels: a mass function on n levels sees v/(n-1); a density sees (v + u)/n, u uniform, since a
    density on a few points has no upper bound. Binary data, also those drawn anew, are for likelihoods on {0, 1}
    alone. Floats, and integers that are no grey levels, are seen as they are, and every one of them must lie in the
    support (within 1e-6 of a level or a count). uint8 are grey levels: counts are integers of another type.

    Raises `DataError` with what was expected, what came and every fix.

    >>> from vaejax.data import arrays
    >>> from vaejax.likelihoods import normal
    >>> fitted(arrays(np.full((10, 4), 16, np.uint8), levels=17), normal()).preparation
    '(v + u)/17, u uniform on [0, 1) and drawn anew'
    """
    if not isinstance(likelihood, Family):
        raise DataError(
            f"expected a likelihood, such as vaejax.likelihoods.bernoulli(), and got {_called(likelihood)}: call it"
            if callable(likelihood)
            else f"expected a likelihood, such as vaejax.likelihoods.bernoulli(), and got {likelihood!r}"
        )
    if data.is_rendered:
        return _rendered(data, likelihood)
    if _is_drawn(data):
        return _binary(data, likelihood)
    return (_floats if data.levels is None else _integers)(data, likelihood)


def _called(factory: object) -> str:
    return f"the function {getattr(factory, '__name__', factory)}"


def _is_drawn(data: Data) -> bool:
    """Whether x is drawn as 0 or 1 while the raw examples are grey."""
    if data.support.levels != 2:
        return False
    if data.levels is None:
        return not all(holds(levels_of(2), split) for split in data.splits.values())
    return data.levels > 2


def _rendered(data: Data, likelihood: Family) -> Data:
    """The view makes the values, so it stays, and the likelihood must be one on just those."""
    if likelihood.support == data.support:
        return data._replace(likelihood=likelihood)
    where = f"{data.name} is rendered on {data.support}"
    _refuse(likelihood, f"{where}: use a likelihood there, such as its own, {data.likelihood.name}")


def _binary(data: Data, likelihood: Family) -> Data:
    if likelihood.support.levels == 2:
        return data._replace(likelihood=likelihood)
    if data.levels == 2:
        undo = CAST if likelihood.support == COUNTS else ""
    else:
        undo = ", or give the data before they are binarised (data.grey)"
    _refuse(likelihood, f"{data.name} is binary: {BERNOULLI}{undo}", density="has no upper bound on two points")


def _integers(data: Data, likelihood: Family) -> Data:
    wanted, levels = likelihood.support.levels, data.levels
    if wanted == levels == 2:
        return data._replace(likelihood=likelihood)
    if levels is None or levels == 2:
        return _binary(data, likelihood)
    if wanted is None:
        if not (likelihood.support.low <= 0 and likelihood.support.high >= 1):
            _refuse(likelihood, f"{data.name} is in [0, 1]: use a density there, such as continuous_bernoulli")
        return seen_through(data, dequantised(levels))._replace(likelihood=likelihood)
    if wanted == levels:
        return seen_through(data, scaled(levels))._replace(likelihood=likelihood)
    has = f"{data.name} has {levels} grey levels"
    if wanted == 2:
        _refuse(
            likelihood,
            f"{has}, so cross-entropy on them is no likelihood: {BINARISE}, or use a likelihood of {levels} levels "
            f"{MASSES}",
        )
    if likelihood.support == COUNTS:
        _refuse(likelihood, f"{has}: use a likelihood of {levels} levels {MASSES}{CAST}")
    largest = extremes(data.splits.values())[1]
    again = f", or say levels={wanted} when the data are read, if they have {wanted}" if largest < wanted else ""
    _refuse(likelihood, f"{has}: use a likelihood of {levels} levels {MASSES}{again}, or {BINARISE}")


def _floats(data: Data, likelihood: Family) -> Data:
    support = likelihood.support
    for name, split in data.splits.items():
        bad = first_bad(support, split)
        if bad is not None:
            where = f"{name}[{', '.join(map(str, bad))}] of {data.name} is {np.float64(at(split, bad)):.7g}"
            _refuse(likelihood, f"{where}: {_fixes(data, support)}")
    held = support if support.levels else tightest(data.splits.values())
    return seen_through(data, as_floats(held))._replace(likelihood=likelihood)


def _fixes(data: Data, support: Support) -> str:
    if support == COUNTS:
        return f"give the counts themselves, before any scaling, or {DENSITY})"
    unit = all(holds(UNIT_INTERVAL, split) for split in data.splits.values())
    if not unit:
        return f"{DENSITY}), or scale them to [0, 1]"
    binarise = f"{BINARISE}, or " if support.levels == 2 else ""
    return f"{binarise}{DENSITY} or continuous_bernoulli)"


def _refuse(likelihood: Family, but: str, density: str = "") -> NoReturn:
    support = likelihood.support
    if support.levels is None:
        what = f"a density on {support}" + (f", which {density}," if density else "")
    else:
        what = f"a distribution on {support} only"
    raise DataError(f"{likelihood.name} is {what} and {but}")
