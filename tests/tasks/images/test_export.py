"""Generators of pictures as ONNX files, run by onnxruntime."""

import json
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import genlab
from genlab.catalog import load, task_named
from genlab.engine.custom import Networks
from genlab.engine.machine import Machine
from genlab.errors import InputError
from genlab.options import make
from genlab.tasks.images.facts import PictureFacts
from genlab.tasks.images.options import FlowRequest, PicturesRequest
from genlab.tasks.images.pipeline import ImagesPipeline
from tests.exchange.graphs import no_trace_inside, opened, shapes, writer
from tests.exchange.networks import unchecked
from tests.tasks.images.made import SMALL
from tests.tasks.images.small import OPTIONS

CLASSES = ["cat", "grey dog", "übergroß"]
WORDS = ["cat", "dog", "grey", "übergross"]
COLOUR = {"channels": 3, "photographs": True}
MODELS = {
    "gan": ("gan", {"palette": 0}, {"classes": CLASSES}),
    "gan of drawings": ("gan", {"palette": 8}, {}),
    "gan of photographs": ("gan", {}, {"classes": CLASSES, **COLOUR}),
    "wgan_gp without classes": ("wgan_gp", {}, {}),
    "dcgan": ("dcgan", {}, {"classes": CLASSES}),
    "vae": ("vae", {}, {"classes": CLASSES}),
    "vae without classes": ("vae", {}, COLOUR),
    "flow": ("flow", {}, {"classes": CLASSES, "words": WORDS, "longest": 4, **COLOUR}),
    "flow without classes": ("flow", {}, {}),
}
"""Model, options and facts by name."""
FLOWS = [name for name in MODELS if name.startswith("flow")]
PASSES = [name for name in MODELS if name not in FLOWS]


def pipeline(model: str, options: dict, facts: dict) -> ImagesPipeline:
    """A model with random weights, statistics of batches included."""
    declared = task_named("images").model(model)
    made = make(load(declared.options), {**OPTIONS[model], **options})
    known = PictureFacts("test", **{"channels": 1, **facts})
    torch.manual_seed(0)
    networks = load(declared.network)(made, known, Networks())
    for network in networks.values():
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.uniform_(layer.running_mean, -0.1, 0.1)
                nn.init.uniform_(layer.running_var, 0.5, 1.5)
        if model in ("flow", "dcgan"):  # which start near zero
            for layer in network.modules():
                norm = isinstance(layer, (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm))
                for place, weight in layer.named_parameters(recurse=False):
                    if weight.ndim > 1:
                        nn.init.normal_(weight, std=(1 if model == "flow" else 2) * weight[0].numel() ** -0.5)
                    else:
                        nn.init.normal_(weight, float(norm and place == "weight"), 0.2)
    return ImagesPipeline(made, known, networks, Machine("cpu"))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Exports a model of `MODELS`, once."""
    return writer(lambda name: pipeline(*MODELS[name]), lambda: tmp_path_factory.mktemp("onnx"))


def pictures_of(ours: ImagesPipeline, latents: torch.Tensor, request: Any) -> np.ndarray:
    maker = ours.maker.with_request(request)
    with ours.evaluating():
        return maker.make(latents, maker.conditions(len(latents), request)).numpy()


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("name", PASSES)
def test_the_same_pictures(written, name, batch):
    """Of all classes in turn, or without classes."""
    ours, session, about, _ = written(name)
    latents = ours.noise(batch, seed=1)
    inputs = {"latents": latents.numpy()}
    if about["classes"]:
        inputs["labels"] = np.arange(batch) % len(about["classes"])
    (found,) = session.run(["pictures"], inputs)
    expected = pictures_of(ours, latents, PicturesRequest())
    assert expected.std() > 0.05
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", [name for name in PASSES if MODELS[name][2].get("classes")])
def test_the_same_class(written, name):
    ours, session, about, _ = written(name)
    latents = ours.noise(3, seed=2)
    found = {}
    for label in CLASSES:
        labels = np.full(3, about["classes"].index(label))
        found[label] = session.run(None, {"latents": latents.numpy(), "labels": labels})[0]
        expected = pictures_of(ours, latents, PicturesRequest(class_=label))
        np.testing.assert_allclose(found[label], expected, atol=1e-4, rtol=0)
    assert np.abs(found["cat"] - found["grey dog"]).max() > 1e-2


def along(session: Any, x: np.ndarray, words: list[np.ndarray], request: FlowRequest) -> np.ndarray:
    """The pictures that a loop around the file makes, as the page describes it; `words` may be empty."""

    def velocity(x: np.ndarray, time: float) -> np.ndarray:
        inputs = {"pictures": x, "times": np.full(len(x), time, np.float32)}
        if not words:
            return session.run(None, inputs)[0]
        given, free = (session.run(None, {**inputs, "words": each})[0] for each in words)
        return free + request.guidance * (given - free)

    step = 1 / request.flow_steps
    for index in range(request.flow_steps):
        slope = velocity(x, index * step)
        if request.sampler == "heun" and index + 1 < request.flow_steps:
            slope = (slope + velocity(x + step * slope, (index + 1) * step)) / 2
        x = x + step * slope
    return x


@pytest.mark.parametrize("guidance", [1.0, 2.5])
@pytest.mark.parametrize(
    ("asked", "said"), [({"prompt": "A Grey cat!"}, "a grey cat"), ({"class_": "übergroß"}, "übergross"),
                        ({"class_": "grey dog"}, "grey dog")],
)  # fmt: skip
def test_the_same_flow_under_words(written, asked, said, guidance):
    ours, session, about, _ = written("flow")
    request = FlowRequest(flow_steps=4, guidance=guidance, **asked)
    indices = [about["start"], *(about["words"][word] for word in said.split() if word in about["words"])]
    words, empty = (np.full((3, about["longest"]), about["padding"]) for _ in range(2))
    words[:, : len(indices)], empty[:, 0] = indices, about["start"]
    noise = ours.noise(3, seed=3)
    found = along(session, noise.numpy().reshape(3, 3, 16, 16), [words, empty], request)
    expected = pictures_of(ours, noise, request)
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)
    without = along(session, noise.numpy().reshape(3, 3, 16, 16), [empty, empty], request)
    assert np.abs(found - without).max() > 1e-2


@pytest.mark.parametrize("sampler", ["heun", "euler"])
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_the_same_flow_without_words(written, batch, sampler):
    ours, session, about, _ = written("flow without classes")
    assert "words" not in about
    request = FlowRequest(flow_steps=6, sampler=sampler)
    noise = ours.noise(batch, seed=4)
    found = along(session, noise.numpy().reshape(batch, 1, 16, 16), [], request)
    expected = pictures_of(ours, noise, request)
    assert np.abs(expected - noise.numpy().reshape(expected.shape)).max() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)


def test_names_sizes_and_metadata(written):
    _, session, about, _ = written("gan")
    assert shapes(session.get_inputs()) == {"latents": ["batch", 64], "labels": ["batch"]}
    assert shapes(session.get_outputs()) == {"pictures": ["batch", 1, 16, 16]}
    assert about == {"pixels": 16, "channels": 1, "classes": CLASSES, "latent": 64}
    _, session, about, _ = written("flow")
    taken = {"pictures": ["batch", 3, 16, 16], "times": ["batch"], "words": ["batch", 4]}
    assert shapes(session.get_inputs()) == taken
    assert shapes(session.get_outputs()) == {"velocity": ["batch", 3, 16, 16]}
    assert about == {
        "pixels": 16, "channels": 3, "classes": CLASSES, "words": {word: 2 + n for n, word in enumerate(WORDS)},
        "start": 1, "padding": 0, "longest": 4,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["gan", "vae", "flow"])
def test_one_file_without_paths_or_encoder(written, name):
    place = written(name).place
    assert [path.name for path in place.parent.iterdir()] == ["model.onnx"]
    no_trace_inside(place, __file__, "tasks/images", "encoder.steps")


def test_command_line(cli, run, tmp_path):
    """The file of a trained run makes the pictures that `genlab generate` makes."""
    with unchecked():
        code, out, _ = cli("export", run.path, "--to", "onnx", "kinds.onnx", "--json")
    assert (code, json.loads(out)) == (0, {"place": "kinds.onnx", "to": "onnx"})
    session, about = opened(tmp_path / "kinds.onnx")
    assert about["classes"] == ["bar", "square"]
    samples = run.generate(n=4, class_="square", seed=5)
    latents = np.stack([sample.latent for sample in samples])
    (found,) = session.run(None, {"latents": latents, "labels": np.full(4, about["classes"].index("square"))})
    pixels = np.round((np.clip(found, -1, 1) + 1) * 127.5).transpose(0, 2, 3, 1)
    assert np.abs(pixels - np.stack([sample.content for sample in samples])).max() <= 1  # where it rounds
    code, out, _ = cli("export", run.path, "kinds.onnx", "--json")
    assert code == 2
    assert json.loads(out)["error"] == {"message": "kinds.onnx already exists: choose a new file.", "field": "place"}


@pytest.mark.parametrize("to", ["hf", "gguf"])
def test_other_formats_are_refused(cli, run, tmp_path, to):
    code, out, _ = cli("export", run.path, "--to", to, "kinds", "--json")
    assert (code, json.loads(out)["error"]["field"]) == (2, "to")
    assert re.search(f"{to!r} is not a choice.*onnx", json.loads(out)["error"]["message"])
    with pytest.raises(InputError, match=f"to: '{to}' cannot be used; it must be one of onnx"):
        run.export(to, tmp_path / "kinds")
    code, out, _ = cli("push", run.path, "me/kinds", "--json")
    assert code == 2
    assert "is a gan for images, which cannot be exported for transformers" in json.loads(out)["error"]["message"]
    assert not (tmp_path / "kinds").exists()


class Mine(nn.Module):
    def __init__(self, shape) -> None:
        super().__init__()
        self.layer = nn.Linear(shape.latent + shape.classes, shape.channels * shape.pixels**2)
        self.shape = shape

    def forward(self, latents, labels):
        rows = torch.cat((latents, nn.functional.one_hot(labels, self.shape.classes)), 1)
        return self.layer(rows).view(-1, self.shape.channels, self.shape.pixels, self.shape.pixels)


def test_a_custom_network_is_refused(folder, tmp_path):
    networks = {"generator": Mine}
    run = genlab.train(
        "images", folder, steps=1, test="0.3", out=tmp_path / "run", quiet=True, networks=networks, **SMALL
    )
    with pytest.raises(
        InputError, match=r"Mine is a custom network.*only genlab's own networks can be exported"
    ) as error:
        run.export("onnx", tmp_path / "mine.onnx")
    assert error.value.field == "run"
    assert not (tmp_path / "mine.onnx").exists()
