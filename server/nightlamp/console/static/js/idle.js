// How long nobody has touched this console, in any tab of this browser: they share one session, and lock together.
const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];
const TOUCHED = "nightlamp.touched";
const SHARE_EVERY_MS = 1000;
/** The server learns of use at most so often, after a failure a little later; it allows for three minutes (identity/sessions.py). */
const TELL_EVERY_MS = 60_000;
const TELL_AGAIN_MS = 5000;

export class Idle {
  /** tell(): resolves once the server knows that somebody is here. */
  constructor(tell) {
    this.touchedAt = Date.now();
    this.sharedAt = 0;
    this.tellAt = 0;
    this.touch = () => {
      const now = Date.now();
      this.touchedAt = now;
      if (Math.abs(now - this.sharedAt) >= SHARE_EVERY_MS) {
        this.sharedAt = now;
        localStorage.setItem(TOUCHED, String(now));
      }
      if (now < this.tellAt && this.tellAt - now <= TELL_EVERY_MS) return;
      this.tellAt = now + TELL_EVERY_MS;
      tell().catch(() => {
        this.tellAt = Date.now() + TELL_AGAIN_MS;
      });
    };
    for (const sign of SIGNS) addEventListener(sign, this.touch, { passive: true, capture: true });
  }

  /** Seconds since the last sign of a person. */
  seconds() {
    const now = Date.now();
    const elsewhere = Number(localStorage.getItem(TOUCHED) ?? 0);
    return (now - Math.max(this.touchedAt, Math.min(elsewhere, now))) / 1000;
  }

  stop() {
    for (const sign of SIGNS) removeEventListener(sign, this.touch, { capture: true });
  }
}
