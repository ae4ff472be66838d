"""Many runs as tasks: one after the other here, or on a Ray cluster, with a GPU each where the cluster has some.

A task is a configuration and a directory that all machines see. It resumes what it finds there, so a task that is
started again, because its worker was killed, leaves the records of an undisturbed one, byte for byte. On a laptop
``ray`` starts a cluster of its own in this process's session; ``ray://HOST:PORT`` or ``ray:auto`` joins a running one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnverify.empirical.runs.config import RunConfig
from bnverify.errors import InputError

ENGINES = ("here", "ray", "ray:auto", "ray://HOST:PORT")
RETRIES = 3
"""How often a task is started again after its worker died."""
Report = Callable[["Task", str], None]


@dataclass(frozen=True)
class Task:
    """One run of a sweep: ``data`` is the directory of CIFAR-10, None for data that are drawn from the seed."""

    label: str
    config: RunConfig
    path: Path
    data: Path | None = None


def perform(task: Task) -> str:
    """Train a task to its end, or what is missing of it; where it ended."""
    from bnverify.empirical.runs.experiment import load_data
    from bnverify.empirical.runs.run import train

    return str(train(task.config, load_data(task.config, directory=task.data), task.path).path)


def perform_in_worker(task: Task) -> str:
    """`perform` in a process of its own, which keeps what it compiles in the user's cache folder as the command line
    does: a worker that takes the place of a dead one, and every later run, does not compile it again."""
    from bnverify.empirical.runs.cache import keep_compiled

    keep_compiled()
    return perform(task)


def sweep(tasks: Sequence[Task], on: str = "here", *, tell: Report = lambda task, state: None) -> tuple[Task, ...]:
    """Perform all tasks on an engine (see ENGINES) and return those that failed; ``tell(task, state)`` is called when
    one is started ("waiting", here "running"), "done", or "failed: ..." with the reason.

    InputError for two tasks in one directory, an unknown engine, or one that is not there.
    """
    paths = [task.path.absolute() for task in tasks]
    if len(set(paths)) < len(paths):
        twice = next(str(path) for path in paths if paths.count(path) > 1)
        raise InputError(got=f"two runs in {twice}", expected="a directory each", advice="give the runs other labels")
    performed = _here(tasks, tell) if on == "here" else _on_ray(tasks, _address(on), tell)
    failed = []
    for task, reason in performed:
        tell(task, f"failed: {reason}" if reason else "done")
        failed += [task] if reason else []
    return tuple(failed)


def _here(tasks: Sequence[Task], tell: Report) -> Iterator[tuple[Task, str]]:
    for task in tasks:
        tell(task, "running")
        try:
            perform(task)
        except (InputError, OSError) as error:
            yield task, " ".join(str(error).split())
        else:
            yield task, ""


def _address(on: str) -> str | None:
    """The address for `ray.init`: None starts a cluster here."""
    if on == "ray":
        return "local"
    if on == "ray:auto":
        return "auto"
    if on.startswith("ray://"):
        return on
    raise InputError(got=f"engine {on!r}", expected=f"one of {', '.join(ENGINES)}", advice="pass --on ray")


def _on_ray(tasks: Sequence[Task], address: str | None, tell: Report) -> Iterator[tuple[Task, str]]:
    ray = _ray()
    started = not ray.is_initialized()
    if started:
        try:
            ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, OSError, RuntimeError) as error:
            raise InputError(
                got=f"no cluster at {address} ({error})",
                expected="a running cluster",
                advice="start one by `ray start --head`, or pass --on ray for one on this machine",
            ) from error
    try:
        gpus = 1 if ray.cluster_resources().get("GPU") else 0
        remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)(perform_in_worker)
        waiting = {remote.options(name=task.label).remote(_absolute(task)): task for task in tasks}
        for task in tasks:
            tell(task, "waiting")
        while waiting:
            (first,), _ = ray.wait(list(waiting), num_returns=1)
            task = waiting.pop(first)
            try:
                ray.get(first)
            except (ray.exceptions.RayTaskError, ray.exceptions.WorkerCrashedError) as error:
                yield task, _reason(error)
            else:
                yield task, ""
    finally:
        if started:
            ray.shutdown()


def _absolute(task: Task) -> Task:
    """Workers run in folders of their own."""
    data = None if task.data is None else task.data.absolute()
    return Task(task.label, task.config, task.path.absolute(), data)


def _reason(error: Any) -> str:
    cause = getattr(error, "cause", None)
    return " ".join(str(cause or error).split())[:400]


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise InputError(
            got="no module ray", expected="the engine of the sweep", advice="pip install 'bnverify[ray]'"
        ) from None
    return ray
