// Answers and games are compressed in the page by question, and unpacked on demand.
const decode = (packed) => {
  const letters = atob(packed);
  const bytes = new Uint8Array(letters.length);
  for (let place = 0; place < letters.length; place += 1) bytes[place] = letters.charCodeAt(place);
  return bytes;
};
// The bytes are written by hand: a Blob goes through the browser's main process, which may not answer.
const unpack = async (packed) => {
  const stream = new DecompressionStream("deflate");
  const writer = stream.writable.getWriter();
  const written = writer.write(decode(packed)).then(() => writer.close());
  const [content] = await Promise.all([new Response(stream.readable).json(), written]);
  return content;
};
const kept = new Map();
const MOST_KEPT = 12;
const load = (kind, place) => {
  const key = `${kind}-${place}`;
  if (!kept.has(key)) kept.set(key, unpack(by(key).textContent));
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
  return kept.get(key);
};
const answersOf = (place) => load("answers", place);
const gamesOf = (place) => load("games", place);

// Fills the placeholders of a prompt's pattern with texts.
const fillIn = (pattern, texts) => pattern.replace(/\ue000([a-z]+[0-9]*)\ue001/g, (mark, name) => texts[name] ?? mark);
