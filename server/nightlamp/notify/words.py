"""The words of a message: a title of at most 200 characters, a text of at most 2,000, plain, without identity.

What stands in them comes from `Step` alone. Control characters become spaces: beds and units are named by messages of
others, and a line break in a subject would be a header of its own.
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from string import Formatter

from nightlamp.notify.event import PHRASES, Step
from nightlamp.settings import Template

TITLE_MAX, TEXT_MAX, FIELD_MAX = 200, 2_000, 400
TEST_MARK = "[nightlamp test, no alert]"


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. `severity` chooses the colour or sign a service shows."""

    title: str
    text: str
    severity: str


class Words:
    """Makes messages of steps: one template, the site's zone, the console's address."""

    def __init__(self, template: Template, zone: tzinfo, console_url: str) -> None:
        self._template, self._zone, self._console_url = template, zone, console_url.rstrip("/")

    def message(self, step: Step) -> Message:
        """The message about a step."""
        fields = self._fields(step)
        title = (" ".join(_filled(self._template.title, fields).split()) or fields["what"])[:TITLE_MAX]
        lines = (" ".join(line.split()) for line in _filled(self._template.body, fields).split("\n"))
        text = "\n".join(line for line in lines if line not in {"", "Bed:"})
        return Message(title, text[:TEXT_MAX] or title, step.severity)

    def _fields(self, step: Step) -> dict[str, str]:
        severity = step.severity.capitalize() if step.severity != "high" else "HIGH"
        what = f"{severity} alert {step.rule} {PHRASES.get(step.kind, step.kind)}"
        if step.to and step.kind in {"escalated", "reminded"}:
            what += f" to {step.to}" if step.kind == "escalated" else f", {step.to} called again"
        elif step.role and step.kind in {"acknowledged", "snoozed", "unsnoozed"}:
            what += f" by {step.role}"
        if step.subject:
            what += f": {step.subject}"
        fields = {
            "what": what,
            "severity": step.severity,
            "kind": step.kind,
            "rule": step.rule,
            "unit": step.unit or "",
            "bed": step.bed or "",
            "time": step.at.astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S %Z"),
            "subject": step.subject or "",
            "reason": step.machine_reason,
            "link": self.link(step.patient),
            "to": step.to or "",
            "by_role": step.role or "",
        }
        return {name: _plain(value) for name, value in fields.items()}

    def link(self, patient: str | None) -> str:
        """The console's page of a patient, by pseudonym, or the board; empty without an address of the console."""
        if not self._console_url:
            return ""
        return f"{self._console_url}/console/" + (f"#/patient/{patient}" if patient else "")


def trial_message(channel: str, at: datetime) -> Message:
    """What `nightlamp notify test` sends."""
    text = f"This is a test of the channel {channel}, sent at {at:%Y-%m-%d %H:%M:%S %Z}. Nobody needs to do anything."
    return Message(f"{TEST_MARK} channel {channel}", text, "technical")


def _filled(template: str, fields: dict[str, str]) -> str:
    """The template with its fields; settings have checked that it names no others."""
    parts = Formatter().parse(template)
    return "".join(text + (fields[name] if name is not None else "") for text, name, _, _ in parts)


def _plain(value: str) -> str:
    return "".join(char if char.isprintable() else " " for char in value)[:FIELD_MAX]
