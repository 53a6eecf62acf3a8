"""The only boundary between the API's camelCase JSON and our snake_case models.

Structuring is tolerant. ``null`` means absent, and an unknown enumeration value stays a string. ``extra`` receives
unknown fields, and optional fields of the wrong type. Only a required value that is missing or of the wrong type raises
``StructureError``, with the path in the API's names.
"""

from boooply.converter.dictionaries import from_dict
from boooply.converter.names import wire_name
from boooply.converter.structuring import StructureError, structure
from boooply.converter.unstructuring import to_dict, unstructure

__all__ = ["StructureError", "from_dict", "structure", "to_dict", "unstructure", "wire_name"]
