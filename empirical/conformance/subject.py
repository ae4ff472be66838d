"""A layer of any framework, as functions of NumPy arrays: the port through which the conformance suite sees it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from bnverify.empirical.conformance.arithmetic import source

GAINS = ("weight", "gamma", "scale", "gain", "g", "w")
SHIFTS = ("bias", "beta", "shift", "offset", "b")
EPSILONS = ("eps", "epsilon", "variance_epsilon", "norm_eps", "layer_norm_epsilon")

# What says in a call whether a layer is in training mode, and its value there.
MODES = {"use_running_average": False, "is_training": True, "training": True, "train": True}


class Unsupported(Exception):
    """The layer cannot be evaluated in this setting; the message says why."""


@dataclass(frozen=True)
class Setting:
    """How a layer is evaluated. ``epsilon``: in place of its own. ``layout``: how y lies in memory ("contiguous",
    "strided", "channels last"); ``gradient_layout``: how g does ("contiguous", "strided", "expanded"). ``way``: one of
    the subject's ways to be called, "" for the usual one."""

    dtype: str = "float64"
    parameter_dtype: str | None = None
    epsilon: float | None = None
    layout: str = "contiguous"
    gradient_layout: str = "contiguous"
    way: str = ""

    @property
    def of_parameters(self) -> str:
        """The dtype of the parameters: that of y unless said otherwise."""
        return self.parameter_dtype or self.dtype


@dataclass(frozen=True)
class Evaluation:
    """What one call gives, in float64 whatever it was computed in: z and, where a gradient g at z was given, the
    gradients v at y and ``slopes`` of the parameters (None where nothing arrives). ``dtype`` is that of z; ``changed``
    names what the layer wrote into although it only reads it."""

    z: np.ndarray
    dtype: str
    v: np.ndarray | None = None
    slopes: Mapping[str, np.ndarray | None] = field(default_factory=dict)
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Second:
    """The gradient of <v, d> with respect to y, to g and to the parameters: what a gradient penalty hands on."""

    y: np.ndarray
    g: np.ndarray
    slopes: Mapping[str, np.ndarray] = field(default_factory=dict)


class Kept:
    """What the last call gave, as a function that reads it now and as a copy: a later call may write into it."""

    def __init__(self) -> None:
        self._kept: list[tuple[Callable[[], np.ndarray], np.ndarray]] = []

    def overwritten(self, *reads: Callable[[], np.ndarray]) -> bool:
        """Whether what was given before has changed; what is read now is kept for the next call."""
        changed = any(not np.array_equal(read(), copy, equal_nan=True) for read, copy in self._kept)
        self._kept = [(read, read()) for read in reads]
        return changed


def changed(
    read: Mapping[str, tuple[Any, Any]], later: bool, same: Callable[[Any, Any], bool] = np.array_equal
) -> tuple[str, ...]:
    """What a layer was given that is not the ``same`` as its copy now, by name; ``later``: nor are the values of an
    earlier call."""
    names = [name for name, (now, before) in read.items() if not same(now, before)]
    return tuple(dict.fromkeys(names + ["the values of an earlier call"] * later))


@dataclass(frozen=True)
class Running:
    """The effect of two training calls on a layer's running statistics, and the layer in inference mode.

    They start from random ones (`drawn_statistic`); the first call is with ``earlier(y)``, the second with y.
    ``start``, ``before`` and ``after`` map a statistic's name to its value before, between and after them; ``infer(y)``
    is the output of the layer in inference mode with those after (None where it has no such mode), ``train(y)`` that in
    training mode, ``back(y, g)`` the gradients at y and of the parameters in inference mode. ``used``: what inference
    uses, where that is not what is kept but a corrected value of it. ``share``: "new" or "old" where the layer's class
    says which of them its momentum is the share of; ``recorded``: whether what is kept has a graph of the calls that
    made it.
    """

    start: Mapping[str, np.ndarray]
    before: Mapping[str, np.ndarray]
    after: Mapping[str, np.ndarray]
    infer: Callable[[np.ndarray], np.ndarray] | None
    train: Callable[[np.ndarray], np.ndarray] | None = None
    momentum: float | None = None
    used: Mapping[str, np.ndarray] | None = None
    back: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, Mapping[str, np.ndarray]]] | None = None
    share: str | None = None
    recorded: bool = False


def modes(function: Callable, given: int = 1, keywords: Mapping[str, Any] = MappingProxyType({})) -> tuple[dict, dict]:
    """What a call takes, besides ``given`` arguments and ``keywords``, in training and in inference mode; nothing where
    the layer has one mode."""
    free = list(inspect.signature(function).parameters)[given:]
    training = {name: value for name, value in MODES.items() if name in free and name not in keywords}
    return training, {name: not value for name, value in training.items()}


def drawn_statistic(name: str, value: np.ndarray, size: float = 1.0) -> np.ndarray:
    """Where a running statistic starts: a random mean or variance, as of values of that size, by its name; what has
    another name as it is."""
    value, generator = np.asarray(value, float), source(12, *name.encode())
    if "var" in last(name):
        return size**2 * generator.uniform(0.5, 2, value.shape)
    return size * generator.standard_normal(value.shape) if "mean" in last(name) else value


def last(name: str) -> str:
    """The name of a variable in its layer, whatever that is called."""
    return name.replace("/", ".").rpartition(".")[2].lower()


def earlier(y: Any) -> Any:
    """The activations of the first of two training calls."""
    return 2 * y + 1


Instance = Callable[..., Evaluation]
"""``(y, parameters, g=None, training=True)``: one layer that keeps what a call leaves in it. Unsupported where it
refuses."""


class Subject(Protocol):
    """A layer that is tested."""

    @property
    def name(self) -> str:
        """What it is called in reports."""

    @property
    def framework(self) -> str:
        """One of `wrap.FRAMEWORKS`."""

    @property
    def parameters(self) -> Mapping[str, np.ndarray]:
        """Its parameters as it was made."""

    @property
    def frozen(self) -> frozenset[str]:
        """Those that an optimizer is not to change."""

    @property
    def epsilon(self) -> float | None:
        """The epsilon that it states."""

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The types that y may have in its framework, the widest first."""

    @property
    def layouts(self) -> tuple[str, ...]:
        """Layouts of y, besides contiguous, that a layer of its framework sees."""

    @property
    def ways(self) -> Mapping[str, str]:
        """Other ways in which its framework calls a layer, each with its title."""

    def evaluate(
        self, y: np.ndarray, parameters: Mapping[str, np.ndarray], g: np.ndarray | None, setting: Setting
    ) -> Evaluation:
        """z, and with g the gradients. Unsupported where the layer refuses."""

    def second(
        self, y: np.ndarray, parameters: Mapping[str, np.ndarray], g: np.ndarray, d: np.ndarray, setting: Setting
    ) -> Second:
        """The gradient of <v, d>. Unsupported where there is none."""

    def running(
        self, y: np.ndarray, parameters: Mapping[str, np.ndarray], setting: Setting, size: float = 1.0
    ) -> Running | None:
        """Two steps of the running statistics from those of values of a size; None where the layer keeps none."""

    def instance(self, setting: Setting) -> Instance | None:
        """A new instance, which is called as users call theirs; None of a function."""

    def resized(self, old: int, new: int) -> Subject | None:
        """The same layer made for another size of what it normalises; None where that is not known."""


def role(name: str) -> str | None:
    """Whether a parameter is called as a gain, a shift or an epsilon is."""
    for names, found in ((GAINS, "gain"), (SHIFTS, "shift"), (EPSILONS, "epsilon")):
        if last(name) in names:
            return found
    return None


@dataclass(frozen=True)
class Arguments:
    """What a plain function takes besides y and what it was given: its array parameters, and its epsilon with the
    default of that (None where it has none that is a number; ``required`` where it has no default at all)."""

    arrays: tuple[str, ...] = ()
    epsilon: str | None = None
    default: float | None = None
    required: bool = False


def arguments_of(function: Callable, given: int, keywords: Mapping[str, Any]) -> Arguments:
    """``given`` arguments follow y; what is left is recognised by its name (`GAINS`, `SHIFTS`, `EPSILONS`), and up to
    three required arguments of other names are gain, shift and epsilon in this order."""
    try:
        listed = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return Arguments()
    positional = [p for p in listed if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    free = [p for p in positional[1 + given :] if p.name not in keywords]
    free += [p for p in listed if p.kind is p.KEYWORD_ONLY and p.name not in keywords]
    arrays: list[str] = []
    found = Arguments()
    for parameter in free:
        required = parameter.default is inspect.Parameter.empty
        kind = role(parameter.name)
        if kind is None and required and len(arrays) < 3:
            kind = ("gain", "shift", "epsilon")[len(arrays)]
        if kind in ("gain", "shift") and (required or parameter.default is None or hasattr(parameter.default, "shape")):
            arrays.append(parameter.name)
        elif kind == "epsilon" and found.epsilon is None:
            number = isinstance(parameter.default, (int, float)) and not isinstance(parameter.default, bool)
            default = float(parameter.default) if number else 1e-5 if required else None
            found = Arguments((), parameter.name, default, required)
    return Arguments(tuple(arrays), found.epsilon, found.default, found.required)
