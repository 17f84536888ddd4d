"""Deep feedback control: a controller instead of a backward pass.

The controller pushes every layer until the output has reached its target. Each synapse learns from the push that its
neuron gets, so that next time less push is needed.

Meulemans, Tristany Farinha, García Ordóñez, Vilimelis Aceituno, Sacramento, Grewe, "Credit assignment in neural
networks through deep feedback control", NeurIPS 2021, arXiv 2106.07887. The appendices of the paper could not be read;
the numerical schemes follow the authors' program.

All equations of the room, for one sample. The other files refer to these numbers.

    network         Eq. 1    τ dv_i/dt = −v_i + v_i^ff + Q_i u,   v_i^ff = W_i r_{i−1} + b_i,   r_i = φ(v_i)
    target          Eq. 2    r* = r⁻ − λ ∂ℓ/∂r_L                           fixed while the controller runs
    controller      Eq. 3    e = r* − r_L,   u = u_int + k_p e,   du_int/dt = e − α u_int
    steady state    Eq. 4    v_i = v_i^ff + Q_i u,   e = α̃ u,   α̃ = α / (1 + α k_p)
    to first order  Eq. 5    u = (J Q + α̃ I)⁻¹ δ,   δ = r* − r⁻,   J = [J_1 … J_L],   Q = [Q_1; …; Q_L]

    signal          Eq. 6    S_i = φ(v_i) − φ(v_i^ff)                      "rates", the paper's rule
                    Eq. 7    S_i = v_i − v_i^ff                            "voltages", the rule of its theorems
                    Eq. 8    S_i = φ'(v_i⁻) ∘ (v_i − v_i^ff)               "slopes", nearly Eq. 6
    learning        Eq. 9    ΔW_i = S_i r_{i−1}ᵀ / λ,   Δb_i = S_i / λ     then the mean over the batch

    noise           Eq. 10   τ_A dv_i^fb = (−v_i^fb + Q_i u) dt + σ dw     v_i^fb stands where Eq. 1 has Q_i u
    feedback        Eq. 11   ΔQ_i = −⟨v_i^fb(t) u(t + dt)ᵀ⟩ / σ² − β Q_i   mean over time and batch

v_i is the voltage of layer i, r_i its rate; v⁻ and r⁻ are those without control. u (out,) is the control, J_i is
∂r_L/∂v_i, Q_i (n_i, out) are the feedback weights. The output layer is controlled too. Times are in units of the
controller's time constant.

Arguments that many functions share: `stages` of `dense_chain`; `seen`, the `Pass` of a batch without control; `Q`, the
list of Q_i from the bottom up; `delta`, δ (N, out); `damping`, α̃.

Three conditions decide how good the control is:

    condition 1     ‖r_0‖ = ‖r_1‖ = … = ‖r_{L−1}‖
    condition 2     the columns of Q span the rows of J; then Q (J Q)⁻¹ = J^†, for many different Q
    condition 3     every eigenvalue of J Q lies to the right of −α; a slow controller without k_p is then stable

Under conditions 1 and 2, with "voltages", Eq. 9 is the Gauss-Newton step of all weights together.

The files, in the order in which to read them:

    deep_feedback_control        dfc and dfc-ss: the controller is simulated (Eq. 1 and 3)
    analytic_feedback_control    dfc-ssa: Eq. 5 instead of a simulation; and all that the three rules share
    dynamics                     Eq. 1 to 5
    learning                     Eq. 6 to 9
    sleep                        Eq. 10 and 11
    feedback                     how Q starts, and Q that does not learn
    diagnostics                  the conditions; is the controller stable, has it settled?
    truths                       what is exactly true of the rules, for `feedbackalign check`
"""
