"""Training: the loop, the record of every epoch, and checkpoints."""

from feedbackalign.training.loop import train, train_step
from feedbackalign.training.record import DivergedError
from feedbackalign.training.record import evaluate, measure, plain, read_record
from feedbackalign.training.threads import blas_threads

__all__ = ["DivergedError", "blas_threads", "evaluate", "measure", "plain", "read_record", "train", "train_step"]
