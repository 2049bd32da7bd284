from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from vaejax import metrics
from vaejax.errors import VaejaxError
from vaejax.types import VAE, Key, Params

from ._anatomy import rates_of
from ._codes import one_number_codes_of
from ._held import Held
from ._mapped import of_each
from ._types import Measure, Members, Values


def agreement() -> Measure:
    """Whether members that differ by their seed alone found the same latents: no label is needed.

    >>> list(agreement().columns)
    ['udr']
    """
    text = "unsupervised disentanglement ranking (Spearman): of each member the median over the other seeds of its "
    text += "setting, 0 to 1, the held examples; biased upwards by chance; nothing where a setting has one seed"
    return Measure("agreement", {"udr": text}, _of)


def _of(members: Members) -> Values:
    settings = [at for at in _settings(members) if len(at) > 1]
    if not settings:
        raise VaejaxError("no setting has two seeds or more that did not diverge")
    seen: Any = of_each(_of_one)(members)
    found = np.full(len(members.program.rows), np.nan)
    ranked = jax.jit(metrics.udr)
    for at in settings:
        found[at] = ranked(*(jnp.asarray(seen[name][at]) for name in ("codes", "rates"))).score
    return {"udr": found}


def _of_one(key: Key, model: VAE, params: Params, held: Held) -> dict[str, Array | str]:
    return {
        "codes": one_number_codes_of(model, params, held.test),
        "rates": jnp.mean(rates_of(key, model, params, held.test), axis=0),
    }


def _settings(members: Members) -> Iterator[np.ndarray]:
    """The places of the members of each setting, which differ by their seed alone."""
    settings: dict[tuple, list[int]] = {}
    for at in range(len(members.program.rows)):
        setting = tuple(values[at].item() for values in members.program.numbers.values())
        settings.setdefault(setting, []).append(at)
    return iter([np.array(at) for at in settings.values()])
