"""What `decoder.js` computes, in NumPy: the same program, the same weights, float32. For many z at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vaejax.report.live._convolutions import seen
from vaejax.report.live._weights import places_of, read

AT_ONCE = 16  # z; the patches of a convolution are a few megabytes each


def run(program: dict[str, Any], weights: np.ndarray, z: np.ndarray) -> np.ndarray:
    """`[num, latent] -> [num, numbers of an event]`.

    >>> step = ["mul", [0, 1], 2, {}]
    >>> program = {"latents": 2, "constants": [{"value": 3.0}], "steps": [step], "output": 2}
    >>> run(program, np.zeros(0, np.float16), np.ones((1, 2))).tolist()
    [[3.0, 3.0]]
    """
    constants = [read(constant, weights)[None] for constant in program["constants"]]
    with np.errstate(all="ignore"):
        rows = [_run(program, constants, part) for part in np.split(z, range(AT_ONCE, len(z), AT_ONCE))]
    return np.concatenate(rows)


def _run(program: dict[str, Any], constants: list[np.ndarray], z: np.ndarray) -> np.ndarray:
    values = [z.astype(np.float32), *constants]
    for op, reads, size, how in program["steps"]:
        operands = [values[place] for place in reads]
        made = BY_HOW[op](*operands, how=how) if op in BY_HOW else ENTRYWISE[op](*operands)
        values.append(np.broadcast_to(made.astype(np.float32), (len(z), size)))
    return values[program["output"]]


def _pick(*sources: np.ndarray, how: dict[str, Any]) -> np.ndarray:
    num = max(len(source) for source in sources)
    joined = np.concatenate([np.broadcast_to(source, (num, source.shape[1])) for source in sources], axis=1)
    return joined[:, places_of(how["runs"])]


def _matmul(a: np.ndarray, b: np.ndarray, how: dict[str, Any]) -> np.ndarray:
    batch, rows, inner, columns = (how[name] for name in ("batch", "rows", "inner", "columns"))
    found = a.reshape(-1, batch, rows, inner) @ b.reshape(-1, batch, inner, columns)
    return found.reshape(len(found), batch * rows * columns)


def _conv(x: np.ndarray, kernel: np.ndarray, how: dict[str, Any]) -> np.ndarray:
    pixels = x.reshape(len(x), -1, how["channels"])
    padded = np.concatenate([pixels, np.zeros_like(pixels[:, :1])], axis=1)  # -1 is nothing
    patches = padded[:, seen(how)].reshape(-1, how["channels"] * how["taps"][0] * how["taps"][1])
    return (patches @ kernel.reshape(-1, how["features"])).reshape(len(x), -1)


def _reduced(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    return lambda x, how: function(x.reshape(len(x), -1, how["num"]), axis=2)


def _erf(x: np.ndarray) -> np.ndarray:
    from scipy.special import erf

    return erf(x)


def _erfc(x: np.ndarray) -> np.ndarray:
    from scipy.special import erfc

    return erfc(x)


ENTRYWISE: dict[str, Callable[..., np.ndarray]] = {
    "neg": np.negative,
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "tanh": np.tanh,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "erf": _erf,
    "erfc": _erfc,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "sin": np.sin,
    "cos": np.cos,
    "is_finite": np.isfinite,
    "not": lambda x: x == 0,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
    "pow": np.power,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "select": lambda which, no, yes: np.where(which != 0, yes, no),
}
BY_HOW: dict[str, Callable[..., np.ndarray]] = {
    "pick": _pick,
    "matmul": _matmul,
    "conv": _conv,
    "sum": _reduced(np.sum),
    "most": _reduced(np.max),
    "least": _reduced(np.min),
}
