"""The same program in a browser: every operation as NumPy has it, every picture as the library draws it."""

import inspect
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from browsers import browser as browser

import vaejax as vj
from vaejax import report
from vaejax.report import live_of
from vaejax.report.live._export import encoded, program_of
from vaejax.report.live._interpreter import BY_HOW, ENTRYWISE, run

SCRIPT = (Path(report.__file__).parent / "static" / "decoder.js").read_text()
KEY = jax.random.key(0)
RUN = """([program, base64, rows]) => {
  const decode = liveDecoder(program, fromHalf(base64));
  return rows.map((z) => Array.from(decode(z), (x) => (Number.isFinite(x) ? x : String(x))));
}"""


@pytest.fixture
def page(browser):
    """With the script as a report has it: one element, in strict mode."""
    opened, said = browser.new_page(), []
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.set_content(f"<!doctype html><title>x</title><script>'use strict';\n{SCRIPT}</script>")
    yield opened
    opened.close()
    assert not said


def in_page(page, program, weights, z):
    rows = page.evaluate(RUN, [program, encoded(weights), np.asarray(z, float).tolist()])
    return np.array([[float(x) for x in row] for row in rows], np.float32)


def test_every_float16_is_read(page):
    numbers = np.arange(65536, dtype=np.uint16).view(np.float16)
    found = page.evaluate("(text) => Array.from(fromHalf(text), String)", encoded(numbers))
    np.testing.assert_array_equal(np.array(found, float), numbers.astype(float))


def test_the_script_makes_two_names_and_asks_for_nothing(page):
    assert page.evaluate("[typeof liveDecoder, typeof fromHalf, typeof half, typeof makers]") == [
        "function", "function", "undefined", "undefined"]  # fmt: skip
    assert not any(word in SCRIPT for word in ("import ", "fetch(", "eval(", "Function(", "http"))


X = np.concatenate(
    [np.random.default_rng(0).normal(scale=2, size=60), [0, 1, -1, 9, -9, 40, -40, 0.5, 2, -2, 100, -100]]
)
X[[0, 1, 5]] = X[-1], X[-2], 1.5  # equal to what they are held against


def arity(op):
    function = ENTRYWISE.get(op)
    return 1 if function is None else getattr(function, "nin", None) or len(inspect.signature(function).parameters)


HOW = {
    "pick": {"runs": [[71, -1, 60, 0, 1], [3, 2, 2, 1, 3]]},
    "matmul": {"batch": 2, "rows": 9, "inner": 4, "columns": 9},
    "sum": {"num": 12},
    "most": {"num": 12},
    "least": {"num": 12},
    "conv": {"size": [4, 3], "out": [7, 5], "taps": [3, 2], "stride": [1, 1], "spread": [2, 2], "dilation": [1, 2],
             "low": [1, 2], "channels": 6, "features": 2},
}  # fmt: skip
SIZES = {"pick": 66, "matmul": 162, "sum": 6, "most": 6, "least": 6, "conv": 70}


@pytest.mark.parametrize("op", [*ENTRYWISE, *BY_HOW])
def test_an_operation_is_what_numpy_makes(page, op):
    """Of z, and of z with itself the other way round, with a number, or with weights."""
    back = [["pick", [0], 72, {"runs": [[71, -1, 72, 0, 1]]}]]
    weights = np.random.default_rng(1).normal(size=72).astype(np.float16)
    constants = [{"value": 1.5}, {"at": 0, "count": 72, "parts": 1, "scale": 1}]
    others = {"matmul": [2], "conv": [2]}.get(op) or ([None] if arity(op) == 1 else [3, 1])
    for other in others:
        reads = [0] if other is None else [0, other, 0][: max(arity(op), 2)]
        steps = [*back, [op, reads, SIZES.get(op, 72), HOW.get(op, {})]]
        program = {"latents": 72, "constants": constants, "steps": steps, "output": 4}
        z = np.stack([X, np.roll(X, 5)]).astype(np.float32)
        expected = run(program, weights, z)
        found = in_page(page, program, weights, z)
        close = 1e-5 if op in BY_HOW else 1e-37  # sums come in another order
        np.testing.assert_allclose(found, expected, rtol=2e-6, atol=close)


def test_places_are_picked_from_several_arrays(page):
    step = ["pick", [0, 1, 0], 9, {"runs": [[7, -1, 8, 0, 1], [5, 0, 1, 0, 1]]}]
    constant = {"at": 0, "count": 2, "parts": 1, "scale": 0.5, "runs": [[1, -1, 2, 0, 1]]}
    program = {"latents": 3, "constants": [constant], "steps": [step], "output": 2}
    found = in_page(page, program, np.array([8, 16], np.float16), np.array([[1, 2, 3]]))
    assert found.tolist() == [[3, 2, 1, 4, 8, 3, 2, 1, 1]]
    np.testing.assert_array_equal(found, run(program, np.array([8, 16], np.float16), np.array([[1, 2, 3]])))


def member(decoder, shape, latent_size, **settings):
    model = vj.vae(vj.nets.mlp(4), decoder, data_shape=shape, latent_size=latent_size, **settings)
    return model, jax.jit(lambda: vj.init(KEY, model, jnp.zeros((1, *shape))))()


MEMBERS = {
    "mlp 16-64-64": lambda: member(vj.nets.mlp(64), (8, 8), 16),
    "mlp 32-400-784": lambda: member(vj.nets.mlp(400), (28, 28), 32, likelihood=vj.likelihoods.bernoulli()),
    "conv 28x28": lambda: member(vj.nets.deconv(), (28, 28), 16, likelihood=vj.likelihoods.bernoulli()),
    "conv 9x7 of three colours": lambda: member(
        vj.nets.deconv(5, 4, stride=(2, (1, 2)), kernel=(4, 3), hidden=[6]), (9, 7, 3), 4,
        likelihood=vj.likelihoods.discretized_logistic(32),
    ),
    "mixture": lambda: member(vj.nets.mlp(20), (9,), 3, likelihood=vj.likelihoods.logistic_mixture(16)),
}  # fmt: skip


@pytest.mark.parametrize("name", MEMBERS)
def test_a_picture_in_the_page_is_the_librarys_within_the_tolerance(page, name):
    model, params = MEMBERS[name]()
    live = live_of(KEY, model, params)
    z = np.random.default_rng(2).normal(size=(20, live.program["latents"])).astype(np.float32)
    expected = np.asarray(jax.jit(jax.vmap(lambda z: vj.decode(model, params, z)))(z)).reshape(20, -1)
    found = in_page(page, live.program, live.weights, z)
    away = np.max(np.abs(found - expected))
    assert 0 < away < live.tolerance < 0.02 * np.ptp(expected)
    np.testing.assert_allclose(found, run(live.program, live.weights, z), rtol=0, atol=1e-5 * np.abs(expected).max())


def test_a_picture_does_not_change_with_those_before_it(page):
    model, params = MEMBERS["mlp 16-64-64"]()
    program, weights = program_of(lambda z: vj.decode(model, params, z), jnp.zeros(16))
    z = np.random.default_rng(3).normal(size=(2, 16))
    keep = "([program, base64, rows]) => rows.map(liveDecoder(program, fromHalf(base64))).map((x) => Array.from(x))"
    one, two, again = page.evaluate(keep, [program, encoded(weights), [z[0].tolist(), z[1].tolist(), z[0].tolist()]])
    assert one == again != two
