// A sound for high alerts. Muted or not is always to be seen; a browser that has not been touched yet may play nothing, which
// is to be seen too. Made of three tones, so that nothing is loaded.
const KEY = "nightlamp.muted";
const TONES = [880, 660, 880];
const TONE_S = 0.16;
/** No second sound within this time: several alerts at once are one call. */
const GAP_MS = 3000;

export class Sound {
  /** changed(): the state has changed. */
  constructor(changed) {
    this.changed = changed;
    this.muted = localStorage.getItem(KEY) === "yes";
    this.playedAt = -GAP_MS;
    this.context = new AudioContext();
    this.context.onstatechange = () => changed();
    this.wake = () => this.context.state === "suspended" && this.context.resume().catch(() => {});
    addEventListener("pointerdown", this.wake);
    addEventListener("keydown", this.wake);
  }

  /** on, muted, or blocked: the browser waits for a first touch. */
  get state() {
    if (this.muted) return "muted";
    return this.context.state === "running" ? "on" : "blocked";
  }

  toggle() {
    if (this.state === "blocked") {
      this.wake();
      return;
    }
    this.muted = !this.muted;
    localStorage.setItem(KEY, this.muted ? "yes" : "no");
    this.changed();
    if (!this.muted) this.play();
  }

  /** Call the ward, unless muted; true where something was to be heard. */
  play() {
    const now = performance.now();
    if (this.state !== "on" || now - this.playedAt < GAP_MS) return false;
    this.playedAt = now;
    TONES.forEach((hertz, i) => this.tone(hertz, this.context.currentTime + i * TONE_S * 1.25));
    return true;
  }

  tone(hertz, at) {
    const source = this.context.createOscillator();
    const volume = this.context.createGain();
    source.frequency.value = hertz;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.25, at + 0.02);
    volume.gain.linearRampToValueAtTime(0, at + TONE_S);
    source.connect(volume).connect(this.context.destination);
    source.start(at);
    source.stop(at + TONE_S);
  }

  stop() {
    removeEventListener("pointerdown", this.wake);
    removeEventListener("keydown", this.wake);
    this.context.close();
  }
}
