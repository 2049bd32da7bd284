"""Failures of training: divergence, a likelihood without bound, memorisation, schedules and runs that did not end."""

import math

import numpy as np

from vaejax.answer._findings import Chart, Check, Finding, Remedy, finding

SHARE = 0.2  # of the test bound that training may be ahead: it is about 0.1 of good networks on 1,200 digits
ERRORS = 3.0
FLAT = 0.1, 0.001  # nats, and a part of the bound: what may still change over the last fifth of the epochs
UNDIMINISHED = 0.8  # of the fall before: the distortion falls as fast as ever
STEEP = 0.05  # of its size, in a quarter of the run


def diverged(chart: Chart) -> Finding | None:
    """Status diverged: a parameter or the objective was not finite any more."""
    mask = ~chart.ok
    if not mask.any():
        return None
    rates = chart.levels("learning_rate", mask)
    lower = (rates[0] / 16, rates[0] / 4) if rates else (3e-4, 1e-3)
    history = chart.columns.get("history_value", np.full((len(mask), 0), np.nan))
    kept = np.isfinite(history).sum(1)

    def told(i: int) -> str:
        after = f" after epoch {chart.ends[kept[i] - 1]:.0f}" if kept[i] else ""
        return f"what is trained is not finite any more{after}"

    return finding(
        chart,
        "divergence",
        mask,
        told,
        int(np.flatnonzero(mask)[0]),
        Remedy("Take smaller steps", {"learning_rate": lower}),
        Remedy("Clip the gradient", {}, "optax.chain(optax.clip_by_global_norm(1.0), optax.adam(learning_rate))"),
    )


def scale(chart: Chart) -> Finding | None:
    """A density whose distortion as trained falls in the last quarter of the run by 0.8 of its fall in the quarter
    before, or more, and by 5% of its size: a learned scale on its way to zero, where the likelihood has no bound
    (Mattei and Frellsen 2018, arXiv:1802.04826). A mass function is at most 1: its distortion
    stays above 0."""
    history = chart.columns["history_distortion"]
    num = history.shape[1]
    if num < 8:
        return None
    ends = [num - 1 - 2 * (num // 4), num - 1 - num // 4, num - 1]
    before, then, now = (history[:, at] for at in ends)
    last = then - now
    with np.errstate(invalid="ignore"):
        mask = (now < 0) & (last > STEEP * np.abs(now)) & (last >= UNDIMINISHED * (before - then))
    if not mask.any():
        return None
    return finding(
        chart,
        "divergent scale",
        mask,
        lambda i: (
            f"the distortion as trained fell from {then[i]:.1f} to {now[i]:.1f} nats over the last quarter of the run, "
            "no slower than before: the density of the training examples has no bound"
        ),
        int(np.where(mask, last, -np.inf).argmax()),
        Remedy("Fix the scale, or use a mass function on the levels of the data", {"likelihood": ("normal",)}),
        Remedy("Dequantise the data, so that no value comes twice", {}, "vj.data.grey(data)"),
    )


def memorised(chart: Chart) -> Finding | None:
    """The bound of the training split above that of test by 3 standard errors and by a fifth of it."""
    train, test = chart.columns["elbo_train"], chart.columns["elbo"]
    sizes = [float(chart.attrs.get(name, np.nan)) for name in ("num_train", "num_test")]
    error = chart.columns.get("log_likelihood_se", np.zeros(len(test)))
    error = error * np.sqrt(1 + sizes[1] / sizes[0]) if np.isfinite(sizes).all() else error
    gap = train - test
    mask = chart.ok & (gap > SHARE * np.abs(test)) & (gap > ERRORS * np.nan_to_num(error))
    if not mask.any():
        return None
    return finding(
        chart,
        "memorisation",
        mask,
        lambda i: (
            f"the bound is {train[i]:.2f} nats on training and {test[i]:.2f} on test, {gap[i]:.2f} ± {error[i]:.2f} "
            "apart"
        ),
        int(np.where(mask, gap, -np.inf).argmax()),
        Remedy("Train narrower networks", {"width": (16, 32)}),
        Remedy(
            "Decay the weights",
            {"weight_decay": (1e-3, 1e-2)},
            "optax.adamw(learning_rate, weight_decay=weight_decay)",
        ),
        Remedy("Get more examples"),
    )


def warming(chart: Chart) -> Finding | None:
    """The beta in force at the end, `objective_beta`, below the beta of the axis."""
    force, asked = chart.columns["objective_beta"], np.array(chart.axes["beta"], float)
    mask = np.isfinite(force) & (force < asked * (1 - 1e-5))
    if not mask.any():
        return None
    worst = int(np.where(mask, asked - force, -np.inf).argmax())
    needed = 1.25 * chart.attrs.get("epochs", 0) * asked[worst] / max(force[worst], 1e-9)  # it rises in a line
    remedies = [Remedy("Train longer than it lasts", {"epochs": (math.ceil(needed),)})] if 0 < needed < 1e6 else []
    return finding(
        chart,
        "a warm-up that never ended",
        mask,
        lambda i: f"beta was {force[i]:.3g} at the end of training and was to be {asked[i]:.3g}",
        worst,
        Remedy("Shorten it, so that most of the run has the beta that was asked for", {"warm_up": (chart.quarter,)}),
        *remedies,
    )


def rising(chart: Chart) -> Finding | None:
    """The validation bound rose over the last fifth of the epochs by over 0.1 nats and a thousandth of its size."""
    drift, size = chart.columns["drift"], np.abs(chart.columns["elbo"])
    mask = chart.ok & (drift > np.maximum(FLAT[0], FLAT[1] * np.nan_to_num(size)))
    if not mask.any():
        return None
    epochs = int(chart.attrs.get("epochs", 0))
    return finding(
        chart,
        "training that has not ended",
        mask,
        lambda i: f"the validation bound still rose by {drift[i]:.2f} nats over the last fifth of the epochs",
        int(np.where(mask, drift, -np.inf).argmax()),
        Remedy("Train longer", {"epochs": (2 * epochs, 4 * epochs)} if epochs else {}),
    )


CHECKS = (
    Check("divergence", (), diverged),
    Check("divergent scale", ("history_distortion",), scale),
    Check("memorisation", ("elbo_train", "elbo"), memorised),
    Check("a warm-up that never ended", ("objective_beta", "beta"), warming),
    Check("training that has not ended", ("drift", "elbo"), rising),
)
