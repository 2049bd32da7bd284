"""Codes with their mean and covariance taken off, so that one setting of a fit is right for codes of any scale."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.types import Params, Scalar

LEAST = 1e-6  # of the variance in a direction to that of its latents: below it is taken as so much


def frame_of(codes: Float[Array, "num size"]) -> Params:
    """Mean m and lower triangular R of the codes, R R^T their covariance (N - 1), with at least a little everywhere."""
    mean = jnp.mean(codes, axis=0)
    gaps = codes - mean[None]
    variance = jnp.sum(jnp.square(gaps), axis=0) / (len(codes) - 1)
    scale = jnp.sqrt(jnp.maximum(variance, LEAST * jnp.mean(variance) + jnp.finfo(codes.dtype).tiny))
    alike = gaps / scale[None]
    correlation = jnp.matmul(alike.T, alike, precision=jax.lax.Precision.HIGHEST) / (len(codes) - 1)
    root = jnp.linalg.cholesky(correlation + LEAST * jnp.eye(len(scale), dtype=codes.dtype))
    return {"mean": mean, "root": scale[:, None] * root}


def whitened(frame: Params, codes: Float[Array, "*num size"]) -> Float[Array, "*num size"]:
    """R^-1 (z - m), of a code or of many."""
    gaps = codes - frame["mean"].reshape(*[1] * (codes.ndim - 1), -1)
    found = jax.scipy.linalg.solve_triangular(frame["root"], gaps.reshape(-1, gaps.shape[-1]).T, lower=True)
    return found.T.reshape(codes.shape)


def coloured(frame: Params, white: Float[Array, " size"]) -> Float[Array, " size"]:
    """R u + m: back again."""
    return frame["root"] @ white + frame["mean"]


def log_volume(frame: Params) -> Scalar:
    """log |det R|, which a density of whitened codes is too large by."""
    return jnp.sum(jnp.log(jnp.diag(frame["root"])))
