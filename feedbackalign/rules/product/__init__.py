"""Two matrices in W's place: Li & Benna 2024, and Kolen-Pollack, which shares the closed form.

    product_feedback_alignment      the rule, hop by hop
    routes                          the same numbers in fewer operations
    closed_form                     why learned feedback forgets its start, and the formula that follows
    kolen_pollack                   feedback that receives W's own updates
"""
