"""Runs trained on an earlier version of a sample set are evaluated and resumed as before."""

import json
from collections.abc import Callable

import pytest

import genlab
from genlab.data.shared.sample_sets import SampleSet
from genlab.engine.files import write_atomically
from genlab.engine.options import Place
from genlab.errors import InputError
from genlab.tasks.classify.cnn import CNNRecipe
from tests.engine.short import interrupting

OPTIONS = {"steps": 4, "pixels": 16, "label": "skin", "quiet": True}


def test_earlier_versions_of_a_place():
    kind: Callable[..., SampleSet] = lambda name, *earlier: SampleSet(name, "", "", "", "", earlier=earlier)
    samples = [kind("@old-1"), kind("@old", "@old-2", "@old-1"), kind("@older", "@wrong")]
    place = Place("@old:40", "0.1", "@old", "cp1252")
    assert list(place.versions(samples)) == [
        place, Place("@old-2:40", "0.1", "@old-2", "cp1252"), Place("@old-1:40", "0.1", "@old-1", "cp1252")
    ]  # fmt: skip
    assert list(Place("old", "@old-1", "0").versions(samples)) == [Place("old", "@old-1", "0")]


def test_a_run_on_the_first_faces_is_evaluated_and_resumed(tmp_path, monkeypatch):
    """The run is recorded as one on @faces, as it was before the second version."""
    pytest.importorskip("dicebear")
    whole = genlab.train("classify", "@faces-1:80", out=tmp_path / "whole", **OPTIONS)
    with monkeypatch.context() as patch:
        patch.setattr(CNNRecipe, "step", interrupting(CNNRecipe, 3))
        genlab.train("classify", "@faces-1:80", out=tmp_path / "run", **OPTIONS)
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    assert about["state"] == "interrupted"
    about["data"] |= {"path": "@faces:80", "name": "@faces:80"}
    write_atomically(tmp_path / "run" / "run.json", json.dumps(about).encode())
    with pytest.raises(InputError, match="@faces:79 has changed since"):
        genlab.train("classify", "@faces:79", out=tmp_path / "run", resume=True, **OPTIONS)
    run = genlab.train("classify", "@faces:80", out=tmp_path / "run", resume=True, **OPTIONS)
    assert run.about["data"]["path"] == "@faces:80"
    assert (run.path / "model.safetensors").read_bytes() == (whole.path / "model.safetensors").read_bytes()
    report = whole.evaluate()
    assert report["split"] == "test"
    assert [run.evaluate(data) for data in (None, "@faces:80", "@faces-1:80")] == 3 * [report]
    assert run.evaluate("@faces:79")["split"] == "all"
