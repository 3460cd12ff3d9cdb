"use strict";
// The page is complete without this; it adds the sliders, the values of points, the themes and the copy buttons.
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  // Before and after: one line for a slice and its enlarged part.
  for (const compare of document.querySelectorAll(".compare")) {
    const range = compare.querySelector("input[type=range]");
    const show = (percent) => {
      const split = Math.min(100, Math.max(0, percent));
      range.value = split;
      compare.style.setProperty("--split", split + "%");
      range.setAttribute("aria-valuetext", Math.round(split) + " percent before, " + Math.round(100 - split) + " percent after");
    };
    range.addEventListener("input", () => show(Number(range.value)));
    for (const stage of compare.querySelectorAll(".stage:not(.still)")) {
      const follow = (event) => {
        const box = stage.getBoundingClientRect();
        show(((event.clientX - box.left) / box.width) * 100);
      };
      stage.addEventListener("pointerdown", (event) => {
        if (event.button) return;
        event.preventDefault();
        stage.setPointerCapture(event.pointerId);
        follow(event);
        range.focus({ preventScroll: true });
      });
      stage.addEventListener("pointermove", (event) => {
        if (stage.hasPointerCapture(event.pointerId)) follow(event);
      });
    }
    const outline = compare.querySelector(".outline-on");
    if (outline) outline.addEventListener("change", () => compare.classList.toggle("bare", !outline.checked));
    show(50);
  }

  // Points of a graph: the nearest to the pointer, or the next by key.
  const data = JSON.parse(document.getElementById("hover").textContent);
  for (const [id, graph] of Object.entries(data)) {
    const plot = document.getElementById(id);
    const tip = plot.querySelector(".tip");
    const spot = plot.querySelector(".spot");
    let at = -1;
    const show = (place) => {
      at = Math.min(graph.points.length - 1, Math.max(0, place));
      const [x, y, index, loss, values] = graph.points[at];
      tip.replaceChildren();
      const head = document.createElement("b");
      head.textContent = "loss " + loss;
      tip.append(head);
      graph.names.forEach((name, i) => {
        const line = document.createElement("span");
        line.textContent = name + " " + values[i];
        tip.append(line);
      });
      const last = document.createElement("span");
      last.className = "small";
      last.textContent = "combination " + index;
      tip.append(last);
      plot.classList.add("told");
      spot.style.left = x * 100 + "%";
      spot.style.top = y * 100 + "%";
      tip.style.left = x < 0.5 ? x * 100 + "%" : "auto";
      tip.style.right = x < 0.5 ? "auto" : (1 - x) * 100 + "%";
      tip.style.top = Math.min(y * 100, 55) + "%";
    };
    const near = (event) => {
      const box = plot.getBoundingClientRect();
      const x = event.clientX - box.left, y = event.clientY - box.top;
      let best = 0, least = Infinity;
      graph.points.forEach((point, i) => {
        const distance = Math.hypot(point[0] * box.width - x, point[1] * box.height - y);
        if (distance < least) [best, least] = [i, distance];
      });
      show(best);
    };
    const lowest = () => graph.points.reduce((best, point, i) => (Number(point[3]) < Number(graph.points[best][3]) ? i : best), 0);
    plot.addEventListener("pointermove", near);
    plot.addEventListener("pointerdown", near);
    plot.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && plot.classList.remove("told"));
    plot.addEventListener("blur", () => plot.classList.remove("told"));
    plot.addEventListener("keydown", (event) => {
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: graph.points.length - 1 }[event.key];
      if (event.key === "Escape") return plot.classList.remove("told");
      if (to === undefined) return;
      event.preventDefault();
      show(at < 0 ? lowest() : to);
    });
  }

  // Animations can be stopped, and do not start for those who asked the system for less motion.
  for (const film of document.querySelectorAll(".film")) {
    const button = film.querySelector(".play"), source = film.querySelector("source"), image = film.querySelector("img");
    const moving = image.src;
    const play = (on) => {
      source.remove();
      image.src = on ? moving : image.dataset.still;
      button.textContent = on ? "Pause" : "Play";
      button.setAttribute("aria-pressed", String(on));
    };
    play(!matchMedia("(prefers-reduced-motion: reduce)").matches);
    button.addEventListener("click", () => play(button.getAttribute("aria-pressed") !== "true"));
  }

  // Light, dark, or as the system says; remembered where the browser lets a file remember anything.
  const theme = document.getElementById("theme");
  const themes = ["auto", "light", "dark"];
  const wear = (name) => {
    root.dataset.theme = name;
    theme.querySelector("span").textContent = name;
    theme.setAttribute("aria-label", "Colours: " + (name === "auto" ? "as the system says" : name) + ". Change");
  };
  const remembered = () => { try { return localStorage.getItem("stackmend-theme"); } catch { return null; } };
  const remember = (name) => { try { localStorage.setItem("stackmend-theme", name); } catch { /* then not */ } };
  wear(themes.includes(remembered()) ? remembered() : "auto");
  theme.addEventListener("click", () => {
    const next = themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length];
    wear(next);
    remember(next);
  });

  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      const text = button.parentElement.querySelector("p, pre");
      try {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(text);
        button.textContent = "Selected: press Ctrl+C";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2500);
    });
  }

  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
})();
