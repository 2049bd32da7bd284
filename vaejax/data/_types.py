from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array

from vaejax.types import Example, Family, Key, Shape, Support

from ._rows import Split


class Data(NamedTuple):
    """Three splits of raw examples and how `x` is made of one.

    train, validation, test: `[N, ...]`, uint8 with values below `levels`, or float32: numpy arrays, or `Rows` of a file
        where they are large. `split[index]` is a numpy array of either. Where the view renders pictures, what it
        makes them of (`is_rendered`), and `levels` are those of a picture.
    levels: n where the value v stands for v/(n-1), v in 0, ..., n-1; `None` where floats are meant as they are.
    likelihood: the default, normalised on the values of `x`.
    view: `(key, raw) -> x`, one raw example to floats `[*data_shape]`; pure jax, for inside `jit` and `vmap`.
    support: where `x` lies.
    preparation: the view in words, of a raw value `v`.
    labels: the class of each example, `[N]` integers, by split; empty where there are none. No model sees them.
    context: what models may look at and need not explain, arrays `[N, ...]` in any tree, by split; empty for none.
    observed: whether each value of `x` was seen, `[N, *data_shape]`, by split; empty where all were.
    factors: what each example was made of, integers `[N, num_factors]` from 0, by split; empty where it is not known.
        No model sees them: they are what codes are held against.
    factor_names: the name of each factor, in order.
    entry_names: of each entry of x, a vector like a row of a table; empty where there are none.

    >>> from vaejax.data import arrays
    >>> arrays(np.zeros((10, 8, 8), np.uint8)).data_shape
    (8, 8)
    """

    name: str
    train: Split
    validation: Split
    test: Split
    levels: int | None
    likelihood: Family
    view: Callable[[Key, Array], Array]
    support: Support
    preparation: str
    labels: Mapping[str, np.ndarray] = MappingProxyType({})
    context: Mapping[str, Any] = MappingProxyType({})
    observed: Mapping[str, np.ndarray] = MappingProxyType({})
    factors: Mapping[str, np.ndarray] = MappingProxyType({})
    factor_names: tuple[str, ...] = ()
    entry_names: tuple[str, ...] = ()

    @property
    def data_shape(self) -> Shape:
        """The shape of one `x`."""
        raw = jax.ShapeDtypeStruct(self.train.shape[1:], self.train.dtype)
        return jax.eval_shape(lambda raw: self.view(jax.random.key(0), raw), raw).shape

    @property
    def is_rendered(self) -> bool:
        """Whether the view makes `x` of something of another shape: raw examples are then no values of it."""
        return self.data_shape != self.train.shape[1:]

    @property
    def splits(self) -> dict[str, Split]:
        """The raw splits by name, in order."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def raw(self, split: str) -> Example:
        """Every raw example of a split, with what is beside it: an `Example` of arrays `[N, ...]`."""
        whole: Any = (self.splits[split], self.context.get(split), self.observed.get(split))
        return Example(*whole)

    def example(self, key: Key, raw: Example) -> Example:
        """One raw example as models see it."""
        return raw._replace(x=self.view(key, raw.x))
