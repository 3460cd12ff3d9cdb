// The top of the page: undo, redo, settings A and B, colours, and what is said of the line.

import { find, make } from "./elements.js";

const COLOURS = ["auto", "light", "dark"];
const SIGNS = { auto: "◐", light: "☀", dark: "☾" };

/** Light, dark, or as the system has it; kept for the next visit. */
export function theme(hub) {
  const root = document.documentElement;
  const show = (name) => {
    root.dataset.theme = name;
    find("theme").textContent = SIGNS[name];
    find("theme").setAttribute("aria-label", `Colours: ${name}`);
    hub.tell("redraw");
  };
  const kept = localStorage.getItem("theme");
  show(COLOURS.includes(kept) ? kept : "auto");
  const next = () => {
    const name = COLOURS[(COLOURS.indexOf(root.dataset.theme) + 1) % COLOURS.length];
    localStorage.setItem("theme", name);
    show(name);
  };
  find("theme").addEventListener("click", next);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => hub.tell("redraw"));
  return { next };
}

/** Settings to flip between: the first press keeps what is on the screen, the next ones show it. */
export function slots(hub, live) {
  let kept = {};
  const keep = (slot) => live.send({ do: "keep", slot });
  const take = (slot) => (kept[slot] ? live.send({ do: "take", slot }) : keep(slot));
  const buttons = ["A", "B"].map((slot) => make("button", { type: "button",
    on: { click: (event) => (event.shiftKey ? keep(slot) : take(slot)) } }, slot));
  find("slots").replaceChildren(...buttons);
  hub.on("state", (state) => {
    kept = state.slots ?? {};
    buttons.forEach((button) => {
      const slot = button.textContent;
      button.classList.toggle("kept", Boolean(kept[slot]));
      button.setAttribute("aria-pressed", String(state.text_of === slot));
      button.title = kept[slot]
        ? `Show settings ${slot} (${slot}); keep anew: Shift+${slot}` : `Keep as ${slot} (${slot})`;
    });
  });
  return { keep, take };
}

/** Undo and redo. */
export function history(hub, live) {
  for (const name of ["undo", "redo"]) {
    find(name).addEventListener("click", () => live.send({ do: name }));
    hub.on("state", (state) => {
      find(name).disabled = !state[name];
    });
  }
}

/** Whether the server is there; it is said in place of the pictures' freshness. */
export function banner(hub) {
  const words = {
    gone: "The tuner does not answer: it was ended, or is busy. Trying again; nothing is lost.",
    refused: "This address is not that of the running tuner (its token is wrong). "
      + "Open the address that 'stackmend tune' has printed.",
  };
  hub.on("line", ({ lost, reason }) => {
    find("lost").hidden = !lost;
    document.body.classList.toggle("offline", lost);
    if (lost) find("lost").textContent = words[reason];
  });
}

/** Short messages that go away by themselves. */
export function messages(hub) {
  let timer = 0;
  hub.on("say", (words) => {
    find("said").textContent = words;
    find("said").classList.add("seen");
    clearTimeout(timer);
    timer = setTimeout(() => find("said").classList.remove("seen"), 6000);
  });
  hub.on("trouble", (error) => hub.tell("say", `A picture could not be had: ${error.message}`));
}
