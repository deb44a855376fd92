"""The command line: one table of commands; what they need is imported inside them."""

import contextlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn

from genlab.catalog import CATALOG, entry
from genlab.catalog import load as load_class
from genlab.cli.parser import first_word, parse, take, value_of
from genlab.errors import InputError

if TYPE_CHECKING:
    from genlab.api import Run


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs one command; exit code 0 done, 1 our fault, 2 the user's input, 130 interrupted."""
    words = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in words
    try:
        code = _run(words)
        sys.stdout.flush()
    except InputError as error:
        if as_json:
            print(json.dumps({"error": {"message": str(error), "field": error.field}}))
        else:
            print(f"genlab: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("\ngenlab: interrupted.", file=sys.stderr)
        code = 130
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return 0
    if words[0] == "--version":
        from importlib.metadata import version

        print(version("genlab"))
        return 0
    if words[0] not in COMMANDS:
        raise InputError(f"There is no command {words[0]}; there are {', '.join(COMMANDS)}.", "command")
    return COMMANDS[words[0]].do(words[1:])


# --- the commands ---------------------------------------------------------------------------------


def train(words: list[str]) -> int:
    """genlab train TASK DATA [--model MODEL] [options]"""
    from genlab.engine.options import RunOptions
    from genlab.options import check

    if not words or words[0] in ("-h", "--help"):
        tasks = "\n".join(f"  {task:9} {', '.join(models)}" for task, models in CATALOG.items())
        print("usage: genlab train TASK DATA [--model MODEL] [options]\n")
        print(f"tasks and their models, the default first:\n{tasks}\n")
        print("`genlab train TASK --help` lists the options; with --model those of another model.")
        return 0
    task, *rest = words
    if task == "translate":
        from genlab.tasks.translate.options import TWO_FILES, data_of

        source, target = (take(rest, option) for option in ("--source", "--target"))
        if source is not None or target is not None:
            rest = [data_of(first_word(rest) or None, source, target), *rest]
    model_asked, start = value_of(rest, "--model"), value_of(rest, "--from")
    if start is not None and model_asked is None:
        from genlab.api import model_of

        model_asked = model_of(start, task)
    model, found = entry(task, model_asked, first_word(rest))
    config_type = load_class(found.config)
    of_model = f"{task} model: {', '.join(CATALOG[task])}."
    options = parse(
        f"genlab train {task}",
        f"Train a {task} model on your data: {model}, {found.about}.",
        [("run", RunOptions), ("config", config_type)],
        rest,
        [("model", str, model, of_model), *(TWO_FILES if task == "translate" else ())],
    )
    run, config = check(options.run), check(options.config)

    from genlab.api import train_recipe

    recipe = load_class(found.recipe)(config)
    with contextlib.redirect_stdout(sys.stderr):  # trackers talk
        trained = train_recipe(recipe, run)
    about = trained.about
    if recipe.machine.rank > 0:  # the first process speaks for all
        pass
    elif options.json:
        kept = ("state", "step", "seconds", "best", "test")
        print(json.dumps({"run": str(trained.path), **{key: about.get(key) for key in kept}}))
    else:
        print(trained.path)
        if about["state"] == "done":
            next_command = "generate" if found.request else "predict"
            _say(f"Next: genlab {next_command} {trained.path}, genlab evaluate {trained.path}")
        elif about["state"] == "interrupted":
            _say("Interrupted; the run can be used, and the same command with --resume and its --out goes on.")
    return {"done": 0, "interrupted": 130}.get(about["state"], 1)


def generate(words: list[str]) -> int:
    """genlab generate RUN [options]"""
    from genlab.options import check

    path = _run_argument("generate", words)
    if path is None:
        return 0
    from genlab.engine.run_folder import RunFolder

    config = RunFolder.open(path).config()
    found = entry(config.get("task", ""), config.get("model"))[1]
    if found.request is None:
        raise InputError(f"{path} is a classifier, it makes nothing: genlab predict {path} FILE.", "run")
    options = parse(
        f"genlab generate {path}",
        f"Make new content with {path}, a {config['model']} for {config['task']}.",
        [("request", load_class(found.request))],
        words[1:],
        [("to", str | None, None, "Folder to write the content to as files."), *DEVICE],
    )
    request = check(options.request)
    if hasattr(request, "input") and request.prompt is None and request.input is None:
        request = replace(request, input="-")
        if sys.stdin.isatty():
            _say("Type what to translate, a line each; Ctrl-D ends.")
    if options.to is not None and Path(options.to).exists() and not Path(options.to).is_dir():
        raise InputError(f"to: {options.to} is no folder; say where the files should go.", "to")
    run = _open(path, options.device)
    shows = not options.json

    def show(piece: str) -> None:
        sys.stdout.write(piece)
        sys.stdout.flush()

    contents: list[Any] = []
    files: list[Path] = []
    kept = []
    from genlab.engine.pipeline import Generates
    from genlab.engine.samples import write_samples
    from genlab.show.sheets import together

    assert isinstance(run.recipe, Generates)
    for number, sample in enumerate(run.recipe.generate(request, show if shows else None)):
        if isinstance(sample.content, str):
            contents.append(sample.content)
            if shows:
                print("\n" if number + 1 < getattr(request, "n", 1) else "")
        elif sample.content.ndim == 2:  # rows of numbers; pictures are in the files
            contents.append(sample.content.tolist())
        if options.to:
            files += write_samples([sample], Path(options.to), "generated", number)
        elif not isinstance(sample.content, str):
            kept.append(sample)
    if getattr(request, "grid", None):
        files.append(Path(request.grid))
    elif kept:
        files += write_samples(together(kept), run.path / "samples", "generated")
    written = [str(file) for file in files]
    if options.json:
        print(json.dumps({"samples": contents, "files": written}, ensure_ascii=False))
    else:
        for file in written if len(written) <= MANY else [f"{len(written):,} files, {written[0]} to {written[-1]}"]:
            _say(f"wrote {file}")
    return 0


def predict(words: list[str]) -> int:
    """genlab predict RUN FILE|FOLDER..."""
    path = _run_argument("predict", words)
    if path is None:
        return 0
    from tyro.conf import Positional

    about = "Pictures, folders of them, or a CSV of rows without labels."
    options = parse(
        f"genlab predict {path}",
        "Tell the labels of new content, with probabilities.",
        [],
        words[1:],
        [("files", Positional[tuple[str, ...]], (), about), *DEVICE],
    )
    if not options.files:
        raise InputError(f"Say of what: genlab predict {path} FILE or FOLDER.", "files")
    found = _open(path, options.device).predict(list(options.files))
    if options.json:
        print(json.dumps({"predictions": [prediction._asdict() for prediction in found]}, ensure_ascii=False))
    else:
        width = max(len(prediction.file) for prediction in found)
        for prediction in found:
            likely = sorted(prediction.probabilities.items(), key=lambda item: -item[1])[:3]
            shares = "  ".join(f"{label} {share:.1%}" for label, share in likely)
            print(f"{prediction.file:{width}}  {prediction.label:16}  {shares}")
    return 0


def attention(words: list[str]) -> int:
    """genlab attention RUN --prompt TEXT [options]"""
    from genlab.options import check

    path = _run_argument("attention", words)
    if path is None:
        return 0
    from genlab.engine.run_folder import RunFolder

    config = RunFolder.open(path).config()
    found = entry(config.get("task", ""), config.get("model"))[1]
    if found.explain is None:
        raise InputError(
            f"{path} is a {config['model']} for {config['task']}, which has no attention to look at.", "run"
        )
    options = parse(
        f"genlab attention {path}",
        f"Show what the attention heads of {path} look at.",
        [("request", load_class(found.explain))],
        words[1:],
        [
            ("layer", int | None, None, "Draw this layer only, counted from 0."),
            ("head", int | None, None, "Draw this head only, counted from 0; with --layer it is drawn large."),
            ("to", str | None, None, "PNG file to write; by default one in the run's samples folder."),
            *DEVICE,
        ],
    )
    request = check(options.request)
    if options.to is not None and not options.to.lower().endswith(".png"):
        raise InputError(f"to: {options.to} should end in .png.", "to")
    run = _open(path, options.device)
    from genlab.engine.files import make_folder, write_atomically
    from genlab.engine.pipeline import Explains
    from genlab.show.attention_pictures import choose, pictures, table

    assert isinstance(run.recipe, Explains)
    maps = choose(run.recipe.explain(request), options.layer, options.head)
    drawn = pictures(maps)
    chosen = {"layer": options.layer, "head": options.head}
    which = "".join(f"-{what}-{number}" for what, number in chosen.items() if number is not None)
    first = Path(options.to) if options.to else run.path / "samples" / f"attention{which}.png"
    make_folder(first.parent)
    files = []
    for name, data in drawn.items():
        files.append(first.with_stem(f"{first.stem}-{name}" if name else first.stem))
        write_atomically(files[-1], data)
    if options.json:
        shown = {"files": [str(file) for file in files], "maps": [one.as_json() for one in maps]}
        print(json.dumps(shown, ensure_ascii=False))
    else:
        print("\n".join(table(maps)))
        for file in files:
            _say(f"wrote {file}")
    return 0


def evaluate(words: list[str]) -> int:
    """genlab evaluate RUN [--data PATH]"""
    path = _run_argument("evaluate", words)
    if path is None:
        return 0
    about_data = "Measure on this instead of the test split; or where the training data are now."
    options = parse(
        f"genlab evaluate {path}",
        "Measure a run on data that it was not trained on.",
        [],
        words[1:],
        [("data", str | None, None, about_data), *DEVICE],
    )
    result = _open(path, options.device).evaluate(options.data)
    print(json.dumps(result, ensure_ascii=False) if options.json else "\n".join(_lines(result)))
    return 0


def export(words: list[str]) -> int:
    """genlab export RUN --to hf|gguf|onnx PLACE"""
    path = _run_argument("export", words)
    if path is None:
        return 0
    from tyro.conf import Positional

    options = parse(
        f"genlab export {path}",
        "Write a trained text model for other people's tools.",
        [],
        words[1:],
        [
            ("place", Positional[str], "", "Folder (hf) or file (gguf, onnx) to make."),
            ("to", Literal["hf", "gguf", "onnx"], "hf", "hf for transformers, gguf for llama.cpp, onnx for runtimes."),
        ],
    )
    if not options.place:
        raise InputError(f"Say where to: genlab export {path} --to {options.to} PLACE.", "place")
    _open(path, "cpu").export(options.to, options.place)
    print(json.dumps({"place": options.place, "to": options.to}) if options.json else options.place)
    return 0


def import_(words: list[str]) -> int:
    """genlab import FOLDER [--out RUN]"""
    from tyro.conf import Positional

    options = parse(
        "genlab import",
        "Make a run of a language model as transformers saves it: GPT-2's architecture, or Qwen3's.",
        [],
        words,
        [
            ("folder", Positional[str], "", "Folder with config.json, model.safetensors and tokenizer.json."),
            ("out", str | None, None, "Run folder to make; by default runs/text-<folder>-NNN."),
        ],
    )
    if not options.folder:
        raise InputError("Say which folder: genlab import FOLDER.", "folder")
    from genlab.api import import_folder

    made = import_folder(options.folder, options.out).path
    print(json.dumps({"run": str(made)}) if options.json else made)
    _say(f'Next: genlab generate {made} --prompt "...", genlab train text YOUR.txt --from {made}')
    return 0


def push(words: list[str]) -> int:
    """genlab push RUN NAME [--private]"""
    path = _run_argument("push", words)
    if path is None:
        return 0
    from tyro.conf import Positional

    options = parse(
        f"genlab push {path}",
        "Upload a trained text model, with its card, to a Hugging Face repository (log in with `hf auth login`).",
        [],
        words[1:],
        [
            ("name", Positional[str], "", "The repository: OWNER/NAME, or NAME for one of your own."),
            ("private", bool, False, "Make the repository one that only you see, if it is not there yet."),
        ],
    )
    if not options.name:
        raise InputError(f"Say which repository: genlab push {path} OWNER/NAME.", "name")
    url = _open(path, "cpu").push(options.name, options.private)
    print(json.dumps({"url": url}) if options.json else url)
    return 0


def runs(words: list[str]) -> int:
    """genlab runs [--folder FOLDER]"""
    about = "Folder whose run folders are listed."
    options = parse("genlab runs", "List run folders.", [], words, [("folder", str, "runs", about)])
    from genlab.engine.run_folder import list_runs

    found = list_runs(Path(options.folder))
    if options.json:
        print(json.dumps({"runs": found}))
        return 0
    if not found:
        _say(f"There are no runs in {options.folder} yet: genlab train text @bible --minutes 1 makes one.")
    for run in found:
        best = run.get("best") or {}
        measure = next((f"{name} {value:.4g}" for name, value in best.items()), "")
        about = f"{run.get('task', ''):8} {run.get('model', ''):6} {run['state']:12}"
        print(f"{run['run']:36} {about} step {run.get('step', 0):>8,}  {measure}".rstrip())
    return 0


def samples(words: list[str]) -> int:
    """genlab samples [@NAME --to FOLDER]"""
    from genlab.data.shared.sample_sets import SAMPLES

    name, rest = (words[0], words[1:]) if words and words[0].startswith("@") else (None, words)
    about = "Folder to write the sample set to, as a user's own data would look."
    options = parse(
        "genlab samples", "List the embedded sample sets, or write one.", [], rest, [("to", str | None, None, about)]
    )
    if name is not None:
        from genlab.data.shared.sample_sets import write_sample_set

        if options.to is None:
            raise InputError(f"Say where to write {name}: genlab samples {name} --to FOLDER.", "to")
        count = write_sample_set(name, Path(options.to))
        print(json.dumps({"folder": options.to, "files": count}) if options.json else f"{options.to}: {count:,} files")
    elif options.to is not None:
        raise InputError(f"Say which sample set to write: genlab samples @NAME --to {options.to}.", "name")
    elif options.json:
        print(json.dumps({"samples": [{"name": n, "tasks": s.tasks, "about": s.about} for n, s in SAMPLES.items()]}))
    else:
        for name, sample in SAMPLES.items():
            print(f"{name:11} {', '.join(sample.tasks):16} {sample.about}")
    return 0


class Command(NamedTuple):
    """What runs, and its line in the overview."""

    do: Callable[[list[str]], int]
    about: str


COMMANDS = {
    "train": Command(train, "train a model on your data, or on a sample set such as @bible"),
    "generate": Command(generate, "make new content with a trained model"),
    "predict": Command(predict, "tell the labels of new content with a trained classifier"),
    "attention": Command(attention, "show what the attention heads of a trained model look at"),
    "evaluate": Command(evaluate, "measure a trained model on data it has not seen"),
    "export": Command(export, "write a trained text model for transformers, llama.cpp or ONNX runtimes"),
    "import": Command(import_, "make a run of a GPT-2 or Qwen3 folder as transformers saves it"),
    "push": Command(push, "upload a trained text model to a Hugging Face repository"),
    "runs": Command(runs, "list what was trained"),
    "samples": Command(samples, "list the embedded sample sets, or write one to a folder"),
}

MANY = 20
"""Files above which they are not told one by one."""
DEVICE = [("device", str, "auto", "auto, cpu, cuda, cuda:1 or mps.")]


# --- what they share ------------------------------------------------------------------------------


def _overview() -> str:
    lines = "\n".join(f"  {name:9} {command.about}" for name, command in COMMANDS.items())
    return (
        "usage: genlab COMMAND ...\n\n"
        f"Train generative models from scratch on your own data, and make new content with them.\n\n{lines}\n\n"
        "`genlab COMMAND --help` tells more. Every command takes --json.\n"
        "Try: genlab train text @bible --minutes 1"
    )


def _run_argument(command: str, words: list[str]) -> str | None:
    """The run folder among `words`; None if there is only a cry for help."""
    if words and not words[0].startswith("-"):
        return words[0]
    if {"-h", "--help"} & set(words):
        print(f"usage: {COMMANDS[command].do.__doc__}\n\n`genlab {command} RUN --help` lists the options of that run.")
        return None
    raise InputError(f"Say which run: genlab {command} RUN. `genlab runs` lists them.", "run")


def _open(path: str, device: str) -> "Run":
    from genlab.api import load

    return load(path, device)


def _say(message: str) -> None:
    print(message, file=sys.stderr)


def _lines(values: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", *_lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name}: {f'{value:.4f}' if isinstance(value, float) else value}")
    return lines
