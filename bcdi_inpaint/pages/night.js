"use strict";
// What is shown and in which order is the page's hash: a link keeps it.
const body = document.querySelector("tbody");
const rows = [...body.rows];
const find = document.getElementById("find");
const sorter = document.getElementById("sort");
const heads = [...document.querySelectorAll("th[data-sort]")];
const tiles = [...document.querySelectorAll(".tile")];
const state = { show: "all", sort: "", find: "" };

rows.forEach((row, place) => {
  row.place = place;
  row.words = row.textContent.toLowerCase();
});

function value(row, name) {
  const text = row.dataset[name] ?? "";
  return name === "name" || text === "" ? text : Number(text);
}

function compare(a, b) {
  const down = state.sort.startsWith("-");
  const name = state.sort.replace(/^-/, "");
  if (!name) return a.place - b.place;
  const [one, other] = [value(a, name), value(b, name)];
  // What is not known comes last, whichever way.
  if (one === "" || other === "") return (one === "") - (other === "") || a.place - b.place;
  const order = name === "name" ? one.localeCompare(other, "en", { numeric: true }) : one - other;
  return (down ? -order : order) || a.place - b.place;
}

function isShown(row) {
  const kinds = row.dataset.kinds.split(" ");
  const words = state.find.toLowerCase().split(/\s+/);
  return (state.show === "all" || kinds.includes(state.show)) && words.every((w) => row.words.includes(w));
}

function draw() {
  body.append(...[...rows].sort(compare));
  rows.forEach((row) => { row.hidden = !isShown(row); });
  const n = rows.filter((row) => !row.hidden).length;
  document.getElementById("count").textContent = n === rows.length ? "" : `${n} of ${rows.length} scans`;
  document.getElementById("none").hidden = n > 0;
  tiles.forEach((tile) => tile.setAttribute("aria-pressed", String(tile.dataset.show === state.show)));
  heads.forEach((head) => {
    const is = state.sort.replace(/^-/, "") === head.dataset.sort;
    if (is) head.setAttribute("aria-sort", state.sort.startsWith("-") ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
  if (document.activeElement !== find) find.value = state.find;
  sorter.value = state.sort;
}

function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of Object.keys(state)) state[name] = given.get(name) ?? (name === "show" ? "all" : "");
  draw();
  const named = rows.find((row) => row.dataset.name === given.get("open"));
  if (named && named.querySelector("figure")) enlarge(named);
}

function change(changes) {
  Object.assign(state, changes);
  const kept = new URLSearchParams();
  for (const [name, text] of Object.entries(state)) if (text && text !== "all") kept.set(name, text);
  const hash = kept.toString();
  history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  draw();
}

for (const head of heads) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
  head.replaceChildren(button);
  const name = head.dataset.sort;
  // First what one looks for: the least sure, the longest, the most warnings.
  const turns = name === "name" || name === "verdict" ? [name, `-${name}`] : [`-${name}`, name];
  button.addEventListener("click", () => {
    change({ sort: [...turns, ""][turns.indexOf(state.sort) + 1] });
  });
}
tiles.forEach((tile) => tile.addEventListener("click", () => change({ show: tile.dataset.show })));
find.addEventListener("input", () => change({ find: find.value.trim() }));
sorter.addEventListener("change", () => change({ sort: sorter.value }));
addEventListener("hashchange", read);

const large = document.getElementById("large");
let open = null;

function paragraph(text) {
  const made = document.createElement("p");
  made.textContent = text;
  return made;
}

function enlarge(row) {
  open = row;
  const record = records[row.id];
  const name = document.createElement("h2");
  name.textContent = row.dataset.name;
  const lines = [record.view && `${record.view}, counts up to ${Number(record.brightest.toPrecision(2))}`,
    record.gaps && `${record.gaps} (${record.gaps_found})`, record.advice, record.output];
  large.querySelector(".shown").replaceChildren(
    ...[...row.querySelectorAll("figure")].map((figure) => figure.cloneNode(true)));
  large.querySelector(".about").replaceChildren(name, ...lines.filter(Boolean).map(paragraph));
  if (!large.open) large.showModal();
}

function step(by) {
  const shown = [...body.rows].filter((row) => !row.hidden && row.querySelector("figure"));
  enlarge(shown.at((shown.indexOf(open) + by) % shown.length));
}

const records = Object.fromEntries(
  JSON.parse(document.getElementById("records").textContent).map((record, i) => [rows[i].id, record]));
body.addEventListener("click", (event) => {
  if (event.target.closest(".thumbs")) enlarge(event.target.closest("tr"));
});
large.addEventListener("click", (event) => { if (event.target === large) large.close(); });
large.addEventListener("keydown", (event) => {
  if (event.key === "ArrowRight") step(1);
  if (event.key === "ArrowLeft") step(-1);
});
read();
