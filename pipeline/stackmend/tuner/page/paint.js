// Draws pictures, what lies over them, the line between them, the region and the profile.

const OVERLAYS = ["mask", "outline"];

export class Painter {
  #frame = 0;
  #fresh = false;

  constructor(hub, canvas, view, pictures, look) {
    Object.assign(this, { hub, canvas, view, pictures, look });
    this.pen = canvas.getContext("2d", { alpha: false });
    this.box = { width: 0, height: 0 };
    hub.on("shown", () => {
      this.#fresh = true;
      this.ask();
    });
    new ResizeObserver(([entry]) => this.#resize(entry.contentRect)).observe(canvas.parentElement);
  }

  /** Draw with the next frame. */
  ask() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** The panes of the arrangement: where each lies on the stage, and what it shows. */
  panes() {
    const { width, height } = this.box;
    const { mode, left, right, flipped } = this.look;
    if (mode === "one") return [{ x: 0, y: 0, width, height, name: flipped ? left : right }];
    if (mode === "line") {
      const at = Math.round(width * this.look.split);
      return [
        { x: 0, y: 0, width, height, name: left, from: 0, to: at },
        { x: 0, y: 0, width, height, name: right, from: at, to: width },
      ];
    }
    const { image } = this.view;
    const beside = Math.min((width - 2) / 2 / image.width, height / image.height);
    const below = Math.min(width / image.width, (height - 2) / 2 / image.height);
    if (below > beside) {
      const half = Math.floor(height / 2) - 1;
      return [
        { x: 0, y: 0, width, height: half, name: left },
        { x: 0, y: height - half, width, height: half, name: right },
      ];
    }
    const half = Math.floor(width / 2) - 1;
    return [
      { x: 0, y: 0, width: half, height, name: left },
      { x: width - half, y: 0, width: half, height, name: right },
    ];
  }

  /** The arrangement or the stage changed: the view is told the size of a pane. */
  arrange() {
    const [pane] = this.panes();
    this.view.inPane(Math.max(1, pane.width), Math.max(1, pane.height));
    this.hub.tell("arranged", this.panes());
  }

  #resize({ width, height }) {
    this.box = { width: Math.round(width), height: Math.round(height) };
    this.canvas.width = Math.round(this.box.width * devicePixelRatio);
    this.canvas.height = Math.round(this.box.height * devicePixelRatio);
    this.arrange();
    this.#draw();
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { pen } = this;
    pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    pen.fillStyle = getComputedStyle(this.canvas).getPropertyValue("--behind") || "#000";
    pen.fillRect(0, 0, this.box.width, this.box.height);
    for (const pane of this.panes()) this.#pane(pane);
    if (this.look.mode === "line") this.#divide();
    if (this.#fresh) this.hub.tell("drawn", this.pictures.shown);
    this.#fresh = false;
  }

  #pane(pane) {
    const { pen } = this;
    pen.save();
    pen.beginPath();
    const from = pane.from ?? 0;
    pen.rect(pane.x + from, pane.y, (pane.to ?? pane.width) - from, pane.height);
    pen.clip();
    pen.translate(pane.x, pane.y);
    for (const set of [this.pictures.whole, this.pictures.shown]) {
      if (set) this.#set(set, pane.name);
    }
    this.#region();
    this.#profile();
    pen.restore();
  }

  // Averaged on the way down by the server; on the way up each pixel stays a square.
  #set(set, name) {
    const { pen, view } = this;
    const { x, y } = set.window;
    const at = view.toPane({ x, y });
    pen.imageSmoothingEnabled = view.scale * devicePixelRatio < 1.999;
    pen.imageSmoothingQuality = "high";
    for (const layer of [name, ...OVERLAYS.filter((each) => this.look.over[each])]) {
      const picture = set.layers.get(layer);
      if (!picture) continue;
      const { bitmap, scale } = picture;
      const size = view.scale / scale; // of a pixel of the picture on the screen
      pen.drawImage(bitmap, at.x, at.y, bitmap.width * size, bitmap.height * size);
    }
  }

  #region() {
    const { region } = this.look;
    if (!region) return;
    const a = this.view.toPane({ x: region.x[0], y: region.y[0] });
    const b = this.view.toPane({ x: region.x[1], y: region.y[1] });
    this.#stroke([6, 4], () => this.pen.rect(a.x, a.y, b.x - a.x, b.y - a.y));
  }

  #profile() {
    const { line } = this.look;
    if (!line) return;
    const middle = ([y, x]) => this.view.toPane({ x: x + 0.5, y: y + 0.5 });
    const [a, b] = [middle(line.start), middle(line.stop)];
    this.#stroke([], () => {
      this.pen.moveTo(a.x, a.y);
      this.pen.lineTo(b.x, b.y);
      for (const end of [a, b]) {
        this.pen.moveTo(end.x + 3, end.y);
        this.pen.arc(end.x, end.y, 3, 0, 7);
      }
    });
  }

  // Bright on dark, so that it can be seen on any grey.
  #stroke(dashes, path) {
    const { pen } = this;
    for (const [colour, thickness] of [["rgb(0 0 0 / 65%)", 3.5], ["#fff", 1.5]]) {
      pen.beginPath();
      path();
      pen.setLineDash(colour === "#fff" ? dashes : []);
      pen.strokeStyle = colour;
      pen.lineWidth = thickness;
      pen.stroke();
    }
    pen.setLineDash([]);
  }

  #divide() {
    const { pen } = this;
    const at = Math.round(this.box.width * this.look.split);
    const middle = this.box.height / 2;
    this.#stroke([], () => {
      pen.moveTo(at, 0);
      pen.lineTo(at, this.box.height);
    });
    pen.fillStyle = "#fff";
    pen.beginPath();
    pen.roundRect(at - 11, middle - 15, 22, 30, 11);
    pen.fill();
    pen.fillStyle = "#222";
    for (const side of [-1, 1]) {
      pen.beginPath();
      pen.moveTo(at + side * 7, middle);
      pen.lineTo(at + side * 3, middle - 4);
      pen.lineTo(at + side * 3, middle + 4);
      pen.fill();
    }
  }
}
