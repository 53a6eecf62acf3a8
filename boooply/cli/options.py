"""Options that several commands have, each written once."""

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

StoreUrl = Annotated[str | None, Parameter(name="--store", show_default=False, metavar="URL")]
Concurrency = Annotated[int, Parameter(validator=Number(gte=1, lte=1000), metavar="N")]
Json = Annotated[bool, Parameter(name="--json", negative=(), show_default=False)]
Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
