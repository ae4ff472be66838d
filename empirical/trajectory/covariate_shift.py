"""Internal covariate shift, Definition 2.1 of Santurkar et al. 2018.

For a layer i with weights W_i, at the parameters of step t and on one batch, in training mode::

    G_i  = dL/dW_i (W_1^t,     ..., W_k^t)
    G'_i = dL/dW_i (W_1^{t+1}, ..., W_{i-1}^{t+1}, W_i^t, ..., W_k^t)

and the shift is |G_i - G'_i|. A layer is a stage with a ``kernel``, and W_i is that kernel alone: the bias of a
convolution has gradient zero under batch norm, and would only add rounding. *Updated* for G'_i is every parameter of
every stage before the layer's own, in the order of the stages: kernels and biases, and gamma and beta of the
normalisations between them. *Not updated* are the layer's own bias, the normalisation after it, and all that follows.
Nothing precedes the first layer: its G' is its G, and its shift is 0 by definition.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import lax
from jaxtyping import Array, Float

from bnverify.empirical.measurement.gradients import Comparison, Objective, check_like, compare
from bnverify.empirical.networks.network import Network, Parameters
from bnverify.errors import InputError


def layers(network: Network, params: Parameters) -> tuple[int, ...]:
    """Indices of the stages that are layers: those with a ``kernel`` among their parameters, in order."""
    found = tuple(i for i, stage in enumerate(network.stages) if "kernel" in params.get(stage.name, {}))
    if not found:
        raise InputError(
            got=f"a network without layers: {', '.join(stage.name for stage in network.stages)}",
            expected="at least one stage with a parameter named kernel",
            advice="name the weights of a convolution or dense stage kernel",
        )
    return found


def covariate_shift(
    network: Network,
    objective: Objective,
    params: Parameters,
    updated: Parameters,
    gradient: Parameters,
    x: Float[Array, "n ..."],
    labels: Array,
    *,
    recompute_first: bool = False,
) -> Comparison:
    """G_i and G'_i compared for every layer: arrays of shape (layers,).

    ``params`` are W^t, ``updated`` what the optimizer made of them, W^{t+1}; ``gradient`` is that of the loss at
    ``params`` on this batch in training mode, which the training step has anyway. With ``recompute_first`` the first
    layer's G' is computed as the others are, at a fifth more cost: whether its cosine is 1 up to rounding then shows
    whether ``gradient`` is what it should be.

    Cost: one forward pass with the updated parameters; for layer i the forward pass of stages i..k from there and the
    backward pass to W_i alone. The layers take turns, so memory holds the activations of one.
    """
    check_like(params, updated=updated, gradient=gradient)
    indices = layers(network, params)
    kernels = [gradient[network.stages[i].name]["kernel"] for i in indices]
    again = 0 if recompute_first else 1
    shifts = [compare(kernel, kernel) for kernel in kernels[:again]]
    if indices[again:]:
        values = network.values_at(updated, x, [network.entry(i) for i in indices[again:]])
        # A branch a layer, one taken after the other: a plain loop would be scheduled as one graph, and hold all
        # layers' activations at a time.
        branches = [
            lambda i=i, value=value, kernel=kernel: compare(
                kernel, _kernel_gradient(network, objective, params, updated, i, value, labels)
            )
            for i, value, kernel in zip(indices[again:], values, kernels[again:], strict=True)
        ]
        rest = lax.map(lambda turn: lax.switch(turn, branches), jnp.arange(len(branches)))
        shifts += [jax.tree.map(lambda a, j=j: a[j], rest) for j in range(len(branches))]
    return jax.tree.map(lambda *a: jnp.stack(a), *shifts)


def _kernel_gradient(network, objective: Objective, params, updated, index: int, value: Array, labels: Array) -> Array:
    """dL/dW of the layer at ``index`` with updated parameters before it and all parameters from there on as given;
    ``value`` enters at the layer, or at the fork of the skip connection around it."""
    name, start = network.stages[index].name, network.entry(index)
    mixed = params | {stage.name: updated.get(stage.name, {}) for stage in network.stages[start:index]}

    def loss(kernel):
        own = {**mixed, name: {**params[name], "kernel": kernel}}
        return objective(network.run(own, value, start), labels)

    return jax.grad(loss)(params[name]["kernel"])


def shift_dataset(step: int, names: list[str], shift: Comparison) -> xr.Dataset:
    """One labelled record, dims step x layer, from the layers' names and what `covariate_shift` returned."""
    columns: dict[str, Any] = {
        "shift": (shift.l2, "L2 norm of the difference of the gradients"),
        "shift_cosine": (shift.cosine, "cosine of the gradients"),
        "shift_relative": (shift.relative, "L2 norm of the difference over that of the gradient"),
        "gradient_norm": (shift.norm, "L2 norm of the gradient before the update of earlier layers"),
        "updated_gradient_norm": (shift.other_norm, "L2 norm of the gradient after the update of earlier layers"),
    }
    data = {name: ("layer", np.asarray(value), {"long_name": text}) for name, (value, text) in columns.items()}
    return xr.Dataset(data, coords={"layer": names}).expand_dims(step=np.array([step], np.int32))
