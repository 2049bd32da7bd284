from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vaejax import imputers, written
from vaejax.errors import DataError, VaejaxError
from vaejax.examples import each_example, examples_of, fixed
from vaejax.imputers import Imputed, Imputer
from vaejax.numerics import require_number
from vaejax.types import VAE, Example, Key, Params

from ._given import SPLITS, Given, Used, examples_for, raw_for, used_of
from ._read import read_mask

ImputerName = Literal["metropolis_within_gibbs", "pseudo_gibbs", "importance_resampling", "annealed"]
IMPUTERS: dict[ImputerName, Callable[[], Imputer]] = {
    "metropolis_within_gibbs": imputers.metropolis_within_gibbs,
    "pseudo_gibbs": imputers.pseudo_gibbs,
    "importance_resampling": imputers.importance_resampling,
    "annealed": imputers.annealed,
}
AT_ONCE = 64  # examples, of each of which some hundreds of completions are held
GREY = 0.5  # where a picture shows that nothing was seen


@dataclass(frozen=True, kw_only=True)
class Impute(Given):
    """What is missing of examples: the mean of p(missing|seen), and intervals that hold it.

    vaejax impute runs/digits test --num 100 --hide 0.5
    """

    observed: Path | None = None
    """A .npy, one where a value was seen: of the shape of the examples, or of one for all. In a file of floats NaN is
    what was not seen."""
    hide: float | None = None
    """Hide this part of the values at random, and say how well they are found again."""
    by: ImputerName = "metropolis_within_gibbs"
    """Chains of completed examples (right for any model, or faster and only as good as q), importance weights, for
    models that were trained with missing data, or annealing, which asks the decoder alone and takes longest."""
    coverage: float = 0.9
    """Of the intervals."""
    out: Path | None = None
    """A .npz of mean, low, high, observed and ess (the draws that each example rests on), or of images a .png: what was
    seen, the mean, and with --hide the truth. By default both, in the run's folder."""

    def run(self) -> int:
        """0; writes what was imputed."""
        used = used_of(self, self.key)
        path = written.output(self.out, self.run_folder, "imputed.npz", used.model.data_shape)
        require_number("coverage", self.coverage, above=0.0, most=1.0)
        truth, examples = self._incomplete(used)
        of_one = fixed(_of_one, used.model, IMPUTERS[self.by](), self.coverage)
        found: Imputed = each_example(of_one, used.key, used.params, examples, at_once=AT_ONCE)
        mask = np.asarray(examples.observed)
        kinds = (np.where(mask, examples.x, GREY), found.mean, *(() if self.hide is None else (truth,)))
        written.write(path, {**found._asdict(), "observed": mask}, lambda: written.rows_of(*map(np.asarray, kinds)))
        print(f"{len(mask)} examples, {1 - mask.mean():.1%} of whose values were missing, written to {path}")
        print(
            f"They rest on {np.median(found.ess):.0f} independent draws each (the median; under some tens is too few)"
        )
        if self.hide is not None:
            usual = np.asarray(used.split("train", 1000).x).mean(0) if self.examples in SPLITS else None
            print(_told(truth, mask, found, usual, self.coverage))
        return 0

    def _incomplete(self, used: Used) -> tuple[np.ndarray, Example]:
        """The examples as they were, and with a mask of what was seen. Raises: VaejaxError."""
        if self.observed is not None and self.hide is not None:
            raise VaejaxError("--observed says what was seen and --hide hides what was: give one of the two")
        if self.hide is not None:
            require_number("hide", self.hide, above=0.0, most=1.0)
        x = self._with_holes(used)
        seen = ~np.isnan(x)
        if self.observed is not None:
            seen = read_mask(self.observed, x.shape, self.num)
        if self.hide is not None:
            seen = self._less(seen, self.hide)
        examples = examples_of(used.model, x, observed=seen)
        if np.all(examples.observed):
            raise DataError("nothing is missing: give --observed MASK.npy, --hide 0.3, or floats with NaN")
        return x, examples

    def _less(self, seen: np.ndarray, hide: float) -> np.ndarray:
        """A mask of less than was seen. Raises: VaejaxError where that is nothing, or all of it."""
        left = seen & (np.random.default_rng(self.key).random(seen.shape) >= hide)
        some = left.reshape(len(left), -1).any(1)
        if not some.all() and seen.reshape(len(seen), -1).any(1).all():
            raise VaejaxError(f"--hide {hide:g} leaves nothing of row {np.argmin(some)}: hide less")
        if (left == seen).all():
            raise VaejaxError(f"--hide {hide:g} hides none of {seen.sum()} values: hide more")
        return left

    def _with_holes(self, used: Used) -> np.ndarray:
        """x of the examples that were asked for; of a file of floats, NaN stays NaN."""
        if self.examples in SPLITS:
            return np.asarray(examples_for(used, self).x)
        rows = np.asarray(raw_for(used, self).x)
        unknown = np.isnan(rows)
        filled: Any = np.where(unknown, 0, rows).astype(rows.dtype)
        return np.where(unknown, np.nan, np.asarray(used.seen(used.form, Example(filled)).x))


def _of_one(model: VAE, imputer: Imputer, coverage: float, key: Key, params: Params, example: Example) -> Imputed:
    return imputers.impute(key, model, params, example, imputer, coverage)


def _told(truth: np.ndarray, mask: np.ndarray, found: Imputed, usual: np.ndarray | None, coverage: float) -> str:
    """How far the means are from what was hidden, beside the mean over training; how much the intervals hold."""
    hidden = ~mask & np.isfinite(truth)

    guesses = [found.mean, *([] if usual is None else [usual])]
    errors = [float(np.sqrt(np.mean(np.square(guess - truth)[hidden]))) for guess in guesses]
    plain = "" if usual is None else f" (the mean of training: {errors[1]:.4g})"
    held = np.mean(((found.low <= truth) & (truth <= found.high))[hidden])
    return (
        f"Of what was hidden: root mean squared error {errors[0]:.4g}{plain}; intervals of "
        f"{coverage:.0%} hold {held:.1%}"
    )
