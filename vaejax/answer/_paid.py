"""What one pays for a smaller latent size, and gains by a larger one."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from vaejax.answer._paired import paired
from vaejax.answer._settings import Setting


class Paid(NamedTuple):
    """A latent size at its best setting, on test, in the mean over seeds.

    gap_nats, gap_se: what it loses to the best setting of all, with its standard error over examples and seeds.
    pays_nats, pays_se: the same beside the size that was chosen; what is below zero is gained.
    rate, distortion: nats; with active_units `None` where the table has none.
    """

    latent_size: int
    beta: float | None
    gap_nats: float
    gap_se: float
    pays_nats: float
    pays_se: float
    num_seeds: int
    rate: float | None
    distortion: float | None
    active_units: float | None


def paid(sizes: Mapping[Any, Setting], best: Setting, chosen: Any) -> tuple[Paid, ...]:
    """Of each latent size, smallest first; nothing where there is no such axis."""
    return tuple(_paid(size, setting, best, sizes[chosen]) for size, setting in sizes.items() if size is not None)


def _paid(size: int, setting: Setting, best: Setting, chosen: Setting) -> Paid:
    gap, pays = paired(best, setting, "test"), paired(chosen, setting, "test")
    facts = {name: float(values.mean()) for name, values in setting.facts.items()}
    return Paid(
        latent_size=size,
        beta=setting.values.get("beta"),
        gap_nats=gap.mean,
        gap_se=gap.se,
        pays_nats=pays.mean,
        pays_se=pays.se,
        num_seeds=len(setting.seeds),
        rate=facts.get("rate"),
        distortion=facts.get("distortion"),
        active_units=facts.get("active_units"),
    )


def sentence(sizes: Sequence[Paid], chosen: int | None) -> str:
    """What the sizes next to the chosen one pay or gain: `smaller: 4 pays 7.10 ± 0.50 nats; larger: ...`; or nothing.

    >>> pays = {4: 7.1, 8: 0.0, 16: -0.3}
    >>> sentence([Paid(size, 1.0, 0.0, 0.0, pays[size], 0.2, 2, None, None, None) for size in pays], 8)
    'smaller: 4 pays 7.10 ± 0.20 nats; larger: 16 gains 0.30 ± 0.20 nats'
    """
    smaller = [one for one in sizes if chosen is not None and one.latent_size < chosen][-1:]
    larger = [one for one in sizes if chosen is not None and one.latent_size > chosen][:1]
    told = [f"smaller: {_beside(one)}" for one in smaller] + [f"larger: {_beside(one)}" for one in larger]
    return "; ".join(told)


def _beside(one: Paid) -> str:
    verb = "gains" if one.pays_nats < 0 else "pays"
    return f"{one.latent_size} {verb} {abs(one.pays_nats):.2f} ± {one.pays_se:.2f} nats"


def sheet(sizes: Sequence[Paid]) -> str:
    """The sizes as lines of text under one heading, as a terminal shows them."""
    head = ("latent size", "beta", "loses to the best, nats", "seeds", "rate", "distortion", "active")
    rows = [
        (
            str(one.latent_size),
            _number(one.beta, "g"),
            f"{one.gap_nats:.2f} ± {one.gap_se:.2f}",
            str(one.num_seeds),
            _number(one.rate, ".2f"),
            _number(one.distortion, ".2f"),
            _number(one.active_units, ".1f"),
        )
        for one in sizes
    ]
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    lines = ("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows))
    return "\n".join(lines)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
