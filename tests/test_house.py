"""The house itself: imports point down, heavy libraries stay in their rooms, every example in a docstring runs."""

import ast
import doctest
import functools
import importlib
import inspect
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import vaejax as vj

PACKAGE = Path(vj.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
TESTS = Path(__file__).parent
FLOORS = [  # a room imports from the floors below its own, and from nowhere else
    {"errors", "types", "versions"},
    {"numerics", "families", "differences"},
    {"nets", "plans", "schedules", "spheres"},
    {"likelihoods", "posteriors", "priors", "divergences", "assembly", "decoding"},
    {"model", "hierarchy", "bound", "contexts"},
    {"objectives", "metrics", "verbs", "variants"},
    {"train"},
    {"data", "store"},
    {"grid", "config", "examples"},
    {"evaluation", "samplers"},
    {"answer", "configured", "recipes", "latent", "denoisers", "imputers", "scores", "transfer"},
    {"tables", "written"},
    {"report"},
    {"folder", "history", "lines", "used"},
    {"saved", "progress", "stopping"},
    {"showing"},
    {"commands"},
    {"cli"},
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
HOMES = {
    "flax": {"nets"},
    "equinox": {"nets"},
    "orbax": {"store"},
    "optax": {"cli", "configured", "denoisers", "evaluation", "recipes", "samplers", "schedules", "train", "transfer"},
    "matplotlib": {"report"},
    "tensorflow_datasets": {"data"},
    "sklearn": {"data"},
    "tyro": {"cli", "commands"},
}
HEAVY = [
    "flax",
    "optax",
    "equinox",
    "orbax",
    "tensorflow_datasets",
    "tensorflow",
    "xarray",
    "matplotlib",
    "sklearn",
    "tyro",
    "scipy",
    "jinja2",
    "vl_convert",
    "PIL",
]


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(file: Path) -> set[str]:
    """Dotted names of all that a file imports, wherever in it; what comes `from vaejax` by the room's name."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            ours = node.module == "vaejax"
            names |= {f"vaejax.{alias.name}" for alias in node.names} if ours else {node.module}
        elif isinstance(node, ast.ImportFrom):
            package = ("vaejax", *file.relative_to(PACKAGE).parts)[: -node.level]
            names |= {".".join((*package, *([node.module] if node.module else [])))}
    return names


def named(file: Path) -> str:
    return str(file.relative_to(PACKAGE))


def test_every_room_has_a_floor():
    assert {room_of(file) for file in FILES} - {"__init__"} <= set(FLOOR_OF)


@pytest.mark.parametrize(
    "file", [file for file in FILES if file.parent != PACKAGE or file.stem != "__init__"], ids=named
)
def test_imports_point_down(file):
    room = room_of(file)
    others = {name.split(".")[1] for name in imported(file) if name.startswith("vaejax.")} - {room}
    above = {other for other in others if FLOOR_OF[other] >= FLOOR_OF[room]}
    assert not above, f"{room} imports {above}, which are not below it"


@pytest.mark.parametrize("library", HOMES)
def test_a_library_stays_in_its_rooms(library):
    found = {room_of(file) for file in FILES if any(name.split(".")[0] == library for name in imported(file))}
    assert found <= HOMES[library]
    assert found, f"nobody imports {library}"


def test_importing_vaejax_imports_nothing_heavy():
    code = f"import vaejax, sys; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert found.stdout.strip() == "[]"


def test_nothing_is_compiled_below_the_grid():
    """A caller may `jit` a function of the library; the library does not decide it for him."""
    below = [file for file in FILES if FLOOR_OF.get(room_of(file), 99) <= FLOOR_OF["train"]]
    found = {
        named(file)
        for file in below
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"jit", "pmap"}
    }
    assert not found


@pytest.mark.parametrize("file", FILES, ids=named)
def test_files_are_short_and_say_what_they_are(file):
    assert len(file.read_text().splitlines()) < 250
    tree = ast.parse(file.read_text())
    assert file.stem.startswith("_") or not tree.body or ast.get_docstring(tree)


def public():
    """The functions on the face, and those of the rooms that are used by name."""
    names = (
        "data",
        "denoisers",
        "evaluation",
        "latent",
        "imputers",
        "likelihoods",
        "metrics",
        "nets",
        "objectives",
        "posteriors",
        "priors",
        "samplers",
        "schedules",
        "scores",
        "transfer",
        "variants",
    )
    rooms = [getattr(vj, name) for name in names]
    found = {
        f"{value.__module__}.{name}": value
        for room in (vj, *rooms)
        for name, value in ((name, getattr(room, name)) for name in dir(room))
        if inspect.isfunction(value) and not name.startswith("_") and value.__module__.startswith(room.__name__)
    }
    return [pytest.param(value, id=name) for name, value in sorted(found.items())]


@pytest.mark.parametrize("function", public())
def test_a_public_function_has_a_docstring_with_an_example(function):
    assert ">>>" in (function.__doc__ or "")


def module_name(file: Path) -> str:
    return ".".join(("vaejax", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


@functools.cache
def examples(name: str) -> list[doctest.DocTest]:
    return [test for test in doctest.DocTestFinder().find(importlib.import_module(name)) if test.examples]


@pytest.mark.parametrize("name", [module_name(file) for file in FILES if ">>> " in file.read_text()])
def test_the_examples_in_docstrings_run(name):
    assert examples(name)
    runner = doctest.DocTestRunner()
    for test in examples(name):
        said = []
        assert runner.run(test, out=said.append).failed == 0, "".join(said)


def test_the_lowest_versions_that_are_tested_are_those_that_are_asked_for():
    root = PACKAGE.parent
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["equinox"]]
    lowest = {line.replace(">=", "==").split(",")[0] for line in asked}
    tested = {line for line in (root / "constraints-lowest.txt").read_text().splitlines() if not line.startswith("#")}
    assert tested == lowest


def test_the_variants_that_are_long_are_of_tests_that_there_are():
    """A name that is no test's any more would leave its variants short, and nobody would know."""
    lines = (TESTS / "long_variants.txt").read_text().splitlines()
    for line in [line for line in lines if not line.startswith("#")]:
        path, *_, name = line.split("[")[0].split("::")
        assert f"def {name}(" in (TESTS.parent / path).read_text(), line
