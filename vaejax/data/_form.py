from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from vaejax.types import Family, Support

from ._types import Data
from ._views import View, as_floats, binarised, dequantised, scaled, seen_through

OF_LEVELS: Mapping[str, Callable[..., View]] = {"scaled": scaled, "dequantised": dequantised, "binarised": binarised}
FLOATS = "as_floats"


def form_of(data: Data) -> Data:
    """The data without their examples: how further ones are stored, and what a model sees of them.

    Of data that are rendered these are the pictures.

    >>> from vaejax.data import arrays
    >>> form = form_of(arrays(np.zeros((10, 8, 8), np.uint8), levels=17))
    >>> form.train.shape, form.data_shape, form.levels
    ((0, 8, 8), (8, 8), 17)
    """
    if data.is_rendered:
        pictures = np.zeros((0, *data.data_shape), np.uint8)
        return seen_through(_of(data, pictures), scaled(data.levels or 2))
    return _of(data, np.zeros((0, *data.train.shape[1:]), data.train.dtype))


def _of(data: Data, none: np.ndarray) -> Data:
    view = View(data.view, data.support, data.preparation)
    return Data(data.name, none, none, none, data.levels, data.likelihood, *view)


def noted_form(data: Data) -> dict[str, Any] | None:
    """`form_of` as JSON, which `form_from` reads back; `None` where the view is none that has a name.

    >>> from vaejax.data import arrays
    >>> noted_form(arrays(np.zeros((10, 4), np.uint8)))["view"]
    'scaled'
    """
    form = form_of(data)
    views = {name: make(form.levels) for name, make in OF_LEVELS.items() if form.levels or name == "binarised"}
    names = [name for name, view in {**views, FLOATS: as_floats(form.support)}.items() if view.view is form.view]
    if not names:
        return None
    return {
        "shape": list(form.train.shape[1:]),
        "dtype": str(form.train.dtype),
        "levels": form.levels,
        "view": names[0],
        "support": [repr(end) for end in (form.support.levels, form.support.low, form.support.high)],
        "preparation": form.preparation,
    }


def form_from(found: Mapping[str, Any], name: str, likelihood: Family) -> Data:
    """The form of the data of this name that `noted_form` wrote.

    >>> from vaejax.data import arrays
    >>> data = arrays(np.zeros((10, 4), np.uint8))
    >>> form_from(noted_form(data), "mine", data.likelihood).view is data.view
    True
    """
    levels, low, high = found["support"]
    held = Support(None if levels == "None" else float(levels), float(low), float(high))
    view = as_floats(held) if found["view"] == FLOATS else OF_LEVELS[found["view"]](found["levels"])
    none = np.zeros((0, *found["shape"]), found["dtype"])
    seen = view._replace(preparation=found["preparation"])
    return Data(name, none, none, none, found["levels"], likelihood, *seen)
