"""A trained model that changes pictures, and the reader of their present values."""

import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from genlab.data.pictures.attributes import Attribute
from genlab.data.pictures.originals import Original, original_of
from genlab.data.pictures.pixels import notes_on_numbers, picture_rows, to_bytes, to_tensor, whole_pictures
from genlab.data.shared.names import matching
from genlab.engine.files import read_json, write_json
from genlab.engine.machine import Machine
from genlab.engine.pipeline import Pipeline, Saved
from genlab.engine.progress import say
from genlab.engine.samples import Kind, Sample
from genlab.errors import InputError
from genlab.models.stargan import RestyleShape, change_between, rounded
from genlab.options import nearest
from genlab.show.sheets import png
from genlab.tasks.restyle.export import export_restyle
from genlab.tasks.restyle.foreign import foreign_kinds, notes_on
from genlab.tasks.restyle.options import RestyleRequest
from genlab.tasks.shared.judges import READER, Judge

Pictures = Float[Tensor, "batch channels side side"]
Values = Int[Tensor, "batch attributes"]
Pixels = UInt8[np.ndarray, "height width channels"]
PICTURES_PER_PASS = 100
"""Pictures per forward pass."""
MOMENTUM = 0.02
"""Weight of the newest batch in the running mean of the cycle error."""


@dataclass(frozen=True)
class RestyleFacts:
    """Facts about the training pictures that a trained model needs."""

    name: str
    """Name of the data."""
    channels: int
    """1 for grey, 3 for colour."""
    pixels: int
    """Side of the pictures."""
    attributes: list[Attribute]
    """The attributes that the model changes."""
    kept: list[Attribute]
    """The other attributes, which it must not change."""
    ranges: Mapping[str, Any] = field(default_factory=dict)
    """Black and white level of pictures with more than 8 bits per channel, by kind of picture."""

    @property
    def shape(self) -> RestyleShape:
        """The shape of the networks."""
        return RestyleShape(self.channels, self.pixels, [len(one.values) for one in self.attributes])

    def reader(self) -> Judge:
        """An untrained reader of all attributes, those to change first."""
        counts = [len(one.values) for one in [*self.attributes, *self.kept]]
        return Judge(self.channels, counts, self.pixels, READER)


class TypicalCycleError(nn.Module):
    """The cycle error of training pictures: the mean difference after changing a picture there and back."""

    value: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("value", torch.zeros(()))

    @torch.no_grad()
    def update(self, error: Tensor) -> None:
        """Adds the error of one batch to a running mean, which starts from the first one."""
        error = error.float()
        self.value.copy_(torch.where(self.value == 0, error, self.value.lerp(error, MOMENTUM)))


class RestylePipeline(Pipeline):
    """A generator that changes pictures, and a reader.

    Args:
        options: The model's options.
        facts: About the training pictures.
        networks: `generator`, which maps pictures and changes to pictures; `reader`, a classifier of
            present values; and `typical`.
        machine: The machine that they run on.
    """

    def __init__(self, options: Any, facts: RestyleFacts, networks: dict[str, nn.Module], machine: Machine) -> None:
        self.options, self.facts, self.networks, self.machine = options, facts, networks, machine
        self.generator = networks["generator"]
        reader = networks["reader"]
        assert isinstance(reader, Judge)
        self.reader: Judge = reader
        typical = networks["typical"]
        assert isinstance(typical, TypicalCycleError)
        self.typical = typical
        self.counts = facts.shape.counts
        self.arguments = {"generate": "photo.png" if self.counts == [2] else f"photo.png --set {self._example}"}

    def save(self, folder: Path) -> None:
        write_json(folder / "pictures.json", asdict(self.facts))

    @classmethod
    def load(cls, saved: Saved) -> "RestylePipeline":
        about = read_json(saved.path / "pictures.json")
        for name in ("attributes", "kept"):
            about[name] = [Attribute(**one) for one in about[name]]
        facts = RestyleFacts(**about)
        assert facts.channels in (1, 3), "pictures.json is damaged"
        networks = saved.build(saved.options, facts, saved.networks)
        networks |= {"reader": facts.reader(), "typical": TypicalCycleError()}
        device = saved.machine.device
        return cls(saved.options, facts, {name: net.to(device) for name, net in networks.items()}, saved.machine)

    @property
    def _example(self) -> str:
        """A change, as the command line takes it."""
        first = self.facts.attributes[0]
        return shlex.quote(f"{first.name}={first.values[0]}")

    # --- tensors ---

    def restyle(self, pictures: Pictures, source: Values, target: Values, strength: float = 1.0) -> Pictures:
        """Pictures in [-1, 1] with the values `source` changed to `target`."""
        change = change_between(source, target, self.counts)
        changed = pictures + strength * (self.generator(pictures, change) - pictures)
        return torch.where((change != 0).any(1)[:, None, None, None], changed, pictures)  # custom ones may change it

    def cycle_errors(self, pictures: Pictures, source: Values, target: Values) -> Float[Tensor, " batch"]:
        """Mean absolute difference of each picture after changing it there and, from 8 bits, back."""
        back = self.restyle(rounded(self.restyle(pictures, source, target)), target, source)
        return (back - pictures).abs().mean((1, 2, 3))

    # --- capabilities ---

    def generate(self, request: RestyleRequest, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        """Yields each picture with its new values, beside the picture before and the difference.

        Raises:
            InputError: the pictures, an attribute or a value cannot be used.
        """
        wanted = self._wanted(request.set)
        errors: list[tuple[float, str]] = []
        notes: list[str] = []
        foreign: list[tuple[str, str]] = []
        for pictures in request.pictures if isinstance(request.pictures, Iterator) else [request.pictures]:
            originals = self._originals(pictures, len(errors), notes)
            foreign += [(one.name, kind) for one in originals for kind in foreign_kinds(one.pixels, self.facts.shape)]
            for first in range(0, len(originals), PICTURES_PER_PASS):
                yield from self._changed(originals[first : first + PICTURES_PER_PASS], wanted, request, errors)
        for note in [*dict.fromkeys(notes), *notes_on(foreign, errors, self.typical.value.item())]:
            say(f"Note: {note}")

    def export(self, to: str, place: Path, card: str) -> None:
        export_restyle(self.generator, self.reader, self.facts, place)

    def _changed(
        self,
        originals: Sequence[Original],
        wanted: Mapping[int, int],
        request: RestyleRequest,
        errors: list[tuple[float, str]],
    ) -> Iterator[Sample]:
        """Changes some pictures, and adds the cycle error and the name of each to `errors`."""
        side = self.facts.pixels
        rows = np.concatenate([picture_rows(one.pixels, side, self.facts.channels) for one in originals])
        with self.evaluating():
            pictures = self.machine.place(to_tensor(rows))
            source = self.reader.read(pictures)[:, : len(self.counts)]
            target = source.clone()
            for attribute, value in wanted.items():
                target[:, attribute] = value
            if not wanted:  # two looks: each picture gets the other
                target = 1 - source
            there = self.restyle(pictures, source, target, request.strength).clamp(-1, 1).cpu()
            found = self.cycle_errors(pictures, source, self._changing(source, target, wanted)).tolist()
        before, after = to_tensor(rows), to_bytes(there)
        for place, original in enumerate(originals):
            errors.append((found[place], original.name))
            old, new = rows[place], after[place]
            if request.full_size:
                new = enlarged(original.pixels, before[place], there[place])
                old = original.pixels.repeat(new.shape[2] // original.pixels.shape[2], 2)
            yield Sample(
                Kind.PICTURE,
                new,
                {"png": png(new)},
                name=PurePosixPath(original.name).stem or None,
                about={
                    "source": original.name,
                    "changes": self._said(source[place].tolist(), target[place].tolist(), wanted, request.strength),
                },
                panels=[old, new, np.abs(new.astype(np.int16) - old).astype(np.uint8)],
            )

    def _said(self, source: list[int], target: list[int], wanted: Collection[int], strength: float) -> dict[str, str]:
        """The changes of one picture in words, by attribute; those `wanted` also where the value stays.

        At strength 0, nothing changes: the words are the present values.
        """
        said = {}
        for place, (attribute, old, new) in enumerate(zip(self.facts.attributes, source, target, strict=True)):
            if old != new:
                said[attribute.name] = attribute.values[old] + (f" -> {attribute.values[new]}" if strength else "")
            elif place in wanted:
                said[attribute.name] = f"{attribute.values[old]} already"
        return said

    def _changing(self, source: Values, target: Values, wanted: Collection[int]) -> Values:
        """`target`, with another value of an attribute where it would change nothing: the cycle error would be 0."""
        attribute = next(iter(wanted), 0)
        target = target.clone()
        same = (target == source).all(1)
        target[same, attribute] = (source[same, attribute] + 1) % self.counts[attribute]
        return target

    def _wanted(self, given: Mapping[str, str]) -> dict[int, int]:
        """The values to set, by the index of their attribute.

        Raises:
            InputError: an attribute or a value is unknown, or none is given where there is a choice.
        """
        attributes = self.facts.attributes
        wanted: dict[int, int] = {}
        for name, value in given.items():
            attribute, index = self._value(name, value)
            if attribute in wanted:
                raise InputError(f"set: {attributes[attribute].name} is given twice.", "set")
            wanted[attribute] = index
        if not wanted and self.counts != [2]:
            choices = "; ".join(f"{one.name}: {', '.join(one.values)}" for one in attributes)
            raise InputError(f"set: name the change, such as --set {self._example} ({choices}).", "set")
        return wanted

    def _value(self, name: str, value: str) -> tuple[int, int]:
        """The indices of an attribute and of one of its values, which may contain =, and may differ in case and spaces.

        Raises:
            InputError: one of them is unknown.
        """
        word, names = f"{name}={value}", [one.name for one in self.facts.attributes]
        parts = {word[:place]: word[place + 1 :] for place, letter in enumerate(word) if letter == "="}
        found = []
        for part, own in matching(parts, names).items():
            place, rest = names.index(own), parts[part]
            attribute = self.facts.attributes[place]
            found.append((place, attribute, matching([rest], attribute.values).get(rest, rest)))
        if not found:
            raise InputError(f"set: this run does not change {name!r}; choose from {nearest(name, names)}.", "set")
        found.sort(key=lambda split: (split[2] not in split[1].values, split[1].name != name))
        place, attribute, value = found[0]
        if value not in attribute.values:
            also = " Give each change a --set." if value.split(",")[0] in attribute.values else ""
            raise InputError(
                f"set: {attribute.name} has no value {value!r}; choose from {nearest(value, attribute.values)}.{also}",
                "set",
            )
        return place, attribute.values.index(value)

    def _originals(self, pictures: Any, before: int, notes: list[str]) -> list[Original]:
        """The pictures with their names; arrays are named by their position, after `before` others.

        Adds to `notes` what is odd about them.

        Raises:
            InputError: there are none, or an array does not hold pictures.
        """
        given = pictures if isinstance(pictures, (list, tuple)) else [pictures]
        if isinstance(pictures, (np.ndarray, Tensor)):
            pictures = whole_pictures(pictures, self.facts.channels, "pictures")
        elif not isinstance(pictures, (list, tuple)):
            pictures = [] if pictures is None else [pictures]
        if not len(pictures):
            raise InputError("pictures: give the pictures to change, an array or a list of arrays.", "pictures")
        found = [
            one if isinstance(one, Original) else original_of(one, str(place), self.facts.channels, self.facts.ranges)
            for place, one in enumerate(pictures, before)
        ]
        notes += notes_on_numbers(given)
        return found


def enlarged(
    original: Pixels, before: Float[Tensor, "layers side side"], after: Float[Tensor, "layers side side"]
) -> UInt8[np.ndarray, "height width most"]:
    """The original with the change from `before` to `after`, enlarged, in its central square."""
    height, width, channels = original.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    change = F.interpolate((after - before)[None], (side, side), mode="bicubic", antialias=True)[0]
    changed = original.repeat(max(1, len(before) // channels), 2)  # a grey original can get colours
    inside = to_tensor(changed[None, top : top + side, left : left + side])[0]
    changed[top : top + side, left : left + side] = to_bytes((inside + change)[None])[0]
    return changed
