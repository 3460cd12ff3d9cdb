// The panel of the search: where it looks, its start and end, what it found.

import { find, listed, make, number } from "./elements.js";
import { row } from "./controls.js";
import { Graph, STATUS } from "./graph.js";

const ROLES = [
  { role: "slices", label: "Searched", title: "The search chooses on these slices" },
  { role: "validate", label: "Held out", title: "Measured, never used to choose" },
  { role: "clean", label: "Clean", title: "Known to be clean: must stay as they are" },
];

export class Search {
  #state = null;
  #entry = 0;
  #results = new Map();
  #drawn = null; // what the graph shows; it is drawn anew for news alone

  constructor(hub, live, look, place) {
    Object.assign(this, { hub, live, look, place });
    this.graph = new Graph((point) => this.take(point));
    this.#build();
    hub.on("state", (state) => this.#show(state));
    hub.on("search", (news) => {
      this.#results.set(news.entry, news);
      if (news.entry === this.#entry) this.#told(news);
    });
    hub.on("looked", () => this.#marks());
    hub.on("region", (region) => this.#optimize({ region }));
  }

  /** Start the search, or cancel the one that runs. */
  begin() {
    const running = this.#results.get(this.#entry)?.running;
    this.live.send(running ? { do: "stop" } : { do: "search", entry: this.#entry });
  }

  /** Mark the slice that is looked at, or take the mark away. */
  mark(role) {
    const entry = this.#entries()[this.#entry];
    const kept = (entry?.[role] ?? []).filter((each) => numberOf(each) !== this.look.slice);
    const had = kept.length !== (entry?.[role] ?? []).length;
    const others = {};
    for (const { role: other } of ROLES) {
      if (other === role || had || !entry) continue;
      const left = (entry[other] ?? []).filter((each) => numberOf(each) !== this.look.slice);
      if (left.length !== (entry[other] ?? []).length) others[other] = left;
    }
    const mine = had ? kept : [...kept, this.look.slice].sort((a, b) => numberOf(a) - numberOf(b));
    this.#optimize({ ...others, [role]: mine });
  }

  /** The slice under a combination, its values in the controls. */
  take({ values, alternative }) {
    const gesture = `point ${performance.now()}`;
    if (alternative) this.live.send({ do: "alternative", name: alternative, gesture });
    for (const [name, value] of Object.entries(values ?? {})) {
      this.live.send({ do: "value", name, value, gesture });
    }
  }

  #entries() {
    return this.#state?.entries ?? [];
  }

  #optimize(change) {
    const asked = Object.entries(change).map(([name, value]) => {
      if (!Array.isArray(value)) return [name, value];
      const none = !value.length && name !== "slices";
      return [name, none ? null : value.map(written)];
    });
    this.live.send({ do: "optimize", entry: this.#entry, ...Object.fromEntries(asked) });
  }

  #build() {
    this.entry = make("select", { "aria-label": "Search of", on: { change: () => {
      this.#entry = Number(this.entry.value);
      this.#show(this.#state);
    } } });
    this.fields = Object.fromEntries(ROLES.map(({ role, label, title }) => [role, make("input", {
      type: "text", id: `on-${role}`, title, "aria-label": `${label}: slices`, spellcheck: "false",
      autocomplete: "off", on: { change: (event) => this.#typed(role, event.target.value) } })]));
    this.buttons = ROLES.map(({ role, label, title }) => make("button", { type: "button",
      "aria-pressed": "false", title, "data-role": role,
      on: { click: () => this.mark(role) } }, label));
    this.region = make("span");
    this.clear = make("button", { type: "button", class: "plain",
      on: { click: () => this.#optimize({ region: null }) } }, "whole slice");
    this.draw = make("button", { type: "button", class: "plain",
      title: "Draw it with the mouse (r)",
      on: { click: () => this.hub.tell("pen", "region") } }, "draw");
    this.start = make("button", { type: "button", class: "main", id: "search",
      title: "Search (Ctrl+Enter)", on: { click: () => this.begin() } }, "Search");
    this.how = new How(this.live);
    this.count = make("span", { class: "soft" });
    this.progress = make("progress", { max: 1, value: 0, "aria-label": "Combinations tried" });
    this.outcome = make("p", { class: "outcome", role: "status" });
    this.table = make("table", { class: "found" });
    this.found = make("div", { hidden: true }, this.outcome, this.graph.element, this.table);
    const field = ({ role, label, title }) => make("p", { class: "on" },
      make("label", { for: `on-${role}`, title }, label), this.fields[role]);
    this.place.replaceChildren(
      make("p", { class: "soft lead" }, "A search tries the ranges of the chain on slices of " +
        "your choice, and takes what has the lowest loss."),
      this.entry, make("p", { class: "this" }, make("span", { class: "soft" }, "This slice: "),
        make("span", { class: "joined" }, ...this.buttons)),
      ...ROLES.map(field),
      make("p", { class: "on" }, make("span", {}, "Region"), this.region,
        make("span", {}, this.draw, this.clear)), this.how.element,
      make("p", { class: "go" }, this.start, this.count), this.progress, this.found);
  }

  #typed(role, text) {
    const now = this.#entries()[this.#entry]?.[role] ?? [];
    const kept = now.filter((each) => written(each) === each);
    const wanted = listed(text).map((each) => kept.find(
      (one) => numberOf(one) === each) ?? each);
    this.#optimize({ [role]: wanted });
  }

  #show(state) {
    this.#state = state;
    const entries = this.#entries();
    this.#entry = Math.min(this.#entry, Math.max(0, entries.length - 1));
    this.entry.hidden = entries.length < 2;
    this.entry.replaceChildren(...entries.map(({ steps, loss }, at) =>
      make("option", { value: at }, `${at + 1}: ${steps?.join(", ") ?? loss}`)));
    this.entry.value = this.#entry;
    const entry = entries[this.#entry] ?? {};
    for (const { role } of ROLES) {
      const field = this.fields[role];
      const numbers = (entry[role] ?? []).map((each) => numberOf(each)).join(", ");
      if (document.activeElement !== field) field.value = numbers;
    }
    this.look.region = entry.region ? spanned(entry.region, state.stack) : null;
    const { region } = this.look;
    this.region.textContent = region
      ? `x ${region.x.join("–")}, y ${region.y.join("–")}` : "whole slice";
    this.clear.hidden = !region;
    this.count.textContent = entry.combinations
      ? `${number(entry.combinations)} combinations${entry.loss ? `, ${entry.loss}` : ""}`
      : "give a parameter a range first";
    this.start.disabled = !entry.combinations;
    this.how.show((state.search_controls ?? []).filter((each) => each.entry === this.#entry),
      state);
    this.#marks();
    this.#told(this.#results.get(this.#entry) ?? {});
  }

  #marks() {
    const entry = this.#entries()[this.#entry] ?? {};
    for (const button of this.buttons) {
      const on = (entry[button.dataset.role] ?? []).some(
        (each) => numberOf(each) === this.look.slice);
      button.setAttribute("aria-pressed", String(on));
    }
  }

  #told(news) {
    const { running, done, needed, points = [] } = news;
    this.start.textContent = running ? "Stop" : "Search";
    this.progress.classList.toggle("running", Boolean(running));
    this.progress.value = needed ? done / needed : 0;
    if (running) this.count.textContent = `${number(done)} of ${number(needed)}`;
    this.found.hidden = !points.length;
    if (!points.length || news === this.#drawn) return;
    this.#drawn = news;
    this.graph.show(news);
    this.#table(news);
    const chosen = points[news.chosen];
    this.outcome.textContent = chosen ? "" : (news.reason ?? "");
    this.outcome.hidden = !this.outcome.textContent;
  }

  // What was chosen, to leave it alone, and how many of the others came to what.
  #table({ points, chosen, untouched, running }) {
    const cells = (name, loss, words, click) => make("tr", {}, make("th", { scope: "row" },
      click ? make("button", { type: "button", class: "plain", on: { click } }, name) : name),
    make("td", {}, loss), make("td", { class: "soft" }, words));
    const best = points[chosen];
    const rows = [];
    if (best) {
      const values = Object.entries(best.values ?? {}).map(([name, value]) =>
        `${name.split(".").at(-1)} ${value}`);
      rows.push(cells(running ? "best so far" : "chosen", number(best.loss),
        [best.alternative, ...values].filter(Boolean).join(", "), () => this.take(best)));
    }
    rows.push(cells("leave it alone", number(untouched), ""));
    for (const [status, words] of Object.entries(STATUS)) {
      const those = points.filter((point) => point.status === status);
      const reasons = [...new Set(those.map(({ reason }) => reason).filter(Boolean))];
      const why = reasons.slice(0, 2).join("; ");
      if (those.length) rows.push(cells(words, String(those.length), why));
    }
    this.table.replaceChildren(make("tbody", {}, ...rows));
  }
}

const KINDS = { loss: "Loss", also: "Second loss", strategy: "Strategy" };

/** How a search chooses: its loss, a second one beside it, its strategy, and their parameters. */
class How {
  #shape = "";
  #rows = [];

  constructor(live) {
    this.live = live;
    this.element = make("div", { class: "how" });
  }

  show(controls, state) {
    const shape = JSON.stringify(controls.map(({ path, name, parameters }) =>
      [path, name, parameters.map((each) => each.name)]));
    if (shape !== this.#shape) this.#build(controls);
    this.#shape = shape;
    const parameters = controls.flatMap((each) => each.parameters);
    this.#rows.forEach((each, at) => each.update(parameters[at], state.problems, state.overtaken));
  }

  #build(controls) {
    this.#rows = [];
    const parts = controls.flatMap((control) => {
      const rows = control.parameters.map((parameter) => row({ ...parameter, sweepable: false },
        `how-${control.kind}-${parameter.name}`, { id: control.kind }, this.live));
      this.#rows.push(...rows);
      const inside = rows.map(({ element }) => element);
      return [this.#list(control), rows.length
        ? make("details", {}, make("summary", { class: "soft" }, `${control.name}: options`),
          make("p", { class: "about" }, control.description), ...inside) : ""];
    });
    this.element.replaceChildren(...parts.filter(Boolean));
  }

  // The names to choose from; to take one away makes it the default, or none.
  #list({ kind, name, choices, default: usual, path, about }) {
    const none = usual === null || usual === undefined ? [""] : [];
    const list = make("select", { id: `how-${kind}`, title: about, on: { change: () => {
      const chosen = list.value;
      this.live.send(chosen ? { do: "set", path, value: chosen } : { do: "remove", path });
    } } }, ...[...none, ...choices].map((each) =>
      make("option", { value: each }, each || "none")));
    list.value = name ?? "";
    return make("p", { class: "on" },
      make("label", { for: `how-${kind}`, title: about }, KINDS[kind]), list);
  }
}

const numberOf = (each) => each?.slice ?? each;

// A slice as it stands in a protocol: its number, unless only a part of it is meant.
const written = (each) =>
  (Object.keys(each?.region ?? {}).length ? each : numberOf(each));

function spanned(region, stack) {
  return { y: region.y ?? [0, stack?.height ?? 0], x: region.x ?? [0, stack?.width ?? 0] };
}

/** The panels of the column; one is seen at a time. */
export function tabs(hub) {
  const names = ["chain", "search", "text"];
  const place = find("tabs");
  const buttons = names.map((name) => make("button", { type: "button", role: "tab",
    id: `tab-${name}`, "aria-controls": `panel-${name}`, on: { click: () => open(name) } },
  name[0].toUpperCase() + name.slice(1)));
  place.replaceChildren(...buttons);
  place.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = buttons.indexOf(document.activeElement);
    if (!step || at < 0) return;
    open(names[(at + step + names.length) % names.length]);
    buttons[(at + step + names.length) % names.length].focus();
  });
  function open(name) {
    names.forEach((each, at) => {
      find(`panel-${each}`).hidden = each !== name;
      buttons[at].setAttribute("aria-selected", String(each === name));
      buttons[at].tabIndex = each === name ? 0 : -1;
    });
    hub.tell("opened", name);
  }
  open("chain");
  return open;
}
