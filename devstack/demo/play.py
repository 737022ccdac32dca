"""The performance: every scene in a thread of its own, every text printed as the phone gets it."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from devstack.demo.scenes import OPENING, OPENING_ALLOWED_MS, PROGRAMME, Cast, Scene, Story
from devstack.demo.verdict import Owed
from twilio_emulator.client import EmulatorClient

LOOK_SECONDS = 0.1
BETWEEN_SCENES_SECONDS = 0.7
# How long after the last moment of interest an extra text is still waited for.
QUIET_MS = 3000


@dataclass
class Performance:
    """What was owed, what arrived, and which scenes broke off."""

    owed: list[Owed] = field(default_factory=list)
    arrived: list[dict[str, Any]] = field(default_factory=list)
    accidents: list[str] = field(default_factory=list)


class Transcript:
    """Prints what happens, one line at a time, on the salons' clock."""

    def __init__(self, cast: Cast) -> None:
        self._zone, self._lock = cast.zone, threading.Lock()
        print(f"\nTimes are the salons' own ({cast.zone.key}).\n")

    def action(self, text: str) -> None:
        self._line(time.time(), f"staff           {text}")

    def text(self, message: dict[str, Any]) -> None:
        segments = f"{message['segments']} segment{'' if message['segments'] == 1 else 's'}"
        self._line(message["accepted_at_ms"] / 1000, f"{message['to']}   {message['body']}   [{segments}]")

    def _line(self, at: float, text: str) -> None:
        local = datetime.fromtimestamp(at, UTC).astimezone(self._zone)
        with self._lock:
            print(f"{local:%H:%M:%S}  {text}", flush=True)


class Phones:
    """What all phones have got so far; one thread looks, the scenes ask."""

    def __init__(self, twilio: EmulatorClient, transcript: Transcript) -> None:
        self._twilio, self._transcript = twilio, transcript
        self.messages: list[dict[str, Any]] = []

    def look(self) -> None:
        messages = self._twilio.messages()
        for message in messages[len(self.messages) :]:
            self._transcript.text(message)
        self.messages = messages

    def have(self, owed: Owed) -> bool:
        return any((text["to"], text["body"]) == (owed.phone, owed.body) for text in self.messages)


def play(cast: Cast, twilio: EmulatorClient) -> Performance:
    """Perform the programme and watch the phones until every moment of interest has passed."""
    transcript = Transcript(cast)
    phones = Phones(twilio, transcript)
    programme = (OPENING, *PROGRAMME)
    scenes = [_scene(number, story, cast, transcript, phones) for number, story in enumerate(programme, start=1)]
    scenes[0].allowed_ms = OPENING_ALLOWED_MS
    opened = threading.Event()
    with ThreadPoolExecutor(len(scenes)) as stage:
        acts = [stage.submit(_perform, story, scene, opened) for story, scene in zip(programme, scenes, strict=True)]
        while not all(act.done() for act in acts) or time.time() * 1000 < _end_ms(scenes):
            phones.look()
            time.sleep(LOOK_SECONDS)
    phones.look()
    return Performance(
        owed=[owed for scene in scenes for owed in scene.owed],
        arrived=phones.messages,
        accidents=[accident for scene, act in zip(scenes, acts, strict=True) for accident in _accidents(scene, act)],
    )


def _perform(story: Story, scene: Scene, opened: threading.Event) -> None:
    """The opening first, then all others, one beginning shortly after the other."""
    if story is OPENING:
        try:
            story.act(scene)
        finally:
            opened.set()
    else:
        opened.wait()
        time.sleep(BETWEEN_SCENES_SECONDS * (scene.number - 2))
        story.act(scene)


def _scene(number: int, story: Story, cast: Cast, transcript: Transcript, phones: Phones) -> Scene:
    return Scene(
        name=story.name,
        cast=cast,
        salon=cast.salons[story.salon],
        customer=story.customer,
        number=number,
        say=transcript.action,
        has_arrived=phones.have,
    )


def _end_ms(scenes: list[Scene]) -> float:
    return max(scene.watched_until_ms for scene in scenes) + QUIET_MS


def _accidents(scene: Scene, act: "Future[None]") -> list[str]:
    error = act.exception()
    return [f"{scene.name}: broke off: {error}"] if error else []
