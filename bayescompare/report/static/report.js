"use strict";
// An enhancement of the table of every scalar: sort, filter, copy. The page reads without it.
(() => {
  const table = document.getElementById("every");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[table.tHead.rows.length - 1].cells);

  const value = (row, i) => {
    const text = row.cells[i].textContent.trim();
    if (i === 0) return text;
    const found = text.replace(/,/g, "").replace(/\u2212/g, "-").match(/-?\d+(\.\d+)?/);
    const power = text.match(/10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/);
    if (!found) return NaN;
    const raised = power ? power[1].replace(/./g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹".includes(c) ? "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(c) : "-") : "0";
    return parseFloat(found[0]) * 10 ** parseInt(raised, 10);
  };
  const compare = (a, b) => {
    if (typeof a === "string") return a.localeCompare(b, undefined, { numeric: true });
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
    return a - b;
  };
  const sort = (i) => {
    const up = heads[i].getAttribute("aria-sort") !== "ascending";
    heads.forEach((h) => h.removeAttribute("aria-sort"));
    heads[i].setAttribute("aria-sort", up ? "ascending" : "descending");
    const keyed = rows.map((row) => [value(row, i), row]);
    const missing = (x) => typeof x === "number" && Number.isNaN(x);
    keyed.sort((a, b) => (missing(a[0]) || missing(b[0]) || up ? 1 : -1) * compare(a[0], b[0]));
    body.append(...keyed.map((pair) => pair[1]));
  };
  heads.forEach((head, i) => {
    if (rows.length < 2 || !rows[0].cells[i] || rows[0].cells[i].querySelector(".sk")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(i));
    head.append(button);
  });

  const tools = document.createElement("div");
  tools.className = "tools";
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  if (rows.length > 12) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "search";
    label.append("Filter by name ", input);
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase();
      rows.forEach((row) => { row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted); });
      said.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
    });
    tools.append(label);
  }

  // Unrounded and whole, from the data inside this file. A leading =, +, - or @ in a name would be a formula in a spreadsheet.
  const of_study = ({ cells, names, columns }) => {
    const grid = [...new Set(cells.flatMap(Object.keys))];
    const { cell, ...others } = columns;
    const kept = Object.keys(others);
    const row = (at, i) => [
      ...grid.map((key) => cells[at][key]), ...kept.map((key) => (names[key] ? names[key][others[key][i]] : others[key][i])),
    ];
    return { columns: [...grid, ...kept], data: cell.map(row) };
  };
  const csv = () => {
    const data = JSON.parse(document.getElementById("bayescompare").textContent);
    const all = data.cells ? of_study(data) : data.table || { columns: [], data: [] };
    const cell = (x) => {
      if (x === null || x === undefined) return "";
      if (typeof x !== "string") return String(x);
      const safe = /^[=+\-@\t\r]/.test(x) ? `'${x}` : x;
      return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
    };
    return [all.columns, ...all.data].map((r) => r.map(cell).join(",")).join("\n");
  };
  // What is shown, as it is shown: rows that the filter hides are left out, and so are the sketches.
  const signs = {
    "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "$": "\\$", "&": "\\&", "#": "\\#", "_": "\\_", "%": "\\%",
    "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "\u2212": "$-$", "\u00b1": "$\\pm$", "\u00d7": "$\\times$",
    "\u2013": "--", "\u00a0": "~", "\u2009": "\\,", "\u2020": "$^\\dagger$", "\u2081": "$_1$", "\u00ad": "", "<": "$<$", ">": "$>$",
  };
  const raised = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079";
  const tex = (text) => text.replace(/\s*\n\s*/g, " ").trim()
    .replace(/[\\{}$&#_%~^\u2212\u00b1\u00d7\u2013\u00a0\u2009\u2020\u2081\u00ad<>]/g, (c) => signs[c])
    .replace(/[\u207b\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+/g, (x) => `$^{${Array.from(x, (c) => raised.includes(c) ? raised.indexOf(c) : "-").join("")}}$`);
  const said_in = (cell) => {
    const copied = cell.cloneNode(true);
    copied.querySelectorAll(".vh, svg").forEach((e) => e.remove());
    return copied.textContent;
  };
  const latex = () => {
    const kept = heads.map((head, i) => i).filter((i) => rows.length === 0 || !rows[0].cells[i].querySelector(".sk"));
    const line = (cells) => `${kept.map((i) => tex(said_in(cells[i]))).join(" & ")} \\\\`;
    const shown = Array.from(body.rows).filter((row) => !row.hidden);
    return [
      `\\begin{tabular}{${kept.map((i) => heads[i].classList.contains("r") ? "r" : "l").join("")}}`,
      "\\toprule", line(heads), "\\midrule", ...shown.map((row) => line(row.cells)), "\\bottomrule", "\\end{tabular}",
    ].join("\n");
  };
  const copier = (label, text, status) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text());
        status.textContent = "copied";
      } catch {
        status.textContent = "this browser does not let a page copy";
      }
    });
    return button;
  };
  tools.append(copier("Copy as CSV", csv, said), copier("Copy as LaTeX", latex, said), said);
  table.closest(".scroll").before(tools);

  // Code, BibTeX and the paragraph of methods, each with a button of its own.
  const beside = (element, label) => {
    const place = document.createElement("div");
    place.className = "copying";
    const status = document.createElement("span");
    status.setAttribute("role", "status");
    const button = copier("Copy", () => element.textContent.trim(), status);
    button.setAttribute("aria-label", label);
    place.append(button, status);
    element.before(place);
  };
  // Files of what is inside the page: its numbers, its table, each of its figures.
  const saver = (label, file, type, text) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text()], { type }));
      link.download = file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
    return button;
  };
  const files = document.createElement("div");
  files.className = "copying";
  files.append(
    saver("Save the numbers as JSON", "bayescompare.json", "application/json", () => document.getElementById("bayescompare").textContent),
    saver("Save the table as CSV", "bayescompare.csv", "text/csv", csv),
  );
  document.querySelector("footer").prepend(files);
  const standalone = (svg) => {
    const { width, height } = svg.getBoundingClientRect();
    const style = `${document.querySelector("style").textContent}.bc{overflow:visible}`;
    const copy = svg.cloneNode(true);
    Object.entries({ x: 60, y: 8, width, height, overflow: "visible" }).forEach(([k, v]) => copy.setAttribute(k, v));
    return `<svg xmlns="${svg.namespaceURI}" class="bc" width="${Math.ceil(width) + 120}" height="${Math.ceil(height) + 16}">`
      + `<style>${style.replace(/[<&]/g, (c) => `&#${c.charCodeAt(0)};`)}</style>`
      + `${new XMLSerializer().serializeToString(copy)}</svg>`;
  };
  document.querySelectorAll("figure.fig").forEach((figure, i) => {
    const svg = figure.querySelector(".plot > svg, .scroll > svg");
    const caption = figure.querySelector("figcaption");
    if (!svg || !caption) return;
    const button = saver("Save as SVG", `figure_${i + 1}.svg`, "image/svg+xml", () => standalone(svg));
    button.className = "save";
    button.setAttribute("aria-label", `Save as SVG: ${svg.querySelector("title").textContent}`);
    caption.append(" ", button);
  });
  document.querySelectorAll("pre").forEach((pre) => beside(pre, `Copy ${pre.getAttribute("aria-label")}`));
  const pasted = Array.from(document.querySelectorAll("#methods p.x"));
  pasted.forEach((p, i) => beside(p, i === pasted.length - 1 ? "Copy methods" : `Copy result ${i + 1}`));

  // Print carries the answer and the evidence; ?print=all opens the audit too.
  if (new URLSearchParams(location.search).get("print") === "all") {
    document.querySelectorAll("details").forEach((d) => { d.open = true; });
  }
})();
