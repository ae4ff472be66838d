"""One network in four libraries with the same weights: two convolutions, batch norm, a layer norm on the inner path of
a residual connection, and an RMS norm before the head. Each comes as (what holds the parameters, loss, arguments)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

CHANNELS, EPSILON, MOMENTUM = 4, 1e-5, 0.9
NORMS = ("batch", "layer", "rms")


def weights(seed=0):
    source = np.random.default_rng(seed)
    return {
        "first": 0.4 * source.normal(size=(3, 3, 2, CHANNELS)),
        "second": 0.3 * source.normal(size=(3, 3, CHANNELS, CHANNELS)),
        "head": source.normal(size=(CHANNELS, 2)),
        "batch": (1 + 0.3 * source.normal(size=CHANNELS), source.normal(size=CHANNELS)),
        "layer": (1 + 0.3 * source.normal(size=CHANNELS), source.normal(size=CHANNELS)),
        "rms": (1 + 0.3 * source.normal(size=CHANNELS),),
        "mean": source.normal(size=CHANNELS), "variance": source.uniform(0.5, 2, CHANNELS),
        "x": source.normal(size=(5, 4, 4, 2)) + 0.3, "target": source.normal(size=(5, 2)),
    }  # fmt: skip


def error(output, target):
    return jnp.square(output - target).mean()


def nnx_network(w):
    from flax import nnx

    class Network(nnx.Module):
        def __init__(self):
            rngs, size, wide = nnx.Rngs(0), (3, 3), {"param_dtype": jnp.float64}
            self.first = nnx.Conv(2, CHANNELS, size, use_bias=False, rngs=rngs, **wide)
            self.second = nnx.Conv(CHANNELS, CHANNELS, size, use_bias=False, rngs=rngs, **wide)
            self.head = nnx.Linear(CHANNELS, 2, use_bias=False, rngs=rngs, **wide)
            options = {"epsilon": EPSILON, "use_fast_variance": False, "rngs": rngs, **wide}
            self.batch = nnx.BatchNorm(CHANNELS, momentum=MOMENTUM, **options)
            self.layer = nnx.LayerNorm(CHANNELS, **options)
            self.rms = nnx.RMSNorm(CHANNELS, epsilon=EPSILON, rngs=rngs, **wide)

        def __call__(self, x):
            h = jnp.tanh(self.batch(self.first(x)))
            h = jnp.tanh(h + self.layer(self.second(h)))
            return self.head(jnp.tanh(self.rms(h.mean((1, 2)))))

    model = Network()
    for name in ("first", "second", "head"):
        getattr(model, name).kernel[...] = jnp.asarray(w[name])
    for name in NORMS:
        getattr(model, name).scale[...] = jnp.asarray(w[name][0])
        if len(w[name]) == 2:
            getattr(model, name).bias[...] = jnp.asarray(w[name][1])
    model.batch.mean, model.batch.var = (nnx.BatchStat(jnp.asarray(w[each])) for each in ("mean", "variance"))
    return model, lambda model, x, target: error(model(x), target), (w["x"], w["target"])


def linen_network(w):
    from flax import linen

    class Network(linen.Module):
        @linen.compact
        def __call__(self, x):
            def conv(name):
                return linen.Conv(CHANNELS, (3, 3), use_bias=False, name=name)

            h = conv("first")(x)
            h = jnp.tanh(
                linen.BatchNorm(False, momentum=MOMENTUM, epsilon=EPSILON, use_fast_variance=False, name="batch")(h)
            )
            norm = linen.LayerNorm(epsilon=EPSILON, use_fast_variance=False, name="layer")
            h = jnp.tanh(h + norm(conv("second")(h)))
            h = linen.RMSNorm(epsilon=EPSILON, name="rms")(h.mean((1, 2)))
            return linen.Dense(2, use_bias=False, name="head")(jnp.tanh(h))

    network = Network()
    params = {name: {"kernel": w[name]} for name in ("first", "second", "head")}
    params |= {name: dict(zip(("scale", "bias"), w[name], strict=False)) for name in NORMS}
    variables = {"params": params, "batch_stats": {"batch": {"mean": w["mean"], "var": w["variance"]}}}

    def loss(variables, x, target):
        return error(network.apply(variables, x, mutable=["batch_stats"])[0], target)

    return variables, loss, (w["x"], w["target"])


def haiku_network(w):
    import haiku as hk

    def network(x):
        conv = {name: hk.Conv2D(CHANNELS, 3, with_bias=False, name=name) for name in ("first", "second")}
        h = jnp.tanh(hk.BatchNorm(True, True, MOMENTUM, EPSILON, name="batch")(conv["first"](x), True))
        h = jnp.tanh(h + hk.LayerNorm(-1, True, True, EPSILON, name="layer")(conv["second"](h)))
        h = hk.RMSNorm(-1, EPSILON, name="rms")(h.mean((1, 2)))
        return hk.Linear(2, with_bias=False, name="head")(jnp.tanh(h))

    made = hk.transform_with_state(network)
    params = {name: {"w": w[name]} for name in ("first", "second", "head")}
    params |= {name: dict(zip(("scale", "offset"), w[name], strict=False)) for name in ("layer", "rms")}
    params["batch"] = {
        name: each.reshape(1, 1, 1, -1) for name, each in zip(("scale", "offset"), w["batch"], strict=True)
    }
    state = {
        f"batch/~/{name}_ema": {
            "counter": np.int32(3), "hidden": w[long].reshape(1, 1, 1, -1), "average": w[long].reshape(1, 1, 1, -1)
        }
        for name, long in (("mean", "mean"), ("var", "variance"))
    }  # fmt: skip
    state = jax.tree.map(jnp.asarray, state)

    def loss(params, state, x, target):
        return error(made.apply(params, state, None, x)[0], target)

    return params, loss, (state, w["x"], w["target"])


def equinox_network(w):
    import equinox as eqx

    class Network(eqx.Module):
        first: eqx.nn.Conv2d
        second: eqx.nn.Conv2d
        batch: eqx.nn.BatchNorm
        layer: eqx.Module
        rms: eqx.nn.RMSNorm
        head: eqx.nn.Linear

        def __call__(self, x, state):  # one sample, channels first
            h, state = self.batch(self.first(x), state)
            h = jnp.tanh(h)
            inner = jax.vmap(jax.vmap(self.layer, 1, 1), 1, 1)(self.second(h))
            h = jnp.tanh(h + inner)
            return self.head(jnp.tanh(self.rms(h.mean((1, 2))))), state

    def convolution(name, given):
        empty = eqx.nn.Conv2d(given, CHANNELS, 3, padding="SAME", use_bias=False, key=jax.random.key(0))
        return eqx.tree_at(lambda conv: conv.weight, empty, jnp.asarray(w[name].transpose(3, 2, 0, 1)))

    def norm(made, name):
        made = eqx.tree_at(lambda one: one.weight, made, jnp.asarray(w[name][0]))
        return made if len(w[name]) == 1 else eqx.tree_at(lambda one: one.bias, made, jnp.asarray(w[name][1]))

    head = eqx.nn.Linear(CHANNELS, 2, use_bias=False, key=jax.random.key(0))
    model = Network(
        convolution("first", 2), convolution("second", CHANNELS),
        norm(eqx.nn.BatchNorm(CHANNELS, "samples", EPSILON, momentum=MOMENTUM, mode="batch"), "batch"),
        norm(eqx.nn.LayerNorm(CHANNELS, EPSILON), "layer"),
        norm(eqx.nn.RMSNorm(CHANNELS, EPSILON, use_bias=False), "rms"),
        eqx.tree_at(lambda one: one.weight, head, jnp.asarray(w["head"].T)),
    )  # fmt: skip
    statistics = jnp.asarray(w["mean"]), jnp.asarray(w["variance"])
    state = eqx.nn.State(model).set(model.batch.batch_state_index, statistics)

    def loss(model, state, x, target):
        output, _ = jax.vmap(model, axis_name="samples", in_axes=(0, None), out_axes=(0, None))(x, state)
        return error(output, target)

    return model, loss, (state, w["x"].transpose(0, 3, 1, 2), w["target"])
