from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import jax
import numpy as np

from vaejax import latent, samplers, saved, written
from vaejax.examples import each_example, fixed
from vaejax.grid import Member
from vaejax.numerics import require_count, require_number
from vaejax.samplers import Sampler
from vaejax.types import VAE, Event, Example, Key, Params

from ._given import Which, key_of, used_of
from ._kept import kept

SamplerName = Literal["prior", "mixture", "kernel_density", "flow", "two_stage"]
FITTED: Mapping[SamplerName, Callable[[], Sampler]] = {
    "mixture": samplers.gaussian_mixture,
    "kernel_density": samplers.kernel_density,
    "flow": samplers.flow,
    "two_stage": samplers.two_stage,
}


@dataclass(frozen=True, kw_only=True)
class Sample(Which):
    """Draw new examples from a member of a finished run: by default the one that the answer chose.

    vaejax sample runs/digits --num 100 --sampler mixture
    """

    num: int = 64
    """How many."""
    seed: int = 0
    """Of the draws."""
    sampler: SamplerName = "prior"
    """Where codes are drawn from: p(z), or a density that is fitted to the codes of the training split (once: it is
    kept in the run's folder), a mixture of normals, kernels, a flow, or a second VAE."""
    temperature: float | None = None
    """Draw from the density to the power 1/T instead: below 1, fewer and more usual ones."""
    out: Path | None = None
    """A .npy, or of images a .png. By default both, in the run's folder."""

    def run(self) -> int:
        """0; writes means of p(x|z) at draws of z."""
        num, key = require_count("num", self.num), key_of("seed", self.seed)
        if self.temperature is not None:
            require_number("temperature", self.temperature, above=0.0)
        if self.sampler == "prior":
            member = saved.load_member(self.run_folder, **self.where())
            sampler, fitted = latent.prior_of(member.model), member.params
        else:
            member, sampler, fitted = self._fitted()
        path = written.output(self.out, self.run_folder, "samples.npy", member.model.data_shape)
        if self.temperature is not None:
            sampler = samplers.tempered(sampler, self.temperature)
        places = Example(np.zeros((num, 0)))  # ty: ignore[invalid-argument-type]  (an example for each draw)
        images = each_example(fixed(_drawn, member.model, sampler), key, (member.params, fitted), places)
        written.write(path, images, lambda: written.square(images))
        print(f"{num} samples written to {path}")
        return 0

    def _fitted(self) -> tuple[Member, Sampler, Params]:
        """A sampler of the codes of the training split, fitted now or read from where it was kept."""
        used, sampler = used_of(self), FITTED[self.sampler]()
        codes_key, fit_key = jax.random.split(used.key)

        def like() -> Params:
            codes = jax.ShapeDtypeStruct((used.num["train"], int(np.count_nonzero(used.model.active()))), float)
            return jax.eval_shape(sampler.fit, fit_key, codes)

        def fit() -> Params:
            codes = latent.codes_of(codes_key, used.model, used.params, used.split("train"))
            return jax.jit(sampler.fit)(fit_key, codes)

        fitted = kept(self.run_folder.expanduser() / "samplers", self.sampler, used, like, fit)
        return Member(used.model, used.params), sampler, fitted


def _drawn(model: VAE, sampler: Sampler, key: Key, params: tuple[Params, Params], example: Example) -> Event:
    return latent.generate_mean_from(key, model, params[0], sampler, params[1])
