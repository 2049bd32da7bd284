"""The grid: one program for all members, and every member what it would be alone."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax import data
from vaejax.errors import VaejaxError
from vaejax.grid import _run, seen_by
from vaejax.grid._axes import grid_of, members_of
from vaejax.grid._measure import measure

ROWS = np.random.default_rng(0).integers(0, 5, (60, 3, 2)).astype(np.uint8)
TINY = data.arrays(ROWS, levels=5)


def member(beta=1.0, latent_size=2, learning_rate=1e-2, max_latent_size=4, prior=None):
    model = vj.vae(
        vj.nets.mlp(6),
        vj.nets.mlp(6),
        data_shape=(3, 2),
        latent_size=latent_size,
        max_latent_size=max_latent_size,
        prior=prior,
        likelihood=vj.likelihoods.binomial(5),
    )
    return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(learning_rate))


def train(grid_member=member, *axes, **options):
    options = {"epochs": 5, "batch_size": 16, "num_samples": 8, **options}
    return vj.sweep(grid_member, TINY, *axes, **options)


@pytest.fixture(scope="module")
def result():
    return train(beta=[0.5, 2.0], latent_size=[1, 2, 4], seed=range(2))


def leaves_close(one, other, tolerance):
    for mine, theirs in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance)


class TestAxes:
    def test_a_product_has_a_dimension_for_each_axis(self, result):
        assert dict(result.dataset.elbo.sizes) == {"beta": 2, "latent_size": 3, "seed": 2}
        np.testing.assert_array_equal(result.dataset.latent_size, [1, 2, 4])

    def test_zipped_axes_share_a_dimension_and_points_are_a_list(self):
        grid = grid_of((vj.zipped(beta=[1, 4], learning_rate=[1e-2, 1e-3]),), latent_size=[2, 3])
        found = [tuple(value for value, _ in row.values()) for row in members_of(grid)]
        assert found == [(1, 1e-2, 2), (1, 1e-2, 3), (4, 1e-3, 2), (4, 1e-3, 3)]
        listed = grid_of((vj.points([{"beta": 1, "latent_size": 2}, {"beta": 4, "latent_size": 3}]),))
        assert [row["beta"][0] for row in members_of(listed)] == [1, 4]

    @pytest.mark.parametrize(
        ("axes", "words"),
        [
            ({"beta": []}, "empty"),
            ({"beta": 1.0}, "must be a list"),
            ({"beta": "abc"}, "must be a list"),
            ({"beta": [1.0, float("nan")]}, "finite"),
            ({"beta": [1.0, float("inf")]}, "finite"),
            ({"beta": ["large"]}, "beta must be one finite number"),
            ({"beta": [-1.0]}, "at least 0"),
            ({"beta": [1.0, 1.0]}, "more than once"),
            ({"latent_size": [0]}, "at least 1"),
            ({"latent_size": [5]}, "at most max_latent_size=4"),
            ({"latent_size": [1.5]}, "whole number"),
            ({"seed": [-1]}, "seed"),
            ({"seed": [0.5]}, "seed"),
            ({"gamma": [1.0]}, "does not fit the axes"),
            ({"epoch": [1.0]}, "cannot name an axis"),
            ({"rate": [1.0]}, "is a measure of every result and cannot name an axis"),
        ],
    )
    def test_bad_axes_are_refused_before_anything_is_trained(self, axes, words):
        with pytest.raises(VaejaxError, match=words):
            train(**axes)

    @pytest.mark.parametrize("options", [{"epochs": 0}, {"epochs": 1.5}, {"batch_size": 0}, {"num_samples": 0}])
    def test_counts_must_be_counts(self, options):
        with pytest.raises(VaejaxError, match=next(iter(options))):
            train(beta=[1.0], **options)

    def test_a_member_must_return_a_trainer(self):
        with pytest.raises(VaejaxError, match=r"returns vj\.trainer"):
            train(lambda beta: beta, beta=[1.0])

    def test_a_model_of_another_shape_is_refused(self):
        with pytest.raises(VaejaxError, match=r"\(3, 2\)"):
            vj.sweep(member, np.zeros((20, 4), np.uint8), beta=[1.0], epochs=1)


class TestMembers:
    @pytest.mark.parametrize("num_components", [None, pytest.param(3, marks=pytest.mark.long)])
    def test_a_member_is_the_compact_model_trained_alone(self, num_components, float64):
        """In float64, to 1e-8, at the true smaller size, with both priors, in the company of wider members."""
        prior = None if num_components is None else vj.priors.mixture(num_components)

        def masked(beta, latent_size):
            return member(beta, latent_size, prior=prior)

        grid = train(masked, beta=[2.0], latent_size=[2, 4])
        compact = member(2.0, 2, max_latent_size=None, prior=prior)
        alone, table = vj.fit(compact, TINY, epochs=5, batch_size=16, num_samples=8)
        leaves_close(vj.extract(grid, latent_size=2).params, alone.params, 1e-8)
        for name in ("elbo", "rate", "log_likelihood", "elbo_train", "active_units", "num_params"):
            mine = grid.dataset[name].sel(latent_size=2).item()
            np.testing.assert_allclose(mine, table.dataset[name].item(), rtol=1e-8, err_msg=name)

    def test_members_do_not_depend_on_who_else_is_there(self, result):
        fewer = train(beta=[2.0], latent_size=[2], seed=[1])
        mine = vj.extract(fewer).params
        leaves_close(vj.extract(result, beta=2.0, latent_size=2, seed=1).params, mine, 2e-5)

    def test_a_diverged_member_is_marked_and_harms_nobody(self):
        grid = train(lambda learning_rate: member(learning_rate=learning_rate), learning_rate=[1e-2, 1e30])
        assert grid.dataset.status.values.ravel().tolist() == ["ok", "diverged"]
        assert np.isnan(grid.dataset.elbo.values.ravel()[1])
        calm = train(lambda learning_rate: member(learning_rate=learning_rate), learning_rate=[1e-2, 5e-3])
        np.testing.assert_array_equal(grid.dataset.elbo.values.ravel()[0], calm.dataset.elbo.values.ravel()[0])

    def test_an_extracted_member_is_compact_and_gives_the_measures_of_the_table(self, result):
        model, params = vj.extract(result, beta=0.5, latent_size=1, seed=1)
        assert params["encoder"]["output"]["kernel"].shape == (6, 2, 1)
        row = result.dataset.sel(beta=0.5, latent_size=1, seed=1)
        assert sum(leaf.size for leaf in jax.tree.leaves(params)) == row.num_params
        codes = jax.vmap(lambda x: vj.encode(model, params, x))(TINY.test / 4.0)
        assert int(vj.metrics.active_units(codes)) == row.active_units

    @pytest.mark.parametrize(
        ("where", "words"),
        [
            ({"beta": 0.5, "latent_size": 1}, "say which by seed"),
            ({"beta": 3.0, "latent_size": 1, "seed": 0}, "no member has"),
            ({"gamma": 3.0}, "no axis"),
        ],
    )
    def test_a_point_must_name_one_member(self, result, where, words):
        with pytest.raises(VaejaxError, match=words):
            vj.extract(result, **where)


class TestPrograms:
    def test_one_training_program_is_compiled_for_all_numbers(self, caplog):
        with jax.log_compiles(True), caplog.at_level("WARNING"):
            grid = train(beta=[0.5, 1.0], latent_size=[1, 3], learning_rate=[1e-2, 1e-3], epochs=7)
        compiled = [
            r.getMessage() for r in caplog.records if "Finished XLA compilation of jit(advance)" in r.getMessage()
        ]
        assert len(compiled) == 1
        assert grid.dataset.attrs["num_programs"] == 1

    def test_what_shapes_arrays_makes_a_program_each_in_the_same_table(self):
        def wide(width, objective, beta):
            model = vj.vae(
                vj.nets.mlp(width),
                vj.nets.mlp(4),
                data_shape=(3, 2),
                latent_size=2,
                likelihood=vj.likelihoods.binomial(5),
            )
            return vj.trainer(model, objective(beta), optax.adam(1e-2))

        objectives = {"elbo": vj.objectives.elbo, "iwae": lambda beta: vj.objectives.iwae(3)}
        grid = train(wide, vj.zipped(width=[3, 5], objective=objectives), beta=[1.0, 2.0], epochs=2)
        assert grid.dataset.attrs["num_programs"] == 2
        assert grid.dataset.elbo.notnull().all()
        num_params = grid.dataset.num_params.values
        assert num_params[1].min() > num_params[0].max()
        np.testing.assert_array_equal(grid.dataset.objective_beta.values[0].ravel(), [1.0, 2.0])

    @pytest.mark.long
    def test_a_latent_size_without_a_maximum_makes_a_program_each(self):
        def unmasked(latent_size):
            return member(latent_size=latent_size, max_latent_size=None)

        assert train(unmasked, latent_size=[1, 2], epochs=1).dataset.attrs["num_programs"] == 2


class TestMeasures:
    def test_every_example_counts_once_whatever_the_chunk(self, result, monkeypatch):
        program, params = result.programs[0], result.params[0]
        view = seen_by(program, TINY)
        whole = measure(program, params, view, 8)
        monkeypatch.setattr(_run, "CHUNK", 7)
        monkeypatch.setattr(_run.chunks_of, "__defaults__", (7,))
        pieces = measure(program, params, view, 8)
        assert whole["elbo_test_examples"].shape == (12, len(TINY.test))
        for name, values in whole.items():
            np.testing.assert_allclose(pieces[name], values, rtol=1e-5, err_msg=name)

    def test_the_best_state_on_validation_is_the_one_measured(self, result):
        history = result.dataset.history_validation
        np.testing.assert_array_equal(history.epoch.values[history.argmax("epoch")], result.dataset.best_epoch)

    def test_identities_of_the_table(self, result):
        table = result.dataset
        np.testing.assert_allclose(table.elbo, -(table.distortion + table.rate), rtol=1e-6)
        for name in ("elbo", "distortion", "log_likelihood"):
            np.testing.assert_allclose(table[name], table[f"{name}_test_examples"].mean("test_example"), rtol=1e-6)
        np.testing.assert_allclose(
            table.elbo_validation, table.elbo_validation_examples.mean("validation_example"), rtol=1e-6
        )
        assert table.log_likelihood_validation_examples.sizes["validation_example"] == len(TINY.validation)
        assert (table.log_likelihood >= table.elbo).all()
        np.testing.assert_array_equal(table.objective_beta.isel(latent_size=0, seed=0), [0.5, 2.0])
        assert table.attrs["formula"].startswith("E_q log p(x|z) - beta KL")

    def test_the_hook_sees_the_histories_grow(self):
        seen = []
        train(beta=[1.0, 2.0], epochs=3, on_segment=lambda table: seen.append(table))
        assert [table.attrs["epoch"] for table in seen] == [1, 2, 3]
        assert [int(table.history_value.notnull().sum()) for table in seen] == [2, 4, 6]

    def test_data_are_seen_as_the_likelihood_may_see_them(self):
        def grey(scale):
            model = vj.vae(
                vj.nets.mlp(4),
                vj.nets.mlp(4),
                data_shape=(3, 2),
                latent_size=2,
                likelihood=vj.likelihoods.normal(scale),
            )
            return vj.trainer(model, vj.objectives.elbo(), optax.adam(1e-2))

        assert "(v + u)/5" in train(grey, scale=[0.1, 0.2], epochs=1).dataset.attrs["preparation"]

    def test_grey_values_under_bernoulli_are_refused_with_the_fixes(self):
        def crossed():
            model = vj.vae(
                vj.nets.mlp(4), vj.nets.mlp(4), data_shape=(3, 2), latent_size=2, likelihood=vj.likelihoods.bernoulli()
            )
            return vj.trainer(model, vj.objectives.elbo(), optax.adam(1e-2))

        with pytest.raises(VaejaxError, match=r"no likelihood.*binarise.*binomial"):
            train(crossed)


def test_the_same_seed_gives_the_same_numbers(result):
    again = train(beta=[0.5, 2.0], latent_size=[1, 2, 4], seed=range(2))
    for name in ("elbo", "log_likelihood", "history_value"):
        np.testing.assert_array_equal(again.dataset[name], result.dataset[name])


def test_a_mapped_learning_rate_multiplies_a_schedule_of_unit_peak():
    def scheduled(learning_rate):
        rate = vj.schedules.scaled(learning_rate, optax.polynomial_schedule(1.0, 0.0, 1, 15))
        model = member().model
        return vj.trainer(model, vj.objectives.elbo(), optax.adam(rate))

    def baked():
        return vj.trainer(member().model, vj.objectives.elbo(), optax.adam(optax.polynomial_schedule(1e-2, 0.0, 1, 15)))

    grid = train(scheduled, learning_rate=[1e-2, 3e-2])
    np.testing.assert_allclose(grid.dataset.elbo.values[0], train(baked).dataset.elbo.values, rtol=1e-5)


def test_finite_jnp_constants_in_a_member_are_no_trouble():
    scale = jnp.array(0.3)

    def captured(beta):
        model = vj.vae(
            vj.nets.mlp(4), vj.nets.mlp(4), data_shape=(3, 2), latent_size=2, likelihood=vj.likelihoods.normal(scale)
        )
        return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-2))

    assert train(captured, beta=[1.0, 2.0], epochs=1).dataset.elbo.notnull().all()
