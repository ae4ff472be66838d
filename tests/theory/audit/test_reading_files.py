"""Files with formulas: every wrong one is answered with three lines, never a traceback."""

import subprocess
import sys

import pytest
from calling import called

from bnverify.errors import InputError
from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.reading_files import formula_from_file, formula_from_toml

GOOD = 'vectors = ["y"]\ngiven = "eps = 0"\nclaim = "bn(y, eps) = bn(y)"\n[symbols]\neps = "nonnegative"\n'


def test_a_formula_in_four_lines():
    formula = formula_from_toml(GOOD)
    assert formula == Formula("bn(y, eps) = bn(y)", {"eps": "nonnegative"}, ("y",), ("eps = 0",))


def test_a_byte_order_mark_is_no_part_of_the_formula(tmp_path):
    (tmp_path / "f.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert formula_from_file(tmp_path / "f.toml") == formula_from_toml(GOOD)


BAD = {
    "list of words": 'claim = "a = a"\n[symbols]\na = ["real", "positive"]\n',
    "table of a symbol": 'claim = "a = a"\n[symbols.a]\nreal = true\n',
    "symbols not a table": 'claim = "a = a"\nsymbols = "a"\n',
    "not TOML": "claim = a = b\n",
    "no claim": 'title = "x"\n',
    "empty": "",
    "two claims": 'claim = ["a = a", "b = b"]\n',
    "unknown key": 'claim = "1 = 1"\nhypotheses = ["a > 0"]\n',
    "key after a table": 'claim = "a = a"\n[symbols]\na = "real"\ngiven = ["a > 0"]\n',
    "size zero": 'claim = "1 = 1"\nsizes = [0]\n',
    "size as text": 'claim = "1 = 1"\nsizes = ["2"]\n',
    "size true": 'claim = "1 = 1"\nsizes = [true]\n',
    "no size": 'claim = "1 = 1"\nsizes = []\n',
    "huge size": 'claim = "1 = 1"\nsizes = [1000000]\n',
    "control character": 'claim = "1 \\u0007 = 1"\n',
    "line separator": 'claim = "1 = \\u2028 1"\n',
    "zero width": 'claim = "a\\u200b = 1"\n[symbols]\na = "real"\n',
    "title with an escape": 'title = "\\u001b[31m"\nclaim = "1 = 1"\n',
    "equal under NFKC": 'claim = "a = a"\nvectors = ["ﬁ", "fi"]\n',
    "undeclared": 'claim = "a = b"\n[symbols]\na = "real"\n',
    "reserved": 'claim = "m = 1"\n[symbols]\nm = "real"\n',
    "keyword": 'claim = "lambda = 1"\n[symbols]\nlambda = "real"\n',
    "function as name": 'claim = "1 = 1"\nvectors = ["norm"]\n',
    "no relation": 'claim = "1 + 1"\n',
    "two relations": 'claim = "0 <= 1 <= 2"\n',
    "not equal": 'claim = "1 != 2"\n',
    "vector and scalar": 'claim = "y = 1"\nvectors = ["y"]\n',
    "sum of vector and scalar": 'claim = "sum(y + 1) = 0"\nvectors = ["y"]\n',
    "order of vectors": 'claim = "y <= y"\nvectors = ["y"]\n',
    "unknown function": 'claim = "sin(1) = 0"\n',
    "attribute": 'claim = "y.__class__ = 1"\nvectors = ["y"]\n',
    "call of a call": 'claim = "norm(y)(y) = 1"\nvectors = ["y"]\n',
    "keyword argument": 'claim = "bn(y, eps=1) = y"\nvectors = ["y"]\n',
    "lambda": 'claim = "(lambda: 1)() = 1"\n',
    "comprehension": 'claim = "sum([1 for i in y]) = 1"\nvectors = ["y"]\n',
    "string": "claim = \"'a' = 1\"\n",
    "power of a name": 'claim = "2**a = 1"\n[symbols]\na = "real"\n',
    "huge exponent": 'claim = "2**100000 = 1"\n',
    "huge number": f'claim = "{"9" * 60} = 1"\n',
    "infinite number": 'claim = "1e999 = 1"\n',
    "imaginary": 'claim = "1j = 1"\n',
    "entry zero": 'claim = "y[0] = 1"\nvectors = ["y"]\n',
    "entry of a number": 'claim = "1[1] = 1"\n',
    "slice": 'claim = "y[1:2] = 1"\nvectors = ["y"]\n',
    "gradient by a scalar": 'claim = "grad(a, a) = 1"\n[symbols]\na = "real"\n',
    "deep": f'claim = "{"(" * 90}1{")" * 90} = 1 + {"-" * 90}1"\n',
    "very deep": f'claim = "{"(" * 900}1{")" * 900} = 1"\n',
    "long": f'claim = "{"1+" * 3000}1 = 1"\n',
    "impossible words": 'claim = "a = 1"\n[symbols]\na = "positive negative"\n',
    "defined by itself": 'claim = "b = 1"\n[define]\nb = "b + 1"\n',
    "empty claim": 'claim = ""\n',
    "name with a space": 'claim = "1 = 1"\nvectors = ["a b"]\n',
    "number as vectors": 'claim = "1 = 1"\nvectors = 3\n',
    "false hypothesis": 'claim = "1 = 1"\ngiven = ["1 = 2"]\n',
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_file_is_answered_in_three_lines(name):
    from bnverify.theory.audit.answers import audit_formula

    with pytest.raises(InputError) as caught:
        audit_formula(formula_from_toml(BAD[name]))
    lines = str(caught.value).splitlines()
    assert [line[:10] for line in lines] == ["got:      ", "expected: ", "do:       "], lines
    assert all(line[10:].strip() for line in lines) and str(caught.value).isprintable() is False


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"a" * 200_000])
def test_a_file_that_cannot_be_read(tmp_path, content):
    path = tmp_path / "f.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError):
        formula_from_file(path)


def test_one_value_a_batch_divides_by_nothing():
    """With m = 1 batch norm is defined nowhere at epsilon = 0: nothing is proved or refuted, nothing crashes."""
    from bnverify.theory.audit.answers import Outcome, audit_formula

    formula = formula_from_toml('vectors = ["y"]\nclaim = "bn(y) = 2*bn(y)"\nsizes = [1]\n')
    assert audit_formula(formula).outcome is Outcome.UNDECIDED


def test_the_exit_status_tells_the_outcome(tmp_path, monkeypatch, capsys):
    """Proved 0, refuted 1, bad input 2, undecided 4; and the JSON can be read."""
    import json

    claims = {0: "bn(2*y) = bn(y)", 1: "bn(-y) = bn(y)", 2: "bn(z) = bn(y)", 4: "log(1 + dot(y, y)) <= dot(y, y)"}
    for code, claim in claims.items():
        path = tmp_path / f"{code}.toml"
        path.write_text(f'vectors = ["y"]\nclaim = "{claim}"\n')
        if code == 1:  # once as a process
            command = [sys.executable, "-m", "bnverify", "audit", str(path), "--json"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            status, shown, told = done.returncode, done.stdout, done.stderr
        else:
            status, shown, told = called(monkeypatch, capsys, "audit", path, "--json")
        assert status == code, told
        assert "Traceback" not in told
        if code == 2:
            assert len(told.splitlines()) == 4
        else:
            answer = json.loads(shown)
            assert answer["claim"] == claim and answer["searched"]
            assert (answer.get("counterexample") == {"m": 2, "y": ["0", "1"]}) == (code == 1)
