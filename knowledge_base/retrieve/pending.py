"""A question's vector, computed aside while the routes that need no vector are asked.

The default embedder computes outside the interpreter, for longer than those routes take: the search
then costs the longer of the two instead of both.
"""

import threading
import time
from concurrent.futures import Future

from llm.embeddings import Embedder, Vectors


class PendingVector:
    """The vector of a text; begun at once, in a thread of its own.

    Args:
        embedder: Computes it.
        text: The text.
    """

    def __init__(self, embedder: Embedder, text: str) -> None:
        self.embed_ms = 0.0
        """What the embedding took; 0 before it is done."""
        self.waited_ms = 0.0
        """How long `result` had to wait for it."""
        self._future: Future[Vectors] = Future()
        threading.Thread(target=self._run, args=(embedder, text), daemon=True).start()

    def _run(self, embedder: Embedder, text: str) -> None:
        begun = time.perf_counter()
        try:
            vector = embedder.embed_query(text)
        except BaseException as error:  # noqa: BLE001 - raised where the vector is asked for
            self._future.set_exception(error)
        else:
            self.embed_ms = (time.perf_counter() - begun) * 1000
            self._future.set_result(vector)

    def result(self) -> Vectors:
        """Return the vector in the embedder's own space, when it is there.

        Raises:
            ModelUnavailable: the embedding server does not answer.
        """
        begun = time.perf_counter()
        vector = self._future.result()
        self.waited_ms += (time.perf_counter() - begun) * 1000
        return vector
