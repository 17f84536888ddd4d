"""Two matrices in W's place: Li & Benna 2024, and Kolen-Pollack, which shares the closed form.

    product_feedback_alignment      the rule, hop by hop
    orthogonal_feedback             its two variants with B Bᵀ = I
    kolen_pollack                   feedback that receives W's own updates
    closed_form                     why learned feedback forgets its start, and the formula that follows
    explicit, contracted            the routes where it is an array, and when the closed form takes over
    truths                          what is exactly true of them
"""
