"""The answer in words: why this setting, and what to be wary of."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from vaejax.answer._criteria import Criterion
from vaejax.answer._paired import Gap, paired, quantile
from vaejax.answer._settings import Setting

EDGES = (
    ("latent_size", min, "smallest", "smaller"),
    ("latent_size", max, "largest", "larger"),
    ("beta", min, "smallest", "smaller"),
    ("beta", max, "largest", "larger"),
)
LEAST = {"latent_size": 1}  # there is nothing smaller to try
FEW_SEEDS = 4  # at most so many, and another two help much


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
    at_best = f"{criterion.sign * best.test.mean():.2f} nats on test"
    if chosen is None:
        return f"{named(best, told)} is best, {at_best}; the grid has no axis latent_size."
    if sizes[chosen] is best:
        text = f"{named(best, told)} has the best {criterion.noun}, {at_best}"
    else:
        text = (
            f"{named(sizes[chosen], told)} loses {gap.mean:.2f} ± {gap.se:.2f} nats on test to the best, "
            f"{named(best, told)}: within {limit}, so a larger latent size gains nothing that matters"
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
    settings: Sequence[Setting], chosen: Setting, diverged: int, unfinished: Sequence[str], decided: bool
) -> tuple[str, ...]:
    """What to be wary of, a sentence each."""
    found = [text[0].upper() + text[1:] for text in dict.fromkeys(unfinished) if text]
    if diverged:
        found.append(f"{diverged} {'member' if diverged == 1 else 'members'} diverged and had no say.")
    num = len(chosen.seeds)
    if num == 1:
        found.append("There is one seed, so the standard error leaves out how much training varies: use at least two.")
    elif num <= FEW_SEEDS and not decided:
        found.append(
            f"From {num} seeds their spread is known so badly that it counts {quantile(num):.1f} times before anything "
            f"is called certain; from {num + 2} seeds it counts {quantile(num + 2):.1f} times."
        )
    for name, end, superlative, comparative in EDGES:
        values: set[Any] = {setting.values.get(name) for setting in settings} - {None}
        if len(values) > 1 and chosen.values[name] == end(values) != LEAST.get(name):
            found.append(
                f"The answer is the {superlative} {name.replace('_', ' ')} of the grid: try {comparative} ones."
            )
    return tuple(found)


def varying(settings: Sequence[Setting]) -> list[str]:
    """The axes along which settings differ; the others need no mention."""
    return [name for name in settings[0].values if len({setting.values[name] for setting in settings}) > 1]


def named(setting: Setting, told: Collection[str]) -> str:
    """`beta 1, latent size 8`, of the axes to be told."""
    parts = [f"{name.replace('_', ' ')} {_short(value)}" for name, value in setting.values.items() if name in told]
    return ", ".join(parts) or "the one setting"


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
