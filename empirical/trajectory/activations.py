"""Distributions of activations at the sites of a network: histogram, mean, standard deviation, skewness.

Taken of what leaves the site in training mode, over the batch and all pixels: with batch norm its output, in the plain
network the layer's. Once for the whole layer, all channels together, and once for
each of a few channels.

A histogram has bins of equal width over mean +- 4 standard deviations of its own values, [low, high), +- 1 where they
are constant. What lies outside is counted below and above; what has no place, because it or the range is not finite, is
counted as unplaced, so that the counts always sum to the number of values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int

from bnverify.empirical.networks.network import Network, Parameters

BINS = 64
REACH = 4.0
"""Standard deviations on each side of the mean that the bins cover."""


class Distribution(NamedTuple):
    """Distributions of several sets of values, one a row. Standard deviations are biased; a constant has no skewness
    (NaN)."""

    mean: Float[Array, " row"]
    deviation: Float[Array, " row"]
    skewness: Float[Array, " row"]
    low: Float[Array, " row"]
    high: Float[Array, " row"]
    counts: Int[Array, "row bins"]
    below: Int[Array, " row"]
    above: Int[Array, " row"]
    unplaced: Int[Array, " row"]


class SiteDistributions(NamedTuple):
    """At one site: of the whole layer (one row), and of single channels (a row each)."""

    layer: Distribution
    channels: Distribution


def distribution(values: Float[Array, "n row"], *, bins: int = BINS) -> Distribution:
    """The distribution of each column of ``values``."""
    mean = values.mean(0)
    centred = values - mean
    deviation = jnp.sqrt(jnp.square(centred).mean(0))
    skewness = (centred**3).mean(0) / deviation**3
    half = jnp.where(deviation == 0, 1.0, REACH * deviation).astype(values.dtype)
    position = jnp.floor((centred + half) / (2 * half) * bins)
    # Slots of a row: below, the bins, above, unplaced. An infinite value leaves no finite range.
    slot = jnp.where(jnp.isfinite(position), jnp.clip(position, -1, bins) + 1, bins + 2).astype(jnp.int32)
    width = bins + 3
    rows = jnp.arange(values.shape[1], dtype=jnp.int32)
    table = jnp.bincount((slot + width * rows).ravel(), length=width * len(rows)).reshape(-1, width).astype(jnp.int32)
    ends = mean - half, mean + half
    return Distribution(
        mean, deviation, skewness, *ends, table[:, 1:-2], table[:, 0], table[:, bins + 1], table[:, bins + 2]
    )


def sample_channels(network: Network, params: Parameters, seed: Sequence[int], samples: int) -> dict[str, np.ndarray]:
    """``samples`` channels of every site (all, where it has fewer), drawn without replacement and sorted, by site."""
    chosen = {}
    for number, site in enumerate(network.sites):
        channels = params[site.layer]["kernel"].shape[-1]
        order = np.random.default_rng((*seed, number)).permutation(channels)
        chosen[site.name] = np.sort(order[:samples]).astype(np.int32)
    return chosen


def activations(
    network: Network,
    params: Parameters,
    x: Float[Array, "n ..."],
    channels: Mapping[str, np.ndarray],
    *,
    after: int = 1,
    bins: int = BINS,
) -> dict[str, SiteDistributions]:
    """Distributions at every site, by its name, from one forward pass in training mode; ``channels`` as from
    `sample_channels`. Pure: meant to be compiled by its caller, with network and channels closed over.

    The values are those ``after`` so many stages from the site on: 1 is what leaves the site, 0 what enters it, 2 what
    leaves the stage behind it, where noise follows the normalisation.
    """
    leaving = [site.index + after for site in network.sites]
    found = {}
    for site, value in zip(network.sites, network.values_at(params, x, leaving), strict=True):
        columns = value.reshape(-1, value.shape[-1])
        found[site.name] = SiteDistributions(
            distribution(columns.reshape(-1, 1), bins=bins), distribution(columns[:, channels[site.name]], bins=bins)
        )
    return found


_TEXT = {
    "mean": "mean of the activations",
    "deviation": "standard deviation of the activations",
    "skewness": "skewness of the activations",
    "low": "left end of the bins",
    "high": "right end of the bins",
    "counts": "values in each bin",
    "below": "values left of the bins",
    "above": "values right of the bins",
    "unplaced": "values that are not finite, or without a finite range",
}


def activations_dataset(
    step: int, found: Mapping[str, SiteDistributions], channels: Mapping[str, np.ndarray]
) -> xr.Dataset:
    """One labelled record: dims step x site (x bin) of the layers and, named channel_*, step x site x sample (x bin).

    Sites are in the order of ``channels``, since a compiled function returns a dict sorted by name. Those with fewer
    channels than others are padded: ``channel``, the index of the sampled channel, is -1 there.
    """
    samples = max(len(own) for own in channels.values())
    data: dict[str, Any] = {}
    for i, (name, text) in enumerate(_TEXT.items()):
        bins = ("bin",) if name == "counts" else ()
        rows = [np.asarray(found[site].layer[i])[0] for site in channels]
        data[name] = (("site", *bins), np.stack(rows), {"long_name": text})
        rows = [_padded(np.asarray(found[site].channels[i]), samples) for site in channels]
        data[f"channel_{name}"] = (("site", "sample", *bins), np.stack(rows), {"long_name": f"{text}, one channel"})
    chosen = [np.pad(own, (0, samples - len(own)), constant_values=-1) for own in channels.values()]
    data["channel"] = (("site", "sample"), np.stack(chosen).astype(np.int32), {"long_name": "index of the channel"})
    return xr.Dataset(data, coords={"site": list(channels)}).expand_dims(step=np.array([step], np.int32))


def _padded(rows: np.ndarray, length: int) -> np.ndarray:
    fill = np.nan if rows.dtype.kind == "f" else 0
    return np.pad(rows, [(0, length - len(rows))] + [(0, 0)] * (rows.ndim - 1), constant_values=fill)
