"""What is measured: of a model and its parameters, in nats per example; of codes, and of codes beside known factors."""

from ._active_units import active_units as active_units
from ._beta_vae_score import beta_vae_score as beta_vae_score
from ._bits import bits_per_dimension as bits_per_dimension
from ._dci import Dci as Dci
from ._dci import dci as dci
from ._effective_sample_size import effective_sample_size as effective_sample_size
from ._factor_vae_score import FactorVaeScore as FactorVaeScore
from ._factor_vae_score import factor_vae_score as factor_vae_score
from ._fixing import Fixing as Fixing
from ._fixing import fixing as fixing
from ._importance import BLOCK as BLOCK
from ._importance import Measured as Measured
from ._importance import importance as importance
from ._linear_probe import Probe as Probe
from ._linear_probe import linear_probe as linear_probe
from ._mig import Gap as Gap
from ._mig import mig as mig
from ._modularity import modularity as modularity
from ._mutual_information import mutual_information_matrix as mutual_information_matrix
from ._pareto import pareto_k as pareto_k
from ._reliability import Reliability as Reliability
from ._reliability import reliability as reliability
from ._sap import sap as sap
from ._udr import Ranked as Ranked
from ._udr import udr as udr
