"""A subscriber of a published client library: python -m tests.bench.peers.mqtt_subscriber (paho|gmqtt|aiomqtt) PORT
COUNT.

Takes QoS 1 publishes from a broker and appends their payloads to a list. Prints `ready` once subscribed, and the
monotonic clock when it has COUNT of them.
"""

import asyncio
import sys
import threading
import time

from tests.bench.mqtt_publisher import EVERY_TOPIC


def by_paho(port: int, count: int) -> float:
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="subscriber")
    kept: list[bytes] = []
    whole = threading.Event()

    def took(_client: object, _user: object, message: paho.MQTTMessage) -> None:
        kept.append(message.payload)
        if len(kept) == count:
            whole.set()

    client.on_message = took
    client.on_connect = lambda *_: client.subscribe(EVERY_TOPIC, 1)
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.connect("127.0.0.1", port)
    client.loop_start()
    whole.wait()
    ended = time.monotonic()
    client.disconnect()
    client.loop_stop()
    return ended


async def by_gmqtt(port: int, count: int) -> float:
    import gmqtt

    client = gmqtt.Client("subscriber")
    kept: list[bytes] = []
    whole = asyncio.Event()

    def took(_client: object, _topic: str, payload: bytes, _qos: int, _properties: object) -> int:
        kept.append(payload)
        if len(kept) == count:
            whole.set()
        return 0

    client.on_message = took
    client.on_connect = lambda *_: client.subscribe(EVERY_TOPIC, qos=1)
    client.on_subscribe = lambda *_: print("ready", flush=True)
    await client.connect("127.0.0.1", port, version=gmqtt.constants.MQTTv311)
    await whole.wait()
    ended = time.monotonic()
    await client.disconnect()
    return ended


async def by_aiomqtt(port: int, count: int) -> float:
    import aiomqtt

    kept: list[object] = []
    async with aiomqtt.Client("127.0.0.1", port, identifier="subscriber") as client:
        await client.subscribe(EVERY_TOPIC, qos=1)
        print("ready", flush=True)
        async for message in client.messages:
            kept.append(message.payload)
            if len(kept) == count:
                break
        return time.monotonic()


def main() -> None:
    """Run one."""
    who, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if who == "paho":
        print(by_paho(port, count))
    else:
        print(asyncio.run({"gmqtt": by_gmqtt, "aiomqtt": by_aiomqtt}[who](port, count)))


if __name__ == "__main__":
    main()
