"""The command line: parse, call, print. `vaejax sweep`, `vaejax evaluate RUN`, `vaejax sample RUN`."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import tyro
from tyro.conf import OmitArgPrefixes, Positional, subcommand

from vaejax import folder, recipes, report, saved, verbs
from vaejax.answer import bottleneck
from vaejax.errors import OutputError, VaejaxError
from vaejax.grid import extract, sweep
from vaejax.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Train a grid of VAEs over beta and latent size, measure every member, and answer."""

    config: OmitArgPrefixes[recipes.Config] = field(default_factory=recipes.Config)
    out: Path
    """A new or empty folder for everything there is to know about the run."""

    def run(self) -> int:
        """0, or 1 where every member diverged."""
        config = self.config
        recipes.check(config)
        with folder.new_folder(self.out) as path:
            started = time.perf_counter()
            axes: dict[str, Any] = recipes.axes_of(config)
            data = recipes.read_data(config)
            folder.write_config(path, config, data)
            with Progress(config.epochs, path, started) as progress:
                result = sweep(
                    recipes.member_of(config, data),
                    data,
                    epochs=config.epochs,
                    batch_size=config.batch_size,
                    num_samples=config.num_samples,
                    on_segment=progress.update,
                    **axes,
                )
            measured = time.perf_counter()
            folder.end_history(path, result.dataset)
            folder.write_result(path, result)
            answer = bottleneck(result.dataset, config.margin)
            portrait = None
            if answer.member:
                member = extract(result, **answer.member)
                portrait = report.portrait_of(jax.random.key(0), *member, saved.first_examples(data, 12))
            report.write(path / "report.html", result.dataset, answer, portrait)
            folder.write_json(path / "timing.json", progress.timing(measured, time.perf_counter()))
            folder.write_json(path / "answer.json", folder.answer_json(answer, result.dataset))  # last: it is finished
        print(f"\n{answer.reason}")
        for warning in answer.warnings:
            print(f"Note: {warning}")
        print(f"The report: {path / 'report.html'}  (all numbers: {path / 'results.csv'})")
        return 0 if answer.member else 1


@dataclass(frozen=True)
class Evaluate:
    """Measure every member of a finished run again, on the test split, with as many draws as you like."""

    run_folder: Annotated[Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a finished run."""
    num_samples: int = 1000
    """Draws of z for the importance-weighted log likelihood."""

    def run(self) -> int:
        """0; writes evaluation.csv into the run's folder and prints it."""
        recipes.require_count("num_samples", self.num_samples)
        run = saved.open_run(self.run_folder)
        dataset = saved.evaluate(run, self.num_samples)
        text = folder.results_csv(dataset)
        path = self.run_folder / "evaluation.csv"
        try:
            path.write_text(text)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror}") from None
        print(text, end="")
        print(f"Written to {path}: test split, {self.num_samples} draws of z, nats per example.", file=sys.stderr)
        return 0


@dataclass(frozen=True)
class Sample:
    """Draw new examples from a member of a finished run: by default the one that the answer chose."""

    run_folder: Annotated[Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a finished run."""
    num: int = 64
    """How many."""
    seed: int = 0
    """Of the draws."""
    beta: float | None = None
    """Another member's beta."""
    latent_size: int | None = None
    """Another member's latent size."""
    out: Path | None = None
    """A .png (images) or .npy (any shape). By default samples.png, or samples.npy, in the run's folder."""

    def run(self) -> int:
        """0; writes means of p(x|z) at draws of z from the prior."""
        recipes.require_count("num", self.num)
        run = saved.open_run(self.run_folder)
        named: dict[str, Any] = {"beta": self.beta, "latent_size": self.latent_size}
        where = {name: value for name, value in named.items() if value is not None}
        model, params = extract(run.result, **saved.nearest_to_answer(run, where))
        keys = jax.random.split(jax.random.key(self.seed), self.num)
        drawn = jax.vmap(lambda key: verbs.generate_mean(key, model, params))(keys)
        path = saved.write_samples(self.out, self.run_folder, np.asarray(drawn))
        print(f"{self.num} samples written to {path}")
        return 0


Command = (
    Annotated[Sweep, subcommand("sweep")]
    | Annotated[Evaluate, subcommand("evaluate")]
    | Annotated[Sample, subcommand("sample")]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0, 1 where nothing could be answered, 2 for input that cannot be used."""
    command: Any = tyro.cli(Command, args=arguments, prog="vaejax", description=__doc__)
    _use_all_cores()
    with contextlib.suppress(ValueError):  # only the main thread may
        signal.signal(signal.SIGTERM, _terminated)
    try:
        return command.run()
    except VaejaxError as error:
        print(f"vaejax: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # a disk that is full or gone, in the middle of a run
        print(f"vaejax: {error}; what was written of this run is removed again", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("vaejax: stopped; what was written of this run is removed again", file=sys.stderr)
        return 130


def _terminated(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


def _use_all_cores() -> None:
    """A CPU device for each core, so that members are trained side by side; a device decides nothing else."""
    if {"XLA_FLAGS", "JAX_NUM_CPU_DEVICES"} & os.environ.keys():
        return
    with contextlib.suppress(RuntimeError, AttributeError):  # jax is already running, or this is no Linux
        jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))


if __name__ == "__main__":
    sys.exit(main())
