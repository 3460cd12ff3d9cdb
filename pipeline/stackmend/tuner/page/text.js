// The protocol's text, which can be edited, and what check says of it.

import { make } from "./elements.js";

const PAUSE = 250; // ms without a key until what was typed is looked at

export class Text {
  #timer = 0;
  #gesture = "";

  constructor(hub, live, place, list, open) {
    Object.assign(this, { live, list, open });
    this.area = make("textarea", { id: "text", spellcheck: "false", autocomplete: "off",
      autocapitalize: "off", wrap: "off", "aria-label": "Text of the protocol" });
    this.lines = make("pre", { class: "lines", "aria-hidden": "true" });
    place.replaceChildren(make("div", { class: "editor" }, this.lines, this.area));
    this.area.addEventListener("input", () => this.#typed());
    this.area.addEventListener("focus", () => {
      this.#gesture = `text ${performance.now()}`;
    });
    this.area.addEventListener("blur", () => this.#send());
    this.area.addEventListener("keydown", (event) => this.#indent(event));
    this.area.addEventListener("scroll", () => {
      this.lines.scrollTop = this.area.scrollTop;
    });
    hub.on("state", (state) => this.#show(state));
  }

  #typed() {
    this.#number([]);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(), PAUSE);
  }

  #send() {
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.live.send({ do: "text", text: this.area.value, gesture: this.#gesture });
  }

  // The Tab key leaves the field, as everywhere; a new line is indented as the one before.
  #indent(event) {
    if (event.key !== "Enter" || event.ctrlKey) return;
    const before = this.area.value.slice(0, this.area.selectionStart);
    const spaces = before.slice(before.lastIndexOf("\n") + 1).match(/^ */)[0];
    event.preventDefault();
    document.execCommand("insertText", false, `\n${spaces}`);
  }

  #show({ text, problems }) {
    if (this.#timer === 0 && this.area.value !== text) {
      const { scrollTop, selectionStart } = this.area;
      this.area.value = text;
      this.area.setSelectionRange(selectionStart, selectionStart);
      this.area.scrollTop = scrollTop;
    }
    this.#number(problems);
    this.list.hidden = !problems.length;
    this.list.replaceChildren(...problems.map((problem) => this.#problem(problem)));
  }

  #number(problems) {
    const faulty = new Map(problems.map(({ line, severity }) => [line, severity ?? "error"]));
    const count = this.area.value.split("\n").length;
    const numbers = [...Array(count).keys()].map((at) =>
      make("span", { class: faulty.get(at + 1) ?? false }, `${at + 1}\n`));
    this.lines.replaceChildren(...numbers);
    this.lines.scrollTop = this.area.scrollTop;
  }

  #problem({ line, column, where, message, severity }) {
    const go = () => {
      this.open("text");
      this.goTo(line, column);
    };
    const place = line ? `line ${line} ` : "";
    const again = make("button", { type: "button", class: "again",
      on: { click: () => this.live.send({ do: "again" }) } }, "Look again");
    return make("li", { class: severity ?? "error" }, make("button", { type: "button",
      class: "plain", on: { click: go } }, make("b", {}, `${place}${where ?? ""}`), ` ${message}`),
    !line || where?.startsWith("input") ? again : null);
  }

  /** Put the cursor at a place of the text. */
  goTo(line, column = 1) {
    if (!line) return;
    const before = this.area.value.split("\n").slice(0, line - 1);
    const at = before.reduce((sum, each) => sum + each.length + 1, 0) + Math.max(0, column - 1);
    this.area.focus();
    this.area.setSelectionRange(at, at);
    const height = parseFloat(getComputedStyle(this.area).lineHeight);
    this.area.scrollTop = Math.max(0, (line - 4) * height);
  }
}
