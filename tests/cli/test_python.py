"""Training, evaluating and generating from Python."""

import pytest

import genlab

pytestmark = pytest.mark.usefixtures("no_previews")


def test_python(book, tmp_path, monkeypatch, quick_copy_check):
    monkeypatch.chdir(tmp_path)
    run = genlab.train("text", str(book), steps=3, size="tiny", context=16, batch=2, quiet=True)
    assert run.path.name == "text-book-001"
    assert run.about["state"] == "done"
    assert "text gpt" in repr(run)
    assert run.evaluate()["loss"] == pytest.approx(run.about["test"]["loss"])
    again = genlab.load(str(run.path))
    monkeypatch.undo()
    (sample,) = again.generate(prompt="the", tokens=5, seed=1)
    assert str(sample) == sample.content
    assert str(sample).startswith("the")
    assert len(sample.content) == 8
    assert run.generate(prompt="the", tokens=5, seed=1)[0].content == sample.content


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"steps": 0}, "steps"),
        ({"minutes": float("nan")}, "minutes"),
        ({"minutes": "soon"}, "minutes"),
        ({"size": "huge"}, "size"),
        ({"colour": "red"}, "colour"),
        ({"seed": None}, "seed"),
        ({"dropout": float("inf")}, "dropout"),
        ({"validation": 2}, "validation"),
        ({"model": "oracle"}, "model"),
        ({"log": ["paper"]}, "log"),
    ],
)
def test_python_raises_input_errors(book, tmp_path, options, field):
    with pytest.raises(genlab.InputError) as error:
        genlab.train("text", book, out=tmp_path / "run", quiet=True, **{"steps": 2, **options})
    assert error.value.field == field
    assert isinstance(error.value, ValueError)
    assert not (tmp_path / "run").exists()


def test_a_misspelt_option_gets_the_nearest_of_all(book):
    """Those of the run, of the model and of the data in parts are one list."""
    for task, wrong, right in (("text", "minuts", "minutes"), ("text", "contxt", "context"), ("text", "modle", "model"),
                               ("translate", "sorce", "source")):  # fmt: skip
        with pytest.raises(
            genlab.InputError, match=rf"^There is no option '{wrong}': .*\(perhaps {right}\?\)\.$"
        ) as error:
            genlab.train(task, book, **{wrong: 1})
        assert error.value.field == wrong
    with pytest.raises(genlab.InputError, match=r"choose from batch, .*minutes.*tied"):
        genlab.look("text", book, colour="red")


def test_python_generate_raises_input_errors(trained):
    run = genlab.load(trained)
    for options, field in (({"temperature": float("nan")}, "temperature"), ({"tone": 1}, "tone"), ({"n": 0}, "n")):
        with pytest.raises(genlab.InputError) as error:
            run.generate(**options)
        assert error.value.field == field
    with pytest.raises(genlab.InputError, match="no run folder"):
        genlab.load("nowhere")
