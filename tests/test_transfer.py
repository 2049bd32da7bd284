"""From a source to a target: what is copied and what is not, who moves, and whether it was worth it."""

import io
import itertools
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import xarray as xr
from PIL import Image

import vaejax as vj
from vaejax import store, transfer
from vaejax.differences import gap_of
from vaejax.errors import Stopped, VaejaxError
from vaejax.numerics import leaves_by_path, normal_log_prob
from vaejax.report import _style
from vaejax.report.figures import _look
from vaejax.transfer import _curves

KEY, NET = jax.random.key(0), vj.nets.mlp(8)
FLOW = vj.priors.coupling_flow(2, 4, 4)
CONV = vj.nets.conv(4, 6, hidden=(5,)), vj.nets.deconv(6, 4, hidden=(5,))


def made(latent_size, data_shape=(4,), nets=(NET, NET), **how):
    likelihood = vj.likelihoods.normal()
    return vj.vae(*nets, data_shape=data_shape, latent_size=latent_size, likelihood=likelihood, **how)


def stirred(seed, params):
    """Numbers that no initialiser gives, biases included."""
    leaves, structure = jax.tree.flatten(params)
    rng = np.random.default_rng(seed)
    return jax.tree.unflatten(structure, [leaf + rng.normal(size=leaf.shape) for leaf in leaves])


def with_params(seed, model, context=None):
    batch = vj.Example(jnp.ones((2, *model.data_shape)), context=context)
    return model, stirred(seed, jax.jit(model.init)(jax.random.key(seed), batch))


def ladder(*sizes):
    return vj.ladder(NET, NET, NET, data_shape=(4,), latent_sizes=sizes)


def xs(shape=(4,), num=3):
    return jnp.asarray(np.random.default_rng(7).normal(size=(num, *shape)))


def bounds(member, examples, key=KEY):
    model, params = member
    return jax.jit(jax.vmap(lambda example: jnp.stack(vj.terms(key, model, params, example))))(examples)


def codes(member, x):
    return jax.jit(jax.vmap(lambda x: vj.encode(*member, x)))(x)


def means(member, z):
    return jax.jit(jax.vmap(lambda z: vj.decode(*member, z)))(z)


SAME = {
    "flat": lambda: made(3),
    "mixture": lambda: made(3, prior=vj.priors.mixture(2)),
    "ladder": lambda: ladder(2, 2),
    "images": lambda: made(3, (8, 8), CONV),
    "one-hot": lambda: made(3, posterior=vj.posteriors.categorical(4), prior=vj.priors.uniform_categorical(4)),
    "vamp": lambda: vj.variants.vamp(made(3), 5),
}


@pytest.mark.parametrize("kind", SAME)
def test_the_same_shapes_are_the_same_function(float64, kind):
    source, target = with_params(1, SAME[kind]()), with_params(2, SAME[kind]())
    found = transfer.started_from(source, target)
    assert {move.what for move in found.moves.values()} == {"copied"}
    assert not any(leaf.any() for leaf in jax.tree.leaves(found.new))
    examples = vj.Example(xs(source[0].data_shape))
    np.testing.assert_array_equal(bounds(source, examples), bounds((target[0], found.params), examples))


MORE = {
    "flat": (lambda: made(3), lambda: made(5)),
    "one": (lambda: made(1), lambda: made(2)),
    "images": (lambda: made(3, (8, 8), CONV), lambda: made(5, (8, 8), CONV)),
    "mixture": (lambda: made(3, prior=vj.priors.mixture(2)), lambda: made(5, prior=vj.priors.mixture(2))),
    "flow": (lambda: made(3, prior=FLOW), lambda: made(5, prior=FLOW)),
    "gated": (lambda: made(3, nets=[vj.nets.gated_mlp(6)] * 2), lambda: made(5, nets=[vj.nets.gated_mlp(6)] * 2)),
}


@pytest.mark.parametrize("kind", ["flat", "one", "images", "gated"])
def test_more_latents_leave_decoder_rate_and_bound_as_they_were(float64, kind):
    source, target = (with_params(n, make()) for n, make in enumerate(MORE[kind]))
    found = transfer.started_from(source, target)
    assert {move.what for path, move in found.moves.items() if path.startswith("encoder/output")} == {"extended"}
    started, examples = (target[0], found.params), vj.Example(xs(source[0].data_shape))
    np.testing.assert_allclose(bounds(started, examples), bounds(source, examples), rtol=1e-12, atol=1e-9)
    small, large = source[0].active().size, target[0].active().size
    z = xs((large,))
    np.testing.assert_allclose(means(started, z), means(source, z[:, :small]), rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", ["mixture", "flow"])
def test_a_prior_over_more_latents_is_the_old_one_on_those_that_were_there(float64, kind):
    (source, params), target = (with_params(n, make()) for n, make in enumerate(MORE[kind]))
    found = transfer.started_from((source, params), target)
    z, example = xs((5,)), vj.Example(jnp.zeros(4))
    mine = jax.jit(jax.vmap(lambda z: target[0].log_prior(found.params, z, example).sum()))(z)
    theirs = jax.jit(jax.vmap(lambda z: source.log_prior(params, z[:3], example).sum()))(z)
    added = mine - theirs
    apart = normal_log_prob(z[:, 3:], 0.0, 0.0).sum(1)
    if kind == "mixture":  # its new entries are zero: means 0, scales 1
        np.testing.assert_allclose(added, apart, rtol=0, atol=1e-9)
    else:  # splines of zero are close to the identity, and do not look at new latents
        np.testing.assert_allclose(added, apart, rtol=0, atol=0.5)


def test_a_ladder_with_more_latents_in_each_group(float64):
    source, target = with_params(1, ladder(2, 2)), with_params(2, ladder(3, 3))
    started = (target[0], transfer.started_from(source, target).params)
    z = xs((3, 2))  # latent, group
    large, small = z.reshape(-1, 6), z[:, :2].reshape(-1, 4)
    np.testing.assert_allclose(means(started, large), means(source, small), rtol=0, atol=1e-9)
    mine, theirs = codes(started, xs()).reshape(-1, 3, 2), codes(source, xs()).reshape(-1, 2, 2)
    np.testing.assert_allclose(mine[:, :2], theirs, rtol=0, atol=1e-9)
    examples = vj.Example(xs())
    rates = [bounds(one, examples, jax.random.key(3))[:, 1] for one in (started, source)]
    np.testing.assert_allclose(*rates, rtol=0, atol=1e-9)


def test_what_is_new_can_start_as_the_target_did(float64):
    source, target = with_params(1, made(3)), with_params(2, made(5))
    found = transfer.started_from(source, target, fresh=lambda own: own)
    for path, leaf in leaves_by_path(found.params).items():
        new = leaves_by_path(found.new)[path]
        np.testing.assert_array_equal(leaf[new], leaves_by_path(target[1])[path][new])
    assert found.new["decoder"]["hidden_0"]["kernel"].tolist() == [[row > 2] * 8 for row in range(5)]


def test_fewer_latents_keep_those_that_are_named(float64):
    source, target = with_params(1, made(4)), with_params(2, made(2))
    started = (target[0], transfer.started_from(source, target, latents=[3, 1]).params)
    z = xs((2,))
    placed = jnp.zeros((len(z), 4)).at[:, jnp.array([3, 1])].set(z)
    np.testing.assert_allclose(means(started, z), means(source, placed), rtol=0, atol=1e-12)
    np.testing.assert_allclose(codes(started, xs()), codes(source, xs())[:, [3, 1]], rtol=0, atol=1e-12)
    moves = transfer.started_from(source, target).moves
    assert moves["encoder/output/kernel"].what == moves["decoder/hidden_0/kernel"].what == "cut"


def test_new_batches_leave_old_ones_as_they_were_and_train_alone(float64):
    """The surgery of scArches: a one-hot context grows by two columns, and a latent is added too."""
    old, new = jnp.eye(3)[:, :], jnp.eye(5)
    source = with_params(1, made(2), context=old)
    target = with_params(2, made(3), context=new)
    found = transfer.started_from(source, target, context_sizes=(3, 5))
    assert found.new["decoder"]["hidden_0"]["kernel"][:, 0].tolist() == [0, 0, 0, 1, 1, 0, 0, 1]
    assert found.new["encoder"]["hidden_0"]["kernel"][:, 0].tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 1]
    x = xs()
    before, on_old = bounds(source, vj.Example(x, context=old)), vj.Example(x, context=new[:3])
    np.testing.assert_allclose(bounds((target[0], found.params), on_old), before, rtol=0, atol=1e-9)

    model = transfer.from_source(target[0], source, context_sizes=(3, 5))
    batch = vj.Example(x, context=new[jnp.array([3, 4, 3])])
    only = transfer.only_new(optax.adamw(0.1, weight_decay=0.1), found.new)
    taught = vj.trainer(model, vj.objectives.elbo(), only)
    state = jax.jit(taught.init)(KEY, batch)
    for at in range(3):
        state, _ = jax.jit(taught.step)(jax.random.fold_in(KEY, at), state, batch)
    moved = jax.tree.map(lambda a, b: a != b, state.params, found.params)
    for path, where in leaves_by_path(moved).items():
        assert not np.any(np.asarray(where) & ~np.asarray(leaves_by_path(found.new)[path])), path
    assert moved["decoder"]["hidden_0"]["kernel"][3:5].any()


@pytest.mark.parametrize("nets", [(NET, NET), CONV, [vj.nets.gated_mlp(6)] * 2], ids=["dense", "conv", "gated"])
@pytest.mark.parametrize("channels", [((), (3,)), ((3,), ()), ((3,), (2,))], ids=["1 to 3", "3 to 1", "3 to 2"])
def test_images_with_equal_channels_are_seen_and_made_as_before(float64, nets, channels):
    before, after = channels
    source, target = with_params(1, made(2, (8, 8, *before), nets)), with_params(2, made(2, (8, 8, *after), nets))
    found = transfer.started_from(source, target)
    assert "anew" not in {move.what for move in found.moves.values()}
    grey, started = xs((8, 8)), (target[0], found.params)

    def coloured(shape):
        return grey if not shape else jnp.repeat(grey[..., None], shape[0], axis=-1)

    np.testing.assert_allclose(codes(started, coloured(after)), codes(source, coloured(before)), rtol=0, atol=1e-9)
    mine, theirs = (means(one, xs((2,))).reshape(3, 8, 8, -1) for one in (started, source))
    repeated = jnp.repeat(theirs.mean(-1, keepdims=True), mine.shape[-1], -1)
    np.testing.assert_allclose(mine, repeated, rtol=0, atol=1e-9)


def test_data_of_another_shape_starts_its_outer_layers_anew():
    source, target = with_params(1, made(3)), with_params(2, made(3, (6,)))
    found = transfer.started_from(source, target)
    anew = {path for path, move in found.moves.items() if move.what == "anew"}
    assert anew == {"encoder/hidden_0/kernel", "decoder/output/kernel", "decoder/output/bias"}
    np.testing.assert_array_equal(found.params["decoder"]["output"]["bias"], target[1]["decoder"]["output"]["bias"])
    assert "encoder/hidden_0/kernel  anew    (4, 8)     (6, 8)" in str(found)


def test_a_part_of_a_source_and_of_a_folder(tmp_path):
    source, target = with_params(1, made(3)), with_params(2, made(3))
    store.save(tmp_path / "saved", {"params": source[1], "step": np.ones(())})
    part = transfer.read_params(tmp_path / "saved", "encoder", under="params")
    assert jax.tree.map(jnp.shape, part) == jax.tree.map(
        jnp.shape, transfer.part_of(source[1], "encoder/hidden_0", "encoder/output/*")
    )
    moves = transfer.started_from((source[0], part), target).moves
    assert {path.split("/")[0]: move.what for path, move in moves.items()} == {"decoder": "anew", "encoder": "copied"}
    more = {**source[1], "old": {"bias": np.ones(2)}}
    assert transfer.started_from((source[0], more), target).moves["old/bias"].what == "left out"
    with pytest.raises(VaejaxError, match="no parameter fits the name 'coder'"):
        transfer.part_of(source[1], "coder")
    with pytest.raises(VaejaxError, match="holds nothing under 'weights'"):
        transfer.read_params(tmp_path / "saved", under="weights")
    with pytest.raises(VaejaxError, match="there is none"):
        transfer.read_params(tmp_path / "nowhere")


def diverged():
    model, params = with_params(1, made(3))
    return model, {**params, "encoder": jax.tree.map(lambda leaf: leaf * jnp.nan, params["encoder"])}


@pytest.mark.parametrize(
    ("source", "how", "said"),
    [
        (lambda: with_params(1, made(2, (6,), [vj.nets.mlp(5)] * 2)), {}, "no weight of the source fits the target"),
        (lambda: with_params(1, made(3, (8, 8), CONV)), {}, "build the target with the networks of the source"),
        (diverged, {}, "encoder/hidden_0/bias of the source is not finite"),
        (lambda: with_params(1, made(5)), {"latents": [0, 7]}, "at most 3 of the source's 5 latents"),
        (lambda: with_params(1, made(5)), {"latents": [1, 1]}, "each once"),
        (lambda: with_params(1, made(3)), {"latents": [1]}, "both have 3 latents"),
        (lambda: with_params(1, made(3)), {"context_sizes": (0, -1)}, "a context size must be at least 0"),
    ],
)
def test_a_source_that_cannot_fit_is_refused_in_one_sentence(source, how, said):
    with pytest.raises(VaejaxError, match=said) as caught:
        transfer.started_from(source(), with_params(2, made(3)), **how)
    assert "\n" not in str(caught.value)


def test_a_share_is_the_source_or_scratch_to_the_bit():
    source, plain = with_params(1, made(3)), made(3)
    batch = vj.Example(xs())
    own = plain.init(KEY, batch)

    def started(share):
        return transfer.from_source(plain, source, share=share).init(KEY, batch)

    jax.tree.map(np.testing.assert_array_equal, started(0.0), own)
    jax.tree.map(np.testing.assert_array_equal, started(1.0), source[1])
    halfway = jax.tree.map(lambda a, b: (a + b) / 2, own, source[1])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), jax.jit(started)(0.5), halfway)
    with pytest.raises(VaejaxError, match="the share of a source"):
        transfer.from_source(plain, source, share=1.5)


def taught_with(model, optimizer, steps=5):
    taught = vj.trainer(model, vj.objectives.elbo(), optimizer)
    batch, step = vj.Example(xs(model.data_shape, 4)), jax.jit(taught.step)
    state = jax.jit(taught.init)(KEY, batch)
    states = [state.params]
    for at in range(steps):
        state, _ = step(jax.random.fold_in(KEY, at), state, batch)
        states.append(state.params)
    return states


@pytest.mark.parametrize("size", [2, 4, 6])
def test_a_masked_target_trains_as_the_smaller_one_does(float64, size):
    """From a source of four latents: cut, the same, and more of them, each as a member of models of six."""
    source = with_params(1, made(4))
    paces = {"decoder/output": transfer.unfrozen_at(3), "encoder": 0.5}
    optimizer = optax.chain(transfer.l2_sp(0.1), transfer.paced(optax.adam(1e-2), paces))
    wide = transfer.from_source(made(size, max_latent_size=6), source)
    narrow = transfer.from_source(made(size), source)
    large, small = taught_with(wide, optimizer)[-1], taught_with(narrow, optimizer)[-1]
    model, cut = vj.model.compacted(wide, large)
    for path, leaf in leaves_by_path(cut).items():
        np.testing.assert_allclose(leaf, leaves_by_path(small)[path], rtol=0, atol=1e-9, err_msg=path)
    assert model.active().shape == (size,)


def test_frozen_parts_do_not_move_by_a_bit():
    paces = {"encoder/hidden_0": 0.0, "decoder/*/bias": 0.0}
    states = taught_with(made(3), transfer.paced(optax.adamw(0.1, weight_decay=0.5), paces))
    first, last = leaves_by_path(states[0]), leaves_by_path(states[-1])
    still = {path for path in first if np.array_equal(first[path], last[path])}
    assert still == {"encoder/hidden_0/bias", "encoder/hidden_0/kernel", "decoder/hidden_0/bias", "decoder/output/bias"}


def test_a_pace_multiplies_the_step_of_the_first_name_that_fits(float64):
    params = {"encoder": {"a": jnp.ones(2), "b": jnp.ones(2)}, "decoder": {"a": jnp.ones(2)}}
    optimizer = transfer.paced(optax.adam(0.1), {"encoder/a": 0.25, "encoder": 0.5})
    plain = optax.adam(0.1)
    gradients = jax.tree.map(lambda leaf: 3 * leaf, params)
    found, expected = (one.update(gradients, one.init(params), params)[0] for one in (optimizer, plain))
    for path, pace in {"encoder/a": 0.25, "encoder/b": 0.5, "decoder/a": 1.0}.items():
        np.testing.assert_allclose(leaves_by_path(found)[path], pace * leaves_by_path(expected)[path], rtol=1e-12)
    with pytest.raises(VaejaxError, match="no parameter fits the name 'enc'"):
        transfer.paced(plain, {"enc": 0.0}).init(params)
    with pytest.raises(VaejaxError, match="the pace of encoder"):
        transfer.paced(plain, {"encoder": -1.0})


def test_layers_thaw_at_their_steps_from_the_latents_outwards():
    model = made(2, nets=[vj.nets.mlp(5, 6)] * 2)
    paces = transfer.by_depth(vj.init(KEY, model, xs()), lambda depth: transfer.unfrozen_at(2 * depth))
    states = [leaves_by_path(one) for one in taught_with(model, transfer.paced(optax.adam(0.1), paces), steps=6)]
    names = "encoder/output encoder/hidden_1 encoder/hidden_0 decoder/hidden_0 decoder/hidden_1 decoder/output"
    for name in names.split():
        moved = [not np.array_equal(a[f"{name}/kernel"], b[f"{name}/kernel"]) for a, b in itertools.pairwise(states)]
        assert moved.index(True) == list(paces).index(name) % 3 * 2, name
    conv = vj.init(KEY, made(2, (8, 8), CONV), xs((8, 8)))
    assert list(transfer.by_depth(conv, float).items()) == [
        ("encoder/output", 0), ("encoder/hidden_0", 1), ("encoder/conv_1", 2), ("encoder/conv_0", 3),
        ("decoder/hidden_0", 0), ("decoder/hidden_1", 1), ("decoder/deconv_0", 2), ("decoder/output", 3),
    ]  # fmt: skip
    groups = transfer.by_depth(vj.init(KEY, ladder(2, 2), xs()), float)
    assert groups["encoder/group_1/output"] == 0
    assert groups["encoder/group_1/hidden_0"] == 1


def test_l2_sp_has_the_minimum_of_its_penalty(float64):
    """argmin 1/2 |w - t|^2 + alpha/2 |w - w_0|^2 is (t + alpha w_0)/(1 + alpha); what is new is drawn to zero."""
    target, start, alpha, beta = jnp.array([3.0, -2.0]), jnp.array([1.0, 4.0]), 0.5, 0.25
    optimizer = optax.chain(transfer.l2_sp(alpha, beta, {"w": jnp.array([False, True])}), optax.sgd(0.3))
    params = {"w": start}
    state = optimizer.init(params)
    for _ in range(200):
        updates, state = optimizer.update({"w": params["w"] - target}, state, params)
        params = optax.apply_updates(params, updates)
    expected = [(3.0 + alpha * 1.0) / (1 + alpha), -2.0 / (1 + beta)]
    np.testing.assert_allclose(params["w"], expected, rtol=0, atol=1e-12)
    with pytest.raises(VaejaxError, match="alpha of L2-SP"):
        transfer.l2_sp(-1.0)
    with pytest.raises(VaejaxError, match="was given none"):
        optimizer.update({"w": target}, optimizer.init({"w": start}))


def test_features_of_a_pretrained_network_are_the_input_of_an_encoder():
    """What exists is enough: `nets.viewed` with a function that is held."""
    source, params = with_params(1, made(3))
    features = vj.nets.viewed(NET, lambda x, context: (vj.encode(source, params, x), context))
    found = vj.init(KEY, made(2, nets=(features, NET)), xs())
    assert found["encoder"]["hidden_0"]["kernel"].shape == (3, 8)


# Was it worth it?


@pytest.fixture(scope="module")
def curves():
    """Bars whose place is what there is to know; the source saw all of them, once turned round (so that it is no
    help) and once as they are."""
    x = np.eye(12, dtype=np.float32)[np.arange(240) % 12]
    data = vj.data.arrays(np.maximum(x, np.roll(x, 1, 1)))
    plain = vj.vae(NET, NET, data_shape=(12,), latent_size=2, likelihood=data.likelihood)
    taught = vj.trainer(plain, vj.objectives.elbo(), optax.adam(3e-2))
    source, _ = vj.fit(taught, data, epochs=40, batch_size=32, num_samples=2)

    def member(share, encoder):
        model = transfer.from_source(plain, source, share=share)
        return vj.trainer(model, vj.objectives.elbo(), transfer.paced(optax.adam(1e-2), {"encoder": encoder}))

    starts = {"scratch": {"share": 0.0, "encoder": 1.0}, "source": {"share": 1.0, "encoder": 1.0}}
    starts["frozen encoder"] = {"share": 1.0, "encoder": 0.0}
    return transfer.learning_curves(member, data, starts, sizes=[3, 150], steps=40, batch_size=16, num_samples=2)


@pytest.mark.long
def test_learning_curves_are_one_grid_over_starts_sizes_and_seeds(curves):
    assert dict(curves.elbo.sizes) == {"start": 3, "seed": 3, "num_examples": 2}
    assert curves.attrs["num_programs"] == 1
    assert curves.sizes["step"] == 40
    assert curves.share.dims == ("start",)
    mean = curves.mean("seed")
    overfit = (mean.elbo_train - mean.elbo).sel(start="scratch").values
    assert overfit[0] > overfit[1] + 0.5  # three examples are learned by heart; elbo_train is of these three
    assert (mean.elbo.sel(start="source") > mean.elbo.sel(start="scratch")).all()
    answer = transfer.worth(curves)
    assert answer.worth
    assert answer.gains[0].nats == pytest.approx(
        float((mean.elbo.sel(start="source") - mean.elbo.sel(start="scratch")).values[0]), abs=1e-3
    )


def test_members_see_their_first_examples_and_no_others_in_equal_numbers():
    x = np.eye(10, dtype=np.uint8)
    data = vj.data.arrays(x, x, x)
    model = vj.vae(NET, NET, data_shape=(10,), latent_size=2, likelihood=data.likelihood)
    plain = vj.trainer(model, vj.objectives.elbo(), optax.sgd(0.0))
    seen = plain._replace(step=lambda key, state, batch: (state._replace(step=state.step + 1), batch.x.sum(0)))
    batch, order = vj.Example(jnp.zeros((4, 10))), np.array([7, 2, 5, 0, 9])

    @jax.jit
    def counts(num):
        taught = transfer.drawn_from(seen, data, num, order)
        state, total = taught.init(KEY, batch), jnp.zeros(10)
        for at in range(3):
            state, found = taught.step(jax.random.fold_in(KEY, at), state, batch)
            total = total + found
        return total

    for num, expected in {1: [12], 3: [4, 4, 4], 4: [3, 3, 3, 3], 5: [3, 3, 2, 2, 2]}.items():
        np.testing.assert_array_equal(counts(num)[order[:num]], expected)
        assert counts(num).sum() == 12
    with pytest.raises(VaejaxError, match=r"the model is for examples of shape \(4,\)"):
        transfer.drawn_from(vj.trainer(made(2), vj.objectives.elbo(), optax.sgd(0.1)), data, 3)
    with pytest.raises(VaejaxError, match="num_examples"):
        transfer.drawn_from(plain, data, 11)


SIZES, SEEDS, EXAMPLES = [10, 100, 1000], 3, 200


def table(scratch, *others, overfit=1.0):
    """Made up: bounds by size of scratch and of each other start, the same noise of examples and seeds for all."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(1, SEEDS, 1, EXAMPLES)) + rng.normal(size=(1, SEEDS, 1, 1))
    num = 1 + len(others)
    own = 0.02 * rng.normal(size=(num, SEEDS, 1, 1)) + 0.1 * rng.normal(size=(num, SEEDS, 1, EXAMPLES))
    levels = np.array([scratch, *others], float)[:, None, :, None]
    found_at, dims = levels + noise + own, ("start", "seed", "num_examples")
    path = levels - 2.0 * np.array([3, 1, 0])  # three looks, after 10, 20 and 30 steps
    found = {
        "elbo_test_examples": ((*dims, "test_example"), found_at),
        "history_validation": ((*dims, "step"), np.broadcast_to(path, (*found_at.shape[:3], 3)).copy()),
        "elbo_train": (dims, found_at.mean(-1) + overfit),
        "status": (dims, np.full(found_at.shape[:3], "ok", dtype="<U8")),
    }
    names = ["scratch", "source", "other"][: len(levels)]
    return xr.Dataset(found, {"start": names, "seed": range(SEEDS), "num_examples": SIZES, "step": [10, 20, 30]})


def test_worth_finds_what_was_put_in():
    answer = transfer.worth(table([-30.0, -20.0, -10.0], [-25.0, -16.0, -9.99]))
    assert [gain.nats for gain in answer.gains] == pytest.approx([5.0, 4.0, 0.01], abs=0.1)
    assert [gain.verdict for gain in answer.gains[:2]] == ["worth it"] * 2
    assert answer.margin_nats == pytest.approx(0.05, abs=0.01)
    first = answer.gains[0]
    assert first.examples_from_scratch == pytest.approx(10 * np.sqrt(10), rel=0.05)  # halfway in log n
    assert first.steps_from_scratch == 30
    assert first.steps.at == pytest.approx(12.5)
    assert first.steps.compared_with(30) == "fewer"
    assert first.overfit == pytest.approx(1.0)
    assert answer.reason.startswith("Worth it: source is sure to gain more than the margin of 0.05 nats with 10 exam")


def test_what_is_no_gain_is_called_that_and_what_is_not_known_too():
    lost = transfer.worth(table([-30.0, -20.0, -10.0], [-31.0, -21.0, -11.0]))
    assert not lost.worth
    assert lost.reason.startswith("Not worth it: source, the best start")
    assert {gain.verdict for gain in lost.gains} == {"not worth it"}
    assert lost.gains[2].steps.at == float("inf")
    assert [gain.examples.compared_with(gain.num_examples) for gain in lost.gains] == ["not fewer"] * 3
    assert lost.gains[0].examples_from_scratch == pytest.approx(10)
    near = transfer.worth(table([-30.0, -20.0, -10.0], [-29.88, -19.88, -9.88]))
    assert near.gains[0].nats > near.margin_nats > near.gains[0].nats - near.gains[0].reach
    assert near.reason.startswith("Not decided")
    equal = transfer.worth(table([-30.0, -20.0, -10.0], [-30.0, -20.0, -10.0]))
    open_ones = [gain for gain in equal.gains if gain.nats <= equal.margin_nats < gain.nats + gain.reach]
    assert open_ones
    assert {gain.verdict for gain in open_ones} == {"not decided"}  # it may be worth it, though the mean is not
    best = transfer.worth(table([-30.0, -20.0, -10.0], [-31.0, -21.0, -11.0], [-28.0, -18.0, -9.0]))
    assert best.start == "other"
    assert best.gains[-1].examples_from_scratch == float("inf")
    assert "not worth it with" not in best.reason


def test_examples_needed_are_read_off_the_curve_of_the_start_with_an_interval():
    """Scratch with 1,000 is at -10; the start is there halfway in log n between 100, at -12, and 1,000, at -8."""
    found = transfer.worth(table([-30.0, -20.0, -10.0], [-25.0, -12.0, -8.0]))
    last = found.gains[-1].examples
    assert last.at == pytest.approx(100 * np.sqrt(10), rel=0.05)
    assert 100 < last.low < last.at < last.high < 1000
    assert last.compared_with(1000) == "fewer"
    for end, gaps in ((last.low, 1), (last.high, -1)):  # where the ends of the intervals at 100 and 1,000 come to zero
        ends = [gap.mean + gaps * gap.reach for gap in gaps_at_each_size(2)]
        part = np.log(end / 100) / np.log(10)
        assert ends[1] + part * (ends[2] - ends[1]) == pytest.approx(0.0, abs=1e-9)
    assert str(found.gains[0].examples) == "≤ 10"  # the first size there is: fewer cannot be told
    assert found.gains[0].examples.compared_with(10) == "not decided"
    assert "To be as good as scratch with 1,000, it needs 3" in found.reason
    near = transfer.worth(table([-30.0, -20.0, -10.0], [-29.9, -19.9, -9.9])).gains[-1].examples
    assert near.at < 1000 < near.high
    assert near.compared_with(1000) == "not decided"
    assert str(near).endswith("to > 1,000)")


def gaps_at_each_size(size):
    """What the table of the test above says, taken once more by hand: the start at each size, scratch at one."""
    bounds = table([-30.0, -20.0, -10.0], [-25.0, -12.0, -8.0]).elbo_test_examples
    mine, theirs = (
        bounds.sel(start=name).transpose("num_examples", "seed", ...).values for name in ("source", "scratch")
    )
    return [gap_of(here - theirs[size]) for here in mine]


def test_steps_needed_have_an_interval_over_seeds():
    """Paths of three seeds that reach the level of scratch at 15, 20 and 25 of 10, 20, 30 steps."""
    found = table([-30.0, -20.0, -10.0], [-25.0, -16.0, -8.0])
    paths = found.history_validation.values
    paths[0] = [-9.0, -6.0, -5.0]
    paths[1] = np.array([[-7.0, -3.0, -3.0], [-6.0, -5.0, -4.0], [-7.0, -6.0, -4.0]])[:, None]
    steps = transfer.worth(found).gains[0].steps
    means, spread = paths[1, :, 0].mean(0) + 5.0, paths[1, :, 0].std(0, ddof=1) / np.sqrt(3)
    assert steps.at == pytest.approx(10 + 10 * means[0] / (means[0] - means[1]))
    high = means - 4.302653 * spread  # Student's t of three seeds
    assert high.max() < 0
    assert steps.high == float("inf")
    assert steps.low == pytest.approx(10 + 10 * (lower := means + 4.302653 * spread)[0] / (lower[0] - lower[1]))
    assert steps.compared_with(30) == "not decided"
    paths[0], paths[1] = [-9.0, -5.0, -6.0], [-7.0, -6.0, -4.0]  # scratch overfits after 20; all seeds are alike
    early = transfer.worth(found).gains[0]
    assert early.steps_from_scratch == 20
    assert early.steps[:3] == (25.0, 25.0, 25.0)
    alone = transfer.worth(found.isel(seed=[1])).gains[0].steps
    assert (alone.low, alone.high) == (10, float("inf"))  # one seed tells of no other


def test_a_margin_is_a_part_of_the_bound_or_nats():
    found = table([-30.0, -20.0, -10.0], [-27.0, -17.0, -7.0])
    best = float(-found.elbo_test_examples[0, :, 2].mean())
    assert transfer.worth(found, margin=0.2).margin_nats == pytest.approx(0.2 * best)
    answer = transfer.worth(found, margin=0.9, margin_nats=4.0)
    assert answer.margin_nats == 4.0
    assert {gain.verdict for gain in answer.gains} == {"not worth it"}
    assert transfer.worth(found, margin_nats=1.0).worth
    for wrong, said in (({"margin": 0.0}, "margin must be a part"), ({"margin_nats": 0.0}, "margin_nats must be")):
        with pytest.raises(VaejaxError, match=said):
            transfer.worth(found, **wrong)


def test_the_best_start_is_worth_it_at_most_sizes():
    """Of one that gains much with ten examples and loses later, and one that gains little everywhere."""
    answer = transfer.worth(table([-30.0, -20.0, -10.0], [-5.0, -21.0, -11.0], [-28.0, -18.0, -9.0]))
    assert answer.start == "other"


def test_members_that_diverged_have_no_say():
    found = table([-30.0, -20.0, -10.0], [-25.0, -16.0, -8.0])
    for name in ("elbo_test_examples", "history_validation", "elbo_train"):
        found[name][1, 0] = np.nan
    found["status"][1, 0] = "diverged"
    answer = transfer.worth(found)
    assert answer.warnings[0] == "3 members diverged and had no say."
    assert answer.gains[0].nats == pytest.approx(5.0, abs=0.1)
    assert answer.gains[2].examples.compared_with(1000) == "fewer"  # by the seeds that are left
    found["status"][1, 2] = "diverged"  # with numbers from before
    found["elbo_test_examples"][1, 2] = 1e6
    assert transfer.worth(found).gains[0].nats == pytest.approx(5.0, abs=0.2)
    found["status"][1, :, 0] = "diverged"
    assert [gain.num_examples for gain in transfer.worth(found).gains] == [100, 1000]
    assert "one seed" in transfer.worth(found.isel(seed=[1])).warnings[-1]
    found["status"][0, :, 0] = "diverged"
    with pytest.raises(VaejaxError, match="every member from scratch diverged"):
        transfer.worth(found)
    with pytest.raises(VaejaxError, match="expected the start 'fresh'"):
        transfer.worth(found, scratch="fresh")


def test_the_picture_shows_means_gains_and_the_margin():
    """What is drawn is what was measured, bars hold their intervals and all of it is in sight."""
    found = table([-30.0, -20.0, -10.0], [-25.0, -16.0, -8.0])
    found = found.assign(elbo=found.elbo_test_examples.mean("test_example"))
    found["elbo"][1, 0] = np.nan  # it diverged
    found["status"][1, 0] = "diverged"
    answer = transfer.worth(found, margin_nats=3.0)
    figure = vj.report.figures.learning_curves(found, answer)
    bound, gained, overfit = figure.axes
    bars = {one.get_label(): one for one in bound.containers}
    assert list(bars) == ["scratch", "source"]
    np.testing.assert_allclose(np.asarray(bars["source"][0].get_ydata(), float), found.elbo[1, 1:].mean("seed"))
    (line,) = gained.containers
    np.testing.assert_allclose(np.asarray(line[0].get_ydata(), float), [gain.nats for gain in answer.gains])
    ends = np.array([segment[:, 1] for segment in line[2][0].get_segments()])
    np.testing.assert_allclose(np.ptp(ends, axis=1), [2 * gain.reach for gain in answer.gains])
    band = gained.patches[0]
    assert (band.get_y(), band.get_height()) == (0.0, 3.0)
    np.testing.assert_allclose(np.asarray(overfit.containers[0][0].get_ydata(), float), 1.0)
    for axes in figure.axes:
        low, high = axes.get_ylim()
        drawn = np.concatenate([np.asarray(one.get_ydata(), float) for one in axes.lines])
        assert low < np.nanmin(drawn) <= np.nanmax(drawn) < high
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1,000", "100", "10"]


def test_a_picture_is_in_the_colours_of_the_page_and_the_same_twice():
    found = table([-30.0, -20.0, -10.0], [-25.0, -16.0, -8.0]).isel(num_examples=[0])  # one size is a picture too
    found = found.assign(elbo=found.elbo_test_examples.mean("test_example"))
    picture = vj.report.learning_curves(found, transfer.worth(found))
    assert picture == vj.report.learning_curves(found, transfer.worth(found))
    page = _style.by_day(1)
    assert all(f"--{name}:{colour};" in page for name, colour in _look.DAYLIGHT.items())
    with Image.open(io.BytesIO(picture)) as image:
        assert image.convert("RGB").getpixel((1, 1)) == (0xFC, 0xFC, 0xFA)


def small_curves(rows=None, starts=("scratch", "source"), **how):
    plain = made(2)
    source = with_params(1, plain)

    def member(share):
        return vj.trainer(transfer.from_source(plain, source, share=share), vj.objectives.elbo(), optax.adam(1e-2))

    rows = np.random.default_rng(3).random((40, 4), np.float32) if rows is None else rows
    shares = {name: {"share": share} for name, share in zip(starts, (0.0, 1.0), strict=True)}
    how = {"sizes": [1, 20], "steps": 6, "seeds": (0, 1), "batch_size": 8, "num_samples": 2, **how}
    return transfer.learning_curves(member, rows, shares, **how)


def stopping(num):
    """Asks to stop at the so-manieth time it is asked."""
    times = iter(range(num))
    return lambda: 15 if next(times, None) is None else 0


@pytest.fixture(scope="module")
def stopped_curves(tmp_path_factory):
    """The folder of curves that were stopped after some steps; to be copied before it is used."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.raises(Stopped):
        small_curves(keep=vj.Keeper(folder, 0.0, stopping(4)))
    return folder


@pytest.mark.long
def test_curves_that_were_stopped_go_on_to_the_same_bits(stopped_curves, tmp_path, monkeypatch):
    """In the middle, and then while the own examples of members are measured."""
    keep, segments, measured = Path(shutil.copytree(stopped_curves, tmp_path / "a")), [], []
    each = _curves.of_each_member
    monkeypatch.setattr(_curves, "of_each_member", lambda *given: (measured.append(1), each(*given))[1])
    with pytest.raises(Stopped):
        small_curves(keep=vj.Keeper(keep, 0.0, lambda: 15 * len(measured)), on_segment=segments.append)
    before = len(segments)
    assert 0 < before < 6
    found = small_curves(keep=keep, on_segment=segments.append)
    assert len(segments) == before  # all was trained when it was stopped
    xr.testing.assert_identical(found, small_curves(on_segment=segments.append))
    assert [table.attrs["epoch"] for table in segments[before:]] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"rows": np.ones((40, 4), np.float32)}, "examples was"),
        ({"starts": ("scratch", "another")}, "starts was"),
        ({"sizes": [1, 10]}, "axes was"),
        ({"steps": 7}, "epochs was 6 and is now 7"),
    ],
)
def test_curves_of_something_else_do_not_go_on(stopped_curves, other, said):
    before = sorted(stopped_curves.rglob("*"))
    with pytest.raises(VaejaxError, match=said):
        small_curves(keep=stopped_curves, **other)
    assert sorted(stopped_curves.rglob("*")) == before


@pytest.mark.parametrize(
    ("sizes", "starts", "said"),
    [
        ([5, 5], None, "sizes must rise and be at most the 32 training examples"),
        ([50], None, "at most the 32 training examples"),
        ([5], {"scratch": {"share": 0.0}}, "two or more by name"),
        ([5], {"scratch": {"seed": 0}, "source": {"seed": 1}}, "none of them draw"),
    ],
)
def test_learning_curves_refuse_what_they_cannot_draw(sizes, starts, said):
    starts = starts or {"scratch": {"share": 0.0}, "source": {"share": 1.0}}
    with pytest.raises(VaejaxError, match=said):
        transfer.learning_curves(lambda share: None, np.ones((40, 4)), starts, sizes=sizes, steps=1)
