"""Debye's expansion of log E exp(kappa z_1) over the unit sphere, for a large order: DLMF 10.41(ii), as a logarithm.

With V the order, x = kappa / V, s = sqrt(1 + x^2) and p = 1/s the expansion of log I_V adds sum_k D_k(p) / V^k to its
leading terms, where D_k are polynomials. What E exp(kappa z_1) adds is D_k(p) - D_k(1) = (p - 1) Q_k(p), so that no
terms cancel at small kappa.
"""

import functools
from fractions import Fraction

import jax.numpy as jnp
import numpy as np

from vaejax.types import Scalar

TERMS = 14


def slope(p: Scalar, order: Scalar) -> Scalar:
    """sum_k D_k'(p) / order^k."""
    return _summed(0, p, order)


def secant(p: Scalar, order: Scalar) -> Scalar:
    """sum_k [D_k(p) - D_k(1)] / (p - 1) / order^k."""
    return _summed(1, p, order)


def _summed(which: int, p: Scalar, order: Scalar) -> Scalar:
    table = jnp.asarray(_tables()[which], p.dtype)
    by_order = (1 / order) ** jnp.arange(1.0, TERMS + 1, dtype=p.dtype)
    by_power = p ** jnp.arange(len(table), dtype=p.dtype)
    return jnp.dot(by_power, jnp.dot(table, by_order, precision="highest"), precision="highest")


Polynomial = list[Fraction]  # lowest power first


@functools.cache
def _tables() -> tuple[np.ndarray, np.ndarray]:
    """D_k' and Q_k, `[power, k]`."""
    slopes = [[Fraction(1, 8), Fraction(0), Fraction(-5, 8)]]  # (1 - 5 p^2) / 8
    for _ in range(1, TERMS):
        slopes.append(_next(slopes))
    return _stacked(slopes), _stacked([_secant(one) for one in slopes])


def _next(slopes: list[Polynomial]) -> Polynomial:
    """2 D_(k+1)' = (2 p - 4 p^3) D_k' + (p^2 - p^4) (D_k'' + sum over i + j = k of D_i' D_j')."""
    last = slopes[-1]
    inner = [power * a for power, a in enumerate(last)][1:]
    for one, other in zip(slopes[:-1], slopes[-2::-1], strict=True):
        inner = _added(inner, _times(one, other))
    twice = _added(_times(_whole(0, 2, 0, -4), last), _times(_whole(0, 0, 1, 0, -1), inner))
    return [a / 2 for a in twice]


def _whole(*numbers: int) -> Polynomial:
    return [Fraction(number) for number in numbers]


def _secant(slope: Polynomial) -> Polynomial:
    """By division of D(p) - D(1) by p - 1: its coefficients are sums of those of D from above."""
    whole = [a / (power + 1) for power, a in enumerate(slope)]
    return [sum(whole[power:], Fraction(0)) for power in range(len(whole))]


def _added(one: Polynomial, other: Polynomial) -> Polynomial:
    short, long = sorted((one, other), key=len)
    return [a + b for a, b in zip(short + [Fraction(0)] * (len(long) - len(short)), long, strict=True)]


def _times(one: Polynomial, other: Polynomial) -> Polynomial:
    found = [Fraction(0)] * (len(one) + len(other) - 1)
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            found[i + j] += a * b
    return found


def _stacked(polynomials: list[Polynomial]) -> np.ndarray:
    longest = max(map(len, polynomials))
    return np.array([[float(a) for a in one] + [0.0] * (longest - len(one)) for one in polynomials]).T
