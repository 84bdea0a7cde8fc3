// The connection to /v1/stream: subscribe, resume by cursor, notice silence, come back by itself.
// Limits: silence is told after 2.5 s at the latest; the pause between attempts grows from 0.5 to 5 s.
import { serverNow, setServerTime } from "./clock.js";

const SILENT_AFTER_MS = 2500;
const WATCH_EVERY_MS = 250;
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 5000;

export class Stream {
  /** onMessages(messages), onState({live, silentSinceMs, dataMs, recorded, nowMs}), mayEnter(): resolves to false once the session is over. */
  constructor({ onMessages, onState, mayEnter }, place = null) {
    Object.assign(this, { onMessages, onState, mayEnter });
    this.cursor = place?.cursor ?? null;
    this.streamId = place?.streamId ?? null;
    this.heardAt = performance.now();
    this.heardServerMs = null;
    this.dataMs = null;
    this.recorded = false;
    this.live = false;
    this.retryMs = RETRY_MS_MIN;
    this.socket = null;
    this.stopped = false;
  }

  /** How far this one has read: another goes on from there. */
  place() {
    return { cursor: this.cursor, streamId: this.streamId };
  }

  start() {
    this.watch = setInterval(() => this.look(), WATCH_EVERY_MS);
    this.connect();
  }

  stop() {
    this.stopped = true;
    clearInterval(this.watch);
    clearTimeout(this.retry);
    this.socket?.close(1000);
  }

  connect() {
    const address = new URL("/v1/stream", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address, ["nightlamp.v1"]);
    this.socket = socket;
    this.openedAt = performance.now();
    socket.onopen = () => {
      const resume = this.cursor === null ? {} : { resume: this.cursor, stream: this.streamId };
      socket.send(JSON.stringify({ subscribe: { units: "*" }, ...resume }));
    };
    socket.onmessage = (event) => this.socket === socket && this.take(JSON.parse(event.data));
    socket.onclose = () => this.socket === socket && this.lost();
  }

  take(messages) {
    this.heardAt = performance.now();
    for (const message of messages) {
      switch (message.type) {
        case "hello":
          if (this.streamId !== null && this.streamId !== message.stream) this.cursor = null;
          this.streamId = message.stream;
          this.recorded = message.recorded_time === true;
          this.tell(message.at_ms);
          break;
        case "beat":
          this.tell(message.at_ms);
          this.cursor = message.cursor ?? this.cursor;
          this.dataMs = message.data_ms;
          break;
        case "alert":
          this.cursor = message.cursor;
          break;
        case "ready":
          this.live = true;
          this.retryMs = RETRY_MS_MIN;
          break;
      }
    }
    this.onMessages(messages);
    this.report();
  }

  tell(atMs) {
    this.heardServerMs = atMs;
    setServerTime(atMs);
  }

  /** The watchdog: a socket that says nothing is as dead as a closed one. */
  look() {
    const quietMs = performance.now() - this.heardAt;
    if (this.live && quietMs > SILENT_AFTER_MS) this.lost();
    else if (this.socket && !this.live && Math.min(quietMs, performance.now() - this.openedAt) > 2 * SILENT_AFTER_MS) this.lost();
    else this.report();
  }

  lost() {
    const socket = this.socket;
    this.socket = null;
    this.live = false;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
    this.report();
    if (!this.stopped) this.comeBack(false);
  }

  /** Asks before each attempt, for the socket would let in anybody; `waited`: the pause before this one is over. */
  async comeBack(waited) {
    try {
      if (!(await this.mayEnter())) return this.stop();
      if (waited && !this.stopped) return this.connect();
    } catch {
      // Out of reach: that is what the banner says already.
    }
    if (this.stopped) return;
    this.retry = setTimeout(() => this.comeBack(true), this.retryMs * (0.75 + Math.random() / 2));
    this.retryMs = Math.min(this.retryMs * 1.6, RETRY_MS_MAX);
  }

  report() {
    if (this.stopped) return;
    this.onState({ live: this.live, silentSinceMs: this.live ? null : this.heardServerMs, dataMs: this.dataMs, recorded: this.recorded, nowMs: serverNow() });
  }
}
