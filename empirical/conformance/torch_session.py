"""A user's PyTorch session stays as it was: modules are copied, with their hooks; random numbers are put back.

A hook that a user registered is part of the network where it changes something: what it returns, a tensor that it
writes into, an attribute that it sets. Nobody knows before it was called. So hooks are copied as well, with the lists,
dicts and counters that they write to, and called in one evaluation of the copy; those that changed nothing in it are
not called again. What a hook does outside (printing, a file, a logger's object) it therefore does once.
"""

from __future__ import annotations

import copy
import random
import types
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_leaves

from bnverify.errors import users

_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Random numbers of torch on every device, of NumPy and of Python are afterwards what they were. Inside gradients
    are recorded, and new tensors are ordinary ones on the CPU, whatever mode the caller is in."""
    numpy, python = np.random.get_state(), random.getstate()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with ExitStack() as stack:
        stack.callback(random.setstate, python)
        stack.callback(np.random.set_state, numpy)
        stack.enter_context(torch.random.fork_rng(devices=list(devices)))
        stack.enter_context(torch.inference_mode(False))  # which also ends torch.no_grad
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield


def seeded() -> None:
    """The same random numbers from here on, every time: those of the CPU, of NumPy and of Python. A generator of
    another device is left alone, as `torch.manual_seed` does not."""
    torch.default_generator.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


def copied(module: torch.nn.Module) -> torch.nn.Module:
    """A copy of a module with its hooks as `Hook`. Activations that it keeps are constants in the copy. InputError
    where something in it cannot be copied."""
    memo: dict[int, Any] = {id(getattr(each, name)): OrderedDict() for each in module.modules() for name in _HOOKS}
    with users(
        f"{type(module).__name__}, to be copied", expected="a module that copy.deepcopy can copy",
        advice="keep what cannot be copied (locks, open files, generators, trainers) outside of the module",
    ):  # fmt: skip
        with _Cut():
            out = copy.deepcopy(module, memo)
        for each, own in zip(module.modules(), out.modules(), strict=True):
            for name in _HOOKS:
                for key, hook in getattr(each, name).items():
                    getattr(own, name)[key] = hook if isinstance(hook, Hook) else Hook(_own(hook, memo))
    return out


def settle(module: torch.nn.Module) -> None:
    """Hooks of a copy that were called and changed nothing are not called again."""
    for each in module.modules():
        for name in _HOOKS:
            for hook in getattr(each, name).values():
                if isinstance(hook, Hook):
                    hook.silent = hook.silent or hook.changed is False


class Hook:
    """A hook of a user's; ``changed`` says whether it changed anything, None before it was called."""

    def __init__(self, hook: Any) -> None:
        self._hook, self.silent = hook, False
        self.changed: bool | None = None

    def __call__(self, module: torch.nn.Module, *args: Any) -> Any:
        if self.silent:
            return None
        before = _state(module, args)
        found = self._hook(module, *args)
        after = _state(module, args)
        same = len(before) == len(after) and all(
            one is other and written == again for (one, written), (other, again) in zip(before, after, strict=True)
        )
        self.changed = bool(self.changed) or found is not None or not same
        return found

    def __deepcopy__(self, memo: dict[int, Any]) -> Hook:
        return self


def _state(module: torch.nn.Module, args: Any) -> list[tuple[Any, int]]:
    """What a hook can change: what is where, and how often each tensor was written to."""
    own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
    parts = [*tree_leaves(args), *vars(module).values(), *own]
    return [(each, each._version if isinstance(each, torch.Tensor) else 0) for each in parts]


class _Cut(torch.overrides.TorchFunctionMode):
    """Copies of activations that a module keeps, which PyTorch refuses to copy, do not know where they come from."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is not torch.Tensor.__deepcopy__ or args[0].is_leaf:
            return function(*args, **(kwargs or {}))
        tensor, memo = args
        return memo.setdefault(id(tensor), tensor.detach().clone())


def _own(hook: Any, memo: dict[int, Any]) -> Any:
    """A copy of a hook that writes to copies of its lists and counters, and knows of copied modules; else itself."""
    if not isinstance(hook, types.FunctionType):
        with suppress(Exception), _Cut():
            return copy.deepcopy(hook, memo)
        return hook
    names = {name: hook.__globals__[name] for name in hook.__code__.co_names if name in hook.__globals__}
    known = {**hook.__globals__, **{name: _written(value, memo) for name, value in names.items()}}
    cells = tuple(_cell(cell, memo) for cell in hook.__closure__ or ())
    own = types.FunctionType(hook.__code__, known, hook.__name__, _written(hook.__defaults__, memo), cells)
    own.__kwdefaults__ = _written(hook.__kwdefaults__, memo)
    return own


def _cell(cell: Any, memo: dict[int, Any]) -> Any:
    with suppress(ValueError):  # of a name that has no value yet
        return types.CellType(_written(cell.cell_contents, memo))
    return cell


def _written(value: Any, memo: dict[int, Any]) -> Any:
    """Lists, dicts and sets copied, what they hold is not, except for modules and parameters that were."""
    if id(value) in memo:
        return memo[id(value)]
    if not isinstance(value, (list, dict, set, deque)):
        return tuple(_written(each, memo) for each in value) if type(value) is tuple else value
    memo[id(value)] = out = copy.copy(value)
    if isinstance(out, (list, deque, dict)):
        for key in range(len(out)) if isinstance(out, (list, deque)) else [*out]:
            out[key] = _written(out[key], memo)
    return out
