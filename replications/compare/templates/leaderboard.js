"use strict";
(() => {
  const cellValue = (row, column) => {
    const cell = row.cells[column];
    if (column === 0) return cell.textContent.trim().toLowerCase();
    return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
  };

  const sortBy = (table, column, ascending) => {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [cellValue(row, column), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null); // what has no value stays below
      return (ascending ? 1 : -1) * (a < b ? -1 : a > b ? 1 : 0);
    });
    body.append(...rows.map(([, row]) => row));
    [...table.tHead.rows[0].cells].forEach((head, i) => {
      if (i === column) head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
  };

  for (const table of document.querySelectorAll("table.board")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent.trim();
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const sorted = head.getAttribute("aria-sort");
        const first = head.dataset.better !== "higher"; // the best on top at the first click
        sortBy(table, column, sorted === null ? first : sorted !== "ascending");
      });
    });
  }

  const bar = document.querySelector("form.bar");
  const filter = () => {
    const chosen = (name) => new Set([...bar.querySelectorAll(`[name=${name}]:checked`)].map((box) => box.value));
    const families = chosen("family");
    for (const row of document.querySelectorAll("table.board tbody tr")) row.hidden = !families.has(row.dataset.family);
    if (bar.querySelector("[name=setting]")) {
      const settings = chosen("setting");
      for (const part of document.querySelectorAll("[data-setting]")) part.hidden = !settings.has(part.dataset.setting);
    }
    document.body.classList.toggle("all", bar.querySelector("[name=all]").checked);
  };
  bar.hidden = false;
  bar.addEventListener("change", filter);
  bar.addEventListener("submit", (event) => event.preventDefault());
  filter();

  const element = (name, text = "", properties = {}) => Object.assign(document.createElement(name), { textContent: text }, properties);
  const short = (value) => (value === null ? "–" : String(Number(value.toPrecision(3))));

  const draw = (place, data, measure, told) => {
    const { sign, pairs, unit } = measure;
    const found = new Map();
    for (const [a, b, difference, low, high, p, units] of pairs) {
      found.set(`${a} ${b}`, [difference, low, high, p, units]);
      found.set(`${b} ${a}`, [-difference, high === null ? null : -high, low === null ? null : -low, p, units]);
    }
    const table = element("table", "", { className: "pairs" });
    const head = table.createTHead().insertRow();
    head.append(element("th"));
    data.methods.forEach((_, i) => head.append(element("th", String(i + 1), { scope: "col", title: data.titles[i] })));
    const body = table.createTBody();
    data.methods.forEach((a, i) => {
      const row = body.insertRow();
      row.append(element("th", `${data.titles[i]} ${i + 1}`, { scope: "row" }));
      data.methods.forEach((b, j) => {
        const cell = row.insertCell();
        const numbers = found.get(`${a} ${b}`);
        if (numbers === undefined) return;
        const [difference, low, high, p, units] = numbers;
        const sure = p < data.level && difference !== 0;
        const better = sign * difference > 0;
        cell.textContent = sure ? (better ? "▲" : "▼") : "·";
        if (sure) cell.className = better ? "up" : "down";
        const words = `${data.titles[i]} less ${data.titles[j]}: ${short(difference)} [${short(low)}, ${short(high)}] (${unit}), corrected p ${short(p)}, ${units} units`;
        cell.title = words;
        cell.addEventListener("mouseenter", () => { told.textContent = words; });
        cell.addEventListener("click", () => { told.textContent = words; });
      });
    });
    place.replaceChildren(table);
  };

  for (const script of document.querySelectorAll("script.pairs-data")) {
    const data = JSON.parse(script.textContent);
    const place = script.previousElementSibling;
    const choice = element("select", "", { ariaLabel: "measure" });
    data.measures.forEach(({ title }, i) => choice.append(element("option", title, { value: String(i) })));
    const told = element("p", "", { className: "told small muted" });
    told.setAttribute("aria-live", "polite");
    const inner = element("div", "", { className: "scroll", tabIndex: 0 });
    inner.setAttribute("role", "region");
    inner.setAttribute("aria-label", "Pairs of methods");
    place.append(choice, inner, told);
    const show = () => draw(inner, data, data.measures[Number(choice.value)], told);
    choice.addEventListener("change", show);
    show();
  }
})();
