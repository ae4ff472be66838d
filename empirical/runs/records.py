"""Records on disk: one NetCDF file a network and step, labelled, written atomically; and a stored run as one object.

A run directory holds config.json, records/<network>/exact-000020.nc (all quantities in float64 at that step),
records/<network>/inline-000020.nc (losses of a chunk of steps and, at its first step, Theorem 4.1's quantities from the
float32 training step), checkpoints/, summary.json and report/.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bnverify.empirical.runs.config import NETWORKS, RunConfig, read_config
from bnverify.empirical.runs.files import write_atomically
from bnverify.empirical.runs.gaps import UNREADABLE, Wanted, identity, missing, netcdf, read_record, stored
from bnverify.errors import InputError
from bnverify.theory import QUANTITIES

FORMAT = 2
READABLE = (1, 2)
"""Formats of run directories: 2 has weight decay and observations by name in its configuration, and its states as
arrays; the records are the same."""
# What is recorded besides quantities. Flags say where a hypothesis without a condition of its own holds.
FLAGS = {
    "sampled": "channel measured by Hessian-vector products of its own",
    "smooth": "the scale of the normaliser is differentiable at this vector",
    "unclipped": "the correction of batch renormalisation is within its limits",
    "zero_mean": "every input feature of the layer has mean zero over the batch",
    "matched": "gamma = s and beta = mu",
    "running_biased": "the running variance is fed with the biased one of the batch",
    "running_unbiased": "the running variance is fed with the unbiased one of the batch",
    "real_root": "x^2 - (1 + momentum - rate times decay) x + momentum has a real root",
}
# What the rounding of a quantity is relative to, where its factors are not quantities themselves.
SIZES = frozenset((
    "size_along_gamma", "size_along_beta", "size_H_u", "size_H_ux", "size_H_v", "size_H_g", "size_layer_H_u",
    "size_next",
))  # fmt: skip
_OF_A_LAYER = frozenset(
    ("zero_mean", "real_root", "size_along_gamma", "size_along_beta", "size_layer_H_u", "size_next")
)
EXTRAS = {
    "precision": "type of the numbers that the layer computes in, where it is one of a user's own network",
    "vector": "number of the normalised vector, in row-major order of samples and groups of channels",
    "deviation": "root mean square of what the normaliser divides",
}


def write_json(path: Path, content: Any) -> None:
    """JSON with sorted keys; numpy scalars allowed, non-finite numbers become null."""

    def plain(value):
        if isinstance(value, Mapping):
            return {str(k): plain(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(v) for v in value]
        if isinstance(value, np.generic):
            value = value.item()
        return None if isinstance(value, float) and not np.isfinite(value) else value

    write_atomically(path, (json.dumps(plain(content), indent=1, sort_keys=True) + "\n").encode())


def write_dataset(path: Path, dataset: xr.Dataset) -> None:
    """Write labelled arrays as NetCDF-3, atomically, with the digest of the file as an attribute."""
    write_atomically(path, netcdf(dataset))


def write_record(run: Path, one: Wanted, dataset: xr.Dataset) -> None:
    """Write a record of a run under its name; the file says itself whose it is."""
    write_dataset(one.file(run), dataset.assign_attrs(network=one.network, kind=one.kind, run=identity(run)))


def site_dataset(step: int, sites: Mapping[str, Mapping[str, np.ndarray]]) -> xr.Dataset:
    """Quantities by site name as one labelled record: dims site x channel, padded with NaN to the widest site. Where a
    normaliser's vectors are no channels, a vector takes the place of a channel, and ``vector`` is its number."""
    names = list(sites)
    width = max(len(quantities["s"]) for quantities in sites.values())
    columns: dict[str, Any] = {"channels": ("site", np.array([len(sites[n]["s"]) for n in names], np.int32))}
    for name in sites[names[0]]:
        values = [np.asarray(sites[site][name]) for site in names]
        if name in FLAGS:
            values = [v.astype(np.int8) for v in values]
        if name in _OF_A_LAYER or (name in QUANTITIES and QUANTITIES[name].shape in ("site", "layer")):
            columns[name] = ("site", np.concatenate(values))
        else:
            missing = np.nan if np.issubdtype(values[0].dtype, np.floating) else 0
            rows = [np.pad(v, (0, width - len(v)), constant_values=missing) for v in values]
            columns[name] = (("site", "channel"), np.stack(rows))
    data = xr.Dataset(columns, coords={"site": names, "channel": np.arange(width, dtype=np.int32)})
    meanings = {name: quantity.meaning for name, quantity in QUANTITIES.items()} | FLAGS | EXTRAS
    for variable in map(str, data.data_vars):
        if variable in meanings:
            data[variable].attrs["long_name"] = meanings[variable]
    return data.expand_dims(step=np.array([step], np.int32))


@dataclass(frozen=True, repr=False)
class Run:
    """A stored run. ``exact`` and ``inline`` map a network's name to labelled arrays over step x site x channel."""

    path: Path
    config: RunConfig
    description: dict[str, Any]

    def __repr__(self) -> str:
        config = self.config
        return (
            f"Run {self.path}: {config.architecture} with and without {config.normalizer} normalisation, width "
            f"{config.width:g}, {config.steps} steps of {config.batch} on {self.description['data']['name']}, seed "
            f"{config.seed}\n  recorded: {', '.join(self.kinds) or 'nothing'}; run[network, site]: "
            f"{', '.join(self.exact)} x {', '.join(self.sites)}"
        )

    @property
    def watched(self) -> bool:
        """Whether it is a training loop of one's own, of which nobody knows what it would be when it is complete."""
        return bool(self.description.get("watched"))

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is recorded: exact, inline, curves, ray, and the observations of the trajectory."""
        found = {one.kind for one in self._stored()}
        first = [kind for kind in ("exact", "inline", "curves") if kind in found]
        return (*first, *sorted(found - {*first, "ray"}), *(("ray",) if "ray" in found else ()))

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of the places that are measured."""
        return tuple(dict.fromkeys(site for _, site in self.places))

    def __getitem__(self, place: tuple[str, str]) -> xr.Dataset:
        """The float64 quantities of a network at a site, step x channel (without the padding of narrower sites);
        InputError lists the places there are."""
        if place not in self.places:
            raise InputError(
                got=f"run[{place!r}]",
                expected=f"a network of {', '.join(self.exact)} and a site of {', '.join(self.sites)}",
                advice='write run["bn", "conv1"], say',
            )
        network, site = place
        here = self.exact[network].sel(site=site)
        return here.isel(channel=slice(int(here["channels"].max())))

    @property
    def places(self) -> list[tuple[str, str]]:
        """Every (network, site) with float64 quantities."""
        return [(network, str(site)) for network, data in self.exact.items() for site in data["site"].values]

    def _ipython_key_completions_(self) -> list[tuple[str, str]]:
        return self.places

    def _stored(self) -> list[Wanted]:
        return stored(self.config, self.path, watched=self.watched)

    def _load(self, network: str, kind: str) -> xr.Dataset | None:
        parts = []
        for one in self._stored():
            if (one.network, one.kind) != (network, kind):
                continue
            try:
                parts.append(read_record(self.path, one))
            except UNREADABLE as error:
                raise InputError(
                    got=f"an unreadable record {one.file(self.path)} ({error})",
                    expected=f"{one}, as written by bnverify",
                    advice="run the command that made the run again: it measures what is damaged or missing",
                ) from error
        try:
            sites = {tuple(part["site"].values) for part in parts if "site" in part.coords}
            if len(sites) > 1 and not self.watched:  # of a loop of one's own some sites may come later, or diverge
                raise ValueError("other sites")
            return xr.concat(parts, "step", join="outer") if parts else None
        except UNREADABLE as error:
            raise InputError(
                got=f"records {kind} of {network} in {self.path} that are of several networks ({error})",
                expected="those of one run",
                advice="delete those that are not its: the command that made the run measures them again",
            ) from error

    def _by_network(self, kind: str) -> dict[str, xr.Dataset]:
        loaded = {network: self._load(network, kind) for network in NETWORKS}
        return {network: data for network, data in loaded.items() if data is not None}

    @cached_property
    def exact(self) -> dict[str, xr.Dataset]:
        """Float64 quantities at the checked steps, by network; also `test_accuracy` or `test_loss` (step), and
        the `FLAGS` and `EXTRAS` that verification needs."""
        return self._by_network("exact")

    @cached_property
    def inline(self) -> dict[str, xr.Dataset]:
        """Float32 quantities of Theorem 4.1 from the training steps themselves, by network."""
        return self._by_network("inline")

    @cached_property
    def curves(self) -> dict[str, xr.Dataset]:
        """`loss` and `accuracy` on the training batch at every step, by network."""
        return self._by_network("curves")

    @cached_property
    def landscape(self) -> dict[str, xr.Dataset]:
        """Loss, gradient predictiveness, smoothness and linearity along lines (step x line x point), by network."""
        return self._by_network("landscape")

    @cached_property
    def shift(self) -> dict[str, xr.Dataset]:
        """Internal covariate shift (step x layer), by network."""
        return self._by_network("shift")

    @cached_property
    def activations(self) -> dict[str, xr.Dataset]:
        """Distributions of activations (step x site), by network."""
        return self._by_network("activations")

    def observed(self, name: str) -> dict[str, xr.Dataset]:
        """The records of an observation of the trajectory (step, ...), by network; none where it was not made."""
        return self._by_network(name)

    def missing(self) -> list[Wanted]:
        """The records that a complete run of this configuration has and this one lacks."""
        return [] if self.watched else missing(self.config, self.path)

    @cached_property
    def ray(self) -> dict[str, xr.Dataset]:
        """Lemma 4.5 on the trained plain network (step x site): loss and gradient at the kW* nearest to W0."""
        return self._by_network("ray")

    @cached_property
    def summary(self) -> dict[str, Any]:
        """summary.json as written by verification."""
        return read_json(self.path / "summary.json", "run `bnverify verify` on the run directory first")

    def diverged(self, network: str) -> int | None:
        """The first step with a non-finite loss, or None."""
        loss = self.curves[network]["loss"] if network in self.curves else None
        bad = [] if loss is None else loss["step"].values[~np.isfinite(loss.values)]
        return int(bad[0]) if len(bad) else None


def read_json(path: Path, advice: str) -> dict[str, Any]:
    """A JSON object in a file of a run; InputError with ``advice`` where there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError(f"no object, {type(content).__name__}")
        return content
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(got=f"no file {path}", expected="a run directory", advice=advice) from None
    except (ValueError, RecursionError) as error:
        raise InputError(
            got=f"{path} is not JSON ({error})", expected="a file written by bnverify", advice=advice
        ) from None


class Runs(Mapping[str, Run]):
    """The stored runs below a directory, by their path in it; tab completion lists them in IPython."""

    def __init__(self, directory: str | Path = "runs"):
        self.directory = Path(directory)

    def __iter__(self) -> Iterator[str]:
        return (str(file.parent.relative_to(self.directory)) for file in sorted(self.directory.glob("**/config.json")))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, name: str) -> Run:
        if name not in list(self):
            raise InputError(
                got=f"run {name!r} below {self.directory}",
                expected=f"one of {', '.join(self) or 'none: there is no run here'}",
                advice="train one (`bnverify run`), or name the directory that holds runs: Runs(directory)",
            )
        return load_run(self.directory / name)

    def __repr__(self) -> str:
        return f"Runs below {self.directory}: {', '.join(self) or 'none'}"

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)


_WATCHED: dict[str, type] = {"name": str, "fingerprint": str}
_DATA = _WATCHED | {"train": int, "test": int, "classes": list}
_ENVIRONMENT = {"python": str, "system": str, "processor": str, "cores": int, "device": str, "versions": dict}


def _lacking(description: Mapping[str, Any]) -> list[str]:
    """What readers rely on, and is not there or of another type."""
    types: dict[str, Mapping[str, type]] = {"config": {}, "data": _DATA, "environment": _ENVIRONMENT}
    if "watched" in description:
        types["data"] = _WATCHED
    lacking = [part for part in types if not isinstance(description.get(part), dict)]
    return lacking or [
        f"{part}: {name}" for part, known in types.items() for name, kind in known.items()
        if type(description[part].get(name)) is not kind
    ]  # fmt: skip


def load_run(path: str | Path) -> Run:
    """Open a run directory; InputError where there is none or its format is another version's."""
    path = Path(path)
    description = read_json(path / "config.json", "pass the directory that `bnverify run` or `bnverify train` wrote")
    form = description.get("format")
    if type(form) is not int or form not in READABLE:
        raise InputError(
            got=f"run format {form} in {path / 'config.json'}",
            expected=f"format {' or '.join(map(str, READABLE))}",
            advice="use the version of bnverify that wrote it, or train again with this one",
        )
    if lacking := _lacking(description):
        raise InputError(
            got=f"{path / 'config.json'} without {', '.join(lacking)}",
            expected="config, data and environment, as written by `bnverify train`",
            advice="restore the file, or train the run again",
        )
    config = read_config(description["config"], str(path / "config.json"))
    watched = description.get("watched", False)
    if watched is not (config.preset == "watched"):
        raise InputError(
            got=f"{path / 'config.json'} with watched {watched!r:.60} and the preset {config.preset!r}",
            expected="watched true with the preset watched, as of a loop of one's own, or neither",
            advice="restore the file, or train the run again",
        )
    return Run(path, config, description)
