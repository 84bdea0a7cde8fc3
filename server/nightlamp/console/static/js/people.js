// Names for who may see them. The server fills them in by role; where it does not, a patient is called by a pseudonym.
import { get } from "./api.js";

const AGAIN_MS = 60_000;
const SOON_MS = 1500;
const PAGE = 1000;

export class People {
  /** changed(): the names have been read again. */
  constructor(changed) {
    this.changed = changed;
    this.known = new Map();
    this.readAt = 0;
    this.waiting = null;
  }

  /** Somebody on the ward; asks again when one is not known or the names are a minute old. */
  look(ids) {
    const old = Date.now() - this.readAt > AGAIN_MS;
    if (this.waiting === null && (old || ids.some((id) => !this.known.has(id)))) {
      const waitMs = Math.max(0, this.readAt + SOON_MS - Date.now());
      this.waiting = setTimeout(() => this.read(ids), waitMs);
    }
  }

  async read(ids) {
    this.readAt = Date.now();
    try {
      const found = new Map();
      let cursor = null;
      do {
        const page = await get(`/v1/patients?limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
        for (const one of page.items) found.set(one.patient_id, one);
        cursor = page.next_cursor;
      } while (cursor);
      // Who is not in the answer is not asked for again until the next round.
      for (const id of ids) if (!found.has(id)) found.set(id, null);
      this.known = found;
      this.changed();
    } catch {
      // Names are a help: the board stands without them, and asks again.
    } finally {
      this.waiting = null;
    }
  }

  stop() {
    clearTimeout(this.waiting);
  }

  nameOf(id) {
    return nameOf(this.known.get(id), id);
  }
}

/** Family and given name where the role may see them, else the beginning of the pseudonym. */
export function nameOf(person, id) {
  const identity = person?.identity;
  if (identity?.family) return { text: [identity.family, identity.given].filter(Boolean).join(", "), masked: false };
  return { text: `Patient ${id.slice(0, 8)}`, masked: true };
}

/** "74 y, F": what is no identity. */
export function aboutOf(person) {
  if (!person) return "";
  return [person.age_years === null ? null : `${person.age_years} y`, person.sex].filter(Boolean).join(", ");
}
