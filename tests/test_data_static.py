"""Bits that are drawn once: numpy's stream, validation first; and the grey values again, where they are left."""

import jax
import numpy as np
import pytest

from vaejax import data
from vaejax.data import _rows
from vaejax.errors import DataError

GREY = np.random.default_rng(1).integers(0, 256, (40, 3, 2), dtype=np.uint8)
UNIT = np.random.default_rng(2).random((40, 3, 2)).astype(np.float32)


def drawn_by_numpy(x, seed, top):
    """The rule in numpy's own words: `np.random.seed(seed)`, then a binomial of each flattened split."""
    random = np.random.RandomState(seed)
    parts = (x.validation, x.test, x.train)
    bits = [random.binomial(1, part.reshape(len(part), -1).astype(np.float64) / top) for part in parts]
    return [b.reshape(part.shape) for b, part in zip(bits, parts, strict=True)]


@pytest.mark.parametrize("piece", [1, 16, 2**22])
@pytest.mark.parametrize(("array", "top"), [(GREY, 255), (GREY // 16, 255), (UNIT, 1)])
def test_bits_are_drawn_by_numpy_s_rule(array, top, piece, monkeypatch):
    monkeypatch.setattr(_rows, "CHUNK", piece)
    x = data.arrays(array)
    validation, test, train = drawn_by_numpy(x, 777, top)
    fixed, held_out = data.binarise_static(x, 777), data.binarise_held_out(x, 777)
    assert np.array_equal(fixed.validation, validation)
    assert np.array_equal(fixed.test, test)
    assert np.array_equal(fixed.train, train)
    assert np.array_equal(held_out.validation, validation * top)
    assert np.array_equal(held_out.test, test * top)
    assert held_out.train is x.train
    assert held_out.test.dtype == x.test.dtype


def seen(x, split, seed):
    keys = jax.random.split(jax.random.key(seed), len(split))
    return np.asarray(jax.vmap(x.view)(keys, split))


@pytest.mark.parametrize("array", [GREY, UNIT], ids=["grey", "floats"])
def test_held_out_bits_are_seen_the_same_each_time_and_training_bits_are_not(array):
    x = data.binarise_held_out(data.arrays(array), 3)
    fixed = data.binarise_static(data.arrays(array), 3)
    assert not np.array_equal(seen(x, x.train, 0), seen(x, x.train, 1))
    for seed in (0, 1):
        assert np.array_equal(seen(x, x.test, seed), fixed.test)
        assert np.array_equal(seen(x, x.validation, seed), fixed.validation)
        assert np.array_equal(seen(fixed, fixed.train, seed), fixed.train)


def test_what_they_say_of_themselves():
    x = data.arrays(GREY)
    fixed, held_out = data.binarise_static(x, 5), data.binarise_held_out(x, 5)
    assert fixed.preparation == "v, drawn once from Bernoulli(v/255) with seed 5"
    assert held_out.preparation == "Bernoulli(v/255), drawn anew; validation and test once, with seed 5"
    assert (fixed.levels, fixed.likelihood.name, str(fixed.support)) == (2, "bernoulli", "{0, 1}")
    assert (held_out.levels, held_out.likelihood.name, str(held_out.support)) == (256, "bernoulli", "{0, 1}")
    assert held_out.view is data.binarise_dynamic(x).view  # so that nothing is compiled twice
    others = [data.binarise_static(x, 6), data.binarise_held_out(x, 6), data.binarise_dynamic(x), x]
    assert len({data.digest(y) for y in (fixed, held_out, *others)}) == 6


@pytest.mark.parametrize("binarise", [data.binarise_static, data.binarise_held_out])
def test_what_cannot_be_drawn_is_refused(binarise):
    for seed in (None, True, 1.0, -1, 2**32, "777"):
        with pytest.raises(DataError, match=r"whole number from 0 to 2\*\*32 - 1, got"):
            binarise(data.arrays(GREY), seed)
    reals = data.arrays(UNIT)._replace(test=UNIT + 1)
    with pytest.raises(DataError, match=r"values outside of \[0, 1\]: scale"):
        binarise(reals, 0)


@pytest.mark.parametrize("array", [GREY, GREY // 128 * 255, UNIT], ids=["grey", "black and white", "floats"])
def test_grey_undoes_a_draw_that_is_made_anew(array):
    x = data.arrays(array)
    back = data.grey(data.binarise_dynamic(x))
    assert data.digest(back) == data.digest(x)
    assert (back.likelihood.name, back.support) == (x.likelihood.name, x.support)
    assert np.array_equal(seen(back, back.test, 0), seen(x, x.test, 1))


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (data.binarise_threshold(data.arrays(GREY)), "no grey values: give"),
        (data.binarise_static(data.arrays(GREY), 1), "no grey values: give"),
        (data.binarise_held_out(data.arrays(GREY), 1), "no grey values for validation and test: give"),
        (data.binarise_held_out(data.arrays(UNIT), 1), "no grey values for validation and test: give"),
    ],
)
def test_grey_refuses_what_was_drawn_once(x, words):
    with pytest.raises(DataError, match=words):
        data.grey(x)
