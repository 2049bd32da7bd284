from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vaejax.differences import gap_of
from vaejax.errors import VaejaxError

if TYPE_CHECKING:
    import xarray as xr

WORTH, NOT_WORTH, OPEN = "worth it", "not worth it", "not decided"


class Gain(NamedTuple):
    """What a start gains on scratch at a number of target examples, in nats per example of the test split.

    nats, se, reach: the paired difference of bounds, its standard error, and how far off it may be, 97.5% sure on
        either side (`gap_of`). verdict: "worth it" where it is sure to exceed the margin, "not worth it" where it is
        sure not to, else "not decided".
    examples_from_scratch: how many examples scratch needs to be as good, infinite where more than there were.
    steps, steps_from_scratch: after how many steps the validation bound is as good as scratch ever was at this size,
        infinite where it never is; and after how many scratch was.
    overfit, overfit_from_scratch: the bound on the member's own training examples less that on test.
    """

    start: str
    num_examples: int
    nats: float
    se: float
    reach: float
    verdict: str
    examples_from_scratch: float
    steps: float
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
        lines = [f"{'start':20} {'examples':>8}  gain (nats)       as scratch with  steps to it  overfit (scratch)  "]
        for gain in self.gains:
            steps = f"{_count(gain.steps)} of {_count(gain.steps_from_scratch)}"
            overfit = f"{gain.overfit:.1f} ({gain.overfit_from_scratch:.1f})"
            lines.append(
                f"{gain.start:20} {gain.num_examples:>8,}  {gain.nats:7.2f} ± {gain.reach:<6.2f}  "
                f"{_count(gain.examples_from_scratch):>15}  {steps:>11}  {overfit:>17}  {gain.verdict}"
            )
        return "\n".join([*lines, self.reason, *self.warnings])


def worth(table: "xr.Dataset", *, scratch: str = "scratch", margin: float = 0.005) -> Worth:
    """Whether starting from a source was worth it, from `learning_curves`: nats gained at every target size.

    A gain is the difference of test bounds, paired over examples and over seeds, that is over choices of target
    examples too. It must be sure to exceed `margin` of the best bound from scratch, with Student's t for the seeds, to
    be worth it; each such claim is false at most one time in forty, were it the only one. Examples saved are read off
    the curve from scratch, a line between sizes in log n and never falling; steps off the histories on validation.

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
    if not 0 <= margin < 1:
        raise VaejaxError(f"margin must be a part of the best bound from scratch, from 0 to below 1, got {margin!r}")
    ok = (table["status"] == "ok").transpose("start", "seed", "num_examples")
    if not ok.sel(start=scratch).any("seed").all():
        raise VaejaxError(
            "every member from scratch diverged at some size: lower the learning rate, or clip the gradient"
        )
    known = table[["elbo_test_examples", "history_validation", "elbo_train"]].where(ok)
    curve = known["elbo_test_examples"].sel(start=scratch).mean("test_example").mean("seed").values
    allowed = margin * float(np.abs(curve.max()))
    gains = tuple(
        _gain(known.sel(num_examples=size), start, scratch, (sizes, curve), allowed)
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


def _gain(at: "xr.Dataset", start: str, scratch: str, curve: tuple[Sequence[int], np.ndarray], allowed: float) -> Gain:
    """At one size."""
    bounds = at["elbo_test_examples"].transpose("start", "seed", "test_example")
    mine, theirs = (bounds.sel(start=name).values for name in (start, scratch))
    both = np.isfinite(mine).all(1) & np.isfinite(theirs).all(1)
    gap = gap_of(mine[both] - theirs[both])
    sure = WORTH if gap.mean - gap.reach > allowed else NOT_WORTH if gap.mean + gap.reach <= allowed else OPEN
    level = theirs[both].mean() + gap.mean
    own = at["elbo_train"].transpose("start", "seed")
    overfit = [
        float((own.sel(start=name).values - values.mean(1))[both].mean())
        for name, values in ((start, mine), (scratch, theirs))
    ]
    history = at["history_validation"].transpose("start", "seed", "step")
    paths = [history.sel(start=name).values[both].mean(0) for name in (start, scratch)]
    taken = at["step"].values
    goal = paths[1].max()
    return Gain(
        start,
        int(at["num_examples"]),
        *gap,
        sure,
        _examples(level, *curve),
        _first(paths[0], taken, goal),
        _first(paths[1], taken, goal),
        *overfit,
    )


def _examples(level: float, sizes: Sequence[int], curve: np.ndarray) -> float:
    """Where the curve from scratch first is at a level, a line in log n between sizes; its first size if it is above.

    >>> round(_examples(-7.0, [10, 1000], np.array([-9.0, -5.0])))
    100
    """
    return float(np.exp(_first(curve, np.log(sizes), level)))


def _first(path: np.ndarray, places: np.ndarray, level: float) -> float:
    """Where a path first reaches a level, along lines between places; infinite where it never does."""
    above = np.flatnonzero(path >= level)
    if not len(above):
        return float("inf")
    at = int(above[0])
    if at == 0:
        return float(places[0])
    part = (level - path[at - 1]) / (path[at] - path[at - 1])
    return float(places[at - 1] + part * (places[at] - places[at - 1]))


def _reason(gains: Sequence[Gain], allowed: float, sizes: Sequence[int]) -> str:
    start, limit = gains[0].start, f"the margin of {allowed:.2f} nats"
    told = {verdict: _told([gain for gain in gains if gain.verdict == verdict]) for verdict in (WORTH, NOT_WORTH, OPEN)}
    rest = "".join(f"; {verdict} with {told[verdict]}" for verdict in (OPEN, NOT_WORTH) if told[verdict])
    if not told[WORTH]:
        head = "Not decided" if told[OPEN] else "Not worth it"
        return f"{head}: {start}, the best start, is nowhere sure to gain more than {limit}{rest}."
    first = next(gain for gain in gains if gain.verdict == WORTH)
    with_scratch = f"{first.examples_from_scratch:,.0f}"
    if np.isinf(first.examples_from_scratch):
        with_scratch = f"more than the {max(sizes):,} there were"
    text = (
        f"Worth it: {start} is sure to gain more than {limit} with {told[WORTH]}{rest}. With {first.num_examples:,} it "
        f"is as good as scratch with {with_scratch}"
    )
    if np.isfinite(first.steps):
        steps, scratch_steps = _count(first.steps), _count(first.steps_from_scratch)
        text += f", and as good as scratch ever was with them after {steps} steps instead of {scratch_steps}"
    return f"{text}."


def _told(gains: Sequence[Gain]) -> str:
    """`10 examples (3.00 ± 0.10 nats), 100 (...)`."""
    words = [f"{gain.num_examples:,} ({gain.nats:+.2f} ± {gain.reach:.2f} nats)" for gain in gains]
    return ", ".join(words).replace(" (", " examples (", 1)


def _warnings(diverged: int, num_seeds: int) -> tuple[str, ...]:
    found = []
    if diverged:
        found.append(f"{diverged} {'member' if diverged == 1 else 'members'} diverged and had no say.")
    if num_seeds == 1:
        found.append("There is one seed, so intervals leave out how much training and choices of examples vary.")
    return tuple(found)


def _count(value: float) -> str:
    return "never" if np.isinf(value) else f"{value:,.0f}"
