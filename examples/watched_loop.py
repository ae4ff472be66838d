"""A training loop that is watched: every few steps the normalizations are measured, judged and recorded.

Run: python examples/watched_loop.py (needs pip install 'bnverify[torch]'), then bnverify verify runs/watched/batch
"""

import torch
from torch import nn

from bnverify.empirical.adapters.torch import measure_model
from bnverify.empirical.adapters.watch import Watch
from bnverify.empirical.judgement.judged import table


def main(features: int = 12, batch: int = 32, steps: int = 40, every: int = 20, directory: str = "runs/watched"):
    torch.manual_seed(0)
    x, target = torch.randn(batch, features), torch.randn(batch, 1)
    model = nn.Sequential(nn.Linear(features, features), nn.BatchNorm1d(features), nn.Tanh(), nn.Linear(features, 1))
    optimizer, loss = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9), nn.functional.mse_loss
    measured = {}

    def measure():
        measured.update(measure_model(model, loss, x, target, sampled=1))
        return measured

    watch = Watch(directory, measure, every=every, most=1.0)
    judged = {}
    for step in range(steps):
        optimizer.zero_grad()
        loss(model(x), target).backward()
        optimizer.step()
        judged = watch(step) or judged
    print(table(measured, judged))
    print(f"{watch.violations} violations; measuring took {watch.seconds:.1f} s")
    return judged


if __name__ == "__main__":
    main()
