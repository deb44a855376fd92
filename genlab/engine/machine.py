"""The machine that training runs on: device, number format, processes (Lightning Fabric) and random state."""

import ctypes
import os
import platform
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from genlab.engine.options import RunOptions
from genlab.errors import InputError

Value = TypeVar("Value")

MALLOC = {"M_TRIM_THRESHOLD": -1, "M_MMAP_THRESHOLD": -3}  # the numbers of glibc's malloc.h

PATIENCE = timedelta(days=1)
"""Timeout for waiting for other processes: only the first one reads the data and writes the final report."""


def keep_freed_memory() -> None:
    """Lets large tensors reuse freed memory; by default glibc returns it, and the system clears new pages every time.

    A convolution on two cores then takes 0.6 of the time (docs/log.md).
    """
    library: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
    if hasattr(library, "mallopt"):  # musl lacks it
        for parameter in MALLOC.values():
            library.mallopt(parameter, 2**31 - 1)


class Machine:
    """The machine, as one process of training sees it.

    Under torchrun there are several processes: each takes its part of a batch, and `average` averages their gradients.
    Everything else (batch statistics, metrics, decisions) comes from the first process. Networks stay plain modules:
    no wrapper prevents second derivatives or renames weights.
    """

    def __init__(self, device: str = "auto", precision: str = "auto") -> None:
        kind, _, index = device.partition(":")
        if kind not in ("auto", "cpu", "cuda", "mps") or (":" in device and (kind != "cuda" or not index.isdigit())):
            raise InputError(f"device: {device} cannot be used; it must be auto, cpu, cuda, cuda:1 or mps.", "device")
        present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if not present.get(kind, True):
            raise InputError(f"device: this machine has no {kind}; --device auto uses what is available.", "device")
        if index and int(index) >= torch.cuda.device_count():
            raise InputError(f"device: this machine has {torch.cuda.device_count()} GPUs, counted from 0.", "device")
        if kind == "auto":
            kind = next((name for name, there in present.items() if there), "cpu")
        self.device = torch.device(kind) if kind == "cpu" else torch.device(kind, int(index or 0))
        self.rank, self.processes = 0, int(os.environ.get("WORLD_SIZE", 1))
        self.fabric: Any = None
        if self.processes > 1:
            if index:
                raise InputError(f"device: under torchrun, every process has a GPU: give cuda, not {device}.", "device")
            self._join()
        if self.device.type == "cpu":
            keep_freed_memory()
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)  # a custom network that names "cuda" means this one
            torch.set_float32_matmul_precision("highest" if precision == "32" else "high")
        if precision == "auto":
            precision = "bf16" if self.device.type == "cuda" and torch.cuda.is_bf16_supported() else "32"
        self.precision = precision

    def _join(self) -> None:
        """Connects to the other processes of torchrun."""
        from lightning_fabric import Fabric  # takes a second to load, and a single process does not need it
        from lightning_fabric.strategies import DDPStrategy

        here = int(os.environ.get("LOCAL_WORLD_SIZE", self.processes))
        nodes = self.processes // here
        strategy = DDPStrategy(timeout=PATIENCE)
        self.fabric = Fabric(accelerator=self.device.type, devices=here, num_nodes=nodes, strategy=strategy)
        self.fabric.launch()
        self.device, self.rank = self.fabric.device, self.fabric.global_rank

    @classmethod
    def of(cls, run: RunOptions) -> "Machine":
        return cls(run.device, run.precision)

    def place(self, batch: Any) -> Any:
        """Moves all tensors of a nested batch to the device, without waiting for the copies."""
        if isinstance(batch, Tensor):
            if self.device.type == "cuda" and batch.device.type == "cpu":
                return batch.pin_memory().to(self.device, non_blocking=True)
            return batch.to(self.device)
        if isinstance(batch, dict):
            return {key: self.place(part) for key, part in batch.items()}
        if isinstance(batch, (tuple, list)):
            parts = map(self.place, batch)
            return type(batch)(parts) if type(batch) in (tuple, list) else type(batch)(*parts)  # a NamedTuple
        return batch

    def autocast(self) -> AbstractContextManager:
        """Context in which matrix products use the run's number format."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def average(self, network: nn.Module, count: int | float | Tensor | None = None) -> None:
        """Replaces gradients by their mean over all processes, in one all-reduce.

        Args:
            network: The network whose gradients to average.
            count: Number of terms (such as tokens) in this process's mean loss, if processes differ in it; it weights
                the processes, so that the result is that of one process with the whole batch.
        """
        if self.processes == 1:
            return
        gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        if count is not None:
            share = torch.as_tensor(count, dtype=flat.dtype, device=flat.device)
            flat *= share / self.mean(share)
        for gradient, mean in zip(gradients, self.mean(flat).split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Gives `tensors` the values of the first process, in place.

        Gradients are averaged, but batch statistics, say, are not: sharing them before they are used or saved makes
        a resumed training repeat the uninterrupted one.
        """
        if self.processes == 1:
            return
        for tensor in tensors:
            sent = tensor.detach().to(self.device)  # NCCL sends nothing from the CPU
            sent = sent.to(torch.uint8) if sent.dtype == torch.bool else sent.contiguous()
            torch.distributed.broadcast(sent, src=0)
            tensor.detach().copy_(sent)

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """Context that the first process runs before the others, to fill caches for all."""
        if self.rank > 0:
            self.together()
        try:
            yield
        finally:
            if self.rank == 0:
                self.together()

    def first(self, work: Callable[[], Value]) -> Value:
        """Runs `work` in the first process and returns its result in all.

        Raises:
            InputError: `work` raised it; all processes raise it too, so that none waits.
        """
        if self.processes == 1:
            return work()
        result: Value | None = None
        mistake: tuple[str, str | None] | None = None
        if self.rank == 0:
            try:
                result = work()
            except InputError as error:
                mistake = str(error), error.field
        shared, mistake = self.agree((result, mistake))
        if mistake is not None:
            raise InputError(*mistake)
        return cast(Value, result if self.rank == 0 else shared)

    def together(self) -> None:
        """Waits for all processes, because torchrun treats one that ends early as a failure."""
        if self.processes > 1:
            self.fabric.barrier()

    def mean(self, value: Tensor) -> Tensor:
        """The mean over all processes."""
        if self.processes == 1:
            return value
        return cast(Tensor, self.fabric.all_reduce(value.clone(), reduce_op="mean"))  # all_reduce works in place

    def agree(self, value: Value) -> Value:
        """Returns the value of the first process in all."""
        return self.fabric.broadcast(value) if self.processes > 1 else value

    def speed(self) -> float:
        """Measures floating-point operations per second of this process, in matrix products in the run's format."""
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
        """Waits until the device has finished its work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def about(self) -> dict[str, Any]:
        """The facts that a run records, without names or paths."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else platform.machine()
        return {
            "device": self.device.type,
            "processor": name,
            "threads": torch.get_num_threads(),
            "processes": self.processes,
            "precision": self.precision,
        }


def seed_everything(seed: int, step: int = 0, rank: int = 0) -> None:
    """Seeds every global generator by (seed, step, process) alone, so that a resumed step repeats exactly."""
    number = int(np.random.SeedSequence((seed, step, rank)).generate_state(1)[0])
    # torch.manual_seed records a stack trace for every absent kind of device, which takes half a millisecond.
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(number)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(number)
    random.seed(number)
    np.random.seed(number)


@contextmanager
def preserved_randomness() -> Iterator[None]:
    """Context that restores the state of every global generator.

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
    """Context in which random initialisation fills weights with zeros.

    For networks whose weights are then read from a file: random initialisation takes ten times as long as reading.
    """

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in RANDOM_FILLS:
            with torch.no_grad():
                return (args[0] if args else kwargs["tensor"]).zero_()
        return function(*args, **kwargs)
