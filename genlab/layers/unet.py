"""Blocks of a U-Net whose pictures depend on a time and a description.

The residual blocks of Dhariwal and Nichol (2021), arXiv 2105.05233, appendix A, and cross-attention to the words of a
description as in Rombach et al. (2022), arXiv 2112.10752, section 3.3.
"""

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from genlab.layers.attention import Attention

Maps = Float[Tensor, "batch features height width"]
Embedding = Float[Tensor, "batch embedded"]
GROUPS = 8
"""Groups of channels that are normalised together."""


class Block(nn.Module):
    """Two convolutions and a shortcut; time and description scale and shift the channels in between.

    Args:
        before: Input channels.
        after: Output channels.
        embedded: Size of the embedding of time and description.
    """

    def __init__(self, before: int, after: int, embedded: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, before)
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.modulation = nn.Linear(embedded, 2 * after)
        self.inner_norm = nn.GroupNorm(GROUPS, after)
        self.second = nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        nn.init.zeros_(self.second.weight)  # starts as the shortcut

    def forward(self, x: Maps, embedding: Embedding) -> Float[Tensor, "batch after height width"]:
        inner = self.inner_norm(self.first(F.silu(self.norm(x))))
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, 1)
        return self.shortcut(x) + self.second(F.silu(inner * (1 + scale) + shift))


class PictureAttention(nn.Module):
    """Positions of a picture attend to one another, and to the words of its description.

    Args:
        width: Channels, and size of a context vector.
        heads: Attention heads.
        described: Whether there are descriptions.
    """

    def __init__(self, width: int, heads: int, described: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.cross_norm = nn.LayerNorm(width) if described else None
        self.cross_attention = Attention(width, heads) if described else None
        for attention in (self.attention, self.cross_attention):
            if attention is not None:
                nn.init.zeros_(attention.out.weight)

    def forward(
        self,
        x: Maps,
        context: Float[Tensor, "batch length features"] | None,
        mask: Bool[Tensor, "batch length"] | None,
    ) -> Maps:
        height = x.shape[2]
        rows = rearrange(x, "batch features h w -> batch (h w) features")
        rows = rows + self.attention(self.norm(rows))
        if self.cross_attention is not None and self.cross_norm is not None:
            rows = rows + self.cross_attention(self.cross_norm(rows), context, mask=mask)
        return rearrange(rows, "batch (h w) features -> batch features h w", h=height)
