"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);
  const panel = one("panel"), body = one("panel-body");
  const severity = ["fail", "ignored", "error", "unsupported", "warn", "inconclusive", "pass", "skipped"];

  function show(places, head, of, note) {
    const templates = places.map((place) => one("t" + place))
      .sort((a, b) => severity.indexOf(a.dataset.verdict) - severity.indexOf(b.dataset.verdict));
    body.replaceChildren(...templates.map((template) => template.content.cloneNode(true)));
    const first = body.querySelector("details");
    if (first) first.open = true;
    one("panel-head").textContent = head;
    one("panel-of").textContent = of;
    one("panel-note").textContent = note || "";
    one("panel-note").hidden = !note;
    if (!panel.open) panel.showModal();
    panel.scrollTop = 0;
    history.replaceState(null, "", "#trial=" + encodeURIComponent(templates[0].dataset.name));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-trials]");
    if (button) show(button.dataset.trials.split(" "), button.dataset.head, button.dataset.of, button.dataset.note);
  });
  one("close").addEventListener("click", () => panel.close());
  panel.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });
  panel.addEventListener("close", () => history.replaceState(null, "", location.pathname + location.search));

  const linked = /^#trial=(.*)$/.exec(location.hash);
  if (linked) {
    const template = all("template").find((each) => each.dataset.name === decodeURIComponent(linked[1]));
    if (template) show([template.id.slice(1)], template.dataset.name, "", "");
  }

  const rows = all("#features .row"), chips = all(".chip"), search = one("search");
  function filter() {
    const wanted = chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.verdict);
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of rows) {
      const has = row.dataset.verdicts.split(" ");
      row.hidden = !(words.every((word) => row.dataset.words.includes(word)) && (!wanted.length || wanted.some((verdict) => has.includes(verdict))));
      left += !row.hidden;
      for (const cell of all("td", row)) {
        const button = cell.querySelector("button");
        const verdicts = button ? button.dataset.trials.split(" ").map((place) => one("t" + place).dataset.verdict) : [];
        cell.classList.toggle("dim", wanted.length > 0 && !verdicts.some((verdict) => wanted.includes(verdict)));
      }
    }
    for (const group of all("#features tbody")) group.hidden = !group.querySelector(".row:not([hidden])");
    document.querySelector(".nothing").hidden = left > 0;
  }
  for (const chip of chips) chip.addEventListener("click", () => {
    chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
    filter();
  });
  search.addEventListener("input", filter);

  const theme = one("theme"), root = document.documentElement;
  theme.addEventListener("click", () => {
    const now = root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  });
  for (const element of all(".filters, #theme, .see")) element.hidden = false;
})();
