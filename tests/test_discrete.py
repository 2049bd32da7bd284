"""Discrete latents and points: exact values, straight-through gradients, and what is known by counting."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax import divergences, metrics
from vaejax.errors import VaejaxError
from vaejax.families import narrowed
from vaejax.model import compacted

KEY = jax.random.key(0)
Q, P = vj.posteriors, vj.priors
PAIRS = {
    "categorical": (functools.partial(Q.categorical, 4), functools.partial(P.uniform_categorical, 4)),
    "bernoulli": (Q.bernoulli, P.uniform_bernoulli),
    "fsq": (functools.partial(Q.fsq, 4), functools.partial(P.uniform_levels, 4)),
    "point": (functools.partial(Q.point, (2,)), functools.partial(P.standard_normal, (2,))),
    "point of a mixture": (Q.point, functools.partial(P.mixture, 3)),
}
each_pair = pytest.mark.parametrize("name", PAIRS)


NET = vj.nets.mlp(6)


def made(name, size=2, widest=None, *, net=NET):
    posterior, prior = (make() for make in PAIRS[name])
    parts = {"posterior": posterior, "prior": prior, "likelihood": vj.likelihoods.bernoulli()}
    return vj.vae(net, net, data_shape=(4,), latent_size=size, max_latent_size=widest, **parts)


def binary(num, seed=0, size=4):
    return jnp.asarray(np.random.default_rng(seed).integers(0, 2, (num, size)), float)


def logits_of(shape, seed=3):
    return 2 * jax.random.normal(jax.random.key(seed), (1, *shape))


def log_probs(logits):
    """By the definition of a softmax, in numpy."""
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return p, np.log(p)


# rates


def test_the_rate_of_a_categorical_is_the_kl_over_its_classes(float64):
    q, p = logits_of((3, 5)), logits_of((3, 5), 4)
    ones = jnp.ones((3, 5))
    (prob, log_q), (_, log_p) = log_probs(np.asarray(q[0])), log_probs(np.asarray(p[0]))
    uniform = divergences.closed_form(Q.categorical(5), P.uniform_categorical(5))
    np.testing.assert_allclose(uniform((), q, (), q[:0], ones), np.sum(prob * (log_q + np.log(5)), 1), rtol=1e-12)
    learned = divergences.closed_form(Q.categorical(5), Q.categorical(5))
    np.testing.assert_allclose(learned((), q, (), p, ones), np.sum(prob * (log_q - log_p), 1), rtol=1e-12)


def test_the_rate_of_a_bernoulli_is_that_of_two_classes(float64):
    """Also at logits where one value is all but certain; a class that has no logit of its own has 0."""
    q, p = (jnp.concatenate([logits_of((4,), seed)[0], jnp.array([0.0, 40.0, -40.0])]) for seed in (5, 6))
    two_q, two_p = (jnp.stack([jnp.zeros_like(a), a], -1)[None] for a in (q, p))
    rows = [(Q.bernoulli(), P.uniform_bernoulli()), (Q.categorical(2), P.uniform_categorical(2))]
    found, expected = (divergences.closed_form(*row) for row in rows)
    np.testing.assert_allclose(
        found((), q[None], (), q[None][:0], jnp.ones(7)),
        expected((), two_q, (), two_q[:0], jnp.ones((7, 2))),
        atol=1e-14,
    )
    found, expected = (divergences.closed_form(one, one) for one in (Q.bernoulli(), Q.categorical(2)))
    args = (), q[None], (), p[None], jnp.ones(7)
    np.testing.assert_allclose(found(*args), expected((), two_q, (), two_p, jnp.ones((7, 2))), atol=1e-14)


@pytest.mark.parametrize("temperature", [1e-3, 1.0])
def test_the_gradient_of_a_sample_is_finite_at_extreme_logits(temperature):
    values = [0.0, 1e-38, 90.0, -90.0, 1e10, 1e37, -1e37]
    cases = jnp.asarray(list(itertools.product(values, repeat=4)), jnp.float32)[:, None]
    for family in (Q.categorical(4, temperature), Q.bernoulli(temperature)):

        def pushed(stats, family=family):
            z = family.sample(KEY, (), stats)[0]
            return jnp.sum(z * jnp.array([[1.0, -2.0, 3.0, 0.5]])), z

        slope, z = jax.jit(jax.vmap(jax.grad(pushed, has_aux=True)))(cases[:, None])
        assert np.isfinite(slope).all()
        assert set(np.unique(z)) == {0.0, 1.0}


@pytest.mark.parametrize("name", ["categorical", "bernoulli"])
def test_a_rate_at_extreme_logits_is_finite_and_so_is_its_gradient(name):
    posterior, prior = (make() for make in PAIRS[name])
    row, shape = divergences.closed_form(posterior, prior), (1, 1, *posterior.unit_shape)
    values = [0.0, 1e-38, 90.0, -90.0, 1e10, 1e37, -1e37]
    cases = jnp.asarray(list(itertools.product(values, repeat=int(np.prod(shape)))), jnp.float32)

    def rate(q):
        q = q.reshape(shape)
        return jnp.sum(row((), q, (), q[:0], jnp.ones(shape[1:], q.dtype)))

    found, slope = jax.jit(jax.vmap(jax.value_and_grad(rate)))(cases)
    assert found.dtype == jnp.float32
    assert found.min() > -1e-6  # the rounding of a difference of two numbers near 1
    assert found.max() < 1.3863 + 1e-6
    assert np.isfinite(slope).all()


@pytest.mark.parametrize("num", [2, 3, 4, 7, 8])
def test_every_level_of_fsq_is_reached_and_costs_the_log_of_their_number(num, float64):
    family = Q.fsq(num)
    stats = jnp.linspace(-5, 5, 1001)[None]
    z, log_q = family.sample(KEY, (), stats)
    np.testing.assert_allclose(np.unique(z), np.linspace(-1, 1, num), atol=1e-15)
    np.testing.assert_array_equal(log_q, 0.0)
    assert np.abs(z - np.tanh(stats[0])).max() <= 1 / (num - 1) + 1e-12  # the nearest one
    new, _ = P.uniform_levels(num).sample(KEY, (), jnp.zeros((0, 500)))
    assert set(np.unique(new)) == set(np.unique(z))  # to the bit
    elsewhere = jnp.asarray(np.linspace(-1, 1, num))[:, None]
    masses = np.exp(jax.vmap(lambda z: family.log_prob((), stats[:, :1], z))(elsewhere))
    np.testing.assert_array_equal(masses[:, 0], np.eye(num)[0])
    pair = {"posterior": family, "prior": P.uniform_levels(num)}
    model = vj.vae(vj.nets.mlp(4), vj.nets.mlp(4), data_shape=(4,), latent_size=3, **pair)
    draw = vj.sample(KEY, model, vj.init(KEY, model, jnp.ones((1, 4))), jnp.ones(4))
    np.testing.assert_allclose(draw.rate, np.log(num), rtol=1e-15)


# samples and their gradients


def test_a_sample_is_exactly_discrete_and_no_temperature_changes_it():
    stats = 3 * jax.random.normal(KEY, (1, 5000, 4))
    cold, hot = (Q.categorical(4, temperature).sample(KEY, (), stats)[0] for temperature in (1e-3, 30.0))
    np.testing.assert_array_equal(cold, hot)
    np.testing.assert_array_equal(np.sort(cold, 1), np.broadcast_to([0, 0, 0, 1], cold.shape))
    cold, hot = (Q.bernoulli(temperature).sample(KEY, (), stats)[0] for temperature in (1e-3, 30.0))
    np.testing.assert_array_equal(cold, hot)
    assert set(np.unique(cold)) == {0.0, 1.0}


@pytest.mark.parametrize("temperature", [0.2, 1.0, 3.0])
def test_the_gradient_of_a_sample_is_that_of_the_relaxation(temperature, float64):
    """Written once more, by hand: tau ds_i/dl_j = s_i (delta_ij - s_j), and tau ds/dl = s (1 - s)."""
    logits = logits_of((3, 4))
    found = jax.jacobian(lambda s: Q.categorical(4, temperature).sample(KEY, (), s)[0])(logits)[:, :, 0]
    noisy = np.exp((logits[0] + jax.random.gumbel(KEY, (3, 4))) / temperature)
    soft = noisy / noisy.sum(1, keepdims=True)
    for i, j in itertools.product(range(3), repeat=2):
        expected = (np.diag(soft[i]) - np.outer(soft[i], soft[i])) / temperature if i == j else 0.0
        np.testing.assert_allclose(found[i, :, j], expected, atol=1e-13)

    found = jax.jacobian(lambda s: Q.bernoulli(temperature).sample(KEY, (), s)[0])(logits)[:, :, 0]
    soft = 1 / (1 + np.exp(-(logits[0] + jax.random.logistic(KEY, (3, 4))) / temperature))
    expected = np.einsum("ab,ac,bd->abcd", soft * (1 - soft) / temperature, np.eye(3), np.eye(4))
    np.testing.assert_allclose(found, expected, atol=1e-13)

    found = jax.vmap(jax.grad(lambda s: Q.fsq(4).sample(KEY, (), s[None, None])[0][0]))(logits[0, 0])
    np.testing.assert_allclose(found, 1 / np.cosh(logits[0, 0]) ** 2, rtol=1e-12)


@pytest.mark.parametrize("name", ["categorical", "bernoulli"])
def test_the_gradient_of_log_q_along_a_sample_is_that_of_the_negative_entropy(name, float64):
    """At temperature 0.1, where the bias is about pi^2 / 6 of its square, 2 in a hundred, and 40,000 draws: standard
    errors are added. Without the path through z the mean would be zero."""
    family = (Q.categorical if name == "categorical" else functools.partial(Q.bernoulli))(temperature=0.1)
    logits = 0.5 * logits_of((1, *family.unit_shape))

    def along(logits, key):
        return jnp.sum(family.sample(key, (), logits)[1])

    def negative_entropy(logits):
        row = divergences.CLOSED_FORMS[name, f"uniform_{name}"]
        return jnp.sum(row((), logits, (), logits[:0], jnp.ones(logits.shape[1:])))

    slopes = jax.jit(jax.vmap(jax.grad(along), (None, 0)))(logits, jax.random.split(KEY, 40_000))
    expected = jax.grad(negative_entropy)(logits)
    error = np.std(slopes, 0) / 200
    assert np.all(np.abs(slopes.mean(0) - expected) < 4 * error + 0.04 * np.abs(expected).max())
    assert np.abs(expected).max() > 10 * error.max()


# the exact log likelihood, by counting z


@pytest.mark.parametrize("name", ["categorical", "bernoulli", "fsq"])
def test_the_bounds_lie_below_the_exact_log_likelihood_and_iwae_comes_near(name, float64):
    model = made(name, 3)
    params = jax.tree.map(lambda a: 2 * a + 0.3, vj.init(KEY, model, binary(1)))
    x = vj.Example(binary(1, 7)[0])
    values = {"categorical": np.eye(4), "bernoulli": [0.0, 1.0], "fsq": np.linspace(-1, 1, 4)}[name]
    every = jnp.asarray(list(itertools.product(values, repeat=3)))

    def log_joint(z):
        return jnp.sum(model.log_likelihood(params, z, x)) + jnp.sum(model.log_prior(params, z, x))

    log_p = jax.jit(jax.vmap(log_joint))(every)
    log_q = jax.jit(jax.vmap(lambda z: jnp.sum(model.log_posterior(params, z, x))))(every)
    assert np.exp(log_q).sum() == pytest.approx(1, abs=1e-12)
    exact = jax.nn.logsumexp(log_p)
    elbo = jnp.sum(jnp.where(log_q > -jnp.inf, jnp.exp(log_q) * (log_p - log_q), 0.0))
    draws = jax.jit(jax.vmap(lambda key: vj.terms(key, model, params, x)))(jax.random.split(KEY, 20_000))
    weights = np.exp(draws.log_weight)
    sampled = -(draws.distortion + draws.rate)
    assert sampled.mean() == pytest.approx(elbo.item(), abs=4 * sampled.std().item() / 141 + 1e-12)
    assert elbo < exact - 1e-3
    if name != "fsq":  # a q of one point never reaches the others: its bound stays where it is
        error = weights.std() / weights.mean() / 141
        assert np.log(weights.mean()) == pytest.approx(exact.item(), abs=4 * error)
        measured = metrics.importance(KEY, model, params, x, 2000)
        assert elbo < measured.log_likelihood < exact + 12 * error


def test_at_the_exact_posterior_every_weight_is_the_likelihood(float64):
    """One categorical latent: the encoder's bias is log p(x, z) of each class, and all else of it is zero."""
    model = made("categorical", 1, net=vj.nets.mlp())
    params, x = vj.init(KEY, model, binary(1)), vj.Example(binary(1, 7)[0])
    params["decoder"] = jax.tree.map(lambda a: 2 * a + 0.3, params["decoder"])

    def log_joint(z):
        return jnp.sum(model.log_likelihood(params, z, x)) + jnp.sum(model.log_prior(params, z, x))

    joint = jax.vmap(log_joint)(jnp.eye(4)[:, None])
    params["encoder"] = jax.tree.map(lambda a: joint[None, None] if a.ndim == 3 else 0 * a, params["encoder"])
    found = jax.vmap(lambda key: vj.terms(key, model, params, x))(jax.random.split(KEY, 30))
    np.testing.assert_allclose(found.log_weight, jax.nn.logsumexp(joint), rtol=1e-12)
    assert -(found.distortion + found.rate).max() != pytest.approx(-(found.distortion + found.rate).min())


# latent size is a mask


@each_pair
def test_masked_it_is_the_smaller_one(name, float64):
    for family in (make() for make in PAIRS[name]):
        unit = family.unit_shape
        active = jnp.broadcast_to(jnp.array([1.0, 1.0, 0.0, 0.0]).reshape(4, *[1] * len(unit)), (4, *unit))
        wide, stats = narrowed(family, active), logits_of((4, *unit))[: family.num_stats]
        params, small = wide.init(KEY, (4, *unit)), family.init(KEY, (2, *unit))

        def cost(stats, family, params):
            z, log_q = family.sample(KEY, params, stats)
            terms = (log_q, family.log_prob(params, stats, z), jnp.cos(family.mean(params, stats) + 2 * z) - 1)
            return sum(jnp.sum(jnp.where(jnp.isinf(term), 3.0, term)) for term in terms), z

        (whole, z), slope = jax.value_and_grad(cost, has_aux=True)(stats, wide, params)
        (narrow, small_z), small_slope = jax.value_and_grad(cost, has_aux=True)(stats[:, :2], family, small)
        spare = [(0, 0)] * len(unit)
        assert whole.item() == pytest.approx(narrow.item(), rel=1e-12)
        np.testing.assert_allclose(z, jnp.pad(small_z, [(0, 2), *spare]), rtol=1e-12)
        np.testing.assert_allclose(slope, jnp.pad(small_slope, [(0, 0), (0, 2), *spare]), rtol=1e-10, atol=1e-12)


@each_pair
def test_a_masked_model_trains_as_the_smaller_one(name, float64):
    batch = vj.Example(binary(6), weight=jnp.array([1.0, 1.0, 2.0, 0.0, 1.0, 0.0]))

    @functools.partial(jax.jit, static_argnums=1)
    def trained(size, widest):
        taught = vj.trainer(made(name, size if widest else 2, widest), vj.objectives.elbo(0.7), optax.adam(1e-2))
        start = taught.init(KEY, batch)
        end, bounds = jax.lax.scan(lambda state, key: taught.step(key, state, batch), start, jax.random.split(KEY, 3))
        return start.params, end.params, bounds

    for wide, narrow in zip(trained(2, 4), trained(2, None), strict=True):
        jax.tree.map(assert_prefix, wide, narrow)


def assert_prefix(wide, narrow):
    inside = tuple(slice(size) for size in narrow.shape)
    np.testing.assert_allclose(wide[inside], narrow, rtol=1e-8, atol=1e-11)
    beyond = np.array(wide)
    beyond[inside] = 0
    np.testing.assert_array_equal(beyond, 0.0)


# in a grid


QUICK = {"categorical", "point"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.long) for n in PAIRS])
def test_a_grid_over_latent_sizes_is_one_program_and_its_members_are_extracted(name):
    def member(latent_size):
        return vj.trainer(made(name, latent_size, 3), vj.objectives.elbo(), optax.adam(1e-2))

    rows = np.asarray(binary(40), np.uint8)
    result = vj.sweep(member, rows, latent_size=[1, 3], epochs=2, batch_size=16, num_samples=4)
    table = result.dataset
    assert table.attrs["num_programs"] == 1
    assert list(table["status"].values.ravel()) == ["ok", "ok"]
    assert np.isfinite(table["elbo"]).all()
    assert bool(np.isinf(table["log_likelihood"]).all()) == name.startswith("point")
    model, params = vj.extract(result, latent_size=1)
    assert vj.encode(model, params, jnp.zeros(4)).shape == (1, *PAIRS[name][0]().unit_shape)


@pytest.mark.long
def test_a_temperature_may_be_an_axis_and_a_schedule():
    """Values at a temperature are the same and training is not; a schedule that has ended is that number."""

    def member(temperature, falling):
        def at(step):
            now = temperature * (1 + falling * jnp.exp(-0.1 * step))
            parts = {"posterior": Q.categorical(3, now), "prior": P.uniform_categorical(3)}
            model = vj.vae(vj.nets.mlp(6), vj.nets.mlp(6), data_shape=(4,), latent_size=2, **parts)
            return vj.trainer(model, vj.objectives.elbo(), optax.adam(3e-2))

        return vj.scheduled(at)

    axes = {"temperature": [0.3, 1.0], "falling": [0.0, 2.0]}
    result = vj.sweep(member, np.asarray(binary(40), float), **axes, epochs=2, batch_size=10, num_samples=4)
    assert result.dataset.attrs["num_programs"] == 1
    assert len(np.unique(result.dataset["elbo"])) == 4


OBJECTIVES = {
    "free_bits": vj.objectives.free_bits(0.3),
    "iwae": vj.objectives.iwae(3),
    "stl": vj.objectives.stl(),
    "dreg": vj.objectives.dreg(2),
    "beta_tc": vj.objectives.beta_tc(),
    "dip_ii": vj.objectives.dip_ii(),
}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_an_objective_of_one_hots_is_that_of_the_latents_in_use(objective, float64):
    """Value and gradient, which is not zero; also of those that look at a term for each latent."""
    wide, batch = made("categorical", 2, 4), vj.Example(binary(6))
    params = jax.tree.map(lambda a: a + 0.2 * (a != 0), vj.init(KEY, wide, binary(1)))
    small, small_params = compacted(wide, params)

    @jax.jit
    def slopes():
        def value(params, model):
            return OBJECTIVES[objective].evaluate(KEY, model, params, batch).value

        return [jax.value_and_grad(value)(*pair) for pair in ((params, wide), (small_params, small))]

    (value, slope), (expected, expected_slope) = slopes()
    assert value.item() == pytest.approx(expected.item(), rel=1e-10)
    jax.tree.map(assert_prefix, slope, expected_slope)
    assert np.abs(slope["encoder"]["output"]["bias"]).max() > 1e-4


def test_free_bits_are_paid_for_each_latent_once(float64):
    model, batch = made("categorical", 2, 4), vj.Example(binary(6))
    bound = vj.objectives.free_bits(7.0).evaluate(KEY, model, model.init(KEY, batch), batch)
    assert (bound.value + bound.distortion).item() == pytest.approx(-2 * 7.0, rel=1e-12)


# points


def test_a_point_has_no_density_and_its_rate_is_minus_log_p(float64):
    model = made("point", 3)
    params, x = vj.init(KEY, model, binary(1)), binary(1, 7)[0]
    z = vj.encode(model, params, x)
    draw = vj.sample(KEY, model, params, x)
    np.testing.assert_array_equal(draw.z, z)
    np.testing.assert_array_equal(draw.log_q, [np.inf] * 3)
    np.testing.assert_array_equal(model.log_posterior(params, z, vj.Example(x)), [np.inf] * 3)
    np.testing.assert_array_equal(model.log_posterior(params, z.at[1, 0].add(1e-9), vj.Example(x))[1], -np.inf)
    np.testing.assert_allclose(draw.rate, np.sum(np.square(z) / 2 + np.log(2 * np.pi) / 2, 1), rtol=1e-12)
    assert vj.terms(KEY, model, params, x).log_weight == -np.inf

    def penalty(shift):
        moved = {**params["encoder"], "output": {**params["encoder"]["output"], "bias": shift}}
        return jnp.sum(vj.sample(KEY, model, {**params, "encoder": moved}, x).rate)

    slope = jax.grad(penalty)(params["encoder"]["output"]["bias"])
    np.testing.assert_allclose(slope[0], z, rtol=1e-12)


def test_the_rate_of_a_point_under_a_mixture_is_minus_its_log_density(float64):
    model = made("point of a mixture", 2)
    params, x = vj.init(KEY, model, binary(1)), binary(1, 7)[0]
    rate = vj.sample(KEY, model, params, x).rate
    z = vj.encode(model, params, x)
    np.testing.assert_allclose(rate, -model.log_prior(params, z, vj.Example(x)), rtol=1e-12)
    assert rate.shape == (1,)


# what is refused


@pytest.mark.parametrize(
    ("posterior", "prior", "said"),
    [
        (Q.categorical(), None, "on one-hot vectors, the prior standard_normal on the reals"),
        (
            Q.categorical(4),
            P.uniform_categorical(5),
            r"has the shape \(4,\), one of the prior uniform_categorical \(5,\)",
        ),
        (Q.bernoulli(), P.uniform_levels(2), r"on {0, 1}, the prior uniform_levels on the 2 levels from -1 to 1"),
        (Q.fsq(5), P.uniform_levels(8), "on the 5 levels from -1 to 1, the prior uniform_levels on the 8 levels"),
        (Q.point((3,)), P.standard_normal(), r"has the shape \(3,\), one of the prior standard_normal \(\)"),
    ],
)
def test_a_prior_on_another_space_is_refused(posterior, prior, said):
    with pytest.raises(VaejaxError, match=said):
        vj.vae(vj.nets.mlp(), vj.nets.mlp(), data_shape=(4,), latent_size=2, posterior=posterior, prior=prior)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Q.categorical(1),
        lambda: Q.categorical(temperature=0.0),
        lambda: Q.bernoulli(-1.0),
        lambda: Q.fsq(1),
        lambda: Q.point((0,)),
        lambda: P.uniform_categorical(2.5),
        lambda: P.uniform_levels(1),
    ],
)
def test_numbers_out_of_range_are_refused(make):
    with pytest.raises(VaejaxError, match=r"num_classes|temperature|num_levels|unit_shape"):
        make()


def test_active_units_counts_latents_not_numbers():
    """Of three latents of two numbers: one moves in one number, one in both a little, one not at all."""
    means = np.zeros((2, 3, 2))
    means[0, 0, 1] = 1.0
    means[0, 1] = 0.12  # a variance of 0.0072 in each number, 0.0144 in both
    assert int(metrics.active_units(jnp.asarray(means))) == 2
    assert int(metrics.active_units(jnp.asarray(means[..., 1]))) == 1
