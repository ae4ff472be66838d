"""From a layer as users have it to a subject: of which framework it is, made where it is a class, called its way."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from bnverify.empirical.conformance.arithmetic import relative
from bnverify.empirical.conformance.imported import frameworks
from bnverify.empirical.conformance.reading import base
from bnverify.empirical.conformance.subject import Arguments, Setting, Subject, Unsupported, arguments_of
from bnverify.errors import InputError, users

FRAMEWORKS = ("torch", "jax", "nnx", "linen", "equinox", "haiku", "keras", "numpy")


def subject_of(
    layer: Any, args: tuple, keywords: Mapping[str, Any], shape: tuple[int, ...], *, framework: str | None = None,
    backward: Callable | None = None, name: str | None = None,
) -> Subject:  # fmt: skip
    """The subject of a module, a class, a function or a pair of NumPy functions."""
    if not callable(layer):
        raise InputError(
            got=f"{layer!r}, which cannot be called",
            expected="a module, a class or a function of y", advice="name the layer itself: module:attribute",
        )  # fmt: skip
    if framework is not None and framework not in FRAMEWORKS:
        raise InputError(
            got=f"framework {framework!r}",
            expected=f"one of {', '.join(FRAMEWORKS)}",
            advice="leave it out, or name one",
        )
    name = name or _name(layer, args, keywords)
    kinds = (framework,) if framework else ("numpy",) if backward is not None else frameworks(layer)
    if len(kinds) > 1:
        return _tried(name, layer, args, keywords, shape, kinds)
    kind = kinds[0]
    made, again = (layer, None) if kind == "haiku" else _made(layer, args, keywords, shape, kind)
    with users(
        f"{name}, copied and made ready for y of shape {shape}",
        expected="a layer of one array, whose parameters have values",
        advice="pass the --shape and --args that it is made for; call a lazy layer once, move one off the meta device",
    ):  # fmt: skip
        if kind == "haiku":
            from bnverify.empirical.conformance.haiku_layer import haiku_layer

            return haiku_layer(name, layer, args, keywords, shape)
        module = _module(name, made, shape, kind, again)
    if module is not None:
        return module
    return _function(name, made, () if made is not layer else args, keywords, shape, kind, backward)


def _module(name: str, made: Any, shape: tuple[int, ...], kind: str, again: Any) -> Subject | None:
    """The subject of a module; None of what is none."""
    if kind == "torch":
        from bnverify.empirical.conformance import torch_layer

        return torch_layer.TorchModule(name, made, again) if isinstance(made, torch_layer.torch.nn.Module) else None
    if kind in ("nnx", "linen"):
        from bnverify.empirical.conformance import flax_layer

        return flax_layer.flax_layer(name, made, shape, again) if flax_layer.is_module(made) else None
    if kind == "equinox":
        from bnverify.empirical.conformance import equinox_layer

        return equinox_layer.equinox_layer(name, made, shape, again) if equinox_layer.is_module(made) else None
    if kind == "keras":
        from bnverify.empirical.conformance import keras_layer

        return keras_layer.keras_layer(name, made, shape, again) if keras_layer.is_module(made) else None
    return None


def _tried(
    name: str, function: Callable, args: tuple, keywords: Mapping[str, Any], shape: tuple[int, ...],
    kinds: tuple[str, ...],
) -> Subject:  # fmt: skip
    """A function whose file imports several frameworks, as a function of the first that it can be called with.
    InputError where others give other values: a variance of PyTorch is another than one of NumPy."""
    subjects: dict[str, Subject] = {}
    refusals: list[InputError] = []
    for kind in kinds:
        try:
            subjects[kind] = _function(name, function, args, keywords, shape, kind, None)
        except InputError as error:
            refusals.append(error)
    if not subjects:
        raise InputError(
            got="; ".join(error.got for error in refusals), expected=refusals[0].expected, advice=refusals[0].advice
        )
    values = [
        each.evaluate(base(shape), each.parameters, None, Setting(each.dtypes[0])).z for each in subjects.values()
    ]
    if any(relative(z - values[0], np.abs(values[0]).max()) > 1e-4 for z in values[1:]):
        *most, last = subjects
        raise InputError(
            got=f"{name}, whose values differ between {', '.join(most)} and {last}",
            expected="a function of one framework", advice=f"pass --framework {' or '.join(subjects)}",
        )  # fmt: skip
    return next(iter(subjects.values()))


def _name(layer: Any, args: tuple, keywords: Mapping[str, Any]) -> str:
    if not (inspect.isclass(layer) or hasattr(layer, "__name__")):
        return type(layer).__name__
    name = getattr(layer, "__qualname__", getattr(layer, "__name__", repr(layer)))
    given = ", ".join([*map(str, args), *(f"{key}={value}" for key, value in keywords.items())])
    return f"{name.rsplit('<locals>.', 1)[-1]}({given})" if given else name


def _made(layer: Any, args: tuple, keywords: Mapping[str, Any], shape: tuple[int, ...], kind: str):
    """An instance, and how to make one of another size; what is no class to be made stays as it is."""
    if not inspect.isclass(layer):
        return layer, None
    if kind == "torch" and hasattr(layer, "apply") and hasattr(layer, "backward"):
        return layer, None  # torch.autograd.Function

    def make(values: tuple, named: Mapping[str, Any]) -> Any:
        extra = dict(named)
        try:
            taken = set(inspect.signature(layer.__init__).parameters)
        except (TypeError, ValueError):
            taken = set()
        if "rngs" in taken and "rngs" not in extra:
            from flax import nnx

            extra["rngs"] = nnx.Rngs(0)
        if "key" in taken and "key" not in extra and kind == "equinox":
            import jax

            extra["key"] = jax.random.key(0)
        return layer(*values, **extra)

    with users(
        _name(layer, args, keywords), expected="arguments that the class can be made with",
        advice="pass them with --args, as in Python: --args '8, eps=1e-3'",
    ):  # fmt: skip
        made = make(args, keywords)

    def again(old: int, new: int) -> Subject | None:
        values = tuple(_replaced(value, old, new) for value in args)
        named = {key: _replaced(value, old, new) for key, value in keywords.items()}
        if (values, named) == (args, dict(keywords)):
            return None
        small = tuple(new if size == old else size for size in shape)
        try:
            return subject_of(layer, values, named, small, framework=kind)
        except Exception:
            return None

    return made, again


def _replaced(value: Any, old: int, new: int) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(_replaced(each, old, new) for each in value)
    return new if type(value) is int and value == old else value


def _function(
    name: str, function: Callable, args: tuple, keywords: Mapping[str, Any], shape: tuple[int, ...], kind: str,
    backward: Callable | None,
) -> Subject:  # fmt: skip
    """A plain function of y: its parameters' shape is the first that it takes."""
    listed = getattr(function, "forward", function) if inspect.isclass(function) else function
    skipped = 1 if inspect.isclass(function) else 0  # the context of torch.autograd.Function
    taken = arguments_of(listed, len(args) + skipped, keywords)
    call = getattr(function, "apply") if inspect.isclass(function) else function  # noqa: B009
    positional = inspect.isclass(function)

    def again(old: int, new: int) -> Subject | None:
        small, values = (tuple(_replaced(value, old, new) for value in each) for each in (shape, args))
        named = {key: _replaced(value, old, new) for key, value in keywords.items()}
        try:
            return _function(name, function, values, named, small, kind, backward)
        except InputError:
            return None

    reasons = []
    for each in _shapes(shape, kind):
        parameters = {key: _initial(key, each) for key in taken.arrays}
        subject = _bound(name, call, args, keywords, taken, parameters, kind, backward, positional, again)
        for dtype in ("float64", "float32"):
            try:
                subject.evaluate(np.zeros(shape) + np.arange(shape[-1]), parameters, None, Setting(dtype))
                return subject
            except Unsupported as error:
                reasons.append(str(error))
        if not taken.arrays:
            break
    raise InputError(
        got=f"{name}, which cannot be called with y of shape {shape} in {kind}: {reasons[0]}",
        expected="a function of y, with gamma, beta and epsilon where it has them",
        advice="pass what else it wants with --args, wrap it in a function of y, or name its --framework",
    )


def _shapes(shape: tuple[int, ...], kind: str) -> Iterator[tuple[int, ...]]:
    channel = 1 if kind == "torch" else -1
    seen = []
    for each in ((shape[channel],), (shape[-1],), (shape[1],), shape[1:], shape[2:], (1,)):
        if each and each not in seen:
            seen.append(each)
            yield each


def _initial(name: str, shape: tuple[int, ...]) -> np.ndarray:
    from bnverify.empirical.conformance.subject import role

    return np.zeros(shape) if role(name) == "shift" else np.ones(shape)


def _bound(
    name: str, call: Callable, args: tuple, keywords: Mapping[str, Any], taken: Arguments,
    parameters: Mapping[str, np.ndarray], kind: str, backward: Callable | None, positional: bool,
    again: Callable[[int, int], Subject | None],
) -> Subject:  # fmt: skip
    def of(y: Any, arrays: Mapping[str, Any], epsilon: float | None, training: bool = True) -> Any:
        named = dict(arrays)
        value = epsilon if epsilon is not None else taken.default
        if taken.epsilon is not None and value is not None:
            named[taken.epsilon] = value
        if positional:
            return call(y, *args, *named.values(), *keywords.values())
        return call(y, *args, **named, **keywords)

    settable = taken.epsilon is not None
    if kind == "torch":
        from bnverify.empirical.conformance.torch_layer import TorchLayer

        return TorchLayer(name, of, parameters, taken.default, again, settable)
    if kind == "numpy":
        from bnverify.empirical.conformance.numpy_layer import NumpyLayer

        return NumpyLayer(name, of, backward, args, keywords, taken, parameters, again)
    from bnverify.empirical.conformance.jax_layer import JaxLayer

    if kind == "keras":
        from bnverify.empirical.conformance import keras_layer

        keras_layer.on_jax()
    framework = kind if kind == "keras" else "jax"
    return JaxLayer(name, of, parameters, taken.default, settable=settable, again=again, framework=framework)
