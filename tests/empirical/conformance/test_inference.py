"""Inference mode and what is kept for it: for other numbers of samples, in float32, and without a graph."""

import pytest

torch = pytest.importorskip("torch")

from bnverify.empirical.conformance import conforms  # noqa: E402


class _Batch(torch.nn.BatchNorm1d):
    """Batch norm whose inference is the batch's own where there are ``few`` samples, or that has another epsilon there
    in float32."""

    few = 0
    other = None

    def forward(self, y):
        if not self.training and len(y) == self.few:
            return (y - y.mean()) * self.weight + self.bias
        if not self.training and y.dtype == self.other:
            return (y - self.running_mean) / (self.running_var + 0.3).sqrt() * self.weight + self.bias
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


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_inference_is_tested_in_narrower_types_too(dtype):
    layer = _Batch(6)
    layer.other = getattr(torch, dtype)
    report = conforms(layer, shape=(16, 6))
    assert [each.key for each in report.failed] == ["running.inference"]
    assert f"right in float64, but in {dtype}" in report["running.inference"].meaning


class _Single(torch.nn.BatchNorm1d):
    """Statistics in float32 whatever y is, as for training in mixed precision."""

    def forward(self, y):
        if self.training:
            return super().forward(y)
        mean, variance = self.running_mean.float(), self.running_var.float()
        return (y - mean) * torch.rsqrt(variance + self.eps) * self.weight + self.bias


def test_inference_in_float32_is_inaccurate_and_no_violation():
    report = conforms(_Single(5), shape=(16, 5))
    assert report.status == 0, report
    assert report["running.inference"].verdict == "inaccurate"
    assert "computes in float32, whatever it is given: 7 digits" in report["running.inference"].meaning


class _Kept(torch.nn.Module):
    """Batch norm written by hand; what it keeps is detached, or knows where it comes from."""

    def __init__(self, detached, in_place=False, latest=False):
        super().__init__()
        self.weight, self.bias = torch.nn.Parameter(torch.ones(6)), torch.nn.Parameter(torch.zeros(6))
        self.eps, self.detached, self.in_place, self.latest = 1e-5, detached, in_place, latest
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
                old = [each.detach() if self.latest else each for each in (self.running_mean, self.running_var)]
                self.running_mean, self.running_var = (0.9 * a + 0.1 * b for a, b in zip(old, new, strict=True))
        return (y - mean) / (variance + self.eps).sqrt() * self.weight + self.bias


@pytest.mark.parametrize("how", [(False, False), (True, False), (False, True)])
def test_what_is_kept_has_no_graph(how):
    right, wrong = (conforms(_Kept(detached, *how), shape=(16, 6)) for detached in (True, False))
    assert right.status == 0, right
    assert [each.key for each in wrong.failed] == ["running.mean"], wrong
    assert "it keeps the graph of training calls" in wrong["running.mean"].meaning


class _Last(_Kept):
    """Keeps what the last call alone computed, with its graph, and lets go of it in the next."""

    def __init__(self):
        super().__init__(detached=True)
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


class _Groups(torch.nn.LayerNorm):
    """Takes samples in groups of four alone."""

    def forward(self, y):
        if len(y) % 4:
            raise ValueError("groups of four")
        return super().forward(y)


def test_a_layer_that_takes_samples_in_groups_is_passed():
    report = conforms(_Groups(5), shape=(16, 5))
    assert report.status == 0 and report["batch.32"].verdict == "holds", report


def test_a_function_that_keeps_its_first_number_of_samples_is_not_passed():
    first = []

    def layer(y, gamma, beta, eps=1e-5):
        first.append(len(y))
        y = y.reshape(first[0], -1)
        return (y - y.mean(0)) / (y.var(0, unbiased=False) + eps).sqrt() * gamma + beta

    report = conforms(layer, shape=(16, 6), framework="torch")
    assert not report.failed and report.status == 1
    assert "not tested: any other number of samples" in report.verdict
