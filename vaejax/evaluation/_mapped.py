"""From a function of one member to one of the members of a program."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.errors import VaejaxError
from vaejax.grid import MEASURING_SEED, each_member
from vaejax.types import VAE, Key, Params, Trainer

from ._held import Held
from ._types import Measure, Members, OfOne, Values

FOR_EVALUATION = 2**32 - 101  # a place where no example stands
AT_ONCE = 100  # examples in a network


def key_of_measures() -> Key:
    """The key that every measure is given: members, and measures told again, are compared on the same noise.

    >>> key_of_measures().shape
    ()
    """
    return jax.random.fold_in(jax.random.key(MEASURING_SEED), FOR_EVALUATION)


def of_each(function: OfOne) -> Callable[[Members], Values]:
    """`Measure.of` by a pure function `(key, model, params, held)` of one member.

    It is compiled once for a program and goes through the members one after another. Sentences are for the program as
    a whole, as what it is traced with has no values.

    >>> largest = of_each(lambda key, model, params, held: {"largest": held.x.max(), "other": "it is not known"})
    >>> Measure("largest", {"largest": "of x", "other": "of y"}, largest).name
    'largest'
    """

    def of(members: Members) -> Values:
        reasons: dict[str, str] = {}

        def one(trainer: Trainer, params: Params, held: Held) -> dict[str, Array]:
            found = function(key_of_measures(), trainer.model, params, held)
            reasons.update({name: value for name, value in found.items() if isinstance(value, str)})
            return {name: value for name, value in found.items() if not isinstance(value, str)}

        return {**each_member(one, members.program, members.params, members.held), **reasons}

    return of


def measure(name: str, description: str, of: Callable[[Key, VAE, Params, Held], Array]) -> Measure:
    """A column of your own: `of(key, model, params, held)` is a pure function of one member to one number.

    It may raise a `VaejaxError` where it does not apply, and is then left out, with its words as the reason.

    >>> mine = measure("brightness", "mean of x, 0 to 1", lambda key, model, params, held: held.x.mean())
    >>> list(mine.columns)
    ['brightness']
    """
    return Measure(name, {name: description}, of_each(lambda *member: {name: of(*member)}))


def tried(names: tuple[str, ...], function: Callable[[], tuple[Array, ...]]) -> Mapping[str, Array | str]:
    """What a function gives, by name; or for each name why it gives nothing."""
    try:
        return dict(zip(names, function(), strict=True))
    except VaejaxError as error:
        return dict.fromkeys(names, str(error))


def refused(names: tuple[str, ...], require: Callable[[], Any]) -> Mapping[str, str]:
    """Of what is required and not there, its words for each name; nothing where it is."""
    try:
        require()
    except VaejaxError as error:
        return dict.fromkeys(names, str(error))
    return {}


def by_rows(function: Callable[..., Any], *rows: Any, at_once: int = AT_ONCE) -> Any:
    """`function` of each row, some at a time, so that memory does not grow with their number.

    The last of them are filled up, as a piece of another size would be compiled again.
    """
    num = len(jax.tree.leaves(rows)[0])
    num_pieces = -(-num // max(1, at_once))
    size = -(-num // num_pieces)
    place = jnp.minimum(jnp.arange(num_pieces * size), num - 1)
    filled = jax.tree.map(lambda leaf: leaf[place], rows)
    found = jax.lax.map(lambda row: function(*row), filled, batch_size=size)
    return jax.tree.map(lambda leaf: leaf[:num], found)
