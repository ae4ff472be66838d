"""Training on several devices of one process, and on two processes: the curves and the claims of one device."""

import json
import socket
import subprocess
import sys
import textwrap

import jax.numpy as jnp
import numpy as np
import pytest

from bnverify.empirical.judgement.verdict import verify
from bnverify.empirical.networks.network import normalizer_stage
from bnverify.empirical.normalization.batch import batch_norm
from bnverify.empirical.normalization.normalizers import ghost
from bnverify.empirical.runs.records import load_run
from bnverify.empirical.training.mesh import Mesh, Processes
from bnverify.errors import InputError

SCRIPT = textwrap.dedent(
    """
    import json, sys
    import jax
    jax.config.update("jax_enable_x64", True)
    from bnverify.empirical.training.mesh import Mesh, Processes, gathered, host_devices
    devices, normalizer, count, number, port = int(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:6])
    host_devices(devices // count)
    if count > 1:
        Processes(f"127.0.0.1:{port}", count, number).join()
    import jax.numpy as jnp, numpy as np
    from bnverify.empirical.data.synthetic import synthetic_cifar
    from bnverify.empirical.networks.vgg import vgg
    from bnverify.empirical.training.training import Trainer
    mesh = Mesh(devices)
    trainer = Trainer(vgg(batch_norm=True, width=1 / 32, epsilon=1e-5, normalizer=normalizer), 0.05, 0.9)
    data = synthetic_cifar(train=32, test=8)
    images = (data.train_images[:16].astype(np.float32) / 255 - 0.5)[None].repeat(3, 0)
    labels = data.train_labels[None, :16].repeat(3, 0)
    state = mesh.replicated(trainer.start(jax.random.key(0), (16, 32, 32, 3)))
    state, curves, quantities = trainer.chunk(state, mesh.sharded(images, axis=1), mesh.sharded(labels, axis=1))
    if mesh.writes:
        loss = [float(x) for x in gathered(curves["loss"])]
        gamma = [float(x) for x in gathered(state.params["norm1"]["gamma"])]
        running = float(np.mean(gathered(state.statistics["norm1"])[1]))
        print(json.dumps({"loss": loss, "gamma": gamma, "running": running, "devices": jax.device_count()}))
    """
)


def _port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def _trained(devices, normalizer="batch", processes=1):
    port = str(_port())
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(devices), normalizer, str(processes), str(i), port],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for i in range(processes)
    ]  # fmt: skip
    ended = [process.communicate(timeout=300) for process in started]
    assert all(process.returncode == 0 for process in started), ended
    return json.loads(ended[0][0].splitlines()[-1])


@pytest.fixture(scope="module")
def alone():
    return _trained(1)


def _equal(found, wanted):
    np.testing.assert_allclose(found["loss"], wanted["loss"], rtol=2e-5)
    np.testing.assert_allclose(found["gamma"], wanted["gamma"], rtol=2e-5)
    np.testing.assert_allclose(found["running"], wanted["running"], rtol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("devices", [2, 4])
def test_synchronised_statistics_give_the_curves_of_one_device(alone, devices):
    found = _trained(devices)
    assert found["devices"] == devices
    _equal(found, alone)


@pytest.mark.slow
def test_two_processes_give_the_curves_of_one(alone):
    found = _trained(2, processes=2)
    assert found["devices"] == 2
    _equal(found, alone)


@pytest.mark.slow
def test_statistics_of_replicas_differ_from_synchronised_ones_and_do_not_depend_on_where_they_run(alone):
    here = _trained(1, "ghost-2")
    _equal(_trained(2, "ghost-2"), here)
    assert abs(here["loss"][-1] - alone["loss"][-1]) > 1e-3


MOVING = textwrap.dedent(
    """
    import sys
    from bnverify.empirical.training.mesh import Mesh, host_devices
    host_devices(4)
    from bnverify.empirical.data.synthetic import synthetic_cifar
    from bnverify.empirical.runs.config import preset
    from bnverify.empirical.runs.run import train

    class Enough(Exception):
        pass

    def stop(step):
        if step in stops:
            raise Enough

    data, config = synthetic_cifar(train=200, test=64), preset("tiny").changed(steps=6)
    for devices, stops in ((1, [2]), (2, [4]), (4, [])):
        try:
            train(config, data, sys.argv[1] + "/moved", progress=stop, mesh=Mesh(devices))
        except Enough:
            pass
    train(config, data, sys.argv[1] + "/alone")
    """
)


@pytest.mark.slow
def test_a_run_moves_between_one_two_and_four_devices(tmp_path):
    subprocess.run([sys.executable, "-c", MOVING, str(tmp_path)], check=True, timeout=500)
    _same_run(tmp_path / "moved", tmp_path / "alone")


@pytest.mark.slow
def test_a_run_of_two_processes_is_that_of_one(tmp_path):
    train = [sys.executable, "-m", "bnverify", "train", "--preset", "tiny", "--steps", "6"]
    subprocess.run([*train, "--out", str(tmp_path / "one")], check=True, timeout=300)
    shared = [*train, "--out", str(tmp_path / "two"), "--devices", "2", "--processes", "2"]
    port = f"localhost:{_port()}"
    both = [subprocess.Popen([*shared, "--coordinator", port, "--process", str(i)]) for i in range(2)]
    assert [process.wait(300) for process in both] == [0, 0]
    _same_run(tmp_path / "two", tmp_path / "one")


def _same_run(found, wanted):
    """The same curves up to rounding, the same files, and no claim violated."""
    one, other = load_run(found), load_run(wanted)
    names = [sorted(str(p.relative_to(run.path)) for p in run.path.glob("records/*/*.nc")) for run in (one, other)]
    assert names[0] == names[1]
    for network, curves in other.curves.items():
        np.testing.assert_allclose(one.curves[network]["loss"], curves["loss"], rtol=1e-4)
    verdicts = verify(one)
    assert not any(verdict.violations for verdict in verdicts) and sum(verdict.points for verdict in verdicts) > 1000


def test_every_replica_is_batch_norm_of_its_own_samples():
    y = jnp.array(np.random.default_rng(11).standard_normal((8, 3, 3, 2)))
    gamma, beta = jnp.array([2.0, -1.0]), jnp.array([0.5, 0.0])
    whole = ghost(4)(y, gamma, beta, 1e-3)
    for part in range(4):
        alone = batch_norm(y[2 * part : 2 * part + 2], gamma, beta, 1e-3)
        np.testing.assert_allclose(whole[2 * part : 2 * part + 2], alone, rtol=1e-12, atol=1e-12)
    assert jnp.abs(whole - batch_norm(y, gamma, beta, 1e-3)).max() > 0.1
    np.testing.assert_array_equal(ghost(4).restore(ghost(4).columns(y), y.shape), y)


def test_running_statistics_of_replicas_miss_the_variance_of_their_means():
    """The law of total variance: that of the batch is the mean of the replicas' plus the variance of their means."""
    y = jnp.array(np.random.default_rng(12).standard_normal((8, 5, 2)))
    stage = normalizer_stage("norm", 1e-3, ghost(4))
    mean, scale = stage.statistics(y)
    np.testing.assert_allclose(mean, y.mean((0, 1)), rtol=1e-12)
    means = y.reshape(4, 10, 2).mean(1)
    np.testing.assert_allclose(scale**2 + means.var(0), y.var((0, 1)) + 1e-3, rtol=1e-12)
    assert (means.var(0) > 0.01).all()


def test_what_cannot_be_shared_is_refused():
    y = jnp.ones((6, 2))
    with pytest.raises(InputError, match="6 on 4 replicas"):
        ghost(4)(y, jnp.ones(2), jnp.zeros(2), 1e-5)
    with pytest.raises(InputError, match="9999 devices"):
        Mesh(9999)
    with pytest.raises(InputError, match="process 2 of 2"):
        Processes("localhost:1", 2, 2)
