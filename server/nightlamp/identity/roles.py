"""Roles and what they may do, in one table."""

from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """What an endpoint asks for."""

    INGEST = "ingest"
    READ = "read"
    READ_IDENTITY = "read_identity"
    ACT = "act"
    OPERATE = "operate"
    SIMULATE = "simulate"
    ADMIN = "admin"


class Role(StrEnum):
    """What a key is for."""

    DEVICE = "device"
    EHR = "ehr"
    NURSE = "nurse"
    PHYSICIAN = "physician"
    CHARGE_NURSE = "charge_nurse"
    DATA_SCIENTIST = "data_scientist"
    SRE = "sre"
    ADMIN = "admin"


_CLINICAL = frozenset({Permission.READ, Permission.READ_IDENTITY, Permission.ACT})

#: The one table: who is at the bedside acts on alerts, a data scientist sees pseudonyms only and
#: tries policies, an SRE sees how the
#: server fares, answers alerts about no patient, and sees no patient.
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.DEVICE: frozenset({Permission.INGEST}),
    Role.EHR: frozenset({Permission.INGEST}),
    Role.NURSE: _CLINICAL,
    Role.PHYSICIAN: _CLINICAL,
    Role.CHARGE_NURSE: _CLINICAL,
    Role.DATA_SCIENTIST: frozenset({Permission.READ, Permission.SIMULATE}),
    Role.SRE: frozenset({Permission.OPERATE}),
    Role.ADMIN: frozenset(Permission),
}

#: The doors a key may be scoped to, by the names of `Source` in core_rs/src/receive/frame.rs.
SOURCES = ("hl7_http", "json_http", "json_mqtt", "hl7_mqtt")
MQTT_SOURCES = ("json_mqtt", "hl7_mqtt")


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who has shown a valid credential.

    `sources`: doors it may use; `units`: wards it may read or publish for by MQTT, None is all of them.
    """

    id: str
    role: Role
    sources: frozenset[str]
    units: frozenset[str] | None

    @property
    def permissions(self) -> frozenset[Permission]:
        """What its role may do."""
        return PERMISSIONS[self.role]

    @property
    def reads_words(self) -> bool:
        """Whether it may read what people wrote about a patient: a note may hold the name."""
        return Permission.READ_IDENTITY in PERMISSIONS[self.role]

    def may(self, permission: Permission) -> bool:
        """Whether its role may do this."""
        return permission in PERMISSIONS[self.role]

    def may_see(self, unit: str) -> bool:
        """Whether this ward is within its scope."""
        return self.units is None or unit in self.units

    def may_read_alert(self, unit: str, *, about_patient: bool) -> bool:
        """Whether it may see an alert: about a patient with `read`, about none with `operate` too; in its units.

        What is about no patient and in no unit (a feed, a channel) is everybody's.
        """
        return self._may_reach(Permission.READ, unit, about_patient)

    def may_answer_alert(self, unit: str, *, about_patient: bool) -> bool:
        """Whether it may act on an alert: `act`, about no patient `operate` too; where it may see it."""
        return self._may_reach(Permission.ACT, unit, about_patient)

    def _may_reach(self, permission: Permission, unit: str, about_patient: bool) -> bool:
        if about_patient:
            return self.may(permission) and self.may_see(unit)
        return (self.may(permission) or self.may(Permission.OPERATE)) and (not unit or self.may_see(unit))
