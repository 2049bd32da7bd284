"""Which members are trained next: more seeds where it is undecided, else wider at the edge, else finer."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from vaejax.answer._bottleneck import Answer
from vaejax.errors import VaejaxError
from vaejax.numerics import require_count, require_number

BETWEEN = 3  # sizes tried at a time between one that is too small and the one that was chosen
FINE = 8  # a size is told from those down to a part of it smaller, rounded down

Trained = Mapping[tuple[int, float], int]  # how many seeds of (latent size, beta), which are 0, 1, ...


class Limits(NamedTuple):
    """What a search may spend: latent sizes from 1 to `widest`, these betas, `seeds` at a time up to `most_seeds`."""

    widest: int
    betas: tuple[float, ...]
    seeds: int
    most_seeds: int


class Stage(NamedTuple):
    """One grid of a search. why: in a sentence. axes: a product, all of them."""

    name: str
    why: str
    axes: Mapping[str, Any]
    epochs: int


class Step(NamedTuple):
    """What is to be trained next."""

    why: str
    beta: tuple[float, ...]
    latent_size: tuple[int, ...]
    seed: tuple[int, ...]


def limits_of(widest: int, beta: Sequence[float], seeds: int, most_seeds: int) -> Limits:
    """Raises: VaejaxError on what is no number, and where there are no betas or more seeds than the most."""
    betas = tuple(float(require_number("beta", one, least=0.0)) for one in beta)
    found = Limits(
        require_count("widest", widest), betas, require_count("seeds", seeds), require_count("most_seeds", most_seeds)
    )
    if not betas or len(set(betas)) < len(betas):
        raise VaejaxError(f"beta must be a list of different weights, like [0.5, 1, 2], got {list(beta)}")
    if most_seeds < seeds:
        raise VaejaxError(f"most_seeds must be at least seeds, {seeds}, got {most_seeds}")
    return found


def next_step(answer: Answer, trained: Trained, limits: Limits) -> Step | None:
    """What would tell more, `None` where nothing does: it is decided and as fine as it gets, or all seeds are spent.

    Seeds go to the sizes that remain possible and to the best, each at its best beta. Once decided, an answer that is
    the largest size tried is held against larger ones, and else the sizes between it and the next smaller are tried,
    three at a time, until none is left that is more than an eighth smaller. Where all seeds are spent and it is not
    decided, sizes between those that remain possible are tried too: "3 or 5" may be 4.
    """
    if answer.latent_size is None:
        return None
    if not answer.decided:
        return _more_seeds(answer, trained, limits) or _between(answer, trained, limits)
    return _wider(answer.latent_size, trained, limits) or _finer(answer.latent_size, answer.beta, trained, limits)


def _more_seeds(answer: Answer, trained: Trained, limits: Limits) -> Step | None:
    best = min(answer.sizes, key=lambda size: abs(size.gap_nats) + size.gap_se)  # its gap to itself is zero
    open_sizes = [size for size in answer.sizes if size.latent_size in answer.candidates or size is best]
    settings = [(size.latent_size, size.beta if size.beta is not None else 1.0) for size in open_sizes]
    least = min(trained[setting] for setting in settings)
    if least >= limits.most_seeds:
        return None
    beta = next(beta for size, beta in settings if trained[size, beta] == least)
    sizes = tuple(size for size, other in settings if other == beta and trained[size, beta] == least)
    seeds = tuple(range(least, min(least + limits.seeds, limits.most_seeds)))
    told = " or ".join(map(str, answer.candidates))
    return Step(f"not decided between latent size {told}: more seeds", (beta,), sizes, seeds)


def _between(answer: Answer, trained: Trained, limits: Limits) -> Step | None:
    """The middle of each wide gap between sizes that remain possible, where nothing was tried."""
    tried, betas = {size for size, _ in trained}, {size.latent_size: size.beta for size in answer.sizes}
    pairs = zip(answer.candidates, answer.candidates[1:], strict=False)
    found = sorted({(low + high) // 2 for low, high in pairs if _wide(high - low, high)} - tried)
    if not found:
        return None
    told, beta = " or ".join(map(str, answer.candidates)), betas[answer.candidates[-1]]
    why = f"not decided between latent size {told}: those between"
    return Step(why, limits.betas if beta is None else (beta,), tuple(found), tuple(range(limits.seeds)))


def _wider(chosen: int, trained: Trained, limits: Limits) -> Step | None:
    largest = max(size for size, _ in trained)
    if chosen < largest or largest >= limits.widest:
        return None
    sizes = sorted({min(limits.widest, -(-3 * largest // 2)), min(limits.widest, 2 * largest)})
    why = f"latent size {chosen} is the largest tried: larger ones"
    return Step(why, limits.betas, tuple(sizes), tuple(range(limits.seeds)))


def _finer(chosen: int, beta: float | None, trained: Trained, limits: Limits) -> Step | None:
    below = max((size for size, _ in trained if size < chosen), default=0)
    gap = chosen - below
    if not _wide(gap, chosen):
        return None
    sizes = sorted({below + round(gap * part / (BETWEEN + 1)) for part in range(1, BETWEEN + 1)} - {below, chosen})
    told = f"between latent size {below} and {chosen}" if below else f"below latent size {chosen}"
    why = f"nothing was tried {told}: those between" if below else f"nothing was tried {told}: smaller ones"
    return Step(why, limits.betas if beta is None else (beta,), tuple(sizes), tuple(range(limits.seeds)))


def _wide(gap: int, size: int) -> bool:
    """Whether a size is so far from the next smaller that those between are worth a try."""
    return gap > max(1, size // FINE)
