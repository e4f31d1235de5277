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

