"""What is measured, of a model and its parameters, in nats per example."""

from ._active_units import active_units as active_units
from ._bits import bits_per_dimension as bits_per_dimension
from ._effective_sample_size import effective_sample_size as effective_sample_size
from ._importance import BLOCK as BLOCK
from ._importance import Measured as Measured
from ._importance import importance as importance
from ._pareto import pareto_k as pareto_k
from ._reliability import Reliability as Reliability
from ._reliability import reliability as reliability
