"""What a training runs on."""

import platform
import resource

import pytest
import torch

from genlab.engine.machine import Machine, keep_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries have other allocators")
def test_large_tensors_reuse_freed_memory():
    Machine("cpu")
    torch.ones(16_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(16_000_000)
    pages = 4 * 16_000_000 / resource.getpagesize()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 4 * pages


def test_other_systems_keep_their_allocators(monkeypatch):
    monkeypatch.setattr("genlab.engine.machine.sys.platform", "darwin")
    monkeypatch.setattr("genlab.engine.machine.ctypes.CDLL", None)
    keep_freed_memory()
