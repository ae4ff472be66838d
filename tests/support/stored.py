"""Run directories with invented numbers in the format of real records: reports are tested without training."""

from __future__ import annotations

import numpy as np
import xarray as xr

from bnverify.empirical.measurement.gradients import Comparison
from bnverify.empirical.runs.config import NETWORKS, RunConfig, preset
from bnverify.empirical.runs.records import FORMAT, Run, load_run, write_dataset, write_json
from bnverify.empirical.trajectory.activations import BINS, Distribution, SiteDistributions, activations_dataset
from bnverify.empirical.trajectory.covariate_shift import shift_dataset
from bnverify.empirical.trajectory.landscape import Landscape, landscape_dataset, paper_steps, reproduction_steps

ENVIRONMENT = {"device": "cpu: cpu", "processor": "a processor", "cores": 2, "system": "Linux x86_64",
               "python": "3.12.0", "versions": {"jax": "0.6.0", "numpy": "2.0.0"}}  # fmt: skip
MEASURED = {"landscape_every": 2, "shift_every": 2, "activations_every": 2}
FIGURES = {
    "landscape": ("landscape", "landscape-random", "linearity", "landscape-relative"),
    "shift": ("covariate-shift", "covariate-shift-relative", "covariate-shift-cosine"),
    "activations": ("distributions", "moments", "moments-deviation"),
}
"""Names of the figures that need the records of a kind."""
SITES = {"vgg": [f"conv{i}" for i in range(1, 11)], "deep-linear": [f"linear{i}" for i in range(1, 26)]}
_DENSE = ["dense1", "dense2", "dense3"]


def configuration(**options) -> RunConfig:
    """Of a tiny run that measures everything."""
    return preset("tiny").changed(**({"steps": 12} | MEASURED | options))


def linear_configuration(**options) -> RunConfig:
    """The same for the deep linear network."""
    small = {"steps": 12, "batch": 100, "record_every": 2, "check_every": 4}
    return preset("deep-linear").changed(**(small | MEASURED | options))


def store(path, config: RunConfig, *, seed: int = 0, slow: float = 1.0) -> Run:
    """A finished run in which the loss of "bn" halves every ``slow`` * steps/3 steps, that of "plain" later."""
    linear = config.architecture == "deep-linear"
    data = {"name": config.dataset, "fingerprint": "0123456789abcdef" * 4, "train": 200, "test": 64,
            "classes": [] if linear else ["cat", "dog"]}  # fmt: skip
    write_json(path / "config.json", {
        "format": FORMAT, "config": config.to_json(), "data": data, "environment": ENVIRONMENT
    })  # fmt: skip
    for number, network in enumerate(NETWORKS):
        rng = np.random.default_rng([seed, number])
        folder = path / "records" / network
        rate = np.log(2) * 3 / (slow * config.steps * (1 + number))
        steps = np.arange(config.steps, dtype=np.int32)
        loss = 2.4 * np.exp(-rate * steps) * rng.uniform(0.95, 1.05, len(steps))
        accuracy = np.full(len(steps), np.nan) if linear else 1 - 0.9 * loss / 2.6
        curves = {"loss": ("step", loss.astype(np.float32)), "accuracy": ("step", accuracy.astype(np.float32))}
        whole = xr.Dataset(curves, {"step": steps})
        for first in range(0, config.steps, config.record_every):
            chunk = whole.isel(step=slice(first, first + config.record_every))
            write_dataset(folder / f"curves-{first:06d}.nc", chunk)
        for step in (0, config.steps):
            test = 1 - 0.8 * np.exp(-rate * step)
            name = "test_loss" if linear else "test_accuracy"
            tested = {name: ("step", np.array([test], np.float32))}
            write_dataset(folder / f"exact-{step:06d}.nc", xr.Dataset(tested, {"step": np.array([step], np.int32)}))
        layers = SITES[config.architecture] + ([] if linear else _DENSE)
        makers = {
            "landscape": lambda step, rng=rng, n=number, loss=loss: _landscape(step, config, rng, n, float(loss[step])),
            "shift": lambda step, rng=rng, n=number, layers=layers: _shift(step, layers, rng, n),
            "activations": lambda step, rng=rng, n=number: _activations(step, SITES[config.architecture], rng, n),
        }
        for step in range(config.steps):
            for kind in config.due(step):
                write_dataset(folder / f"{kind}-{step:06d}.nc", makers[kind](step))
    return load_run(path)


def _landscape(step: int, config: RunConfig, rng, number: int, loss: float) -> xr.Dataset:
    norm = np.float64(0.6 + number) * rng.uniform(0.8, 1.2)
    lines = {}
    for name, sharp in (("gradient", 4.0 + 20 * number), ("random", 0.5)):
        for place, lengths in (
            ("paper", paper_steps(config.learning_rate)),
            ("reproduction", reproduction_steps(config.learning_rate)),
        ):
            relative = lengths / config.learning_rate
            distance = lengths * norm
            losses = loss + 0.02 * sharp * relative * rng.uniform(0.9, 1.1, len(lengths))
            difference = sharp * distance * rng.uniform(0.7, 1.0, len(lengths))
            cosine = 1 / (1 + 0.05 * sharp * relative)
            gradients = Comparison(difference, cosine, np.full(len(lengths), norm), norm + difference)
            lines[f"{name}, {place}"] = Landscape(lengths, losses, gradients, np.float64(loss), norm**2, norm)
    curvature = ("step", np.array([0.3 + 1.5 * number]) * rng.uniform(0.5, 1.5))
    return landscape_dataset(step, lines).assign(normalised_curvature=curvature)


def _shift(step: int, layers: list[str], rng, number: int) -> xr.Dataset:
    norm = rng.uniform(0.5, 1.0, len(layers))
    shift = norm * rng.uniform(0.1, 0.4, len(layers)) * (2 - number)
    shift[0] = 0.0
    return shift_dataset(step, layers, Comparison(shift, 1 / (1 + shift), norm, norm))


def _activations(step: int, sites: list[str], rng, number: int) -> xr.Dataset:
    found = {site: SiteDistributions(_normal(rng, 1, number, depth), _normal(rng, 2, number, depth))
             for depth, site in enumerate(sites)}  # fmt: skip
    return activations_dataset(step, found, {site: np.arange(2, dtype=np.int32) for site in sites})


def _normal(rng, rows: int, number: int, depth: int) -> Distribution:
    """Histograms of normal numbers; those of the plain network get narrower from site to site."""
    deviation = rng.uniform(0.9, 1.1, rows) * (0.85**depth if number else 1.0)
    mean = 0.3 * deviation * rng.standard_normal(rows)
    centres = (np.arange(BINS) + 0.5) / BINS * 8 - 4
    counts = np.tile(np.round(1e4 * np.exp(-(centres**2) / 2)), (rows, 1)).astype(np.int32)
    none = np.zeros(rows, np.int32)
    return Distribution(mean, deviation, 0 * mean, mean - 4 * deviation, mean + 4 * deviation, counts, none, none, none)
