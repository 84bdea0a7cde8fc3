// Redraws, at most once per animation frame and at most 40 tiles in one: a burst of 200 patients takes five frames.
const TILES_PER_FRAME = 40;

export class Frames {
  constructor() {
    this.tiles = new Map();
    this.dirty = new Set();
    this.fresh = new Set();
    this.whole = null;
    this.asked = false;
    this.stopped = false;
  }

  /** Nothing is drawn any more: another page has the screen. */
  stop() {
    this.stopped = true;
  }

  /** A tile registers the function that redraws it; returns the one that unregisters. */
  watch(id, redraw) {
    this.tiles.set(id, redraw);
    return () => this.tiles.get(id) === redraw && this.tiles.delete(id);
  }

  /** These tiles need redrawing; null is all of them. */
  mark(ids) {
    for (const id of ids ?? this.tiles.keys()) this.dirty.add(id);
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
    let room = TILES_PER_FRAME;
    for (const id of this.dirty) {
      if (room-- === 0) break;
      this.dirty.delete(id);
      this.fresh.add(id);
      this.tiles.get(id)?.();
    }
    if (this.dirty.size) this.ask();
  }
}
