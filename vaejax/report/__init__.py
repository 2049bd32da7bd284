"""The page that answers the user: one HTML file with its pictures inside, and nothing loaded from anywhere."""

from vaejax.report import figures as figures
from vaejax.report._drawn import portrait_of as portrait_of
from vaejax.report._drawn import portraits as portraits
from vaejax.report._notebook import as_html as as_html
from vaejax.report._page import page as page
from vaejax.report._page import write as write
from vaejax.report._painted import learning_curves as learning_curves
from vaejax.report._portrait import Codes as Codes
from vaejax.report._portrait import Portrait as Portrait
from vaejax.report._portrait import Traversed as Traversed
from vaejax.report._shown import Shown as Shown
from vaejax.report._strips import drawn as drawn
from vaejax.report.live import live_of as live_of
from vaejax.report.live import live_or_reason as live_or_reason
