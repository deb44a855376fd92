"""A trained translator: vocabularies and an encoder-decoder, decoded by beam search or sampling."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.data.pairs.batches import END_TOKEN, Ragged, TranslationBatch, Vocabulary, padding_mask
from genlab.data.pairs.lines import Lines, lines_of
from genlab.data.shared.tokenizers import load_tokenizer, token_label
from genlab.engine.files import write_atomically
from genlab.engine.machine import Machine
from genlab.engine.pipeline import AttentionMap, Pipeline, Saved
from genlab.engine.samples import Kind, Sample
from genlab.errors import InputError
from genlab.layers.attention import watch
from genlab.layers.beam import Hypothesis, beam_search, draw_sequences
from genlab.layers.sampling import shape_logits
from genlab.models.transformer import Transformer
from genlab.tasks.shared.attention_maps import attention_map
from genlab.tasks.translate.options import TranslateAttentionRequest, TranslateRequest

ROOM = 1 << 15
"""Largest number of tokens, over all hypotheses, to decode in parallel."""


class Lengths(NamedTuple):
    """Lengths of the training pairs in tokens, end tokens included, which limit inputs and outputs."""

    longest_source: int
    longest_target: int
    stretch: float
    """Largest ratio of target to source length, after an allowance of 10 tokens."""


class TranslatePipeline(Pipeline):
    """Translates lines of text.

    Its network has `network(source, inputs, source_mask, target_index) -> logits` for training, and for decoding
    `network.start(source, mask, capacity) -> memory` and `network.next(tokens, memory) -> logits`, with
    `memory.keep(rows)`: see `models/transformer.py`.
    """

    def __init__(
        self,
        options: Any,
        machine: Machine,
        networks: dict[str, nn.Module],
        source: Vocabulary,
        target: Vocabulary,
        lengths: Lengths,
    ) -> None:
        self.options, self.machine = options, machine
        self.networks = {name: network.to(machine.device) for name, network in networks.items()}
        self.network: Any
        (self.network,) = self.networks.values()
        self.source, self.target = source, target
        """Source and target vocabulary, one object if the option `joint` is set."""
        self.lengths = lengths

    def save(self, folder: Path) -> None:
        for name, vocabulary in zip(_files(self.options.joint), (self.source, self.target), strict=False):
            write_atomically(folder / name, vocabulary.tokenizer.to_str(pretty=True).encode())

    @classmethod
    def load(cls, saved: Saved) -> "TranslatePipeline":
        found = [Vocabulary(load_tokenizer(saved.path / name)) for name in _files(saved.options.joint)]
        source, target = found[0], found[-1]
        counts = saved.about["data"]["counts"]["train"]
        lengths = Lengths(*(counts[name] for name in Lengths._fields))
        networks = saved.build(saved.options, source.size, target.size, saved.networks)
        return cls(saved.options, saved.machine, networks, source, target, lengths)

    def target_logits(self, batch: TranslationBatch) -> Float[Tensor, "tokens vocabulary"]:
        """Logits for each of `batch.targets`, given the previous target tokens."""
        return self.network(batch.source, batch.inputs, batch.source_mask, batch.target_index)

    # --- translating ---

    def generate(self, request: TranslateRequest, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        """Yields `request.n_best` translations of each line, best first.

        Raises:
            InputError: the prompt cannot be read, or the options contradict each other.
        """
        if not request.sample and request.n_best > request.beam:
            raise InputError(
                f"n_best: a beam of {request.beam} finds at most {request.beam} translations of a line: add "
                f"--beam {request.n_best}.",
                "n_best",
            )
        for hypotheses in self.search(self._readable(lines_of(request.prompt)), request):
            for hypothesis in hypotheses[: request.n_best]:
                text = self.target.decode(hypothesis.tokens)
                if show:
                    show(text)
                yield Sample(Kind.TEXT, text, {"txt": text.encode("utf-8", "replace")})

    def translate(self, texts: list[str], request: TranslateRequest) -> list[str]:
        """The best translation of each text, in the order of `texts`."""
        return [self.target.decode(found[0].tokens) for found in self.search(texts, request)]

    def search(self, texts: list[str], request: TranslateRequest) -> list[list[Hypothesis]]:
        """The best translations of each text, as tokens; an empty text has an empty translation."""
        source = Ragged.of([[*tokens, END_TOKEN] for tokens in self.source.encode(texts)])
        longest, stretch = self.lengths.longest_target, self.lengths.stretch
        limits = np.minimum(np.ceil(stretch * source.lengths).astype(int) + 10, longest)
        found: list[list[Hypothesis]] = [[Hypothesis([], 0.0)] * request.n_best for _ in texts]
        order = np.array([index for index in np.argsort(-source.lengths, kind="stable") if texts[index]], int)
        generator = torch.Generator(self.machine.device).manual_seed(request.seed)
        open_ = request.n_best if request.sample else request.beam
        with self.evaluating():
            while len(order):
                count = max(1, ROOM // (open_ * int(limits[order[0]])))
                chosen, order = order[:count], order[count:]
                tokens, lengths = source.padded(chosen)
                mask = padding_mask(lengths, tokens.shape[1])
                tokens, mask, ends = self.machine.place((tokens, mask, torch.from_numpy(limits[chosen])))
                memory = self.network.start(tokens, mask, int(limits[chosen].max()))
                for index, result in zip(chosen, self._decode(memory, ends, request, generator), strict=True):
                    found[index] = result
        return found

    def _decode(
        self, memory: Any, limits: Int[Tensor, " batch"], request: TranslateRequest, generator: torch.Generator
    ) -> list[list[Hypothesis]]:
        def next_logits(tokens: Int[Tensor, " rows"]) -> Float[Tensor, "rows vocabulary"]:
            logits = self.network.next(tokens, memory).float()
            if self.target.unknown is not None:
                logits[:, self.target.unknown] = -torch.inf
            return logits

        def shaped(logits: Float[Tensor, "rows vocabulary"]) -> Float[Tensor, "rows vocabulary"]:
            none = torch.zeros(len(logits), 0, dtype=torch.long, device=logits.device)
            return shape_logits(logits, none, request.temperature, request.top_k, request.top_p, request.min_p)

        if request.sample:
            return draw_sequences(next_logits, memory.keep, limits, END_TOKEN, request.n_best, shaped, generator)
        return beam_search(
            next_logits, memory.keep, limits, END_TOKEN, request.beam, request.length_penalty, request.n_best
        )

    def _readable(self, lines: Lines) -> list[str]:
        """Normalises the lines for the network.

        Raises:
            InputError: a line is too long, or has characters or words that are not in the vocabulary.
        """
        texts = [text.strip().lower() if self.options.lower else text.strip() for text in lines.texts]
        longest = self.lengths.longest_source
        for number, (text, tokens) in enumerate(zip(texts, self.source.encode(texts), strict=True)):
            if self.source.unknown in tokens:
                what = "characters" if self.source.kind == "char" else "words"
                shown = ", ".join(repr(unknown) for unknown in self.source.unknown_in(text)[:10])
                raise InputError(
                    f"{lines.place(number)} has {what} that are not in the vocabulary: {shown}.", lines.option
                )
            if len(tokens) >= longest:
                raise InputError(
                    f"{lines.place(number)} has {len(tokens):,} tokens, but the longest training sentence has "
                    f"{longest - 1:,}: split it.",
                    lines.option,
                )
        return texts

    # --- attention ---

    def explain(self, request: TranslateAttentionRequest) -> list[AttentionMap]:
        """Attention maps of the encoder, of the decoder's self-attention, and of its cross-attention to the source.

        Rows of `decoder` are the tokens that the decoder reads, rows of `cross` those that it predicts.

        Raises:
            InputError: the prompt or the translation cannot be read, or the network is not a Transformer.
        """
        if not isinstance(self.network, Transformer):
            raise InputError("A custom network has no attention to show.", "run")
        lines = lines_of(request.prompt)
        if len(lines.texts) > 1:
            raise InputError("prompt: give one sentence, on one line.", "prompt")
        texts = self._readable(lines)
        if request.translation is None:
            (translation,) = self.translate(texts, TranslateRequest())
        else:
            translation = request.translation.lower() if self.options.lower else request.translation
        source = [*self.source.encode(texts)[0], END_TOKEN]
        target = [END_TOKEN, *self.target.encode([translation.strip()])[0]]
        if self.target.unknown in target:
            raise InputError(
                f"translation: {translation!r} has characters or words that are not in the vocabulary.", "translation"
            )
        device = self.machine.device
        with self.evaluating(), watch(self.network) as seen:
            self.network(torch.tensor([source], device=device), torch.tensor([target], device=device))
        sources = [token_label(self.source.tokenizer, token) for token in source]
        inputs = [token_label(self.target.tokenizer, token) for token in target]
        predicted = [token_label(self.target.tokenizer, token) for token in [*target[1:], END_TOKEN]]
        maps = []
        for layer in range(self.network.shape.depth):
            decoding = f"decoder.{layer}"
            encoder, decoder, cross = (
                seen[name][0][0]
                for name in (f"encoder.{layer}.attention", f"{decoding}.attention", f"{decoding}.cross_attention")
            )
            maps += [
                attention_map("encoder", layer, encoder, sources),
                attention_map("decoder", layer, decoder, inputs, causal=True),
                attention_map("cross", layer, cross, predicted, sources),
            ]
        return maps


def _files(joint: bool) -> tuple[str, ...]:
    return ("tokenizer.json",) if joint else ("tokenizer-source.json", "tokenizer-target.json")
