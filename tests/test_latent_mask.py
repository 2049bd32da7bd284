"""The promise of the house: a model of 2 latents out of 5 is the model of 2 latents, from its first weight on."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax import metrics
from vaejax.errors import VaejaxError
from vaejax.families import factorised
from vaejax.model import compacted

SHAPE, BATCH, STEPS = (2, 3), 8, 20
INIT, TRAIN = jax.random.key(3), jax.random.key(4)

PRIORS = {
    "standard_normal": vj.priors.standard_normal(),
    "mixture": vj.priors.mixture(3),
    "coupling_flow": vj.priors.coupling_flow(2, 4, 4),
}
OBJECTIVES = {"elbo": vj.objectives.elbo(2.0), "iwae": vj.objectives.iwae(3)}
OPTIMIZERS = {
    "adam": optax.adam(1e-2),
    "adamw": optax.adamw(1e-2, weight_decay=0.1),
    "clipped": optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(0.1)),
}
LIKELIHOODS = {
    "bernoulli": vj.likelihoods.bernoulli(),
    "learned_normal": vj.likelihoods.learned_normal(),
    "binomial": vj.likelihoods.binomial(5),
    "discretized_logistic": vj.likelihoods.discretized_logistic(5),
}
NETS = {
    "linear": vj.nets.mlp(),
    "mlp": vj.nets.mlp(6),
    "deep": vj.nets.mlp(6, 4, activation=jnp.tanh),
    "gated": vj.nets.gated_mlp(5),
}


def made(size, widest=None, *, prior="standard_normal", likelihood="learned_normal", net="mlp"):
    return vj.vae(
        NETS[net],
        NETS[net],
        data_shape=SHAPE,
        latent_size=size,
        max_latent_size=widest,
        prior=PRIORS[prior],
        likelihood=LIKELIHOODS[likelihood],
    )


def batches(likelihood="learned_normal"):
    """Twenty batches on the levels that every likelihood here knows, and weights, some of them zero."""
    rng = np.random.default_rng(0)
    levels = LIKELIHOODS[likelihood].support.levels or 5
    x = rng.integers(0, levels, (STEPS, BATCH, *SHAPE)) / (levels - 1)
    weight = rng.choice([0.0, 1.0, 2.0], (STEPS, BATCH))
    weight[:, 0] = 1.0
    return vj.Example(jnp.asarray(x, float), weight=jnp.asarray(weight, float))


def trained(model, objective, optimizer, data):
    """The parameters at the start, and after every step of it the bound and at last the parameters."""
    taught = vj.trainer(model, OBJECTIVES[objective], OPTIMIZERS[optimizer])
    start = taught.init(INIT, jax.tree.map(lambda a: a[0], data))

    def step(state, at):
        index, batch = at
        return taught.step(jax.random.fold_in(TRAIN, index), state, batch)

    end, bounds = jax.lax.scan(step, start, (jnp.arange(STEPS), data))
    return start.params, end.params, bounds


@functools.partial(jax.jit, static_argnames=("widest", "objective", "optimizer", "prior", "likelihood", "net"))
def trained_members(sizes, data, *, widest, objective, optimizer, **parts):
    return jax.vmap(lambda size: trained(made(size, widest, **parts), objective, optimizer, data))(sizes)


@functools.partial(jax.jit, static_argnames=("size", "widest", "objective", "optimizer", "prior", "likelihood", "net"))
def trained_alone(data, *, size, widest=None, objective, optimizer, **parts):
    return trained(made(size, widest, **parts), objective, optimizer, data)


def assert_same(wide, narrow, size, **tolerance):
    """Equal on the prefix; what is beyond it was never touched."""

    def compare(path, wide, narrow):
        inside = tuple(slice(n) for n in narrow.shape)
        np.testing.assert_allclose(wide[inside], narrow, err_msg=jax.tree_util.keystr(path), **tolerance)
        outside = np.array(wide)
        outside[inside] = 0
        assert not outside.any(), jax.tree_util.keystr(path)

    jax.tree_util.tree_map_with_path(compare, wide, narrow)


def assert_same_training(wide, narrow, size, **tolerance):
    (start, end, bounds), (narrow_start, narrow_end, narrow_bounds) = wide, narrow
    assert_same(start, narrow_start, size, rtol=1e-12, atol=1e-15)
    assert_same(end, narrow_end, size, **tolerance)
    for found, expected in zip(bounds, narrow_bounds, strict=True):
        np.testing.assert_allclose(found, expected, **tolerance)
    moved = [np.abs(a - b).max() for a, b in zip(jax.tree.leaves(start), jax.tree.leaves(end), strict=True)]
    assert max(moved) > 1e-2


COVERING = [  # each pair of prior, objective and optimizer
    ("standard_normal", "elbo", "adam", "bernoulli", (2, 5)),
    ("mixture", "iwae", "adam", "learned_normal", (3, 7)),
    ("standard_normal", "iwae", "adamw", "discretized_logistic", (2, 5)),
    ("mixture", "elbo", "adamw", "bernoulli", (3, 7)),
    ("standard_normal", "elbo", "clipped", "binomial", (3, 7)),
    ("mixture", "iwae", "clipped", "learned_normal", (2, 5)),
]
LATER = [  # every prior, objective and optimizer, with likelihoods and sizes in turn
    (*row, list(LIKELIHOODS)[at % len(LIKELIHOODS)], ((2, 5), (3, 7))[at % 2])
    for at, row in enumerate(itertools.product(PRIORS, OBJECTIVES, OPTIMIZERS))
]
ALL = [
    pytest.param(*row, id="-".join(map(str, row)), marks=() if row in COVERING else pytest.mark.long)
    for row in dict.fromkeys([*COVERING, *LATER])
]


@pytest.mark.parametrize(("prior", "objective", "optimizer", "likelihood", "sizes"), ALL)
def test_a_masked_model_trains_as_the_smaller_one(prior, objective, optimizer, likelihood, sizes, float64):
    size, widest = sizes
    parts = {"prior": prior, "likelihood": likelihood, "net": "mlp", "objective": objective, "optimizer": optimizer}
    data = batches(likelihood)
    wide = trained_alone(data, size=size, widest=widest, **parts)
    narrow = trained_alone(data, size=size, **parts)
    assert_same_training(wide, narrow, size, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("net", ["linear", pytest.param("deep", marks=pytest.mark.long), "gated"])
def test_a_member_of_a_grid_is_the_model_alone_whoever_else_is_there(net, float64):
    """Sizes are traced; the company, its width and a member's place in it change nothing."""
    objective, prior = ("iwae", "mixture") if net == "deep" else ("elbo", "standard_normal")
    parts = {"prior": prior, "likelihood": "learned_normal", "net": net, "objective": objective, "optimizer": "adamw"}
    data = batches()
    members = trained_members(jnp.array([1, 2, 5, 3]), data, widest=5, **parts)
    others = [trained_members(jnp.array([7, 2]), data, widest=7, **parts)] if net == "deep" else []
    alone = trained_alone(data, size=2, **parts)
    for grid in (members, *others):
        member = jax.tree.map(lambda leaf: leaf[1], grid)
        assert_same_training(member, alone, 2, rtol=1e-8, atol=1e-8)
    assert abs(members[2].value[0] - members[2].value[1]).max() > 1e-3  # one latent is another model


def test_in_float32_they_agree_to_a_part_in_a_thousand():
    parts = {"prior": "mixture", "likelihood": "bernoulli", "net": "mlp", "objective": "elbo", "optimizer": "adam"}
    data = batches("bernoulli")
    member = jax.tree.map(lambda leaf: leaf[0], trained_members(jnp.array([2, 5]), data, widest=5, **parts))
    (start, end, bounds), alone = member, trained_alone(data, size=2, **parts)
    assert_same(start, alone[0], 2, rtol=1e-6, atol=1e-7)
    assert_same(end, alone[1], 2, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(bounds.value, alone[2].value, rtol=1e-4)


@pytest.mark.parametrize(
    "prior", [pytest.param(name, marks=pytest.mark.long if name == "coupling_flow" else ()) for name in PRIORS]
)
def test_every_verb_of_a_masked_model_agrees(prior, float64):
    model = made(2, 5, prior=prior)
    x = batches().x[0]
    params = jax.tree.map(lambda a: a + 0.1 * (a != 0), vj.init(INIT, model, x))
    params["prior"] = jax.tree.map(lambda a: a + 0.3, params["prior"])  # also where no latent is in use
    small, small_params = compacted(model, params)
    key = jax.random.key(9)

    @functools.partial(jax.jit, static_argnums=0)
    def verbs(masked):
        model_, params_ = (model, params) if masked else (small, small_params)
        z = vj.encode(model_, params_, x[0])
        draw = vj.sample(key, model_, params_, x[0])
        measured = metrics.importance(key, model_, params_, vj.Example(x[0]), 20)
        codes = jax.vmap(lambda x: vj.encode(model_, params_, x))(x)
        new = model_.sample_prior(key, params_, vj.Example(x[0]))
        latents = (z, draw.z, new)
        parts = [draw.log_q, draw.rate, model_.log_prior(params_, draw.z, vj.Example(x[0]))]
        rest = (
            jnp.stack([jnp.sum(part) for part in parts]),
            vj.decode(model_, params_, z),
            vj.reconstruct(model_, params_, x[0]),
            vj.generate(key, model_, params_),
            measured,
            metrics.active_units(codes, 1e-4),
            jnp.sum(model_.log_posterior(params_, draw.z, vj.Example(x[0]))),
        )
        return latents, rest

    (wide, wide_rest), (narrow, narrow_rest) = verbs(True), verbs(False)
    for a, b in zip(wide, narrow, strict=True):
        assert (a.shape, b.shape) == ((5,), (2,))
        np.testing.assert_allclose(a, np.pad(b, (0, 3)), rtol=1e-10, atol=1e-12)
    for a, b in zip(jax.tree.leaves(wide_rest), jax.tree.leaves(narrow_rest), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    assert narrow_rest[5] == 2


def test_the_rate_of_an_unused_latent_is_exactly_zero_and_it_has_no_gradient(float64):
    model = made(2, 5)
    x = batches().x[0]
    params = jax.tree.map(lambda a: a + 0.1, vj.init(INIT, model, x))  # weights stand everywhere

    def value(params):
        return vj.objectives.elbo().evaluate(TRAIN, model, params, vj.Example(x)).value

    gradient = jax.jit(jax.grad(value))(params)
    assert np.all(vj.sample(TRAIN, model, params, x[0]).rate[2:] == 0)
    assert np.all(gradient["encoder"]["output"]["kernel"][:, :, 2:] == 0)
    assert np.all(gradient["encoder"]["output"]["bias"][:, 2:] == 0)
    assert np.all(gradient["decoder"]["hidden_0"]["kernel"][2:] == 0)
    assert np.all(gradient["decoder"]["hidden_0"]["kernel"][:2] != 0)
    z = jnp.array([0.3, -0.2, 0.0, 0.0, 0.0])  # what stands on an unused latent is not looked at
    np.testing.assert_array_equal(vj.decode(model, params, z.at[2:].set(7.0)), vj.decode(model, params, z))


def test_what_does_not_factorise_is_refused_by_its_shape():
    normal = vj.priors.standard_normal()
    joint = factorised(
        "joint", 0, lambda *a: normal.sample(*a)[0], lambda *a: jnp.sum(normal.log_prob(*a))[None], normal.mean
    )
    parts = {"data_shape": SHAPE, "latent_size": 2, "prior": joint}
    x, key = jnp.zeros((1, *SHAPE)), jax.random.key(0)
    alone = vj.vae(vj.nets.mlp(), vj.nets.mlp(), **parts)
    assert vj.terms(key, alone, vj.init(key, alone, x), x[0]).rate.shape == ()
    masked = vj.vae(vj.nets.mlp(), vj.nets.mlp(), max_latent_size=3, **parts)
    with pytest.raises(VaejaxError, match=r"expected one part for each of \(3,\) latents, got parts of shape \(1,\)"):
        vj.sample(key, masked, vj.init(key, masked, x), x[0])


def test_a_traced_size_cannot_be_compacted():
    with pytest.raises(jax.errors.ConcretizationTypeError):
        jax.jit(lambda size: made(size, 5).compact().data_shape)(2)
