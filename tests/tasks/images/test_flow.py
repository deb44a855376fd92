"""Training flows on descriptions: captions, columns and classes, and resuming."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import genlab
from genlab.data.pictures.wording import START
from genlab.engine.model_card import write_card
from genlab.engine.options import Place
from genlab.errors import InputError
from genlab.tasks.images.flow import FlowRecipe
from genlab.tasks.images.options import FlowOptions
from tests.tasks.images.flows import QUICK, TINY, recipe, sentence, write_captions, write_table


def test_descriptions_are_drawn_anew_at_every_step_and_belong_to_their_pictures(tmp_path):
    made = recipe(write_table(tmp_path / "bars"), caption=("colour", "wide"), unseen=0.0, unguided=0.5)
    described, seen = made.data.train.described, {}
    for step in range(60):
        pictures, words = made.batch(step)
        assert torch.equal(pictures, made.data.train.tensor(made.picks(step)))
        assert (words[:, 0] == START).all()
        for pick, row in zip(made.picks(step).tolist(), words, strict=True):
            seen.setdefault(pick, []).append(sentence(made, row))
    for pick, texts in seen.items():
        facts, other = described.of(pick), {"red": "blue", "blue": "red"}[described.of(pick)["colour"]]
        assert not any(other in text for text in texts)
        assert len(set(texts)) >= 4
        if facts["wide"] == "no":
            assert all("no wide" in text for text in texts if "wide" in text)
    every = [text for texts in seen.values() for text in texts]
    assert 0.4 < np.mean([not text for text in every]) < 0.6  # unguided
    assert not torch.equal(made.batch(0)[1], made.batch(1)[1])
    assert torch.equal(made.batch(5)[1], made.batch(5)[1])


def test_captions_are_learnt(tmp_path):
    made = recipe(write_captions(tmp_path / "bars"), unguided=0.0)
    assert made.maker.vocabulary.words == ["a", "bar", "blue", "red", "something"]
    assert made.pipeline.facts.longest == 4
    texts = {sentence(made, row) for step in range(40) for row in made.batch(step)[1]}
    assert texts == {"a red bar", "a blue bar", "something red"} - (
        set() if "0.png" in made.data.train.names else {"something red"}
    )


def test_captions_in_chinese_are_learnt_by_character(tmp_path):
    data = write_captions(tmp_path / "bars")
    table = (data / "captions.csv").read_text()
    for english, chinese in (("a red bar", "红色条"), ("a blue bar", "蓝色条"), ("something red", "红")):
        table = table.replace(english, chinese)
    (data / "captions.csv").write_text(table, encoding="utf-8")
    assert recipe(data).maker.vocabulary.words == sorted("红蓝色条")


def test_a_note_says_that_rare_words_are_left_out(tmp_path, monkeypatch):
    for module in ("data.pictures.wording", "tasks.images.flow"):
        monkeypatch.setattr(f"genlab.{module}.MOST", 3)
    data, about = FlowRecipe.read(FlowOptions(**TINY), Place(str(write_captions(tmp_path / "bars")), "0", "0"), None)
    assert data.notes == about.notes
    assert data.notes[-1] == "the descriptions have 5 different words: the model learns the 3 commonest."


def test_classes_are_words_where_nothing_describes(folder):
    made = recipe(folder, unguided=0.0)
    assert made.maker.vocabulary.words == ["bar", "square"]
    labels = made.data.train.labels[made.picks(3)]
    assert [sentence(made, row) for row in made.batch(3)[1]] == [["bar", "square"][label] for label in labels]
    plain = recipe(folder, conditional=False)
    assert plain.maker.vocabulary.words == []
    assert (plain.batch(0)[1] == START).all()


def test_the_columns_of_a_sample_set_are_the_default():
    pytest.importorskip("dicebear")
    pytest.importorskip("resvg_py")
    made = recipe(Path("@faces:150"))
    assert made.options.caption == ("hair", "glasses", "beard", "skin")
    assert {"person", "red", "glasses", "beard", "no"} <= set(made.maker.vocabulary.words)
    assert made.pipeline.facts.combinations == made.data.combinations != []
    assert recipe(Path("@faces:150"), caption=("hair",)).options.caption == ("hair",)
    assert recipe(Path("@faces:150"), label="hair").maker.vocabulary.words == ["black", "blond", "brown", "grey", "red"]
    assert recipe(Path("@faces:150"), conditional=False).maker.vocabulary.words == []


def test_looking_shows_descriptions_and_a_finished_run_a_prompt(tmp_path, cli, described):
    data = write_captions(tmp_path / "bars")
    code, out, _ = cli("look", "images", data, "--model", "flow", "--pixels", 16, "--steps", 1)
    assert code == 0
    assert "descriptions, as one training step draws them:\n  " in out
    assert ".png: a red bar\n" in out
    assert "--prompt 'blue colour" in (described.path / "README.md").read_text()


def test_the_card_of_a_run_on_a_sample_set_has_its_licence(tmp_path, described):
    assert "OpenMoji" not in (described.path / "README.md").read_text()
    shutil.copytree(described.path, tmp_path / "run")
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    about["data"]["name"] = "@emoji"
    (tmp_path / "run" / "run.json").write_text(json.dumps(about))
    run = genlab.load(tmp_path / "run")
    write_card(run.folder, run.pipeline)
    assert "designed by OpenMoji" in (tmp_path / "run" / "README.md").read_text()


def test_the_share_of_unseen_combinations_is_recorded(tmp_path):
    data = write_table(tmp_path / "bars")
    assert recipe(data, caption=("colour", "wide")).options.unseen == 0.1
    made = recipe(data, caption=("colour", "wide"), unseen=0.4)
    assert made.options.unseen == 0.4
    assert made.data.combinations != []


def test_killed_trainings_end_with_the_same_weights(tmp_path, monkeypatch):
    """The descriptions of a step depend on the seed and the step only."""
    data = write_table(tmp_path / "bars")
    options = {**QUICK, "caption": ("colour", "wide"), "steps": 6, "checkpoint_seconds": 0, "unseen": 0.0}
    whole = genlab.train("images", data, out=tmp_path / "whole", **options)
    step, calls = FlowRecipe.step, []

    def dies(self, batch, progress):
        calls.append(1)
        if len(calls) == 4:
            raise RuntimeError("killed")
        return step(self, batch, progress)

    with monkeypatch.context() as patch:
        patch.setattr(FlowRecipe, "step", dies)
        with pytest.raises(RuntimeError, match="killed"):
            genlab.train("images", data, out=tmp_path / "parts", **options)
    with pytest.raises(InputError, match="caption"):
        genlab.train("images", data, out=tmp_path / "parts", resume=True, **{**options, "caption": ("colour",)})
    table = (data / "attributes.csv").read_text()
    (data / "attributes.csv").write_text(table.replace("blue", "green"))
    with pytest.raises(InputError, match="changed"):
        genlab.train("images", data, out=tmp_path / "parts", resume=True, **options)
    (data / "attributes.csv").write_text(table)
    parts = genlab.train("images", data, out=tmp_path / "parts", resume=True, **options)
    assert (whole.path / "model.safetensors").read_bytes() == (parts.path / "model.safetensors").read_bytes()


def test_the_test_after_training_compares_fewer_pictures(folder, monkeypatch):
    monkeypatch.setattr(FlowRecipe, "tested", 8)
    found = recipe(folder).test()
    assert found["pictures"] == 8
    assert found.keys() == {"frechet_distance", "frechet_distance_floor", "kernel_distance", "pictures"}
