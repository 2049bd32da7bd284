"""One table of every member of every room of families, and what each of them owes to its contract."""

import functools
import inspect
import itertools
import math

import chex
import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
import spaces
from jax import export

import vaejax as vj
from vaejax.families import ONE_HOT, SPHERE
from vaejax.types import Family

ROOMS = (vj.likelihoods, vj.posteriors, vj.priors)
KEY = jax.random.key(0)


@functools.wraps(vj.priors.coupling_flow)
def small_flow():
    """It compiles in half the time."""
    return vj.priors.coupling_flow(2, 4, hidden=4)


SMALL = {vj.priors.coupling_flow: small_flow}


def factories(*rooms):
    return [
        pytest.param(SMALL.get(factory, factory), id=f"{room.__name__.split('.')[1]}.{name}")
        for room in rooms
        for name, factory in vars(room).items()
        if inspect.isfunction(factory) and not name.startswith(("from_", "_"))  # an adapter needs a network
    ]


INTEGRATED = {"coupling_flow": 1e-4}  # kinks at knots cost a grid the square of its step; its own test goes to 1e-8
every_family = pytest.mark.parametrize("factory", factories(*ROOMS))


def stats_of(family: Family, shape: tuple[int, ...], key=KEY) -> jax.Array:
    """Stats of an ordinary size for latents of `shape`; rows differ from one another."""
    return 0.7 * jax.random.normal(key, (family.num_stats, *shape, *family.unit_shape)) - 0.4


def params_of(family: Family, shape: tuple[int, ...]):
    """Global parameters, away from where they start, so that no term is hidden by a zero."""
    params = family.init(jax.random.key(1), (*shape, *family.unit_shape))
    if "logits" in params:
        params["logits"] = 2 * jnp.cos(jnp.arange(params["logits"].size, dtype=float))
    return jax.tree.map(lambda a: a + 0.05 * jnp.arange(1.0, a.size + 1).reshape(a.shape) / a.size, params)


def density(family: Family) -> tuple[spaces.Space, np.ndarray]:
    """The events of the fewest latents, and p at each."""
    params, stats = ordinary(family, (spaces.fewest(family),))
    middle = 0.0 if family.mean is None else float(np.ravel(family.mean(params, stats))[0])
    space = spaces.smallest(family, middle)
    log_prob = jax.jit(jax.vmap(lambda x: jnp.sum(family.log_prob(params, stats, x))))(jnp.asarray(space.events))
    return space, np.exp(log_prob)


def ordinary(family: Family, shape: tuple[int, ...]):
    return params_of(family, shape), stats_of(family, shape)


def along_samples(family: Family) -> float:
    """The log density along a sample: 0 where one value is certain, infinite for a point among the reals."""
    params, stats = ordinary(family, (spaces.fewest(family),))
    return jnp.sum(family.sample(KEY, params, stats)[1]).item()


def with_density(factory) -> Family:
    """A family of that, and else the test says that it asks for a density."""
    family = factory()
    if np.isinf(along_samples(family)):
        pytest.skip(f"{family.name} has no density: it is infinite along its samples")
    return family


def draws(family: Family, params, stats, num: int):
    return jax.jit(jax.vmap(lambda key: family.sample(key, params, stats)))(jax.random.split(jax.random.key(2), num))


@pytest.mark.parametrize("factory", factories(*ROOMS, vj.objectives, vj.nets))
def test_a_factory_needs_no_arguments_and_shows_an_example(factory):
    factory()
    assert ">>>" in factory.__doc__
    assert len(factory.__doc__.splitlines()) > 2


@every_family
def test_its_density_is_normalised_and_its_mean_is_the_mean_under_it(factory, float64):
    family = with_density(factory)
    space, p = density(family)
    assert np.sum(p * space.weights) == pytest.approx(1, abs=INTEGRATED.get(family.name, 1e-9))
    if family.mean is not None:
        mean = family.mean(*ordinary(family, (spaces.fewest(family),)))
        np.testing.assert_allclose(np.tensordot(p * space.weights, space.events, 1), mean, atol=1e-9)


@pytest.mark.parametrize("factory", factories(vj.posteriors, vj.priors))
def test_its_density_over_one_latent_more_is_normalised(factory, float64):
    family = with_density(factory)
    num = spaces.fewest(family) + 1
    space, stats, params = spaces.larger(family), stats_of(family, (num,)) / 2, params_of(family, (num,))
    log_prob = jax.jit(jax.vmap(lambda x: jnp.sum(family.log_prob(params, stats, x))))(jnp.asarray(space.events))
    assert np.sum(np.exp(log_prob) * space.weights) == pytest.approx(1, abs=INTEGRATED.get(family.name, 1e-9))


@every_family
def test_its_sampler_draws_from_its_density(factory, float64):
    """20,000 draws: Kolmogorov's distance, which chance takes above 1.95 once in a thousand, and the variance."""
    family = with_density(factory)
    space, p = density(family)
    drawn, _ = draws(family, *ordinary(family, (spaces.fewest(family),)), 20_000)
    x, nodes, mass = (
        np.sort(spaces.coordinate(family, drawn)),
        spaces.coordinate(family, space.events),
        p * space.weights,
    )
    edges = nodes + (1e-9 if family.support.step else space.weights / 2)
    below = np.searchsorted(x, edges, side="right") / len(x)
    assert np.max(np.abs(below - np.cumsum(mass))) * np.sqrt(len(x)) < 1.95
    mean = np.sum(mass * nodes)
    deviation = (x - mean) ** 2
    variance = np.sum(mass * (nodes - mean) ** 2)
    assert abs(deviation.mean() - variance) <= 4 * deviation.std() / np.sqrt(len(x))


@every_family
def test_the_score_has_mean_zero_under_the_sampler(factory, float64):
    """E grad log p = 0 by stats and by parameters, within 4.5 standard errors, over three entries together.

    Where there are many stats they are seen along 32 directions: one level of 256 may never be drawn.
    """
    family = with_density(factory)
    stats, params = stats_of(family, (3,)), params_of(family, (3,))
    x, _ = draws(family, params, stats, 4000)
    by = (1,) if family.name == "optimal_normal" else (0, 1)  # its variance is set, not climbed
    score = jax.grad(lambda params, stats, x: jnp.sum(family.log_prob(params, stats, x)), by)
    for leaf in jax.tree.leaves(jax.jit(jax.vmap(score, (None, None, 0)))(params, stats, x)):
        leaf = np.asarray(leaf).reshape(len(leaf), -1)
        if leaf.shape[1] > 100:
            leaf = leaf @ np.random.default_rng(0).normal(size=(leaf.shape[1], 32))
        standard_error = np.std(leaf, 0) / np.sqrt(len(leaf))
        assert np.all(np.abs(np.mean(leaf, 0)) <= 4.5 * standard_error + 1e-12)


@every_family
def test_the_density_along_a_sample_is_the_density_at_it(factory, float64):
    family = factory()
    shape = (3,) if family.unit_shape or family.support == SPHERE else (2, 3)
    stats, params = stats_of(family, shape), params_of(family, shape)
    x, along = draws(family, params, stats, 5)
    at = jax.jit(jax.vmap(lambda x: family.log_prob(params, stats, x)))(x)
    np.testing.assert_allclose(along, at, rtol=1e-12)
    low, high = family.support.low, family.support.high
    assert bool(jnp.all((x >= low) & (x <= high)))
    if family.support.step:
        grid = (x - low) / family.support.step
        np.testing.assert_allclose(grid, np.round(grid), atol=1e-9)


EXTREMES = {  # rows of stats whose density is a number in float32; each row is of all numbers of a latent
    "coupling_flow": [],
    "categorical": [[0, 1e-38, 90, 1e10, 1e37]] * 256,
    "categorical posterior": [[0, 1e-38, 90, 1e10, 1e37]],
    "fsq": [[0, 1e-38, 0.5, 90, 1e10, 3e38]],
    "point": [[0, 1e-38, 90, 1e10, 3e38]],
    "uniform_bernoulli": [],
    "uniform_categorical": [],
    "uniform_levels": [],
    "laplace": [[0, 1e-38, 90, 1e10, 1e37]],
    "learned_laplace": [[0, 1e-38, 90, 1e10, 1e37]],
    "logistic_mixture": [[0, 1e-38, 90, 1e10, 1e37]] * 5 + [[0, 1e-38, 90, 1e10, 3e38]] * 5 + [[0, 15, 90, 3e38]] * 5,
    "negative_binomial": [[0, 1e-38, 5, 15, 90, 1e10, 3e38]],
    "poisson": [[0, 1e-38, 5, 15, 90, 1e10, 3e38]],
    "student_t": [[0, 1e-38, 90, 1e10, 1e20, 3e38]],
    "zero_inflated_negative_binomial": [[0, 1e-38, 15, 90, 1e10, 3e38], [0, 1e-38, 15, 90, 1e10, 3e38]],
    "bernoulli": [[0, 1e-38, 90, 1e10, 3e38]],
    "binomial": [[0, 1e-38, 90, 1e10, 1e36]],
    "continuous_bernoulli": [[0, 1e-38, 1e-5, 0.25, 90, 1e10, 1e37]],
    "discretized_logistic": [[0, 1e-38, 90, 1e10, 3e38], [0, 15, 90, 1e10, 3e38]],
    "learned_normal": [[0, 1e-38, 90, 1e10, 1e17]],
    "full_normal": [[0, 1e-38, 90, 1e10, 1e17], [0, 15, 40], *[[0, 90]] * 16],
    "iaf": [[0, 1e-38, 90, 1e4], [0, 15], [0, 90, 1e10]],
    "low_rank_normal": [[0, 1e-38, 90, 1e4], [0, 15], [0, 90, 1e4], [0, 1e-38, 1e4]],
    "mixture": [],
    "normal likelihood": [[0, 1e-38, 90, 1e10, 1e17]],
    "normal": [[0, 1e-38, 90, 1e10, 1e17], [0, 15, 40]],
    "planar": [[0, 1e-38, 90, 1e4], [0, 15], *[[0, 90], [0, 1e-38, 40], [0, 1e4]] * 2],
    "optimal_normal": [[0, 1e-38, 90, 1e10, 1e17]],
    "standard_laplace": [],
    "standard_normal": [],
    "uniform_sphere": [],
    "von_mises_fisher": [[0, 1e-38, 90, 1e6, 1e16]],
}
EXTREMES_OF = {vj.likelihoods.normal: "normal likelihood", vj.posteriors.categorical: "categorical posterior"}
MOST_CASES = 1000


def extremes_of(family: Family, rows: list[list[float]]) -> jax.Array:
    """Stats of the fewest latents, `[case, row, latent]`: every combination of the rows' values and signs, or 1000
    drawn of many; where there are two latents the second has the value of another case."""
    signed = [np.outer((1, -1), row).ravel() for row in rows for _ in range(math.prod(family.unit_shape))]
    if np.prod([float(len(row)) for row in signed]) <= MOST_CASES:
        cases = np.array(list(itertools.product(*signed)))
    else:
        cases = np.stack([np.random.default_rng(i).choice(row, MOST_CASES) for i, row in enumerate(signed)], 1)
    cases = cases.reshape(len(cases), family.num_stats, 1, *family.unit_shape)
    cases = np.concatenate([cases[:: 1 - 2 * entry] for entry in range(spaces.fewest(family))], 2)
    return jnp.asarray(cases, jnp.float32)


def points_of(family: Family) -> jax.Array | None:
    """Events of one latent where else than at a draw the density is tried; `None` where only draws can be told from
    the stats, as where the event is a function of them."""
    low, high, step = family.support.low, family.support.high, family.support.step
    if family.num_stats and along_samples(family) in (0.0, np.inf):
        return None
    if family.support == ONE_HOT:
        return jnp.eye(*family.unit_shape)[:, None]
    if family.support == SPHERE:
        return jnp.array([[1.0, 0.0], [0.0, -1.0], [-0.6, 0.8]])
    if np.isfinite(low):
        return jnp.array([[low], [low + step], [1e6]] if np.isinf(high) else [[low], [high if step else 0.5], [high]])
    return jnp.array([[0.0], [1.0], [-1e4]]) if family.num_stats < 2 else None


@every_family
def test_values_and_gradients_are_finite_at_extreme_stats_in_float32(factory):
    family = factory()
    rows = EXTREMES[EXTREMES_OF.get(factory, family.name)]
    stats, points = extremes_of(family, rows), points_of(family)
    params = family.init(KEY, (spaces.fewest(family), *family.unit_shape))
    finite = np.isfinite(along_samples(family))  # a point has no density, and its gradient is looked at

    def log_prob(params, stats, x):
        found = jnp.sum(family.log_prob(params, stats, x))
        return found if finite else jnp.where(jnp.isinf(found), 0.0, found)

    def checked(stats):
        x, along = family.sample(KEY, params, stats)
        xs = x[None] if points is None else jnp.concatenate([x[None], points])
        found = jax.vmap(jax.value_and_grad(log_prob, (0, 1)), (None, None, 0))(params, stats, xs)
        return x, along if finite else (), () if family.mean is None else family.mean(params, stats), found

    for leaf in jax.tree.leaves(jax.jit(jax.vmap(checked))(stats)):
        assert leaf.dtype == jnp.float32
        assert bool(jnp.all(jnp.isfinite(leaf)))


@every_family
def test_it_is_pure_under_every_transformation_and_traced_once(factory):
    family = factory()
    stats = jnp.stack([stats_of(family, (3,), key) for key in jax.random.split(KEY, 4)])
    params, keys = params_of(family, (3,)), jax.random.split(jax.random.key(5), 4)

    def one(key, stats):
        x, along = family.sample(key, params, stats)
        gradient = jax.grad(lambda stats: jnp.sum(family.log_prob(params, stats, x)))(stats)
        return x, along, () if family.mean is None else family.mean(params, stats), gradient

    chex.clear_trace_counter()
    mapped = jax.jit(jax.vmap(chex.assert_max_traces(one, n=1)))
    found = mapped(keys, stats)
    mapped(keys[::-1], 2 * stats)
    _, scanned = jax.lax.scan(lambda carry, at: (carry, one(*at)), None, (keys, stats))  # one at a time
    chex.assert_trees_all_close(found, scanned, rtol=2e-5, atol=1e-6)


@every_family
def test_a_batch_of_events_is_refused(factory):
    family = factory()
    stats, params = stats_of(family, (3,)), family.init(KEY, (3, *family.unit_shape))
    with pytest.raises(jaxtyping.TypeCheckError, match="event"):
        family.log_prob(params, stats, jnp.zeros((7, 3, *family.unit_shape)))


def posterior_on(prior: Family) -> Family:
    """The first posterior, `normal` if it is one, on the space of a prior."""
    made = [vj.posteriors.normal(), *(param.values[0]() for param in factories(vj.posteriors))]
    return next(q for q in made if (q.support, q.unit_shape) == (prior.support, prior.unit_shape))


EXPORTED = [(vj.likelihoods.binomial, vj.priors.standard_normal), (vj.likelihoods.normal, vj.priors.mixture)]


@pytest.mark.parametrize(
    ("likelihood", "prior"),
    [
        pytest.param(*pair, marks=() if pair in EXPORTED else pytest.mark.long)
        for pair in [(p.values[0], vj.priors.standard_normal) for p in factories(vj.likelihoods)]
        + [(vj.likelihoods.normal, p.values[0]) for p in factories(vj.priors)]
    ],
)
def test_encode_sample_and_decode_survive_export_with_a_batch_of_any_size(likelihood, prior):
    nets = {"encoder": vj.nets.mlp(4), "decoder": vj.nets.mlp(4)}
    on_z, like = prior(), likelihood()
    model = vj.vae(**nets, data_shape=(3,), latent_size=2, posterior=posterior_on(on_z), prior=on_z, likelihood=like)
    params = vj.init(KEY, model, jnp.zeros((1, 3)))
    (b,) = export.symbolic_shape("b")
    x, z, keys = jnp.ones((5, 3)), jnp.ones((5, 2, *on_z.unit_shape)), jax.random.split(KEY, 5)

    platforms = ("cpu", "cuda", "tpu") if likelihood is vj.likelihoods.binomial else ("cpu",)

    def verbs(keys, x, z):
        def one(key, x, z):
            draw, new = vj.sample(key, model, params, x), vj.generate(key, model, params)
            return vj.encode(model, params, x), draw, new, vj.decode(model, params, z)

        return jax.vmap(one)(keys, x, z)

    shown = [jax.ShapeDtypeStruct((b, *a.shape[1:]), a.dtype) for a in (keys, x, z)]
    exported = export.export(jax.jit(lambda *a: jax.tree.leaves(verbs(*a))), platforms=platforms)(*shown)
    found = export.deserialize(exported.serialize()).call(keys, x, z)
    chex.assert_trees_all_close(found, jax.tree.leaves(jax.jit(verbs)(keys, x, z)), rtol=1e-5, atol=1e-6)
    assert all(len(a) == 2 for a in export.deserialize(exported.serialize()).call(keys[:2], x[:2], z[:2]))
