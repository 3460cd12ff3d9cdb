// Which part of the slice is seen: position and zoom, the same for all panes.

const LARGEST = 32; // screen pixels for each pixel of the slice

export class View {
  image = { width: 0, height: 0 };
  pane = { width: 1, height: 1 };
  centre = { x: 0, y: 0 };
  scale = 1;
  fitted = true;

  constructor(changed) {
    this.changed = changed;
  }

  /** The slice has this size; position and zoom stay unless it is another size. */
  ofSize(width, height) {
    if (width === this.image.width && height === this.image.height) return;
    this.image = { width, height };
    this.fit();
  }

  /** The pane has this size; a slice seen whole stays whole. */
  inPane(width, height) {
    this.pane = { width, height };
    if (this.fitted) this.fit();
    else this.#settle();
  }

  get least() {
    const { width, height } = this.image;
    if (!width || !height) return 1;
    return Math.min(this.pane.width / width, this.pane.height / height);
  }

  fit() {
    this.scale = this.least;
    this.centre = { x: this.image.width / 2, y: this.image.height / 2 };
    this.fitted = true;
    this.changed();
  }

  /** Zoom by a factor; what lies under a point of the pane stays there. */
  zoom(factor, at = { x: this.pane.width / 2, y: this.pane.height / 2 }) {
    const under = this.toImage(at);
    this.scale = Math.min(LARGEST, Math.max(this.least, this.scale * factor));
    this.centre.x = under.x - (at.x - this.pane.width / 2) / this.scale;
    this.centre.y = under.y - (at.y - this.pane.height / 2) / this.scale;
    this.fitted = this.scale <= this.least * 1.0001;
    this.#settle();
  }

  /** Move by a distance on the screen. */
  pan(right, down) {
    this.centre.x -= right / this.scale;
    this.centre.y -= down / this.scale;
    this.#settle();
  }

  toImage({ x, y }) {
    return {
      x: (x - this.pane.width / 2) / this.scale + this.centre.x,
      y: (y - this.pane.height / 2) / this.scale + this.centre.y,
    };
  }

  toPane({ x, y }) {
    return {
      x: (x - this.centre.x) * this.scale + this.pane.width / 2,
      y: (y - this.centre.y) * this.scale + this.pane.height / 2,
    };
  }

  /** What is seen and a little around it, in whole pixels of the slice. */
  window(margin = 0.1) {
    const a = this.toImage({ x: -margin * this.pane.width, y: -margin * this.pane.height });
    const b = this.toImage({
      x: (1 + margin) * this.pane.width, y: (1 + margin) * this.pane.height,
    });
    const x = Math.min(this.image.width - 1, Math.max(0, Math.floor(a.x)));
    const y = Math.min(this.image.height - 1, Math.max(0, Math.floor(a.y)));
    const right = Math.min(this.image.width, Math.max(x + 1, Math.ceil(b.x)));
    const below = Math.min(this.image.height, Math.max(y + 1, Math.ceil(b.y)));
    return { y, x, height: below - y, width: right - x };
  }

  // A slice never leaves the pane: where it is smaller it lies in the middle.
  #settle() {
    for (const [axis, size] of [["x", "width"], ["y", "height"]]) {
      const half = this.pane[size] / 2 / this.scale;
      const whole = this.image[size];
      const kept = Math.min(whole - half, Math.max(half, this.centre[axis]));
      this.centre[axis] = half * 2 >= whole ? whole / 2 : kept;
    }
    this.changed();
  }
}
