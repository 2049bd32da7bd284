"""Convolutions as matrix products equal those of XLA, under every transformation; and networks made of them."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import export, lax

import vaejax as vj
from vaejax.errors import NetworkError, VaejaxError
from vaejax.nets import _conv_primitives as primitives
from vaejax.nets._conv2d import _promoted, conv2d, conv2d_transpose
from vaejax.nets._matmul import Window, convolved, correlated, spread

KEY = jax.random.key(0)
OPERATIONS = {"conv2d": conv2d, "conv2d_transpose": conv2d_transpose}
CASES = [  # size, kernel, stride, padding, dilation, channels, features
    ((8, 8), (4, 4), (2, 2), "SAME", (1, 1), 3, 2),
    ((7, 5), (4, 4), (2, 2), "SAME", (1, 1), 1, 2),
    ((6, 7), (3, 2), (1, 2), "SAME", (1, 1), 2, 3),
    ((5, 6), (1, 1), (2, 3), "SAME", (1, 1), 2, 2),
    ((5, 5), (2, 2), (3, 3), "SAME", (1, 1), 1, 2),
    ((9, 8), (3, 3), (2, 1), "VALID", (2, 1), 2, 2),
    ((7, 7), (3, 4), (2, 3), ((3, 2), (4, 5)), (2, 2), 2, 1),
    ((1, 6), (1, 3), (1, 2), "SAME", (1, 2), 1, 2),
]


def drawn_cases(num):
    """Any sizes, strides and dilations, with as much padding as the kernel needs."""
    rng = np.random.default_rng(7)
    for _ in range(num):
        size, kernel, stride, dilation = (
            tuple(map(int, rng.integers(low, high, 2))) for low, high in ((3, 8), (1, 5), (1, 4), (1, 4))
        )
        spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
        low = [int(rng.integers(0, span + 1)) for span in spans]
        explicit = tuple((a, span) for a, span in zip(low, spans, strict=True))
        padding = ("SAME", explicit)[int(rng.integers(2))]
        yield size, kernel, stride, padding, dilation, *map(int, rng.integers(1, 4, 2))


def expected(name, x, kernel, stride, padding, dilation):
    """The same by jax, of a batch."""
    if name == "conv2d":
        dims = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, kernel, stride, padding, rhs_dilation=dilation, dimension_numbers=dims)
    return lax.conv_transpose(x, kernel, stride, padding, rhs_dilation=dilation)


def operands(size, kernel, channels, features, batch=2):
    x_key, kernel_key = jax.random.split(KEY)
    x = jax.random.normal(x_key, (batch, *size, channels))
    return x, jax.random.normal(kernel_key, (*kernel, channels, features))


def derived(function, x, kernel):
    """Value, both gradients of a sum that weighs every entry, and the derivative forward along a direction."""
    value = function(x, kernel)
    weights = jnp.cos(jnp.arange(value.size, dtype=float)).reshape(value.shape)
    gradients = jax.grad(lambda x, kernel: jnp.sum(weights * function(x, kernel)), (0, 1))(x, kernel)
    return value, gradients, jax.jvp(function, (x, kernel), (jnp.sin(x), jnp.cos(kernel)))[1]


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param(CASES, id="table"),
        pytest.param(list(drawn_cases(3)), id="drawn"),
        pytest.param(list(drawn_cases(40)), id="many drawn", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("name", OPERATIONS)
def test_it_equals_the_convolution_of_jax_and_so_do_its_derivatives(name, cases, float64):
    def ours(case):
        size, taps, stride, padding, dilation, *ends = case
        settings = {"stride": stride, "padding": padding, "dilation": dilation}
        one = functools.partial(OPERATIONS[name], **settings)
        return derived(jax.vmap(one, (0, None)), *operands(size, taps, *ends))

    def theirs(case):
        size, taps, *settings, channels, features = case
        function = lambda x, kernel: expected(name, x, kernel, *settings)  # noqa: E731
        return derived(function, *operands(size, taps, channels, features))

    found, wanted = jax.jit(lambda: ([ours(case) for case in cases], [theirs(case) for case in cases]))()
    for case, a, b in zip(cases, found, wanted, strict=True):
        for ours_leaf, leaf in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
            np.testing.assert_allclose(ours_leaf, leaf, rtol=1e-12, atol=1e-12, err_msg=str(case))


def test_derivatives_of_derivatives_are_right(float64):
    """Of a function that is curved in both: Hessians forward over reverse and reverse over reverse, against jax's."""
    x, kernel = operands((4, 3), (2, 2), 1, 1, batch=1)
    settings = ((2, 1), "SAME", (1, 1))

    def ours(both):
        h = jnp.tanh(conv2d(both[0][0], both[1], stride=(2, 1)))
        return jnp.sum(jnp.tanh(conv2d_transpose(h, both[1], stride=(2, 1))) ** 2)

    def theirs(both):
        h = jnp.tanh(expected("conv2d", *both, *settings))
        return jnp.sum(jnp.tanh(expected("conv2d_transpose", h, both[1], *settings)) ** 2)

    def second(function):
        return jax.jacfwd(jax.grad(function))((x, kernel)), jax.jacrev(jax.grad(function))((x, kernel))

    found, wanted = jax.jit(lambda: (second(ours), second(theirs)))()
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-11)


MAPPED = {  # in_axes of a map over members and of one over examples within it
    "kernels of their own, images shared": ((None, 0), (0, None)),
    "kernels and images": ((0, 0), (0, None)),
    "images twice": ((1, None), (0, None)),
    "other axes": ((3, 1), (2, None)),
    "a kernel for each image": ((0, 0), (0, 0)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_mapped_over_images_and_kernels_it_is_each_alone(name, float64):
    def moved(array, outer, inner):
        """Ones of the lengths of the maps where it is mapped, on the axes at which they look for them."""
        for axis, length in ((inner, 2), (outer, 3)):
            array = array if axis is None else jnp.stack([(i + 1.0) * array for i in range(length)], axis)
        return array

    one = functools.partial(OPERATIONS[name], stride=2)
    x, kernel = operands((3, 4), (3, 2), 2, 1, batch=1)

    def results(axes):
        a, b = (moved(array, *both) for array, both in zip((x[0], kernel), zip(*axes, strict=True), strict=True))
        mapped = lambda a, b: jax.vmap(jax.vmap(one, axes[1]), axes[0])(a, b)  # noqa: E731
        value, gradients, forward = derived(mapped, a, b)

        def alone(a, b):
            pick = lambda array, axis, i: array if axis is None else jnp.take(array, i, axis)  # noqa: E731
            members = [[pick(array, axis, i) for array, axis in zip((a, b), axes[0], strict=True)] for i in range(3)]
            rows = [
                [one(*(pick(array, axis, j) for array, axis in zip(member, axes[1], strict=True))) for j in range(2)]
                for member in members
            ]
            return jnp.stack([jnp.stack(row) for row in rows])

        return (value, gradients, forward), derived(alone, a, b)

    for axes, (found, wanted) in jax.jit(lambda: {k: results(v) for k, v in MAPPED.items()})().items():
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12, err_msg=axes)


def test_on_other_platforms_the_maps_are_the_same(float64):
    """Two groups of two; where padding is cut, outputs are skipped and dilation is uneven."""
    windows = [
        Window((7, 5), (3, 2), (2, 1), (1, 0), (1, 2), (4, 3)),
        Window((6, 6), (2, 2), (3, 2), (-1, 1), (1, 1), (2, 3)),
    ]

    def both(window):
        x, kernel, y = (
            jax.random.normal(key, shape)
            for key, shape in zip(
                jax.random.split(KEY, 3),
                [(2, 2, *window.size, 3), (2, *window.kernel, 3, 2), (2, 2, *window.out, 2)],
                strict=True,
            )
        )
        ours = convolved(x, kernel, window), spread(y, kernel, window), correlated(x, y, window)
        native = (
            primitives._native(x, kernel, window),
            primitives._native_spread(y, kernel, window),
            primitives._native_correlated(x, y, window),
        )
        return ours, native

    for ours, native in jax.jit(lambda: [both(window) for window in windows])():
        for a, b in zip(ours, native, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def lowered(platform, function, *args):
    return jax.jit(function).trace(*args).lower(lowering_platforms=(platform,)).as_text()


def test_a_batch_is_one_matrix_product_on_a_cpu_and_one_convolution_elsewhere():
    x, kernel = jnp.ones((6, 8, 8, 3)), jnp.ones((4, 4, 3, 5))

    def value(x, kernel):
        return jax.vmap(lambda x: conv2d(x, kernel, stride=2))(x)

    def gradient(x, kernel):
        return jax.vjp(value, x, kernel)[1](jnp.ones((6, 4, 4, 5)))

    text = lowered("cpu", value, x, kernel)
    assert text.count("stablehlo.dot_general") == 1
    assert re.search(r"stablehlo.dot_general.*\(tensor<(1x)?96x48xf32>, tensor<(1x)?48x5xf32>\)", text)
    assert lowered("cpu", gradient, x, kernel).count("stablehlo.dot_general") == 2  # the value is not computed
    assert "convolution" not in text
    for platform in ("cuda", "tpu"):
        assert lowered(platform, value, x, kernel).count("stablehlo.convolution") == 1
        assert lowered(platform, gradient, x, kernel).count("stablehlo.convolution") == 2
    members = lowered("cpu", jax.vmap(value, (None, 0)), x, jnp.ones((7, 4, 4, 3, 5)))
    assert re.search(r"stablehlo.dot_general.*\(tensor<7x96x48xf32>, tensor<7x48x5xf32>\)", members)


def test_it_works_outside_of_jit():
    x, kernel = operands((4, 4), (3, 3), 1, 2)
    now = conv2d_transpose(conv2d(x[0], kernel), kernel.transpose(0, 1, 3, 2))
    then = jax.jit(lambda x, kernel: conv2d_transpose(conv2d(x, kernel), kernel.transpose(0, 1, 3, 2)))(x[0], kernel)
    np.testing.assert_allclose(now, then, rtol=1e-5, atol=1e-5)


SHAPES = {"a grey image": (5, 7), "odd, three channels": (7, 5, 3), "even": (8, 8, 1), "a column": (9, 1, 2)}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_networks_take_and_make_images_of_any_shape(shape):
    strides = [(2, 1), (2, 1)] if shape[1] == 1 else 2
    encoder, decoder = vj.nets.conv(3, 4, stride=strides), vj.nets.deconv(4, 3, stride=strides)
    model = vj.vae(encoder, decoder, data_shape=shape, latent_size=2)

    def reconstructed(x):
        params = vj.init(KEY, model, x[None])
        return vj.decode(model, params, vj.encode(model, params, x))

    assert jax.eval_shape(reconstructed, jnp.ones(shape)).shape == shape


def test_settings_may_differ_by_layer_and_parameters_are_named_as_in_flax():
    net = vj.nets.conv(3, 4, kernel=[5, (3, 2)], stride=[(2, 1), 3], padding="VALID", hidden=(6,))((2, 5))
    params = jax.eval_shape(net.init, KEY, (jnp.ones((16, 9)), {"label": jnp.ones(7)}), jnp.ones((2, 5)))
    shapes = {name: params[name]["kernel"].shape for name in params}
    assert shapes == {
        "conv_0": (5, 5, 1, 3),
        "conv_1": (3, 2, 3, 4),
        "hidden_0": (2 * 2 * 4 + 7, 6),
        "output": (6, 2, 5),
    }
    net = vj.nets.deconv(4, 3, kernel=[3, (4, 6)], stride=[3, (1, 2)], hidden=(6,))((2, 7, 7, 5))
    params = jax.eval_shape(net.init, KEY, (jnp.ones(3), jnp.ones(2)), jnp.ones((2, 7, 7, 5)))
    shapes = {name: params[name]["kernel"].shape for name in params}
    assert shapes == {
        "hidden_0": (5, 6),
        "hidden_1": (6, 3, 2, 4),
        "deconv_0": (3, 3, 4, 3),
        "output": (4, 6, 3, 10),
    }


def test_without_channels_there_are_two_layers_that_mirror_each_other():
    model = vj.vae(vj.nets.conv(), vj.nets.deconv(), data_shape=(8, 8), latent_size=2)
    params = jax.eval_shape(lambda: vj.init(KEY, model, jnp.zeros((1, 8, 8))))
    assert params["encoder"]["conv_1"]["kernel"].shape == (4, 4, 32, 64)
    assert params["decoder"]["hidden_0"]["kernel"].shape == (2, 2, 2, 64)
    assert params["decoder"]["deconv_0"]["kernel"].shape == (4, 4, 64, 32)


def test_an_encoder_of_one_layer_is_convolution_activation_and_a_linear_map(float64):
    net = vj.nets.conv(3, stride=1, kernel=3, activation=jnp.tanh)((2, 2))
    x, context = jax.random.normal(KEY, (5, 4)), jnp.array([0.5, -2.0])
    params = jax.tree.map(lambda leaf: leaf + 0.1, jax.jit(net.init)(KEY, (x, context), jnp.ones((2, 2))))
    h = expected("conv2d", x[None, :, :, None], params["conv_0"]["kernel"], (1, 1), "SAME", (1, 1))
    h = jnp.tanh(h[0] + params["conv_0"]["bias"][None, None])
    wanted = jnp.tensordot(jnp.concatenate([h.ravel(), context]), params["output"]["kernel"], 1)
    np.testing.assert_allclose(net.apply(params, (x, context), None), wanted + params["output"]["bias"], rtol=1e-10)


def test_a_decoder_of_one_layer_is_a_linear_map_activation_and_a_transposed_convolution(float64):
    net = vj.nets.deconv(3, activation=jnp.tanh)((2, 5, 4, 2))
    inputs = (jnp.array([0.5]), jnp.array([-2.0, 1.0]))
    params = jax.tree.map(lambda leaf: leaf + 0.1, jax.jit(net.init)(KEY, inputs, jnp.ones((2, 5, 4, 2))))
    dense = params["hidden_0"]
    h = jnp.tanh(jnp.tensordot(jnp.concatenate(inputs), dense["kernel"], 1) + dense["bias"])
    assert h.shape == (3, 2, 3)
    wanted = expected("conv2d_transpose", h[None], params["output"]["kernel"], (2, 2), "SAME", (1, 1))[0, :5]
    found = net.apply(params, inputs, None)
    bias = params["output"]["bias"].reshape(2, 1, 1, 2)
    for stat in range(2):  # the channels of one stat after those of another
        np.testing.assert_allclose(found[stat], wanted[..., 2 * stat : 2 * stat + 2] + bias[stat], rtol=1e-10)


def test_weights_start_at_the_scale_of_what_meets_in_one_output(float64):
    encoder = vj.nets.conv(64, kernel=3)((1, 2))
    decoder = vj.nets.deconv(64, kernel=(4,), stride=(2,))((1, 8, 8, 8))
    down = jax.jit(encoder.init)(KEY, (jnp.ones((6, 6, 8)), None), jnp.ones((1, 2)))["conv_0"]
    up = jax.jit(decoder.init)(KEY, (None, jnp.ones(3)), jnp.ones((1, 8, 8, 8)))["output"]
    assert np.std(down["kernel"]) == pytest.approx((3 * 3 * 8) ** -0.5, rel=0.05)
    assert np.std(up["kernel"]) == pytest.approx((2 * 2 * 64) ** -0.5, rel=0.05)  # of 4 x 4, at stride 2
    assert not np.any(down["bias"])
    assert not np.any(up["bias"])


def masked_or_not(size, widest):
    nets = {"encoder": vj.nets.conv(3, hidden=(5,)), "decoder": vj.nets.deconv(4)}
    return vj.vae(
        **nets, data_shape=(5, 6), latent_size=size, max_latent_size=widest, likelihood=vj.likelihoods.bernoulli()
    )


def trained(model, x):
    """The parameters at the start, after three steps, and the bounds."""
    taught = vj.trainer(model, vj.objectives.elbo(2.0), optax.adam(1e-2))
    start = taught.init(KEY, vj.Example(x[0]))

    def step(state, at):
        index, x = at
        return taught.step(jax.random.fold_in(KEY, index), state, vj.Example(x))

    end, bounds = jax.lax.scan(step, start, (jnp.arange(3), x))
    return start.params, end.params, bounds.value


def test_a_model_on_2_of_5_latents_trains_as_the_model_of_2_latents(float64):
    x = jnp.asarray(np.random.default_rng(0).integers(0, 2, (3, 4, 5, 6)), float)
    wide = jax.jit(jax.vmap(lambda size: trained(masked_or_not(size, 5), x)))(jnp.array([4, 2]))
    wide = jax.tree.map(lambda leaf: leaf[1], wide)
    narrow = jax.jit(lambda: trained(masked_or_not(2, None), x))()

    def compare(path, wide, narrow):
        inside = tuple(slice(n) for n in narrow.shape)
        np.testing.assert_allclose(wide[inside], narrow, rtol=1e-9, atol=1e-9, err_msg=jax.tree_util.keystr(path))
        outside = np.array(wide)
        outside[inside] = 0
        assert not outside.any(), jax.tree_util.keystr(path)

    jax.tree_util.tree_map_with_path(compare, wide, narrow)
    moved = jax.tree.map(lambda a, b: float(abs(a - b).max()), *narrow[:2])
    assert min(jax.tree.leaves(moved["encoder"])) > 1e-3
    assert min(jax.tree.leaves(moved["decoder"])) > 1e-3


def test_a_model_survives_export_to_every_platform_with_a_batch_of_any_size():
    model = vj.vae(vj.nets.conv(2), vj.nets.deconv(2), data_shape=(4, 4), latent_size=2)
    params = vj.init(KEY, model, jnp.zeros((1, 4, 4)))
    x = jax.random.normal(KEY, (3, 4, 4))

    def gradient(x):
        through = jax.vmap(lambda x: jnp.sum(vj.decode(model, params, vj.encode(model, params, x)) ** 2))
        return jax.grad(lambda x: jnp.sum(through(x)))(x)

    (b,) = export.symbolic_shape("b")
    shown = jax.ShapeDtypeStruct((b, 4, 4), x.dtype)
    exported = export.export(jax.jit(gradient), platforms=("cpu", "cuda", "tpu"))(shown)
    found = export.deserialize(exported.serialize()).call(x)
    np.testing.assert_allclose(found, jax.jit(gradient)(x), rtol=1e-5, atol=1e-6)


def made(net, shape, inputs):
    return net(shape).init(KEY, inputs, jnp.ones(shape))


REFUSED = {
    "a vector": (lambda: made(vj.nets.conv(), (2, 3), (jnp.ones(9), None)), r"must be an image .* shape \(9,\)"),
    "a volume": (lambda: made(vj.nets.conv(), (2, 3), (jnp.ones((4, 4, 4, 1)), None)), "must be an image"),
    "a vector to make": (lambda: vj.nets.deconv()((1, 9)), r"decoder makes must be an image .* shape \(9,\)"),
    "too many layers": (lambda: vj.nets.deconv(*[2] * 5)((1, 8, 8)), r"layer 4 of 5.* see \(1, 1\) .*\(8, 8\)"),
    "a kernel too large": (
        lambda: made(vj.nets.conv(2, kernel=5, padding="VALID"), (2, 3), (jnp.ones((4, 9)), None)),
        r"kernel of \(5, 5\).* would see \(4, 9\)",
    ),
    "no channels": (lambda: vj.nets.conv(4, 0), "number of channels of a layer must be at least 1, got 0"),
    "no stride": (lambda: vj.nets.deconv(4, stride=0), "a stride must be at least 1, got 0"),
    "a kernel too few": (lambda: vj.nets.conv(4, 8, kernel=[3]), "one for each of the 2 layers"),
    "a width": (lambda: vj.nets.conv(hidden=(0,)), "width of a layer must be at least 1"),
    "a padding": (lambda: vj.nets.conv(padding="REFLECT"), 'padding must be "SAME" or "VALID"'),
    "a batch": (lambda: _promoted(jnp.ones((2, 4, 4, 1)), jnp.ones((3, 3, 1, 1))), "map over a batch"),
    "channels that differ": (lambda: _promoted(jnp.ones((4, 4, 2)), jnp.ones((3, 3, 1, 1))), r"\(4, 4, 2\)"),
    "nothing left": (lambda: conv2d(jnp.ones((2, 4, 1)), jnp.ones((3, 3, 1, 1)), padding="VALID"), "leaves nothing"),
}


@pytest.mark.parametrize(("act", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_in_words(act, message):
    with pytest.raises(VaejaxError, match=message) as caught:
        act()
    assert isinstance(caught.value, NetworkError) == ("image" in message or "see" in message)
