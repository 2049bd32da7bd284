"""Models made of a model: functions from a `VAE` to a `VAE`, for what joins two of its distributions."""

from ._code_usage import code_usage as code_usage
from ._vamp import vamp as vamp
from ._vector_quantised import vector_quantised as vector_quantised
