"""Prism, an independent reader of OpenAPI descriptions: in a provider's place, or between it and us."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.sandbox.listener import free_port
from tests.corpus.official import HERE, METHODS, relaxed
from tests.node.peers import NODE, PRISM


class Prism:
    """One running Prism."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self._log = log

    def violations(self) -> list[str]:
        """Return what Prism found wrong with requests and answers so far; whole once it has ended."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", self._log.read_text())
        return re.findall(r"Violation: (.*)", text) + re.findall(r"terminated with error: .*", text)

    def validated(self) -> int:
        """Return how many requests passed."""
        return self._log.read_text().count("The request passed the validation rules")


@contextmanager
def prism(provider: str, directory: Path, *, upstream: str | None = None, ca_file: str = "") -> Iterator[Prism]:
    """Start Prism with a provider's description: as mock, or as proxy before `upstream`."""
    description, log = directory / f"{provider}.json", directory / f"{provider}.log"
    description.write_text(json.dumps(_for_prism(json.loads((HERE / provider / "openapi.json").read_text()))))
    port = free_port()
    # Mailgun's own examples contradict its schemas, so that in a mock --errors would blame Prism's answers on us
    strict = ["--errors"] if upstream or provider == "sendgrid" else []
    words = ["proxy" if upstream else "mock", "-h", "127.0.0.1", "-p", str(port), *strict, str(description)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [NODE, PRISM, *words, *([upstream] if upstream else [])],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": ca_file, "NO_COLOR": "1"},
        )
    try:
        deadline = time.monotonic() + 60
        while "Prism is listening" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield Prism(f"http://127.0.0.1:{port}", log)
    finally:
        process.terminate()
        process.wait(10)


def _for_prism(document: dict) -> dict:
    """Return the description with lists in forms taken as one string too: Prism does not see one value as a list."""
    document = relaxed(document)
    forms = [
        content["schema"]
        for item in document["paths"].values()
        for method in METHODS
        for media, content in item.get(method, {}).get("requestBody", {}).get("content", {}).items()
        if media == "multipart/form-data"
    ]
    for form in forms:
        name = form.get("$ref", "").rpartition("/")[2]
        for field in (document["components"]["schemas"][name] if name else form)["properties"].values():
            if field.get("type") == "array":
                field["type"] = ["array", "string"]
    return document
