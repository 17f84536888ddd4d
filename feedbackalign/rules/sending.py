"""Rules that send an error down through the network: they walk it from the top, layer by layer.

At every weighted layer such a rule does three things, which stay apart:

    local = self.local_gradients(layer, error)       the layer's input times its error
    self.learn_feedback(layer, error, local)         the rule's own synapses, if they learn
    error = self.send_back(layer, error)             THE RULE

so that a rule of this family is one method, `send_back`, and the arrays it needs.
"""

import numpy as np

from feedbackalign.alignment import angle, in_float64
from feedbackalign.layers import Residual
from feedbackalign.ops.norms import norm
from feedbackalign.rules.base import Rule, Step
from feedbackalign.validation import describe, require_density, require_finite


class ErrorSendingRule(Rule):
    """A rule that sends an error from the top to the bottom; a subclass writes `send_back`.

    `gradients` is three public calls in a row, and a lesson may stop between them:

        output = net.forward(x)
        loss, error = net.loss_and_error(output, targets)
        step = rule.backward(error)
    """

    def gradients(self, x, targets):
        require_finite(x, "x")
        output = self.network.forward(x)                                        # (N, …) -> (N, out)
        loss, error = self.network.loss_and_error(output, targets)              # float, (N, out)
        step = self.backward(error)
        step.loss = loss
        return step

    def beside_references(self, x, targets):
        """The same, from one forward pass where backprop is all that it claims."""
        if type(self).references is not Rule.references:
            return super().beside_references(x, targets)
        twin = in_float64(self)
        step = twin.gradients(x, targets)
        return step, {"backprop": twin.network.backward(twin.output_error)}

    def backward(self, error):
        """Walk the network from the top with an error (N, out) at its output -> Step with grads and errors."""
        self.network.layers[-1].require_error(error)
        self.output_error = error
        step = Step()
        self.walk_down(self.network.layers, error, step)
        return step

    def walk_down(self, layers, error, step):
        """From the top of these layers to their bottom; -> the error at the lowest one's input.

        The walk ends at the network's lowest layer with parameters: no layer below needs the error. -> None
        """
        last = self.lowest() if layers is self.network.layers else None         # inside a block: down to its input
        for layer in reversed(layers):
            if isinstance(layer, Residual):                                     # both branches, and the sum of both
                error = self.walk_down(layer.layers, error, step) + self.walk_down(layer.shortcut, error, step)
            elif layer.is_weighted:
                layer.error = step.errors[layer.name] = error
                layer.gradients = local = self.local_gradients(layer, error)
                step.grads |= {f"{layer.name}.{key}": gradient for key, gradient in local.items()}
                step.grads |= self.learn_feedback(layer, error, local)
                if layer is last:
                    return None
                error = self.send_back(layer, error)
                if not isinstance(error, np.ndarray) or error.shape != layer.input.shape:
                    raise self.no_error_for(layer, error)
            else:
                error = layer.backward(error)                                   # exact in every rule
                step.grads |= {f"{layer.name}.{key}": gradient for key, gradient in layer.gradients.items()}
                if layer is last:
                    return None
        return error

    def no_error_for(self, layer, error):
        """What is raised when `send_back` returned something that is no error for the layer's inputs."""
        return ValueError(f"{type(self).__name__}.send_back at {layer.name}: expected an error of shape "
                          f"{layer.input.shape}, got {describe(error)}")

    def lowest(self):
        """The lowest layer with parameters. If it has weights, its feedback exists and learns, but carries no error."""
        return next(layer for layer in self.network.all_layers() if layer.parameters())

    def sent_down(self, output, targets):
        return self.backward(self.network.loss_error(output, targets)).errors

    def local_gradients(self, layer, error):
        """Gradients of the layer's own parameters, {"weight": array, …}: its input times its error."""
        return layer.local_gradients(error)

    def send_back(self, layer, error):
        """THE RULE: error at the layer's output (N, out, …) -> error at its input (N, in, …)."""
        raise NotImplementedError(f"{type(self).__name__} does not say how an error travels: write send_back()")

    def learn_feedback(self, layer, error, local):
        """Gradients of the rule's own parameters at this layer, {"fc1.R": array}; `local` are the layer's own."""
        return {}

    def route(self, layer, N):
        """How the error travels at this layer, in the rule's own symbols and with shapes, for the trace."""
        return f"{shape_text(N, layer.weight.shape[0])} -> {shape_text(N, layer.weight.shape[1])}"

    def trace(self, x, targets):
        """One row per weighted layer, from the top: route, shapes, norms, and angles to backprop at that layer."""
        twin = in_float64(self)
        step = twin.gradients(x, targets)
        reference = twin.network.backward(twin.output_error)            # from here on every layer's own error is exact
        rows = []
        for layer in reversed(twin.network.weighted_layers()):
            weight, error = f"{layer.name}.weight", step.errors[layer.name]
            rows.append({
                "layer": layer.name,
                "input": layer.input.shape,
                "output": error.shape,
                "weight": layer.weight.shape,
                "route": "feeds no layer" if layer is twin.lowest() else twin.route(layer, len(x)),
                "error_norm": norm(error),
                "update_norm": norm(step.grads[weight]),
                "feedback_updates": {key: (step.grads[key].shape, norm(step.grads[key]))
                                     for key in twin.parameters() if key.startswith(f"{layer.name}.")},
                "delta_angle": angle(error, layer.error),
                "update_angle": angle(step.grads[weight], reference[weight]),
            })
        return rows


def shape_text(*shape):
    """(64, 10) -> '(64,10)', as the routes of the trace write it."""
    return f"({','.join(map(str, shape))})"


def sparse(weights, density, rng):
    """Keep every entry with probability `density`: -> weights with zeros, mask (None at density 1).

    The mask is fixed from here on; what learns under it is masked again after every update.
    """
    density = require_density(density, weights.shape)
    if density == 1:
        return weights, None
    mask = rng.random(weights.shape) < density
    return weights * mask, mask
