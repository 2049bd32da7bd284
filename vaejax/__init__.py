"""Variational autoencoders on JAX: pure functions, mapped over grids of beta and latent size in one XLA program."""

from . import likelihoods as likelihoods
from . import metrics as metrics
from . import nets as nets
from . import objectives as objectives
from . import posteriors as posteriors
from . import priors as priors
from .model import vae as vae
from .train import by_name as by_name
from .train import trainer as trainer
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
from . import data as data
from .grid import extract as extract
from .grid import fit as fit
from .grid import points as points
from .grid import sweep as sweep
from .grid import zipped as zipped
