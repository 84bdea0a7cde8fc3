// Redraws, at most once per animation frame and for at most 6 ms of one. What is in sight is drawn at once, and so is who an alert is
// about; the others every 3 s, for at most 2 ms of a frame, and as soon as they come into sight (or near it). A burst of 200 patients
// takes a few frames, and none of them is late.
import { drawNow } from "./view.js";

const FRAME_MS = 6;
const UNSEEN_FRAME_MS = 2;
const UNSEEN_EVERY_MS = 3000;
/** A hidden page draws five times a second; nobody waits for its frames. */
const HIDDEN_MS = 60;

export class Frames {
  constructor() {
    this.tiles = new Map();
    this.dirty = new Set();
    this.urgent = new Set();
    this.fresh = new Set();
    this.drawnAt = new Map();
    this.whole = null;
    this.asked = false;
    this.stopped = false;
    this.inSight = new Set();
    this.sight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) this.inSight[isIntersecting ? "add" : "delete"](target.dataset.patient);
      if (entries.some(({ target, isIntersecting }) => isIntersecting && this.dirty.has(target.dataset.patient))) this.ask();
    }, { rootMargin: "200px" });
  }

  /** Nothing is drawn any more: another page has the screen. */
  stop() {
    this.stopped = true;
    this.sight.disconnect();
  }

  /** A tile registers the function that redraws it, and its element; returns the one that unregisters. */
  watch(id, redraw, element = null) {
    this.tiles.set(id, redraw);
    this.drawnAt.set(id, performance.now());
    if (element) this.sight.observe(element);
    else this.inSight.add(id);
    return () => {
      if (element) this.sight.unobserve(element);
      if (this.tiles.get(id) !== redraw) return;
      this.tiles.delete(id);
      this.drawnAt.delete(id);
      this.inSight.delete(id);
    };
  }

  /** These tiles need redrawing; null is all of them. `urgent`: those that do not wait for being seen. */
  mark(ids, urgent = []) {
    for (const id of ids ?? this.tiles.keys()) this.dirty.add(id);
    for (const id of urgent) this.urgent.add(id);
    this.ask();
  }

  /** A second has passed: ages of tiles that nothing else has redrawn meanwhile. */
  age() {
    for (const id of this.tiles.keys()) if (!this.fresh.has(id)) this.dirty.add(id);
    this.fresh.clear();
    if (this.dirty.size) this.ask();
  }

  /** The page around the tiles (order, filter, banner) needs redrawing. */
  markWhole(redraw) {
    this.whole = redraw;
    this.ask();
  }

  ask() {
    if (this.asked) return;
    this.asked = true;
    // A hidden page has no animation frames, and must not fall behind all the same.
    if (document.hidden) setTimeout(() => this.draw(), 200);
    else requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.asked = false;
    if (this.stopped) return;
    const whole = this.whole;
    this.whole = null;
    whole?.();
    const now = performance.now();
    const until = now + (document.hidden ? HIDDEN_MS : FRAME_MS);
    this.some([...this.urgent], until);
    this.some([...this.dirty].filter((id) => this.inSight.has(id)), until);
    const unseen = [...this.dirty].filter((id) => !this.inSight.has(id) && now - (this.drawnAt.get(id) ?? 0) >= UNSEEN_EVERY_MS);
    this.some(unseen, document.hidden ? until : Math.min(until, performance.now() + UNSEEN_FRAME_MS));
    if (this.urgent.size || unseen.some((id) => this.dirty.has(id)) || [...this.dirty].some((id) => this.inSight.has(id))) this.ask();
  }

  /** Of these as many as there is time for. */
  some(ids, until) {
    for (const id of ids) {
      const now = performance.now();
      if (now > until) return;
      this.dirty.delete(id);
      this.urgent.delete(id);
      this.fresh.add(id);
      this.drawnAt.set(id, now);
      const redraw = this.tiles.get(id);
      if (redraw) drawNow(redraw);
    }
  }
}
