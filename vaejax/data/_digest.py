import hashlib

import numpy as np

from ._types import Data


def digest(data: Data) -> str:
    """SHA-256 of what a model can see: dtype, shape and bytes of each split in order, and the preparation.

    The name does not count.

    >>> from vaejax.data import arrays
    >>> digest(arrays(np.zeros((10, 4), np.uint8)))[:12]
    'd0def849793f'
    """
    sha = hashlib.sha256()
    for split in data.splits.values():
        little = np.ascontiguousarray(split, split.dtype.newbyteorder("<"))
        sha.update(f"{little.dtype.str} {little.shape}\n".encode())
        sha.update(little.data)
    sha.update(data.preparation.encode())
    return sha.hexdigest()
