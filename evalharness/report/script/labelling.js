// Blind labelling: shuffled pairs with hidden names; votes are kept in this browser until saved.
const labelling = () => {
  const [form, stage, end, pair, progress, rater, said] = [
    "label-start", "label-stage", "label-end", "label-pair", "label-progress", "label-name", "label-said"].map(by);
  const key = `evalharness labels ${told.run} ${told.models.join(" ")}`;
  let state = { name: "", plan: [], votes: [] };
  let isSaved = true;

  // Storage may be denied to pages opened as files; labelling then lasts as long as the page.
  const remember = () => { try { localStorage.setItem(key, JSON.stringify(state)); } catch { /* as said */ } };
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

  // Questions take turns and so do pairs, both in random order, so that few votes spread well. When
  // both have come round together, pairs move on by one, so that no question keeps its pairs.
  const commonDivisor = (a, b) => (b ? commonDivisor(b, a % b) : a);
  const planned = async (count) => {
    const places = shuffled(told.turns.keys());
    const pairs = shuffled(told.models.flatMap((_, b) => told.models.slice(0, b).map((__, a) => [a, b])));
    const all = places.length * pairs.length;
    const round = all / commonDivisor(places.length, pairs.length);
    const plan = [];
    for (let at = 0; plan.length < count && at < all; at += 1) {
      const place = places[at % places.length];
      const models = shuffled(pairs[(at + Math.floor(at / round)) % pairs.length]);
      const turn = told.judged.length ? told.judged[below(told.judged.length)] : told.turns[place];
      const replies = (await answersOf(place)).turns[turn - 1]?.replies ?? [];
      if (models.every((model) => replies.some((reply) => isFirst(reply, model)))) plan.push({ place, turn, models });
    }
    return plan;
  };
  const isFirst = (reply, model) => reply.model === model && reply.sample === 0 && reply.html !== null;

  const side = (letter, reply) => {
    return make("article", {}, make("header", {}, make("span", { class: "model" }, `Answer ${letter}`)), written(reply.html),
      reply.cut ? make("p", { class: "cut" }, "cut off at max_tokens") : null);
  };
  const show = async () => {
    const now = state.votes.length;
    const isDone = now >= state.plan.length;
    stage.hidden = isDone;
    end.hidden = !now;
    form.hidden = !isDone;
    by("label-file").textContent = fileName();
    if (isDone) return;
    const { place, turn, models } = state.plan[now];
    const { turns } = await answersOf(place);
    progress.textContent = `Pair ${now + 1} of ${state.plan.length}. ${turn > 1 ? "Judge the answers to the last message." : ""}`;
    pair.replaceChildren(...turns.slice(0, turn).map(({ text, reference, replies }, number) => make("section", { class: "turn" },
      make("div", { class: "prompt", dir: "auto" }, text),
      reference && number === turn - 1 ? hint(reference) : null,
      make("div", { class: "replies", tabindex: "0", role: "region", "aria-label": `Both answers to message ${number + 1}` }, models.map((model, at) => side("AB"[at], replies.find((reply) => isFirst(reply, model))))))));
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
  const fileName = () => `labels-${judge().slice("human:".length)}.jsonl`;
  const rows = () => state.votes.flatMap((winner, at) => {
    const { place, turn, models } = state.plan[at];
    const [model_a, model_b] = models.map((model) => told.models[model]);
    return winner ? [JSON.stringify({ question_id: told.ids[place], turn, judge: judge(), model_a, model_b, winner })] : [];
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    state = { name: rater.value, plan: await planned(Number(by("label-count").value)), votes: [] };
    isSaved = true;
    remember();
    await show();
  });
  for (const button of all("[data-vote]", stage)) button.addEventListener("click", () => vote(button.dataset.vote));
  by("label-back").addEventListener("click", back);
  by("label-save").addEventListener("click", () => {
    save(fileName(), `${rows().join("\n")}\n`);
    isSaved = true;
    said.textContent = `${rows().length} votes saved`;
  });
  by("label-forget").addEventListener("click", () => {
    state = { name: state.name, plan: [], votes: [] };
    isSaved = true;
    said.textContent = "";
    remember();
    show();
  });
  const KEYS = { 1: "model_a", 0: "tie", 2: "model_b", s: "" };
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("summary, a")) return;
    if (event.key === "b") back();
    else if (Object.hasOwn(KEYS, event.key)) vote(KEYS[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  addEventListener("beforeunload", (event) => { if (!isSaved) event.preventDefault(); });

  const before = recall();
  if (before?.votes?.length) {
    state = before;
    rater.value = state.name;
    show();
  }
};
if (by("label-start")) labelling();
