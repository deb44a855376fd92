"""The StarGAN's networks and losses: what they leave alone, and what they learn."""

import pytest
import torch
import torch.nn.functional as F

from genlab.models.stargan import (
    Discriminator,
    Generator,
    PhotographHead,
    RestyleShape,
    change_between,
    one_hot,
    rounded,
    scores_of,
    total_variation,
    value_loss,
)

SHAPE = RestyleShape(3, 32, [3, 2])
SOURCE, TARGET = torch.tensor([[0, 1], [2, 0], [1, 1]]), torch.tensor([[2, 1], [2, 1], [1, 1]])


def pictures(count: int = 3, side: int = 32) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def generator(colours: int = 0) -> Generator:
    torch.manual_seed(0)
    return Generator(SHAPE, 8, 1, colours)


def test_a_change_names_the_new_value_and_the_one_it_replaces():
    change = change_between(SOURCE, TARGET, SHAPE.counts)
    assert change.tolist() == [[-1, 0, 1, 0, 0], [0, 0, 0, -1, 1], [0, 0, 0, 0, 0]]


@pytest.mark.parametrize("colours", [0, 4])
def test_shapes_and_no_change_no_edit(colours):
    """Pictures whose values stay come back bit for bit; the others change."""
    change = change_between(SOURCE, TARGET, SHAPE.counts)
    changed = generator(colours)(pictures(), change)
    assert changed.shape == (3, 3, 32, 32)
    assert torch.equal(changed[2], pictures()[2])
    assert all(not torch.equal(changed[row], pictures()[row]) for row in (0, 1))


@pytest.mark.parametrize("colours", [0, 4])
def test_the_edit_is_the_content_within_the_mask(colours):
    network, change = generator(colours), change_between(SOURCE, TARGET, SHAPE.counts)
    masks, contents = network.edit(pictures(), change)
    edits = 1 if colours else 2
    assert masks.shape == (3, edits, 32, 32)
    assert ((masks >= 0) & (masks <= 1)).all()
    expected = pictures()
    for mask, content in zip(masks.unbind(1), contents.unbind(1), strict=True):
        expected = expected + mask[:, None] * (content - pictures())
    torch.testing.assert_close(network(pictures(), change), expected)


def test_photographs_change_light_per_pixel_and_colour_as_a_whole():
    """By hand: with outputs that depend on nothing, and a mask for each attribute that changes."""
    head = PhotographHead(SHAPE, 8)
    for layer in (head.out, head.colour):
        torch.nn.init.zeros_(layer.weight)
    gain, offset = torch.tensor([[0.5, 0.0, -1.0], [0.1, 0.2, 0.3]]), torch.tensor([[0.4, 0.0, 0.2], [0.0, -0.1, 0.0]])
    with torch.no_grad():
        head.out.bias.copy_(torch.tensor([0.0, 0.0, 0.25, 0.5, -0.1, 0.3]))
        head.colour.bias.copy_(torch.cat((gain.flatten(), offset.flatten())))
    masks, contents = head(torch.randn(3, 8, 16, 16), pictures(), change_between(SOURCE, TARGET, SHAPE.counts))
    half = torch.full((32, 32), 0.5)
    assert torch.equal(masks[0], torch.stack((half, 0 * half)))
    assert torch.equal(masks[1], torch.stack((0 * half, half)))
    assert not masks[2].any()
    grey = pictures().mean(1, keepdim=True)
    for edit, (contrast, light) in enumerate(((0.25, -0.1), (0.5, 0.3))):
        scaled = pictures() * (1 + gain[edit, :, None, None]) + offset[edit, :, None, None]
        torch.testing.assert_close(contents[:, edit], scaled + contrast * grey + light)


def test_it_starts_without_checkerboard():
    """The four pixels that one position of half resolution makes have equal weights."""
    weight = generator(4).head.out.weight.unflatten(0, (-1, 4))
    assert torch.equal(weight, weight[:, :1].expand_as(weight))


def test_scores_and_losses_by_hand():
    torch.manual_seed(0)
    outputs, counts = torch.randn(3, 11), SHAPE.counts
    expected = [o[0] + o[1 + a] + o[4 + b] for o, (a, b) in zip(outputs, SOURCE.tolist(), strict=True)]
    torch.testing.assert_close(scores_of(outputs, SOURCE, counts), torch.stack(expected))
    loss = F.cross_entropy(outputs[:, 6:9], SOURCE[:, 0]) + F.cross_entropy(outputs[:, 9:], SOURCE[:, 1])
    torch.testing.assert_close(value_loss(outputs, SOURCE, counts), loss)
    assert Discriminator(SHAPE, 8)(pictures()).shape == outputs.shape
    assert one_hot(SOURCE, counts).sum(1).tolist() == [2, 2, 2]


def test_rounding_keeps_bytes_and_passes_gradients():
    exact = torch.arange(256).float() / 127.5 - 1
    torch.testing.assert_close(rounded(exact.view(1, 1, 16, 16)), exact.view(1, 1, 16, 16))
    free = torch.full((1, 1, 2, 2), 0.1234, requires_grad=True)
    assert rounded(free)[0, 0, 0, 0].item() != free[0, 0, 0, 0].item()
    rounded(free).sum().backward()
    assert free.grad.tolist() == [[[[1, 1], [1, 1]]]]


def test_total_variation_by_hand():
    picture = torch.tensor([[0.0, 1.0], [0.5, 3.0]])[None, None]
    assert total_variation(picture).item() == pytest.approx((0.5 + 2.0) / 2 + (1.0 + 2.5) / 2)


def test_it_learns_a_change_by_heart():
    """With pairs, which training never has, it repaints a square and leaves the rest."""
    network = generator(4)
    before = -torch.ones(1, 3, 32, 32)
    before[:, 0, 8:16, 8:16] = 1
    after = before.clone()
    after[:, :, 8:16, 8:16] = torch.tensor([-1.0, 1.0, 0.5])[:, None, None]
    change = change_between(torch.tensor([[0, 0]]), torch.tensor([[1, 0]]), SHAPE.counts)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(400):
        loss = (network(before, change) - after).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.02
