"""Training a Transformer to translate: pairs of one length together, Muon for matrices and AdamW for the rest.

Read it with `models/transformer.py` (the network), `layers/attention.py` (how tokens look at each other) and
`layers/beam.py` (how translations are found).
"""

import math
from dataclasses import replace
from typing import Any

import torch

from genlab.data.pairs.batches import END_TOKEN, TranslationBatch
from genlab.data.pairs.lines import given_lines
from genlab.data.shared.tokenizers import token_label
from genlab.engine.pipeline import AttentionMap, Explains
from genlab.engine.recipe import Metrics
from genlab.errors import InputError
from genlab.layers.attention import watch
from genlab.layers.muon import POLAR_EXPRESS, Muon
from genlab.models.transformer import Transformer, TransformerShape, smoothed_loss
from genlab.tasks.shared.attention_maps import attention_map
from genlab.tasks.shared.sizing import fitting_batch, fitting_size, tokens_read
from genlab.tasks.translate.options import TransformerOptions, TranslateAttentionRequest, TranslateRequest
from genlab.tasks.translate.recipe import Translator

SIZES = {  # layers of each side, width, heads, feed-forward
    "tiny": (2, 64, 4, 256),
    "small": (3, 128, 4, 512),
    "medium": (4, 192, 6, 768),
    "large": (5, 320, 5, 1280),
    "base": (6, 512, 8, 2048),
}
PARAMETERS = {"tiny": 0.23e6, "small": 1.4e6, "medium": 4.1e6, "large": 14e6, "base": 44e6}
"""Of the layers, without embeddings."""
TOKENS_PER_PARAMETER = 5.5
"""Training tokens at which a size does best, over minutes (docs/log.md)."""


class TransformerRecipe(Translator, Explains):
    """A Transformer of the user's pairs."""

    name = "transformer"
    explain_type = TranslateAttentionRequest
    config: TransformerOptions

    # --- size ---

    def resolve(self, seconds: float | None, speed: float | None) -> None:
        size: Any = self.config.size
        if size == "auto":
            size = (
                "small"
                if seconds is None or speed is None
                else fitting_size(PARAMETERS, seconds, speed, TOKENS_PER_PARAMETER)
            )
        # A source token passes through the encoder only, a target token through the decoder only.
        reads = tokens_read(seconds, speed, PARAMETERS[size] / 2) if seconds and speed else 0.0
        self.config = replace(
            self.config,
            size=size,
            batch=self.config.batch or fitting_batch(reads),
            learning_rate=self.config.learning_rate or 0.02,
            embedding_learning_rate=self.config.embedding_learning_rate or 0.016,
            dropout=self._fitting_dropout(reads) if self.config.dropout is None else self.config.dropout,
        )

    def _fitting_dropout(self, reads: float) -> float:
        """More the oftener the pairs will be read: what repeats can be learnt by heart."""
        epochs = reads / self.train.cost
        return round(min(max(0.1 * math.log2(max(epochs, 1) / 3), 0.0), 0.3), 2) if reads else 0.1

    # --- network and optimisers ---

    def build(self) -> None:
        config = self.config
        depth, width, heads, feed_forward = SIZES[config.size]
        assert config.dropout is not None
        shape = TransformerShape(
            self.source.size, self.target.size, depth, width, heads, feed_forward, config.joint, config.dropout
        )
        self.network = Transformer(shape).to(self.machine.device)
        self.networks = {"transformer": self.network}

    def build_optimizers(self) -> None:
        config = self.config
        assert config.learning_rate and config.embedding_learning_rate
        in_layers = [*self.network.encoder.parameters(), *self.network.decoder.parameters()]
        matrices = [weight for weight in in_layers if weight.ndim == 2]
        known = {id(weight) for weight in matrices}
        others = [weight for weight in self.network.parameters() if id(weight) not in known]
        self.optimizers = {
            "transformer": [
                Muon(
                    matrices,
                    lr=config.learning_rate,
                    weight_decay=config.weight_decay,
                    momentum=0.9,
                    ns_coefficients=POLAR_EXPRESS,  # type: ignore[arg-type]  # torch knows one for all
                ),
                torch.optim.AdamW(
                    others, lr=config.embedding_learning_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True
                ),
            ]
        }

    # --- the method ---

    def step(self, batch: TranslationBatch) -> Metrics:
        loss = smoothed_loss(self.predict_targets(batch), batch.targets, self.config.label_smoothing)
        self.update(self.network, loss)
        return {"loss": loss}

    # --- a finished run ---

    def explain(self, request: TranslateAttentionRequest) -> list[AttentionMap]:
        """Attention of the encoder, of the decoder to what it has written, and across to the source.

        Rows of the decoder are the tokens it reads; rows of `cross` are those that it writes with what it finds.
        """
        (lines,) = given_lines(request.prompt, None)
        if len(lines.texts) > 1:
            raise InputError("prompt: attention is shown of one sentence, on one line.", "prompt")
        texts = self._readable(lines)
        if request.translation is None:
            (translation,) = self.translate(texts, TranslateRequest())
        else:
            translation = request.translation.lower() if self.config.lower else request.translation
        source = [*self.source.encode(texts)[0], END_TOKEN]
        target = [END_TOKEN, *self.target.encode([translation.strip()])[0]]
        if self.target.unknown in target:
            raise InputError(
                f"translation: {translation} has what is not in the vocabulary: use words of the training.",
                "translation",
            )
        device = self.machine.device
        self.network.eval()
        with torch.no_grad(), watch(self.network) as seen:
            self.network(torch.tensor([source], device=device), torch.tensor([target], device=device))
        reads = [token_label(self.source.tokenizer, token) for token in source]
        follows = [token_label(self.target.tokenizer, token) for token in target]
        writes = [token_label(self.target.tokenizer, token) for token in [*target[1:], END_TOKEN]]
        maps = []
        for layer in range(self.network.shape.depth):
            decoding = f"decoder.{layer}"
            encoder, decoder, cross = (
                seen[name][0][0]
                for name in (f"encoder.{layer}.attention", f"{decoding}.attention", f"{decoding}.cross_attention")
            )
            maps += [
                attention_map("encoder", layer, encoder, reads),
                attention_map("decoder", layer, decoder, follows, causal=True),
                attention_map("cross", layer, cross, writes, reads),
            ]
        return maps
