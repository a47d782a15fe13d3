"""Any framing of any parts: the same frames at any split, the same bytes again, and bounds before memory."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import EncodeError, FrameError, FramingError
from protocol.frame_head import Kind, Part
from protocol.frame_length import WIDTHS, LengthForm, Notation
from protocol.framing import Frame, FrameReader, Framing, echoed, frame_bytes, sign_of_life, wrap
from protocol.framing_table import as_written, framing_of

LIMIT = 300
FORMS = st.sampled_from([LengthForm(width, notation) for notation in Notation for width in WIDTHS[notation]])
VALUES = st.binary(min_size=1, max_size=6)
SIZES = st.integers(1, 12)
PARTS = st.one_of(
    SIZES.map(lambda size: (Part(Kind.ECHO, size),)),
    VALUES.map(lambda value: (Part(Kind.FIXED, len(value), value),)),
    VALUES.map(lambda value: (Part(Kind.OURS, len(value), value),)),
    SIZES.map(lambda size: (Part(Kind.DESTINATION, size), Part(Kind.SOURCE, size))),
    FORMS.map(lambda form: (Part(Kind.LENGTH, form.width, form=form),)),
)


@st.composite
def framings(draw: st.DrawFn) -> Framing:
    trailer = draw(st.binary(max_size=3))
    return Framing(
        draw(FORMS),
        counts_itself=draw(st.booleans()),
        tpdu=draw(st.booleans()),
        header=sum(draw(st.lists(PARTS, max_size=3)), ()),
        trailer=trailer,
        counts_trailer=draw(st.booleans()) or not trailer,
        keep_alive=draw(st.sampled_from([b"", b"0000", b"PING"])),
    )


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


@settings(max_examples=50, deadline=None)
@given(
    framing=framings(),
    bodies=st.lists(st.binary(max_size=LIMIT), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0), max_size=12),
)
def test_frames_of_any_framing_come_back_at_any_split_and_written_again_are_the_same_bytes(
    framing: Framing, bodies: list[bytes], cuts: list[int]
) -> None:
    head = framing.head.sample()
    sent = [
        sign_of_life(framing, head) if body in (b"", framing.keep_alive) else wrap(framing, body, head)
        for body in bodies
    ]
    reader = FrameReader(framing, LIMIT, takes_empty=True)
    frames = [frame for piece in pieces(b"".join(sent), cuts) for frame in reader.feed(piece)]
    assert [b"" if body == framing.keep_alive else body for body in bodies] == [f.body for f in frames]
    assert [frame_bytes(framing, frame) for frame in frames] == sent
    assert [framing.head.unmeasured(frame.head) for frame in frames] == [framing.head.unmeasured(head)] * len(
        frames
    )
    assert reader.pending == 0
    for frame in frames:  # an answer to each can be written, and read by the other side
        answer = (
            echoed(framing, frame)
            if frame.is_empty
            else wrap(framing, frame.body, framing.head.of_answer(frame.head))
        )
        [back] = FrameReader(framing, LIMIT, takes_empty=True).feed(answer)
        assert back.body == frame.body


@settings(max_examples=50, deadline=None)
@given(framing=framings(), parts=st.lists(st.binary(max_size=80), max_size=8), taken=st.booleans())
def test_any_bytes_are_frames_or_a_frame_error_and_no_more_is_held_than_one_frame(
    framing: Framing, parts: list[bytes], taken: bool
) -> None:
    reader = FrameReader(framing, 64, takes_empty=taken)
    most = framing.length.width + framing.head.size + 64 + len(framing.trailer)
    for part in parts:
        try:
            frames = reader.feed(part)
        except FrameError:
            assert reader.pending == 0
            break
        assert reader.pending < most
        assert all(len(frame.body) <= 64 and (taken or frame.body) for frame in frames)


@settings(max_examples=30, deadline=None)
@given(framing=framings(), body=st.binary(min_size=LIMIT + 1, max_size=LIMIT + 9))
def test_a_length_over_the_limit_is_refused_by_its_length_alone(framing: Framing, body: bytes) -> None:
    reader = FrameReader(framing, LIMIT)
    try:
        raw = wrap(framing, body, framing.head.sample())
    except EncodeError:
        assert min(framing.longest_message, _shortest_said(framing)) < len(body)
        return
    try:
        reader.feed(raw[: framing.length.width])
    except FrameError as error:
        assert str(error) == f"the message is {len(body)} bytes, at most {LIMIT}"
    else:
        raise AssertionError("it waits for a message that it may not take")


def _shortest_said(framing: Framing) -> int:
    """The longest message that every length in the head can say."""
    return min(
        (part.form.longest - framing.head.size for part in framing.header if part.form is not None),
        default=framing.longest_message,
    )


@settings(max_examples=30, deadline=None)
@given(framing=framings())
def test_a_framing_is_written_as_it_is_read(framing: Framing) -> None:
    assert framing_of(as_written(framing)) == framing


TABLES = st.dictionaries(
    st.sampled_from(
        ["length", "counts_itself", "tpdu", "header", "trailer", "counts_trailer", "keep_alive", "no"]
    ),
    st.one_of(
        st.booleans(),
        st.integers(),
        st.sampled_from(
            ["2be", "9hex", "4ascii", "", "03", "0", "echo 6", "length 4hex", "fixed 6", "swap 3"]
        ),
        st.lists(
            st.sampled_from(["echo 300", "destination 2", "source 2", "source 3", "fixed 60", "ours é"]),
            max_size=3,
        ),
        st.text(max_size=6),
    ),
)


@settings(max_examples=50, deadline=None)
@given(said=st.one_of(TABLES, st.text(max_size=20), TABLES.map(str), st.none(), st.integers()))
def test_whatever_is_said_is_a_framing_or_a_framing_error(said: object) -> None:
    try:
        framing = framing_of(said)
    except FramingError:
        return
    raw = sign_of_life(framing, framing.head.own())
    assert FrameReader(framing, takes_empty=True).feed(raw) == [
        Frame(b"", raw[framing.length.width : framing.message_at], raw)
    ]
