"""Variational autoencoders on JAX: pure functions, mapped over grids of beta and latent size in one XLA program."""

import importlib
from typing import TYPE_CHECKING, Any

from . import data as data
from . import denoisers as denoisers
from . import evaluation as evaluation
from . import imputers as imputers
from . import latent as latent
from . import likelihoods as likelihoods
from . import metrics as metrics
from . import nets as nets
from . import objectives as objectives
from . import posteriors as posteriors
from . import priors as priors
from . import recipes as recipes
from . import samplers as samplers
from . import schedules as schedules
from . import scores as scores
from . import transfer as transfer
from . import variants as variants
from .answer import Answer as Answer
from .answer import at_rate as at_rate
from .answer import bottleneck as bottleneck
from .answer import bottlenecks as bottlenecks
from .answer import doctor as doctor
from .answer import find_bottleneck as find_bottleneck
from .answer import pareto as pareto
from .evaluation import evaluate as evaluate
from .examples import each_example as each_example
from .examples import examples_in as examples_in
from .examples import examples_of as examples_of
from .grid import Keeper as Keeper
from .grid import Member as Member
from .grid import Result as Result
from .grid import ensemble as ensemble
from .grid import extract as extract
from .grid import fit as fit
from .grid import halving as halving
from .grid import mesh as mesh
from .grid import mesh_of as mesh_of
from .grid import patience as patience
from .grid import points as points
from .grid import sweep as sweep
from .grid import zipped as zipped
from .hierarchy import ladder as ladder
from .model import vae as vae
from .plans import Plan as Plan
from .plans import in_turn as in_turn
from .plans import plan_of as plan_of
from .plans import together as together
from .train import averaged as averaged
from .train import by_name as by_name
from .train import scheduled as scheduled
from .train import trainer as trainer
from .train import unfinished as unfinished
from .types import VAE as VAE
from .types import Example as Example
from .types import Net as Net
from .verbs import decode as decode
from .verbs import encode as encode
from .verbs import generate as generate
from .verbs import generate_mean as generate_mean
from .verbs import init as init
from .verbs import reconstruct as reconstruct
from .verbs import sample as sample
from .verbs import terms as terms
from .versions import __version__ as __version__

if TYPE_CHECKING:
    from . import report as report
    from .saved import load_member as load_member

AFTERWARDS = {"report": ("vaejax.report", None), "load_member": ("vaejax.saved", "load_member")}


def __getattr__(name: str) -> Any:
    """What is used when a run is over is imported when it is first used."""
    if name not in AFTERWARDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = AFTERWARDS[name]
    found = importlib.import_module(module)
    return found if attribute is None else getattr(found, attribute)


def _as_html(shown: Any) -> str:
    """What a notebook shows of a result, drawn by the room of reports, which those below it know nothing of."""
    return importlib.import_module("vaejax.report").as_html(shown)


for _shown in (Answer, Result):
    setattr(_shown, "_repr_html_", _as_html)  # noqa: B010  (a type is told nothing of attributes that come later)


def __dir__() -> list[str]:
    return sorted({*globals(), *AFTERWARDS})
