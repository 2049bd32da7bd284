"""A decoder as a program: traced, folded and written, run by NumPy; equal to the library's, whatever it is made of."""

import inspect
import json

import equinox
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen, nnx
from jax import lax
from test_conv import CASES, OPERATIONS, drawn_cases
from test_recipes import CONTEXT, RECIPES, member_of

import vaejax as vj
from vaejax.report import live_of, live_or_reason
from vaejax.report.live._export import program_of
from vaejax.report.live._interpreter import run
from vaejax.report.live._tape import NotLive
from vaejax.report.live._weights import FEW, places_of, read, runs_of, stored
from vaejax.types import NetBuilder

KEY = jax.random.key(0)
Z = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
EXACT = 3e-6  # of the largest entry: programs of few weights have 22 bits of each
SHAPE = (6, 5)


def fresh(decoder, shape=SHAPE, context=None, **settings):
    """A model and parameters, none of them zero."""
    model = vj.vae(vj.nets.mlp(4), decoder, data_shape=shape, latent_size=3, **settings)
    batch = vj.Example(jnp.zeros((1, *shape)), jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], context))
    params = vj.init(KEY, model, batch)
    return model, jax.tree.map(lambda a: a + 0.05 * jnp.cos(jnp.arange(a.size, dtype=a.dtype)).reshape(a.shape), params)


def assert_equal(function, z=Z, close=EXACT):
    """By the library, and by the program."""
    program, weights = program_of(function, z[0])
    program = json.loads(json.dumps(program, allow_nan=False))
    expected = np.asarray(jax.jit(jax.vmap(function))(z)).reshape(len(z), -1)
    assert np.ptp(expected, axis=0).max() > 0  # z does something
    np.testing.assert_allclose(run(program, weights, z), expected, rtol=0, atol=close * np.abs(expected).max())
    return program


def decode_of(model, params, context=None):
    return lambda z: vj.decode(model, params, z, context)


# networks, likelihoods and recipes


class Up(linen.Module):
    """Transposed convolutions native to the platform, a convolution, and layers between them."""

    shape: tuple

    @linen.compact
    def __call__(self, z):
        h = linen.relu(linen.Dense(3 * 3 * 4)(z)).reshape(3, 3, 4)
        h = linen.LayerNorm()(linen.ConvTranspose(3, (3, 3), strides=(2, 2))(h))
        h = linen.Conv(self.shape[0], (3, 2), padding="VALID", strides=(1, 2))(linen.silu(h))
        return jnp.pad(jnp.moveaxis(h, -1, 0), ((0, 0), (1, 1), (0, 2)))


def equinox_up(key, shape, z):
    """Images with channels first."""
    one, two = jax.random.split(key)
    grow = equinox.nn.ConvTranspose2d(3, 4, (2, 1), (2, 1), key=one)
    shrink = equinox.nn.Conv2d(4, shape[0], 2, padding=((1, 1), (2, 1)), dilation=(2, 1), key=two)
    return equinox.nn.Sequential(
        [
            equinox.nn.Lambda(lambda z: z[:, None, None] * jnp.linspace(-1, 1, 9).reshape(1, 3, 3)),
            grow,
            equinox.nn.Lambda(jax.nn.elu),
            shrink,
        ]
    )


def rows_init(key, shape, z):
    return jax.random.normal(key, (len(z), *shape[1:]))


NETS = {
    "mlp": vj.nets.mlp(7, 8),
    "gated_mlp": vj.nets.gated_mlp(6),
    "deconv": vj.nets.deconv(4, 3, hidden=[6]),
    "library_sized": vj.nets.library_sized(vj.nets.mlp(6), size=lambda context: context["size"]),
    "viewed": vj.nets.viewed(vj.nets.mlp(6), lambda context, z: (context, jnp.sin(z))),
    "in_bfloat16": vj.nets.in_bfloat16(vj.nets.deconv(4, 3)),
    "rematerialised": vj.nets.rematerialised(vj.nets.mlp(6)),
    "from_functions": vj.nets.from_functions(rows_init, lambda w, z: jnp.einsum("l,lhw->hw", jnp.tanh(z), w)[None]),
    "from_linen": vj.nets.from_linen(Up),
    "from_equinox": vj.nets.from_equinox(equinox_up),
    "from_nnx": vj.nets.from_nnx(lambda rngs, shape, z: nnx.Linear(len(z), int(np.prod(shape)), rngs=rngs)),
}
ENCODERS = {"conv"}
CONTEXTS = {"library_sized": {"size": jnp.array(9.0)}, "gated_mlp": jnp.array([0.3, -1.0]), "viewed": jnp.array(2)}
LIKELIHOODS = {name: made for name, made in vars(vj.likelihoods).items() if inspect.isfunction(made)}


@pytest.mark.parametrize("name", NETS)
def test_a_network_is_equal_to_the_librarys(name):
    counts = {"likelihood": vj.likelihoods.poisson()} if name == "library_sized" else {}
    context = CONTEXTS.get(name)
    model, params = fresh(NETS[name], context=context, **counts)
    assert_equal(decode_of(model, params, context), close=0.02 if name == "in_bfloat16" else EXACT)


def test_every_network_is_looked_at():
    found = {name for name, made in vars(vj.nets).items() if inspect.isfunction(made)}
    found = {name for name in found if inspect.signature(getattr(vj.nets, name)).return_annotation is NetBuilder}
    assert found == set(NETS) | ENCODERS


NAMED = "relu gelu silu elu softplus leaky_relu celu selu hard_tanh log_sigmoid mish squareplus relu6 hard_swish"
ACTIVATIONS = {name: getattr(jax.nn, name) for name in NAMED.split()} | {
    "exact gelu": lambda h: jax.nn.gelu(h, approximate=False),
    "sin": jnp.sin,
}


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_an_activation_is_equal_to_the_librarys(activation):
    model, params = fresh(vj.nets.mlp(8, activation=activation))
    assert_equal(decode_of(model, params))


@pytest.mark.parametrize("decoder", ["mlp", "deconv"])
@pytest.mark.parametrize("name", LIKELIHOODS)
def test_the_mean_of_a_likelihood_is_equal_to_the_librarys(name, decoder):
    made = LIKELIHOODS[name]
    few = {"levels": 16} if "levels" in inspect.signature(made).parameters else {}  # so that weights are few
    model, params = fresh(NETS[decoder], shape=(4, 3, 2), likelihood=made(**few))
    assert_equal(decode_of(model, params), 2 * Z)


NO_WAY = {
    "bernoulli_vae": "it has discrete latents",
    "fsq": "it has discrete latents",
    "m2": "it has discrete latents",  # the class
    "categorical_vae": "its latents are arrays of (10,) numbers",
    "vq_vae": "its latents are arrays of (3,) numbers",
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_has_a_live_decoder_or_says_why_not(name):
    trainer, x = member_of(name)(2), np.full((8, 4), 0.3, np.float32)
    context = CONTEXT.get(name)
    context = None if context is None else jnp.asarray(context[2])
    batch = vj.Example(jnp.asarray(x), None if context is None else jnp.stack([context] * 8))
    params = jax.jit(trainer.model.init)(KEY, batch)
    live = live_or_reason(KEY, trainer.model, params, context)
    assert live == NO_WAY[name] if name in NO_WAY else live.tolerance < 1e-3


def test_a_masked_model_and_its_compact_self_draw_the_same():
    def member(latent_size):
        nets = vj.nets.mlp(8), vj.nets.mlp(8)
        model = vj.vae(*nets, data_shape=(4,), latent_size=latent_size, max_latent_size=6)
        return vj.trainer(model, vj.objectives.elbo(), optax.adam(1e-2))

    rows = np.random.default_rng(0).random((40, 4))
    result = vj.sweep(member, rows, latent_size=[3, 6], epochs=3, num_samples=4)
    small, params = vj.extract(result, latent_size=3)
    assert_equal(decode_of(small, params))
    masked = member(3).model
    wide = jax.tree.map(lambda leaf: leaf[0], result.params[0])
    assert_equal(decode_of(masked, wide), np.pad(Z, ((0, 0), (0, 3)), constant_values=7.0))  # 7 is not looked at
    assert live_of(KEY, small, params).program["latents"] == 3


# operations


def image(z):
    """`[4, 3]` of z, all entries different."""
    return jnp.sin(jnp.arange(1.0, 13.0).reshape(4, 3) * z[None])


FUNCTIONS = {
    "erf": lambda z: lax.erf(2 * z),
    "erfc": lambda z: lax.erfc(2 * z),
    "powers": lambda z: jnp.concatenate([z**7, 1 / (2 + z**2) ** 3, lax.integer_pow(z, -2), jnp.abs(z) ** 0.3]),
    "rounding": lambda z: jnp.concatenate([jnp.floor(z), jnp.ceil(z), jnp.sign(z), lax.rsqrt(1 + z**2), jnp.cos(z)]),
    "truth": lambda z: jnp.where((z > 0) & (z <= 1) | ~(z < 0.5) & (z != 0), z, -z) + (z >= 0.2) + jnp.isfinite(z),
    "to truth": lambda z: jnp.where(jnp.floor(z).astype(bool), z, 1.0) + (z == z[::-1]),
    "clamp": lambda z: lax.clamp(-0.5, z, 0.4) + jnp.clip(z, -1.0, 2.0) + jnp.minimum(z, 0.1),
    "reductions": lambda z: jnp.concatenate([image(z).sum(0), image(z).max(1), image(z).min(0), image(z).mean()[None]]),
    "softmax": lambda z: jax.nn.softmax(5 * image(z), axis=0) + jax.nn.log_softmax(image(z)).T.reshape(4, 3),
    "scatter": lambda z: image(z).at[2].set(z * 2).at[0, 1].set(7.0),
    "gather": lambda z: image(z)[jnp.array([3, 0, 3]), jnp.array([2, 1, 0])],
    "slices": lambda z: jnp.append(image(z)[::2, ::-1].ravel(), jnp.roll(z, 1)),
    "a part": lambda z: lax.dynamic_slice(image(z), (1, 1), (2, 2)),
    "update": lambda z: lax.dynamic_update_slice(image(z), z[None] + 1, (1, 0)),
    "pad": lambda z: lax.pad(image(z), 0.5, ((1, -1, 0), (0, 2, 1))),
    "split": lambda z: sum(jnp.split(image(z), 2)) * jnp.tile(z, (2, 1)),
    "joined": lambda z: jnp.concatenate([jnp.arange(4.0)[:, None], image(z), jnp.ones((4, 1))], 1),
    "known choice": lambda z: jnp.where(jnp.arange(3) % 2 == 0, z, jnp.arange(3.0)),
    "products": lambda z: jnp.einsum("ij,kj,jl->kil", image(z), image(z + 1), jnp.cos(jnp.arange(6.0)).reshape(3, 2)),
    "a batch of products": lambda z: lax.batch_matmul(image(z).reshape(2, 2, 3), image(z)[::-1].reshape(2, 3, 2)),
    "known from the left": lambda z: jnp.cos(jnp.arange(20.0)).reshape(5, 4) @ image(z),
    "known and turned": lambda z: jnp.einsum("ij,ik->jk", jnp.cos(jnp.arange(20.0)).reshape(4, 5), image(z)),
    "a call": jax.jit(lambda z: jax.checkpoint(lambda z: jax.nn.relu(z) * 2)(z)),
    "a loop over what is known": lambda z: z * lax.fori_loop(0, 3, lambda _, a: a * 2.0, 1.0),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_equal_to_jax(name):
    assert_equal(FUNCTIONS[name])


def conv_cases():
    return [pytest.param(name, case, id=f"{name}-{n}") for name in OPERATIONS
            for n, case in enumerate([*CASES, *drawn_cases(4)])]  # fmt: skip


@pytest.mark.parametrize(("name", "case"), conv_cases())
def test_a_convolution_is_equal_to_ours_and_to_jaxs(name, case):
    size, taps, stride, padding, dilation, channels, features = case
    kernel = jax.random.normal(KEY, (*taps, channels, features))
    pixels = jnp.cos(jnp.arange(float(np.prod(size) * channels)) ** 2).reshape(*size, channels)

    def ours(z):
        return OPERATIONS[name](pixels * z[0], kernel, stride=stride, padding=padding, dilation=dilation)

    def native(z):
        dims = ("NHWC", "HWIO", "NHWC")
        x = (pixels * z[0])[None]
        if name == "conv2d":
            return lax.conv_general_dilated(x, kernel, stride, padding, rhs_dilation=dilation, dimension_numbers=dims)
        return lax.conv_transpose(x, kernel, stride, padding, rhs_dilation=dilation)

    assert_equal(ours)
    assert_equal(native)


def test_what_does_not_depend_on_z_is_computed_once():
    def function(z):
        w = jnp.cumsum(jnp.sort(jnp.cos(jnp.arange(12.0)))).reshape(3, 4)  # unknown to a page
        return z @ (w / jnp.linalg.norm(w)) + jnp.fft.fft(w[0]).real

    program = assert_equal(function)
    assert [op for op, *_ in program["steps"]] == ["matmul", "add"]


@pytest.mark.parametrize("name", ["library_sized", "gated_mlp", "deconv", "from_linen"])
def test_every_step_depends_on_z_and_is_needed(name):
    counts = {"likelihood": vj.likelihoods.poisson()} if name == "library_sized" else {}
    context = CONTEXTS.get(name)
    model, params = fresh(NETS[name], context=context, **counts)
    program, _ = program_of(decode_of(model, params, context), Z[0])
    first = 1 + len(program["constants"])
    reads = [step[1] for step in program["steps"]]
    assert all(any(place == 0 or place >= first for place in places) for places in reads)
    assert {place for places in reads for place in places} | {program["output"]} == set(range(first + len(reads)))


# what has no program


NOT_LIVE = {
    "sort": (lambda z: jnp.sort(z), "the operation sort is not known to the page"),
    "cumsum": (lambda z: jnp.cumsum(z), "the operation cumsum is not known to the page"),
    "a loop": (lambda z: lax.fori_loop(0, 3, lambda _, a: a * 2, z), r"a loop or a choice \(scan\)"),
    "a place": (lambda z: jnp.arange(5.0)[jnp.argmax(z)] * z, "argmax makes int32 of the latents"),
    "a whole number": (lambda z: z.astype(int) + z, "convert_element_type makes int32 of the latents"),
    "complex": (lambda z: jnp.fft.fft(z).real, "complex64 of the latents"),
    "nothing of z": (lambda z: jnp.ones(3), "what it draws does not depend on the latents"),
    "not finite": (lambda z: z * jnp.array([1.0, jnp.inf, 2.0]), "weights that are not finite"),
    "groups": (
        lambda z: lax.conv_general_dilated(z.reshape(1, 3, 1), jnp.ones((1, 1, 3)), (1,), "VALID",
                                           feature_group_count=3, dimension_numbers=("NCH", "HIO", "NCH")),
        "a convolution in groups",
    ),
    "a kernel of z": (
        lambda z: lax.conv_general_dilated(jnp.ones((1, 5, 1)), z.reshape(3, 1, 1), (1,), "VALID",
                                           dimension_numbers=("NHC", "HIO", "NHC")),
        "a convolution with a kernel that depends on the latents",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_LIVE)
def test_what_a_page_cannot_do_is_named(name):
    function, words = NOT_LIVE[name]
    with pytest.raises(NotLive, match=words):
        program_of(function, Z[0])


@pytest.mark.parametrize(
    ("apply", "words"),
    [
        (lambda w, z: jnp.sort(z)[None] @ w, "the operation sort is not known to the page"),
        (lambda w, z: (jnp.outer(jnp.ones(900_000), z).sum(0) @ w)[None], "multiply-adds, and a page does 20,000,000"),
        (lambda w, z: (z @ w)[None] / 0.0, "its pictures are not finite"),
        (lambda w, z: jnp.sin(3000 * jnp.tanh(z @ w))[None], "with float16 weights its entries are off by"),
    ],
)
def test_a_model_that_cannot_be_live_says_why(apply, words):
    def init(key, shape, z):
        return jax.random.normal(key, (len(z), 2000))

    model, params = fresh(vj.nets.from_functions(init, apply), shape=(2000,))
    assert live_of(KEY, model, params) is None
    assert words in live_or_reason(KEY, model, params)


def test_more_numbers_than_asked_for_are_none():
    model, params = fresh(vj.nets.mlp(7))
    live = live_of(KEY, model, params)
    num = len(live.weights)
    assert num == 2 * (3 * 7 + 7 + 7 * 30 + 30)  # two of float16 for each weight of a few
    assert live_of(KEY, model, params, most_numbers=num) is not None
    assert (
        live_or_reason(KEY, model, params, None, num - 1) == f"it has {num:,} numbers, and a page carries {num - 1:,}"
    )


# weights, and the tolerance that they leave


@pytest.mark.parametrize("size", [FEW, FEW + 1])
@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 1e9, 3e37])
def test_weights_keep_22_bits_of_a_few_and_11_of_many_at_any_scale(scale, size):
    array = (scale * np.random.default_rng(0).normal(size=size)).astype(np.float32)
    constant, numbers = stored(array, 0)
    assert numbers.dtype == np.float16
    found = read(constant, np.concatenate([numbers]))
    bits = 22 if size == FEW else 11
    ordinary = np.abs(array) > 1e-3 * scale
    assert np.max(np.abs(found / array - 1)[ordinary]) < 2.0**-bits
    assert np.max(np.abs(found / array - 1)[ordinary]) > 2.0 ** -(bits + 3)


def test_a_bias_of_channels_is_stored_once_for_all_pixels():
    bias = np.arange(5, dtype=np.float32)
    constant, numbers = stored(np.broadcast_to(bias, (7, 4, 5)), 0)
    assert len(numbers) == 2 * 5
    np.testing.assert_array_equal(read(constant, numbers).reshape(7, 4, 5), np.broadcast_to(bias, (7, 4, 5)))


@pytest.mark.parametrize(
    "table",
    [
        [],
        [4],
        [3, 3],
        [0, 1, 0, 1, 5],
        np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1).ravel(),
        np.arange(24).reshape(4, 6)[::-1, 1:4].ravel(),
        np.repeat(np.arange(5), 3),
        np.tile(np.arange(5), 3),
        np.random.default_rng(0).integers(0, 9, 50),
    ],
)
def test_a_table_is_read_as_it_was_written(table):
    runs = runs_of(np.asarray(table, int))
    np.testing.assert_array_equal(places_of(runs), table)


def test_a_transposition_is_a_few_numbers():
    assert runs_of(np.arange(784 * 64).reshape(784, 64).T.ravel()) == [[0, 64, 784, 1, 64]]


def test_the_tolerance_holds_on_other_draws_and_comes_from_the_weights():
    model, params = fresh(vj.nets.mlp(200), shape=(9, 9), likelihood=vj.likelihoods.bernoulli())
    live = live_of(KEY, model, params)
    z = np.random.default_rng(1).normal(size=(300, 3)).astype(np.float32)
    expected = np.asarray(jax.jit(jax.vmap(decode_of(model, params)))(z)).reshape(300, -1)
    away = np.max(np.abs(run(live.program, live.weights, z) - expected))
    assert 0.2 * live.tolerance < away < live.tolerance
    small, its_params = fresh(vj.nets.mlp(8), shape=(9, 9), likelihood=vj.likelihoods.bernoulli())
    assert live_of(KEY, small, its_params).tolerance < 0.1 * live.tolerance  # each of its weights has 22 bits
