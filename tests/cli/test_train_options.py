"""The options that `genlab train TASK` takes, according to the task's declaration."""

from dataclasses import replace

import pytest

from genlab.catalog import places, task_named
from genlab.cli import train
from genlab.errors import InputError


@pytest.mark.parametrize("task", places())
def test_from_is_an_option_where_a_model_can_continue(task):
    declared = task_named(task)
    for model in declared.models:
        page = train.parse_training("train", [task, "--model", model.name, "--help"]).page
        assert ("--from RUN" in page.help()) is model.continues
    if not any(model.continues for model in declared.models):
        with pytest.raises(InputError, match=f"^Unknown option: --from. `genlab train {task} --help` lists") as error:
            train.parse_training("train", [task, "data", "--from", "run"])
        assert error.value.field == "from"


def test_from_is_refused_for_the_other_models_of_a_task(monkeypatch):
    text = task_named("text")
    gpt, gpt2, lstm = text.models
    monkeypatch.setattr(
        train, "task_named", lambda _: replace(text, models=(gpt, gpt2, replace(lstm, continues=False)))
    )
    with pytest.raises(InputError, match=r"^--from is an option of gpt and gpt2, not of lstm") as error:
        train.parse_training("train", ["text", "data", "--model", "lstm", "--from", "run"])
    assert error.value.field == "from"
