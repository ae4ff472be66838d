"""A training loop that is watched: every so many steps the normalizations of its network are measured and judged.

    watch = Watch("runs/mine", lambda: measure_model(network, loss, x, y, sampled=0), every=500)
    for step, batch in enumerate(batches):
        ...
        watch(step)                        # or Trainer(callbacks=[watch]) of Lightning or Hugging Face

What is measured lies under the directory, a run for each normalizer (``runs/mine/batch``), which `bnverify verify`
judges again and `load_run` opens; a line a measurement, with its seconds, is in ``watch.jsonl``. Measuring stops for a
while where it would take more than the share ``most`` of the time since the first call: that is its cost, and it is
bounded.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bnverify.empirical.judgement.judged import judge
from bnverify.empirical.judgement.verdict import Verdict
from bnverify.empirical.measurement.measured import Measured
from bnverify.empirical.runs.config import RunConfig
from bnverify.empirical.runs.gaps import Wanted
from bnverify.empirical.runs.records import FORMAT, site_dataset, write_json, write_record
from bnverify.errors import InputError

Measure = Callable[[], Mapping[str, Measured]]
_LOGGED = ("v_v", "g_g", "s")


class Watch:
    """A function of the step, and a callback of Lightning and of Hugging Face's Trainer, without needing either.

    ``measure()`` gives what was measured by site, as every `measure_model` does; ``sites`` keeps some of them.
    ``log(numbers, step)`` is told violations, the worst residual and the means of ``quantities``; a TensorBoard writer
    or a run of Weights & Biases may be given in its place. Where none is given, Lightning's logger of the trainer is
    told, or the run of Weights & Biases that is active.
    """

    def __init__(
        self, directory: str | Path, measure: Measure, *, every: int = 500, sites: Iterable[str] | None = None,
        most: float = 0.1, quantities: Iterable[str] = _LOGGED, log: Any = None,
        clock: Callable[[], float] = time.monotonic,
    ):  # fmt: skip
        if every < 1 or not 0 < most <= 1:
            raise InputError(
                got=f"every {every}, most {most}", expected="every of 1 or more, most in (0, 1]",
                advice="every=500, most=0.1 measures every 500 steps in at most a tenth of the time",
            )  # fmt: skip
        self.directory, self.every, self.most = Path(directory), every, most
        self._measure, self._sites = measure, None if sites is None else frozenset(sites)
        self._quantities, self._log, self._clock = tuple(quantities), log, clock
        self._started: float | None = None
        self._last = -1
        self.seconds, self.violations, self.skipped = 0.0, 0, 0

    def __call__(self, step: int) -> dict[str, list[Verdict]] | None:
        """Measure and judge if the step is due and there is time; the verdicts by site, else None."""
        now = self._clock()
        if self._started is None:
            self._started = now
        if step % self.every or step == self._last:
            return None
        if self.seconds > self.most * (now - self._started) and self.seconds:
            self.skipped += 1
            return None
        measured = {k: m for k, m in self._measure().items() if self._sites is None or k in self._sites}
        judged = judge(measured)
        spent = self._clock() - now
        self.seconds, self._last = self.seconds + spent, step
        self._keep(step, measured)
        self._tell(step, measured, judged, spent)
        return judged

    def _keep(self, step: int, measured: Mapping[str, Measured]) -> None:
        """A record for each normalizer, with the quantities that all its sites have."""
        by_norm: dict[str, dict[str, Measured]] = {}
        for site, each in measured.items():
            by_norm.setdefault(each.normalization.name, {})[site] = each
        for norm, sites in by_norm.items():
            run = self.directory / norm
            if not (run / "config.json").exists():
                write_json(run / "config.json", self._description(norm))
            shared = set.intersection(*(set(each.quantities) for each in sites.values()))
            quantities = {
                site: {name: np.asarray(each.quantities[name]) for name in sorted(shared)}
                for site, each in sites.items()
            }
            write_record(run, Wanted("bn", "exact", step), site_dataset(step, quantities))

    def _description(self, norm: str) -> dict[str, Any]:
        from bnverify.empirical.runs.run import environment

        config = RunConfig("watched", normalizer=norm, record_every=self.every, check_every=self.every)
        data = {"name": "a training loop of one's own", "fingerprint": ""}
        return {
            "format": FORMAT, "config": config.to_json(), "data": data, "environment": environment(), "watched": True,
        }  # fmt: skip

    def _tell(
        self, step: int, measured: Mapping[str, Measured], judged: Mapping[str, list[Verdict]], spent: float
    ) -> None:
        numbers: dict[str, float] = {"bnverify/seconds": spent}
        for site, found in judged.items():
            violations = sum(verdict.violations for verdict in found)
            self.violations += violations
            worst = max((verdict.worst for verdict in found if verdict.points), default=float("nan"))
            numbers |= {f"bnverify/{site}/violations": float(violations), f"bnverify/{site}/worst residual": worst}
            for name in self._quantities:
                if name in measured[site].quantities:
                    numbers[f"bnverify/{site}/{name}"] = float(np.nanmean(measured[site].quantities[name]))
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "watch.jsonl").open("a") as file:
            plain = {key: value if np.isfinite(value) else None for key, value in numbers.items()}
            file.write(json.dumps({"step": step} | plain, sort_keys=True) + "\n")
        self._logs(numbers, step, self._log)

    @staticmethod
    def _logs(numbers: Mapping[str, float], step: int, log: Any) -> None:
        if log is None:
            log = getattr(sys.modules.get("wandb"), "run", None)
            if log is None:
                return
        if hasattr(log, "log_metrics"):  # a logger of Lightning
            log.log_metrics(dict(numbers), step=step)
        elif hasattr(log, "add_scalar"):  # a writer of TensorBoard
            for name, value in numbers.items():
                log.add_scalar(name, value, step)
        elif hasattr(log, "define_metric"):  # Weights & Biases, whose own step counts the calls of log
            log.define_metric("bnverify/step")
            log.define_metric("bnverify/*", step_metric="bnverify/step")
            log.log({"bnverify/step": step, **numbers})
        else:
            log(dict(numbers), step=step)

    def on_train_batch_end(self, trainer: Any, *_: Any, **__: Any) -> None:
        """Lightning: after every training batch."""
        if self._log is None:
            self._log = getattr(trainer, "logger", None)
        self(int(trainer.global_step))

    @property
    def state_key(self) -> str:
        """Lightning: what a checkpoint keeps its state under; there is none, all is in the directory."""
        return f"{type(self).__name__}({self.directory})"

    _legacy_state_key = state_key

    def state_dict(self) -> dict[str, Any]:
        """Lightning: nothing to keep."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Lightning: nothing was kept."""

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Hugging Face: after every optimizer step."""
        self(int(state.global_step))
        return control

    def __getattr__(self, name: str) -> Any:
        """All other hooks of both, which do nothing."""
        if name.startswith("on_") or name in ("setup", "teardown"):
            return lambda *_, **__: None
        raise AttributeError(f"Watch has no attribute {name!r}")
