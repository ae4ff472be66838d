"""A Flax NNX model as it is, cut at every normalisation, and all claims' quantities measured there.

    measured = measure_model(model, loss, x, labels)  # loss(model, x, labels): a scalar
    print(table(measured, judge(measured)))

The model is split into structure and state once, and never changed: evaluations work on copies, in which one
normalisation is intercepted (`adapters.flax_interception`). The rest of the network is suffix(z), the loss where that
normalisation returns z and everything else is constant. Where y also goes around the normalisation (a residual
connection), the claims are about the path through it: on the other path y is a constant.

Everything is computed in float64, from the given parameters. Random numbers are those of the model's own streams, the
same in every evaluation; they are drawn in float64, so a dropout mask may differ from that of a float32 step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from bnverify.empirical.measurement.checks import REPRODUCED, check_cut, refuse_another_loss
from bnverify.empirical.measurement.cut import Cut, Placed, Running
from bnverify.empirical.measurement.layer import Layer
from bnverify.empirical.measurement.measured import Measured
from bnverify.empirical.measurement.measurement import measure_cut
from bnverify.empirical.measurement.probes import chosen
from bnverify.empirical.measurement.settings import exact
from bnverify.empirical.normalization.normalizers import Normalization
from bnverify.errors import InputError

try:
    from flax import nnx
except ImportError as error:
    raise InputError(
        got="no module flax",
        expected="Flax, for its NNX models",
        advice="pip install 'bnverify[flax]' (in a checkout -e '.[flax]')",
    ) from error

from bnverify.empirical.adapters.flax_interception import Record, Replace, Shift, evaluate
from bnverify.empirical.adapters.flax_normalization import KINDS, ModuleLayer, compare, parameter, running_of, stated
from bnverify.empirical.adapters.flax_recording import name_of, recorded
from bnverify.empirical.adapters.flax_suspects import in_arguments, in_model
from bnverify.empirical.adapters.jax_suspects import in_program

# Relative to |L| + sum |g z|, the size of the terms of L: what evaluating a network in another order leaves, in float64
# and with parts in a narrower type.
_SAME = {False: 1e-9, True: 1e-2}


@dataclass(frozen=True)
class Site:
    """One normalisation of a model: z = norm(y, gamma, beta, epsilon, *context), and ``suffix(z)`` is the loss.

    ``norm`` is the module's own computation, ``reading`` this package's normaliser, which was compared with it.
    """

    name: str
    norm: Normalization
    reading: Normalization
    y: Float[Array, "*batch channel"]
    z: Float[Array, "*batch channel"]
    gamma: Float[Array, " channel"]
    beta: Float[Array, " channel"]
    epsilon: float
    context: tuple = field(repr=False)
    suffix: Callable[[Array], Array] = field(repr=False)
    running: Running | None = field(repr=False, default=None)
    flax: bool = False
    """Whether the module is Flax's own, which can be differentiated in every way."""


class Sites(dict[str, Measured]):
    """What was measured, by path, in the order of evaluation; ``skipped`` says what looks like a normalisation and is
    not among it, with the reason."""

    skipped: dict[str, str]


def measure_model(
    model: Any, loss: Callable[..., Array], *args: Any, seed: int = 0, sampled: int = 2,
    normalizers: Mapping[type, Normalization] | None = None,
) -> Sites:  # fmt: skip
    """All claims' quantities at every normalisation of an NNX model, by path as in "blocks.0.norm1", in the order of
    evaluation.

    ``loss(model, *args)`` is a scalar. ``sampled`` random vectors a site get Hessian-vector products of their own;
    ``seed`` draws them and the test vectors. ``normalizers`` states what modules of one's own compute: by type, an
    `normalizers.Normalization`; they are called with y, and may have `scale`, `bias` (None for none) and
    `epsilon`. What looks like a normalisation and is not measured is in ``skipped`` of the result, with the reason.
    InputError where there is nothing to cut, or no way to.
    """
    with exact():
        return FlaxCut(model, loss, *args, normalizers=normalizers).measure(seed, sampled)


class FlaxCut:
    """A model with ``sites``, by path; ``loss`` is its value. To be used where float64 is enabled."""

    def __init__(
        self, model: Any, loss: Callable[..., Array], *args: Any,
        normalizers: Mapping[type, Normalization] | None = None,
    ):  # fmt: skip
        own = dict(normalizers or {})
        structure, self._state, copy, copy_args = _doubled(model, args)
        modules = {path: node for path, node in nnx.iter_graph(copy) if isinstance(node, (*KINDS, *own))}
        if not modules:
            raise _nothing(model, in_model(copy, (), own) | in_arguments(copy_args))
        self._evaluate = partial(evaluate, structure, loss)
        records = {path: Record(name_of(path)) for path in modules}
        self.loss, rounded = recorded(self._evaluate, self._state, records, copy)
        self._same, self._rounded = _SAME[rounded], rounded
        refused = {record.name: record.refused for record in records.values() if record.refused is not None}
        if len(refused) == len(records):
            raise next(iter(refused.values()))
        measured = {path: record for path, record in records.items() if record.refused is None}
        self._paths = {record.name: path for path, record in sorted(measured.items(), key=lambda item: item[1].turn)}
        self.sites = {name: self._site(name, modules[path], records[path], own) for name, path in self._paths.items()}
        self.skipped = {name: error.got for name, error in refused.items()}
        self.skipped |= in_model(copy, tuple(modules), own) | in_arguments(copy_args)
        replaced = jax.make_jaxpr(self._replaced)(self._state)
        self.skipped |= in_program(replaced)
        self._widest = max(site.z.size for site in self.sites.values())
        self._gradients = jax.jit(jax.value_and_grad(self._shifted))
        self._hessian = jax.jit(self._curved)

    def _replaced(self, state: Any) -> Array:
        """The loss where every normalisation returns what it returned."""
        return self._evaluate({self._paths[name]: Replace(site.z) for name, site in self.sites.items()}, state)

    def _site(self, name: str, module: Any, record: Record, own: Mapping[type, Normalization]) -> Site:
        y, z = (jnp.asarray(each) for each in record.values[0])
        reading = stated(module, name, y.shape, own)
        structure, context = nnx.split(module)
        layer = ModuleLayer(structure, record.rest, tuple(record.named.items()))
        scale, bias = (parameter(module, each) for each in ("scale", "bias"))
        gamma = jnp.ones(y.shape[-1]) if scale is None else scale[...]
        beta = jnp.zeros(y.shape[-1]) if bias is None else bias[...]
        epsilon = float(getattr(module, "epsilon", 0.0))
        check_cut(Placed(reading, gamma, beta, epsilon), y)
        compare(name, reading, y, z, gamma, beta, epsilon)
        running = running_of(structure, context, layer, y)
        return Site(
            name, reading.computed_by(layer), reading, y, z, gamma, beta, epsilon, (context,),
            partial(self._suffix, name), running, type(module) in KINDS,
        )  # fmt: skip

    def _suffix(self, name: str, z: Array) -> Array:
        return self._evaluate({self._paths[name]: Replace(z)}, self._state)

    def _shifted(self, shifts: Mapping[str, Array], state: Any) -> Array:
        """The loss where every normalisation's output is shifted: its derivatives at 0 are those of the suffixes."""
        return self._evaluate({self._paths[name]: Shift(by) for name, by in shifts.items()}, state)

    def _curved(self, state: Any, number: Array, directions: Float[Array, "k widest"]) -> tuple[Array, Array]:
        """The gradient at one site, and its Hessian along directions there; both flat, padded to the widest site. One
        compiled function serves all sites: compiling costs more than passing through all layers. Hence also as many
        directions everywhere."""
        zero = self._zero()
        names, count = list(zero), jnp.arange(len(zero))
        gradient, tangent = jax.linearize(lambda shifts: jax.grad(self._shifted)(shifts, state), zero)

        def chosen(values):
            flat = (jnp.pad(values[name].reshape(-1), (0, self._widest - values[name].size)) for name in names)
            return jax.lax.switch(number, [partial(lambda each, *_: each, each) for each in flat])

        def along(direction):
            parts = {
                name: jnp.where(number == i, direction[: each.size].reshape(each.shape), 0)
                for i, (name, each) in zip(count, zero.items(), strict=True)
            }
            return chosen(tangent(parts))

        return chosen(gradient), jax.lax.map(along, directions)

    def _zero(self) -> dict[str, Array]:
        return {name: jnp.zeros_like(site.z) for name, site in self.sites.items()}

    def measure(self, seed: int = 0, sampled: int = 2) -> Sites:
        """What `empirical.measure` measures, at all sites."""
        value, gradients = self._gradients(self._zero(), self._state)
        size = sum(float(jnp.abs(g * self.sites[name].z).sum()) for name, g in gradients.items())
        self._expect("the loss", abs(float(value) - self.loss), abs(self.loss) + size)
        again = float(jax.jit(self._replaced)(self._state))
        near = self._same if self._rounded else REPRODUCED["float64"]
        refuse_another_loss(again, self.loss, near * (abs(self.loss) + size), "the model")
        out = Sites(
            {
                name: self._measured(i, site, gradients[name], (seed, i), sampled)
                for i, (name, site) in enumerate(self.sites.items())
            }
        )
        out.skipped = dict(self.skipped)
        return out

    def _measured(self, number: int, site: Site, g: Array, seed: tuple[int, ...], sampled: int) -> Measured:
        picked = chosen(site.norm.columns(site.y).shape[-1], sampled, seed)

        def hessian(z, directions):
            flat = directions.reshape(len(directions), -1)
            most = 1 + 2 * sampled if any(each.reading.second_moment for each in self.sites.values()) else sampled
            flat = jnp.pad(flat, ((0, max(0, most - len(flat))), (0, self._widest - z.size)))
            again, out = (each[..., : z.size] for each in self._hessian(self._state, jnp.asarray(number), flat))
            self._expect(f"the gradient at {site.name}", *(float(jnp.abs(a).max()) for a in (again - g.ravel(), g)))
            return out[: len(directions)].reshape(directions.shape)

        placed = Placed(site.norm, site.gamma, site.beta, site.epsilon, site.context)
        cut = Cut(site.y, placed, gradient=lambda z: g, hessian=hessian, stacked=True, running=site.running)
        known = Layer(site.norm) if site.flax else None
        return measure_cut(cut, seed=seed, sampled=picked, plain_curvature=site.epsilon == 0, layer=known)

    def _expect(self, what: str, difference: float, size: float) -> None:
        if not difference <= self._same * size:
            raise InputError(
                got=f"{what} changes by {difference:.1e} between two evaluations on the same state",
                expected="a loss that is a function of the model and its arguments",
                advice="draw random numbers from streams of the model or of an argument (nnx.Rngs), not from outside",
            )


def float64(tree: Any) -> Any:
    """The same tree (a state, a model's arguments) with floating-point arrays in float64, and complex in complex128."""

    def cast(leaf):
        if not isinstance(leaf, (jax.Array, np.ndarray, np.generic)):
            return leaf
        if jnp.issubdtype(leaf.dtype, jnp.floating):
            return jnp.asarray(leaf, jnp.float64)
        return jnp.asarray(leaf, jnp.complex128) if jnp.issubdtype(leaf.dtype, jnp.complexfloating) else leaf

    return jax.tree.map(cast, tree)


def _doubled(model: Any, args: tuple) -> tuple[Any, Any, Any, Any]:
    """Structure and state of (model, args) in float64, and a copy of the model to read from. An embedding states the
    dtype of its parameters where none is given: it then follows them."""
    structure, state = nnx.split((model, args))
    copy = nnx.merge(structure, float64(state), copy=True)
    for _, node in nnx.iter_graph(copy):
        given = getattr(node, "param_dtype", None)
        if not isinstance(node, nnx.Module) or given is None or not jnp.issubdtype(given, jnp.floating):
            continue
        if isinstance(node, nnx.Embed) and node.dtype == given:
            node.dtype = jnp.float64
        node.param_dtype = jnp.float64  # in which a recurrent cell makes its carry
    return *nnx.split(copy), *copy


def _nothing(model: Any, suspects: Mapping[str, str]) -> InputError:
    """The answer to a model without a normalisation that is known."""
    seen = "; ".join(f"{name}: {reason}" for name, reason in suspects.items())
    if not isinstance(model, nnx.Module):
        return InputError(
            got=f"{type(model).__module__.split('.')[0]} {type(model).__name__}, which is no Flax NNX module",
            expected="a flax.nnx.Module",
            advice="use measure_model of bnverify.empirical.adapters.torch, linen, haiku or equinox, or cut by hand, "
            "as examples/equinox_network.py does",
        )
    return InputError(
        got=f"{type(model).__name__} without a normalisation that is known{f' ({seen})' if seen else ''}",
        expected=f"one of {', '.join(kind.__name__ for kind in KINDS)} somewhere in it",
        advice="pass normalizers={a class of its modules: what it computes}, or measure a suffix of your own",
    )
