// What is looked at: slice, channel, arrangement, layers, ranges, zoom; and the bars to change it.

import { choices, find, make, number, toggle } from "./elements.js";

const MODES = [
  { name: "side", label: "Side by side", title: "Before and after side by side (1)" },
  { name: "line", label: "Line", title: "One over the other, with a line to drag (2)" },
  { name: "one", label: "One", title: "One alone; hold the space bar for the other (3)" },
];
const PENS = [
  { name: "move", label: "Move", title: "The mouse moves the slice (v)" },
  { name: "region", label: "Region", title: "Draw the region that is searched (r)" },
  { name: "profile", label: "Profile", title: "Draw a line, see its grey levels (l)" },
];
const SHOWN = ["image", "mask", "field"]; // kinds of products that are pictures
const PLAIN = [["before", "before"], ["after", "after"], ["difference", "difference"],
  ["mask", "mask"], ["next-over-before", "before, next slice over it"],
  ["next-over-after", "after, next slice over it"], ["next-before", "before, next slice"],
  ["next-after", "after, next slice"]];
const OVERLAID = { left: "next-over-before", right: "next-over-after" };

/** The layer whose grey range another one has, too. */
export const ranged = (layer) => (/^after$|^next-/.test(layer) ? "before" : layer);

export class Stage {
  look = {
    slice: 0, channel: 0, mode: "side", left: "before", right: "after", flipped: false,
    split: 0.5, pen: "move", over: { outline: true, mask: false }, region: null, line: null,
    ranges: new Map(), own: {},
    layers: () => this.#layers(),
    range: (layer) => this.look.ranges.get(ranged(layer)) ?? null,
  };
  #stack = null;
  #offered = "";

  constructor(hub) {
    this.hub = hub;
    this.#bars();
    this.#slices();
    hub.on("state", (state) => this.#show(state));
    hub.on("ranges", (ranges) => Object.assign(this.look.own, ranges));
    hub.on("pen", (pen) => this.change({ pen }));
    hub.on("split", (at) => this.split(at));
  }

  /** Change what is looked at; pictures are asked for where they are not there yet. */
  change(what) {
    Object.assign(this.look, what);
    if (what.mode) this.#modes(what.mode);
    if (what.pen) this.#pens(what.pen);
    const { left, right, slice, mode, pen, split } = this.look;
    find("left").value = left;
    find("right").value = right;
    find("slice").value = slice;
    find("stage").dataset.pen = pen;
    if (document.activeElement !== find("number")) find("number").value = slice;
    find("slice").setAttribute("aria-valuetext", this.#stack?.names?.[slice] ?? `slice ${slice}`);
    find("of").textContent = this.#of();
    find("split").hidden = mode !== "line";
    find("split").value = Math.round(split * 1000);
    this.hub.tell("looked", this.look);
  }

  turn(step) {
    this.to(this.look.slice + step);
  }

  to(slice) {
    const most = (this.#stack?.slices ?? 1) - 1;
    const wanted = Math.min(most, Math.max(0, Math.round(slice)));
    if (wanted !== this.look.slice) this.change({ slice: wanted });
  }

  split(at) {
    this.look.split = Math.min(1, Math.max(0, at));
    find("split").value = Math.round(this.look.split * 1000);
    this.hub.tell("redraw");
  }

  over(name, on = !this.look.over[name]) {
    this.look.over[name] = on;
    find("overlays").querySelector(`[data-over=${name}]`).setAttribute("aria-pressed", String(on));
    this.hub.tell("looked", this.look);
  }

  /** Show the difference in place of the right picture, or what was there again. */
  difference() {
    this.change({ right: this.look.right === "difference" ? "after" : "difference" });
  }

  /** Show the next slice over this one, before and after, or what was there again. */
  overlay() {
    const { left, right } = this.look;
    const there = left === OVERLAID.left && right === OVERLAID.right;
    if (!there) this.#beneath = { left, right };
    this.change(there ? this.#beneath : OVERLAID);
  }

  #beneath = { left: "before", right: "after" };

  flip(flipped) {
    if (flipped === this.look.flipped) return;
    this.look.flipped = flipped;
    this.hub.tell("redraw");
  }

  #layers() {
    const { left, right, over } = this.look;
    const names = new Set([left, right]);
    if (over.mask) names.add("mask");
    if (over.outline) names.add("outline");
    return [...names];
  }

  #bars() {
    this.#modes = choices(find("modes"), MODES, (mode) => this.change({ mode }));
    this.#pens = choices(find("pens"), PENS, (pen) => this.change({ pen }));
    for (const [name, label, title] of [["outline", "Outline", "Outline of the mask (o)"],
      ["mask", "Fill", "The mask, filled (m)"]]) {
      const button = toggle(label, title, this.look.over[name], (on) => this.over(name, on));
      button.dataset.over = name;
      find("overlays").append(button);
    }
    for (const side of ["left", "right"]) {
      find(side).addEventListener("change", (event) => this.change({ [side]: event.target.value }));
    }
    find("split").addEventListener("input", (event) => this.split(event.target.value / 1000));
    this.#offer([]);
    this.change({ mode: this.look.mode, pen: this.look.pen });
  }

  #modes = () => {};
  #pens = () => {};

  #slices() {
    find("slice").addEventListener("input", (event) => this.to(Number(event.target.value)));
    find("number").addEventListener("change", (event) => this.to(event.target.valueAsNumber || 0));
    find("previous").addEventListener("click", () => this.turn(-1));
    find("next").addEventListener("click", () => this.turn(1));
    find("channel").addEventListener("change", (event) =>
      this.change({ channel: Number(event.target.value) }));
  }

  #of() {
    if (!this.#stack) return "";
    const name = this.#stack.names?.[this.look.slice];
    return `of ${number(this.#stack.slices)}${name ? ` · ${name}` : ""}`;
  }

  #show(state) {
    if (!state.stack) return;
    this.#stack = state.stack;
    const { slices, channels, label, width, height, dtype } = state.stack;
    find("stack").textContent = [label, `${number(width)} × ${number(height)}`,
      `${number(slices)} ${slices === 1 ? "slice" : "slices"}`, dtype].filter(Boolean).join(" · ");
    for (const id of ["slice", "number"]) find(id).max = slices - 1;
    for (const id of ["slice", "number", "previous", "next"]) find(id).disabled = slices < 2;
    const names = Array.isArray(channels) ? channels : [...Array(channels ?? 1).keys()];
    find("channels").hidden = names.length < 2;
    if (find("channel").options.length !== names.length) {
      const options = names.map((name, at) => make("option", { value: at }, name));
      find("channel").replaceChildren(...options);
    }
    this.#offer(state.products ?? []);
    const known = { slice: Math.min(this.look.slice, slices - 1),
      channel: Math.min(this.look.channel, Math.max(0, names.length - 1)) };
    this.change(known);
  }

  // Every product of the chain that is a picture, by the step that makes it.
  #offer(products) {
    const shown = products.filter(({ name, kind }) =>
      SHOWN.includes(kind) && !PLAIN.some(([plain]) => plain === name));
    const offered = JSON.stringify(shown);
    if (offered === this.#offered) return;
    this.#offered = offered;
    const steps = [...new Set(shown.map(({ step }) => step))];
    for (const side of ["left", "right"]) {
      const groups = steps.map((step) => make("optgroup", { label: step },
        ...shown.filter((product) => product.step === step).map(({ name }) =>
          make("option", { value: name }, name))));
      find(side).replaceChildren(
        ...PLAIN.map(([value, words]) => make("option", { value }, words)), ...groups);
      const wanted = this.look[side];
      const there = [...find(side).options].some(({ value }) => value === wanted);
      if (!there) this.look[side] = side === "left" ? "before" : "after";
      find(side).value = this.look[side];
    }
  }
}
