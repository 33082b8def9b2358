"""A way to a server that may fall silent: it keeps every connection open, and passes nothing on."""

import selectors
import socket
import threading
from contextlib import suppress


class Proxy:
    """Forwards a local port to another, until it is told to be silent."""

    def __init__(self, port: int) -> None:
        self._server, self._ends = port, {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._forwards, self._ended = threading.Event(), threading.Event()
        self._forwards.set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def be_silent(self) -> None:
        self._forwards.clear()

    def speak(self) -> None:
        self._forwards.set()

    def _work(self) -> None:
        while not self._ended.is_set():
            if not self._forwards.wait(0.05):
                continue
            for key, _ in self._selector.select(0.05):
                if not self._forwards.is_set():
                    break
                self._accept() if key.fileobj is self._listener else self._forward(key.fileobj)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        far = socket.create_connection(("127.0.0.1", self._server))
        for one, other in ((near, far), (far, near)):
            self._ends[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _forward(self, end: socket.socket) -> None:
        if end not in self._ends:
            return
        data = b""
        with suppress(OSError):
            data = end.recv(65536)
            self._ends[end].sendall(data)
        if not data:
            for one in (end, self._ends[end]):
                self._selector.unregister(one)
                del self._ends[one]
                one.close()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        for end in (*self._ends, self._listener):
            end.close()
