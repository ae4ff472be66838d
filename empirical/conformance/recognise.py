"""Which normaliser a layer is, from its values alone: what its parameters do, what is normalised together, by what."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from bnverify.empirical.conformance.arithmetic import ROUNDOFF, computed_in, relative, source, statistics_in
from bnverify.empirical.conformance.exact import Normaliser, Point, Scale, Vectors
from bnverify.empirical.conformance.known import candidates, claim, matches, name_of
from bnverify.empirical.conformance.measured_scale import SMALL, measured_scale
from bnverify.empirical.conformance.reading import Affine, Reading, base, spread
from bnverify.empirical.conformance.subject import Setting, Subject, role
from bnverify.errors import InputError

# y is made larger by the first of these from which on no epsilon matters, where arrangements are told apart.
LARGE = {"float64": (1e3, 1e6, 1e9, 1e12, 1e15, 1e30, 1e60), "float16": (15.0,)}
_LARGE = (1e3, 1e6, 1e9, 1e12, 1e15)  # in other types
_FITS = 1e-8  # of the square of the values: what is nearer is that normaliser


def recognise(subject: Subject, shape: tuple[int, ...], claimed: str | None, channel: int, setting: Setting) -> Reading:
    """Read a layer; with a claim, as the normaliser of that name that is nearest to it. InputError where its values
    leave nothing to read, as one value a vector does."""
    y = base(shape)
    affine, others = _affine(subject, y, setting)
    name, variant = (None, dict[str, str]()) if claimed is None else claim(claimed)
    reading = Reading(
        subject, y, affine, Normaliser(_whole(shape), True, Scale()), "", channel, setting, claimed, others=others
    )
    if affine.gain_axes and len(affine.gain_axes) == 1 and affine.gain_axes[0] in (1, len(shape) - 1):
        reading = replace(reading, channel=affine.gain_axes[0])
    of_values = computed_in(lambda y: reading.call(y).z, y, setting.dtype)
    precision = statistics_in(lambda y: reading.call(y).z, y, of_values)
    reading = replace(reading, precision=precision, narrow_statistics=precision != of_values)
    large, unit = _settled(reading)
    far = large * y
    fitting = [each for each in candidates(shape) if name is None or _names(each, reading, name)]
    if not fitting:
        raise InputError(
            got=f"normalizer {claimed!r} for activations of shape {shape}",
            expected="an arrangement that this shape has",
            advice="pass a --shape with positions (instance), or with channels that the groups divide (group-G)",
        )
    if not unit.any() and name is None:
        _refuse_network(reading, y)
        raise InputError(
            got=f"{subject.name} with output 0 for random y of shape {shape}",
            expected="several values to normalise together",
            advice="pass a larger --shape, or say what it is with --normalizer",
        )
    if _alone(reading, large):
        raise InputError(
            got=f"{subject.name} that normalises every value of y of shape {shape} by itself",
            expected="several values to normalise together",
            advice="pass a --shape with more values a vector",
        )
    chosen = _told_apart(_nearest(fitting, reading, far, unit), fitting, reading, large)
    measured = measured_scale(replace(reading, normaliser=chosen), large)
    for other in () if measured.usual else _alike(chosen, fitting, reading, far, unit):
        of_other = measured_scale(replace(reading, normaliser=other), large)
        rounding = 4 * (measured.residual + ROUNDOFF[reading.precision])  # in narrow types much may be explained by it
        if of_other.usual and of_other.residual <= rounding:
            chosen, measured = other, of_other
            break
    if claimed is None and measured.understood and _undecided(chosen, measured.scale, shape):
        raise InputError(
            got=f"{subject.name} with vectors of two values, which every norm divides by the same, and epsilon outside",
            expected="three values a vector or more",
            advice="pass a larger --shape, or say what it is with --normalizer",
        )
    called, channel = next(iter(_names(chosen, reading, name)), ("", reading.channel))
    reading = replace(reading, normaliser=chosen, name=called, channel=channel)
    scale = measured.scale
    known = scale if measured.understood else None
    if known is None or claimed is not None:
        # A claim states the scale; what it does not state, epsilon, is what the layer states or what was found.
        found = 1e-5 if known is None else known.epsilon
        epsilon = found if subject.epsilon is None else subject.epsilon
        place = "inside" if chosen.scale.norm == "l2" else "outside"
        fields: dict[str, Any] = {"place": place, "epsilon": epsilon, **variant}
        if known is not None and known.flat and fields["place"] == "floor":
            fields["place"] = known.place
        scale = replace(chosen.scale, **fields)
    elif subject.epsilon is not None and (
        abs(scale.epsilon - subject.epsilon) <= measured.of_epsilon * subject.epsilon
        if scale.epsilon
        else subject.epsilon < measured.visible
    ):
        scale = replace(scale, epsilon=subject.epsilon)  # as far as it is seen, what the layer states is right
    reading = replace(reading, normaliser=replace(chosen, scale=scale), found=known)
    return replace(
        reading, found_residual=measured.residual, found_tolerance=measured.allowed,
        epsilon_tolerance=measured.of_epsilon, visible=measured.visible, divisors=measured.divisors,
    )  # fmt: skip


def _refuse_network(reading: Reading, y: np.ndarray) -> None:
    """InputError for a module of several layers: a weight of another one is taken for gamma."""
    first, second = (
        reading.subject.evaluate(at, reading.subject.parameters, None, reading.setting).z
        for at in (y, base(y.shape, 1))
    )
    if np.ptp(first - second) > 1e-6 * np.abs(first).max():
        raise InputError(
            got=f"{reading.subject.name}, which depends on y, and not where {reading.affine.gain} is 1",
            expected="a normalization alone, whose gamma multiplies the normalised values",
            advice="name the normalization itself; one inside of a network is measured by measure_model",
        )


def _whole(shape: tuple[int, ...]) -> Vectors:
    return Vectors(tuple(range(len(shape))))


def _names(normaliser: Normaliser, reading: Reading, claimed: str | None = None) -> list[tuple[str, int]]:
    """What a normaliser is called, and with which axis for that of the channels: that of gamma or, where there is none
    to tell, the usual one and then the other; with a claim, only what meets it."""
    shape, axes = reading.y.shape, reading.affine.gain_axes
    channels = {reading.channel: axes}
    if reading.affine.gain is None and len(shape) > 2:
        channels |= {channel: None for channel in (1, len(shape) - 1) if channel != reading.channel}
    named = [(name_of(normaliser, shape, channel, own), channel) for channel, own in channels.items()]
    return [
        (name, channel)
        for name, channel in named
        if name and (claimed is None or matches(name, claimed, shape[channel]))
    ]


def _affine(subject: Subject, y: np.ndarray, setting: Setting) -> tuple[Affine, dict[str, np.ndarray]]:
    """What the parameters do: by name what they are for, by trying them how they act."""
    initial = {name: np.array(value, float) for name, value in subject.parameters.items()}
    roles = {kind: [n for n in initial if role(n) == kind] for kind in ("gain", "shift")}
    unnamed = [n for n in initial if role(n) is None]

    def call(**values) -> np.ndarray:
        return subject.evaluate(y, initial | values, None, setting).z

    for name in unnamed:
        by = source(3).uniform(0.5, 1.5, initial[name].shape)
        moved = initial | {name: initial[name] + by}
        first, second = (
            subject.evaluate(at, moved, None, setting).z - subject.evaluate(at, initial, None, setting).z
            for at in (y, -2 * y)
        )
        kind = "shift" if relative(first - second, np.abs(first).max()) < 1e-3 else "gain"
        if first.any() and not roles[kind]:
            roles[kind].append(name)
    gain, shift = (roles[kind][0] if roles[kind] else None for kind in ("gain", "shift"))
    others = {n: v for n, v in initial.items() if n not in (gain, shift)}
    zero = {} if shift is None else {shift: 0 * initial[shift]}
    affine = Affine(gain, shift)
    if gain is not None:
        at_zero, at_one = (call(**zero, **{gain: 0 * initial[gain] + value}) for value in (0.0, 1.0))
        unit, size = at_one - at_zero, np.abs(at_one).max()
        near = 1e-3 * size  # a gain that is ignored, or counted from 1, differs by more
        offset = float("nan")
        if np.abs(unit).max() > near:
            ratio = float((at_zero * unit).sum() / np.square(unit).sum())
            offset = float(round(ratio)) if abs(ratio - round(ratio)) < 1e-2 else float("nan")
        values = source(4).uniform(0.5, 1.5, initial[gain].shape)
        affine = replace(
            affine, offset=offset, gain_axes=_axes(values, call(**zero, **{gain: values}) - at_zero, y.shape, unit)
        )
    if shift is not None:
        values = source(5).uniform(0.5, 1.5, initial[shift].shape)
        moved = call(**{shift: values}) - call(**zero)
        affine = replace(affine, shift_axes=_axes(values, moved, y.shape, np.ones(y.shape)))
    if gain is None and "layer" in subject.name.lower():  # where its channels are, only its name tells
        affine = replace(affine, gain_axes=(y.ndim - 1,))
    return affine, others


def _axes(values: np.ndarray, seen: np.ndarray, shape: tuple[int, ...], unit: np.ndarray) -> tuple[int, ...] | None:
    """The axes along which a parameter's values act, of all that have its sizes; the nearest, where none fits."""
    sizes = [n for n in values.shape if n > 1]
    fits = [
        axes for axes in combinations(range(len(shape)), len(sizes)) if [shape[a] for a in axes] == sizes
    ]  # fmt: skip
    if not fits or not np.isfinite(seen).all():
        return None
    return min(fits, key=lambda axes: float(np.abs(seen - spread(values, axes, len(shape)) * unit).sum()))


def _nearest(fitting: list[Normaliser], reading: Reading, y: np.ndarray, unit: np.ndarray) -> Normaliser:
    """The candidate whose yhat is nearest to the layer's up to a factor; a name, then the plainest scale, where several
    are as near as rounding lets one see. They are tried in this order, and the first that fits ends the search."""
    size = float(np.square(unit).sum())
    rounding = _rounding(reading, size)
    order = sorted(range(len(fitting)), key=lambda i: (*_rank(fitting[i], reading), i))
    distances = {}
    for i in order:
        distances[i] = _distance(fitting[i], y, unit)
        if distances[i] <= rounding <= _FITS * size:
            return fitting[i]
    nearest = min(distances.values())
    if nearest > _FITS * size:  # nothing fits: the nearest of the usual ones is a better name than a rare one
        usual = [i for i in sorted(order) if fitting[i].scale.norm == "l2" and _named(fitting[i], reading)]
        return fitting[min(usual or sorted(order), key=lambda i: distances[i])]
    return fitting[next(i for i in order if distances[i] <= nearest + rounding)]


def _settled(reading: Reading) -> tuple[float, np.ndarray]:
    """How much larger y is where no epsilon matters: where twice as much has the same values; and these values. Where
    none has, as large as is usual."""
    found: list[tuple[float, np.ndarray]] = []
    with np.errstate(all="ignore"):
        for size in LARGE.get(reading.precision, _LARGE):
            once, twice = (reading.call(factor * size * reading.y).z for factor in (1.0, 2.0))
            if not np.isfinite(twice).all():
                break
            found.append((2 * size, twice))
            if np.square(twice - once).sum() <= _rounding(reading, float(np.square(twice).sum())):
                return found[-1]
    return found[0] if found else (1.0, np.nan_to_num(reading.call(reading.y).z))


def _alone(reading: Reading, large: float) -> bool:
    """Whether z = y / sqrt(y^2 + epsilon) or y / (|y| + epsilon) of every value by itself, with one epsilon from 0 on.
    Where no epsilon matters, these are signs; of values about their mean some are above 0 where all of y are below."""
    found: dict[float, list[np.ndarray]] = {1.0: [], 2.0: []}
    for y in (-large * np.abs(reading.y), *(size * reading.y for size in (large, *SMALL))):
        z = reading.call(y).z
        if not (z * np.sign(y) > 0).all() or np.abs(z).max() > 1 + 1e-2:
            return False
        for power, epsilons in found.items():
            beyond = np.abs(z) ** -power - 1  # epsilon / |y|^power
            seen = beyond > 1e3 * ROUNDOFF[reading.precision]
            epsilons.append(beyond[seen] * np.abs(y[seen]) ** power)
    joined = [np.concatenate(each) for each in found.values()]
    return any(np.allclose(each, np.median(each) if each.size else 0, rtol=1e-2, atol=0) for each in joined)


def _undecided(normaliser: Normaliser, scale: Scale, shape: tuple[int, ...]) -> bool:
    """Whether it is a wrong l2 or a right l1 or linf norm: two values about their mean are of one size."""
    l2_with_the_epsilon_of_l1 = scale.norm == "l2" and scale.place == "outside" and scale.epsilon > 0
    return normaliser.centred and normaliser.vectors.size(shape) == 2 and l2_with_the_epsilon_of_l1


def _rounding(reading: Reading, size: float) -> float:
    """What rounding leaves of the square of a distance."""
    return (1e3 * ROUNDOFF[reading.precision]) ** 2 * size + 1e-13 * size


def _told_apart(chosen: Normaliser, fitting: list[Normaliser], reading: Reading, large: float) -> Normaliser:
    """Of the arrangements that are one on this shape, as batch and instance norm are of one sample, the one that the
    layer has where an axis of size 1 has two; as it was chosen where it is called with no other size."""
    shape, axes = reading.y.shape, set(chosen.vectors.axes)
    same = [
        each for each in fitting
        if (each.centred, each.scale, each.vectors.groups) == (chosen.centred, chosen.scale, chosen.vectors.groups)
        and all(shape[axis] == 1 for axis in axes ^ set(each.vectors.axes))
    ]  # fmt: skip
    for axis in (axis for axis, size in enumerate(shape) if size == 1 and len(same) > 1):
        y = large * base(tuple(2 if each == axis else size for each, size in enumerate(shape)))
        try:
            unit = reading.call(y).z
        except Exception:  # it is made for one size, and says so in its framework's way
            continue
        distances = [_distance(each, y, unit) for each in same]
        if unit.shape == y.shape and min(distances) <= _FITS * np.square(unit).sum():
            nearest = same[int(np.argmin(distances))]
            same = [each for each in same if (axis in each.vectors.axes) == (axis in nearest.vectors.axes)]
    return chosen if chosen in same else min(same, key=lambda each: _rank(each, reading))


def _alike(
    chosen: Normaliser, fitting: list[Normaliser], reading: Reading, y: np.ndarray, unit: np.ndarray
) -> list[Normaliser]:
    """The other scales of the same vectors that are as near up to a factor: of one vector every norm is a multiple of
    every other, and of three values the l1 norm of the linf norm."""
    most = _rounding(reading, float(np.square(unit).sum()))
    same = [each for each in fitting if (each.vectors, each.centred) == (chosen.vectors, chosen.centred)]
    near = [each for each in same if each != chosen and _distance(each, y, unit) <= most]
    return sorted(near, key=lambda each: _rank(each, reading))


def _rank(normaliser: Normaliser, reading: Reading) -> tuple[bool, ...]:
    """How far a normaliser is from having a name, with the usual axis of channels, and the usual scale; less is
    nearer."""
    alone, channels = normaliser.vectors.size(reading.y.shape) == 1, [axis for _, axis in _names(normaliser, reading)]
    named = not channels, reading.channel not in channels
    return *named, alone, normaliser.scale.norm != "l2", normaliser.scale.uncentred


def _distance(normaliser: Normaliser, y: np.ndarray, unit: np.ndarray) -> float:
    """The square of what a multiple of yhat leaves of the layer's values."""
    with np.errstate(all="ignore"):
        point = Point(normaliser, y)
        reference = np.nan_to_num(point.restore(point.yhat))
        factor = (reference * unit).sum() / max(np.square(reference).sum(), np.finfo(float).tiny)
    return float(np.square(unit - factor * reference).sum())


def _named(normaliser: Normaliser, reading: Reading) -> bool:
    return bool(_names(normaliser, reading))
