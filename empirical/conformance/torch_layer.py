"""PyTorch modules and functions as subjects of the conformance suite; the module given is copied and never changed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from bnverify.empirical.conformance.subject import (
    EPSILONS,
    Evaluation,
    Instance,
    Kept,
    Running,
    Second,
    Setting,
    Unsupported,
    changed,
    drawn_statistic,
    earlier,
    last,
)
from bnverify.empirical.conformance.torch_session import copied

_TYPES = {name: getattr(torch, name) for name in ("float64", "float32", "float16", "bfloat16")}
_ONCE = ("does not have a grad", "once_differentiable", "does not require grad", "not implemented", "derivative")


class TorchLayer:
    """A function of y and named tensors, which a module with its parameters replaced also is.

    ``call(y, parameters, epsilon, training)`` computes with the tensors given.
    """

    framework = "torch"
    frozen: frozenset[str] = frozenset()
    dtypes = ("float64", "float32", "bfloat16", "float16")
    layouts = ("strided", "channels last")
    ways: Mapping[str, str] = MappingProxyType({
        "no_grad": "under torch.no_grad", "frozen": "parameters that need no gradient",
        "first": "y needs no gradient, as in a first layer",
    })  # fmt: skip

    def __init__(
        self, name: str, call: Callable[..., torch.Tensor], parameters: Mapping[str, np.ndarray], epsilon: float | None,
        again: Callable[[int, int], Any] | None = None, settable: bool = True,
    ):  # fmt: skip
        self.name, self.parameters, self.epsilon = name, dict(parameters), epsilon
        self._call, self._again, self._settable = call, again, settable
        self._kept = Kept()

    def evaluate(self, y, parameters, g, setting: Setting) -> Evaluation:
        """z, and with g the gradients; see `Subject`."""
        with torch.set_grad_enabled(setting.way != "no_grad"):
            entry, y, tensors, z = self._forward(y, parameters, setting)
        given_z, dtype = _numpy(z), str(z.dtype).removeprefix("torch.")
        later = self._kept.overwritten(lambda: _numpy(z))
        read = {"y": (entry, y), **{k: (own, _tensor(parameters[k], own.dtype)) for k, own in tensors.items()}}
        if g is None or setting.way == "no_grad":
            return Evaluation(given_z, dtype, changed=changed(read, later, torch.equal))
        laid = _laid(_tensor(g, z.dtype), setting.gradient_layout)
        leaves = {"": y, **tensors}
        needed = {name: leaf for name, leaf in leaves.items() if leaf.requires_grad}
        found = dict(zip(needed, self._gradient(z, list(needed.values()), laid), strict=True))
        slopes = {name: None if each is None else _numpy(each) for name, each in found.items()}
        v = slopes.pop("", None)
        if v is None and y.requires_grad:
            v = np.zeros(z.shape)
        read |= {"g": (laid, _tensor(g, z.dtype))}
        return Evaluation(given_z, dtype, v, slopes, changed(read, later, torch.equal))

    def second(self, y, parameters, g, d, setting: Setting) -> Second:
        """The gradient of <v, d>."""
        _, y, tensors, z = self._forward(y, parameters, setting)
        g = _tensor(g, z.dtype).requires_grad_()
        try:
            (v,) = torch.autograd.grad(z, y, g, create_graph=True)
            if not v.requires_grad:
                raise Unsupported("its backward pass has no derivative")
            leaves = [y, g, *tensors.values()]
            found = torch.autograd.grad(v, leaves, _tensor(d, v.dtype), allow_unused=True)
        except (RuntimeError, NotImplementedError) as error:
            raise Unsupported(f"no second derivative ({_line(error)})") from error
        if all(each is None for each in found):  # v depends on g at least
            raise Unsupported("its backward pass has no derivative")
        of_y, of_g, *slopes = (
            np.zeros(leaf.shape) if out is None else _numpy(out) for leaf, out in zip(leaves, found, strict=True)
        )
        return Second(of_y, of_g, dict(zip(tensors, slopes, strict=True)))

    def running(self, y, parameters, setting: Setting, size: float = 1.0) -> Running | None:
        """One step of the running statistics, if there are any."""
        return None

    def instance(self, setting: Setting) -> Instance | None:
        """There is none of a function."""
        return None

    def resized(self, old: int, new: int):
        """The same layer for another size, if it can be made."""
        return None if self._again is None else self._again(old, new)

    def _forward(self, y, parameters, setting: Setting):
        if setting.epsilon is not None and not self._settable:
            raise Unsupported("its epsilon cannot be set")
        dtype = _TYPES[setting.of_parameters]
        own = setting.way not in ("no_grad", "frozen")
        tensors = {name: _tensor(value, dtype).requires_grad_(own) for name, value in parameters.items()}
        leaf = _tensor(y, _TYPES[setting.dtype]).requires_grad_(setting.way not in ("no_grad", "first"))
        entry = _entry(leaf, setting.layout)  # a layer may change what it is given, and cannot change a leaf
        try:
            z = self._call(entry, tensors, setting.epsilon, True)
        except Exception as error:
            raise Unsupported(f"{type(error).__name__}: {_line(error)}") from error
        if not isinstance(z, torch.Tensor) or z.shape != leaf.shape:
            shape = tuple(z.shape) if isinstance(z, torch.Tensor) else type(z).__name__
            raise Unsupported(f"it returns {shape} for y of shape {tuple(leaf.shape)}")
        return entry, leaf, tensors, z

    def _gradient(self, z, leaves, g):
        try:
            return torch.autograd.grad(z, leaves, g, allow_unused=True)
        except Exception as error:
            raise Unsupported(f"no gradient ({_line(error)})") from error


class TorchModule(TorchLayer):
    """A module: parameters by name, buffers as they were before every call, epsilon by its attribute."""

    def __init__(self, name: str, module: torch.nn.Module, again=None):
        self._module = copied(module).train()
        attribute = next((each for each in EPSILONS if isinstance(getattr(module, each, None), (int, float))), None)
        self._attribute = attribute
        parameters = {key: _numpy(value) for key, value in self._module.named_parameters()}
        self.frozen = frozenset(key for key, each in self._module.named_parameters() if not each.requires_grad)
        super().__init__(
            name, self._functional, parameters, None if attribute is None else float(getattr(module, attribute)), again,
            attribute is not None,
        )  # fmt: skip

    def _functional(self, y, tensors, epsilon, training, buffers=None):
        module = copy.deepcopy(self._module).train(training)
        if epsilon is not None:
            setattr(module, self._attribute, epsilon)
        dtype = next(iter(tensors.values())).dtype if tensors else y.dtype
        own = {
            key: value.to(dtype, copy=True) if value.is_floating_point() else value.clone()
            for key, value in (buffers or dict(module.named_buffers())).items()
        }
        given = {**tensors, **own}
        z = torch.func.functional_call(module, given, (y,))
        if buffers is not None:
            buffers.update({key: given[key] for key in own})  # what the module changed, or put in its place
        return z

    def instance(self, setting: Setting) -> Instance:
        """A copy of the module, which keeps what a call leaves in it."""
        module = copy.deepcopy(self._module).to(_TYPES[setting.of_parameters])

        def called(y, parameters, g=None, training=True):
            own = dict(module.train(training).named_parameters())
            leaf = _tensor(y, _TYPES[setting.dtype]).requires_grad_()
            try:
                with torch.no_grad():
                    for name, parameter in own.items():
                        parameter.copy_(_tensor(parameters[name], parameter.dtype))
                z = module(leaf.clone())
            except Exception as error:
                raise Unsupported(f"{type(error).__name__}: {_line(error)}") from error
            if g is None:
                return Evaluation(_numpy(z), str(z.dtype))
            needed = {name: each for name, each in own.items() if each.requires_grad}
            v, *slopes = self._gradient(z, [leaf, *needed.values()], _tensor(g, z.dtype))
            named = {name: None if each is None else _numpy(each) for name, each in zip(needed, slopes, strict=True)}
            return Evaluation(_numpy(z), str(z.dtype), None if v is None else _numpy(v), named)

        return called

    def running(self, y, parameters, setting: Setting, size: float = 1.0) -> Running | None:
        """Two steps of the running statistics, if there are any."""
        held = {key: value.clone() for key, value in self._module.named_buffers()}
        floating = [key for key, value in held.items() if value.is_floating_point()]
        if not floating:
            return None
        dtype = _TYPES[setting.of_parameters]
        tensors = {name: _tensor(value, dtype).requires_grad_() for name, value in parameters.items()}
        state = {
            k: _tensor(drawn_statistic(k, _numpy(v), size), dtype) if k in floating else v for k, v in held.items()
        }
        kept = [{k: _numpy(state[k]) for k in floating}]

        def applied(y, training: bool, state, gradients: bool = True):
            leaf = _tensor(y, _TYPES[setting.dtype]).requires_grad_()
            with torch.set_grad_enabled(gradients):
                return leaf, self._functional(_entry(leaf, "contiguous"), tensors, None, training, state)

        recorded = _recorded(applied, y, dict(state))
        for each in (earlier(y), y):  # with gradients, as in training
            applied(each, True, state)
            state = {k: v.detach().clone() for k, v in state.items()}
            kept.append({k: _numpy(state[k]) for k in floating})

        def infer(y):
            return _numpy(applied(y, False, dict(state), gradients=False)[1])

        def train(y):
            return _numpy(applied(y, True, dict(state))[1])

        def back(y, g):
            leaf, z = applied(y, False, dict(state))
            leaves = [leaf, *tensors.values()]
            found = self._gradient(z, leaves, _tensor(g, z.dtype)) if z.requires_grad else [None] * len(leaves)
            v, *slopes = (
                np.zeros(own.shape) if each is None else _numpy(each) for own, each in zip(leaves, found, strict=True)
            )
            return v, dict(zip(tensors, slopes, strict=True))

        momentum = getattr(self._module, "momentum", None)
        start, before, after = kept
        share = "new" if isinstance(self._module, torch.nn.modules.batchnorm._NormBase) else None
        return Running(start, before, after, infer, train, momentum, None, back, share, recorded)


def _recorded(applied: Callable[..., tuple[torch.Tensor, torch.Tensor]], y: np.ndarray, state: dict[str, Any]) -> bool:
    """Whether two training calls leave a mean or a variance with a graph, which inference mode would go back through,
    or anything with one that goes back to the first."""
    first, _ = applied(earlier(y), True, state)
    applied(y, True, state)
    graphs = {name: value for name, value in state.items() if value.grad_fn is not None}
    return any(
        any(word in last(name) for word in ("mean", "var"))
        or torch.autograd.grad(value.sum(), first, allow_unused=True)[0] is not None
        for name, value in graphs.items()
    )


def _tensor(array: np.ndarray, dtype: torch.dtype) -> torch.Tensor:
    return torch.tensor(np.ascontiguousarray(array, dtype=np.float64), dtype=dtype)


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().to(torch.float64).contiguous().numpy().copy()


def _entry(leaf: torch.Tensor, layout: str) -> torch.Tensor:
    """A copy of the leaf that gradients pass, laid out in memory as asked for."""
    if layout == "strided":  # every other entry of a larger array, axes exchanged in memory
        turned = leaf.permute(*reversed(range(leaf.ndim)))
        return torch.stack([turned, torch.full_like(turned, float("nan"))], -1)[..., 0].permute(
            *reversed(range(leaf.ndim))
        )  # fmt: skip
    if layout == "channels last":
        formats = {4: torch.channels_last, 5: torch.channels_last_3d}
        if leaf.ndim not in formats:
            raise Unsupported("channels last is a layout of images and volumes")
        return leaf.clone(memory_format=formats[leaf.ndim])
    return leaf.clone()


def _laid(tensor: torch.Tensor, layout: str) -> torch.Tensor:
    if layout == "strided":  # every other entry of a larger array, axes exchanged in memory
        wide = torch.full((*reversed(tensor.shape[1:]), 2 * tensor.shape[0]), float("nan"), dtype=tensor.dtype)
        view = wide.permute(*reversed(range(wide.ndim)))[::2]
        view.copy_(tensor)
        return view.detach()
    if layout == "expanded":
        return tensor.flatten()[0].expand(tensor.shape)
    return tensor


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:110]
