"""What the positions of a picture attend to in its description, while a flow makes it."""

from dataclasses import replace

from genlab.data.pictures.pixels import to_bytes
from genlab.data.pictures.wording import words_of
from genlab.engine.machine import Machine
from genlab.engine.pipeline import AttentionMap
from genlab.errors import InputError
from genlab.layers.attention import watch
from genlab.models.flow import LOWEST, Flow
from genlab.tasks.images.making import AlongFlow, Latents
from genlab.tasks.images.options import FlowAttentionRequest, FlowRequest
from genlab.tasks.shared.attention_maps import attention_map

BEGINNING = "(start)"
"""Name of the index that every description begins with."""


def step_at(time: float, steps: int) -> int:
    """The index of the step that begins nearest to a time in [0, 1]; the last one begins at 1 - 1 / steps."""
    return min(round(time * steps), steps - 1)


def attention_to_words(
    maker: AlongFlow, noise: Latents, request: FlowAttentionRequest, machine: Machine
) -> list[AttentionMap]:
    """The map of the cross-attention at one time of the flow; call it in the context `evaluating` of the network.

    Args:
        maker: Makes pictures with the network.
        noise: The latent vector of the picture, one row.
        request: The description, and the time.
        machine: The machine to run on.

    Raises:
        InputError: no word of the prompt is known, the run has no descriptions, or its network is custom.
    """
    if not isinstance(maker.network, Flow):
        raise InputError("A custom network has no attention to show.", "run")
    if not maker.vocabulary.words:
        raise InputError("A run without descriptions or classes has no attention to show.", "run")
    if not words_of(request.prompt):
        raise InputError("prompt: it is empty: describe the picture.", "prompt")
    maker.check_prompt(request.prompt)
    words = maker.words([request.prompt])
    asked = maker.with_request(FlowRequest(guidance=request.guidance, flow_steps=request.flow_steps))
    with watch(maker.network) as seen:
        made = asked.make(*machine.place((noise, words)))
    step = step_at(request.time, request.flow_steps)
    weights = seen["attention.cross_attention"][2 * step][0]  # Heun's method calls it twice per step
    positions = [f"{row},{column}" for row in range(LOWEST) for column in range(LOWEST)]
    shown = attention_map("cross", 0, weights, positions, [BEGINNING, *maker.read_words(words[0])])
    return [replace(shown, picture=to_bytes(made)[0])]
