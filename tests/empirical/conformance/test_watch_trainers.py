"""Watch in the trainers and loggers themselves: PyTorch Lightning, Hugging Face's Trainer, TensorBoard."""

import json
from functools import partial

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install 'bnverify[torch]'")

from bnverify.empirical.adapters.torch import measure_model  # noqa: E402
from bnverify.empirical.adapters.watch import Watch  # noqa: E402
from bnverify.empirical.judgement.verdict import verify  # noqa: E402
from bnverify.empirical.runs.records import load_run  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # of the trainers' own
nn = torch.nn


@pytest.fixture
def watched(tmp_path):
    """A network, its data, and how a watch of it is made."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 1))
    x, y = torch.randn(24, 4), torch.randn(24, 1)

    def measure():
        return measure_model(network, nn.functional.mse_loss, x[:8], y[:8], sampled=0)

    return network, x, y, partial(Watch, tmp_path / "watched", measure, every=2, most=1.0)


def check(folder, steps):
    """What was recorded is verified again, and the weights moved between the records."""
    run = load_run(folder / "batch")
    assert list(run.exact["bn"]["step"].values) == steps
    verdicts = verify(run)
    assert any(verdict.points for verdict in verdicts) and not any(verdict.violations for verdict in verdicts)
    gradients = run.exact["bn"]["g_g"].values
    assert (gradients[0] != gradients[1]).any()
    lines = [json.loads(line) for line in (folder / "watch.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == steps


def test_lightning(watched, tmp_path):
    lightning = pytest.importorskip("lightning.pytorch", reason="Lightning is not installed")
    from lightning.pytorch.loggers import CSVLogger

    network, x, y, watch = watched

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.network = network

        def training_step(self, batch, _):
            return nn.functional.mse_loss(self.network(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    logger = CSVLogger(tmp_path / "logs", flush_logs_every_n_steps=1)
    trainer = lightning.Trainer(
        max_steps=4, callbacks=[watch()], logger=logger, accelerator="cpu", enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path, log_every_n_steps=1,
    )  # fmt: skip
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=8)
    trainer.fit(Module(), loader)
    check(tmp_path / "watched", [2, 4])
    (told,) = (tmp_path / "logs").rglob("metrics.csv")
    assert "bnverify/1/worst residual" in told.read_text().splitlines()[0]


def test_the_trainer_of_hugging_face(watched, tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("accelerate", reason="Hugging Face's Trainer needs accelerate")
    network, x, y, watch = watched

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, x, labels):
            output = self.network(x)
            return {"loss": nn.functional.mse_loss(output, labels), "logits": output}

    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "out"), max_steps=4, per_device_train_batch_size=8, report_to=[], use_cpu=True,
        save_strategy="no", disable_tqdm=True, learning_rate=0.1,
    )  # fmt: skip
    rows = [{"x": one, "labels": other} for one, other in zip(x, y, strict=True)]
    transformers.Trainer(Model(), arguments, train_dataset=rows, callbacks=[watch()]).train()
    check(tmp_path / "watched", [2, 4])


def test_a_writer_of_tensorboard(watched, tmp_path):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    network, x, y, watch = watched
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    with SummaryWriter(str(tmp_path / "board")) as writer:
        watch = watch(log=writer)
        for step in range(3):
            optimizer.zero_grad()
            nn.functional.mse_loss(network(x), y).backward()
            optimizer.step()
            watch(step)
    check(tmp_path / "watched", [0, 2])
    board = EventAccumulator(str(tmp_path / "board")).Reload()
    tags = [tag for tag in board.Tags()["scalars"] if tag.startswith("bnverify/1/")]
    assert any(tag.endswith(("worst residual", "worst_residual")) for tag in tags)
    assert [event.step for event in board.Scalars(tags[0])] == [0, 2]


def test_an_active_run_of_weights_and_biases(watched, tmp_path, monkeypatch):
    """Offline, without being told of it; the loop's own calls of log move its step beyond the watched one."""
    wandb = pytest.importorskip("wandb", reason="Weights & Biases is not installed")
    monkeypatch.setenv("WANDB_SILENT", "true")
    network, x, y, watch = watched
    optimizer, watch = torch.optim.SGD(network.parameters(), 0.1), watch()
    with wandb.init(project="watched", dir=tmp_path, mode="offline") as run:
        for step in range(3):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(network(x), y)
            loss.backward()
            optimizer.step()
            for _ in range(3):
                run.log({"loss": float(loss)})
            watch(step)
        summary = dict(run.summary)
    check(tmp_path / "watched", [0, 2])
    assert summary["bnverify/step"] == 2 and summary["bnverify/1/violations"] == 0 and summary["_step"] > 9
    last = json.loads((tmp_path / "watched" / "watch.jsonl").read_text().splitlines()[-1])
    name = "bnverify/1/worst residual"
    assert summary[name] == pytest.approx(last[name], rel=1e-12) and last[name] > 0
    (stored,) = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    assert stored.read_bytes().count(b"bnverify/1/worst residual") >= 2
