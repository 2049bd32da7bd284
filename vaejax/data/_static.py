from typing import Any

import numpy as np

from vaejax.errors import DataError
from vaejax.likelihoods import bernoulli

from ._binarise import require_probabilities
from ._rows import Split, chunks
from ._types import Data
from ._views import binarised, scaled, seen_through


def binarise_static(data: Data, seed: int) -> Data:
    """x ~ Bernoulli(v/(n-1)), drawn once for every split: the raw examples become uint8 0 and 1.

    Larochelle and Murray (2011) fixed such a draw of MNIST (theirs is a file; this is a rule). One stream of
    `np.random.RandomState(seed).binomial`, which numpy has frozen, draws validation, then test, then train, so the
    held-out bits are those of `binarise_held_out`. The bits are in memory, also those of large files.
    Raises `DataError` on floats outside of [0, 1].

    >>> from vaejax.data import arrays
    >>> data = binarise_static(arrays(np.full((10, 4), 51, np.uint8)), seed=777)
    >>> data.test.tolist(), data.preparation
    ([[1, 1, 0, 0]], 'v, drawn once from Bernoulli(v/255) with seed 777')
    """
    random = _random(data, seed)
    held_out = [_drawn(random, data, split) for split in (data.validation, data.test)]
    train = _drawn(random, data, data.train)
    fixed = data._replace(train=train, validation=held_out[0], test=held_out[1], levels=2, likelihood=bernoulli())
    word = binarised(data.levels).preparation.split(",")[0]
    return seen_through(fixed, scaled(2)._replace(preparation=f"v, drawn once from {word} with seed {seed}"))


def binarise_held_out(data: Data, seed: int) -> Data:
    """x ~ Bernoulli(v/(n-1)), drawn anew for training and once for validation and test.

    The protocol of published tables of dynamic MNIST and Fashion-MNIST, with seed 777 (Norouzi, Fleet and Norouzi,
    2020, arXiv:2004.04795): one stream of `np.random.RandomState(seed).binomial` draws validation, then test. Their
    raw examples become 0 and n - 1, of which a draw is certain. They are in memory, also those of large files.
    Raises `DataError` on floats outside of [0, 1].

    >>> from vaejax.data import arrays
    >>> data = binarise_held_out(arrays(np.full((10, 4), 51, np.uint8)), seed=777)
    >>> data.train[0].tolist(), data.test.tolist()
    ([51, 51, 51, 51], [[255, 255, 0, 0]])
    """
    random = _random(data, seed)
    held_out = [_certain(_drawn(random, data, split), data) for split in (data.validation, data.test)]
    fixed = data._replace(validation=held_out[0], test=held_out[1], likelihood=bernoulli())
    view = binarised(data.levels)
    once = f"{view.preparation}; validation and test once, with seed {seed}"
    return seen_through(fixed, view._replace(preparation=once))


def _random(data: Data, seed: Any) -> np.random.RandomState:
    require_probabilities(data)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise DataError(f"the seed of a draw must be a whole number from 0 to 2**32 - 1, got {seed!r}")
    return np.random.RandomState(seed)


def _drawn(random: np.random.RandomState, data: Data, split: Split) -> np.ndarray:
    """Bits of the probabilities that the values stand for, in float64 and in order: in pieces, but one stream."""
    top = 1 if data.levels is None else data.levels - 1
    bits, start = np.empty(split.shape, np.uint8), 0
    for piece in chunks(split):
        bits[start : start + len(piece)] = random.binomial(1, np.asarray(piece, np.float64) / top)
        start += len(piece)
    return bits


def _certain(bits: np.ndarray, data: Data) -> np.ndarray:
    return bits.astype(np.float32) if data.levels is None else bits * np.uint8(data.levels - 1)
