"""The doctor's checks, which the page on assumptions about the API names."""

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
    Check("proxy", "Is a proxy in use?", connection.proxy),
    Check("certificate-authorities", "Which certificate authorities are trusted?", connection.authorities),
    Check(REACHABLE, "Does the API respond?", connection.reachable),
    Check("tls", "How is the connection encrypted?", connection.tls),
    Check("clock", "Do the clocks agree?", connection.clock),
    Check("json", "Is every response JSON?", connection.json_responses),
    Check("error-form", "What form does an error have?", connection.error_form),
    Check("key-kind", "What kind of key is it?", connection.key_kind),
    Check(KEY_ACCEPTED, "Does the API accept the key?", connection.key_accepted),
    Check("organization", "Whose key is it?", connection.organization),
    Check("plan", "Which plan does the organization have?", connection.plan),
    Check("rate-limit-headers", "Which rate-limit headers does the API send?", forms.rate_limit_headers),
    Check("rate-limit-reads", "How many reads does a window allow?", forms.rate_limit_reads),
    Check("rate-limit-window", "How long is a window?", forms.rate_limit_window),
    Check("organization-form", "Where in its response is the organization?", forms.organization_form),
    Check("list-form", "Where in its response is a list of interviews?", forms.list_form),
    Check("interview-form", "Where in its response is an interview?", forms.interview_form),
    Check("interview-names", "What are the names of code and status?", forms.interview_names),
    Check("unpublished-names", "Do interviews have createdAt and jobRole?", forms.unpublished_names),
    Check("evaluation-form", "Where in its response is an evaluation?", forms.evaluation_form),
    Check("unknown-fields", "Which fields does the SDK not know?", fields.unknown_fields),
    Check("missing-fields", "Which documented fields are missing?", fields.missing_fields),
    Check("field-types", "Which fields have another type?", fields.field_types),
    Check("enumeration-values", "Which values does the SDK not know?", fields.enumeration_values),
    Check("id-types", "Are ids text?", fields.id_types),
    Check("times", "Do times have an offset?", fields.times),
    Check("scales", "Are scores within their scales?", fields.scales),
)


@hide_locals
def examine(observed: Observed) -> dict[Check, Finding]:
    """Return what each check finds."""
    return {check: check.find(observed) for check in CHECKS}


def exit_code(findings: dict[Check, Finding]) -> int:
    """Return 1 if the API did not respond or rejected the key, 4 if anything else is wrong or differs, and else 0."""
    wrong = {check.slug for check, finding in findings.items() if finding.result in _WRONG}
    if wrong & {REACHABLE, KEY_ACCEPTED}:
        return 1
    return 4 if wrong else 0
