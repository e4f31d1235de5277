// Functions that all parts use. The parts are joined in one function, so no name is global.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const by = (id) => document.getElementById(id);

// An element with attributes and children; strings become text, never HTML.
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
};

// Puts HTML from Markdown into an element. It was escaped when the page was made, and the content
// security policy blocks the rest. Elements that scroll can be focused.
const write = (element, html) => {
  element.innerHTML = html;
  for (const part of all('pre, table, math[display="block"]', element)) part.setAttribute("tabindex", "0");
  return element;
};
const written = (html, kind = "markdown") => write(make("div", { class: kind, dir: "auto" }), html);

const pageData = JSON.parse(by("page-data").textContent);
const nameOf = (model) => make("bdi", {}, pageData.models[model]);
const modelOf = (model) => make("span", { class: "model" }, by("dots").content.children[model].cloneNode(true), nameOf(model));

// Copies text; uses a selection where the browser denies the clipboard to pages opened as files.
const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { class: "offscreen" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
};
const save = (name, text) => {
  const link = make("a", { download: name, href: URL.createObjectURL(new Blob([text], { type: "application/jsonl" })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};
const isTyping = ({ target }) => Boolean(target.closest?.("input, select, textarea, dialog"));
