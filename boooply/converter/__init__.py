"""The only boundary between the API's camelCase JSON and our snake_case models.

Structuring is tolerant (contract section 9): ``null`` means absent, an unknown enumeration value stays a string,
unknown fields stay reachable in ``extra``, and an optional field of the wrong type goes there too. Only a missing or
wrong required value raises: ``StructureError``, with the path in the API's names.
"""

from boooply.converter.dictionaries import from_dict
from boooply.converter.names import wire_name
from boooply.converter.structuring import StructureError, structure
from boooply.converter.unstructuring import to_dict, unstructure

__all__ = ["StructureError", "from_dict", "structure", "to_dict", "unstructure", "wire_name"]
