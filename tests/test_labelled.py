"""Labels on some of the examples (M2), against a model whose every probability is known."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats

import vaejax as vj
from vaejax.errors import VaejaxError
from vaejax.families import no_params

KEY = jax.random.key(0)
MEANS = np.array([[0.0, 1.0, -1.0], [2.0, 0.5, 0.0], [-1.0, -0.5, 0.7]])
DIRECTION, NOISE = np.array([1.0, -0.4, 0.3]), 0.6
COV = np.outer(DIRECTION, DIRECTION) + NOISE**2 * np.eye(3)
X = np.random.default_rng(3).normal(size=(8, 3))
LABELS = np.array([0, 1, -1, 2, -1, -1, 0, 2])
LOG_JOINT = np.stack([scipy.stats.multivariate_normal(m, COV).logpdf(X) for m in MEANS], 1) - np.log(3)


def examples():
    """In the precision that a test asks for."""
    return vj.Example(jnp.asarray(X), jnp.asarray(LABELS))


def exact():
    """x = mean of its class + direction z + noise, with its exact posteriors of z and of the class."""
    precision = 1 + DIRECTION @ DIRECTION / NOISE**2

    def encoder(shape):
        def apply(params, inputs, key):
            x, y = inputs
            mean = jnp.asarray(DIRECTION) @ (x - y @ jnp.asarray(MEANS)) / NOISE**2 / precision
            return jnp.stack([mean[None], jnp.full(1, -0.5 * np.log(precision))])

        return vj.Net(no_params, apply)

    def decoder(shape):
        return vj.Net(
            no_params,
            lambda p, inputs, k: (inputs[0] @ jnp.asarray(MEANS) + jnp.asarray(DIRECTION) * inputs[1][0])[None],
        )

    def classifier(shape):
        inverse = jnp.asarray(np.linalg.inv(COV))

        def apply(params, inputs, key):
            away = inputs[0][None] - jnp.asarray(MEANS)
            return -0.5 * jnp.einsum("ci,ij,cj->c", away, inverse, away)[None]

        return vj.Net(no_params, apply)

    likelihood = vj.likelihoods.normal(NOISE)
    return vj.variants.labelled(
        vj.vae(encoder, decoder, data_shape=(3,), latent_size=1, likelihood=likelihood), classifier, 3
    )


def trained(size=2, widest=None):
    nets = vj.nets.mlp(5), vj.nets.mlp(5)
    plain = vj.vae(
        *nets, data_shape=(3,), latent_size=size, max_latent_size=widest, likelihood=vj.likelihoods.normal(1.0)
    )
    return vj.variants.labelled(plain, vj.nets.mlp(5), 3)


@pytest.mark.parametrize("objective", [vj.objectives.iwae(1), vj.objectives.iwae(4)])
def test_exact_posteriors_give_log_p_of_x_and_of_x_with_its_label(objective, float64):
    model = exact()
    params = model.init(KEY, examples())
    known = LABELS >= 0
    wanted = np.where(known, LOG_JOINT[np.arange(8), LABELS], np.logaddexp.reduce(LOG_JOINT, 1)).mean()
    assert float(objective.evaluate(KEY, model, params, examples()).value) == pytest.approx(wanted, abs=1e-10)
    nothing = examples()._replace(context=None)
    wanted = np.logaddexp.reduce(LOG_JOINT, 1).mean()
    assert float(objective.evaluate(KEY, model, params, nothing).value) == pytest.approx(wanted, abs=1e-10)
    posterior = np.exp(LOG_JOINT - np.logaddexp.reduce(LOG_JOINT, 1, keepdims=True))
    codes = jax.vmap(lambda x: vj.encode(model, params, vj.Example(x, jnp.array(-1))))(examples().x)
    np.testing.assert_allclose(codes[:, 1:], posterior, rtol=1e-10)


@pytest.mark.long
def test_where_every_label_is_known_it_is_the_elbo_and_what_is_taught(float64):
    model, batch = trained(), examples()._replace(context=jnp.abs(examples().context))
    params = model.init(KEY, batch)
    plain = vj.objectives.elbo(2.0).evaluate(KEY, model, params, batch)
    np.testing.assert_allclose(vj.objectives.m2(3, 0.0, 2.0).evaluate(KEY, model, params, batch), plain, rtol=1e-12)
    taught = vj.objectives.m2(3, 0.7, 2.0).evaluate(KEY, model, params, batch)
    unknown = jax.vmap(lambda x: vj.encode(model, params, vj.Example(x, jnp.array(-1)))[-3:])(batch.x)
    log_q = np.log(unknown)[np.arange(8), batch.context]
    assert float(taught.value - plain.value) == pytest.approx(0.7 * log_q.mean(), rel=1e-10)


@pytest.mark.long
def test_without_labels_the_sum_over_classes_is_the_mean_over_drawn_ones(float64):
    model, batch = trained(), examples()._replace(context=jnp.full(8, -1))
    params = jax.tree.map(lambda a: 2 * a + 0.1, model.init(KEY, batch))
    keys = jax.random.split(KEY, 4000)
    summed, drawn = (
        jax.jit(jax.vmap(lambda key, o=objective: o.evaluate(key, model, params, batch)))(keys)
        for objective in (vj.objectives.m2(3), vj.objectives.elbo())
    )
    for one, other in zip(summed, drawn, strict=True):
        error = float(np.std(one - other)) / np.sqrt(len(keys))
        assert float(one.mean()) == pytest.approx(float(other.mean()), abs=4.5 * error)
    assert summed.value.std() < drawn.value.std()


def test_the_rate_is_that_of_z_and_of_the_class(float64):
    """Along its draws, within 4.5 standard errors of log q - log p; with a label the class costs log 3."""
    model = trained()
    params = jax.tree.map(lambda a: 2 * a + 0.1, model.init(KEY, examples()))
    for label in (-1, 2):
        example = vj.Example(examples().x[0], jnp.array(label))
        draws = jax.jit(jax.vmap(lambda key, e=example: model.sample(key, params, e)))(jax.random.split(KEY, 20_000))
        log_p = jax.vmap(lambda z, e=example: jnp.sum(model.log_prior(params, z, e)))(draws.z)
        sampled = np.asarray(draws.log_q[:, 0] - log_p)
        error = float(np.std(sampled - draws.rate.sum(1))) / np.sqrt(len(sampled))
        assert float(draws.rate.sum(1).mean()) == pytest.approx(float(sampled.mean()), abs=4.5 * error)
        np.testing.assert_allclose(model.log_posterior(params, draws.z[3], example), draws.log_q[3], rtol=1e-12)
    assert float(draws.rate[0, -1]) == pytest.approx(np.log(3))
    wrong = draws.z[0].at[-3:].set(jnp.array([1.0, 0.0, 0.0]))
    assert float(model.log_posterior(params, wrong, example)[0]) == -np.inf


@pytest.mark.long
def test_few_labels_teach_a_grid_of_members_to_classify():
    """20 labels of three clusters: with them the classes are found, without a term for them they need not be."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    x = (2.5 * MEANS[y] + 0.5 * rng.normal(size=(300, 3))).astype(np.float32)
    known = np.where(np.arange(300) < 21, y, -1).astype(np.int32)
    splits = {
        "train": (x[:240], known[:240]),
        "validation": (x[240:270], known[240:270]),
        "test": (x[270:], known[270:]),
    }
    data = vj.data.arrays(
        **{name: one for name, (one, _) in splits.items()},
        context={name: labels for name, (_, labels) in splits.items()},
        likelihood=vj.likelihoods.normal(1.0),
    )

    def member(alpha, latent_size):
        return vj.trainer(trained(latent_size, 2), vj.objectives.m2(3, alpha), optax.adam(1e-2))

    result = vj.sweep(member, data, alpha=[0.1, 30.0], latent_size=[1, 2], epochs=30, num_samples=4, batch_size=60)
    assert len(result.programs) == 1
    model, params = vj.extract(result, alpha=30.0, latent_size=1)
    codes = jax.vmap(lambda x: vj.encode(model, params, vj.Example(x, jnp.array(-1))))(jnp.asarray(x[270:]))
    assert codes.shape == (30, 4)
    assert np.mean(codes[:, 1:].argmax(1) == y[270:]) > 0.9


def test_a_context_that_is_no_label_is_refused():
    with pytest.raises(VaejaxError, match="must be a label, one integer"):
        vj.sample(KEY, exact(), {"classifier": ()}, vj.Example(jnp.ones(3), jnp.ones(3)))
