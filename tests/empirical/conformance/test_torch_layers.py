"""PyTorch's layers pass with unusual settings; layers of one's own are refused by name."""

import threading

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install 'bnverify[torch]'")

from bnverify.empirical.conformance import conforms  # noqa: E402
from bnverify.errors import InputError  # noqa: E402

nn = torch.nn
RIGHT = [
    (nn.BatchNorm1d, (8,), {}, (16, 8), "batch"),
    (nn.BatchNorm1d, (8,), {"eps": 1.0, "momentum": 0.3}, (16, 8), "batch"),
    (nn.BatchNorm1d, (8,), {}, (6, 8, 7), "batch"),
    (nn.BatchNorm2d, (8,), {"affine": False}, (4, 8, 3, 3), "batch"),
    (nn.BatchNorm1d, (8,), {"momentum": None}, (16, 8), "batch"),
    (nn.BatchNorm3d, (3,), {}, (4, 3, 2, 3, 2), "batch"),
    (nn.BatchNorm1d, (8,), {"track_running_stats": False}, (16, 8), "batch"),
    (nn.SyncBatchNorm, (8,), {}, (16, 8), "batch"),
    (nn.LayerNorm, (8,), {}, (16, 8), "layer"),
    (nn.LayerNorm, (8,), {"bias": False}, (16, 8), "layer"),
    (nn.LayerNorm, ([3, 8],), {}, (4, 5, 3, 8), "layer"),
    (nn.LayerNorm, (8,), {"elementwise_affine": False}, (3, 4, 8), "layer"),
    (nn.LayerNorm, ([4, 3, 3],), {"eps": 1e-12}, (5, 4, 3, 3), "layer"),
    (nn.RMSNorm, (8,), {"eps": 1e-3}, (4, 5, 8), "rms"),
    (nn.GroupNorm, (2, 8), {}, (4, 8, 3, 3), "group-2"),
    (nn.GroupNorm, (4, 8), {}, (16, 8), "group-4"),
    (nn.GroupNorm, (1, 8), {}, (4, 8, 3, 3), "layer"),
    (nn.GroupNorm, (8, 8), {}, (4, 8, 3, 3), "instance"),
    (nn.InstanceNorm2d, (8,), {"affine": True}, (4, 8, 3, 3), "instance"),
    (nn.InstanceNorm1d, (8,), {"track_running_stats": True}, (4, 8, 6), "instance"),
    (nn.functional.layer_norm, ([8],), {}, (16, 8), "layer"),
    (nn.functional.rms_norm, ([8],), {}, (16, 8), "rms"),
    (nn.functional.batch_norm, (None, None), {"training": True}, (16, 8), "batch"),
    (nn.functional.group_norm, (2,), {}, (4, 8, 3, 3), "group-2"),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "args", "keywords", "shape", "name"), RIGHT)
def test_layers_of_torch_pass(layer, args, keywords, shape, name):
    report = conforms(layer, *args, shape=shape, keywords=keywords)
    assert report.status == 0 and report.normalizer == name
    assert report["layout.strided"].verdict == "holds" and report["layout.expanded-gradient"].verdict == "holds"


class Annotated(nn.Module):
    """Layer norm with an unbiased deviation and epsilon outside, under other names."""

    def __init__(self, size, eps=1e-6):
        super().__init__()
        self.a_2, self.b_2, self.eps = nn.Parameter(torch.ones(size)), nn.Parameter(torch.zeros(size)), eps

    def forward(self, x):
        mean = x.mean(-1, keepdim=True)
        return self.a_2 * (x - mean) / (x.std(-1, keepdim=True) + self.eps) + self.b_2


def test_the_words_of_a_variant():
    report = conforms(Annotated, 8, shape=(16, 8))
    assert report.status == 1 and "epsilon 1e-06 outside the root and an unbiased variance" in report.words
    assert conforms(Annotated, 8, shape=(16, 8), normalizer="layer:unbiased,outside").status == 0


class _LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        mean, inverse = x.mean(-1, keepdim=True), torch.rsqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5)
        yhat = (x - mean) * inverse
        ctx.save_for_backward(yhat, inverse, w)
        return yhat * w

    @staticmethod
    def backward(ctx, g):
        yhat, inverse, w = ctx.saved_tensors
        s = g * w
        return inverse * (s - s.mean(-1, keepdim=True) - yhat * (s * yhat).mean(-1, keepdim=True)), (g * yhat).sum(0)


class _Once(_LayerNorm):
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        return _LayerNorm.backward(ctx, g)


class _TakesMemory(_LayerNorm):
    """Reads the gradient's memory as if it were contiguous."""

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        read = torch.empty(g.shape, dtype=g.dtype).stride()
        if g.untyped_storage().nbytes() >= g.numel() * g.element_size():
            g = torch.as_strided(g, g.shape, read)
        return _LayerNorm.backward(ctx, g)


def test_hand_written_functions():
    once = conforms(_Once, shape=(16, 8))
    assert once.status == 0 and once["second.values"].verdict == "not tested"
    silent = conforms(_LayerNorm, shape=(16, 8))  # its saved tensors are constants to a second derivative
    assert [finding.key for finding in silent.failed] == ["second.values"]
    memory = conforms(_TakesMemory, shape=(16, 8))
    assert [finding.key for finding in memory.failed] == ["layout.strided-gradient"]


class _Needed(torch.autograd.Function):
    """Layer norm by PyTorch; wrong where a gradient is not asked for, or written into g, by ``fault``."""

    @staticmethod
    def forward(ctx, x, weight, fault):
        ctx.save_for_backward(x, weight)
        ctx.fault = fault
        return nn.functional.layer_norm(x, (8,), weight)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        x, weight = ctx.saved_tensors
        with torch.enable_grad():
            leaves = [x.detach().requires_grad_(), weight.detach().requires_grad_()]
            z = nn.functional.layer_norm(leaves[0], (8,), leaves[1])
        v, slope = torch.autograd.grad(z, leaves, g.clone())
        if ctx.fault == "g":
            g.zero_()
        if ctx.fault == "frozen" and not ctx.needs_input_grad[1]:
            v = 2 * v
        if ctx.fault == "first" and not ctx.needs_input_grad[0]:
            slope = 2 * slope
        return v, slope, None


class _Fast(nn.Module):
    def __init__(self, fault):
        super().__init__()
        self.weight, self.fault = nn.Parameter(torch.ones(8)), fault

    def forward(self, x):
        z = _Needed.apply(x, self.weight, self.fault)
        return 1.01 * z if self.fault == "no_grad" and not torch.is_grad_enabled() else z


def test_which_gradients_are_asked_for_changes_nothing():
    for fault in ("no_grad", "frozen", "first"):
        report = conforms(_Fast, fault, shape=(16, 8))
        assert [finding.key for finding in report.failed] == [f"way.{fault}"]
    writes = conforms(_Fast, "g", shape=(16, 8))["structure.repeatable"]
    assert writes.verdict == "violated" and "into g" in writes.meaning
    assert conforms(_Fast, "", shape=(16, 8)).status == 0


class _Exchanged(nn.BatchNorm1d):
    """Momentum taken for the share of the old, as other libraries have it."""

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        with torch.no_grad():
            self.running_mean.mul_(self.momentum).add_(x.mean(0) * (1 - self.momentum))
            self.running_var.mul_(self.momentum).add_(x.var(0) * (1 - self.momentum))
        return nn.functional.batch_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)


def test_momentum_of_a_batch_norm_of_pytorch_is_the_share_of_the_new():
    exchanged = conforms(_Exchanged, 8, shape=(16, 8))
    assert [finding.key for finding in exchanged.failed] == ["running.mean"]
    assert "momentum 0.1 is the share of the new, which it is not" in exchanged["running.mean"].meaning
    assert conforms(_Exchanged, 8, 1e-5, 0.5, shape=(16, 8)).status == 0


def test_other_layers_are_refused():
    for layer, args, shape in ((nn.Identity, (), (16, 8)), (nn.Linear, (8, 8), (16, 8)), (nn.Softmax, (-1,), (16, 8)),
                               (nn.LocalResponseNorm, (2,), (4, 8, 3, 3)), (nn.Dropout, (0.5,), (16, 8))):  # fmt: skip
        assert conforms(layer, *args, shape=shape).status == 1

    class InPlace(nn.Module):
        def forward(self, x):
            return x.sub_(x.mean(-1, keepdim=True)).div_(x.pow(2).mean(-1, keepdim=True).add(1e-5).sqrt())

    assert [finding.key for finding in conforms(InPlace, shape=(16, 8)).failed] == ["structure.repeatable"]
    frozen = conforms(lambda x: nn.BatchNorm1d(8).eval().to(x.dtype)(x), shape=(16, 8), framework="torch")
    assert frozen.status == 1 and "affine map" in frozen.words


def test_a_module_that_is_given_is_not_changed():
    module = nn.BatchNorm1d(8).eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    assert conforms(module, shape=(16, 8)).status == 0
    assert not module.training and all(torch.equal(before[k], v) for k, v in module.state_dict().items())


class _Running(nn.Module):
    """Batch norm with running statistics; ``fault`` says what moves otherwise."""

    def __init__(self, channels, fault=""):
        super().__init__()
        self.momentum, self.fault, self.eps = 0.1, fault, 1e-5
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x):
        mean, var, m, fault = self.running_mean, self.running_var, self.momentum, self.fault
        if self.training:
            old = var.clone()
            mean, var = x.mean(0), x.var(0, unbiased=False)
            if fault == ("with" if torch.is_grad_enabled() else "without") + " gradients stays":
                return (x - mean) / torch.sqrt(var + self.eps)
            with torch.no_grad():
                self.running_mean.mul_(0 if fault == "mean forgets" else 1 - m).add_(m * mean)
                kept = {"variance forgets": 1 - m, "variance squared": (1 - m) * old**2}.get(fault, (1 - m) * old)
                self.running_var.copy_(kept + m * var)
        z = (x - mean) / torch.sqrt(var + self.eps)
        return z.detach() + 0 * x if fault == "no gradient" and not self.training else z


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ("mean forgets", "running.mean"), ("variance forgets", "running.variance"),
        ("variance squared", "running.variance"), ("no gradient", "running.inference"),
    ],
)  # fmt: skip
def test_running_statistics_that_are_right_from_their_first_values_only(fault, key):
    assert conforms(_Running, 8, shape=(16, 8)).status == 0
    assert [each.key for each in conforms(_Running, 8, keywords={"fault": fault}, shape=(16, 8)).failed] == [key]


def test_running_statistics_are_looked_at_with_gradients_as_in_training():
    moves = conforms(_Running, 8, keywords={"fault": "without gradients stays"}, shape=(16, 8))
    assert moves.status == 0 and moves["running.mean"].verdict == "holds", moves
    stays = conforms(_Running, 8, keywords={"fault": "with gradients stays"}, shape=(16, 8))
    assert [each.key for each in stays.failed] == ["running.mean"], stays


def test_running_statistics_of_one_value_a_vector():
    report = conforms(_Running, 8, shape=(1, 8), normalizer="batch")
    assert report["running.mean"].verdict == report["running.variance"].verdict == "holds" and not report.failed, report


class _Frozen(torch.autograd.Function):
    """Batch norm with statistics that are given, whose gradient of gamma lacks yhat."""

    @staticmethod
    def forward(ctx, x, weight, bias, mean, s):
        ctx.save_for_backward(weight, s)
        return (x - mean) / s * weight + bias

    @staticmethod
    def backward(ctx, g):
        weight, s = ctx.saved_tensors
        return g * weight / s, g.sum(0), g.sum(0), None, None


class _WrongWhenFrozen(nn.BatchNorm1d):
    def __init__(self, channels, fault):
        super().__init__(channels)
        self.fault = fault

    def forward(self, x):
        if self.training:
            return super().forward(x)
        least, most = {"small": (0.1, 1e9), "large": (0.0, 100.0)}.get(self.fault, (0.0, 1e9))
        s = torch.sqrt(self.running_var.clamp(least, most) + self.eps)
        if self.fault == "yhat left out":
            return _Frozen.apply(x, self.weight, self.bias, self.running_mean, s)
        weight, bias = self.weight, self.bias.detach() if self.fault == "no gradient of beta" else self.bias
        z = (x - self.running_mean) / s * weight + bias
        return z.detach() if self.fault == "no gradient" else z


@pytest.mark.parametrize(
    ("fault", "said"),
    [("", ""), ("yhat left out", "of weight"), ("no gradient of beta", "of bias"), ("no gradient", "its gradient")],
)
def test_gradients_in_inference_mode_are_tested(fault, said):
    report = conforms(_WrongWhenFrozen, 8, keywords={"fault": fault}, shape=(16, 8))
    assert [each.key for each in report.failed] == ["running.inference"] * bool(fault), report
    assert said in report["running.inference"].meaning


@pytest.mark.parametrize(("fault", "size"), [("small", "1e-04"), ("large", "1e+04")])
def test_inference_mode_is_tested_at_small_and_large_variances(fault, size):
    report = conforms(_WrongWhenFrozen, 8, keywords={"fault": fault}, shape=(16, 8))
    assert [each.key for each in report.failed] == ["running.inference"], report
    assert f"where running variances are near {size}" in report["running.inference"].meaning


class _Checks(nn.LayerNorm):
    def forward(self, y):
        assert y.abs().max() < 100
        return super().forward(y)


def _used_before():
    layer = nn.BatchNorm1d(8)
    layer.kept = layer(torch.randn(6, 8))  # with its graph, which PyTorch does not copy
    return layer


def _locked():
    layer = nn.LayerNorm(8)
    layer.lock = threading.Lock()
    return layer


def test_a_module_that_keeps_activations_is_tested():
    assert conforms(_used_before(), shape=(6, 8)).status == 0


@pytest.mark.parametrize(
    ("layer", "got"),
    [
        (nn.LazyBatchNorm1d, "uninitialized"), (nn.LayerNorm(8, device="meta"), "meta"), (_locked(), "to be copied"),
        (nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8)), "not where 0.weight is 1"), (_Checks(8), "AssertionError"),
    ],
    ids=["lazy", "meta", "locked", "network", "checks"],
)  # fmt: skip
def test_a_module_that_cannot_be_tested_is_refused_with_the_reason(layer, got):
    with pytest.raises(InputError, match=got):
        conforms(layer, shape=(6, 8))


class _Only(nn.Module):
    """Layer norm that takes one narrow type, and computes in float32 inside."""

    def __init__(self, dtype, ddof=0, factor=1.0, size=4):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(size)), nn.Parameter(torch.zeros(size))
        self.dtype, self.ddof, self.factor = dtype, ddof, factor

    def forward(self, y):
        if y.dtype != self.dtype:
            raise TypeError(f"{self.dtype} only")
        x = y.float() - y.float().mean(-1, keepdim=True)
        variance = x.square().sum(-1, keepdim=True) / (y.shape[-1] - self.ddof)
        return (self.factor * x / torch.sqrt(variance + 1e-5)).to(y.dtype) * self.weight + self.bias


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_what_a_narrow_type_does_not_show_is_not_said_to_hold(dtype):
    """Of 64 values, roundings may explain a divisor of 63 for one of 64; epsilon is found where it dominates. In
    bfloat16 they are up to half of the values, and hide a factor."""
    for ddof, words in ((0, " a biased variance"), (1, " an unbiased variance")):
        report = conforms(_Only(dtype, ddof, size=64), shape=(32, 64))
        assert report.status == (dtype == torch.bfloat16) and not report.failed, report
        assert report["forward.variance"].verdict == "not tested" and "m and m-1" in report["forward.variance"].meaning
        assert words in report.words and "epsilon 1e-05 inside the root" in report.words
    wrong = conforms(_Only(dtype, factor=1.3), shape=(32, 4))
    if dtype == torch.float16:
        assert wrong.status == 1
    else:
        assert "rounding may be 50% of a value" in wrong["forward.values"].meaning
        assert not any(each.tolerance > 0 for each in wrong.of("holds"))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_divisor_that_all_vectors_are_off_by_is_no_rounding(dtype):
    for ddof, verdict in ((0, "not tested" if dtype == torch.bfloat16 else "holds"), (1, "violated")):
        report = conforms(_Only(dtype, ddof), shape=(32, 4))
        assert report["forward.variance"].verdict == verdict, report
        assert [each.key for each in report.failed] == ["forward.variance"] * ddof


class _CoarseScale(nn.Module):
    """Layer norm in the type of y, but for its scale."""

    def __init__(self, dtype, size, ddof):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(size)), nn.Parameter(torch.zeros(size))
        self.dtype, self.ddof = dtype, ddof

    def forward(self, y):
        scale = (y.var(-1, keepdim=True, correction=self.ddof) + 1e-5).rsqrt().to(self.dtype).to(y.dtype)
        return (y - y.mean(-1, keepdim=True)) * scale * self.weight + self.bias


@pytest.mark.parametrize("size", [3, 24])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_coarse_scale_hides_no_unbiased_variance(dtype, size):
    wrong, right = (conforms(_CoarseScale(dtype, size, ddof), shape=(9, size)) for ddof in (1, 0))
    assert wrong["forward.variance"].verdict == "violated" and not wrong, wrong
    assert not right.failed, right
