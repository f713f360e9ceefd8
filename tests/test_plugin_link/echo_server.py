"""A backend of a process of its own whose executor echoes; its argument is how many seconds each step takes."""

import sys

from backend.models import Library
from backend.places import Places
from backend.server import serve
from benchmarks.echo import Echo

if __name__ == "__main__":
    places = Places.of_user()
    raise SystemExit(serve(places, executor=Echo(float(sys.argv[1])), library=Library(places.models)))
