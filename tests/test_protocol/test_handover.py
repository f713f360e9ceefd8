"""Pixels handed over by files: to the bit, of nobody else's files, and in chunks wherever that does not work."""

import os
import stat

import pytest

from protocol import (
    ChunkError,
    Content,
    ContentError,
    Conversation,
    Failure,
    Fetch,
    Goodbye,
    Hello,
    Laid,
    Lay,
    Lies,
    Need,
    Overrun,
    Raster,
    Take,
    Welcome,
    content_name,
    decode_chunk,
    encode_message,
)

CONTENT = bytes(range(256)) * 5000
"""More than one block."""

NAME = content_name(CONTENT)
SHORT = b"a few"


def raster_of(content, size=None):
    # packed, so that any number of bytes will do
    return Raster(content_name(content), size or len(content), 1, 1, "gray", encoding="zlib")


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


class Ends:
    """A client and a server that have greeted; `spooled` is what lies on the server's disk."""

    def __init__(self, inbox="", client_has=(), spooled=(), server_has=()):
        self.client = Conversation("client", {content_name(one): one for one in client_has}.get, by_file=True)
        self.spooled = dict(spooled)
        provided = {content_name(one): one for one in server_has}
        self.server = Conversation("server", provided.get, lying=self.spooled.get)
        self.client.send(Hello("an installation"))
        self.server.send(Welcome("a server", inbox=str(inbox)))
        self.frames, self.heard = [], {self.client: [], self.server: []}
        self.run()

    def run(self):
        """Pass frames and do errands until nothing is left; return what the client and what the server heard since."""
        self.heard = {self.client: [], self.server: []}
        moved = True
        while moved:
            moved = False
            for sender, reader in ((self.client, self.server), (self.server, self.client)):
                if (errand := sender.next_errand()) is not None:
                    self.heard[sender] += sender.carried_out(errand, errand.carry_out())
                    moved = True
                if (frame := sender.next_frame()) is not None:
                    self.frames.append(frame)
                    self.heard[reader] += reader.receive(frame)
                    moved = True
        return self.heard[self.client], self.heard[self.server]

    def chunks(self):
        return [frame for frame in self.frames if isinstance(frame, bytes)]


def test_an_attachment_is_laid_and_taken(inbox):
    ends = Ends(inbox, client_has=[CONTENT, SHORT])
    ends.server.ask([raster_of(CONTENT), raster_of(SHORT)])
    _, heard = ends.run()
    assert heard == [Content(NAME, CONTENT), Content(content_name(SHORT), SHORT)]
    assert ends.chunks() == []
    assert list(inbox.iterdir()) == []


def test_a_picture_is_read_where_it_lies(tmp_path):
    path = tmp_path / "of the server's"
    path.write_bytes(b"before it" + CONTENT + b"behind it")
    ends = Ends(tmp_path, spooled={NAME: (str(path), len(b"before it"))})
    ends.client.ask([raster_of(CONTENT)])
    heard, _ = ends.run()
    assert heard == [Content(NAME, CONTENT)]
    assert ends.chunks() == []
    assert path.exists(), "it is not the client's to remove"


def test_what_is_in_memory_only_comes_in_chunks(inbox):
    ends = Ends(inbox, server_has=[SHORT])
    ends.client.ask([raster_of(SHORT)])
    heard, _ = ends.run()
    assert heard == [Content(content_name(SHORT), SHORT)]
    assert [decode_chunk(frame).content for frame in ends.chunks()] == [content_name(SHORT)]


def test_without_an_inbox_everything_comes_in_chunks(tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    ends = Ends("", client_has=[SHORT], spooled={NAME: (str(tmp_path / "file"), 0)}, server_has=[CONTENT])
    ends.server.ask([raster_of(SHORT)])
    ends.client.ask([raster_of(CONTENT)])
    client, server = ends.run()
    assert server == [Content(content_name(SHORT), SHORT)]
    assert client == [Content(NAME, CONTENT)]
    assert len(ends.chunks()) == 3


def test_an_older_client_is_sent_chunks(inbox, tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    ends = Ends(inbox, spooled={NAME: (str(tmp_path / "file"), 0)}, server_has=[CONTENT])
    ends.client.ask([raster_of(CONTENT)])
    ends.client.next_frame()
    ends.server.receive(f'{{"type":"need","contents":["{NAME}"]}}')
    assert ends.run()[0] == [Content(NAME, CONTENT)]
    assert ends.chunks()


def test_a_client_that_cannot_write_there_sends_chunks_from_then_on(inbox):
    ends = Ends(inbox, client_has=[CONTENT, SHORT])
    inbox.rmdir()
    ends.server.ask([raster_of(CONTENT)])
    assert ends.run()[1] == [Content(NAME, CONTENT)]
    inbox.mkdir()
    ends.server.ask([raster_of(SHORT)])
    assert ends.run()[1] == [Content(content_name(SHORT), SHORT)]
    assert len(ends.chunks()) == 3


def test_a_disk_that_is_full_leaves_nothing_behind(inbox, monkeypatch):
    def full(*_):
        raise OSError(28, "no space left")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr("pathlib.Path.replace", full)
    assert not Lay(str(inbox), NAME, CONTENT).carry_out()
    assert list(inbox.iterdir()) == []


def test_what_is_laid_is_for_this_user_only(inbox):
    assert Lay(str(inbox), NAME, CONTENT).carry_out()
    assert stat.S_IMODE((inbox / NAME).stat().st_mode) == 0o600


def test_a_server_that_finds_nothing_there_says_so_and_gets_chunks(inbox):
    """A client in a sandbox sees another folder under that name."""
    ends = Ends(inbox, client_has=[CONTENT])
    ends.server.ask([raster_of(CONTENT)])
    ends.client.receive(ends.server.next_frame())
    lay = ends.client.next_errand()
    assert lay.carry_out()
    (inbox / NAME).unlink()
    ends.client.carried_out(lay, outcome=True)
    assert ends.run() == ([], [Content(NAME, CONTENT)])
    assert ends.chunks()


@pytest.mark.parametrize("harm", [b"", CONTENT[:-1], CONTENT + b"!", CONTENT[:-1] + b"!"])
def test_a_file_that_is_not_what_its_name_says_ends_the_connection(inbox, harm):
    ends = Ends(inbox)
    ends.server.ask([raster_of(CONTENT)])
    (inbox / NAME).write_bytes(harm)
    ends.server.receive(encode_message(Laid(NAME)))
    errand = ends.server.next_errand()
    with pytest.raises(ContentError):
        ends.server.carried_out(errand, errand.carry_out())
    assert '"goodbye"' in [ends.server.next_frame(), ends.server.next_frame()][-1]
    assert list(inbox.iterdir()) == []


def test_memory_that_does_not_suffice_for_it_is_as_if_nothing_lay_there(inbox, monkeypatch):
    def full(_):
        raise MemoryError

    monkeypatch.setattr("protocol.handover._memory", full)
    ends = Ends(inbox, client_has=[CONTENT])
    ends.server.ask([raster_of(CONTENT)])
    assert ends.run()[1] == [Content(NAME, CONTENT)]
    assert ends.chunks()
    assert list(inbox.iterdir()) == []


def test_neither_links_nor_pipes_are_read(inbox, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)
    (inbox / NAME).symlink_to(secret)
    assert Take(str(inbox), NAME, len(CONTENT)).carry_out() is None
    assert secret.read_bytes() == CONTENT
    os.mkfifo(inbox / NAME)
    assert Take(str(inbox), NAME, len(CONTENT)).carry_out() is None
    assert list(inbox.iterdir()) == []
    (tmp_path / "link").symlink_to(secret)
    assert Fetch(str(tmp_path / "link"), NAME, 0, len(CONTENT)).carry_out() is None
    os.mkfifo(tmp_path / "pipe")
    assert Fetch(str(tmp_path / "pipe"), NAME, 0, len(CONTENT)).carry_out() is None


@pytest.mark.parametrize("harm", [CONTENT[:-1], b"!" + CONTENT[1:], None])
def test_a_picture_that_cannot_be_read_there_is_asked_for_in_chunks(tmp_path, harm):
    path = tmp_path / "file"
    if harm is not None:
        path.write_bytes(harm)
    ends = Ends(tmp_path, spooled={NAME: (str(path), 0)}, server_has=[CONTENT])
    ends.client.ask([raster_of(CONTENT)])
    assert ends.run()[0] == [Content(NAME, CONTENT)]
    assert ends.chunks()


def test_memory_of_the_readers_own_is_filled(tmp_path):
    (tmp_path / "file").write_bytes(b"." + CONTENT)
    made = []

    def room(size):
        made.append(bytearray(size))
        return made[-1]

    found = Fetch(str(tmp_path / "file"), NAME, 1, len(CONTENT)).carry_out(room)
    assert found is made[0]
    assert found == CONTENT


@pytest.mark.parametrize("message", [Laid(NAME), Lies(NAME, "/somewhere")])
def test_what_was_not_asked_for_ends_the_connection(inbox, message):
    ends = Ends(inbox)
    reader = ends.server if isinstance(message, Laid) else ends.client
    with pytest.raises(ChunkError):
        reader.receive(encode_message(message))
    assert reader.next_errand() is None


def test_what_was_given_up_is_removed_without_a_word(inbox):
    ends = Ends(inbox, client_has=[CONTENT])
    ends.server.ask([raster_of(CONTENT)])
    ends.client.receive(ends.server.next_frame())
    lay = ends.client.next_errand()
    ends.client.withdraw([NAME])
    ends.server.forget([NAME])
    ends.client.carried_out(lay, lay.carry_out())
    assert ends.run() == ([], [])
    assert list(inbox.iterdir()) == []
    assert not any(isinstance(frame, str) and "goodbye" in frame for frame in ends.frames)


def test_what_is_withdrawn_in_time_is_not_laid(inbox):
    ends = Ends(inbox, client_has=[CONTENT])
    ends.server.ask([raster_of(CONTENT)])
    ends.client.receive(ends.server.next_frame())
    ends.client.withdraw([NAME])
    assert ends.client.next_errand() is None


def test_asked_for_once_more_while_it_is_taken_it_is_taken_once(inbox):
    ends = Ends(inbox, client_has=[CONTENT])
    ends.server.ask([raster_of(CONTENT)])
    ends.client.receive(ends.server.next_frame())
    lay = ends.client.next_errand()
    lay.carry_out()
    ends.server.forget([NAME])
    ends.server.ask([raster_of(CONTENT)])
    ends.client.carried_out(lay, outcome=True)
    assert ends.run()[1] == [Content(NAME, CONTENT)]
    assert list(inbox.iterdir()) == []


def test_a_laid_of_a_server_without_an_inbox_touches_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).write_bytes(CONTENT)
    ends = Ends("", client_has=[CONTENT])
    ends.server.ask([raster_of(CONTENT)])
    ends.server.receive(encode_message(Laid(NAME)))
    assert ends.server.next_errand() is None
    assert (tmp_path / NAME).exists()
    assert [ends.server.next_frame() for _ in range(3)][1].startswith('{"type":"refused","request":"laid"')


def test_an_errand_of_another_conversation_is_passed_over(inbox):
    old, new = Ends(inbox, client_has=[CONTENT]), Ends(inbox, client_has=[CONTENT])
    old.server.ask([raster_of(CONTENT)])
    old.client.receive(old.server.next_frame())
    lay = old.client.next_errand()
    assert new.client.carried_out(lay, outcome=True) == []
    assert new.client.next_frame() is None


def test_after_a_goodbye_nothing_is_done(inbox):
    ends = Ends(inbox, client_has=[CONTENT])
    ends.server.ask([raster_of(CONTENT)])
    need = ends.server.next_frame()
    ends.client.receive(need)
    ends.client.send(Goodbye(Failure("server_stopping", "It stops.", "Start it again.")))
    assert ends.client.next_errand() is None


def test_many_laid_at_once_are_too_many(inbox, monkeypatch):
    monkeypatch.setattr("protocol.conversation.MAX_UNREAD_CONTENTS", 3)
    ends = Ends(inbox)
    ends.server.ask([raster_of(SHORT)])
    ends.server.forget([content_name(SHORT)])
    for _ in range(3):
        ends.server.receive(encode_message(Laid(content_name(SHORT))))
    with pytest.raises(Overrun):
        ends.server.receive(encode_message(Laid(content_name(SHORT))))


def test_a_need_says_whether_files_are_read(inbox):
    ends = Ends(inbox)
    ends.client.ask([raster_of(SHORT)])
    assert ends.client.next_frame() == encode_message(Need((content_name(SHORT),), lying=True))
