from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from vaejax import denoisers, metrics, written
from vaejax.denoisers import Denoiser, Noise
from vaejax.errors import VaejaxError
from vaejax.examples import each_example, fixed
from vaejax.types import Event, Example, Family, Key, Params

from ._given import Given, Used, noisy_for, used_of

NoiseName = Literal["gaussian", "salt_and_pepper", "zeroed", "poisson"]
DenoiserName = Literal["auto", "most_probable", "given_noise", "posterior_mean", "reconstruction", "iterated"]
NOISES: dict[NoiseName, tuple[float, Callable[[float], Noise]]] = {
    "gaussian": (0.3, denoisers.gaussian),
    "salt_and_pepper": (0.2, denoisers.salt_and_pepper),
    "zeroed": (0.2, denoisers.zeroed),
    "poisson": (30.0, denoisers.poisson),
}


@dataclass(frozen=True, kw_only=True)
class Denoise(Given):
    """Estimates of clean examples from noisy ones.

    vaejax denoise runs/digits test --noise gaussian --strength 0.3 --add
    """

    noise: NoiseName | None = None
    """The noise, where it is known: Gaussian, single entries at either end, entries at zero, or counts of light."""
    strength: float | None = None
    """Of the noise: a standard deviation in units of x, the part of the entries, or the counts where x is 1. By default
    0.3, 0.2, 0.2 or 30."""
    add: bool = False
    """Add this noise to the examples first, and say how much of it was taken off."""
    by: DenoiserName = "auto"
    """Auto: the most probable clean one where the noise is known and x is bounded, else the mean of p(x|z) over
    q(z|x)."""
    out: Path | None = None
    """A .npy, or of images a .png: what was given above what is made of it. By default both, in the run's folder."""

    def run(self) -> int:
        """0; writes the estimates."""
        used, noise = used_of(self, self.key), self._noise()
        by = self._denoiser(noise, used.model.likelihood)
        path = written.output(self.out, self.run_folder, "denoised.npy", used.model.data_shape)
        clean = noisy_for(used, self)
        noise_key, key = jax.random.split(used.key)
        noisy = clean
        if self.add and noise is not None:
            if self.noise == "poisson" and np.min(clean.x) < 0:
                raise VaejaxError("--noise poisson counts light, which is not below 0, and examples are")
            noisy = clean._replace(x=each_example(fixed(_noisy, noise), noise_key, (), clean))
        found = denoisers.denoise(key, used.model, used.params, noisy, by)
        kinds = (clean.x, noisy.x, found) if self.add else (noisy.x, found)
        written.write(path, found, lambda: written.rows_of(*map(np.asarray, kinds)))
        print(f"{len(found)} examples written to {path}{self._told(used, clean, noisy, found)}")
        return 0

    def _noise(self) -> Noise | None:
        if self.noise is None:
            if self.add or self.strength is not None:
                raise VaejaxError("expected the name of a noise beside --add or --strength, like --noise gaussian")
            return None
        usual, make = NOISES[self.noise]
        return make(usual if self.strength is None else self.strength)

    def _denoiser(self, noise: Noise | None, likelihood: Family) -> Denoiser:
        bounded = np.isfinite(likelihood.support.high - likelihood.support.low)
        by = ("most_probable" if noise is not None and bounded else "posterior_mean") if self.by == "auto" else self.by
        if by in ("given_noise", "most_probable"):
            if noise is None:
                raise VaejaxError(f"--by {by} must know the noise: name it, like --noise gaussian --strength 0.3")
            if not bounded:
                raise VaejaxError(
                    f"--by {by} sums over the values of x, and {likelihood.name} is on {likelihood.support}: use "
                    "--by posterior_mean"
                )
            return (denoisers.given_noise if by == "given_noise" else denoisers.most_probable)(noise)
        return {
            "posterior_mean": denoisers.posterior_mean,
            "reconstruction": denoisers.reconstruction,
            "iterated": denoisers.iterated,
        }[by]()

    def _told(self, used: Used, clean: Example, noisy: Example, found: np.ndarray) -> str:
        size = used.form.support.high - used.form.support.low
        if not self.add or not np.isfinite(size):
            return ""
        of = jax.vmap(lambda x, y: metrics.psnr(x, y, size))
        before, after = (float(np.mean(of(jnp.asarray(clean.x), jnp.asarray(x)))) for x in (noisy.x, found))
        return f"; PSNR {before:.1f} dB with the noise, {after:.1f} dB without"


def _noisy(noise: Noise, key: Key, params: Params, example: Example) -> Event:
    return noise.corrupt(key, example.x)
