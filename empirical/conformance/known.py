"""The normalisers that are known by name, as arrangements and scales; and the words for what was recognised."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from bnverify.empirical.conformance.exact import Normaliser, Scale, Vectors
from bnverify.errors import InputError

BASIC = ("batch", "layer", "group", "instance", "rms", "l1", "linf", "l1-uncentred", "l2-uncentred", "linf-uncentred")
VARIANTS = {"unbiased": ("divisor", "m-1"), "sum": ("divisor", "1"), "outside": ("place", "outside"),
            "floor": ("place", "floor")}  # fmt: skip
_SCALES = (
    (True, Scale("l2")), (False, Scale("l2", uncentred=True)), (True, Scale("l1")), (True, Scale("linf")),
    (True, Scale("l1", uncentred=True)), (True, Scale("l2", uncentred=True)), (True, Scale("linf", uncentred=True)),
)  # fmt: skip


def arrangements(shape: tuple[int, ...]) -> Iterator[Vectors]:
    """Every set of axes that can be reduced together, coarse ones last, and every number of groups of channels."""
    rank = len(shape)
    for size in range(1, rank + 1):
        for axes in combinations(range(rank), size):
            yield Vectors(axes)
    for channel in sorted({1, rank - 1} - {0}):
        others = tuple(axis for axis in range(1, rank) if axis != channel)
        for groups in range(2, shape[channel]):
            if shape[channel] % groups == 0:
                yield Vectors(tuple(sorted((*others, channel))), channel, groups)
                if others:
                    yield Vectors((channel,), channel, groups)


def candidates(shape: tuple[int, ...]) -> Iterator[Normaliser]:
    """What a layer of this shape may be, epsilon and divisor apart."""
    for vectors in arrangements(shape):
        for centred, scale in _SCALES:
            yield Normaliser(vectors, centred, scale)


def name_of(normaliser: Normaliser, shape: tuple[int, ...], channel: int, gain_axes: tuple[int, ...] | None) -> str:
    """The name of a normaliser among BASIC (group-G), or "" where its arrangement or its scale has none.

    ``channel`` is the channel axis, ``gain_axes`` those that gamma varies along, which tell a layer norm over the last
    axes from instance norm where both are over the same values."""
    over = _over(normaliser.vectors, len(shape), channel, gain_axes)
    scale = normaliser.scale
    if scale.norm == "l2" and not scale.uncentred and normaliser.centred:
        return over
    if scale.norm == "l2" and scale.uncentred and not normaliser.centred:
        return {"batch": "", "instance": ""}.get(over, "rms" if over == "layer" else "")
    if over == "batch" and normaliser.centred:
        return f"{scale.norm}-uncentred" if scale.uncentred else scale.norm
    return ""


def _over(vectors: Vectors, rank: int, channel: int, gain_axes: tuple[int, ...] | None) -> str:
    axes = set(vectors.axes)
    if vectors.groups > 1:
        known = vectors.grouped == channel and (axes == set(range(1, rank)) or axes == {channel})
        return f"group-{vectors.groups}" if known else ""
    if axes == set(range(rank)) - {channel}:
        return "batch"
    if 0 in axes:
        return ""
    spatial = set(range(1, rank)) - {channel}
    trailing = axes == set(range(min(axes), rank))
    over_layer = trailing or axes == {channel} or axes == set(range(1, rank))
    if axes == spatial:
        own = gain_axes is not None and set(gain_axes) <= axes and gain_axes != ()
        return "layer" if own and trailing else "instance"
    return "layer" if over_layer else ""


def claim(text: str) -> tuple[str, dict[str, str]]:
    """A claimed normaliser, NAME or NAME:variant,variant: its name, and the fields of `Scale` that differ from the
    usual. InputError for unknown ones."""
    name, _, rest = text.partition(":")
    wrong = name not in BASIC and not re.fullmatch(r"group-[1-9]\d*", name)
    variants = [each.strip() for each in rest.split(",") if each.strip()]
    if wrong or any(each not in VARIANTS for each in variants):
        raise InputError(
            got=f"normalizer {text!r}",
            expected=f"one of {', '.join(BASIC)} or group-G, with any of {', '.join(VARIANTS)} after a colon",
            advice="pass e.g. --normalizer layer, or layer:unbiased,outside",
        )
    return name, dict(VARIANTS[each] for each in variants)


def matches(name: str, claimed: str, channels: int) -> bool:
    """Whether a name is the one claimed, of so many channels; "group" stands for every number of groups, also for one,
    which is layer norm, and for one a channel, which is instance norm."""
    if claimed == "group":
        return name.startswith("group-") or name in ("layer", "instance")
    same = {"group-1": "layer", f"group-{channels}": "instance"}
    return name == claimed or name == same.get(claimed)


def with_claim(normaliser: Normaliser, fields: dict[str, str]) -> Normaliser:
    """The normaliser with the claimed variant of its scale."""
    return replace(normaliser, scale=replace(normaliser.scale, **fields))  # type: ignore[arg-type]


def in_words(normaliser: Normaliser, name: str, shape: tuple[int, ...], channel: int) -> str:
    """layer norm over the last axis, epsilon 1e-05 inside the root, biased variance."""
    vectors, scale = normaliser.vectors, normaliser.scale
    titles = {"rms": "RMS norm", "": "a normalisation"}
    title = titles.get(name, f"{name} norm")
    place = _place(vectors, len(shape), channel)
    of = {"l2": "variance", "l1": "mean absolute deviation", "linf": "largest deviation"}[scale.norm]
    if scale.uncentred:
        of = {"l2": "mean square", "l1": "mean absolute value", "linf": "largest absolute value"}[scale.norm]
    divisor = {
        "m": "a biased variance" if of == "variance" else f"the {of}",
        "m-1": f"an unbiased {of}",
        "1": "the sum of squares in place of their mean" if scale.norm == "l2" else f"the sum of what is in the {of}",
    }[scale.divisor]
    epsilon = {
        "inside": f"epsilon {scale.epsilon:.3g} inside the root",
        "outside": f"epsilon {scale.epsilon:.3g} outside the root",
        "floor": f"epsilon {scale.epsilon:.3g} as the least scale",
        "clipped": f"epsilon {scale.epsilon:.3g} as the least {of}",
    }[scale.place]
    if scale.epsilon == 0:
        epsilon = "no epsilon"
    centre = "" if normaliser.centred else ", without centring"
    return f"{title} over {place}{centre if name != 'rms' else ''}, with {epsilon} and {divisor}"


def _place(vectors: Vectors, rank: int, channel: int) -> str:
    axes = set(vectors.axes)
    if vectors.groups > 1:
        rest = " and the positions" if len(axes) > 1 else ""
        return f"{vectors.groups} groups of channels (axis {vectors.grouped}){rest}"
    if axes == set(range(rank)):
        return "the whole batch"
    if axes == set(range(rank)) - {channel}:
        return "samples and positions, channel by channel" if rank > 2 else "the batch, feature by feature"
    if axes == set(range(1, rank)):
        return "each sample" if rank > 2 else "the features of each sample"
    if axes == {rank - 1}:
        return "the last axis"
    if axes == {channel}:
        return f"the channels (axis {channel}), position by position"
    if 0 not in axes and axes == set(range(1, rank)) - {channel}:
        return "the positions of each sample and channel"
    return f"axes {', '.join(map(str, sorted(axes)))}"
