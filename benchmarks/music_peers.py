"""Other models on the JSB chorales in nats per cell, for the same minutes as `benchmarks/music.py`.

    python benchmarks/music_peers.py Jsb16thSeparated.json --minutes 10 --models lstm
    python benchmarks/music_peers.py Jsb16thSeparated.json --minutes 10 --models gpt2 --peer DIR

`lstm` is our recurrent baseline, with its default options. `gpt2` is GPT-2 of the transformers library, of about as
many weights as our default model, on REMI tokens of miditok, a program per voice; both libraries are looked for in DIR:

    pip install --no-deps --target DIR miditok==3.1.0 symusic==0.5.9

with transformers installed beside torch. Both read notes as tokens. The nats of all tokens of a piece, bars, positions
and ends included, divided by its cells are an upper bound of its nats per cell, since a grid of voices has one sequence
of tokens. The definition of a cell is that of `benchmarks/music.py`. Of GPT-2's weights, those with the best validation
are kept, of `CHECKS` during training; AdamW's rate falls to zero, and training transposes as ours does.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import genlab
from genlab.data.notes.midi_writing import write_midi
from genlab.data.notes.piece_set import read_pieces
from genlab.data.notes.voices import STEPS, VoiceGrid, from_grid
from genlab.tasks.music.grids import grids_of
from genlab.tasks.music.token_recipe import nats_per_note
from genlab.tasks.music.tokens import tokens_of

CONTEXT, BATCH = 512, 16
"""Tokens per window, and windows per update, of GPT-2."""
WIDTH, DEPTH = 192, 6
RATE, DROPOUT, DECAY = 1e-3, 0.2, 0.1
"""Of AdamW; 5 % of the time warms up."""
CHECKS = 20
"""Validations of GPT-2 in the time budget."""
LOWEST_SHIFT, HIGHEST_SHIFT = -5, 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="Jsb16thSeparated.json")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--models", nargs="*", choices=["lstm", "gpt2"], default=["lstm"])
    parser.add_argument("--peer", type=Path, help="folder of miditok and symusic, for gpt2")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    pieces = read_pieces(options.data, "0.05", "0.1")  # the file names its splits
    splits = {name: grids_of(some, pieces.name)[0] for name, some in pieces.splits().items()}
    for model in options.models:
        found = lstm(options, splits) if model == "lstm" else gpt2(options, splits)
        print(json.dumps({"model": model, **found}), flush=True)


def cells(grids: Sequence[VoiceGrid]) -> int:
    return sum(grid.pitches.size for grid in grids)


def lstm(options: argparse.Namespace, splits: dict[str, list[VoiceGrid]]) -> dict[str, Any]:
    """Trains our LSTM."""
    with tempfile.TemporaryDirectory() as folder:
        run = genlab.train(
            "music", options.data, "lstm", out=f"{folder}/run", minutes=options.minutes, seed=options.seed, quiet=True
        )
        pieces = read_pieces(options.data, "0.05", "0.1").splits()
        found = {}
        for short, split in (("valid", "validation"), ("test", "test")):
            tokens, _ = tokens_of(pieces[split], run.pipeline.facts)
            nats = nats_per_note(run.pipeline, tokens)["nats_per_note"] * sum(piece.notes for piece in tokens)
            found[short] = nats / cells(splits[split])
        weights = sum(weight.numel() for weight in run.pipeline.network.parameters())
        return {"weights": weights, "seconds": run.about["seconds"], "steps": run.about["step"], **found}


# --- GPT-2 ----------------------------------------------------------------------------------------


def gpt2(options: argparse.Namespace, splits: dict[str, list[VoiceGrid]]) -> dict[str, Any]:
    """Trains GPT-2 on REMI tokens."""
    if options.peer is None or not (options.peer / "miditok").is_dir():
        raise SystemExit("gpt2: name the folder of miditok with --peer, installed as the top of this file says.")
    sys.path.insert(0, str(options.peer))
    import miditok
    from transformers import GPT2Config, GPT2LMHeadModel

    longest = max(len(grid.pitches) for some in splits.values() for grid in some) // STEPS + 1
    config = miditok.TokenizerConfig(
        beat_res={(0, longest): STEPS}, num_velocities=1, use_programs=True, use_velocities=False, use_rests=False,
        programs=[0, 1, 2, 3], remove_duplicated_notes=False,
    )  # fmt: skip
    tokenizer = miditok.REMI(config)
    tokens = {name: [encoded(tokenizer, grid) for grid in some] for name, some in splits.items()}
    pitch = np.full(len(tokenizer), -1)
    for word, index in tokenizer.vocab.items():
        if word.startswith("Pitch_"):
            pitch[index] = int(word.removeprefix("Pitch_"))
    torch.manual_seed(options.seed)
    random = np.random.default_rng(options.seed)
    network = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer), n_positions=CONTEXT, n_embd=WIDTH, n_layer=DEPTH, n_head=WIDTH // 32,
            resid_pdrop=DROPOUT, embd_pdrop=DROPOUT, attn_pdrop=DROPOUT, bos_token_id=None, eos_token_id=None,
        )
    )  # fmt: skip
    adam = torch.optim.AdamW(network.parameters(), RATE, betas=(0.9, 0.95), weight_decay=DECAY)
    limit, chances = 60 * options.minutes, np.array([len(one) for one in tokens["train"]], float)
    chances /= chances.sum()
    spans = shifts(splits["train"])
    start, steps, best, checked = time.perf_counter(), 0, (np.inf, {}), 0
    while (share := (time.perf_counter() - start) / limit) < 1:
        rows = [window(tokens["train"], spans, pitch, chances, random) for _ in range(BATCH)]
        batch = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-100)
        for group in adam.param_groups:
            group["lr"] = RATE * min(1, 20 * share + 1e-3) * (1 - share)
        network.train()
        loss = total_nats(network, batch) / (batch[:, 1:] >= 0).sum()
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        adam.step()
        steps += 1
        if int(share * CHECKS) > checked:
            checked = int(share * CHECKS)
            nats = nats_of(network, tokens["validation"]) / cells(splits["validation"])
            print(f"gpt2: {share:.0%}, training {loss.item():.3f} a token, validation {nats:.4f} a cell", flush=True)
            if nats < best[0]:
                best = nats, {name: weight.clone() for name, weight in network.state_dict().items()}
    spent = time.perf_counter() - start
    nats = nats_of(network, tokens["validation"]) / cells(splits["validation"])
    if nats < best[0]:
        best = nats, network.state_dict()
    network.load_state_dict(best[1])
    weights = sum(weight.numel() for weight in network.parameters())
    test = nats_of(network, tokens["test"]) / cells(splits["test"])
    return {"weights": weights, "seconds": spent, "steps": steps, "valid": best[0], "test": test}


def encoded(tokenizer: Any, grid: VoiceGrid) -> Tensor:
    """The tokens of a piece, between tokens for its beginning and its end; checks that they hold all of it."""
    from symusic import Score

    score = from_grid(replace(grid, programs=(0, 1, 2, 3)))
    ids = tokenizer(Score.from_midi(write_midi(score))).ids
    decoded = tokenizer.decode(ids)
    back = sorted(
        (track.program, note.time, note.duration, note.pitch) for track in decoded.tracks for note in track.notes
    )
    scale = decoded.ticks_per_quarter / score.ticks
    real = sorted(
        (number, int(note.start * scale), int(note.length * scale), note.pitch)
        for number, track in enumerate(score.tracks)
        for note in track.notes
    )
    assert back == real, "the tokens do not hold the piece"
    return torch.tensor([tokenizer["BOS_None"], *ids, tokenizer["EOS_None"]])


def shifts(grids: Sequence[VoiceGrid]) -> list[tuple[int, int]]:
    """Semitones by which each piece may be transposed, so that it stays within the range of the corpus."""
    ends = [(grid.pitches[grid.pitches > 0].min(), grid.pitches.max()) for grid in grids]
    low, high = min(one for one, _ in ends), max(one for _, one in ends)
    return [(max(LOWEST_SHIFT, low - one), min(HIGHEST_SHIFT, high - two)) for one, two in ends]


def window(
    pieces: Sequence[Tensor], spans: Sequence[tuple[int, int]], pitch: np.ndarray, chances: np.ndarray,
    random: np.random.Generator,
) -> Tensor:  # fmt: skip
    """A part of a piece, transposed."""
    pick = int(random.choice(len(pieces), p=chances))
    shift = int(random.integers(spans[pick][0], spans[pick][1] + 1))
    first = int(random.integers(0, max(1, len(pieces[pick]) - CONTEXT)))
    ids = pieces[pick][first : first + CONTEXT].clone()
    ids[torch.from_numpy(pitch)[ids] >= 0] += shift  # pitches follow one another
    return ids


def total_nats(network: Any, batch: Tensor, skip: int = 0) -> Tensor:
    """The nats of all tokens of a batch but the first, and but the targets before `skip`; -100 is padding."""
    logits = network(batch.clamp(min=0)).logits[:, skip:-1]
    return F.cross_entropy(logits.flatten(0, 1), batch[:, skip + 1 :].flatten(), reduction="sum", ignore_index=-100)


@torch.no_grad()
def nats_of(network: Any, pieces: Sequence[Tensor]) -> float:
    """The nats of whole pieces, read in windows of which each after the first overlaps half of the one before."""
    network.eval()
    total = 0.0
    for piece in pieces:
        total += total_nats(network, piece[None, :CONTEXT]).item()
        for first in range(CONTEXT // 2, len(piece) - CONTEXT // 2, CONTEXT // 2):
            total += total_nats(network, piece[None, first : first + CONTEXT], CONTEXT // 2 - 1).item()
    return total


if __name__ == "__main__":
    main()
