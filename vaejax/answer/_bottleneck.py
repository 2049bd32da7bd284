"""The smallest latent size that loses nothing that matters, from tables of members."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from vaejax.answer._criteria import BOUND, LIKELIHOOD, criterion_of
from vaejax.answer._paid import Paid, paid
from vaejax.answer._paired import paired, spread_of
from vaejax.answer._reason import reason, still_rising, too_few_draws, varying, warnings
from vaejax.answer._settings import Setting, settings_of
from vaejax.differences import quantile
from vaejax.numerics import require_margin

if TYPE_CHECKING:
    import xarray as xr


NEAR = 10  # margins: settings as near tell how much seeds vary


class Answer(NamedTuple):
    """Which latent size and which beta; `None` where every member diverged or there is no such axis.

    margin_nats: what may be lost. gap_nats, gap_se: what is lost to the best members, on test, with the standard error
        of the paired difference over examples and seeds. decided: whether no smaller size remains possible.
    candidates: the sizes that remain possible, up to the chosen one. member: the chosen member with the best seed.
    by: what members were compared by. sizes: what one pays at each latent size, smallest first.
    """

    beta: float | None
    latent_size: int | None
    margin_nats: float
    gap_nats: float
    gap_se: float
    decided: bool
    reason: str
    candidates: tuple[int, ...]
    warnings: tuple[str, ...]
    member: Mapping[str, Any]
    by: str
    sizes: tuple[Paid, ...]


def bottleneck(
    dataset: "xr.Dataset",
    *more: "xr.Dataset",
    margin: float = 0.005,
    margin_nats: float | None = None,
    by: str = "log_likelihood",
) -> Answer:
    """The smallest latent size whose loss to the best is certain to be below `margin` of the best log likelihood.

    margin_nats: what may be lost, in nats per example, in place of that part: where log p(x) is near zero, or a
        density whose zero means nothing, a part of it is no measure.

    Every setting is scored by its importance-weighted log p(x) on validation, in the mean over seeds, whatever it was
    trained with; a size stands for its best setting. Losses are paired differences over the same examples, noise and
    seeds: unpaired errors are several times the differences that matter. Chosen on validation; gap and its error are
    those on test.

    more: further tables of the same data, as of other seeds where it was undecided. They are joined by the values of
    their axes, and seeds of a setting are pooled.

    A size is certain to be within the margin, or to be out of it, by a bound on its loss that holds 97.5% of the time
    with Student's t for the seeds (`gap_of`): each such claim is false at most one time in forty, were it the only one
    and the best known. What training adds by chance is estimated from all settings within ten margins of the best
    (`spread_of`; worse ones vary more, and are out anyway), never below what the two that are compared show.

    by: a column to compare by, in place of log p(x): "distortion", or what `vj.evaluate` adds, like "frechet_pca". One
    whose direction is not known has a sign, "-energy" where less is better. Where there is one number for each member
    and none for each example, errors are over seeds alone, and as it is of test, the choice is too. "nats" in an
    answer are then the units of that column.

    Where log p(x) is not known, as where codes are points or in tables of before it was kept for each example, the
    bound is used, and a warning says so.

    Raises: VaejaxError where members saw the data differently, so that they are in different units; where tables lack
    an axis of each other, are of different data, splits or settings of training, or hold the same member.

    >>> import numpy as np, xarray as xr
    >>> values = np.array([[-9.0, -9.2], [-5.0, -5.2], [-5.01, -5.19]])[:, None, :]
    >>> dims = ("latent_size", "seed")
    >>> table = xr.Dataset(
    ...     {
    ...         "log_likelihood_validation_examples": ((*dims, "validation_example"), values),
    ...         "log_likelihood_test_examples": ((*dims, "test_example"), values),
    ...         "status": (dims, [["ok"], ["ok"], ["ok"]]),
    ...     },
    ...     {"latent_size": [2, 4, 8], "seed": [0]},
    ... )
    >>> answer = bottleneck(table, margin=0.05)
    >>> answer.latent_size, [round(size.gap_nats, 2) for size in answer.sizes]
    (4, [4.0, 0.0, 0.0])
    """
    require_margin(margin, margin_nats)
    tables = (dataset, *more)
    criterion, told_first = criterion_of(tables, by)
    settings, diverged = settings_of(tables, criterion)
    if not settings:
        return _no_answer(diverged, criterion.column)
    best = max(settings, key=lambda setting: setting.score)
    allowed = margin * abs(best.score) if margin_nats is None else float(margin_nats)
    sizes = _best_by_size(settings)
    spread = spread_of([one for one in settings if best.score - one.score <= NEAR * allowed], "validation")
    gaps = {size: paired(best, setting, "validation", spread) for size, setting in sizes.items()}
    certain = [size for size, gap in gaps.items() if gap.mean + gap.reach < allowed or sizes[size] is best]
    chosen = certain[0]
    open_sizes = (
        [s for s in gaps if s < chosen and gaps[s].mean - gaps[s].reach < allowed] if chosen is not None else []
    )
    gap, told = paired(best, sizes[chosen], "test"), varying([setting.values for setting in settings])
    part = "" if margin_nats is not None else f" ({100 * margin:g}% of the best {criterion.noun})"
    limit = f"the margin of {allowed:.2f}{criterion.unit}{part}"
    chance = quantile(max(len(sizes[chosen].seeds), spread.freedom + 1))
    unfinished = [table.attrs.get("unfinished", "") for table in tables]
    return Answer(
        beta=sizes[chosen].values.get("beta"),
        latent_size=chosen,
        margin_nats=allowed,
        gap_nats=gap.mean,
        gap_se=gap.se,
        decided=not open_sizes,
        reason=reason(criterion, told, best, sizes, chosen, open_sizes, gap, limit),
        candidates=(*open_sizes, chosen) if chosen is not None else (),
        warnings=(
            *told_first,
            *warnings(settings, sizes[chosen], diverged, unfinished, None if not open_sizes else chance),
            *(too_few_draws((best, sizes[chosen]), allowed) if criterion is LIKELIHOOD else ()),
            *(still_rising((best, sizes[chosen]), allowed) if criterion in (LIKELIHOOD, BOUND) else ()),
            *dict.fromkeys(text for table in tables for text in table.attrs.get("warnings", "").splitlines()),
        ),
        member=sizes[chosen].member,
        by=criterion.column,
        sizes=paid(sizes, best, chosen),
    )


def _best_by_size(settings: Sequence[Setting]) -> dict[Any, Setting]:
    """The best setting of every latent size, smallest first."""
    found: dict[Any, Setting] = {}
    for setting in sorted(settings, key=lambda s: (s.values.get("latent_size", 0), -s.score)):
        found.setdefault(setting.values.get("latent_size"), setting)
    return found


def _no_answer(diverged: int, by: str) -> Answer:
    nan = float("nan")
    reason = f"All {diverged} members diverged: lower the learning rate, or clip the gradient."
    return Answer(None, None, nan, nan, nan, False, reason, (), (), {}, by, ())
