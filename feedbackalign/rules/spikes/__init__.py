"""Learning through spike times: neurons that fire once, and the exact derivative of when they do.

Zhang, Wang, Wu, Belatreche, Amornpaisannon, Zhang, Miriyala, Qu, Chua, Carlson, Li, "Rectified linear postsynaptic
potential function for backpropagation in deep spiking neural networks", arXiv 2003.11837 (2020). The paper's text could
not be had. The kernel, the closed form and the loss follow from its abstract and from programs of its successors; what
is done about silent neurons, the initial weights and the reference spike are our choice.

All equations of the room, for one sample; t_j are the times of a neuron's inputs, infinite where one never spikes.

    code            Eq. 1    t = window · (1 − s)                     s: intensity in [0, 1]; 0 is silent
    potential       Eq. 2    V_i(t) = Σ_j w_ij max(t − t_j, 0)        no reset: a neuron fires once
    spike           Eq. 3    t_i = first t with V_i(t) = ϑ            after t_max: silent
    closed form     Eq. 4    t_i = (ϑ + Σ_C w_ij t_j) / S_i,          C: the inputs with t_j < t_i;  S_i = Σ_C w_ij
    derivatives     Eq. 5    ∂t_i/∂w_ij = −(t_i − t_j) / S_i          for j in C, else 0
                    Eq. 6    ∂t_i/∂t_j  = w_ij / S_i                  for j in C, else 0
    readout         Eq. 7    logits −β t_i                            a silent neuron counts as t_max

Why a ramp: with a potential that decays, V may graze ϑ (S near 0, a gradient without bound), and late inputs find
nothing left of the early ones, so neurons fall silent. A ramp does not decay: who is driven upwards in the end always
fires.

The formulas stand in `ops.spikes`, the layers in `layers.spikes`, their list is `networks.spiking`. The files here:

    spike_timing_backprop    relpsp: Eq. 5 and 6 all the way down, and what silent neurons and a small S get
    truths                   what is exactly true of spike times, for `feedbackalign check`
"""
