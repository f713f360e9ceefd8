"""A real worker process around an engine without torch, whose conduct is the first word of a plan's prompt."""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

from backend.executors import worker
from backend.plan import DeviceLost, Finished, PictureMade, Stepped, Stopped
from protocol import Bounds, DeviceInfo, Picture, Raster


class PlainEngine:
    device = DeviceInfo("plain", "cpu", 1)

    def run(self, plan, contents, emit, cancelled):
        emit(Stepped("loading", step=os.getpid()))
        conduct, _, argument = plan.words_of(0).prompt.text.partition(" ")
        getattr(self, conduct)(argument, plan, contents, emit, cancelled)

    def echo(self, argument, plan, contents, emit, cancelled):
        for picture, seed in enumerate(plan.seeds):
            image = plan.image
            made = Picture(image, Bounds(0, 0, image.width, image.height), seed)
            emit(PictureMade(picture, made, contents[image.content]))
        emit(Finished(("echoed",)))

    def stripes(self, argument, plan, contents, emit, cancelled):
        """More pictures than anybody keeps unheard."""
        for number in range(int(argument)):
            content = number.to_bytes(4, "big") * 256
            raster = Raster(hashlib.sha256(content).hexdigest(), len(content), 16, 16, "rgba")
            emit(PictureMade(number, Picture(raster, Bounds(0, 0, 16, 16), 0), content))
        emit(Finished())

    def until_cancelled(self, argument, plan, contents, emit, cancelled):
        emit(Stepped("painting", step=1, steps=2))
        while not cancelled():
            time.sleep(0.002)
        emit(Stopped())

    def until_cancelled_silently(self, argument, plan, contents, emit, cancelled):
        emit(Stepped("painting", step=1, steps=2))
        while not cancelled():
            time.sleep(0.002)

    def deaf(self, argument, plan, contents, emit, cancelled):
        """A step that never asks whether it is cancelled; `untied` leaves the end of input as the one tie."""
        if argument == "untied":
            ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
        emit(Stepped("painting", step=1, steps=2))
        while True:
            time.sleep(0.1)

    def hogging(self, argument, plan, contents, emit, cancelled):
        """Native code that does not let go of the interpreter."""
        emit(Stepped("painting", step=1, steps=2))
        ctypes.PyDLL(None).sleep(600)

    def printing(self, argument, plan, contents, emit, cancelled):
        print("a stray print")
        os.write(1, b"a stray write\n")
        libc = ctypes.CDLL(None)
        libc.puts(b"a stray puts")
        libc.fflush(None)
        subprocess.run([sys.executable, "-c", "print('a stray child')"], check=True)
        print(f"input is {sys.stdin.read()!r}")
        emit(Finished())

    def losing_its_device(self, argument, plan, contents, emit, cancelled):
        raise DeviceLost("an illegal memory access was encountered")

    def with_child(self, argument, plan, contents, emit, cancelled):
        """A child that outlives the worker and was given every inheritable file."""
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], close_fds=False)
        emit(Stepped("painting", step=child.pid, steps=2))
        child.wait()

    def raising(self, argument, plan, contents, emit, cancelled):
        raise MemoryError if argument == "memory" else ValueError(f"told to raise: {argument}")

    def without_end(self, argument, plan, contents, emit, cancelled):
        pass

    def two_ends(self, argument, plan, contents, emit, cancelled):
        emit(Finished(("the first",)))
        emit(Finished(("the second",)))

    def leaving(self, argument, plan, contents, emit, cancelled):
        os._exit(int(argument))

    def babbling(self, argument, plan, contents, emit, cancelled):
        """Bytes that are no frame, in the very place of frames: its own copy of the pipe is found by what it is."""
        for fd in map(int, os.listdir("/proc/self/fd")):
            try:
                if fd > 2 and os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:"):
                    os.write(fd, b"this is no frame, whatever it is")
            except OSError:
                continue
        time.sleep(600)

    def report(self, argument, plan, contents, emit, cancelled):
        folder, path = os.getcwd(), os.pathsep.join(sys.path)
        emit(Finished((folder, path, sys.argv[1], os.environ.get("HF_HUB_OFFLINE", ""), str("torch" in sys.modules))))


def make(models: Path) -> PlainEngine:
    conduct = models.name
    if conduct == "broken":
        import no_such_module_anywhere  # noqa: F401
    if conduct == "hanging":
        time.sleep(600)
    if conduct == "slow":
        waits_for = models.parent / "go"
        while not waits_for.exists():
            time.sleep(0.01)
    return PlainEngine()


if __name__ == "__main__":
    worker.main(make)
