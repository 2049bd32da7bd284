from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vaejax import scores, written
from vaejax.numerics import require_number
from vaejax.scores import Score
from vaejax.types import Event, Example, Key, Params

from ._given import Given, Used, examples_for, used_of
from ._kept import kept

ScoreName = Literal[
    "log_likelihood", "elbo", "rate", "reconstruction", "squared_error", "typicality", "regret", "mahalanobis"
]
SCORES: dict[ScoreName, Callable[[], Score]] = {
    "log_likelihood": scores.log_likelihood,
    "elbo": scores.elbo,
    "rate": scores.rate,
    "reconstruction": scores.reconstruction,
    "squared_error": scores.squared_error,
    "typicality": scores.typicality,
    "regret": scores.regret,
    "mahalanobis": scores.mahalanobis,
}
NORMAL = 10_000  # training examples that tell a score what is normal


class Known(NamedTuple):
    """What a score knows of normal data, from training examples, and the scores of validation examples."""

    fitted: Params
    normal: Any


@dataclass(frozen=True, kw_only=True)
class ScoreExamples(Given):
    """How unlike the training data examples are, and which are anomalies at a false-alarm rate.

    vaejax score runs/digits test --by log_likelihood --false-alarms 0.01
    """

    by: ScoreName = "log_likelihood"
    """The larger, the more anomalous. Minus log p(x) in nats, minus the bound, its rate, its distortion, the squared
    error of the reconstruction, how far log p(x) is from its usual value, what an own posterior would gain, or the
    distance of the code from all codes."""
    false_alarms: float = 0.05
    """Of the examples that are like the training data, the part that may be called anomalies."""
    out: Path | None = None
    """A .csv with a line for each example: its score, its p-value, and whether it is an anomaly. By default scores.csv
    in the run's folder."""

    def run(self) -> int:
        """0; writes the scores. The threshold comes from the validation split; what a score must know of normal data
        from the training split. Both are kept in the run's folder."""
        path = written.place(self.out, self.run_folder, "scores.csv")
        require_number("false_alarms", self.false_alarms, above=0.0, most=1.0)
        used, score = used_of(self, self.key), SCORES[self.by]()
        examples = examples_for(used, self)
        scores.threshold(np.zeros(used.num["validation"]), self.false_alarms)  # refused before anything is fitted
        *_, key = keys = jax.random.split(used.key, 3)
        name = f"{self.by},key={self.key}"
        folder = self.run_folder.expanduser() / "scores"
        known = kept(folder, name, used, lambda: _like(score, used), lambda: _fit(keys, score, used))
        limit = float(scores.threshold(known.normal, self.false_alarms))
        found = scores.scored(key, used.model, used.params, score, known.fitted, examples)
        p_values, flagged = np.asarray(scores.p_values(known.normal, found)), found > limit
        rows = [
            f"{i},{s:.6g},{p:.6g},{int(f)}" for i, (s, p, f) in enumerate(zip(found, p_values, flagged, strict=True))
        ]
        written.write_text(path, "\n".join(["row,score,p_value,anomaly", *rows]) + "\n")
        print(
            f"{flagged.sum()} of {len(found)} examples are anomalies: their {score.name} is above {limit:.4g}, as that "
            f"of {100 * self.false_alarms:g}% of {len(known.normal)} validation examples is. Written to {path}"
        )
        return 0


def _fit(keys: Key, score: Score, used: Used) -> Known:
    fitted = scores.fit(keys[0], used.model, used.params, score, used.split("train", NORMAL))
    normal = scores.scored(keys[1], used.model, used.params, score, fitted, used.split("validation"))
    return Known(fitted, normal)


def _like(score: Score, used: Used) -> Known:
    """Its shapes."""
    num = min(NORMAL, used.num["train"])

    def fit(params: Params, x: Event) -> Params:
        return score.fit(jax.vmap(lambda x: score.see(used.key, used.model, params, Example(x)))(x))

    fitted = jax.eval_shape(fit, used.params, jax.ShapeDtypeStruct((num, *used.model.data_shape), float))
    return Known(fitted, jax.ShapeDtypeStruct((used.num["validation"],), jnp.result_type(float)))
