"""``boooply interviews list`` for several customers: a page of each, several customers at a time."""

import asyncio
import json
from typing import Final

from boooply.cli.access import OF_THE_KEY, Clients, is_of_one_customer
from boooply.cli.exit_codes import DONE, UNFINISHED
from boooply.cli.interviews import view
from boooply.cli.terminal import console, count_of, write_line
from boooply.converter import to_dict
from boooply.errors import BoooplyError
from boooply.models import InterviewFilters, Page
from boooply.provisioning.iteration import batched

_AT_ONCE: Final = 16


async def list_customers(
    clients: Clients, filters: InterviewFilters, *, page: int, limit: int, as_json: bool, is_single: bool
) -> int:
    """Print a page of each customer, and return the exit code. An error of one customer does not stop the others."""
    out = view.table_console()
    failed: dict[str, BoooplyError] = {}
    count = 0

    async def read(customer: str) -> Page | None:
        try:
            client = await clients.of(customer)
            return await client.interviews.list(page=page, limit=limit, **filters)
        except BoooplyError as error:
            if is_single or not is_of_one_customer(error):
                raise
            failed[customer] = error
            return None

    async for batch in batched(clients.names, _AT_ONCE):
        for customer, found in zip(batch, await asyncio.gather(*map(read, batch)), strict=True):
            if found is not None and as_json:
                _write(found, customer)
            elif found is not None and (found.items or is_single):
                out.print(view.listed(found, OF_THE_KEY if is_single else customer))
            count += found is not None and bool(found.items)
    if not is_single and not as_json:
        out.print(f"\n{count_of(len(clients.names), 'customer')}, {count:,} with interviews.")
    if failed:
        console(stderr=True).print(view.unreadable(failed))
    return UNFINISHED if failed else DONE


def _write(page: Page, customer: str) -> None:
    named = {} if customer == OF_THE_KEY else {"customer": customer}
    for one in page.items:
        write_line(json.dumps({**named, **to_dict(one)}))
