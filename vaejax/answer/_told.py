"""What a search did and found, in sentences."""

from collections.abc import Sequence

from vaejax.answer._bottleneck import Answer
from vaejax.answer._look import Estimate, Look
from vaejax.answer._proposal import Proposal
from vaejax.answer._rounds import Limits, Stage
from vaejax.answer._tuning import Gain

SHOWN = 8  # rates of so many latents


def told_of(
    look: Look, proposal: Proposal, rounds: Sequence[Stage], answer: Answer, gain: Gain | None, limits: Limits
) -> str:
    """A line for each: the look, the range and why, the rounds, the answer, what the second grid gained."""
    lines = [f"First look: {_look(look)}", f"Range: {proposal.reason}", *map(_round, rounds)]
    lines.append(f"Answer: {answer.reason}")
    if answer.latent_size is not None and not answer.decided:
        sizes = " or ".join(map(str, answer.candidates))
        lines.append(f"Not decided after {limits.most_seeds} seeds: {sizes}.")
    return "\n".join([*lines, *([] if gain is None else _gained(gain, answer))])


def _gained(gain: Gain, answer: Answer) -> list[str]:
    """What the second grid gained; where that is more than a size may lose, what it means for the answer."""
    if not gain.gain_nats > max(answer.margin_nats, 2 * gain.gain_se):
        return [gain.reason]
    return [
        gain.reason,
        f"That is more than the margin of {answer.margin_nats:.2f} nats, and the sizes were compared with the values "
        "of before: search again with these first, as another size may now do as well.",
    ]


def _look(look: Look) -> str:
    text = f"{look.active_units} of {look.widest} latents are active"
    if look.active_units_by_rate not in (None, look.active_units):
        text += f" by their means, {look.active_units_by_rate} by their rates"
    if look.rates:
        more = ", ..." if len(look.rates) > SHOWN else ""
        text += f", with rates of {', '.join(f'{rate:.2f}' for rate in look.rates[:SHOWN])}{more} nats"
    known = [
        f"{_estimate(estimate)} by {name}"
        for estimate, name in ((look.two_nn, "two neighbours"), (look.maximum_likelihood, "maximum likelihood"))
        if estimate is not None
    ]
    return f"{text}; the data have dimension {', '.join(known)}, of {look.num_rows} rows." if known else f"{text}."


def _estimate(estimate: Estimate) -> str:
    return f"{estimate.value:.1f} ± {estimate.se:.1f}"


def _round(stage: Stage) -> str:
    sizes, betas, seeds = ((stage.axes[name]) for name in ("latent_size", "beta", "seed"))
    at = f"latent size {', '.join(map(str, sizes))}, beta {', '.join(f'{beta:g}' for beta in betas)}"
    which = f"seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}"
    return f"{stage.name.capitalize()}, {stage.why}: {at}, {which}."
