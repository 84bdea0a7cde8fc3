"""A recording sent through a running server, and what it stored held against the offline path (P8).

    readings -> messages -> doors (HTTP, MQTT) -> the server -> stored -> compare with offline -> figures

What is sent is what a hospital sends: an ADT A01 a patient, then an ORU R01 an hour by HTTP or device JSON an hour by
MQTT QoS 1, with LOINC codes and units. The server must run in recorded time (`decode.recorded_time`). Nothing here is
part of the server; it talks to one as anybody else would.
"""
