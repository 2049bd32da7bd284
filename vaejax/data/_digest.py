import hashlib

import numpy as np

from vaejax.numerics import leaves_by_path

from ._rows import chunks
from ._types import Data


def digest(data: Data) -> str:
    """SHA-256 of what a model can see: dtype, shape and bytes of each split in order, of what is beside it, and the
    preparation.

    The name and the labels do not count, nor whether a split is in memory or in its file.

    >>> from vaejax.data import arrays
    >>> digest(arrays(np.zeros((10, 4), np.uint8)))[:12]
    'd0def849793f'
    """
    sha = hashlib.sha256()
    for name in data.splits:
        for where, split in leaves_by_path(data.raw(name)).items():
            little = split.dtype.newbyteorder("<")
            sha.update(f"{little.str} {split.shape}{'' if where == 'x' else f' {where}'}\n".encode())
            for chunk in chunks(split):
                sha.update(np.ascontiguousarray(chunk, little).data)
    sha.update(data.preparation.encode())
    return sha.hexdigest()
