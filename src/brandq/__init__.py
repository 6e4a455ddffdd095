"""brandq measures what AI assistants say about brands."""

__version__ = "0.1.0"
