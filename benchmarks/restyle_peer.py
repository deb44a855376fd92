"""StarGAN as its authors train it, for `benchmarks/restyle.py`: their networks, and their training written out.

The networks are those of `model.py` in a clone of https://github.com/yunjey/stargan (MIT licence). Settings and order
of the updates are those of its `main.py` and `solver.py`; iterations are replaced by seconds: the learning rate is
constant for the first half of the time, and falls to 0 during the second. The last weights are kept.
"""

import importlib.util
import math
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from genlab.data.pictures.attribute_set import AttributedSplit
from genlab.data.pictures.pixels import to_tensor
from genlab.engine.machine import Machine
from genlab.models.stargan import one_hot
from genlab.tasks.restyle.recipe import mirrored

Pictures = Float[Tensor, "batch channels side side"]
Restyle = Callable[[Pictures, Int[Tensor, "batch attributes"]], Pictures]

WIDTH, BLOCKS, HALVINGS = 64, 6, 6
"""`g_conv_dim` and `d_conv_dim`, `g_repeat_num`, `d_repeat_num`; the last is 5 for pictures of 32 pixels."""
BATCH, RATE, BETAS = 16, 1e-4, (0.5, 0.999)
CRITIC_STEPS = 5
"""Updates of the discriminator per update of the generator."""
CLASS, CYCLE, PENALTY = 1.0, 10.0, 10.0
"""Weights of the classification loss, the reconstruction loss and the gradient penalty."""


def train_stargan(
    repository: Path, train: AttributedSplit, counts: list[int], seconds: float, seed: int, machine: Machine
) -> tuple[Restyle, int]:
    """Trains for `seconds`.

    Args:
        repository: Clone of the authors' repository.
        train: Colour pictures and their values.
        counts: Number of values of each attribute.
        seconds: Time budget.
        seed: Random seed.
        machine: The machine to train on.

    Returns:
        A function from pictures and target values to changed pictures, and the number of the discriminator's updates.
    """
    array, rows = train.pictures.array, train.pictures.rows
    if array.shape[3] != 3:
        raise SystemExit("The networks of yunjey/stargan take colour pictures only.")
    networks, pixels = _imported(repository / "model.py"), array.shape[1]
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    generator = networks.Generator(WIDTH, sum(counts), BLOCKS).to(machine.device)
    halvings = min(HALVINGS, int(math.log2(pixels)))
    discriminator = networks.Discriminator(pixels, WIDTH, sum(counts), halvings).to(machine.device)
    optimizer_g, optimizer_d = (
        torch.optim.Adam(network.parameters(), RATE, BETAS) for network in (generator, discriminator)
    )

    def value_loss(logits: Float[Tensor, "batch values"], values: Float[Tensor, "batch values"]) -> Tensor:
        """As for RaFD (one attribute) or for CelebA (several)."""
        if len(counts) == 1:
            return F.cross_entropy(logits, values.argmax(1))
        return F.binary_cross_entropy_with_logits(logits, values, reduction="sum") / len(logits)

    start, step = time.perf_counter(), 0
    while (progress := (time.perf_counter() - start) / seconds) < 1:
        for group in (*optimizer_g.param_groups, *optimizer_d.param_groups):
            group["lr"] = RATE * min(1.0, 2 - 2 * progress)
        picks = random.integers(len(rows), size=BATCH)
        real = machine.place(to_tensor(mirrored(random, array[rows[picks]], flip=True)))
        source = machine.place(one_hot(torch.from_numpy(train.values[picks]), counts))
        target = source[torch.randperm(BATCH)]

        fake = generator(real, target).detach()
        real_scores, real_logits = discriminator(real)
        critic = discriminator(fake)[0].mean() - real_scores.mean()
        share = torch.rand(BATCH, 1, 1, 1, device=real.device)
        between = (share * real + (1 - share) * fake).requires_grad_()
        (slope,) = torch.autograd.grad(discriminator(between)[0].sum(), between, create_graph=True)
        penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        loss_d = critic + CLASS * value_loss(real_logits, source) + PENALTY * penalty
        _update(optimizer_d, loss_d)

        step += 1
        if step % CRITIC_STEPS == 0:
            fake = generator(real, target)
            scores, logits = discriminator(fake)
            cycle = (real - generator(fake, source)).abs().mean()
            loss_g = -scores.mean() + CYCLE * cycle + CLASS * value_loss(logits, target)
            _update(optimizer_g, loss_g)

    @torch.no_grad()
    def restyle(pictures: Pictures, target: Int[Tensor, "batch attributes"]) -> Pictures:
        return generator(pictures, one_hot(target, counts))

    return restyle, step


def _imported(file: Path) -> ModuleType:
    if not file.exists():
        raise SystemExit(f"{file} is missing: clone https://github.com/yunjey/stargan and name the clone.")
    spec = importlib.util.spec_from_file_location("stargan_published", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _update(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
