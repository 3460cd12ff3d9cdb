"""``stackmend schema``."""

from __future__ import annotations

import json

import pytest

from commands import (
    Main,
)


def test_schema(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    from jsonschema import Draft202012Validator

    assert main("schema") == 0
    Draft202012Validator.check_schema(json.loads(capsys.readouterr().out))
