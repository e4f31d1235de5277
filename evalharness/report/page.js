"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const by = (id) => document.getElementById(id);

  // Theme: the system's, until the reader chooses.
  const theme = by("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const showTheme = () => {
    theme.setAttribute("aria-pressed", String(isDark()));
    theme.textContent = isDark() ? "Light" : "Dark";
  };
  theme.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    showTheme();
  });
  system.addEventListener("change", showTheme);
  showTheme();

  // Tables: a heading sorts; what is absent stays last in both directions.
  const value = (row, column) => row.cells[column].dataset.value;
  const compare = (column, sign) => (one, other) => {
    const [a, b] = [value(one, column), value(other, column)];
    if (a === "" || b === "") return (a === "") - (b === "");
    const difference = Number(a) - Number(b);
    return sign * (Number.isNaN(difference) ? a.localeCompare(b, "en", { numeric: true }) : difference);
  };
  const sort = (heading) => {
    const body = heading.closest("table").tBodies[0];
    const now = heading.getAttribute("aria-sort");
    const next = now === "none" ? heading.dataset.first : now === "ascending" ? "descending" : "ascending";
    for (const other of all("th[aria-sort]", heading.parentNode)) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", next);
    body.append(...[...body.rows].sort(compare(heading.cellIndex, next === "ascending" ? 1 : -1)));
  };
  for (const heading of all(".sortable th[aria-sort]")) {
    heading.firstElementChild.addEventListener("click", () => sort(heading));
  }

  // Tips: on hover and on focus; inside a group, arrow keys move.
  const tip = by("tip");
  const showTip = (target) => {
    tip.textContent = target.dataset.tip || target.getAttribute("aria-label");
    tip.hidden = false;
    const box = target.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - tip.offsetWidth / 2), innerWidth - tip.offsetWidth - 8);
    const above = box.top - tip.offsetHeight - 6;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 0 ? above : box.bottom + 6}px`;
  };
  const hideTip = () => { tip.hidden = true; };
  for (const event of ["pointerover", "focusin"]) {
    document.addEventListener(event, ({ target }) => {
      const owner = target.closest?.(".tip");
      if (owner) showTip(owner); else hideTip();
    });
  }
  document.addEventListener("focusout", hideTip);
  addEventListener("scroll", hideTip, { passive: true });
  document.addEventListener("keydown", ({ key }) => { if (key === "Escape") hideTip(); });
  for (const group of all(".roving")) {
    const items = all(".tip", group);
    items.forEach((item, place) => item.setAttribute("tabindex", place ? "-1" : "0"));
    group.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
      const next = items[items.indexOf(event.target) + step];
      if (!next) return;
      event.preventDefault();
      event.target.setAttribute("tabindex", "-1");
      next.setAttribute("tabindex", "0");
      next.focus();
    });
  }

  // Questions: bodies lie compressed in the page and are unpacked when opened.
  const list = by("question-list");
  if (!list) return;
  const questions = all(".question", list);
  const boxes = all(".models input");
  const bodyOf = (question) => question.querySelector(".body");

  const unpack = async (packed) => {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
  };
  const showModels = (root) => {
    const hidden = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
    for (const part of all("[data-models]", root)) {
      part.hidden = part.dataset.models.split(" ").some((model) => hidden.has(model));
    }
  };
  const open = async (question) => {
    const body = bodyOf(question);
    if (body.dataset.state) return;
    body.dataset.state = "opening";
    try {
      // Our own templates made this HTML and escaped every text in it; the policy runs nothing else.
      body.innerHTML = await unpack(body.dataset.packed);
      showModels(body);
      body.dataset.state = "open";
    } catch (problem) {
      body.textContent = `This browser cannot unpack the answers (${problem.message}); a current one can.`;
      delete body.dataset.state;
    }
  };
  for (const question of questions) {
    question.addEventListener("toggle", () => { if (question.open) open(question); });
    question.firstElementChild.addEventListener("click", () => {
      if (!question.open) history.replaceState(null, "", `#${encodeURIComponent(question.id)}`);
    });
  }
  const follow = async () => {
    let id = location.hash.slice(1);
    try { id = decodeURIComponent(id); } catch { return; }
    const question = questions.find((each) => each.id === id);
    if (!question) return;
    question.hidden = false;
    question.open = true;
    await open(question);
    // The questions above it get their true heights only when they come near, which moves it.
    for (let frame = 0; frame < 5; frame += 1) {
      question.scrollIntoView({ behavior: "instant" });
      await new Promise(requestAnimationFrame);
    }
    question.firstElementChild.focus({ preventScroll: true });
  };
  addEventListener("hashchange", follow);

  const [search, category, flag, order, status] = ["search", "category", "flag", "order", "status"].map(by);
  const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#34;": '"', "&#39;": "'" };
  const texts = new Map();
  const textOf = async (question) => {
    if (!texts.has(question)) {
      const words = (await unpack(bodyOf(question).dataset.packed))
        .replace(/<[^>]*>/g, " ")
        .replace(/&(?:lt|gt|amp|quot|#34|#39);/g, (escaped) => ENTITIES[escaped]);
      texts.set(question, `${question.firstElementChild.textContent} ${words}`.toLowerCase());
    }
    return texts.get(question);
  };
  let asked = 0;
  const find = async () => {
    const turn = ++asked;
    const words = search.value.toLowerCase().trim();
    if (words && texts.size < questions.length) status.textContent = "Reading all answers…";
    const shown = [];
    for (const question of questions) {
      const fits = (!category.value || question.dataset.category === category.value)
        && (!flag.value || question.dataset.flags.split(" ").includes(flag.value))
        && (!words || (await textOf(question)).includes(words));
      if (turn !== asked) return;
      shown.push(fits);
    }
    questions.forEach((question, place) => { question.hidden = !shown[place]; });
    const count = shown.filter(Boolean).length;
    status.textContent = count === questions.length ? status.dataset.all : `${count} of ${status.dataset.all}`;
  };
  const arrange = () => {
    const spread = (question) => Number(question.dataset.spread || -1);
    const sorted = order.value === "spread" ? questions.toSorted((a, b) => spread(b) - spread(a)) : questions;
    list.append(...sorted);
  };
  let pause;
  search.addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(find, 120); });
  for (const choice of [category, flag]) choice.addEventListener("change", find);
  order.addEventListener("change", arrange);
  by("find").addEventListener("submit", (event) => event.preventDefault());
  const showAll = () => { for (const question of questions) showModels(bodyOf(question)); };
  for (const box of boxes) box.addEventListener("change", showAll);
  by("all-models")?.addEventListener("click", () => {
    for (const box of boxes) box.checked = true;
    showAll();
  });
  follow();
})();
