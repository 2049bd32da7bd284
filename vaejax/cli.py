"""The command line: parse, call, print. `vaejax sweep`, `vaejax evaluate RUN`, `vaejax sample RUN`."""

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import tyro
from tyro.conf import OmitArgPrefixes, Positional, subcommand

from vaejax import folder, history, recipes, report, saved, tables, verbs
from vaejax.answer import bottleneck
from vaejax.errors import OutputError, Stopped, VaejaxError
from vaejax.grid import Keeper, extract, sweep
from vaejax.numerics import require_number
from vaejax.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Train a grid of VAEs over beta and latent size, measure every member, and answer."""

    config: OmitArgPrefixes[recipes.Config] = field(default_factory=recipes.Config)
    out: Path
    """A new or empty folder for everything there is to know about the run."""
    resume: bool = False
    """Go on with the run in that folder from where it was saved; start it if there is none."""
    save_every: float = 30.0
    """Seconds between checkpoints; saving never takes more than a fiftieth of the time."""

    def run(self) -> int:
        """0, or 1 where every member diverged."""
        config = self.config
        recipes.check(config)
        require_number("save_every", self.save_every, least=0.0)
        if self.resume and folder.finished(self.out):
            print(f"The run in {self.out} is finished. Its report: {self.out / 'report.html'}")
            return 0
        with folder.run_folder(self.out, resume=self.resume) as path:
            started = time.perf_counter()
            axes: dict[str, Any] = recipes.axes_of(config)
            data = recipes.read_data(config)
            folder.write_config(path, config, data)
            with Progress(config.epochs, path, started) as progress, asked_to_stop() as stop:
                keeper = Keeper(path / folder.CHECKPOINTS, self.save_every, stop)
                result = sweep(
                    recipes.member_of(config, recipes.facts_of(data)),
                    data,
                    epochs=config.epochs,
                    batch_size=config.batch_size,
                    num_samples=config.num_samples,
                    on_segment=progress.update,
                    keep=keeper,
                    **axes,
                )
            measured = time.perf_counter()
            history.end_history(path, result.dataset)
            folder.write_result(path, result)
            answer = bottleneck(result.dataset, config.margin)
            portrait = None
            if answer.member:
                member = extract(result, **answer.member)
                portrait = report.portrait_of(jax.random.key(0), *member, saved.first_examples(data, 12))
            report.write(path / "report.html", result.dataset, answer, portrait)
            folder.write_json(path / "timing.json", progress.timing(measured, time.perf_counter()))
            folder.write_json(path / "answer.json", folder.answer_json(answer, result.dataset))  # last: it is finished
            shutil.rmtree(path / folder.CHECKPOINTS)
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
        text = tables.results_csv(dataset)
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
        model, params = extract(run.result, **saved.nearest_to(run.answer, where))
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
        print(f"vaejax: {error}; what was saved before stays, and --resume goes on from there", file=sys.stderr)
        return 1
    except Stopped as stopped:
        print("vaejax: stopped and saved; the same command with --resume goes on from here", file=sys.stderr)
        return 128 + int(stopped.args[0])
    except KeyboardInterrupt:
        print("vaejax: stopped; what was saved before stays, and --resume goes on from there", file=sys.stderr)
        return 130


@contextlib.contextmanager
def asked_to_stop() -> Generator[Callable[[], int]]:
    """The number of the signal that asked a run to stop, else 0. A second signal ends it at once."""
    asked: list[int] = []

    def ask(number: int, frame: Any) -> None:
        asked.append(number)
        for one, handler in before.items():
            signal.signal(one, handler)
        print("vaejax: stopping after these steps, to save them; once more stops at once", file=sys.stderr)

    before: dict[int, Any] = {}
    with contextlib.suppress(ValueError):  # only the main thread may
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, ask)
    try:
        yield lambda: asked[0] if asked else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
