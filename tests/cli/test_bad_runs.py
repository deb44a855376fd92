"""Damaged run folders and checkpoints: one sentence, exit code 2, nothing lost and no code executed."""

import json
import os
import pickle
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file


def broken(run: Path, **files) -> None:
    for name, content in files.items():
        path = run / name.replace("__", "/").replace("_", ".")
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def noted(run: Path, name: str, **values) -> dict:
    return {**json.loads((run / name).read_text()), **values}


class Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self):
        return (os.system, (f"touch {self.place}",))


def newer(run: Path) -> None:
    broken(run, run_json=noted(run, "run.json", format=2))


def no_format(run: Path) -> None:
    broken(run, run_json={"hello": "world"})


def cut_run(run: Path) -> None:
    broken(run, run_json=(run / "run.json").read_bytes()[:100])


def list_for_run(run: Path) -> None:
    broken(run, run_json=[1, 2])


def no_data(run: Path) -> None:
    broken(run, run_json=noted(run, "run.json", data={}))


def cut_config(run: Path) -> None:
    broken(run, config_json=(run / "config.json").read_bytes()[:100])


def empty_config(run: Path) -> None:
    broken(run, config_json={})


def strange_config(run: Path) -> None:
    broken(run, config_json=noted(run, "config.json", config=[1]))


def unknown_option(run: Path) -> None:
    broken(run, config_json=noted(run, "config.json", config={"size": "tiny", "command": "rm -rf"}))


def unknown_size(run: Path) -> None:
    broken(run, config_json=noted(run, "config.json", config={"size": "__import__('os')"}))


def other_size(run: Path) -> None:
    broken(run, shape_json=noted(run, "shape.json", depth=4))


def cut_shape(run: Path) -> None:
    broken(run, shape_json=b'{"vocabulary": 43,')


def impossible_shape(run: Path) -> None:
    broken(run, shape_json=noted(run, "shape.json", depth=-4))


def unknown_model(run: Path) -> None:
    broken(run, config_json=noted(run, "config.json", model="os:system"))


def not_begun(run: Path) -> None:
    config = noted(run, "config.json")
    del config["config"]
    broken(run, config_json=config)


def own_networks(run: Path) -> None:
    broken(run, config_json=noted(run, "config.json", parts={"gpt": "os:system"}))


def no_weights(run: Path) -> None:
    (run / "model.safetensors").unlink()


def cut_weights(run: Path) -> None:
    path = run / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def no_tensors(run: Path) -> None:
    broken(run, model_safetensors=b"")


def pickled(run: Path) -> None:
    broken(run, model_safetensors=pickle.dumps(Bomb(run / "exploded")))


def pickled_by_torch(run: Path) -> None:
    torch.save({"gpt.head.weight": Bomb(run / "exploded")}, run / "model.safetensors")


def outside_names(run: Path) -> None:
    tensors = load_file(run / "model.safetensors")
    save_file({**tensors, "../../x": torch.zeros(1)}, run / "model.safetensors")


def one_renamed(run: Path) -> None:
    tensors = load_file(run / "model.safetensors")
    tensors["../../../etc/passwd"] = tensors.pop("gpt.head.weight")
    save_file(tensors, run / "model.safetensors")


def other_shape(run: Path) -> None:
    tensors = load_file(run / "model.safetensors")
    save_file({**tensors, "gpt.norm.weight": torch.ones(65)}, run / "model.safetensors")


def no_tokenizer(run: Path) -> None:
    (run / "tokenizer.json").unlink()


def cut_tokenizer(run: Path) -> None:
    path = run / "tokenizer.json"
    path.write_bytes(path.read_bytes()[:-100])


def pickled_tokenizer(run: Path) -> None:
    broken(run, tokenizer_json=pickle.dumps(Bomb(run / "exploded")))


def tokenizer_without_mark(run: Path) -> None:
    broken(run, tokenizer_json=(run / "tokenizer.json").read_bytes().replace(b"<|end|>", b"<|eos|>"))


DAMAGES = {
    newer: "format 2.*reads up to 1.*newer genlab",
    no_format: "is not a run folder",
    cut_run: "run.json is damaged",
    list_for_run: "run.json is damaged",
    no_data: "damaged",
    cut_config: "config.json is damaged",
    empty_config: "config.json is damaged",
    strange_config: "damaged",
    unknown_option: "There is no option 'command'",
    unknown_size: "size: .*cannot be used",
    other_size: "does not fit the run's config",
    cut_shape: "shape.json is damaged",
    impossible_shape: "depth: -4 cannot be used; it must be a whole number from 1",
    unknown_model: "has no model os:system",
    not_begun: "has not started training yet.*resume",
    own_networks: "custom networks .*genlab.load",
    no_weights: "model.safetensors is missing",
    cut_weights: "model.safetensors is damaged",
    no_tensors: "model.safetensors is damaged",
    pickled: "model.safetensors is damaged or not a safetensors file",
    pickled_by_torch: "model.safetensors is damaged or not a safetensors file",
    outside_names: r"unknown tensor '../../x'",
    one_renamed: "unknown tensor '../../../etc/passwd'",
    other_shape: "tensor 'gpt.norm.weight' has another shape",
    no_tokenizer: "tokenizer.json is missing or damaged",
    cut_tokenizer: "tokenizer.json is missing or damaged",
    pickled_tokenizer: "tokenizer.json is missing or damaged",
    tokenizer_without_mark: "tokenizer.json is missing or damaged",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("command", ["generate", "evaluate"])
def test_run_folders(refused, copied, damage, command):
    damage(copied)
    sentence, field = refused(command, copied)
    assert re.search(DAMAGES[damage], sentence), sentence
    assert field in ("run", "command", "size", "model", "depth")
    assert not (copied / "exploded").exists()


@pytest.mark.parametrize(("model", "task"), [("lstm", "text"), ("gan", "points"), ("cnn", "classify")])
def test_attention_of_runs_without(refused, copied, model, task):
    broken(copied, config_json=noted(copied, "config.json", model=model, task=task))
    sentence, field = refused("attention", copied, "--prompt", "the")
    assert sentence.endswith(f"is a {model} for {task}, which has no attention to show.")
    assert field == "run"


def newest(run: Path) -> Path:
    (path,) = (run / "resume").glob("step-*.safetensors")
    return path


def cut_checkpoint(run: Path) -> None:
    newest(run).write_bytes(newest(run).read_bytes()[:-100])


def pickled_checkpoint(run: Path) -> None:
    newest(run).write_bytes(pickle.dumps(Bomb(run / "exploded")))


def plan_without_steps(run: Path) -> None:
    plan = noted(run, "config.json")["plan"]
    del plan["steps"]
    broken(run, config_json=noted(run, "config.json", plan=plan))


def run_options_as_a_list(run: Path) -> None:
    config = {**json.loads((run / "config.json").read_text()), "run": [1, 2]}
    (run / "config.json").write_text(json.dumps(config))


RESUMES = {
    cut_checkpoint: r"checkpoint .* is damaged.*still usable.*delete the folder",
    pickled_checkpoint: r"checkpoint .* is damaged",
    newer: "format 2.*newer genlab",
    cut_run: "run.json is damaged",
    cut_config: "config.json is damaged",
    unknown_option: "There is no option 'command'",
    strange_config: r"config.json or run.json is damaged \(config is not an object\)",
    not_begun: r"config.json or run.json is damaged \('config'\)",
    run_options_as_a_list: "config.json is damaged: restore it",
    plan_without_steps: r"config.json or run.json is damaged \(.*'steps'\)",
}


@pytest.mark.parametrize("damage", RESUMES, ids=lambda damage: damage.__name__)
def test_resuming(cli, copied, book, damage):
    """A run that cannot be continued is refused, and its weights are kept."""
    broken(copied, run_json=noted(copied, "run.json", state="running"))
    weights = (copied / "model.safetensors").read_bytes()
    damage(copied)
    words = ["train", "text", book, "--steps", 60, "--size", "tiny", "--validation", 0, "--out", copied, "--resume"]
    code, out, err = cli(*words)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert re.search(RESUMES[damage], err), err
    assert (copied / "model.safetensors").read_bytes() == weights
    assert not (copied / "exploded").exists()
    if "checkpoint" in damage.__name__:  # the advice is good: without the folder it starts over
        newest(copied).unlink()
        assert cli(*words)[0] == 0
        assert (copied / "model.safetensors").read_bytes() == weights


def test_locked(cli, trained, book, copied):
    from genlab.engine.run_folder import RunFolder

    with RunFolder(copied).locked():
        code, _, err = cli("train", "text", book, "--steps", 60, "--size", "tiny", "--out", copied, "--resume")
    assert code == 2
    assert "is being trained by another process" in err
