"""A PyTorch module as it is, cut at every normalization: the same claims, quantities and verdicts as for JAX networks.

    measured = measure_model(module, loss, inputs, targets)  # loss(module(inputs), targets): a scalar
    print(table(measured, judge(measured)))

Everything is computed in float64 in training mode on a copy on the CPU; the module is not touched, and neither are the
random numbers of the session. Hooks that change something are part of the network, others are called in one evaluation
(`conformance.torch_session`). A normalization is found by what it computes, so that classes of other libraries are
found too, and said to be. Its values, its backward pass and
the gradients of its parameters are PyTorch's; so are the gradient and the Hessian of the rest of the network. The
derivatives inside the normalization that claims on curvature need are those of this package's normaliser, whose values
were compared with the module's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from bnverify.empirical.adapters.reading import Sites, Unmeasured, check_loss, nothing
from bnverify.empirical.adapters.torch_sites import KINDS, Found, candidate, found
from bnverify.empirical.adapters.torch_suspects import Operations
from bnverify.empirical.conformance.torch_session import copied, seeded, settle, undisturbed
from bnverify.empirical.measurement.cut import Cut
from bnverify.empirical.measurement.measured import Measured
from bnverify.empirical.measurement.measurement import measure_cut
from bnverify.empirical.measurement.settings import exact
from bnverify.errors import InputError, users

Replacements = Mapping[str, torch.Tensor]


@undisturbed()
def measure_model(
    module: torch.nn.Module, loss: Callable[..., torch.Tensor], inputs: Any, targets: Any = None, *, seed: int = 0,
    sampled: int = 2,
) -> Sites:  # fmt: skip
    """All claims' quantities at every normalization of a module, by its name in it.

    ``inputs`` are a tensor, or a tuple or a dict of what the module is called with; the loss is
    ``loss(output, targets)``, or ``loss(output)`` without targets. ``sampled`` random vectors a site get
    Hessian-vector products of their own; ``seed`` draws them and the test vectors. InputError where there is nothing
    to measure; `Diverged` where that is so because the loss or the activations are no numbers.
    """
    network = TorchNetwork(module, loss, inputs, targets)
    out = Sites()
    out.skipped |= network.skipped | network.suspects()
    with exact():
        for number, (name, each) in enumerate(network.sites.items()):
            try:
                out[name] = _measured(network, each, (seed, number), sampled)
            except InputError as error:
                out.skipped[name] = error.got
                continue
            if each.recognised:
                out.recognised[name] = each.recognised
    if not out:
        raise nothing(type(module).__name__, out.skipped)
    return out


def _measured(network: TorchNetwork, each: Found, seed: tuple[int, int], sampled: int) -> Measured:
    y = each.moved(each.reading.y)
    vectors = y.size // each.reading.m
    chosen = np.random.default_rng([*seed, 0x746F]).permutation(vectors)[:sampled].tolist()
    cut = Cut(
        y, each.placed, _remembered(partial(network.gradient, each)), partial(network.hessian, each),
        stacked=True, loss=partial(network.rest, each), value=network.value, running=each.running,
    )  # fmt: skip
    own = measure_cut(cut, seed=seed, sampled=chosen)
    if each.reading.precision != "float64":
        return replace(own, dtype=each.reading.precision)
    twin_cut = replace(cut, norm=replace(each.placed, foreign=None), running=None, loss=None)
    try:
        twin = measure_cut(twin_cut, seed=seed, sampled=chosen)
    except _Once as error:
        return replace(own, missing={**own.missing, "the rest of the network": f"no second derivative ({error})"})
    flags = {name: twin.quantities[name] for name in ("sampled", "matched") if name in twin.quantities}
    return replace(twin, quantities={**twin.quantities, **own.quantities, **flags})


class _Once(Exception):
    """The rest of a network can be differentiated once only; the message says why."""


def _remembered(gradient: Callable[[Any], np.ndarray]) -> Callable[[Any], np.ndarray]:
    """A gradient that is not computed again where it was asked for last."""
    last: list[np.ndarray] = []

    def at(z: Any) -> np.ndarray:
        if not (last and np.array_equal(last[0], z)):
            last[:] = np.array(z), gradient(z)
        return last[1]

    return at


def _along(g: torch.Tensor, leaf: torch.Tensor, one: torch.Tensor, w: torch.Tensor) -> np.ndarray:
    """The derivative of g along w. A backward pass that can be differentiated once only is left out of it silently, and
    out of the derivative by the factor ``one`` that g is multiplied by, which is known."""
    out, factor = torch.autograd.grad(g, (leaf, one), w, retain_graph=True, allow_unused=True)
    expected, seen = float((g.detach() * w).sum()), 0.0 if factor is None else float(factor)
    if abs(seen - expected) > 1e-9 * float(g.detach().norm() * w.norm()):
        raise _Once("part of its backward pass is not differentiable")
    return np.zeros(tuple(w.shape)) if out is None else _numpy(out)


def _slope(
    loss: torch.Tensor, leaf: torch.Tensor, one: torch.Tensor | None = None, *, create_graph: bool = False
) -> torch.Tensor | None:
    """The gradient of a loss; None where it does not depend on the leaf, or lets no gradient through."""
    if not loss.requires_grad:
        return None
    return torch.autograd.grad(loss, leaf, one, create_graph=create_graph, allow_unused=True)[0]


class TorchNetwork:
    """A float64 copy of a module in training mode, its ``sites`` by name, and the rest of it at each; to be used inside
    of `undisturbed`."""

    def __init__(self, module: torch.nn.Module, loss: Callable[..., torch.Tensor], inputs: Any, targets: Any = None):
        self._loss = copied(loss).to("cpu", torch.float64) if isinstance(loss, torch.nn.Module) else loss
        self._inputs, self._targets = float64(inputs), float64(targets)
        self._module = copied(module).to("cpu", torch.float64).train()
        self._modules = {name: each for name, each in self._module.named_modules() if candidate(each)}
        calls: dict[str, list[tuple[Any, Any]]] = {}
        self._operations = Operations()
        hooks = self._operations.watch(dict(self._module.named_modules()))
        hooks += [each.register_forward_hook(partial(_record, calls, name)) for name, each in self._modules.items()]
        try:
            with users(
                f"{type(module).__name__} or its loss", expected="a module of these inputs in training mode",
                advice="call loss(module(inputs), targets) yourself; batch norm needs more than one value a channel",
            ), self._operations:  # fmt: skip
                self.value = float(self._evaluate({}).detach())
        finally:
            for hook in hooks:
                hook.remove()
        settle(self._module)
        if isinstance(self._loss, torch.nn.Module):
            settle(self._loss)
        seen = ((name, [each for each in pair if each is not None]) for name, pairs in calls.items() for pair in pairs)
        check_loss(type(module).__name__, self.value, seen)
        self.sites: dict[str, Found] = {}
        self.skipped: dict[str, str] = {}
        for name, pairs in calls.items():  # in the order of evaluation
            self._site(name, pairs)
        for name, each in self._modules.items():
            if name not in calls and isinstance(each, KINDS):
                self.skipped[name] = "it is not called"

    def suspects(self) -> dict[str, str]:
        """Norms besides the sites and the modules that are skipped, by where they are in the code."""
        return self._operations.norms({*self.sites, *self.skipped})

    def _site(self, name: str, seen: list[tuple[Any, Any]]) -> None:
        module = self._modules[name]
        known = isinstance(module, KINDS) or "norm" in type(module).__name__.lower()
        y, z = seen[0]
        if not (_activations(y) and _activations(z) and y.shape == z.shape):
            if known:
                self.skipped[name] = "it does not take one array to another of its shape"
            return
        try:
            site = found(name, module, _numpy(y), _numpy(z))
            if len(seen) == 1:
                self.sites[name] = site
            else:
                self.skipped[name] = f"it is called {len(seen)} times in one evaluation"
        except InputError as error:
            if known or isinstance(error, Unmeasured):
                self.skipped[name] = error.got

    def rest(self, each: Found, z: Any) -> float:
        """The loss where a site returns z."""
        return float(self._evaluate({each.name: _tensor(each.back(z))}).detach())

    def gradient(self, each: Found, z: Any) -> np.ndarray:
        """dL/dz at a site."""
        leaf = _tensor(each.back(z)).requires_grad_()
        with users(
            f"{each.name}, after which the backward pass raises", expected="a loss that can be differentiated there",
            advice="leave the site out",
        ):  # fmt: skip
            g = _slope(self._evaluate({each.name: leaf}), leaf)
        return each.moved(np.zeros(tuple(leaf.shape)) if g is None else _numpy(g))

    def hessian(self, each: Found, z: Any, directions: Any) -> np.ndarray:
        """The second derivative of the loss along a stack of directions at a site, of one evaluation. _Once where there
        is none."""
        if not len(directions):
            return np.asarray(directions)
        leaf = _tensor(each.back(z)).requires_grad_()
        one = torch.ones((), dtype=torch.float64, requires_grad=True)
        try:
            g = _slope(self._evaluate({each.name: leaf}), leaf, one, create_graph=True)
            if g is None:
                return np.zeros_like(directions, dtype=np.float64)
            return np.stack([each.moved(_along(g, leaf, one, _tensor(each.back(w)))) for w in directions])
        except RuntimeError as error:
            raise _Once(str(error).splitlines()[0]) from error

    def _output(self) -> Any:
        """What the copy gives. Its buffers (running statistics) are copies in turn: they change in place, and a
        backward pass looks at them afterwards."""
        buffers = {key: value.clone() for key, value in self._module.named_buffers()}
        return torch.func.functional_call(self._module, buffers, *arguments(self._inputs))

    def _evaluate(self, replaced: Replacements) -> torch.Tensor:
        """The loss of the copy as it was, with the same random numbers; some modules return what is given for them."""
        hooks = [
            # A copy, as what follows may change it in place.
            self._modules[name].register_forward_hook(lambda *_, value=value: value.clone())
            for name, value in replaced.items()
        ]
        try:
            with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
                seeded()
                output = self._output()
                value = self._loss(output) if self._targets is None else self._loss(output, self._targets)
        finally:
            for hook in hooks:
                hook.remove()
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            found = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
            raise InputError(
                got=f"a loss that returns {found}",
                expected="one number", advice="return the mean over the batch",
            )  # fmt: skip
        return value.reshape(())


def _record(calls: dict[str, list], name: str, module: Any, args: Any, output: Any) -> None:
    y, z = map(_copy, (args[0] if args else None, output))
    calls.setdefault(name, []).append((y, z))


def _copy(value: Any) -> Any:
    return value.detach().clone() if _activations(value) else None


def _activations(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point() and value.ndim >= 2


def called(module: torch.nn.Module, inputs: Any) -> Any:
    """The output of a module for a tensor, or a tuple or a dict of what it is called with."""
    args, named = arguments(inputs)
    return module(*args, **named)


def arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A tensor, or a tuple or a dict of what a module is called with, as arguments by place and by name."""
    if isinstance(inputs, dict):
        return (), inputs
    return (tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)), {}


def float64(value: Any) -> Any:
    """Copies of tensors on the CPU, of floating-point numbers in float64, also inside tuples, lists and dicts."""
    if isinstance(value, dict):
        return {key: float64(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(float64(each) for each in value)
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", torch.float64 if value.is_floating_point() else value.dtype, copy=True)
    return value


def _tensor(array: Any) -> torch.Tensor:
    return torch.tensor(np.ascontiguousarray(array, dtype=np.float64))


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().to(torch.float64).contiguous().numpy().copy()
