"""Models made of a model: functions from a `VAE` to a `VAE`, for what joins two of its distributions."""

from vaejax.contexts import at_beta as at_beta

from ._code_usage import code_usage as code_usage
from ._denoising import Corrupt as Corrupt
from ._denoising import denoising as denoising
from ._denoising import gaussian_noise as gaussian_noise
from ._denoising import zeroed as zeroed
from ._labelled import labelled as labelled
from ._multi_rate import multi_rate as multi_rate
from ._vamp import vamp as vamp
from ._vector_quantised import vector_quantised as vector_quantised
