"""What the law of von Mises and Fisher is in 30 digits, by power series and, from kappa 1e5, by Hankel's expansion."""

import functools
from decimal import Decimal, localcontext
from typing import NamedTuple

PI = Decimal("3.14159265358979323846264338327950288419716939937510582")
SMALLEST = Decimal(10) ** -35


class Law(NamedTuple):
    """below: kappa - log E exp(kappa z_1), E over the uniform law. mean: A. away: 1 - A. slope: dA/dkappa. rate: the KL
    to the uniform law."""

    below: float
    mean: float
    away: float
    slope: float
    rate: float


@functools.cache
def law(size: int, kappa: float) -> Law:
    with localcontext() as context:
        context.prec = 45
        d, k = Decimal(size), Decimal(kappa)  # the float itself, not what it was written as
        if kappa < 1e5:
            here, above = _series(d / 2, k * k / 4), _series(d / 2 + 1, k * k / 4)
            log_normaliser, mean = here.ln(), k / d * above / here
        else:
            here, above = _hankel(d / 2 - 1, k), _hankel(d / 2, k)
            leading = _log_gamma(size) + (d / 2 - 1) * (2 / k).ln() + k - (2 * PI * k).ln() / 2
            log_normaliser, mean = leading + here.ln(), above / here
        slope = 1 - mean**2 - (d - 1) * mean / k if kappa else 1 / d
        return Law(*map(float, (k - log_normaliser, mean, 1 - mean, slope, k * mean - log_normaliser)))


def log_area(size: int) -> float:
    with localcontext() as context:
        context.prec = 45
        return float(Decimal(2).ln() + size * PI.ln() / 2 - _log_gamma(size))


def _series(b: Decimal, t: Decimal) -> Decimal:
    """0F1(b; t)."""
    term = total = Decimal(1)
    number = 0
    while term > total * SMALLEST:
        number += 1
        term = term * t / (number * (b + number - 1))
        total += term
    return total


def _hankel(order: Decimal, k: Decimal) -> Decimal:
    """sqrt(2 pi k) exp(-k) I(k)."""
    term = total = Decimal(1)
    number = 0
    while abs(term) > SMALLEST:
        number += 1
        term = -term * (4 * order**2 - (2 * number - 1) ** 2) / (number * 8 * k)
        total += term
    return total


def _log_gamma(size: int) -> Decimal:
    """log Gamma(size / 2)."""
    at, total = (Decimal(1), Decimal(0)) if size % 2 == 0 else (Decimal("0.5"), PI.ln() / 2)
    while at < Decimal(size) / 2:
        total, at = total + at.ln(), at + 1
    return total
