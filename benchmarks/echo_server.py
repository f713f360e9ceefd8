"""A backend whose executor echoes, in a process of its own: `python -m benchmarks.echo_server`, ended by a signal."""

from __future__ import annotations

from backend.models import Library
from backend.places import Places
from backend.server import serve
from benchmarks.echo import Echo

if __name__ == "__main__":
    places = Places.of_user()
    raise SystemExit(serve(places, executor=Echo(), library=Library(places.models)))
