r"""Other norms, depth, isometry, folding: one or two records a paper, and what is recalled without a source."""

from __future__ import annotations

from typing import Any

import sympy as sp

from bnverify.theory.audit.bounds import Vacuous
from bnverify.theory.audit.evidence import Computed, Family, Proved, Refuted, require
from bnverify.theory.audit.expectations import Measured
from bnverify.theory.audit.papers import random_matrices
from bnverify.theory.audit.papers.short import formula, point, quote, transcribed
from bnverify.theory.audit.record import Record
from bnverify.theory.audit.ruling import Known, Party, Ruling, Text
from bnverify.theory.audit.sequences import Leading, NotNegative, Product, Sequence, n
from bnverify.theory.proof.claim import Source

HOEDT, SHEN, KIM = "Hoedt et al. 2022", "Shen et al. 2020", "Kim et al. 2025"
LABOFDOUBT, DANESHMAND, METEREZ = "labofdoubt 2025", "Daneshmand et al. 2021", "Meterez et al. 2024"
JACOB, CROWN, LABML, LUTHER, BROCK = "Jacob et al. 2018", "gamma-CROWN", "labml", "Luther's draft", "Brock et al. 2021"
RECALLED = "recalled"
_d, _n, _root = sp.Symbol("d", positive=True), sp.Symbol("n", integer=True, positive=True), sp.sqrt(n)

_POWER = {
    "gamma": "real", "al": "real", "nu": "real", "phi": "nonnegative", "eps": "nonnegative",
}  # fmt: skip
GRADIENTS = (
    Record(
        key="hoedt-mean", title="The backward pass with the sum of the gradient for its mean",
        source=Source(HOEDT, "blog track of ICLR 2022"),
        text=transcribed(
            r"\nabla_xL=\frac{1}{\sigma_B}\left(g-\mu_g\mathbf1-\mathrm{cov}(g,\hat x)\odot\hat x\right), \quad "
            r"\mu_g=\sum_n g_n", "https://iclr-blog-track.github.io/2022/03/25/unnormalized-resnets",
        ),
        party=Party.ELSEWHERE, ruling=Ruling.MISPRINT,
        evidence=Refuted(
            formula("grad(dot(g, bn(x)), x) = (g - sum(g)*one - dot(g, bn(x))/m*bn(x))/sqrt(var(x))", "x g"),
            point(x=(0, 1), g=(1, 0)),
            ((formula("grad(dot(g, bn(x)), x) = (g - mean(g)*one - dot(g, bn(x))/m*bn(x))/sqrt(var(x))", "x g"),
              point(x=(0, 1), g=(1, 0))),),
        ),
        remark="1/|B| is missing in mu_g.", reading="epsilon = 0, cov with its 1/|B|.", corrected=("fact-c1",),
    ),
    Record(
        key="shen-backward", title="The backward pass of PN-V", source=Source(SHEN, "PN-V, backward pass"),
        text=quote(r"\frac{\partial L}{\partial x} = \frac{1}{\psi_B\gamma}(\ldots)", "a reader",
                   "https://arxiv.org/abs/2003.07845"),
        ruling=Ruling.MISPRINT,
        evidence=Refuted(
            formula("grad(gamma*dot(g, rms(x)), x) = (g - dot(g, rms(x))/m*rms(x))/(psi*gamma)", "x g",
                    {"gamma": "nonzero"}, psi="sqrt(dot(x, x)/m)"), point(gamma=2, x=(1, 1), g=(1, 0)),
            ((formula("grad(gamma*dot(g, rms(x)), x) = gamma/psi*(g - dot(g, rms(x))/m*rms(x))", "x g",
                      {"gamma": "nonzero"}, psi="sqrt(dot(x, x)/m)"), point(gamma=2, x=(1, 1), g=(1, 0))),),
        ),
        remark="The factor is gamma/psi; printed/true is 1/gamma^2. Whether the paper or its quotation lost it is not "
        "known here.", reading="psi^2 the mean square of the batch, g the gradient at the output.",
        instead="gamma/psi (g - <g, x>/B x), x normalised.",
    ),
    Record(
        key="shen-lipschitz", title="PowerNorm has a smaller Lipschitz constant than batch norm",
        source=Source(SHEN, "abstract"),
        text=Text(r"\text{PN leads to a smaller Lipschitz constant for the loss, compared with BN}", Known.ABSTRACT, "",
                  "https://arxiv.org/abs/2003.07845"),
        party=Party.OURS, ruling=Ruling.CONDITIONAL,
        evidence=Refuted(
            formula("dot(p, p) <= dot(b, b)", "x g", p="grad(dot(g, rms(x)), x)", b="grad(dot(g, bn(x)), x)"),
            point(x=(0, 1), g=(1, 0)),
            ((formula("var(x) <= dot(x, x)/m", "x"), point(x=(0, 1))),
             (formula("dot(p, p)*dot(x, x) <= m*dot(g, g)", "x g", p="grad(dot(g, rms(x)), x)"),
              point(x=(0, 1), g=(1, 0)))),
        ),
        remark="Not gradient by gradient: with two values batch norm's is 0.",
        reading="Formalised pointwise, for one g. True of the worst g for m >= 3: 1/psi <= 1/sigma, as psi^2 = "
        "sigma^2 + "
        "mu^2.", instead="The norms of the Jacobians are 1/psi and, for m >= 3, 1/sigma.",
    ),
    Record(
        key="shen-code", title="The backward pass of PowerNorm's code as the gradient of its forward pass",
        source=Source(SHEN, "authors' code, mask_powernorm.py"),
        text=Text(r"\text{after the warm-up: forward } z = x/\sqrt{\phi+\epsilon}, \quad \text{backward } "
                  r"\left(\gamma g-(1-\alpha)\,\nu z\right)\big/\sqrt{\overline{x^2}+\epsilon}", Known.AUTHORS,
                  "code, commit 9ea6226 of June 2021", "https://github.com/sIncerass/powernorm"),
        party=Party.OURS, ruling=Ruling.CONDITIONAL,
        evidence=Refuted(
            formula("(gamma*g - (1 - al)*nu*z)/sqrt(dot(x, x)/m + eps) = grad(gamma*dot(g, x)/sqrt(phi + eps), x)",
                    "x g", _POWER, z="x/sqrt(phi + eps)"),
            point(gamma=1, al=1, nu=0, phi=1, eps=0, x=(2, 2), g=(1, 0)),
            ((formula("(gamma*g - (1 - al)*nu*z)/r*r = grad(gamma*dot(g, x)/sqrt(phi + eps), x)*sqrt(phi + eps) - "
                      "(1 - al)*nu*z", "x g", _POWER, z="x/sqrt(phi + eps)", r="sqrt(dot(x, x)/m + eps)"),
              point(gamma=1, al="1/2", nu=1, phi=1, eps=0, x=(2, 2), g=(1, 0))),),
        ),
        remark="Off by the factor sqrt((phi + eps)/(mean x^2 + eps)), and by the running projection. The code "
        "itself calls it approximate; it does not say by how much.",
        reading="Formalised as: what is returned is the gradient of what was computed, phi a constant there as in the "
        "code. phi, nu are running averages, alpha the one of nu, mean x^2 is of the batch. True where phi is the "
        "batch's own mean square and nu = 0.",
        instead="The gradient is gamma g/sqrt(phi + eps).",
    ),
    Record(
        key="crown-jacobian", title="The effective Jacobian of layer norm", source=Source(CROWN, "NNVerify.C002, code"),
        text=Text(r"J = \mathrm{diag}(\gamma/\sigma)\,(I-\mathbf 1\mathbf 1^\top/n)", Known.AUTHORS, "code"),
        party=Party.ELSEWHERE, ruling=Ruling.FALSE,
        evidence=Refuted(
            formula("grad(gamma*dot(w, bn(x)), x) = gamma/sqrt(var(x))*center(w)", "x w", {"gamma": "real"}),
            point(gamma=1, x=(0, 1), w=(0, 1)),
        ),
        remark="The term yhat yhat'/n is missing: the rank is n - 2, not n - 1.",
        reading="epsilon = 0, J symmetric for equal gains, tested on w. It is what layer norm with a detached sigma "
        "has.",
        corrected=("fact-c2", "jacobian-projector"),
    ),
    Record(
        key="labml-deepnorm", title="DeepNorm as printed and as coded", source=Source(LABML, "normalization/deep_norm"),
        text=Text(r"\text{docstring } x_{l+1}=\mathrm{LN}(\alpha x_l+G_l(x_l)), \text{ code } "
                  r"\texttt{layer\_norm(x + alpha * gx)}", Known.AUTHORS, "code, snapshot of August 2025"),
        party=Party.ELSEWHERE, ruling=Ruling.FALSE,
        evidence=Refuted(formula("bn(al*x + g) = bn(x + al*g)", "x g", {"al": "positive"}),
                         point(al=2, x=(0, 1), g=(1, 0))),
        remark="alpha is on the wrong branch of the code; the docstring is the paper's formula.",
        reading="That the code computes what its docstring prints. True for alpha = 1.",
        instead="layer_norm(alpha * x + gx).",
    ),
)  # fmt: skip

PERI = (
    Record(
        key="peri-8", title="Peri-LN bounds the gradient of the second weight matrix",
        source=Source(KIM, "Proposition 3.1, equation (8)"),
        text=quote(r"\left\|\frac{\partial\mathcal L(o)}{\partial W^{(2)}_{i,j}}\right\|\le\frac{4\gamma\sqrt D\,\|h\|}"
                   r"{\|a\|}, \quad a = hW^{(2)}", "a reader's note", "https://arxiv.org/abs/2502.02732"),
        ruling=Ruling.CONDITIONAL,
        evidence=Refuted(
            formula("h**2*dot(J, J)*dot(a, a) <= 16*gamma**2*m*h**2", "a g", {"gamma": "positive", "h": "positive"},
                    J="grad(gamma*dot(g, rms(a)), a)"), point(gamma=1, h=1, a=(1, 1), g=(5, -5)),
            ((formula("h**2*dot(J, J)*dot(a, a) <= 16*gamma**2*m*h**2", "a g", {"gamma": "positive", "h": "positive"},
                      ("dot(g, g) <= 16",), J="grad(gamma*dot(g, rms(a)), a)"),
              point(gamma=1, h=1, a=(1, 1), g=(2, -2))),),
        ),
        remark="Needs |g| <= 4, which the note does not print. The gradient is h times J'g.",
        reading="RMS norm at the output, D = m, g the gradient at o; |h| |J'g| is the norm of the whole gradient, "
        "with a "
        "= hW real vectors: any a and h > 0 occur.",
        instead="The norm is at most gamma sqrt(D) |h| |g|/|a|, with equality for g orthogonal to a.",
    ),
    Record(
        key="peri-remark", title="The ratio |h|/|a| stays bounded", source=Source(KIM, "after Proposition 3.1"),
        text=quote(r"\text{since } \|a\| \text{ grows with } \|h\|, \text{ the ratio stays bounded}", "a reader's note",
                   "https://arxiv.org/abs/2502.02732"),
        party=Party.OURS, ruling=Ruling.FALSE,
        evidence=Family(
            formula("dot(h, h) <= K**2*dot(h, w)**2", "h w", {"K": "positive"}), "K",
            lambda k: point(K=k, h=(1, 1), w=(1, f"{1 - k}/{k}")), sp.Integer(1),
        ),
        remark="W has a null space that can meet the positive orthant: W = (1, -1 + delta) and h = (1, 1) give "
        "|h|/|a| = sqrt(2)/delta. Epsilon is what bounds it.",
        reading="Formalised as: some K bounds |h|/|hW| for all h >= 0 and W of bounded size. One output.",
    ),
)  # fmt: skip

DEPTH = (
    Record(
        key="doshi-ln", title="Pre-LN at initialisation grows linearly", source=Source(LABOFDOUBT, "equation (10)"),
        text=Text(r"\chi = 1+\frac{\sigma_w^2}{K_l}E[\phi'(\tilde h)^2], \quad K_{l+1}=K_l+\sigma_w^2E[\phi(\tilde "
            r"h)^2]",
                  Known.ITSELF, "", "blog 'Normalization-free transformers are subcritical'"),
        party=Party.ELSEWHERE, ruling=Ruling.TRUE,
        evidence=Sequence("for the identity, sigma_w = 1 and K_1 = 1: K_l = l and the product of chi is L",
                          (Product(1 + 1 / n, n),), "the product of chi over the layers before L is L", refutes=False),
        remark="True in the mean field; for the identity the closed form is exact.", reading="phi the identity.",
    ),
    Record(
        key="doshi-derf", title="The exponent of the stretched exponential of Derf",
        source=Source(LABOFDOUBT, "after equation (12)"),
        text=Text(r"\chi \approx 1+\sqrt{1/(\lambda l)} \text{, thus } J \sim e^{\sqrt{l/\lambda}}", Known.ITSELF, "",
                  "blog 'Normalization-free transformers are subcritical'"),
        party=Party.ELSEWHERE, ruling=Ruling.MISPRINT,
        evidence=Sequence(
            "the sum of log(1 + 1/sqrt(lambda k)) over k <= l is sqrt(l/lambda) to leading order",
            (NotNegative(1 / _root - 2 * (sp.sqrt(n + 1) - _root),
                         1 / (_root * (sp.sqrt(n + 1) + _root) ** 2), "so the sum of 1/sqrt(k) is at least 2 "
                             "sqrt(l+1) - 2"),
             NotNegative(2 * (sp.sqrt(n + 1) - _root) - 1 / sp.sqrt(n + 1),
                         1 / (sp.sqrt(n + 1) * (sp.sqrt(n + 1) + _root) ** 2), "and at most 2 sqrt(l) - 1"),
             Leading(sp.log(1 + sp.Symbol("x")), sp.Symbol("x"), sp.Symbol("x"), 2)),
            "log J is 2 sqrt(l/lambda) to leading order: the factor 2 is lost", refutes=True,
        ),
        remark="A factor 2 in the exponent: the sum of 1/sqrt(k) is 2 sqrt(l). The slip is the blog's, not the paper's "
        "it builds on.",
        reading="chi as printed, at every layer.", instead="J ~ exp(2 sqrt(l/lambda)).",
    ),
)  # fmt: skip

ISOMETRY = (
    Record(
        key="daneshmand-1", title="Batch norm orthogonalises: the floor of the bound",
        source=Source(DANESHMAND, "Theorem 1"),
        text=transcribed(
            r"E[V(H_{\ell+1})] \le 2\left(1-\tfrac23\alpha\right)^\ell+\frac{3n}{\alpha\sqrt d}, \quad "
            r"V(H)=\left\|\frac{H^\top H}{\|H\|_F^2}-\frac1nI_n\right\|_F", "https://arxiv.org/abs/2106.03970",
        ),
        ruling=Ruling.VACUOUS,
        evidence=Measured(Vacuous(
            "3n/(alpha sqrt(d)) with alpha <= 1/sqrt(n), against V <= sqrt(1 - 1/n)",
            9 * _n**4 / ((_n - 1) * _d), _d, 9 * _n**4 / (_n - 1), _n, (2, 4, 16, 128),
            "The paper's first figure has d = 32.",
        ), random_matrices.ORTHOGONAL),
        remark="V^2 = |G|^2/(tr G)^2 - 1/n is at most 1 - 1/n for every H, and alpha, the least singular value, at "
        "most "
        "1/sqrt(n), as |H|_F = 1. The printed floor is below that only for d > 9 n^4/(n - 1).",
        reading="Batch norm without mean, as in the paper's (1); the expectation itself is measured, with its error.",
    ),
    Record(
        key="daneshmand-mean", title="Leaving the mean out changes nothing qualitatively",
        source=Source(DANESHMAND, "remark on equation (1)"),
        text=transcribed(r"\text{omitting the mean does not change the network properties qualitatively}",
                         "https://arxiv.org/abs/2106.03970"),
        party=Party.OURS, ruling=Ruling.FALSE,
        evidence=Measured(Refuted(
            formula("sum(bn(y))**2 > 0", "y"), point(y=(0, 1)),
            ((formula("sum(bn(y)) = 0", "y"), point(y=(0, 1))),
             (formula("sum(y)**2 <= m*dot(y, y)", "y"), point(y=(1, 2)))),
        ), random_matrices.SIMPLEX),
        remark="With the mean every row of H is orthogonal to 1: the least singular value is 0 at every layer, so the "
        "theorem's assumption fails, and V >= 1/sqrt(n(n-1)) for every width. At n = 2 that is V's maximum: the two "
        "samples become antipodal. (The floor is the second formula for the n - 1 other eigenvalues of H'H, V^2 "
        "being their "
        "sum of squares over the square of their sum, minus 1/n.)",
        reading="Formalised as: assumption A1 (a positive least singular value, hence H1 not 0) can hold with the mean "
        "as well. y is a row of H over the n samples.",
        instead="With the mean the samples tend to a regular simplex.",
    ),
    Record(
        key="meterez-mean", title="The isometry gap vanishes for the batch norm of programs",
        source=Source(METEREZ, "Theorem 1, beyond its setting"),
        text=quote(r"E[IG(X_{\ell+1})] \le IG(X_0)e^{-\ell/k}, \quad IG = -\log\frac{\det(X^\top X)^{1/n}}"
                   r"{\mathrm{tr}(X^\top X)/n}", "three readers who agree", "https://arxiv.org/abs/2310.02012"),
        party=Party.OURS, ruling=Ruling.CONDITIONAL,
        evidence=Measured(Refuted(
            formula("sum(bn(y))**2 > 0", "y"), point(y=(0, 1)),
            ((formula("sum(bn(y)) = 0", "y"), point(y=(0, 1))),),
        ), random_matrices.ISOMETRY),
        remark="Needs batch norm without the mean, which is the paper's setting and is measured, not judged. With the "
        "mean X1 = 0, so the determinant is 0 and the gap infinite after one layer, for every n and d.",
        reading="Our extension to batch norm with the mean: a finite gap needs X1 not to be 0.",
    ),
)  # fmt: skip


def _luther() -> dict[str, Any]:
    printed, right = sp.pi / (sp.pi - 1), sp.sqrt((sp.pi - 1) / sp.pi)
    require(abs(sp.N(printed) - sp.Rational(8, 10)) > sp.Rational(1, 2), "pi/(pi - 1) is not about 0.8")
    require(abs(sp.N(right, 20) - sp.Rational(826, 1000)) < sp.Rational(1, 1000), "its inverse's root is 0.826")
    return {"pi/(pi - 1)": sp.N(printed, 5), "sqrt((pi - 1)/pi)": sp.N(right, 5)}


def _nf_gain() -> dict[str, Any]:
    x = sp.Symbol("x", real=True)
    density = sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)
    mean, square = (sp.integrate(x**k * density, (x, 0, sp.oo)) for k in (1, 2))
    variance = sp.simplify(square - mean**2)
    require(sp.simplify(variance - (1 - 1 / sp.pi) / 2) == 0, "Var ReLU = (1 - 1/pi)/2")
    gain = sp.sqrt(2) / sp.sqrt(1 - 1 / sp.pi)
    require(sp.simplify(gain**2 * variance - 1) == 0, "the gain restores the variance 1")
    return {"E ReLU": mean, "E ReLU^2": square, "variance": variance, "gain": sp.N(gain, 6)}


SCALARS = (
    Record(
        key="luther-growth", title="A deviation of pi/(pi - 1), about 0.8", source=Source(LUTHER, "blog draft"),
        text=quote(r"\sigma\approx\pi/(\pi-1)\approx 0.8", "a reader", ""), party=Party.ELSEWHERE,
        ruling=Ruling.MISPRINT, evidence=Computed("pi/(pi - 1) is about 0.8", _luther, refutes=True),
        remark="sqrt((pi - 1)/pi) is 0.826; pi/(pi - 1) = 1.467 is a rate of growth. A slip of a draft, of no paper.",
        reading="As numbers.", instead="sqrt((pi - 1)/pi).",
    ),
    Record(
        key="nf-gain", title="The gain of a ReLU in normaliser-free networks", source=Source(BROCK, "section 2"),
        text=quote(r"\gamma=\sqrt2/\sqrt{1-1/\pi}", "a reader", "https://arxiv.org/abs/2101.08692"), ruling=Ruling.TRUE,
        evidence=Computed("the gain makes the variance of a ReLU of a standard normal 1", _nf_gain, refutes=False),
        remark="True, by exact integration.", reading="The input is standard normal.",
    ),
    Record(
        key="fold-before", title="Folding a batch norm into the convolution after it",
        source=Source(JACOB, "equation (14), used before a convolution"),
        text=quote(r"w_{fold}=\frac{\gamma w}{\sqrt{EMA(\sigma_B^2)+\epsilon}}", "two readers",
                   "https://arxiv.org/abs/1712.05877"),
        party=Party.OURS, ruling=Ruling.CONDITIONAL,
        evidence=Refuted(
            formula("w2*(a*x1 + c) + w3*(a*x2 + c) = a*(w2*x1 + w3*x2) + c*(w1 + w2 + w3)",
                    symbols=dict.fromkeys(("w1", "w2", "w3", "a", "c", "x1", "x2"), "real"), sizes=(1,)),
            point(w1=1, w2=1, w3=1, a=1, c=1, x1=0, x2=0, m=1),
            ((formula("w1*(a*x0 + c) + w2*(a*x1 + c) + w3*(a*x2 + c) = a*(w1*x0 + w2*x1 + w3*x2) + c*(w1 + w2 + w3)",
                      symbols=dict.fromkeys(("w1", "w2", "w3", "a", "c", "x0", "x1", "x2"), "real"), sizes=(1,)),
              point(w1=1, w2=1, w3=1, a=1, c=1, x0=0, x1=0, x2=0, m=1)),),
        ),
        remark="At a border that is padded with zeros the shift c is missing from the tap outside. The paper folds "
        "a batch "
        "norm after its convolution, where the formula is exact.",
        reading="Our use of the formula in the other order: three taps, at the left border; a x + c is the norm in "
        "inference. True without padding, and for c = 0.",
    ),
)  # fmt: skip


def _recalled(latex: str) -> Text:
    return Text(latex, Known.MEMORY)


UNATTRIBUTED = (
    Record(
        key="pn-identity", title="The squared gradient of PN-V", source=Source(RECALLED, "PowerNorm"),
        text=_recalled(r"\|v\|^2=\frac{\gamma^2}{\psi^2}\left(\|g\|^2-\frac{\langle g,\hat x\rangle^2}{B}\right)"),
        party=Party.OURS, ruling=Ruling.TRUE,
        evidence=Proved(((formula("dot(p, p)*dot(x, x)/m = dot(g, g) - dot(g, rms(x))**2/m", "x g",
                                  p="grad(dot(g, rms(x)), x)"), point(x=(1, 1), g=(1, 0))),)),
        remark="An equality.", reading="gamma = 1, psi^2 = |x|^2/m.",
    ),
    Record(
        key="ws-identity", title="The squared gradient through weight standardisation",
        source=Source(RECALLED, "weight standardisation"),
        text=_recalled(r"\|\nabla_WL\|^2=\frac{1}{\sigma^2}\left(\|g\|^2-\frac{\langle "
            r"1,g\rangle^2}{I}-\frac{\langle g,"
                       r"\hat W\rangle^2}{I}\right)"),
        party=Party.OURS, ruling=Ruling.TRUE,
        evidence=Proved(((formula("dot(b, b)*var(w) = dot(g, g) - sum(g)**2/m - dot(g, bn(w))**2/m", "w "
            "g", b="grad(dot(g, bn(w)), w)"),
                          point(w=(0, 1), g=(1, 0))),)),
        remark="An equality at epsilon = 0.", reading="One filter of I = m weights.",
    ),
    Record(
        key="ws-hessian", title="The Hessian through weight standardisation is no larger",
        source=Source(RECALLED, "weight standardisation"),
        text=_recalled(r"\|\nabla^2_W L\| \le \|\nabla^2_{\hat W}L\|/\sigma^2"), party=Party.OURS, ruling=Ruling.FALSE,
        evidence=Refuted(
            formula("grad(dot(c, bn(w)), w) = grad(dot(c, bn(2*w)), w)/2", "w c", sizes=(4,)),
            point(w=(1, 1, -1, -1), c=(1, -1, 0, 0)),
        ),
        remark="The loss L = w_1 - w_2 has no curvature, its composition with weight standardisation has.",
        reading="A loss that is linear in the standardised weights: the right side is 0, so there would be no "
        "curvature "
        "between W and 2W, and one gradient at both. Not known to be printed.",
    ),
    Record(
        key="ghost-running", title="The running mean of ghost batch norm", source=Source(RECALLED, "Ghost BN"),
        text=_recalled(r"\mu_{run}=(1-\eta)^n\mu_{run}+\sum_{i=1}^n(1-\eta)^i\eta\,\mu_i"), party=Party.OURS,
        ruling=Ruling.MISPRINT,
        evidence=Refuted(
            formula("(1 - e)**2 + (1 - e)*e + (1 - e)**2*e = 1", symbols={"e": "positive"}, sizes=(1,)),
            point(e="1/10", m=1),
            ((formula("(1 - e)**2 + e + (1 - e)*e = 1", symbols={"e": "positive"}, sizes=(1,)), point(e="1/10", m=1)),),
        ),
        remark="The weights do not sum to 1; with the index from 0 to n - 1 they do.", reading="n = 2, eta = e.",
        instead="The sum runs over i = 0..n-1.",
    ),
)  # fmt: skip

RECORDS = (*GRADIENTS, *PERI, *DEPTH, *ISOMETRY, *SCALARS, *UNATTRIBUTED)
