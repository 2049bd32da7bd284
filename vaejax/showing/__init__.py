"""What there is to show of a run, finished or not, from its folder: what feeds the page."""

from ._finished import shown_of as shown_of
from ._finished import write_report as write_report
from ._folder import read_shown as read_shown
from ._going import shown_so_far as shown_so_far
