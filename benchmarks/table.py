"""From the seconds of every round to the table: arithmetic alone."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.networks import flops_of
from benchmarks.work import Work

SAME_START, SAME_AFTER, SAME_DRAWN = 1e-4, 0.05, 0.02  # relative: before training, after it, and of what is drawn


class Timing(NamedTuple):
    """Of one way. setup: seconds until its first step was done. seconds: of one step of a member, `[round]`.

    first, after: nats per held example before training and after the steps that are compared.
    """

    setup: float
    seconds: np.ndarray
    first: float | None = None
    after: float | None = None


class Row(NamedTuple):
    """Of one way. setup, whole: seconds; whole is set-up and the median step, times all steps of all members.

    least, middle: seconds of a step of a member. rate: floating-point operations a second, in the middle. of_peak: the
    rate over the machine's in the same round, in the middle; best_of_peak: the best of each. times_ours: its seconds
    over those of the first way in the same round, in the middle.
    """

    way: str
    setup: float
    whole: float
    least: float
    middle: float
    rate: float
    of_peak: float
    best_of_peak: float
    times_ours: float
    first: float | None
    after: float | None


def rows_of(work: Work, timings: Mapping[str, Timing], peaks: Sequence[np.ndarray]) -> list[Row]:
    """A row for each way, the first of which is ours. peaks: rates of each way of measuring the peak, `[round]`.

    >>> from benchmarks.work import WORKS
    >>> ours, theirs = Timing(1.0, np.array([0.01, 0.02])), Timing(2.0, np.array([0.04, 0.04]))
    >>> rows = rows_of(WORKS["fashion"], {"ours": ours, "theirs": theirs}, [np.array([1e11, 2e11])])
    >>> rows[1].times_ours, round(rows[0].of_peak, 3)
    (3.0, 0.269)
    """
    flops, peak, ours = flops_of(work), np.max(peaks, axis=0), next(iter(timings.values()))
    return [
        Row(
            way,
            timing.setup,
            timing.setup + float(np.median(timing.seconds)) * work.whole * (1 if work.num_samples else work.members),
            float(timing.seconds.min()),
            float(np.median(timing.seconds)),
            float(flops / np.median(timing.seconds)),
            float(np.median(flops / timing.seconds / peak)),
            float(flops / timing.seconds.min() / peak.max()),
            float(np.median(timing.seconds / ours.seconds)),
            timing.first,
            timing.after,
        )
        for way, timing in timings.items()
    ]


def disagreements(work: Work, rows: Sequence[Row]) -> list[str]:
    """A sentence for each way that does not do the work of the first."""
    ours, found = rows[0], []
    at_first = SAME_DRAWN if work.num_samples else SAME_START
    for row in rows[1:]:
        for when, value, expected, most in (
            ("before training", row.first, ours.first, at_first),
            ("after as many steps", row.after, ours.after, SAME_AFTER),
        ):
            known = value is not None and expected is not None
            if known and not abs(value - expected) <= most * abs(expected):
                found.append(
                    f"{work.name}: {row.way} is at {value:.3f} nats {when} and {ours.way} at {expected:.3f}: "
                    f"they differ by more than {most:.2%} and do not do the same work"
                )
    return found


HEAD = "| way | set-up, s | whole, s | ms, least | ms, median | GFLOP/s | of peak | at best | times ours | nats |"


def text_of(work: Work, rows: Sequence[Row], rounds: int) -> str:
    """The table of a work in Markdown."""
    lines = [f"### {work.title}", "", f"Milliseconds are of one {work.unit}; {rounds} rounds.", "", HEAD]
    lines.append("|---|" + "---:|" * (HEAD.count("|") - 2))
    for row in rows:
        numbers = [f"{row.setup:.1f}", f"{row.whole:.0f}", f"{1e3 * row.least:.3f}", f"{1e3 * row.middle:.3f}"]
        numbers += [f"{row.rate / 1e9:.0f}", f"{row.of_peak:.0%}", f"{row.best_of_peak:.0%}", f"{row.times_ours:.2f}"]
        nats = [f"{value:.2f}" for value in (row.first, row.after) if value is not None]
        lines.append(f"| {row.way} | {' | '.join(numbers)} | {' → '.join(nats)} |")
    return "\n".join(lines)
