"""Networks of Linen, Haiku and Equinox: the numbers of Flax NNX on the same weights; wrong layers are noticed."""

import functools
import importlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("flax", reason="Flax is an optional extra")
import jax_networks as networks
from selection import first_and_slow
from sizes import apart

from bnverify.empirical.adapters.jax_suspects import in_program
from bnverify.empirical.judgement.judged import judge
from bnverify.errors import Diverged, InputError

FRAMEWORKS = ("linen", "haiku", "equinox")
TOLERANCE = 1e-12
WIDTH = 4


@functools.cache
def measured(framework):
    pytest.importorskip("flax" if framework in ("linen", "nnx") else framework, reason="an optional extra: frameworks")
    adapter = importlib.import_module(f"bnverify.empirical.adapters.{framework}")
    holder, loss, arguments = getattr(networks, f"{framework}_network")(networks.weights())
    return adapter.measure_model(holder, loss, *arguments)


@pytest.mark.parametrize("framework", first_and_slow(FRAMEWORKS, {"equinox"}))
def test_every_norm_is_found_and_every_claim_holds(framework):
    found = measured(framework)
    assert list(found) == list(networks.NORMS) and found.skipped == found.recognised == {}
    judged, expected = judge(found), judge(measured("nnx"))
    for site, verdicts in judged.items():
        assert not any(verdict.violations for verdict in verdicts), site
        assert [(v.key, v.points) for v in verdicts] == [(v.key, v.points) for v in expected[site]], site
    tested = {verdict.key for verdict in judged["batch"] if verdict.points}
    assert {"theorem-4.1-exact", "theorem-4.2-exact", "running-mean", "running-variance"} <= tested


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_numbers_are_those_of_flax_nnx(framework):
    found, expected = measured(framework), measured("nnx")
    for site in networks.NORMS:
        quantities, reference = found[site].quantities, expected[site].quantities
        assert set(quantities) == set(reference)
        differences = apart(quantities, reference)
        assert {name: each for name, each in differences.items() if not each <= TOLERANCE} == {}, site
        for name in ("v_v", "one_v", "y_v", "grad_gamma", "v_Hhat_v"):
            if name in reference:  # and a difference of 1e-11 is seen
                size = np.nanmax(np.abs(quantities[name])) or 1.0
                moved = {**quantities, name: np.asarray(quantities[name]) + 1e-11 * max(size, 1.0)}
                assert apart(moved, reference)[name] > TOLERANCE, (site, name)


@jax.custom_vjp
def mean_subtracted_twice(y, gamma):
    """A layer norm whose backward pass is wrong."""
    return _forward(y, gamma)[0]


def _forward(y, gamma):
    centred = y - y.mean(-1, keepdims=True)
    inverse = jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-5)
    return gamma * centred * inverse, (centred * inverse, inverse, gamma)


def _backward(kept, g):
    yhat, inverse, gamma = kept
    scaled = g * gamma
    v = inverse * (scaled - 2 * scaled.mean(-1, keepdims=True) - yhat * (scaled * yhat).mean(-1, keepdims=True))
    return v, (g * yhat).reshape(-1, yhat.shape[-1]).sum(0)


mean_subtracted_twice.defvjp(_forward, _backward)


def linen_small(kind):
    """(variables, loss, x) of a dense layer, one norm of a kind, and tanh."""
    from flax import linen

    class WrongNorm(linen.Module):
        @linen.compact
        def __call__(self, x):
            return mean_subtracted_twice(x, self.param("scale", linen.initializers.ones, x.shape[-1:], x.dtype))

    class Network(linen.Module):
        @linen.compact
        def __call__(self, x):
            y = linen.Dense(WIDTH, use_bias=False, name="first")(x)
            if kind == "wrong":
                z = WrongNorm(name="norm")(y)
            elif kind == "inference":
                z = linen.BatchNorm(True, name="norm")(y)
            elif kind == "masked":
                z = linen.LayerNorm(name="norm")(y, mask=y > -1)
            elif kind == "twice":
                norm = linen.LayerNorm(name="norm")
                z = norm(jnp.tanh(norm(y)))
            elif kind == "scanned":
                step = linen.scan(
                    lambda module, carry, _: (jnp.tanh(module(carry)), None), variable_broadcast="params",
                    split_rngs={"params": False}, length=2,
                )  # fmt: skip
                z, _ = step(linen.LayerNorm(name="norm"), y, None)
            else:
                z = linen.LayerNorm(name="norm")(y)
            return jnp.tanh(z)

    source = np.random.default_rng(1)
    x = source.normal(size=(6, 3))
    network = Network()
    variables = network.init(jax.random.key(0), x.astype(np.float32))

    def loss(variables, x):
        def value(x):
            return (network.apply(variables, x) ** 3).mean()

        return jnp.square(jax.grad(value)(x)).sum() if kind == "penalty" else value(x)

    return variables, loss, x


def haiku_small(kind):
    import haiku as hk

    class WrongNorm(hk.Module):
        def __call__(self, x):
            return mean_subtracted_twice(x, hk.get_parameter("scale", x.shape[-1:], x.dtype, jnp.ones))

    def network(x):
        y = hk.Linear(WIDTH, with_bias=False, name="first")(x)
        if kind == "wrong":
            z = WrongNorm(name="norm")(y)
        elif kind == "inference":
            z = hk.BatchNorm(True, True, 0.9, name="norm")(y, False)
        elif kind == "masked":
            z = hk.LayerNorm(-1, False, True, name="norm")(y, scale=jnp.asarray(y > -1, y.dtype))
        elif kind == "twice":
            norm = hk.LayerNorm(-1, True, True, name="norm")
            z = norm(jnp.tanh(norm(y)))
        else:
            z = hk.LayerNorm(-1, True, True, name="norm")(y)
        return jnp.tanh(z)

    made = hk.transform_with_state(network)
    x = np.random.default_rng(1).normal(size=(6, 3))
    if kind == "inference":  # running statistics are there after a step in training mode only

        def training(x):
            y = hk.Linear(WIDTH, with_bias=False, name="first")(x)
            return hk.BatchNorm(True, True, 0.9, name="norm")(y, True)

        params, state = hk.transform_with_state(training).init(jax.random.key(0), x)
    else:
        params, state = made.init(jax.random.key(0), x)
    return params, lambda params, x: (made.apply(params, state, None, x)[0] ** 3).mean(), x


def equinox_small(kind):
    import equinox as eqx

    class WrongNorm(eqx.Module):
        weight: jax.Array

        def __call__(self, x):
            return mean_subtracted_twice(x, self.weight)

    class Network(eqx.Module):
        first: eqx.nn.Linear
        norm: eqx.Module
        other: eqx.nn.LayerNorm

        def __call__(self, x, state):
            y = self.first(x)
            if kind == "inference":
                return jnp.tanh(self.norm(y, state)[0])
            return jnp.tanh(self.norm(jnp.tanh(self.norm(y))) if kind == "twice" else self.norm(y))

    norm = {
        "wrong": lambda: WrongNorm(jnp.ones(WIDTH)),
        "inference": lambda: eqx.nn.BatchNorm(WIDTH, "samples", mode="batch", inference=True),
    }.get(kind, lambda: eqx.nn.LayerNorm(WIDTH))()
    model = Network(eqx.nn.Linear(3, WIDTH, key=jax.random.key(0)), norm, eqx.nn.LayerNorm(WIDTH))
    state = eqx.nn.State(model)
    x = np.random.default_rng(1).normal(size=(6, 3))

    def loss(model, x):
        return (jax.vmap(model, axis_name="samples", in_axes=(0, None))(x, state) ** 3).mean()

    return model, loss, x


SMALL = {"linen": linen_small, "haiku": haiku_small, "equinox": equinox_small}


def small(framework, kind):
    pytest.importorskip("flax" if framework == "linen" else framework, reason="an optional extra: frameworks")
    adapter = importlib.import_module(f"bnverify.empirical.adapters.{framework}")
    holder, loss, x = SMALL[framework](kind)
    return adapter.measure_model(holder, loss, x, sampled=0)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_wrong_backward_pass_of_an_unknown_class_is_noticed(framework):
    found = small(framework, "wrong")
    assert list(found) == ["norm"] and found.recognised == {"norm": "WrongNorm, by its values layer norm"}
    violated = {verdict.key for verdict in judge(found)["norm"] if verdict.violations}
    assert "normalizer-backward" in violated
    if framework == "equinox":
        assert found.skipped == {"other": "it is not called"}


@pytest.mark.parametrize(
    ("framework", "kind", "reason"),
    [
        ("linen", "inference", "norm: it uses running statistics"), ("linen", "masked", "called with an array as mask"),
        ("linen", "twice", "norm: it is called 2 times"), ("linen", "scanned", "it is called inside of scan"),
        ("linen", "penalty", "it is called inside of a loss that differentiates the network"),
        ("haiku", "inference", "norm: it uses running statistics"), ("haiku", "twice", "norm: it is called 2 times"),
        ("haiku", "masked", "called with an array as scale"),
        ("equinox", "inference", "norm: it uses running statistics"),
        ("equinox", "twice", "norm: it is called 2 times"),
    ],
)  # fmt: skip
def test_what_is_not_measured_is_named_with_its_reason(framework, kind, reason):
    with pytest.raises(InputError, match=reason):
        small(framework, kind)


def test_a_loss_is_one_number_and_a_norm_by_hand_is_listed():
    from flax import linen

    from bnverify.empirical.adapters.linen import measure_model

    class Network(linen.Module):
        @linen.compact
        def __call__(self, x):
            y = linen.LayerNorm(name="norm")(linen.Dense(WIDTH, name="first")(x))
            return y * jax.lax.rsqrt(jnp.square(y).mean(-1, keepdims=True) + 1e-5)

    network, x = Network(), np.random.default_rng(2).normal(size=(6, 3))
    variables = network.init(jax.random.key(0), x.astype(np.float32))
    with pytest.raises(InputError, match=r"float64 of shape \(6, 4\)"):
        measure_model(variables, lambda variables, x: network.apply(variables, x), x)
    found = measure_model(variables, lambda variables, x: (network.apply(variables, x) ** 3).mean(), x, sampled=0)
    with pytest.raises(Diverged, match="a loss of nan; activations that are NaN or infinite, first at norm"):
        measure_model(variables, lambda variables, x: (network.apply(variables, x) ** 3).mean(), x * np.nan, sampled=0)
    assert list(found) == ["norm"]
    assert [("test_jax_networks.py" in name, "mean of squares" in why) for name, why in found.skipped.items()] == [
        (True, True)
    ]


def test_a_folder_of_ones_own_may_have_the_name_of_a_library():
    """A checkout of this project is called bnverify."""
    source = "def loss(y):\n    return (y * jax.lax.rsqrt(jnp.square(y).mean() + 1e-5)).sum()\n"
    scope = {"jax": jax, "jnp": jnp}
    exec(compile(source, str(Path("/", "home", "jax", "bnverify", "model.py")), "exec"), scope)
    assert list(in_program(jax.make_jaxpr(scope["loss"])(jnp.ones(3)))) == ["model.py:2 (loss)"]


def _mean(h):
    return h.mean(-1, keepdims=True)


def _squares(h):
    return _mean(h * h)


def _scanned(h):
    total, _ = jax.lax.scan(lambda carry, x: (carry + x * x, None), jnp.zeros(h.shape[:1]), h.T)
    return h / jnp.sqrt(total)[:, None]


_NORMS = {
    "rsqrt": lambda h: h * jax.lax.rsqrt(_squares(h) + 1e-6),
    "var": lambda h: (h - _mean(h)) / jnp.sqrt(h.var(-1, keepdims=True) + 1e-6),
    "std": lambda h: (h - _mean(h)) / (h.std(-1, keepdims=True) + 1e-6),
    "power": lambda h: h * (_squares(h) + 1e-6) ** -0.5,
    "power of a number": lambda h: h / jnp.sqrt((h**2.0).sum()),
    "standardize": jax.nn.standardize,
    "clipped": lambda h: (h - _mean(h)) * jax.lax.rsqrt(jnp.maximum(_squares(h) - _mean(h) ** 2, 0) + 1e-6),
    "einsum": lambda h: h / jnp.sqrt(jnp.einsum("bi,bi->b", h, h)[:, None] + 1e-6),
    "matmul": lambda h: h / jnp.sqrt((h * h) @ jnp.ones((h.shape[-1], 1))),
    "written twice": lambda h: h / jnp.sqrt(((h - _mean(h)) * (h - _mean(h))).mean(-1, keepdims=True)),
    "l1": lambda h: h / (jnp.abs(h).mean(-1, keepdims=True) + 1e-6),
    "linf": lambda h: h / (jnp.abs(h).max(-1, keepdims=True) + 1e-6),
    "inverse": lambda h: h * (1 / (jnp.abs(h).mean(-1, keepdims=True) + 1e-6)),
    "logarithm": lambda h: h * jnp.exp(-0.5 * jnp.log(_squares(h) + 1e-6)),
    "stopped": lambda h: h * jax.lax.rsqrt(jax.lax.stop_gradient(_squares(h)) + 1e-6),
    "linalg": lambda h: h / jnp.linalg.norm(h, axis=-1, keepdims=True),
    "whitening": lambda h: jnp.linalg.solve(jnp.linalg.cholesky(h.T @ h + jnp.eye(h.shape[1])), h.T),
    "checkpoint": jax.checkpoint(lambda h: h / h.std()),
    "vmap": jax.vmap(lambda h: h / jnp.linalg.norm(h)),
    "cond": lambda h: jax.lax.cond(h[0, 0] > 0, lambda h: h / h.std(), lambda h: h, h),
    "scan": _scanned,
    "map": lambda h: jax.lax.map(lambda row: row / row.std(), h),
    "where": lambda h: h / jnp.where(h.std() > 0, h.std(), 1.0),
    "l3": lambda h: h / (jnp.abs(h) ** 3).mean(-1, keepdims=True) ** (1 / 3),
    "pairs": lambda h: h[:, :3] / jnp.sqrt(h[:, :3] ** 2 + h[:, 3:] ** 2),
    "a sum written out": lambda h: h / jnp.sqrt(sum(h[:, i] ** 2 for i in range(6)))[:, None],
    "response": lambda h: h / (1 + jax.lax.reduce_window(h**2, 0.0, jax.lax.add, (1, 3), (1, 1), "SAME")) ** 0.75,
}
_NO_NORMS = {
    "softmax": jax.nn.softmax, "attention": lambda h: jax.nn.softmax(h @ (2 * h).T / 2) @ h, "gelu": jax.nn.gelu,
    "squared relu": lambda h: jnp.square(jax.nn.relu(h)) @ jnp.ones((h.shape[1], 3)), "glu": jax.nn.glu,
    "penalty": lambda h: h.sum() + 1e-4 * (h**2).sum(), "error": lambda h: jnp.abs(h - 1).mean() / 2,
    "masked mean": lambda h: jnp.where(h > 0, h, 0).sum() / jnp.where(h > 0, 1.0, 0.0).sum(),
    "softsign": jax.nn.soft_sign,
    "huber": lambda h: jnp.where(jnp.abs(h) < 1, h * h / 2, jnp.abs(h) - 0.5).mean(), "cube": lambda h: h**3 / 3,
    "entropy": lambda h: -jax.nn.log_softmax(h)[:, 0].mean(),
    "relative error": lambda h: jnp.sum(h**2) / jnp.sum(jnp.abs(h - 1)), "isru": lambda h: h / jnp.sqrt(1 + h * h),
    "gate": lambda h: h * jax.nn.sigmoid(jnp.sqrt(_squares(h))),
    "distances": lambda h: jax.nn.softmax(-jnp.sqrt(((h[:, None] - h[None]) ** 2).sum(-1) + 1e-6)) @ h,
}  # fmt: skip


@pytest.mark.parametrize("way", [*_NORMS, *_NO_NORMS])
def test_a_norm_is_seen_however_it_is_written_and_nothing_else_is(way):
    found = list(in_program(jax.make_jaxpr({**_NORMS, **_NO_NORMS}[way])(jnp.ones((8, 6)))))
    assert bool(found) == (way in _NORMS)
    assert way == "standardize" or all("test_jax_networks.py" in place for place in found)


def test_a_norm_of_the_library_is_where_the_user_called_it():
    """Its program is kept from another call."""
    jax.make_jaxpr(lambda h: jnp.std(h))(jnp.ones((8, 6)))
    (place,) = in_program(jax.make_jaxpr(lambda h: h / jnp.std(h))(jnp.ones((8, 6))))
    line = test_a_norm_of_the_library_is_where_the_user_called_it.__code__.co_firstlineno + 3
    assert place.startswith(f"test_jax_networks.py:{line} ")
