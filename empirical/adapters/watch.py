"""A training loop that is watched: every so many steps the normalizations of its network are measured and judged.

    watch = Watch("runs/mine", lambda: measure_model(network, loss, x, y, sampled=0), every=500)
    for step, batch in enumerate(batches):
        ...
        watch(step)                        # or Trainer(callbacks=[watch]) of Lightning or Hugging Face

What is measured lies under the directory, a run for each normalizer (``runs/mine/batch``), which `bnverify verify`
judges again and `load_run` opens; a line a measurement, with its seconds, is in ``watch.jsonl``. Where the directory
holds an earlier loop's records of the first step or later ones, these are put aside (``runs/mine/earlier-1``).
Measuring stops for a while where it would take more than the share ``most`` of the time since the first call: that is
its cost, and it is bounded.

What is given wrongly is told at once, before the first measurement or at it. Afterwards the loop goes on whatever
happens: a network that diverged is a result, which is recorded; a warning says so once, and as much of a logger that
raises, a disk that is full and a normalizer of one's own, of which no run can be stored.
"""

from __future__ import annotations

import operator
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bnverify.empirical.adapters.watch_records import Store
from bnverify.empirical.judgement.judged import judge
from bnverify.empirical.judgement.verdict import Verdict
from bnverify.empirical.measurement.measured import Measured
from bnverify.errors import Diverged, InputError

Measure = Callable[[], Mapping[str, Measured]]
_LOGGED = ("v_v", "g_g", "s")
_STEPS = 2**31
"""Steps that records can have."""


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
        self.diverged: int | None = None  # the first step at which nothing could be measured for that reason
        self._store, self._warned = Store(self.directory, every), set[str]()

    def __call__(self, step: int) -> dict[str, list[Verdict]] | None:
        """Measure and judge if the step is due and there is time; the verdicts by site, none of a network that
        diverged, else None."""
        step, now = _whole(step), self._clock()
        if step >= _STEPS:
            self._too_many(step)
            return None
        if self._started is None or step < self._last:  # a loop that begins, or another one
            self._started = now if self._started is None else self._started
            self._safely("what is there", self._begin, step)
        if step % self.every or step == self._last:
            return None
        if self.seconds > self.most * (now - self._started) and self.seconds:
            self.skipped += 1
            return None
        measured, judged, told = self._judged(step)
        spent = self._clock() - now
        self.seconds, self._last = self.seconds + spent, step
        numbers = self._numbers(measured, judged, spent) | {
            f"bnverify/{name}": float(len(told[name]) if name == "not measured" else 1) for name in told
        }
        self._safely("records", self._keep, step, measured)
        self._safely("watch.jsonl", self._store.line, step, numbers, told)
        self._safely("the logger", self._logs, numbers, step, self._log)
        return judged

    def _too_many(self, step: int) -> None:
        """No record has such a step."""
        error = InputError(
            got=f"step {step}", expected=f"less than {_STEPS}", advice="count steps of the optimizer, not samples"
        )
        if self._started is None:
            raise error
        self._warn("steps", f"nothing is measured any more: got {error.got}, expected {error.expected}")

    def _judged(self, step: int) -> tuple[dict[str, Measured], dict[str, list[Verdict]], dict[str, Any]]:
        """What was measured, the verdicts, and why the rest was not measured; of a network that diverged, and where
        measuring fails after the first time, only why."""
        try:
            measured, told = self._chosen(self._measure())
            return measured, judge(measured) if measured else {}, told
        except Diverged as error:
            self.diverged = step if self.diverged is None else self.diverged
            self._warn("diverged", f"the network has diverged at step {step}: {error.got}")
            return {}, {}, {"diverged": error.got}
        except Exception as error:  # whatever a user's network or loss raises
            if self._last < 0:  # what is given wrongly is told at once
                raise
            why = error.got if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            self._warn("measuring", f"nothing was measured at step {step}: {why}")
            return {}, {}, {"failed": why}

    def _chosen(self, found: Mapping[str, Measured]) -> tuple[dict[str, Measured], dict[str, Any]]:
        """What was measured and is to be kept, and why the rest of it was not measured."""
        skipped: Mapping[str, str] = getattr(found, "skipped", {})
        if self._sites is not None and (unknown := self._sites - {*found, *skipped}):
            error = InputError(
                got=f"sites {', '.join(sorted(unknown))}", expected=f"some of {', '.join([*found, *skipped])}",
                advice="leave sites out for all",
            )  # fmt: skip
            if self._last < 0:
                raise error
            # the first time nothing could be measured, or they are gone since
            self._warn("sites", f"got {error.got}, expected {error.expected}")
        wanted = {*found, *skipped} if self._sites is None else self._sites
        missing = {site: why for site, why in skipped.items() if site in wanted}
        measured = {site: each for site, each in found.items() if site in wanted}
        return measured, {"not measured": missing} if missing else {}

    def _begin(self, step: int) -> None:
        aside = self._store.begin(step)
        if aside is not None:
            _say(f"records of an earlier loop, of step {step} and later ones, are in {aside} now", stacklevel=6)

    def _keep(self, step: int, measured: Mapping[str, Measured]) -> None:
        own = self._store.keep(step, measured)
        if own:
            self._warn("own", f"of {', '.join(own)}, of one's own, no run is stored: watch.jsonl has the numbers")

    def _safely(self, what: str, function: Callable[..., None], *arguments: Any) -> None:
        """Call what must not end a training."""
        try:
            function(*arguments)
        except Exception as error:  # whatever a disk, a logger or a service raises
            self._warn(what, f"{what} of {self.directory}: {type(error).__name__}: {error}")

    def _warn(self, what: str, message: str) -> None:
        if what not in self._warned:
            self._warned.add(what)
            _say(f"{message} (said once; the loop goes on)", stacklevel=5)

    def _numbers(
        self, measured: Mapping[str, Measured], judged: Mapping[str, list[Verdict]], spent: float
    ) -> dict[str, float]:
        numbers: dict[str, float] = {"bnverify/seconds": spent}
        for site, found in judged.items():
            violations = sum(verdict.violations for verdict in found)
            self.violations += violations
            worst = max((verdict.worst for verdict in found if verdict.points), default=float("nan"))
            numbers |= {f"bnverify/{site}/violations": float(violations), f"bnverify/{site}/worst residual": worst}
            for name in self._quantities:
                if name in measured[site].quantities:
                    numbers[f"bnverify/{site}/{name}"] = float(np.nanmean(measured[site].quantities[name]))
        return numbers

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


def _say(message: str, *, stacklevel: int) -> None:
    """Warn; where warnings are made errors, say it on standard error: a loop goes on."""
    try:
        warnings.warn(message, stacklevel=stacklevel)
    except Warning:
        print(f"bnverify: {message}", file=sys.stderr)


def _whole(step: Any) -> int:
    """A step as an integer: of Python, NumPy or PyTorch, or a float that is one."""
    try:
        whole = int(step) if isinstance(step, float) and step.is_integer() else operator.index(step)
    except TypeError:
        whole = -1
    if whole < 0:
        raise InputError(
            got=f"step {step!r:.60}", expected="0 or a positive integer", advice="count the steps: enumerate(batches)"
        )
    return whole
