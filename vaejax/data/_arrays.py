from collections.abc import Mapping
from typing import Any

import numpy as np

from vaejax.errors import DataError
from vaejax.families import UNIT_INTERVAL
from vaejax.likelihoods import bernoulli, continuous_bernoulli, discretized_logistic
from vaejax.types import Family

from ._beside import beside_rows, with_context, with_observed, zero_unseen
from ._files import NAMES
from ._fitted import fitted
from ._named import columns_of, with_entry_names
from ._raw import as_raw, at
from ._rows import Split, cast, taken
from ._support import extremes, first_bad, tightest
from ._types import Data
from ._views import as_floats, scaled

LEAST = 10  # examples, so that every tenth is one


def arrays(
    train: Any,
    validation: Any = None,
    test: Any = None,
    *,
    name: str = "arrays",
    levels: int | None = None,
    likelihood: Family | None = None,
    context: Any = None,
    observed: Any = None,
) -> Data:
    """Arrays `[N, *data_shape]` of numpy, jax, torch, ... as data: all three splits, or one that is split 80/10/10.

    Tables of pandas and polars are arrays too, and their columns name the entries of x.

    One array is permuted by `np.random.default_rng(0).permutation(N)`; its first N - 2(N // 10) rows are train, the
    next N // 10 validation, the last N // 10 test. uint8 are grey levels: `levels` of them, by default 256, or 2 if
    no value exceeds 1. bool are 2 levels. Floats lie in [0, 1] and are kept as float32. Other integers and other
    floats are taken as they are (float32) for a `likelihood` whose support holds every one of them.
    Default likelihoods: bernoulli on two levels or on floats that are all 0 or 1, discretized_logistic on n levels,
    continuous_bernoulli on other floats. A numpy memmap of 1 GiB or more stays in its file: its splits are `Rows`.
    context: what models may look at, with a row for each example (`with_context`). observed: true where a value was
    seen, of the shape of x (`with_observed`); it does not matter what, NaN included, stands where it is false. Of one
    array they are split as it is; of three they are dicts by split.
    Raises `DataError` on anything else, on NaN, and on text.

    >>> data = arrays(np.arange(1797 * 4, dtype=np.uint8).reshape(1797, 2, 2))
    >>> [len(split) for split in data.splits.values()], data.levels, data.likelihood.name
    ([1439, 179, 179], 256, 'discretized_logistic')
    """
    given = [array is not None for array in (train, validation, test)]
    if not given[0] or given[1] != given[2]:
        missing = ", ".join(split for split, there in zip(NAMES, given, strict=True) if not there)
        raise DataError(
            f"{name}: expected train, validation and test, or one array to split; no {missing} was given: give all "
            "three, or join them into one"
        )
    if given[1]:
        three = dict(zip(NAMES, (train, validation, test), strict=True))
        seen = observed if isinstance(observed, Mapping) else {}
        splits = [as_raw(f"{split} of {name}", zero_unseen(a, seen.get(split))) for split, a in three.items()]
        _require_same(name, splits)
    else:
        whole = as_raw(name, zero_unseen(train, observed))
        rows = dict(zip(NAMES, split_rows(name, len(whole)), strict=True))
        splits = [taken(whole, rows[split]) for split in NAMES]
        context, observed = (beside_rows(name, one, len(whole), rows) for one in (context, observed))
    make = _grey if splits[0].dtype in (np.uint8, np.bool_) else _numbers
    data = make(name, splits, levels, likelihood)
    data = data if context is None else with_context(data, context)
    data = data if observed is None else with_observed(data, observed)
    return with_entry_names(data, names) if (names := columns_of(train)) else data


def split_rows(name: str, num: int) -> list[np.ndarray]:
    """The rows of the three splits of one array: a fixed permutation cut 80/10/10."""
    if num < LEAST:
        raise DataError(
            f"{name} has {num} examples and at least {LEAST} are needed to split off a tenth for validation and "
            "a tenth for test: give more, or all three splits"
        )
    tenth = num // 10
    return np.split(np.random.default_rng(0).permutation(num), [num - 2 * tenth, num - tenth])


def _require_same(name: str, splits: list[Split]) -> None:
    shapes = [split.shape[1:] for split in splits]
    if len(set(shapes)) > 1:
        listed = ", ".join(f"{split} {shape}" for split, shape in zip(NAMES, shapes, strict=True))
        raise DataError(f"the splits of {name} must hold examples of one shape; got {listed}")
    types = [split.dtype for split in splits]
    if len(set(types)) > 1:
        listed = ", ".join(f"{split} {dtype}" for split, dtype in zip(NAMES, types, strict=True))
        raise DataError(f"the splits of {name} must be of one type; got {listed}: cast them alike")


def _grey(name: str, splits: list[Split], levels: int | None, likelihood: Family | None) -> Data:
    bits = splits[0].dtype == np.bool_
    splits = [cast(split, np.uint8) for split in splits]
    largest = int(extremes(splits)[1])
    if levels is None:
        levels = 2 if bits or largest <= 1 else 256
    levels = _require_levels(name, levels, largest, bits)
    default = bernoulli() if levels == 2 else discretized_logistic(levels)
    train, validation, test = splits
    data = Data(name, train, validation, test, levels, default, *scaled(levels))
    return data if likelihood is None else fitted(data, likelihood)


def _require_levels(name: str, levels: Any, largest: int, bits: bool) -> int:
    if isinstance(levels, bool) or not isinstance(levels, int | np.integer) or not 2 <= levels <= 256:
        raise DataError(f"levels must be a whole number from 2 to 256, the number of values of a uint8; got {levels!r}")
    if bits and levels != 2:
        raise DataError(f"{name} is bool, which has 2 levels; got levels={levels}: cast it to uint8")
    if largest >= levels:
        raise DataError(f"{name} has the value {largest}, and levels={levels} means 0 to {levels - 1}: say more levels")
    return int(levels)


def _numbers(name: str, splits: list[Split], levels: int | None, likelihood: Family | None) -> Data:
    dtype = splits[0].dtype
    if levels is not None:
        raise DataError(
            f"levels={levels} counts the values of uint8 data, and {name} is {dtype}: cast it with x.astype(np.uint8), "
            "or leave levels out"
        )
    if likelihood is None:
        _require_unit(name, splits, dtype)
    splits = [cast(split, np.float32) for split in splits]
    support = tightest(splits)
    default = bernoulli() if support.levels == 2 else continuous_bernoulli()
    train, validation, test = splits
    data = Data(name, train, validation, test, None, default, *as_floats(support))
    return data if likelihood is None else fitted(data, likelihood)


def _require_unit(name: str, splits: list[Split], dtype: np.dtype) -> None:
    ways = (
        "or name a likelihood that holds the values as they are, such as normal (--likelihood normal) or, of counts, "
        "likelihoods.poisson()"
    )
    if dtype.kind != "f":
        raise DataError(
            f"expected uint8, bool, or floats in [0, 1]; {name} is {dtype}: cast grey levels with x.astype(np.uint8), "
            f"{ways}"
        )
    for split, array in zip(NAMES, splits, strict=True):
        bad = first_bad(UNIT_INTERVAL, array)
        if bad is not None:
            raise DataError(
                f"expected floats in [0, 1]; {split}[{', '.join(map(str, bad))}] of {name} is {at(array, bad):g}: "
                f"scale them to [0, 1], {ways}"
            )
