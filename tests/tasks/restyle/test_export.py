"""Models that change pictures as ONNX files, run by onnxruntime."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from genlab.catalog import load, task_named
from genlab.data.pictures.attributes import Attribute
from genlab.engine.custom import Networks
from genlab.engine.machine import Machine
from genlab.errors import InputError
from genlab.options import make
from genlab.tasks.restyle.pipeline import RestyleFacts, RestylePipeline, TypicalCycleError
from tests.exchange.graphs import no_trace_inside, opened, shapes, writer
from tests.exchange.networks import unchecked
from tests.tasks.restyle.made import COLOURS, sign
from tests.tasks.restyle.small import OPTIONS

onnxruntime = pytest.importorskip("onnxruntime")

HAIR, HAT = Attribute("hair", ["black", "blond", "rötlich"]), Attribute("hat", ["no", "yes"])
SEASONS = Attribute("look", ["summer", "winter"])
MODELS = {
    "drawings": ("stargan", {"colours": 3}, 3, [HAIR, HAT]),
    "photographs": ("stargan", {"colours": 0}, 3, [HAIR, HAT]),
    "two looks": ("cyclegan", {}, 1, [SEASONS]),
}
"""Model, options, channels and attributes by name."""


def pipeline(model: str, options: dict, channels: int, attributes: list[Attribute], networks=None) -> RestylePipeline:
    """A model with random weights."""
    declared = task_named("restyle").model(model)
    made = make(load(declared.options), {**OPTIONS[model], **options})
    facts = RestyleFacts("test", channels, made.pixels, attributes, [Attribute("age", ["old", "young"])])
    torch.manual_seed(0)
    built = load(declared.network)(made, facts, Networks(networks or {}))
    for name, weight in built["generator"].named_parameters():
        if weight.ndim > 1 and "colours" not in name:
            nn.init.normal_(weight, std=1.5 * weight[0].numel() ** -0.5)
    built |= {"reader": facts.reader(), "typical": TypicalCycleError()}
    for weight in built["reader"].heads.parameters():  # they start at zero
        nn.init.normal_(weight, std=0.3)
    return RestylePipeline(made, facts, built, Machine("cpu"))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Exports a model of `MODELS`, once."""
    return writer(lambda name: pipeline(*MODELS[name]), lambda: tmp_path_factory.mktemp("onnx"))


def random_pictures(ours: RestylePipeline, batch: int) -> torch.Tensor:
    shape = ours.facts.shape
    random = np.random.default_rng(batch)
    return torch.from_numpy(random.uniform(-1, 1, (batch, shape.channels, shape.pixels, shape.pixels))).float()


def change_of(about: dict[str, Any], present: np.ndarray, wanted: dict[str, str]) -> np.ndarray:
    """The change that the page describes, from what the file itself says."""
    change, start = np.zeros((len(present), sum(len(one["values"]) for one in about["attributes"])), np.float32), 0
    for place, one in enumerate(about["attributes"]):
        if one["name"] in wanted:
            change[:, start + one["values"].index(wanted[one["name"]])] = 1
            change[np.arange(len(present)), start + present[:, place]] -= 1
        start += len(one["values"])
    return change


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("wanted", [{"hair": "rötlich"}, {"hair": "black", "hat": "yes"}, {}], ids=str)
@pytest.mark.parametrize("name", ["drawings", "photographs"])
def test_the_same_changes(written, name, wanted, batch):
    ours, session, about, _ = written(name)
    pictures = random_pictures(ours, batch)
    given = {"pictures": pictures.numpy(), "change": np.zeros((batch, 5), np.float32)}
    (present,) = session.run(["present"], given)
    with ours.evaluating():
        source = ours.reader.read(pictures)[:, :2]
        target = source.clone()
        for place, one in enumerate(ours.facts.attributes):
            if one.name in wanted:
                target[:, place] = one.values.index(wanted[one.name])
        expected = ours.restyle(pictures, source, target).numpy()
    assert np.array_equal(present, source.numpy())
    (changed,) = session.run(["changed"], {**given, "change": change_of(about, present, wanted)})
    assert (np.abs(expected - pictures.numpy()).max() > 0.1) == bool((target != source).any())
    np.testing.assert_allclose(changed, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_the_same_looks(written, batch):
    """Each direction, also where only one of them is computed."""
    ours, session, about, _ = written("two looks")
    pictures = random_pictures(ours, batch)
    *both, present = session.run(None, {"pictures": pictures.numpy()})
    with ours.evaluating():
        assert np.array_equal(present, ours.reader.read(pictures)[:, :1].numpy())
    for look, name in enumerate(("to_first", "to_second")):
        other = torch.full((batch, 1), 1 - look)
        with ours.evaluating():
            expected = ours.restyle(pictures, other, 1 - other).numpy()
        assert np.abs(expected - pictures.numpy()).max() > 0.1
        np.testing.assert_allclose(both[look], expected, atol=1e-4, rtol=0)
        options = onnxruntime.RunOptions()
        options.only_execute_path_to_fetches = True
        (alone,) = session.run([name], {"pictures": pictures.numpy()}, options)
        assert np.array_equal(alone, both[look])
    assert about["attributes"] == [{"name": "look", "values": ["summer", "winter"]}]


def test_names_sizes_and_metadata(written):
    _, session, about, _ = written("drawings")
    taken = {"pictures": ["batch", 3, 16, 16], "change": ["batch", 5]}
    assert shapes(session.get_inputs()) == taken
    given = {"changed": ["batch", 3, 16, 16], "present": ["batch", 2]}
    assert shapes(session.get_outputs()) == given
    attributes = [{"name": one.name, "values": one.values} for one in (HAIR, HAT)]
    assert about == {"pixels": 16, "channels": 3, "attributes": attributes}
    _, session, _, _ = written("two looks")
    assert shapes(session.get_inputs()) == {"pictures": ["batch", 1, 24, 24]}
    looks = {name: ["batch", 1, 24, 24] for name in ("to_first", "to_second")}
    assert shapes(session.get_outputs()) == {**looks, "present": ["batch", 1]}


@pytest.mark.parametrize("name", list(MODELS))
def test_no_path_of_this_machine_is_inside(written, name):
    no_trace_inside(written(name).place, __file__, "tasks/restyle")


def test_command_line(cli, run, tmp_path):
    """The file of a trained run makes the pictures that `genlab generate` makes."""
    with unchecked():
        code, out, _ = cli("export", run.path, "--to", "onnx", "signs.onnx", "--json")
    assert (code, json.loads(out)) == (0, {"place": "signs.onnx", "to": "onnx"})
    session, about = opened(tmp_path / "signs.onnx")
    before = np.stack([sign(number, list(COLOURS)[number % 3], False) for number in range(900, 912)])
    given = before.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
    (present,) = session.run(["present"], {"pictures": given, "change": np.zeros((12, 3), np.float32)})
    change = change_of(about, present, {"colour": "green"})
    (changed,) = session.run(["changed"], {"pictures": given, "change": change})
    after = np.round((np.clip(changed, -1, 1) + 1) * 127.5).transpose(0, 2, 3, 1)
    samples = run.generate(pictures=before, set={"colour": "green"})
    assert np.abs(after - np.stack([sample.content for sample in samples])).max() <= 1  # where it rounds
    assert np.abs(after - before).max() > 50
    code, out, _ = cli("export", run.path, "signs.onnx", "--json")
    assert code == 2
    assert json.loads(out)["error"] == {"message": "signs.onnx already exists: choose a new file.", "field": "place"}
    code, out, _ = cli("export", run.path, "--to", "hf", "signs", "--json")
    assert (code, json.loads(out)["error"]["field"]) == (2, "to")
    assert not (tmp_path / "signs").exists()


class Mine(nn.Module):
    def __init__(self, shape) -> None:
        super().__init__()
        self.layer = nn.Conv2d(shape.channels, shape.channels, 3, padding=1)

    def forward(self, pictures, change=None):
        return self.layer(pictures)


@pytest.mark.parametrize(("name", "network"), [("drawings", "generator"), ("two looks", "to_second")])
def test_a_custom_network_is_refused(tmp_path, name, network):
    ours = pipeline(*MODELS[name], {network: Mine})
    with pytest.raises(
        InputError, match=r"Mine is a custom network.*only genlab's own networks can be exported"
    ) as error:
        ours.export("onnx", tmp_path / "mine.onnx", "")
    assert error.value.field == "run"
    assert not (tmp_path / "mine.onnx").exists()
