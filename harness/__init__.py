"""chatcompat: how compatible an endpoint really is with OpenAI's Chat Completions API."""

__version__ = "0.1.0"
