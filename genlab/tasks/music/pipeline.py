"""A trained model of music: its network, what it knows about its training pieces, and how it makes new ones."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from genlab.engine.files import read_json, write_json
from genlab.engine.machine import Machine
from genlab.engine.pipeline import Pipeline, Saved
from genlab.engine.samples import Sample
from genlab.show.soundfont import check_soundfont
from genlab.tasks.music.grids import VoiceFacts
from genlab.tasks.music.options import ChoraleOptions, TokenRequest, TransformerOptions
from genlab.tasks.music.pieces import sample_of
from genlab.tasks.music.tokens import TokenFacts
from genlab.tasks.music.voices import VoiceWriter
from genlab.tasks.music.writing import TokenWriter

FACTS = "music.json"


class MusicPipeline(Pipeline):
    """Makes music.

    Args:
        options: The model's options.
        facts: About the training pieces.
        networks: The network, by its name.
        machine: The machine that it runs on.
    """

    facts: Any
    """About the training pieces: `VoiceFacts`, or `TokenFacts`."""
    writer: Any
    """Makes the pieces: a `VoiceWriter`, or a `TokenWriter`."""

    def __init__(
        self, options: Any, facts: VoiceFacts | TokenFacts, networks: dict[str, nn.Module], machine: Machine
    ) -> None:
        self.options, self.facts, self.networks, self.machine = options, facts, networks, machine
        (self.network,) = networks.values()
        if isinstance(facts, VoiceFacts):
            self.writer = VoiceWriter(self.network, facts, machine)
        else:  # the state of a recurrent network carries over any number of tokens
            context = options.context if isinstance(options, TransformerOptions) else None
            self.writer = TokenWriter(self.network, facts, machine, context)

    def save(self, folder: Path) -> None:
        write_json(folder / FACTS, asdict(self.facts))

    @classmethod
    def load(cls, saved: Saved) -> "MusicPipeline":
        facts_type = VoiceFacts if isinstance(saved.options, ChoraleOptions) else TokenFacts
        facts = facts_type(**read_json(saved.path / FACTS))
        networks = saved.build(saved.options, facts, saved.networks)
        device = saved.machine.device
        return cls(saved.options, facts, {name: net.to(device) for name, net in networks.items()}, saved.machine)

    def generate(self, request: TokenRequest, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        """Yields the pieces.

        Raises:
            InputError: the request cannot be fulfilled.
        """
        if request.soundfont is not None:
            check_soundfont(request.soundfont)
        for score in self.writer.write(request, self.evaluating):
            yield sample_of(score, request.soundfont)
