"""What the doctor says, and the table as it is looked at: a flat list of members."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vaejax.answer._reason import named, varying

if TYPE_CHECKING:
    import xarray as xr


class Remedy(NamedTuple):
    """What to try, in a sentence, and as a grid: axis -> values, under the names of `vaejax sweep`; or as Python."""

    text: str
    grid: Mapping[str, tuple[Any, ...]] = {}  # never changed
    python: str = ""


class Finding(NamedTuple):
    """A failure by its name, the members that show it, the evidence in numbers, and what to do."""

    name: str
    members: tuple[Mapping[str, Any], ...]
    evidence: str
    remedies: tuple[Remedy, ...]


class Diagnosis(NamedTuple):
    """findings: none where all is well. not_looked_for: by the name of a failure, why it could not be seen."""

    findings: tuple[Finding, ...]
    not_looked_for: Mapping[str, str]


class Chart(NamedTuple):
    """axes: by member. columns: `[member]`, histories `[member, segment]`. ok: who did not diverge.

    ends: the epoch at the end of each segment.
    """

    axes: Mapping[str, list[Any]]
    columns: Mapping[str, np.ndarray]
    ok: np.ndarray
    ends: np.ndarray
    attrs: Mapping[str, Any]

    def values(self, index: int) -> dict[str, Any]:
        """Where a member stands."""
        return {name: values[index] for name, values in self.axes.items()}

    def called(self, index: int) -> str:
        """`beta 50, latent size 8, seed 0`, of the axes that vary."""
        everyone = [self.values(i) for i in range(len(self.ok))]
        return named(everyone[index], varying(everyone)) if len(everyone) > 1 else "the one member"

    def levels(self, axis: str, mask: np.ndarray) -> list[float]:
        """The numbers on an axis of some members, rising; none where there is no such axis."""
        if not self.has(axis):
            return []
        return sorted({value for value, here in zip(self.axes[axis], mask, strict=True) if here})

    @property
    def quarter(self) -> int:
        """A quarter of the epochs, at least one."""
        return max(1, int(self.attrs.get("epochs", 40)) // 4)

    def has(self, name: str) -> bool:
        """Whether there is such a column, or an axis of numbers."""
        return name in self.columns or all(isinstance(value, int | float) for value in self.axes.get(name, [""]))


class Check(NamedTuple):
    """needs: columns, axes or attributes it cannot do without. look: a finding, `None`, or why it could not be seen."""

    name: str
    needs: tuple[str, ...]
    look: Callable[[Chart], Finding | str | None]


def chart_of(dataset: "xr.Dataset") -> Chart:
    """Every member, whatever the axes are called."""
    dataset = dataset if dataset["status"].dims else dataset.expand_dims("point")  # a table of one member, no axes
    dims = dataset["status"].dims
    kept = [name for name in dataset.data_vars if set(dims) <= set(dataset[name].dims)]
    flat = dataset[kept].stack(member_=dims, create_index=False).transpose("member_", ...)
    in_order = [name for dim in dims for name in dataset.coords if dataset[name].dims == (dim,)]
    axes = {str(name): flat[name].values.tolist() for name in in_order}
    columns = {str(name): flat[name].values for name in kept}
    ends = dataset["epoch"].values if "epoch" in dataset.coords else np.zeros(0)
    return Chart(axes, columns, columns["status"].astype(str) == "ok", ends, dataset.attrs)


def finding(
    chart: Chart, name: str, mask: np.ndarray, told: Callable[[int], str], worst: int, *remedies: Remedy
) -> Finding:
    """Of the members of a mask; `told` gives the numbers of one, of which the worst is shown."""
    found = np.flatnonzero(mask)
    members = tuple(chart.values(int(i)) for i in found)
    whose = f"{len(found)} of {len(mask)} members; the plainest, " if len(found) > 1 else ""
    text = f"{whose}{chart.called(worst)}: {told(worst)}."
    return Finding(name, members, text[0].upper() + text[1:], remedies)
