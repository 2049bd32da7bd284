import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from tyro.conf import Positional

from vaejax import evaluation, saved, showing, tables
from vaejax.answer import bottlenecks
from vaejax.errors import OutputError
from vaejax.numerics import require_count

if TYPE_CHECKING:
    import xarray as xr

MeasureName = Literal[
    "likelihood",
    "anatomy",
    "reconstruction",
    "generation",
    "representation",
    "disentanglement",
    "agreement",
    "dimension",
    "cost",
]


@dataclass(frozen=True)
class Evaluate:
    """Measure more of every member of a finished run: all that applies to it and its data."""

    run_folder: Annotated[Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a finished run."""
    only: tuple[MeasureName, ...] = ()
    """Only these measures. By default all of them."""
    num_samples: int | None = None
    """Measure the table itself again too, the log likelihood with so many draws of z. By default it stays as it is."""

    def run(self) -> int:
        """0; writes evaluation.csv and evaluation.nc into the run's folder, and prints the first of each measure."""
        if self.num_samples is not None:
            require_count("num_samples", self.num_samples)
        run = saved.open_run(self.run_folder)
        measures = [evaluation.MEASURES[name]() for name in self.only] or evaluation.everything()
        dataset = saved.evaluate(run, measures, self.num_samples, _show)
        path = self.run_folder / "evaluation.csv"
        try:
            path.write_text(tables.results_csv(dataset, [name for one in measures for name in one.columns]))
            dataset.to_netcdf(self.run_folder / saved.EVALUATION, engine="scipy")
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
        print(tables.short_table(dataset, ["elbo", *(next(iter(one.columns)) for one in measures)]), end="")
        _tell(dataset)
        showing.write_report(self.run_folder, saved.with_table(self.run_folder, run))
        print(f"All columns: {path}; what they are, and those of several numbers: {path.with_suffix('.nc')}")
        print(f"The report shows them: {self.run_folder / 'report.html'}")
        return 0


def _show(name: str, seconds: float) -> None:
    print(f"{name}: {seconds:.1f} s", file=sys.stderr, flush=True)


def _tell(dataset: "xr.Dataset") -> None:
    """Where criteria disagree, what to know before a conclusion is drawn, and what is not there."""
    if dataset.sizes.get("latent_size", 1) > 1:
        print(bottlenecks(dataset).reason)
    for warning in dataset.attrs["warnings"].splitlines():
        print(f"Note: {warning}")
    for line in dataset.attrs["not_measured"].splitlines():
        print(f"Not measured: {line}")
