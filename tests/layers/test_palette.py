"""Pictures mixed from learned colours."""

import torch

from genlab.layers.palette import Palette


def test_a_sure_choice_is_that_colour_and_a_tie_the_mean() -> None:
    torch.manual_seed(0)
    palette = Palette(4, 3)
    colours = palette.weight[:, :, 0, 0]
    logits = torch.zeros(2, 4, 5, 6)
    logits[0, 2] = 3
    pictures = palette(logits)
    assert pictures.shape == (2, 3, 5, 6)
    torch.testing.assert_close(pictures[0], colours[:, 2, None, None].expand(3, 5, 6))
    torch.testing.assert_close(pictures[1], colours.mean(1)[:, None, None].expand(3, 5, 6))


def test_small_errors_of_sure_logits_leave_no_grain() -> None:
    torch.manual_seed(0)
    logits = 0.1 * torch.randn(1, 8, 16, 16)
    logits[:, 5] += 3
    grain = Palette(8, 3)(logits).std((2, 3))
    assert grain.max() < 1e-5


def test_a_fresh_palette_has_colours_all_over() -> None:
    torch.manual_seed(0)
    weight = Palette(32, 3).weight
    assert weight.abs().max() <= 1
    assert weight.std() > 0.4
