from vaejax.errors import DataError
from vaejax.families import levels_of
from vaejax.likelihoods import continuous_bernoulli, discretized_logistic

from ._binarise import require_values
from ._rows import Split, mapped
from ._support import holds, tightest
from ._types import Data
from ._views import as_floats, scaled, seen_through


def grey(data: Data) -> Data:
    """x = v/(n-1), the grey values that were there before they were drawn as 0 or 1 anew: undoes `binarise_dynamic`.

    The default likelihood is then discretized_logistic on n levels, or continuous_bernoulli of floats.
    Raises `DataError` where the grey values are gone (a threshold, a draw that was made once).

    >>> import numpy as np
    >>> from vaejax.data import arrays, binarise_dynamic
    >>> data = grey(binarise_dynamic(arrays(np.full((10, 4), 51, np.uint8))))
    >>> data.preparation, data.likelihood.name
    ('v/255', 'discretized_logistic')
    """
    require_values(data)
    held_out = all(_bits(split, data.levels) for split in (data.validation, data.test))
    if data.levels == 2 or (held_out and not _bits(data.train, data.levels)):
        which = "" if data.levels == 2 else " for validation and test"
        raise DataError(f"{data.name} has no grey values{which}: give the data before they are binarised")
    if data.levels is None:
        view = as_floats(tightest(data.splits.values()))
        return seen_through(data, view)._replace(likelihood=continuous_bernoulli())
    return seen_through(data, scaled(data.levels))._replace(likelihood=discretized_logistic(data.levels))


def _bits(split: Split, levels: int | None) -> bool:
    top = 1 if levels is None else levels - 1
    return holds(levels_of(2), mapped(split, lambda v: v / top, float))
