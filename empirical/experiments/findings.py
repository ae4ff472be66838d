r"""Findings of an experiment beside what was published: agree, differ, or not comparable. Observed, never asserted.

Every comparison is of numbers stored in the runs. Two separately trained networks are compared here as the papers
compare them; no theorem says how such a comparison ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from bnverify.empirical.experiments.experiments import Experiment, Published
from bnverify.empirical.runs.config import NETWORKS
from bnverify.empirical.runs.records import Run

Runs = Mapping[str, Run]
AGREE, DIFFER, NOT_COMPARABLE = "agree", "differ", "not comparable"
CHANCE = np.log(10)
# What "as well" and "almost as well" mean here, as factors of a loss: the papers show curves and name no margin.
_AS_WELL, _ALMOST = 1.05, 1.2


@dataclass(frozen=True)
class Finding:
    """One published statement and what the runs show: ``verdict`` is "agree", "differ" or "not comparable"."""

    published: Published
    ours: str
    verdict: str


class _Missing(Exception):
    """The runs do not hold what a comparison needs."""


def findings(experiment: Experiment, runs: Runs) -> tuple[Finding, ...]:
    """What was published about an experiment, each compared with its runs by label."""
    return tuple(_compare(published, runs) for published in experiment.published)


def _compare(published: Published, runs: Runs) -> Finding:
    try:
        holds, ours = _TESTS[published.test](runs, published)
    except _Missing as missing:
        return Finding(published, f"not recorded: {missing}", NOT_COMPARABLE)
    return Finding(published, ours, NOT_COMPARABLE if holds is None else AGREE if holds else DIFFER)


def last_loss(run: Run, network: str) -> float:
    """The mean training loss over the last tenth of the steps; infinite where the run diverged."""
    if network not in run.curves:
        raise _Missing(f"the training loss of the network {NETWORKS[network]}")
    losses = run.curves[network]["loss"].values
    tail = losses[-max(1, len(losses) // 10) :]
    return float(tail.mean()) if np.isfinite(tail).all() else float("inf")


def score(run: Run, network: str) -> float | None:
    """The last test accuracy, or None where outputs are not classes."""
    records = run.exact.get(network)
    if records is None or "test_accuracy" not in records:
        return None
    return float(records["test_accuracy"].values[-1])


def _first(runs: Runs) -> Run:
    return next(iter(runs.values()))


def _named(runs: Runs, part: str) -> Run:
    found = [run for label, run in runs.items() if part in label]
    if not found:
        raise _Missing(f"a run named {part}")
    return found[0]


def _number(value: float) -> str:
    return "diverged" if not np.isfinite(value) else f"{value:.3g}"


def _both(run: Run, measure: Callable[[str], float]) -> tuple[float, float, str]:
    with_norm, plain = measure("bn"), measure("plain")
    return with_norm, plain, f"{_number(with_norm)} with, {_number(plain)} without batch norm"


def _ratio(with_norm: np.ndarray, plain: np.ndarray, what: str, below: float = 1.0) -> tuple[bool, str]:
    """Whether the first is smaller at most steps, by the factor ``below`` in the median, and by how much."""
    good = np.isfinite(with_norm) & np.isfinite(plain) & (plain > 0)
    if not good.any():
        raise _Missing(f"finite values of the {what}")
    share = float((with_norm[good] < plain[good]).mean())
    ratio = float(np.median(with_norm[good] / plain[good]))
    lost = int((~good).sum())
    text = f"{what}: smaller with batch norm at {share:.0%} of {int(good.sum())} steps, median ratio {ratio:.3g}"
    return share > 0.5 and ratio <= below, text + (f"; {lost} steps not finite" if lost else "")


def _line(run: Run, network: str, line: str = "gradient, paper"):
    if network not in run.landscape:
        raise _Missing("the landscape")
    return run.landscape[network].sel(line=line)


def _learns_faster(runs: Runs, published: Published):
    parts, verdicts = [], []
    for label, run in runs.items():
        with_norm, plain, text = _both(run, partial(last_loss, run))
        first, second = score(run, "bn"), score(run, "plain")
        better, accuracy = with_norm < plain, ""
        if first is not None and second is not None:
            better, accuracy = better and first > second, f", test accuracy {first:.1%} and {second:.1%}"
        verdicts.append(better)
        parts.append(f"{label}: final training loss {text}{accuracy}")
    return all(verdicts), "; ".join(parts)


def _plain_fails(runs: Runs, published: Published):
    high = list(runs.values())[-1]
    with_norm, plain, text = _both(high, lambda network: last_loss(high, network))
    return plain > 0.9 * CHANCE and with_norm < 0.9 * CHANCE, f"at the larger rate, final training loss {text}"


def _distributions(runs: Runs, published: Published):
    run = _first(runs)
    if not run.activations:
        raise _Missing("activations")

    def drift(network: str) -> float:
        """The largest change of a site's mean from one measured step to the next, in standard deviations."""
        data = run.activations[network]
        move = np.abs(np.diff(data["mean"].values, axis=0)) / data["deviation"].values[:-1]
        return float(np.median(move))

    _, _, text = _both(run, drift)
    what = "median move of a site's mean between measurements, in standard deviations"
    return None, f"{what}: {text}; no number was published"


def _noise_bn(runs: Runs, published: Published):
    noisy, clean = last_loss(_named(runs, "with noise"), "bn"), last_loss(_named(runs, "without noise"), "bn")
    text = f"final training loss {_number(noisy)} with noise, {_number(clean)} without"
    return noisy < 0.9 * CHANCE and noisy <= _ALMOST * clean, text + f"; almost as well: up to {_ALMOST - 1:.0%} more"


def _noise_plain(runs: Runs, published: Published):
    noisy = last_loss(_named(runs, "with noise"), "plain")
    text = f"final training loss of the plain network with noise {_number(noisy)} (chance: {CHANCE:.3g})"
    return noisy > 0.9 * CHANCE, text


def _shift_of(run: Run, network: str, name: str) -> np.ndarray:
    if network not in run.shift:
        raise _Missing("the covariate shift")
    return run.shift[network][name].values[:, 1:]  # that of the first layer is 0 by definition


def _shifts_no_less(runs: Runs, published: Published):
    run = _first(runs)
    ours = {network: _shift_of(run, network, "shift_relative") for network in NETWORKS}
    lower, text = _ratio(ours["bn"].ravel(), ours["plain"].ravel(), "relative shift |G - G'|/|G| over steps and layers")
    _, raw_text = _ratio(
        _shift_of(run, "bn", "shift").ravel(), _shift_of(run, "plain", "shift").ravel(), "shift |G - G'|"
    )
    return not lower, f"{text}; {raw_text}"


def _plain_cosine(runs: Runs, published: Published):
    run = _first(runs)
    medians = {network: float(np.nanmedian(_shift_of(run, network, "shift_cosine"))) for network in NETWORKS}
    return medians["plain"] > medians["bn"], f"median cosine {medians['bn']:.3g} with, {medians['plain']:.3g} without"


def _landscape_test(name: str, what: str, reduce: Callable[[np.ndarray], np.ndarray], below: float = 1.0):
    def compare(runs: Runs, published: Published):
        verdicts, parts = [], []
        for label, run in runs.items():
            values = {network: reduce(_line(run, network)[name].values.astype(float)) for network in NETWORKS}
            smaller, text = _ratio(values["bn"], values["plain"], what, below)
            verdicts.append(smaller)
            parts.append(f"{label}: {text}" if len(runs) > 1 else text)
        return all(verdicts), "; ".join(parts)

    return compare


def _span(values: np.ndarray) -> np.ndarray:
    """Largest less smallest over the points of every step."""
    return np.nanmax(values, axis=-1) - np.nanmin(values, axis=-1)


def _largest(values: np.ndarray) -> np.ndarray:
    return np.nanmax(values, axis=-1)


def _variants(runs: Runs, published: Published):
    losses = {label: last_loss(run, "bn") for label, run in runs.items()}
    start = {label: float(run.curves["bn"]["loss"].values[0]) for label, run in runs.items()}
    trained = all(np.isfinite(loss) and loss < 0.9 * start[label] for label, loss in losses.items())
    return trained, _losses(losses)


def _as_well(runs: Runs, published: Published):
    losses = {label: last_loss(run, "bn") for label, run in runs.items()}
    if "batch" not in losses:
        raise _Missing("the run with batch norm")
    well = all(np.isfinite(loss) and loss <= _AS_WELL * losses["batch"] for loss in losses.values())
    return well, _losses(losses) + f"; as well: up to {_AS_WELL - 1:.0%} more than batch norm's"


def _losses(losses: Mapping[str, float]) -> str:
    return "final training loss " + ", ".join(f"{label} {_number(loss)}" for label, loss in losses.items())


def _nearer(runs: Runs, published: Published):
    run = _first(runs)
    shares = []
    for network in ("bn", "plain"):
        if network not in run.exact or "layer_W0_W0" not in run.exact[network]:
            raise _Missing(f"distances of the network {NETWORKS[network]}")
        data = run.exact[network].isel(step=-1)
        w0, inner, now = (data[f"layer_{name}"].values for name in ("W0_W0", "W0_Wstar", "Wstar_Wstar"))
        shares.append(float(np.median(np.sqrt(np.maximum(w0 - 2 * inner + now, 0) / w0))))
    text = f"median over layers of |W0 - W|/|W0|: {shares[0]:.3g} with, {shares[1]:.3g} without batch norm"
    return shares[0] < shares[1], text


def _renorm(runs: Runs, published: Published):
    pairs = {}
    for label, run in runs.items():
        found = score(run, "bn")
        if found is None:
            raise _Missing("a test accuracy")
        pairs[label] = found
    text = "test accuracy " + ", ".join(f"{label} {found:.1%}" for label, found in pairs.items())
    small = [f"{name}, batch 4" for name in ("batch-renorm", "batch")]
    if all(last_loss(runs[label], "bn") > 0.95 * CHANCE for label in small):
        return None, f"{text}; neither has learned with the small batch"
    return pairs[small[0]] > pairs[small[1]], text


def _accuracy(runs: Runs, published: Published):
    run = _first(runs)
    scores = {network: found for network in NETWORKS if (found := score(run, network)) is not None}
    if len(scores) < len(NETWORKS):
        raise _Missing("a test accuracy")
    text = ", ".join(f"{scores[network]:.1%} {NETWORKS[network]}" for network in NETWORKS)
    full = run.config.width == 1.0 and run.config.steps >= 15000 and run.config.dataset == "cifar10"
    if not full:
        about = f"width {run.config.width:g}, {run.config.steps} steps, {run.description['data']['name']}"
        return None, f"{text}, but at {about}"
    return all(abs(scores[n] - published.numbers[n]) < 0.02 for n in NETWORKS), text


_TESTS: dict[str, Callable[[Runs, Published], tuple[bool | None, str]]] = {
    "bn_learns_faster": _learns_faster,
    "plain_fails_at_high": _plain_fails,
    "distributions_move_alike": _distributions,
    "noise_hardly_hurts_bn": _noise_bn,
    "noise_stops_plain": _noise_plain,
    "bn_shifts_no_less": _shifts_no_less,
    "plain_cosine_higher": _plain_cosine,
    "bn_loss_range_smaller": _landscape_test("line_loss", "range of the loss along the gradient", _span),
    "bn_more_predictive": _landscape_test("predictiveness", "largest difference of the gradients", _largest),
    "bn_effective_beta_smaller": _landscape_test("effective_beta", "effective beta", lambda values: values, below=0.1),
    "all_variants_train": _variants,
    "variants_train_as_well": _as_well,
    "bn_stays_nearer": _nearer,
    "renorm_helps_small_batches": _renorm,
    "test_accuracy": _accuracy,
}
