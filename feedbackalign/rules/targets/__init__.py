"""Target propagation: every layer gets a target for its activity, and takes one step towards it.

Meulemans, Carzaniga, Suykens, Sacramento, Grewe, "A theoretical framework for target propagation", NeurIPS 2020,
arXiv 2006.14331. Before it Bengio 2014 (tp); Lee, Zhang, Fischer, Bengio 2015 (dtp). The paper's text could not be had:
what is built here is what the authors' code does.

All equations of the room, for one sample. The other files refer to these numbers.

    forward     Eq. 1    a_i = W_i h_{i−1} + b_i,   h_i = s_i(a_i)
    target      Eq. 2    ĥ_L = h_L − λ e                                   e = ∂ℓ/∂h_L of the sample's own loss
                Eq. 3    ĥ_i = h_i + m_i                                   each rule finds the moves m_i in its own way:
                Eq. 4    ĥ_i = g_i(ĥ_{i+1})                                tp
                Eq. 5    ĥ_i = h_i + g_i(ĥ_{i+1}) − g_i(h_{i+1})           dtp, dtp-drl
                Eq. 6    ĥ_i = h_i + Q_i (ĥ_L − h_L)                       ddtp-linear, ddtp-control
                Eq. 7    ĥ_i = h_i + g_i(z(ĥ_L)) − g_i(z(h_L))             ddtp-rhl, z(t) = tanh(R t + r) fixed, random
                Eq. 8    ĥ_i = h_i − λ J_i^†γ e                            gnt, J_i = ∂h_L/∂h_i
    learning    Eq. 9    ∂W_i = −(D_i m_i / λ) h_{i−1}ᵀ                    D_i = diag s_i'(a_i); mean over the batch

Eq. 9 is a step down ‖h_i − ĥ_i‖²/2λ. The output layer's move is −λe, so its update is backprop's. Divided by λ, updates
have the scale of a gradient, and λ says only how far away the targets are.

The feedback g_i(t) = u(Q_i t + c_i) leads down to layer i and learns from noise: h' = h_i + σε goes up, and what comes
back should be h'. With q the activity of the layer above for h', y' the output for h', and y the output without noise,
the loss is the batch mean of ‖ρ‖²/σ², summed over units (Eq. 13 without 1/σ²), for the residual ρ:

    layer by layer        Eq. 10   ρ = g_i(q) − h'                         tp, dtp
    difference, chained   Eq. 11   ρ = g_i(t) − g_i(h_{i+1}) + h_i − h'    dtp-drl; t came down from y' by Eq. 5
    difference, direct    Eq. 12   ρ = g_i(y') − g_i(y) + h_i − h'         ddtp-linear, ddtp-rhl; ≈ ‖J_g J_i − I‖²
    without difference    Eq. 13   ρ = g_i(y') − h'                        ddtp-control

For small noise the difference losses make the derivative of the feedback the pseudoinverse of the derivative of the way
up, J_i^†γ, with γ from the weight decay: targets become those of Gauss-Newton. The minimum of the other two losses
depends on the covariance of the activities.

The files, in the order in which to read them:

    target_rule                  Eq. 1 to 3 and 9: all that the rules share
    target_propagation           tp, dtp, dtp-drl: targets layer by layer, through learned inverses
    direct_target_propagation    ddtp-linear, ddtp-rhl, ddtp-control: targets straight from the output
    gauss_newton_targets         gnt: the ideal, by the pseudoinverse
    reconstruction               Eq. 10 to 13: the losses from which feedback learns
    truths                       what is exactly true of the rules, for `feedbackalign check`
"""
