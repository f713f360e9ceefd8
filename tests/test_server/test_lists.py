"""Who asks for a list gets an answer, whatever goes wrong while it is made."""

from __future__ import annotations

import pytest

from backend.models import Library, LoraFolder
from protocol import MAX_MESSAGE_BYTES, REQUESTS, GetStatus, ListLoras, ListModels, ListStyles, Models, Refused, Status


@pytest.mark.parametrize("asked", [ListModels(), ListStyles(), ListLoras()], ids=lambda asked: type(asked).__name__)
async def test_a_fault_while_a_list_is_made_is_answered_and_the_next_one_comes(meet, monkeypatch, asked):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    ana = await meet()
    with monkeypatch.context() as patch:
        patch.setattr(Library, "scan", refuse)
        patch.setattr(LoraFolder, "entries", refuse)
        await ana.say(asked)
        refused = await ana.wait_for(Refused)
    assert (REQUESTS[refused.request], refused.failure.code) == (type(asked), "internal")
    await ana.say(ListModels(), GetStatus())
    assert await ana.wait_for(Models)
    assert await ana.wait_for(Status)


async def test_a_list_that_cannot_travel_is_answered(meet, server, monkeypatch):
    (starter,) = await server.models()
    # each takes more than a hundred bytes
    many = (starter,) * (MAX_MESSAGE_BYTES // 100)

    async def models():
        return many

    monkeypatch.setattr(server, "models", models)
    ana = await meet()
    await ana.say(ListModels())
    assert (await ana.wait_for(Refused)).request == "list_models"
