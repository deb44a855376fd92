"""torchcfm's class-conditional flow matching for `benchmarks/flow.py`: its network, and its training written out.

The network is `UNetModel` of https://github.com/atong01/conditional-flow-matching (MIT licence), installed with its
solver into a separate folder, so that it brings no other version of torch:

    pip install --no-deps --target torchcfm torchcfm==1.0.7 torchdiffeq==0.2.5 pot

SciPy must be installed as well. Settings are those of the first part, "Class Conditional CFM", of
`examples/images/conditional_mnist.ipynb` there (commit cacd4dc8): 28 x 28 pixels, batches of 128 in random order,
without the incomplete last one, Adam with a constant learning rate of 0.001, no weight averaging, no guidance, and the
adaptive solver dopri5 with tolerances of 1e-4. Epochs are replaced by seconds; the last weights are kept.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlab.data.pictures.picture_set import PictureSplit
from genlab.engine.machine import Machine

Pictures = Float[Tensor, "batch channels side side"]
Labels = Int[Tensor, " batch"]

PIXELS = 28
WIDTH, BLOCKS = 32, 1
"""`num_channels` and `num_res_blocks`."""
BATCH = 128
TOLERANCE = 1e-4
"""Absolute and relative, of the solver."""


def train_torchcfm(
    folder: Path, train: PictureSplit, classes: int, seconds: float, seed: int, machine: Machine
) -> tuple[Callable[[Labels, int], Pictures], int]:
    """Trains for `seconds`.

    Args:
        folder: Where torchcfm, torchdiffeq and pot are installed.
        train: Grey pictures of `PIXELS` x `PIXELS` with labels.
        classes: Number of classes.
        seconds: Time budget.
        seed: Random seed.
        machine: The machine to train on.

    Returns:
        A function from labels and a seed to pictures, about in [-1, 1], and the number of updates.
    """
    if not (folder / "torchcfm").is_dir():
        raise SystemExit(f"{folder} has no torchcfm: install it as {Path(__file__).name} says, and name the folder.")
    sys.path.append(str(folder))
    from torchcfm.conditional_flow_matching import ConditionalFlowMatcher
    from torchcfm.models.unet import UNetModel
    from torchdiffeq import odeint

    assert train.labels is not None and train.array.shape[1:] == (PIXELS, PIXELS, 1)
    torch.manual_seed(seed)
    network = UNetModel(
        dim=(1, PIXELS, PIXELS), num_channels=WIDTH, num_res_blocks=BLOCKS, num_classes=classes, class_cond=True
    ).to(machine.device)
    optimizer = torch.optim.Adam(network.parameters())
    matcher = ConditionalFlowMatcher(sigma=0.0)
    pictures, labels = train.tensor().contiguous(), torch.from_numpy(train.labels)
    start, step = time.perf_counter(), 0
    order = torch.empty(0, dtype=torch.long)
    while time.perf_counter() - start < seconds:
        if len(order) < BATCH:
            order = torch.randperm(len(labels))
        picks, order = order[:BATCH], order[BATCH:]
        real, known = machine.place((pictures[picks], labels[picks]))
        times, between, target = matcher.sample_location_and_conditional_flow(torch.randn_like(real), real)
        loss = (network(times, between, known) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
    network.eval()

    @torch.no_grad()
    def make(labels: Labels, seed: int) -> Pictures:
        noise = torch.randn(len(labels), 1, PIXELS, PIXELS, generator=torch.Generator().manual_seed(seed))
        noise, labels = machine.place((noise, labels))
        ends = torch.linspace(0, 1, 2, device=machine.device)
        velocity = lambda time, x: network(time, x, labels)
        return odeint(velocity, noise, ends, rtol=TOLERANCE, atol=TOLERANCE, method="dopri5")[-1]

    return make, step
