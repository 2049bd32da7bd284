"""Which versions a result was made with. That of vaejax is written here and nowhere else."""

import importlib.metadata
from collections.abc import Iterable

__version__ = "0.1.0"


def versions(packages: Iterable[str]) -> dict[str, str]:
    """The version of vaejax and of each package.

    >>> list(versions(["jax", "numpy"]))
    ['vaejax', 'jax', 'numpy']
    """
    return {"vaejax": __version__, **{name: importlib.metadata.version(name) for name in packages}}
