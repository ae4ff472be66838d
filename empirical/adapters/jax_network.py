"""A loss of JAX arrays whose normalizations are marked: each cut, measured and judged, whichever library wrote them.

An adapter evaluates the loss while calls of modules that may be normalizations are reported to `Calls`, which marks
them in the traced program (`adapters.marking`). What such a module is, its values tell (`adapters.reading`). The
module's own computation is measured, differentiated by JAX, in the rest of the network as it was traced: the same
random numbers, everything in float64. A cut at which the rest of the network does not give the loss again is refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bnverify.empirical.adapters.jax_suspects import in_program
from bnverify.empirical.adapters.marking import mark, marked, needed, run
from bnverify.empirical.adapters.reading import (
    Placement,
    Sites,
    Unmeasured,
    check_loss,
    nothing,
    placement,
    refused,
)
from bnverify.empirical.conformance.jax_layer import JaxLayer
from bnverify.empirical.measurement.cut import Cut, Placed, Running
from bnverify.empirical.measurement.layer import Layer
from bnverify.empirical.measurement.measured import Measured
from bnverify.empirical.measurement.measurement import measure_cut
from bnverify.empirical.measurement.precision import narrowed
from bnverify.empirical.measurement.probes import chosen
from bnverify.empirical.measurement.settings import exact
from bnverify.errors import InputError, users


@dataclass(frozen=True)
class Called:
    """A call of a module: its class, whether that is the library's own normalization, and on which axis of the whole
    batch the channel is. ``subject(held)`` is the module as a function of y and its parameters, given what it held;
    ``running(held, y)`` its running statistics before and after a call."""

    kind: str
    own: bool
    channel: int
    subject: Callable[[Any], JaxLayer]
    running: Callable[[Any, np.ndarray], Running | None] = lambda held, y: None
    held: Any = None


@dataclass(eq=False)
class Calls:
    """What an adapter reports while the loss is traced."""

    by_name: dict[str, Called] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def __call__(self, name: str, called: Called, y: Any, z: Any, held: Any) -> Any:
        """z, marked."""
        if not all(_activations(each) for each in (y, z)) or y.shape != z.shape:
            self.skipped[name] = "it does not take one array to another of its shape"
            return z
        leaves, structure = jax.tree.flatten(held)
        self.by_name[name] = Called(**{**called.__dict__, "held": structure})
        return mark(name, jnp.asarray(y), z, *map(jnp.asarray, leaves))

    def refuse(self, name: str, reason: str) -> None:
        """A normalization that is called in a way that nothing is claimed of."""
        self.skipped[name] = reason


def _activations(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype") and jnp.issubdtype(value.dtype, jnp.floating)


def measure_network(
    evaluate: Callable[[Calls, Any], Any], args: Any, *, seed: int, sampled: int, what: str
) -> Sites:  # fmt: skip
    """All claims' quantities at every normalization that ``evaluate(calls, args)``, the loss, reports to ``calls``."""
    with exact(), jax.numpy_dtype_promotion("standard"):
        network = JaxNetwork(evaluate, args)
        out = Sites()
        for number, (name, (own, called)) in enumerate(network.sites.items()):
            try:
                out[name] = network.measured(name, (seed, number), sampled)
            except InputError as error:
                network.skipped[name] = error.got
                continue
            if not called.own:
                out.recognised[name] = f"{called.kind}, by its values {own.reading.name} norm"
        out.skipped |= network.skipped
    if not out:
        raise nothing(what, out.skipped, ", called inside of the loss")
    return out


class JaxNetwork:
    """A traced loss with its ``sites`` by name, in the order of evaluation, and the rest of it at each."""

    def __init__(self, evaluate: Callable[[Calls, Any], Any], args: Any):
        leaves, structure = jax.tree.flatten(args)
        arrays = [isinstance(leaf, (jax.Array, np.ndarray, np.generic)) for leaf in leaves]
        self._values = [float64(leaf) for leaf, array in zip(leaves, arrays, strict=True) if array]
        calls = Calls()

        def loss(values: list[Any]) -> Any:
            given = iter(values)
            filled = [next(given) if array else leaf for leaf, array in zip(leaves, arrays, strict=True)]
            return _one_number(evaluate(calls, jax.tree.unflatten(structure, filled)))

        with users(
            "the loss", expected="a function of jax.numpy that can be traced, in float64",
            advice="call it yourself on the same arguments in float64",
        ):  # fmt: skip
            self._program = jax.make_jaxpr(loss)(self._values)
        names, hidden = marked(self._program)
        self.value, seen = jax.jit(self._recorded)(self._values)
        self.value = float(self.value)
        check_loss("a network", self.value, ((name, seen[name][:2]) for name in names))
        self.sites: dict[str, tuple[Placement, Called]] = {}
        self.skipped = dict(calls.skipped)
        self._running: dict[str, Running | None] = {}
        for name in names:
            self._site(name, calls.by_name[name], *seen[name])
        self.skipped |= {name: why for name, why in hidden.items() if calls.by_name[name].own}
        outputs = {name: seen[name][1] for name in self.sites}
        rest = needed(lambda values: self._loss(values, outputs), self._values)
        self.skipped |= in_program(rest)
        rounded = sorted(set(narrowed(rest)))
        if rounded:
            warnings.warn(
                f"float64 values are rounded to {', '.join(rounded)} inside the loss: g and H are those of the rounded "
                "network; claims are about every g and H, and checked in float64 all the same",
                stacklevel=4,
            )

    def _recorded(self, values: list[Any]) -> tuple[Any, dict[str, tuple[Any, ...]]]:
        seen: dict[str, tuple[Any, ...]] = {}

        def keep(name: str, y: Any, z: Any, *held: Any) -> Any:
            seen[name] = (y, z, *held)
            return z

        return run(self._program, values, keep)[0], seen

    def _loss(self, values: list[Any], outputs: Mapping[str, Any]) -> Any:
        """The loss where some normalizations return what is given for them."""

        def at(name: str, y: Any, z: Any, *held: Any) -> Any:
            return jnp.asarray(outputs[name], z.dtype) if name in outputs else z

        return run(self._program, values, at)[0]

    def _site(self, name: str, called: Called, y: Any, z: Any, *held: Any) -> None:
        y, z = (np.asarray(each, np.float64) for each in (y, z))
        tree = jax.tree.unflatten(called.held, held)
        channel = called.channel % max(y.ndim, 1)
        try:
            if y.ndim < 2:
                raise refused(f"y of shape {y.shape}", "samples on the first axis")
            own = placement(called.subject(tree), y, z, channel)
        except InputError as error:
            if called.own or "norm" in called.kind.lower() or isinstance(error, Unmeasured):
                self.skipped[name] = error.got
            return
        self.sites[name] = own, called
        self._running[name] = called.running(tree, y) if own.reading.name == "batch" else None

    def _rest(self, name: str, values: list[Any], z: Any) -> Any:
        own, _ = self.sites[name]
        return self._loss(values, {name: jnp.moveaxis(z, -1, own.reading.channel)})

    def measured(self, name: str, seed: tuple[int, int], sampled: int) -> Measured:
        """All quantities at a site. InputError where the rest of the network does not give the loss again."""
        own, called = self.sites[name]
        placed, y = own.placed, jnp.asarray(own.moved(own.reading.y))
        norm = placed.normalization.computed_by(partial(_layer, own))
        rest = jax.jit(partial(self._rest, name))
        gradient = jax.jit(jax.grad(rest, 1))

        @jax.jit
        def hessian(values: list[Any], z: Any, directions: Any) -> Any:
            return jax.lax.map(jax.linearize(partial(gradient, values), z)[1], directions)

        try:
            jax.eval_shape(hessian, self._values, y, y[None])
            curved: Callable | None = lambda z, directions: hessian(self._values, jnp.asarray(z), directions)  # noqa: E731
        except Exception:  # whatever a function without the derivative raises
            curved = None
        cut = Cut(
            y, Placed(norm, jnp.asarray(placed.gamma), jnp.asarray(placed.beta), placed.epsilon),
            gradient=lambda z: gradient(self._values, jnp.asarray(z)), hessian=curved, stacked=True,
            loss=lambda z: rest(self._values, jnp.asarray(z)), value=self.value, running=self._running[name],
        )  # fmt: skip
        picked = chosen(norm.columns(y).shape[-1], sampled, seed)
        known = Layer(norm) if called.own else None
        found = measure_cut(cut, seed=seed, sampled=picked, plain_curvature=placed.epsilon == 0, layer=known)
        precision = own.reading.precision
        return found if precision == "float64" else Measured(
            found.normalization, found.quantities, precision, found.missing
        )  # fmt: skip


def _layer(own: Placement, y: Any, gamma: Any, beta: Any, epsilon: Any) -> Any:
    """The module's own computation as a function of y, gamma and beta, the channel last; what it has no parameter for
    is applied to what it returns."""
    reading, affine = own.reading, own.reading.affine
    held = {name: jnp.asarray(value) for name, value in reading.parameters().items()}
    if affine.gain is not None:
        shape = reading.subject.parameters[affine.gain].shape
        held[affine.gain] = (gamma if shape else gamma[0]).reshape(shape) - affine.offset
    if affine.shift is not None:
        held[affine.shift] = beta.reshape(reading.subject.parameters[affine.shift].shape)
    subject: Any = reading.subject
    with jax.numpy_dtype_promotion("standard"):
        z = jnp.moveaxis(subject.call(jnp.moveaxis(y, -1, reading.channel), held, None), reading.channel, -1)
    z = z if affine.gain is not None else gamma * z
    return z if affine.shift is not None else z + beta


def _one_number(value: Any) -> Any:
    if getattr(value, "shape", None) != () or not jnp.issubdtype(value.dtype, jnp.floating):
        found = f"{value.dtype} of shape {value.shape}" if hasattr(value, "shape") else f"a {type(value).__name__}"
        raise InputError(
            got=f"a loss that returns {found}", expected="one number",
            advice="return the mean over the batch, and nothing besides the loss: lambda *a: loss(*a)[0]",
        )  # fmt: skip
    return value


def float64(leaf: Any) -> Any:
    """An array in float64 or complex128 where it is of floating-point numbers; keys and integers as they are."""
    if jnp.issubdtype(leaf.dtype, jnp.floating):
        return jnp.asarray(leaf, jnp.float64)
    if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
        return jnp.asarray(leaf, jnp.complex128)
    if isinstance(leaf, jax.Array) and not leaf.weak_type:
        return leaf
    return jnp.asarray(np.asarray(leaf))  # a counter that would take the width of the session


def arrays_in(*values: Any) -> bool:
    """Whether there is an array among further arguments of a call (a mask)."""
    return any(isinstance(leaf, (jax.Array, np.ndarray)) for leaf in jax.tree.leaves(values))
