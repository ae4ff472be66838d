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
    "RRoundTable's notes 2019": "RRoundTable. Notes on Santurkar et al. 2018, in the repository FastPages, 11 July "
    "2019.",
    "Flaherty's blog 2019": "J. A. Flaherty. Batch Normalization (Part 2). Blog, 28 April 2019.",
    "Xiong et al. 2020": "R. Xiong et al. On Layer Normalization in the Transformer Architecture. ICML 2020. "
    "arXiv:2002.04745.",
    "Xu et al. 2019": "J. Xu, X. Sun, Z. Zhang, G. Zhao, J. Lin. Understanding and Improving Layer Normalization. "
    "NeurIPS 2019. arXiv:1911.07013.",
    "Zhang and Sennrich 2019": "B. Zhang, R. Sennrich. Root Mean Square Layer Normalization. NeurIPS 2019. "
    "arXiv:1910.07467.",
    "Jiang et al. 2023": "Z. Jiang, J. Gu, D. Pan. Pre-RMSNorm and Pre-CRMSNorm Transformers. NeurIPS 2023. "
    "arXiv:2305.11403.",
    "Stollenwerk 2025": "F. Stollenwerk. The Mathematical Relationship Between Layer Normalization and Dynamic "
    "Activation Functions. arXiv:2503.21708, 2025.",
    "Henry et al. 2020": "A. Henry, P. R. Dachapally, S. Pawar, Y. Chen. Query-Key Normalization for Transformers. "
    "EMNLP Findings 2020. arXiv:2010.04245.",
    "Sun et al. 2025": "W. Sun, X. Song, P. Li, L. Yin, Y. Zheng, S. Liu. The Curse of Depth in Large Language Models. "
    "NeurIPS 2025. arXiv:2502.05795v5.",
    "Wan et al. 2021": "R. Wan, Z. Zhu, X. Zhang, J. Sun. Spherical Motion Dynamics. NeurIPS 2021. arXiv:2006.08419.",
    "Wen et al. 2025": "K. Wen et al. From Weight Decay to Hyperball (Part 2). Blog, 14 December 2025.",
    "Amin et al. 2026": "Amin, Chang, Khanna. When Does Scale-Invariant Optimization Become Unstable? "
    "arXiv:2609.09116, "
    "2026.",
    "Li and Arora 2020": "Z. Li, S. Arora. An Exponential Learning Rate Schedule for Deep Learning. ICLR 2020. "
    "arXiv:1910.07454; and the authors' blog.",
    "Salimans and Kingma 2016": "T. Salimans, D. P. Kingma. Weight Normalization. NeurIPS 2016. arXiv:1602.07868.",
    "Mehmeti-Göpel and Wand 2024": "C. H. X. A. Mehmeti-Göpel, M. Wand. On the Weight Dynamics of Deep Normalized "
    "Networks. ICML 2024. PMLR 235.",
    "Heo et al. 2021": "B. Heo et al. AdamP: Slowing Down the Slowdown for Momentum Optimizers on Scale-invariant "
    "Weights. ICLR 2021. arXiv:2006.08217.",
    "Hoedt et al. 2022": "P.-J. Hoedt, S. Hochreiter, G. Klambauer. Normalization is dead, long live normalization! "
    "ICLR blog track, 2022.",
    "Shen et al. 2020": "S. Shen et al. PowerNorm: Rethinking Batch Normalization in Transformers. ICML 2020. "
    "arXiv:2003.07845.",
    "Kim et al. 2025": "J. Kim et al. Peri-LN: Revisiting Normalization Layer in the Transformer Architecture. "
    "ICML 2025. arXiv:2502.02732.",
    "labofdoubt 2025": "Normalization-free transformers are subcritical. Blog 'labofdoubt'.",
    "Daneshmand et al. 2021": "H. Daneshmand, A. Joudaki, F. Bach. Batch Normalization Orthogonalizes Representations "
    "in Deep Random Networks. NeurIPS 2021. arXiv:2106.03970.",
    "Meterez et al. 2024": "A. Meterez et al. Towards Training Without Depth Limits: Batch Normalization Without "
    "Gradient Explosion. ICLR 2024. arXiv:2310.02012.",
    "Jacob et al. 2018": "B. Jacob et al. Quantization and Training of Neural Networks for Efficient "
    "Integer-Arithmetic-Only Inference. CVPR 2018. arXiv:1712.05877.",
    "gamma-CROWN": "gamma-CROWN, a verifier in Rust: kernel file NNVerify.C002.",
    "labml": "labmlai, annotated_deep_learning_paper_implementations, snapshot of August 2025.",
    "Cai et al. 2019": "Y. Cai, Q. Li, Z. Shen. A Quantitative Analysis of the Effect of Batch Normalization on "
    "Gradient Descent. ICML 2019. arXiv:1810.00122.",
    "Luther's draft": "K. Luther. Draft of a blog post.",
    "Brock et al. 2021": "A. Brock, S. De, S. L. Smith. Characterizing signal propagation to close the performance gap "
    "in unnormalized ResNets. ICLR 2021. arXiv:2101.08692.",
    "recalled": "Formulas recalled, found in no source; attributed to nobody.",
    "this work": "Derived in this package; the published statement does not include it.",
}
