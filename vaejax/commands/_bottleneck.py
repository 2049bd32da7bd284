from __future__ import annotations

from dataclasses import dataclass, field, replace

from tyro.conf import OmitArgPrefixes

from vaejax import folder
from vaejax.answer import sheet
from vaejax.config import DEFAULTS, Config, check
from vaejax.errors import VaejaxError
from vaejax.numerics import require_count, require_number

from ._run import Keeping
from ._search import Searching, search, second_grid_of

ASKED = Config(beta=(0.5, 1.0, 2.0), latent_size=(), widest=64, seeds=3)


@dataclass(frozen=True, kw_only=True)
class Bottleneck:
    """Find how many latents a data set needs: a look proposes the range, a grid confirms, a second grid tunes the rest.

    vaejax bottleneck --data digits --epochs 50 --out runs/x
    """

    config: OmitArgPrefixes[Config] = field(default_factory=lambda: ASKED)
    searching: OmitArgPrefixes[Searching] = field(default_factory=Searching)
    keeping: OmitArgPrefixes[Keeping]

    def run(self) -> int:
        """0, or 1 where every member diverged."""
        config, out = filled(self.config, self.searching), self.keeping.out
        require_number("save_every", self.keeping.save_every, least=0.0)
        if self.keeping.resume and folder.finished(out):
            print(f"The run in {out} is finished. Its report: {out / 'report.html'}")
            return 0
        found = search(config, self.searching, self.keeping)
        print(f"\n{sheet(found.answer.sizes)}\n\n{found.told}")
        for warning in found.answer.warnings:
            print(f"Note: {warning}")
        print(f"The report: {out / 'report.html'}  (all numbers: {out / 'results.csv'})")
        if found.tuning is not None:
            print(f"The second grid: {second_grid_of(out) / 'report.html'}")
        return 0 if found.answer.member else 1


def filled(config: Config, searching: Searching) -> Config:
    """What was asked, with what the second grid tries by default. Raises: VaejaxError."""
    check(config)
    require_count("most_seeds", searching.most_seeds, least=config.seeds)
    if searching.look_epochs is not None:
        require_count("look_epochs", searching.look_epochs)
    if config.latent_size:
        raise VaejaxError(
            "vaejax bottleneck proposes latent sizes itself: leave out --latent-size, or use vaejax sweep"
        )
    if config.widest is None:
        raise VaejaxError("vaejax bottleneck needs the latents of its wide model: give --widest, like --widest 64")
    if config.first_seed:
        raise VaejaxError("vaejax bottleneck counts its seeds from 0: leave out --first-seed, or use vaejax sweep")
    if not searching.second_grid:
        return config
    rate, hidden = DEFAULTS[config.net].learning_rate[0], DEFAULTS[config.net].hidden
    return replace(
        config,
        learning_rate=(rate, rate / 3) if config.learning_rate is None else config.learning_rate,
        width=(hidden[0], 2 * hidden[0]) if config.width is None and config.hidden is None else config.width,
        weight_decay=(0.0, 0.01) if config.weight_decay is None else config.weight_decay,
    )
