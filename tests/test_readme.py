"""The README: its code runs, and what it links to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_every_link_leads_somewhere():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.long
def test_the_twenty_lines_run_as_they_stand(capsys):
    names: dict = {}
    exec(BLOCKS[0].replace("epochs=100", "epochs=3"), names)
    assert names["images"].shape == (64, 8, 8)
    assert names["codes"].shape == (300, names["answer"].latent_size)
    assert "latent size" in capsys.readouterr().out
