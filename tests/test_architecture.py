"""Rooms know their neighbours only through what the architecture allows."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import stackmend

PACKAGE = Path(stackmend.__file__).parent

MAY_IMPORT = {
    "errors": set(),
    "resources": set(),
    "words": set(),
    "interrupts": {"errors"},
    "kernels": set(),
    "disk": set(),
    "elsewhere": set(),
    "addresses": {"elsewhere", "errors"},
    "stacks": {"disk", "elsewhere", "errors", "words", "addresses"},
    "registry": {"resources"},
    "steps": {"registry", "kernels", "arrays"},  # the package itself makes functions of steps
    "losses": {"registry", "kernels"},
    "protocol": {"registry", "resources", "errors", "words", "addresses"},
    "chain": {"registry", "errors"},
    "sweep": {"chain", "registry", "errors"},
    "result": {"disk", "errors", "registry", "words"},
    "workers": {"errors", "result", "interrupts"},
    "job": {"protocol", "registry", "result", "stacks", "kernels", "errors"},
    "tuning": {
        "sweep",
        "chain",
        "protocol",
        "registry",
        "kernels",
        "stacks",
        "result",
        "workers",
        "job",
        "errors",
        "words",
    },
    "restore": {
        "chain",
        "registry",
        "kernels",
        "stacks",
        "result",
        "workers",
        "tuning",
        "job",
        "disk",
        "errors",
    },
    "forecast": {
        *{"tuning", "restore", "sweep", "chain", "registry", "protocol", "result"},
        *{"workers", "job", "errors", "stacks", "words"},
    },
    "pictures": {
        *{"tuning", "restore", "sweep", "chain", "registry", "result", "workers", "job", "stacks"},
        *{"disk", "errors"},
    },
    "runner": {
        *{"forecast", "pictures", "restore", "tuning", "workers", "result", "protocol", "sweep"},
        *{"chain", "registry", "job", "disk", "errors", "report", "words", "addresses"},
        *{"kernels", "stacks", "bundles"},
    },
    "preview": {
        *{"restore", "tuning", "sweep", "chain", "registry", "protocol", "job", "stacks", "result"},
        *{"workers", "kernels", "looking", "errors", "words", "resources", "disk", "addresses"},
    },
    "napari_plugin": {"preview", "result", "stacks", "errors"},
    "arrays": {
        *{"protocol", "registry", "job", "stacks", "chain", "sweep", "tuning", "restore"},
        *{"result", "workers", "errors", "words"},
    },
    "translation": {"errors", "words"},
    "bundles": {"errors"},
    "authoring": {"registry", "disk", "errors"},
    "testing": {
        *{"arrays", "tuning", "sweep", "chain", "protocol", "registry", "result", "errors"},
    },
    "sharing": {
        *{"bundles", "runner", "verification", "protocol", "job", "registry", "stacks", "result"},
        *{"report", "tuning", "errors"},
    },
    "looking": {"chain", "registry", "kernels", "stacks", "errors", "words"},
    "report": {"result", "disk", "errors", "words"},
    "tuner": {"preview", "protocol", "kernels", "workers", "errors", "words"},
    "verification": {"result", "stacks", "kernels", "errors", "words"},
    "explanation": {"result", "registry", "errors", "words"},
    "comparison": {"verification", "result", "errors", "words"},
    "api": {
        *{"runner", "report", "result", "protocol", "registry", "stacks", "job", "forecast"},
        *{"verification", "comparison", "explanation", "translation", "bundles", "sharing"},
        *{"looking", "authoring", "errors", "resources", "addresses", "words"},
    },
    "cli": {"api", "result", "registry", "errors", "words", "interrupts", "addresses", "tuner"},
    "__main__": {"cli", "errors", "interrupts"},
    "__init__": {"api", "arrays", "steps"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: Path) -> str:
    first = module.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(module: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("stackmend"):
            rest = node.module.split(".")[1:]
            names |= {rest[0]} if rest else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {
                alias.name.split(".")[1]
                for alias in node.names
                if alias.name.startswith("stackmend.")
            }
    return names


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PACKAGE)))
def test_imports_only_neighbours(module):
    room = room_of(module)
    assert imported(module) <= MAY_IMPORT[room] | {room}


@pytest.mark.parametrize("room", ["steps", "losses"])
def test_components_do_not_import_siblings(room):
    """Only what some of them have in common, in modules that begin with an underscore."""
    for module in (PACKAGE / room).glob("*.py"):
        tree = ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        names = [node.module or "" for node in tree if isinstance(node, ast.ImportFrom)]
        siblings = [name.split(".")[2] for name in names if name.startswith(f"stackmend.{room}.")]
        assert all(name.startswith("_") for name in siblings), module.name
        if module.name != "__init__.py":
            assert imported(module) <= {"registry", "kernels", room}, module.name


@pytest.mark.parametrize(
    "room",
    [
        "sweep",
        "chain",
        "runner",
        "stacks",
        "tuning",
        "restore",
        "forecast",
        "pictures",
        "result",
        "preview",
        "arrays",
    ],
)
def test_no_step_is_known_by_name(room):
    names = {module.stem for module in (PACKAGE / "steps").glob("[a-z]*.py")}
    place = PACKAGE / room
    for module in [place] if place.is_file() else place.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in names, f"{module.name}:{node.lineno}"


def stacks_imports():
    """For each module of ``stacks``, by its name there, the modules of the room that it imports."""
    room = PACKAGE / "stacks"
    found = {}
    for module in room.rglob("*.py"):
        name = ".".join(module.relative_to(room).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = {
            node.module.removeprefix("stackmend.stacks").lstrip(".") or "__init__"
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom)
            and f"{node.module}.".startswith("stackmend.stacks.")
        }
    return found


def test_no_import_in_stacks_runs_back_up():
    """The interface is the ground and the door the top; a format knows no other."""
    ground = {"interface", "units", "pixels", "axes", "slabs", "arrays", "files", "extras"}
    ground |= {"metadata", "series", "folders"}
    imports = stacks_imports()
    assert imports["interface"] == set()
    assert imports["__init__"] == {"interface"}
    tuple(TopologicalSorter(imports).static_order())  # raises where there is a circle
    for name, others in imports.items():
        family = name.split(".")[0].split("_")[0]
        for other in others if name != "__init__" else ():
            assert other in ground or other.split(".")[0].split("_")[0] == family, (name, other)


def test_what_is_found_is_said_by_the_components():
    """Only they, the protocols that use them and examples of these know what this is about."""
    knowing = {"steps", "losses", "kernels", "stacks", "protocol", "looking", "translation"}
    for module in [*MODULES, *PACKAGE.rglob("*.html"), *PACKAGE.rglob("*.js")]:
        if room_of(module) in knowing:
            continue
        text = module.read_text(encoding="utf-8").replace("find_charging.gf1_sigma", "")
        assert "charg" not in text.casefold(), module.name


def test_only_the_command_line_prints_or_exits():
    for module in MODULES:
        if room_of(module) in ("cli", "__main__"):
            continue
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("print", "exit", "input"), (
                    f"{module.name}:{node.lineno}"
                )
