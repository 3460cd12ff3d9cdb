// Elements of the page, numbers as people read them, and a place where parts hear of each other.

/** Make an element; `on` holds listeners, other properties are attributes (false: left out). */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") {
      for (const [event, heard] of Object.entries(value)) element.addEventListener(event, heard);
    } else if (name === "value") {
      element.value = value;
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Make an element of a drawing. */
export function draw(tag, properties = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const find = (id) => document.getElementById(id);

/** A row of buttons of which one is pressed; `pick` is told its name. */
export function choices(place, names, pick) {
  const buttons = names.map(({ name, label, title }) =>
    make("button", { type: "button", role: "radio", "data-name": name, title,
      on: { click: () => pick(name) } }, label));
  place.replaceChildren(...buttons);
  place.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = buttons.findIndex((button) => button.getAttribute("aria-checked") === "true");
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next.focus();
    next.click();
  });
  return (chosen) => {
    for (const button of buttons) {
      const on = button.dataset.name === chosen;
      button.setAttribute("aria-checked", String(on));
      button.tabIndex = on ? 0 : -1;
    }
  };
}

/** A button that stays pressed. */
export function toggle(label, title, pressed, told) {
  const button = make("button", { type: "button", title, "aria-pressed": String(pressed) }, label);
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    told(on);
  });
  return button;
}

/** Rounded to some significant digits, without the noise of binary fractions. */
export function rounded(value, digits = 3) {
  return value === 0 ? 0 : Number(Number(value).toPrecision(digits));
}

/** A number as text, with a thin space between thousands. */
export function number(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const [whole, part] = String(rounded(value, digits)).split(".");
  if (whole.includes("e")) return whole;
  const spaced = whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
  return part ? `${spaced}.${part}` : spaced;
}

/** A share in percent. */
export function percent(share) {
  if (share === null || share === undefined || !Number.isFinite(share)) return "–";
  if (share > 0 && share < 0.00005) return "< 0.01 %";
  return `${number(share * 100, 3)} %`;
}

/** What was typed as a list of numbers or words. */
export function listed(text) {
  const parts = text.replace(/[[\]]/g, "").split(/[,;\s]+/).filter(Boolean);
  return parts.map((part) => (Number.isNaN(Number(part)) ? part : Number(part)));
}

/** Put a text on the clipboard; without the right to, it is selected for the person to copy. */
export async function copy(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(shown);
    return false;
  }
}

/** Who tells and who hears of what. */
export class Hub {
  #heard = new Map();

  on(kind, heard) {
    if (!this.#heard.has(kind)) this.#heard.set(kind, []);
    this.#heard.get(kind).push(heard);
  }

  tell(kind, what) {
    for (const heard of this.#heard.get(kind) ?? []) heard(what);
  }
}
