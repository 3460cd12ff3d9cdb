// A slider with a number field. Where the range spans decades the slider is logarithmic.

import { make, rounded } from "./elements.js";

const STEPS = 1000;
const DECADES = 30; // ratio of the ends from which on a slider is logarithmic
const WIDER = 4; // a slider spans so much more than the typical values

/** The ends of a slider: around the typical values, within the range. */
export function span(parameter) {
  const { default: standard, typical, type } = parameter;
  const least = parameter.minimum ?? parameter.exclusiveMinimum ?? -Infinity;
  const most = parameter.maximum ?? parameter.exclusiveMaximum ?? Infinity;
  let [low, high] = typical ?? around(standard, least, most);
  if (typical) {
    low = low > 0 ? low / WIDER : low - (high - low);
    high = high > 0 ? high * WIDER : high + (high - low);
  }
  low = Math.max(low, least);
  high = Math.min(high, most);
  if (type === "integer") {
    low = Math.floor(low);
    high = Math.ceil(high);
  }
  return high > low ? [low, high] : [low, low + 1];
}

function around(standard, least, most) {
  const finite = Number.isFinite(least) && Number.isFinite(most);
  const value = Number(standard);
  if (!Number.isFinite(value) || value === 0) return finite ? [least, most] : [0, 100];
  if (finite && (most - least) / Math.abs(value) < 100) return [least, most];
  return value > 0 ? [value / 16, value * 16] : [value * 4, -value * 4];
}

/** Where on the slider a value lies, and the other way round. */
export function scaleOf(parameter) {
  const [low, high] = span(parameter);
  const logarithmic = low > 0 && high / low >= DECADES;
  const whole = parameter.type === "integer";
  const clipped = (at) => Math.min(1, Math.max(0, at));
  if (logarithmic) {
    const width = Math.log(high / low);
    return {
      place: (value) => (value > 0 ? clipped(Math.log(value / low) / width) : 0),
      value: (at) => tidy(low * Math.exp(at * width), whole),
    };
  }
  return {
    place: (value) => clipped((value - low) / (high - low)),
    value: (at) => tidy(low + at * (high - low), whole),
  };
}

function tidy(value, whole) {
  return whole ? Math.round(value) : rounded(value, 3);
}

/** Slider and field for a number; `moved(value, gesture)` is told of every movement. */
export function slider(parameter, id, moved) {
  const scale = scaleOf(parameter);
  let gesture = "";
  const begin = () => {
    gesture = `${id} ${performance.now()}`;
  };
  const dots = make("span", { class: "dots", "aria-hidden": "true" });
  const track = make("input", {
    type: "range", min: 0, max: STEPS, "aria-label": `${parameter.name}, slider`,
  });
  const field = make("input", {
    type: "number", id, step: parameter.type === "integer" ? 1 : "any",
    min: parameter.minimum, max: parameter.maximum,
  });
  const say = (value) => {
    track.setAttribute("aria-valuetext", `${value} ${parameter.unit ?? ""}`.trim());
  };
  track.addEventListener("pointerdown", begin);
  track.addEventListener("keydown", (event) => event.repeat || begin());
  track.addEventListener("input", () => {
    const value = scale.value(track.value / STEPS);
    field.value = value;
    say(value);
    moved(value, gesture);
  });
  field.addEventListener("focus", begin);
  field.addEventListener("input", () => {
    const wrong = field.value === "" || Number.isNaN(field.valueAsNumber);
    field.setAttribute("aria-invalid", String(wrong));
    if (wrong) return;
    track.value = Math.round(scale.place(field.valueAsNumber) * STEPS);
    moved(field.valueAsNumber, gesture);
  });
  return {
    elements: [make("span", { class: "track" }, track, dots), field],
    update(value, sweep) {
      if (document.activeElement !== field) field.value = value ?? "";
      if (!track.matches(":active")) track.value = Math.round(scale.place(value ?? 0) * STEPS);
      say(value);
      dots.replaceChildren(...(sweep ?? []).filter(Number.isFinite).map((each) => {
        const dot = make("i");
        dot.style.left = `${scale.place(each) * 100}%`;
        return dot;
      }));
    },
  };
}
