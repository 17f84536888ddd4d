"""One run: a handful of settings that say all, small enough to be sent to another process.

From one seed come three streams that never meet: the order of the samples, the forward weights, the rule's feedback.
Two rules compared at one seed start from the same weights and see the same batches.
"""

import copy
import dataclasses

import numpy as np

from feedbackalign import optimizer, rules, training
from feedbackalign import data as datasets
from feedbackalign.layers import ACTIVATIONS
from feedbackalign.networks.chains import UnfitNetworkError
from feedbackalign.ops import initialisers
from feedbackalign.runs import models, own
from feedbackalign.validation import (describe, require_bool, require_dtype, require_integer, require_known,
                                      require_list, require_number, require_seed, store)

GENTLE = 0.001                      # the learning rate for regression
USUAL = {"sgd": 0.01, "adam": 0.001}            # learning rates of an optimiser that is not the model's own
LEAST_LR = float(np.finfo(np.float32).tiny)     # a smaller one is 0 in float32
MOST = 10**6                                    # epochs, or units of a layer: more are a slip of the pen
REGRESSIONS = ("linear-teacher", "teacher-student")


@dataclasses.dataclass(frozen=True)
class Run:
    """Everything that decides a run's numbers.

    Parameters
    ----------
    rule : str or class
        A name of the table, "my_rule.py:MyRule", or a class.
    seed : int
    model : str or function
        A name of `models.MODELS`, a function (data, rng) -> Network, or "my_net.py:convnet".
    data : str, path, function or Dataset
        A name of `data.LOADERS`, FILE.npz, FILE.csv, a function (rng) -> Dataset, "my_data.py:make", or a Dataset.
    data_dir : str, optional
        Where the files of data sets that do not ship lie.
    test_share, label_column
        Of a file of one's own, see `data.own.read`.
    validation : float
        Share of the training samples that are held out; every row then says how well they are told apart.
    shuffled_labels : bool
        Whether the training targets are put in another order, so that nothing can be learnt but by heart.
    epochs, batch_size : int
        None takes the model's, see `models.MODELS`; so do all settings below.
    lr : float or dict
        Multiplied by the rule's own factor, see `rate_factor`; a dict gives one rate per layer or parameter, 0 for
        frozen. None takes the model's rate, or 0.001 for regression, and for Adam on a model of SGD.
    momentum : float
        SGD's.
    lr_milestones : tuple of int
        Epochs after which lr is multiplied by `lr_factor`, 0.5 unless given. With neither given: the model's schedule.
    decay : "authors", "equal", float or dict
        See `optimizer.decay_schedule`; a dict gives one per layer or parameter.
    optimizer : "sgd" or "adam"
    hidden, activation, init : the model's
    dtype : "float32" or "float64"
        Of the network, and so of all that is computed. None: float32, and for a function whatever it makes.
    augment : "none" or "crop-flip"
        What happens to the training images in every epoch, see `data.CropAndFlip`. None: "crop-flip" where a ResNet
        learns CIFAR-10, as in the paper.
    options : tuple of (name, value)
        The rule's own, for example (("expansion", 20),).
    persistence : bool
        Whether every row also says the topology of the weights.

    >>> rows = Run("fa", seed=1, epochs=1).train()
    >>> rows[-1]["rule"], rows[-1]["seed"], rows[-1]["epoch"]
    ('fa', 1, 1)
    """

    rule: object
    seed: int = 0
    model: object = "mlp"
    data: object = "digits"
    data_dir: str = None
    test_share: float = None
    label_column: object = None
    validation: float = 0.0
    shuffled_labels: bool = False
    epochs: int = None
    batch_size: int = None
    lr: object = dataclasses.field(default=None, hash=False)            # a dict has no hash
    momentum: float = None
    lr_milestones: tuple = None
    lr_factor: float = None
    decay: object = dataclasses.field(default=None, hash=False)
    optimizer: str = None
    hidden: tuple = None
    activation: str = None
    init: str = None
    dtype: object = None
    augment: str = None
    options: tuple = ()
    persistence: bool = False

    def __post_init__(self):
        store(self, seed=require_seed(self.seed))
        own.require_model(self.model)
        store(self, data=own.require_data(self.data))
        own.require_options(self)
        store(self, validation=require_number(self.validation, "validation", low=0, high=1, high_open=True))
        self._fill({field: getattr(self.known, field)
                    for field in ("epochs", "batch_size", "optimizer", "momentum", "decay", "init")})
        store(self, epochs=require_integer(self.epochs, "epochs", low=0, high=MOST))
        require_known(self.optimizer, tuple(USUAL), "optimizer")
        is_models_schedule = self.lr_milestones is None and self.lr_factor is None and self.known.lr_per_epoch != 1
        lr = self.known.lr if self.optimizer == self.known.optimizer else USUAL[self.optimizer]
        self._fill({"lr": GENTLE if self.lr is None and self.is_regression else lr,
                    "lr_milestones": tuple(range(1, self.epochs)) if is_models_schedule else (),
                    "lr_factor": self.known.lr_per_epoch if is_models_schedule else 0.5,
                    "augment": "crop-flip" if self.known.is_residual and self.data == "cifar10" else "none",
                    "dtype": None if self.known is models.OWN else "float32"})
        store(self, batch_size=require_integer(self.batch_size, "batch size", low=1))
        if isinstance(self.lr, dict):
            store(self, lr={name: require_number(rate, f"lr of {name}", low=0) for name, rate in self.lr.items()})
            require_number(self.slowest_lr, "lr", low=LEAST_LR)
        else:
            store(self, lr=require_number(self.lr, "lr", low=LEAST_LR))
        store(self, momentum=require_number(self.momentum, "momentum", low=0, high=1, high_open=True))
        store(self, lr_factor=require_number(self.lr_factor, "lr factor", low=0, low_open=True))
        store(self, decay=optimizer.schedules.require_decay(self.decay))
        for field, what in (("lr_milestones", "lr milestone"), ("hidden", "hidden units")):
            numbers = getattr(self, field)
            if numbers is not None:                     # tuples, so that a run stays hashable
                store(self, **{field: tuple(require_list(
                    numbers, what, lambda number, what: require_integer(number, what, low=1, high=MOST), least=0))})
        require_known(self.augment, datasets.AUGMENTATIONS, "augmentation")
        if self.dtype is not None:
            store(self, dtype=require_dtype(self.dtype, "dtype").name)
        store(self, persistence=require_bool(self.persistence, "persistence"),
              shuffled_labels=require_bool(self.shuffled_labels, "shuffled_labels"))
        require_known(self.init, initialisers.NAMES, "initialiser")
        if self.activation is not None:
            require_known(self.activation, ACTIVATIONS, "activation")
        known = rules.options_of(self.rule)
        for option, _ in require_list(self.options, "options", require_pair, least=0):
            require_known(option, known, f"option of rule {self.rule_name}")

    def _fill(self, usual):
        """Set the fields that were left to None."""
        for field, value in usual.items():
            if getattr(self, field) is None:
                store(self, **{field: value})

    def with_seed(self, seed):
        """The same run with another seed; what was checked is not checked again."""
        twin = copy.copy(self)
        store(twin, seed=require_seed(seed))
        return twin

    @property
    def known(self):
        """The model's record."""
        return models.OWN if own.is_own(self.model, models.MODELS) else models.MODELS[self.model]

    @property
    def is_regression(self):
        """Whether the targets are values; data of one's own is read to see it."""
        if own.is_own(self.data, datasets.LOADERS):
            return self._own_data(self.streams()[3]).classes is None
        return self.data in REGRESSIONS

    @property
    def slowest_lr(self):
        """The smallest learning rate that is not 0."""
        return min((rate for rate in self.lr.values() if rate), default=0) if isinstance(self.lr, dict) else self.lr

    def __str__(self):
        return f"{self.rule_name} seed {self.seed}"

    @property
    def rule_name(self):
        """What tables and figures call the rule."""
        if isinstance(self.rule, str):
            return self.rule.split(":")[-1]
        return getattr(self.rule, "name", self.rule.__name__)

    @property
    def data_name(self):
        """What tables and figures call the data."""
        return own.name_of(self.data)

    @property
    def model_name(self):
        """What tables and figures call the model."""
        return own.name_of(self.model)

    @property
    def strong_phase(self):
        """How strongly the product rules' decay presets start with this model."""
        return self.known.strong_phase

    @property
    def augmentation(self):
        """What `Batches` does to the training images, or None."""
        return datasets.AUGMENTATIONS[self.augment]

    def streams(self):
        """Generators for data, weights and feedback, spawned apart from the seed, and one for generated data."""
        return [np.random.default_rng(child) for child in np.random.SeedSequence(self.seed).spawn(4)]

    def load_data(self, rng):
        """The data set, in the form that the model's record asks for."""
        if own.is_own(self.data, datasets.LOADERS):
            data = self._own_data(rng)
            data = data.with_validation(self.validation) if self.validation else data   # it may have a split of its own
            return data.with_shuffled_labels(rng=rng) if self.shuffled_labels else data
        takes_images = self.known.takes_images or self.known is models.OWN
        images = True if takes_images and self.data == "digits" else None
        held_out = 0 if self.data in datasets.CUTTABLE else None
        standardise = self.known.inputs == "standardised" if self.data in datasets.OF_IMAGES else None
        data = datasets.load(self.data, rng=rng, data_dir=self.data_dir, images=images, validation=held_out,
                             standardise=standardise)
        if self.known.inputs == "centred":
            data = data.standardised(std=1)
        data = data.with_validation(self.validation)                            # of the sets' own splits none is used
        return data.with_shuffled_labels(rng=rng) if self.shuffled_labels else data

    def _own_data(self, rng):
        return own.load(self.data, rng, self.known.inputs, test_share=self.test_share, label_column=self.label_column)

    def build(self):
        """Network, rule, data and optimiser, fresh: -> (rule, data, optimizer, data stream)."""
        data_stream, weight_stream, feedback_stream, task_stream = self.streams()
        model = own.function(self.model, "model") if self.known is models.OWN else self.model
        network, data = models.fit(model, self.load_data(task_stream), hidden=self.hidden,
                                   activation=self.activation, init=self.init, rng=weight_stream, dtype=self.dtype)
        rule = self.make_rule(network, feedback_stream)
        if self.augmentation:
            self.augmentation.check(data.input_shape, f"augment {self.augment}, model {self.model_name}")
        start = self.lr_at(rule, len(data.train))(0)
        if self.optimizer == "adam":
            return rule, data, optimizer.Adam(start), data_stream
        return rule, data, optimizer.SGD(start, momentum=self.momentum), data_stream

    def make_rule(self, network, rng):
        """The run's rule on a network; where that cannot settle, or is not dense, the models that do are named."""
        try:
            rule = rules.make(rules.find(self.rule), network, rng=rng, **dict(self.options))
        except UnfitNetworkError as error:
            says = f"rule {self.rule_name} on model {self.model_name}: {error}"
            fits = f"--model {self.model}" in error.hint
            raise UnfitNetworkError(says if fits else f"{says}; {error.hint}", error.hint) from error
        rule.name = self.rule_name
        return rule

    def rate_factor(self, rule):
        """What the rule multiplies the common learning rate with, under the run's optimiser."""
        return rule.adam_learning_rate_factor if self.optimizer == "adam" else rule.learning_rate_factor

    def lr_at(self, rule, samples):
        """Learning rate over steps."""
        steps = -(-samples // self.batch_size)                                  # a partial batch is a step
        factor = self.rate_factor(rule)
        start = optimizer.base.each(self.lr, lambda rate: rate * factor)
        return optimizer.MultiStep(start, tuple(steps * epoch for epoch in self.lr_milestones), self.lr_factor)

    def decay_at(self, rule):
        """Weight decay over steps."""
        if self.optimizer == "adam" and isinstance(self.decay, str):
            return optimizer.MultiStep(optimizer.WEAK_DECAY)                    # the presets are about SGD
        return optimizer.decay_schedule(self.decay, strong_first=rule.strong_decay_first, lr=self.slowest_lr,
                                        momentum=self.momentum, strong=self.strong_phase)

    def train(self, *, folder=None, resume=False, checkpoint_every=None, progress=None):
        """Do the run: -> its rows, one per epoch."""
        rule, data, optimiser, data_stream = self.build()
        return training.train(rule, data, optimiser, epochs=self.epochs, batch_size=self.batch_size, rng=data_stream,
                              augment=self.augmentation,
                              lr_at=self.lr_at(rule, len(data.train)), decay_at=self.decay_at(rule), folder=folder,
                              resume=resume, checkpoint_every=checkpoint_every, about=self.about(rule),
                              progress=progress, persistence=self.persistence,
                              settings=without_epochs(self.settings()))

    def about(self, rule):
        """What every row also says of the run, once its rule is made."""
        about = {"seed": self.seed, "model": self.model_name, "data": self.data_name,
                 "activation": self.activation or activation_of(rule.network), "init": self.init,
                 "dtype": rule.network.dtype.name, "augment": self.augment,
                 "learning_rate_factor": self.rate_factor(rule), "decay": training.plain(self.decay),
                 "decay_at_start": self.decay_at(rule)(0)}
        if rule.own_step:
            about |= {"learning_rate_factor": None, "decay": None, "decay_at_start": None}
        if self.shuffled_labels:
            about["shuffled_labels"] = True
        if contents := own.contents(self):
            about["sha256"] = contents
        return about

    def settings(self):
        """The settings as plain numbers and words, for the record; the rule's options filled up with their defaults.

        Of what is the user's own there is `sha256`, by name. A rule with a step of its own has no learning rate,
        momentum or decay. The schedule that a model brings along is written without the number of epochs.
        """
        settings = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        settings |= {"rule": self.rule_name, "model": self.model_name, "data": self.data_name,
                     "options": rules.options_of(self.rule) | dict(self.options)}
        if contents := own.contents(self):
            settings["sha256"] = contents
        if self.lr_factor == self.known.lr_per_epoch and self.lr_milestones == tuple(range(1, self.epochs)):
            settings["lr_milestones"] = "every epoch"
        if rules.find(self.rule).own_step:
            settings |= dict.fromkeys(("lr", "momentum", "lr_milestones", "lr_factor", "decay", "optimizer"))
        return training.plain(settings)


def require_pair(pair, what):
    """Refuse anything but (name, value)."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(f"{what}: expected pairs of a name and a value, got {describe(pair)}")
    return pair


def without_epochs(settings):
    """A run that is taken further keeps its rows: how far it was to go is no part of them."""
    return {key: value for key, value in settings.items() if key != "epochs"}


def activation_of(network):
    """The kind of the network's lowest unit, be it inside a flow; "identity" where it has none."""
    kinds = [getattr(layer, "unit", layer).kind for layer in network.layers]
    return next((kind for kind in kinds if kind in ACTIVATIONS), "identity")
