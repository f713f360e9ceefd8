"""Sockets, token, sessions: frames in, messages out. One instance per user; imports no torch."""

from .discovery import Found as Found
from .instance import AlreadyRunning as AlreadyRunning
from .problem import CannotServe as CannotServe
from .serve import serve as serve
from .server import Server as Server
