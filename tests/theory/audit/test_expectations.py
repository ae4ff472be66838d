"""Means of seeded draws with their errors: what is said of them is found, what is not so is noticed."""

import dataclasses
import math
from random import Random

import numpy as np
import pytest

from bnverify.theory import AUDIT, AuditError
from bnverify.theory.audit.expectations import Expectation, Measured
from bnverify.theory.audit.papers.coded import single_variance
from bnverify.theory.audit.random_layers import apart, gap, gram, last_gradient, normalized, orthogonal, times

MEASURED = [key for key, record in AUDIT.items() if isinstance(record.evidence, Measured)]


def _uniform(random):
    return random.random()


@pytest.mark.parametrize(("relation", "value", "holds"), [
    ("<", 0.6, True), ("<", 0.51, False), (">", 0.4, True), (">", 0.49, False), ("~", 0.5, True), ("~", 0.6, False),
    ("<", 0.4, False), (">", 0.6, False),
])  # fmt: skip
def test_a_mean_is_compared_with_its_error(relation, value, holds):
    """Of 400 uniform numbers, 1/2 with an error of 1/(2 sqrt(1200)) = 0.0144: five of them are 0.072."""
    found = Expectation("E u", _uniform, 400, relation, value, "of a uniform number")
    mean, error = found.found
    assert error == pytest.approx(1 / math.sqrt(12 * 400), rel=0.1) and abs(mean - 0.5) < 4 * error
    assert found.holds() == holds
    assert found.found == dataclasses.replace(found).found != dataclasses.replace(found, seed=1).found


def test_few_draws_decide_nothing():
    assert not Expectation("E u", _uniform, 5, "<", 0.6, "").holds()
    assert not Expectation("E u - 1/2", lambda r: r.random() - 0.5, 400, "~", 0.0, "no size to be near to").holds()
    with pytest.raises(ValueError, match="relation"):
        Expectation("E u", _uniform, 5, "=", 0.6, "").holds()


@pytest.mark.parametrize("key", MEASURED)
def test_a_mean_on_the_other_side_is_noticed(key):
    record = AUDIT[key]
    for one in record.evidence.expectations:
        other = {"<": ">", ">": "<", "~": "<"}[one.relation]
        wrong = dataclasses.replace(record.evidence, expectations=(dataclasses.replace(one, relation=other),))
        with pytest.raises(AuditError, match="not so"):
            dataclasses.replace(record, evidence=wrong).check()
        assert str(one.draws) in record.describe() and "standard error" in record.describe()
    assert len(record.to_json()["evidence"]["measured"]) == len(record.evidence.expectations)


def test_what_is_drawn():
    """By hand: antipodal samples with the mean at n = 2, an isometry, and a diagonal Gram matrix."""
    with_mean = normalized([[1.0, 4.0], [3.0, 1.0]], mean=True)
    assert with_mean == [[-1.0, 1.0], [1.0, -1.0]] and apart(with_mean) == pytest.approx(math.sqrt(1 / 2))
    assert normalized([[3.0, 4.0]], mean=False)[0] == pytest.approx([3 / math.sqrt(12.5), 4 / math.sqrt(12.5)])
    q = orthogonal(Random(0), 4, 4)
    for i, row in enumerate(times(q, [list(c) for c in zip(*q, strict=True)])):
        assert row == pytest.approx([float(i == j) for j in range(4)], abs=1e-12)
    diagonal = [[1.0, 0.0], [0.0, 2.0]]
    assert gram(diagonal) == [[0.2, 0.0], [0.0, 0.8]]
    assert gap(diagonal) == pytest.approx(-math.log(0.4 / 0.5)) and gap([[1.0, 0.0], [0.0, 1.0]]) == 0
    assert apart(diagonal) == pytest.approx(math.sqrt(0.68 - 0.5))


def test_the_gradient_of_the_last_layer_is_that_of_differences():
    """The same draws, the loss <g, LN(x + W2 ReLU(W1 x))> and a central difference for every entry of W2."""
    d, random = 5, Random(3)
    draws = [random.gauss(0, 1) for _ in range(d + d * d + d * d + d)]
    x, w1, w2, g = np.split(np.array(draws), np.cumsum([d, d * d, d * d]))

    def norm(y):
        return (y - y.mean()) / y.std()

    x, w1, w2, g = norm(x), w1.reshape(d, d) / d**0.5, w2.reshape(d, d) / d**0.5, g / np.linalg.norm(g)
    hidden = np.maximum(w1 @ x, 0)

    def loss(moved):
        return g @ norm(x + moved @ hidden)

    units = [1e-6 * np.eye(d * d)[i].reshape(d, d) for i in range(d * d)]
    slopes = [(loss(w2 + unit) - loss(w2 - unit)) / 2e-6 for unit in units]
    assert last_gradient(d)(Random(3)) == pytest.approx(float(np.linalg.norm(slopes)), rel=1e-6)


def test_a_variance_in_single_precision():
    assert single_variance((0.0, 2.0)) == 1.0 and single_variance((1000.1,) * 5) < -1e-5
    assert single_variance((1.0, 2.0, 3.0, 4.0)) == 1.25
