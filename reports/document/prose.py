r"""Sentences with mathematics in them: from the plain text of theory/ to marked-up text.

Marked-up text is ordinary text in which ``$...$`` encloses LaTeX mathematics and ``\$`` is a dollar.
"""

from __future__ import annotations

import re

_NAMES = {
    **{name: rf"\{name}" for name in ("gamma", "beta", "mu", "sigma", "rho", "lambda", "eta", "delta", "pi")},
    "epsilon": r"\varepsilon",
    "yhat": r"\hat y",
    "xhat": r"\hat x",
    "Lhat": r"\hat L",
    "dL": r"\mathrm{d}L",
    "dLhat": r"\mathrm{d}\hat L",
    "dgamma": r"\mathrm{d}\gamma",
    "dbeta": r"\mathrm{d}\beta",
    "db": r"\mathrm{d}b",
    "dW": r"\mathrm{d}W",
    "d2": r"\mathrm{d}^2",
    "dt2": r"\mathrm{d}t^2",
    "D2": r"\mathrm{D}^2",
    "D": r"\mathrm{D}",
    "W0": "W_0",
    "Wstar": "W^{*}",
    "Hess": r"\operatorname{Hess}",
    "sqrt": r"\sqrt",
    "sgn": r"\operatorname{sgn}",
    "grad": r"\nabla\hat L",
    **{f"d{name}": rf"\mathrm{{d}}{name}" for name in "lxykt"},
    **{f"d{name}": rf"\mathrm{{d}}\{name}" for name in ("mu", "sigma")},
    "dxhat": r"\mathrm{d}\hat x",
}
_SUBSCRIPTS = {"inf": r"\infty"}
_OPERATORS = {"=", "+", "-", "<", ">", "<=", ">=", "->", "/"}
# Products written without a sign, and letters that are never words here.
_PRODUCTS = {
    "Cg", "Cv", "Cw", "Cx", "Cy", "Hu", "Pg", "Pn", "Pv", "Px", "XW", "kW", "kW*", "W*", "k*", "ky", "ky'", "kz", "sJ",
    "Lhat[w]", "s[x]", "s[v,v]", "yhat[x]", "yhat[v,v]",
}  # fmt: skip
# A product with a transposed factor, such as v'XX'v; words with an apostrophe do not look like it.
_TRANSPOSED = re.compile(r"(?:[a-z]?[A-Z]*[a-z]?')+[a-z]?[A-Z]*[a-z0-9]?")


def verbatim(text: str) -> str:
    """Marked-up text that shows a string as it is."""
    return text.replace("$", r"\$")


def prose(text: str) -> str:
    """Mark up the formulas in a sentence of theory/, such as "c = <yhat, v>/m is 0 at epsilon = 0"."""
    text = re.sub(r"<([^<>=]*), ([^<>=]*)>", r"<\1,\2>", text.replace("$", r"\$")).replace('"<="', r'"$\leq$"')
    tokens = text.split(" ")
    cores = [token.strip(".;:") if len(token) > 1 else token for token in tokens]
    kinds = [_is_formula(core) for core in cores]
    for i, core in enumerate(cores):  # an isolated letter or number belongs to a formula if its neighbours say so
        if kinds[i] is None:
            before, after = (cores[j].strip(",") if 0 <= j < len(cores) else "" for j in (i - 1, i + 1))
            operator = after in _OPERATORS or before in _OPERATORS
            inside = i > 0 and kinds[i - 1] is True and not tokens[i - 1].endswith((",", ".", ";", ":"))
            product = after.startswith("(") or _is_formula(after) is True or core.strip("(),").isdigit()
            product = product or before.endswith(")") or not after
            kinds[i] = operator or (inside and product)
    return _join(tokens, [bool(kind) for kind in kinds])


def _is_formula(core: str) -> bool | None:
    """True or False; None where the neighbours decide."""
    bare = core.strip("(),")
    if core in _OPERATORS:
        return True
    if bare in ("a", "A", "I") or re.fullmatch(r"\d+(\.\d+)?", bare):
        return None
    if bare in _NAMES or bare in _PRODUCTS or re.fullmatch(r"[A-Za-z]'{0,2}", bare):
        return True
    if _is_path(core):
        return False
    if re.search(r"[<>^=|_\[\]]", core) and not re.fullmatch(r'["\'].*["\']', bare):
        return True
    parts = [part for part in re.split(r"[/()*]", core.strip(",")) if part]
    return bool(re.search(r"[/']|\w\(", core)) and all(map(_is_factor, parts))


def _is_path(core: str) -> bool:
    """Whether it names a file, such as "normalization/batch_norm", and not a quotient, as of gamma/sigma_max."""
    path = re.fullmatch(r"([a-z0-9_]{2,}/)+[a-z0-9_.]{2,}", core)
    return bool(path) and not any(part in _NAMES for part in re.split(r"[/_]", core))


def _is_factor(part: str) -> bool:
    bare = part.rstrip("'")
    letter = re.fullmatch(r"[A-Za-z]|-?\d+", bare)
    return bool(bare in _NAMES or bare in _PRODUCTS or letter or _TRANSPOSED.fullmatch(part))


def _join(tokens: list[str], formulas: list[bool]) -> str:
    out: list[str] = []
    run: list[str] = []
    for token, formula in zip([*tokens, ""], [*formulas, False], strict=True):
        if formula:
            run.append(token)
        if run and (not formula or token.endswith((",", ".", ";", ":"))):
            out.append(_formula(" ".join(run)))
            run = []
        if not formula:
            out.append(token)
    return " ".join(out).rstrip(" ")


def _formula(text: str) -> str:
    """A run of formula tokens as ``$...$``, with punctuation and unpaired parentheses kept outside."""
    body = text.rstrip(".,;:")
    after = text[len(body) :]
    opened = _unclosed(body)
    if opened > 0 and body[opened - 1] == " ":  # a bracket that ends in a later word
        return f"{_formula(body[: opened - 1])} ({_formula(body[opened + 1 :] + after)}"
    before = ""
    while body.startswith("(") and body.count("(") > body.count(")"):
        before, body = before + "(", body[1:]
    while body.endswith(")") and body.count(")") > body.count("("):
        body, after = body[:-1], ")" + after
    return f"{before}${_mathematics(body)}${after}"


def _subscript(text: str) -> str:
    """An index: words upright."""
    return _SUBSCRIPTS.get(text, text if len(text) == 1 or text.isdigit() else rf"\mathrm{{{text}}}")


def _unclosed(text: str) -> int:
    """Where the last bracket that is not closed opens; -1 where there is none."""
    opened: list[int] = []
    for position, character in enumerate(text):
        if character == "(":
            opened.append(position)
        elif character == ")" and opened:
            opened.pop()
    return opened[-1] if opened else -1


def _mathematics(text: str) -> str:
    text = re.sub(r"<([^<>=]*),([^<>=]*)>", r"\\langle{} \1, \2 \\rangle{}", text).replace(", . ", r", \cdot{} ")
    text = re.sub(r"(?<=[A-Z])'|(?<=yhat)'|(?<=[a-z])'(?=[A-Z])|(?<=\be)'", r"^{\\top{}}", text)
    text = re.sub(r"(?<![A-Za-z\\])d(?=/)", r"\\mathrm{d}", text)
    text = re.sub(r"sqrt\(([^()]*)\)", r"sqrt{\1}", text)
    text = text.replace("<=", r"\leq{}").replace(">=", r"\geq{}").replace("->", r"\to{}").replace("*", "^{*}")
    text = re.sub(r"_([A-Za-z0-9]+)", lambda match: f"_{{{_subscript(match[1])}}}", text)

    def name(match: re.Match) -> str:
        word = match.group()
        if word in _NAMES and match.string.startswith("_", match.end()) and re.search(r"[_^]", _NAMES[word]):
            return f"{{{_NAMES[word]}}}"  # a name that has an index of its own gets no second one
        return _NAMES[word] + " " if word in _NAMES else word

    text = re.sub(r"(?<![\\A-Za-z])[A-Za-z]+\d*", name, text)
    text = text.replace("{} ", " ").replace("{}", " ").replace(r"\sqrt {", r"\sqrt{")
    return re.sub(r" +([\^_'}\])/,|]|$)", r"\1", text)
