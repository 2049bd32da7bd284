"""A convolutional VAE trains on a CPU in a tenth of the time that XLA's convolutions take, and in less than PyTorch's.

    python experiments/conv_lowering.py

About eight minutes on two cores that others use too. PyTorch is timed where this interpreter has it, or with `--torch
PYTHON` by another one: here by that of `python -m venv torch-venv && torch-venv/bin/pip install torch==2.13.0 numpy`,
in processes of their own that run in turn with ours, on as many threads as there are cores. The network has
convolutions of 32 and 64 channels, 4 x 4 with stride 2, a dense layer of 256, 16 latents, and mirrors itself: 28 x 28
images, batches of 64, Adam, ReLU, a Bernoulli likelihood. All ways are timed in turn, so that ratios hold on a machine
that others use.

In a loop of one program a step takes 9.8 times as long with XLA's convolutions as with ours, and with a call for each
step 2.4 times. PyTorch takes 1.3 times as long (43.8 ms to 33.4 at best; medians of 253 and 71 ms say more about
waiting for busy cores). On one core, by `taskset -c 1 python ...`, it takes 1.23 times as long with channels last, 1.38
without. A member of 4 takes 1.0 to 1.1 times as long by `vmap` as alone, 0.95 to 0.98 by `lax.map`.
"""

import argparse
import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax

import vaejax as vj
from vaejax.nets import _conv2d
from vaejax.types import State

SHAPE, BATCH, LATENT_SIZE, NUM_MEMBERS = (28, 28), 64, 16, 4

images = jnp.asarray(np.random.default_rng(0).integers(0, 2, (BATCH, *SHAPE)), float)

TORCH = """
import os, sys, time, torch
from torch import nn
from torch.nn import functional as F
torch.set_num_threads(len(os.sched_getaffinity(0)))
layers = nn.ModuleDict(dict(
    conv_0=nn.Conv2d(1, 32, 4, 2, 1), conv_1=nn.Conv2d(32, 64, 4, 2, 1), hidden=nn.Linear(3136, 256),
    output=nn.Linear(256, 32), hidden_0=nn.Linear(16, 256), hidden_1=nn.Linear(256, 3136),
    deconv_0=nn.ConvTranspose2d(64, 32, 4, 2, 1), deconv_1=nn.ConvTranspose2d(32, 1, 4, 2, 1)))
layout = torch.channels_last if sys.argv[2] == "channels_last" else torch.contiguous_format
layers = layers.to(memory_format=layout)
x = torch.randint(0, 2, (64, 1, 28, 28)).float().contiguous(memory_format=layout)
optimizer = torch.optim.Adam(layers.parameters(), 1e-3)
def step():
    h = F.relu(layers.conv_1(F.relu(layers.conv_0(x))))
    mean, log_scale = layers.output(F.relu(layers.hidden(h.flatten(1)))).chunk(2, 1)
    z = mean + log_scale.exp() * torch.randn_like(mean)
    h = F.relu(layers.hidden_1(F.relu(layers.hidden_0(z)))).view(-1, 64, 7, 7)
    logits = layers.deconv_1(F.relu(layers.deconv_0(h)))
    distortion = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum((1, 2, 3))
    rate = (0.5 * ((2 * log_scale).exp() + mean**2 - 1) - log_scale).sum(1)
    optimizer.zero_grad()
    (distortion + rate).mean().backward()
    optimizer.step()
for _ in range(3):
    step()
print("ready", flush=True)
for _ in sys.stdin:
    started = time.perf_counter()
    for _ in range(int(sys.argv[1])):
        step()
    print(time.perf_counter() - started, flush=True)
"""


class Found(NamedTuple):
    """milliseconds: a step of one member in each way, one entry a round. bounds: of each way of ours, at the end."""

    milliseconds: dict[str, np.ndarray]
    bounds: dict[str, np.ndarray]


taught = vj.trainer(
    vj.vae(
        vj.nets.conv(32, 64, hidden=(256,), activation=jax.nn.relu),
        vj.nets.deconv(64, 32, hidden=(256,), activation=jax.nn.relu),
        data_shape=SHAPE,
        latent_size=LATENT_SIZE,
        likelihood=vj.likelihoods.bernoulli(),
    ),
    vj.objectives.elbo(),
    optax.adam(1e-3),
)


def start(seed: Any) -> State:
    """A member before its first step."""
    return taught.init(jax.random.key(seed), vj.Example(images))


def train(state: State, num_steps: Any) -> jax.Array:
    """The last bound of a member after some steps in a loop of one program."""

    def step(index: Any, carry: tuple[State, jax.Array]) -> tuple[State, jax.Array]:
        state, bound = taught.step(jax.random.fold_in(jax.random.key(0), index), carry[0], vj.Example(images))
        return state, bound.value

    return jax.lax.fori_loop(0, num_steps, step, (state, jnp.zeros(())))[1]


def native(function: Callable) -> Callable:
    """`function` with the convolutions of XLA in place of ours."""

    def conv2d(x: jax.Array, kernel: jax.Array, *, stride: tuple[int, int], padding: str) -> jax.Array:
        dims = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(x[None], kernel, stride, padding, dimension_numbers=dims)[0]

    def conv2d_transpose(x: jax.Array, kernel: jax.Array, *, stride: tuple[int, int]) -> jax.Array:
        return jax.lax.conv_transpose(x[None], kernel, stride, "SAME")[0]

    def traced(*args: Any) -> Any:
        with mock.patch.multiple(_conv2d, conv2d=conv2d, conv2d_transpose=conv2d_transpose):
            return function(*args)

    return traced


def one_by_one(step: Callable, state: State, num_steps: int) -> jax.Array:
    """`train` as a loop of Python, a call for each step."""
    for index in range(num_steps):
        state, bound = step(jax.random.key(index), state, vj.Example(images))
    return bound.value


def ways(num_steps: int) -> dict[str, tuple[Callable[[], jax.Array], int]]:
    """How to train, and how many steps of a member that is."""
    state, states = jax.jit(start)(0), jax.jit(jax.vmap(start))(jnp.arange(NUM_MEMBERS))
    ours, mapped = jax.jit(train), jax.jit(jax.vmap(train, (0, None)))
    in_turn = jax.jit(lambda states, num: jax.lax.map(lambda state: train(state, num), states))
    theirs, step, their_step = jax.jit(native(train)), jax.jit(taught.step), jax.jit(native(taught.step))
    few = max(num_steps // 10, 2)  # they are slow
    return {
        "ours": (lambda: ours(state, num_steps), num_steps),
        f"ours, {NUM_MEMBERS} members by vmap": (lambda: mapped(states, num_steps), num_steps * NUM_MEMBERS),
        f"ours, {NUM_MEMBERS} members by lax.map": (lambda: in_turn(states, num_steps), num_steps * NUM_MEMBERS),
        "ours, a call for each step": (lambda: one_by_one(step, state, num_steps), num_steps),
        "XLA's convolutions": (lambda: theirs(state, few), few),
        "XLA's, a call for each step": (lambda: one_by_one(their_step, state, few), few),
    }


@contextmanager
def torch_of(python: str, num_steps: int, layout: str) -> Generator[Callable[[], float]]:
    """The seconds that PyTorch takes for as many steps, in a process of its own that waits between rounds."""
    command = [python, "-c", TORCH, str(num_steps), layout]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        sent, heard = process.stdin, process.stdout
        assert sent is not None
        assert heard is not None
        if heard.readline().strip() != "ready":
            raise SystemExit(f"{python} has no PyTorch")

        def seconds() -> float:
            print(file=sent, flush=True)
            return float(heard.readline())

        yield seconds
        sent.close()


def seconds(run: Callable[[], Any]) -> float:
    """How long a run takes."""
    started = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - started


def main(torch_python: str | None = None, num_steps: int = 20, num_rounds: int = 15) -> Found:
    """Time every way in turn, as often as there are rounds."""
    runs = ways(num_steps)
    bounds = {name: np.asarray(run()) for name, (run, _) in runs.items()}
    timed: dict[str, tuple[Callable[[], float], int]] = {
        name: (lambda run=run: seconds(run), num) for name, (run, num) in runs.items()
    }
    with ExitStack() as stack:
        if torch_python is not None:
            for layout in ("contiguous", "channels_last"):
                timed[f"PyTorch, {layout}"] = stack.enter_context(torch_of(torch_python, num_steps, layout)), num_steps
        rounds = [{name: 1000 * run() / num for name, (run, num) in timed.items()} for _ in range(num_rounds)]
    return Found({name: np.array([found[name] for found in rounds]) for name in timed}, bounds)


def has_torch() -> str | None:
    """This interpreter, if it has PyTorch."""
    return sys.executable if importlib.util.find_spec("torch") else None


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--torch", default=has_torch(), metavar="PYTHON", help="an interpreter that has PyTorch")
    found = main(parser.parse_args().torch)
    ours = found.milliseconds["ours"]
    for name, times in found.milliseconds.items():
        ratio = np.median(times / ours)
        print(f"{name:30s} {times.min():7.1f} ms at best, {np.median(times):7.1f} in the middle, {ratio:6.2f} of ours")
