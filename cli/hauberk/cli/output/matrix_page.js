"use strict";
(() => {
  const COLUMN = 122, ROW = 34, HEAD = 92, MARGIN = 3;
  const SENSES = ["allowed", "denied", "audited", "depends"];
  const SENSE_WORDS = ["allowed", "denied", "allowed and reported", "depends"];
  const DIRECTIONS = { w: ["widened", "▲"], n: ["narrowed", "▼"], r: ["reported", "~"] };
  const OPERATIONS = {
    r: ["read", "reads"], w: ["write", "writes"], m: ["modify", "deletes"], x: ["run", "runs"],
    n: ["open a socket", "opens a socket:"], d: ["ask DNS", "asks DNS for"], c: ["use a capability", "uses"],
    e: ["execute anonymous memory", "maps memory to execute"],
  };
  const KINDS = { below: "directory tree", directory: "directory", pattern: "pattern", name: "program name", path: "file", else: "no rule names it" };
  const GROUPS = { network: "network", dns: "domain and below", capability: "capability", memory: "memory" };

  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const compared = data.sides.length > 1;
  const grid = byId("grid"), canvas = byId("canvas"), details = byId("details");

  // All text of policies comes into the page through textContent: it is never markup.
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // ---- what is shown
  let shown, rows = [], columns = [], active = [0, 0], opened = null, live = new Map(), side = 260;

  const rulingsOf = (row, column) =>
    data.cells[shown.rows[shown.lines[rows[row]]][columns[column]]].map((number) => data.rulings[number]);

  // each once, the widest first
  const directionsOf = (rulings) =>
    Object.keys(DIRECTIONS).filter((direction) => rulings.some((ruling) => ruling[2].includes(direction)));

  const choose = (index) => {
    shown = data.workloads[index];
    filter();
  };

  const filter = () => {
    const wanted = (id) => byId(id).value.trim().toLowerCase();
    const has = (label, text) => label.toLowerCase().includes(text);
    const programs = wanted("programs"), assets = wanted("assets");
    rows = [...shown.programs.keys()].filter((n) => has(shown.programs[n][0], programs));
    columns = [...shown.assets.keys()].filter((n) => has(shown.assets[n][1], assets));
    if (byId("changed").checked) onlyChanged();
    active = [0, 0];
    opened = null;
    grid.scrollTop = grid.scrollLeft = 0;
    resize();
    status();
    hint();
  };

  const onlyChanged = () => {
    const changes = data.cells.map((cell) => cell.some((number) => data.rulings[number][2]));
    const changing = (line, column) => changes[shown.rows[line][column]];
    const lines = shown.rows.map((_, line) => columns.some((column) => changing(line, column)));
    rows = rows.filter((row) => lines[shown.lines[row]]);
    columns = columns.filter((column) => rows.some((row) => changing(shown.lines[row], column)));
  };

  const status = () => {
    const count = (some, all, what) => (some === all ? `${all} ${what}` : `${some} of ${all} ${what}`);
    const parts = [
      `${count(rows.length, shown.programs.length, "programs")}, ${count(columns.length, shown.assets.length, "assets")}`,
      `posture: ${shown.posture}`,
    ];
    if (compared) parts.push(`${shown.changed} cells change`);
    byId("status").textContent = [...parts, ...shown.notes].join(" · ");
  };

  // ---- the table: only what can be seen is in the document
  const resize = () => {
    side = Math.min(260, Math.max(130, grid.clientWidth * 0.34));
    canvas.style.width = `${side + columns.length * COLUMN}px`;
    canvas.style.height = `${HEAD + rows.length * ROW}px`;
    grid.setAttribute("aria-rowcount", rows.length + 1);
    grid.setAttribute("aria-colcount", columns.length + 1);
    canvas.replaceChildren();
    live = new Map();
    draw();
  };

  const span = (from, size, step, count, kept) => {
    const first = Math.max(0, Math.floor(from / step) - MARGIN);
    const last = Math.min(count, Math.ceil((from + size) / step) + MARGIN);
    const found = new Set(kept < count ? [kept] : []);  // what has the focus stays
    for (let n = first; n < last; n++) found.add(n);
    return found;
  };

  const draw = () => {
    const seenRows = span(grid.scrollTop, grid.clientHeight - HEAD, ROW, rows.length, active[0]);
    const seenColumns = span(grid.scrollLeft, grid.clientWidth - side, COLUMN, columns.length, active[1]);
    const wanted = new Set(["heads", ...seenRows]);
    for (const [key, row] of live) {
      if (!wanted.has(key)) { row.element.remove(); live.delete(key); }
    }
    for (const key of ["heads", ...[...seenRows].sort((a, b) => a - b)]) {
      let row = live.get(key);
      if (!row) live.set(key, (row = key === "heads" ? headRow() : programRow(key)));
      for (const [column, cell] of row.cells) {
        if (!seenColumns.has(column)) { cell.remove(); row.cells.delete(column); }
      }
      for (const column of seenColumns) {
        if (row.cells.has(column)) continue;
        const cell = key === "heads" ? columnHead(column) : gridCell(key, column);
        cell.style.left = `${side + column * COLUMN}px`;
        cell.style.width = `${COLUMN}px`;
        cell.setAttribute("aria-colindex", column + 2);
        row.cells.set(column, cell);
        row.element.append(cell);
      }
    }
    mark();
  };

  const rowElement = (className, index) => {
    const row = make("div", className);
    row.setAttribute("role", "row");
    row.setAttribute("aria-rowindex", index);
    row.style.width = `${side + columns.length * COLUMN}px`;
    canvas.append(row);
    return row;
  };

  const headRow = () => {
    const element = rowElement("heads", 1);
    element.style.height = `${HEAD}px`;
    const corner = make("div", "corner");
    corner.setAttribute("role", "columnheader");
    corner.setAttribute("aria-colindex", 1);
    corner.style.width = `${side}px`;
    corner.append(make("span", "", "program ↓"), make("span", "", "asset →"));
    element.append(corner);
    return { element, cells: new Map() };
  };

  const programRow = (row) => {
    const element = rowElement(row % 2 ? "odd" : "", row + 2);
    element.style.height = `${ROW}px`;
    element.style.top = `${HEAD + row * ROW}px`;
    const [label, , kind] = shown.programs[rows[row]];
    const head = make("div", kind === "other" || kind === "unknown" ? "plain" : "");
    head.setAttribute("role", "rowheader");
    head.setAttribute("aria-colindex", 1);
    head.title = label;
    head.style.width = `${side}px`;
    head.append(broken(label));
    element.append(head);
    return { element, head, cells: new Map() };
  };

  // A long path may be broken after each slash.
  const broken = (text, className = "") => {
    const element = make("span", `clipped ${className}`);
    text.split(/(?<=\/)/).forEach((part, number) => {
      if (number) element.append(document.createElement("wbr"));
      element.append(part);
    });
    return element;
  };

  const columnHead = (column) => {
    const [group, label, kind] = shown.assets[columns[column]];
    const element = make("div");
    element.setAttribute("role", "columnheader");
    element.title = label;
    element.append(make("span", "kind", (kind === "else" ? KINDS.else : GROUPS[group]) || KINDS[kind] || ""), broken(label, "label"));
    return element;
  };

  const chip = (letter, sense, changed) => {
    const text = [letter, "–", letter.toUpperCase(), "?"][sense];
    return make("span", `chip ${SENSES[sense]}${changed ? " changed" : ""}`, text);
  };

  const gridCell = (row, column) => {
    const element = make("div");
    const letters = shown.assets[columns[column]][4], rulings = rulingsOf(row, column);
    const words = [];
    rulings.forEach((ruling, number) => {
      const letter = letters[number];
      element.append(chip(letter, ruling[0], ruling[2]));
      words.push(`${OPERATIONS[letter][0]} ${SENSE_WORDS[ruling[0]]}`);
    });
    const directions = directionsOf(rulings);
    for (const direction of directions) {
      const [name, sign] = DIRECTIONS[direction];
      element.append(make("span", `mark ${name}`, sign));
      words.push(name);
    }
    element.setAttribute("role", "gridcell");
    element.setAttribute("aria-label", words.join(", "));
    element.dataset.row = row;
    element.dataset.column = column;
    return element;
  };

  const mark = () => {
    for (const [key, row] of live) {
      if (row.head) row.head.classList.toggle("on", key === active[0]);
      for (const [column, cell] of row.cells) {
        if (key === "heads") { cell.classList.toggle("on", column === active[1]); continue; }
        cell.tabIndex = key === active[0] && column === active[1] ? 0 : -1;
        cell.setAttribute("aria-selected", Boolean(opened) && opened[0] === key && opened[1] === column);
      }
    }
  };

  // ---- moving
  const move = (row, column) => {
    if (!rows.length || !columns.length) return;
    active = [Math.max(0, Math.min(rows.length - 1, row)), Math.max(0, Math.min(columns.length - 1, column))];
    const top = active[0] * ROW, left = active[1] * COLUMN;
    const height = grid.clientHeight - HEAD, width = grid.clientWidth - side;
    if (top < grid.scrollTop) grid.scrollTop = top;
    if (top + ROW > grid.scrollTop + height) grid.scrollTop = top + ROW - height;
    if (left < grid.scrollLeft) grid.scrollLeft = left;
    if (left + COLUMN > grid.scrollLeft + width) grid.scrollLeft = left + COLUMN - width;
    draw();
    live.get(active[0]).cells.get(active[1]).focus({ preventScroll: true });
  };

  const onKey = (event) => {
    if (event.altKey || event.metaKey || !event.target.closest("[role=gridcell]")) return;
    const [row, column] = active, page = Math.max(1, Math.floor((grid.clientHeight - HEAD) / ROW) - 1);
    const whole = event.ctrlKey;
    const moves = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      PageUp: [row - page, column], PageDown: [row + page, column],
      Home: [whole ? 0 : row, 0], End: [whole ? rows.length - 1 : row, columns.length - 1],
    };
    if (event.key in moves) move(...moves[event.key]);
    else if (event.key === "Enter" || event.key === " ") open(row, column);
    else return;
    event.preventDefault();
  };

  // ---- details
  const hint = () => {
    const text = rows.length && columns.length ? "Choose a cell to see which rules decide." : "Nothing to show.";
    details.replaceChildren(make("p", "", text));
  };

  const open = (row, column) => {
    opened = [row, column];
    const [name, source] = shown.programs[rows[row]], [, label, kind, example, letters] = shown.assets[columns[column]];
    const parts = [make("h2", "path", `${name} → ${label}`)];
    if (KINDS[kind] && example !== label) parts.push(make("p", "", `${KINDS[kind]}, asked about ${example}`));
    rulingsOf(row, column).forEach((ruling, number) => {
      parts.push(...operation(letters[number], ruling, source || "an unknown program", example));
    });
    details.replaceChildren(...parts);
    details.scrollTop = 0;
    mark();
  };

  const operation = (letter, ruling, source, example) => {
    const [sense, before, directions, partial, answers] = ruling;
    const [name, verb] = OPERATIONS[letter];
    const head = make("h3");
    head.append(chip(letter, sense), make("span", "", `${name}: ${SENSE_WORDS[sense]}`));
    for (const direction of directionsOf([ruling])) {
      const [word, sign] = DIRECTIONS[direction];
      head.append(make("span", `mark ${word}`, `${sign} ${word}`));
    }
    const parts = [head];
    if (directions && before >= 0) parts.push(make("p", "", `was ${SENSE_WORDS[before]}`));
    for (const [when, after, was] of answers) {
      const words = data.whens[when];
      if (words) parts.push(make("p", "when", `${words}:`));
      if (was !== undefined && was !== after) parts.push(...decision(was, "before: "), ...decision(after, "after: "));
      else parts.push(...decision(after, words ? "" : null));
    }
    if (partial) parts.push(make("p", "", "more combinations of arguments than are looked at"));
    parts.push(make("p", "", `for example ${[source, verb, example].filter(Boolean).join(" ")}`));
    return parts;
  };

  // The heading of an operation says the verdict already where there is only one.
  const decision = (number, lead) => {
    const [verdict, rule, place] = data.said[number];
    const parts = [];
    if (lead !== null) parts.push(make("p", "said", lead + verdict));
    if (!rule) parts.push(make("p", "said", "no rule decides"));
    else if (!place) parts.push(make("p", "said", `by ${rule}`));
    else parts.push(make("p", "said path", rule), make("p", "path", place));
    return parts;
  };

  // ---- start
  const legend = () => {
    const entry = (mark, words) => {
      const pair = make("div"), term = make("dt");
      term.append(mark);
      pair.append(term, make("dd", "", words));
      byId("legend").append(pair);
    };
    const used = new Set(data.workloads.flatMap((one) => one.assets.map((asset) => asset[4]).join("").split("")));
    for (const letter of Object.keys(OPERATIONS)) if (used.has(letter)) entry(make("strong", "path", letter), OPERATIONS[letter][0]);
    entry(chip("r", 0), "allowed");
    entry(chip("r", 2), "allowed and reported");
    entry(chip("r", 1), "denied");
    entry(chip("r", 3), "depends on user, terminal or arguments");
    if (compared) for (const [name, sign] of Object.values(DIRECTIONS)) entry(make("span", `mark ${name}`, sign), name === "reported" ? "reported otherwise" : name);
  };

  const start = () => {
    const sides = compared ? `${data.sides[0]} → ${data.sides[1]}` : data.sides[0];
    byId("about").textContent = [`${data.model} model`, sides, ...data.notes].join(" · ");
    data.workloads.forEach((one, number) => {
      const mark = compared && one.changed ? ` (${one.changed} changes)` : "";
      const option = make("option", "", one.name + mark);
      option.value = number;
      byId("workload").append(option);
    });
    byId("changes").hidden = !compared;
    legend();
    if (!data.workloads.length) { byId("status").textContent = "No workload."; return; }
    const first = Math.max(0, data.workloads.findIndex((one) => one.changed));
    byId("workload").value = first;
    choose(first);
  };

  let asked = false;
  const later = (what) => () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; what(); });
  };
  grid.addEventListener("scroll", later(draw), { passive: true });
  grid.addEventListener("keydown", onKey);
  grid.addEventListener("click", (event) => {
    const cell = event.target.closest("[role=gridcell]");
    if (!cell) return;
    move(Number(cell.dataset.row), Number(cell.dataset.column));
    open(...active);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.target.closest("form")) move(...active);
  });
  window.addEventListener("resize", later(resize));
  byId("workload").addEventListener("change", (event) => choose(Number(event.target.value)));
  for (const id of ["programs", "assets"]) byId(id).addEventListener("input", filter);
  byId("changed").addEventListener("change", filter);
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  start();
})();
