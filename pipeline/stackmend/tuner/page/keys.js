// Keys, and the list of them.

import { make } from "./elements.js";

/** All keys: what is shown in the list, and what each does. */
export function keysOf({ stage, view, live, saving, search, greys, theme, help, slots }) {
  return [
    ["Slices", [
      [[","], "previous slice", () => stage.turn(-1)],
      [["."], "next slice", () => stage.turn(1)],
      [["PageUp"], "ten slices back", () => stage.turn(-10)],
      [["PageDown"], "ten slices on", () => stage.turn(10)],
    ]],
    ["View", [
      [["+", "="], "larger", () => view.zoom(1.25)],
      [["-"], "smaller", () => view.zoom(0.8)],
      [["0"], "whole slice", () => view.fit()],
      [["1"], "side by side", () => stage.change({ mode: "side" })],
      [["2"], "one over the other, with a line", () => stage.change({ mode: "line" })],
      [["3"], "one alone", () => stage.change({ mode: "one" })],
      [["o"], "outline of the mask", () => stage.over("outline")],
      [["m"], "mask, filled", () => stage.over("mask")],
      [["d"], "difference", () => stage.difference()],
      [["n"], "next slice over this one, before and after", () => stage.overlay()],
      [["g"], "own grey range", () => greys.reset()],
      [["v"], "the mouse moves", () => stage.change({ pen: "move" })],
      [["r"], "draw the region", () => stage.change({ pen: "region" })],
      [["l"], "draw a profile", () => stage.change({ pen: "profile" })],
    ]],
    ["Settings", [
      [["Ctrl+z"], "undo", () => live.send({ do: "undo" })],
      [["Ctrl+Shift+z", "Ctrl+y"], "redo", () => live.send({ do: "redo" })],
      [["a"], "show A (empty: keep as A)", () => slots.take("A")],
      [["b"], "show B (empty: keep as B)", () => slots.take("B")],
      [["Shift+a"], "keep as A", () => slots.keep("A")],
      [["Shift+b"], "keep as B", () => slots.keep("B")],
      [["Ctrl+Enter"], "search, or stop it", () => search.begin()],
      [["Ctrl+s"], "save", () => saving.open()],
      [["t"], "colours", () => theme.next()],
      [["?"], "this list", () => help()],
    ]],
  ];
}

const TYPED = "textarea, select, input:not([type=range], [type=checkbox])";

/** The name of a pressed key as in the list above. */
function pressed(event) {
  const letter = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const isLetter = /^[a-z]$/.test(letter);
  const shift = event.shiftKey && (isLetter || event.key.length > 1) ? "Shift+" : "";
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${shift}${letter}`;
}

/** Hear keys wherever they mean nothing else. */
export function hearKeys(groups, stage, view, element) {
  const all = new Map(groups.flatMap(([, keys]) =>
    keys.flatMap(([names, , act]) => names.map((name) => [name, act]))));
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest(TYPED);
    const name = pressed(event);
    const ours = name.startsWith("Ctrl+") && !(typing && /z|y/.test(name));
    if (event.altKey || (typing && !ours) || document.querySelector("dialog[open]")) return;
    const ranged = event.target.matches("input[type=range]") && name.startsWith("Page");
    const act = ranged ? null : all.get(name);
    if (!act) return;
    event.preventDefault();
    act();
  });
  element.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (!way[event.key] || event.target !== element) return;
    event.preventDefault();
    view.pan(...way[event.key].map((step) => step * (event.shiftKey ? 200 : 40)));
  });
  const space = (down) => (event) => {
    const elsewhere = event.target.closest("button, input, textarea, select, summary, dialog, svg");
    if (event.key !== " " || elsewhere) return;
    event.preventDefault();
    stage.flip(down);
  };
  document.addEventListener("keydown", space(true));
  document.addEventListener("keyup", space(false));
}

/** The list of all keys, over the page. */
export function showKeys(dialog, groups) {
  const named = (name) => name.split("+").filter(Boolean).map((part) =>
    make("kbd", {}, part.length === 1 ? part.toUpperCase() : part));
  const line = ([names, words]) => make("div", {}, make("dt", {},
    ...(names[0] === "+" ? [make("kbd", {}, "+")] : named(names[0]))), make("dd", {}, words));
  const more = [[["Space"], "hold: before, where one is shown alone"],
    [["Arrows"], "move the slice (Shift: far)"], [["Wheel"], "zoom; double click: whole slice"],
    [["Esc"], "close what is open"]];
  dialog.replaceChildren(make("form", { method: "dialog" },
    make("h2", { id: "keys-title" }, "Keys"),
    make("div", { class: "groups" }, ...groups.map(([title, keys]) => make("section", {},
      make("h3", {}, title), make("dl", {}, ...keys.map(line),
        ...(title === "View" ? more.map(line) : []))))),
    make("p", { class: "buttons" }, make("button", { class: "main" }, "Close"))));
  return () => {
    if (!dialog.open) dialog.showModal();
  };
}
