"""The doctor: each failure put into a healthy table on purpose, by itself, and seen by its name."""

import json
import shlex

import numpy as np
import pytest
import tyro
import xarray as xr

import vaejax as vj
from vaejax.answer import Remedy
from vaejax.commands import Sweep
from vaejax.commands._doctor import lines_of
from vaejax.config import Config
from vaejax.grid._measure import _largest_code

DIMS, SHAPE = ("beta", "latent_size", "seed"), (2, 2, 2)
AT = dict(zip(DIMS, (1, 1, 0), strict=True))  # the member that is made ill: beta 4, latent size 8, seed 0


def healthy(**attrs):
    """Eight members as they should be: of digits, of 100 epochs in 50 segments."""
    rng = np.random.default_rng(0)

    def about(value, spread=0.02):
        return (DIMS, value + spread * rng.normal(size=SHAPE))

    falling = 60 + 40 * np.exp(-np.arange(50) / 8.0)
    columns = {
        "status": (DIMS, np.full(SHAPE, "ok", dtype="<U8")),
        "rate": about(15.0),
        "distortion": about(80.0),
        "elbo": about(-95.0),
        "elbo_train": about(-94.0),
        "log_likelihood_se": about(0.5),
        "active_units": (DIMS, np.broadcast_to([[3.0], [7.0]], SHAPE).copy()),
        "drift": about(0.0),
        "objective_beta": (DIMS, np.broadcast_to(np.array([1.0, 4.0])[:, None, None], SHAPE).copy()),
        "history_distortion": ((*DIMS, "epoch"), np.broadcast_to(falling, (*SHAPE, 50)).copy()),
        "history_value": ((*DIMS, "epoch"), np.broadcast_to(-falling - 15, (*SHAPE, 50)).copy()),
        "largest_code": about(4.0),
        "marginal_kl": about(1.2),
        "information": about(4.0),
        "decoder_use": about(30.0),
        "decoder_use_se": about(1.0),
    }
    axes = {"beta": [1.0, 4.0], "latent_size": [4, 8], "seed": [0, 1], "epoch": np.arange(2, 102, 2)}
    known = {"epochs": 100, "num_train": 1400, "num_test": 180, "held_examples": "180 of test and 360 of train"}
    return xr.Dataset(columns, axes, {**known, **attrs})


def ill(**changed):
    """The healthy table with other numbers for one member."""
    table = healthy()
    if "rate" in changed:  # of which it is a part
        changed = {"marginal_kl": 0.5 * changed["rate"], **changed}
    for name, value in changed.items():
        table[name].loc[{dim: table[dim].values[at] for dim, at in AT.items()}] = value
    return table


STEADY = -10.0 - 6.0 * np.arange(50)  # a log density that rises and rises
CASES = {
    "divergence": ({"status": "diverged", "rate": np.nan, "elbo": np.nan}, "not finite any more after epoch 100"),
    "divergent scale": ({"history_distortion": STEADY}, "fell from -232.0 to -304.0 nats"),
    "memorisation": ({"elbo_train": -60.0}, "-60.00 nats on training and -9"),
    "a warm-up that never ended": ({"objective_beta": 1.5}, "beta was 1.5 at the end of training and was to be 4"),
    "training that has not ended": ({"drift": 2.5}, "rose by 2.50 nats"),
    "posterior collapse": ({"rate": 0.004, "active_units": 0.0}, "rate 0.004 nats, 0 active units"),
    "unused dimensions": ({"active_units": 2.0}, "2 of 8 latents are active"),
    "holes in the aggregate posterior": ({"marginal_kl": 6.0}, "KL(q(z) || p(z)) is 6.00 of 1"),
    "anomalous codes": ({"largest_code": 31.0}, "31.0 standard deviations"),
}


def test_a_healthy_table_has_nothing_wrong_and_everything_was_looked_for():
    found = vj.doctor(healthy())
    assert found.findings == ()
    assert found.not_looked_for == {}


@pytest.mark.parametrize("name", CASES)
def test_a_failure_is_named_with_its_member_its_numbers_and_what_to_do(name):
    changed, words = CASES[name]
    (found,) = vj.doctor(ill(**changed)).findings
    assert found.name == name
    assert found.members == ({"beta": 4.0, "latent_size": 8, "seed": 0},)
    assert found.evidence.startswith("Beta 4, latent size 8, seed 0: ")
    assert words in found.evidence
    assert found.remedies
    assert all(one.grid or one.python or "examples" in one.text for one in found.remedies)


@pytest.mark.parametrize(
    "changed",
    [
        {"elbo_train": -80.0},  # 16%, as networks that do well have it
        {"drift": -3.0},  # it falls; the best state was kept
        {"drift": 0.09},
        {"active_units": 5.0},
        {"marginal_kl": 1.45},
        {"largest_code": 9.0},
        {"rate": 0.2, "marginal_kl": 0.1},
        {"history_distortion": 200 - 3.0 * np.arange(50)},  # of a mass function
        {"history_distortion": -300 + 290 * np.exp(-np.arange(50) / 8.0)},  # a density that settles
    ],
    ids=lambda changed: " ".join(changed),
)
def test_what_is_near_a_failure_and_none_is_not_named(changed):
    assert vj.doctor(ill(**changed)).findings == ()


def test_memorisation_is_beyond_its_error():
    assert vj.doctor(ill(elbo_train=-70.0, log_likelihood_se=9.0)).findings == ()


def test_a_decoder_that_makes_nothing_of_z_is_a_collapse_whatever_the_rate():
    (found,) = vj.doctor(ill(decoder_use=0.3)).findings
    assert found.name == "posterior collapse"
    assert "uses 0.30 ±" in found.evidence


def test_the_plainest_of_several_is_shown_and_all_are_listed():
    table = ill(rate=0.05)
    for name, value in (("rate", 0.01), ("marginal_kl", 0.005)):
        table[name].loc[{"beta": 4.0, "latent_size": 4, "seed": 1}] = value
    (found,) = vj.doctor(table).findings
    assert len(found.members) == 2
    assert found.evidence.startswith("2 of 8 members; the plainest, beta 4, latent size 4, seed 1: rate 0.010 nats")
    assert found.remedies[0].grid == {"beta": (0.25, 1.0)}


def test_holes_are_not_claimed_where_the_examples_are_too_few_to_tell():
    found = vj.doctor(ill(marginal_kl=6.0, information=5.0))
    assert found.findings == ()
    assert "near 5.2 nats" in found.not_looked_for["holes in the aggregate posterior"]


def test_what_is_not_in_the_table_is_not_looked_for_and_it_is_said():
    table = ill(elbo_train=-60.0).drop_vars(["marginal_kl", "information", "largest_code", "rate"])
    found = vj.doctor(table)
    assert [one.name for one in found.findings] == ["memorisation"]
    assert found.not_looked_for["anomalous codes"] == "the table has no largest_code"
    assert "marginal_kl, information, rate" in found.not_looked_for["holes in the aggregate posterior"]


def test_axes_of_names_and_lists_of_points_are_looked_at_too():
    names = ill(rate=0.01).assign_coords(beta=["low", "high"])
    found = vj.doctor(names)
    assert found.findings[0].evidence.startswith("Beta high, ")
    assert "a warm-up that never ended" in found.not_looked_for
    points = ill(rate=0.01).stack(point=DIMS, create_index=False)
    assert vj.doctor(points).findings[0].members == ({"beta": 4.0, "latent_size": 8, "seed": 0},)


def test_every_member_may_be_gone():
    table = healthy()
    table["status"][:] = "diverged"
    (found,) = vj.doctor(table).findings
    assert (found.name, len(found.members)) == ("divergence", 8)


class TestCommands:
    config = Config(data="rows.npy", beta=(1.0, 4.0), seeds=3)

    def test_an_axis_is_one_command_with_all_that_was_asked_for(self):
        lines = lines_of(Remedy("", {"beta": (0.25, 1.0)}), self.config, "runs/a-1")
        assert lines == ["vaejax sweep --data rows.npy --beta 0.25 1 --seeds 3 --out runs/a-1"]

    @pytest.mark.parametrize("name", CASES)
    def test_every_command_that_is_named_is_one(self, name):
        """It parses to the configuration that the remedy asks for."""
        for remedy in vj.doctor(ill(**CASES[name][0])).findings[0].remedies:
            for line in lines_of(remedy, self.config, "runs/b"):
                if not line.startswith("vaejax "):
                    continue
                asked = tyro.cli(Sweep, args=shlex.split(line)[2:]).config
                ((axis, values),) = remedy.grid.items()
                assert getattr(asked, axis) == values or getattr(asked, axis) in values
                assert asked.data == "rows.npy"

    def test_what_has_no_flag_is_python(self):
        remedy = Remedy("", {"nats": (0.1, 0.5)}, "vj.objectives.free_bits(nats)")
        lines = lines_of(remedy, self.config, "runs/a")
        assert lines == ["vj.objectives.free_bits(nats)", "vj.sweep(member, data, nats=[0.1, 0.5])"]


def test_the_report_shows_what_was_found_and_nothing_does_harm():
    table = ill(rate=0.01).assign_coords(beta=["<b>", "high"])
    text = vj.report.page(vj.report.Shown(table))
    assert "Posterior collapse <small>1 member</small></h3><p>Beta high" in text
    assert "vj.objectives.free_bits(nats)" in text
    assert "<b>" not in text.split('id="doctor"')[1].split("</section>")[0]
    assert "Nothing that could be looked for" in vj.report.page(vj.report.Shown(healthy()))
    assert 'id="doctor"' not in vj.report.page(vj.report.Shown(healthy().drop_vars("elbo")))


def test_the_farthest_code_is_measured_along_active_latents():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(500, 3)) * [2.0, 1.0, 1e-4]
    codes[7, 2] = 1.0  # a latent that is not used
    codes = (codes - codes.mean(0)) / codes.std(0) * [2.0, 1.0, 1e-4]
    assert _largest_code(codes) == pytest.approx(np.abs(codes[:, :2] / [2.0, 1.0]).max())
    codes[3, 1] = 50.0
    assert _largest_code(codes) > 20
    assert _largest_code(np.zeros((5, 2))) == 0


def test_findings_can_be_written_down():
    assert "rate 0.010" in json.dumps(vj.doctor(ill(rate=0.01)))
