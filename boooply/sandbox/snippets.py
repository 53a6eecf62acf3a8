"""Programs that send a call or a webhook again, for a shell with curl and for Python with this package.

They read keys and secrets from the environment variables that the sandbox prints when it starts. A customer's key has a
separate variable, so that a copy never acts on the sandbox's own organization.
"""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from pprint import pformat
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from boooply.sandbox.exchanges import Exchange
from boooply.sandbox.operations import OPERATIONS
from boooply.sandbox.records import Call, WebhookRequest

__all__ = ["curl_of_call", "curl_of_webhook", "first_call", "first_interview", "key_command", "key_variable"]
__all__ += ["python_of_call", "python_of_webhook"]

VARIABLES: Final = {"organization": "BOOOPLY_API_KEY", "platform": "BOOOPLY_PLATFORM_KEY"}
CUSTOMER_KEY: Final = "CUSTOMER_KEY"
OPENS: Final = {one.name: one.opens for one in OPERATIONS}
METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
FIRST_ERROR: Final = 400
WIDTH: Final = 96

PLAIN: Final = re.compile(r"[\w.:@/-]+", re.ASCII)
"""A text that a shell does not change, even within double quotes."""

# ---- keys


def key_variable(call: Call, exchange: Exchange) -> str:
    """Return the environment variable with the key of a call."""
    if exchange.customer is not None:
        return CUSTOMER_KEY
    return VARIABLES[exchange.opens or OPENS.get(call.operation, "organization")]


def key_command(customer: str) -> str:
    """Return the command that prints a customer's key from the store of the program under test."""
    return f"boooply tenants key {shlex.quote(_one_line(customer))}"


def _one_line(text: str) -> str:
    # without line breaks, which end a comment, and without control characters
    return "".join(one for one in " ".join(text.split()) if one.isprintable())


def _remedy(customer: str) -> str:
    return (
        f"the key of customer {_one_line(customer)}, which the store of your program contains: {key_command(customer)}"
    )


# ---- curl


def curl_of_call(call: Call, exchange: Exchange, base_url: str) -> str | None:
    """Return a command that sends a call again; None if its body is incomplete."""
    body = _json_text(exchange)
    if body is None:
        return None
    words = ["curl", "--globoff"] if re.search(r"[][{}]", exchange.target) else ["curl"]
    method = [] if call.method == "GET" else ["--head"] if call.method == "HEAD" else ["-X", shlex.quote(call.method)]
    lines = [" ".join([*words, *method, shlex.quote(base_url + exchange.target)])]
    if _has_header(exchange, "authorization"):
        lines.append(f'-H "Authorization: Bearer {_shell_key(call, exchange)}"')
    if body:
        lines += [f"-H {shlex.quote(f'Content-Type: {_content_type(exchange)}')}", f"--data-raw {shlex.quote(body)}"]
    return _shell_comment(exchange.customer) + " \\\n  ".join(lines)


def _shell_comment(customer: str | None) -> str:
    if customer is None:
        return ""
    # quoted, since zsh runs a pasted comment as a command
    named = shlex.quote(_one_line(customer))
    return f"# CUSTOMER_KEY is the key of customer {named}, from the store of your program: {key_command(customer)}\n"


def _shell_key(call: Call, exchange: Exchange) -> str:
    customer = exchange.customer
    if customer is None:
        return f"${key_variable(call, exchange)}"
    is_plain = PLAIN.fullmatch(customer) is not None
    remedy = _remedy(customer) if is_plain else "the key of the customer, which the store of your program contains"
    # in the command itself, since an interactive shell would run the next command
    return f"${{{CUSTOMER_KEY}:?set it to {remedy}}}"


def curl_of_webhook(request: WebhookRequest, body: str, url: str) -> str:
    """Return a command that sends a webhook again; it signs its body, which you can change."""
    headers = [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in _plain_headers(request).items()]
    digest = '$(printf %s "$body" | openssl dgst -sha256 -hmac "$BOOOPLY_WEBHOOK_SECRET" -r | cut -d \' \' -f 1)'
    lines = [
        f"curl -X POST {shlex.quote(url)}",
        *headers,
        '-H "Authorization: Bearer $BOOOPLY_WEBHOOK_SECRET"',
        f'-H "X-Boooply-Signature: {digest}"',
        '--data-raw "$body"',
    ]
    return f"body={shlex.quote(body)}\n" + " \\\n  ".join(lines)


def _json_text(exchange: Exchange) -> str | None:
    body = exchange.request_body
    if body is None or not body.is_whole:
        return "" if body is None and not _has_header(exchange, "content-type") else None
    return body.text


def _has_header(exchange: Exchange, wanted: str) -> bool:
    return any(name.lower() == wanted for name, _ in exchange.request_headers)


def _content_type(exchange: Exchange) -> str:
    return next((value for name, value in exchange.request_headers if name.lower() == "content-type"), "")


def _plain_headers(request: WebhookRequest) -> dict[str, str]:
    return {
        name: value for name, value in request.headers.items() if name not in {"Authorization", "X-Boooply-Signature"}
    }


# ---- Python

Arguments = tuple[list[str], Mapping[str, Any], tuple[str, ...]]
"""Positional arguments as source, keyword arguments, and further names to import."""


def python_of_call(call: Call, exchange: Exchange, base_url: str) -> str | None:
    """Return a program that sends a call again; None if its body is incomplete or its HTTP method is unusual.

    The program repeats a successful call with the method of its operation. It repeats a failed call as a plain request,
    which the client does not validate.
    """
    body = _json_text(exchange)
    if body is None or call.method not in METHODS:
        return None
    try:
        payload = json.loads(body) if body else None
    except ValueError:
        return None
    imports, expression = _by_method(call, exchange, payload) or ((), _raw(call, exchange, payload))
    variable = key_variable(call, exchange)
    is_platform = variable == VARIABLES["platform"]
    kind, argument, name = (
        ("BoooplyPlatform", "platform_key", "platform") if is_platform else ("BoooplyClient", "api_key", "client")
    )
    whose = "" if is_platform or call.tenant is None else f"  # the key of {_one_line(call.tenant)}"
    return _program(
        ["import os", "", f"from boooply import {', '.join(sorted((kind, *imports), key=str.lower))}"],
        [
            *_python_check(exchange.customer),
            f"with {kind}(",
            f'    {argument}=os.environ["{variable}"],{whose}',
            f"    base_url={base_url!r},",
            f") as {name}:",
            _indent(f"print({expression.replace('CLIENT', name, 1)})"),
        ],
    )


def _python_check(customer: str | None) -> list[str]:
    """Return the lines that stop a program without the customer's key."""
    if customer is None:
        return []
    return [
        f"# {CUSTOMER_KEY} is {_remedy(customer)}",
        f'if not os.environ.get("{CUSTOMER_KEY}"):',
        f"    raise SystemExit({f'Set {CUSTOMER_KEY} to {_remedy(customer)}'!r})",
        "",
    ]


def _program(imports: list[str], body: list[str]) -> str:
    return "\n".join([*imports, "", *body, ""])


def _indent(code: str) -> str:
    # texts with several lines contain \n, so this indents source lines only
    return "\n".join(f"    {line}" for line in code.splitlines())


def _literal(value: object) -> str:
    return pformat(value, width=WIDTH, sort_dicts=False)


def _raw(call: Call, exchange: Exchange, payload: object) -> str:
    json_body = "" if payload is None else f", json={_literal(payload)}"
    return f"CLIENT.request({call.method!r}, {exchange.target!r}{json_body})"


def _by_method(call: Call, exchange: Exchange, payload: object) -> tuple[tuple[str, ...], str] | None:
    arrange = ARRANGED.get(call.operation)
    if arrange is None or not 0 < call.status < FIRST_ERROR or not isinstance(payload, dict | None):
        return None
    path, _, query = exchange.target.partition("?")
    arranged = arrange(unquote(path).split("/"), dict(parse_qsl(query, keep_blank_values=True)), payload or {})
    if arranged is None:
        return None
    positional, keywords, imports = arranged
    arguments = [*positional, *(f"{name}={_literal(value)}" for name, value in keywords.items())]
    return imports, f"CLIENT.{call.operation}({', '.join(arguments)})"


def _snake(names: Mapping[str, Any]) -> dict[str, Any]:
    return {re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower(): value for name, value in names.items()}


def _of_code(parts: list[str], _query: Mapping[str, str], body: Mapping[str, Any]) -> Arguments:
    return [repr(parts[4])], _snake(body), ()


def _of_person(parts: list[str], _query: Mapping[str, str], _body: Mapping[str, Any]) -> Arguments:
    return [repr(parts[4]), repr(parts[6])], {}, ()


def _of_body(_parts: list[str], _query: Mapping[str, str], body: Mapping[str, Any]) -> Arguments:
    return [], _snake(body), ()


def _of_model(model: str) -> Callable[[list[str], Mapping[str, str], Mapping[str, Any]], Arguments]:
    def arrange(_parts: list[str], _query: Mapping[str, str], body: Mapping[str, Any]) -> Arguments:
        return [f"from_dict({model}, {_literal(dict(body))})"], {}, ("from_dict", model)

    return arrange


NUMBERS: Final[dict[str, type[float]]] = {
    "page": int,
    "limit": int,
    "scoreMin": float,
    "scoreMax": float,
    "duration": int,
    "days": int,
}
FILTERS: Final = frozenset({"status", "type", "search", "sourceId", "dateField", "dateFrom", "dateTo", *NUMBERS})


def _of_filters(_parts: list[str], query: Mapping[str, str], _body: Mapping[str, Any]) -> Arguments | None:
    if not query.keys() <= FILTERS:
        return None
    return [], _snake({name: NUMBERS.get(name, str)(value) for name, value in query.items()}), ()


def _of_email(_parts: list[str], query: Mapping[str, str], _body: Mapping[str, Any]) -> Arguments:
    names = {"duration": "duration_minutes", "days": "days"}
    return [repr(query["email"])], {names[name]: int(query[name]) for name in names if name in query}, ()


ARRANGED: Final[Mapping[str, Callable[..., Arguments | None]]] = {
    **{name: _of_code for name in OPENS if name.startswith("interviews.")},
    "interviews.remove_participant": _of_person,
    "interviews.create": _of_model("InterviewRequest"),
    "interviews.list": _of_filters,
    "interviews.get_availability": _of_email,
    "interviews.get_busy_blocks": _of_email,
    "create_organization_api_key": _of_model("Tenant"),
    "ai.generate_job_description": _of_body,
    "organization.get": _of_body,
}
"""The functions that derive the arguments of a method from the path, the query and the body."""


def python_of_webhook(request: WebhookRequest, body: str, url: str) -> str:
    """Return a program that sends a webhook again; it signs its body, which you can change."""
    headers = [f"    {name!r}: {value!r}," for name, value in _plain_headers(request).items()]
    return _program(
        ["import os", "import urllib.request", "", "from boooply.webhooks import sign"],
        [
            'secret = os.environ["BOOOPLY_WEBHOOK_SECRET"]',
            f"body = {body!r}.encode()",
            "headers = {",
            *headers,
            '    "Authorization": f"Bearer {secret}",',
            '    "X-Boooply-Signature": sign(body, secret),',
            "}",
            f"request = urllib.request.Request({url!r}, data=body, headers=headers)",
            "with urllib.request.urlopen(request) as response:",
            "    print(response.status)",
        ],
    )


# ---- the first steps


def first_interview(base_url: str) -> str:
    """Return a program that creates an interview."""
    return _program(
        ["import os", "", "from boooply import AIInterview, BoooplyClient, Candidate"],
        [
            f'with BoooplyClient(api_key=os.environ["BOOOPLY_API_KEY"], base_url={base_url!r}) as client:',
            '    jane = Candidate(name="Jane Doe", email="jane@example.com")',
            '    interview = client.interviews.create(AIInterview(job_role="Frontend Engineer", candidate=jane))',
            "    print(interview.meeting_code)",
        ],
    )


def first_call(base_url: str) -> str:
    """Return a command that shows the organization of the key."""
    return f'curl {shlex.quote(base_url)}/api/integration/organization -H "Authorization: Bearer $BOOOPLY_API_KEY"'
