"""Titles asked of a language model behind an HTTP interface as OpenAI's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from evenshelf.augmentation.base import Draw, DrawingMaker, Tell
from evenshelf.augmentation.exchanges import Record, ask, check_url, content_of
from evenshelf.augmentation.registry import register
from evenshelf.augmentation.sources import Source
from evenshelf.errors import InputError, SettingError
from evenshelf.parameters import check_range
from evenshelf.shop.label_words import label_names

PROMPT = (
    "Write another title that a shop could give to the same product, in the language of this one. "
    "Keep what kind of product it is. Answer with the title alone.\nKind: {label}\nTitle: {text}"
)
_QUOTES = "\"'`*“”‘’「」"


@dataclass(frozen=True)
class Cost:
    """What a run is going to cost, at most.

    Attributes
    ----------
    requests
        How many questions are not in the record yet, if each gives something new.
    input_tokens, output_tokens
        Of all of them: a token for each three bytes, which is many, and every answer at its full length.
    price
        At the prices that the maker was given.
    """

    requests: int
    input_tokens: int
    output_tokens: int
    price: float


@register
@dataclass(frozen=True)
class Chat(DrawingMaker):
    """Asks a server for other titles, and records every exchange; what is in the record is never asked again.

    Nothing is sent unless an address is named. What a server answers is not the same every time: what was made can be
    made again from the record alone.

    Parameters
    ----------
    url
        Of the interface, up to ``/v1``.
    model
        As the server calls it.
    record
        File of JSON lines.
    key
        Name of the environment variable that holds the key; empty sends none.
    replay
        Whether to answer from the record alone, without a network.
    prompt
        What is asked; ``{text}`` and ``{label}`` stand for the title and the name of its class.
    temperature
        In [0, 2].
    longest
        Tokens of an answer, at most.
    input_price, output_price
        Of a million tokens.
    budget
        What a call may cost at most; 0 sets no limit.
    parallel
        Questions at once, in [1, 32].
    """

    url: str = ""
    model: str = ""
    record: str = ""
    key: str = ""
    replay: bool = False
    prompt: str = PROMPT
    temperature: float = 0.9
    longest: int = 60
    input_price: float = 0.0
    output_price: float = 0.0
    budget: float = 0.0
    parallel: int = 4

    name: ClassVar[str] = "chat"
    title: ClassVar[str] = "Titles of a language model behind an interface"
    paper: ClassVar[str] = "Dai et al., arXiv 2302.13007, 2023 (AugGPT)"
    languages: ClassVar[str] = "those of the model, Chinese among them"
    reads_labels: ClassVar[bool] = True
    incidental: ClassVar[tuple[str, ...]] = (
        "record", "key", "replay", "input_price", "output_price", "budget", "parallel",
    )  # fmt: skip
    chunk: ClassVar[int] = 64

    def __post_init__(self) -> None:
        if "{text}" not in self.prompt:
            raise SettingError("prompt: it does not hold {text}, so that every question would be the same.")
        check_range("temperature", self.temperature, 0.0, 2.0)
        check_range("longest", self.longest, 1, whole=True)
        check_range("input_price", self.input_price, 0.0)
        check_range("output_price", self.output_price, 0.0)
        check_range("budget", self.budget, 0.0)
        check_range("parallel", self.parallel, 1, 32, whole=True)
        if self.budget and not (self.input_price or self.output_price):
            raise SettingError(
                "budget: there are no prices to hold it against.", hint="Give input_price, output_price."
            )

    def check_ready(self) -> None:
        """See :meth:`Maker.check_ready`."""
        missing = [name for name in ("url", "model", "record") if not getattr(self, name)]
        if missing:
            raise InputError(
                f"The maker chat needs {' and '.join(missing)}, as nothing is sent that was not asked for.",
                hint="Write chat(url='https://HOST/v1', model='NAME', key='NAME_OF_VARIABLE', record='asked.jsonl').",
            )
        check_url(self.url)
        if self.key and not self.replay and not os.environ.get(self.key):
            raise InputError(f"The environment variable {self.key} is not set.", hint=f"export {self.key}=...")

    def estimate(self, sources: Sequence[Source], *, copies: int, seed: int) -> Cost:
        """Return what it would cost at most to make so many variants, if each answer is new."""
        record = _record(self.record)
        bodies = [
            self._request(self.draw(source, number, seed))
            for source in dict.fromkeys(self.read_of(source) for source in sources)
            if self.refusal(source) is None
            for number in range(copies)
        ]
        new = [body for body in bodies if record.get(body) is None]
        tokens = sum(-(-len(body["messages"][0]["content"].encode()) // 3) for body in new)
        written = self.longest * len(new)
        price = (tokens * self.input_price + written * self.output_price) / 1e6
        return Cost(len(new), tokens, written, round(price, 6))

    def _made(self, sources: Sequence[Source], copies: int, seed: int, tell: Tell) -> list[list[str]]:
        if self.budget and not self.replay:
            cost = self.estimate(sources, copies=copies, seed=seed)
            if cost.price > self.budget:
                raise SettingError(
                    f"{cost.requests} questions may cost {cost.price:g}, and the budget is {self.budget:g}.",
                    hint="Ask for fewer copies or texts, or raise the budget.",
                )
        return super()._made(sources, copies, seed, tell)

    def drawn(self, asked: Sequence[Draw]) -> list[str]:
        """See :meth:`DrawingMaker.drawn`."""
        record = _record(self.record)
        key = os.environ.get(self.key, "") if self.key else ""

        def answered(one: Draw) -> str:
            request = self._request(one)
            response = record.get(request)
            if response is None:
                if self.replay:
                    raise InputError(
                        f"The record {self.record} does not hold what is asked for {one.source.text!r}.",
                        hint="Make it with the same seed and number of copies, or ask anew with replay=False.",
                    )
                body = {name: value for name, value in request.items() if name != "url"}
                response = ask(self.url, body, key)
                content_of(response)
                record.put(request, response)
            return _one_line(content_of(response))

        with ThreadPoolExecutor(self.parallel) as pool:
            waiting = [pool.submit(answered, one) for one in asked]
            try:
                return [one.result() for one in waiting]
            finally:
                # After a fault, or Ctrl-C, what is not under way is not asked.
                pool.shutdown(cancel_futures=True)

    def _request(self, asked: Draw) -> dict[str, Any]:
        label = " / ".join(label_names(asked.source.label)) if asked.source.label else "-"
        text = " ".join(asked.source.text.split())
        content = text.join(part.replace("{label}", label) for part in self.prompt.split("{text}"))
        return {
            "url": self.url,
            "model": self.model,
            "messages": [{"role": "user", "content": content}],
            "temperature": self.temperature,
            "max_tokens": self.longest,
            "seed": asked.rng.getrandbits(31),
        }


@lru_cache(maxsize=8)
def _record(path: str) -> Record:
    return Record(Path(path).expanduser())


def _one_line(text: str) -> str:
    """The first line of an answer that says something, without what models put around a title."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0].removeprefix("-").strip().strip(_QUOTES).strip() if lines else ""
