from dataclasses import dataclass
from pathlib import Path

from vaejax import latent, written

from ._given import Given, examples_for, used_of


@dataclass(frozen=True, kw_only=True)
class Encode(Given):
    """The codes of examples: mean and standard deviation of q(z|x) of each.

    vaejax encode runs/digits test --out codes.npz
    """

    num_draws: int = 128
    """Draws of z that standard deviations are taken over."""
    out: Path | None = None
    """A .npz with means and scales, [num, latent]. By default codes.npz in the run's folder."""

    def run(self) -> int:
        """0; writes the codes."""
        path = written.place(self.out, self.run_folder, "codes.npz")
        used = used_of(self, self.key)
        examples = examples_for(used, self)
        found = latent.posteriors_of(used.key, used.model, used.params, examples, num_draws=self.num_draws)
        written.write_arrays(path, {"means": found.means, "scales": found.scales})
        print(f"{len(found.means)} codes of shape {found.means.shape[1:]} written to {path} (means, scales)")
        return 0
