"""What is typed on a command line as Python objects: module:attribute, arguments, a shape."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bnverify.errors import InputError, users


def load(target: str) -> Any:
    """The object of "module:attribute" (dots allowed in both), importable or in the current folder, or of
    "path/to/file.py:attribute". InputError says what is not there."""
    os.environ.setdefault("KERAS_BACKEND", "jax")  # of its backends the one that layers are tested on
    where, colon, attribute = target.rpartition(":")
    if not colon or not where or not attribute or (":" in where and not where.endswith(".py")):
        raise InputError(
            got=f"layer {target!r}", expected="module:attribute", advice="write torch.nn:LayerNorm, or layers.py:MyNorm"
        )
    found = _file(Path(where)) if where.endswith(".py") else _module(where)
    for part in attribute.split("."):
        if not hasattr(found, part):
            near = get_close_matches(part, dir(found), 3)
            raise InputError(
                got=f"no {part} in {where}",
                expected=f"one of {', '.join(near)}" if near else "the name of a class or a function there",
                advice="check the spelling",
            )
        found = getattr(found, part)
    return found


def _module(name: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        with users(f"module {name}", expected="a module that can be imported", advice=f"try python -c 'import {name}'"):
            return importlib.import_module(name)
    except InputError as error:
        absent = getattr(error.__cause__, "name", None)
        if not isinstance(error.__cause__, ImportError) or absent is None:
            raise
        root = absent.split(".")[0]
        there = absent != root and importlib.util.find_spec(root) is not None
        raise InputError(
            got=f"module {name}: {error.__cause__}",
            expected="a module that Python can import, or a file of the current folder",
            advice=f"check the spelling: {root} is there" if there
            else f"install {root}, or change to the folder that holds {root}.py",
        ) from error.__cause__  # fmt: skip


def _file(path: Path) -> Any:
    if not path.is_file():
        raise InputError(got=f"no file {path}", expected="a Python file", advice="check the path")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.absolute()))
    sys.modules.setdefault(path.stem, module)
    with users(str(path), expected="a file that Python can run", advice=f"try python {path}"):
        spec.loader.exec_module(module)
    return module


def arguments(text: str) -> tuple[tuple, dict[str, Any]]:
    """Positional and named arguments as in a call: "8, eps=1e-3". Values are numbers, strings, None, booleans, tuples
    and lists of them; nothing is executed."""
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        if not isinstance(call, ast.Call) or any(each.arg is None for each in call.keywords):
            raise ValueError("more than the arguments of one call, or ** of a dictionary")
        return (
            tuple(ast.literal_eval(each) for each in call.args),
            {str(each.arg): ast.literal_eval(each.value) for each in call.keywords},
        )
    except (SyntaxError, ValueError) as error:
        raise InputError(
            got=f"--args {text!r}",
            expected="numbers, strings, tuples, True, False or None, as in a call of Python",
            advice="write --args '8, eps=1e-3'; for objects, name a function of y that makes the layer",
        ) from error


def shape_of(text: str) -> tuple[int, ...]:
    """The sizes of "32,8,6,6" or "32x8"."""
    parts = text.replace("x", ",").strip("()[] ").split(",")
    try:
        sizes = tuple(int(part) for part in parts if part.strip())
    except ValueError:
        sizes = ()
    if len(sizes) < 2 or min(sizes) < 1:
        raise InputError(
            got=f"--shape {text}", expected="two or more whole numbers of 1 or more, the batch first",
            advice="write --shape 32,8 or --shape 32,8,6,6",
        )  # fmt: skip
    if max(sizes) > 10**6 or _product(sizes) > 2**22:
        raise InputError(
            got=f"--shape {text}, {_product(sizes):,} values", expected="at most 4,194,304",
            advice="a property that fails, fails on small arrays; 32,8,6,6 is enough",
        )  # fmt: skip
    return sizes


def _product(sizes: tuple[int, ...]) -> int:
    total = 1
    for size in sizes:
        total *= size
    return total
