import pytest
import torch
from torch import nn

from genlab.layers import packed
from genlab.layers.attention import Attention, watch
from genlab.layers.packed import Part, apply_fused, pack
from genlab.models.gpt import GPT, GPTShape
from genlab.models.gpt2 import GPT2, GPT2Shape
from genlab.models.lstm import LSTM, LSTMShape

NETWORKS = {
    "gpt": lambda: GPT(GPTShape(50, 32, depth=2, width=32, heads=4, kv_heads=2, feed_forward=64)),
    "gpt, tied": lambda: GPT(GPTShape(50, 32, 2, 32, 4, 2, 64, tied=True)),
    "gpt2": lambda: GPT2(GPT2Shape(50, 32, depth=2, width=32, heads=4, feed_forward=64)),
    "lstm": lambda: LSTM(LSTMShape(50, depth=2, width=32)),
}


@pytest.fixture(params=NETWORKS)
def network(request, monkeypatch) -> nn.Module:
    """A network whose weights and biases are all random, with none too small to be packed."""
    monkeypatch.setattr(packed, "MIN_WEIGHTS", 1)
    torch.manual_seed(0)
    made = NETWORKS[request.param]().eval()
    for weight in made.parameters():
        nn.init.normal_(weight, std=weight.shape[-1] ** -0.5)
    return made


def linears(network: nn.Module) -> list[nn.Linear]:
    return [module for module in network.modules() if isinstance(module, nn.Linear)]


@torch.inference_mode()
@pytest.mark.parametrize("processor", ["AVX2", "AVX512"])
@pytest.mark.parametrize(("batch", "time"), [(1, 1), (2, 8), (1, 17), (3, 30)])
def test_packed_says_the_same(network, batch, time, processor, monkeypatch):
    """At once and token by token, with as many rows as are packed for and with more."""
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: processor)
    fast, tokens = pack(network, "32"), torch.randint(50, (batch, time))
    assert not linears(fast)
    torch.testing.assert_close(fast(tokens), network(tokens), rtol=1e-4, atol=1e-5)
    cache = fast.new_cache()
    steps = torch.cat([fast(tokens[:, place : place + 1], cache) for place in range(time)], 1)
    torch.testing.assert_close(steps, network(tokens), rtol=1e-4, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize(("weights", "least", "most"), [("16", 1e-5, 1e-3), ("int8", 1e-3, 0.05)])
def test_fewer_bits_are_near(network, weights, least, most):
    fast, tokens = pack(network, weights), torch.randint(50, (4, 30))
    plain, rounded = network(tokens), fast(tokens)
    assert least < (rounded - plain).norm() / plain.norm() < most


@torch.inference_mode()
@pytest.mark.parametrize("bias", [False, True])
def test_sixteen_bits_are_those_of_float16(bias):
    """Inputs and sums stay in 32."""
    torch.manual_seed(0)
    layer, x = nn.Linear(64, 20, bias), torch.randn(2, 3, 64)
    expected = nn.functional.linear(x, layer.weight.half().float(), layer.bias)
    found = packed.quantised(layer.weight, layer.bias, "16")(x)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(found, layer(x), rtol=1e-5, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("bias", [False, True])
def test_eight_bits_are_those_of_each_row(bias):
    """By hand: a scale for every output, so that a large row does not coarsen a small one."""
    torch.manual_seed(0)
    layer = nn.Linear(64, 20, bias)
    layer.weight.data *= torch.logspace(-3, 3, 20)[:, None]
    x = torch.randint(128, (2, 3, 64)).float()  # with 127 in it the inputs are exact in 7 bits
    x[0, 0, 0], x[0, 0, 1] = 127, 0
    scale = layer.weight.abs().amax(1, keepdim=True) / 127
    expected = x @ ((layer.weight / scale).round() * scale).T + (layer.bias if bias else 0)
    found = packed.quantised(layer.weight, layer.bias, "int8")(x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_row_of_zeros_stays_zero():
    layer = nn.Linear(64, 4, bias=False)
    layer.weight.data[1] = 0
    assert (packed.quantised(layer.weight, None, "int8")(torch.randn(3, 64))[:, 1] == 0).all()


def test_the_network_is_left_as_it_was(network):
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    names, network = [name for name, _ in network.named_modules()], network.train()
    fast = pack(network, "int8")
    assert network.training
    assert not fast.training
    assert [name for name, _ in network.named_modules()] == names
    assert all(torch.equal(weight, before[name]) for name, weight in network.state_dict().items())
    assert fast.embedding.weight is network.embedding.weight  # not copied
    with torch.no_grad():
        network.head.weight += 1
    tokens = torch.randint(50, (1, 4))
    assert not torch.allclose(fast(tokens), network.eval()(tokens), atol=0.1)


def test_small_layers_are_left(monkeypatch):
    network = nn.ModuleDict({"small": nn.Linear(8, 7), "large": nn.Linear(8, 8)})
    monkeypatch.setattr(packed, "MIN_WEIGHTS", 64)
    fast = pack(network, "32")
    assert isinstance(fast["small"], nn.Linear)
    assert isinstance(fast["large"], Part)


def test_layers_of_one_input_are_one_call(network, monkeypatch):
    """Each block's queries, keys and values in one product, and gate and up."""
    fast, calls = pack(network, "32"), []
    outputs = packed.PackedLinear.outputs
    monkeypatch.setattr(packed.PackedLinear, "outputs", lambda self, x: calls.append(self.widths) or outputs(self, x))
    fast(torch.randint(50, (1, 1)))
    attention, feed_forward = {
        GPT: ([[32, 16, 16], [32]], [[64, 64], [32]]), GPT2: ([[32, 32, 32], [32]], [[64], [32]]), LSTM: ([], [])
    }[type(network)]  # fmt: skip
    assert calls == [*attention, *feed_forward] * 2 + [[50]]


@torch.inference_mode()
@pytest.mark.parametrize("weights", ["32", "16", "int8"])
def test_parts_can_be_called_apart(weights, monkeypatch):
    """As cross-attention does, whose keys come from elsewhere."""
    monkeypatch.setattr(packed, "MIN_WEIGHTS", 1)
    torch.manual_seed(0)
    plain = Attention(32, 4, 2, bias=True).eval()
    fast = pack(plain, weights)
    asks, tells = torch.randn(2, 5, 32), torch.randn(2, 7, 32)
    torch.testing.assert_close(
        fast(asks, tells), plain(asks, tells), rtol=0.05, atol=0.02 if weights == "int8" else 1e-5
    )
    assert [one.shape[-1] for one in apply_fused(asks, fast.key, fast.value)] == [16, 16]


def test_what_it_looks_at_can_still_be_watched(network):
    fast, tokens = pack(network, "32"), torch.randint(50, (1, 9))
    with torch.inference_mode(), watch(network) as plain, watch(fast) as seen:
        network(tokens), fast(tokens)
    assert seen.keys() == plain.keys()
    for name, weights in seen.items():
        torch.testing.assert_close(weights[0], plain[name][0], rtol=1e-4, atol=1e-5)
