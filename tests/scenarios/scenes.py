"""Clean scenes one after the other: the next one is made ready while the present one plays."""

import contextlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

from tests.scenarios.scene import Scene


class Scenes:
    """Hands out scenes with the usual settings, each as if its world had just been started."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scenes")
        self._played: deque[Scene] = deque()
        self._worlds = contextlib.ExitStack()
        self._next: Future[Scene] | None = None

    def take(self) -> Scene:
        """Return a clean scene, and begin to make the next one ready."""
        ready = self._next or self._thread.submit(self._ready)
        self._next = None
        scene = ready.result()
        self._next = self._thread.submit(self._ready)
        return scene

    def give_back(self, scene: Scene) -> None:
        """Take a scene back, in whatever state it is."""
        self._played.append(scene)

    def close(self) -> None:
        """Stop every world."""
        if self._next:
            with contextlib.suppress(Exception):
                self._next.result()
        self._thread.shutdown()
        self._worlds.close()

    def _ready(self) -> Scene:
        if self._played:
            scene = self._played.popleft()
            try:
                scene.reset()
            except Exception as error:  # noqa: BLE001 (a scenario may leave anything behind; the next gets a new world)
                print(f"a scene could not be reset: {error!r}")
                scene.world.stop()
            else:
                return scene
        return self._worlds.enter_context(Scene.temporary())
