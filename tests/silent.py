"""A place between us and a server that can fall silent: connections stay open, and nothing comes through any more."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

BUFFER = 65536


class _Pair:
    """One connection of ours, and its way on."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.near, self.far = near, far
        self.is_deaf = False
        """Nothing reaches the server."""
        self.is_mute = False
        """Nothing comes back."""

    def start(self) -> None:
        threading.Thread(target=self._pass, args=(self.near, self.far, "is_deaf"), daemon=True).start()
        threading.Thread(target=self._pass, args=(self.far, self.near, "is_mute"), daemon=True).start()

    def _pass(self, here: socket.socket, there: socket.socket, silence: str) -> None:
        with suppress(OSError):
            while data := here.recv(BUFFER):
                if not getattr(self, silence):
                    there.sendall(data)
        if not (self.is_deaf or self.is_mute):
            with suppress(OSError):
                there.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for end in (self.near, self.far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes who reads there
            end.close()


class SilentProxy:
    """Listens at a port of this machine and passes everything on to `target`: a host and port, or a socket's path."""

    def __init__(self, target: tuple[str, int] | str) -> None:
        self._target = target
        self._pairs: list[_Pair] = []
        self._takes_silently = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for pair in self._pairs:
            pair.close()

    def silence_present(self, *, answers_only: bool = False) -> None:
        """What is connected by now goes dead; new connections work."""
        for pair in self._pairs:
            pair.is_mute = True
            pair.is_deaf = not answers_only

    def silence_all(self) -> None:
        """Like a frozen server: connections are accepted, and that is all."""
        self._takes_silently = True
        self.silence_present()

    def speak(self) -> None:
        """New connections work again."""
        self._takes_silently = False

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                pair = _Pair(near, self._connect())
                pair.is_deaf = pair.is_mute = self._takes_silently
                self._pairs.append(pair)
                pair.start()

    def _connect(self) -> socket.socket:
        if isinstance(self._target, str):
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            return far
        return socket.create_connection(self._target)
