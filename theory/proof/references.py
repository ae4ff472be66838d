"""The literature the claims come from, by short key."""

from __future__ import annotations

REFERENCES: dict[str, str] = {
    "Santurkar et al. 2018": "S. Santurkar, D. Tsipras, A. Ilyas, A. Madry. How Does Batch Normalization Help "
    "Optimization? NeurIPS 2018. arXiv:1805.11604.",
    "Ioffe and Szegedy 2015": "S. Ioffe, C. Szegedy. Batch Normalization: Accelerating Deep Network Training by "
    "Reducing Internal Covariate Shift. ICML 2015. arXiv:1502.03167.",
    "Ioffe 2017": "S. Ioffe. Batch Renormalization: Towards Reducing Minibatch Dependence in Batch-Normalized Models. "
    "NeurIPS 2017. arXiv:1702.03275.",
    "Kohler et al. 2018": "J. Kohler, H. Daneshmand, A. Lucchi, M. Zhou, K. Neymeyr, T. Hofmann. Exponential "
    "convergence rates for Batch Normalization: The power of length-direction decoupling in non-convex "
    "optimization. AISTATS 2019. arXiv:1805.10694.",
    "Dannemann and Junike 2025": "J. Dannemann, G. Junike. Batch normalization does not improve initialization. "
    "arXiv:2502.17913, 2025.",
    "readers' notes": "Notes and transcriptions of Santurkar et al. 2018 that circulate among readers; the formula is "
    "quoted, the author is not.",
    "a widely read blog": "A derivation of the backward pass of batch normalisation in a widely read blog.",
    "a reproduction": "A published reproduction of Santurkar et al. 2018.",
    "this work": "Derived in this package; the published statement does not include it.",
}
