"""The grid step is lowered for accelerators that are not there, and what is exported computes what is run."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import vaejax as vj
from benchmarks.aot import collectives_in
from benchmarks.data import Bits
from benchmarks.engine import advance_of
from benchmarks.work import CONV, FASHION

SMALL = {"members": 2, "batch": 4, "size": 8, "latent_size": 3, "hidden": (6,)}
WORKS = {"mlp": FASHION._replace(**SMALL), "conv": CONV._replace(**{**SMALL, "channels": (2, 3)})}
BITS = Bits(*np.random.default_rng(0).integers(0, 2, (2, 40, 8, 8), np.uint8))


@pytest.fixture(params=WORKS.values(), ids=WORKS)
def work(request):
    return request.param


def flat(program, structure):
    """Leaves to leaves, as named tuples are not written."""
    return jax.jit(lambda *leaves: jax.tree.leaves(program(*jax.tree.unflatten(structure, leaves))))


@pytest.mark.parametrize("plan", [vj.Plan(), vj.Plan(1)], ids=str)
def test_the_grid_step_is_exported_to_every_platform_and_runs_as_it_does_here(work, plan):
    advance = advance_of(work, BITS, plan).training
    arguments = jax.tree.map(jnp.array, (advance.carries[0], *advance.groups[0][1:], *advance.window(0, 3)))
    shown, structure = jax.tree.flatten(arguments)
    exported = export.export(flat(advance.compiled.advance, structure), platforms=("cpu", "cuda", "tpu"))(*shown)
    assert exported.platforms == ("cpu", "cuda", "tpu")
    read = export.deserialize(exported.serialize())
    found = jax.jit(read.call)(*shown)
    expected = jax.tree.leaves(advance.step(*arguments))  # it takes the carry away
    assert any(np.any(np.asarray(leaf)) for leaf in expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("%a = f32[8]{0} all-reduce(%x), to_apply=%add", ["all-reduce"]),
        ("%a = (f32[8], f32[16]) all-gather-start(%x)", ["all-gather-start"]),
        ("%a = f32[8] collective-permute(%x), source_target_pairs={{0,1}}", ["collective-permute"]),
        ('%a = f32[8] add(%x, %y), metadata={op_name="all-reduce"}', []),
        ("%all-reduce-like.1 = f32[8] add(%x, %y)", []),
    ],
)
def test_a_collective_is_found_in_a_compiled_program(line, names):
    assert collectives_in(f"ENTRY %main {{\n  {line}\n}}") == names
