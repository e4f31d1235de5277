// The list of questions: search, filters, order, permalinks, keys.
const list = by("question-list");
const questions = list ? all(".question", list) : [];
const boxes = all(".models input");
const bodies = new Map();
const placeOf = (question) => Number(question.dataset.place);
const shownModels = () => new Set(boxes.filter((box) => box.checked).map((box) => Number(box.value)));

const open = async (question) => {
  const box = question.querySelector(".body");
  if (box.dataset.state) return;
  box.dataset.state = "opening";
  try {
    const body = new Body(placeOf(question), question.dataset.id, await answersOf(placeOf(question)));
    body.show(shownModels());
    bodies.set(question, body);
    box.replaceChildren(body.root);
    box.dataset.state = "open";
  } catch (problem) {
    box.textContent = `This browser cannot unpack the answers (${problem.message}); a current one can.`;
    delete box.dataset.state;
  }
};
const showAll = () => { for (const [question, body] of bodies) if (question.open) body.show(shownModels()); };
const choose = (models) => {
  for (const box of boxes) box.checked = models.has(Number(box.value));
  showAll();
};

for (const question of questions) {
  question.addEventListener("toggle", async () => {
    if (!question.open) return;
    await open(question);
    bodies.get(question)?.show(shownModels());
  });
  question.firstElementChild.addEventListener("click", () => {
    if (!question.open) history.replaceState(null, "", `#${encodeURIComponent(question.id)}`);
  });
}
const follow = async () => {
  const [first, ...more] = location.hash.slice(1).split("&");
  let id = first;
  try { id = decodeURIComponent(first); } catch { return; }
  const question = questions.find((each) => each.id === id);
  if (!question) return;
  const asked = Object.fromEntries(more.map((part) => part.split("=")));
  if (asked.models) choose(new Set(asked.models.split(",").map(Number)));
  question.hidden = false;
  question.open = true;
  await open(question);
  const body = bodies.get(question);
  if (body && asked.from) {
    body.base.value = asked.from;
    body.mark();
  }
  // Questions above get their real heights when they come near the view, which moves this one.
  for (let frame = 0; frame < 5; frame += 1) {
    question.scrollIntoView({ behavior: "instant" });
    await new Promise(requestAnimationFrame);
  }
  question.firstElementChild.focus({ preventScroll: true });
};

const texts = new Map();
const plain = (html) => (html ?? "").replace(/<[^>]*>/g, " ");
const read = async (question) => {
  const [{ turns }, { games, grades }] = await Promise.all(["answers", "games"].map((kind) => unpack(by(`${kind}-${placeOf(question)}`).textContent)));
  return [
    question.firstElementChild.textContent,
    ...turns.flatMap((turn) => [turn.text, plain(turn.reference), ...turn.replies.map(({ text }) => text ?? "")]),
    ...grades.flat().flatMap(([, ...replies]) => replies),
    ...games.flat().flatMap((pair) => pair.games.map(({ reply }) => reply)),
  ].join("\n").toLowerCase();
};
const textOf = (question) => {
  if (!texts.has(question)) texts.set(question, read(question));
  return texts.get(question);
};

const browse = () => {
  const [search, category, flag, order, status] = ["search", "category", "flag", "order", "status"].map(by);
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
  search.addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(find, 40); });
  // Unpacking all answers takes a moment, so it begins when the search box gets focus.
  search.addEventListener("focus", async () => { for (const question of questions) await textOf(question); }, { once: true });
  for (const choice of [category, flag]) choice.addEventListener("change", find);
  order.addEventListener("change", arrange);
  by("find").addEventListener("submit", (event) => event.preventDefault());
  for (const box of boxes) box.addEventListener("change", showAll);
  by("all-models")?.addEventListener("click", () => choose(new Set(pageData.models.keys())));
  by("two-models")?.addEventListener("click", () => choose(new Set([0, 1])));

  // Single-letter keys can be switched off in the dialog, because speech input may trigger them.
  const dialog = by("keys");
  const isOn = by("keys-on");
  by("show-keys").addEventListener("click", () => dialog.showModal());
  const step = (by) => {
    const seen = all(".question", list).filter((question) => !question.hidden);
    const now = seen.indexOf(document.activeElement.closest?.(".question"));
    const next = seen[now < 0 ? (by > 0 ? 0 : seen.length - 1) : now + by];
    next?.firstElementChild.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  const current = () => document.activeElement.closest?.(".question");
  const KEYS = {
    j: () => step(1),
    k: () => step(-1),
    o: () => { if (current()) current().open = !current().open; },
    d: () => {
      const select = bodies.get(current())?.base;
      if (!select) return;
      select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
      select.dispatchEvent(new Event("change"));
    },
    "/": () => search.focus(),
    "?": () => dialog.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (!isOn.checked || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(KEYS, event.key)) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  addEventListener("hashchange", follow);
  follow();
};
if (list) browse();
