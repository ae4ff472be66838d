"""Sweeps: what runs here, what runs on a cluster of two workers, and a worker that is killed in the middle."""

import os
import signal
import threading
import time

import pytest

from bnverify.empirical.runs.config import preset
from bnverify.empirical.runs.sweep import Task, sweep
from bnverify.errors import InputError

CONFIG = preset("tiny").changed(steps=6)


def _tasks(folder, seeds):
    return [Task(f"seed {seed}", CONFIG.changed(seed=seed), folder / f"seed-{seed}") for seed in seeds]


def _records(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("records/**/*.nc")}


def test_what_cannot_run_is_said(tmp_path):
    with pytest.raises(InputError, match="engine 'slurm'"):
        sweep(_tasks(tmp_path, [0]), "slurm")
    with pytest.raises(InputError, match="two runs in"):
        sweep(_tasks(tmp_path, [0, 0]))


def test_a_task_that_fails_does_not_stop_the_others(tmp_path, monkeypatch):
    told = []

    def perform(task):
        if task.config.seed == 0:
            raise InputError(got="a full disk", expected="room", advice="make some")

    monkeypatch.setattr("bnverify.empirical.runs.sweep.perform", perform)
    failed = sweep(_tasks(tmp_path, [0, 1]), tell=lambda task, state: told.append((task.label, state)))
    assert [task.label for task in failed] == ["seed 0"]
    assert told[-1] == ("seed 1", "done") and "a full disk" in told[1][1]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:os.fork")  # Ray's start of its own programs, after JAX's
def test_a_killed_worker_is_started_again_and_leaves_the_records_of_a_serial_run(tmp_path, monkeypatch):
    """A local cluster of two workers; the one that trains seed 1 is killed once its first records are there."""
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # at Ray's own 15 whatever else runs on the machine goes first
    assert not sweep(_tasks(tmp_path / "serial", [0, 1]))
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    killed = []

    def kill():
        begun = tmp_path / "cluster" / "seed-1" / "records" / "bn" / "curves-000002.nc"
        while not begun.exists():
            time.sleep(0.02)
        for process in filter(str.isdigit, os.listdir("/proc")):
            if _holds(process, str(tmp_path / "cluster" / "seed-1")):
                os.kill(int(process), signal.SIGKILL)
                killed.append(process)

    try:
        thread = threading.Thread(target=kill, daemon=True)
        thread.start()
        assert not sweep(_tasks(tmp_path / "cluster", [0, 1]), "ray")
        thread.join(timeout=10)
    finally:
        ray.shutdown()
    assert len(killed) == 1
    serial, cluster = (_records(tmp_path / name) for name in ("serial", "cluster"))
    assert serial == cluster and len(serial) == 2 * 2 * 9 + 2


def _holds(process, directory):
    """Whether a process has a file of a directory open: the lock of its run."""
    folder = f"/proc/{process}/fd"
    try:
        return any(os.readlink(f"{folder}/{number}").startswith(directory) for number in os.listdir(folder))
    except OSError:
        return False
