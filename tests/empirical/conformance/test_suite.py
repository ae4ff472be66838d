"""Right layers of unusual kinds pass, and are told in words; variants are deviations unless they are claimed."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy_layers import Pair

from bnverify.empirical.conformance import conforms, recognise
from bnverify.empirical.conformance.exact import Normaliser, Scale, Vectors
from bnverify.empirical.conformance.known import candidates
from bnverify.errors import InputError


def layer_norm(y, gamma, beta, eps=1e-5):
    mean = y.mean(-1, keepdims=True)
    return (y - mean) * jax.lax.rsqrt(jnp.square(y - mean).mean(-1, keepdims=True) + eps) * gamma + beta


class _Variants:
    """Forward and backward in NumPy of any recognised scale, by the exact normaliser, for claims about variants."""

    def __init__(self, vectors, centred, **scale):
        self.vectors, self.centred, self.scale = vectors, centred, scale

    def point(self, y, eps):
        return Normaliser(self.vectors, self.centred, Scale(epsilon=eps, **self.scale)).at(y)

    def forward(self, y, eps=1e-3):
        point = self.point(y, eps)
        return point.restore(point.yhat).astype(float)

    def backward(self, g, y, eps=1e-3):
        point = self.point(y, eps)
        return np.nan_to_num(point.restore(point.backward(point.columns(g))).astype(float))


@pytest.mark.parametrize("eps", [0.0, 1e-12, 1e-5, 1e-3, 1.0, 50.0])
def test_any_epsilon_passes_and_is_read(eps):
    pair = Pair()

    def forward(y, gamma, beta):
        return pair.forward(y, gamma, beta, eps)

    def backward(g, y, gamma, beta):
        return pair.backward(g, y, gamma, beta, eps)

    report = conforms(forward, shape=(16, 6), backward=backward)
    assert report.status == 0
    assert report.details["epsilon"] == pytest.approx(eps, rel=1e-9, abs=1e-20)


@pytest.mark.parametrize(
    ("axis", "centred", "shape", "name"),
    [
        (0, True, (32, 8), "batch"), ((0, 1, 2), True, (4, 3, 5, 6), "batch"), ((0, 1), True, (2, 2, 7), "batch"),
        (-1, True, (7, 3), "layer"), (-1, True, (2, 3, 4, 5), "layer"), ((1, 2), True, (3, 4, 5), "layer"),
        (-1, False, (16, 6), "rms"), (-1, False, (3, 4, 2), "rms"), (1, True, (4, 9, 3), "instance"),
        (0, True, (3, 1), "batch"), (-1, True, (1, 16), "layer"), (-1, True, (300, 2), "layer"),
    ],
)  # fmt: skip
def test_arrangements_and_shapes(axis, centred, shape, name):
    pair = Pair(axis, centred)
    report = conforms(pair.forward, shape=shape, backward=pair.backward)
    assert report.normalizer == name and report.status == 0


@pytest.mark.parametrize(
    ("normaliser", "claimed"),
    [
        (_Variants(Vectors((1,)), True, divisor="m-1"), "layer:unbiased"),
        (_Variants(Vectors((1,)), True, place="outside", divisor="m-1"), "layer:unbiased,outside"),
        (_Variants(Vectors((1,)), False, uncentred=True, place="floor", divisor="1"), "rms:sum,floor"),
        (_Variants(Vectors((1,)), False, uncentred=True, place="clipped"), "rms:floor"),
        (_Variants(Vectors((0,)), True, place="clipped"), "batch:floor"),
        (_Variants(Vectors((0,)), True, place="outside"), "batch:outside"),
        (_Variants(Vectors((0,)), True, divisor="m-1"), "batch:unbiased"),
        (_Variants(Vectors((0,)), True, divisor="m-1", place="outside"), "batch:unbiased,outside"),
        (_Variants(Vectors((0,)), True, divisor="1"), "batch:sum"),
        (_Variants(Vectors((0,)), True, norm="l1", divisor="1", place="outside"), "l1:sum"),
    ],
)
def test_variants_fail_unless_claimed(normaliser, claimed):
    given = {"shape": (16, 6), "backward": normaliser.backward}
    report = conforms(normaliser.forward, normalizer=claimed, **given)
    assert report.status == 0 and report["batch.many"].verdict == "holds"
    plain = conforms(normaliser.forward, **given)
    assert plain.status == 1 and {f.key for f in plain.failed} <= {
        "forward.variance", "forward.epsilon", "conditioning.constant"
    }  # fmt: skip
    assert conforms(normaliser.forward, normalizer=claimed.partition(":")[0], **given).status == 1


LARGE_EPSILON = {  # vectors, whether they are centred, the scale; the shape
    "l1": (Vectors((0,)), True, {"norm": "l1", "place": "outside", "epsilon": 0.1}, (6, 8)),
    "linf": (Vectors((0,)), True, {"norm": "linf", "place": "outside", "epsilon": 1.0}, (6, 8)),
    "rms": (Vectors((1,)), False, {"uncentred": True, "epsilon": 1e6}, (6, 8)),
    "group-2": (Vectors((1, 2), 2, 2), True, {"epsilon": 1e12}, (4, 5, 8)),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE_EPSILON)
def test_an_epsilon_that_dominates_hides_no_normalizer(name):
    """A norm is told from others where no epsilon matters, however large that makes y."""
    vectors, centred, scale, shape = LARGE_EPSILON[name]
    epsilon = scale["epsilon"]
    variants = _Variants(vectors, centred, **{key: value for key, value in scale.items() if key != "epsilon"})

    def forward(y):
        return variants.forward(y, epsilon)

    def backward(g, y):
        return variants.backward(g, y, epsilon)

    report = conforms(forward, shape=shape, backward=backward)
    assert report.normalizer == name and {each.key for each in report.failed} <= {"conditioning.constant"}, report
    assert report.details["epsilon"] == pytest.approx(epsilon, rel=1e-6)
    assert conforms(forward, shape=shape, backward=backward, normalizer=name).details["claim_met"]


@pytest.mark.parametrize(("place", "said"), [("clipped", "least variance"), ("floor", "least scale")])
def test_a_floor_is_of_the_root_or_of_its_square_as_the_layer_states(place, said):
    floor = _Variants(Vectors((0,)), True, place=place)
    report = conforms(floor.forward, shape=(6, 8), backward=floor.backward, normalizer="batch:floor")
    assert report.status == 0 and f"epsilon 0.001 as the {said}" in report.words

    def another(y, eps=1e-3):
        return floor.forward(y, 2 * eps)

    report = conforms(another, shape=(6, 8), backward=lambda g, y: floor.backward(g, y, 2e-3), normalizer="batch:floor")
    assert report["forward.epsilon"].meaning == "the layer states epsilon 0.001 and computes with 0.002"


@pytest.mark.parametrize("claimed", [None, "layer", "layer:unbiased"])
def test_of_two_values_a_divisor_of_one_is_not_two(claimed):
    """m - 1 and 1 are the same there, and neither is m."""
    unbiased = _Variants(Vectors((1,)), True, divisor="m-1")
    report = conforms(unbiased.forward, shape=(9, 2), backward=unbiased.backward, normalizer=claimed)
    right = claimed == "layer:unbiased"
    assert bool(report) == right and report["forward.variance"].verdict == ("holds" if right else "violated"), report


def test_a_divisor_is_seen_beside_an_epsilon_that_dominates():
    unbiased = _Variants(Vectors((1,)), True, divisor="m-1")
    report = conforms(
        lambda y: unbiased.forward(y, 1e6), shape=(6, 8), backward=lambda g, y: unbiased.backward(g, y, 1e6)
    )
    assert report["forward.variance"].verdict == "violated" and "m - 1" in report["forward.variance"].meaning


@pytest.mark.parametrize("epsilon", [0.0, 1e-5, 1e6])
def test_what_normalises_every_value_by_itself_is_refused(epsilon):
    with pytest.raises(InputError, match="normalises every value of y"):
        conforms(lambda y: y / np.sqrt(y * y + epsilon), shape=(6, 8), normalizer="rms", backward=lambda g, y: g)


@pytest.mark.parametrize("shape", [(1, 2), (6, 2)])
def test_of_two_values_without_epsilon_signs_are_left_in_full_precision(shape):
    """Theirs are not those of every value by itself; that no value changes with y says nothing of the precision."""
    pair = Pair()

    def backward(g, y, gamma, beta):
        return pair.backward(g, y, gamma, beta, 0.0)

    for claimed in (None, "layer"):
        report = conforms(
            lambda y, gamma, beta: pair.forward(y, gamma, beta, 0.0), shape=shape, backward=backward, normalizer=claimed
        )
        assert report.normalizer == "layer" and report.status == 0, report
        assert report.details["computes_in"] == "float64"
    off = conforms(lambda y, gamma, beta: pair.forward(y, 1.001 * gamma, beta, 0.0), shape=shape, backward=backward)
    assert off.status == 1


def test_it_ends_in_words():
    variant = _Variants(Vectors((1,)), True, place="outside", divisor="m-1")
    words = conforms(variant.forward, shape=(16, 6), backward=variant.backward).words
    assert words.startswith("This is layer norm") and "epsilon 0.001 outside the root and an unbiased variance" in words


@pytest.mark.parametrize("name", ["l1", "linf", "l1-uncentred", "l2-uncentred", "linf-uncentred"])
def test_the_other_known_normalizers(name):
    norm, _, uncentred = name.partition("-")
    place = "inside" if norm == "l2" else "outside"
    layer = _Variants(Vectors((0,)), True, norm=norm, uncentred=bool(uncentred), place=place)
    report = conforms(layer.forward, shape=(24, 4), backward=layer.backward)
    assert report.normalizer == name and report["backward.values"].verdict == "holds"
    assert {finding.key for finding in report.failed} <= {"conditioning.constant"}


def test_the_search_ends_at_the_first_that_fits(monkeypatch):
    """Of hundreds of normalizers of this shape; a layer that none fits is compared with all."""
    tried, point = [], recognise.Point
    monkeypatch.setattr(recognise, "Point", lambda each, y: (tried.append(each), point(each, y))[1])
    shape, pair = (4, 24, 60), Pair()
    report = conforms(pair.forward, shape=shape, backward=pair.backward)
    everything = len(list(candidates(shape)))
    assert report.normalizer == "layer" and len(tried) < 10 < 200 < everything
    tried.clear()
    conforms(lambda y: np.tanh(y), shape=shape, backward=lambda g, y: g / np.cosh(y) ** 2)
    assert len(tried) == everything


def test_what_follows_from_a_wrong_backward_pass_is_told_so():
    """Not as faults of large y or of float32; a layer that is wrong for large y only is told so."""
    pair = Pair(fault="mean twice")
    report = conforms(pair.forward, shape=(16, 6), backward=pair.backward)
    assert report["regime.large"].meaning == "wrong at v, as on ordinary data"
    assert report["dtype.float32"].meaning == "wrong, as in float64" and report["dtype.float32"].verdict == "violated"

    def clipped(g, y, gamma, beta, eps=1e-5):
        v, *rest = Pair().backward(g, y, gamma, beta, eps)
        return np.clip(v, -1000, 1000), *rest

    report = conforms(Pair().forward, shape=(16, 6), backward=clipped)
    assert report["backward.values"].verdict == "holds"
    assert report["regime.large_g"].meaning == "right on ordinary data, wrong here at v"


def test_the_table_says_a_meaning_once_and_reasons_below_it():
    pair = Pair(fault="mean twice")
    report = conforms(pair.forward, shape=(16, 6), backward=pair.backward)
    table = report.table(118)
    lines = table.splitlines()
    assert max(map(len, lines)) <= 118 and table.count("wrong at v, as on ordinary data") == 1
    followers = sum(f.meaning == "wrong at v, as on ordinary data" for f in report.failed)
    assert followers > 5 and sum(line.endswith('violated    "') for line in lines) >= followers - 1
    for finding in report.findings:  # every one is in it, with its residual where it has one
        (row,) = [line for line in lines if line.startswith(finding.title + "  ")] or [None]
        assert (row is None) == (finding.verdict == "not tested")
        assert row is None or finding.numbers[0] in row
    reasons = [line for line in lines if line.startswith("not tested: ")]
    assert len(reasons) == len({f.meaning for f in report.of("not tested")})
    assert lines[-2].startswith("z = gamma yhat + beta") and report.text().endswith(report.verdict)


def test_what_a_layer_warns_of_is_not_the_sessions():
    def warning(y, gamma, beta):
        if len(y) == 1:
            warnings.warn("one sample", stacklevel=1)
        return layer_norm(y, gamma, beta)

    assert conforms(warning, shape=(16, 6))["batch.1"].verdict == "holds"
    with pytest.warns(UserWarning, match="one sample"):
        warning(np.ones((1, 6)), 1.0, 0.0)


def test_groups_are_counted():
    layer = _Variants(Vectors((1, 2, 3), 3, 3), True)
    report = conforms(layer.forward, shape=(4, 3, 2, 6), backward=layer.backward)
    assert report.normalizer == "group-3" and report.status == 0
    assert conforms(layer.forward, shape=(4, 3, 2, 6), backward=layer.backward, normalizer="group-2").status == 1
    assert conforms(layer.forward, shape=(4, 3, 2, 6), backward=layer.backward, normalizer="group").status == 0


def test_a_function_of_jax_with_all_derivatives():
    report = conforms(layer_norm, shape=(16, 6))
    assert report.status == 0 and report["second.values"].verdict == "holds"
    assert report["backward.two_values"].verdict == "holds"  # gamma has the size of a vector: it is made anew
    assert report["conditioning.float64"].verdict == "holds"


def test_a_gain_counted_from_one_is_told():
    report = conforms(lambda y, gamma: layer_norm(y, 1 + gamma, 0.0), shape=(16, 6), framework="jax")
    assert report.status == 0 and "gamma stored as gamma - 1" in report.words


def test_a_cast_inside_is_told_and_judged_by_its_own_rounding():
    def single(y, gamma, beta):
        return layer_norm(y.astype(jnp.float32), gamma.astype(jnp.float32), beta.astype(jnp.float32)).astype(y.dtype)

    report = conforms(single, shape=(16, 6))
    assert report.status == 0 and "computed in float32 whatever it is given" in report.words
    assert 1e-9 < report["forward.yhat"].residual < report["forward.yhat"].tolerance < 1e-5


def _written(second_wrong):
    """Layer norm with a hand-written backward pass; its own derivative is right, wrong or missing."""

    @jax.custom_vjp
    def layer(y, gamma, beta):
        return layer_norm(y, gamma, beta)

    def forward(y, gamma, beta):
        return layer(y, gamma, beta), (y, gamma, beta)

    def backward(kept, g):
        if second_wrong:
            kept = jax.lax.stop_gradient(kept)
        return jax.vjp(layer_norm, *kept)[1](g)

    layer.defvjp(forward, backward)
    return layer


def test_a_hand_written_backward_pass():
    right = conforms(_written(second_wrong=False), shape=(16, 6))
    assert right.status == 0 and right["second.values"].verdict == "holds"
    wrong = conforms(_written(second_wrong=True), shape=(16, 6))
    assert [finding.key for finding in wrong.failed] == ["second.values"]


def test_where_there_is_no_second_derivative_the_first_is_tested():
    pair = Pair()

    def kernel(g, y):
        return pair.backward(np.asarray(g, float), np.asarray(y, float), np.ones(6), np.zeros(6))[0].astype(g.dtype)

    layer = jax.custom_vjp(lambda y: layer_norm(y, 1.0, 0.0))
    layer.defvjp(lambda y: (layer_norm(y, 1.0, 0.0), y), lambda y, g: (jax.pure_callback(kernel, g, g, y),))
    report = conforms(layer, shape=(16, 6))
    assert report.status == 0 and report["backward.values"].verdict == "holds"
    assert report["second.values"].verdict == "not tested" and "no second derivative" in report["second.values"].meaning


def test_nan_out_of_finite_is_a_violation():
    def variance_of_squares(y, gamma, beta, eps=1e-5):
        mean = y.mean(-1, keepdims=True)
        variance = jnp.square(y).mean(-1, keepdims=True) - jnp.square(mean)
        return (y - mean) / jnp.sqrt(variance + eps) * gamma + beta

    report = conforms(variance_of_squares, shape=(32, 8))
    assert [finding.key for finding in report.failed] == ["conditioning.float32"]

    def clipped(y, gamma, beta, eps=1e-5):
        mean = y.mean(-1, keepdims=True)
        variance = jnp.maximum(jnp.square(y).mean(-1, keepdims=True) - jnp.square(mean), 0)
        return (y - mean) / jnp.sqrt(variance + eps) * gamma + beta

    report = conforms(clipped, shape=(32, 8))
    assert report.status == 0 and report["conditioning.float32"].verdict == "inaccurate"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"shape": (8,)}, "shape"), ({"shape": (0, 8)}, "shape"), ({"shape": ("a", 8)}, "shape"),
        ({"shape": (4.0, 8)}, "shape"), ({"shape": 8}, "shape"), ({"shape": (4, 8), "normalizer": "bath"}, "bath"),
        ({"shape": (4, 8), "normalizer": "layer:odd"}, "odd"),
        ({"shape": (4, 8), "normalizer": "instance"}, "instance"),
        ({"shape": (4, 8), "framework": "theano"}, "theano"),
    ],
)  # fmt: skip
def test_bad_input_is_told(given, said):
    with pytest.raises(InputError, match=said):
        conforms(layer_norm, **given)


def test_what_cannot_be_called_is_told():
    with pytest.raises(InputError, match="cannot be called"):
        conforms(3, shape=(4, 8))
    with pytest.raises(InputError, match="cannot be called with y"):
        conforms(lambda y: y.no_such_method(), shape=(4, 8), framework="jax")
    with pytest.raises(InputError, match="several values"):
        conforms(lambda y: layer_norm(y, 1.0, 0.0), shape=(4, 1), framework="jax")


def test_one_value_a_vector_leaves_nothing_to_read():
    """Without a centring what is left of a value is its sign; two values still have an order."""

    def rms(y, gamma, eps=1e-5):
        return gamma * y / jnp.sqrt(jnp.square(y).mean(-1, keepdims=True) + eps)

    for shape, claimed in (((4, 1), None), ((4, 3, 1), None), ((4, 1), "rms")):
        with pytest.raises(InputError, match="by itself"):
            conforms(rms, shape=shape, framework="jax", normalizer=claimed)
    assert conforms(rms, shape=(4, 2), framework="jax").status == 0
    assert conforms(lambda y, eps=1e-5: layer_norm(y.T, 1.0, 0.0, eps).T, shape=(2, 3), framework="jax").status == 0
