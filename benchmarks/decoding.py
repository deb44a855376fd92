"""Generating text with a GPT of GPT-2's shape, compared with transformers and with the limit set by memory, in one run.

    python benchmarks/decoding.py                  # 12 layers of width 768, 50,257 tokens: 124 M
    python benchmarks/decoding.py --model qwen3    # the peer is a Qwen3 of exactly our GPT's shape; default: GPT-2

Weights are random, because speed does not depend on them. Each implementation generates `--tokens` greedily after a
prompt of 16 tokens, for one text and for 16; they alternate, and medians are reported. The bound is the bytes of
weights that a token reads, divided by the speed of summing 1 GiB, which is measured in every round. Each
implementation has its own process, whose peak memory is reported. Packed ones hold their weights twice: as trained and
packed.

    python benchmarks/decoding.py --loss RUN       # the cost of rounding on a run's test split, all layers packed
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import Any, Literal

import torch
from torch import nn

import genlab
from genlab.data.text.corpus import read_corpus
from genlab.engine.machine import keep_freed_memory
from genlab.layers import packed
from genlab.layers.packed import Weights, pack
from genlab.models.gpt import GPT, GPTShape
from genlab.tasks.text.evaluate import split_loss
from genlab.tasks.text.pipeline import TextNetwork, TextPipeline

PROMPT = 16
BATCH = 16
LONG = 1024
"""Tokens of the long prompt."""
WAYS = ("transformers", "plain", "32", "16", "int8")


def shape_of(options: argparse.Namespace) -> GPTShape:
    width, heads = options.width, options.width // 64
    return GPTShape(options.vocabulary, LONG + 256, options.depth, width, heads, heads, width * 8 // 3, tied=True)


def ours(options: argparse.Namespace, weights: Weights | Literal["plain"]) -> GPT:
    torch.manual_seed(0)
    network = GPT(shape_of(options)).eval()
    for weight in network.parameters():
        if weight.ndim == 2:
            nn.init.normal_(weight, std=0.02)
    return network if weights == "plain" else pack(network, weights)


def peer(options: argparse.Namespace) -> nn.Module:
    """transformers' model of that shape, as `from_config` makes it."""
    import transformers

    shape = shape_of(options)
    if options.model == "gpt2":
        config: Any = transformers.GPT2Config(
            vocab_size=shape.vocabulary, n_positions=shape.context, n_embd=shape.width, n_layer=shape.depth,
            n_head=shape.heads,
        )  # fmt: skip
    else:
        config = transformers.Qwen3Config(
            vocab_size=shape.vocabulary, hidden_size=shape.width, intermediate_size=shape.feed_forward,
            num_hidden_layers=shape.depth, num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads,
            head_dim=shape.width // shape.heads, max_position_embeddings=shape.context, tie_word_embeddings=True,
        )  # fmt: skip
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def weight_bytes(network: nn.Module) -> int:
    """Bytes, in 32 bits, of the matrices that a token is multiplied by: a tied head counts, an embedding does not."""
    return sum(4 * layer.weight.numel() for layer in network.modules() if isinstance(layer, nn.Linear))


@torch.inference_mode()
def write_greedily(network: GPT, prompt: torch.Tensor, tokens: int) -> torch.Tensor:
    """What `genlab generate --greedy` does, without a tokenizer."""
    cache, fed, written = network.new_cache(prompt.shape[1] + tokens), prompt, []
    for _ in range(tokens):
        fed = network(fed, cache, last=True)[:, -1].argmax(-1)[:, None]
        written.append(fed)
    return torch.cat(written, 1)


def peer_writes(network: Any, prompt: torch.Tensor, tokens: int) -> torch.Tensor:
    attention = torch.ones_like(prompt)
    return network.generate(
        prompt, attention_mask=attention, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False, pad_token_id=0
    )[:, prompt.shape[1] :]


def bandwidth(gibibyte: torch.Tensor) -> float:
    """Read bandwidth in bytes per second: the best of three sums."""
    found = []
    for _ in range(3):
        start = time.perf_counter()
        gibibyte.sum()
        found.append(time.perf_counter() - start)
    return gibibyte.nbytes / min(found)


# --- one implementation, in its own process ---------------------------------------------------------------


def serve(options: argparse.Namespace) -> None:
    """Answers each line of standard input, (rows, prompt, tokens), with the seconds and the peak memory so far."""
    keep_freed_memory()
    torch.set_num_threads(options.threads)
    theirs, start = options.way == "transformers", time.perf_counter()
    network = peer(options) if theirs else ours(options, options.way)
    run = peer_writes if theirs else write_greedily
    print(json.dumps({"built": time.perf_counter() - start}), flush=True)
    for line in sys.stdin:
        rows, length, tokens = json.loads(line)
        prompt = torch.randint(options.vocabulary, (rows, length), generator=torch.Generator().manual_seed(1))
        start = time.perf_counter()
        run(network, prompt, tokens)
        took = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": took, "peak": peak}), flush=True)


class Way:
    """One implementation, in another process of this script."""

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        words = [f"--{key}={getattr(options, key)}" for key in ("model", "depth", "width", "vocabulary", "threads")]
        # How long waiting threads spin is genlab's choice, not the peer's.
        environment = dict(os.environ)
        if name == "transformers":
            environment.pop("GOMP_SPINCOUNT", None)
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--way", name, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment,
        )  # fmt: skip
        self._answer()
        self.peak = 0.0

    def _answer(self) -> dict[str, float]:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def seconds(self, rows: int, prompt: int, tokens: int) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps((rows, prompt, tokens)) + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        self.peak = answer["peak"]
        return answer["seconds"]

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def losses(path: str) -> None:
    """Nats per token on a text run's test split, with every layer packed, even small ones."""
    packed.MIN_WEIGHTS = 1
    run = genlab.load(path, "cpu")
    pipeline: Any = run.pipeline
    data = run.about["data"]
    test = read_corpus(data["path"], data["validation"], data["test"], tokenizer=pipeline.tokenizer).test
    assert test is not None
    print("| weights | loss (nats per token) |\n|---|---|")
    for weights in ("plain", "32", "16", "int8"):
        network = pipeline.network if weights == "plain" else pack(pipeline.network, weights)
        built = TextNetwork(run.model, pipeline.shape, network)
        packed_pipeline = TextPipeline(pipeline.options, built, pipeline.tokenizer, 1, pipeline.machine)
        with packed_pipeline.evaluating():
            print(f"| {weights} | {split_loss(packed_pipeline, test):.6f} |")


# --- the table ----------------------------------------------------------------------------------------


def compare(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    with torch.device("meta"):
        size = weight_bytes(GPT(shape_of(options)))
    print(f"{size / 1e6:,.0f} MB of weights per token, {options.threads} threads, peer {options.model}")
    jobs = {"one": (1, PROMPT, options.tokens), "batch": (BATCH, PROMPT, options.tokens), "prompt": (1, LONG, 1)}
    took: dict[tuple[str, str], float] = {}
    peaks: dict[tuple[str, str], float] = {}
    ways = {name: Way(name, options) for name in WAYS}
    gibibyte = torch.ones(1 << 28)  # after them: a process starts with its parent's peak memory
    speeds = []
    for job, numbers in jobs.items():
        for way in ways.values():
            way.seconds(numbers[0], numbers[1], 1)  # warms up
        found = []
        for _ in range(options.repetitions):
            speeds.append(bandwidth(gibibyte))
            found.append([way.seconds(*numbers) for way in ways.values()])
        for name, times in zip(ways, zip(*found, strict=True), strict=True):
            took[name, job], peaks[name, job] = statistics.median(times), ways[name].peak
    for way in ways.values():
        way.end()
    speed = statistics.median(speeds)
    print(f"reading: {speed / 1e9:.1f} GB/s ({min(speeds) / 1e9:.1f} to {max(speeds) / 1e9:.1f})\n")
    print("| way | tokens/s | relative to transformers | of the bound | peak (MB) | batch of 16: tokens/s | of one "
          "| peak (MB) | 1,024 tokens read (s) | peak (MB) |\n|---|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    for name in WAYS:
        one = options.tokens / took[name, "one"]
        batch = BATCH * options.tokens / took[name, "batch"]
        read = size / {"16": 2, "int8": 4}.get(name, 1)
        print(
            f"| {name} | {one:.1f} | {took['transformers', 'one'] / took[name, 'one']:.2f}x | {one * read / speed:.2f} "
            f"| {peaks[name, 'one']:,.0f} | {batch:.0f} | {batch / one:.1f}x | {peaks[name, 'batch']:,.0f} "
            f"| {took[name, 'prompt']:.2f} | {peaks[name, 'prompt']:,.0f} |"
        )
    gain = {name: took["32", "one"] / took[name, "one"] for name in ("16", "int8")}
    print(f"\n16 bits are {gain['16']:.2f}x, int8 {gain['int8']:.2f}x as fast as 32 bits")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("gpt2", "qwen3"), default="gpt2")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--depth", type=int, default=12)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--vocabulary", type=int, default=50_257)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--loss", metavar="RUN")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loss:
        losses(options.loss)
    else:
        serve(options) if options.way else compare(options)


if __name__ == "__main__":
    main()
