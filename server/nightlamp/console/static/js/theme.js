// Light or dark: as the system says, until somebody chooses.
const KEY = "nightlamp.theme";

function apply(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
}

/** Take up what was chosen before. */
export function recallTheme() {
  apply(localStorage.getItem(KEY));
}

/** The other one. */
export function switchTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  localStorage.setItem(KEY, next);
  apply(next);
}
