"""What bfloat16 networks, rematerialised networks and micro-batches cost in the bound, on the digits.

    python experiments/precision.py

About two minutes on two cores. Four ways to train the same member, 1,000 steps of Adam on the digits, five seeds that
share their batches and draws. The reference has a test bound of -103.51 nats per image (standard deviation over seeds
1.06). Networks in bfloat16 differ by -0.09 nats in the mean, and by -0.27 to +0.20 from seed to seed, to either side.
Rematerialised networks give the same number, and four micro-batches differ by less than 0.00001 nats.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import optax

import vaejax as vj
from vaejax.types import NetBuilder, Trainer

NETS: dict[str, Callable[[NetBuilder], NetBuilder]] = {
    "float32": lambda builder: builder,
    "bfloat16": vj.nets.in_bfloat16,
    "rematerialised": vj.nets.rematerialised,
}


class Found(NamedTuple):
    """Test bounds, nats per image, a number for each seed.

    reference: float32 networks, whole batches. The others differ from it in one thing each.
    """

    reference: np.ndarray
    bfloat16: np.ndarray
    rematerialised: np.ndarray
    microbatches: np.ndarray


def main(epochs: int = 100, num_seeds: int = 5) -> Found:
    """Train the same members four times, each on the same batches and draws."""
    data = vj.data.digits()

    def member(net: Callable[[NetBuilder], NetBuilder], microbatches: int) -> Trainer:
        built = net(vj.nets.mlp(64, 64))
        model = vj.vae(built, built, data_shape=data.data_shape, latent_size=8, likelihood=data.likelihood)
        return vj.trainer(model, vj.objectives.elbo(), optax.adam(3e-3), microbatches=microbatches)

    points = [{"net": net, "microbatches": 1} for net in NETS.values()]
    ways = vj.points([*points, {"net": NETS["float32"], "microbatches": 4}])
    result = vj.sweep(member, data, ways, seed=range(num_seeds), epochs=epochs, num_samples=16)
    return Found(*result.dataset.elbo.values)


if __name__ == "__main__":
    found = main()
    print(f"reference      {found.reference.mean():9.3f} nats, sd over seeds {found.reference.std(ddof=1):.3f}")
    for name in ("bfloat16", "rematerialised", "microbatches"):
        difference = getattr(found, name) - found.reference
        print(f"{name:14s} {difference.mean():+9.4f} nats, by seed {np.array2string(difference, precision=4)}")
