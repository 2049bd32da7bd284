"""Parameters of any library as nested dicts of arrays whose keys are strings, and back."""

from collections.abc import Iterator
from typing import Any

import jax
from jaxtyping import PyTree

from vaejax.numerics import leaves_by_path
from vaejax.types import Params


def named(tree: PyTree) -> Params:
    """The leaves of a tree by the words of their paths; a list counts from "0".

    >>> named({"layers": [1.0, 2.0]})
    {'layers': {'0': 1.0, '1': 2.0}}
    """
    found: dict[str, Any] = {}
    for path, leaf in leaves_of(tree):
        *above, last = path.split("/")
        into = found
        for word in above:
            into = into.setdefault(word, {})
        into[last] = leaf
    return found


def filled(tree: PyTree, params: Params) -> PyTree:
    """The tree whose leaves were named, with `params` as its leaves.

    >>> filled({"layers": [0, 0]}, {"layers": {"0": 1.0, "1": 2.0}})
    {'layers': [1.0, 2.0]}
    """
    by_path = dict(leaves_of(params))
    return jax.tree.unflatten(jax.tree.structure(tree), [by_path[path] for path, _ in leaves_of(tree)])


def leaves_of(tree: PyTree) -> Iterator[tuple[str, Any]]:
    """Every leaf with its path, like "Dense_0/kernel".

    >>> dict(leaves_of({"layers": [1.0, 2.0]}))
    {'layers/0': 1.0, 'layers/1': 2.0}
    """
    for path, leaf in leaves_by_path(tree).items():
        yield path or "array", leaf


def with_leaf(params: Params, path: str, leaf: Any) -> Params:
    """`params` with another leaf at a path.

    >>> with_leaf({"a": {"b": 1, "c": 2}}, "a/b", 3)
    {'a': {'b': 3, 'c': 2}}
    """
    first, _, rest = path.partition("/")
    return {**params, first: with_leaf(params[first], rest, leaf) if rest else leaf}
