"""The page that answers the user: one HTML file with its pictures inside, and nothing loaded from anywhere."""

from ._drawn import portrait_of as portrait_of
from ._export import live_of as live_of
from ._export import live_or_reason as live_or_reason
from vaejax.report._learning import learning_curves as learning_curves
from vaejax.report._page import page as page
from vaejax.report._page import write as write
from vaejax.report._portrait import Codes as Codes
from vaejax.report._portrait import Portrait as Portrait
from vaejax.report._portrait import Traversed as Traversed
from vaejax.report._shown import Shown as Shown
