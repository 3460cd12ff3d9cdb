// A range to search in place of a value: a list, or from, to and how many.

import { listed, make, rounded } from "./elements.js";
import { span } from "./sliders.js";

/** The range that is proposed where one begins to search a parameter. */
export function proposed(parameter) {
  const { type, value, choices } = parameter;
  if (type === "boolean") return [true, false];
  if (type === "choice") return choices;
  if (type !== "number" && type !== "integer") return [value];
  const whole = type === "integer";
  const [low, high] = span(parameter);
  const tidy = (each) => (whole ? Math.round(each) : rounded(each, 3));
  const around = value > 0 ? [value / 2, value, value * 2] : [low, (low + high) / 2, high];
  const within = around.filter((each) => each >= low && each <= high);
  return [...new Set(within.map(tidy))];
}

/** The values of a range as they are tried. */
export function valuesOf(sweep) {
  if (!sweep) return null;
  if (Array.isArray(sweep)) return sweep;
  if (sweep.values) return sweep.values;
  const { from, to, count, scale } = sweep;
  if (!(count > 1)) return [from];
  const at = [...Array(count).keys()].map((each) => each / (count - 1));
  if (scale === "log") return at.map((each) => rounded(from * (to / from) ** each, 4));
  return at.map((each) => rounded(from + each * (to - from), 4));
}

const isSpan = (sweep) => sweep && !Array.isArray(sweep) && sweep.from !== undefined;

/** The editor of a range; `told(sweep)` hears of changes. */
export function sweepEditor(parameter, told, use) {
  const numeric = parameter.type === "number" || parameter.type === "integer";
  const kind = make("select", { "aria-label": `${parameter.name}: how the range is given` },
    make("option", { value: "list" }, "list"), make("option", { value: "span" }, "from … to"));
  kind.hidden = !numeric;
  const list = make("input", { type: "text", spellcheck: "false", autocomplete: "off",
    "aria-label": `${parameter.name}: values to search` });
  const [from, to, count] = ["from", "to", "count"].map((name) => make("input", {
    type: "number", step: "any", "aria-label": `${parameter.name}: ${name}` }));
  const log = make("input", { type: "checkbox" });
  const ends = make("span", { class: "ends" },
    from, "to", to, "in", count, make("label", {}, log, " log"));
  const take = make("button", { type: "button", class: "plain", title:
    "Write the value of the slider into the protocol in place of the range",
    on: { click: use } }, "use this value");
  const read = () => (kind.value === "list" ? read.list() : read.span());
  read.list = () => listed(list.value).map((each) => spoken(each, parameter.type));
  read.span = () => {
    const sweep = { from: from.valueAsNumber, to: to.valueAsNumber, count: count.valueAsNumber };
    return log.checked ? { ...sweep, scale: "log" } : sweep;
  };
  const tell = () => {
    const sweep = read();
    const whole = Array.isArray(sweep) ? sweep.length : Object.values(sweep).every(
      (each) => typeof each === "string" || Number.isFinite(each));
    if (whole) told(sweep);
  };
  for (const input of [list, from, to, count, log]) input.addEventListener("change", tell);
  kind.addEventListener("change", () => {
    const values = valuesOf(kind.value === "list" ? read.span() : read.list());
    fill(kind.value === "list" ? values : {
      from: Math.min(...values), to: Math.max(...values), count: Math.max(2, values.length) });
    tell();
  });

  function fill(sweep) {
    const spanned = isSpan(sweep);
    kind.value = spanned ? "span" : "list";
    ends.hidden = !spanned;
    list.hidden = spanned;
    if (!spanned) {
      if (document.activeElement !== list) list.value = valuesOf(sweep).join(", ");
      return;
    }
    for (const [input, name] of [[from, "from"], [to, "to"], [count, "count"]]) {
      if (document.activeElement !== input) input.value = sweep[name];
    }
    log.checked = sweep.scale === "log";
  }
  return { element: make("div", { class: "sweep" }, kind, list, ends, take), update: fill };
}

function spoken(word, type) {
  if (type === "boolean") return word === "true" || word === true;
  return word;
}
