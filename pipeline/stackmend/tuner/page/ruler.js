// What is said on the stage: captions, place, scale bar, and what holds of the picture.

import { find, number } from "./elements.js";

const WORDS = {
  constant: "This slice has one grey level only; it passes untouched.",
  nothing_found: "Nothing is found in this slice; steps that mark leave it as it is.",
  overmasked: "So much of this slice is masked that it is not believed, and not corrected.",
  kept: "This slice cannot be used; it passes as it is.",
  blank: "This slice cannot be read; it would be blank.",
  skipped: "This slice cannot be used; it is left out.",
  failed: "This slice could not be computed.",
};
const FINE = ["ok", "restored"];

export function captions(hub, view, look) {
  let [sound, looking] = [true, false];
  let pixel = null;
  hub.on("arranged", (panes) => {
    const [left, right] = panes.length > 1 ? panes : [null, panes[0]];
    caption("left", left);
    caption("right", right);
  });
  hub.on("state", (state) => {
    sound = !(state.problems ?? []).some(({ severity }) => (severity ?? "error") === "error");
    looking = state.looking;
    pixel = state.stack?.pixel_size?.x ?? null;
    find("stage").classList.toggle("unsound", !sound);
    tell({});
  });
  let last = {};
  function tell(set) {
    last = { ...last, ...set };
    const words = [];
    if (looking) words.push("The stack is looked at; a protocol that fits it follows.");
    else if (!sound) words.push("The picture of the last protocol without errors.");
    else if (last.quick) words.push("Visible part first; the exact picture follows.");
    const { status, reason } = sound ? last : {};
    if (status && !FINE.includes(status)) words.push(WORDS[status] ?? status);
    if (reason) words.push(reason);
    find("mark").textContent = words.join(" ");
    find("mark").hidden = !words.length;
    find("stage").classList.toggle("failed", status === "failed");
  }
  hub.on("shown", tell);
  hub.on("failed", tell);
  hub.on("busy", ({ what, done, needed }) => {
    find("task").hidden = !what;
    find("task").textContent = needed ? `${what} ${number(done)} of ${number(needed)}` : what;
  });
  hub.on("working", (on) => {
    find("busy").hidden = !on;
  });
  hub.on("over", (at) => {
    const { width, height } = view.image;
    const inside = at && at.x >= 0 && at.y >= 0 && at.x < width && at.y < height;
    find("place").textContent = inside ? `x ${Math.floor(at.x)}  y ${Math.floor(at.y)}` : "";
  });
  hub.on("viewed", () => {
    find("zoom").textContent = view.fitted ? "fit" : `${Math.round(view.scale * 100)} %`;
    ruler();
  });

  function caption(side, pane) {
    const element = find(`caption-${side}`);
    element.hidden = !pane;
    if (!pane) return;
    const name = side === "left" || !look.flipped ? pane.name : look.left;
    const said = name.replaceAll("-", " ");
    element.textContent = name.startsWith("next-over")
      ? `${said}: this slice magenta, next green, grey where alike` : said;
    const below = pane.y > 0;
    element.style.top = below ? `${pane.y + 8}px` : "";
    element.classList.toggle("below", below);
  }

  // A round length of about a fifth of the pane.
  function ruler() {
    const element = find("ruler");
    element.hidden = !pixel;
    if (!pixel) return;
    const most = (view.pane.width / 5 / view.scale) * pixel;
    const power = 10 ** Math.floor(Math.log10(most));
    const length = [5, 2, 1].map((each) => each * power).find((each) => each <= most);
    element.style.width = `${(length / pixel) * view.scale}px`;
    element.textContent = length >= 1000 ? `${number(length / 1000)} µm` : `${number(length)} nm`;
  }
}
