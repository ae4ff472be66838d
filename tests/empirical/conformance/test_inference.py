"""Inference mode and what is kept for it: for other numbers of samples, in float32, and without a graph."""

import pytest

torch = pytest.importorskip("torch")

from bnverify.empirical.conformance import conforms  # noqa: E402


class _Batch(torch.nn.BatchNorm1d):
    """Batch norm whose inference is the batch's own where there are ``few`` samples, or that has another epsilon there
    in float32."""

    few = 0
    other = False

    def forward(self, y):
        if not self.training and len(y) == self.few:
            return (y - y.mean()) * self.weight + self.bias
        if not self.training and self.other and y.dtype == torch.float32:
            return (y - self.running_mean) / (self.running_var + 1e-3).sqrt() * self.weight + self.bias
        return super().forward(y)


@pytest.mark.parametrize("few", [0, 1, 2, 3, 33])
def test_inference_knows_nothing_of_other_samples(few):
    layer = _Batch(6)
    layer.few = few
    report = conforms(layer, shape=(16, 6))
    assert [each.key for each in report.failed] == (["running.inference"] if few else []), report
    if few:
        expected = f"right for 16 samples, but a sample's values are others where there are {few}"
        assert expected in report["running.inference"].meaning


def test_inference_is_tested_in_float32_too():
    layer = _Batch(6)
    layer.other = True
    report = conforms(layer, shape=(16, 6))
    assert [each.key for each in report.failed] == ["running.inference"]
    assert "right in float64, but in float32" in report["running.inference"].meaning


class _Kept(torch.nn.Module):
    """Batch norm written by hand; what it keeps is detached, or knows where it comes from."""

    def __init__(self, detached, in_place=False):
        super().__init__()
        self.weight, self.bias = torch.nn.Parameter(torch.ones(6)), torch.nn.Parameter(torch.zeros(6))
        self.eps, self.detached, self.in_place = 1e-5, detached, in_place
        self.register_buffer("running_mean", torch.zeros(6))
        self.register_buffer("running_var", torch.ones(6))

    def forward(self, y):
        mean, variance = self.running_mean, self.running_var
        if self.training:
            mean, variance = y.mean(0), y.var(0, unbiased=False)
            new = [each.detach() if self.detached else each for each in (mean, variance)]
            if self.in_place:
                self.running_mean.mul_(0.9).add_(0.1 * new[0])
                self.running_var.mul_(0.9).add_(0.1 * new[1])
            else:
                self.running_mean = 0.9 * self.running_mean + 0.1 * new[0]
                self.running_var = 0.9 * self.running_var + 0.1 * new[1]
        return (y - mean) / (variance + self.eps).sqrt() * self.weight + self.bias


@pytest.mark.parametrize("in_place", [False, True])
def test_what_is_kept_has_no_graph(in_place):
    right, wrong = (conforms(_Kept(detached, in_place), shape=(16, 6)) for detached in (True, False))
    assert right.status == 0, right
    assert [each.key for each in wrong.failed] == ["running.mean"], wrong
    assert "it keeps the graph of earlier training calls" in wrong["running.mean"].meaning


class _Last(_Kept):
    """Keeps what the last call alone computed, with its graph, and lets go of it in the next."""

    def __init__(self):
        super().__init__(True)
        self.register_buffer("last_deviation", torch.ones(6))
        self.register_buffer("last_square", torch.ones(6))

    def forward(self, y):
        if self.training:
            self.last_deviation = (y - y.mean(0)).square().mean(0).sqrt()
            self.last_square = self.last_deviation.square()
        return super().forward(y)


def test_a_graph_of_the_last_call_alone_is_none_of_earlier_ones():
    report = conforms(_Last(), shape=(16, 6))
    assert report.status == 0, report


def test_a_function_that_keeps_its_first_number_of_samples_is_not_passed():
    first = []

    def layer(y, gamma, beta, eps=1e-5):
        first.append(len(y))
        y = y.reshape(first[0], -1)
        return (y - y.mean(0)) / (y.var(0, unbiased=False) + eps).sqrt() * gamma + beta

    report = conforms(layer, shape=(16, 6), framework="torch")
    assert not report.failed and report.status == 1
    assert "not tested: any other number of samples" in report.verdict
