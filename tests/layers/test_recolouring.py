"""The output layer that recolours drawings."""

import torch

from genlab.layers.recolouring import Recolouring


def pictures(count: int, side: int) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_drawings_are_painted_or_shifted_by_the_colours_of_the_values():
    """By hand: two colours per value, and logits that choose one candidate for each of the four columns of pixels."""
    recolouring = Recolouring(channels=3, counts=[2], colours=2)
    old, new = recolouring.colours.data[0], recolouring.colours.data[1]
    logits = 100 * torch.eye(4)[None, :, None].expand(1, 4, 4, 4)
    before = pictures(1, 4)
    after = recolouring(logits, before, torch.tensor([[-1.0, 1.0]]))[0]
    columns = [
        new[0],
        new[1],
        before[0, :, :, 2] + (new[0] - old[0])[:, None],
        before[0, :, :, 3] + 0.5 * (new[0] - old[0])[:, None],
    ]
    for place, expected in enumerate(columns):
        torch.testing.assert_close(
            after[:, :, place], expected[:, None].expand(3, 4) if expected.ndim == 1 else expected
        )


def test_attributes_that_change_together_keep_their_own_colours():
    """Each has its own candidates; those of an attribute that stays are masked."""
    recolouring = Recolouring(channels=3, counts=[2, 2], colours=1)
    before, logits = pictures(2, 4), torch.zeros(2, 4, 4, 4)
    logits[0, 1] = 100  # paint in the second attribute's colour
    logits[1, 1] = 100  # which does not change in the second picture
    change = torch.tensor([[-1.0, 1.0, -1.0, 1.0], [-1.0, 1.0, 0.0, 0.0]])
    first, second = recolouring(logits, before, change)
    torch.testing.assert_close(first, recolouring.colours[3, 0][:, None, None].expand(3, 4, 4))
    half = (recolouring.colours[1, 0] + recolouring.colours[1, 0] - recolouring.colours[0, 0])[:, None, None]
    torch.testing.assert_close(second, (half + before[1]) / 2)
    assert (recolouring.similarity(before, change)[1, 1] == 0).all()


def test_similarity_to_the_colours_to_replace():
    recolouring = Recolouring(channels=3, counts=[2], colours=2)
    before = recolouring.colours.data[0, 1].view(1, 3, 1, 1).repeat(1, 1, 2, 2)
    before[0, :, 1, 1] += 1.0
    similar = recolouring.similarity(before, torch.tensor([[-1.0, 1.0]]))
    assert similar.shape == (1, 2, 2, 2)
    torch.testing.assert_close(similar[0, 1], torch.tensor([[1.0, 1.0], [1.0, 0.0]]))
