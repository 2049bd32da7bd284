"""Decoders as programs that a page can run, in JavaScript and, to say how far that is off, in NumPy."""

from ._export import encoded as encoded
from ._export import live_of as live_of
from ._export import live_or_reason as live_or_reason
from ._types import Live as Live
