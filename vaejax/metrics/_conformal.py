import math

ROUNDING = 1e-9  # of a rate times a number of scores, which is to be a whole number where it is meant so


def conformal_rank(num: int, rate: float) -> int:
    """k = n + 1 - floor(rate (n + 1)): another score of the same law is above the k-th smallest of n with probability
    at most `rate`, whatever the law, as ranks of exchangeable numbers are uniform. From 1 on; n + 1, of which there is
    none, where so few scores can promise no such rate.

    Split conformal prediction: Vovk, Gammerman and Shafer (2005).

    >>> conformal_rank(99, 0.05), conformal_rank(18, 0.05)
    (95, 19)
    """
    return max(1, num + 1 - math.floor(rate * (num + 1) + ROUNDING))


def conformal_least(rate: float) -> int:
    """How many scores can promise a rate.

    >>> conformal_least(0.05)
    19
    """
    return math.ceil(1 / rate - 1 - ROUNDING)
