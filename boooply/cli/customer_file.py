"""A file of customers: how to read it, what is wrong with it, and the question whether to continue."""

import asyncio
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import attrs
from cyclopts import Parameter

from boooply.cli import customer_file_view as view
from boooply.cli.customer_file_view import Problems
from boooply.cli.question import can_be_asked, is_yes
from boooply.cli.terminal import console
from boooply.errors import ConfigurationError, ProvisioningError
from boooply.models import Tenant
from boooply.provisioning.files.options import FileOptions
from boooply.provisioning.files.reading import Layout, TenantFile, open_file
from boooply.provisioning.files.rows import BadRow, RowWarning

_SAMPLES: Final = 3


Delimiter = Annotated[str | None, Parameter(metavar="CHARACTER")]

_OPTIONS: Final = {"mapping": "--map"}  # where the name in Python differs


def file_options(**given: Any) -> FileOptions:
    """Return the options of the reader; an error names the option of the command.

    Raises:
        ProvisioningError: An option cannot be used.
    """
    try:
        return FileOptions(**given)
    except ProvisioningError as error:
        name, _, problem = str(error).partition(": ")
        raise ProvisioningError(f"{_OPTIONS.get(name, f'--{name}')}: {problem}") from None


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class ReadingOptions:
    """How to read the file of customers.

    Attributes:
        encoding: The encoding of the file, such as cp1252. Default: the file's byte order mark, or UTF-8.
        delimiter: The character between two cells, such as ";" or tab. Default: as in the first row.
        mapping: Rename a column, as in --map "Admin Email=user_email". Repeat the option for several columns.
        ignore_extra: Ignore unknown columns. Default: report an error.
        allow: Accept an ID that looks as if a spreadsheet changed it. Repeat the option for several IDs.
        yes: Continue despite warnings, without asking.
    """

    encoding: Annotated[str | None, Parameter(metavar="NAME")] = None
    delimiter: Delimiter = None
    mapping: Annotated[tuple[str, ...], Parameter(name="--map", metavar="NAME=COLUMN")] = ()
    ignore_extra: bool = False
    allow: Annotated[tuple[str, ...], Parameter(name="--allow", metavar="ID")] = ()
    yes: bool = False

    def to_options(self) -> FileOptions:
        """Return the options of the reader.

        Raises:
            ConfigurationError: A ``--map`` has no name, or has a name twice.
            ProvisioningError: An option cannot be used.
        """
        pairs = [given.rpartition("=") for given in self.mapping]  # a name in the file may contain an equals sign
        if wrong := [given for given, (name, _, _) in zip(self.mapping, pairs, strict=True) if not name.strip()]:
            raise ConfigurationError(f'--map {wrong[0]!r}: write NAME=COLUMN, as in --map "Admin Email=user_email"')
        names = [name.strip() for name, _, _ in pairs]
        if repeated := [name for place, name in enumerate(names) if name in names[:place]]:
            raise ConfigurationError(f"--map {repeated[0]!r} is given twice: use one column for it")
        return file_options(
            encoding=self.encoding,
            delimiter=self.delimiter,
            mapping={name.strip(): column.strip() for name, _, column in pairs},
            ignore_extra=self.ignore_extra,
            allow=self.allow,
        )


READING: Final = ReadingOptions()


@attrs.define(eq=False)
class CustomerFile:
    """A file of customers that is checked before it is used.

    Attributes:
        path: The path of the file.
        options: How to read it.
        connected: The connected customers whose ids have leading zeros, by their ids without these zeros.
        layout: What the columns of the file mean; empty until the file is opened.
        errors: The rows that must be changed.
        warnings: The rows that look wrong and need a confirmation.
        samples: The first customers.
    """

    path: Path
    options: FileOptions = attrs.field(factory=FileOptions)
    connected: Mapping[str, str] = attrs.field(factory=dict[str, str], init=False)
    layout: Layout = attrs.field(factory=lambda: Layout(form=""), init=False)
    errors: Problems = attrs.field(factory=Problems, init=False)
    warnings: Problems = attrs.field(factory=Problems, init=False)
    samples: list[Tenant] = attrs.field(factory=list[Tenant], init=False)

    def check(self) -> Iterator[Tenant | BadRow | RowWarning]:
        """Read all rows, and collect their problems.

        Raises:
            ProvisioningError: The file cannot be used.
        """
        with self._opened() as file:
            self.layout = file.layout
            for row in file.rows:
                if isinstance(row, BadRow):
                    self.errors.add(row)
                elif isinstance(row, RowWarning):
                    self.warnings.add(row)
                elif len(self.samples) < _SAMPLES:
                    self.samples.append(row)
                yield row

    def tenants(self) -> Iterator[Tenant]:
        """Read the customers again, after the check.

        Raises:
            ProvisioningError: The file has changed since the check.
        """
        confirmed = sum(self.warnings.counts.values())
        with self._opened() as file:
            for row in file.rows:
                if isinstance(row, Tenant):
                    yield row
                    continue
                confirmed -= 1
                if isinstance(row, BadRow) or confirmed < 0:
                    raise ProvisioningError(
                        f"{self.path} has changed since it was checked. Line {row.line}: {row.problem}"
                    )

    async def is_accepted(self, *, yes: bool) -> bool:
        """Check the file, print what is wrong with it, and return whether to continue.

        Raises:
            ProvisioningError: The file cannot be used.
        """
        for _ in self.check():
            pass
        if self.errors.rows:
            self.print_errors()
            return False
        return await self.is_confirmed(yes=yes)

    def print_errors(self) -> None:
        """Print the rows that must be changed and the rows that look wrong."""
        console(stderr=True).print(view.errors(self.path, self.errors, self.warnings))

    def print_warnings(self) -> None:
        """Print the rows that a run would ask about, if there are any."""
        if self.warnings.rows:
            console(stderr=True).print(view.warnings(self.path, self.warnings), view.DRY_RUN)

    async def is_confirmed(self, *, yes: bool, stop: asyncio.Event | None = None) -> bool:
        """Print the warnings, and return whether to continue: if ``yes`` is set, or a person at the terminal agrees.

        Without warnings, return True. Once ``stop`` is set, return False.
        """
        if not self.warnings.rows:
            return True
        out = console(stderr=True)
        out.print(view.warnings(self.path, self.warnings))
        if yes:
            out.print(view.CONTINUED)
            return True
        if not can_be_asked():
            out.print(view.UNCONFIRMED)
            return False
        out.print(view.QUESTION, end="")
        stop = stop or asyncio.Event()
        is_confirmed = await is_yes(stop)
        if not is_confirmed and not stop.is_set():
            out.print(view.DECLINED)
        return is_confirmed

    @contextmanager
    def _opened(self) -> Generator[TenantFile]:
        if self.path.exists() and not self.path.is_file() and not self.path.is_dir():  # `open_file` rejects directories
            raise ProvisioningError(f"{self.path} is a pipe: use a regular file, which can be read twice")
        with open_file(self.path, self.options, self.connected) as file:
            yield file
