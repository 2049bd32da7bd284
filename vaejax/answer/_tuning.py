"""With the latent size fixed: what other values of the other hyper-parameters gain."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from vaejax.answer._criteria import likelihood_of
from vaejax.answer._paired import paired
from vaejax.answer._reason import named
from vaejax.answer._settings import settings_of

if TYPE_CHECKING:
    import xarray as xr


class Gain(NamedTuple):
    """What the second grid gained over the values that were used before, nats of log p(x) on test.

    before, member: where the two stand in the grid; `before` without a seed, `member` with its best on validation.
    gain_nats, gain_se: in the mean over seeds, with the standard error of the paired difference over examples and
        seeds; NaN where the values of before diverged.
    """

    before: Mapping[str, Any]
    member: Mapping[str, Any]
    gain_nats: float
    gain_se: float
    reason: str


def gain_of(table: "xr.Dataset", before: Mapping[str, Any]) -> Gain:
    """The best setting of a table beside the one it started from: chosen on validation, what it gained told on test.

    before: the values of the axes of that setting, without the seed.

    >>> import numpy as np, xarray as xr
    >>> values = np.array([[-9.0, -9.2], [-5.0, -5.2], [-6.0, -6.2]])[:, None, :]
    >>> dims, splits = ("learning_rate", "seed"), ("validation", "test")
    >>> examples = {f"log_likelihood_{split}_examples": ((*dims, f"{split}_example"), values) for split in splits}
    >>> status = {"status": (dims, [["ok"], ["ok"], ["ok"]])}
    >>> table = xr.Dataset({**examples, **status}, {"learning_rate": [1e-3, 3e-3, 1e-2], "seed": [0]})
    >>> gain_of(table, {"learning_rate": 1e-3}).reason
    'The second grid gained 4.00 ± 0.00 nats on test: learning rate 0.003.'
    """
    criterion, _ = likelihood_of([table])
    settings, diverged = settings_of([table], criterion)
    nan = float("nan")
    if not settings:
        return Gain(before, {}, nan, nan, f"The second grid gained nothing: all {diverged} of its members diverged.")
    best = max(settings, key=lambda setting: setting.score)
    first = next((setting for setting in settings if dict(setting.values) == dict(before)), None)
    changed = [name for name in best.values if best.values[name] != before[name]]
    if first is None:
        found = named(best.values, best.values)
        reason = f"The values that were used before diverged in the second grid; its best is {found}"
        return Gain(before, best.member, nan, nan, f"{reason}.")
    gap = paired(best, first, "test")
    if not changed:
        reason = f"The second grid gained nothing: of {len(settings)} settings the first is best"
    else:
        unsure = ", which is within its error" if gap.mean < 2 * gap.se else ""
        reason = (
            f"The second grid gained {gap.mean:.2f} ± {gap.se:.2f} nats on test{unsure}: {named(best.values, changed)}"
        )
    return Gain(before, best.member, gap.mean, gap.se, f"{reason}.{_edges(table, best.values)}")


def _edges(table: "xr.Dataset", values: Mapping[str, Any]) -> str:
    """A sentence where the best is at an end of what was tried: beyond it may be better."""
    found = []
    for name, value in values.items():
        tried = table[name].values
        if tried.dtype.kind not in "if" or len(tried) < 2 or name in ("beta", "latent_size"):
            continue
        for end, word in ((tried.min(), "smallest"), (tried.max(), "largest")):
            if value == end and value != 0:
                found.append(f"the {word} {name.replace('_', ' ')}")
    return f" It has {' and '.join(found)} that was tried: there may be better beyond." if found else ""
