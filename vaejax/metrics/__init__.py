"""What is measured, of a model and its parameters, in nats per example."""

from ._active_units import active_units as active_units
from ._importance import BLOCK as BLOCK
from ._importance import Measured as Measured
from ._importance import importance as importance
