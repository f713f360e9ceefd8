"""Ask a running backend one question."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TypeVar

from backend.cli.problem import Problem
from backend.cli.run_job import CLIENT_NAME
from backend.client import Client, Reach, Unreachable
from protocol import Event, Failure, Goodbye, Refused, Request, Welcome

Answer = TypeVar("Answer", bound=Event)

ANSWER_SECONDS = 20.0
"""For an answer: a scan of many models on a slow disk may take some seconds, nothing else takes one."""

NO_ANSWER = "no_answer"
"""Code of the failure when the backend listens but says nothing."""


def ask(reach: Reach, question: Request, answer: type[Answer]) -> Answer:
    """Return the backend's answer. Raises Problem when there is none, or it is a refusal."""
    return asyncio.run(_ask(reach, question, answer))


async def _ask(reach: Reach, question: Request, answer: type[Answer]) -> Answer:
    try:
        # for a backend that has to be started first, `reach` has a time of its own
        await reach()
        async with asyncio.timeout(ANSWER_SECONDS), Client(reach, secrets.token_hex(16), CLIENT_NAME) as client:
            return await _answer(client, question, answer)
    except Unreachable as error:
        raise Problem(error.failure) from error
    except TimeoutError as error:
        raise Problem(
            Failure(NO_ANSWER, "The backend does not answer.", "End it with 'scumble stop --force', then try again.")
        ) from error


async def _answer(client: Client, question: Request, answer: type[Answer]) -> Answer:
    async for news in client.news():
        if isinstance(news, Welcome):
            # a connection that is lost again meanwhile is followed by another Welcome
            with contextlib.suppress(ConnectionError):
                client.request(question)
        elif isinstance(news, answer):
            return news
        elif isinstance(news, (Refused, Goodbye)):
            raise Problem(news.failure)
    raise AssertionError("news never end without an answer or an error")
