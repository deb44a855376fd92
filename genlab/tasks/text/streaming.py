"""Streaming output: turns tokens into characters as soon as they are final."""

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream


class WrittenText:
    """Holds back incomplete characters and possible stop strings; ends at a stop string or the end token."""

    def __init__(self, tokenizer: Tokenizer, end: int | None, stop: tuple[str, ...]) -> None:
        self.tokenizer, self.end, self.stop = tokenizer, end, stop
        self.stream = DecodeStream(skip_special_tokens=True)
        self.hold = max((len(one) for one in stop), default=1) - 1
        self.held = ""
        self.ended = False

    def add(self, token: int) -> str:
        """Adds a token and returns the characters that it completes; none once the text has ended."""
        if self.ended:
            return ""
        if token == self.end:
            return self.rest()
        self.held += self.stream.step(self.tokenizer, token) or ""
        cuts = [place for one in self.stop if (place := self.held.find(one)) >= 0]
        if cuts:
            self.held = self.held[: min(cuts)]
            return self.rest()
        shown = self.held[: max(0, len(self.held) - self.hold)]
        self.held = self.held[len(shown) :]
        return shown

    def rest(self) -> str:
        """Ends the text and returns the characters held back."""
        shown, self.held, self.ended = self.held, "", True
        return shown
