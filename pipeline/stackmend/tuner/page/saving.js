// Saving: a name, ranges kept or fixed, nothing replaced unasked, and the command that runs it.

import { copy, make } from "./elements.js";

export class Saving {
  #seq = -1;
  #state = null;

  constructor(hub, live, dialog) {
    Object.assign(this, { live, dialog });
    hub.on("state", (state) => {
      this.#state = state;
    });
    hub.on("saved", (saved) => this.#saved(saved));
    hub.on("problem", (problem) => {
      if (problem.seq === this.#seq && dialog.open) this.#refused(problem);
      else hub.tell("say", problem.message);
    });
    this.#build();
  }

  open() {
    if (this.dialog.open || !this.#state) return;
    this.name.value ||= this.#state.file ?? `${this.#state.name || "protocol"}.yaml`;
    this.folder.textContent = this.#state.folder ? `in ${this.#state.folder}` : "";
    const swept = (this.#state.entries ?? []).some(({ combinations }) => combinations > 1);
    this.ranges.hidden = !swept;
    this.answer.replaceChildren();
    this.go.hidden = false;
    this.dialog.showModal();
    this.name.select();
  }

  #build() {
    this.name = make("input", { type: "text", id: "save-name", required: true,
      spellcheck: "false", autocomplete: "off" });
    this.folder = make("p", { class: "soft folder" });
    const radio = (value, label, checked) => make("label", {},
      make("input", { type: "radio", name: "freeze", value, checked }), ` ${label}`);
    this.ranges = make("fieldset", {}, make("legend", {}, "Ranges"),
      radio("keep", "keep them: the run searches for itself", true),
      radio("freeze", "write the values on the screen in their place", false));
    this.answer = make("div", { class: "answer", role: "status" });
    this.go = make("button", { type: "submit", class: "main", id: "save-go" }, "Save");
    const close = make("button", { type: "button",
      on: { click: () => this.dialog.close() } }, "Close");
    const form = make("form", { on: { submit: (event) => {
      event.preventDefault();
      this.#save(false);
    } } }, make("h2", { id: "saving-title" }, "Save the protocol"),
    make("label", { for: "save-name" }, "Name of the file"), this.name, this.folder,
    this.ranges, this.answer, make("p", { class: "buttons" }, close, this.go));
    this.dialog.replaceChildren(form);
    this.name.addEventListener("input", () => {
      this.answer.replaceChildren();
      this.go.hidden = false;
    });
  }

  #save(replace) {
    const freeze = !this.ranges.hidden
      && this.dialog.querySelector("[name=freeze]:checked").value === "freeze";
    const name = this.name.value.trim();
    this.#seq = this.live.send({ do: "save", name, replace, freeze });
  }

  #saved({ path, command }) {
    const shown = make("code", {}, command);
    const button = make("button", { type: "button", on: { click: async () => {
      button.textContent = (await copy(command, shown)) ? "Copied" : "Press Ctrl+C";
    } } }, "Copy");
    this.answer.replaceChildren(make("p", {}, `Saved as ${path}. This runs it:`),
      make("p", { class: "command" }, shown, button));
    this.go.hidden = true;
  }

  #refused({ message, exists }) {
    const parts = [make("p", { class: "fault" }, message)];
    if (exists) {
      parts.push(make("button", { type: "button", class: "danger", id: "save-replace",
        on: { click: () => this.#save(true) } }, "Replace it"));
      this.go.hidden = true;
    }
    this.answer.replaceChildren(...parts);
  }
}
