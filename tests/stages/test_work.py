import numpy as np
import pytest

from privatune.federation.settings import ClientSettings
from privatune.federation.task import visit_task
from privatune.stages.work import visit_words


@pytest.mark.parametrize("objective", ["plain", "rehearsal", "lwf"])
@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_words_of_a_visit_are_those_of_its_task(objective, share):
    client = ClientSettings(objective=objective, user_share=share, epochs=3)
    task = visit_task(np.arange(1000), np.arange(5000), client, (0, 1, 2))
    trained, sent = visit_words(client, 1000)
    assert trained == pytest.approx(3 * len(task.text), abs=3)
    assert sent == pytest.approx(0 if task.sent is None else len(task.sent), abs=1)
