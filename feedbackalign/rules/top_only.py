"""Only the top layer learns: nothing is sent below it, and all hidden layers stay as they were drawn.

Rosenblatt, "The perceptron: a probabilistic model for information storage and organization in the brain", Psychological
Review 65, 386 (1958): association units with fixed random connections, and one layer above them that learns.

    forward     x --W--> y                  Eq. 1   y = x Wᵀ + b
    feedback    nothing                     Eq. 2   e_in = 0
    learning    in the top layer alone      Eq. 3   ∂W = eᵀ x,  ∂b = Σₙ eₙ

The baseline of every other rule. What a network reaches above this it owes to what its hidden layers learned; a rule
that stays below this sends down worse than nothing.

Transported   nothing.
Local         both factors of Eq. 3, at the top layer.
When it is backprop     never, but in a network of one layer; the top layer's gradient always is.
What it needs           nothing. It draws no number.

Deviations from the paper
    - The units, the loss and the step are the network's and the optimiser's, not the perceptron's.
    - Weight decay and momentum touch the top layer alone. Zero gradients would not do: decay would erase the layers
      below. Running statistics of a normalisation follow what comes up, as in every rule.
"""

import numpy as np

from feedbackalign.rules.sending import ErrorSendingRule


class TopOnly(ErrorSendingRule):
    """Nothing goes down: the top weighted layer learns, and everything below it stays as it is.

    Parameters
    ----------
    network : Network
    rng : ignored
        Taken so that all rules are made alike.

    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 3, 2], rng=np.random.default_rng(0))
    >>> TopOnly(net).learns()
    ['fc2.weight', 'fc2.bias']
    """

    paper = "Rosenblatt 1958, Psychological Review 65, 386"
    sketch = (("above", "below", "", "none"),)

    def send_back(self, layer, error):                  # error: (N, out) or (N, out, rows, cols)
        return np.zeros_like(layer.input)               # (N, in) or (N, in, H, W)          Eq. 2

    def learns(self):
        top = self.network.weighted_layers()[-1]
        return [f"{top.name}.{key}" for key in top.parameters()]
