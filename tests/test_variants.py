"""Steps of several variants, of which ``method`` chooses one."""

from __future__ import annotations

import numpy as np
import pytest

from stackmend import registry
from stackmend.api import run
from stackmend.arrays.step_functions import step_function
from stackmend.chain import Bound, compile_chain
from stackmend.errors import UnknownParameter
from stackmend.protocol import examine
from stackmend.protocol.freezing import frozen
from stackmend.registry import IMAGE, RegistryError, Stage, Step, Survey, family
from stackmend.sweep.walk import distinct_work

NUMBER = {"type": "number", "default": 2, "errorMessage": "must be a number", "description": "By."}
METHOD = {"enum": ["raise", "scale"], "default": "raise", "description": "How.", "type": "string"}
METHOD |= {"errorMessage": "must be raise or scale"}


def raised(image, *, by: float):
    return image + np.float32(by)


def brightest(image):
    return float(image.max())


def highest(records):
    return max(records.values())


def shared(image, highest: float):
    return image / np.float32(highest)


def scaled(shared, *, times: float, both: float):
    return shared * np.float32(times * both)


def schema(**properties):
    return {"type": "object", "properties": properties, "additionalProperties": False}


def made(**changes):
    raising = Step(
        name="raise",
        version=1,
        stages=(Stage(raised, makes=IMAGE),),
        schema=schema(by=NUMBER),
        references=("A",),
    )
    scaling = Step(
        name="scale",
        version=1,
        stages=(Stage(shared), Stage(scaled, makes=IMAGE)),
        survey=Survey("highest", brightest, highest),
        schema=schema(times=NUMBER),
        references=("B",),
    )
    common = schema(method=METHOD, both=NUMBER) | changes
    return family(name="change", version=3, variants=(raising, scaling), schema=common)


@pytest.fixture
def change(monkeypatch):
    catalogue = registry.steps()
    step = catalogue._completed("change", made(), "somebody")
    monkeypatch.setitem(catalogue._loaded, "change", step)
    monkeypatch.setitem(catalogue._entries, "change", [("somebody", None)])
    step_function.cache_clear()
    yield step
    step_function.cache_clear()


PROTOCOL = """\
protocol: 1
input: {{phantom: {{slices: 3, height: 96, width: 96}}}}
output: {{path: result}}
chain:
  - {change}
"""
OPTIMIZE = "optimize: {slices: [0], region: {y: [0, 64], x: [0, 64]}, loss: injection_error}\n"


def examined(tmp_path, change, optimize=""):
    file = tmp_path / "protocol.yaml"
    file.write_text(PROTOCOL.format(change=change) + optimize)
    return examine(file)


def test_one_step_is_made_of_all_variants(change):
    assert change.parameters == ("method", "by", "times", "both")
    assert change.reads == ("image",)
    assert change.makes == ("image",)
    assert change.references == ("A", "B")
    assert change.schema["properties"]["by"]["description"] == "Of method raise: By."


def test_the_method_chooses_what_is_computed(change):
    image = np.full((4, 4), 2, np.float32)
    graph = compile_chain([Bound(change, "change", {"method": "raise", "by": 3, "times": 1})])
    assert [node.stage.function for node in graph.nodes] == [raised]
    assert graph.evaluate({IMAGE: image})[IMAGE][0, 0] == 5
    steps = step_function("change")
    assert steps(image, by=1)[0, 0] == 3
    assert steps(image[np.newaxis], method="scale", times=3)[0, 0, 0] == 6


def test_a_parameter_of_another_variant_is_refused(change, tmp_path):
    draft = examined(tmp_path, "{step: change, method: raise, times: 3}")
    [problem] = draft.problems
    assert problem.path == "chain[0].times"
    assert problem.message.startswith("belongs to method scale, and the method is raise; leave it")
    with pytest.raises(UnknownParameter, match="times belongs to method scale"):
        step_function("change")(np.ones((4, 4)), times=3)


def test_the_record_has_the_parameters_of_the_method_alone(change, tmp_path):
    file = tmp_path / "protocol.yaml"
    file.write_text(PROTOCOL.format(change="{step: change, method: scale, times: 3}"))
    [step] = run(file).record["chain"]
    assert list(step["parameters"]) == ["method", "both", "times"]
    assert step["version"] == 3


def test_a_sweep_of_the_method_computes_each_variant_once(change, tmp_path):
    entry = "{step: change, method: {sweep: [raise, scale]}, by: {sweep: [1, 2]}, times: 3}"
    draft = examined(tmp_path, entry, OPTIMIZE)
    protocol = draft.protocol
    assert protocol is not None
    [step] = protocol.chain
    swept = {("change", "method"): ("raise", "scale"), ("change", "by"): (1, 2)}
    bound = Bound(step.step, "change", {"times": 3, "both": 1})
    graph = compile_chain([bound], given=(IMAGE, "change.highest"), swept=swept)
    combinations = [(m, b) for m in ("raise", "scale") for b in (1, 2)]
    work = distinct_work(graph, combinations, IMAGE)
    functions = [task.node.stage.function for task in work.tasks.values()]
    assert functions.count(raised) == 2
    assert functions.count(scaled) == 1
    only = distinct_work(graph, [("raise", 1)], IMAGE)
    assert [task.node.stage.function.__name__ for task in only.tasks.values()] == [
        "raised",
        "of_method",
    ]


def test_what_is_frozen_has_only_what_belongs_to_its_method(change):
    text = "chain:\n  - {step: change, method: {sweep: [raise, scale]}, by: 2, times: 3}\n"
    left = frozen(text, {"change.method": "raise"}, alternative=None)
    assert left == "chain:\n  - {step: change, method: raise, by: 2}\n"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"properties": {"both": NUMBER}}, "method must have"),
        ({"properties": {"method": METHOD}}, "schema and stages differ in both"),
        ({"properties": {"method": METHOD, "both": NUMBER, "by": {"default": 1}}}, "by is decl"),
    ],
)
def test_a_schema_that_does_not_fit_is_refused(changes, said):
    with pytest.raises((ValueError, RegistryError), match=said):
        registry.steps()._completed("change", made(**changes), "somebody")
