"""Implicit steps: ask first what an update will change, and then take the one that changes what was wanted.

A gradient step says how every sample's output should move, and then moves something else: the samples of a batch share
W, and each update moves the others too. The rules of this room solve one small problem in every layer instead.

Paeedeh, Ghiasi-Shirazi, "Improving the backpropagation algorithm with consequentialism weight updates over
mini-batches", Neurocomputing 461 (2021), arXiv 2003.05164: consequentialism.
Frerix, Möllenhoff, Moeller, Cremers, "Proximal backpropagation", ICLR 2018, arXiv 1706.04638: proxprop.
Liu, Zhang, "Semi-implicit back propagation", 2020, arXiv 2002.03516: semi-implicit.
The texts of the three papers could not be had. What is built here follows their abstracts, and the authors' programs of
the last two.

All equations of the room, for one layer. The other files refer to these numbers.

    layer       z = X̃ W̃ᵀ                     X̃ = [X 1] (B, n+1) the inputs of the batch, W̃ = [W b], B samples
    error       Δ (B, out)                    ∂ℓ/∂z of each sample's own loss, without 1/B
    Gram        K = X̃ X̃ᵀ (B, B)               a gradient step −μ Δᵀ X̃ moves z by −μ K Δ; wanted was −μ Δ

    amended     Eq. 1    E = (K + εI)⁻¹ Δ     the step is −μ Eᵀ X̃
                Eq. 2    Δz = −μ K (K + εI)⁻¹ Δ
                Eq. 3    Eᵀ X̃ = Δᵀ X̃ (X̃ᵀX̃ + εI)⁻¹                          the same, with an (n+1, n+1) matrix
                Eq. 4    W̃ − μ Eᵀ X̃ = argmin over V of ‖X̃ Vᵀ − (z − μΔ)‖² + ε ‖V − W̃‖²

    targets     Eq. 5    T = F − η e          F = σ(z) the layer's output, e the error there
                Eq. 6    W⁺ = argmin over V of ‖σ(X Vᵀ + b) − T‖² + λ_W ‖V − W‖²
                Eq. 7    b⁺ = argmin over c of ‖σ(X W⁺ᵀ + c) − T‖² + λ_b ‖c − b‖²
                Eq. 8    the layer below gets (e ∘ σ'(z)) W⁺                new weights, old slopes

Eq. 4 is why three papers stand in one room: a consequence that is computed before the update (ε > 0) is a proximal
step. proxprop is consequentialism with μ = η and ε = 1/τ, for a whole network. For a linear layer without bias Eq. 6
is Eq. 4, with μ = η and ε = λ_W.

No step is too long for the solve: eigenvalues of K (K + εI)⁻¹ lie in [0, 1). For ε, λ → ∞ the steps become backprop's,
1/ε times as long. They do not for η → 0.

The files, in the order in which to read them:

    solve               Eq. 1 and 3, for dense and convolutional layers
    amending            one exact backward pass, then gradients amended layer by layer
    consequentialism    Eq. 1 with Δ
    proxprop            Eq. 4 with targets
    semi_implicit       Eq. 5 to 8
    subproblem          Eq. 6 and 7: Newton's method, and five steps of conjugate gradients
    truths              what is exactly true of the rules, for `feedbackalign check`
"""
