from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

from vaejax import folder, saved
from vaejax.config import DEFAULTS, Config, axes_of, widest_of
from vaejax.errors import VaejaxError
from vaejax.grid import Result

AXES = ("beta", "latent_size", "learning_rate", "width", "weight_decay", "seeds", "first_seed")
OF_THE_ANSWER = ("plan", "margin", "margin_nats")  # and of rounding: members may stand side by side whatever these are
LOOKED_AT_LATER = ("data", "num_samples", "widest")  # the data by their bytes, what has a default by what it came to


def run_below(path: Path, config: Config) -> Result:
    """The finished run that a sweep goes onto. Raises: VaejaxError naming all that it was asked for and this is not."""
    path = path.expanduser()
    before, _, result = saved.read_run(path)
    if (path / "transfer.json").exists():
        raise VaejaxError(
            f"the model in {path} started from a source, and those of a sweep do not: choose another --onto"
        )
    different = "; ".join(_differences(before, config))
    if different:
        raise VaejaxError(
            f"{path} holds a run of another kind: {different}. What goes onto it only has more values of axes"
        )
    return result


def _differences(before: Config, now: Config) -> Iterator[str]:
    """In words of the command line: settings that are others, and values of axes that are gone."""
    pair = [replace(one, hidden=one.hidden or DEFAULTS[one.net].hidden) for one in (before, now)]
    for name in [field.name for field in fields(Config)]:
        was, is_now = (getattr(one, name) for one in pair)
        if name not in (*AXES, *OF_THE_ANSWER, *LOOKED_AT_LATER) and was != is_now:
            yield f"{_flag(name)} was {folder.said(was)} and is now {folder.said(is_now)}"
    if widest_of(before) != widest_of(now):
        yield f"--widest, the room for latents, was {widest_of(before)} and is now {widest_of(now)}"
    axes, fresh = axes_of(before), axes_of(now)
    for name in dict.fromkeys((*axes, *fresh)):
        if name not in axes or name not in fresh:
            yield f"{_flag(name)} was {'' if name in axes else 'not '}given and is {'' if name in fresh else 'not '}now"
            continue
        gone = [value for value in axes[name] if value not in fresh[name]]
        if gone:
            yield f"{_flag(name)} had {' '.join(map(str, gone))}, and has not now"


def _flag(name: str) -> str:
    return "--first-seed with --seeds" if name == "seed" else f"--{name.replace('_', '-')}"
