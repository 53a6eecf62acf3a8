"""A file of customers as commands read it: its options, what is wrong with it, and the question whether to continue."""

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
        encoding: The encoding of the file, such as cp1252; otherwise UTF-8, or what the file begins with.
        delimiter: What separates two cells, such as ";" or tab; otherwise what separates those of the first row.
        mapping: Read a column of another name, as in --map "Admin Email=user_email". Repeat the option for several.
        ignore_extra: Leave out columns that mean nothing here; otherwise they are an error.
        allow: An id that is right although it looks like a spreadsheet's doing. Repeat the option for several.
        yes: Continue in spite of warnings, without a question.
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
            ConfigurationError: A ``--map`` has no name or no column.
            ProvisioningError: An option cannot work.
        """
        pairs = [given.rpartition("=") for given in self.mapping]  # a name in a file may contain the sign too
        if wrong := [given for given, (name, _, _) in zip(self.mapping, pairs, strict=True) if not name.strip()]:
            raise ConfigurationError(f'--map {wrong[0]!r}: write NAME=COLUMN, as in --map "Admin Email=user_email"')
        names = [name.strip() for name, _, _ in pairs]
        if repeated := [name for place, name in enumerate(names) if name in names[:place]]:
            raise ConfigurationError(f"--map {repeated[0]!r} is given twice: give one column for it")
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
    """A file of customers, which is checked before it is used.

    Attributes:
        path: Where it is.
        options: How to read it.
        connected: The connected customers whose ids have leading zeros, by their ids without these zeros.
        layout: How it is understood, once it was opened.
        errors: The problems of rows that must be changed.
        warnings: The problems of rows that somebody must confirm.
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
        """Read all rows, and note what is wrong with them.

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
        """Read the customers once more, after the check.

        Raises:
            ProvisioningError: The file has changed since.
        """
        confirmed = sum(self.warnings.counts.values())
        with self._opened() as file:
            for row in file.rows:
                if isinstance(row, Tenant):
                    yield row
                    continue
                confirmed -= 1
                if isinstance(row, BadRow) or confirmed < 0:
                    raise ProvisioningError(f"{self.path}: was changed meanwhile: line {row.line}: {row.problem}")

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
        """List the rows that must be changed, and those that look wrong."""
        console(stderr=True).print(view.errors(self.path, self.errors, self.warnings))

    def print_warnings(self) -> None:
        """List the rows that a run asks about, if there are any."""
        if self.warnings.rows:
            console(stderr=True).print(view.warnings(self.path, self.warnings), view.DRY_RUN)

    async def is_confirmed(self, *, yes: bool, stop: asyncio.Event | None = None) -> bool:
        """Print the warnings, and return whether to continue: by ``yes``, or because a person at the terminal agrees.

        Without warnings that is so anyway. Once ``stop`` is set, it is not.
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
            raise ProvisioningError(f"{self.path}: must be a file that can be read twice, not a pipe")
        with open_file(self.path, self.options, self.connected) as file:
            yield file
