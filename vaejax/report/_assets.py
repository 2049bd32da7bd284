"""What is inside every page besides its data: the templates, how it looks, and the scripts."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

SCRIPTS = ("state.js", "heat.js", "charts.js", "decoder.js", "member.js", "table.js", "start.js")


@cache
def static(name: str) -> str:
    """A file beside this one."""
    return (resources.files("vaejax.report") / "static" / name).read_text(encoding="utf-8")


def script() -> str:
    """All of the page's own scripts, in the order in which they use each other."""
    return "\n".join(static(name) for name in SCRIPTS)


@cache
def vega() -> str:
    """Vega-Embed with Vega, the chart library, as a script that can stand in a page."""
    import vl_convert

    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")


def rendered(**values: Any) -> str:
    """The template `page.html.j2`; all values are escaped but those marked as safe."""
    import jinja2

    text = (resources.files("vaejax.report") / "templates" / "page.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(text).render(**values)
