"""Signals to a run: a wish to stop is cleaned up after, and waits while a run becomes visible."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


class Interrupted(BaseException):
    """The run was asked to stop by a signal; not an Exception, so that nothing takes it for a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Turn SIGTERM, SIGINT and SIGHUP into `Interrupted`, so that everything is cleaned up on the way out.

    A signal that the process was started to ignore stays ignored, such as SIGHUP under ``nohup``.
    """

    def stop(number: int, _frame: Any) -> None:
        raise Interrupted(number)

    if threading.current_thread() is not threading.main_thread():  # only there may handlers be set
        yield
        return
    wishes = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    handled = [number for number in wishes if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def signals_deferred() -> Iterator[None]:
    """Hold signals back for the moment in which a run becomes visible."""
    blocked = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
