"""Data whose number of latents is known: does the search find it, and does it say so where it cannot be told?

    python experiments/bottleneck_known_rank.py

4 min 30 s on two cores. Linear-Gaussian data of 16 dimensions and a linear VAE that learns its noise. "carrying"
are the latents with 95% of the rate of the first look, half as long as the rest; the last column is what the worst
member of the first grid lacks to the maximum of the likelihood in closed form (probabilistic PCA), on test.

    rank  noise  examples  carrying  tried         answer  short, nats
       2    0.3      3000         2  1,2,3,10      2       0.027
       4    0.3      3000         4  1,2,3,4,6,8   4       0.053
       2    0.3       100         3  1,2,3,5,7     2       0.405
       4    0.3       100         4  1,2,3,4,6     4       0.009
       2    3.0      3000         8  1,2,4,6,8,10  1 or 2  0.005
       4    3.0      3000         7  2,3,4,5,7,10  3       0.006

Where the noise is small it finds the rank, also from 80 examples to train on and 10 to test on (where members are
stopped by 10 validation examples, and one lacks 0.4 nats). At noise 3 the signal of an entry has a deviation of 1.6 or
2.1: of rank 2 it says, after nine seeds, that 1 may do as well, and of rank 4 that 3 latents are enough, since the
fourth, with less variance than the noise, gains less than the margin, 0.5% of the best. The largest sizes are the
dimension of the data by two neighbours, to which noise adds.
Tipping and Bishop (1999), Probabilistic principal component analysis.
"""

import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy.stats import multivariate_normal

import vaejax as vj

WIDEST, STEPS, BATCH = 10, 2000, 200


class Searched(NamedTuple):
    """shortfall: the largest of what members of the first grid lack to the maximum of the likelihood, nats on test."""

    rank: int
    found: vj.answer.Found
    shortfall: float


def encoder(out_shape: tuple[int, ...]) -> vj.Net:
    """Means that are linear in x, and a covariance that does not depend on it: the true posterior of linear data."""
    net = vj.nets.mlp()(out_shape)

    def apply(params: Any, inputs: Any, key: Any) -> jax.Array:
        anywhere = net.apply(params, jax.tree.map(jnp.zeros_like, inputs), key)
        return jnp.concatenate([net.apply(params, inputs, key)[:1], anywhere[1:]])

    return net._replace(apply=apply)


def maximum_of(train: np.ndarray, test: np.ndarray, num: int) -> float:
    """Mean log p of test under the maximum of the likelihood of train: probabilistic PCA with `num` latents."""
    values, axes = np.linalg.eigh(np.cov(train.T, bias=True))
    noise, kept = values[:-num].mean(), axes[:, -num:]
    covariance = (kept * (values[-num:] - noise)) @ kept.T + noise * np.eye(len(values))
    return float(multivariate_normal(train.mean(0), covariance).logpdf(test).mean())


def searched(rank: int, noise: float, num_examples: int) -> Searched:
    """The search on one data set of 16 dimensions."""
    data, _ = vj.data.linear_gaussian(rank=rank, noise=noise, num_examples=num_examples)
    size = min(BATCH, len(data.train))
    epochs = round(STEPS / -(-len(data.train) // size))

    def member(beta: float, latent_size: int) -> Any:
        model = vj.vae(
            encoder,
            vj.nets.mlp(),
            data_shape=data.data_shape,
            latent_size=latent_size,
            max_latent_size=WIDEST,
            likelihood=vj.likelihoods.learned_normal(1.0),
        )
        falling = optax.adam(optax.cosine_decay_schedule(1e-1, STEPS))
        return vj.trainer(model, vj.objectives.elbo(beta), optax.chain(optax.clip_by_global_norm(10.0), falling))

    found = vj.find_bottleneck(member, data, widest=WIDEST, epochs=epochs, batch_size=size, num_samples=32)
    train, test = (np.asarray(split, float) for split in (data.train, data.test))
    reached = found.rounds[0].result.dataset.log_likelihood.squeeze("beta")
    lacking = [maximum_of(train, test, size) - reached.sel(latent_size=size) for size in reached.latent_size.values]
    return Searched(rank, found, float(np.max(lacking)))


def main(ranks: tuple = (2, 4), kinds: tuple = ((0.3, 3000), (0.3, 100), (3.0, 3000))) -> list[Searched]:
    """Every data set in turn; kinds are noises and numbers of examples."""
    everything = []
    print("rank  noise  examples  carrying  tried              answer         short of the maximum, nats")
    for noise, num_examples in kinds:
        for rank in ranks:
            one = searched(rank, noise, num_examples)
            answer, look = one.found.answer, one.found.look
            tried = ",".join(str(size.latent_size) for size in answer.sizes)
            told = str(answer.latent_size) if answer.decided else " or ".join(map(str, answer.candidates))
            head = f"{rank:4}  {noise:5}  {num_examples:8}  {look.carrying:8}  {tried:17}  {told:13}"
            print(f"{head}  {one.shortfall:.3f}", flush=True)
            everything.append(one)
    return everything


if __name__ == "__main__":
    began = time.perf_counter()
    main()
    print(f"{time.perf_counter() - began:.0f} s")
