// Live figures of the slice, and the profile along a line.

import { draw, make, number, percent } from "./elements.js";

const [WIDTH, HEIGHT] = [320, 84];

/** Loss, changed pixels, mask and clipped pixels of what is on the screen. */
export function showFigures(hub, place) {
  const item = (label, title, where = place) => {
    const [value, more] = [make("span", {}, "–"), make("small", { class: "soft" })];
    where.append(make("div", { title }, make("dt", {}, label), make("dd", {}, value, more)));
    return (text, beside = "", why = title) => {
      value.textContent = text;
      more.textContent = beside;
      value.parentElement.parentElement.title = why;
    };
  };
  const losses = make("div", { class: "losses-here" });
  place.append(losses);
  const LOSS = "Loss of this slice, lower is better; under it of the slice untouched";
  const changed = item("changed", "Share of the pixels that differ from the input");
  const mask = item("mask", "Share of the slice that is masked");
  const clipped = item("clipped", "Pixels at the ends of what the output can hold");
  let entries = [];
  let shown = "";
  let each = [];
  hub.on("state", (state) => {
    entries = state.entries ?? [];
    // One number for each search, with the name of its loss where there are several.
    const names = entries.length > 1 ? entries.map(({ loss }) => loss) : ["loss"];
    if (shown === names.join()) return;
    shown = names.join();
    losses.replaceChildren();
    each = names.map((name) => item(name, LOSS, losses));
  });
  hub.on("figures", (figures) => {
    // Losses take longer than the rest and follow; until then the last one stays, faded.
    const waits = entries.length > 0 && !figures.losses?.length;
    losses.classList.toggle("old", waits);
    if (!waits) each.forEach((show, at) => showLoss(show, figures.losses?.[at] ?? figures, at));
    changed(percent(figures.changed));
    mask(percent(figures.mask), figures.mask_pixels ? `${number(figures.mask_pixels, 9)} px` : "");
    clipped(number(figures.clipped, 9), "px");
  });
  hub.on("state", () => place.classList.add("old"));
  hub.on("figures", () => place.classList.remove("old"));

  function showLoss(show, { loss: here, untouched, reason }, at) {
    const known = Number.isFinite(here);
    const alone = Number.isFinite(untouched) ? `untouched ${number(untouched)}` : "";
    const of = entries.length > 1 ? `${(entries[at]?.steps ?? []).join(", ")}: ${LOSS}` : LOSS;
    show(known ? number(here) : "–", known ? alone : short(reason) || alone, reason || of);
  }
}

function short(reason) {
  if (!reason) return "";
  return reason.length > 34 ? `${reason.slice(0, 32)}…` : reason;
}

/** Grey levels along the line, before and after, and where it crosses the mask. */
export function showProfile(hub, place, gone) {
  const plot = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
    role: "img", "aria-label": "Grey levels along the line" });
  const words = make("figcaption", { class: "soft" });
  const close = make("button", { type: "button", class: "plain close", "aria-label":
    "Take the line away", title: "Take the line away", on: { click: () => {
    place.hidden = true;
    gone();
  } } }, "×");
  place.replaceChildren(plot, make("div", {}, words, close));
  hub.on("line moves", () => {
    place.hidden = false;
  });
  hub.on("profile", ({ before, after, mask, start, stop }) => {
    const all = [...before, ...after].filter(Number.isFinite);
    if (!all.length) return;
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const x = (at) => ((at / Math.max(1, before.length - 1)) * WIDTH).toFixed(1);
    const y = (grey) => (HEIGHT - 3 - ((grey - low) / (high - low || 1)) * (HEIGHT - 8)).toFixed(1);
    const path = (greys) => greys.map((grey, at) => `${x(at)} ${y(grey)}`).join("L");
    plot.replaceChildren(
      draw("path", { class: "masked", d: masked(mask ?? [], x) }),
      draw("path", { class: "before", d: `M${path(before)}` }),
      draw("path", { class: "after", d: `M${path(after)}` }));
    const long = Math.hypot(stop[0] - start[0], stop[1] - start[1]);
    words.textContent = `${number(long, 4)} px, grey ${number(low)} to ${number(high)}`;
    place.hidden = false;
  });
}

function masked(mask, x) {
  let path = "";
  mask.forEach((inside, at) => {
    const from = x(Math.max(0, at - 0.5));
    if (inside) path += `M${from} 0H${x(at + 0.5)}V${HEIGHT}H${from}z`;
  });
  return path;
}
