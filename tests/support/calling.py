"""The command line called in this process: a start of Python for every line would be most of a test's time."""

import sys

import pytest

from bnverify import cli


def called(monkeypatch, capsys, *arguments):
    """Exit status, standard output and standard error."""
    monkeypatch.setattr(sys, "argv", ["bnverify", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    told = capsys.readouterr()
    return end.value.code or 0, told.out, told.err


def three_lines(text):
    """Whether an error is three lines without a traceback."""
    assert "Traceback" not in text
    found = [line.split(":")[0] for line in text.strip().splitlines()]
    assert found[-3:] == ["got", "expected", "do"], text
