"""Normalization layers as pairs of NumPy functions, right ones and, fault by fault, wrong ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pair:
    """A layer over one or several axes: forward(y, gamma, beta, eps) and backward(g, y, gamma, beta, eps), with at most
    one fault by name."""

    axis: int | tuple[int, ...] = -1
    centred: bool = True
    fault: str = ""

    def _statistics(self, y, eps):
        kept = {"axis": self.axis, "keepdims": True}
        mean = y.mean(**kept) if self.centred else 0 * y.mean(**kept)
        if self.fault == "median":
            mean = np.median(y, **kept)
        variance = np.square(y - mean).mean(**kept)
        m = y.size // variance.size
        scales = {
            "unbiased": lambda: np.sqrt(variance * m / (m - 1) + eps),
            "epsilon outside": lambda: np.sqrt(variance) + eps,
            "epsilon as floor": lambda: np.sqrt(np.maximum(variance, eps)),
            "epsilon ignored": lambda: np.sqrt(variance),
            "another epsilon": lambda: np.sqrt(variance + eps / 10),
            "epsilon squared": lambda: np.sqrt(variance + eps**2),
            "no root": lambda: variance + eps,
            "squared scale": lambda: np.square(variance + eps),
            "no division": lambda: np.ones_like(variance),
            "sum of squares": lambda: np.sqrt(variance * m + eps),
            "mean deviation": lambda: np.sqrt(np.pi / 2) * np.abs(y - mean).mean(**kept) + eps,
            "range": lambda: np.abs(y - mean).max(**kept) / 2 + eps,
            "first half": lambda: np.sqrt(np.square((y - mean)[..., : y.shape[-1] // 2]).mean(**kept) + eps),
            "statistics in float32": lambda: np.sqrt(variance + eps).astype(np.float32).astype(float),
            "statistics of the neighbour": lambda: np.roll(np.sqrt(variance + eps), 1, 0),
            "third decimal": lambda: np.sqrt(variance + eps) * (1 + 1e-9),
        }
        s = scales.get(self.fault, lambda: np.sqrt(variance + eps))()
        return mean, s, m

    def forward(self, y, gamma, beta, eps=1e-5):
        mean, s, _ = self._statistics(y, eps)
        yhat = (y - mean) / s
        if self.fault == "writes into y":
            y -= mean
            yhat = y / s
        outputs = {
            "beta ignored": lambda: gamma * yhat + 0 * beta,
            "beta twice": lambda: gamma * yhat + 2 * beta,
            "beta scaled": lambda: gamma * (yhat + beta),
            "gamma ignored": lambda: yhat + beta,
            "gamma squared": lambda: gamma**2 * yhat + beta,
            "absolute gamma": lambda: np.abs(gamma) * yhat + beta,
            "gamma for beta": lambda: beta * yhat + gamma,
            "offset": lambda: gamma * yhat + beta + 1e-6,
            "clipped": lambda: gamma * np.clip(yhat, -1.5, 1.5) + beta,
            "rectified": lambda: np.maximum(gamma * yhat + beta, 0),
            "negated": lambda: -gamma * yhat + beta,
            "residual added": lambda: y + gamma * yhat + beta,
            "reversed": lambda: gamma * yhat[..., ::-1] + beta,
            "one NaN": lambda: np.where(np.arange(y.shape[-1]) == 1, np.nan, gamma * yhat + beta),
            "cast to float16": lambda: (gamma * yhat + beta).astype(np.float16).astype(float),
            "gamma by position": lambda: np.roll(gamma, 1) * yhat + beta,
        }
        return outputs.get(self.fault, lambda: gamma * yhat + beta)()

    def backward(self, g, y, gamma, beta, eps=1e-5):
        right = self if self.fault not in OUTPUT_FAULTS else Pair(self.axis, self.centred)
        mean, s, m = right._statistics(y, eps)
        yhat, scaled = (y - mean) / s, g * gamma
        kept = {"axis": self.axis, "keepdims": True}
        middle = scaled.mean(**kept) if self.centred else 0.0
        along = (scaled * yhat).mean(**kept)
        variance = np.square(y - mean).mean(**kept)
        gradients = {
            "mean constant": lambda: (scaled - yhat * along) / s,
            "mean twice": lambda: (scaled - 2 * middle - yhat * along) / s,
            "mean as a sum": lambda: (scaled - m * middle - yhat * along) / s,
            "scale constant": lambda: (scaled - middle) / s,
            "scale twice": lambda: (scaled - middle - 2 * yhat * along) / s,
            "scale with the wrong sign": lambda: (scaled - middle + yhat * along) / s,
            "scale term over m - 1": lambda: (scaled - middle - yhat * along * m / (m - 1)) / s,
            "gamma left out": lambda: (g - g.mean(**kept) - yhat * (g * yhat).mean(**kept)) / s,
            "gamma after": lambda: gamma * (g - g.mean(**kept) - yhat * (g * yhat).mean(**kept)) / s,
            "not divided": lambda: scaled - middle - yhat * along,
            "divided twice": lambda: (scaled - middle - yhat * along) / s**2,
            "divided by the variance": lambda: (scaled - middle - yhat * along) / (variance + eps),
            "epsilon left out": lambda: (
                (scaled - middle - (y - mean) * ((scaled * (y - mean)).mean(**kept)) / variance) / s
            ),
            "y for yhat": lambda: (scaled - middle - y * along) / s,
            "straight through": lambda: scaled,
            "zero": lambda: 0 * scaled,
            "float16 gradient": lambda: ((scaled - middle - yhat * along) / s).astype(np.float16).astype(float),
            "one part in a billion": lambda: (scaled - middle - yhat * along) / s * (1 + 1e-9),
            "last entry dropped": lambda: np.where(
                np.arange(y.shape[-1]) == y.shape[-1] - 1, 0, (scaled - middle - yhat * along) / s
            ),
        }
        v = gradients.get(self.fault, lambda: (scaled - middle - yhat * along) / s)()
        others = tuple(range(y.ndim - 1))
        of_gain, of_shift = (g * yhat).sum(others), g.sum(others)
        slopes = {
            "gamma's gradient with y": lambda: ((g * y).sum(others), of_shift),
            "gamma's gradient zero": lambda: (0 * of_gain, of_shift),
            "gamma's gradient a mean": lambda: ((g * yhat).mean(others), of_shift),
            "gamma's gradient times gamma": lambda: (of_gain * gamma, of_shift),
            "beta's gradient zero": lambda: (of_gain, 0 * of_shift),
            "beta's gradient a mean": lambda: (of_gain, g.mean(others)),
            "beta's gradient times gamma": lambda: (of_gain, of_shift * gamma),
            "gradients exchanged": lambda: (of_shift, of_gain),
        }
        return v, *slopes.get(self.fault, lambda: (of_gain, of_shift))()


COARSE = ("cast to float16", "float16 gradient")
OUTPUT_FAULTS = ("statistics of the neighbour",)
# Fault: a property that has to fail.
FAULTS = {
    "median": "forward.yhat", "unbiased": "forward.variance", "epsilon outside": "forward.epsilon",
    "epsilon as floor": "forward.epsilon", "epsilon ignored": "forward.epsilon", "another epsilon": "forward.epsilon",
    "epsilon squared": "forward.epsilon", "no root": "forward.variance", "squared scale": "forward.variance",
    "no division": "forward.variance", "sum of squares": "forward.variance", "mean deviation": "forward.variance",
    "range": "forward.variance", "first half": "forward.variance",
    "statistics of the neighbour": "forward.yhat", "third decimal": "forward.yhat",
    "writes into y": "structure.repeatable",
    "beta ignored": "forward.shift", "beta twice": "forward.shift", "beta scaled": "forward.shift",
    "gamma ignored": "forward.gain", "gamma squared": "forward.gain", "absolute gamma": "forward.gain",
    "gamma for beta": "forward.yhat", "offset": "forward.yhat", "clipped": "forward.yhat", "rectified": "forward.yhat",
    "negated": "forward.yhat", "residual added": "forward.yhat", "reversed": "forward.yhat",
    "one NaN": "forward.finite",
    "gamma by position": "forward.gain",
    "mean constant": "backward.ones", "mean twice": "backward.ones", "mean as a sum": "backward.ones",
    "scale constant": "backward.yhat", "scale twice": "backward.yhat", "scale with the wrong sign": "backward.yhat",
    "scale term over m - 1": "backward.yhat", "gamma left out": "backward.values", "gamma after": "backward.values",
    "not divided": "backward.norm", "divided twice": "backward.norm", "divided by the variance": "backward.norm",
    "epsilon left out": "backward.yhat", "y for yhat": "backward.values", "straight through": "backward.ones",
    "zero": "backward.norm", "one part in a billion": "backward.values",
    "last entry dropped": "backward.ones",
    "gamma's gradient with y": "backward.gain", "gamma's gradient zero": "backward.gain",
    "gamma's gradient a mean": "backward.gain", "gamma's gradient times gamma": "backward.gain",
    "beta's gradient zero": "backward.shift", "beta's gradient a mean": "backward.shift",
    "beta's gradient times gamma": "backward.shift", "gradients exchanged": "backward.gain",
}  # fmt: skip
