"""What the README shows is true: its commands, its protocol, its error messages."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from reference_data import ROOT
from stackmend import api
from stackmend.cli import VERBS
from stackmend.stacks.phantom_model import Phantom

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
COMMANDS = [
    line.removeprefix("$ ").split("  #")[0].strip()
    for language, text in BLOCKS
    if language == "console"
    for line in text.splitlines()
    if line.startswith("$ ")
]
SMALL = "phantom: {slices: 6, height: 96, width: 128}"
PROTOCOL = next(text for language, text in BLOCKS if language == "yaml")


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    # 'stackmend' is that of the environment the tests run in, wherever its scripts are.
    words = shlex.split(command.split(">")[0])
    assert words[0] == "stackmend"
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"NO_COLOR": "1"},
    )
    if ">" in command:
        (folder / command.split(">")[1].strip()).write_text(done.stdout)
    return done


def test_every_command_runs(tmp_path):
    commands = [command for command in COMMANDS if not command.startswith("make ")]
    assert len(commands) == 11
    for command in commands:
        done = shell(command, tmp_path)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        if ">" in command:  # a protocol, for a stack that is as small as can be
            protocol = tmp_path / command.split(">")[1].strip()
            text = protocol.read_text().replace("phantom: {}", SMALL)
            assert SMALL in text
            protocol.write_text(text)
    assert (tmp_path / "results" / "decharge" / "run.json").is_file()


def test_the_python_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    protocol = api.init().replace("phantom: {}", SMALL)
    Path("protocol.yaml").write_text(protocol)
    np.save(
        "stack.npy", np.stack(list(map(Phantom(slices=6, height=96, width=128).image, range(6))))
    )
    names = {}
    for code in (text for language, text in BLOCKS if language == "python"):
        exec(compile(code, "README", "exec"), names)
    assert capsys.readouterr().out.count("gf1_sigma") == 2
    assert names["mask"].charging_mask.any()


def test_every_make_target_exists():
    targets = {command.split()[1] for command in COMMANDS if command.startswith("make ")}
    assert targets == {"demo", "test"}
    makefile = (ROOT / "Makefile").read_text()
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in targets)


def test_every_verb_and_exit_status_is_documented():
    for verb in VERBS:
        assert f"`stackmend {verb}" in README
    for status in (0, 2, 3, 4, 5, 6, 7, 8, 130):
        assert f"| {status} |" in README


def test_the_protocol_is_valid(tmp_path):
    (tmp_path / "protocol.yaml").write_text(PROTOCOL)
    folder = tmp_path / "data" / "cell3"
    folder.mkdir(parents=True)
    # Sixty-one slices of the size that the protocol speaks of, as names for one file.
    tifffile.imwrite(folder / "s000.tif", np.zeros((1000, 1500), dtype=np.uint8))
    for index in range(1, 61):
        (folder / f"s{index:03d}.tif").hardlink_to(folder / "s000.tif")
    findings = api.check(tmp_path / "protocol.yaml")
    assert findings.input_error is None
    assert findings.draft.problems == ()


def test_the_messages_are_what_one_gets(tmp_path):
    shown = next(text for language, text in BLOCKS if "problems, nothing was run" in text)
    broken = "\n".join(PROTOCOL.splitlines()[1:3]) + "\n"
    broken += (
        "input: {phantom: {}}\n"
        + "#\n" * 4
        + "chain:\n  - step: standardize\n  - step: find_charging\n"
    )
    broken += "    gf1_sgma: 40\n    color_shift: 1.7\n  - step: destandardize\n"
    (tmp_path / "protocol.yaml").write_text(broken)
    done = shell("stackmend run protocol.yaml", tmp_path)
    assert done.returncode == 3
    assert done.stderr.strip() == shown.strip()


@pytest.mark.parametrize(
    "name",
    ["streaks.yaml", "learnt.yaml", "published-243.yaml", "bright.yaml", "quick.yaml", "demo.yaml"],
)
def test_the_ready_made_protocols_exist(name):
    assert name in README
    assert (ROOT / "configs" / name).is_file()
