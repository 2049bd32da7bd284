"""Other people's networks: each in a masked grid is what it is alone, and dropout is in training only."""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from flax import nnx

import vaejax as vj
from vaejax import data, store
from vaejax.errors import NetworkError, VaejaxError
from vaejax.grid._axes import grid_of
from vaejax.grid._program import programs_of
from vaejax.model import compacted
from vaejax.nets._dropout import dropout
from vaejax.nets._named import leaves_of

KEY = jax.random.key(0)
SHAPE = (3, 2)
TINY = data.arrays(np.random.default_rng(0).integers(0, 5, (40, *SHAPE)).astype(np.uint8), levels=5)
HIDDEN, RATE = 6, 0.3


def real():
    return jnp.zeros(()).dtype


class LinenNet(nn.Module):
    """Flat output: the stats of a latent are neighbours."""

    num_outputs: int

    @nn.compact
    def __call__(self, x, deterministic):
        h = nn.gelu(nn.Dense(HIDDEN, param_dtype=real())(x.ravel()))
        h = nn.Dropout(RATE)(h, deterministic=deterministic)
        return nn.Dense(self.num_outputs, param_dtype=real())(h)


class NnxNet(nnx.Module):
    """A head for each stat, and layers in a list."""

    def __init__(self, rngs, shape, x):
        num_stats, *event = shape
        self.event = tuple(event)
        self.hidden = nnx.List([nnx.Linear(x.size, HIDDEN, rngs=rngs, param_dtype=real())])
        self.drop = nnx.Dropout(RATE, rngs=rngs)
        heads = [nnx.Linear(HIDDEN, math.prod(event), rngs=rngs, param_dtype=real()) for _ in range(num_stats)]
        self.heads = nnx.List(heads)

    def __call__(self, x):
        h = self.drop(nnx.gelu(self.hidden[0](x.ravel())))
        return tuple(head(h).reshape(self.event) for head in self.heads)


class EquinoxNet(eqx.Module):
    layers: list
    drop: eqx.nn.Dropout

    def __init__(self, key, shape, x):
        keys = jax.random.split(key)
        sizes = (x.size, HIDDEN), (HIDDEN, math.prod(shape))
        self.layers = [eqx.nn.Linear(*size, key=key) for size, key in zip(sizes, keys, strict=True)]
        self.drop = eqx.nn.Dropout(RATE)

    def __call__(self, x, key=None):
        return self.layers[1](self.drop(jax.nn.gelu(self.layers[0](jnp.ravel(x))), key=key))


def plain_init(key, shape, x):
    sizes = (x.size, HIDDEN), (HIDDEN, math.prod(shape))
    draws = [jax.random.normal(k, s, real()) for k, s in zip(jax.random.split(key), sizes, strict=True)]
    return {"w": [draw / np.sqrt(len(draw)) for draw in draws], "b": jnp.zeros(HIDDEN, real())}


def plain_apply(params, x, key):
    h = jax.nn.gelu(jnp.ravel(x) @ params["w"][0] + params["b"])
    return dropout(RATE, key)(0, h) @ params["w"][1]


def linen(**laws):
    return vj.nets.from_linen(lambda shape: LinenNet(math.prod(shape)), **laws)


nnx_net = functools.partial(vj.nets.from_nnx, NnxNet)
equinox = functools.partial(vj.nets.from_equinox, EquinoxNet)
plain = functools.partial(vj.nets.from_functions, plain_init, plain_apply)
lecun, linear, gaussian = vj.nets.glorot_normal(), vj.nets.fan_in_uniform(), vj.nets.he_uniform()

ADAPTERS = {  # the adapter, and the laws of the encoder's last layer and of the decoder's first
    "linen": (linen, {"Dense_1/kernel": lecun}, {"Dense_0/kernel": lecun}),
    "nnx": (nnx_net, {"heads/0/kernel": lecun, "heads/1/kernel": lecun}, {"hidden/0/kernel": lecun}),
    "equinox": (
        equinox,
        {"layers/1/weight": linear, "layers/1/bias": linear},
        {"layers/0/weight": linear, "layers/0/bias": linear},
    ),
    "functions": (plain, {"w/1": gaussian}, {"w/0": gaussian}),
}
EACH = pytest.mark.parametrize("name", ADAPTERS)
LONG_BUT_ONE = pytest.mark.parametrize(
    "name", ["linen", *(pytest.param(n, marks=pytest.mark.long) for n in ADAPTERS if n != "linen")]
)


@functools.cache
def nets_of(name, said):
    adapter, writes, reads = ADAPTERS[name]
    return (adapter(writes_latents=writes), adapter(reads_latents=reads)) if said else (adapter(), adapter())


def model_of(name, latent_size, max_latent_size=None, *, said=True):
    return vj.vae(
        *nets_of(name, said),
        data_shape=SHAPE,
        latent_size=latent_size,
        max_latent_size=max_latent_size,
        likelihood=vj.likelihoods.binomial(5),
    )


def member_of(name, max_latent_size=None, **options):
    def member(beta, latent_size):
        model = model_of(name, latent_size, max_latent_size, **options)
        return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-2))

    return member


def assert_close(found, expected, tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance), found, expected)


RUN = {"epochs": 2, "batch_size": 8, "num_samples": 4}


def assert_member_is_alone(name, **options):
    """A member of 2 of 3 latents, beside one of 3, has the numbers and the parameters it has by itself."""
    grid = vj.sweep(member_of(name, 3, **options), TINY, beta=[0.5, 2.0], latent_size=[2, 3], **RUN)
    alone, table = vj.fit(member_of(name, **options)(2.0, 2), TINY, **RUN)
    assert_close(vj.extract(grid, beta=2.0, latent_size=2).params, alone.params, 1e-8)
    for measure in ("elbo", "rate", "log_likelihood", "elbo_train", "num_params", "history_value"):
        row = grid.dataset[measure].sel(beta=2.0, latent_size=2).values
        np.testing.assert_allclose(row, table.dataset[measure].values, rtol=1e-8, err_msg=measure)
    return grid


@pytest.mark.long
@EACH
def test_a_member_of_a_masked_grid_is_the_network_trained_alone(name, float64):
    assert assert_member_is_alone(name).dataset.attrs["num_programs"] == 1


@pytest.mark.long
def test_with_nothing_said_a_member_is_the_network_trained_alone_too(float64):
    assert assert_member_is_alone("linen", said=False).dataset.attrs["num_programs"] == 2


@LONG_BUT_ONE
def test_one_program_where_the_law_is_said_and_else_one_for_each_size(name):
    grid, batch = grid_of((), beta=[0.5, 2.0], latent_size=[1, 2, 3], seed=[0]), vj.Example(jnp.zeros((2, *SHAPE)))
    assert len(programs_of(member_of(name, 3), grid, batch)) == 1
    assert [list(p.numbers) for p in programs_of(member_of(name, 3, said=False), grid, batch)] == [["beta"]] * 3


@EACH
def test_a_masked_network_starts_as_the_smaller_one(name):
    x = jnp.zeros((1, *SHAPE))
    wide, small = model_of(name, 2, 5), model_of(name, 2)
    params, narrow = vj.init(KEY, wide, x), vj.init(KEY, small, x)
    assert_close(compacted(wide, params)[1], narrow, 1e-6)
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        inside = np.array(leaf)
        inside[tuple(slice(n) for n in _at(narrow, path).shape)] = 0
        assert not inside.any(), jax.tree_util.keystr(path)


@EACH
def test_leaves_that_are_drawn_by_a_law_differ_with_the_key_and_from_each_other(name):
    _, writes, _ = ADAPTERS[name]
    inputs, outputs = (jnp.ones(SHAPE), None), jnp.ones((2, 3))
    net = nets_of(name, said=True)[0]((2, 3))
    one, other = (dict(leaves_of(net.init(jax.random.key(seed), inputs, outputs))) for seed in (0, 1))
    for path in writes:
        assert np.abs(one[path] - other[path]).min() > 0
    if name == "nnx":
        assert np.abs(one["heads/0/kernel"] - one["heads/1/kernel"]).min() > 0


def _at(tree, path):
    return functools.reduce(lambda node, step: node[step.key], path, tree)


@EACH
def test_parameters_are_nested_dicts_that_can_be_kept(name, tmp_path):
    model = model_of(name, 2)
    params = vj.init(KEY, model, jnp.zeros((1, *SHAPE)))

    def assert_plain(node):
        if isinstance(node, dict):
            assert all(isinstance(key, str) for key in node)
            jax.tree.map(assert_plain, list(node.values()), is_leaf=lambda child: isinstance(child, dict))
        else:
            assert isinstance(node, jax.Array)

    assert_plain({side: params[side] for side in ("encoder", "decoder")})
    store.save(tmp_path / "params", params)
    assert_close(store.load(tmp_path / "params", jax.eval_shape(lambda: params)), params, 0)


@EACH
def test_jit_vmap_and_grad_go_through_and_dropout_needs_a_key(name):
    model = model_of(name, 2)
    params = vj.init(KEY, model, jnp.zeros((1, *SHAPE)))
    x = jnp.full(SHAPE, 0.5)

    @jax.jit
    def means(params, keys):
        return jax.vmap(lambda key: model.encode(params, vj.Example(x, key=key)))(keys)

    drawn = means(params, jax.random.split(KEY, 30))
    assert len(np.unique(np.asarray(drawn)[:, 0].round(5))) > 5
    np.testing.assert_array_equal(drawn, means(params, jax.random.split(KEY, 30)))
    bare = vj.encode(model, params, x)
    np.testing.assert_array_equal(bare, vj.encode(model, params, x))
    np.testing.assert_allclose(bare, jax.vmap(lambda x: vj.encode(model, params, x))(x[None])[0], rtol=1e-5)
    slopes = jax.jit(jax.grad(lambda p: jnp.sum(model.encode(p, vj.Example(x, key=KEY)))))(params)
    assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(slopes["encoder"])) > 0


@EACH
def test_foreign_dropout_drops_the_rate_it_was_given(name):
    """The hidden layer is all ones and so is the last matrix: the output counts what was kept."""
    adapter, _, _ = ADAPTERS[name]
    net = adapter()((1, 1))
    params = jax.tree.map(jnp.zeros_like, net.init(KEY, (None, jnp.ones(2)), jnp.ones((1, 1))))
    last = {"linen": "Dense_1", "nnx": "heads", "equinox": "layers", "functions": "w"}[name]
    params[last] = jax.tree.map(lambda a: a + 1.0 if a.size == HIDDEN and a.ndim == 2 else a, params[last])
    first = {"linen": "Dense_0", "nnx": "hidden", "equinox": "layers", "functions": "b"}[name]
    params[first] = jax.tree.map(lambda a: a + 20.0 if a.shape == (HIDDEN,) else a, params[first])  # gelu(20) is 20
    kept = jax.jit(jax.vmap(lambda key: net.apply(params, (None, jnp.ones(2)), key)[0, 0]))
    counts = np.asarray(kept(jax.random.split(KEY, 400))) * (1 - RATE) / 20
    np.testing.assert_allclose(counts, counts.round(), atol=1e-4)
    assert counts.mean() == pytest.approx(HIDDEN * (1 - RATE), abs=0.2)
    assert net.apply(params, (None, jnp.ones(2)), None)[0, 0] == pytest.approx(20 * HIDDEN)


# what is said about latents, and what is not


def test_laws_have_the_scale_of_the_initialisers_they_are_named_after():
    names = ("lecun_normal", "lecun_uniform", "he_normal", "he_uniform", "glorot_normal", "glorot_uniform")
    for name in names:
        theirs = getattr(jax.nn.initializers, name)()(KEY, (300, 200))
        law = getattr(vj.nets, name)()
        ours = law.draw(KEY, (300, 200), real()) * law.std(300, 200)
        for summary in (np.std, np.min, np.max):
            np.testing.assert_allclose(summary(ours), summary(theirs), rtol=0.01, err_msg=name)
    law, theirs = vj.nets.fan_in_uniform(), eqx.nn.Linear(300, 200, key=KEY).weight
    ours = law.draw(KEY, (200, 300), real()) * law.std(300, 200)
    for summary in (np.std, np.min, np.max):
        np.testing.assert_allclose(summary(ours), summary(theirs), rtol=0.01)


def test_fans_count_the_latents_in_use():
    """Weights of a law that is its own fans: 2 of 5 latents, HIDDEN units, two stats of a latent in a flat output."""
    for of, expected in (("in", (2, HIDDEN)), ("out", (HIDDEN, 4))):
        fans = [vj.nets.Law(lambda *_: jnp.ones(_[1]), lambda i, o, at=at: (i, o)[at]) for at in (0, 1)]
        for law, fan in zip(fans, expected, strict=True):
            if of == "in":
                net = linen(reads_latents={"Dense_0/kernel": law})((1, 4))
                params = net.init(KEY, (None, jnp.array([1.0, 1, 0, 0, 0])), jnp.ones((1, 4)))
                kernel = params["Dense_0"]["kernel"]
                np.testing.assert_allclose(kernel, np.repeat([[fan] * HIDDEN, [0] * HIDDEN], [2, 3], axis=0))
            else:
                net = linen(writes_latents={"Dense_1/kernel": law})((2, 5))
                active = jnp.tile(jnp.array([1.0, 1, 0, 0, 0]), (2, 1))
                kernel = net.init(KEY, (jnp.ones(4), None), active)["Dense_1"]["kernel"]
                np.testing.assert_allclose(kernel, np.tile(np.repeat([fan, 0], [4, 6]), (HIDDEN, 1)))


def test_a_flat_output_has_the_stats_of_a_latent_side_by_side():
    net = vj.nets.from_functions(lambda key, shape, x: {}, lambda params, x: x)((2, 3))
    np.testing.assert_array_equal(net.apply({}, (jnp.arange(6.0), None), None), [[0, 2, 4], [1, 3, 5]])
    heads = vj.nets.from_functions(lambda key, shape, x: {}, lambda params, x: (x, -x))((2, 3))
    np.testing.assert_array_equal(heads.apply({}, (jnp.arange(3.0), None), None), [[0, 1, 2], [0, -1, -2]])


def read_joined(order):
    """A decoder of context and z that joins them in one order or the other."""

    def init(key, shape, context, z):
        return {"w": jax.random.normal(key, (len(z) + len(context), math.prod(shape)))}

    def apply(params, context, z):
        return jnp.concatenate(order(context, z)) @ params["w"]

    return vj.nets.from_functions(init, apply, reads_latents={"w": lecun})((1, 4))


def test_context_comes_before_the_latents_or_is_refused():
    inputs, outputs = (jnp.ones(3), jnp.array([1.0, 1.0, 0.0])), jnp.ones((1, 4))
    kernel = read_joined(lambda context, z: (context, z)).init(KEY, inputs, outputs)["w"]
    np.testing.assert_array_equal(np.any(kernel != 0, axis=1), [True] * 5 + [False])
    with pytest.raises(VaejaxError, match="the context comes before the latents"):
        read_joined(lambda context, z: (z, context)).init(KEY, inputs, outputs)


def test_a_network_that_looks_at_latents_elsewhere_is_refused():
    def apply(params, z):
        return (z - z.mean()) @ params["w"]

    net = vj.nets.from_functions(
        lambda key, shape, z: {"w": jnp.zeros((len(z), 4))}, apply, reads_latents={"w": lecun}
    )((1, 4))
    with pytest.raises(VaejaxError, match="does not compute what the smaller one computes"):
        net.init(KEY, (None, jnp.ones(3)), jnp.ones((1, 4)))


@pytest.mark.parametrize(
    ("builder", "words"),
    [
        (lambda: linen(reads_latents={}), r"Dense_0/kernel \(2, 6\); say their law in reads_latents"),
        (
            lambda: equinox(reads_latents={"layers/0/weight": linear}),
            r"start differently.*: layers/0/bias \(6,\); say their law",
        ),
        (
            lambda: linen(reads_latents={"Dense_7/kernel": lecun}),
            r"expected the name of a leaf, got 'Dense_7/kernel'; there are Dense_0/bias \(6,\), Dense_0/kernel",
        ),
        (lambda: linen(reads_latents={"Dense_1/kernel": lecun}), "expected a leaf with one axis of latents"),
        (lambda: equinox(reads_latents={"layers/0/bias": linear}), "name the matrix of its layer too"),
    ],
)
def test_what_is_said_wrongly_is_one_clear_error(builder, words):
    with pytest.raises(VaejaxError, match=words):
        jax.jit(lambda z: builder()((1, 4)).init(KEY, (None, z), jnp.ones((1, 4))))(jnp.ones(3))


def test_a_network_reads_latents_or_writes_them():
    with pytest.raises(VaejaxError, match="reads_latents or writes_latents"):
        linen(reads_latents={}, writes_latents={})


def test_a_size_that_is_mapped_says_what_is_missing_and_a_number_gives_the_smaller_model():
    with pytest.raises(jax.errors.ConcretizationTypeError, match=r"The encoder.* cannot be masked.*writes_latents"):
        jax.vmap(lambda size: vj.init(KEY, model_of("linen", size, 3, said=False), jnp.zeros((1, *SHAPE))))(
            jnp.array([1, 2])
        )
    model = model_of("linen", 2, 3, said=False)
    assert vj.encode(model, vj.init(KEY, model, jnp.zeros((1, *SHAPE))), jnp.zeros(SHAPE)).shape == (2,)
    with pytest.raises(VaejaxError, match="at most max_latent_size=3"):
        model_of("linen", 4, 3, said=False)


# what is refused


class LinenNorm(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.BatchNorm(use_running_average=True)(x)


class NnxNorm(nnx.Module):
    def __init__(self, rngs, shape, x):
        self.norm = nnx.BatchNorm(4, rngs=rngs)

    def __call__(self, x):
        return self.norm(x)


def equinox_norm(key, shape, x):
    return eqx.nn.BatchNorm(4, "batch", mode="ema")


@pytest.mark.parametrize(
    ("net", "kept"),
    [
        (vj.nets.from_linen(lambda shape: LinenNorm()), "batch_stats"),
        (vj.nets.from_nnx(NnxNorm), "BatchStat"),
        (vj.nets.from_equinox(equinox_norm), "equinox.nn.State"),
        (vj.nets.from_equinox(lambda *a: eqx.nn.make_with_state(equinox_norm)(*a)), "equinox.nn.State"),
    ],
)
def test_running_statistics_are_refused(net, kept):
    with pytest.raises(NetworkError, match=f"keeps.*{kept}.*GroupNorm or LayerNorm"):
        net((1, 4)).init(KEY, (None, jnp.ones(4)), jnp.ones((1, 4)))


@EACH
def test_another_output_is_refused_with_the_shape_that_is_needed(name):
    _, writes, _ = ADAPTERS[name]
    narrow = {
        "linen": lambda **laws: vj.nets.from_linen(lambda shape: LinenNet(5), **laws),
        "nnx": lambda **laws: vj.nets.from_nnx(lambda rngs, shape, x: NnxNet(rngs, (2, 1), x), **laws),
        "equinox": lambda **laws: vj.nets.from_equinox(lambda key, shape, x: EquinoxNet(key, (5,), x), **laws),
        "functions": lambda **laws: vj.nets.from_functions(lambda k, s, x: plain_init(k, (5,), x), plain_apply, **laws),
    }[name]
    for laws in ({}, {"writes_latents": writes}):
        model = vj.vae(narrow(**laws), vj.nets.mlp(), data_shape=SHAPE, latent_size=3)
        with pytest.raises(NetworkError, match=r"must give an array of shape \(2, 3\).*it gives"):
            vj.init(KEY, model, jnp.zeros((1, *SHAPE)))


@pytest.mark.parametrize("adapter", [vj.nets.from_linen, vj.nets.from_nnx, vj.nets.from_equinox])
def test_what_is_no_module_is_refused(adapter):
    with pytest.raises(NetworkError, match=r"expected an? .* module"):
        adapter(lambda *_: "dense")((1, 4)).init(KEY, (None, jnp.ones(2)), jnp.ones((1, 4)))


# dropout in our own networks, and the keys that switch it on


def stepped(objective, x, **batch):
    model = vj.vae(vj.nets.mlp(4, dropout=0.5), vj.nets.mlp(4), data_shape=(2,), latent_size=1)
    taught = vj.trainer(model, objective, optax.sgd(0.1))
    state = taught.init(KEY, vj.Example(x))
    for index in range(2):
        state, bound = taught.step(jax.random.fold_in(KEY, index), state, vj.Example(x, **batch))
    return state, bound


def listening(heard):
    """An objective that writes down the keys of the examples it is given."""
    elbo = vj.objectives.elbo()

    def evaluate(key, model, params, batch):
        draws = jax.random.split(key, 3)
        several = jax.vmap(lambda key: jax.random.split(key, 3))(draws).reshape(-1)
        heard.append(np.concatenate([jax.random.key_data(keys) for keys in (batch.key, draws, several)]))
        return elbo.evaluate(key, model, params, batch)

    return elbo._replace(evaluate=evaluate)


def test_a_step_gives_every_example_a_key_of_its_own_and_keeps_those_that_were_brought():
    heard = []
    stepped(listening(heard), jnp.ones((3, 2)))
    assert len(np.unique(np.concatenate(heard), axis=0)) == 30  # nor are they keys of draws of z, one or several
    mine, heard = jax.random.split(jax.random.key(9), 3), []
    stepped(listening(heard), jnp.ones((3, 2)), key=mine)
    np.testing.assert_array_equal(heard[0][:3], jax.random.key_data(mine))


def test_the_keys_of_a_step_change_no_number_of_a_network_without_dropout():
    model = vj.vae(vj.nets.mlp(4), vj.nets.mlp(4), data_shape=(2,), latent_size=1)
    objective, batch = vj.objectives.elbo(), vj.Example(jnp.ones((3, 2)))
    taught = vj.trainer(model, objective, optax.sgd(0.1))
    state = taught.init(KEY, batch)
    found = taught.step(KEY, state, batch)[1]
    assert_close(found, objective.evaluate(KEY, model, state.params, batch), 0)


DROPPING = {  # a builder, an input and the shape of the output
    "mlp": (functools.partial(vj.nets.mlp, 40), jnp.ones(3), (2, 2)),
    "gated_mlp": (functools.partial(vj.nets.gated_mlp, 40), jnp.ones(3), (2, 2)),
    "conv": (functools.partial(vj.nets.conv, 8), (jnp.ones((4, 4)), None), (2, 2)),
    "deconv": (functools.partial(vj.nets.deconv, 8, 4), (None, jnp.ones(3)), (1, 4, 4)),
}


@pytest.mark.parametrize("name", DROPPING)
def test_dropout_is_of_hidden_units_with_a_key_only(name):
    """The last layer is linear and sees layers that keep their mean where nothing but it comes after them."""
    builder, inputs, shape = DROPPING[name]
    bare, dropped = builder()(shape), builder(dropout=0.25)(shape)
    params = bare.init(KEY, inputs, jnp.ones(shape))
    np.testing.assert_array_equal(dropped.apply(params, inputs, None), bare.apply(params, inputs, None))
    np.testing.assert_array_equal(
        builder(dropout=0.0)(shape).apply(params, inputs, KEY), bare.apply(params, inputs, KEY)
    )

    def outputs(rate):
        keys = jax.random.split(KEY, 2000)
        return jax.vmap(lambda key: builder(dropout=rate)(shape).apply(params, inputs, key))(keys)

    found = outputs(0.25)
    assert len(np.unique(np.asarray(found).reshape(2000, -1)[:, 0])) > 500
    np.testing.assert_allclose(jax.jit(outputs)(0.25), found, rtol=1e-4, atol=1e-5)
    if name != "deconv":  # where a layer with an activation follows, the mean moves
        spread = np.std(found, axis=0) / np.sqrt(2000)
        assert np.all(np.abs(np.mean(found, axis=0) - bare.apply(params, inputs, None)) < 5 * spread)


@pytest.mark.parametrize(("name", "num_layers"), [("conv", 3), ("deconv", 3)])
def test_every_hidden_layer_of_a_convolutional_network_drops_by_draws_of_its_own(name, num_layers, monkeypatch):
    heard = []
    monkeypatch.setattr("vaejax.nets._conv.dropping", lambda rate, key: lambda layer, h: heard.append(layer) or h)
    _, inputs, shape = DROPPING[name]
    net = {"conv": vj.nets.conv(4, 8, hidden=(5,)), "deconv": vj.nets.deconv(8, 4, hidden=(5,))}[name](shape)
    net.apply(net.init(KEY, inputs, jnp.ones(shape)), inputs, KEY)
    assert sorted(set(heard)) == list(range(num_layers)), heard


def test_dropout_keeps_the_share_it_is_told_and_differs_between_layers():
    drop, ones = dropout(0.25, KEY), jnp.ones(10_000)
    assert float(jnp.mean(drop(0, ones) > 0)) == pytest.approx(0.75, abs=0.02)
    np.testing.assert_allclose(np.unique(drop(0, ones)), [0, 4 / 3], rtol=1e-6)
    assert float(jnp.mean(drop(0, ones) == drop(1, ones))) == pytest.approx(0.75**2 + 0.25**2, abs=0.02)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan"), "half"])
def test_a_rate_is_from_zero_to_below_one(rate):
    for net in (vj.nets.mlp, vj.nets.gated_mlp, vj.nets.conv, vj.nets.deconv):
        with pytest.raises(VaejaxError, match="dropout must be"):
            net(4, dropout=rate)


@pytest.mark.long
def test_dropout_is_an_axis_of_one_program_and_is_in_training_only():
    """At a learning rate of zero all that dropout can change is what was trained on."""

    def member(dropout):
        nets = vj.nets.mlp(6, dropout=dropout), vj.nets.mlp(6, dropout=dropout)
        model = vj.vae(*nets, data_shape=SHAPE, latent_size=2, likelihood=vj.likelihoods.binomial(5))
        return vj.trainer(model, vj.objectives.elbo(), optax.sgd(0.0))

    table = vj.sweep(member, TINY, dropout=[0.0, 0.5, 0.9], **RUN).dataset
    assert table.attrs["num_programs"] == 1
    assert len(np.unique(table.history_value.isel(epoch=0))) == 3
    for measure in ("elbo", "log_likelihood", "elbo_train", "history_validation"):
        np.testing.assert_array_equal(table[measure], table[measure].isel(dropout=[0, 0, 0]))
