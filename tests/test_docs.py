"""The pages in docs/: what they name is there, they are linked from the README, and their first code runs."""

import re
from pathlib import Path

import pytest

import vaejax as vj

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
NAMED = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "vaejax" / "recipes" / "README.md"]
WHOLE = {
    "anomalies",
    "denoising",
    "engine",
    "imputation",
    "interpolation",
    "latent_distribution",
}  # their first block is a script


def title(path):
    return path.stem


def test_there_are_pages_and_the_readme_leads_to_each():
    readme = (ROOT / "README.md").read_text()
    assert len(PAGES) >= 6
    assert [page.name for page in PAGES if f"(docs/{page.name})" not in readme] == []


@pytest.mark.parametrize("page", NAMED, ids=title)
def test_every_name_in_a_page_is_one_of_the_library(page):
    missing = []
    for dotted in sorted(set(re.findall(r"\bvj((?:\.\w+)+)", page.read_text()))):
        found = vj
        for name in dotted.strip(".").split("."):
            if not hasattr(found, name):
                missing.append(f"vj{dotted}")
                break
            found = getattr(found, name)
            if not isinstance(found, type(vj)):
                break
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_links_lead_somewhere_and_nothing_is_left_to_be_filled_in(page):
    text = page.read_text()
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert [link for link in links if link and not (page.parent / link).exists()] == []
    named = re.findall(r"experiments/\w+\.py|tests/\w+\.py", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert not re.search(r"\b(TODO|TABLE|RESULTS|XXX)\b", text)


@pytest.mark.long
@pytest.mark.parametrize("page", [page for page in PAGES if page.stem in WHOLE], ids=title)
def test_the_first_code_of_a_page_runs(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    block = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)[0]
    exec(re.sub(r"epochs=\d+", "epochs=2", block), {})
