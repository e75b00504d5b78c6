"""A root helper's socket with answers of the test's own."""

import contextlib
import socket
import threading


class FakeHelper:
    """Answers each request by `answer(line)`; None: never."""

    def __init__(self, path, answer):
        self.requests = []
        self._answer = answer
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(16)
        self._held = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        for connection in self._held:
            connection.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._held.append(connection)
                line = b""
                while not line.endswith(b"\n"):
                    line += connection.recv(65536)
                self.requests.append(line)
                answer = self._answer(line)
                if answer is not None:
                    connection.sendall(answer)
