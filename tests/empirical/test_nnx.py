"""Flax NNX models cut at their normalisations: against hand-written networks, and broken layers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("flax")
from flax import nnx
from flax_models import WIDTH, Residual, TwoNames, images, loss, perturbed, residual
from selection import first_and_slow

from bnverify.empirical.adapters.nnx import FlaxCut as Cut
from bnverify.empirical.adapters.nnx import measure_model
from bnverify.empirical.judgement.judged import judge, table


class Several(nnx.Module):
    """One normalisation of every kind, dropout between them, on two paths; compiled and rematerialised by the user."""

    def __init__(self):
        rngs = nnx.Rngs(3)
        self.mix = nnx.List([nnx.Linear(WIDTH, WIDTH, rngs=rngs) for _ in range(2)])
        self.norms = nnx.List([
            nnx.BatchNorm(WIDTH, rngs=rngs), nnx.LayerNorm(WIDTH, rngs=rngs), nnx.RMSNorm(WIDTH, rngs=rngs),
            nnx.GroupNorm(WIDTH, 2, rngs=rngs), nnx.InstanceNorm(WIDTH, use_bias=False, rngs=rngs),
            nnx.LayerNorm(WIDTH, reduction_axes=(-2, -1), use_scale=False, rngs=rngs),
        ])  # fmt: skip
        self.drop = nnx.Dropout(0.2, rngs=rngs)

    @nnx.jit
    def __call__(self, x):
        x = self.norms[0](self.mix[0](x))
        x = x + nnx.remat(lambda self, x: self.norms[1](jnp.tanh(self.mix[1](x))))(self, x)
        for norm in self.norms[2:]:
            x = self.drop(jnp.tanh(norm(x)) + x)
        return x


READINGS = ["batch", "layer", "rms", "group-2", "instance", "layer"]


def snapshot(model):
    """Every number of a model: parameters, running statistics, keys and counts of random streams."""
    leaves = jax.tree_util.tree_flatten_with_path(nnx.to_pure_dict(nnx.state(model)))[0]
    is_key = [jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) for _, leaf in leaves]
    return [
        (str(path), np.array(jax.random.key_data(leaf) if key else leaf))
        for (path, leaf), key in zip(leaves, is_key, strict=True)
    ]


@functools.cache
def several():
    model = perturbed(Several())
    before = snapshot(model)
    measured = measure_model(model, lambda model, x: jnp.sin(model(x)).mean(), images(shape=(5, 6, WIDTH)))
    return measured, before, snapshot(model)


def test_every_claim_at_every_kind_of_normalisation():
    measured, _, _ = several()
    assert list(measured) == [f"norms.{i}" for i in range(6)]
    assert [each.normalization.name for each in measured.values()] == READINGS
    for name, found in judge(measured).items():
        tested = [verdict for verdict in found if verdict.points]
        assert len(tested) == (39 if name == "norms.0" else 10), name
        assert not any(verdict.violations for verdict in found), name
    for each in measured.values():
        assert all(value.dtype != np.float32 for value in each.quantities.values())


def test_one_vector_a_token_or_a_sample():
    measured, _, _ = several()
    vectors = {name: (len(each.quantities["s"]), int(each.quantities["m"][0])) for name, each in measured.items()}
    of_token, of_group, of_channel, of_sample = (30, 4), (10, 12), (20, 6), (5, 24)
    assert list(vectors.values()) == [(4, 30), of_token, of_token, of_group, of_channel, of_sample]


def test_the_model_is_not_changed():
    _, before, after = several()
    assert [path for path, _ in before] == [path for path, _ in after]
    assert {"mean", "count"} <= {part for path, _ in before for part in path.replace("'", " ").split()}
    for (path, old), (_, new) in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new, err_msg=path)


def by_hand(model, x):
    """(y, suffix, norm) of Residual with batch norm, written out."""
    parameters = (model.first.kernel, model.first.bias, model.head.kernel, model.head.bias, model.norm.scale,
                  model.norm.bias)  # fmt: skip
    first, b, head, c, gamma, beta = (np.asarray(each[...], np.float64) for each in parameters)
    y = x.astype(np.float64) @ first + b

    def suffix(z):
        return jnp.square(jnp.tanh(y + z) @ head + c).mean()

    def norm(y):
        axes = tuple(range(y.ndim - 1))
        return gamma * (y - y.mean(axes)) / jnp.sqrt(y.var(axes) + 1e-5) + beta

    return jnp.asarray(y), suffix, norm


def test_against_a_network_written_by_hand():
    model, x = residual(), images()
    y, suffix, norm = by_hand(model, x)
    g = jax.jit(jax.grad(suffix))(norm(y))
    gradient = jax.grad(lambda y: suffix(norm(y)))
    v, along = jax.jit(gradient)(y), jax.jit(lambda d: jax.jvp(gradient, (y,), (d,))[1])
    cut = Cut(model, loss, x)
    site = cut.sites["norm"]
    np.testing.assert_allclose(site.y, y, rtol=1e-12)
    np.testing.assert_allclose(site.z, norm(y), rtol=1e-9)
    np.testing.assert_allclose(cut.loss, suffix(norm(y)), rtol=1e-12)
    z = norm(y) + 0.3
    np.testing.assert_allclose(jax.grad(site.suffix)(z), jax.grad(suffix)(z), rtol=1e-10)
    q = cut.measure(sampled=WIDTH)["norm"].quantities
    expected = {
        "g_g": (g**2).sum((0, 1)), "one_g": g.sum((0, 1)), "v_v": (v**2).sum((0, 1)), "y_v": (y * v).sum((0, 1)),
        "s": jnp.sqrt(y.var((0, 1)) + 1e-5),
    }  # fmt: skip
    for key, value in expected.items():
        np.testing.assert_allclose(q[key], value, rtol=1e-9, atol=1e-13, err_msg=key)
    for j in range(WIDTH):
        direction = jnp.where(jnp.arange(WIDTH) == j, v, 0)
        np.testing.assert_allclose(q["v_Hhat_v"][j], jnp.vdot(direction, along(direction)), rtol=1e-9)


def test_around_the_normalisation_y_is_a_constant():
    """v is the gradient through the normalisation only; the whole gradient of y has the residual path besides."""
    model, x = residual(), images()
    y, _, norm = by_hand(model, x)
    head, c = (np.asarray(each[...], np.float64) for each in (model.head.kernel, model.head.bias))
    whole = jax.grad(lambda y: jnp.square(jnp.tanh(y + norm(y)) @ head + c).mean())(y)
    site = Cut(model, loss, x).sites["norm"]
    through = jax.vjp(norm, y)[1](jax.grad(site.suffix)(site.z))[0]
    around = jax.grad(lambda r: jnp.square(jnp.tanh(r + norm(y)) @ head + c).mean())(y)
    np.testing.assert_allclose(through + around, whole, rtol=1e-9)
    assert jnp.abs(around).max() > 0.1 * jnp.abs(whole).max()


def test_the_hessian_of_all_sites_is_that_of_each_suffix():
    """Along lines in the suffix of one site; measured by one compiled function for all."""

    class Two(nnx.Module):
        def __init__(self):
            rngs = nnx.Rngs(1)
            self.a, self.b = nnx.LayerNorm(WIDTH, rngs=rngs), nnx.LayerNorm(3, rngs=rngs)
            self.mix = nnx.Linear(WIDTH, 3, rngs=rngs)

        def __call__(self, x):
            return jnp.sin(self.b(jnp.tanh(self.mix(self.a(x)))))

    cut = Cut(perturbed(Two()), loss, images(shape=(2, WIDTH)))
    for name, each in cut.measure(sampled=2).items():
        for j, curvature in enumerate(_curvature_along_velocity(cut.sites[name])):
            np.testing.assert_allclose(each.quantities["u_H_u"][j], curvature, rtol=1e-9)


def _curvature_along_velocity(site):
    """u'Hu for every sample, a vector of its own, by the second derivative of the suffix along a line."""

    def forward(y):
        return site.norm(y, site.gamma, site.beta, site.epsilon, *site.context)

    g = jax.jit(jax.grad(site.suffix))(site.z)
    v = jax.jit(lambda y: jax.vjp(forward, y)[1](g)[0])(site.y)
    velocity = jax.jit(lambda d: jax.jvp(forward, (site.y,), (d,))[1])
    line = jax.jit(jax.grad(jax.grad(lambda t, u: site.suffix(site.z + t * u))))
    samples = jnp.arange(len(site.y))[:, None]
    return [line(0.0, velocity(jnp.where(samples == j, v, 0))) for j in range(len(site.y))]


def test_what_the_user_compiles_is_evaluated_anew():
    """A model with nnx.jit and nnx.remat, inside a compiled loss, has the suffixes and derivatives of the plain one."""

    class Compiled(Residual):
        @nnx.jit
        def __call__(self, x):
            return nnx.remat(Residual.__call__)(self, x)

    whole = nnx.jit(loss)
    plain, compiled = (Cut(perturbed(kind()), of, images()) for kind, of in ((Residual, loss), (Compiled, whole)))
    z = plain.sites["norm"].z
    for shift in (0.0, 0.5, -2.0):
        values = [jax.value_and_grad(cut.sites["norm"].suffix)(z + shift) for cut in (plain, compiled)]
        np.testing.assert_allclose(values[1][0], values[0][0], rtol=1e-12)
        np.testing.assert_allclose(values[1][1], values[0][1], rtol=1e-9, atol=1e-12 * np.abs(values[0][1]).max())
    expected, found = (cut.measure()["norm"].quantities for cut in (plain, compiled))
    for name in ("v_v", "a", "layer_u_H_u", "layer_v_Hhat_v"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9)


@pytest.mark.parametrize("options", [{"use_scale": False}, {"use_scale": False, "use_bias": False}], ids=str)
def test_a_missing_scale_or_bias_is_one_or_zero(options):
    measured = measure_model(residual(**options), loss, images())["norm"]
    np.testing.assert_array_equal(measured.quantities["gamma"], 1)
    assert (measured.quantities["beta"] == 0).all() == ("use_bias" in options)
    found = {verdict.key: verdict for verdict in judge({"norm": measured})["norm"]}
    assert not any(verdict.violations for verdict in found.values())
    assert found["fact-c1-gamma"].points == found["fact-c1-beta"].points == WIDTH


class StoppedMean(nnx.LayerNorm):
    def __call__(self, y, **options):
        mean = y.mean(-1, keepdims=True)
        s = jnp.sqrt(y.var(-1, keepdims=True) + self.epsilon)
        return self.scale[...] * (y - jax.lax.stop_gradient(mean)) / s + self.bias[...]


class StoppedVariance(nnx.BatchNorm):
    def __call__(self, y, **options):
        axes = tuple(range(y.ndim - 1))
        s = jnp.sqrt(jax.lax.stop_gradient(y.var(axes)) + self.epsilon)
        return self.scale[...] * (y - y.mean(axes)) / s + self.bias[...]


@pytest.mark.parametrize(
    ("norm", "keys"),
    [
        (StoppedMean, {"normalizer-jacobian", "normalizer-backward", "normalizer-gradient"}),
        (StoppedVariance, {"fact-c1", "fact-c2", "theorem-4.1-exact", "normalizer-backward", "normalizer-gradient"}),
    ],
)
def test_a_layer_with_the_right_numbers_and_the_wrong_gradient_violates_claims(norm, keys):
    found = judge(measure_model(residual(norm), loss, images()))["norm"]
    assert keys <= {verdict.key for verdict in found if verdict.violations}


def test_an_object_at_two_paths_that_is_called_once_has_its_first_name():
    class Alias(TwoNames):
        def __call__(self, x):
            return self.head(self.again(self.first(x)))

    assert list(Cut(Alias(), loss, images()).sites) == ["again"]


def test_arguments_are_copied_as_the_model_is():
    """Streams of random numbers, integers, names, and arrays in any dtype."""

    def objective(model, options, rngs, scale):
        noise = rngs.noise() if options["noisy"] == "yes" else None
        return loss(model, options["x"] + jax.random.normal(noise, options["x"].shape)) * scale

    rngs = nnx.Rngs(noise=3)
    arguments = {"x": images().astype(np.float16), "noisy": "yes"}, rngs, 2
    first = Cut(residual(), objective, *arguments)
    assert first.loss == Cut(residual(), objective, *arguments).loss
    assert int(rngs.noise.count[...]) == 0 and arguments[0]["x"].dtype == np.float16
    assert first.sites["norm"].y.dtype == jnp.float64


def test_float32_everywhere_outside():
    """As in a session that never enabled float64, with embeddings, whose dtype is that of their parameters."""

    class Embedded(Residual):
        def __init__(self):
            super().__init__(nnx.RMSNorm)
            self.embed = nnx.Embed(7, WIDTH, rngs=nnx.Rngs(0))

        def __call__(self, tokens):
            return super().__call__(self.embed(tokens))

    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"):
        measured = measure_model(Embedded(), loss, np.arange(12).reshape(3, 4) % 7)["norm"]
    assert measured.quantities["v_v"].dtype == np.float64
    assert not any(verdict.violations for verdict in judge({"norm": measured})["norm"])


class ByKeyword(Residual):
    def __call__(self, x):
        y = self.first(x)
        return self.head(jnp.tanh(y + self.norm(x=y)))


class Recurrent(nnx.Module):
    """A cell whose carry is made in the dtype of its parameters."""

    def __init__(self):
        rngs = nnx.Rngs(0)
        self.norm = nnx.LayerNorm(WIDTH, rngs=rngs)
        self.rnn = nnx.RNN(nnx.LSTMCell(WIDTH, 3, rngs=rngs))

    def __call__(self, x):
        return self.rnn(self.norm(x))


@pytest.mark.parametrize("model", first_and_slow([ByKeyword, Recurrent], {ByKeyword}))
def test_a_keyword_for_y_and_a_recurrent_cell(model):
    found = judge(measure_model(perturbed(model()), loss, images()))["norm"]
    assert not any(verdict.violations for verdict in found)
    assert {"values", "normalizer-backward"} <= {verdict.key for verdict in found if verdict.points}


def test_running_statistics_of_batch_norm_are_judged():
    found = {verdict.key: verdict for verdict in judge(measure_model(residual(), loss, images()))["norm"]}
    for key in ("running-mean", "running-variance"):
        assert (found[key].points, found[key].violations) == (WIDTH, 0)
    assert found["running-variance-unbiased"].points == 0


class WrongMomentum(nnx.BatchNorm):
    """Its weight is that of PyTorch, in the words of Flax."""

    def __call__(self, y, **options):
        self.mean[...] = self.momentum * y.mean((0, 1)) + (1 - self.momentum) * self.mean[...]
        self.var[...] = self.momentum * y.var((0, 1)) + (1 - self.momentum) * self.var[...]
        s = jnp.sqrt(y.var((0, 1)) + self.epsilon)
        return self.scale[...] * (y - y.mean((0, 1))) / s + self.bias[...]


def test_a_momentum_the_wrong_way_round_is_found():
    found = judge(measure_model(residual(WrongMomentum), loss, images()))["norm"]
    assert {verdict.key for verdict in found if verdict.violations} == {"running-mean", "running-variance"}


class RootMeanSquare(nnx.Module):
    """Nothing in its name says that it normalises."""

    def __init__(self):
        self.gain = nnx.Param(jnp.ones(WIDTH))

    def __call__(self, x):
        return self.gain[...] * x * jax.lax.rsqrt((x**2).mean(-1, keepdims=True) + 1e-5)


class Many(nnx.Module):
    """A frozen batch norm, a layer norm, and an RMS norm written by hand."""

    def __init__(self):
        rngs = nnx.Rngs(0)
        self.frozen = nnx.BatchNorm(WIDTH, use_running_average=True, rngs=rngs)
        self.norm = nnx.LayerNorm(WIDTH, rngs=rngs)
        self.scale = RootMeanSquare()

    def __call__(self, x):
        return self.scale(self.norm(self.frozen(x)))


def test_what_looks_like_a_norm_and_is_not_measured_is_listed():
    def both(model, other, x):
        return loss(model, x) + loss(other, x)

    measured = measure_model(perturbed(Many()), both, residual(nnx.RMSNorm), images())
    reasons = measured.skipped
    assert list(measured) == ["norm"] and "inference mode" in reasons["frozen"]
    assert any(name.startswith("argument") and "RMSNorm" in why for name, why in reasons.items())
    assert any("test_nnx.py" in name and "mean of squares" in why for name, why in reasons.items())
    shown = table(measured, judge(measured))
    assert shown.count("not measured: ") == len(reasons) >= 3
    assert measure_model(residual(), loss, images()).skipped == {}
