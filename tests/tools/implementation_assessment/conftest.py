"""The demo county of the indicators."""

from tests.tools.indicators.conftest import demo

__all__ = ["demo"]
