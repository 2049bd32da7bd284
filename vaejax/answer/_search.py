"""The search for the bottleneck: a look, a grid, more seeds where it is undecided, and what tuning then gains."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from vaejax.answer._bottleneck import Answer, bottleneck
from vaejax.answer._look import Look, look_at
from vaejax.answer._proposal import Proposal, propose
from vaejax.answer._rounds import Limits, Stage, Step, limits_of, next_step
from vaejax.answer._told import told_of
from vaejax.answer._tuning import Gain, gain_of
from vaejax.data import load
from vaejax.errors import VaejaxError
from vaejax.grid import Keeper, Member, Result, extract, sweep
from vaejax.numerics import require_count, require_margin
from vaejax.types import Trainer

if TYPE_CHECKING:
    import xarray as xr

OnSegment = Callable[["xr.Dataset"], Any]
LOOK = 2  # the first look takes one part in so many of the epochs: earlier, latents that go idle are still in use
TAKEN = ("beta", "latent_size", "seed")
NONE: Mapping[str, Any] = MappingProxyType({})


class Trained(NamedTuple):
    """A stage of the search and what it gave."""

    stage: Stage
    result: Result


class Found(NamedTuple):
    """What a search found.

    answer: from the tables of all rounds, so that `answer.member` is a member of one of them.
    look, proposal: what was known before, and the latent sizes it proposed.
    wide: the one model of the look. rounds: the grids over latent size, beta and seed. tuning: the second grid, and
        `gain` what it gained; `None` where nothing was to be tuned, or nothing decided about.
    member: the chosen one, compact, of the second grid if there is one; `None` where all diverged. place: its values.
    told: all of it in sentences, a line each.
    """

    answer: Answer
    look: Look
    proposal: Proposal
    wide: Trained
    rounds: tuple[Trained, ...]
    tuning: Trained | None
    gain: Gain | None
    member: Member | None
    place: Mapping[str, Any]
    told: str


def find_bottleneck(
    member: Callable[..., Trainer],
    data: Any,
    *,
    widest: int,
    beta: Sequence[float] = (1.0,),
    tune: Mapping[str, Any] = NONE,
    epochs: int,
    look_epochs: int | None = None,
    seeds: int = 3,
    most_seeds: int = 9,
    margin: float = 0.005,
    margin_nats: float | None = None,
    keep: str | Path | Keeper | None = None,
    on_stage: Callable[[Stage], OnSegment | None] | None = None,
    **options: Any,
) -> Found:
    """How many latents the data need: the range from a first look, the answer from a grid, then the best of the rest.

    1. `look_at`: the dimension of the data, and the rate of each latent of one model with `widest` latents, beta 1,
       trained for `look_epochs`, by default half the epochs. `propose` makes latent sizes of it.
    2. Those sizes x `beta` x seeds 0 to `seeds` - 1, and `bottleneck` of the table. While it is undecided, as many
       seeds more of the sizes that remain possible and of the best, up to `most_seeds`, and then sizes between them
       that were not tried; once decided, larger sizes where it is the largest tried, and sizes between it and the
       next smaller (`next_step`).
    3. At that size and the betas next to the chosen one, a grid over `tune`, and what it gained (`gain_of`). One pass:
       with the tuned values another size might be the smallest that does as well.

    An answer is one about models as they were trained: with a learning rate too small for the epochs, the search held
    5 or 6 latents possible for data of rank 3. So the first values in `tune` are to be good ones.

    member: as for `sweep`, a function of `beta`, `latent_size` and the names in `tune`; with `max_latent_size=widest`
        in its model each stage is one program for each architecture.
    tune: lists of values, or `{name: function}`, as axes of `sweep`; the first of each is used in 1 and 2.
    keep: a folder with one for each stage; a search that was killed goes on, and finds the same.
    on_stage: called as a stage begins; what it returns is the `on_segment` of its sweep.
    options: as for `sweep`: `batch_size`, `num_samples`, `plan`, `mesh`, `until`, `drop_last`.
    Raises: VaejaxError as `sweep`, and where the wide model diverges.

    >>> import numpy as np, optax, vaejax as vj
    >>> def member(beta, latent_size):
    ...     nets = vj.nets.mlp(8), vj.nets.mlp(8)
    ...     model = vj.vae(*nets, data_shape=(4,), latent_size=latent_size, max_latent_size=1)
    ...     return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-2))
    >>> rows = np.random.default_rng(0).random((40, 4))
    >>> found = find_bottleneck(member, rows, widest=1, epochs=2, seeds=1, most_seeds=1, num_samples=4)
    >>> found.answer.latent_size, sorted(found.place)
    (1, ['beta', 'latent_size', 'seed'])
    """
    require_margin(margin, margin_nats)
    limits = limits_of(widest, beta, seeds, most_seeds)
    held = _first_values(tune)
    epochs = require_count("epochs", epochs)
    look_epochs = max(1, epochs // LOOK) if look_epochs is None else require_count("look_epochs", look_epochs)
    data = load(data)

    def train(stage: Stage) -> Trained:
        on_segment = None if on_stage is None else on_stage(stage)
        kept = _kept(keep, stage.name)
        found = sweep(member, data, epochs=stage.epochs, keep=kept, on_segment=on_segment, **options, **stage.axes)
        return Trained(stage, found)

    why = f"one model with {widest} latents"
    wide = train(Stage("look", why, {"beta": [1.0], "latent_size": [widest], **held, "seed": [0]}, look_epochs))
    look = look_at(data, wide.result)
    proposal = propose(look)
    allowed = {"margin": margin, "margin_nats": margin_nats}
    answer, rounds = _answered(train, proposal, held, epochs, limits, allowed)
    tuning = _tuned(train, answer, tune, limits, epochs)
    before = {name: value for name, value in answer.member.items() if name != "seed"}
    gain = None if tuning is None else gain_of(tuning.result.dataset, before)
    tuned = [tuning] if tuning is not None and gain is not None and gain.member else []
    place = gain.member if gain is not None and gain.member else answer.member
    chosen = _member_at(place, [*rounds, *tuned])
    told = told_of(look, proposal, [one.stage for one in rounds], answer, gain, limits)
    return Found(answer, look, proposal, wide, rounds, tuning, gain, chosen, place, told)


def _answered(
    train: Callable[[Stage], Trained],
    proposal: Proposal,
    held: Mapping[str, Any],
    epochs: int,
    limits: Limits,
    allowed: Mapping[str, Any],
) -> tuple[Answer, tuple[Trained, ...]]:
    """Rounds until the answer is decided and fine, or all seeds are spent."""
    step: Step | None = Step("as proposed", limits.betas, proposal.sizes, tuple(range(limits.seeds)))
    rounds: list[Trained] = []
    trained: Counter[tuple[int, float]] = Counter()
    while step is not None:
        axes = {"beta": list(step.beta), "latent_size": list(step.latent_size), **held, "seed": list(step.seed)}
        rounds.append(train(Stage(f"round {len(rounds) + 1}", step.why, axes, epochs)))
        trained.update({(size, beta): len(step.seed) for size in step.latent_size for beta in step.beta})
        answer = bottleneck(*(one.result.dataset for one in rounds), **allowed)
        step = next_step(answer, trained, limits)
    return answer, tuple(rounds)


def _tuned(
    train: Callable[[Stage], Trained], answer: Answer, tune: Mapping[str, Any], limits: Limits, epochs: int
) -> Trained | None:
    """The second grid; `None` where there is nothing to compare, or nothing to start from."""
    if answer.latent_size is None or all(len(values) < 2 for values in tune.values()):
        return None
    betas = sorted(limits.betas)
    at = betas.index(float(answer.member["beta"]))
    near = betas[max(0, at - 1) : at + 2]
    axes = {"beta": near, "latent_size": [answer.latent_size], **tune, "seed": list(range(limits.seeds))}
    return train(Stage("second grid", f"what other values gain at latent size {answer.latent_size}", axes, epochs))


def _member_at(place: Mapping[str, Any], trained: Sequence[Trained]) -> Member | None:
    """The member with these values, of the last stage that has it."""
    for one in reversed(trained):
        axes = one.stage.axes
        if place and all(place[name] in one.result.dataset[name].values.tolist() for name in axes):
            return extract(one.result, **place)
    return None


def _first_values(tune: Mapping[str, Any]) -> dict[str, Any]:
    """The axes that are tuned, each with its first value alone."""
    found: dict[str, Any] = {}
    for name, values in tune.items():
        if name in TAKEN:
            raise VaejaxError(f"{name} cannot be tuned in the second grid: it is searched for in the first")
        if isinstance(values, Mapping):
            found[name] = dict(list(values.items())[:1])
        elif isinstance(values, str) or not hasattr(values, "__iter__"):
            raise VaejaxError(
                f"{name} in tune must be a list of values, the first of which is used first, got {values!r}"
            )
        else:
            found[name] = list(values)[:1]
    return found


def _kept(keep: str | Path | Keeper | None, stage: str) -> Keeper | None:
    """A folder of its own for each stage."""
    if keep is None:
        return None
    whole = keep if isinstance(keep, Keeper) else Keeper(keep)
    folder = None if whole.folder is None else whole.folder / stage.replace(" ", "_")
    return Keeper(folder, whole.seconds, whole.stop)
