// Words for the page.

export const byId = (id) => document.getElementById(id);

/** An element that says this. */
export function withText(name, text, className = '') {
  return Object.assign(document.createElement(name), { textContent: text, className });
}

/** `7:05`, `1:02:09`. */
export function clockText(left) {
  const seconds = Math.round(left);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const pair = (number) => String(number).padStart(2, '0');
  return hours ? `${hours}:${pair(minutes)}:${pair(rest)}` : `${minutes}:${pair(rest)}`;
}

/** `22 Nov, 06:20`, in the words of the reader. */
export function momentText(unixSeconds) {
  return new Date(unixSeconds * 1000).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}
