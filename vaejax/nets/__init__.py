"""Encoders and decoders: functions from the shape of the output to a `Net`. The only room that imports flax."""

from ._conv import conv as conv
from ._conv import deconv as deconv
from ._mlp import gated_mlp as gated_mlp
from ._mlp import mlp as mlp
