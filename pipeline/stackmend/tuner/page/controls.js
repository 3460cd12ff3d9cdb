// The chain as controls: a card for each step, a row for each parameter; all as the server says.

import { make, number } from "./elements.js";
import { fieldOf } from "./fields.js";
import { proposed, sweepEditor, valuesOf } from "./sweeps.js";

/** The range of a parameter in words. */
function rangeOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }) {
  const low = exclusiveMinimum !== undefined && exclusiveMinimum !== null
    ? `above ${number(exclusiveMinimum)}` : number(minimum);
  const high = exclusiveMaximum !== undefined && exclusiveMaximum !== null
    ? `below ${number(exclusiveMaximum)}` : number(maximum);
  if (low === "–" && high === "–") return "";
  if (high === "–") return low.startsWith("above") ? low : `from ${low}`;
  return low === "–" ? `to ${high}` : `${low} to ${high}`;
}

/** A row of controls for a parameter of a step, or of what a search works with. */
export function row(parameter, id, step, live) {
  let now = parameter;
  const { path, name } = parameter;
  const swept = () => now.sweep !== null && now.sweep !== undefined;
  const moved = (value, gesture) => {
    if (swept()) live.move({ do: "value", name: `${step.id}.${name}`, value, gesture });
    else live.move({ do: "set", path, value, gesture });
  };
  const field = fieldOf(parameter, id, moved);
  const nm = make("output", { class: "nm", for: id });
  const back = make("button", { type: "button", class: "plain back",
    "aria-label": `${name}: back to the default`, title: "Back to the default",
    on: { click: () => live.send({ do: "remove", path }) } }, "↺");
  const search = make("button", { type: "button", class: "plain range", "aria-pressed": "false",
    title: "Search a range of values in place of one",
    "aria-label": `${name}: search a range`,
    on: { click: () => {
      if (swept()) live.send({ do: "set", path, value: now.value });
      else live.send({ do: "sweep", path, sweep: proposed(now) });
    } } }, "range");
  search.hidden = parameter.sweepable === false;
  const use = () => live.send({ do: "set", path, value: now.value });
  const editor = sweepEditor(parameter, (sweep) => live.send({ do: "sweep", path, sweep }), use);
  const about = make("p", { class: "about" },
    `${parameter.description ?? ""} `, make("span", { class: "soft" },
      [rangeOf(parameter), `default ${text(parameter.default)}`].filter(Boolean).join("; ")));
  about.hidden = true;
  const more = make("button", { type: "button", class: "plain more", "aria-expanded": "false",
    "aria-label": `${name}: what it means`, title: parameter.description ?? "",
    on: { click: () => {
      about.hidden = !about.hidden;
      more.setAttribute("aria-expanded", String(!about.hidden));
    } } }, "i");
  const fault = make("p", { class: "fault", role: "alert", hidden: true });
  const element = make("div", { class: `parameter of-${parameter.type}`,
    "data-path": JSON.stringify(path), "data-name": `${step.id}.${name}` },
    make("div", { class: "head" },
      make("label", { for: id, title: parameter.description ?? "" }, name), more,
      make("span", { class: "unit" }, unit(parameter.unit)), nm, back, search),
    make("div", { class: "field" }, ...field.elements), editor.element, about, fault);

  function update(next, problems, overtaken) {
    now = next;
    if (!overtaken) field.update(next.value, valuesOf(next.sweep));
    search.setAttribute("aria-pressed", String(swept()));
    editor.element.hidden = !swept();
    if (swept()) editor.update(next.sweep);
    back.hidden = !next.in_text || next.default === undefined;
    nm.textContent = next.nm_per_unit && Number.isFinite(next.value)
      ? `= ${number(next.value * next.nm_per_unit, 3)} nm` : "";
    const mine = problems.filter((problem) => problem.where.replaceAll(/\[(\d+)\]/g, ".$1")
      === path.join("."));
    fault.hidden = !mine.length;
    fault.textContent = mine.map((problem) => problem.message).join("; ");
    element.classList.toggle("faulty", mine.length > 0);
  }
  return { element, update };
}

function text(value) {
  return Array.isArray(value) ? value.join(", ") : String(value ?? "none");
}

// Long units are for the explanation; beside the name there is room for a word.
function unit(name) {
  return !name || name.length > 14 ? "" : name;
}

/** The chain of a protocol, made anew where its steps change and updated where only values do. */
export class Controls {
  #rows = [];
  #shape = "";
  #page = "";

  constructor(hub, live, place) {
    Object.assign(this, { live, place });
    hub.on("state", (state) => this.show(state));
  }

  show(state) {
    const steps = (state.controls ?? []).filter(({ alternative }) =>
      !alternative || alternative === state.alternative);
    const shape = JSON.stringify([state.alternatives, state.alternative,
      steps.map(({ step, id, parameters }) => [step, id, parameters.map(({ path }) => path)])]);
    if (shape !== this.#shape) this.#build(steps, state);
    this.#shape = shape;
    const parameters = steps.flatMap((step) => step.parameters);
    this.#rows.forEach((each, at) => each.update(parameters[at], state.problems, state.overtaken));
  }

  #build(steps, state) {
    const focused = document.activeElement?.id;
    const closed = new Set([...this.place.querySelectorAll("details.step:not([open])")]
      .map((each) => each.dataset.step));
    this.#rows = [];
    const cards = steps.map((step, at) => {
      const rows = step.parameters.map((parameter) =>
        row(parameter, `p-${step.id}-${parameter.name}`, step, this.live));
      this.#rows.push(...rows);
      return this.#card(step, at, rows, !closed.has(step.id));
    });
    const first = steps.findIndex(({ alternative }) => alternative);
    if (state.alternatives?.length) cards.splice(Math.max(0, first), 0, this.#choose(state));
    this.place.replaceChildren(this.#pages(steps), make("ol", { class: "chain" }, ...cards));
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  // One step at a time, or all below each other; a long chain has a page for each.
  #pages(steps) {
    const names = [...new Set(steps.map(({ id }) => id))];
    const list = make("div", { class: "pages joined", role: "group", "aria-label": "Steps shown" });
    list.hidden = names.length < 3;
    const turn = (name) => {
      this.#page = names.includes(name) ? name : "";
      for (const button of list.children) {
        button.setAttribute("aria-pressed", String(button.dataset.page === this.#page));
      }
      for (const card of this.place.querySelectorAll("details.step")) {
        card.parentElement.hidden = this.#page !== "" && card.dataset.step !== this.#page;
      }
    };
    list.append(...["", ...names].map((name) => make("button", { type: "button",
      "data-page": name, on: { click: () => turn(name) } }, name || "all")));
    queueMicrotask(() => turn(this.#page));
    return list;
  }

  #card(step, at, rows, open) {
    const foreign = step.origin && step.origin !== "stackmend" ? ` · ${step.origin}` : "";
    const name = step.id === step.step ? step.step : `${step.id}: ${step.step}`;
    return make("li", {}, make("details", { class: "step", open, "data-step": step.id },
      make("summary", { title: step.description ?? "" },
        make("b", {}, name), make("span", { class: "soft" }, foreign)),
      make("p", { class: "about" }, step.description ?? ""),
      ...rows.map(({ element }) => element)));
  }

  #choose({ alternatives, alternative }) {
    const buttons = alternatives.map((each) => {
      const name = each.name ?? each;
      return make("button", { type: "button", role: "radio", "data-name": name,
        "aria-checked": String(name === alternative),
        on: { click: () => this.live.send({ do: "alternative", name }) } }, name);
    });
    return make("li", { class: "one-of" }, make("span", { class: "soft" }, "one of "),
      make("div", { class: "joined", role: "radiogroup", "aria-label": "One of" }, ...buttons));
  }
}
