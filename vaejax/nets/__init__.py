"""Encoders and decoders: functions from the shape of the output to a `Net`. The only room that imports flax."""

from ._mlp import gated_mlp as gated_mlp
from ._mlp import mlp as mlp
from ._precision import in_bfloat16 as in_bfloat16
from ._precision import rematerialised as rematerialised
