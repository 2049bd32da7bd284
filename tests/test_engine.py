"""How a grid is run changes how long it takes and nothing else: plans, threads, memory that ends, members that end."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import xarray as xr

import vaejax as vj
from vaejax import cli, store
from vaejax.errors import Stopped, VaejaxError
from vaejax.grid import _choice, _keep, _train, _training, _waves, measuring_keys
from vaejax.grid._layout import layout_of
from vaejax.history import History
from vaejax.plans import plan_of

ROWS = np.random.default_rng(0).integers(0, 2, (60, 4)).astype(np.uint8)
SEEDS = np.array([3, 1, 3, 1, 3, 1, 3])
PLANS = [vj.Plan(at, shared, lanes) for at in (None, 1, 2, 3) for shared in (False, True) for lanes in (1, 2)]
IN_WAVES = [vj.Plan(None, waves=2), vj.Plan(2, True, lanes=2, waves=2), vj.Plan(1, waves=4)]  # the last wave of one
MEASURED = ("elbo", "log_likelihood", "rate", "history_validation", "history_value")


def member(beta, latent_size, width=4):
    net = vj.nets.mlp(width)
    model = vj.vae(
        net, net, data_shape=(4,), latent_size=latent_size, max_latent_size=2, likelihood=vj.likelihoods.bernoulli()
    )
    return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-2))


def train(width=4, **options):
    settings = {"beta": [0.5, 1.0, 2.0], "latent_size": [2], "seed": [0, 1], "epochs": 5, **options}

    def built(beta, latent_size):
        return member(beta, latent_size, width)

    return vj.sweep(built, ROWS, **{"num_samples": 4, "batch_size": 16, **settings})


def same(one, other, names=MEASURED):
    for name in names:
        np.testing.assert_array_equal(one.dataset[name].values, other.dataset[name].values, err_msg=name)


@pytest.fixture(scope="module")
def whole():
    return train(plan=vj.in_turn)


class TestLayout:
    @pytest.mark.parametrize("num_devices", [1, 3])
    @pytest.mark.parametrize("plan", PLANS, ids=str)
    def test_every_member_has_a_place_in_a_group_of_its_seed(self, plan, num_devices):
        rows, places = layout_of(SEEDS, plan, num_devices)
        at_once = rows.shape[1] // num_devices
        np.testing.assert_array_equal(rows.ravel()[places], np.arange(len(SEEDS)))
        assert set(rows.ravel()) == set(range(len(SEEDS)))
        assert at_once * num_devices == rows.shape[1]
        if plan.shared:
            assert all(len(set(SEEDS[group])) == 1 for group in rows.reshape(-1, at_once))
        assert plan.at_once is None or at_once <= plan.at_once
        assert plan.at_once is not None or len(rows) >= plan.lanes

    def test_all_at_once_is_shared_out_evenly(self):
        assert layout_of(np.zeros(20), vj.Plan(None, lanes=2)).rows.shape == (2, 10)
        assert layout_of(np.repeat([0, 1], 10), vj.Plan(None, shared=True, lanes=2)).rows.tolist() == [
            list(range(10)),
            list(range(10, 20)),
        ]

    @pytest.mark.parametrize("plan", PLANS + IN_WAVES, ids=str)
    def test_a_plan_is_what_it_says(self, plan):
        assert plan_of(str(plan)) == plan

    @pytest.mark.parametrize("text", ["", "at_once", "at_once=0", "at_once=-1", "shared=1", "lanes=x", "waves=0", "2"])
    def test_what_is_no_plan_is_refused(self, text):
        with pytest.raises(VaejaxError, match=r"plan|at_once|waves"):
            plan_of(text)


@pytest.mark.parametrize("plan", PLANS + IN_WAVES, ids=str)
def test_members_are_the_same_by_every_plan(plan, float64):
    one, other = train(plan=vj.in_turn), train(plan=plan)
    for name in MEASURED:
        np.testing.assert_allclose(one.dataset[name], other.dataset[name], rtol=1e-8, atol=1e-8, err_msg=name)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8), one.params, other.params)


@pytest.mark.parametrize("plan", [vj.together, vj.Plan(4, shared=True, lanes=2)], ids=str)
def test_the_held_out_bound_is_the_mean_over_the_validation_split(plan):
    rows = np.random.default_rng(1).integers(0, 2, (150, 4)).astype(np.uint8)
    split = vj.data.arrays(
        train=rows[:20], validation=rows[:110], test=rows[110:], levels=2
    )  # two chunks, one not full
    result = vj.sweep(member, split, beta=[1.0, 2.0], latent_size=[2], epochs=1, num_samples=2, batch_size=5, plan=plan)
    model, params = vj.extract(result, beta=2.0)

    def bound(index):
        _, key = measuring_keys(index)
        found = vj.terms(key, model, params, vj.Example(jnp.asarray(rows[index], float)))
        return -float(found.distortion + found.rate)

    expected = np.mean([bound(index) for index in range(110)])
    np.testing.assert_allclose(result.dataset["history_validation"].sel(beta=2.0).item(), expected, rtol=1e-5)


class TestEndings:
    def test_a_member_without_patience_left_is_what_it_was_and_harms_nobody(self, whole):
        # Ends the first setting at epoch 2 and the second at epoch 3: groups close ranks twice.
        def until(table):
            return (table["elbo_beta"] <= (table.attrs["epoch"] - 1) / 2) & (table.attrs["epoch"] > 1)

        def told(table):
            beta = table["history_validation"].isel(epoch=0, drop=True) * 0 + table["beta"]
            return until(table.assign(elbo_beta=beta.fillna(9.0)))

        ended = train(plan=vj.in_turn, until=told)
        epochs = ended.dataset["ended_epoch"].isel(latent_size=0, seed=0).values
        np.testing.assert_array_equal(epochs, [2, 3, np.nan])
        for at, last in enumerate([2, 3, 5]):
            mine, theirs = (one.dataset["history_validation"].isel(beta=at) for one in (ended, whole))
            np.testing.assert_array_equal(mine.sel(epoch=slice(None, last)), theirs.sel(epoch=slice(None, last)))
            assert np.isnan(mine.sel(epoch=slice(last + 1, None))).all()
        same(ended_at(ended, 2), ended_at(whole, 2), ["elbo", "log_likelihood", "best_epoch"])
        short = train(plan=vj.in_turn, epochs=2)
        same(ended_at(ended, 0), ended_at(short, 0), ["elbo", "log_likelihood", "best_epoch"])

    @pytest.mark.parametrize("plan", [vj.together, vj.Plan(2, shared=True, lanes=2)], ids=str)
    def test_what_has_ended_is_trained_no_more(self, plan, monkeypatch):
        used = []
        advance = _training.Training.advance

        def counted(training, first, num):
            used.append(len(training.groups) * training.size)
            return advance(training, first, num)

        monkeypatch.setattr(_training.Training, "advance", counted)
        ended = train(plan=plan, beta=[0.5, 1.0, 2.0, 4.0], until=lambda table: _beta(table) < 4.0)
        assert used[0] == 8
        assert used[-1] == 2  # one setting is left, of two seeds
        alone = train(plan=plan, beta=[4.0])
        np.testing.assert_allclose(ended.dataset["elbo"].isel(beta=3), alone.dataset["elbo"].isel(beta=0), rtol=1e-5)

    def test_who_has_ended_in_a_group_that_goes_on_is_left_as_it_was(self):
        ended = train(plan=vj.together, until=lambda table: (_beta(table) < 1.0) & (table.attrs["epoch"] == 2))
        short = train(plan=vj.together, epochs=2)
        same(ended_at(ended, 0), ended_at(short, 0), ["elbo", "log_likelihood", "best_epoch"])
        assert (ended.dataset["best_epoch"].isel(beta=[1, 2]) > 2).all()

    def test_groups_that_are_done_with_are_left_out_of_the_same_program(self, monkeypatch):
        programs = []
        advance = _training.Training.advance

        def counted(training, first, num):
            programs.append((len(training.groups), training.step))
            return advance(training, first, num)

        monkeypatch.setattr(_training.Training, "advance", counted)
        train(plan=vj.Plan(2), beta=[0.5, 1.0, 2.0, 4.0], until=lambda table: _beta(table) < 2.0)
        assert [num for num, _ in programs[:: len(programs) - 1]] == [4, 2]
        assert len({id(step) for _, step in programs}) == 1

    def test_patience_asks_for_a_gain(self):
        history = xr.DataArray([[-3.0, -2.0, -1.5]], {"epoch": [1, 2, 3]}, ("beta", "epoch"))
        table = xr.Dataset({"history_validation": history}, attrs={"epoch": 3})
        ended = [bool(vj.patience(1, gain)(table)) for gain in (0.0, 0.4, 0.5, 0.6)]
        assert ended == [False, False, True, True]
        assert not vj.patience(3)(table).any()  # nothing is known of so long ago

    def test_a_run_in_which_members_have_ended_goes_on(self, tmp_path, whole):
        def until(table):
            return (_beta(table) < 1.0) & (table.attrs["epoch"] > 1)

        options = {"plan": vj.in_turn, "until": until}
        left = train(**options)
        for num in (3, 2):
            times = iter(range(num))
            with pytest.raises(Stopped):
                train(**options, keep=vj.Keeper(tmp_path, 0.0, lambda times=times: 15 if next(times, 9) == 9 else 0))
        again = train(**options, keep=tmp_path)
        same(left, again, (*MEASURED, "ended_epoch"))

    def test_what_diverged_is_trained_no_more(self):
        def diverging(learning_rate):
            model = vj.vae(vj.nets.mlp(4), vj.nets.mlp(4), data_shape=(4,), latent_size=1)
            return vj.trainer(model, vj.objectives.elbo(), optax.sgd(learning_rate))

        rows = np.random.default_rng(0).random((40, 4))
        table = vj.sweep(diverging, rows, learning_rate=[1e-3, 1e30], epochs=4, num_samples=2, plan=vj.in_turn).dataset
        assert table["status"].values.ravel().tolist() == ["ok", "diverged"]
        np.testing.assert_array_equal(table["ended_epoch"].values.ravel(), [np.nan, 2.0])

    def test_a_rule_must_tell_of_every_member(self):
        with pytest.raises(VaejaxError, match="until must give booleans over beta, latent_size, seed"):
            train(until=lambda table: True)

    def test_halving_keeps_the_best_of_each_setting(self):
        table = train(beta=[0.5, 1.0, 2.0, 4.0], until=vj.halving("beta", first=1), epochs=6).dataset
        history = table["history_validation"].isel(latent_size=0)
        trained = (~np.isnan(history)).sum("beta")
        np.testing.assert_array_equal(trained, [[4, 2, 1, 1, 1, 1]] * 2)
        for seed in (0, 1):
            first = history.sel(seed=seed, epoch=1).values
            left = np.flatnonzero(~np.isnan(history.sel(seed=seed, epoch=2).values))
            assert set(left) == set(np.argsort(first)[-2:])

    @pytest.mark.parametrize("rule", [lambda: vj.patience(0), lambda: vj.halving("beta", first=1, keep=1.0)])
    def test_a_rule_that_can_not_be_is_refused(self, rule):
        with pytest.raises(VaejaxError, match=r"epochs|keep"):
            rule()

    def test_an_axis_to_halve_must_be_there(self):
        with pytest.raises(VaejaxError, match="'width' is no axis of this grid to halve; there are beta"):
            train(until=vj.halving("width", first=1))


def _beta(table):
    return table["history_validation"].isel(epoch=0, drop=True).fillna(0.0) * 0 + table["beta"]


def ended_at(result, at):
    return result._replace(dataset=result.dataset.isel(beta=at))


class TestMemory:
    def test_where_memory_ends_half_as_many_go_on_from_where_they_were(self, monkeypatch, tmp_path):
        expected = train(plan=vj.Plan(3))
        advance, tried = _training.Training.advance, []

        def full(training, first, num):
            tried.append((training.plan.at_once, first))
            if training.plan.at_once is None and first > 2:
                training.carries = []  # they were given away
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.")
            return advance(training, first, num)

        monkeypatch.setattr(_training.Training, "advance", full)
        found = train(plan=vj.together)
        assert "memory ended by at_once=all" in found.dataset.attrs["plan"]
        assert {at_once for at_once, _ in tried} == {None, 3}
        same(found, expected)

    def test_who_ended_after_that_place_is_trained_again(self, monkeypatch):
        options = {"until": lambda table: (_beta(table) < 1.0) & (table.attrs["epoch"] == 2)}
        expected = train(plan=vj.Plan(3), **options)
        advance, failed = _training.Training.advance, []

        def full(training, first, num):
            if first > 10 and not failed:  # the first setting has ended at step 8
                failed.append(first)
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
            return advance(training, first, num)

        monkeypatch.setattr(_training.Training, "advance", full)
        found = train(plan=vj.together, **options)
        assert failed
        same(found, expected, (*MEASURED, "ended_epoch"))

    def test_memory_that_ends_with_one_member_is_said(self, monkeypatch):
        def full(training, first, num):
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

        monkeypatch.setattr(_training.Training, "advance", full)
        with pytest.raises(VaejaxError, match="memory ended with one member at once"):
            train(plan=vj.Plan(2))

    def test_other_failures_are_not_taken_for_it(self, monkeypatch):
        def broken(training, first, num):
            raise jax.errors.JaxRuntimeError("INTERNAL: something else")

        monkeypatch.setattr(_training.Training, "advance", broken)
        with pytest.raises(jax.errors.JaxRuntimeError, match="something else"):
            train()

    def test_plans_are_chosen_to_fit(self):
        little = train(memory=1000)
        assert little.dataset.attrs["plan"].startswith("at_once=1,waves=6 (the least memory; even this takes more than")


class TestWaves:
    """Members whose states do not fit in memory together."""

    @pytest.fixture
    def begun(self, monkeypatch):
        """Each training that begins, and what is in the device's memory at its first step beyond what was before."""
        seen, begin, advance = [], _training.Training.begin, _training.Training.advance
        before = in_memory()

        def beginning(training, place=None):
            seen.append([training, 0])
            return begin(training, place)

        def counted(training, first, num):
            seen[-1][1] = max(seen[-1][1], in_memory() - before)
            return advance(training, first, num)

        monkeypatch.setattr(_training.Training, "begin", beginning)
        monkeypatch.setattr(_training.Training, "advance", counted)
        return seen

    @pytest.mark.parametrize("share", [0.65, 0.45])
    def test_memory_is_bounded_by_what_was_given(self, begun, share):
        """Held against the compiler's own account, and against what lies in memory."""
        options = {"beta": [0.5, 1.0, 2.0, 4.0], "seed": [0, 1], "epochs": 2, "width": 300}
        expected = train(plan=vj.in_turn, **options)
        whole = begun[0][0].bytes()
        assert begun[0][1] > 0.5 * whole
        del begun[:]
        found = train(memory=int(share * whole), **options)
        num = [len(training.members) for training, _ in begun]
        assert sum(num) == 8
        assert len(num) == {0.65: 2, 0.45: 4}[share]
        assert f",waves={len(num)} (" in found.dataset.attrs["plan"]
        assert "all in one wave take more than " in found.dataset.attrs["plan"]
        assert max(training.bytes() for training, _ in begun) <= share * whole
        assert max(most for _, most in begun) <= share * whole
        assert len({id(training.step) for training, _ in begun}) == 1  # compiled once
        for name in MEASURED:
            np.testing.assert_allclose(found.dataset[name], expected.dataset[name], rtol=1e-4, err_msg=name)

    def test_members_by_themselves_are_the_same_to_the_bit(self, whole):
        same(train(plan=vj.Plan(1, waves=4)), whole)

    def test_a_run_goes_on_in_the_middle_of_a_later_wave(self, tmp_path, monkeypatch, whole):
        monkeypatch.setattr(_train, "SECONDS", 1e-9)
        options = {
            "plan": vj.Plan(1, waves=3),
            "until": lambda table: (_beta(table) < 1.0) & (table.attrs["epoch"] == 3),
        }
        expected, places, epochs = train(**options), [], []
        for wave in (2, 4):
            stop, seen = stopping_in(wave)
            with pytest.raises(Stopped):
                train(**options, keep=vj.Keeper(tmp_path, 0.0, stop), on_segment=seen)
            places.append(store.contents(max(tmp_path.iterdir())).note)
        assert [(one["first"], one["size"]) for one in places] == [(2, 2), (4, 2)]
        assert all(one["step"] % 4 for one in places)  # not at the end of an epoch
        again = train(**options, keep=tmp_path, on_segment=lambda table: epochs.append(table.attrs["epoch"]))
        same(again, expected, (*MEASURED, "ended_epoch"))
        assert len(epochs) < 5
        same(ended_at(expected, 2), ended_at(whole, 2))

    def test_where_states_do_not_fit_there_are_more_waves(self, monkeypatch, whole):
        begin, tried = _training.Training.begin, []

        def full(training, place=None):
            tried.append(len(training.members))
            if len(training.members) > 2:
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.")
            return begin(training, place)

        monkeypatch.setattr(_training.Training, "begin", full)
        found = train(plan=vj.in_turn)
        assert tried == [6, 3, 2, 2, 2]
        assert "at_once=1,waves=4 (memory ended by at_once=1,waves=2)" in found.dataset.attrs["plan"]
        same(found, whole)

    def test_a_wave_that_is_split_goes_on_where_it_was_saved(self, monkeypatch, tmp_path, whole):
        monkeypatch.setattr(_train, "SECONDS", 1e-9)
        monkeypatch.setattr(_keep, "SHARE", 0)  # every step is saved
        advance, steps = _training.Training.advance, []

        def full(training, first, num):
            steps.append((len(training.members), first))
            if len(training.members) > 3 and first > 6:
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
            return advance(training, first, num)

        monkeypatch.setattr(_training.Training, "advance", full)
        same(train(plan=vj.in_turn, keep=vj.Keeper(tmp_path, 0.0)), whole)
        failed = next(at for at, (_, first) in enumerate(steps) if first > 6)
        assert [one for one in steps[failed + 1 :] if one[1] <= 6] == []  # nothing was done twice

    def test_a_trial_in_which_memory_ends_is_lost(self, monkeypatch):
        def full(training):
            if training.plan.at_once is None:
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
            return 1.0

        monkeypatch.setattr(_choice, "_timed", full)
        assert _choice._seconds(_Begun(vj.together)) == np.inf
        assert _choice._seconds(_Begun(vj.in_turn)) == 1.0

    def test_the_history_of_each_wave_is_written(self, rows, tmp_path):
        asked = [
            "sweep",
            "--data",
            str(rows),
            "--beta",
            "1",
            "2",
            "--latent-size",
            "1",
            "--seeds",
            "2",
            "--epochs",
            "3",
        ]
        asked += ["--width", "4", "--out", str(tmp_path / "run"), "--plan"]
        assert cli.main([*asked, "at_once=1,waves=3"]) == 0
        lines = [json.loads(line) for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
        assert [(line["segment"], line.get("wave", 0)) for line in lines[:-1]] == [
            (at, w) for w in (0, 2) for at in range(3)
        ]
        assert [len(line["members"]) for line in lines[:-1]] == [2] * 6

    def test_the_history_of_a_run_that_goes_on_in_a_later_wave_is_whole(self, tmp_path, monkeypatch):
        monkeypatch.setattr(_train, "SECONDS", 1e-9)
        monkeypatch.setattr(_keep, "SHARE", 0)
        for name in ("whole", "run"):
            (tmp_path / name).mkdir()
        plan, (stop, seen) = vj.Plan(1, waves=3), stopping_in(2)
        train(plan=plan, on_segment=History(tmp_path / "whole").append)
        lines = History(tmp_path / "run")
        keep = vj.Keeper(tmp_path / "keep", 0.0, stop)
        with pytest.raises(Stopped):
            train(plan=plan, keep=keep, on_segment=lambda table: (seen(table), lines.append(table)))
        with lines.path.open("a") as file:
            file.write('{"segment": 2, "wave": 2, "epoch": 3}\n')  # as if it had been killed after what was saved
        train(plan=plan, keep=tmp_path / "keep", on_segment=History(tmp_path / "run").append)
        assert lines.path.read_bytes() == (tmp_path / "whole" / "history.jsonl").read_bytes()


def stopping_in(wave):
    """Asks to stop two slices after the second epoch of a wave; and what is to be told of segments."""
    seen, slices = [], iter(range(1))

    def stop():
        return 15 if seen and seen[-1] == (wave, 2) and next(slices, None) is None else 0

    return stop, lambda table: seen.append((table.attrs["wave"], table.attrs["epoch"]))


class _Begun(NamedTuple):
    plan: vj.Plan

    def begin(self):
        return self


def in_memory():
    return sum(array.nbytes for array in jax.live_arrays())


ENDING = """
import resource, sys
sys.path.insert(0, sys.argv[1])
import conftest, numpy as np, vaejax as vj
from test_engine import member
from vaejax.grid import _training

advance, failed = _training.Training.advance, []

def limited(training, first, num):
    training.step, training.window(first, num)  # what is compiled is not what is to fail
    now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + 250 * 2**20, -1))
    try:
        return advance(training, first, num)
    except Exception as error:
        failed.append((str(training.plan), first, str(error)[:60]))
        raise
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))

def built(beta):
    return member(beta, 2, 3000)

rows = np.random.default_rng(0).integers(0, 2, (6000, 4)).astype(np.uint8)
asked = {"beta": [0.5, 1.0, 2.0, 4.0], "epochs": 1, "batch_size": 2048, "num_samples": 2}
expected = vj.sweep(built, rows, **asked, plan=vj.in_turn)
_training.Training.advance = limited
found = vj.sweep(built, rows, **asked, plan=vj.together)
print(failed, found.dataset.attrs["plan"])
assert failed and all("RESOURCE_EXHAUSTED" in why for _, _, why in failed), failed
np.testing.assert_allclose(found.dataset.elbo, expected.dataset.elbo, rtol=1e-4)
assert "memory ended by at_once=" in found.dataset.attrs["plan"]
"""


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the size of a process is read there")
def test_memory_that_really_ends_ends_no_run():
    """In a process of its own whose memory the system limits while it trains."""
    script = [sys.executable, "-c", ENDING, str(Path(__file__).parent)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


class TestChoice:
    @pytest.fixture
    def trials(self, monkeypatch, tmp_path):
        """Trials that are invented: plans of 2 threads are slow, one member at a time is fastest."""
        tried = []

        def seconds(training):
            tried.append(training.plan)
            return {1: 0.5}.get(training.plan.at_once, 1.0)

        monkeypatch.setattr(_choice, "_seconds", seconds)
        monkeypatch.setattr(_choice, "AGAIN", 0)
        monkeypatch.setattr(_choice, "WORTH", 0.0)
        monkeypatch.setattr(_choice, "SHARE", np.inf)
        monkeypatch.setenv("VAEJAX_CACHE", str(tmp_path))
        return tried

    def test_the_fastest_is_taken_and_remembered(self, trials, tmp_path):
        found = train()
        best = min(trials, key=lambda plan: plan.at_once != 1)
        assert len(trials) > 1
        assert found.dataset.attrs["plan"].startswith(f"{best} (measured, ms a step and member: ")
        num = len(trials)
        again = train()
        assert len(trials) == num
        assert again.dataset.attrs["plan"].startswith(f"{best} (measured before, ")
        same(found, again)
        train(beta=[1.0, 3.0])  # another program
        assert len(trials) > num

    @pytest.mark.parametrize("damage", ["", "[]", '{"x": 1', "{}"])
    def test_a_damaged_memory_is_measured_again(self, trials, tmp_path, damage):
        train()
        num = len(trials)
        (tmp_path / "plans.json").write_text(damage)
        train()
        assert len(trials) == 2 * num
        assert len(json.loads((tmp_path / "plans.json").read_text())) == 1

    def test_nothing_is_tried_where_it_does_not_pay(self, trials, monkeypatch):
        monkeypatch.setattr(_choice, "WORTH", 60.0)
        assert "a guess" in train().dataset.attrs["plan"]
        assert not trials

    def test_a_run_goes_on_by_the_plan_it_was_begun_with(self, trials, tmp_path, monkeypatch):
        expected = train(plan=vj.in_turn)
        times = iter(range(3))
        monkeypatch.setattr(_train, "SECONDS", 1e-9)
        with pytest.raises(Stopped):
            train(keep=vj.Keeper(tmp_path / "run", 0.0, lambda: 15 if next(times, 9) == 9 else 0))
        (tmp_path / "plans.json").unlink()
        monkeypatch.setattr(_waves, "candidates", lambda *_: [vj.together])
        again = train(keep=tmp_path / "run")
        assert "at_once=1,lanes=2 (measured, " in again.dataset.attrs["plan"]
        np.testing.assert_allclose(again.dataset["elbo"], expected.dataset["elbo"], rtol=1e-5)


SHARDED = """
import sys
sys.path.insert(0, sys.argv[1])
import jax, numpy as np
from test_engine import train
import vaejax as vj
assert jax.device_count() == 8
found = train(plan=vj.plan_of(sys.argv[3]), beta=[0.5, 1.0, 2.0, 4.0, 8.0])
np.savez(sys.argv[2], **{name: found.dataset[name].values for name in ("elbo", "history_validation")})
"""


@pytest.mark.parametrize("plan", ["together", "at_once=2,shared"])
def test_eight_devices_are_one(plan, tmp_path):
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    script = [sys.executable, "-c", SHARDED, str(Path(__file__).parent), str(tmp_path / "found.npz"), plan]
    subprocess.run(script, check=True, env={**os.environ, "XLA_FLAGS": flags})
    found = np.load(tmp_path / "found.npz")
    expected = train(plan=vj.in_turn, beta=[0.5, 1.0, 2.0, 4.0, 8.0]).dataset
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, err_msg=name)
