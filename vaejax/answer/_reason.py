"""The answer in words: why this setting, and what to be wary of."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from vaejax.answer._criteria import Criterion
from vaejax.answer._paired import paired
from vaejax.answer._settings import Setting
from vaejax.differences import Gap

EDGES = (
    ("latent_size", min, "smallest", "smaller"),
    ("latent_size", max, "largest", "larger"),
    ("beta", min, "smallest", "smaller"),
    ("beta", max, "largest", "larger"),
)
LEAST = {"latent_size": 1}  # there is nothing smaller to try
EFFECTIVE = "effective_sample_size"
PART_OF_MARGIN = 0.1  # what a bias may be without a word
MUCH = 3.0  # times what seeds add by chance, where two would do if it were known


def reason(
    criterion: Criterion,
    told: Collection[str],
    best: Setting,
    sizes: Mapping[Any, Setting],
    chosen: Any,
    open_sizes: Sequence[Any],
    gap: Gap,
    limit: str,
) -> str:
    """What was chosen, what it loses to the best, and what the next smaller size would lose."""
    at_best = f"{criterion.sign * best.test.mean():.2f}{criterion.unit} on test"
    if chosen is None:
        return f"{named(best.values, told)} is best, {at_best}; the grid has no axis latent_size."
    if sizes[chosen] is best:
        text = f"{named(best.values, told)} has the best {criterion.noun}, {at_best}"
    else:
        text = (
            f"{named(sizes[chosen].values, told)} loses {gap.mean:.2f} ± {gap.se:.2f}{criterion.unit} on test to the "
            f"best, {named(best.values, told)}: within {limit}, so a larger latent size gains nothing that matters"
        )
    too_small = [size for size in sizes if size < chosen and size not in open_sizes]
    if too_small:
        lost = paired(best, sizes[too_small[-1]], "test")
        over = "more than the margin" if sizes[chosen] is not best else f"more than {limit}"
        text += f"; latent size {too_small[-1]} loses {lost.mean:.2f} ± {lost.se:.2f}, {over}"
    if open_sizes:
        text += f". Not decided: latent size {' or '.join(map(str, open_sizes))} may do as well; train more seeds"
    return text[0].upper() + text[1:] + "."


def warnings(
    settings: Sequence[Setting], chosen: Setting, diverged: int, unfinished: Sequence[str], open_at: float | None
) -> tuple[str, ...]:
    """What to be wary of, a sentence each. open_at: where it is not decided, how often what seeds add counts."""
    found = [text[0].upper() + text[1:] for text in dict.fromkeys(unfinished) if text]
    if diverged:
        found.append(f"{diverged} {'member' if diverged == 1 else 'members'} diverged and had no say.")
    num = len(chosen.seeds)
    if num == 1:
        found.append("There is one seed, so the standard error leaves out how much training varies: use at least two.")
    elif open_at is not None and open_at > MUCH:
        found.append(
            f"What seeds add by chance is known so badly from {num} seeds that it counts {open_at:.1f} times before "
            "anything is called certain: train more seeds."
        )
    for name, end, superlative, comparative in EDGES:
        values: set[Any] = {setting.values.get(name) for setting in settings} - {None}
        if len(values) > 1 and chosen.values[name] == end(values) != LEAST.get(name):
            found.append(
                f"The answer is the {superlative} {name.replace('_', ' ')} of the grid: try {comparative} ones."
            )
    return tuple(found)


def too_few_draws(compared: Sequence[Setting], margin: float) -> tuple[str, ...]:
    """A sentence where log p(x) of what was compared may be off by what matters.

    The bias of a logarithm of a mean of K weights is about -1 / (2 ESS) nats, and that is what can be seen of it.
    """
    known = [float(np.mean(one.facts[EFFECTIVE])) for one in compared if EFFECTIVE in one.facts]
    if not known or not min(known) > 0 or 0.5 / min(known) < PART_OF_MARGIN * margin:
        return ()
    return (
        f"For half of the examples log p(x) is made of an effective {min(known):.1f} draws of z or fewer, so that it "
        f"is too low, for some members more than for others, by what may matter beside a margin of {margin:.2f} nats: "
        "measure it with more draws (num_samples; `vaejax evaluate RUN --num-samples 5000`).",
    )


def still_rising(compared: Sequence[Setting], margin: float) -> tuple[str, ...]:
    """A sentence where training ended while what was compared was still gaining more than may be lost."""
    gained = max((float(np.nanmean(one.facts["drift"])) for one in compared if _known(one, "drift")), default=0.0)
    if not gained > margin:
        return ()
    return (
        f"The validation bound still rose by {gained:.2f} nats over the last 20% of the epochs, more than the margin "
        f"of {margin:.2f} nats: train longer, or at a larger learning rate, before sizes are compared.",
    )


def _known(setting: Setting, fact: str) -> bool:
    return fact in setting.facts and bool(np.isfinite(setting.facts[fact]).any())


def varying(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The axes along which settings differ, given their values; the others need no mention."""
    return [name for name in settings[0] if len({values[name] for values in settings}) > 1]


def named(values: Mapping[str, Any], told: Collection[str]) -> str:
    """`beta 1, latent size 8`, of the axes to be told."""
    parts = [f"{name.replace('_', ' ')} {_short(value)}" for name, value in values.items() if name in told]
    return ", ".join(parts) or "the one setting"


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
