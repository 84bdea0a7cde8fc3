// How much alerts ask of each unit; shown once the server has figures of it.
export function Burden() {
  return null;
}
