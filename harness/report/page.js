"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);
  const panel = one("panel"), body = one("panel-body"), root = document.documentElement;
  const severity = ["fail", "ignored", "error", "unsupported", "protocol", "warn", "inconclusive", "pass", "skipped"];

  /* the exchanges: data until somebody wants to see them */
  let read;
  const evidence = () => read || (read = JSON.parse(one("evidence").textContent));

  function show(places, head, of, note) {
    const { trials, pieces } = evidence();
    const shown = places.map((place) => trials[place]).sort((a, b) => severity.indexOf(a.look) - severity.indexOf(b.look));
    body.innerHTML = shown.map((trial) => trial.html).join("");
    for (const piece of all("[data-piece]", body)) piece.innerHTML = pieces[piece.dataset.piece];
    const first = body.querySelector("details");
    if (first) first.open = true;
    one("panel-head").textContent = head;
    one("panel-of").textContent = of;
    one("panel-note").textContent = note || "";
    one("panel-note").hidden = !note;
    if (!panel.open) panel.showModal();
    panel.scrollTop = 0;
    history.replaceState(null, "", "#trial=" + encodeURIComponent(shown[0].name));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-trials]");
    if (button) return show(button.dataset.trials.split(" "), button.dataset.head, button.dataset.of, button.dataset.note);
    const menu = document.querySelector(".menu[open]");
    if (menu && !menu.contains(event.target)) menu.open = false;
  });
  one("close").addEventListener("click", () => panel.close());
  panel.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });
  panel.addEventListener("close", () => history.replaceState(null, "", location.pathname + location.search));

  function follow() {
    const linked = /^#trial=(.*)$/.exec(location.hash);
    if (linked) {
      const name = decodeURIComponent(linked[1]);
      const place = evidence().trials.findIndex((trial) => trial.name === name);
      if (place >= 0) show([place], name, "", "");
      return;
    }
    const target = location.hash.startsWith("#e-") && one(decodeURIComponent(location.hash.slice(1)));
    if (target) { target.open = true; target.scrollIntoView(); }
  }
  addEventListener("hashchange", follow);

  /* suites are folded; a filter opens those in which something is left */
  const suites = all("#features tbody").map((element) => ({
    element, fold: element.querySelector(".fold"), rows: all(".row", element), open: false,
  }));
  const chips = all(".chip[data-look]"), search = one("search"), unfold = one("unfold");
  const boxes = all('input[name="endpoint"]');
  const rules = all("#protocol .row");

  function draw() {
    const looks = chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.look);
    const words = search ? search.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    const shown = boxes.map((box) => box.checked);
    const said = (row) => words.every((word) => row.dataset.words.includes(word));
    let left = 0;
    for (const suite of suites) {
      let here = 0;
      for (const row of suite.rows) {
        let wanted = false;
        for (const cell of all("td", row)) {
          const has = looks.length === 0 || (cell.dataset.looks || "").split(" ").some((look) => looks.includes(look));
          cell.classList.toggle("dim", !has);
          wanted = wanted || (has && shown[cell.cellIndex - 1] !== false);
        }
        const kept = wanted && said(row);
        here += kept;
        row.hidden = !kept || !(suite.open || looks.length || words.length);
      }
      const open = here > 0 && (suite.open || looks.length > 0 || words.length > 0);
      suite.fold.setAttribute("aria-expanded", String(open));
      suite.element.hidden = here === 0;
      left += here;
    }
    for (const row of rules) row.hidden = !said(row);
    const nothing = document.querySelector(".nothing");
    if (nothing) nothing.hidden = left > 0;
    const everything = suites.every((suite) => suite.open);
    if (unfold) {
      unfold.textContent = everything ? "Close all suites" : "Open all suites";
      unfold.setAttribute("aria-expanded", String(everything));
    }
  }

  function columns() {
    const names = new Map(boxes.map((box) => [box.value, box.checked]));
    for (const row of all(".matrix tr")) for (const cell of [...row.cells].slice(1)) cell.hidden = boxes.length > 0 && !boxes[cell.cellIndex - 1].checked;
    for (const part of all("[data-endpoint]")) part.hidden = names.get(part.dataset.endpoint) === false;
    if (one("chosen")) one("chosen").textContent = boxes.filter((box) => box.checked).length + "/" + boxes.length;
    draw();
  }

  for (const suite of suites) suite.element.querySelector(".group").addEventListener("click", () => { suite.open = !suite.open; draw(); });
  for (const chip of chips) chip.addEventListener("click", () => {
    chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
    draw();
  });
  for (const box of boxes) box.addEventListener("change", columns);
  for (const [id, checked] of [["all", true], ["none", false]]) {
    if (one(id)) one(id).addEventListener("click", () => { for (const box of boxes) box.checked = checked; columns(); });
  }
  if (search) search.addEventListener("input", draw);
  if (unfold) unfold.addEventListener("click", () => {
    const open = !suites.every((suite) => suite.open);
    for (const suite of suites) suite.open = open;
    draw();
  });

  /* arrows go from cell to cell, / to the search */
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest("input, pre");
    if (event.key === "/" && !typing && search && !panel.open) { event.preventDefault(); search.focus(); return; }
    if (event.key === "Escape" && event.target === search) { search.value = ""; draw(); return; }
    const step = steps[event.key], cell = event.target.closest(".matrix td, .matrix th");
    if (!step || !cell || typing) return;
    const rows = [...cell.closest("table").rows].filter((row) => row.offsetParent !== null && !row.hidden);
    let row = rows.indexOf(cell.parentElement), column = cell.cellIndex;
    for (;;) {
      row += step[0]; column += step[1];
      const next = rows[row] && rows[row].cells[column];
      if (!next) return;
      const button = next.hidden ? null : next.querySelector("button, a");
      if (button) { event.preventDefault(); button.focus(); return; }
    }
  });

  one("theme").addEventListener("click", () => {
    const now = root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  });
  for (const element of all(".filters, #theme, #unfold, .see")) element.hidden = false;
  draw();
  follow();
})();
