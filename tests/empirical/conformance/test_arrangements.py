"""What is normalised together where a shape alone does not tell: axes of size 1, and channels on an unusual axis."""

import pytest

from bnverify.empirical.conformance import conforms
from bnverify.empirical.conformance.exact import Normaliser, Scale, Vectors
from bnverify.empirical.conformance.known import matches, name_of

L2, L1 = Scale(epsilon=1e-5), Scale("l1", place="outside", epsilon=1e-5)


class _Layer:
    """A normaliser without parameters, of any batch or of so many samples at most."""

    def __init__(self, vectors, scale=L2, most=None):
        self.normaliser, self.most = Normaliser(vectors, True, scale), most

    def _point(self, y):
        if self.most is not None and len(y) > self.most:
            raise ValueError(f"more than {self.most}")
        return self.normaliser.at(y)

    def forward(self, y):
        point = self._point(y)
        return point.restore(point.yhat).astype(float)

    def backward(self, g, y):
        point = self._point(y)
        return point.restore(point.backward(point.columns(g))).astype(float)


def _report(layer, shape, claimed=None):
    return conforms(layer.forward, shape=shape, backward=layer.backward, normalizer=claimed)


@pytest.mark.parametrize(
    ("axes", "scale", "shape", "name"),
    [
        ((0, 1), L2, (1, 5, 3), "batch"), ((1,), L2, (1, 5, 3), "instance"),
        ((0, 1, 2), L1, (1, 3, 4, 2), "l1"), ((1, 2, 3), L2, (3, 4, 3, 1), "layer"),
        ((1, 2), L2, (3, 4, 3, 1), "instance"),
    ],
)  # fmt: skip
def test_an_axis_of_one_is_decided_by_two(axes, scale, shape, name):
    """At other batch sizes and numbers of channels, too, nothing is wrong with the layer."""
    report = _report(_Layer(Vectors(axes), scale), shape)
    assert report.normalizer == name and report.status == 0, report
    assert report["batch.2"].verdict == "holds"


def test_a_layer_of_one_sample_alone_is_read_as_it_can_be():
    """Called with one sample only, batch norm is instance norm."""
    layer = _Layer(Vectors((0, 1)), most=1)
    assert _report(layer, (1, 5, 3)).status == 0
    assert _report(layer, (1, 5, 3), "batch").details["claim_met"]


@pytest.mark.parametrize("claimed", [None, "batch", "instance", "layer"])
@pytest.mark.parametrize("axes", [(0, 2), (2,), (1, 2)])
def test_without_gamma_channels_may_be_on_either_axis(axes, claimed):
    """Claimed as what it is a layer passes; as another one it fails."""
    meant = {(0, 2): {"batch"}, (2,): {"instance", "layer"}, (1, 2): {"layer"}}[axes]
    report = _report(_Layer(Vectors(axes)), (4, 3, 5), claimed)
    right = claimed is None or claimed in meant
    assert (report.status == 0) == right, report
    if right:
        assert report.normalizer in meant and report.details["claim_met"]
        unusual = report.normalizer == "batch" or claimed == "instance"
        assert ("axis 1 being that of the channels" in report.words) == unusual


def test_where_gamma_is_the_channels_are():
    """Groups along another axis are no group norm."""

    def layer(vectors):
        inner = _Layer(vectors)

        def backward(g, y, gamma):
            return inner.backward(g * gamma, y), (g * inner.forward(y)).sum((0, 1))

        return conforms(lambda y, gamma: gamma * inner.forward(y), shape=(3, 4, 6), backward=backward, normalizer=None)

    right, other = layer(Vectors((1, 2), 2, 2)), layer(Vectors((1, 2), 1, 2))
    assert right.normalizer == "group-2" and right.status == 0
    assert other.normalizer == "" and other["forward.arrangement"].verdict == "violated"


def test_as_many_groups_as_channels_are_instance_norm():
    report = _report(_Layer(Vectors((1,))), (4, 5, 3), "group-3")
    assert report.status == 0 and report.details["claim_met"]
    assert not matches("instance", "group-5", 3) and matches("instance", "group", 3) and matches("layer", "group-1", 3)
    assert name_of(_Layer(Vectors((1, 2), 1, 2)).normaliser, (3, 4, 6), 1, None) == "group-2"
    assert name_of(_Layer(Vectors((1, 2), 1, 2)).normaliser, (3, 4, 6), 2, None) == ""
