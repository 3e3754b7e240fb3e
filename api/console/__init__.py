"""The pages: server-rendered, in Chinese and English, working without JavaScript."""

from api.console.pages import mount

__all__ = ["mount"]
