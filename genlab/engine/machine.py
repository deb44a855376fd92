"""Where a training runs: device, number format and processes, several through Lightning Fabric; and its randomness."""

import ctypes
import os
import platform
import random
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from genlab.engine.options import RunOptions
from genlab.errors import InputError

MALLOC = {"M_TRIM_THRESHOLD": -1, "M_MMAP_THRESHOLD": -3}  # the numbers of glibc's malloc.h


def keep_freed_memory() -> None:
    """Large tensors take the memory of freed ones, where glibc would have the system clear new pages for each.

    With that, a convolution on two cores takes 0.6 of the time (docs/log.md).
    """
    library: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
    if hasattr(library, "mallopt"):  # musl has none
        for parameter in MALLOC.values():
            library.mallopt(parameter, 2**31 - 1)


class Machine:
    """One process of a training and what it runs on.

    Under torchrun there are several: each takes its share of a batch, and `average` makes their gradients
    equal. Networks stay plain modules: no wrapper refuses second derivatives or renames their weights.
    """

    def __init__(self, device: str = "auto", precision: str = "auto") -> None:
        kind, _, index = device.partition(":")
        if kind not in ("auto", "cpu", "cuda", "mps") or (":" in device and (kind != "cuda" or not index.isdigit())):
            raise InputError(f"device: {device} cannot be used, it is auto, cpu, cuda, cuda:1 or mps.", "device")
        present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if not present.get(kind, True):
            raise InputError(f"device: this machine has no {kind}; --device auto takes what there is.", "device")
        if index and int(index) >= torch.cuda.device_count():
            raise InputError(f"device: this machine has {torch.cuda.device_count()} GPUs, counted from 0.", "device")
        if kind == "auto":
            kind = next((name for name, there in present.items() if there), "cpu")
        self.device = torch.device(kind) if kind == "cpu" else torch.device(kind, int(index or 0))
        self.rank, self.processes = 0, int(os.environ.get("WORLD_SIZE", 1))
        if self.processes > 1:
            self._join([int(index)] if index else None)
        if self.device.type == "cpu":
            keep_freed_memory()
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)  # what a user's own network asks for as "cuda" is this one
            torch.set_float32_matmul_precision("highest" if precision == "32" else "high")
        if precision == "auto":
            precision = "bf16" if self.device.type == "cuda" and torch.cuda.is_bf16_supported() else "32"
        self.precision = precision

    def _join(self, devices: list[int] | None) -> None:
        """Becomes one of several processes, which torchrun started."""
        from lightning_fabric import Fabric  # a second of loading that one process alone is spared

        here = int(os.environ.get("LOCAL_WORLD_SIZE", self.processes))
        nodes = self.processes // here
        self.fabric = Fabric(accelerator=self.device.type, devices=devices or here, num_nodes=nodes, strategy="ddp")
        self.fabric.launch()
        self.device, self.rank = self.fabric.device, self.fabric.global_rank

    @classmethod
    def of(cls, run: RunOptions) -> "Machine":
        return cls(run.device, run.precision)

    def place(self, batch: Any) -> Any:
        """The batch with its tensors on the device, however they are nested; the host does not wait for the copies."""
        if isinstance(batch, Tensor):
            if self.device.type == "cuda" and batch.device.type == "cpu":
                return batch.pin_memory().to(self.device, non_blocking=True)
            return batch.to(self.device)
        if isinstance(batch, dict):
            return {key: self.place(part) for key, part in batch.items()}
        if isinstance(batch, tuple) and hasattr(batch, "_fields"):
            return type(batch)(*map(self.place, batch))
        if isinstance(batch, (tuple, list)):
            return type(batch)(map(self.place, batch))
        return batch

    def autocast(self) -> AbstractContextManager:
        """Inside, matrix products are in the run's number format."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def average(self, network: nn.Module, count: int | float | Tensor | None = None) -> None:
        """Replaces gradients by their mean over all processes, in one exchange.

        Args:
            network: Its gradients are averaged.
            count: How many terms this process's loss is the mean of, where processes differ in it (tokens, say):
                processes then weigh as much as they counted, as in one process with the whole batch.
        """
        if self.processes == 1:
            return
        gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        if count is not None:
            share = torch.as_tensor(count, dtype=flat.dtype, device=flat.device)
            flat = flat * (share / self.mean(share))
        flat = self.mean(flat)
        for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """The first process goes through the block before the others: it fills caches for all."""
        if self.rank > 0:
            self.together()
        yield
        if self.rank == 0:
            self.together()

    def together(self) -> None:
        """Waits for all processes: one that ends early looks like a failure to what started it."""
        if self.processes > 1:
            self.fabric.barrier()

    def mean(self, value: Tensor) -> Tensor:
        """The mean over all processes."""
        return cast(Tensor, self.fabric.all_reduce(value, reduce_op="mean")) if self.processes > 1 else value

    def agree(self, value: Any) -> Any:
        """What the first process says."""
        return self.fabric.broadcast(value) if self.processes > 1 else value

    def speed(self) -> float:
        """Floating-point operations a second in matrix products, in the run's number format."""
        side = 512 if self.device.type == "cpu" else 4096
        left = torch.randn(side, side, device=self.device)
        with self.autocast(), torch.no_grad():
            for count in (2, 0):  # the first round only warms up
                start, rounds = time.perf_counter(), 0
                while time.perf_counter() - start < 0.3 and (count == 0 or rounds < count):
                    left @ left
                    self.wait()
                    rounds += 1
        return rounds * 2 * side**3 / (time.perf_counter() - start)

    def wait(self) -> None:
        """Until the device has done what it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def about(self) -> dict[str, Any]:
        """What a run records of it: no names, no paths."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else platform.machine()
        return {
            "device": self.device.type,
            "processor": name,
            "threads": torch.get_num_threads(),
            "processes": self.processes,
            "precision": self.precision,
        }


def seed_everything(seed: int, step: int = 0, rank: int = 0) -> None:
    """Randomness as a function of (seed, step, process) alone, so that a resumed step repeats exactly."""
    number = int(np.random.SeedSequence((seed, step, rank)).generate_state(1)[0])
    # torch.manual_seed alone notes a stack trace for every kind of device that is absent: half a millisecond.
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(number)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(number)
    random.seed(number)
    np.random.seed(number)


@contextmanager
def preserved_randomness() -> Iterator[None]:
    """Random numbers drawn or seeded inside leave no trace: every global generator is restored.

    Enter it after the `Machine` exists: a GPU's generator is restored only if CUDA was in use on entry.
    """
    plain, arrays, tensors = random.getstate(), np.random.get_state(), torch.get_rng_state()
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    metal = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    try:
        yield
    finally:
        random.setstate(plain)
        np.random.set_state(arrays)
        torch.set_rng_state(tensors)
        if gpus is not None:
            torch.cuda.set_rng_state_all(gpus)
        if metal is not None:
            torch.mps.set_rng_state(metal)


RANDOM_FILLS = {
    Tensor.normal_, Tensor.uniform_, nn.init.normal_, nn.init.uniform_, nn.init.trunc_normal_, nn.init.kaiming_normal_,
    nn.init.kaiming_uniform_, nn.init.xavier_normal_, nn.init.xavier_uniform_, nn.init.orthogonal_,
}  # fmt: skip


class ZerosForRandom(TorchFunctionMode):
    """Inside, weights that would be filled with random numbers are zero.

    For networks whose weights a file brings next: random numbers take ten times as long as reading it.
    """

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in RANDOM_FILLS:
            with torch.no_grad():
                return (args[0] if args else kwargs["tensor"]).zero_()
        return function(*args, **kwargs)
