"""The doctor's checks: the page on what is known about the API names each of them."""

from __future__ import annotations

from typing import Final

from boooply.cli.doctor import connection, fields, forms
from boooply.cli.doctor.findings import Check, CheckResult, Finding, Observed
from boooply.secret import hide_locals

REACHABLE: Final = "reachable"
KEY_ACCEPTED: Final = "key-accepted"
_WRONG: Final = frozenset({CheckResult.FAILED, CheckResult.DIFFERS})

CHECKS: Final = (
    Check("base-url", "Whose address is it?", connection.base_url),
    Check("proxy", "Is there a proxy on the way?", connection.proxy),
    Check("certificate-authorities", "Which authorities are trusted?", connection.authorities),
    Check(REACHABLE, "Does the API respond?", connection.reachable),
    Check("tls", "How is the connection encrypted?", connection.tls),
    Check("clock", "Do the clocks agree?", connection.clock),
    Check("json", "Is every response JSON?", connection.json_responses),
    Check("error-form", "What form does an error have?", connection.error_form),
    Check("key-kind", "What kind of key is it?", connection.key_kind),
    Check(KEY_ACCEPTED, "Does the API accept the key?", connection.key_accepted),
    Check("organization", "Whose key is it?", connection.organization),
    Check("plan", "Which plan does the organization have?", connection.plan),
    Check("rate-limit-headers", "Which rate-limit headers come?", forms.rate_limit_headers),
    Check("rate-limit-reads", "How many reads does a window allow?", forms.rate_limit_reads),
    Check("rate-limit-window", "How long is a window?", forms.rate_limit_window),
    Check("organization-form", "Where is the organization?", forms.organization_form),
    Check("list-form", "Where are the interviews of a list?", forms.list_form),
    Check("interview-form", "Where is an interview?", forms.interview_form),
    Check("interview-names", "How are code and status named?", forms.interview_names),
    Check("unpublished-names", "Are createdAt and jobRole there?", forms.unpublished_names),
    Check("evaluation-form", "Where is an evaluation?", forms.evaluation_form),
    Check("unknown-fields", "Which fields does the SDK not know?", fields.unknown_fields),
    Check("missing-fields", "Which documented fields are missing?", fields.missing_fields),
    Check("field-types", "Which fields have another type?", fields.field_types),
    Check("enumeration-values", "Which values are in no enumeration?", fields.enumeration_values),
    Check("id-types", "Are ids text?", fields.id_types),
    Check("times", "Do times have an offset?", fields.times),
    Check("scales", "Are scores within their scales?", fields.scales),
)


@hide_locals
def examine(observed: Observed) -> dict[Check, Finding]:
    """Return what each check finds."""
    return {check: check.find(observed) for check in CHECKS}


def exit_code(findings: dict[Check, Finding]) -> int:
    """Return 0 if all is as assumed, 1 if the API did not respond or refused the key, and 4 if anything else is not."""
    wrong = {check.slug for check, finding in findings.items() if finding.result in _WRONG}
    if wrong & {REACHABLE, KEY_ACCEPTED}:
        return 1
    return 4 if wrong else 0
