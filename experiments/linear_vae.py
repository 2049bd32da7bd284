"""A linear VAE is probabilistic PCA: training finds the exact maximum of the log likelihood, where its bound is tight.

    python experiments/linear_vae.py

About half a minute on two cores. With 4 latents on the 8 x 8 digits, pixels dequantised to [0, 1], the log likelihood
of the trained decoder is less than 0.01 nats per image below its maximum in closed form, about 10.44; the bound is less
than 0.01 below the log likelihood, and the importance-weighted estimate within 0.01 of it.

The true posterior of such a decoder is N(M (x - b), S), S the same for every x. So an encoder that is linear in x is
rich enough: it needs no weights to the log scales, only biases. Its S is diagonal, so where the bound is tight the
decoder has turned such that the true one is diagonal too: its columns are principal directions.
Tipping and Bishop (1999), Probabilistic principal component analysis; Lucas et al. (2019), arXiv:1911.02469.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA

import vaejax as vj


class Found(NamedTuple):
    """Means of log p(x) over the images, nats.

    maximum, scikit_learn: in closed form, by us and by them. exact: of the trained decoder.
    estimated: its importance-weighted estimate. bound: its bound.
    """

    maximum: float
    scikit_learn: float
    exact: float
    estimated: float
    bound: float


def maximum_of(x: np.ndarray, num: int) -> float:
    """-1/2 (D log 2 pi + log |C| + D), where C keeps `num` eigenvalues of the covariance and averages the others."""
    eigenvalues = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]
    kept, noise = eigenvalues[:num], eigenvalues[num:].mean()
    log_det = np.log(kept).sum() + (len(eigenvalues) - num) * np.log(noise)
    return float(-0.5 * (len(eigenvalues) * (np.log(2 * np.pi) + 1) + log_det))


def exact_of(model: vj.VAE, params: Any, x: np.ndarray, num: int) -> float:
    """log N(x; b, W W' + scale^2 I), the marginal of a decoder with mean W z + b."""

    def decode(z: jax.Array) -> jax.Array:
        return vj.decode(model, params, z)

    b, w = (np.asarray(a, float) for a in (decode(jnp.zeros(num)), jax.jacobian(decode)(jnp.zeros(num))))
    variance = np.exp(2 * float(params["likelihood"]["log_scale"]))
    return float(multivariate_normal(b, w @ w.T + variance * np.eye(len(b))).logpdf(x).mean())


def main(latent_size: int = 4, num_steps: int = 10_000, num_samples: int = 256) -> Found:
    """Train on all images at once, then hold side by side what should be equal."""
    raw = np.asarray(vj.data.digits().train).reshape(-1, 64)
    x = np.asarray((raw + np.random.default_rng(0).random(raw.shape)) / 17, np.float32)
    batch = vj.Example(jnp.asarray(x))

    linear = vj.nets.mlp()  # no hidden layer
    model = vj.vae(
        linear, linear, data_shape=(64,), latent_size=latent_size, likelihood=vj.likelihoods.learned_normal()
    )
    optimizer = optax.adam(optax.cosine_decay_schedule(3e-2, num_steps))
    trainer = vj.trainer(model, vj.objectives.elbo(), optimizer)

    @jax.jit
    def train(key: jax.Array) -> Any:
        init_key, step_key = jax.random.split(key)
        keys = jax.random.split(step_key, num_steps)
        state, _ = jax.lax.scan(lambda state, key: trainer.step(key, state, batch), trainer.init(init_key, batch), keys)
        return state.params

    @jax.jit
    def measure(key: jax.Array, params: Any) -> vj.metrics.Measured:
        def one(key: jax.Array, example: vj.Example) -> vj.metrics.Measured:
            return vj.metrics.importance(key, model, params, example, num_samples)

        return jax.vmap(one)(jax.random.split(key, len(x)), batch)

    params = train(jax.random.key(0))
    measured = measure(jax.random.key(1), params)
    return Found(
        maximum=maximum_of(x.astype(float), latent_size),
        scikit_learn=float(PCA(latent_size, svd_solver="full").fit(x.astype(float)).score(x.astype(float))),
        exact=exact_of(model, params, x.astype(float), latent_size),
        estimated=float(np.mean(measured.log_likelihood, dtype=float)),
        bound=-float(np.mean(measured.distortion + measured.rate, dtype=float)),
    )


if __name__ == "__main__":
    found = main()
    print(f"nats per image, closed form:    {found.maximum:9.4f} (scikit-learn: {found.scikit_learn:.4f})")
    print(f"trained decoder, exactly:       {found.exact:9.4f} ({found.exact - found.maximum:+.4f})")
    print(f"  by importance weights:        {found.estimated:9.4f} ({found.estimated - found.exact:+.4f})")
    print(f"  its bound:                    {found.bound:9.4f} ({found.bound - found.exact:+.4f})")
