// The line to the server: what a person does goes out, what became of it comes in.

const PATIENCE = 300; // ms for which a move waits at most for the picture of the one before
const PAUSES = [300, 600, 1200, 2500, 5000]; // ms between attempts to reach a lost server

export class Live {
  session = sessionStorage.getItem("session") ?? "";
  #socket = null;
  #seq = 0;
  #moves = new Map();
  #moved = 0; // number of the last move that went out
  #waiting = 0;
  #attempts = 0;
  #text = null;

  constructor(hub) {
    this.hub = hub;
    this.token = new URLSearchParams(location.search).get("token") ?? "";
    hub.on("drawn", () => this.#release());
    hub.on("session", (news) => this.#enter(news));
    hub.on("state", ({ text }) => {
      this.#text = text;
    });
  }

  /** Connect, and whenever the line is lost, connect again. */
  open() {
    const way = location.protocol === "https:" ? "wss" : "ws";
    const query = new URLSearchParams({ token: this.token, session: this.session });
    const socket = new WebSocket(`${way}://${location.host}/live?${query}`);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#attempts = 0;
      this.#waiting = 0;
      this.send({ do: "hello", width: innerWidth, height: innerHeight });
      this.hub.tell("line", { lost: false });
    });
    socket.addEventListener("message", (event) => {
      const message = JSON.parse(event.data);
      // A state that answers an earlier move must not take back a later one on the screen.
      const answers = message.seq ?? this.#moved;
      message.overtaken = this.#moves.size > 0 || answers < this.#moved;
      this.hub.tell(message.kind, message);
    });
    socket.addEventListener("close", () => this.#lost());
  }

  /** Say something at once; returns its number, by which answers name it. */
  send(message) {
    this.#flush();
    return this.#out(message);
  }

  /** Say what changes nothing: what is looked at, or a line to be measured. */
  aside(message) {
    return this.#out(message);
  }

  /** Say where something was moved to; while the picture of a move is awaited, the last counts. */
  move(message) {
    const key = JSON.stringify([message.do, message.path ?? message.name ?? null]);
    this.#moves.set(key, message);
    if (!this.#waiting) this.#next();
  }

  #out(message) {
    this.#seq += 1;
    const { gesture, ...rest } = message;
    const whole = gesture ? message : rest;
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify({ ...whole, seq: this.#seq }));
    }
    return this.#seq;
  }

  #flush() {
    for (const message of this.#moves.values()) this.#moved = this.#out(message);
    this.#moves.clear();
  }

  #next() {
    if (!this.#moves.size) return;
    this.#flush();
    this.#waiting = setTimeout(() => this.#release(), PATIENCE);
  }

  #release() {
    clearTimeout(this.#waiting);
    this.#waiting = 0;
    this.#next();
  }

  // A server that has forgotten this page is given its text again.
  #enter({ session, back }) {
    this.session = session;
    sessionStorage.setItem("session", session);
    if (!back && this.#text !== null) this.send({ do: "text", text: this.#text });
  }

  async #lost() {
    let reason = "gone";
    try {
      const answer = await fetch(`/?token=${encodeURIComponent(this.token)}`);
      if (answer.status === 403) reason = "refused";
    } catch {
      reason = "gone";
    }
    this.hub.tell("line", { lost: true, reason });
    if (reason === "refused") return;
    setTimeout(() => this.open(), PAUSES[Math.min(this.#attempts, PAUSES.length - 1)]);
    this.#attempts += 1;
  }
}
