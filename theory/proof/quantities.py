r"""The one table of named quantities: symbol, LaTeX, meaning, shape. The same names serve claims, records and reports.

Shapes: ``site`` one number for a normalisation layer; ``channel`` one for each channel; ``sample`` one for each
channel of a seeded sample (where a Hessian-vector product is spent on a single channel); ``layer`` one number for
all channels of the layer together.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from bnverify.theory.algebra.derivative import moves_with
from bnverify.theory.algebra.vectors import ONE, Inner, SelfAdjoint, Vector, m

# Scalars. s = sqrt(sigma^2 + epsilon); rho = sigma^2 / s^2 = 1 - epsilon / s^2 lies in [0, 1].
gamma, beta, mu, b = sp.symbols("gamma beta mu b", real=True)
epsilon, rho = sp.symbols("epsilon rho", nonnegative=True)
s = sp.Symbol("s", positive=True)
sigma2 = sp.Symbol("sigma2", nonnegative=True)
# Scalars measured as derivatives with respect to parameters, or as a distance.
grad_gamma, grad_beta, grad_bias = sp.symbols("grad_gamma grad_beta grad_bias", real=True)
weight_grad, weight_grad_plain = sp.symbols("weight_grad weight_grad_plain", real=True)
distance2 = sp.Symbol("distance2", nonnegative=True)
grad_mu, grad_sigma2 = sp.symbols("grad_mu grad_sigma2", real=True)
# The largest squared singular value of the design matrix (im2col for a convolution), and Theorem 4.4's maxima.
design_norm2, frozen_plain, frozen_normalised = sp.symbols(
    "design_norm2 frozen_plain frozen_normalised", nonnegative=True
)
k, learning_rate = sp.symbols("k learning_rate", positive=True)
momentum, weight_decay = sp.symbols("momentum weight_decay", nonnegative=True)
# Of the schedule: rate over decay and squared length, before and after a step; the rate and the decay of the next step.
effective_rate, effective_rate_next = sp.symbols("effective_rate effective_rate_next", real=True)
next_learning_rate = sp.Symbol("next_learning_rate", positive=True)
next_weight_decay = sp.Symbol("next_weight_decay", nonnegative=True)
# The factor a step by which the weights shrink beside those of an exponential learning rate.
root = sp.Symbol("root", positive=True)
shift_c = sp.Symbol("shift", real=True)
next_y_v = sp.Symbol("next_y_v", real=True)
followed = sp.Symbol("followed", nonnegative=True)
# Batch renormalisation: the correction (r, d) and the running moments it comes from.
r, s_run = sp.symbols("r s_run", positive=True)
d, mu_run = sp.symbols("d mu_run", real=True)

# Vectors of R^m, one channel. The two facts declared for yhat are the claims `normalised-mean` and `normalised-norm`.
Y, Z, G, V, U = (Vector.atom(name) for name in ("y", "z", "g", "v", "u"))
YHAT = Vector.atom("yhat", latex=r"\hat y", norm2=rho * m, total=0)
# Arbitrary test vectors: an identity between vectors is claimed as <w, left> = <w, right> for every w.
W, X = Vector.atom("w"), Vector.atom("x")
JX = Vector.atom("Jx", latex=r"(\mathrm D\hat y\,x)")
KX = Vector.atom("Kx", latex=r"\mathrm D^2\hat y[x,x]")
U_W = Vector.atom("u_w")
U_X = Vector.atom("u_x")
JJX = Vector.atom("JJx", latex=r"(\mathrm D\hat y\,\mathrm D\hat y\,x)")
# Any normaliser: its projector P, the gradient n and Hessian M of its scale s.
P, M = SelfAdjoint("P"), SelfAdjoint("M")
N = Vector.atom("n")
# y multiplied by k > 0 or shifted by a constant: what becomes of yhat and v.
YHAT_SCALED, V_SCALED = Vector.atom("yhat_scaled", latex=r"\hat y(ky)"), Vector.atom("v_scaled", latex="v(ky)")
YHAT_SHIFTED, V_SHIFTED = Vector.atom("yhat_shifted", latex=r"\hat y(y+c)"), Vector.atom("v_shifted", latex="v(y+c)")
YHAT_LESS = Vector.atom("yhat_less", latex=r"\hat y_{\varepsilon/k^2}")
# y multiplied by k > 0 and epsilon by k^2.
YHAT_REGROWN = Vector.atom("yhat_regrown", latex=r"\hat y_{k^2\varepsilon}(ky)")
V_REGROWN = Vector.atom("v_regrown", latex=r"v_{k^2\varepsilon}(ky)")
HHAT_SCALED = SelfAdjoint("Hhat_scaled", latex=r"\hat H(ky)")
# gamma and beta as they act on a vector, entry by entry; a direction t of the parameters, on g: T is its diagonal.
GAMMA = SelfAdjoint("Gamma", latex=r"\Gamma")
BETA = Vector.atom("beta_vector", latex=r"\boldsymbol\beta")
LAYER_TG = Vector.atom("Tg_layer", latex=r"(T\mathbf g)")
LAYER_YHAT = Vector.atom("yhat_layer", latex=r"\hat{\mathbf y}")
along_gamma, along_beta = sp.symbols("along_gamma along_beta", real=True)
# Running statistics before and after a step, and the weight of the batch in them.
running_weight, mean_before, mean_after = sp.symbols("running_weight mean_before mean_after", real=True)
variance_before, variance_after = sp.symbols("variance_before variance_after", real=True)
# Of a batch split into replicas: the mean of their variances, and the variance of their means.
within_variance, between_variance = sp.symbols("within_variance between_variance", nonnegative=True)
# Signs of the centred values.
SIGNS = Vector.atom("signs", latex=r"\operatorname{sgn}(Cy)")
# The measured yhat, about which nothing is assumed.
NORMALISED = Vector.atom("yhat_measured", latex=r"\hat y")
# Weights, vectors of R^n: of a whole layer, or of one filter.
W0 = Vector.atom("W0", space="n", latex="W_0")
WSTAR = Vector.atom("Wstar", space="n", latex="W^{*}")
LAYER_W0 = Vector.atom("W0_layer", space="n*C", latex=r"\mathbf W_0")
LAYER_WSTAR = Vector.atom("Wstar_layer", space="n*C", latex=r"\mathbf W^{*}")
WEIGHTS = Vector.atom("W_filter", space="n", latex="W_j")
WEIGHT_GRADIENT = Vector.atom("grad_W_filter", space="n", latex=r"\nabla_{W_j}\hat L")
NEXT_WEIGHTS = Vector.atom("W_filter_next", space="n", latex="W_j^{+}")
STEPPED = Vector.atom("W_filter_stepped", space="n", latex="W_j^{+}")
BUFFER = Vector.atom("B_filter", space="n", latex="B_j")
NEXT_BUFFER = Vector.atom("B_filter_next", space="n", latex="B_j^{+}")
PREVIOUS = Vector.atom("W_filter_before", space="n", latex="W_j^{-}")
DIRECTION = Vector.atom("D_filter", space="n", latex="D_j")
# Of an exponential learning rate without weight decay, at k W: buffer, gradient, and the weights after the step. An
# arbitrary test vector t of R^n, and X t.
EXPONENTIAL_BUFFER = Vector.atom("B_exponential", space="n", latex=r"\tilde B_j")
EXPONENTIAL_GRADIENT = Vector.atom("grad_kW_filter", space="n", latex=r"\nabla_{W_j}\hat L_{k^2\varepsilon}(kW_j)")
EXPONENTIAL = Vector.atom("W_exponential", space="n", latex=r"\tilde W_j^{+}")
T = Vector.atom("t_filter", space="n", latex="t")
XT = Vector.atom("Xt", latex="Xt")
XW = Vector.atom("XW", latex="XW_j")
COVARIANCE = SelfAdjoint("S")
Z_REPARAMETRISED = Vector.atom("z_w", latex=r"(X\tilde w_j+\beta\mathbf 1)")

# Hessians of L at z and of Lhat at y; a `sample` quantity takes the block of one channel.
H = SelfAdjoint("H")
HHAT = SelfAdjoint("Hhat", latex=r"\hat H")
LAYER_V = Vector.atom("v_layer", space="m*C", latex=r"\mathbf v")
LAYER_U = Vector.atom("u_layer", space="m*C", latex=r"\mathbf u")

a = G @ YHAT
# All of these are functions of y, through the normalization and the loss.
moves_with(Y, Z, G, V, U, YHAT, NORMALISED, JX, KX, JJX, N, SIGNS, mu, s, rho, sigma2, grad_gamma, grad_beta, grad_mu,
           grad_sigma2)  # fmt: skip

LATEX_NAMES = {
    epsilon: r"\varepsilon",
    sigma2: r"\sigma^{2}",
    grad_gamma: r"(\partial_\gamma\hat L)",
    grad_beta: r"(\partial_\beta\hat L)",
    grad_bias: r"(\partial_b L)",
    weight_grad: r"\langle W_j, \nabla_{W_j}\hat L\rangle",
    weight_grad_plain: r"\langle W_j, \nabla_{W_j} L\rangle",
    distance2: r"d^2\!\left(W_0, \{kW^{*}: k>0\}\right)",
    grad_mu: r"(\partial_\mu\hat L)",
    grad_sigma2: r"(\partial_{\sigma^2}\hat L)",
    design_norm2: r"\lVert X\rVert_2^2",
    frozen_plain: r"\max_{\lVert X\rVert\le\lambda}\lVert X^{\top}g\rVert^2",
    frozen_normalised: r"\max_{\lVert X\rVert\le\lambda}\lVert X^{\top}v\rVert^2",
    learning_rate: r"\eta",
    within_variance: r"\overline{\sigma^{2}_{\mathrm{rep}}}",
    between_variance: r"\operatorname{Var}(\mu_{\mathrm{rep}})",
    momentum: r"\alpha",
    weight_decay: r"\lambda",
    next_learning_rate: r"\eta^{+}",
    next_weight_decay: r"\lambda^{+}",
    effective_rate: r"\Phi",
    effective_rate_next: r"\Phi^{+}",
    root: r"\xi",
    next_y_v: r"\sum_{\text{next layer}}\langle y, v\rangle",
    along_gamma: r"\langle t, \nabla_\gamma\hat L\rangle",
    along_beta: r"\langle t, \nabla_\beta\hat L\rangle",
    running_weight: r"\alpha",
    mean_before: r"\mu_{\mathrm{run}}",
    mean_after: r"\mu_{\mathrm{run}}^{+}",
    variance_before: r"\sigma^2_{\mathrm{run}}",
    variance_after: r"\sigma_{\mathrm{run}}^{2+}",
    mu_run: r"\mu_{\mathrm{run}}",
    s_run: r"s_{\mathrm{run}}",
}


@dataclass(frozen=True)
class Quantity:
    """A measured number: ``name`` in records and compiled functions, ``symbol`` in claims."""

    name: str
    symbol: sp.Expr
    shape: str
    meaning: str

    @property
    def latex(self) -> str:
        return latex(self.symbol)


def latex(expression: sp.Expr | Vector) -> str:
    """LaTeX of a scalar or vector of the algebra, under the names of the table."""
    if isinstance(expression, Vector):
        return expression._latex(symbol_names=LATEX_NAMES)
    return sp.latex(expression, symbol_names=LATEX_NAMES)


_ROWS = (
    ("m", m, "site", "values one channel is normalised over: N (dense), N H W (convolution)"),
    ("epsilon", epsilon, "site", "the constant added to the variance"),
    ("gamma", gamma, "channel", "scale parameter of the normalisation"),
    ("beta", beta, "channel", "shift parameter of the normalisation"),
    ("mu", mu, "channel", "batch mean of y"),
    ("s", s, "channel", "sqrt(sigma^2 + epsilon), biased batch variance"),
    ("rho", rho, "channel", "sigma^2 / (sigma^2 + epsilon)"),
    ("one_yhat", ONE @ NORMALISED, "channel", "sum of the normalised values"),
    ("yhat_yhat", NORMALISED @ NORMALISED, "channel", "squared norm of the normalised values"),
    ("g_g", G @ G, "channel", "squared norm of the gradient with respect to z"),
    ("one_g", ONE @ G, "channel", "sum of the gradient with respect to z"),
    ("a", a, "channel", "alignment of the gradient at z with the normalised values"),
    ("v_v", V @ V, "channel", "squared norm of the gradient with respect to y, through the normalisation"),
    ("one_v", ONE @ V, "channel", "sum of the gradient with respect to y: the gradient of a bias before the norm"),
    ("yhat_v", YHAT @ V, "channel", "inner product of the gradient with respect to y with the normalised values"),
    ("g_v", G @ V, "channel", "inner product of the two gradients"),
    ("w_w", W @ W, "channel", "squared norm of the random test vector w"),
    ("one_w", ONE @ W, "channel", "sum of w"),
    ("w_yhat", W @ YHAT, "channel", "w on the normalised values"),
    ("w_g", W @ G, "channel", "w on the gradient at z"),
    ("w_v", W @ V, "channel", "w on the gradient at y"),
    ("w_u", W @ U, "channel", "w on u = D z[v]"),
    ("w_y", W @ Y, "channel", "w on the layer's output"),
    ("w_z", W @ Z, "channel", "w on the inserted normalisation's output"),
    ("w_gamma_yhat", W @ GAMMA(YHAT), "channel", "w on gamma yhat, yhat from the moments of y"),
    ("gw_gw", GAMMA(W) @ GAMMA(W), "channel", "squared norm of gamma w"),
    ("w_beta", W @ BETA, "channel", "w on beta"),
    ("beta_beta", BETA @ BETA, "channel", "squared norm of beta, entry by entry of the vector"),
    ("along_gamma", along_gamma, "layer", "derivative of the loss along a random direction t of gamma"),
    ("along_beta", along_beta, "layer", "derivative of the loss along a random direction t of beta"),
    ("layer_tg_yhat", LAYER_TG @ LAYER_YHAT, "layer", "t g on the normalised values, all channels"),
    ("layer_one_tg", ONE @ LAYER_TG, "layer", "sum of t g, all channels"),
    ("running_weight", running_weight, "site", "weight of the batch in running statistics"),
    ("mean_before", mean_before, "channel", "running mean before a step"),
    ("mean_after", mean_after, "channel", "running mean after it"),
    ("variance_before", variance_before, "channel", "running variance before a step"),
    ("variance_after", variance_after, "channel", "running variance after it"),
    ("w_x", W @ X, "channel", "two random test vectors"),
    ("x_x", X @ X, "channel", "squared norm of the random test vector x"),
    ("one_x", ONE @ X, "channel", "sum of x"),
    ("x_yhat", X @ YHAT, "channel", "x on the normalised values"),
    ("x_g", X @ G, "channel", "x on the gradient at z"),
    ("w_Jx", W @ JX, "channel", "bilinear form of the Jacobian of yhat"),
    ("w_Kx", W @ KX, "channel", "w on the second derivative of yhat along x"),
    ("Jx_Jx", JX @ JX, "channel", "squared norm of the Jacobian of yhat on x"),
    ("w_JJx", W @ JJX, "channel", "w on the Jacobian of yhat applied twice to x"),
    ("n_n", N @ N, "channel", "squared norm of n, the gradient of the scale s"),
    ("n_y", N @ Y, "channel", "n on y; s itself if the scale is homogeneous"),
    ("n_x", N @ X, "channel", "n on the random test vector x"),
    ("n_v", N @ V, "channel", "n on the gradient at y"),
    ("w_n", W @ N, "channel", "w on n"),
    ("one_n", ONE @ N, "channel", "sum of n: zero if the scale does not see a shift"),
    ("n_Pg", N @ P(G), "channel", "n on Pg, the gradient at z with its mean removed by a centring normaliser"),
    ("Pg_Pg", P(G) @ P(G), "channel", "squared norm of Pg"),
    ("w_Pg", W @ P(G), "channel", "w on Pg"),
    ("w_Px", W @ P(X), "channel", "w on Px"),
    ("one_Pg", ONE @ P(G), "channel", "sum of Pg"),
    ("g_Pv", G @ P(V), "channel", "g on Pv"),
    ("x_M_x", X @ M(X), "channel", "second derivative of the scale along x"),
    ("Mx_Mx", M(X) @ M(X), "channel", "squared norm of the scale's Hessian on x"),
    ("v_M_v", V @ M(V), "channel", "second derivative of the scale along v"),
    ("y_v", Y @ V, "channel", "the output of the layer on the gradient at it"),
    ("within_variance", within_variance, "channel", "mean of the biased variances of the replicas of a batch"),
    ("between_variance", between_variance, "channel", "variance of the means of the replicas of a batch"),
    ("w_signs", W @ SIGNS, "channel", "w on the signs of the centred values"),
    ("one_signs", ONE @ SIGNS, "channel", "positive minus negative centred values, counted"),
    ("k", k, "site", "factor by which y was multiplied"),
    ("w_yhat_scaled", W @ YHAT_SCALED, "channel", "w on the normalised values of k y"),
    ("w_yhat_less", W @ YHAT_LESS, "channel", "w on the normalised values of y with epsilon divided by k^2"),
    ("w_v_scaled", W @ V_SCALED, "channel", "w on the gradient at k y"),
    ("w_Hhat_x_scaled", W @ HHAT_SCALED(X), "sample", "bilinear form of the Hessian of Lhat at k y, one channel"),
    ("w_yhat_shifted", W @ YHAT_SHIFTED, "channel", "w on the normalised values of y + c 1"),
    ("w_v_shifted", W @ V_SHIFTED, "channel", "w on the gradient at y + c 1"),
    ("grad_mu", grad_mu, "channel", "derivative of the loss with respect to the mean, yhat = (y - mu)/s fed with it"),
    ("grad_sigma2", grad_sigma2, "channel", "derivative of the loss with respect to the variance"),
    ("grad_gamma", grad_gamma, "channel", "derivative of the loss with respect to gamma"),
    ("grad_beta", grad_beta, "channel", "derivative of the loss with respect to beta"),
    ("grad_bias", grad_bias, "channel", "derivative of the plain loss with respect to the bias of the layer"),
    ("b", b, "channel", "bias of the layer before the normalisation"),
    ("weight_grad", weight_grad, "channel", "<W_j, dLhat/dW_j> through the normalisation"),
    ("weight_grad_plain", weight_grad_plain, "channel", "<W_j, dL/dW_j> in the plain network"),
    ("W_W", WEIGHTS @ WEIGHTS, "channel", "squared norm of the filter"),
    ("gradW_gradW", WEIGHT_GRADIENT @ WEIGHT_GRADIENT, "channel", "squared norm of the filter's gradient"),
    ("learning_rate", learning_rate, "site", "learning rate of a step of plain gradient descent"),
    ("W_next_W_next", NEXT_WEIGHTS @ NEXT_WEIGHTS, "channel", "squared norm of the filter after that step"),
    ("momentum", momentum, "site", "momentum of a step of gradient descent"),
    ("weight_decay", weight_decay, "site", "weight decay of that step, coupled"),
    ("W_stepped", WEIGHTS @ STEPPED, "channel", "the filter on itself after that step"),
    ("stepped_stepped", STEPPED @ STEPPED, "channel", "squared norm of the filter after that step"),
    ("W_buffer", WEIGHTS @ BUFFER, "channel", "the filter on the momentum buffer before the step"),
    ("buffer_next_buffer_next", NEXT_BUFFER @ NEXT_BUFFER, "channel", "squared norm of the buffer after the step"),
    ("W_previous", WEIGHTS @ PREVIOUS, "channel", "the filter on itself before the step that led to it"),
    ("previous_previous", PREVIOUS @ PREVIOUS, "channel", "squared norm of the filter before that step"),
    ("buffer_gradW", BUFFER @ WEIGHT_GRADIENT, "channel", "the momentum buffer before the step on the gradient"),
    ("direction_direction", DIRECTION @ DIRECTION, "channel", "squared norm of momentum times buffer plus gradient"),
    ("effective_rate", effective_rate, "channel", "learning rate over (1 - rate times decay) and the squared norm"),
    ("effective_rate_next", effective_rate_next, "channel", "the same after the step, of the next step's rate"),
    ("next_learning_rate", next_learning_rate, "site", "learning rate of the next step"),
    ("next_weight_decay", next_weight_decay, "site", "weight decay of the next step"),
    ("root", root, "site", "a root of x^2 - (1 + momentum - rate times decay) x + momentum"),
    ("t_stepped", T @ STEPPED, "channel", "a random test vector on the filter after the step"),
    ("t_exponential", T @ EXPONENTIAL, "channel", "the same on k W after the step of the exponential learning rate"),
    ("t_t", T @ T, "channel", "squared norm of that test vector"),
    ("W_S_W", WEIGHTS @ COVARIANCE(WEIGHTS), "channel", "filter on the covariance of the layer's inputs"),
    ("w_zw", W @ Z_REPARAMETRISED, "channel", "w on the linear layer with weights gamma W / sqrt(W'SW + epsilon)"),
    ("design_norm2", design_norm2, "layer", "largest eigenvalue of X'X, X the design matrix of the layer"),
    ("frozen_plain", frozen_plain, "channel", "largest |X'g|^2 over design matrices of norm lambda"),
    ("frozen_normalised", frozen_normalised, "channel", "largest |X'v|^2 over design matrices of norm lambda"),
    ("next_y_v", next_y_v, "layer", "sum over the channels of the next normalisation of <y, v> there"),
    ("followed", followed, "layer", "1 where another batch norm follows after homogeneous stages only, else 0"),
    ("r", r, "channel", "scale correction of batch renormalisation, a constant for differentiation"),
    ("d", d, "channel", "shift correction of batch renormalisation, a constant for differentiation"),
    ("mu_run", mu_run, "channel", "running mean"),
    ("s_run", s_run, "channel", "running standard deviation"),
    ("g_H_g", G @ H(G), "sample", "second derivative of L along g, one channel"),
    ("v_Hhat_v", V @ HHAT(V), "sample", "second derivative of Lhat along v, one channel"),
    ("v_H_v", V @ H(V), "sample", "second derivative of L along v, one channel"),
    ("u_H_u", U @ H(U), "sample", "second derivative of L along u = D z[v], one channel"),
    ("w_Hhat_x", W @ HHAT(X), "sample", "bilinear form of the Hessian of Lhat, one channel"),
    ("uw_H_ux", U_W @ H(U_X), "sample", "bilinear form of the Hessian of L on D z[w], D z[x], one channel"),
    ("layer_v_Hhat_v", LAYER_V @ HHAT(LAYER_V), "layer", "second derivative of Lhat along v, all channels"),
    ("layer_u_H_u", LAYER_U @ H(LAYER_U), "layer", "second derivative of L along u, all channels"),
    ("W0_W0", W0 @ W0, "channel", "squared norm of the initial filter"),
    ("W0_Wstar", W0 @ WSTAR, "channel", "initial filter on the trained filter"),
    ("Wstar_Wstar", WSTAR @ WSTAR, "channel", "squared norm of the trained filter"),
    ("distance2", distance2, "channel", "squared distance from the initial filter to the ray of the trained one"),
    ("layer_W0_W0", LAYER_W0 @ LAYER_W0, "layer", "squared norm of the initial weights of the layer"),
    ("layer_W0_Wstar", LAYER_W0 @ LAYER_WSTAR, "layer", "initial weights on the trained weights of the layer"),
    ("layer_Wstar_Wstar", LAYER_WSTAR @ LAYER_WSTAR, "layer", "squared norm of the trained weights of the layer"),
    ("layer_distance2", sp.Symbol("layer_distance2", nonnegative=True), "layer",
     "squared distance from the initial weights of the layer to the ray of the trained ones"),
)  # fmt: skip

QUANTITIES: dict[str, Quantity] = {row[0]: Quantity(*row) for row in _ROWS}
_BY_SYMBOL = {quantity.symbol: name for name, quantity in QUANTITIES.items()}
LATEX_NAMES[QUANTITIES["layer_distance2"].symbol] = r"d^2\!\left(\mathbf W_0, \{k\mathbf W^{*}: k>0\}\right)"


def atoms_of(expression: sp.Expr) -> frozenset[sp.Expr]:
    """The measured symbols and inner products an expression is built from."""
    inner = expression.atoms(Inner)
    hidden = {symbol for product in inner for symbol in product.free_symbols}
    return frozenset(inner) | frozenset(expression.free_symbols - hidden)


def names_of(expression: sp.Expr) -> tuple[str, ...]:
    """The names of the quantities an expression is built from, sorted; KeyError with advice for an unnamed one."""
    atoms = atoms_of(expression)
    missing = [str(atom) for atom in atoms if atom not in _BY_SYMBOL]
    if missing:
        raise KeyError(f"got {missing}; expected quantities of theory.QUANTITIES; add a row to the table")
    return tuple(sorted(_BY_SYMBOL[atom] for atom in atoms))
