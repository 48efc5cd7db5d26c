"""The specifications that pyiso8583 ships, under the name they have there."""

from iso8583.specs import default, default_ascii

__all__ = ["default", "default_ascii"]
