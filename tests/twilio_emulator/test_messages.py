from __future__ import annotations

from twilio_emulator.messages import Message, Store


def add(store: Store, to: str, direction: str = "outbound-api") -> Message:
    return store.add(to=to, from_number="+15005550006", body="x", status="queued", direction=direction, segments=1)


def test_the_oldest_texts_make_room_for_new_ones() -> None:
    store = Store(keep=3)
    texts = [add(store, f"+44740012345{i}") for i in range(5)]
    assert len(store) == 3
    assert [m.sid for m in store.accepted_since(0, None)] == [m.sid for m in texts[2:]]
    assert store.get(texts[0].sid) is None
    assert store.phone_count == 3


def test_texts_to_one_number_are_found_without_the_others() -> None:
    store = Store(keep=100)
    wanted = [add(store, "+447400123456") for _ in range(3)]
    add(store, "+447400123457")
    assert list(store.newest_first(to="+447400123456", before=None)) == wanted[::-1]
    assert list(store.newest_first(to="+447400123456", before=wanted[1].number)) == [wanted[0]]


def test_texts_to_a_business_number_are_found_too() -> None:
    store = Store(keep=100)
    add(store, "+447400123456")
    reply = store.add(
        to="+15005550006",
        from_number="+447400123456",
        body="Hi",
        status="received",
        direction="inbound",
        segments=1,
    )
    assert list(store.newest_first(to="+15005550006", before=None)) == [reply]
    assert store.accepted_since(0, "+15005550006") == [reply]


def test_a_deleted_text_leaves_no_trace() -> None:
    store = Store(keep=100)
    message = add(store, "+447400123456")
    store.delete(message)
    assert (len(store), store.phone_count, store.get(message.sid)) == (0, 0, None)
