import os
from typing import Any

from vaejax import store
from vaejax.errors import VaejaxError
from vaejax.numerics import leaves_by_path
from vaejax.transfer._names import fits, nested, require_all_fit
from vaejax.types import Params


def part_of(params: Params, *names: str) -> dict[str, Any]:
    """Those of the parameters that fit one of these names, and no others: the rest of a target starts anew.

    A name like "encoder" or "encoder/hidden_0" stands for all below it; "*" stands for anything, as in "*/kernel".
    Raises: VaejaxError where a name fits nothing.

    >>> part_of({"encoder": {"output": {"bias": 1.0}}, "decoder": {"output": {"bias": 2.0}}}, "encoder")
    {'encoder': {'output': {'bias': 1.0}}}
    """
    leaves = leaves_by_path(params)
    require_all_fit(names, leaves)
    return nested({path: leaf for path, leaf in leaves.items() if any(fits(path, name) for name in names)})


def read_params(path: str | os.PathLike[str], *names: str, under: str = "") -> dict[str, Any]:
    """Parameters from a folder that `vaejax.store.save` wrote, whatever tree they were: those that fit, or all.

    under: where in that tree they were, like "params". A finished run is opened by `vj.load_member`, which knows the
    model too; `part_of` takes a part of its parameters.
    Raises: VaejaxError in one line where the folder is missing or damaged, or holds nothing of that name.

    >>> import tempfile
    >>> import numpy as np
    >>> folder = tempfile.mkdtemp() + "/saved"
    >>> store.save(folder, {"params": {"encoder": {"bias": np.ones(2)}, "decoder": {"bias": np.zeros(3)}}})
    >>> read_params(folder, "encoder", under="params")
    {'encoder': {'bias': array([1., 1.])}}
    """
    arrays, _ = store.read(path)
    inside = store.arrays_under(arrays, under)
    if not inside:
        raise VaejaxError(f"{path} holds nothing under {under!r}; there are {', '.join(arrays) or 'no arrays'}")
    return part_of(nested(inside), *(names or ("*",)))
