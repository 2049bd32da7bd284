from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np
import tyro
from tyro.conf import Positional

from vaejax import configured, saved
from vaejax.data import Data, form_of
from vaejax.errors import DataError, VaejaxError
from vaejax.examples import examples_of, first, seen_by
from vaejax.families import REALS
from vaejax.numerics import require_count
from vaejax.types import VAE, Example, Key, Params

from ._read import as_float32, read_examples, read_like

FILE = "Without them, give examples as a file, an image or a folder"
IS_KEPT = "Do this once where they are: what is fitted to them is kept in the run's folder"
LARGEST = 2**63  # of what jax makes a key of
SPLITS = ("test", "validation", "train")


@dataclass(frozen=True, kw_only=True)
class Which:
    """A member of a finished run: by default the one that the answer chose."""

    run_folder: Annotated[Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a finished run."""
    beta: float | None = None
    """Another member's beta."""
    latent_size: int | None = None
    """Another member's latent size."""

    def where(self) -> dict[str, Any]:
        """Its place in the grid, as far as it is named."""
        named: dict[str, Any] = {"beta": self.beta, "latent_size": self.latent_size}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Given(Which):
    """A member of a finished run, and examples for it."""

    examples: Annotated[Positional[str], tyro.conf.arg(metavar="EXAMPLES")] = "test"
    """A split of the run's own data (test, validation, train), or a .npy or .npz file, an image, or a folder of images,
    with values as in training."""
    num: int | None = None
    """Only so many, the first."""
    key: int = 0
    """A number that all randomness comes from."""


class Used(NamedTuple):
    """A trained member, its place in its grid, and what its examples are.

    form: how examples are stored and seen, data without an example. num: how many it was trained on, by split.
    data: reads those it was trained on. key: of all that is drawn.
    """

    model: VAE
    params: Params
    place: Mapping[str, Any]
    form: Data
    num: Mapping[str, int]
    data: Callable[[], Data]
    key: Key

    def seen(self, data: Data, raw: Example) -> Example:
        """Raw examples as the model sees those of these data, `[num, ...]`."""
        return seen_by(data, raw, jax.random.fold_in(self.key, 1))

    def split(self, name: str, num: int | None = None, *, instead: str = IS_KEPT) -> Example:
        """Examples of a split of the data, as the model sees them.

        instead: what helps where these are gone. Raises: VaejaxError there.
        """
        try:
            data = self.data()
        except VaejaxError as error:
            raise DataError(f"the data that the run was trained on are needed: {error}. {instead}") from error
        return self.seen(data, first(data.raw(name), num))


def used_of(which: Which, key: int = 0) -> Used:
    """The member that was asked for, from the folder of its run alone. Raises: VaejaxError where there is none."""
    drawn = key_of("key", key)
    path = which.run_folder.expanduser()
    chosen = saved.load_chosen(path, **which.where())
    data = cache(partial(saved.data_of, path, chosen.config, chosen.noted))
    form = configured.facts_from(chosen.noted).form or _form_of(data)
    return Used(*chosen.member, chosen.place, form, chosen.noted["examples"], data, drawn)


def key_of(name: str, number: int) -> Key:
    """That of a number which was asked for. Raises: VaejaxError where it is none."""
    if require_count(name, number, least=0) >= LARGEST:
        raise VaejaxError(f"{name} must be below 2**63, got {number}")
    return jax.random.key(number)


def _form_of(read: Callable[[], Data]) -> Data:
    """Of a run from before it was noted, whose data must be there. Raises: DataError."""
    try:
        return form_of(read())
    except VaejaxError as error:
        raise DataError(
            f"the run was written before its folder said what its examples are, so its data must be there: {error}"
        ) from error


def examples_for(used: Used, given: Given) -> Example:
    """The examples that were asked for, as the model sees them. Raises: DataError on what is none for this model."""
    if given.examples in SPLITS:
        return used.split(given.examples, given.num, instead=FILE)
    return examples_of(used.model, used.seen(used.form, raw_for(used, given)))


def raw_for(used: Used, given: Given) -> Example:
    """Those of a file, with values as they are stored, which may be NaN. Raises: DataError."""
    rows: Any = read_like(used.form, Path(given.examples))
    return first(Example(rows), given.num)


def noisy_for(used: Used, given: Given) -> Example:
    """Examples whose values need not be of the data: floats in a file are taken as x, on its scale."""
    if given.examples in SPLITS:
        return examples_for(used, given)
    rows = read_examples(Path(given.examples))
    if not np.issubdtype(rows.dtype, np.floating):
        return examples_for(used, given)
    return first(examples_of(used.model, as_float32(rows), within=REALS), given.num)
