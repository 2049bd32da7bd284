"""What the page shows of one run; several of them make a page that compares runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from vaejax.answer import Answer
    from vaejax.report._portrait import Portrait


class Shown(NamedTuple):
    """One run, as the page shows it; what is not known is left out, and `missing` says why.

    dataset: what the grid measured, whatever its axes; one dimension `point` is a list of members.
    answer: the sentence and what it rests on; `None` where the run has not come to one.
    rounds: the tables of further grids, where a search trained more than one; they have the axes of the first.
    portraits: what members look like, by their place among all members (those of the first grid, then of each round).
    examples: `[n, *data_shape]`, of the test split: those that portraits reconstruct.
    labels: `[k]`, integers: the class of each example whose code portraits place; `None` where there are none.
    entries: what the entries of an event are called, where it is a row of a table; empty where they have no names.
    commands: what makes a member again at the command line, by its place.
    facts: how the run was made, by name (`seconds in all`, `devices`), beside the attributes of `dataset`.
    missing: a sentence for each thing that is not there, with its reason.
    name: what the run is called on a page of several.
    """

    dataset: xr.Dataset
    answer: Answer | None = None
    rounds: tuple[xr.Dataset, ...] = ()
    portraits: Mapping[int, Portrait] = MappingProxyType({})
    examples: np.ndarray | None = None
    labels: np.ndarray | None = None
    entries: tuple[str, ...] = ()
    commands: Mapping[int, str] = MappingProxyType({})
    facts: Mapping[str, Any] = MappingProxyType({})
    missing: tuple[str, ...] = ()
    name: str = ""
