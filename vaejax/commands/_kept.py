import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vaejax import store
from vaejax.errors import OutputError, VaejaxWarning
from vaejax.types import Params

from ._given import Used


def kept(folder: Path, name: str, used: Used, like: Callable[[], Any], fit: Callable[[], Params]) -> Params:
    """What was fitted for a member, read from a folder in that of its run; or fitted now, and kept there.

    like: its structure and shapes. Where it cannot be written it is fitted again the next time, which is said.
    Raises: VaejaxError where what was kept is damaged.
    """
    path = folder / ",".join([name, *(f"{axis}={value:g}" for axis, value in sorted(used.place.items()))])
    if path.exists():
        return store.load(path, like())
    fitted = fit()
    try:
        folder.mkdir(exist_ok=True)
        store.save(path, fitted)
    except (OSError, OutputError) as error:
        warnings.warn(f"{name} could not be kept, and is fitted again the next time: {error}", VaejaxWarning, 2)
    else:
        print(f"{name} was fitted, and is kept in {path}")
    return fitted
