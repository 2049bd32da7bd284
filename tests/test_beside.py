"""What lies beside x: contexts and masks, from the data set to the member that is handed over."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats

import vaejax as vj
from vaejax.errors import DataError
from vaejax.families import no_params
from vaejax.grid import _feed

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
X = RNG.random((60, 4)).astype(np.float32)
SIZES = RNG.random((60, 2)).astype(np.float32)
SEEN = RNG.random((60, 4)) < 0.7
SEEN[:, 0] |= ~SEEN.any(1)


def conditional(latent_size, beta=1.0, widest=3):
    model = vj.vae(
        vj.nets.mlp(8),
        vj.nets.mlp(8),
        data_shape=(4,),
        latent_size=latent_size,
        max_latent_size=widest,
        prior=vj.posteriors.normal(),
        prior_net=vj.nets.mlp(4),
        likelihood=vj.likelihoods.normal(1.0),
    )
    return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-2))


def swept(data, **options):
    return vj.sweep(
        conditional, data, latent_size=[1, 3], beta=[0.5, 1.0], **{"epochs": 3, "num_samples": 4, **options}
    )


def reals(**beside):
    return vj.data.arrays(X, likelihood=vj.likelihoods.normal(), **beside)


def test_one_array_and_what_lies_beside_it_are_split_alike():
    data = vj.data.arrays(np.arange(60.0)[:, None] / 60, context=np.arange(60) / 60, observed=np.ones((60, 1), bool))
    for name, split in data.splits.items():
        np.testing.assert_allclose(data.raw(name).context, np.ravel(split), rtol=1e-6)
        assert data.raw(name).observed.shape == split.shape


@pytest.mark.long
def test_a_grid_of_conditional_models_is_one_program_and_its_members_take_the_context():
    data = reals(context={"sizes": SIZES})
    result = swept(data, num_samples=1000)
    assert len(result.programs) == 1
    model, params = vj.extract(result, latent_size=1, beta=1.0)
    raw = data.raw("test")
    codes, draws = [], []
    for context in ({"sizes": jnp.zeros(2)}, {"sizes": jnp.ones(2)}):
        codes.append(vj.encode(model, params, vj.Example(jnp.asarray(raw.x[0]), context)))
        draws.append(vj.generate(KEY, model, params, context))
    assert codes[0].shape == (1,)
    assert not np.allclose(codes[0], codes[1])
    assert not np.allclose(draws[0], draws[1])

    def elbo(key, raw):
        found = jax.vmap(lambda key: vj.terms(key, model, params, raw))(jax.random.split(key, 2000))
        return -jnp.mean(found.distortion + found.rate)

    examples = jax.tree.map(jnp.asarray, raw)
    again = jax.jit(jax.vmap(elbo))(jax.random.split(KEY, len(raw.x)), examples).mean()
    assert float(result.dataset.elbo.sel(latent_size=1, beta=1.0).squeeze()) == pytest.approx(
        float(again), abs=0.05
    )  # 0.7 nats of one draw


def test_what_lies_beside_is_in_the_digest():
    found = [
        vj.data.digest(data)
        for data in (
            reals(),
            reals(context=SIZES),
            reals(context=SIZES[::-1]),
            reals(context={"sizes": SIZES}),
            reals(context=SIZES, observed=SEEN),
        )
    ]
    assert len(set(found)) == len(found)


@pytest.mark.long
def test_what_is_sent_slice_by_slice_trains_the_same(monkeypatch):
    data = reals(context=SIZES, observed=SEEN)
    whole = swept(data).dataset
    monkeypatch.setattr(_feed, "RESIDENT", 0)
    monkeypatch.setattr(_feed, "WINDOW", 3000)
    np.testing.assert_array_equal(swept(data).dataset.elbo, whole.elbo)


def unconditional(beta=1.0):
    model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2, likelihood=vj.likelihoods.normal())
    return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-2))


def test_what_stands_where_nothing_was_observed_does_not_matter():
    broken = np.where(SEEN, X, np.nan)
    found = [
        vj.sweep(unconditional, data, epochs=3, num_samples=4, beta=[1.0]).dataset.elbo.values
        for data in (
            reals(observed=SEEN),
            vj.data.arrays(broken, likelihood=vj.likelihoods.normal(), observed=SEEN),
        )
    ]
    assert np.isfinite(found[0]).all()
    np.testing.assert_array_equal(*found)


W = np.array([[2.0, 0.3], [0.1, 0.5], [-1.0, 0.4], [0.6, 0.0]])
SCALE = 0.7


def exact():
    """A linear model whose encoder is told the mask, as a context, and gives the exact posterior of what was seen."""

    def encoder(shape):
        def apply(params, inputs, key):
            x, seen = inputs
            on = jnp.asarray(W) * seen[:, None]
            precision = jnp.eye(2) + on.T @ on / SCALE**2
            cov = jnp.linalg.inv(precision)
            factor = jnp.linalg.cholesky(cov)
            mean = cov @ on.T @ (x * seen) / SCALE**2
            scale = jnp.diag(factor)
            below = jnp.zeros((2, 2)).at[0, 1].set(factor[1, 0])  # a row for each column of L
            return jnp.concatenate([mean[None], jnp.log(scale)[None], below])

        return vj.Net(no_params, apply)

    def decoder(shape):
        return vj.Net(no_params, lambda params, inputs, key: (jnp.asarray(W) @ inputs[1])[None])

    likelihood = vj.likelihoods.normal(SCALE)
    return vj.vae(
        encoder, decoder, data_shape=(4,), latent_size=2, posterior=vj.posteriors.full_normal(2), likelihood=likelihood
    )


@pytest.mark.parametrize("objective", [vj.objectives.iwae(1), vj.objectives.iwae(5), vj.objectives.miwae(3, 2)])
def test_with_the_exact_posterior_of_what_was_seen_every_bound_is_its_log_probability(objective, float64):
    model = exact()
    batch = vj.Example(jnp.asarray(X, float), jnp.asarray(SEEN, float), jnp.asarray(SEEN))
    cov = W @ W.T + SCALE**2 * np.eye(4)
    wanted = np.mean(
        [
            scipy.stats.multivariate_normal(np.zeros(s.sum()), cov[np.ix_(s, s)]).logpdf(x[s])
            for x, s in zip(X, SEEN, strict=True)
        ]
    )
    found = objective.evaluate(KEY, model, objective.init(KEY, model, batch), batch).value
    assert float(found) == pytest.approx(wanted, abs=1e-9)


def test_masks_and_labels_that_are_drawn():
    data = vj.data.missing_at_random(vj.data.digits(), 0.99, seed=3)
    assert min(observed.reshape(len(observed), -1).sum(1).min() for observed in data.observed.values()) == 1
    again = vj.data.missing_at_random(data, 0.5)
    for name in data.splits:
        assert not (again.observed[name] & ~data.observed[name]).any()
    few = vj.data.few_labels(vj.data.digits(), 50, seed=1)
    train, labels = few.raw("train").context, few.labels["train"]
    assert np.bincount(labels[train >= 0]).tolist() == [5] * 10
    np.testing.assert_array_equal(train[train >= 0], labels[train >= 0])
    assert set(few.raw("test").context) == {-1}
    hot = vj.data.one_hot_labels(vj.data.digits()).raw("validation").context
    np.testing.assert_array_equal(hot.argmax(1), few.labels["validation"])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: reals(context=SIZES[:5]), "a row for each of its 60 examples"),
        (lambda: reals(observed=SEEN[:, :2]), r"observed must be of the shape of x, \(60, 4\)"),
        (lambda: reals(observed=np.zeros((60, 4), bool)), "nothing was observed of example 0"),
        (lambda: vj.data.with_context(reals(), {"train": SIZES}), "must be a dict with train, validation and test"),
        (lambda: vj.data.with_context(reals(), SIZES), "got ndarray"),
        (lambda: reals(context=np.full(60, np.nan)), "must be finite"),
        (lambda: reals(context=np.array(["a"] * 60)), "must be numbers"),
        (lambda: vj.data.one_hot_labels(reals()), "has no labels for train"),
        (lambda: vj.data.few_labels(vj.data.digits(), 55), "multiple of the 10 classes"),
    ],
)
def test_what_does_not_fit_beside_is_refused(make, says):
    with pytest.raises(DataError, match=says):
        make()
