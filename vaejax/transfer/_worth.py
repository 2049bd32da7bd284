from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vaejax.differences import Gap, gap_of
from vaejax.errors import VaejaxError
from vaejax.numerics import require_margin
from vaejax.transfer._saving import Reached, along, along_logs, first, reached

if TYPE_CHECKING:
    import xarray as xr

WORTH, NOT_WORTH, OPEN = "worth it", "not worth it", "not decided"


class Gain(NamedTuple):
    """What a start gains on scratch at a number of target examples, in nats per example of the test split.

    nats, se, reach: the paired difference of bounds, its standard error, and how far off it may be, 97.5% sure on
        either side (`gap_of`). verdict: "worth it" where it is sure to exceed the margin, "not worth it" where it is
        sure not to, else "not decided".
    examples_from_scratch: how many examples scratch needs to be as good, infinite where more than there were.
    examples: how many examples the start needs to be as good as scratch with `num_examples`.
    steps, steps_from_scratch: after how many steps the validation bound is as good as scratch ever was at this size;
        and after how many scratch was.
    overfit, overfit_from_scratch: the bound on the member's own training examples less that on test.
    """

    start: str
    num_examples: int
    nats: float
    se: float
    reach: float
    verdict: str
    examples_from_scratch: float
    examples: Reached
    steps: Reached
    steps_from_scratch: float
    overfit: float
    overfit_from_scratch: float


class Worth(NamedTuple):
    """Whether a source was worth it.

    start: the one that is worth it at most sizes, of equals the one that gains most in the mean. gains: of every start.
    margin_nats: what must be exceeded to matter.
    """

    start: str
    worth: bool
    reason: str
    gains: tuple[Gain, ...]
    margin_nats: float
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        gained = [("start", "examples", "gain (nats)", "", "as scratch with", "overfit (scratch)")]
        saved = [("start", "as scratch with", "needs examples", "", "or steps", "of", "")]
        for gain in self.gains:
            size, steps = f"{gain.num_examples:,}", _count(gain.steps_from_scratch)
            nats, overfit = (
                f"{gain.nats:.2f} ± {gain.reach:.2f}",
                f"{gain.overfit:.1f} ({gain.overfit_from_scratch:.1f})",
            )
            gained.append((gain.start, size, nats, gain.verdict, _count(gain.examples_from_scratch), overfit))
            told = gain.examples.compared_with(gain.num_examples), gain.steps.compared_with(gain.steps_from_scratch)
            saved.append((gain.start, size, str(gain.examples), told[0], str(gain.steps), steps, told[1]))
        return "\n".join([*_table(gained), "", *_table(saved), "", self.reason, *self.warnings])


def worth(
    table: "xr.Dataset", *, scratch: str = "scratch", margin: float = 0.005, margin_nats: float | None = None
) -> Worth:
    """Whether starting from a source was worth it, from `learning_curves`: nats gained at every target size.

    A gain is the difference of test bounds, paired over examples and over seeds, that is over choices of target
    examples too. It must be sure to exceed `margin` of the best bound from scratch, or `margin_nats` in its place, with
    Student's t for the seeds, to be worth it; each such claim is false at most one time in forty, were it the only one.

    Examples saved are read off curves that are lines between sizes in log n, where they first reach what scratch
    does with so many; steps off the histories on validation. The interval around them is where the ends of the
    intervals around the curve do: that of examples is over test examples and seeds, that of steps over seeds alone,
    for validation as it is. Fewer than the smallest size, or than the first look, cannot be told.

    Limits: one source, so that nothing is said of another training of it; what the source cost is not counted.
    Raises: VaejaxError where the table has no such start, or no member of it can be measured.

    >>> import xarray as xr
    >>> bounds = np.array([[[-9.0, -5.0]] * 2, [[-6.0, -5.0]] * 2])[..., None] + np.array([0.1, -0.1])
    >>> dims = ("start", "seed", "num_examples")
    >>> steps = np.broadcast_to([-9.0, -6.0, -5.0], (2, 2, 2, 3))
    >>> found = {"elbo_train": (dims, bounds.mean(-1) + 1), "status": (dims, np.full((2, 2, 2), "ok"))}
    >>> found["elbo_test_examples"] = ((*dims, "test_example"), bounds)
    >>> found["history_validation"] = ((*dims, "step"), steps)
    >>> axes = {"start": ["scratch", "source"], "seed": [0, 1], "num_examples": [10, 1000], "step": [1, 2, 3]}
    >>> answer = worth(xr.Dataset(found, axes))
    >>> answer.worth, answer.gains[0].nats, round(answer.gains[0].examples_from_scratch)
    (True, 3.0, 316)
    """
    starts, sizes = [str(name) for name in table["start"].values], table["num_examples"].values.tolist()
    if scratch not in starts or len(starts) < 2:
        raise VaejaxError(f"expected the start {scratch!r} and another one in the table, got {', '.join(starts)}")
    require_margin(margin, margin_nats)
    ok = (table["status"] == "ok").transpose("start", "seed", "num_examples")
    if not ok.sel(start=scratch).any("seed").all():
        raise VaejaxError(
            "every member from scratch diverged at some size: lower the learning rate, or clip the gradient"
        )
    known = table[["elbo_test_examples", "history_validation", "elbo_train"]].where(ok)
    curve = known["elbo_test_examples"].sel(start=scratch).mean("test_example").mean("seed").values
    allowed = margin * float(np.abs(curve.max())) if margin_nats is None else float(margin_nats)
    gains = tuple(
        _gain(known.sel(start=[start, scratch]), size, curve, allowed)
        for start in starts
        if start != scratch
        for size in sizes
        if bool((ok.sel(start=start, num_examples=size) & ok.sel(start=scratch, num_examples=size)).any())
    )
    if not gains:
        raise VaejaxError("no start but scratch has a member that did not diverge: lower the learning rate")
    by_start = [[gain for gain in gains if gain.start == start] for start in dict.fromkeys(one.start for one in gains)]
    best = max(by_start, key=lambda some: (_num_worth(some), np.mean([gain.nats for gain in some])))
    said = _warnings(int((~ok).sum()), table.sizes["seed"])
    return Worth(best[0].start, _num_worth(best) > 0, _reason(best, allowed, sizes), gains, allowed, said)


def _num_worth(gains: Sequence[Gain]) -> int:
    return sum(gain.verdict == WORTH for gain in gains)


def _gain(pair: "xr.Dataset", size: int, curve: np.ndarray, allowed: float) -> Gain:
    """Of the first of a pair of starts on the second, whose bounds at all sizes are the curve."""
    bounds = pair["elbo_test_examples"].transpose("start", "num_examples", "seed", "test_example").values
    sizes = pair["num_examples"].values.tolist()
    at = sizes.index(size)
    both = np.flatnonzero(np.isfinite(bounds[:, at]).all((0, 2)))
    mine, theirs = bounds[:, at, both]
    gap = gap_of(mine - theirs)
    own = pair["elbo_train"].transpose("start", "num_examples", "seed").values[:, at, both]
    overfit, overfit_from_scratch = (own - bounds[:, at, both].mean(2)).mean(1).tolist()
    steps, steps_from_scratch = _steps(pair.sel(num_examples=size), both)
    return Gain(
        str(pair["start"].values[0]),
        size,
        *gap,
        WORTH if gap.mean - gap.reach > allowed else NOT_WORTH if gap.mean + gap.reach <= allowed else OPEN,
        first(curve, sizes, theirs.mean() + gap.mean, along_logs),
        reached(sizes, [_gap(here, bounds[1, at]) for here in bounds[0]], along_logs),
        steps,
        steps_from_scratch,
        overfit,
        overfit_from_scratch,
    )


def _gap(mine: np.ndarray, theirs: np.ndarray) -> Gap:
    """Of the seeds `[seed, example]` that both have; unknown where there is none."""
    both = np.isfinite(mine).all(1) & np.isfinite(theirs).all(1)
    return gap_of(mine[both] - theirs[both]) if both.any() else Gap(np.nan, np.nan, np.inf)


def _steps(pair: "xr.Dataset", both: np.ndarray) -> tuple[Reached, float]:
    """When the validation bound of the first start is as good as the best of the second, and when that is."""
    mine, theirs = pair["history_validation"].transpose("start", "seed", "step").values[:, both]
    best, taken = int(theirs.mean(0).argmax()), pair["step"].values.tolist()
    gaps = [gap_of((now - theirs[:, best])[:, None]) for now in mine.T]
    return reached(taken, gaps, along), float(taken[best])


def _reason(gains: Sequence[Gain], allowed: float, sizes: Sequence[int]) -> str:
    start, last, limit = gains[0].start, gains[-1], f"the margin of {allowed:.2f} nats"
    told = {verdict: _told([gain for gain in gains if gain.verdict == verdict]) for verdict in (WORTH, NOT_WORTH, OPEN)}
    rest = "".join(f"; {verdict} with {told[verdict]}" for verdict in (OPEN, NOT_WORTH) if told[verdict])
    if not told[WORTH]:
        head = "Not decided" if told[OPEN] else "Not worth it"
        return f"{head}: {start}, the best start, is nowhere sure to gain more than {limit}{rest}."
    least = next(gain for gain in gains if gain.verdict == WORTH)
    with_scratch = f"{least.examples_from_scratch:,.0f}"
    if np.isinf(least.examples_from_scratch):
        with_scratch = f"more than the {max(sizes):,} there were"
    steps = f"{last.steps} of {last.steps_from_scratch:,.0f} steps"
    return (
        f"Worth it: {start} is sure to gain more than {limit} with {told[WORTH]}{rest}. With {least.num_examples:,} it "
        f"is as good as scratch with {with_scratch}. To be as good as scratch with {last.num_examples:,}, it needs "
        f"{last.examples} of them ({last.examples.compared_with(last.num_examples)}), or with all of them {steps} "
        f"({last.steps.compared_with(last.steps_from_scratch)})."
    )


def _told(gains: Sequence[Gain]) -> str:
    """`10 examples (3.00 ± 0.10 nats), 100 (...)`."""
    words = [f"{gain.num_examples:,} ({gain.nats:+.2f} ± {gain.reach:.2f} nats)" for gain in gains]
    of_what = " example (" if gains and gains[0].num_examples == 1 else " examples ("
    return ", ".join(words).replace(" (", of_what, 1)


def _warnings(diverged: int, num_seeds: int) -> tuple[str, ...]:
    found = []
    if diverged:
        found.append(f"{diverged} {'member' if diverged == 1 else 'members'} diverged and had no say.")
    if num_seeds == 1:
        found.append("There is one seed, so intervals leave out how much training and choices of examples vary.")
    return tuple(found)


def _count(value: float) -> str:
    return "never" if np.isinf(value) else f"{value:,.0f}"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Its lines, the first entry of each to the left, the others below one another."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
