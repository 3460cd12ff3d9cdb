// Puts the page together: who hears of what.

import { Controls } from "./controls.js";
import { find, Hub } from "./elements.js";
import { showFigures, showProfile } from "./figures.js";
import { Greys } from "./greys.js";
import { Hands } from "./hands.js";
import { hearKeys, keysOf, showKeys } from "./keys.js";
import { Live } from "./live.js";
import { Painter } from "./paint.js";
import { Pictures } from "./pictures.js";
import { captions } from "./ruler.js";
import { Saving } from "./saving.js";
import { Search, tabs } from "./search.js";
import { Stage } from "./stage.js";
import { Text } from "./text.js";
import { banner, history, messages, slots, theme } from "./top.js";
import { View } from "./view.js";

const hub = new Hub();
const colours = theme(hub);
const live = new Live(hub);
const view = new View(() => hub.tell("viewed"));
let shape = "";
hub.on("state", ({ stack }) => {
  const now = stack ? `${stack.width} x ${stack.height}` : shape;
  if (now !== shape) view.ofSize(stack.width, stack.height);
  shape = now;
});
const stage = new Stage(hub);
const { look } = stage;
const pictures = new Pictures(hub, live, view, look);
const painter = new Painter(hub, find("canvas"), view, pictures, look);
new Hands(hub, find("stage"), view, painter, look);
captions(hub, view, look);

new Controls(hub, live, find("panel-chain"));
const search = new Search(hub, live, look, find("panel-search"));
const open = tabs(hub);
new Text(hub, live, find("panel-text"), find("problems"), open);
const greys = new Greys(hub, find("greys"), look);
showFigures(hub, find("figures"));
showProfile(hub, find("profile"), () => {
  look.line = null;
  painter.ask();
});
const saving = new Saving(hub, live, find("saving"));
history(hub, live);
banner(hub);
messages(hub);

hub.on("state", ({ name, title, revision, problems }) => {
  find("name").textContent = name ?? title ?? "";
  document.title = `${name ?? title ?? "protocol"} · stackmend tune`;
  const errors = problems.some(({ severity }) => (severity ?? "error") === "error");
  if (!errors && !pictures.has(revision)) hub.tell("working", true);
  painter.ask();
});
hub.on("looked", () => {
  find("stage").dataset.mode = look.mode;
  find("stage").style.setProperty("--tall", view.image.height / (view.image.width || 1));
  painter.arrange();
  painter.ask();
  pictures.turn();
});
hub.on("redraw", () => {
  painter.arrange();
  painter.ask();
});
hub.on("viewed", () => {
  painter.ask();
  pictures.follow();
});
hub.on("failed", () => painter.ask());
hub.on("drawn", ({ revision, slice, quick, layers }) => {
  const names = [...layers.keys()].join(" ");
  Object.assign(find("stage").dataset, { revision, slice, quick, layers: names });
});
hub.on("stretched", () => pictures.stretch());

// A line that is there is measured again for every picture, and at most once a frame while drawn.
let measuring = 0;
function measure() {
  measuring ||= requestAnimationFrame(() => {
    measuring = 0;
    if (look.line) live.aside({ do: "profile", ...look.line });
  });
}
hub.on("line moves", measure);
hub.on("line drawn", measure);
hub.on("shown", (set) => !set.quick && measure());

const settings = slots(hub, live);
let help = () => {};
const keys = keysOf({
  stage, view, live, saving, search, greys, theme: colours, slots: settings, help: () => help(),
});
help = showKeys(find("keys"), keys);
hearKeys(keys, stage, view, find("stage"));
find("help").addEventListener("click", () => help());
find("save").addEventListener("click", () => saving.open());
find("in").addEventListener("click", () => view.zoom(1.5));
find("out").addEventListener("click", () => view.zoom(1 / 1.5));
find("fit").addEventListener("click", () => view.fit());
live.open();
