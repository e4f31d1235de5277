// Blind labelling: shuffled pairs or answers with hidden names; labels stay in this browser until saved.
const labelling = () => {
  const [form, stage, end, pair, progress, rater, said] = [
    "label-start", "label-stage", "label-end", "label-pair", "label-progress", "label-name", "label-said"].map(by);
  const key = `evalharness labels ${pageData.run} ${pageData.models.join(" ")}`;
  const kindOf = by("label-kind");
  let state = { name: "", kind: "pairs", plan: [], votes: [] };
  let isSaved = true;

  // Storage may be denied to pages opened as files; labels then last as long as the page.
  const remember = () => { try { localStorage.setItem(key, JSON.stringify(state)); } catch { /* see above */ } };
  const recall = () => { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } };

  const below = (limit) => {
    const most = Math.floor(2 ** 32 / limit) * limit;
    const [drawn] = crypto.getRandomValues(new Uint32Array(1));
    return drawn < most ? drawn % limit : below(limit);
  };
  const shuffled = (items) => {
    const order = [...items];
    for (let last = order.length - 1; last > 0; last -= 1) {
      const other = below(last + 1);
      [order[last], order[other]] = [order[other], order[last]];
    }
    return order;
  };

  // Questions and pairs (or models) alternate in random order, so that few labels cover both. After a
  // full round of both, pairs shift by one, so that no question keeps its pairs. If the judge judged
  // some pairs only, as with a baseline, other pairs are left out: their labels could not be used.
  const commonDivisor = (a, b) => (b ? commonDivisor(b, a % b) : a);
  const unitsOf = (kind) => pageData.models.flatMap((_, b) => (kind === "grades" ? [[b]] : pageData.models.slice(0, b).map((__, a) => [a, b])));
  const isJudged = (kind, { pairs, replies }, models) => {
    if (kind === "grades") return !replies.some(({ grades }) => grades.length) || replies.some((reply) => isFirst(reply, models[0]) && reply.grades.length);
    return !pairs.length || pairs.some(([a, b]) => models.includes(a) && models.includes(b));
  };
  const planned = async (kind, count) => {
    const places = shuffled(pageData.turns.keys());
    const units = shuffled(unitsOf(kind));
    const judged = kind === "grades" ? pageData.graded : pageData.judged;
    const all = places.length * units.length;
    const round = all / commonDivisor(places.length, units.length);
    const plan = [];
    for (let at = 0; plan.length < count && at < all; at += 1) {
      const place = places[at % places.length];
      const models = shuffled(units[(at + Math.floor(at / round)) % units.length]);
      const turn = judged.length ? judged[below(judged.length)] : pageData.turns[place];
      const found = (await answersOf(place)).turns[turn - 1];
      const isThere = found && models.every((model) => found.replies.some((reply) => isFirst(reply, model)));
      if (isThere && isJudged(kind, found, models)) plan.push({ place, turn, models });
    }
    return plan;
  };
  const isFirst = (reply, model) => reply.model === model && reply.sample === 0 && reply.html !== null;

  const side = (name, reply) => {
    return make("article", {}, make("header", {}, make("span", { class: "model" }, name)), written(reply.html),
      reply.cut ? make("p", { class: "cut" }, "cut off") : null);
  };
  const names = () => (state.kind === "grades" ? ["Answer"] : ["Answer A", "Answer B"]);
  const show = async () => {
    const now = state.votes.length;
    const isDone = now >= state.plan.length;
    stage.hidden = isDone;
    end.hidden = !now;
    form.hidden = !isDone;
    by("label-file").textContent = fileName();
    for (const group of all("[data-kind]", stage)) group.hidden = group.dataset.kind !== state.kind;
    if (isDone) return;
    const { place, turn, models } = state.plan[now];
    const { turns } = await answersOf(place);
    const what = state.kind === "grades" ? "Answer" : "Pair";
    progress.textContent = `${what} ${now + 1} of ${state.plan.length}. ${turn > 1 ? `Judge the ${state.kind === "grades" ? "answer" : "answers"} to the last message.` : ""}`;
    pair.replaceChildren(...turns.slice(0, turn).map(({ text, reference, replies }, number) => make("section", { class: "turn" },
      make("div", { class: "prompt", dir: "auto" }, text),
      reference && number === turn - 1 ? hint(reference) : null,
      make("div", { class: "replies", tabindex: "0", role: "region", "aria-label": `${names().length > 1 ? "Both answers" : "The answer"} to message ${number + 1}` }, models.map((model, at) => side(names()[at], replies.find((reply) => isFirst(reply, model))))))));
    pair.focus({ preventScroll: true });
    by("labelling").scrollIntoView({ behavior: "instant" });
  };
  const hint = (reference) => make("details", { class: "reference" }, make("summary", {}, "Reference answer"), written(reference, "prompt markdown"));

  const vote = (winner) => {
    state.votes.push(winner);
    isSaved = false;
    remember();
    return show();
  };
  const back = () => {
    state.votes.pop();
    remember();
    return show();
  };
  const judge = () => `human:${state.name.trim().replace(/[^\p{L}\p{N}_.-]+/gu, "_") || "anonymous"}`;
  const fileName = () => `${state.kind === "grades" ? "grades" : "labels"}-${judge().slice("human:".length)}.jsonl`;
  const rows = () => state.votes.flatMap((winner, at) => {
    const { place, turn, models } = state.plan[at];
    const [model_a, model_b] = models.map((model) => pageData.models[model]);
    const said = state.kind === "grades" ? { model: model_a, score: Number(winner) } : { model_a, model_b, winner };
    return winner ? [JSON.stringify({ question_id: pageData.ids[place], turn, judge: judge(), ...said })] : [];
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const kind = kindOf.value;
    state = { name: rater.value, kind, plan: await planned(kind, Number(by("label-count").value)), votes: [] };
    isSaved = true;
    remember();
    await show();
  });
  for (const button of all("[data-vote]", stage)) button.addEventListener("click", () => vote(button.dataset.vote));
  by("label-back").addEventListener("click", back);
  by("label-save").addEventListener("click", () => {
    save(fileName(), `${rows().join("\n")}\n`);
    isSaved = true;
    said.textContent = `${rows().length} ${state.kind === "grades" ? "grades" : "votes"} saved`;
  });
  by("label-forget").addEventListener("click", () => {
    state = { name: state.name, kind: state.kind, plan: [], votes: [] };
    isSaved = true;
    said.textContent = "";
    remember();
    show();
  });
  const grades = Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((grade) => [grade % 10, `${grade}`]));
  const KEYS = { pairs: { 1: "model_a", 0: "tie", 2: "model_b", s: "" }, grades: { ...grades, s: "" } };
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("summary, a")) return;
    if (event.key === "b") back();
    else if (Object.hasOwn(KEYS[state.kind], event.key)) vote(KEYS[state.kind][event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  addEventListener("beforeunload", (event) => { if (!isSaved) event.preventDefault(); });

  const before = recall();
  if (before?.votes?.length) {
    state = { kind: "pairs", ...before };
    kindOf.value = state.kind;
    rater.value = state.name;
    show();
  }
};
if (by("label-start")) labelling();
