import numpy as np

from vaejax.errors import DataError
from vaejax.families import UNIT_INTERVAL
from vaejax.likelihoods import bernoulli

from ._rows import mapped
from ._support import extremes, holds
from ._types import Data
from ._views import binarised, scaled, seen_through


def binarise_dynamic(data: Data) -> Data:
    """x ~ Bernoulli(v/(n-1)), drawn anew each time an example is seen; the raw examples stay.

    Salakhutdinov and Murray (2008), as in most tables of binary MNIST; test bounds then depend on the draw as well.
    Raises `DataError` on floats outside of [0, 1], which are no probabilities.

    >>> from vaejax.data import arrays
    >>> binarise_dynamic(arrays(np.full((10, 4), 255, np.uint8))).preparation
    'Bernoulli(v/255), drawn anew'
    """
    require_probabilities(data)
    return seen_through(data, binarised(data.levels))._replace(likelihood=bernoulli())


def binarise_threshold(data: Data, at: float = 0.5) -> Data:
    """x = 1 where v/(n-1) > at, else 0, once and for all: the raw examples become uint8 0 and 1.

    Floats are compared as they are. Raises `DataError` if `at` leaves only zeros or only ones.

    >>> from vaejax.data import arrays
    >>> data = binarise_threshold(arrays(np.tile([0.2, 0.5, 0.7], (10, 1))))
    >>> data.train[0].tolist(), data.preparation
    ([0, 0, 1], 'v, one where v > 0.5')
    """
    require_values(data)
    top = 1 if data.levels is None else data.levels - 1
    bits = [mapped(split, lambda v: (v / top > at).astype(np.uint8), np.uint8) for split in data.splits.values()]
    if len({int(bit) for bit in extremes(bits)}) == 1:
        least, largest = (end / top for end in extremes(data.splits.values()))
        raise DataError(
            f"a threshold at {at:g} turns every value of {data.name} into {int(extremes(bits)[0])}: choose one between "
            f"its least value, {least:g}, and its largest, {largest:g}"
        )
    word = "v" if top == 1 else f"v/{top}"
    cut = data._replace(train=bits[0], validation=bits[1], test=bits[2], levels=2, likelihood=bernoulli())
    return seen_through(cut, scaled(2)._replace(preparation=f"v, one where {word} > {at:g}"))


def require_probabilities(data: Data) -> None:
    """Refuse floats outside of [0, 1], and what is rendered."""
    require_values(data)
    if data.levels is None and not all(holds(UNIT_INTERVAL, split) for split in data.splits.values()):
        raise DataError(
            f"binarisation draws x with probability v, and {data.name} has values outside of [0, 1]: scale "
            "them to [0, 1], or cut them at a value (data.binarise_threshold)"
        )


def require_values(data: Data) -> None:
    """Refuse data whose raw examples are not the values of `x`."""
    if data.is_rendered:
        raise DataError(
            f"{data.name} is rendered ({data.preparation}), on {data.support}, and has no values to be binarised or "
            "seen as greys: leave that out, or render it first and give the pictures to data.arrays"
        )
