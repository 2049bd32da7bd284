"""The contract: what a measure of a grid is, and what it is given."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Array

from vaejax.grid import Program
from vaejax.types import VAE, Key, Params

from ._held import Held
from ._learned import Learned

if TYPE_CHECKING:
    import xarray as xr


class Members(NamedTuple):
    """The members of one program that did not diverge. params: stacked over them. held: what they are measured on.

    learned: features of examples, for measures of sets.
    """

    program: Program
    params: Params
    held: Held
    learned: Learned


Values: TypeAlias = Mapping[str, np.ndarray | str]  # of each column [member, ...], or in words why it is not measured
OfOne: TypeAlias = Callable[[Key, VAE, Params, Held], Mapping[str, Array | str]]


def no_warnings(table: "xr.Dataset") -> Sequence[str]:
    """`Measure.warns` of a measure that has nothing to say."""
    return ()


class Measure(NamedTuple):
    """Columns of the table of a grid, found together.

    name: what they are called together.
    columns: a description of each, with its units, how it was found, and its bias.
    of: the members of one program to each of these columns. Instead of its numbers a column may have a sentence, and a
        `VaejaxError` is one for all of them: it does not apply, and why. Mostly `of_each(...)` of a function of one.
    dims: the names of further dimensions of a column, where it has such.
    warns: sentences for whoever draws a conclusion from the table.
    """

    name: str
    columns: Mapping[str, str]
    of: Callable[[Members], Values]
    dims: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    warns: Callable[["xr.Dataset"], Sequence[str]] = no_warnings
