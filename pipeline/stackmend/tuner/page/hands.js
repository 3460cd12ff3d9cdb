// Mouse, touch and wheel on the stage: move, zoom, drag the line, draw a region or a profile.

const GRIP = 14; // px beside the line between two pictures within which it is taken

export class Hands {
  #pointers = new Map();
  #drag = null;

  constructor(hub, stage, view, painter, look) {
    Object.assign(this, { hub, stage, view, painter, look });
    stage.addEventListener("pointerdown", (event) => this.#down(event));
    stage.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      stage.addEventListener(end, (event) => this.#up(event));
    }
    stage.addEventListener("pointerleave", () => hub.tell("over", null));
    stage.addEventListener("dblclick", () => look.pen === "move" && view.fit());
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  // The place within the pane that is pointed at; all panes show the same part.
  #place(event) {
    const box = this.stage.getBoundingClientRect();
    const at = { x: event.clientX - box.x, y: event.clientY - box.y };
    const inside = ({ x, y, width, height }) =>
      at.x >= x && at.x <= x + width && at.y >= y && at.y <= y + height;
    const pane = this.painter.panes().find(inside) ?? this.painter.panes()[0];
    return { x: at.x - pane.x, y: at.y - pane.y, across: at.x / box.width };
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 18 : 1;
    const speed = event.ctrlKey ? 0.01 : 0.0018; // a pinch on a touchpad comes as a wheel with Ctrl
    this.view.zoom(Math.exp(-event.deltaY * lines * speed), this.#place(event));
  }

  #down(event) {
    if (event.button || event.target.closest("input, button")) return;
    this.stage.setPointerCapture(event.pointerId);
    const at = this.#place(event);
    this.#pointers.set(event.pointerId, at);
    if (this.#pointers.size === 2) {
      this.#drag = { kind: "pinch" };
      return;
    }
    const away = Math.abs(at.across - this.look.split) * this.painter.box.width;
    const kind = this.look.mode === "line" && away < GRIP ? "line" : this.look.pen;
    this.#drag = { kind, start: this.view.toImage(at) };
  }

  #move(event) {
    const at = this.#place(event);
    this.hub.tell("over", this.view.toImage(at));
    const before = this.#pointers.get(event.pointerId);
    if (!before || !this.#drag) return;
    const { kind, start } = this.#drag;
    if (kind === "pinch") this.#pinch(event.pointerId, at);
    this.#pointers.set(event.pointerId, at);
    if (kind === "move") this.view.pan(at.x - before.x, at.y - before.y);
    if (kind === "line") this.hub.tell("split", at.across);
    if (kind === "region") this.#region(start, this.view.toImage(at));
    if (kind === "profile") this.#profile(start, this.view.toImage(at));
  }

  #pinch(moved, at) {
    const [other] = [...this.#pointers].filter(([id]) => id !== moved).map(([, place]) => place);
    const before = this.#pointers.get(moved);
    const far = (a, b) => Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
    const middle = { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 };
    this.view.pan((at.x - before.x) / 2, (at.y - before.y) / 2);
    this.view.zoom(far(at, other) / far(before, other), middle);
  }

  #up(event) {
    if (!this.#pointers.delete(event.pointerId) || !this.#drag) return;
    const { kind } = this.#drag;
    if (this.#pointers.size) return;
    this.#drag = null;
    if (kind === "region" && this.look.region) this.hub.tell("region", this.look.region);
    if (kind === "profile" && this.look.line) this.hub.tell("line drawn", this.look.line);
  }

  #within(value, size) {
    return Math.min(this.view.image[size], Math.max(0, Math.round(value)));
  }

  #region(a, b) {
    const span = (axis, size) => {
      const ends = [this.#within(a[axis], size), this.#within(b[axis], size)];
      return ends.sort((one, two) => one - two);
    };
    const region = { y: span("y", "height"), x: span("x", "width") };
    if (region.y[1] - region.y[0] < 2 || region.x[1] - region.x[0] < 2) return;
    this.look.region = region;
    this.painter.ask();
  }

  #profile(a, b) {
    const pixel = ({ x, y }) => [
      Math.min(this.view.image.height - 1, this.#within(y - 0.5, "height")),
      Math.min(this.view.image.width - 1, this.#within(x - 0.5, "width")),
    ];
    this.look.line = { start: pixel(a), stop: pixel(b) };
    this.hub.tell("line moves", this.look.line);
    this.painter.ask();
  }
}
