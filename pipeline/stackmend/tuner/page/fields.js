// A field for each kind of parameter: numbers, yes or no, choices, lists, and whatever else.

import { listed, make } from "./elements.js";
import { slider } from "./sliders.js";

/** The field of a parameter; `moved(value, gesture)` is told of every change. */
export function fieldOf(parameter, id, moved) {
  if (parameter.type === "number" || parameter.type === "integer") {
    return slider(parameter, id, moved);
  }
  if (parameter.type === "boolean") return yesOrNo(id, moved);
  if (parameter.type === "choice") return choice(parameter, id, moved);
  if (parameter.type === "list") return typed(id, moved, listed, (value) => value?.join(", "));
  return typed(id, moved, parsed, (value) => JSON.stringify(value));
}

function yesOrNo(id, moved) {
  const box = make("input", { type: "checkbox", id, role: "switch",
    on: { change: () => moved(box.checked, "") } });
  return {
    elements: [box],
    update(value) {
      box.checked = value === true;
    },
  };
}

function choice(parameter, id, moved) {
  const words = parameter.choices.map(String);
  const options = words.map((each) => make("option", { value: each }, each));
  const list = make("select", { id,
    on: { change: () => moved(parameter.choices[list.selectedIndex], "") } }, ...options);
  return {
    elements: [list],
    update(value) {
      list.selectedIndex = parameter.choices.indexOf(value);
    },
  };
}

function typed(id, moved, read, written) {
  const field = make("input", { type: "text", id, spellcheck: "false", autocomplete: "off" });
  field.addEventListener("change", () => moved(read(field.value), ""));
  return {
    elements: [field],
    update(value) {
      const none = value === null || value === undefined;
      if (document.activeElement !== field) field.value = none ? "" : written(value);
    },
  };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
