"""Shapes with known factors: the geometry by an independent drawing, the same bits everywhere, data made of them."""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax import data
from vaejax.data import _shapes
from vaejax.errors import DataError, VaejaxError

SPACE = data.SHAPES
SMALL = {"scale": 5, "orientation": 10, "x_position": 8, "y_position": 8}
EACH = SPACE.combinations({}, {"x_position": 12, "y_position": 20})  # 720: every shape, scale and orientation
SHA = "2414ed6520e4a25330f75c1050591e70d6968c491dc7d0c7aff0524aa7d423aa"  # of those pictures


def drawn(factors, size=64):
    return np.asarray(jax.jit(jax.vmap(lambda one: data.render(one, size)))(jnp.asarray(factors)))


@pytest.fixture(scope="module")
def each():
    return drawn(EACH)


def beyond(factors, size=64):
    """How far each centre of a pixel is outside of a shape, or, below 0, inside, at least: in float64, by geometry of
    complex numbers: normals of a square, the two foci of an ellipse, the corners of a heart from its tip."""
    shape, scale, turn, x, y = factors
    side = (np.arange(size) + 0.5) * 64 / size
    points = (side[None, :] - (16.5 + x)) + 1j * ((16.5 + y) - side[:, None])
    radius = 15.75 * (0.5 + 0.1 * scale)
    points = points * np.exp(-2j * np.pi * turn / 40) / radius
    if shape == 0:
        return radius * (np.max([(points * 1j**k).real for k in range(4)], axis=0) - np.sqrt(0.5))
    if shape == 1:
        focus = np.sqrt(1 - 0.25)
        return radius * (np.abs(points - focus) + np.abs(points + focus) - 2) / 2
    height = (1 + 3 * np.pi / 8 + 1 / 6) / (1 + np.pi / 4)  # of the centre of mass over the tip, of half a diagonal
    edge = np.sqrt(2) / height
    right = edge * np.exp(1j * np.pi / 4)
    points = points + 1j  # from the tip
    inner = points - right * (1 + 1j) / 2
    square = np.max([(inner * np.exp(1j * np.pi * (k / 2 + 1 / 4))).real for k in range(4)], axis=0) - edge / 2
    discs = [np.abs(points - right * middle) - edge / 2 for middle in (1 + 0.5j, 1j + 0.5)]
    return radius * np.min([square, *discs], axis=0)


def test_every_shape_is_that_of_an_independent_drawing_and_no_edge_is_near_a_centre(each):
    expected = np.stack([beyond(one) for one in EACH])
    assert np.array_equal(each, expected < 0)
    assert np.abs(expected).min() > 4e-4


@pytest.mark.parametrize("size", [16, 32, 48])
def test_other_sizes_are_the_same_shapes(size):
    some = SPACE.factors_at(np.random.default_rng(0).integers(0, SPACE.num, 200))
    assert np.array_equal(drawn(some, size), np.stack([beyond(one, size) for one in some]) < 0)


def test_a_position_moves_the_shape_by_whole_pixels_and_none_leaves_the_frame(each):
    corners = np.array([[0, 0], [31, 0], [0, 31], [31, 31]])
    for x, y in corners:
        found = drawn(np.concatenate([EACH[:, :3], np.tile([x, y], (720, 1))], 1))
        assert np.array_equal(found, np.roll(each, (y - 20, x - 12), axis=(1, 2)))
        edge = found.copy()
        edge[:, 1:-1, 1:-1] = 0
        assert not edge.any()


def test_the_position_is_the_centre_of_mass(each):
    at = np.arange(64) + 0.5
    for axis, centre in ((1, 16.5 + 12), (2, 16.5 + 20)):
        found = (each.sum(axis) * at).sum(1) / each.sum((1, 2))
        assert np.abs(found - centre).max() < 0.25  # a heart of a few pixels is not quite one


def test_shapes_turn_against_the_clock_and_the_heart_stands_upright():
    heart = drawn([[2, 5, 0, 12, 12], [2, 5, 10, 12, 12]])
    assert np.array_equal(heart[0], heart[0][:, ::-1][:, np.r_[7:64, :7]])
    assert np.flatnonzero(heart[0].any(1))[-1] - 28 > 28 - np.flatnonzero(heart[0].any(1))[0]  # the tip is below
    assert np.array_equal(heart[1][:57, :57], np.rot90(heart[0][:57, :57]))


def test_how_many_pictures_there_are(each):
    distinct = [len(np.unique(each[240 * k : 240 * (k + 1)].reshape(240, -1), axis=0)) for k in range(3)]
    assert distinct == [6 * 10, 6 * 20, 6 * 40]
    by_turn = each.reshape(3, 6, 40, 64, 64)
    assert np.array_equal(by_turn[0, :, :30], by_turn[0, :, 10:])
    assert np.array_equal(by_turn[1, :, :20], by_turn[1, :, 20:])
    assert sum(distinct) * 32 * 32 == 430_080


def test_the_bits_are_these(each):
    assert hashlib.sha256(np.packbits(each).tobytes()).hexdigest() == SHA


def test_double_precision_draws_the_same_bits(each, float64):
    assert np.array_equal(drawn(EACH), each)


def test_an_index_and_its_factors_are_one():
    index = np.array([[0, 1, 32], [1024, 40_960, SPACE.num - 1]])
    factors = SPACE.factors_at(index)
    assert factors[0, 1].tolist() == [0, 0, 0, 0, 1]
    assert factors[1].tolist() == [[0, 0, 1, 0, 0], [0, 1, 0, 0, 0], [2, 5, 39, 31, 31]]
    assert np.array_equal(SPACE.index_of(factors), index)
    assert np.array_equal(SPACE.index_of(SPACE.combinations({}, {})), np.arange(SPACE.num))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: SPACE.factors_at(SPACE.num), "from 0 to 737279, got 737280"),
        (lambda: SPACE.factors_at(0.5), "whole numbers, got float64"),
        (lambda: SPACE.index_of([0, 0, 40, 0, 0]), "orientation must be from 0 to 39, got 40"),
        (lambda: SPACE.index_of([0, 0, 0]), r"along the last axis, got shape \(3,\)"),
        (lambda: data.shapes(frozen={"colour": 1}), "no factor 'colour': the factors are shape, scale"),
        (lambda: data.shapes(frozen={"shape": 3}), "the frozen shape must be a whole number from 0 to 2, got 3"),
        (lambda: data.shapes(every={"scale": 0}), "every scale must be a whole number from 1 to 6, got 0"),
        (lambda: data.shapes(every={"scale": 2}, frozen={"scale": 0}), "scale is frozen: leave it out of every"),
        (lambda: data.shapes(200, every=SMALL, frozen={"shape": 0}), "shapes have 104 examples for train, got 200"),
        (lambda: data.shapes(size=0), "size of a picture must be at least 1"),
    ],
)
def test_what_is_no_factor_is_one_error(call, words):
    with pytest.raises(VaejaxError, match=words):
        call()


def test_the_whole_space_is_split_and_kept_small():
    x = data.shapes()
    assert [len(split) for split in x.splits.values()] == [589_824, 73_728, 73_728]
    index = np.concatenate([SPACE.index_of(split) for split in x.splits.values()])
    assert np.array_equal(np.sort(index), np.arange(SPACE.num))
    assert index[0] == np.random.default_rng(0).permutation(SPACE.num)[0]
    assert sum(split.nbytes for split in x.splits.values()) == 5 * SPACE.num
    assert x.factors["test"] is x.test
    few = data.shapes(1000, 10)
    assert np.array_equal(few.train, x.train[:1000])
    assert np.array_equal(few.validation, x.validation[:10])
    assert np.array_equal(few.test, x.test[:10])
    assert data.digest(few) != data.digest(x)


def test_fewer_values_keep_their_numbers_and_frozen_ones_stay():
    x = data.shapes(size=16, every=SMALL, frozen={"shape": 2})
    every_one = np.concatenate(list(x.splits.values()))
    assert [np.unique(column).tolist() for column in every_one.T] == [
        [2],
        [0, 5],
        [0, 10, 20, 30],
        [0, 8, 16, 24],
        [0, 8, 16, 24],
    ]
    assert len(every_one) == 2 * 4**3


def test_examples_are_rendered_and_what_models_see_is_checked():
    x = data.shapes(20, 5, size=16)
    assert (x.data_shape, x.train.shape, x.levels, x.is_rendered) == ((16, 16), (20, 5), 2, True)
    raw = x.raw("train")
    seen = jax.jit(jax.vmap(x.example))(jax.random.split(jax.random.key(0), 20), jax.tree.map(jnp.asarray, raw))
    assert np.array_equal(seen.x, drawn(x.train, 16))
    assert seen.x.dtype == jnp.zeros(()).dtype
    assert data.holds(x.support, seen.x)
    assert data.digest(x) != data.digest(data.shapes(20, 5, size=32))
    assert data.load("shapes").data_shape == (64, 64)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: data.fitted(x, vj.likelihoods.normal()), r"rendered on \{0, 1\}: .* its own, bernoulli"),
        (lambda x: data.fitted(x, vj.likelihoods.binomial(40)), r"rendered on \{0, 1\}: .* its own, bernoulli"),
        (data.binarise_dynamic, r"16 x 16 pixels rendered of the factors v\), on \{0, 1\}, .* leave that out"),
        (data.binarise_threshold, "leave that out"),
        (lambda x: data.binarise_static(x, 0), "leave that out"),
        (lambda x: data.binarise_held_out(x, 0), "leave that out"),
        (data.grey, "leave that out"),
    ],
)
def test_what_would_take_factors_for_greys_is_refused(change, words):
    with pytest.raises(DataError, match=words):
        change(data.shapes(20, 5, size=16))


def test_a_likelihood_on_two_values_is_kept():
    x = data.fitted(data.shapes(20, 5, size=16), vj.likelihoods.bernoulli())
    assert x.likelihood.name == "bernoulli"
    assert data.digest(x) == data.digest(data.shapes(20, 5, size=16))


def test_parts_of_pictures_may_be_missing():
    x = data.missing_at_random(data.shapes(20, 5, size=16), 0.25)
    assert x.observed["train"].shape == (20, 16, 16)
    with pytest.raises(DataError, match=r"shape of x, \(20, 16, 16\) in train of shapes, got \(20, 5\)"):
        data.with_observed(x, {name: np.ones(split.shape) for name, split in x.splits.items()})


@pytest.mark.long
def test_a_grid_trains_on_pictures_that_are_rendered_as_they_are_on_pictures():
    x = data.shapes(64, 16, size=8, frozen={"shape": 0})
    pictures = data.arrays(*(drawn(split, 8) for split in x.splits.values()), name="pictures")

    nets = (vj.nets.mlp(8), vj.nets.mlp(8))
    model = vj.vae(*nets, data_shape=(8, 8), latent_size=2, likelihood=vj.likelihoods.bernoulli())
    taught = vj.trainer(model, vj.objectives.elbo(), optax.adam(1e-2))
    results = [vj.fit(taught, of, epochs=2, num_samples=4)[1] for of in (x, pictures)]
    first, second = (result.dataset.elbo.item() for result in results)
    assert first == pytest.approx(second, rel=1e-5)


def test_pictures_are_written_as_a_data_set_of_tfds(tmp_path, monkeypatch):
    every = {name: n for name, n in SMALL.items() if name != "scale"}
    how = {"size": 16, "every": every, "frozen": {"scale": 5}}
    name = data.prepare_shapes(tmp_path, **how)
    assert name == "vaejax_shapes/size_16_every_orientation_10_every_x_position_8_every_y_position_8_frozen_scale_5"
    read, x = data.tfds(name, tmp_path), data.shapes(**how)
    order = [x.factor_names.index(factor) for factor in read.factor_names]
    assert sorted(order) == [0, 1, 2, 3, 4]
    for split in x.splits:
        assert np.array_equal(read.factors[split], x.factors[split][:, order])
        assert np.array_equal(read.splits[split], drawn(x.splits[split], 16))
    assert (read.levels, read.likelihood.name) == (2, "bernoulli")
    monkeypatch.setattr(_shapes, "prepare", lambda *_: pytest.fail("prepared again"))
    assert data.prepare_shapes(tmp_path, **how) == name
