"""The command line: parse, call, and turn every end into one line and an exit code."""

import contextlib
import signal
import sys
import warnings
from collections.abc import Generator, Sequence
from typing import Annotated, Any

import tyro
from tyro.conf import subcommand

from vaejax import commands
from vaejax.errors import Stopped, VaejaxError, VaejaxWarning
from vaejax.examples import watched
from vaejax.progress import counting

Command = (
    Annotated[commands.Sweep, subcommand("sweep")]
    | Annotated[commands.Bottleneck, subcommand("bottleneck")]
    | Annotated[commands.Train, subcommand("train")]
    | Annotated[commands.Evaluate, subcommand("evaluate")]
    | Annotated[commands.Doctor, subcommand("doctor")]
    | Annotated[commands.Sample, subcommand("sample")]
    | Annotated[commands.Reconstruct, subcommand("reconstruct")]
    | Annotated[commands.Encode, subcommand("encode")]
    | Annotated[commands.Interpolate, subcommand("interpolate")]
    | Annotated[commands.Denoise, subcommand("denoise")]
    | Annotated[commands.Impute, subcommand("impute")]
    | Annotated[commands.ScoreExamples, subcommand("score")]
    | Annotated[commands.Transfer, subcommand("transfer")]
    | Annotated[commands.Report, subcommand("report")]
    | Annotated[commands.DataSet, subcommand("data")]
)
GOES_ON = "; what was saved before stays, and --resume goes on from there"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0, 1 where nothing could be answered, 2 for input that cannot be used."""
    command: Any = tyro.cli(
        Command, args=arguments, prog="vaejax", description="Variational autoencoders, by the grid."
    )
    advice = GOES_ON if hasattr(command, "keeping") else ""
    with contextlib.suppress(ValueError):  # only the main thread may
        signal.signal(signal.SIGTERM, _terminated)
    try:
        with _warnings_in_a_line(), watched(counting()):
            return command.run()
    except VaejaxError as error:
        _say(error)
        return 2
    except OSError as error:  # a disk that is full or gone, in the middle of a run
        _say(f"{error}{advice}")
        return 1
    except MemoryError as error:
        _say(f"the memory is not enough: {error}; ask for less at a time")
        return 1
    except Stopped as stopped:
        _say("stopped and saved; the same command with --resume goes on from here")
        return 128 + int(stopped.args[0])
    except KeyboardInterrupt:
        _say(f"stopped{advice}")
        return 130


def _say(text: Any) -> None:
    print(f"vaejax: {text}", file=sys.stderr)


@contextlib.contextmanager
def _warnings_in_a_line() -> Generator[None]:
    before = warnings.showwarning

    def show(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, VaejaxWarning):
            _say(message)
        else:
            before(message, category, *where, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", VaejaxWarning)
        setattr(warnings, "showwarning", show)  # noqa: B010  (its signature is not that of a plain function)
        yield


def _terminated(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
