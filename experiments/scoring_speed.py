"""How near to the peak of matrix products encoding and scoring come, and what the rest of their time goes to.

    python experiments/scoring_speed.py

About a minute on two cores, shared with three other programs. Parts of the peak, medians of three rounds in each of two
runs; the peak was 62 to 81, 10^9 operations per second:

                                     by the clock    by processor time
    encoding, 1,024 at once          0.72 and 0.85   0.86 and 0.85
    elbo of one draw, 1,024          0.70 and 0.75   0.70 and 0.74
    log likelihood of 16 draws, 128  0.71 and 0.73   0.72 and 0.74
    their products alone             0.83 to 1.10    0.91 to 1.09

With 1,024 examples of 16 draws at once the last was 0.55 to 0.64 by processor time. While ten programs shared the cores
parts scattered, from 0.38 to 1.1 by the clock; the peak is that of jax's own product in the same minutes.

What is not in the products, by processor time of 8,192 rows of the decoder: 118 ms are the product with 512 x 784
weights, 21 ms the Bernoulli term (exp and log1p of each pixel; written with a softplus it is 17), 7 ms the bias, 5 ms a
GELU of 512 units, 6 ms the noise of 32 latents. With 1,024 examples of 16 draws a layer is 51 MB, which leaves the
cache between two operations: 128 at once, 2,048 rows, is what scores of draws take by themselves.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import vaejax as vj
from vaejax.types import Example, Key, Params, Scalar

SIZE, HIDDEN, LATENTS, DRAWS = 784, 512, 32, 16
SQUARE = 2048  # of the product that is the peak
ENCODING = 2 * (SIZE * HIDDEN + HIDDEN * HIDDEN + HIDDEN * 2 * LATENTS)  # operations of an example, products alone
DECODING = 2 * (LATENTS * HIDDEN + HIDDEN * HIDDEN + HIDDEN * SIZE)

NET = vj.nets.mlp(HIDDEN, HIDDEN)
MODEL = vj.vae(NET, NET, data_shape=(SIZE,), latent_size=LATENTS, likelihood=vj.likelihoods.bernoulli())


def encode(key: Key, params: Params, example: Example) -> jax.Array:
    """The mean of q(z|x)."""
    return MODEL.encode(params, example)


def elbo(key: Key, params: Params, example: Example) -> Scalar:
    """Of one draw."""
    found = vj.terms(key, MODEL, params, example)
    return -(found.distortion + found.rate)


def log_likelihood(key: Key, params: Params, example: Example) -> Scalar:
    """Of sixteen draws, for which an example is encoded once."""
    return vj.metrics.importance(key, MODEL, params, example, DRAWS).log_likelihood


class Speed(NamedTuple):
    """Operations per second, in thousand millions: by the clock, and by the time that processors gave to it."""

    wall: float
    cpu: float


class Found(NamedTuple):
    """Parts of the peak that was measured before and after: the median of rounds by the clock, and by processor time.

    peak: the best of all rounds by the clock, 10^9 operations per second.
    """

    wall: float
    cpu: float
    peak: float


def best_of(operations: float, function: Callable[[], Any], repeats: int = 3) -> Speed:
    """The best of some calls, each by itself."""
    wall, cpu = [], []
    for _ in range(repeats):
        clock, processor = time.perf_counter(), time.process_time()
        function()
        wall.append(time.perf_counter() - clock)
        cpu.append(time.process_time() - processor)
    return Speed(operations / min(wall) / 1e9, operations / min(cpu) / 1e9)


def layers(draws: int) -> Callable[[Params, jax.Array, jax.Array], Any]:
    """The matrix products of a score alone, nothing between them: what no way of calling them could be faster than."""

    def products(params: Params, x: jax.Array, z: jax.Array) -> Any:
        def through(net: Params, h: jax.Array) -> jax.Array:
            for name in ("hidden_0", "hidden_1", "output"):
                kernel = net[name]["kernel"]
                h = h @ kernel.reshape(len(kernel), -1)
            return h

        return through(params["encoder"], x), through(params["decoder"], z) if draws else None

    return jax.jit(products)


def main(num: int = 16_384, at_once: int = 1024, of_draws: int = 128, rounds: int = 5) -> dict[str, Found]:
    """Encoding and two scores of examples that are 0 or 1, each beside the peak of the same round."""
    rng = np.random.default_rng(0)
    x = (rng.random((num, SIZE)) < 0.5).astype(np.float32)
    params = vj.init(jax.random.key(0), MODEL, x[:1])
    square = jnp.asarray(rng.random((SQUARE, SQUARE), np.float32))
    product = jax.jit(lambda a: a @ a)

    def peak() -> Speed:
        return best_of(2 * SQUARE**3, lambda: product(square).block_until_ready())

    def streamed(function: Callable, num: int, size: int) -> Callable[[], Any]:
        examples = vj.examples_of(MODEL, x[:num])
        return lambda: vj.each_example(function, jax.random.key(1), params, examples, at_once=size)

    def alone(size: int, draws: int) -> Callable[[], Any]:
        rows, z = jnp.asarray(x[:size]), jnp.asarray(rng.normal(size=(size * draws, LATENTS)), jnp.float32)
        of = layers(draws)
        return lambda: jax.block_until_ready(of(params, rows, z))

    few = num // DRAWS
    tried = {
        "encoding": (num * ENCODING, streamed(encode, num, at_once)),
        "elbo": (num * (ENCODING + DECODING), streamed(elbo, num, at_once)),
        "log likelihood": (few * (ENCODING + DRAWS * DECODING), streamed(log_likelihood, few, of_draws)),
        "products of encoding": (at_once * ENCODING, alone(at_once, 0)),
        "products of elbo": (at_once * (ENCODING + DECODING), alone(at_once, 1)),
        "products of log likelihood": (of_draws * (ENCODING + DRAWS * DECODING), alone(of_draws, DRAWS)),
    }
    found = {}
    for name, (operations, function) in tried.items():
        function()
        product(square).block_until_ready()
        parts, peaks = [], [peak()]
        for _ in range(rounds):
            speed = best_of(operations, function)
            peaks.append(peak())
            parts.append([getattr(speed, by) / max(getattr(one, by) for one in peaks[-2:]) for by in Speed._fields])
        found[name] = Found(*np.median(parts, axis=0).tolist(), max(one.wall for one in peaks))
    return found


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--at-once", type=int, default=1024)
    arguments.add_argument("--of-draws", type=int, default=128, help="examples at once, each of sixteen draws")
    arguments.add_argument("--rounds", type=int, default=5)
    asked = arguments.parse_args()
    print(f"{'':28}part of the peak, by the clock   by processor time   peak, 10^9 per second")
    for name, of in main(at_once=asked.at_once, of_draws=asked.of_draws, rounds=asked.rounds).items():
        print(f"{name:28}{of.wall:31.2f}   {of.cpu:17.2f}   {of.peak:21.1f}")
