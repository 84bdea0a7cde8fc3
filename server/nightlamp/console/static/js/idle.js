// How long nobody has touched this console.
const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];

export class Idle {
  constructor() {
    this.touchedAt = Date.now();
    this.touch = () => {
      this.touchedAt = Date.now();
    };
    for (const sign of SIGNS) addEventListener(sign, this.touch, { passive: true, capture: true });
  }

  /** Seconds since the last sign of a person. */
  seconds() {
    return (Date.now() - this.touchedAt) / 1000;
  }

  stop() {
    for (const sign of SIGNS) removeEventListener(sign, this.touch, { capture: true });
  }
}
