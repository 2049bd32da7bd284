"""What members are measured on: some examples of the test split, others of training, and what is known of both."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from vaejax.data import Data
from vaejax.errors import VaejaxError
from vaejax.grid import measuring_keys
from vaejax.types import Example

Look = Callable[[str, np.ndarray], tuple[Example, Array]]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Held:
    """Examples as the model sees them, and what is known of them: arrays to go through `jit`, and words.

    test: examples of the test split, whose `index` is their place in it. keys: of their draws of z, those of the
        table's log likelihood. train: examples of the training split, for what is learned from codes.
    labels, train_labels: `None` where there are none. factors, train_factors: the same, `[num, factor]`.
    num_classes, num_values: how many labels, and values of any factor, there are room for.
    data_range: the largest value of x less the smallest; `None` where there is no such.
    num_samples: the draws of the table's log likelihood.
    """

    test: Example
    keys: Shaped[Array, " num"]
    train: Example
    labels: Int[Array, " num"] | None
    train_labels: Int[Array, " other"] | None
    factors: Int[Array, "num factor"] | None
    train_factors: Int[Array, "other factor"] | None
    name: str = field(metadata={"static": True})
    factor_names: tuple[str, ...] = field(metadata={"static": True})
    num_classes: int = field(metadata={"static": True})
    num_values: int = field(metadata={"static": True})
    data_range: float | None = field(metadata={"static": True})
    num_samples: int = field(metadata={"static": True})

    @property
    def both_labels(self) -> tuple[Array, Array]:
        """Of training and of test. Raises: VaejaxError where there are none."""
        if self.labels is None or self.train_labels is None:
            raise VaejaxError(f"{self.name} has no labels")
        return self.train_labels, self.labels

    @property
    def both_factors(self) -> tuple[Array, Array]:
        """Of training and of test. Raises: VaejaxError where they are not known."""
        if self.factors is None or self.train_factors is None:
            raise VaejaxError(f"the factors of {self.name} are not known")
        return self.train_factors, self.factors

    @property
    def x(self) -> Float[Array, "num *event"]:
        """The test examples, to be held beside what a model makes. Raises: VaejaxError where parts were not seen."""
        if self.test.observed is not None:
            raise VaejaxError(f"parts of {self.name} were not observed, so that nothing can be held beside them")
        return self.test.x


def held_of(data: Data, look: Look, num_examples: int, num_samples: int) -> Held:
    """At most so many examples of test and twice as many of training, the same ones every time, each seen once."""
    places = {"test": places_of(len(data.test), num_examples), "train": places_of(len(data.train), 2 * num_examples)}
    test, keys = look("test", places["test"])
    beside = {
        name: None if kind.get(split) is None else jnp.asarray(np.asarray(kind[split])[places[split]], int)
        for name, kind, split in (
            ("labels", data.labels, "test"),
            ("train_labels", data.labels, "train"),
            ("factors", data.factors, "test"),
            ("train_factors", data.factors, "train"),
        )
    }
    size = data.support.high - data.support.low
    return Held(
        test=test,
        keys=keys,
        train=look("train", places["train"])[0],
        **beside,
        name=data.name,
        factor_names=data.factor_names,
        num_classes=_room(data.labels.values()),
        num_values=_room(data.factors.values()),
        data_range=float(size) if np.isfinite(size) else None,
        num_samples=num_samples,
    )


def places_of(num: int, most: int) -> np.ndarray:
    """All of them, or so many at random, the same ones every time."""
    return np.arange(num) if num <= most else np.sort(np.random.default_rng(0).permutation(num)[:most])


def looking(data: Data) -> Look:
    """Examples of a split as models see them in measuring, and the keys of their draws."""

    @jax.jit
    @jax.vmap
    def look(raw: Example, place: Array) -> tuple[Example, Array]:
        view_key, draw_key = measuring_keys(place)
        return data.example(view_key, raw), draw_key

    def seen(split: str, places: np.ndarray) -> tuple[Example, Array]:
        found, keys = look(jax.tree.map(lambda leaf: jnp.asarray(leaf[places]), data.raw(split)), jnp.asarray(places))
        return found._replace(index=jnp.asarray(places)), keys

    return seen


def _room(values: Iterable[np.ndarray]) -> int:
    """For so many integers from 0."""
    return 1 + max((int(np.max(one)) for one in values if len(one)), default=0)
