# ruff: noqa: E402, as variables are read when jax is imported
"""The grid step compiled for accelerators that are not there: a TPU v5e 2x2 and four H100s.

    make aot
    python -m benchmarks.aot tpu cuda

Prints the memory and the operations of each device as its compiler tells them, and whether devices say anything to each
other in a step. It says nothing of speed or of numbers. Ends with status 1 where a collective is found.
"""

import os

for name, value in {
    "JAX_PLATFORMS": "cpu",
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
}.items():
    os.environ.setdefault(name, value)

import argparse
import re
import sys
import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import topologies
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from benchmarks.data import Bits
from benchmarks.engine import lowered_of
from benchmarks.networks import flops_of
from benchmarks.work import CONV, FASHION, Work
from vaejax.grid._mesh import MEMBER

NUM = 50_000  # images that lie on each device
WORKS = {"mlp": FASHION, "conv": CONV._replace(members=20, title=CONV.title.replace("1 member", "20 members"))}
COLLECTIVE = re.compile(
    r"\s((?:all-reduce|all-gather|all-to-all|ragged-all-to-all|reduce-scatter|collective-permute|"
    r"collective-broadcast|send|recv)(?:-start)?)\("
)
H100 = """
gpu_device_info {
  threads_per_block_limit: 1024 threads_per_warp: 32 threads_per_core_limit: 2048 core_count: 132 fpus_per_core: 128
  shared_memory_per_block: 49152 shared_memory_per_block_optin: 232448 shared_memory_per_core: 233472
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
  memory_bandwidth: 3352320000000 l2_cache_size: 52428800 clock_rate_ghz: 1.98 device_memory_size: 84978434048
  cuda_compute_capability { major: 9 }
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 10 }
device_description_str: "NVIDIA H100 80GB HBM3"
"""


def devices_of(platform: str) -> list[Any]:
    """Four devices of a kind, as its compiler knows them."""
    if platform == "tpu":
        found = topologies.get_topology_desc(platform="tpu", topology_name="v5e:2x2")
    else:
        found = topologies.get_topology_desc("h100", "cuda", target_config=H100, topology="1x1x4")
    return list(found.devices)


def collectives_in(text: str) -> list[str]:
    """The names of what devices say to each other in a compiled program.

    >>> collectives_in("ROOT %sum = f32[] all-reduce-start(%x), replica_groups={{0,1}}")
    ['all-reduce-start']
    """
    return sorted(set(COLLECTIVE.findall(text)))


def check_is_awake(mesh: Mesh) -> None:
    """Raises: SystemExit where no collective is found in the text of a program that has one."""
    split = jax.ShapeDtypeStruct((mesh.size, 8), jnp.float32, sharding=NamedSharding(mesh, P(MEMBER)))
    text = jax.jit(lambda x: x.sum(0), out_shardings=NamedSharding(mesh, P())).lower(split).compile().as_text()
    if not collectives_in(text or ""):
        raise SystemExit(f"no collective is found in a sum over {mesh.size} devices: the check sees nothing")


def compiled(work: Work, mesh: Mesh) -> list[str]:
    """Compile and describe the grid step of a work; the collectives in it."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 2, (NUM, work.size, work.size), np.uint8)
    lowered = lowered_of(work, Bits(images, images[:100]), mesh)
    began = time.perf_counter()
    made = lowered.compile()
    seconds, memory = time.perf_counter() - began, made.memory_analysis()
    found = collectives_in(made.as_text())
    sizes = {name: getattr(memory, f"{name}_size_in_bytes") / 2**20 for name in ("argument", "output", "alias", "temp")}
    print(f"  {work.title}: {seconds:.1f} s to compile")
    print("    MiB a device:", ", ".join(f"{name} {size:.1f}" for name, size in sizes.items()))
    each = -(-work.members // mesh.size)
    counted = (made.cost_analysis() or {}).get("flops")
    told = (
        "the compiler does not tell"
        if counted is None
        else f"{counted / 1e9:.2f} by the compiler, a body of a loop once"
    )
    print(f"    GFLOP a device: {each * flops_of(work) / 1e9:.2f} in products of a step of its {each} members; {told}")
    print(f"    collectives: {', '.join(found) or 'none'}", flush=True)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where a grid step has a collective."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help="tpu, cuda; both by default")
    parser.add_argument("--works", nargs="+", choices=WORKS, default=list(WORKS))
    asked, found = parser.parse_args(arguments), []
    for platform in asked.platforms or ("tpu", "cuda"):
        devices = devices_of(platform)
        print(f"{len(devices)} of {devices[0].device_kind} ({platform})", flush=True)
        mesh = Mesh(np.array(devices), (MEMBER,), axis_types=(AxisType.Auto,))
        check_is_awake(mesh)
        for name in asked.works:
            found += compiled(WORKS[name], mesh)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
