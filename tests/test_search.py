"""The search for the bottleneck: what it proposes, where it spends, and that it finds what is known."""

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from stops import stopped_after

import vaejax as vj
from vaejax import cli
from vaejax.answer import Answer, Gain, Look, Paid, gain_of, propose
from vaejax.answer._look import Estimate
from vaejax.answer._rounds import Limits, limits_of, next_step
from vaejax.answer._told import _gained
from vaejax.commands import _search
from vaejax.config import Config, axes_of
from vaejax.configured import Facts, member_of
from vaejax.errors import Stopped, VaejaxError


def look(carrying, widest=64, dimension=None, epochs=10):
    """So many latents with the same rate, and of all others a hundredth of it, which is active by the usual counts."""
    known = None if dimension is None else Estimate(dimension, 0.1)
    rates = (2.0,) * carrying + (0.02,) * (min(widest, carrying + 4) - carrying)
    return Look(known, None, 100, widest, epochs, len(rates), len(rates), rates)


class TestProposal:
    @pytest.mark.parametrize(
        ("carrying", "sizes"),
        [(16, (4, 8, 12, 16, 24)), (3, (1, 2, 3, 5)), (1, (1, 2)), (6, (2, 3, 5, 6, 9)), (19, (5, 10, 14, 19, 29))],
    )
    def test_sizes_are_around_the_number_that_carry_the_rate_and_not_those_that_are_going_idle(self, carrying, sizes):
        assert look(carrying).carrying == carrying
        assert look(carrying).active_units > carrying
        assert propose(look(carrying)).sizes == sizes

    def test_without_a_rate_for_each_latent_the_active_units_count(self):
        found = Look(None, None, 100, 64, 10, 8, None, ())
        assert propose(found).sizes == (2, 4, 6, 8, 12)
        assert "8 of 64 latents are active" in propose(found).reason

    def test_the_dimension_of_the_data_extends_the_range_where_it_is_larger(self):
        assert propose(look(4, dimension=9.2)).sizes == (1, 2, 3, 4, 6, 10)
        assert "9.2" in propose(look(4, dimension=9.2)).reason
        assert propose(look(4, dimension=5.0)).sizes == (1, 2, 3, 4, 6)
        assert max(propose(look(4, widest=8, dimension=30.0)).sizes) == 8
        assert "30" not in propose(look(4, widest=8, dimension=30.0)).reason

    def test_a_widest_that_cuts_the_range_off_is_told(self):
        found = propose(look(11, widest=12))
        assert found.too_narrow
        assert max(found.sizes) == 12
        assert "give a wider one" in found.reason
        assert not propose(look(8, widest=12)).too_narrow

    def test_none_active_is_told(self):
        none = Look(None, None, 100, 64, 10, 0, 0, (1e-5,) * 64)
        assert propose(none).sizes == (1, 2)
        assert "None of 64 latents is active" in propose(none).reason


def answered(chosen, candidates, sizes, *, best=None, beta=1.0):
    """An answer about `sizes`, of which `best` has the highest log likelihood."""
    paid = [
        Paid(s, beta, 0.0 if s == best else 1.0, 0.0 if s == best else 0.1, 0, 0, 2, None, None, None) for s in sizes
    ]
    decided = candidates == (chosen,)
    member = {"beta": beta, "latent_size": chosen, "seed": 0}
    return Answer(beta, chosen, 0.5, 0.0, 0.0, decided, "", candidates, (), member, "log_likelihood", tuple(paid))


LIMITS = Limits(32, (0.5, 1.0), 3, 8)


def of(sizes, seeds, betas=(0.5, 1.0)):
    return Counter({(size, beta): seeds for size in sizes for beta in betas})


class TestNextStep:
    def test_seeds_are_spent_on_what_remains_possible_and_on_the_best(self):
        step = next_step(answered(8, (4, 8), (2, 4, 8, 16, 24), best=16), of((2, 4, 8, 16, 24), 3), LIMITS)
        assert step is not None
        assert (step.latent_size, step.beta, step.seed) == ((4, 8, 16), (1.0,), (3, 4, 5))

    def test_who_has_fewer_seeds_comes_first_so_that_nobody_is_trained_twice(self):
        trained = of((2, 4, 8, 16), 3) + Counter({(8, 1.0): 3, (16, 1.0): 3})
        step = next_step(answered(8, (4, 8), (2, 4, 8, 16), best=16), trained, LIMITS)
        assert step is not None
        assert (step.latent_size, step.seed) == ((4,), (3, 4, 5))

    def test_the_most_seeds_are_the_most(self):
        undecided, sizes = answered(8, (7, 8), (7, 8), best=8), (7, 8)
        step = next_step(undecided, of(sizes, 6), LIMITS)
        assert step is not None
        assert step.seed == (6, 7)
        assert next_step(undecided, of(sizes, 8), LIMITS) is None

    def test_where_seeds_do_not_decide_the_sizes_between_may(self):
        undecided, sizes = answered(5, (3, 5), (2, 3, 5, 8), best=8), (2, 3, 5, 8)
        step = next_step(undecided, of(sizes, 8), LIMITS)
        assert step is not None
        assert (step.latent_size, step.beta, step.seed) == ((4,), (1.0,), (0, 1, 2))
        assert "3 or 5: those between" in step.why
        assert next_step(undecided, of((*sizes, 4), 8), LIMITS) is None
        wide = answered(24, (22, 24), (22, 24), best=24)
        assert next_step(wide, of((22, 24), 8), LIMITS) is None  # as near as sizes are told apart

    def test_an_answer_at_the_edge_is_held_against_larger_ones(self):
        step = next_step(answered(12, (12,), (4, 8, 12), best=12), of((4, 8, 12), 3), LIMITS)
        assert step is not None
        assert (step.latent_size, step.beta, step.seed) == ((18, 24), (0.5, 1.0), (0, 1, 2))
        assert next_step(answered(32, (32,), (30, 32), best=32), of((30, 32), 3), LIMITS) is None

    def test_a_wide_step_below_the_answer_is_filled(self):
        step = next_step(answered(16, (16,), (4, 8, 16, 24), best=24), of((4, 8, 16, 24), 3), LIMITS)
        assert step is not None
        assert (step.latent_size, step.beta) == ((10, 12, 14), (1.0,))
        assert next_step(answered(16, (16,), (14, 16, 24), best=24), of((14, 16, 24), 3), LIMITS) is None
        assert next_step(answered(4, (4,), (3, 4, 6), best=6), of((3, 4, 6), 3), LIMITS) is None

    def test_below_the_smallest_that_was_tried_there_may_be_an_answer_too(self):
        step = next_step(answered(4, (4,), (4, 8), best=8), of((4, 8), 3), LIMITS)
        assert step is not None
        assert step.latent_size == (1, 2, 3)

    def test_it_ends_whatever_is_decided(self):
        """An answer that is made up at random each time: seeds, width and fineness are all bounded."""
        random = np.random.default_rng(0)
        trained = of((4, 8, 12, 16, 24), 3)
        for _ in range(200):
            sizes = sorted({size for size, _ in trained})
            chosen, best = random.choice(sizes), int(random.choice(sizes))
            below = tuple(int(s) for s in sizes if s < chosen and random.random() < 0.3)
            step = next_step(answered(int(chosen), (*below, int(chosen)), sizes, best=best), trained, LIMITS)
            if step is not None:
                for size in step.latent_size:
                    for beta in step.beta:
                        assert trained[size, beta] == step.seed[0]  # those it has are not trained again
                        trained[size, beta] += len(step.seed)
        assert max(trained.values()) <= 8
        assert step is None
        assert all(1 <= size <= 32 for size, _ in trained)

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ({"widest": 0}, "widest"),
            ({"beta": []}, "beta must be"),
            ({"beta": [1.0, 1.0]}, "different"),
            ({"beta": [-1.0]}, "at least 0"),
            ({"most_seeds": 1}, "most_seeds"),
        ],
    )
    def test_limits_that_are_none_are_refused(self, wrong, words):
        with pytest.raises(VaejaxError, match=words):
            limits_of(**{"widest": 8, "beta": [1.0], "seeds": 2, "most_seeds": 4, **wrong})


EPOCHS, BATCH = 40, 80
DATA, TRUTH = vj.data.linear_gaussian(rank=3, num_dims=8, noise=0.5, num_examples=1000)
SEARCH = {
    "widest": 6,
    "epochs": EPOCHS,
    "batch_size": BATCH,
    "num_samples": 16,
    "tune": {"learning_rate": [1e-1, 3e-3]},
}


def member(beta, latent_size, learning_rate):
    """A linear VAE, which can be as good as the truth where it has 3 latents."""
    linear = vj.nets.mlp()
    model = vj.vae(
        linear,
        linear,
        data_shape=DATA.data_shape,
        latent_size=latent_size,
        max_latent_size=6,
        likelihood=DATA.likelihood,
    )
    rate = vj.schedules.scaled(learning_rate, optax.cosine_decay_schedule(1.0, EPOCHS * 10))
    return vj.trainer(model, vj.objectives.elbo(beta), optax.chain(optax.clip_by_global_norm(10.0), optax.adam(rate)))


def searched(keep=None, on_stage=None, **other):
    return vj.find_bottleneck(member, DATA, keep=keep, on_stage=on_stage, **{**SEARCH, **other})


@pytest.fixture(scope="module")
def found():
    return searched()


@pytest.mark.long
class TestLinearData:
    """Of rank 3: the likelihood of fewer latents is far lower, and of more it is the same."""

    def test_it_finds_the_rank(self, found):
        assert (found.answer.latent_size, found.answer.decided) == (3, True), found.told
        assert found.answer.by == "log_likelihood"

    def test_it_looks_first(self, found):
        assert found.look.widest == 6
        assert len(found.look.rates) == 6
        assert list(found.look.rates) == sorted(found.look.rates, reverse=True)
        assert found.look.num_rows == 800
        assert found.look.two_nn is not None
        assert 2.5 < found.look.two_nn.value < 8.5
        assert found.rounds[0].stage.axes["latent_size"] == list(found.proposal.sizes)

    def test_until_then_the_first_of_what_is_tuned_is_used(self, found):
        for one in (found.wide, *found.rounds):
            assert one.result.dataset.learning_rate.values.tolist() == SEARCH["tune"]["learning_rate"][:1]

    def test_a_second_grid_whose_first_values_are_best_gains_nothing(self, found):
        assert (found.gain.gain_nats, found.gain.gain_se) == (0.0, 0.0)
        assert "gained nothing" in found.gain.reason
        assert found.place["learning_rate"] == 1e-1

    def test_the_gain_over_a_learning_rate_that_is_too_small_is_found_and_ends_at_the_truth(self, found):
        table = found.tuning.result.dataset
        before = {name: value for name, value in found.answer.member.items() if name != "seed"}
        gain = gain_of(table, {**before, "learning_rate": 3e-3})
        after, slow = (table.sel(learning_rate=rate).log_likelihood.values for rate in (1e-1, 3e-3))
        assert gain.gain_nats == pytest.approx(after.mean() - slow.mean(), abs=1e-5)
        assert gain.gain_nats > 1
        assert gain.gain_nats > 3 * gain.gain_se > 0
        assert "learning rate 0.1. It has the largest learning rate that was tried" in gain.reason
        np.testing.assert_allclose(after, TRUTH.log_likelihood(DATA.test).mean(), atol=0.2)

    def test_the_member_is_the_chosen_one_and_compact(self, found):
        model, params = found.member
        codes = vj.encode(model, params, DATA.test[0])
        assert codes.shape == (3,)
        assert found.place["latent_size"] == 3

    def test_what_is_told_names_every_stage(self, found):
        lines = found.told.splitlines()
        assert [line.split(":")[0].split(",")[0] for line in lines[:3]] == ["First look", "Range", "Round 1"]
        assert lines[-1] == found.gain.reason

    def test_killed_in_the_middle_it_goes_on_to_the_same(self, found, tmp_path):
        keep, begun = tmp_path / "keep", []

        def stop_in(name):
            def begin(stage):
                begun.append(stage.name)
                asked = iter(range(3))
                return lambda _: None if stage.name != name or next(asked, None) is not None else raised(Stopped(15))

            return begin

        for name in ("look", "round 1", "second grid"):
            with pytest.raises(Stopped):
                searched(vj.Keeper(keep, 0.0), stop_in(name))
        again = searched(vj.Keeper(keep, 0.0))
        assert again.told == found.told
        assert again.place == found.place
        for one, other in zip((again.wide, *again.rounds), (found.wide, *found.rounds), strict=True):
            np.testing.assert_array_equal(one.result.dataset.log_likelihood, other.result.dataset.log_likelihood)


def raised(error):
    raise error


def test_weight_decay_takes_its_part_of_every_weight_in_a_step_and_width_is_that_of_every_layer():
    """AdamW less Adam, from one state: the learning rate times the decay times the weight, from the definition."""
    config = Config(hidden=(3, 3), latent_size=(2,), epochs=1, batch_size=8)
    build = member_of(config, Facts((4,), vj.likelihoods.bernoulli(), 8))
    batch = vj.Example(jnp.asarray(np.random.default_rng(0).integers(0, 2, (8, 4)).astype(np.float32)))
    plain, decayed = build(1.0, 2, 1e-2), build(1.0, 2, 1e-2, weight_decay=jnp.asarray(0.5))
    start = jax.jit(plain.init)(jax.random.key(0), batch)
    after, less = (
        jax.jit(lambda one=one: one.step(jax.random.key(1), one.init(jax.random.key(0), batch), batch)[0])()
        for one in (plain, decayed)
    )
    for first, a, b in zip(*(jax.tree.leaves(state.params) for state in (start, after, less)), strict=True):
        np.testing.assert_allclose(a - b, 1e-2 * 0.5 * first, atol=1e-6)
    wide = jax.tree.leaves(jax.eval_shape(build(1.0, 2, 1e-2, width=5).init, jax.random.key(0), batch).params)
    assert max(max(leaf.shape) for leaf in wide) == 5


def test_what_was_not_asked_for_is_no_axis():
    assert list(axes_of(Config())) == ["beta", "latent_size", "learning_rate", "seed"]


def test_the_usual_learning_rate_is_smaller_where_layers_are_wider_and_never_larger():
    rates = [axes_of(Config(**asked))["learning_rate"] for asked in ({}, {"width": (32,)}, {"width": (64, 256)})]
    assert rates == [[0.012], [0.012], [0.003]]
    assert axes_of(Config(hidden=(640, 32)))["learning_rate"] == [0.0012]
    assert axes_of(Config(width=(256,), learning_rate=(0.5,)))["learning_rate"] == [0.5]
    asked = axes_of(Config(width=(4, 8), weight_decay=(0.0, 0.1)))
    assert (asked["width"], asked["weight_decay"]) == ([4, 8], [0.0, 0.1])


TINY = "--beta 1 --widest 2 --seeds 1 --most-seeds 1 --epochs 3 --hidden 4 --batch-size 16 --num-samples 4".split()  # noqa: SIM905
TINY.append("--no-second-grid")


@pytest.fixture(scope="module")
def run(rows, tmp_path_factory):
    """One that is over after its look and its first grid."""
    out = tmp_path_factory.mktemp("runs") / "a"
    assert cli.main(["bottleneck", "--data", str(rows), "--out", str(out), *TINY]) == 0
    return out


def files_in(folder):
    """By their place; arrays have names of their own."""
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in found if "params" not in path.parts)


class TestCommand:
    """`vaejax bottleneck`, tiny."""

    def test_it_leaves_what_a_sweep_leaves_and_what_the_search_did(self, run):
        sweep = {"answer.json", "config.json", "history.jsonl", "params", "report.html", "results.csv", "results.nc"}
        assert sweep | {"timing.json", "search.json", "look.json", "look"} <= {path.name for path in run.iterdir()}
        assert sweep <= {path.name for path in (run / "look").iterdir()}
        looked = json.loads((run / "look.json").read_text())
        assert looked["look"]["widest"] == 2
        config = json.loads((run / "config.json").read_text())["config"]
        assert config["latent_size"] == looked["proposal"]["sizes"]
        said = json.loads((run / "search.json").read_text())
        assert said["told"][0].startswith("First look")
        table = list(csv.DictReader((run / "results.csv").read_text().splitlines()))
        assert [int(row["latent_size"]) for row in table] == looked["proposal"]["sizes"]

    @pytest.mark.long
    def test_the_other_commands_read_it(self, run, tmp_path):
        assert cli.main(["sample", str(run), "--num", "3", "--out", str(tmp_path / "a.npy")]) == 0
        assert np.load(tmp_path / "a.npy").shape == (3, 4, 4)
        assert cli.main(["evaluate", str(run), "--only", "dimension"]) == 0
        evaluated, table = (
            list(csv.DictReader((run / name).read_text().splitlines())) for name in ("evaluation.csv", "results.csv")
        )
        assert [{name: row[name] for name in table[0]} for row in evaluated] == table
        before = (run / "report.html").read_text()
        assert cli.main(["report", str(run)]) == 0
        assert (run / "report.html").read_text() == before

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            (["--latent-size", "2"], "leave out --latent-size"),
            (["--first-seed", "3"], "leave out --first-seed"),
            (["--most-seeds", "0"], "most_seeds"),
            (["--widest", "0"], "widest"),
            (["--widest", "None"], "give --widest"),
            (["--beta"], "beta must be"),
            (["--look-epochs", "0"], "look_epochs"),
            (["--weight-decay", "-1"], "weight_decay"),
            (["--width", "0"], "width"),
            (["--beta", "1", "1"], "different"),
            (["--data", "nowhere.npy"], "nowhere.npy"),
        ],
    )
    def test_bad_input_is_one_message_and_nothing_left_behind(self, rows, tmp_path, capsys, more, words):
        out = tmp_path / "deep" / "out"
        assert cli.main(["bottleneck", "--data", str(rows), "--out", str(out), *TINY, *more]) == 2
        error = capsys.readouterr().err
        assert words in error
        assert "Traceback" not in error
        assert not (tmp_path / "deep").exists()

    @pytest.mark.long
    def test_stopped_in_any_stage_it_goes_on_to_the_same_and_refuses_another(self, rows, tmp_path, capsys):
        more = ["--second-grid", "--learning-rate", "1e-2", "1e-3", "--width", "4", "--weight-decay", "0", "0.1"]
        arguments = ["bottleneck", "--data", str(rows), *TINY, "--seeds", "2", "--most-seeds", "4", *more]
        assert cli.main([*arguments, "--out", str(tmp_path / "whole")]) == 0
        stopped, code, stops = tmp_path / "stopped", 143, 0
        while code == 143:
            with stopped_after(_search, 6):
                code = cli.main([*arguments, "--out", str(stopped), "--resume"])
            stops += code == 143
        assert (code, stops > 1) == (0, True)
        capsys.readouterr()
        files = files_in(stopped)
        assert files == files_in(tmp_path / "whole")
        for file in files:
            if file.name in ("results.csv", "answer.json", "search.json", "look.json", "config.json", "history.jsonl"):
                assert (stopped / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), file
        assert (stopped / "second" / "results.csv").exists()
        again = Path(shutil.copytree(stopped, tmp_path / "again"))
        (again / "answer.json").unlink()
        assert cli.main([*arguments, "--epochs", "5", "--out", str(again), "--resume"]) == 2
        assert "epochs was 3 and is now 5" in capsys.readouterr().err
        for where in (stopped, stopped / "second"):
            assert cli.main(["sample", str(where), "--num", "2", "--out", str(tmp_path / "b.npy")]) == 0


@pytest.mark.parametrize(("gained", "error", "told"), [(0.9, 0.1, True), (0.4, 0.1, False), (0.9, 0.6, False)])
def test_a_gain_that_may_change_the_size_is_told(gained, error, told):
    """Above the margin of half a nat, and above what chance could make of it."""
    lines = _gained(Gain({}, {}, gained, error, "It gained."), answered(8, (8,), (4, 8), best=8))
    assert lines[0] == "It gained."
    assert ("search again" in " ".join(lines)) == told
