"""The protocol of a run with the values it has chosen, and the copy with what the command gave."""

from __future__ import annotations

import json
import textwrap

import pytest
import tifffile
import yaml

from stackmend import api, registry
from stackmend.errors import InputError, OutputError, UsageError
from stackmend.result import names
from stackmend.result.inventory import record_hash
from test_channels import channels
from test_channels import write as write_channels

TEXT = """\
# Dark blobs.
protocol: 1
name: tiny
input: {path: cell}   # four slices
output:
  path: result
chain:
  - step: standardize
  - step: find_charging
    inverse: true
    gf1_sigma: {sweep: [8, 12]}  # px
    min_area: 20
  - {step: correct_charging, gf2_sigma: 8, rb_radius: {sweep: [5, 10]}, gf3_sigma: 3, border: 4}
  - step: destandardize
optimize:
  slices: [1]  # typical
  loss: {name: charging_histogram, distance: 4}
"""

SKIP = "  on_nothing_found: skip\n"


@pytest.fixture
def file(cell):
    (cell.parent / "p.yaml").write_text(TEXT, encoding="utf-8")
    return cell.parent / "p.yaml"


def pixels(run):
    return run.record["output"]["pixel_hash"]


def test_a_frozen_protocol_gives_the_same_pixels_without_a_search(file, tmp_path, main, capsys):
    run = api.run(file, set={"find_charging.min_area": "25"}, output=tmp_path / "a b", workers=1)
    elsewhere = tmp_path / "other" / "frozen.yaml"
    elsewhere.parent.mkdir()
    assert main("freeze", run.folder, "-o", elsewhere) == 0
    assert f"wrote {elsewhere}" in capsys.readouterr().err
    text = elsewhere.read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    assert data["input"]["path"] == "../cell"
    assert data["chain"][1]["min_area"] == 25
    chosen = run.record["searches"][0]["chosen"]
    assert data["chain"][1]["gf1_sigma"] == chosen["gf1_sigma"]
    assert "# px" in text
    assert "# four slices" in text
    assert "#   slices: [1]  # typical" in text
    assert "gf1_sigma: chosen on slice 1 by charging_histogram" in text
    assert "of 4 combinations" in text
    assert api.check(elsewhere).draft.problems == ()
    again = api.run(elsewhere, output=tmp_path / "again", workers=1)
    assert pixels(again) == pixels(run)
    assert again.record["searches"] == []


def test_without_a_file_it_is_printed_as_seen_from_here(file, main, capsys):
    run = api.run(file, workers=1)
    assert main("freeze", run.folder) == 0
    printed = capsys.readouterr().out
    assert "input: {path: cell}   # four slices" in printed
    assert printed == api.freeze(run.folder)


def test_files_that_are_there_stay(file):
    run = api.run(file, workers=1)
    with pytest.raises(OutputError, match="there is such a file already"):
        api.freeze(run.folder, output=file)
    assert file.read_text(encoding="utf-8") == TEXT
    with pytest.raises(InputError):
        api.freeze(file.parent / "cell")


def test_steps_that_were_skipped_are_left_out(file, tmp_path):
    skip = TEXT.replace("optimize:", "optimize:\n  on_nothing_found: skip")
    file.write_text(skip.replace("sweep: [8, 12]", "sweep: [3000, 4000]"), encoding="utf-8")
    values = {"find_charging.color_shift": "0.9"}
    run = api.run(file, set=values, workers=1)
    assert run.record["skipped_steps"]
    text = api.freeze(run.folder, output=tmp_path / "f.yaml")
    steps = [each["step"] for each in yaml.safe_load(text)["chain"]]
    assert steps == [each["step"] for each in run.record["chain"]]
    again = api.run(tmp_path / "f.yaml", output=tmp_path / "again", workers=1)
    assert pixels(again) == pixels(run)


def test_a_chain_that_was_replaced_is_the_one_that_took_its_place(file, tmp_path):
    instead = "on_nothing_found: {instead: [{step: global_decharge, gf1_sigma: 9, rb_radius: 5}]}"
    text = TEXT.replace("optimize:", f"optimize:\n  {instead}")
    file.write_text(text, encoding="utf-8")
    run = api.run(file, set={"find_charging.color_shift": "0.9"}, workers=1)
    assert run.record["replaced_chain"]
    text = api.freeze(run.folder, output=tmp_path / "f.yaml")
    assert [each["step"] for each in yaml.safe_load(text)["chain"]] == ["global_decharge"]
    assert "#   - step: find_charging" in text
    again = api.run(tmp_path / "f.yaml", output=tmp_path / "again", workers=1)
    assert pixels(again) == pixels(run)


LEARNT = """\
protocol: 1
input:
  phantom: {slices: 3, height: 192, width: 256, tissue: cells, step: 1.5, contrast: 0.2,
            charge: [rings], every: 2}  # small
output: {path: out}
chain:
  - one_of:
      # between rims
      streaks: [{step: find_streaks, inverse: true}, {step: fill_streaks}]
      learnt:                     # blobs
        - {step: learn_charging, inverse: true, members: 1, rounds: 1, copies: 3}
        - step: find_learnt_charging
          high: {sweep: [20]}  # levels
        - {step: subtract_charge}
optimize:
  - steps: [one_of]
    slices: [1]
    clean: [0, 2]
    loss: common_histogram
"""


def test_the_chain_that_was_taken_takes_the_place_of_all(tmp_path):
    """A step that looks at the slices of ``optimize`` still sees the same ones."""
    (tmp_path / "p.yaml").write_text(LEARNT, encoding="utf-8")
    run = api.run(tmp_path / "p.yaml", workers=1)
    taken = [each["one_of"] for each in run.record["searches"] if each["status"] == "chosen"]
    assert taken == ["learnt"]
    text = api.freeze(run.folder, output=tmp_path / "f.yaml")
    assert "  # blobs\n  - {step: learn_charging" in text
    assert yaml.safe_load(text)["optimize"] == [
        {"slices": [1], "clean": [0, 2], "loss": "common_histogram"}
    ]
    assert api.check(tmp_path / "f.yaml").draft.problems == ()
    again = api.run(tmp_path / "f.yaml", output=tmp_path / "again", workers=1)
    assert pixels(again) == pixels(run)
    assert again.record["searches"] == []


def test_no_step_is_nothing_to_write(tmp_path):
    text = LEARNT.replace("high: {sweep: [20]}", "high: {sweep: [190, 200]}")
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    run = api.run(tmp_path / "p.yaml", workers=1)
    assert run.record["chain"] == []
    with pytest.raises(UsageError, match="no step is left"):
        api.freeze(run.folder)


def test_channels_with_values_of_their_own_are_no_one_protocol(tmp_path):
    tifffile.imwrite(tmp_path / "cell.tif", channels(), imagej=True, metadata={"axes": "ZCYX"})
    optimize = {"channel": "each", "on_nothing_found": "skip"}
    file = write_channels(tmp_path, optimize=optimize, given={"channel": [0, 2]})
    run = api.run(file, workers=1)
    assert run.record["chains"] is not None
    with pytest.raises(UsageError, match=r"run each with --set input\.channel=NUMBER"):
        api.freeze(run.folder)


def test_a_result_has_the_protocol_with_what_the_command_line_gave(file, tmp_path):
    run = api.run(
        file,
        set={"find_charging.min_area": "25", "optimize.slices": "[2]"},
        output=tmp_path / "out",
        workers=1,
    )
    text = (run.folder / names.EFFECTIVE).read_text(encoding="utf-8")
    assert text.startswith("# The protocol as it was run, with what --output and --set gave.\n")
    data = yaml.safe_load(text)
    assert (data["input"]["path"], data["chain"][1]["min_area"]) == ("../cell", 25)
    assert (run.folder / names.PROTOCOL).read_text(encoding="utf-8") == TEXT
    assert names.EFFECTIVE in run.record["files"]
    from_there = api.run(run.folder / names.EFFECTIVE, workers=1)
    assert (from_there.folder, pixels(from_there)) == (run.folder, pixels(run))
    moved = tmp_path / "moved.yaml"
    moved.write_text(text.replace("../cell", "cell"), encoding="utf-8")
    again = api.run(moved, output=tmp_path / "again", workers=1)
    assert pixels(again) == pixels(run)


def test_a_text_that_cannot_be_edited_is_written_anew(file):
    odd = TEXT.replace(
        "input: {path: cell}   # four slices", "? input\n: path: cell\n  slices: all"
    )
    file.write_text(odd, encoding="utf-8")
    run = api.run(file, set={"input": "{path: cell, slices: [1]}"}, workers=1)
    text = (run.folder / names.EFFECTIVE).read_text(encoding="utf-8")
    assert yaml.safe_load(text)["input"] == {"path": "../cell", "slices": [1]}


def test_a_result_of_an_earlier_version_is_read(file):
    """It has no such file, and its record knows of none."""
    run = api.run(file, workers=1)
    (run.folder / names.EFFECTIVE).unlink()
    content = json.loads((run.folder / names.RECORD).read_text(encoding="utf-8"))
    del content["files"][names.EFFECTIVE]
    content["hash"] = record_hash(content)
    (run.folder / names.RECORD).write_text(json.dumps(content), encoding="utf-8")
    assert api.show(run.folder).warnings == tuple(content["warnings"])
    assert "min_area: 20" in api.freeze(run.folder)


def test_lengths_in_nm_are_the_same_pixels_again(file, tmp_path, main, capsys):
    run = api.run(file, set={"input.pixel_size": "[4.7, 5.3]"}, workers=1)
    frozen = tmp_path / "frozen.yaml"
    assert main("freeze", run.folder, "--units", "nm", "-o", frozen) == 0
    steps = {step["step"]: step for step in yaml.safe_load(frozen.read_text("utf-8"))["chain"]}
    assert steps["find_charging"]["gf1_sigma"].endswith(" nm")
    assert steps["find_charging"]["min_area"].endswith(" nm2")
    assert steps["correct_charging"]["border"].endswith(" nm")
    assert "range" not in steps["standardize"]
    again = api.run(frozen, output=tmp_path / "again", workers=1)
    assert pixels(again) == pixels(run)
    # Of half the size, pixels are twice as many.
    size = {"input.pixel_size": "[2.35, 2.65]"}
    chain = api.check(frozen, set=size).draft.protocol.chain
    found = {step.name: step.parameters for step in chain}
    assert found["correct_charging"]["gf2_sigma"] == pytest.approx(16)
    assert found["correct_charging"]["border"] == 8
    assert found["find_charging"]["min_area"] == 80


def test_what_cannot_be_measured_any_more_is_not_in_it(file, tmp_path):
    """Masks and limits on them where no step is left that marks, and limits on held-out losses."""
    gates = "gates: {held_out_gap: 1, masked_fraction: 1}\n"
    given = TEXT.replace("  path: result\n", "  path: result\n  masks: true\n") + gates
    file.write_text(given.replace("slices: [1]", "slices: [1]\n  validate: [2]"), encoding="utf-8")
    frozen, bare = tmp_path / "frozen.yaml", tmp_path / "bare.yaml"
    data = yaml.safe_load(api.freeze(api.run(file, workers=1).folder, output=frozen))
    assert data["gates"] == {"masked_fraction": 1}
    assert data["output"]["masks"] is True
    assert api.check(frozen).draft.problems == ()
    given = given.replace("held_out_gap: 1, ", "").replace("gates", f"{SKIP}gates")
    file.write_text(given, encoding="utf-8")
    run = api.run(file, set={"find_charging.color_shift": "1"}, workers=1)
    data = yaml.safe_load(api.freeze(run.folder, output=bare))
    assert "gates" not in data
    assert data["output"] == {"path": "result"}
    assert api.check(bare).draft.problems == ()
    assert api.replay(run.folder, workers=1).outcome == "identical"


def test_without_a_pixel_size_there_are_no_nm(file):
    run = api.run(file, workers=1)
    with pytest.raises(UsageError, match=r"pixel size of its stack is not known.*pixel_size"):
        api.freeze(run.folder, units="nm")


def test_what_it_was_tuned_for_and_needs_is_in_it(file):
    data = yaml.safe_load(api.freeze(api.run(file, workers=1).folder))
    assert set(data["envelope"]) >= {"dtype", "mean", "std", "noise", "masked"}
    assert set(data["requires"]) == {"stackmend"}
    assert set(data["envelope"]["steps"]) == {step["step"] for step in data["chain"]}


def test_a_step_that_has_another_version_by_now_is_said(file, tmp_path):
    frozen = tmp_path / "frozen.yaml"
    api.freeze(api.run(file, workers=1).folder, output=frozen)
    version = registry.steps().get("find_charging").version
    old = f"find_charging: {version}"
    assert old in frozen.read_text(encoding="utf-8")
    changed = frozen.read_text(encoding="utf-8").replace(old, f"find_charging: {version + 1}")
    frozen.write_text(changed, encoding="utf-8")
    said = f"has version {version} here, {version + 1} where the values were chosen: its pixels are"
    (problem,) = api.check(frozen).draft.problems
    assert (problem.path, problem.severity) == ("envelope.steps.find_charging", "warning")
    assert said in problem.message
    again = api.run(frozen, output=tmp_path / "again", workers=1)
    assert any(said in warning for warning in again.record["warnings"])


def test_an_entry_without_a_sweep_is_a_warning_and_changes_nothing(file, tmp_path):
    text = TEXT.replace("{sweep: [8, 12]}", "8").replace("{sweep: [5, 10]}", "5")
    file.write_text(text, encoding="utf-8")
    (problem,) = api.check(file).draft.problems
    assert (problem.path, problem.severity) == ("optimize", "warning")
    assert "nothing is searched: none of its steps has a sweep" in problem.message
    run = api.run(file, workers=1)
    assert run.record["searches"] == []
    file.write_text(text[: text.index("optimize:")], encoding="utf-8")
    assert pixels(api.run(file, output=tmp_path / "b", workers=1)) == pixels(run)


def test_several_searches_become_one_entry_that_keeps_what_steps_look_at(tmp_path, main):
    """Surveys may look at the slices of any of them, and names of steps may be gone."""
    text = """\
        protocol: 1
        input: {phantom: {slices: 3, height: 96, width: 96, noise: 0.05}}
        output: {path: result}
        chain:
          - {step: destripe, strength: {sweep: [0.5, 1]}}
          - {step: denoise, h: {sweep: [0.7, 1]}, reach: 0}
        optimize:
          - {steps: [destripe], slices: [2], loss: stripe_isotropy}
          - {steps: [denoise], slices: [0, 1], loss: j_invariance}
        """
    file = tmp_path / "p.yaml"
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    run = api.run(file, workers=1)
    frozen = tmp_path / "frozen.yaml"
    assert main("freeze", run.folder, "-o", frozen) == 0
    data = yaml.safe_load(frozen.read_text(encoding="utf-8"))
    assert data["optimize"] == {"slices": [0, 1, 2]}
    assert not [each for each in api.check(frozen).draft.problems if each.severity == "error"]
    again = api.run(frozen, output=tmp_path / "again", workers=1)
    assert pixels(again) == pixels(run)
