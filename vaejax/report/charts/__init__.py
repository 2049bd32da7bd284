"""The charts of the page."""

import json

from vaejax.report._roster import Roster

from ._codes import codes
from ._curves import curves
from ._rows import rows as rows
from ._sizes import sizes
from ._sizes import zooms as zooms
from ._spec import Spec, compiled
from ._trade import trade


def charts(found: Roster) -> dict[str, Spec]:
    """Every chart that these members have, by name, as Vega."""
    made = {"trade": trade(found), "sizes": sizes(found), "curves": curves(found)}
    made |= {"codes": codes(labelled=True), "plain_codes": codes(labelled=False)}
    return {key: compiled(json.dumps(spec)) for key, spec in made.items() if spec is not None}
