"""The StarGAN's networks and losses: what they leave alone, and what they learn."""

import pytest
import torch
import torch.nn.functional as F

from genlab.models.stargan import (
    Content,
    Discriminator,
    Generator,
    RestyleShape,
    change_between,
    one_hot,
    rounded,
    scores_of,
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
    mask, content = network.edit(pictures(), change)
    assert mask.shape == (3, 1, 32, 32)
    assert ((mask >= 0) & (mask <= 1)).all()
    torch.testing.assert_close(network(pictures(), change), mask * content + (1 - mask) * pictures())


def test_drawings_are_painted_or_shifted_by_the_colours_of_the_values():
    """By hand: two colours per value, and logits that choose one way for each of the four columns of pixels."""
    content = Content(channels=3, counts=[2], colours=2)
    old, new = content.colours.data[0], content.colours.data[1]
    logits = 100 * torch.eye(4)[None, :, None].expand(1, 4, 4, 4)
    before = pictures(1, 4)
    after = content(logits, before, torch.tensor([[-1.0, 1.0]]))[0]
    columns = [
        new[0],
        new[1],
        before[0, :, :, 2] + (new[0] - old[0])[:, None],
        before[0, :, :, 3] + (new[1] - old[1])[:, None],
    ]
    for place, expected in enumerate(columns):
        torch.testing.assert_close(
            after[:, :, place], expected[:, None].expand(3, 4) if expected.ndim == 1 else expected
        )


def test_attributes_that_change_together_keep_their_own_colours():
    """Each offers its own palette; that of an attribute that stays is not on offer."""
    content = Content(channels=3, counts=[2, 2], colours=1)
    before, logits = pictures(2, 4), torch.zeros(2, 4, 4, 4)
    logits[0, 1] = 100  # paint in the second attribute's colour
    logits[1, 1] = 100  # which does not change in the second picture
    change = torch.tensor([[-1.0, 1.0, -1.0, 1.0], [-1.0, 1.0, 0.0, 0.0]])
    first, second = content(logits, before, change)
    torch.testing.assert_close(first, content.colours[3, 0][:, None, None].expand(3, 4, 4))
    half = (content.colours[1, 0] + content.colours[1, 0] - content.colours[0, 0])[:, None, None]
    torch.testing.assert_close(second, (half + before[1]) / 2)
    assert (content.nearness(before, change)[1, 1] == 0).all()


def test_nearness_to_the_colours_of_the_value_to_replace():
    content = Content(channels=3, counts=[2], colours=2)
    before = content.colours.data[0, 1].view(1, 3, 1, 1).repeat(1, 1, 2, 2)
    before[0, :, 1, 1] += 1.0
    near = content.nearness(before, torch.tensor([[-1.0, 1.0]]))
    assert near.shape == (1, 2, 2, 2)
    torch.testing.assert_close(near[0, 1], torch.tensor([[1.0, 1.0], [1.0, 0.0]]))
    assert Content(channels=3, counts=[2], colours=0).nearness(before, torch.tensor([[-1.0, 1.0]])).shape[1] == 0


def test_it_starts_without_checkerboard():
    """The four pixels that one position of the half resolution makes have equal weights."""
    weight = generator().out.weight.unflatten(0, (-1, 4))
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
