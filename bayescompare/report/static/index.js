"use strict";
// An enhancement of the list of reports: filters. The page reads without it.
(() => {
  const list = document.getElementById("entries");
  if (!list) return;
  const rows = Array.from(list.querySelectorAll("li[data-answer]"));
  const groups = Array.from(list.querySelectorAll(".group"));
  const tools = document.createElement("div");
  tools.className = "tools";
  const add = (label, control) => {
    const around = document.createElement("label");
    around.append(label, control);
    tools.append(around);
    return control;
  };
  const choice = (label, options) => {
    const select = add(label, document.createElement("select"));
    options.forEach(([value, text]) => {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = text;
      select.append(option);
    });
    return select;
  };
  const words = { yes: "yes", point: "as a point only", no: "no", open: "cannot tell yet", none: "no verdict" };
  const found = new Set(rows.map((row) => row.dataset.answer));
  const answers = Object.entries(words).filter(([key]) => found.has(key));
  const tags = Array.from(new Set(rows.flatMap((row) => row.dataset.tags.split(" ")))).filter(Boolean).sort();
  const input = document.createElement("input");
  input.type = "search";
  add("Search", input);
  const answer = choice("Answer", [["", "any"], ...answers]);
  const tag = choice("Tag", [["", "any"], ...tags.map((t) => [t, t])]);
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  tools.append(said);
  const filter = () => {
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row) => {
      row.hidden = !wanted.every((word) => row.dataset.text.includes(word))
        || (answer.value !== "" && row.dataset.answer !== answer.value)
        || (tag.value !== "" && !row.dataset.tags.split(" ").includes(tag.value));
    });
    groups.forEach((group) => { group.hidden = !group.querySelector("li[data-answer]:not([hidden])"); });
    const asked = new URLSearchParams(Object.entries(controls).map(([k, c]) => [k, c.value]).filter(([, v]) => v));
    if (asked.toString() !== location.hash.slice(1)) history.replaceState(null, "", `#${asked}`);
    const shown = rows.filter((row) => !row.hidden).length;
    said.textContent = shown === rows.length ? "" : `${shown} of ${rows.length}`;
  };
  const controls = { search: input, answer, tag };
  Object.values(controls).forEach((control) => control.addEventListener("input", filter));
  list.before(tools);
  // The address keeps what is asked: a link to it shows the same.
  new URLSearchParams(location.hash.slice(1)).forEach((value, key) => { if (controls[key]) controls[key].value = value; });
  if (Object.values(controls).some((control) => control.value)) filter();
})();
