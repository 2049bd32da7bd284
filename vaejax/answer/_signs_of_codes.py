"""Failures of what latents say: collapse, latents out of use, holes, codes far from all others."""

import math

import numpy as np

from vaejax.answer._findings import Chart, Check, Finding, Remedy, finding

NOTHING = 0.1  # nats of rate for an example: less is a code that says nothing
UNUSED = 0.5  # of the latents, at most so many active
HOLES = 0.1  # of the rate, spent on an aggregate that is not the prior
FEWEST_NATS = 1.0  # and that it is worth speaking of
FAR = 10.0  # standard deviations; of 10,000 normal codes of 32 latents the farthest is at 5


def collapse(chart: Chart) -> Finding | None:
    """Rate under 0.1 nats or no active unit (Bowman et al. 2016, arXiv:1511.06349; Lucas et al. 2019, 1911.02469), or,
    where `decoder_use` is known, a decoder that does as well with the code of another example, within two errors."""
    rate, active = chart.columns["rate"], chart.columns["active_units"]
    mask = chart.ok & ((rate < NOTHING) | (active == 0))
    use, error = (chart.columns.get(name, np.full(len(rate), np.inf)) for name in ("decoder_use", "decoder_use_se"))
    mask |= chart.ok & np.isfinite(use) & (use < 2 * error)
    if not mask.any():
        return None

    def told(i: int) -> str:
        more = f", and the decoder uses {use[i]:.2f} ± {error[i]:.2f} nats of it" if np.isfinite(use[i]) else ""
        return f"rate {rate[i]:.3f} nats, {active[i]:.0f} active units{more}"

    betas = [beta for beta in chart.levels("beta", mask) if beta > 0]
    remedies = [Remedy("Weigh the KL less", {"beta": (betas[0] / 16, betas[0] / 4)})] if betas else []
    return finding(
        chart,
        "posterior collapse",
        mask,
        told,
        int(np.where(mask, rate, np.inf).argmin()),
        *remedies,
        Remedy("Let the KL come in slowly", {"warm_up": (chart.quarter,)}),
        Remedy(
            "Leave some nats of each latent free of charge (Kingma et al. 2016, arXiv:1606.04934)",
            {"nats": (0.02, 0.1, 0.5)},
            "vj.objectives.free_bits(nats)",
        ),
    )


def unused(chart: Chart) -> Finding | None:
    """At most half of the latents are active (Burda et al. 2016, arXiv:1509.00519), two of them at least are not."""
    sizes, active = np.array(chart.axes["latent_size"], float), chart.columns["active_units"]
    mask = chart.ok & (active > 0) & (active <= UNUSED * sizes) & (sizes - active >= 2)
    if not mask.any():
        return None
    most = int(active[mask].max())
    grid = tuple(dict.fromkeys((max(1, most // 2), most, math.ceil(1.5 * most))))
    return finding(
        chart,
        "unused dimensions",
        mask,
        lambda i: f"{active[i]:.0f} of {sizes[i]:.0f} latents are active",
        int(np.where(mask, sizes - active, -1).argmax()),
        Remedy("Look closer around the number that is used; a smaller size says the same", {"latent_size": grid}),
        Remedy("Weigh the KL less, if more latents are wanted", {"beta": lower_betas(chart, mask)}),
    )


def holes(chart: Chart) -> Finding | str | None:
    """KL(q(z) || p(z)) above a tenth of the rate and above 1 nat (Hoffman and Johnson 2016; Rosca et al. 2018,
    arXiv:1802.06847): samples of the prior fall where no codes are. Not seen where the information comes within a nat
    of the log of the number of examples it is estimated from, as that KL is then too large."""
    marginal, rate, information = (chart.columns[name] for name in ("marginal_kl", "rate", "information"))
    words = str(chart.attrs.get("held_examples", chart.attrs.get("num_test", ""))).split()
    most = math.log(int(words[0].replace(",", ""))) if words and words[0].replace(",", "").isdigit() else math.inf
    high = chart.ok & (marginal > np.maximum(HOLES * rate, FEWEST_NATS))
    mask = high & (information < most - 1)
    if not mask.any():
        near = f"the information is near {most:.1f} nats, the most that so few examples can show"
        return f"{near}: evaluate more of them" if high.any() else None
    return finding(
        chart,
        "holes in the aggregate posterior",
        mask,
        lambda i: (
            f"KL(q(z) || p(z)) is {marginal[i]:.2f} of {rate[i]:.2f} nats of rate, so that samples of the prior fall "
            "where no codes are"
        ),
        int(np.where(mask, marginal, -np.inf).argmax()),
        Remedy("Learn the prior (VampPrior: Tomczak and Welling 2018, arXiv:1705.07120)", {"prior": ("vamp", "flow")}),
        Remedy("Weigh the KL more", {"beta": tuple(2 * beta for beta in chart.levels("beta", mask)) or (2.0, 4.0)}),
    )


def far_codes(chart: Chart) -> Finding | None:
    """A test example whose code lies over 10 standard deviations from the mean of all along an active latent."""
    far = chart.columns["largest_code"]
    mask = chart.ok & (far > FAR)
    if not mask.any():
        return None
    return finding(
        chart,
        "anomalous codes",
        mask,
        lambda i: f"a test code lies {far[i]:.1f} standard deviations from the mean of all, along one latent",
        int(np.where(mask, far, -np.inf).argmax()),
        Remedy("Look at the example with the farthest code: it may be damaged", {}, "vj.encode(model, params, x)"),
        Remedy("Train with smaller steps", {"learning_rate": (3e-4, 1e-3)}),
    )


def lower_betas(chart: Chart, mask: np.ndarray) -> tuple[float, ...]:
    """A quarter and a half of the smallest beta of these members; 1/4 and 1/2 where there is no such axis."""
    least = next((beta for beta in chart.levels("beta", mask) if beta > 0), 1.0)
    return least / 4, least / 2


CHECKS = (
    Check("posterior collapse", ("rate", "active_units"), collapse),
    Check("unused dimensions", ("latent_size", "active_units"), unused),
    Check("holes in the aggregate posterior", ("marginal_kl", "information", "rate"), holes),
    Check("anomalous codes", ("largest_code",), far_codes),
)
