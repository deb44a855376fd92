"""Characters of tiny Shakespeare: genlab compared with nanoGPT's laptop configuration, in one run.

The text is data/tinyshakespeare in github.com/karpathy/char-rnn (1,115,394 characters). The first 90 %
are for training, the last 10 % for the test, in full; nothing is for validation.

    python benchmarks/text.py tinyshakespeare.txt                      # 20 s and 2 minutes, with the peer
    python benchmarks/text.py tinyshakespeare.txt --minutes 30 --precision bf16 --no-peer
"""

import argparse
import math
import tempfile
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import genlab


class Peer(nn.Module):
    """nanoGPT's laptop configuration, built from torch's own layers."""

    def __init__(self, vocabulary: int, context: int = 64, width: int = 128, depth: int = 4, heads: int = 4) -> None:
        super().__init__()
        self.token, self.place = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True, bias=False
        )
        self.blocks = nn.TransformerEncoder(layer, depth, nn.LayerNorm(width, bias=False), enable_nested_tensor=False)
        self.head = nn.Linear(width, vocabulary, bias=False)
        for weight in self.parameters():
            if weight.ndim == 2:
                nn.init.normal_(weight, std=0.02)
        self.head.weight = self.token.weight
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(context))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        time_ = tokens.shape[1]
        x = self.token(tokens) + self.place(torch.arange(time_))
        return self.head(self.blocks(x, mask=self.mask[:time_, :time_], is_causal=True))


def train_peer(path: Path, steps: int = 2000, batch: int = 12, context: int = 64) -> tuple[float, float]:
    """Test loss and seconds of training, with the published settings."""
    text = path.read_text()
    numbers = {character: number for number, character in enumerate(sorted(set(text)))}
    tokens = torch.tensor([numbers[character] for character in text])
    train, test = tokens[: int(0.9 * len(tokens))], tokens[int(0.9 * len(tokens)) :]
    torch.manual_seed(0)
    network = Peer(len(numbers))
    groups = [
        {"params": [w for w in network.parameters() if w.ndim >= 2], "weight_decay": 0.1},
        {"params": [w for w in network.parameters() if w.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=True)
    start = time.perf_counter()
    for step in range(steps):
        rate = 1e-4 + 0.5 * (1 + math.cos(math.pi * (step - 100) / (steps - 100))) * 9e-4
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (step + 1) / 101 if step < 100 else rate
        places = torch.randint(len(train) - context, (batch,))
        windows = torch.stack([train[place : place + context + 1] for place in places])
        loss = F.cross_entropy(network(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    seconds = time.perf_counter() - start
    network.eval()
    with torch.no_grad():
        whole = (len(test) - 1) // context * context
        inputs, targets = test[:whole].view(-1, context), test[1 : whole + 1].view(-1, context)
        losses = [
            F.cross_entropy(network(inputs[i : i + 64]).flatten(0, 1), targets[i : i + 64].flatten(), reduction="sum")
            for i in range(0, len(inputs), 64)
        ]
    return sum(losses).item() / whole, seconds


def train_ours(path: Path, minutes: float, seed: int, **options) -> tuple[float, float, str]:
    """Test loss, seconds of training, and what was trained."""
    with tempfile.TemporaryDirectory() as folder:
        run = genlab.train(
            "text", path, minutes=minutes, seed=seed, out=f"{folder}/run", quiet=True,
            tokenizer="char", validation="0", test="0.1", **options,
        )  # fmt: skip
        about, config = run.about, run.folder.config()
        parameters = sum(weight.numel() for weight in run.pipeline.network.parameters())
        what = f"{config['config']['size']}, context {config['config']['context']}, {parameters / 1e6:.2f} M"
        return about["test"]["loss"], about["seconds"], what


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, nargs="*", default=[1 / 3, 2], help="1/3 takes laptop, context 64")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--no-peer", action="store_true")
    options = parser.parse_args()
    print("| model | seconds | test loss (nats per character) |\n|---|---|---|", flush=True)
    for minutes in options.minutes:
        for seed in range(options.seeds):
            fixed = {"size": "laptop", "context": 64} if minutes < 0.5 else {}
            loss, seconds, what = train_ours(options.data, minutes, seed, precision=options.precision, **fixed)
            print(f"| genlab gpt, {what}, seed {seed} | {seconds:.1f} | {loss:.4f} |", flush=True)
    if not options.no_peer:
        loss, seconds = train_peer(options.data)
        print(f"| nanoGPT's laptop configuration in torch layers, 0.80 M | {seconds:.1f} | {loss:.4f} |", flush=True)


if __name__ == "__main__":
    main()
