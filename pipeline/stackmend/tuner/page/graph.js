// Losses of a search as a graph whose points can be picked, by mouse or by arrow keys.

import { draw, make, number } from "./elements.js";

const [WIDTH, HEIGHT] = [340, 190];
const EDGE = { left: 44, right: 10, top: 12, bottom: 30 };
const LANE = 16; // height of the lane of those without a loss

/** What became of a combination that cannot be chosen. */
export const STATUS = {
  refused: "refused", failed: "failed", nothing_found: "nothing found", undefined: "without a loss",
};

export class Graph {
  #points = [];
  #places = [];
  #at = -1;
  #axis = "";

  constructor(picked) {
    this.picked = picked;
    this.svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "graph", tabindex: 0,
      role: "listbox", "aria-label": "Losses of the combinations; arrow keys move, Enter shows" });
    this.tip = make("p", { class: "tip", role: "status" });
    this.axis = make("select", { "aria-label": "Along the graph" });
    this.axis.addEventListener("change", () => {
      this.#axis = this.axis.value;
      this.show(this.search);
    });
    this.element = make("div", { class: "losses" }, this.svg, this.tip,
      make("label", { class: "soft along" }, "along: ", this.axis));
    this.svg.addEventListener("pointermove", (event) => this.#point(this.#nearest(event)));
    this.svg.addEventListener("click", (event) => this.#pick(this.#nearest(event)));
    this.svg.addEventListener("keydown", (event) => this.#key(event));
  }

  show(search) {
    this.search = search;
    this.#points = search.points ?? [];
    const names = [...new Set(this.#points.flatMap(({ values }) => Object.keys(values ?? {})))];
    this.#offer(names);
    const along = this.#points.map(({ values }, at) => this.#along(values, at));
    const losses = this.#points.map(({ loss }) => loss).filter(Number.isFinite);
    if (Number.isFinite(search.untouched)) losses.push(search.untouched);
    const x = axisOf(along, EDGE.left, WIDTH - EDGE.right);
    const y = axisOf(losses, HEIGHT - EDGE.bottom - LANE, EDGE.top);
    const lane = HEIGHT - EDGE.bottom - LANE / 2 + 2;
    this.#places = this.#points.map(({ loss }, at) => ({
      x: x.place(along[at]), y: Number.isFinite(loss) ? y.place(loss) : lane }));
    this.svg.replaceChildren(...frame(x, y, this.axis.selectedOptions[0]?.textContent ?? ""));
    this.#points.forEach((point, at) => this.svg.append(this.#mark(point, at)));
    if (Number.isFinite(search.untouched)) this.svg.append(...untouched(y.place(search.untouched)));
  }

  #offer(names) {
    const words = ["in order", ...names];
    if (words.join() === [...this.axis.options].map((each) => each.textContent).join()) return;
    this.axis.replaceChildren(...words.map((word, at) =>
      make("option", { value: at ? word : "" }, word)));
    this.axis.value = names.includes(this.#axis) ? this.#axis : "";
  }

  #along(values, at) {
    if (!this.#axis) return at;
    const value = values?.[this.#axis];
    return Number.isFinite(value) ? value : at;
  }

  #mark(point, at) {
    const { x, y } = this.#places[at];
    const chosen = at === this.search.chosen;
    const name = fateOf(point);
    const shape = name === "refused"
      ? draw("path", { d: `M${x - 3} ${y - 3}l6 6m0 -6l-6 6` })
      : draw("circle", { cx: x, cy: y, r: chosen ? 5 : 3 });
    shape.setAttribute("class", chosen ? "chosen" : name);
    shape.setAttribute("role", "option");
    shape.setAttribute("aria-label", Number.isFinite(point.loss)
      ? `loss ${number(point.loss)}` : point.status);
    shape.dataset.point = at;
    return shape;
  }

  #nearest(event) {
    const box = this.svg.getBoundingClientRect();
    const x = ((event.clientX - box.x) / box.width) * WIDTH;
    const y = ((event.clientY - box.y) / box.height) * HEIGHT;
    const far = this.#places.map((place) => Math.hypot(place.x - x, place.y - y));
    return far.indexOf(Math.min(...far));
  }

  #point(at) {
    const point = this.#points[at];
    if (!point) return;
    this.#at = at;
    for (const each of this.svg.querySelectorAll(".at")) each.classList.remove("at");
    this.svg.querySelector(`[data-point="${at}"]`)?.classList.add("at");
    this.tip.textContent = this.#words(point, at);
  }

  #words({ loss, status, reason, values, alternative }, at) {
    const fate = `${STATUS[status] ?? status}${reason ? `: ${reason}` : ""}`;
    const good = status === "ok" || status === "searching";
    const known = Number.isFinite(loss) ? `loss ${number(loss)}` : "";
    const head = [known, good ? "" : fate].filter(Boolean).join(" · ");
    const named = Object.entries(values ?? {}).map(([name, value]) =>
      `${name.split(".").at(-1)} ${value}`);
    const own = at === this.search.chosen ? ["chosen"] : [];
    return [...own, head, ...(alternative ? [alternative] : []), ...named].join(" · ");
  }

  #pick(at) {
    const point = this.#points[at];
    if (!point) return;
    this.#point(at);
    this.picked(point, at);
  }

  #key(event) {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (step) {
      const order = this.#places.map((place, at) => ({ x: place.x, at }))
        .sort((a, b) => a.x - b.x || a.at - b.at).map(({ at }) => at);
      const from = this.#at < 0 ? (this.search.chosen ?? order[0]) : this.#at;
      const to = order.indexOf(from) + (this.#at < 0 ? 0 : step);
      this.#point(order[Math.min(order.length - 1, Math.max(0, to))]);
    } else if (event.key === "Enter" || event.key === " ") {
      this.#pick(this.#at);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

function fateOf({ status, loss }) {
  if (status === "refused" || status === "failed") return "refused";
  return Number.isFinite(loss) ? "tried" : "undefined";
}

function axisOf(values, from, to) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (!Number.isFinite(low)) [low, high] = [0, 1];
  const room = high > low ? 0 : Math.abs(low) * 0.1 || 1;
  [low, high] = [low - room, high + room];
  const place = (value) => from + ((value - low) / (high - low)) * (to - from);
  return { low, high, place };
}

function frame(x, y, title) {
  const bottom = HEIGHT - EDGE.bottom;
  const words = (text, at) => draw("text", at, text);
  return [
    draw("path", { class: "axis", d: `M${EDGE.left} ${EDGE.top}V${bottom}H${WIDTH - EDGE.right}` }),
    words(number(y.high, 3), { x: EDGE.left - 5, y: y.place(y.high) + 4, class: "end" }),
    words(number(y.low, 3), { x: EDGE.left - 5, y: y.place(y.low) + 4, class: "end" }),
    words("loss", { x: EDGE.left - 5, y: (EDGE.top + bottom) / 2, class: "end" }),
    words(number(x.low, 3), { x: x.place(x.low), y: bottom + 13 }),
    words(number(x.high, 3), { x: x.place(x.high), y: bottom + 13, class: "end" }),
    words(title, { x: (EDGE.left + WIDTH) / 2, y: HEIGHT - 4, class: "middle" }),
  ];
}

function untouched(y) {
  return [
    draw("path", { class: "alone", d: `M${EDGE.left} ${y}H${WIDTH - EDGE.right}` }),
    draw("text", { x: WIDTH - EDGE.right, y: y - 4, class: "end alone" }, "leave it alone"),
  ];
}
