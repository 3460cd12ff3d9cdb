"""Steps and losses of ours and of other packages: found, held to their contract, kept apart."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from stackmend import registry
from stackmend.chain import Bound, compile_chain
from stackmend.registry import (
    HIDDEN_RESULTS,
    IMAGE,
    PROBE_RESULTS,
    PROBES,
    REFERENCE_MASK,
    Catalogue,
    Each,
    Loss,
    Probe,
    RegistryError,
    Stage,
    Step,
)

TESTS = Path(__file__).parent

BROKEN = {
    "import_error": "ModuleNotFoundError: No module named 'a_package_that_nobody_has'",
    "leaving": "SystemExit: no licence found",
    "missing_attribute": "has no attribute 'ABSENT'",
    "missing_module": "No module named 'stackmend_example.nowhere'",
    "no_default": "strength has no default and is not required",
    "no_step": "expected a Step, got function",
    "other_name": "it calls itself gamma",
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


def wheel(source: Path, folder: Path) -> Path:
    """The wheel of a small package of Python files (building one must not need the network)."""
    project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    stem = f"{project['name'].replace('-', '_')}-{project['version']}"
    entries = "".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project["entry-points"].items()
    )
    named = f"Name: {project['name']}\nVersion: {project['version']}\n"
    info = {
        "METADATA": f"Metadata-Version: 2.1\n{named}",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "entry_points.txt": entries,
        "RECORD": "",
    }
    file = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for module in sorted(path for path in source.rglob("*.py") if path.name != "conftest.py"):
            archive.write(module, module.relative_to(source).as_posix())
        for name, text in info.items():
            archive.writestr(f"{stem}.dist-info/{name}", text)
    return file


def install(source: Path, folder: Path) -> Path:
    """Install a package with pip into a folder of its own."""
    target = folder / source.name
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
    ]
    subprocess.run([*command, "--no-deps", "--target", target, wheel(source, folder)], check=True)
    return target


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return install(TESTS / "example_package", tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def duplicate(tmp_path_factory):
    return install(TESTS / "example_duplicate", tmp_path_factory.mktemp("duplicate"))


def command(*arguments, paths=(), cwd=None):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "COLUMNS": "200"}
    arguments = [sys.executable, "-m", "stackmend", *arguments]
    done = subprocess.run(arguments, capture_output=True, text=True, env=env, cwd=cwd, check=False)
    assert "Traceback" not in done.stderr
    return done


def test_steps_of_other_packages_are_listed_and_the_broken_ones_named(example):
    done = command("steps", paths=[example])
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
            f"UNUSABLE: the step {name} of stackmend-example 0.1 cannot be loaded (" in lines[name]
        )
        assert reason in lines[name]
        assert lines[name].endswith("; update or uninstall that package")


def test_a_step_of_another_package_is_explained(example):
    done = command("steps", "gamma", paths=[example])
    assert done.returncode == 0
    assert "gamma  (step of stackmend-example 0.1, algorithm version 3)" in done.stdout
    assert "exponent  number, default 0.5" in done.stdout
    assert command("steps", "leaving", paths=[example]).returncode == 2


def test_the_exported_schema_has_the_steps_of_other_packages(example):
    schema = json.loads(command("schema", paths=[example]).stdout)
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


def test_a_protocol_is_told_why_a_step_cannot_be_used(example, tmp_path):
    file = tmp_path / "mixed.yaml"
    file.write_text(
        PROTOCOL.replace("step: gamma, id", "step: import_error, id").replace(
            "exponent: 1}", "exponent: 0}"
        )
    )
    done = command("check", file, paths=[example])
    assert done.returncode == 3
    assert "mixed.yaml: 2 problems" in done.stdout
    assert "^ must be above 0 and at most 10" in done.stdout
    assert (
        "the step import_error of stackmend-example 0.1 cannot be loaded (ModuleNotFoundError"
        in done.stdout
    )


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
    assert listed.count("UNUSABLE") == len(BROKEN) + 1


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


# What holds for everything registered

COMPONENTS = [*registry.losses().usable()]
for each_step in registry.steps().usable():
    variants = [registry.in_use(each_step, [method]) for method in each_step.variants]
    COMPONENTS += variants or [each_step]

# What a step needs before it, so that a chain with it makes sense.
BEFORE = {"find_charging": ["standardize"], "correct_charging": ["standardize", "find_charging"]}
BEFORE["fill_streaks"] = ["find_streaks"]
BEFORE["find_learnt_charging"] = ["learn_charging"]
BEFORE["subtract_charge"] = ["learn_charging", "find_learnt_charging"]
BEFORE["destandardize"] = ["standardize"]
BEFORE["charging_histogram"] = BEFORE["correct_charging"]

every_component = pytest.mark.parametrize(
    "component", COMPONENTS, ids=lambda component: f"{component.name}-{component.stages[0].makes}"
)


def catalogue_of(component) -> Catalogue:
    return registry.steps() if isinstance(component, Step) else registry.losses()


@pytest.fixture(scope="module")
def image():
    random = np.random.default_rng(3)
    y, x = np.mgrid[:80, :96]
    image = (
        120
        + 6 * random.standard_normal((80, 96))
        + 90 * np.exp(-((y - 40) ** 2 + (x - 48) ** 2) / 40)
    )
    image = image.astype(np.float32)
    image.flags.writeable = False
    return image


def test_nothing_built_in_is_broken():
    for catalogue in (registry.steps(), registry.losses()):
        for name in catalogue.names():
            assert catalogue.reason_unusable(name) is None


@every_component
def test_declaration(component):
    assert component.version >= 1
    assert component.stages
    assert {*component.schema["properties"], "method"} == {*component.parameters, "method"}
    assert component.schema["title"] == component.name
    assert component.schema["description"]
    assert component.schema["additionalProperties"] is False
    assert len({stage.makes for stage in component.stages}) == len(component.stages)


@every_component
def test_documentation(component):
    module = import_module(component.stages[0].function.__module__)
    assert module.__doc__
    for stage in component.stages:
        assert inspect.getdoc(stage.function)


@every_component
def test_defaults_pass_their_own_schema(component):
    for declared in component.schema["properties"].values():
        assert not list(Draft202012Validator(declared).iter_errors(declared["default"]))


@every_component
def test_outcome_is_a_product_of_the_last_stage(component):
    assert component.stages[-1].makes == "loss" if isinstance(component, Loss) else component.makes


def settled(survey, image, parameters):
    """What a survey comes to for this slice, beside others; None where it is not needed."""
    if not survey.is_needed(parameters):
        return None
    slices = {0: image} if survey.makes == "charge_model" else beside(image)
    keys = [(number,) for number in slices]
    if survey.apart(parameters):  # pairs must be alike, a little apart
        slices = {number: np.roll(image, number, 0) for number in range(3)}
        keys = [(0, 1), (0, 2), (1, 2)]
    seen = {number: survey.prepared({IMAGE: each}, parameters) for number, each in slices.items()}
    records = {
        key if key[1:] else key[0]: survey.record_of([seen[each] for each in key], parameters)
        for key in keys
    }
    value = survey.settled(records, parameters)
    return value.values.get(0) if isinstance(value, Each) else value


def beside(image):
    """The slice and others like it, by number, of which none shows the same."""
    return {number: np.roll(image, (9 * number, 31 * number), (0, 1)) for number in range(8)}


def evaluated(component, image):
    """Every product of a minimal chain that ends with the component, with its defaults."""
    steps = [registry.steps().get(name) for name in BEFORE.get(component.name, [])]
    bound = [
        Bound(
            each,
            each.name,
            {name: what["default"] for name, what in each.schema["properties"].items()},
        )
        for each in (*steps, component)
    ]
    loss = bound.pop() if isinstance(component, Loss) else None
    if isinstance(component, Step) and component.refuse:
        for reason in component.refuse(bound[-1].parameters).values():
            pytest.skip(reason)  # a package that it needs is not installed
    probe = Probe(image - 40, np.full_like(image, -40), 8.0)
    probes = {PROBES: (probe,) * 2, PROBE_RESULTS: [image - 4] * 2}
    probes[HIDDEN_RESULTS] = [image - 4]
    given = {IMAGE: image, REFERENCE_MASK: image > 150, **probes}
    for each in bound:
        survey = each.component.survey
        if survey:
            given[each.survey_product] = settled(survey, image, each.parameters)
    graph = compile_chain([*bound, *([loss] if loss else [])], given=given)
    values = dict(given)
    for name, (product, _) in graph.outside.items():
        values[name] = values[product]  # each neighbour is as the slice
    inputs = []
    for index, node in enumerate(graph.nodes):
        given = [values[source] for source in node.sources]
        before = [np.array(each, copy=True) for each in given if isinstance(each, np.ndarray)]
        values[index] = node.compute(given)
        inputs.append((before, [each for each in given if isinstance(each, np.ndarray)]))
    return [values[index] for index in range(len(graph.nodes))], inputs, graph


@every_component
def test_stages_are_pure(component, image):
    _, inputs, _ = evaluated(component, image)
    for before, after in inputs:
        for old, new in zip(before, after, strict=True):
            np.testing.assert_array_equal(old, new)


@every_component
def test_stages_are_deterministic(component, image):
    first, *_ = evaluated(component, image)
    second, *_ = evaluated(component, image.copy())
    for one, other in zip(first, second, strict=True):
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
        elif isinstance(one, float):
            assert one == other


@every_component
def test_an_image_stays_a_float32_image(component, image):
    results, _, graph = evaluated(component, image)
    nodes = zip(graph.nodes, results, strict=True)
    for result in [made for node, made in nodes if node.stage.makes == IMAGE]:
        assert result.dtype == np.float32
        assert result.shape == image.shape
