// How a page hears the server: by the stream where somebody may read, else by its pulse alone.
import { Pulse } from "./pulse.js";
import { Stream } from "./stream.js";

/** The line of an app's person, not started; after one that was a stream it goes on from there. */
export function lineOf(app, before) {
  const mayEnter = (found) => app.mayEnter(found);
  const onState = (state) => app.tell(state);
  if (!app.may("read")) return new Pulse({ onState, mayEnter });
  const resume = before instanceof Stream ? before.place() : null;
  return new Stream({ onMessages: (messages) => app.take(messages), onState, mayEnter }, resume);
}
