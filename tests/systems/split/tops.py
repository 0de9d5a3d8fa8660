"""What the tests train."""

from privatune.evaluation.accuracy import accuracy
from privatune.systems.split.top import fine_tuned, predicted


def train_top(encoder, cut, examples, test, phrases, settings, seed, numerics):
    """A trained top, and its accuracy in percent on `test`; the other arguments are those of `fine_tuned`."""
    model = fine_tuned(encoder, cut, examples, phrases, settings, seed, numerics)
    return model, accuracy(predicted(model, test, numerics), test.labels)
