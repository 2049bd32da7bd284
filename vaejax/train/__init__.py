"""Time: an optimizer's step, what changes from step to step, and a segment of epochs as one program."""

from ._averaged import averaged as averaged
from ._scheduled import scheduled as scheduled
from ._scheduled import unfinished as unfinished
from ._segment import Batches as Batches
from ._segment import Shown as Shown
from ._segment import nothing_shown as nothing_shown
from ._segment import order as order
from ._segment import segment as segment
from ._trainer import by_name as by_name
from ._trainer import trainer as trainer
