// Word-level difference: words outside the longest common subsequence are marked.
const MOST_CELLS = 36e6;

const wordsIn = (root) => {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, (node) => (
    node.parentElement.closest("math") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT));
  const words = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    for (const found of node.data.matchAll(/[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu)) {
      words.push({ node, from: found.index, to: found.index + found[0].length, word: found[0] });
    }
  }
  return words;
};

// Returns the words of each side that the other lacks; null if the texts are too long to compare.
const lacking = (left, right) => {
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start += 1;
  let [m, n] = [left.length, right.length];
  while (m > start && n > start && left[m - 1] === right[n - 1]) { m -= 1; n -= 1; }
  const [rows, columns] = [m - start, n - start];
  if (rows * columns > MOST_CELLS) return null;
  const width = columns + 1;
  const longest = new Uint16Array((rows + 1) * width);
  for (let i = rows - 1; i >= 0; i -= 1) {
    for (let j = columns - 1; j >= 0; j -= 1) {
      const at = i * width + j;
      longest[at] = left[start + i] === right[start + j]
        ? longest[at + width + 1] + 1
        : Math.max(longest[at + width], longest[at + 1]);
    }
  }
  const only = [new Set(), new Set()];
  let [i, j] = [0, 0];
  while (i < rows || j < columns) {
    const at = i * width + j;
    if (i < rows && j < columns && left[start + i] === right[start + j]) { i += 1; j += 1; }
    else if (j === columns || (i < rows && longest[at + width] >= longest[at + 1])) { only[0].add(start + i); i += 1; }
    else { only[1].add(start + j); j += 1; }
  }
  return only;
};

// Wraps the chosen words, neighbors of one line together, from last to first, so that the offsets of
// earlier words stay valid.
const isOneLine = (word, next) => word.node === next.node && !word.node.data.slice(word.to, next.from).includes("\n");
const markWords = (words, chosen) => {
  let end = words.length - 1;
  while (end >= 0) {
    if (!chosen.has(end)) { end -= 1; continue; }
    let start = end;
    while (chosen.has(start - 1) && isOneLine(words[start - 1], words[start])) start -= 1;
    const range = document.createRange();
    range.setStart(words[start].node, words[start].from);
    range.setEnd(words[end].node, words[end].to);
    range.surroundContents(make("mark"));
    end = start - 1;
  }
};

const markDifference = (root, base, both) => {
  const [own, other] = [wordsIn(root), wordsIn(base)];
  const only = lacking(own.map(({ word }) => word), other.map(({ word }) => word));
  if (!only) return null;
  markWords(own, only[0]);
  if (both) markWords(other, only[1]);
  return only.map((words) => words.size);
};
