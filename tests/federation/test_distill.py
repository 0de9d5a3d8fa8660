import numpy as np
import pytest
import torch

from privatune.compression.codec import encode
from privatune.compression.settings import DenseSettings
from privatune.core.streams import stream
from privatune.federation.server import Server
from privatune.federation.servers import distill
from privatune.federation.settings import DistillSettings
from privatune.models.network import hidden_states, initial_weights, output_weight, zero_state
from privatune.models.settings import LstmSettings, NumericsSettings
from privatune.text.settings import EOS
from privatune.training.step import learner_of

WORDS = 20
MODEL = {n: w.numpy() for n, w in initial_weights(LstmSettings(hidden=8), WORDS, stream(0, "w")).items()}
GENERAL = stream(1, "g").integers(EOS, WORDS, 2000)
DENSE = DenseSettings()


def server(general=GENERAL, **settings):
    chosen = DistillSettings(tokens=400, minibatch=4, bptt=10, **settings)
    return Server(2, chosen, NumericsSettings(), 0, 1, DENSE, general)


def updates(scale):
    """Clients that learned to prefer two different words."""
    for word in (3, 7):
        update = {name: np.zeros_like(weight) for name, weight in MODEL.items()}
        update["output.bias"][word] = scale
        yield update


def payloads(scale):
    return [encode(update, {}, DENSE, 0, 2)[0] for update in updates(scale)]


def distribution(model):
    weights = {name: torch.from_numpy(array) for name, array in model.items()}
    inputs = torch.from_numpy(GENERAL[:50, None])
    hidden, _ = hidden_states(weights, weights["embedding"][inputs], zero_state(weights, 1))
    return torch.softmax(hidden[:, 0] @ output_weight(weights).t() + weights["output.bias"], 1)


@pytest.mark.parametrize("settings", [{"text": "real"}, {"text": "generated"}, {"text": "generated", "cycles": 5}])
def test_the_model_moves_to_the_mean_of_the_clients_distributions(settings):
    teachers = [{name: MODEL[name] + change for name, change in update.items()} for update in updates(2.0)]
    mean = torch.stack([distribution(teacher) for teacher in teachers]).mean(0)
    after = distill.next_model(MODEL, payloads(2.0), server(learning_rate=0.3, **settings))
    distance = [float((mean * (mean / distribution(m)).log()).sum(1).mean()) for m in (MODEL, after)]
    assert distance[1] < 0.1 * distance[0]


def test_clients_that_learned_nothing_leave_the_model_as_it_is():
    after = distill.next_model(MODEL, payloads(0.0), server(text="real"))
    for name, weight in MODEL.items():
        np.testing.assert_allclose(after[name], weight, atol=1e-5)


@pytest.mark.parametrize(("cycles", "texts"), [(1, 1), (2, 2), (5, 5)])
@pytest.mark.parametrize("text", ["real", "generated"])
def test_the_text_is_made_anew_as_often_as_asked(text, cycles, texts):
    weights = {name: torch.from_numpy(array) for name, array in MODEL.items()}
    made = [tuple(t) for t in distill._texts(weights, server(text=text, cycles=cycles, epochs=5))]
    assert len(made) == 5
    assert len(set(made)) == texts
    assert {len(t) for t in made} == {400}


def test_the_mean_distribution_is_the_mean():
    lms = [learner_of(MODEL, NumericsSettings()) for _ in range(2)]
    lms[1].computing["output.bias"][3] += 5
    inputs = torch.from_numpy(GENERAL[:6].reshape(3, 2))
    states = [zero_state(lm.computing, 2) for lm in lms]
    mean, _ = distill.mean_distribution(lms, inputs, states)
    parts = [distill.predict(lm, inputs, state)[0].clone() for lm, state in zip(lms, states, strict=True)]
    torch.testing.assert_close(mean, (parts[0] + parts[1]) / 2)


def test_real_text_must_be_given():
    with pytest.raises(ValueError, match=r"server\.general"):
        distill.next_model(MODEL, payloads(1.0), server(general=None, text="real"))
