"""What tests of the worker process send to it, and wait for."""

from __future__ import annotations

from backend.plan import Stepped

PIXELS = bytes(range(256)) * 16


def content(plan, data):
    return {plan.image.content: data}


async def until_painting(events):
    async for event in events:
        if isinstance(event, Stepped) and event.stage == "painting":
            return event
    raise AssertionError("it never painted")
