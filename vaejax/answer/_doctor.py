"""What went wrong in a grid, by name, with the evidence and what to train next."""

from typing import TYPE_CHECKING

from vaejax.answer import _signs_of_codes, _signs_of_training
from vaejax.answer._findings import Diagnosis, Finding, chart_of

if TYPE_CHECKING:
    import xarray as xr


def doctor(dataset: "xr.Dataset") -> Diagnosis:
    """Every failure that the columns of a table show, and which could not be looked for.

    - divergence: not finite any more.
    - divergent scale: a density's distortion as trained falls as fast in the last quarter of the run as in the one
      before, by 5% or more of its size (Mattei and Frellsen 2018, arXiv:1802.04826).
    - memorisation: the bound of training above that of test by a fifth of it and 3 standard errors.
    - a warm-up that never ended: `objective_beta` below the beta of the axis.
    - training that has not ended: the validation bound rose by over 0.1 nats and 0.1% in the last fifth of the epochs.
    - posterior collapse: rate below 0.1 nats, no active unit, or a decoder that makes nothing of z within two errors
      (`decoder_use`, of `vj.evaluate`).
    - unused dimensions: at most half of the latents are active, and two or more are not.
    - holes in the aggregate posterior: KL(q(z) || p(z)) over 1 nat and a tenth of the rate (`marginal_kl`, of
      `vj.evaluate`).
    - anomalous codes: one over 10 standard deviations from the mean of all.

    Thresholds are rules of thumb, and the numbers behind them are in the evidence. A remedy's grid is for a sweep whose
    member takes those names.

    >>> import xarray as xr
    >>> columns = {"status": ["ok", "ok"], "rate": [12.0, 0.01], "active_units": [6.0, 0.0]}
    >>> found = doctor(xr.Dataset({name: ("beta", values) for name, values in columns.items()}, {"beta": [1.0, 50.0]}))
    >>> found.findings[0].name, found.findings[0].evidence
    ('posterior collapse', 'Beta 50: rate 0.010 nats, 0 active units.')
    >>> found.not_looked_for["memorisation"]
    'the table has no elbo_train, elbo'
    """
    chart = chart_of(dataset)
    findings, missed = [], {}
    for check in (*_signs_of_training.CHECKS, *_signs_of_codes.CHECKS):
        lacking = [name for name in check.needs if not chart.has(name)]
        found = f"the table has no {', '.join(lacking)}" if lacking else check.look(chart)
        if isinstance(found, Finding):
            findings.append(found)
        elif found is not None:
            missed[check.name] = found
    return Diagnosis(tuple(findings), missed)
