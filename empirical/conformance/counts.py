"""Other numbers of samples and of channels than a layer was given: one, few, odd, more than a grid has threads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from bnverify.empirical.conformance.arithmetic import ROUNDOFF, relative, rounded, source
from bnverify.empirical.conformance.case import Case
from bnverify.empirical.conformance.reading import base
from bnverify.empirical.conformance.regimes import Made, told, tried, with_
from bnverify.empirical.conformance.report import OTHER_NUMBERS, UNTESTED, VIOLATED, Finding, untested
from bnverify.empirical.conformance.subject import Unsupported

_MOST = 2**16  # values of y at another batch size
_BLOCKS = (1025, 257)  # one more than the threads of a block, at most and as is usual
_ROWS, _VALUES = 2**16, 2**19 + 2**16  # samples, more than a grid's threads on one side; values of y at most then
_FEW = 33  # of them that differ
_CHANNELS, _WIDE = (1, 4097), 2**17 + 2**15  # numbers of channels, and values of y at most then


def findings(case: Case) -> Iterator[Finding]:
    """All of them."""
    sizes = [
        tried(case, f"batch.{size}", f"a batch of {size}", partial(_resized, size=size), True) for size in _sizes(case)
    ]
    yield from sizes
    if len(sizes) > 1 and len(case.y) > 1 and all(each.verdict == UNTESTED for each in sizes) and not _varies(case, 0):
        twice = 2 * len(case.y)  # of a layer that cuts its samples into groups; one of a single sample may be mapped
        other = tried(case, f"batch.{twice}", f"a batch of {twice}", partial(_resized, size=twice), True)
        yield other
        if other.verdict == UNTESTED:
            tried_ = ", ".join(f"{size:,}" for size in (*_sizes(case), twice))
            why = f"it refuses {tried_} samples, as a layer does that keeps the number it was first called with"
            yield untested(OTHER_NUMBERS, "any other number of samples", why)
    yield _many(case)
    for number in _CHANNELS:
        if number != case.y.shape[case.reading.channel]:
            yield _rechannelled(case, number)


def _sizes(case: Case) -> list[int]:
    """Batches of one, few, an odd number and many; not those that leave one value a vector or more than is needed."""
    batch, per = len(case.y), case.y[0].size
    over_batch = 0 in case.reading.normaliser.vectors.axes
    largest = next((n for n in _BLOCKS if n * per <= _MOST), 0)
    square = case.y.shape[1] if case.y.ndim == 2 else 0
    sizes = [n for n in (1, 2, 3, square, 2 * batch + 1, largest) if 0 < n != batch and n * per <= _MOST]
    least = 2 * len(case.y) / case.reading.m if over_batch else 1
    return [n for n in dict.fromkeys(sizes) if n >= least]


def _resized(case: Case, size: int) -> Made:
    _needs_free(case, 0)
    repeats = -(-size // len(case.y))
    y = np.concatenate([case.y * (1 + 0.1 * k) + 0.05 * k for k in range(repeats)])[:size]
    return with_(case, y=y, g=source(21).standard_normal(y.shape))


def _needs_free(case: Case, *axes: int) -> None:
    """Unsupported where gamma or beta varies along one of the axes."""
    if _varies(case, *axes):
        raise Unsupported("gamma or beta varies along the batch" if 0 in axes else "gamma or beta varies along them")


def _varies(case: Case, *axes: int) -> bool:
    return bool({axis for *_, own in case.reading.affine.parameters for axis in own or ()} & set(axes))


def _needs_digits(case: Case) -> None:
    """Unsupported where a sum of many numbers of the layer's type has no digits left."""
    if ROUNDOFF[case.coarsest] > ROUNDOFF["float32"]:
        raise Unsupported(f"sums of so many numbers of {case.coarsest} have no digits left")


def _least_shape(case: Case) -> list[int]:
    """The sizes of y, those of positions 1 where a vector has the batch and nothing else needs them."""
    shape, vectors = list(case.y.shape), case.reading.normaliser.vectors
    taken = {axis for *_, own in case.reading.affine.parameters for axis in own or ()} | {case.reading.channel}
    if 0 in vectors.axes and vectors.groups == 1:
        return [1 if axis in vectors.axes and axis not in taken else n for axis, n in enumerate(shape)]
    return shape


def _many(case: Case) -> Finding:
    """More samples than the threads of any grid: some, each many times and in any order, so that the mean, the scale (a
    divisor being that of all) and v are those of the few, and the parameters' gradients so many times theirs."""
    key, title = "batch.many", "a batch of very many"
    shape = _least_shape(case)
    each = min(_ROWS // _FEW + 1, _VALUES // (_FEW * int(np.prod(shape[1:])))) | 1
    try:
        _needs_free(case, 0)
        _needs_digits(case)
        if case.reading.normaliser.scale.norm == "linf" and 0 in case.reading.normaliser.vectors.axes:
            raise Unsupported("the largest of values that are equal has no gradient")
        if each * _FEW <= _BLOCKS[0]:
            raise Unsupported(f"more than {_BLOCKS[0]:,} samples of {np.prod(shape[1:]):,} values cost too much here")
        y, g = (
            rounded(base((_FEW, *shape[1:]), 24), case.reading.setting.dtype),
            source(25).standard_normal((_FEW, *shape[1:])),
        )
    except Unsupported as error:
        return untested(key, title, str(error))
    order = source(27).permutation(np.repeat(np.arange(_FEW), each))
    title, over_batch = f"a batch of {len(order):,}", 0 in case.reading.normaliser.vectors.axes
    try:
        found = case.reading.call(y[order], case.gain, case.shift, None if case.no_gradient else g[order])
    except Exception as error:
        return untested(key, title, f"it is not called so ({type(error).__name__})")
    exact = (_repeated(case, each) if over_batch else case).exact(y, g)
    # Equal terms have equal roundings, which add up as their number.
    values, sums = float(each) if over_batch else 1.0, float(each) ** 2
    expected = {"z": (found.z, exact.z, exact.size), "v": (found.v, exact.v, exact.slope_size)}
    residuals = {
        name: relative(array - np.asarray(right, float)[order], values * np.asarray(size, float)[order])
        for name, (array, right, size) in expected.items()
        if array is not None
    }
    for kind, name, axes in case.reading.affine.parameters:
        if (slope := found.slopes.get(name)) is not None:
            right, size = exact.summed(kind, axes, slope.shape)
            residuals[f"the gradient of {name}"] = relative(slope - each * right, sums * size)
    place = replace(case.place(exact), rows=len(order), m=exact.point.m * (each if over_batch else 1))

    def coarse() -> str | None:
        right, size = (np.asarray(array, float)[order] for array in (exact.v, exact.slope_size))
        return None if found.v is None else case.coarse(found.v, right, values * size)

    return told(case, key, title, residuals, coarse, place)


def _repeated(case: Case, times: int) -> Case:
    """The case of vectors in which every value stands so many times."""
    normaliser = case.reading.normaliser
    scale = replace(normaliser.scale, repeated=times)
    return Case(replace(case.reading, normaliser=replace(normaliser, scale=scale)))


def _channels(case: Case, number: int) -> Case:
    """The layer with so many channels, on few samples: on another y where it has no parameters, else made anew."""
    reading = case.reading
    axis, vectors = reading.channel, reading.normaliser.vectors
    _needs_digits(case)
    if vectors.groups > 1:
        raise Unsupported("groups have channels of their own")
    if axis in vectors.axes and number == 1:
        raise Unsupported("one value a vector is a case of its own")
    shape = _least_shape(case)
    shape[0], shape[axis] = min(len(case.y), 6 if 0 in vectors.axes else 2), number
    if np.prod(shape) > _WIDE:
        raise Unsupported(f"{number:,} channels at so many positions cost too much here")
    subject = reading.subject
    if reading.affine.parameters:
        if case.y.shape.count(case.y.shape[axis]) > 1 or case.y.shape[axis] == 1:
            raise Unsupported("that it was made with so many channels is not told from its other sizes")
        made = subject.resized(reading.y.shape[axis], number)
        if made is None:
            raise Unsupported("its parameters are made for one size, and it cannot be made anew")
        subject = made
    others = {name: np.array(subject.parameters[name], float) for name in reading.others}
    return Case(replace(reading, subject=subject, y=base(tuple(shape), 26), others=others))


def _rechannelled(case: Case, number: int) -> Finding:
    key, title = f"channels.{number}", f"{number:,} channel{'s' * (number > 1)}"
    try:
        other = _channels(case, number)
    except Unsupported as error:
        return untested(key, title, str(error))
    found = tried(other, key, title, with_, True)
    if found.verdict == VIOLATED and not case.wrong:
        return replace(found, meaning=found.meaning.replace(", as on ordinary data", " alone"))
    return found
