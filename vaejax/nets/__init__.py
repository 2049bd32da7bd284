"""Encoders and decoders: functions from the shape of the output to a `Net`. The only room that imports flax."""

from typing import TYPE_CHECKING, Any

from ._conv import conv as conv
from ._conv import deconv as deconv
from ._equinox import from_equinox as from_equinox
from ._functions import from_functions as from_functions
from ._laws import Law as Law
from ._laws import fan_in_uniform as fan_in_uniform
from ._laws import glorot_normal as glorot_normal
from ._laws import glorot_uniform as glorot_uniform
from ._laws import he_normal as he_normal
from ._laws import he_uniform as he_uniform
from ._laws import lecun_normal as lecun_normal
from ._laws import lecun_uniform as lecun_uniform
from ._library import library_sized as library_sized
from ._linen import from_linen as from_linen
from ._mlp import gated_mlp as gated_mlp
from ._mlp import mlp as mlp
from ._nnx import from_nnx as from_nnx
from ._precision import in_bfloat16 as in_bfloat16
from ._precision import rematerialised as rematerialised
from ._viewed import viewed as viewed

if TYPE_CHECKING:
    from ._conv2d import conv2d as conv2d
    from ._conv2d import conv2d_transpose as conv2d_transpose


def __getattr__(name: str) -> Any:
    """The convolutions are primitives of their own, made when they are first used."""
    if name not in ("conv2d", "conv2d_transpose"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _conv2d

    return getattr(_conv2d, name)
