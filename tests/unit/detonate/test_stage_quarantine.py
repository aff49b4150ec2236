"""What is run on a device as SYSTEM: its name, its arguments, and all that it may do there."""

import re
from hashlib import sha256

import pytest

from tidegate.detonate.quarantine import (
    DOWNLOADS,
    MAX_MEMBERS,
    MAX_TOTAL,
    RUN,
    archive_path,
    arguments,
    script,
    script_name,
)


def test_the_script_is_named_after_its_bytes():
    assert script_name() == f"tidegate-stage-quarantine-{sha256(script()).hexdigest()[:8]}.ps1"


def test_arguments_are_plain_words():
    assert arguments("0123456789abcdef", 24) == "-Run 0123456789abcdef -Hours 24"
    assert arguments("a" * 32, 720) == f"-Run {'a' * 32} -Hours 720"


@pytest.mark.parametrize(
    "run",
    [
        "",
        "a" * 7,
        "a" * 33,
        "ABCDEF01",
        "0123456g",
        "0123456 ",
        "01234567\n",
        "01234567;calc",
        "../../ab",
        "\N{FULLWIDTH DIGIT ONE}" * 8,
    ],
)
def test_a_run_is_nothing_but_hex_digits(run):
    for made in (lambda: arguments(run, 24), lambda: archive_path(run)):
        with pytest.raises(ValueError, match="lower-case hex digits"):
            made()


@pytest.mark.parametrize("hours", [0, -1, 721, 1 << 40])
def test_hours_have_bounds(hours):
    with pytest.raises(ValueError, match="hours are 1 to 720"):
        arguments("a" * 32, hours)


def test_the_archive_lies_where_live_response_may_take_it():
    assert archive_path("0123abcd") == (
        "C:\\ProgramData\\Microsoft\\Windows Defender Advanced Threat Protection\\Downloads"
        "\\tidegate-0123abcd.zip"
    )


def test_the_script_and_we_agree():
    text = script().decode("ascii")
    assert f"$downloads = '{DOWNLOADS}'" in text
    assert '"tidegate-$Run.zip"' in text
    assert text.count(RUN.pattern) == 2
    assert "[ValidateRange(1, 720)]" in text
    assert f"$maxFiles = {MAX_MEMBERS}\n" in text
    [megabytes] = re.findall(r"\$maxBytes = (\d+)MB\n", text)
    assert int(megabytes) << 20 < MAX_TOTAL


def test_the_script_restores_sends_and_sets_nothing():
    code = re.sub(r"(?s)<#.*?#>|^\s*#[^\n]*", "", script().decode("ascii"), flags=re.MULTILINE)
    assert "Set-StrictMode" in code
    assert "$ErrorActionPreference = 'Stop'" in code
    commands = set(re.findall(r"\b(?:[A-Z][A-Za-z]+)-[A-Z]\w+", code))
    defined = set(re.findall(r"function ([\w-]+)", code))
    assert commands - defined == {
        "Add-Type",
        "ConvertTo-Json",
        "ForEach-Object",
        "Get-ChildItem",
        "Join-Path",
        "New-Item",
        "New-Object",
        "Out-Null",
        "Remove-Item",
        "Set-StrictMode",
        "Sort-Object",
        "Test-Path",
        "Where-Object",
    }
    assert not re.search(r"(?i)mpcmdrun|\.exe|http|net\.|invoke|& ", code)
