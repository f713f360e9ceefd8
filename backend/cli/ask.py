"""Ask a running backend one question."""

from __future__ import annotations

import asyncio
import secrets
from typing import TypeVar

from backend.cli.problem import Problem
from backend.cli.run_job import CLIENT_NAME
from backend.client import Client, Reach, Unreachable
from protocol import Event, Failure, Goodbye, Refused, Request, Welcome

Answer = TypeVar("Answer", bound=Event)

ANSWER_SECONDS = 20.0
"""For an answer: a scan of many models on a slow disk may take some seconds, nothing else takes one."""


def ask(reach: Reach, question: Request, answer: type[Answer]) -> Answer:
    """Return the backend's answer. Raises Problem when there is none, or it is a refusal."""
    try:
        return asyncio.run(asyncio.wait_for(_ask(reach, question, answer), ANSWER_SECONDS))
    except TimeoutError as error:
        raise Problem(
            Failure("no_answer", "The backend does not answer.", "Stop it with 'scumble stop --force', then try again.")
        ) from error


async def _ask(reach: Reach, question: Request, answer: type[Answer]) -> Answer:
    async with Client(reach, secrets.token_hex(16), CLIENT_NAME) as client:
        try:
            async for news in client.news():
                if isinstance(news, Welcome):
                    client.request(question)
                elif isinstance(news, answer):
                    return news
                elif isinstance(news, (Refused, Goodbye)):
                    raise Problem(news.failure)
        except Unreachable as error:
            raise Problem(error.failure) from error
    raise AssertionError("news never end without an answer or an error")
