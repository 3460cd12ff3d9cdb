// Pictures of what is seen: asked for at the resolution of the screen, dropped when overtaken.

import { coloured } from "./colours.js";

const LARGEST = 32; // screen pixels for one of the slice that the server gives at most
const LONGEST = 4000; // pixels of a side of a picture, likewise
const SETTLED = 70; // ms after the last movement until the window is asked for anew

/** Pictures of several layers that belong together: one slice, one revision, one window. */
export class Pictures {
  shown = null; // the newest set that is complete
  whole = null; // the newest set of the same slice that shows all of it
  ranges = {};
  #news = null; // what the server said last about pictures of the slice looked at
  #running = null;
  #timer = 0;
  #asked = "";
  #waiting = 0;

  constructor(hub, live, view, look) {
    Object.assign(this, { hub, live, view, look });
    hub.on("picture", (news) => this.#hear(news));
    hub.on("line", ({ lost }) => {
      if (!lost) this.#asked = "";
    });
  }

  /** Another slice, channel or layer is wanted: the server is told at once. */
  turn() {
    if (this.#tell()) this.hub.tell("working", true);
    else this.#fetch();
  }

  /** Whether pictures of a revision have been announced. */
  has(revision) {
    return this.#news !== null && this.#news.revision >= revision;
  }

  /** The view moved: the old pictures go along, new ones are asked for when it rests. */
  follow() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#tell();
      this.#fetch();
    }, SETTLED);
  }

  /** Grey levels are to be shown in another range. */
  stretch() {
    if (this.#waiting) return;
    this.#waiting = requestAnimationFrame(() => {
      this.#waiting = 0;
      this.#fetch();
    });
  }

  #frame() {
    const window = this.view.window();
    const most = Math.min(LARGEST, LONGEST / Math.max(window.width, window.height));
    const scale = Math.min(most, this.view.scale * devicePixelRatio);
    return { window, scale: Number(scale.toPrecision(4)) };
  }

  #tell() {
    if (!this.view.image.width) return false;
    const { slice, channel, layers } = this.look;
    const message = { do: "look", slice, channel, layers: layers(), ...this.#frame() };
    const asked = JSON.stringify(message);
    if (asked === this.#asked) return false;
    this.#asked = asked;
    this.live.aside(message);
    return true;
  }

  #hear(news) {
    const { slice, channel } = this.look;
    if (news.slice !== slice || news.channel !== channel) return;
    if (this.#news && news.revision < this.#news.revision) return;
    if (news.status === "failed" && this.#had(news)) {
      this.hub.tell("say", news.reason);
      return;
    }
    this.#news = news;
    // A step may cut a part out: what is seen is as large as that.
    if (!news.quick && news.window) this.view.ofSize(news.window.width, news.window.height);
    Object.assign(this.ranges, news.ranges);
    this.hub.tell("ranges", this.ranges);
    if (news.status === "failed") this.#fail(news);
    else this.#fetch();
  }

  // Whether the exact picture of it was announced before: what failed then is not the picture.
  #had({ revision, slice, channel }) {
    const { status, quick, ...had } = this.#news ?? {};
    const same = had.revision === revision && had.slice === slice && had.channel === channel;
    return same && !quick && status !== "failed";
  }

  // There is no picture; that of another slice must not be taken for it.
  #fail(news) {
    this.#running?.stop.abort();
    const { shown } = this;
    if (shown && (shown.slice !== news.slice || shown.channel !== news.channel)) {
      this.shown = null;
      this.whole = null;
    }
    this.hub.tell("working", false);
    this.hub.tell("failed", { quick: false, status: news.status, reason: news.reason });
  }

  async #fetch() {
    const news = this.#news;
    const { slice, channel, layers, range } = this.look;
    if (!news || news.slice !== slice || news.channel !== channel) return;
    if (news.status === "failed") return;
    const { revision, quick, status, reason } = news;
    const set = { slice, channel, revision, quick, status, reason, ...this.#frame() };
    set.window = common(set.window, news.window);
    if (!set.window) return;
    // A chain may have no mask; and a layer just asked for comes with the next news.
    const there = layers().filter((name) => news.layers.includes(name));
    const wanted = there.map((layer) => ({ layer, range: range(layer) }));
    set.key = JSON.stringify([set.window, set.scale, revision, quick, slice, channel, wanted]);
    if (set.key === this.shown?.key) return;
    if (set.key === this.#running?.key && news === this.#running.news) return;
    this.#running?.stop.abort();
    const running = { key: set.key, news, stop: new AbortController() };
    this.#running = running;
    try {
      const { signal } = running.stop;
      const one = ({ layer, range: shades }) => this.#layer(set, layer, shades, signal);
      set.layers = new Map(await Promise.all(wanted.map(one)));
    } catch (error) {
      if (error.name !== "AbortError") this.hub.tell("trouble", error);
      return;
    } finally {
      if (this.#running === running) this.#running = null;
    }
    const { width, height } = this.view.image;
    set.all = set.window.width === width && set.window.height === height;
    this.#show(set);
  }

  // Where the slice is enlarged its own pixels are enough; an outline needs those of the screen.
  async #layer(set, layer, range, signal) {
    const scale = layer === "outline" ? set.scale : Math.min(1, set.scale);
    const query = new URLSearchParams({
      token: this.live.token, session: this.live.session, revision: set.revision,
      slice: set.slice, channel: set.channel, ...set.window, scale,
      layer, quick: set.quick ? 1 : 0,
    });
    if (range) {
      query.set("low", range[0]);
      query.set("high", range[1]);
    }
    const answer = await fetch(`/picture?${query}`, { signal });
    if (answer.status === 410) throw new DOMException("overtaken", "AbortError");
    if (!answer.ok) throw new Error((await answer.text()) || answer.statusText);
    return [layer, { scale, bitmap: await coloured(layer, await answer.blob()) }];
  }

  // Bitmaps that no one shows any more are given back at once: there may be many a second.
  #show(set) {
    const before = new Set([this.shown, this.whole]);
    this.shown = set;
    if (set.all || this.whole?.slice !== set.slice || this.whole?.channel !== set.channel) {
      this.whole = set.all ? set : null;
    }
    for (const old of before) {
      if (!old || old === this.shown || old === this.whole) continue;
      for (const { bitmap } of old.layers.values()) bitmap.close();
    }
    this.hub.tell("working", set.quick);
    this.hub.tell("shown", set);
  }
}

// What two windows have in common; a quick picture may be there for a part only.
function common(wanted, there) {
  if (!there) return wanted;
  const y = Math.max(wanted.y, there.y);
  const x = Math.max(wanted.x, there.x);
  const height = Math.min(wanted.y + wanted.height, there.y + there.height) - y;
  const width = Math.min(wanted.x + wanted.width, there.x + there.width) - x;
  return height > 0 && width > 0 ? { y, x, height, width } : null;
}
