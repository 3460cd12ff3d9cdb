"""Steps and losses of ours and of other packages: found, and kept apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata

import pytest
from jsonschema import Draft202012Validator

import stackmend
from packages import TESTS, install
from stackmend import registry
from stackmend.registry import IMAGE, RegistryError, Stage, Step
from stackmend.registry.compatibility import other_stackmend

BROKEN = {
    "import_error": "ModuleNotFoundError: No module named 'a_package_that_nobody_has'",
    "leaving": "SystemExit: no licence found",
    "missing_attribute": "has no attribute 'ABSENT'",
    "missing_module": "No module named 'stackmend_broken.nowhere'",
    "no_default": "strength has no default and is not required",
    "no_step": "expected a Step, got function",
    "older_argument": "unexpected keyword argument 'per_slice'",
    "older_module": "has no attribute 'SliceStep'",
    "older_name": "cannot import name 'SliceStep'",
    "other_name": "it calls itself schema_differs",
    "schema_differs": "schema and stages differ in stength, strength",
    "schema_invalid": "its schema is not valid: 'nubmer'",
}

PROTOCOL = """\
protocol: 1
input: {phantom: {slices: 2, height: 96, width: 128}}
output: {path: result}
chain:
  - step: standardize
  - {step: gamma, exponent: 1}
  - {step: find_charging, inverse: true, gf1_sigma: 20}
  - {step: correct_charging, rb_radius: 5}
  - {step: gamma, id: bend, exponent: {sweep: [0.9, 1.0]}}
  - step: destandardize
optimize: {slices: [0], validate: [1], loss: {name: roughness, axis: 0}}
"""


# Packages of other people, installed


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return install(TESTS / "example_package", tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    return install(TESTS / "example_broken", tmp_path_factory.mktemp("broken"))


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    return install(TESTS / "example_newer", tmp_path_factory.mktemp("newer"))


@pytest.fixture(scope="module")
def duplicate(tmp_path_factory):
    return install(TESTS / "example_duplicate", tmp_path_factory.mktemp("duplicate"))


def command(*arguments, paths=(), cwd=None):
    places = [*map(str, paths), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "COLUMNS": "200"}
    arguments = [sys.executable, "-m", "stackmend", *arguments]
    done = subprocess.run(arguments, capture_output=True, text=True, env=env, cwd=cwd, check=False)
    assert "Traceback" not in done.stderr
    return done


def test_steps_of_other_packages_are_listed_and_the_broken_ones_named(example, broken):
    done = command("steps", paths=[example, broken])
    assert done.returncode == 2  # as something that is installed cannot be used
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert lines["gamma"].endswith(
        "Raise every standardised grey level to a power. [stackmend-example 0.1]"
    )
    assert lines["roughness"].endswith("[stackmend-example 0.1]")
    for name in registry.steps().names():
        assert "UNUSABLE" not in lines[name]
    for name, reason in BROKEN.items():
        assert (
            f"UNUSABLE: the step {name} of stackmend-broken 0.3 cannot be loaded (" in lines[name]
        )
        assert reason in lines[name]
        assert lines[name].endswith("; update or uninstall that package")
        made_for = f"; it was made for another stackmend than {stackmend.__version__};"
        assert (made_for in lines[name]) == name.startswith("older_")


def test_a_package_for_another_stackmend_is_told_apart(newer, tmp_path):
    done = command("steps", "tomorrow", paths=[newer])
    assert done.returncode == 2
    here = f"{stackmend.__version__} is installed"
    said = f"the step tomorrow of stackmend-newer 1.0 needs stackmend >=99, and {here}; "
    assert said + "update stackmend: pip install --upgrade stackmend" in done.stderr
    file = tmp_path / "mixed.yaml"
    file.write_text(PROTOCOL.replace("{step: gamma, exponent: 1}", "{step: tomorrow}"))
    checked = command("check", file, paths=[newer])
    assert checked.returncode == 3
    assert said in checked.stdout


@pytest.mark.parametrize(
    ("needed", "advice"),
    [
        ("stackmend>=99", "update stackmend: pip install --upgrade stackmend"),
        ("Stackmend ~= 99.0", "update stackmend: pip install --upgrade stackmend"),
        ("stackmend<0.1", "update the package: pip install --upgrade lab"),
        ("stackmend==0.0.*", "update the package: pip install --upgrade lab"),
        ("stackmend>=0.1", ""),
        ("stackmend>=99; python_version < '3'", ""),
        ("stackmend>=99; extra == 'test'", ""),
        ("stackmend-other>=99", ""),
        ("no requirement at all!", ""),
    ],
)
def test_what_a_package_needs_of_stackmend(needed, advice, tmp_path):
    info = tmp_path / "lab-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: lab\nVersion: 1.0\nRequires-Dist: {needed}\n"
    )
    said = other_stackmend(metadata.Distribution.at(info))
    assert said.endswith(advice)
    assert bool(said) == bool(advice)


def test_a_step_of_another_package_is_explained(example, broken):
    done = command("steps", "gamma", paths=[example])
    assert done.returncode == 0
    assert "gamma  (step of stackmend-example 0.1, algorithm version 3)" in done.stdout
    assert "exponent  number [power], default 0.5" in done.stdout
    assert command("steps", "leaving", paths=[broken]).returncode == 2


def test_the_exported_schema_has_the_steps_of_other_packages(example, broken):
    schema = json.loads(command("schema", paths=[example, broken]).stdout)
    names = schema["definitions"]["step"]["properties"]["step"]["enum"]
    assert "gamma" in names
    assert not set(BROKEN) & set(names)
    Draft202012Validator.check_schema(schema)


def test_a_chain_of_both_is_checked_and_run(example, tmp_path):
    file = tmp_path / "mixed.yaml"
    file.write_text(PROTOCOL)
    assert command("check", file, paths=[example]).returncode == 0
    done = command("run", file, "--workers", "2", paths=[example])
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "result" / "run.json").read_text(encoding="utf-8"))
    bend = next(step for step in record["chain"] if step["id"] == "bend")
    assert (bend["step"], bend["version"]) == ("gamma", 3)
    assert record["searches"][0]["loss"] == "roughness"
    assert len(list((tmp_path / "result" / "stack").iterdir())) == 2


def test_a_protocol_is_told_why_a_step_cannot_be_used(example, broken, tmp_path):
    file = tmp_path / "mixed.yaml"
    file.write_text(
        PROTOCOL.replace("step: gamma, id", "step: import_error, id").replace(
            "exponent: 1}", "exponent: 0}"
        )
    )
    done = command("check", file, paths=[example, broken])
    assert done.returncode == 3
    assert "mixed.yaml: 2 problems" in done.stdout
    assert "^ must be above 0 and at most 10" in done.stdout
    assert (
        "the step import_error of stackmend-broken 0.3 cannot be loaded (ModuleNotFoundError"
        in done.stdout
    )


def test_the_example_keeps_the_contracts(example):
    code = (
        "from stackmend.testing import check_loss, check_step;"
        "check_step('gamma', chain=['standardize', 'gamma']);"
        "check_step('steady'); check_loss('roughness')"
    )
    paths = os.pathsep.join([str(example), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_example_is_the_one_in_the_text_for_contributors():
    text = (TESTS.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for file in ("pyproject.toml", "stackmend_example/gamma.py"):
        shown = (TESTS / "example_package" / file).read_text(encoding="utf-8")
        assert f"\n{shown}```\n" in text, file


def test_a_name_that_two_packages_claim_belongs_to_neither(example, duplicate, tmp_path):
    file = tmp_path / "mixed.yaml"
    file.write_text(PROTOCOL)
    done = command("check", file, paths=[example, duplicate])
    assert done.returncode == 3
    assert done.stdout.startswith("mixed.yaml: 2 problems\n")
    reason = (
        "the step gamma is registered twice, by stackmend-duplicate 0.2 and stackmend-example 0.1"
    )
    assert done.stdout.count(reason) == 2
    listed = command("steps", paths=[duplicate, example]).stdout
    assert f"UNUSABLE: {reason}; uninstall one of the packages" in listed
    assert listed.count("UNUSABLE") == 1


def test_without_the_package_its_step_is_unknown(tmp_path):
    file = tmp_path / "mixed.yaml"
    file.write_text(PROTOCOL)
    done = command("check", file)
    assert done.returncode == 3
    assert (
        done.stdout.count("no step named gamma is installed; 'stackmend steps' lists what is") == 2
    )
    assert done.stdout.count("no loss named roughness is installed") == 1


# The catalogue


def test_an_unknown_name():
    with pytest.raises(RegistryError, match="no step named blur is installed"):
        registry.steps().get("blur")
    assert registry.steps().reason_unusable("blur")
    assert registry.steps().reason_unusable("standardize") is None


def test_nothing_is_imported_before_it_is_needed():
    script = (
        "import sys; from stackmend import registry; print(registry.steps().names());"
        "print([m for m in sys.modules if m.startswith('stackmend.steps.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[1] == "[]"


def test_a_stage_declares_itself():
    def made(image, mask, *, width, height):
        return image

    stage = Stage(made)
    assert (stage.makes, stage.reads, stage.parameters) == (
        "made",
        ("image", "mask"),
        ("width", "height"),
    )
    step = Step(name="both", version=1, stages=(stage, Stage(lambda made: made, makes=IMAGE)))
    assert (step.reads, step.makes, step.parameters) == (
        ("image", "mask"),
        ("made", "image"),
        ("width", "height"),
    )
    assert step.scope == "slice"


def test_nothing_built_in_is_broken():
    for catalogue in (registry.steps(), registry.losses()):
        for name in catalogue.names():
            assert catalogue.reason_unusable(name) is None
