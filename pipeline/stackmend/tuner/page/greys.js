// The grey range: histogram of before and after, and the two ends that can be moved.

import { draw, make, number, rounded } from "./elements.js";
import { ranged } from "./stage.js";

const [WIDTH, HEIGHT] = [300, 56];
const STEPS = 1000;

export class Greys {
  #figures = null;
  #bounds = [0, 1];
  #whole = false; // whether grey levels are whole numbers

  constructor(hub, place, look) {
    Object.assign(this, { hub, look });
    this.plot = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
      class: "histogram", role: "img", "aria-label": "Grey levels before and after" });
    const end = (name, value) => make("input", { type: "range", min: 0, max: STEPS, value,
      "aria-label": `${name} end of the grey range`, on: { input: () => this.#slid() } });
    const typed = (name) => make("input", { type: "number", step: "any", "aria-label":
      `${name} end of the grey range, grey level`, on: { change: () => this.#typed() } });
    [this.low, this.high] = [end("Lower", 0), end("Upper", STEPS)];
    [this.from, this.to] = [typed("Lower"), typed("Upper")];
    this.auto = make("button", { type: "button", class: "plain", title:
      "The range of the slice itself (g)", on: { click: () => this.reset() } }, "own range");
    place.replaceChildren(make("div", { class: "stretch" }, this.plot, this.low, this.high),
      make("div", { class: "ends" }, this.from, this.auto, this.to));
    hub.on("ranges", () => this.#show());
    hub.on("looked", () => this.#show());
    hub.on("state", ({ stack }) => {
      this.#whole = /int/.test(stack?.dtype ?? "");
    });
    hub.on("figures", (figures) => this.#draw(figures));
  }

  /** The layer whose range is moved: what is seen on the right. Before and after share theirs. */
  get layer() {
    const { mode, right, left, flipped } = this.look;
    const name = mode === "one" && flipped ? left : right;
    return ranged(name);
  }

  reset() {
    this.look.ranges.delete(this.layer);
    this.#show();
    this.hub.tell("stretched");
  }

  #own() {
    return this.look.own[this.layer] ?? [0, 1];
  }

  #show() {
    const own = this.#own();
    const [low, high] = this.look.ranges.get(this.layer) ?? own;
    const { low: least, high: most } = this.#figures?.histogram ?? {};
    const known = this.layer === "before" && Number.isFinite(least);
    const room = (own[1] - own[0]) * 0.25;
    this.#bounds = known ? [Math.min(least, low), Math.max(most, high)]
      : [Math.min(own[0] - room, low), Math.max(own[1] + room, high)];
    const [a, b] = this.#bounds;
    this.low.value = Math.round(((low - a) / (b - a)) * STEPS);
    this.high.value = Math.round(((high - a) / (b - a)) * STEPS);
    if (document.activeElement !== this.from) this.from.value = rounded(low, 4);
    if (document.activeElement !== this.to) this.to.value = rounded(high, 4);
    this.auto.disabled = !this.look.ranges.has(this.layer);
    this.plot.classList.toggle("other", this.layer !== "before");
    this.#shade();
  }

  #slid() {
    const [a, b] = this.#bounds;
    const at = (input) => a + (Number(input.value) / STEPS) * (b - a);
    const least = (b - a) / STEPS;
    if (at(this.high) - at(this.low) < least) {
      const moved = document.activeElement === this.low ? this.low : this.high;
      moved.value = Number((moved === this.low ? this.high : this.low).value)
        + (moved === this.low ? -1 : 1);
    }
    this.#set(rounded(at(this.low), 4), rounded(at(this.high), 4));
  }

  #typed() {
    const [low, high] = [this.from.valueAsNumber, this.to.valueAsNumber];
    if (Number.isFinite(low) && Number.isFinite(high) && low < high) this.#set(low, high);
    this.#show();
  }

  #set(low, high) {
    this.look.ranges.set(this.layer, [low, high]);
    this.from.value = low;
    this.to.value = high;
    this.auto.disabled = false;
    this.#shade();
    this.hub.tell("stretched");
  }

  #shade() {
    const place = (input) => (Number(input.value) / STEPS) * WIDTH;
    const shade = this.plot.querySelector(".shade") ?? draw("path", { class: "shade" });
    const [low, high] = [place(this.low), place(this.high)];
    shade.setAttribute("d", `M0 0H${low}V${HEIGHT}H0zM${high} 0H${WIDTH}V${HEIGHT}H${high}z`);
    this.plot.append(shade);
  }

  // Square roots of the counts, so that thin tails can be seen beside the bulk.
  #draw(figures) {
    this.#figures = figures;
    this.#show();
    if (!figures.histogram?.before) return;
    const { low, high } = figures.histogram;
    const bars = (counts) => (this.#whole && high - low < counts.length
      ? levels(counts, high - low) : coarser(counts));
    const [before, after] = [bars(figures.histogram.before), bars(figures.histogram.after)];
    const [a, b] = this.layer === "before" ? this.#bounds : [low, high];
    const most = Math.sqrt(Math.max(...before, ...after)) || 1;
    const path = (counts) => counts.map((count, at) => {
      const grey = low + ((at + 0.5) / counts.length) * (high - low);
      const x = ((grey - a) / (b - a)) * WIDTH;
      const y = HEIGHT - 1 - (Math.sqrt(count) / most) * (HEIGHT - 4);
      return `${x.toFixed(1)} ${y.toFixed(1)}`;
    }).join("L");
    this.plot.replaceChildren(
      draw("path", { class: "before", d: `M0 ${HEIGHT}L${path(before)}L${WIDTH} ${HEIGHT}z` }),
      draw("path", { class: "after", d: `M${path(after)}` }));
    this.plot.setAttribute("aria-label", "Grey levels before (filled) and after (line); mean " +
      `${number(figures.mean_before)} before, ${number(figures.mean_after)} after`);
    this.#shade();
  }
}

// Bins finer than whole grey levels are empty now and then: the count of each level is taken out.
function levels(counts, width) {
  const bin = (level) => Math.min(counts.length - 1, Math.floor((level * counts.length) / width));
  return [...Array(width + 1).keys()].map((level) => counts[bin(level)]);
}

function coarser(counts) {
  return [...Array(counts.length / 4).keys()].map((at) =>
    counts.slice(at * 4, at * 4 + 4).reduce((sum, each) => sum + each, 0));
}
