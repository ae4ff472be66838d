"""Which normaliser a layer is, from its values alone: what its parameters do, what is normalised together, by what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from bnverify.empirical.conformance.arithmetic import ROUNDOFF, computed_in, relative, source, tolerance
from bnverify.empirical.conformance.exact import Normaliser, Point, Scale, Vectors
from bnverify.empirical.conformance.known import candidates, claim, matches, name_of
from bnverify.empirical.conformance.subject import Evaluation, Setting, Subject, role
from bnverify.errors import InputError

# y is made larger by the first of these from which on no epsilon matters, where arrangements are told apart.
LARGE = {"float64": (1e3, 1e6, 1e9, 1e12, 1e15, 1e30, 1e60), "float16": (15.0,)}
_LARGE = (1e3, 1e6, 1e9, 1e12, 1e15)  # in other types
# y is made smaller by these where the scale is told from its epsilon.
SMALL = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 1e-14)
# and by these where the type has their squares, so that an epsilon is measured where it dominates
SMALLER = {"float64": (1e-30, 1e-60, 1e-120), "float32": (1e-17,), "bfloat16": (1e-17,)}
_FITS = 1e-8  # of the square of the values: what is nearer is that normaliser


@dataclass(frozen=True)
class Affine:
    """What follows yhat: z = (offset + gain) yhat + shift. ``axes`` are those of y along which a parameter varies, None
    where it does not act as one number an entry; ``offset`` is NaN where the gain is ignored or acts otherwise."""

    gain: str | None = None
    shift: str | None = None
    gain_axes: tuple[int, ...] | None = None
    shift_axes: tuple[int, ...] | None = None
    offset: float = 0.0

    @property
    def parameters(self) -> tuple[tuple[str, str, tuple[int, ...] | None], ...]:
        """Those that the layer has: "gain" or "shift", its name, its axes."""
        both = (("gain", self.gain, self.gain_axes), ("shift", self.shift, self.shift_axes))
        return tuple((kind, name, axes) for kind, name, axes in both if name is not None)


@dataclass(frozen=True)
class Reading:
    """A layer as it was read, with what all checks need: y, parameters, and how to call it."""

    subject: Subject
    y: np.ndarray
    affine: Affine
    normaliser: Normaliser
    name: str
    channel: int
    setting: Setting
    claimed: str | None = None
    precision: str = "float64"
    found: Scale | None = None
    found_residual: float = float("nan")
    found_tolerance: float = float("nan")
    epsilon_tolerance: float = float("nan")
    visible: float = 0.0
    others: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def m(self) -> int:
        """Values of a vector."""
        return self.normaliser.vectors.size(self.y.shape)

    def parameters(self, gain: np.ndarray | float = 1.0, shift: np.ndarray | float = 0.0) -> dict[str, np.ndarray]:
        """The layer's parameters where gamma and beta are the given; gamma is what yhat is multiplied by."""
        out = dict(self.others)
        for name, value in ((self.affine.gain, np.asarray(gain) - self._offset), (self.affine.shift, shift)):
            if name is not None:
                out[name] = np.array(np.broadcast_to(value, self.subject.parameters[name].shape), float)
        return out

    @property
    def _offset(self) -> float:
        return self.affine.offset if np.isfinite(self.affine.offset) else 0.0

    def drawn(self, seed: int = 0) -> tuple[np.ndarray | float, np.ndarray | float]:
        """A random gamma of both signs away from zero, and a random beta; 1 and 0 where there is no parameter."""
        random = source(2, seed)
        gain: np.ndarray | float = 1.0
        shift: np.ndarray | float = 0.0
        if self.affine.gain is not None:
            shape = self.subject.parameters[self.affine.gain].shape
            gain = random.uniform(0.5, 1.5, shape) * random.choice([-1.0, 1.0, 1.0], shape)
        if self.affine.shift is not None:
            shift = random.standard_normal(self.subject.parameters[self.affine.shift].shape)
        return gain, shift

    def spread(self, values: np.ndarray | float, axes: tuple[int, ...] | None) -> np.ndarray:
        """Parameter values as an array that broadcasts against y."""
        values = np.asarray(values, float)
        if axes is None and values.size > 1:  # it acts otherwise: nothing is equal to what it should do
            return np.full((1,) * self.y.ndim, np.nan)
        return spread(values, axes or (), self.y.ndim)

    def point(self, y: np.ndarray | None = None) -> Point:
        """The exact normaliser at y."""
        return self.normaliser.at(self.y if y is None else y)

    def call(
        self, y: np.ndarray, gain: np.ndarray | float = 1.0, shift: np.ndarray | float = 0.0,
        g: np.ndarray | None = None, **setting,
    ) -> Evaluation:  # fmt: skip
        """The layer itself, with gamma and beta."""
        return self.subject.evaluate(y, self.parameters(gain, shift), g, replace(self.setting, **setting))


def spread(values: np.ndarray, axes: tuple[int, ...], rank: int) -> np.ndarray:
    """A parameter whose sizes other than one lie along ``axes`` of an array of that rank."""
    shape = [1] * rank
    if values.size == 1:
        return values.reshape(shape)
    for axis, size in zip(axes, [n for n in values.shape if n > 1], strict=True):
        shape[axis] = size
    return values.reshape(shape)


def base(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """y with means, and deviations that differ by sample and by channel."""
    random = source(0, seed)
    y = random.standard_normal(shape)
    for axis in range(len(shape)):
        factors = [1] * len(shape)
        factors[axis] = shape[axis]
        y = y * random.uniform(0.6, 1.6, factors) + 0.4 * random.standard_normal(factors)
    return y


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
    precision = computed_in(lambda y: reading.call(y).z, y, setting.dtype)
    reading = replace(reading, precision=precision)
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
    measured = _scale(replace(reading, normaliser=chosen), large)
    for other in () if measured.usual else _alike(chosen, fitting, reading, far, unit):
        of_other = _scale(replace(reading, normaliser=other), large)
        if of_other.usual:
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
        epsilon_tolerance=measured.of_epsilon, visible=measured.visible,
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


class MeasuredScale(NamedTuple):
    """The scale as the values show it: the residual relative to s, how much of it rounding explains, how much of
    epsilon, and the least epsilon that its precision shows."""

    scale: Scale
    residual: float
    allowed: float
    of_epsilon: float
    visible: float

    @property
    def understood(self) -> bool:
        """Whether rounding explains what is left."""
        return self.residual <= self.allowed

    @property
    def usual(self) -> bool:
        """Whether it is also a mean."""
        return self.understood and self.scale.divisor == "m"


def _scale(reading: Reading, large: float) -> MeasuredScale:
    """Divisor, place and size of epsilon from how the scale changes as y gets small, from where no epsilon matters."""
    ratios, spans = [], []
    sizes = (large, *(SMALL if reading.precision != "float16" else SMALL[:3]))  # smaller ones it has not
    for t in (*sizes, *SMALLER.get(reading.precision, ())):
        point = reading.point(t * reading.y)
        with np.errstate(all="ignore"):
            unit = point.columns(reading.call(t * reading.y).z)
            centred = point.y - point.mu
            s = np.square(centred).sum(0) / (unit * centred).sum(0)
        if t < min(sizes) and not (np.isfinite(s).all() and (s > 0).all()):
            break
        ratios.append((np.asarray(point.root, float), np.asarray(s, float)))
        spans.append(relative(point.y, np.asarray(point.root, float)))
    if not all(np.isfinite(s).all() and (s > 0).all() for _, s in ratios):
        return MeasuredScale(reading.normaliser.scale, float("inf"), 0.0, 0.0, 0.0)
    roots, scales = (np.stack(each) for each in zip(*ratios, strict=True))
    found = []
    base_scale, m = reading.normaliser.scale, reading.m
    allowed = tolerance(ROUNDOFF[reading.precision], m) * (1 + max(spans)) ** 2
    for divisor in ("m", "m-1", "1"):
        factor = float(replace(base_scale, divisor=divisor).factor(m))
        root = roots * (np.sqrt(factor) if base_scale.norm == "l2" else factor)
        places = ("inside", "outside", "floor") if base_scale.norm == "l2" else ("outside", "floor")
        for place in places:
            epsilon = _epsilon(root[-1], scales[-1], place, 10 * allowed)
            scale = replace(base_scale, divisor=divisor, place=place, epsilon=epsilon)
            residual = float(np.abs(np.asarray(scale.of(root), float) / scales - 1).max())
            found.append((residual, _as_stated(scale, reading.subject.epsilon)))
    plain = [each for each in found if each[0] <= allowed]
    residual, scale = plain[0] if plain else min(found, key=lambda each: each[0])
    small = float(np.median(scales[-1] ** scale.power))
    share = small / scale.epsilon if scale.epsilon else 1.0
    visible = 10 * allowed * small
    return MeasuredScale(scale, residual, allowed, allowed * max(1.0, share), visible)


def _as_stated(scale: Scale, epsilon: float | None) -> Scale:
    """The least scale as the least of its square, the variance, where what the layer states is nearer to that."""
    if scale.norm != "l2" or scale.place != "floor" or not epsilon or not scale.epsilon:
        return scale
    of_root, of_square = (abs(np.log(scale.epsilon**power / epsilon)) for power in (1, 2))
    return replace(scale, place="clipped", epsilon=scale.epsilon**2) if of_square < of_root else scale


def _epsilon(root: np.ndarray, s: np.ndarray, place: str, least: float) -> float:
    """The epsilon that explains the scale of very small vectors; 0 where it is below ``least`` of that scale."""
    if place == "inside":
        epsilon, size = float(np.median(s**2 - root**2)), float(np.median(s**2))
    else:
        epsilon, size = float(np.median(s - root) if place == "outside" else np.min(s)), float(np.median(s))
    return epsilon if epsilon > least * size else 0.0
