"""The answer by each of several criteria, and where they disagree."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from vaejax.answer._bottleneck import Answer, bottleneck
from vaejax.answer._criteria import by_example, criterion_of
from vaejax.errors import VaejaxError

if TYPE_CHECKING:
    import xarray as xr

WAYS = {"log_likelihood": "likelihood", "distortion": "reconstruction", "frechet_pca": "generation"}


class Bottlenecks(NamedTuple):
    """answers: by the name of each criterion. agree: whether all that are decided name one latent size."""

    answers: Mapping[str, Answer]
    agree: bool
    reason: str


def bottlenecks(
    dataset: "xr.Dataset", *more: "xr.Dataset", by: Sequence[str] | None = None, margin: float = 0.005
) -> Bottlenecks:
    """`bottleneck` by each of several columns: likelihood, reconstruction and generation may need different sizes.

    by: by default those of log p(x), distortion and `frechet_pca` (of `vj.evaluate`) that every table has. Distortion
    alone takes no account of the rate: it is least at the smallest beta, and a larger size rarely has more of it.

    >>> import numpy as np, xarray as xr
    >>> dims, axes = ("latent_size", "seed"), {"latent_size": [2, 4, 8], "seed": [0, 1]}
    >>> numbers = {"log_likelihood": [9.0, 5.0, 5.0], "distortion": [8.0, 4.0, 2.0]}
    >>> signs = {"log_likelihood": -1, "distortion": 1}
    >>> table = xr.Dataset({"status": (dims, np.full((3, 2), "ok"))}, axes)
    >>> for name, values in numbers.items():
    ...     for split in ("validation", "test"):
    ...         examples = np.broadcast_to(signs[name] * np.array(values)[:, None, None], (3, 2, 5))
    ...         table[f"{name}_{split}_examples"] = ((*dims, f"{split}_example"), examples)
    >>> bottlenecks(table).reason
    'Criteria disagree: by likelihood latent size 4, by reconstruction (distortion) 8.'
    """
    tables = (dataset, *more)
    names = [name for name in WAYS if all(name in t or by_example(t, name) for t in tables)] if by is None else list(by)
    if not names:
        raise VaejaxError(f"expected tables with one of {', '.join(WAYS)}; say by which columns to compare")
    answers = {name: bottleneck(*tables, margin=margin, by=name) for name in names}
    sizes = {answer.latent_size for answer in answers.values() if answer.decided}
    told = [f"by {_way(tables, name)} {_size(answer, name == names[0])}" for name, answer in answers.items()]
    head = "Criteria disagree" if len(sizes) > 1 else "Criteria agree"
    if len(sizes) <= 1 and not all(answer.decided for answer in answers.values()):
        head = "Criteria do not contradict each other"
    return Bottlenecks(answers, len(sizes) <= 1, f"{head}: {', '.join(told)}.")


def _way(tables: Sequence["xr.Dataset"], name: str) -> str:
    noun, way = criterion_of(tables, name)[0].noun, WAYS.get(name)
    if way is None:
        return noun
    return way if way in noun else f"{way} ({noun})"


def _size(answer: Answer, first: bool) -> str:
    """The latent size; of an answer that is not decided, all that remain possible."""
    if answer.latent_size is None:
        return "no latent size"
    return f"{'latent size ' if first else ''}{' or '.join(map(str, answer.candidates))}"
