"""What one pays, in nats, for each latent size: the table beside the answer."""

from __future__ import annotations

from typing import Any

from vaejax.report._words import nats, number, safe, setting

_HEADS = (
    ("latent size", ""),
    ("beta", "its best"),
    ("loses to the best", "test, nats ± s.e."),
    ("beside the answer", "test, nats ± s.e."),
    ("seeds", ""),
    ("rate", "test, nats"),
    ("distortion", "test, nats"),
    ("active", "units"),
)


def paid(answer: Any) -> str:
    """HTML: a row for each latent size, that of the answer marked; nothing where there are fewer than two."""
    if len(answer.sizes) < 2:
        return ""
    heads = "".join(f'<th scope="col">{head}{f"<small>{unit}</small>" if unit else ""}</th>' for head, unit in _HEADS)
    rows = "\n".join(_row(one, one.latent_size == answer.latent_size) for one in answer.sizes)
    return (
        "<p>Each latent size at its best setting, in the mean over seeds. Losses are differences over the same test "
        "examples and seeds, with one standard error over both; what is below zero is gained.</p>"
        '<div class="scroll" tabindex="0" role="region" aria-label="What each latent size costs"><table>'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(one: Any, chosen: bool) -> str:
    cells = (
        setting(one.beta) if one.beta is not None else number(None),
        nats(one.gap_nats, one.gap_se).removesuffix(" nats"),
        nats(one.pays_nats, one.pays_se).removesuffix(" nats"),
        number(one.num_seeds, 0),
        number(one.rate),
        number(one.distortion),
        number(one.active_units, 1),
    )
    mark = ' <span class="mark">chosen</span>' if chosen else ""
    told = "".join(f"<td>{safe(cell)}</td>" for cell in cells)
    return f'<tr{chosen * " class=chosen"}><th scope="row">{safe(setting(one.latent_size))}{mark}</th>{told}</tr>'
