"""Data: what a view does to the values, what a likelihood may see, and every input that is refused, by its words."""

import functools
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from vaejax import data, likelihoods
from vaejax.errors import DataError
from vaejax.families import COUNTS
from vaejax.types import Support

GREY = np.arange(20 * 6, dtype=np.uint8).reshape(20, 2, 3) % 17
BITS = (GREY > 8).astype(np.uint8)
UNIT = np.linspace(0, 1, 120).reshape(20, 2, 3)
REAL = UNIT * 5 - 2


@functools.cache
def compiled(view):
    return jax.jit(lambda key, raw: jax.vmap(view)(jax.random.split(key, len(raw)), raw))


def seen(x: data.Data, seed: int = 0) -> np.ndarray:
    return np.asarray(compiled(x.view)(jax.random.key(seed), x.train))


def test_importing_the_room_imports_no_source():
    heavy = ["tensorflow_datasets", "sklearn", "tensorflow", "PIL", "matplotlib", "orbax"]
    code = f"import vaejax.data, sys; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


# arrays


def test_one_array_is_split_into_disjoint_covering_parts_the_same_each_time():
    rows = np.arange(1797, dtype=np.float32).reshape(-1, 1) / 1797
    a, b = data.arrays(rows), data.arrays(rows)
    assert [len(split) for split in a.splits.values()] == [1439, 179, 179]
    assert np.array_equal(np.sort(np.concatenate(list(a.splits.values())), axis=0), rows)
    assert np.array_equal(a.train, rows[np.random.default_rng(0).permutation(1797)[:1439]])
    assert data.digest(a) == data.digest(b)


@pytest.mark.parametrize("num", [10, 11, 19, 20, 29])
def test_every_split_has_an_example(num):
    splits = data.arrays(np.zeros((num, 1))).splits
    assert sum(map(len, splits.values())) == num
    assert min(map(len, splits.values())) >= 1


def test_three_splits_are_kept_in_order():
    x = data.arrays(GREY[:5], GREY[5:7], GREY[7:], levels=17)
    assert np.array_equal(np.concatenate(list(x.splits.values())), GREY)
    assert x.data_shape == (2, 3)


@pytest.mark.parametrize(
    ("array", "kwargs", "levels", "likelihood", "dtype"),
    [
        (GREY, {}, 256, "discretized_logistic", "uint8"),
        (GREY, {"levels": 17}, 17, "discretized_logistic", "uint8"),
        (GREY, {"levels": np.int64(17)}, 17, "discretized_logistic", "uint8"),
        (GREY, {"levels": 17, "likelihood": likelihoods.binomial(17)}, 17, "binomial", "uint8"),
        (BITS, {}, 2, "bernoulli", "uint8"),
        (BITS, {"levels": 256}, 256, "discretized_logistic", "uint8"),
        (BITS.astype(bool), {}, 2, "bernoulli", "uint8"),
        (BITS.astype(np.float64), {}, None, "bernoulli", "float32"),
        (UNIT, {}, None, "continuous_bernoulli", "float32"),
        (UNIT.astype(np.float16), {}, None, "continuous_bernoulli", "float32"),
        (jnp.asarray(UNIT, jnp.bfloat16), {}, None, "continuous_bernoulli", "float32"),
        (jnp.asarray(GREY), {}, 256, "discretized_logistic", "uint8"),
        (REAL, {"likelihood": likelihoods.normal()}, None, "normal", "float32"),
        (GREY.astype(np.int64) - 8, {"likelihood": likelihoods.normal()}, None, "normal", "float32"),
        (GREY.astype(np.uint16), {"likelihood": likelihoods.normal()}, None, "normal", "float32"),
        (BITS.astype(np.int32), {"likelihood": likelihoods.bernoulli()}, None, "bernoulli", "float32"),
        (GREY / 16, {"likelihood": likelihoods.binomial(17)}, None, "binomial", "float32"),
        (GREY.astype(np.int64) * 999, {"likelihood": likelihoods.poisson()}, None, "poisson", "float32"),
        (GREY.astype(np.uint16), {"likelihood": likelihoods.poisson()}, None, "poisson", "float32"),
        (GREY * 40.0, {"likelihood": likelihoods.poisson()}, None, "poisson", "float32"),
        (BITS * 1.0, {"likelihood": likelihoods.poisson()}, None, "poisson", "float32"),
        (np.asfortranarray(UNIT).astype(">f8"), {}, None, "continuous_bernoulli", "float32"),
    ],
)
def test_what_an_array_becomes(array, kwargs, levels, likelihood, dtype):
    x = data.arrays(array, **kwargs)
    assert (x.levels, x.likelihood.name, x.train.dtype) == (levels, likelihood, dtype)
    top = 1 if levels is None else levels - 1
    expected = np.asarray(array).astype(np.float32)[np.random.default_rng(0).permutation(20)[:16]] / top
    np.testing.assert_allclose(seen(x), expected, rtol=1e-6)
    assert data.holds(x.support, seen(x))
    assert data.holds(x.likelihood.support, seen(x))


def test_no_value_is_lost_in_float64():
    with jax.enable_x64(True):
        x = seen(data.arrays(GREY, levels=17))
        assert x.dtype == np.float64
        assert set((x * 16).ravel()) == set(range(17))
        assert seen(data.arrays(UNIT)).dtype == np.float64


# views


def test_a_dequantised_level_is_uniform_on_its_cell():
    x = data.fitted(data.arrays(np.full((20_000, 1), 3, np.uint8), levels=17), likelihoods.continuous_bernoulli())
    values = np.sort(seen(x).ravel()) * 17 - 3
    assert values[0] >= -1e-6
    assert values[-1] <= 1 + 1e-6
    grid = (np.arange(len(values)) + 0.5) / len(values)
    assert np.abs(values - grid).max() < 1.63 / len(values) ** 0.5  # Kolmogorov-Smirnov at 1%
    assert x.support == Support(None, 0.0, 1.0)


def test_the_top_level_stays_in_the_interval():
    x = data.fitted(data.arrays(np.full((20_000, 1), 255, np.uint8)), likelihoods.continuous_bernoulli())
    assert data.holds(x.support, seen(x))


@pytest.mark.parametrize("array", [np.uint8([[0, 4, 8, 16]]), np.float32([[0, 0.25, 0.5, 1]])])
def test_dynamic_binarisation_has_the_mean_of_the_grey_values(array):
    levels = 17 if array.dtype == np.uint8 else None
    x = data.binarise_dynamic(data.arrays(np.tile(array, (25_000, 1)), levels=levels))
    drawn = seen(x)
    assert set(drawn.ravel()) == {0.0, 1.0}
    mean, p = drawn.mean(0), np.array([0, 0.25, 0.5, 1])
    assert (np.abs(mean - p) <= 4 * np.sqrt(p * (1 - p) / 20_000)).all()
    assert abs(np.corrcoef(drawn[:, 1], drawn[:, 2])[0, 1]) < 4 / 20_000**0.5  # pixels are drawn apart
    assert (x.support, x.likelihood.name) == (Support(2, 0.0, 1.0), "bernoulli")


@pytest.mark.parametrize("make", [data.binarise_dynamic, lambda x: data.fitted(x, likelihoods.normal())])
def test_draws_follow_the_key_alone(make):
    x = make(data.arrays(GREY, levels=17))
    assert np.array_equal(seen(x, 1), seen(x, 1))
    assert not np.array_equal(seen(x, 1), seen(x, 2))


def test_equal_views_are_one_function_so_nothing_is_compiled_twice():
    x, y = data.arrays(GREY, levels=17), data.arrays(GREY[::-1], levels=17)
    assert x.view is y.view
    assert data.binarise_dynamic(x).view is data.binarise_dynamic(y).view


def test_a_threshold_is_strict_and_of_the_scaled_values():
    x = data.binarise_threshold(data.arrays(np.tile(np.uint8([7, 8, 9]), (10, 1)), levels=17))
    assert x.train[0].tolist() == [0, 0, 1]
    assert (x.train.dtype, x.levels, x.likelihood.name, x.support.levels) == (np.uint8, 2, "bernoulli", 2)
    assert seen(x)[0].tolist() == [0, 0, 1]


def test_a_threshold_cuts_reals_where_it_says():
    x = data.binarise_threshold(data.arrays(REAL, likelihood=likelihoods.normal()), at=-1.0)
    assert np.concatenate(list(x.splits.values())).sum() == (REAL.astype(np.float32) > -1).sum()


# what a likelihood may see

GREY_DATA = data.arrays(GREY, levels=17, name="greys")
COUNTED = data.arrays(GREY.astype(np.int32) + 2, likelihood=likelihoods.poisson())


@pytest.mark.parametrize(
    ("x", "likelihood", "preparation"),
    [
        (GREY_DATA, likelihoods.binomial(17), "v/16"),
        (GREY_DATA, likelihoods.discretized_logistic(17), "v/16"),
        (GREY_DATA, likelihoods.normal(), "(v + u)/17"),
        (GREY_DATA, likelihoods.continuous_bernoulli(), "(v + u)/17"),
        (data.fitted(GREY_DATA, likelihoods.normal()), likelihoods.binomial(17), "v/16"),
        (data.binarise_dynamic(GREY_DATA), likelihoods.bernoulli(), "Bernoulli(v/16)"),
        (data.binarise_dynamic(data.arrays(UNIT)), likelihoods.bernoulli(), "Bernoulli(v)"),
        (data.binarise_threshold(GREY_DATA), likelihoods.bernoulli(), "v, one where v/16 > 0.5"),
        (data.binarise_threshold(GREY_DATA), likelihoods.binomial(2), "v, one where v/16 > 0.5"),
        (data.arrays(BITS), likelihoods.bernoulli(), "v"),
        (data.arrays(UNIT), likelihoods.normal(), "v"),
        (data.arrays(BITS * 1.0), likelihoods.continuous_bernoulli(), "v"),
        (COUNTED, likelihoods.negative_binomial(), "v"),
        (COUNTED, likelihoods.laplace(), "v"),
        (GREY_DATA, likelihoods.categorical(17), "v/16"),
        (GREY_DATA, likelihoods.student_t(), "(v + u)/17"),
    ],
)
def test_a_likelihood_sees_its_support(x, likelihood, preparation):
    y = data.fitted(x, likelihood)
    assert y.preparation.startswith(preparation)
    assert y.likelihood is likelihood
    assert data.holds(likelihood.support, seen(y))
    assert data.holds(y.support, seen(y))
    assert np.array_equal(y.train, x.train)


@pytest.mark.parametrize(
    ("x", "likelihood", "words"),
    [
        (
            GREY_DATA,
            likelihoods.bernoulli(),
            "bernoulli is a distribution on {0, 1} only and greys has 17 grey levels, so cross-entropy on them is no "
            "likelihood: binarise (--binarise dynamic or threshold; data.binarise_dynamic or data.binarise_threshold), "
            "or use a likelihood of 17 levels (--likelihood binomial or discretized_logistic)",
        ),
        (GREY_DATA, likelihoods.binomial(256), "256 levels | greys has 17 grey levels | levels=256 | of 17 levels"),
        (GREY_DATA, likelihoods.binomial(5), "the 5 levels 0, 1/4, ..., 1 only | 17 grey levels | of 17 levels"),
        (data.arrays(BITS), likelihoods.normal(), "normal is a density on the reals | no upper bound | is binary"),
        (data.arrays(BITS), likelihoods.binomial(17), "17 levels | is binary | --likelihood bernoulli"),
        (data.binarise_dynamic(GREY_DATA), likelihoods.binomial(17), "greys is binary | before they are binarised"),
        (data.binarise_dynamic(GREY_DATA), likelihoods.normal(), "greys is binary | before they are binarised"),
        (data.binarise_dynamic(data.arrays(UNIT)), likelihoods.normal(), "arrays is binary | before"),
        (data.arrays(UNIT), likelihoods.bernoulli(), "{0, 1} only and | of arrays is 0. | binarise | normal"),
        (data.arrays(UNIT), likelihoods.binomial(17), "the 17 levels | of arrays is 0. | --likelihood normal"),
        (
            GREY_DATA,
            likelihoods.poisson(),
            "poisson is a distribution on the counts 0, 1, 2, ... only and greys has 17 grey levels: use a likelihood "
            "of 17 levels (--likelihood binomial or discretized_logistic), or, if they are counts, read them as "
            "x.astype(np.int32)",
        ),
        (data.arrays(BITS), likelihoods.poisson(), "is binary: use bernoulli | if they are counts | astype(np.int32)"),
        (data.binarise_dynamic(GREY_DATA), likelihoods.poisson(), "greys is binary | before they are binarised"),
        (data.arrays(UNIT), likelihoods.poisson(), "the counts | of arrays is 0. | counts themselves | normal"),
        (COUNTED, likelihoods.binomial(17), "17 levels | train[0, 0, 0] of arrays is | --likelihood normal"),
        (GREY_DATA, likelihoods.bernoulli, "got the function bernoulli: call it"),
        (GREY_DATA, "bernoulli", "such as vaejax.likelihoods.bernoulli(), and got 'bernoulli'"),
    ],
)
def test_a_likelihood_that_is_no_distribution_on_the_data_is_refused(x, likelihood, words):
    refused(words, lambda: data.fitted(x, likelihood))


def test_the_first_offending_value_is_named():
    bad = REAL[:5].astype(np.float32) * 0
    bad[3, 0, 1] = 1.7
    zero = bad * 0
    words = "test[3, 0, 1] of arrays is 1.7 | the interval [0, 1]"
    refused(words, lambda: data.arrays(zero, zero, bad, likelihood=likelihoods.continuous_bernoulli()))


@pytest.mark.parametrize(
    ("support", "values", "bad"),
    [
        (Support(17, 0, 1), np.arange(17) / 16, None),
        (Support(256, 0, 1), np.arange(256, dtype=np.float32) / np.float32(255), None),
        (Support(17, 0, 1), [0, 1 / 16 + 2e-6], (1,)),
        (Support(17, 0, 1), [17 / 16], (0,)),
        (Support(17, 0, 1), [-1 / 16], (0,)),
        (Support(None, 0, 1), [0, 1, -1e-7], (2,)),
        (Support(None, -np.inf, np.inf), [1e30, np.inf], (1,)),
        (Support(None, 0, 1), [[0, np.nan]], (0, 1)),
        (Support(2, 0, 1), [0, np.nan], (1,)),
        (COUNTS, [0, 1, 65_536, 1e30], None),
        (COUNTS, [0, 2, 0.5], (2,)),
        (COUNTS, [3, -1], (1,)),
        (COUNTS, [np.inf], (0,)),
    ],
)
def test_the_first_bad_value(support, values, bad):
    assert data.first_bad(support, values) == bad
    assert data.holds(support, values) == (bad is None)


# what is refused


def refused(words: str, act) -> str:
    with pytest.raises(DataError) as info:
        act()
    for word in words.split(" | "):
        assert word in str(info.value)
    assert "\n" not in str(info.value)
    return str(info.value)


def with_value(value, at=(3, 0, 1), base=UNIT):
    array = base.copy()
    array[at] = value
    return array


@pytest.mark.parametrize(
    ("array", "kwargs", "words"),
    [
        (GREY.astype(np.int64), {}, "int64 | astype(np.uint8) | normal"),
        (GREY.astype(np.int64), {"levels": 17}, "levels=17 | int64 | astype(np.uint8)"),
        (UNIT, {"levels": 17}, "levels=17 | float32 | leave levels out"),
        (GREY.astype(np.int64), {"likelihood": likelihoods.binomial(17)}, "17 levels | of arrays is | scale"),
        (REAL, {}, "floats in [0, 1] | train[ | of arrays is -0.99 | --likelihood normal"),
        (REAL, {"likelihood": likelihoods.poisson()}, "the counts | of arrays is | --likelihood normal"),
        (GREY - 1.0, {"likelihood": likelihoods.poisson()}, "the counts 0, 1, 2, ... only | of arrays is -1"),
        (REAL, {"likelihood": likelihoods.continuous_bernoulli()}, "the interval [0, 1] | of arrays is | scale them"),
        (GREY, {"levels": 1}, "from 2 to 256 | got 1"),
        (GREY, {"levels": 257}, "from 2 to 256 | got 257"),
        (GREY, {"levels": 17.0}, "whole number | got 17.0"),
        (GREY, {"levels": True}, "whole number | got True"),
        (GREY, {"levels": 16}, "the value 16 | levels=16 means 0 to 15"),
        (BITS.astype(bool), {"levels": 17}, "bool | 2 levels | levels=17"),
        (GREY[:9], {}, "9 examples | at least 10 | all three splits"),
        (np.array([["a"] * 3] * 12), {}, "text"),
        (np.array([[b"a"] * 3] * 12), {}, "text"),
        (np.array([[None] * 3] * 12), {}, "objects"),
        (UNIT + 0j, {}, "complex numbers"),
        (np.zeros((12, 2), "datetime64[s]"), {}, "dates"),
        (np.zeros((12, 2), [("a", "f4")]), {}, "no numbers"),
        (np.float32(3), {}, "a scalar"),
        (np.array(3.0), {}, "a scalar"),
        (np.zeros(12), {}, "shape (12,) | x[:, None]"),
        (np.zeros((0, 3)), {}, "(0, 3), no examples"),
        (np.zeros((12, 0)), {}, "(12, 0), examples without values"),
        (with_value(np.nan), {}, "1 values that are NaN | the first is nan at [3, 0, 1]"),
        (with_value(-np.inf, np.s_[5:7]), {}, "12 values | of 120 | the first is -inf at [5, 0, 0]"),
        (with_value(1e300), {"likelihood": likelihoods.normal()}, "too large for float32 | 1e+300 at [3, 0, 1]"),
        (np.ma.masked_array(UNIT, UNIT > 0.9), {}, "masked | 12 values"),
        (jax.random.split(jax.random.key(0), (12, 2)), {}, "expected an array of numbers"),
        ([[0.0, 1.0]] * 12, {}, "got list | np.asarray"),
        (None, {}, "no train, validation, test was given"),
        ({"x": UNIT}, {}, "got dict"),
        (3.0, {}, "got float"),
    ],
)
def test_an_array_that_cannot_be_used(array, kwargs, words):
    refused(words, lambda: data.arrays(array, **kwargs))


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        ((GREY, GREY, None), "no test was given | all three"),
        ((GREY, None, GREY), "no validation was given | all three"),
        ((None, GREY, GREY), "no train was given"),
        ((GREY, GREY[:, :1], GREY), "one shape | validation (1, 3)"),
        ((GREY, GREY, UNIT), "one type | test float32"),
        ((GREY, GREY[:0], GREY), "validation of arrays | no examples"),
        ((UNIT, UNIT, with_value(np.nan)), "test of arrays has 1 values that are NaN"),
    ],
)
def test_splits_that_do_not_fit_together(splits, words):
    refused(words, lambda: data.arrays(*splits))


def test_binarisation_refuses_what_it_cannot_mean():
    reals = data.arrays(REAL, likelihood=likelihoods.normal())
    refused("probability | outside of [0, 1] | binarise_threshold", lambda: data.binarise_dynamic(reals))
    refused("every value of greys into 0 | least value, 0 | largest, 1", lambda: data.binarise_threshold(GREY_DATA, 1))
    refused("into 1", lambda: data.binarise_threshold(reals, -3))
    refused("into 0", lambda: data.binarise_threshold(reals, float("nan")))


# load


def test_data_pass_through_and_arrays_are_taken():
    assert data.load(GREY_DATA) is GREY_DATA
    assert data.load(GREY_DATA, levels=17) is GREY_DATA
    assert data.load(GREY_DATA, likelihood=likelihoods.binomial(17)).likelihood.name == "binomial"
    assert data.digest(data.load(GREY, levels=17)) == data.digest(GREY_DATA)
    refused("levels=256 | greys have 17 levels", lambda: data.load(GREY_DATA, levels=256))
    refused("levels=2 | are floats", lambda: data.load(data.arrays(UNIT), levels=2))


def test_files_are_read(tmp_path):
    np.save(tmp_path / "one.npy", GREY)
    np.savez(tmp_path / "one.npz", anything=GREY)
    np.savez_compressed(
        tmp_path / "three.npz", test=GREY[9:], train=GREY[:7], validation=GREY[7:9], labels=np.arange(20)
    )
    (tmp_path / "bare").write_bytes((tmp_path / "one.npy").read_bytes())
    whole = data.digest(GREY_DATA)
    for name in ("one.npy", "one.npz", "bare"):
        x = data.load(tmp_path / name, levels=17)
        assert data.digest(x) == whole
        assert x.name == name.split(".")[0]
    x = data.load(str(tmp_path / "three.npz"), levels=17)
    assert np.array_equal(np.concatenate(list(x.splits.values())), GREY)
    assert [len(split) for split in x.splits.values()] == [7, 2, 11]


def saved(array, **kwargs):
    return lambda path: np.save(path, array, **kwargs)


def zipped(**kwargs):
    return lambda path: np.savez(path, **kwargs)


def cut(write, share):
    def damage(path):
        write(path)
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    return damage


def flipped(path):
    np.savez_compressed(path, x=UNIT)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def huge(path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 1000000), }".ljust(117) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 64)


@pytest.mark.parametrize(
    ("name", "write", "words"),
    [
        ("x.npy", None, "no file"),
        ("x.npy", lambda path: path.mkdir(), "a folder"),
        ("folder", lambda path: path.mkdir(), "is a folder | digits"),
        ("x.npy", lambda path: path.write_bytes(b""), "cannot be read as .npy or .npz"),
        ("x.npz", lambda path: path.write_bytes(b""), "cannot be read as .npy or .npz"),
        ("x.csv", lambda path: path.write_text("1,2,3\n"), "it is neither | np.save"),
        ("x.npy", cut(saved(UNIT), 0.5), "cannot be read"),
        ("x.npy", cut(saved(UNIT), 0.05), "cannot be read"),
        ("x.npz", cut(zipped(x=UNIT), 0.5), "cannot be read"),
        ("x.npz", flipped, "cannot be read"),
        ("x.npy", huge, "cannot be read"),
        ("x.npy", lambda path: path.write_bytes(b"\x93NUMPY\x01\x00\x04\x00{'a\n"), "cannot be read"),
        ("x.npy", saved(np.array([[None] * 3] * 12), allow_pickle=True), "pickled objects"),
        ("x.npz", zipped(), "the arrays found are: none"),
        ("x.npz", zipped(a=UNIT, b=UNIT), "the arrays found are: a, b"),
        ("x.npz", zipped(train=UNIT, test=UNIT), "the arrays found are: train, test"),
        ("x.npz", zipped(train=UNIT, test=UNIT, validation=GREY), "splits of x | validation uint8"),
        ("x.npy", saved(np.array([["a"]])), "x: expected | text"),
        ("x.npy", saved(with_value(np.nan)), "x has 1 values"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, name, write, words):
    path = tmp_path / name
    if write:
        write(path)
    refused(words, lambda: data.load(path))
    refused(words, lambda: data.load(str(path)))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("digist", "'digist' is no file | perhaps you meant digits | .npy or .npz | one of digits"),
        ("DIGITS", "perhaps you meant digits"),
        ("imagenet", "one of digits"),
        ("", "no data set is called so"),
        ("a\0b", "no file"),
        ("x" * 5000, "no file"),
        (7, "got int"),
        (None, "no train"),
        ((GREY, GREY, GREY), "got tuple"),
    ],
)
def test_a_source_that_is_none(source, words):
    refused(words, lambda: data.load(source))


# digest


def test_the_digest_sees_content_and_not_the_name():
    base = data.arrays(GREY, GREY, GREY, levels=17)
    same = [
        data.arrays(GREY, GREY, GREY, levels=17, name="other"),
        data.arrays(np.asfortranarray(GREY), GREY.copy(), GREY, levels=17),
    ]
    changed = GREY.copy()
    changed[-1, -1, -1] ^= 1
    flat = GREY.reshape(20, 6)
    other = [
        data.arrays(GREY, GREY, changed, levels=17),
        data.arrays(GREY[1:], GREY, GREY, levels=17),
        data.arrays(flat, flat, flat, levels=17),
        data.arrays(GREY, GREY, GREY, levels=18),
        data.binarise_dynamic(base),
        data.fitted(base, likelihoods.normal()),
        base._replace(train=GREY[:10], validation=np.concatenate([GREY[10:], GREY])),
    ]
    assert {data.digest(x) for x in same} == {data.digest(base)}
    assert len({data.digest(x) for x in [base, *other]}) == 1 + len(other)


# names of entries


TABLE = np.linspace(0, 1, 60).reshape(20, 3)
NAMES = ("age", "in <b>EUR</b>", "größe")


def test_columns_of_a_table_name_the_entries_of_x(tmp_path):
    assert data.arrays(pd.DataFrame(TABLE, columns=list(NAMES))).entry_names == NAMES
    np.savez(tmp_path / "one.npz", rows=TABLE, entry_names=NAMES)
    np.savez(tmp_path / "three.npz", train=TABLE, validation=TABLE, test=TABLE, entry_names=NAMES)
    assert [data.load(tmp_path / f"{name}.npz").entry_names for name in ("one", "three")] == [NAMES] * 2
    named = data.with_entry_names(data.arrays(TABLE), NAMES)
    assert data.with_observed(named, {name: split >= 0 for name, split in named.splits.items()}).entry_names == NAMES


def test_what_is_no_table_has_no_names():
    assert data.arrays(pd.DataFrame(TABLE)).entry_names == ()  # columns that are numbered
    assert data.arrays(UNIT).entry_names == ()


@pytest.mark.parametrize(
    ("given", "names", "words"),
    [
        (TABLE, ["a", "b"], r"a name for each entry of x, and x of arrays has shape \(3,\); got 2 names: a, b"),
        (UNIT, NAMES, r"x of arrays has shape \(2, 3\); got 3 names"),
        (TABLE, ["a", "b", 3], "names of entries as text, got 3"),
        (TABLE, "age", "got the text 'age': give a list"),
    ],
)
def test_names_that_do_not_fit_are_refused(given, names, words):
    with pytest.raises(DataError, match=words):
        data.with_entry_names(data.arrays(given), names)
