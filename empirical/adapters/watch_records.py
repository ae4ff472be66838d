"""What a watched loop leaves in its directory: a run for each normalizer, which `bnverify verify` judges again, and a
line a measurement in ``watch.jsonl``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bnverify.empirical.measurement.measured import Measured
from bnverify.empirical.runs.config import RunConfig
from bnverify.empirical.runs.gaps import Wanted, stored
from bnverify.empirical.runs.records import FORMAT, read_json, site_dataset, write_json, write_record
from bnverify.errors import InputError

_LINES = "watch.jsonl"


class Store:
    """The directory of a watched loop. InputError where there can be none, or where it is another run's."""

    def __init__(self, directory: Path, every: int):
        self._directory, self._every = directory, every
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                got=f"directory {directory}, which cannot be made ({error.strerror})",
                expected="a directory for what is measured", advice="pass another one",
            ) from error  # fmt: skip
        for file in (*directory.glob("config.json"), *directory.glob("*/config.json")):
            if read_json(file, "pass another directory").get("watched") is not True:
                raise InputError(
                    got=f"directory {directory}, with the run {file.parent}",
                    expected="a directory of its own: nothing is written over a run",
                    advice=f"pass {directory / 'mine'}, say",
                )

    def begin(self, step: int) -> Path | None:
        """Put aside what an earlier loop stored of this step and later ones; where it is now, if there was any."""
        late = [one for run in self._runs() for one in _records(run) if int(one.stem.split("-")[1]) >= step]
        lines = self._directory / _LINES
        told = lines.read_text().splitlines(keepends=True) if lines.exists() else []
        kept = [line for line in told if _step(line) < step]
        if len(kept) == len(told) and not late:
            return None
        numbers = (number for number in range(1, 10**6) if not (self._directory / f"earlier-{number}").exists())
        aside = self._directory / f"earlier-{next(numbers)}"
        for record in late:
            target = aside / record.relative_to(self._directory)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(record, target)
        for run in {record.parents[2] for record in late}:
            shutil.copy(run / "config.json", aside / run.name)
            if not _records(run):  # what else lies there, a report say, belongs to what is put aside
                for file in [each for each in run.rglob("*") if not each.is_dir()]:
                    target = aside / file.relative_to(self._directory)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.move(file, target)
                shutil.rmtree(run)
        aside.mkdir(exist_ok=True)
        (aside / _LINES).write_text("".join(line for line in told if _step(line) >= step))
        lines.write_text("".join(kept))
        return aside

    def _runs(self) -> list[Path]:
        return [file.parent for file in self._directory.glob("*/config.json")]

    def keep(self, step: int, measured: Mapping[str, Measured]) -> list[str]:
        """A record for each normalizer, with the quantities that all its sites have, and the precision of each; the
        normalizers that no run can have, as they are the user's own."""
        by_norm: dict[str, dict[str, Measured]] = {}
        for site, each in measured.items():
            by_norm.setdefault(each.normalization.name, {})[site] = each
        own = []
        for norm, sites in by_norm.items():
            try:
                config = RunConfig("watched", normalizer=norm, record_every=self._every, check_every=self._every)
            except InputError:
                own.append(norm)
                continue
            run = self._directory / norm
            if not (run / "config.json").exists() or not _records(run):  # what goes on keeps its description
                write_json(run / "config.json", _description(config))
            shared = set.intersection(*(set(each.quantities) for each in sites.values()))
            quantities = {
                site: {name: np.asarray(each.quantities[name]) for name in sorted(shared)}
                for site, each in sites.items()
            }
            precision = np.array([[each.dtype for each in sites.values()]])
            dataset = site_dataset(step, quantities).assign(precision=(("step", "site"), precision))
            write_record(run, Wanted("bn", "exact", step), dataset)
        return own

    def line(self, step: int, numbers: Mapping[str, float], told: Mapping[str, Any]) -> None:
        """A line of ``watch.jsonl``."""
        plain = {key: value if np.isfinite(value) else None for key, value in numbers.items()}
        with (self._directory / _LINES).open("a+b") as file:
            end = file.seek(0, 2)
            file.seek(max(end - 1, 0))
            cut = file.read(1) not in (b"", b"\n")  # a line that was cut off stays one by itself
            file.write(b"\n" * cut + json.dumps({"step": step, **plain, **told}, sort_keys=True).encode() + b"\n")


def _step(line: str) -> int:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, TypeError, KeyError):  # of a line that was cut off
        return -1


def _records(run: Path) -> list[Path]:
    config = RunConfig("watched")
    return [one.file(run) for one in stored(config, run, watched=True)]


def _description(config: RunConfig) -> dict[str, Any]:
    from bnverify.empirical.runs.run import environment

    data = {"name": "a training loop of one's own", "fingerprint": ""}
    return {
        "format": FORMAT, "config": config.to_json(), "data": data, "environment": environment(), "watched": True,
    }  # fmt: skip
