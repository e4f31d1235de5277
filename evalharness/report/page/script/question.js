// Builds the content of a question from its data: answers side by side, grades, battles, games.
const lazily = (summary, fill, attributes = {}) => {
  const details = make("details", attributes, make("summary", {}, summary));
  details.addEventListener("toggle", async () => {
    if (details.open && details.children.length === 1) details.append(...(await fill()).filter(Boolean));
  });
  return details;
};
const words = (text) => make("div", { class: "words", dir: "auto" }, text);
const thought = (text) => (text ? make("details", { class: "judgment" }, make("summary", {}, "Thought before the reply"), words(text)) : null);
const meta = (text) => (text ? make("p", { class: "meta" }, text) : null);
const aside = (text) => (text ? make("small", {}, ` (${text})`) : null);
const exact = (pattern, texts) => make("pre", { class: "code", tabindex: "0" }, make("code", {}, fillIn(pattern, texts)));
const isAmong = (shown) => (part) => part.dataset.models.split(" ").every((model) => shown.has(Number(model)));

class Body {
  constructor(place, id, data) {
    Object.assign(this, { place, id, data });
    this.turns = data.turns.map((turn, number) => this.turn(turn, number));
    this.link = make("a", {}, `Link to question ${id}`);
    this.base = make("select", {}, make("option", { value: "" }, "no marks"));
    this.base.addEventListener("change", () => this.mark());
    this.marked = make("span", { class: "soft", role: "status" });
    this.tools = make("p", { class: "body-tools" }, this.link,
      make("label", {}, "Mark words that differ from ", this.base), this.marked);
    this.root = make("div", {}, this.tools, this.turns.map(({ section }) => section),
      data.failures.map(([what, whose, detail]) => make("p", { class: "failure" },
        make("strong", {}, what), ": ", whose, make("span", { class: "words" }, detail))));
  }

  turn(turn, number) {
    const articles = turn.replies.map((reply, place) => this.article(turn, number, reply, place));
    const pairs = make("div", { class: "pairs" });
    const section = make("section", { class: "turn", "aria-label": `Question ${this.id}, turn ${number + 1}` },
      make("h3", {}, `Turn ${number + 1}`),
      make("div", { class: "prompt", dir: "auto" }, turn.text),
      turn.reference ? this.reference(turn) : null,
      make("div", { class: "replies", tabindex: "0", role: "region", "aria-label": `Answers to question ${this.id}, turn ${number + 1}` }, articles),
      turn.pairs.length ? make("h4", {}, "Battles") : null, pairs);
    return { section, articles, pairs, number, built: new Map() };
  }

  reference(turn) {
    return make("details", { class: "reference" }, make("summary", {}, "Reference answer"), written(turn.reference, "prompt markdown"));
  }

  article(turn, number, reply, place) {
    const grades = reply.grades.map(({ judge, score }) => (score === null
      ? make("span", { class: "score none" }, "unscored")
      : make("span", { class: "score", title: `Grade by ${pageData.judges[judge]}` }, score, make("small", {}, "/10"))));
    return make("article", { "data-models": reply.model },
      make("header", {}, modelOf(reply.model), reply.sample ? make("small", {}, ` sample ${reply.sample}`) : null, grades),
      reply.html === null ? make("p", { class: "absent" }, "No answer is stored.") : written(reply.html),
      reply.empty ? make("p", { class: "absent" }, reply.empty) : null,
      reply.cut ? make("p", { class: "cut" }, reply.cut) : null,
      reply.thought ? lazily(reply.thought, async () => [words((await gamesOf(this.place)).thoughts[number][place])], { class: "judgment" }) : null,
      meta(reply.meta),
      reply.asked ? lazily("Exact prompt", async () => [exact(pageData.patterns[pageData.models[reply.model]][number], this.said(number, reply))], { class: "judgment" }) : null,
      reply.grades.map((grade, at) => lazily(
        [`${pageData.judges[grade.judge]}: `, grade.score === null ? make("strong", { class: "unscored" }, `unscored: ${grade.unscored}`) : `grade ${grade.score}`, aside(grade.remark)],
        async () => {
          const games = await gamesOf(this.place);
          const [fence, ...replies] = games.grades[number][place];
          const [said, before] = replies[at];
          return [thought(before), words(said), meta(grade.meta),
            this.judged(games.patterns[number].graded[grade.judge], number, fence, [reply])];
        }, { class: "judgment" })));
  }

  // The texts of the conversation up to then: q1, r1, q2, ...
  said(number, reply) {
    const texts = {};
    for (let turn = 0; turn <= number; turn += 1) {
      texts[`q${turn + 1}`] = this.data.turns[turn].text;
      if (turn < number) texts[`r${turn + 1}`] = this.replyOf(turn, reply.model, reply.sample).text;
    }
    return texts;
  }

  replyOf(turn, model, sample) {
    return this.data.turns[turn].replies.find((each) => each.model === model && each.sample === sample);
  }

  judged(pattern, number, fence, shown) {
    if (!pattern || !fence) return null;
    return lazily("Exact prompt", async () => {
      const texts = { fence };
      shown.forEach(({ model, sample }, side) => {
        for (let turn = 0; turn <= number; turn += 1) texts[`${"ab"[side]}${turn + 1}`] = this.replyOf(turn, model, sample).text;
      });
      return [exact(pattern, texts)];
    }, { class: "judgment" });
  }

  pair(number, place) {
    const [first, second, judge, sample, winner, odd] = this.data.turns[number].pairs[place];
    const outcome = winner === null ? "not settled" : winner < 0 ? "tie" : [make("b", {}, nameOf(winner)), " wins"];
    return lazily(
      [modelOf(first), " ", make("span", { class: "versus" }, "and"), " ", modelOf(second), " ", make("span", { class: "outcome" }, outcome,
        odd.map((what) => [" ", make("span", { class: `flag ${what.split(" ")[0]}` }, what)]),
        pageData.judges.length > 1 ? make("small", {}, ` by ${pageData.judges[judge]}`) : null,
        sample ? make("small", {}, ` sample ${sample}`) : null)],
      async () => {
        const games = await gamesOf(this.place);
        const { fence, games: shown } = games.games[number][place];
        const pattern = games.patterns[number].pairwise[judge];
        return [make("div", { class: "games" }, shown.map((game) => this.game(game, pattern, number, fence, sample)),
          shown.length ? null : make("p", { class: "absent" }, "The games themselves are not stored."))];
      }, { class: "pair" });
  }

  game(game, pattern, number, fence, sample) {
    const verdict = game.verdict === null
      ? make("strong", { class: "unscored" }, `unscored: ${game.unscored}`)
      : [`verdict ${game.verdict}`, game.liked === null ? "" : [", so ", nameOf(game.liked)]];
    return make("div", { class: "game" },
      make("p", {}, make("b", {}, nameOf(game.first)), " shown first, ", nameOf(game.second), " second: ", verdict, aside(game.remark)),
      thought(game.thought), words(game.reply), meta(game.meta),
      this.judged(pattern, number, fence, [{ model: game.first, sample }, { model: game.second, sample }]));
  }

  // Shows the answers of the chosen models, and the battles between them.
  show(shown) {
    for (const turn of this.turns) {
      const fits = isAmong(shown);
      for (const article of turn.articles) article.hidden = !fits(article);
      const visible = this.data.turns[turn.number].pairs.flatMap(([first, second], place) => (
        shown.has(first) && shown.has(second) ? [place] : []));
      for (const place of visible) {
        if (!turn.built.has(place)) turn.built.set(place, this.pair(turn.number, place));
      }
      turn.pairs.replaceChildren(...visible.map((place) => turn.built.get(place)));
      const heading = turn.pairs.previousElementSibling;
      if (heading.localName === "h4") heading.hidden = !visible.length;
    }
    const models = [...new Set(this.data.turns.flatMap(({ replies }) => replies.map(({ model }) => model)))].filter((model) => shown.has(model));
    const before = this.base.value;
    this.base.replaceChildren(make("option", { value: "" }, "no marks"),
      ...models.map((model) => make("option", { value: model }, pageData.models[model])));
    this.base.value = models.includes(Number(before)) ? before : "";
    this.base.parentElement.hidden = models.length < 2;
    this.shown = models;
    this.mark();
  }

  mark() {
    let [lacked, tooLong] = [0, false];
    for (const { articles, number } of this.turns) {
      const seen = articles.filter((article) => !article.hidden);
      const textOf = (article) => article.querySelector(".markdown");
      for (const article of articles) {
        const { html } = this.data.turns[number].replies[articles.indexOf(article)];
        if (html !== null && article.querySelector("mark")) write(textOf(article), html);
      }
      const base = this.base.value === "" ? null : seen.find((article) => article.dataset.models === this.base.value && textOf(article));
      if (!base) continue;
      const others = seen.filter((article) => article !== base && textOf(article));
      for (const article of others) {
        const found = markDifference(textOf(article), textOf(base), others.length === 1);
        if (found) lacked += found[0]; else tooLong = true;
      }
    }
    this.marked.textContent = tooLong ? "Some answers are too long to compare."
      : this.base.value === "" ? "" : `${lacked} words marked that ${pageData.models[this.base.value]} lacks.`;
    const parts = this.base.value === "" ? [] : [`models=${this.shown.join(",")}`, `from=${this.base.value}`];
    this.link.href = `#${[`q-${encodeURIComponent(this.id)}`, ...parts].join("&")}`;
  }
}
