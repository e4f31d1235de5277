// A switch shows one view of a figure; a key shows and hides models in all drawings of its figure.
for (const button of all("[data-shows]")) {
  button.addEventListener("click", () => {
    const figure = button.closest(".views");
    for (const other of all("[data-shows]", figure)) other.setAttribute("aria-pressed", String(other === button));
    for (const view of all("[data-view]", figure)) view.hidden = view.dataset.view !== button.dataset.shows;
  });
}
for (const key of all(".key.pick")) {
  const figure = key.closest("figure");
  const buttons = all("button", key);
  const show = (button) => {
    const isOn = button.getAttribute("aria-pressed") === "true";
    for (const part of all(`[data-model="${button.dataset.picks}"]`, figure)) part.toggleAttribute("hidden", !isOn);
  };
  for (const button of buttons) {
    show(button);
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      show(button);
    });
  }
}
