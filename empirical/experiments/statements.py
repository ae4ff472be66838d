r"""What stored runs show of published statements: each a function of the runs of one seed, by label.

Two networks are compared phase by phase (`comparable.phases`). Beside a published quantity that depends on the scale of
the loss stands its companion that does not, so that a small gradient is not read as a smooth landscape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import xarray as xr

from bnverify.empirical.experiments.comparable import Compared, chance, compared, judged, phases
from bnverify.empirical.experiments.experiments import Published
from bnverify.empirical.experiments.rotation import summary
from bnverify.empirical.runs.config import NETWORKS
from bnverify.empirical.runs.records import Run

Runs = Mapping[str, Run]
# What "as well" and "almost as well" mean here, as factors of a loss: the papers show curves and name no margin.
_AS_WELL, _ALMOST = 1.05, 1.2
_NEAR = 0.1
_LEARNED, _HARDLY = 0.9, 0.95  # of the loss of chance


@dataclass(frozen=True)
class Seen:
    """What one seed's runs show of a statement: whether it ``holds`` (None: nothing to judge), in words, those of the
    phases that decide; all phases that were compared, by quantity; and whether those that decide are ``mixed``."""

    holds: bool | None
    text: str
    compared: Mapping[str, tuple[Compared, ...]] = field(default_factory=dict)
    mixed: bool = False


class Missing(Exception):
    """The runs do not hold what a comparison needs."""


def last_loss(run: Run, network: str) -> float:
    """The mean training loss over the last tenth of the steps; infinite where the run diverged."""
    if network not in run.curves:
        raise Missing(f"the training loss of the network {NETWORKS[network]}")
    losses = run.curves[network]["loss"].values
    tail = losses[-max(1, len(losses) // 10) :]
    return float(tail.mean()) if np.isfinite(tail).all() else float("inf")


def score(run: Run, network: str) -> float | None:
    """The last test accuracy, or None where outputs are not classes."""
    records = run.exact.get(network)
    if records is None or "test_accuracy" not in records:
        return None
    return float(records["test_accuracy"].values[-1])


def _level(run: Run) -> float:
    """The loss of a network that has learned nothing: that of chance or, where it is unknown, that of the start."""
    known = chance(run)
    if known is not None:
        return known
    if "bn" not in run.curves:
        raise Missing("the training loss")
    return float(run.curves["bn"]["loss"].values[0])


def _first(runs: Runs) -> Run:
    return next(iter(runs.values()))


def _named(runs: Runs, part: str) -> Run:
    found = [run for label, run in runs.items() if part in label]
    if not found:
        raise Missing(f"a run named {part}")
    return found[0]


def _number(value: float) -> str:
    return "diverged" if not np.isfinite(value) else f"{value:.3g}"


def _both(run: Run, measure: Callable[[str], float]) -> tuple[float, float, str]:
    with_norm, plain = measure("bn"), measure("plain")
    return with_norm, plain, f"{_number(with_norm)} with, {_number(plain)} without batch norm"


def _phased(run: Run, read: Callable[[str], xr.DataArray], what: str) -> tuple[Compared, ...]:
    """A quantity of both networks, compared phase by phase."""
    found = compared(read("bn"), read("plain"), phases(run))
    if not found:
        raise Missing(f"finite values of the {what}")
    return found


def _told(over: Mapping[str, tuple[Compared, ...]]) -> str:
    """The phases that decide, of every quantity."""
    return "; ".join(f"{what}: " + "; ".join(map(str, judged(found))) for what, found in over.items())


def _learns_faster(runs: Runs, published: Published) -> Seen:
    parts, verdicts = [], []
    for label, run in runs.items():
        with_norm, plain, text = _both(run, partial(last_loss, run))
        first, second = score(run, "bn"), score(run, "plain")
        better, accuracy = with_norm < plain, ""
        if first is not None and second is not None:
            better, accuracy = better and first > second, f", test accuracy {first:.1%} and {second:.1%}"
        verdicts.append(better)
        parts.append(f"{label}: final training loss {text}{accuracy}")
    return Seen(all(verdicts), "; ".join(parts))


def _plain_fails(runs: Runs, published: Published) -> Seen:
    high = list(runs.values())[-1]
    with_norm, plain, text = _both(high, lambda network: last_loss(high, network))
    level = _LEARNED * _level(high)
    return Seen(plain > level and with_norm < level, f"at the larger rate, final training loss {text}")


def _distributions(runs: Runs, published: Published) -> Seen:
    run = _first(runs)
    if not run.activations:
        raise Missing("activations")

    def drift(network: str) -> float:
        """The median change of a site's mean from one measured step to the next, in standard deviations."""
        data = run.activations[network]
        move = np.abs(np.diff(data["mean"].values, axis=0)) / data["deviation"].values[:-1]
        return float(np.median(move))

    _, _, text = _both(run, drift)
    what = "median move of a site's mean between measurements, in standard deviations"
    return Seen(None, f"{what}: {text}; no number was published")


def _noise_bn(runs: Runs, published: Published) -> Seen:
    run = _named(runs, "with noise")
    noisy, clean = last_loss(run, "bn"), last_loss(_named(runs, "without noise"), "bn")
    text = f"final training loss {_number(noisy)} with noise, {_number(clean)} without"
    holds = noisy < _LEARNED * _level(run) and noisy <= _ALMOST * clean
    return Seen(holds, text + f"; almost as well: up to {_ALMOST - 1:.0%} more")


def _noise_plain(runs: Runs, published: Published) -> Seen:
    run = _named(runs, "with noise")
    noisy, level = last_loss(run, "plain"), _level(run)
    text = f"final training loss of the plain network with noise {_number(noisy)} (chance: {level:.3g})"
    return Seen(noisy > _LEARNED * level, text)


def _shift_of(run: Run, name: str, network: str) -> xr.DataArray:
    if network not in run.shift:
        raise Missing("the covariate shift")
    return run.shift[network][name][:, 1:]  # that of the first layer is 0 by definition


def _shifts_no_less(runs: Runs, published: Published) -> Seen:
    run = _first(runs)
    relative, raw = "relative shift |G - G'|/|G| of a layer", "shift |G - G'|"
    over = {
        relative: _phased(run, partial(_shift_of, run, "shift_relative"), relative),
        raw: _phased(run, partial(_shift_of, run, "shift"), raw),
    }
    less = [each.smaller() for each in judged(over[relative])]
    return Seen(not all(less), _told(over), over, mixed=len(set(less)) > 1)


def _plain_cosine(runs: Runs, published: Published) -> Seen:
    parts, verdicts = [], []
    for label, run in runs.items():
        medians = {network: float(np.nanmedian(_shift_of(run, "shift_cosine", network).values)) for network in NETWORKS}
        verdicts.append(medians["plain"] > medians["bn"])
        parts.append(f"{label}: median cosine {medians['bn']:.3g} with, {medians['plain']:.3g} without")
    return Seen(all(verdicts), "; ".join(parts))


def line_quantity(run: Run, reduce: Callable[[xr.Dataset], xr.DataArray], network: str) -> xr.DataArray:
    """A quantity (step,) of the landscape along the gradient, in the paper's range."""
    if network not in run.landscape:
        raise Missing("the landscape")
    data = run.landscape[network]
    if "line" in data.dims:
        data = data.sel(line="gradient, paper")
    return reduce(data)


def span(data: xr.Dataset) -> xr.DataArray:
    """The largest loss less the smallest over the points of every step."""
    return data["line_loss"].astype(float).max("point") - data["line_loss"].astype(float).min("point")


def _over_gradient(data: xr.Dataset) -> xr.DataArray:
    return span(data) / data["gradient_norm"].astype(float)


def _largest(name: str) -> Callable[[xr.Dataset], xr.DataArray]:
    def largest(data: xr.Dataset) -> xr.DataArray:
        values = data[name].astype(float)
        return values.max("point") if "point" in values.dims else values

    return largest


def _bend(data: xr.Dataset) -> xr.DataArray:
    return abs(data["normalised_curvature"].astype(float))


def _turn(data: xr.Dataset) -> xr.DataArray:
    return 1 - data["predictiveness_cosine"].astype(float).min("point")


_Read = Callable[[xr.Dataset], xr.DataArray]
_PUBLISHED_LINES: dict[str, tuple[str, _Read, tuple[tuple[str, _Read], ...]]] = {
    "line_loss": ("range of the loss along the gradient", span, (
        ("range over |gradient|", _over_gradient), ("|eta g'Hg|/|g|^2", _bend),
    )),
    "predictiveness": ("largest difference of the gradients", _largest("predictiveness"), (
        ("difference over |gradient|", _largest("predictiveness_relative")), ("1 - least cosine", _turn),
    )),
    "effective_beta": ("effective beta", _largest("effective_beta"), (("|eta g'Hg|/|g|^2", _bend),)),
}  # fmt: skip
"""What was published of the landscape, and its companions that do not depend on the scale of the loss."""


def _landscape_test(name: str, below: float = 1.0) -> Callable[[Runs, Published], Seen]:
    what, reduce, companions = _PUBLISHED_LINES[name]

    def compare(runs: Runs, published: Published) -> Seen:
        over: dict[str, tuple[Compared, ...]] = {}
        mixed, verdicts = False, []
        for label, run in runs.items():
            found = _phased(run, partial(line_quantity, run, reduce), what)
            said = [each.smaller(below) for each in judged(found)]
            mixed = mixed or len(set(said)) > 1
            verdicts.append(all(said))
            named = {what: found} | _free(run, companions)
            over |= {f"{label}: {name}": each for name, each in named.items()} if len(runs) > 1 else named
        return Seen(all(verdicts), _told(over), over, mixed)

    return compare


def _free(run: Run, companions: Sequence[tuple[str, _Read]]) -> dict[str, tuple[Compared, ...]]:
    """The companions without the scale of the loss; nothing of those that are not recorded."""
    found = {}
    for what, reduce in companions:
        with suppress(Missing, KeyError):
            found[f"scale-free, {what}"] = _phased(run, partial(line_quantity, run, reduce), what)
    return found


def _variants(runs: Runs, published: Published) -> Seen:
    losses = {label: last_loss(run, "bn") for label, run in runs.items()}
    level = {label: _level(run) for label, run in runs.items()}
    trained = all(np.isfinite(loss) and loss < _LEARNED * level[label] for label, loss in losses.items())
    least = min(level.values())
    return Seen(trained, _losses(losses) + f" (chance: {least:.3g}; trained: below {_LEARNED:.0%} of it)")


def _as_well(runs: Runs, published: Published) -> Seen:
    losses = {label: last_loss(run, "bn") for label, run in runs.items()}
    if "batch" not in losses:
        raise Missing("the run with batch norm")
    well = all(np.isfinite(loss) and loss <= _AS_WELL * losses["batch"] for loss in losses.values())
    return Seen(well, _losses(losses) + f"; as well: up to {_AS_WELL - 1:.0%} more than batch norm's")


def _losses(losses: Mapping[str, float]) -> str:
    return "final training loss " + ", ".join(f"{label} {_number(loss)}" for label, loss in losses.items())


def _nearer(runs: Runs, published: Published) -> Seen:
    run = _first(runs)
    shares = []
    for network in ("bn", "plain"):
        if network not in run.exact or "layer_W0_W0" not in run.exact[network]:
            raise Missing(f"distances of the network {NETWORKS[network]}")
        data = run.exact[network].isel(step=-1)
        w0, inner, now = (data[f"layer_{name}"].values for name in ("W0_W0", "W0_Wstar", "Wstar_Wstar"))
        shares.append(float(np.median(np.sqrt(np.maximum(w0 - 2 * inner + now, 0) / w0))))
    text = f"median over layers of |W0 - W|/|W0|: {shares[0]:.3g} with, {shares[1]:.3g} without batch norm"
    return Seen(shares[0] < shares[1], text)


def _renorm(runs: Runs, published: Published) -> Seen:
    pairs = {}
    for label, run in runs.items():
        found = score(run, "bn")
        if found is None:
            raise Missing("a test accuracy")
        pairs[label] = found
    text = "test accuracy " + ", ".join(f"{label} {found:.1%}" for label, found in pairs.items())
    small = [f"{name}, batch 4" for name in ("batch-renorm", "batch")]
    if all(last_loss(runs[label], "bn") > _HARDLY * _level(runs[label]) for label in small):
        return Seen(None, f"{text}; neither has learned with the small batch")
    return Seen(pairs[small[0]] > pairs[small[1]], text)


def _accuracy(runs: Runs, published: Published) -> Seen:
    run = _first(runs)
    scores = {network: found for network in NETWORKS if (found := score(run, network)) is not None}
    if len(scores) < len(NETWORKS):
        raise Missing("a test accuracy")
    text = ", ".join(f"{scores[network]:.1%} {NETWORKS[network]}" for network in NETWORKS)
    return Seen(all(abs(scores[n] - published.numbers[n]) < 0.02 for n in NETWORKS), text)


def _rotation(runs: Runs, published: Published) -> Seen:
    """Whether the median layer turns as the printed law says, over the last fifth of the training; nothing is judged
    where |W|^2 still changes by more than a tenth of that a step: the law is of an equilibrium."""
    parts, verdicts, settled = [], [], True
    for label, run in runs.items():
        told = summary(run)
        if not told:
            raise Missing("two consecutive states (the observation dynamics)")
        turn, printed, drift = told["turn"], told["printed"], told["drift"]
        verdicts.append(abs(turn - printed) <= _NEAR * printed)
        settled = settled and abs(drift) <= _NEAR * printed
        parts.append(
            f"{label}: 1 - cos = {turn:.3g} in the median layer over the last fifth, printed {printed:.3g}, with "
            f"epsilon's part {told['law']:.3g}; |W|^2 changes by {drift:.2g} a step; epsilon has {told['share']:.1g} "
            f"of the turn; effective rate {told['rate']:.3g}; "
            f"without decay a rate growing by {told['growing_rate']:.4f}"
        )
    tail = f"; near: within {_NEAR:.0%}" if settled else "; not in equilibrium yet"
    return Seen(all(verdicts) if settled else None, "; ".join(parts) + tail)


TESTS: dict[str, Callable[[Runs, Published], Seen]] = {
    "bn_learns_faster": _learns_faster,
    "plain_fails_at_high": _plain_fails,
    "distributions_move_alike": _distributions,
    "noise_hardly_hurts_bn": _noise_bn,
    "noise_stops_plain": _noise_plain,
    "bn_shifts_no_less": _shifts_no_less,
    "plain_cosine_higher": _plain_cosine,
    "bn_loss_range_smaller": _landscape_test("line_loss"),
    "bn_more_predictive": _landscape_test("predictiveness"),
    "bn_effective_beta_smaller": _landscape_test("effective_beta", below=0.1),
    "all_variants_train": _variants,
    "variants_train_as_well": _as_well,
    "bn_stays_nearer": _nearer,
    "renorm_helps_small_batches": _renorm,
    "rotation_in_equilibrium": _rotation,
    "test_accuracy": _accuracy,
}
