"""Translation: quality on real and synthetic pairs, and speed compared with PyTorch's own Transformer, each in one run.

Multi30k (task 1, raw; github.com/multi30k/dataset) is a folder with train.{de,en,fr}.gz and val.{de,en,fr}.gz. Its
validation file is only reported and selects nothing. BLEU is sacrebleu's, tokenizer 13a, all in lower case.

    python benchmarks/translate.py multi30k FOLDER --pairs de-en en-fr --minutes 10 60
    python benchmarks/translate.py reversal --minutes 2       # 10 to 30 letters reversed
    python benchmarks/translate.py numbers --minutes 5        # @numbers-fr
    python benchmarks/translate.py speed FOLDER               # a training step, and 1,000 sentences translated
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

import genlab
from genlab.data.pairs.batches import END_TOKEN, TranslationBatch, tokenise
from genlab.engine.machine import Machine, seed_everything
from genlab.engine.options import Place
from genlab.engine.recipe import Setup, Speed
from genlab.models.transformer import smoothed_loss
from genlab.tasks.translate.options import TransformerOptions, TranslateRequest
from genlab.tasks.translate.transformer import SIZES, TransformerRecipe


def trained(data: str, options: argparse.Namespace, **more: Any) -> dict[str, Any]:
    """A run's evaluation, with the model that was trained and the seconds it took."""
    with tempfile.TemporaryDirectory() as folder:
        budget = {"steps": options.steps} if options.steps else {"minutes": options.minutes_now}
        run = genlab.train(
            "translate", data, options.model, out=f"{folder}/run", quiet=not options.loud, seed=options.seed,
            **budget, **more,
        )  # fmt: skip
        about, config = run.about, run.folder.config()["config"]
        parameters = sum(weight.numel() for weight in run.pipeline.network.parameters())
        start = time.perf_counter()
        found = run.evaluate()
        found["seconds"], found["steps"] = about["seconds"], about["step"]
        found["evaluation_seconds"] = time.perf_counter() - start
        found["what"] = f"{options.model}, {config['size']}, {parameters / 1e6:.2f} M, batch {config['batch']}"
        return found


def row(name: str, found: dict[str, Any]) -> None:
    copied = found["copying_the_source"]
    print(
        f"| {name} | {found['what']} | {found['seconds']:.0f} | {found['steps']:,} | {found['bleu']:.1f} | "
        f"{found['chrf']:.1f} | {100 * found['exact']:.2f} % | {copied['bleu']:.1f} / {copied['chrf']:.1f} |",
        flush=True,
    )


def table() -> None:
    print("| data | model | seconds | steps | BLEU | chrF | exact | the source unchanged, BLEU / chrF |")
    print("|---|---|---|---|---|---|---|---|", flush=True)


def multi30k(options: argparse.Namespace) -> None:
    table()
    for pair in options.pairs:
        source, target = pair.split("-")
        train, val = (
            ",".join(str(options.data / f"{part}.{side}.gz") for side in (source, target)) for part in ("train", "val")
        )
        for minutes in options.minutes:
            options.minutes_now = minutes
            # The last weights are kept: only the validation file could select others, and that is reported.
            found = trained(train, options, validation="0", test=val, lower=True)
            row(f"multi30k {pair}, {minutes:g} min", found)


def reversal(options: argparse.Namespace) -> None:
    chance = random.Random(0)
    texts = {"".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(10, 30))) for _ in range(102_000)}
    lines = [f"{text}\t{text[::-1]}\n" for text in sorted(texts)]
    chance.shuffle(lines)
    table()
    with tempfile.TemporaryDirectory() as folder:
        train, test = Path(folder, "train.tsv"), Path(folder, "test.tsv")
        train.write_text("".join(lines[2000:]))
        test.write_text("".join(lines[:2000]))
        for minutes in options.minutes:
            options.minutes_now = minutes
            found = trained(str(train), options, validation="0.01", test=str(test), tokenizer="char")
            row(f"reversal, {minutes:g} min", found)


def numbers(options: argparse.Namespace) -> None:
    table()
    for minutes in options.minutes:
        options.minutes_now = minutes
        found = trained(options.data, options, validation="0.01", test="0.05")
        row(f"{options.data}, {minutes:g} min", found)


# --- speed ----------------------------------------------------------------------------------------


class Peer(nn.Module):
    """The same shape built from torch's own layers: nn.Transformer with pre-norm, tied embeddings, sinusoids."""

    def __init__(self, vocabulary: int, size: str, dropout: float, longest: int = 512) -> None:
        super().__init__()
        depth, width, heads, feed_forward = SIZES[size]
        self.width = width
        self.embedding = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.dropout = nn.Dropout(dropout)
        self.body = nn.Transformer(
            width, heads, depth, depth, feed_forward, dropout, batch_first=True, norm_first=True
        )  # fmt: skip
        place = torch.arange(longest)[:, None] * 10_000 ** (-torch.arange(0, width, 2) / width)
        self.register_buffer("places", torch.cat((place.sin(), place.cos()), 1))

    def embed(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.dropout(self.embedding(tokens) * self.width**0.5 + self.places[: tokens.shape[1]])

    def forward(
        self, source: torch.Tensor, target: torch.Tensor, source_pads: torch.Tensor | None, target_pads: torch.Tensor
    ) -> torch.Tensor:
        hidden = nn.Transformer.generate_square_subsequent_mask(target.shape[1], device=target.device).isinf()
        x = self.body(
            self.embed(source), self.embed(target), tgt_mask=hidden, src_key_padding_mask=source_pads,
            tgt_key_padding_mask=target_pads, memory_key_padding_mask=source_pads, tgt_is_causal=True,
        )  # fmt: skip
        return F.linear(x, self.embedding.weight)


def pads(lengths: torch.Tensor, longest: int) -> torch.Tensor:
    return torch.arange(longest)[None] >= lengths[:, None]


def peer_step(peer: Peer, optimizer: torch.optim.Optimizer, batch: TranslationBatch, smoothing: float) -> None:
    """One update in the usual form: logits at all positions, padding ignored by the loss."""
    source, source_mask, inputs, index, targets = batch
    wanted = torch.full((inputs.numel(),), -100)
    wanted[slice(None) if index is None else index] = targets
    wanted = wanted.view(inputs.shape)
    logits = peer(source, inputs, None if source_mask is None else ~source_mask, wanted == -100)
    loss = F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), label_smoothing=smoothing)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


@torch.inference_mode()
def peer_greedy(peer: Peer, source: torch.Tensor, lengths: torch.Tensor, limit: int) -> torch.Tensor:
    """Greedy decoding without a cache: the source is encoded once, every step processes the whole target again."""
    away = pads(lengths, source.shape[1])
    encoded = peer.body.encoder(peer.embed(source), src_key_padding_mask=away)
    written = torch.full((len(source), 1), END_TOKEN)
    done = torch.zeros(len(source), dtype=torch.bool)
    while written.shape[1] <= limit and not done.all():
        hidden = nn.Transformer.generate_square_subsequent_mask(written.shape[1]).isinf()
        x = peer.body.decoder(peer.embed(written), encoded, tgt_mask=hidden, memory_key_padding_mask=away)
        token = F.linear(x[:, -1], peer.embedding.weight).argmax(-1).masked_fill(done, END_TOKEN)
        written = torch.cat((written, token[:, None]), 1)
        done |= token == END_TOKEN
    return written[:, 1:]


def carry(peer: Peer, recipe: TransformerRecipe) -> None:
    """Copies the peer's weights into ours, so that both generate the same."""
    ours = recipe.pipeline.network
    peer.embedding.weight.data.copy_(ours.source_embedding.weight.data)
    peer.body.encoder.norm.load_state_dict(ours.encoder_norm.state_dict())
    peer.body.decoder.norm.load_state_dict(ours.decoder_norm.state_dict())
    layers = [*zip(ours.encoder, peer.body.encoder.layers, strict=True)]
    layers += [*zip(ours.decoder, peer.body.decoder.layers, strict=True)]
    for mine, theirs in layers:
        looks = [(mine.attention, theirs.self_attn)]
        norms = [mine.attention_norm, mine.feed_forward_norm]
        if hasattr(theirs, "multihead_attn"):
            looks.append((mine.cross_attention, theirs.multihead_attn))
            norms.insert(1, mine.cross_norm)
        for look, other in looks:
            parts = (look.query, look.key, look.value)
            other.in_proj_weight.data.copy_(torch.cat([part.weight.data for part in parts]))
            other.in_proj_bias.data.copy_(torch.cat([part.bias.data for part in parts]))
            other.out_proj.load_state_dict(look.out.state_dict())
        for number, norm in enumerate(norms, 1):
            getattr(theirs, f"norm{number}").load_state_dict(norm.state_dict())
        theirs.linear1.load_state_dict(mine.feed_forward[0].state_dict())
        theirs.linear2.load_state_dict(mine.feed_forward[3].state_dict())


def seconds(task: Callable[[], Any]) -> float:
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def speed(options: argparse.Namespace) -> None:
    train, val = (f"{options.data}/{part}.de.gz,{options.data}/{part}.en.gz" for part in ("train", "val"))
    given = TransformerOptions(size=options.size, lower=True, batch=options.batch)
    data, _ = TransformerRecipe.read(given, Place(train, "0", val), None)
    config = TransformerRecipe.resolve(given, data, Speed(None, None, 1), None)
    seed_everything(0)
    recipe = TransformerRecipe(Setup(config, data, Machine("cpu")))
    assert config.dropout is not None
    peer = Peer(data.source.size, config.size, config.dropout)
    adamw = torch.optim.AdamW(peer.parameters(), lr=1e-3, fused=True)
    assert data.pairs.test is not None
    batches = [recipe.batch(step) for step in range(options.rounds)]
    for batch in batches[:3]:  # warm up
        recipe.step(batch, 0.0)
        peer_step(peer, adamw, batch, config.label_smoothing)
    ours, theirs, bare = [], [], []
    for batch in batches:  # alternating: other work on the machine affects both equally
        ours.append(seconds(lambda batch=batch: recipe.step(batch, 0.0)))
        theirs.append(seconds(lambda batch=batch: peer_step(peer, adamw, batch, config.label_smoothing)))
        bare.append(seconds(lambda batch=batch: backward(recipe, batch)))
    sources = (batch.source.numel() if batch.source_mask is None else int(batch.source_mask.sum()) for batch in batches)
    tokens = statistics.mean(read + len(batch.targets) for read, batch in zip(sources, batches, strict=True))
    print("| a training step | ms | tokens per second | |\n|---|---|---|---|")
    for name, times in (("genlab", ours), ("genlab without the optimisers", bare), ("nn.Transformer, AdamW", theirs)):
        middle = statistics.median(times)
        factor = statistics.median(theirs) / middle
        print(f"| {name} | {1000 * middle:.0f} | {tokens / middle:,.0f} | {factor:.2f}x |", flush=True)

    # Some steps, so that sentences end; then the same weights in both.
    for step in range(options.learn):
        for group in recipe.groups():
            group.setdefault("peak", group["lr"])
            group["lr"] = group["peak"] * (1 - step / options.learn)
        recipe.step(recipe.batch(step), step / options.learn)
    carry(peer, recipe)
    peer.eval()
    sources = data.pairs.test.sources[: options.sentences]
    source = tokenise(data.pairs.test, data.source, data.target).source
    order = sorted(range(len(sources)), key=lambda index: -source.lengths[index])
    request = TranslateRequest(beam=1)
    found: list[list[int]] = []
    mine = seconds(lambda: found.extend(best.tokens for (best,) in recipe.pipeline.search(sources, request)))

    def all_theirs() -> None:
        for start in range(0, len(order), options.rows):
            rows, lengths = source.padded(torch.tensor(order[start : start + options.rows]).numpy())
            written = peer_greedy(peer, rows, lengths, data.lengths.longest_target)
            for index, text in zip(order[start:], written.tolist(), strict=False):
                same.append(found[index] == text[: len(found[index])])

    same: list[bool] = []
    other = seconds(all_theirs)
    print(f"\n| {len(sources):,} sentences, greedy | seconds | |\n|---|---|---|")
    print(f"| genlab | {mine:.2f} | {other / mine:.1f}x |\n| nn.Transformer without a cache | {other:.2f} | |")
    print(f"\n{sum(same):,} of {len(same):,} translations are the same to the token.")


def backward(recipe: TransformerRecipe, batch: TranslationBatch) -> None:
    """One of our steps up to the gradients."""
    loss = smoothed_loss(recipe.pipeline.target_logits(batch), batch.targets, recipe.options.label_smoothing)
    recipe.network.zero_grad(set_to_none=True)
    loss.backward()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, do, minutes in (("multi30k", multi30k, 10.0), ("reversal", reversal, 2.0), ("numbers", numbers, 5.0)):
        command = commands.add_parser(name)
        command.set_defaults(do=do)
        if name == "multi30k":
            command.add_argument("data", type=Path)
            command.add_argument("--pairs", nargs="*", default=["de-en", "en-fr"])
        if name == "numbers":
            command.add_argument("data", nargs="?", default="@numbers-fr")
        command.add_argument("--minutes", type=float, nargs="*", default=[minutes])
        command.add_argument("--steps", type=int, help="instead of minutes, to try out the script")
        command.add_argument("--model", default="transformer")
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--loud", action="store_true")
    command = commands.add_parser("speed")
    command.set_defaults(do=speed)
    command.add_argument("data", type=Path)
    command.add_argument("--size", default="small")
    command.add_argument("--batch", type=int, default=4096)
    command.add_argument("--rounds", type=int, default=20)
    command.add_argument("--learn", type=int, default=150)
    command.add_argument("--sentences", type=int, default=1000)
    command.add_argument("--rows", type=int, default=128, help="number of sentences that the peer decodes at a time")
    options = parser.parse_args()
    options.do(options)


if __name__ == "__main__":
    main()
