// Elements, made without a framework and never out of markup: whatever a text holds, it stays a text.

/** An element with attributes (`on…` are listeners, `class`, `dataset`) and children. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'dataset') Object.assign(element.dataset, value);
    else if (['checked', 'value', 'disabled', 'open', 'hidden', 'selected'].includes(name)) element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** The element of this id, which must be there. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/** Puts these children in the place of all that an element has. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
}

/** Says something to whoever listens to the page, and shows it for a moment. */
export function say(text) {
  const place = byId('said');
  place.textContent = text;
  place.dataset.shown = 'yes';
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { delete place.dataset.shown; }, 2500);
}

/** A button that copies what `text` gives. */
export function copyButton(label, text, attributes = {}) {
  return el('button', {
    type: 'button',
    class: 'small quiet',
    onclick: async () => {
      await navigator.clipboard.writeText(text());
      say('Copied.');
    },
    ...attributes,
  }, label);
}

/** A time as people say it, seen from another one, both in seconds. */
export function inWords(seconds, from) {
  const off = Math.round(seconds - from);
  const size = Math.abs(off);
  if (size < 2) return 'now';
  const [count, unit] = size < 90 ? [size, 's']
    : size < 5400 ? [Math.round(size / 60), 'min']
      : size < 172_800 ? [Math.round(size / 3600), 'h'] : [Math.round(size / 86_400), 'days'];
  return off > 0 ? `in ${count} ${unit}` : `${count} ${unit} ago`;
}

/** Reads a value that this tab keeps. */
export function kept(name) {
  try {
    return JSON.parse(sessionStorage.getItem(`hilum.sandbox.${name}`));
  } catch {
    return null;
  }
}

/** Keeps a value for this tab; nothing forgets it. */
export function keep(name, value) {
  if (value === undefined || value === null) sessionStorage.removeItem(`hilum.sandbox.${name}`);
  else sessionStorage.setItem(`hilum.sandbox.${name}`, JSON.stringify(value));
}
