"""Measures in a grid's table: the numbers of each member by itself, why others are not there, and warnings."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax import cli, metrics
from vaejax.errors import VaejaxError
from vaejax.evaluation import key_of_measures
from vaejax.evaluation._held import held_of, looking
from vaejax.evaluation._learned import learned_of

NUM_SAMPLES = 40
SIZES = [1, 3]


def shapes():
    every = {"scale": 3, "orientation": 5, "x_position": 8, "y_position": 8}
    return vj.data.shapes(num_train=300, num_held_out=60, size=8, every=every)


def with_labels(data):
    """The first factor, the shape, as a label too."""
    return data._replace(labels={name: factors[:, 0].astype(int) for name, factors in data.factors.items()})


def member_for(posterior=vj.posteriors.normal, widest=3):
    def member(latent_size, learning_rate):
        model = vj.vae(
            vj.nets.mlp(16),
            vj.nets.mlp(16),
            data_shape=(8, 8),
            latent_size=latent_size,
            max_latent_size=widest,
            likelihood=vj.likelihoods.bernoulli(),
            posterior=posterior(),
        )
        return vj.trainer(model, vj.objectives.elbo(), optax.sgd(learning_rate))

    return member


def swept(data, **axes):
    return vj.sweep(
        member_for(axes.pop("posterior", vj.posteriors.normal), axes.pop("widest", 3)),
        data,
        epochs=4,
        batch_size=64,
        num_samples=NUM_SAMPLES,
        **axes,
    )


def all_of_them():
    few = vj.evaluation.disentanglement(64, 32)
    return [few if one.name == few.name else one for one in vj.evaluation.everything()]


@pytest.fixture(scope="module")
def data():
    return with_labels(shapes())


@pytest.fixture(scope="module")
def result(data):
    """Two sizes, two seeds, and for one learning rate a divergence."""
    return swept(data, latent_size=SIZES, learning_rate=[0.01, 1e30], seed=[0, 1])


@pytest.fixture(scope="module")
def table(result, data):
    return vj.evaluate(result, data, all_of_them())


@pytest.fixture(scope="module")
def held(result, data):
    return held_of(data, looking(data), 1000, NUM_SAMPLES)


@pytest.fixture(scope="module")
def alone(result, held):
    """The compact member of latent size 1, its column in the table, and its codes."""
    where = {"latent_size": 1, "learning_rate": 0.01, "seed": 1}
    model, params = vj.extract(result, **where)
    encode = jax.jit(jax.vmap(lambda example: model.encode(params, example)))
    return model, params, where, encode(held.train), encode(held.test)


def test_everything_but_what_needs_larger_images_is_in_the_table(table, result):
    described = {name for one in all_of_them() for name in one.columns}
    assert described - set(table.data_vars) == {"ssim"}
    assert table.attrs["not_measured"].splitlines() == [line for line in [table.attrs["not_measured"]] if "11" in line]
    assert table.attrs["not_measured"].startswith("ssim: expected one image")
    for name in described & set(table.data_vars):
        assert table[name].attrs["description"]
        assert table[name].dims[:3] == ("latent_size", "learning_rate", "seed")
    for name in result.dataset.data_vars:  # what was there stays
        assert table[name].identical(result.dataset[name])


def test_members_that_diverged_have_nothing_and_others_have_numbers(table):
    assert (table.status.sel(learning_rate=1e30) == "diverged").all()
    for one in all_of_them():
        for name in set(one.columns) - {"ssim"}:
            assert table[name].sel(learning_rate=1e30).isnull().all(), name
            assert table[name].sel(learning_rate=0.01, latent_size=3).notnull().all(), name


def close(found, expected):
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=2e-4, atol=2e-5)


def test_the_likelihood_is_looked_at_on_the_very_draws_of_the_table(table, alone, held):
    model, params, where, _, _ = alone
    close(table.log_likelihood_held.sel(learning_rate=0.01), table.log_likelihood.sel(learning_rate=0.01))
    found = jax.jit(jax.vmap(lambda key, example: metrics.reliability(key, model, params, example, NUM_SAMPLES)))(
        held.keys, held.test
    )
    row = table.sel(where)
    close(row.ess, found.ess.mean())
    close(row.pareto_k, jnp.median(found.pareto_k))
    close(row.trusted, (found.pareto_k <= min(0.7, 1 - 1 / np.log10(NUM_SAMPLES))).mean())
    close(row.bits_per_dimension, -row.log_likelihood / 64 / np.log(2))


def test_the_anatomy_is_that_of_the_compact_member(table, alone, held):
    model, params, where, _, _ = alone
    row, key = table.sel(where), key_of_measures()
    split = jax.jit(lambda: metrics.rate_decomposition(key, model, params, held.test))()
    close(row.information, split.information)
    close(row.marginal_kl, row.total_correlation + row.dimension_wise_kl)
    close(row.dimension_wise_kl, split.dimension_wise)
    close(row.decoder_use, jax.jit(lambda: metrics.decoder_use(key, model, params, held.test))().lost)
    close(row.rate_per_latent[0], row.rate)  # the closed form, on the same examples
    assert row.rate_per_latent.isnull().values.tolist() == [False, True, True]  # out of use
    close(table.rate_per_latent.sum("latent").sel(learning_rate=0.01), table.rate.sel(learning_rate=0.01))


@pytest.mark.long
def test_codes_are_measured_as_those_of_the_compact_member(table, alone, held):
    _, _, where, train, test = alone
    row, key = table.sel(where), key_of_measures()
    known = train, held.train_labels, test, held.labels
    close(row.linear_probe, metrics.linear_probe(*known).accuracy)
    close(row.k_nearest, metrics.k_nearest_accuracy(*known))
    clusters = metrics.k_means(jax.random.split(key)[1], test, 3).labels
    close(row.k_means_ari, metrics.adjusted_rand_index(held.labels, clusters))
    factors = train, held.train_factors
    close(row.mig, metrics.mig(*factors).score)
    close(row.sap, metrics.sap(*factors).score)
    close(row.modularity, metrics.modularity(*factors))
    close(row.dci_informativeness, metrics.dci(*factors, test, held.factors).informativeness)
    source = metrics.fixing(*factors)
    close(row.factor_vae_score, metrics.factor_vae_score(jax.random.split(key)[0], source, 64, 32).accuracy)
    close(row.dimension_codes, metrics.two_nn(test).dimension)


def test_pictures_are_measured_as_those_of_the_compact_member(table, alone, held, data):
    model, params, where, _, _ = alone
    row, x = table.sel(where), held.test.x
    made = jax.jit(jax.vmap(lambda one: vj.reconstruct(model, params, one)))(x)
    close(row.mean_squared_error, jnp.mean((made - x) ** 2))
    close(row.sharpness_data, jax.vmap(metrics.sharpness)(x).mean())
    keys = jax.random.split(key_of_measures(), len(x))
    samples = jax.jit(jax.vmap(lambda key: vj.generate_mean(key, model, params)))(keys)
    features = learned_of(data, looking(data)).pca()
    close(row.frechet_pca, metrics.frechet_distance(features(x), features(samples)))
    close(row.recall, metrics.precision_recall(features(x), features(samples)).recall)
    assert 1 / 3 < row.classifier_accuracy <= 1


def test_seeds_are_compared_within_their_setting(table, result, held):
    codes, rates, key = [], [], jax.random.key(0)
    for seed in (0, 1):
        model, params = vj.extract(result, latent_size=3, learning_rate=0.01, seed=seed)
        codes.append(jax.vmap(lambda example, m=model, p=params: m.encode(p, example))(held.test))
        rates.append(jax.vmap(lambda example, m=model, p=params: m.sample(key, p, example).rate)(held.test).mean(0))
    close(table.udr.sel(latent_size=3, learning_rate=0.01), metrics.udr(jnp.stack(codes), jnp.stack(rates)).score)


def test_a_cost_grows_with_the_latent_size_as_its_products_do(table):
    flops = table.flops.sel(learning_rate=0.01, seed=0).values
    products = 2 * 16 * (2 * 64 + 3 * np.array(SIZES))  # of one example, forwards: 64-16-2n and n-16-64
    assert (flops > 2 * products).all()  # backwards, all but the gradient by x
    assert (flops < 5 * products).all()
    assert (np.diff(table.memory.sel(learning_rate=0.01, seed=0)) > 0).all()


@pytest.mark.long
def test_a_member_does_not_depend_on_the_others_nor_on_the_widest_size(table, data):
    fewer = swept(data, latent_size=[1], learning_rate=[0.01], seed=[0, 1], widest=1)
    again = vj.evaluate(fewer, data, [one for one in all_of_them() if one.name not in ("generation", "cost")])
    for name in set(again.data_vars) - set(fewer.dataset.data_vars) - {"rate_per_latent"}:
        np.testing.assert_allclose(
            again[name], table[name].sel(latent_size=[1], learning_rate=[0.01]), rtol=1e-3, atol=1e-3
        )


def test_what_does_not_apply_is_left_out_and_says_why(result, data):
    plain = data._replace(labels={}, factors={}, factor_names=())
    found = vj.evaluate(result, plain, [vj.evaluation.representation(), vj.evaluation.disentanglement()])
    assert set(found.data_vars) == set(result.dataset.data_vars)
    said = found.attrs["not_measured"].splitlines()
    assert [line.split(": ")[1] for line in said] == ["shapes has no labels", "the factors of shapes are not known"]
    assert said[1].startswith("mig, sap, dci_disentanglement")


@pytest.mark.long
def test_joint_posteriors_and_points_say_what_they_do_not_have(data):
    measures = [vj.evaluation.likelihood(), vj.evaluation.anatomy(), vj.evaluation.agreement()]
    joint = swept(data, latent_size=[2], learning_rate=[0.01], posterior=lambda: vj.posteriors.full_normal(3))
    found = vj.evaluate(joint, data, measures)
    assert "information, total_correlation" in found.attrs["not_measured"]
    assert "its latents depend on each other" in found.attrs["not_measured"]
    assert "udr: no setting has two seeds" in found.attrs["not_measured"]
    assert np.isfinite(found.ess).all()
    points = swept(data, latent_size=[2], learning_rate=[0.01], posterior=vj.posteriors.point)
    found = vj.evaluate(points, data, measures)
    assert {"ess", "information"}.isdisjoint(found.data_vars)
    assert "codes are points" in found.attrs["not_measured"]
    assert np.isfinite(found.decoder_use).all()


def test_a_measure_of_ones_own_is_a_column(result, data):
    def brightness(key, model, params, held):
        return jnp.mean(jax.vmap(lambda one: vj.reconstruct(model, params, one))(held.test))

    own = vj.evaluation.measure("brightness", "mean of the means of p(x|z), 0 to 1", brightness)
    found = vj.evaluate(result, data, [own], num_examples=20)
    assert found.brightness.attrs["description"].startswith("mean of the means")
    assert 0 < float(found.brightness.sel(learning_rate=0.01).mean()) < 1
    assert found.attrs["held_examples"] == "20 of test and 40 of train"
    taken = vj.evaluation.measure("elbo", "", brightness)
    with pytest.raises(VaejaxError, match="'elbo' of the measure elbo is taken"):
        vj.evaluate(result, data, [taken])
    wide = vj.evaluation.measure("codes", "", lambda key, model, params, held: held.test.x)
    with pytest.raises(VaejaxError, match=r"name further dimensions in Measure\.dims"):
        vj.evaluate(result, data, [wide])


def test_a_doubtful_likelihood_of_the_best_is_a_warning_that_the_answer_repeats(table):
    warns = vj.evaluation.likelihood().warns
    alive = table.isel(learning_rate=[0])
    assert not warns(alive.assign(trusted=alive.trusted * 0 + 1.0))
    doubtful = warns(alive.assign(trusted=alive.trusted * 0 + 0.25))
    assert "not to be trusted with 40 draws: for up to 75% of the examples" in doubtful[0]
    worst = alive.elbo_validation.values.argmin()
    trusted = np.ones(alive.trusted.size)
    trusted[worst] = 0.0  # a member that does not matter
    bounds = np.where(np.arange(trusted.size) == worst, -1e4, -10.0).reshape(alive.trusted.shape)
    apart = alive.assign(
        trusted=alive.trusted.copy(data=trusted.reshape(alive.trusted.shape)),
        elbo_validation=alive.elbo_validation.copy(data=bounds),
    )
    assert not warns(apart)
    assert doubtful[0] in vj.bottleneck(table.assign_attrs(warnings=doubtful[0])).warnings


@pytest.mark.long
def test_the_command_measures_what_it_is_asked_for(tmp_path, capsys):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", train=rng.random((40, 4)), validation=rng.random((9, 4)), test=rng.random((9, 4)))
    out = tmp_path / "out"
    small = "--beta 1 --latent-size 1 2 --seeds 1 --epochs 2 --hidden 4 --batch-size 16 --num-samples 4".split()  # noqa: SIM905
    assert cli.main(["sweep", "--data", str(tmp_path / "a.npz"), "--out", str(out), *small]) == 0
    before = (out / "results.csv").read_bytes()
    capsys.readouterr()
    assert cli.main(["evaluate", str(out), "--only", "reconstruction", "representation", "--num-samples", "8"]) == 0
    said = capsys.readouterr()
    assert [line.split(":")[0] for line in said.err.splitlines()] == [
        "the table itself",
        "reconstruction",
        "representation",
    ]
    lines = said.out.splitlines()
    assert lines[0].split() == ["latent_size", "elbo", "mean_squared_error"]
    assert any(line.startswith("Not measured: linear_probe") and "no labels" in line for line in lines)
    header = (out / "evaluation.csv").read_text().splitlines()[0].split(",")
    assert {"log_likelihood", "mean_squared_error", "psnr"} <= set(header)
    assert (out / "evaluation.nc").exists()
    assert (out / "results.csv").read_bytes() == before
    assert cli.main(["evaluate", str(tmp_path / "nowhere")]) == 2
