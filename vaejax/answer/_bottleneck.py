"""The smallest latent size that loses nothing that matters, from a table of members."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vaejax.answer._paired import Gap, paired
from vaejax.errors import VaejaxError

if TYPE_CHECKING:
    import xarray as xr


EDGES = (
    ("latent_size", min, "smallest", "smaller"),
    ("latent_size", max, "largest", "larger"),
    ("beta", min, "smallest", "smaller"),
    ("beta", max, "largest", "larger"),
)
LEAST = {"latent_size": 1}  # there is nothing smaller to try


class Answer(NamedTuple):
    """Which latent size and which beta; `None` where every member diverged or there is no such axis.

    margin_nats: what may be lost. gap_nats, gap_se: what is lost to the best members, on test, with the standard error
        of the paired difference over examples and seeds. decided: whether no smaller size remains possible.
    candidates: the sizes that remain possible, up to the chosen one. member: the chosen member with the best seed.
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


class Setting(NamedTuple):
    """Members that differ by their seed alone; examples are `[seed, example]`."""

    values: Mapping[str, Any]
    seeds: tuple[Any, ...]
    validation: np.ndarray
    test: np.ndarray

    @property
    def score(self) -> float:
        """The mean bound on validation, nats."""
        return float(self.validation.mean())


def bottleneck(dataset: "xr.Dataset", margin: float = 0.005) -> Answer:
    """The smallest latent size whose loss to the best, plus two standard errors, is below `margin` of the best bound.

    Every setting is scored by its bound at beta 1 on validation, in the mean over seeds; a size stands for its best
    setting. Losses are paired differences over the same examples, noise and seeds: unpaired errors are several times
    the differences that matter. Chosen on validation; gap and its error are those on test.

    Raises: VaejaxError where members saw the data differently, so that their bounds are in different units.

    >>> import xarray as xr
    >>> bounds = np.array([[-9.0, -9.2], [-5.0, -5.2], [-5.01, -5.19]])[:, None, :]
    >>> dims = ("latent_size", "seed", "validation_example")
    >>> table = xr.Dataset(
    ...     {
    ...         "elbo_validation_examples": (dims, bounds),
    ...         "elbo_test_examples": (("latent_size", "seed", "test_example"), bounds),
    ...         "status": (("latent_size", "seed"), [["ok"], ["ok"], ["ok"]]),
    ...     },
    ...     {"latent_size": [2, 4, 8], "seed": [0]},
    ... )
    >>> bottleneck(table).latent_size
    4
    """
    if not 0 < margin < 1:
        raise VaejaxError(f"margin must be a part of the best bound, between 0 and 1, got {margin!r}")
    if "; " in dataset.attrs.get("preparation", ""):
        raise VaejaxError(
            f"members saw the data differently ({dataset.attrs['preparation']}), so their bounds cannot be compared: "
            "select one first, like dataset.sel(likelihood='binomial')"
        )
    settings, diverged = _settings(dataset)
    if not settings:
        return _no_answer(diverged)
    best = max(settings, key=lambda setting: setting.score)
    allowed = margin * abs(best.score)
    sizes = _best_by_size(settings)
    gaps = {size: paired(best, setting, "validation") for size, setting in sizes.items()}
    certain = [size for size, gap in gaps.items() if gap.mean + 2 * gap.se < allowed or sizes[size] is best]
    chosen = certain[0]
    open_sizes = (
        [s for s in gaps if s < chosen and gaps[s].mean - 2 * gaps[s].se < allowed] if chosen is not None else []
    )
    gap = paired(best, sizes[chosen], "test")
    return Answer(
        beta=sizes[chosen].values.get("beta"),
        latent_size=chosen,
        margin_nats=allowed,
        gap_nats=gap.mean,
        gap_se=gap.se,
        decided=not open_sizes,
        reason=_reason(_varying(settings), best, sizes, chosen, open_sizes, gap, allowed, margin),
        candidates=(*open_sizes, chosen) if chosen is not None else (),
        warnings=(
            *_no_bound(dataset),
            *_warnings(settings, sizes[chosen], diverged, dataset.attrs.get("unfinished", "")),
            *dataset.attrs.get("warnings", "").splitlines(),  # of vj.evaluate
        ),
        member=_member(sizes[chosen]),
    )


def _settings(dataset: "xr.Dataset") -> tuple[list[Setting], int]:
    """The settings with a member that can be measured, and how many members diverged."""
    axes = dataset["status"].dims
    flat = dataset.stack(member_=axes, create_index=False).transpose("member_", ...)
    names = [str(name) for name in flat.coords if flat[name].dims == ("member_",)]
    groups: dict[tuple[Any, ...], list[int]] = {}
    diverged = 0
    for index in range(flat.sizes["member_"]):
        if str(flat["status"].values[index]) != "ok":
            diverged += 1
            continue
        groups.setdefault(tuple(flat[n].values[index].item() for n in names if n != "seed"), []).append(index)
    others = [name for name in names if name != "seed"]
    settings = [
        Setting(
            values=dict(zip(others, key, strict=True)),
            seeds=tuple(flat["seed"].values[rows].tolist()) if "seed" in names else (0,) * len(rows),
            validation=flat["elbo_validation_examples"].values[rows],
            test=flat["elbo_test_examples"].values[rows],
        )
        for key, rows in groups.items()
    ]
    return settings, diverged


def _best_by_size(settings: Sequence[Setting]) -> dict[Any, Setting]:
    """The best setting of every latent size, smallest first."""
    found: dict[Any, Setting] = {}
    for setting in sorted(settings, key=lambda s: (s.values.get("latent_size", 0), -s.score)):
        found.setdefault(setting.values.get("latent_size"), setting)
    return found


def _member(setting: Setting) -> dict[str, Any]:
    at = int(np.argmax(setting.validation.mean(1)))
    return {**setting.values, "seed": setting.seeds[at]}


def _reason(
    told: Collection[str],
    best: Setting,
    sizes: Mapping[Any, Setting],
    chosen: Any,
    open_sizes: list,
    gap: Gap,
    allowed: float,
    margin: float,
) -> str:
    """In words: what was chosen, what it loses to the best, and what the next smaller size would lose."""
    if chosen is None:
        return f"{_named(best, told)} is best, {best.test.mean():.2f} nats on test; the grid has no axis latent_size."
    limit = f"the margin of {allowed:.2f} nats ({100 * margin:g}% of the best bound)"
    if sizes[chosen] is best:
        text = f"{_named(best, told)} has the best bound, {best.test.mean():.2f} nats on test"
    else:
        text = (
            f"{_named(sizes[chosen], told)} loses {gap.mean:.2f} ± {gap.se:.2f} nats on test to the best, "
            f"{_named(best, told)}: within {limit}, so a larger latent size gains nothing that matters"
        )
    too_small = [size for size in sizes if size < chosen and size not in open_sizes]
    if too_small:
        lost = paired(best, sizes[too_small[-1]], "test")
        over = "more than the margin" if sizes[chosen] is not best else f"more than {limit}"
        text += f"; latent size {too_small[-1]} loses {lost.mean:.2f} ± {lost.se:.2f}, {over}"
    if open_sizes:
        text += f". Not decided: latent size {' or '.join(map(str, open_sizes))} may do as well; train more seeds"
    return text[0].upper() + text[1:] + "."


def _varying(settings: Sequence[Setting]) -> list[str]:
    """The axes along which settings differ; the others need no mention."""
    return [name for name in settings[0].values if len({setting.values[name] for setting in settings}) > 1]


def _named(setting: Setting, told: Collection[str]) -> str:
    parts = [f"{name.replace('_', ' ')} {_short(value)}" for name, value in setting.values.items() if name in told]
    return ", ".join(parts) or "the one setting"


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _no_bound(dataset: "xr.Dataset") -> tuple[str, ...]:
    """Said first where q(z|x) has no density, so that no importance weight is finite."""
    if "log_likelihood" not in dataset or not np.isneginf(dataset["log_likelihood"].values).any():
        return ()
    return (
        "Codes are points, which have no density: their rate is -log p(z) and no KL, and what is called bound here is "
        "a trade-off of distortion and rate, no bound on log p(x).",
    )


def _warnings(settings: Sequence[Setting], chosen: Setting, diverged: int, unfinished: str) -> tuple[str, ...]:
    found = [unfinished[0].upper() + unfinished[1:]] if unfinished else []
    if diverged:
        found.append(f"{diverged} {'member' if diverged == 1 else 'members'} diverged and had no say.")
    if len(chosen.seeds) == 1:
        found.append("There is one seed, so the standard error leaves out how much training varies: use at least two.")
    for name, end, superlative, comparative in EDGES:
        values: set[Any] = {setting.values.get(name) for setting in settings} - {None}
        if len(values) > 1 and chosen.values[name] == end(values) != LEAST.get(name):
            found.append(
                f"The answer is the {superlative} {name.replace('_', ' ')} of the grid: try {comparative} ones."
            )
    return tuple(found)


def _no_answer(diverged: int) -> Answer:
    nan = float("nan")
    reason = f"All {diverged} members diverged: lower the learning rate, or clip the gradient."
    return Answer(None, None, nan, nan, nan, False, reason, (), (), {})
