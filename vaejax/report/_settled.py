"""Was training long enough? A verdict in words, from what the held-out bound did at the end."""

from __future__ import annotations

import numpy as np

from vaejax.report._members import Members, label, measure
from vaejax.report._words import count, listed, number

LIMIT = 0.1  # nats
MOST_NAMED = 4
SETTLED = "A learning rate that falls to zero settles any run; a longer one may still gain."


def settled(flat: Members) -> str:
    """All is settled, or which members are not, by how much; nothing where no drift was recorded."""
    drift = measure(flat, "drift")
    if not np.isfinite(drift[flat.ok]).any():
        return ""
    size = np.abs(np.nan_to_num(drift))
    moving = sorted((int(i) for i in np.flatnonzero(flat.ok & (size >= LIMIT))), key=lambda i: -size[i])
    if not moving:
        who = "every member's bound" if len(flat.settings) > 1 else "the bound"
        return f"Long enough: {who} changed by less than {LIMIT:g} nats over the last 20% of the epochs. {SETTLED}"
    named = [f"{label(flat, i)} ({number(drift[i], sign=True)} nats)" for i in moving[:MOST_NAMED]]
    named += [f"{len(moving) - MOST_NAMED:,} more"] if len(moving) > MOST_NAMED else []
    rising = any(drift[i] > 0 for i in moving)
    advice = "Train longer before you trust them." if rising else "They were falling: the best epoch was kept."
    chosen = " The chosen member is one of them." if flat.chosen in moving else ""
    who = f"{len(moving):,} of {count(len(flat.settings), 'member')}"
    return (
        f"Perhaps not long enough: {who} changed by {LIMIT:g} nats or more over the last 20% of the epochs: "
        f"{listed(named)}. {advice}{chosen}"
    )
