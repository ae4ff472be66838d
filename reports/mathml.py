r"""MathML of the LaTeX that the reports are written in: what ``formula`` prints and what prose marks up.

Only MathML Core is written, which browsers set without a script. A command that is not known is a ``NotTranslated``,
never text on the page.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from html import escape

from bnverify.reports.formula import Row

_SYMBOLS = {
    "beta": "β", "delta": "δ", "eta": "η", "gamma": "γ", "lambda": "λ", "mu": "μ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "varepsilon": "ε", "infty": "∞", "partial": "∂", "nabla": "∇", "top": "⊤", "Delta": "Δ", "Sigma": "Σ",
    "tau": "τ", "theta": "θ", "alpha": "α", "ell": "ℓ", "chi": "χ", "phi": "φ", "omega": "ω", "kappa": "κ",
}  # fmt: skip
_UPRIGHT = {"Delta", "Sigma", "infty", "partial", "nabla", "top"}
_OPERATORS = {
    "approx": "≈", "cdot": "⋅", "ge": "≥", "geq": "≥", "le": "≤", "leq": "≤", "neq": "≠", "to": "→", "in": "∈",
    "succeq": "⪰", "times": "×", "colon": ":", "ldots": "…", "dots": "…", "cdots": "⋯", "pm": "±", "mapsto": "↦",
    "-": "−", "<": "<", ">": ">", "=": "=", "+": "+", "/": "/", ",": ",", ":": ":", "*": "∗", "!": "!", ".": ".",
    ";": ";",
}  # fmt: skip
_OPENING = {"(": "(", "[": "[", "langle": "⟨", "lVert": "‖", "{": "{"}
_CLOSING = {")": ")", "]": "]", "rangle": "⟩", "rVert": "‖", "}": "}"}
_BARS = {"Vert": "‖", "|": "|"}
_SPACES = {"quad": "1em", "qquad": "2em", ",": "0.17em", ";": "0.28em", " ": "0.25em", "!": ""}
_ACCENTS = {"hat": "^", "tilde": "~", "bar": "¯"}
_LIMITS = {"sum": "∑", "max": "max", "min": "min", "sup": "sup"}
_SIZES = {"big": "1.2em", "Big": "1.8em", "bigg": "2.4em", "Bigg": "3em"}
_TOKEN = re.compile(r"\\([A-Za-z]+|.)|(\d+(?:\.\d+)?)|([A-Za-z])|(\s+)|(.)", re.DOTALL)
_STOPS = {("sign", "}"), ("sign", "&"), ("command", "\\"), ("command", "right"), ("command", "end")}


class NotTranslated(ValueError):
    """LaTeX that has no translation here; the message quotes it."""


@cache
def inline(tex: str) -> str:
    """A formula within a sentence."""
    start = '<math displaystyle="true">' if tex.startswith(r"\displaystyle") else "<math>"
    return f"{start}{_row(tex)}</math>"


def display(rows: Iterable[Row]) -> str:
    """Rows of a display, aligned as in ``formula.display``."""
    cells = ("".join(f"<mtd>{_row(part)}</mtd>" for part in row) for row in rows)
    body = "".join(f"<mtr>{row}</mtr>" for row in cells)
    return f'<math display="block"><mtable displaystyle="true" class="rows">{body}</mtable></math>'


@cache
def _row(tex: str) -> str:
    parser = _Parser(tex)
    found = parser.items()
    if parser.token is not None:
        raise parser.error(f"{parser.token[1]!r} closes nothing")
    return f"<mrow>{found}</mrow>"


def _tokens(tex: str) -> Iterator[tuple[str, str]]:
    """Pairs of a kind ("command", "number", "letter" or "sign") and a text; spaces are dropped."""
    for command, number, letter, space, sign in _TOKEN.findall(tex):
        if command:
            yield "command", command
        elif number:
            yield "number", number
        elif letter:
            yield "letter", letter
        elif not space:
            yield "sign", sign


class _Parser:
    """Reads a formula from left to right; ``token`` is the next one, None at the end."""

    def __init__(self, tex: str) -> None:
        self._tex = tex
        self._rest = _tokens(tex)
        self._operand = False  # whether what was read last can be the left side of an operator
        self.token = next(self._rest, None)

    def error(self, what: str) -> NotTranslated:
        return NotTranslated(f"{what} in {self._tex!r}")

    def _next(self) -> tuple[str, str]:
        token, self.token = self.token, next(self._rest, None)
        if token is None:
            raise self.error("something is missing at the end")
        return token

    def items(self) -> str:
        """Everything up to what closes a group, a cell or a formula."""
        out = []
        self._operand = False
        while self.token is not None and self.token not in _STOPS:
            out.append(self._scripted())
        return "".join(out)

    def _scripted(self) -> str:
        """One atom with what is below and above it."""
        limits = self.token is not None and self.token[0] == "command" and self.token[1] in _LIMITS
        base = self._atom()
        scripts: dict[str, list[str]] = {"_": [], "^": []}
        operand = self._operand
        while self.token in (("sign", "^"), ("sign", "_"), ("sign", "'")):
            which = self._next()[1]
            scripts["_" if which == "_" else "^"].append("<mo>′</mo>" if which == "'" else self._atom())
        self._operand = operand
        below, above = (_one(scripts[which]) for which in "_^")
        names = ("munder", "mover", "munderover") if limits else ("msub", "msup", "msubsup")
        if not below + above:
            return base
        name = names[2] if below and above else names[0] if below else names[1]
        return f"<{name}>{base}{below}{above}</{name}>"

    def _words(self) -> str:
        """The text in braces after \\mathrm, \\operatorname and the like; also a single letter."""
        word = self._next()[1]
        if word != "{":
            return word
        out = ""
        while (word := self._next()[1]) != "}":
            out += word
        return out

    def _atom(self) -> str:
        kind, text = self._next()
        if kind == "letter":
            self._operand = True
            return f"<mi>{text}</mi>"
        if kind == "number":
            self._operand = True
            return f"<mn>{text}</mn>"
        if (kind, text) == ("sign", "{"):
            inside = self.items()
            if self._next() != ("sign", "}"):
                raise self.error("a brace is not closed")
            self._operand = True
            return f"<mrow>{inside}</mrow>"
        if kind == "sign" or text in "{}":
            return self._sign(text)
        return self._command(text)

    def _sign(self, text: str) -> str:
        """A bracket, a bar or an operator; a sign without a left side is a prefix."""
        for fences, operand in ((_OPENING, False), (_CLOSING, True), (_BARS, True)):
            if text in fences:
                self._operand = operand
                return f'<mo stretchy="false" lspace="0" rspace="0">{fences[text]}</mo>'
        if text not in _OPERATORS:
            raise self.error(f"{text!r} is not known")
        form = "" if self._operand or text not in "-+" else ' form="prefix"'
        self._operand = False
        return f"<mo{form}>{escape(_OPERATORS[text])}</mo>"

    def _command(self, name: str) -> str:
        if name in _SYMBOLS:
            self._operand = True
            upright = ' mathvariant="normal"' if name in _UPRIGHT else ""
            return f"<mi{upright}>{_SYMBOLS[name]}</mi>"
        if name in _SPACES:
            return f'<mspace width="{_SPACES[name]}"></mspace>' if _SPACES[name] else ""
        if name in _OPERATORS or name in _OPENING or name in _CLOSING or name in _BARS:
            return self._sign(name)
        if name in _LIMITS:
            self._operand = False
            return f'<mo movablelimits="true">{_LIMITS[name]}</mo>'
        if name in _ACCENTS:
            return f'<mover accent="true">{self._atom()}<mo stretchy="false">{_ACCENTS[name]}</mo></mover>'
        if size := re.fullmatch(r"([bB]igg?)[lr]", name):
            return self._fence(f'minsize="{_SIZES[size[1]]}" maxsize="{_SIZES[size[1]]}"', name.endswith("l"))
        return self._structure(name)

    def _fence(self, size: str, opening: bool) -> str:
        """The bracket after \\Bigl, \\left and the like."""
        text = self._next()[1]
        found = {**_OPENING, **_CLOSING, **_BARS}.get(text)
        if found is None:
            raise self.error(f"{text!r} is no bracket")
        self._operand = not opening
        return f'<mo stretchy="true" symmetric="true" lspace="0" rspace="0" {size}>{found}</mo>'.replace(" >", ">")

    def _structure(self, name: str) -> str:
        if name in ("frac", "tfrac", "dfrac"):
            fraction = f"<mfrac>{self._atom()}{self._atom()}</mfrac>"
            shown = f'<mstyle displaystyle="false">{fraction}</mstyle>' if name == "tfrac" else fraction
        elif name == "sqrt":
            shown = f"<msqrt>{self._atom()}</msqrt>"
        elif name in ("mathbf", "mathbb"):
            letters = _letters(self._words(), bold=name == "mathbf")
            shown = f"<mi>{letters}</mi>"
        elif name in ("mathrm", "operatorname", "text"):
            words = escape(self._words())
            tag = "mtext" if name == "text" else "mi"
            single = ' mathvariant="normal"' if len(words) == 1 and tag == "mi" else ""
            space = '<mspace width="0.17em"></mspace>' if name == "operatorname" and self.token != ("sign", "(") else ""
            shown = f"<{tag}{single}>{words}</{tag}>{space}"
            shown = f"<mrow>{shown}</mrow>" if space else shown
        elif name == "left":
            shown = "<mrow>" + self._fence("", True) + self.items()
            if self._next() != ("command", "right"):
                raise self.error(r"\left without \right")
            shown += self._fence("", False) + "</mrow>"
        elif name == "begin":
            shown = self._matrix()
        elif name == "displaystyle":
            return ""
        else:
            raise self.error(rf"\{name} is not known")
        self._operand = True
        return shown

    def _matrix(self) -> str:
        if self._words() != "pmatrix":
            raise self.error("an environment other than pmatrix")
        rows: list[list[str]] = [[]]
        while True:
            rows[-1].append(f"<mtd>{self.items()}</mtd>")
            token = self._next()
            if token == ("command", "\\"):
                rows.append([])
            elif token == ("command", "end"):
                break
            elif token != ("sign", "&"):
                raise self.error("a matrix is not closed")
        self._words()
        table = "".join(f"<mtr>{''.join(row)}</mtr>" for row in rows)
        fences = ('<mo stretchy="true" symmetric="true">(</mo>', '<mo stretchy="true" symmetric="true">)</mo>')
        return f"<mrow>{fences[0]}<mtable>{table}</mtable>{fences[1]}</mrow>"


def _one(elements: list[str]) -> str:
    """The elements as one; empty where there are none."""
    return elements[0] if len(elements) == 1 else f"<mrow>{''.join(elements)}</mrow>" if elements else ""


def _letters(text: str, *, bold: bool) -> str:
    """Mathematical bold letters and digits, or double-struck ones, of which ℝ is the only one in use."""
    if not bold and text == "R":
        return "ℝ"
    firsts = (("A", "Z", 0x1D400), ("a", "z", 0x1D41A), ("0", "9", 0x1D7CE)) if bold else ()
    out = ""
    for letter in text:
        place = next((place + ord(letter) - ord(first) for first, last, place in firsts if first <= letter <= last), 0)
        if not place:
            raise NotTranslated(f"{letter!r} has no such form")
        out += chr(place)
    return out


def plain(tex: str) -> str:
    """A formula in plain characters, for where there is no mathematics."""
    signs = _SYMBOLS | _OPERATORS | _OPENING | _CLOSING | _BARS
    tex = re.sub(r"\\hat ?\{?([A-Za-z])\}?", r"\1" "\u0302", tex)
    tex = re.sub(r"(\\(?:langle|lVert|Vert|nabla|Delta|partial)) ", r"\1{}", tex)
    text = re.sub(r"\\([A-Za-z]+|.)", lambda found: signs.get(found[1], "") if found[1] not in _SPACES else " ", tex)
    return unicodedata.normalize("NFC", re.sub(r"\s+", " ", re.sub(r"[{}]", "", text)).strip())
