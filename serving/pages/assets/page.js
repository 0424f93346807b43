document.documentElement.lang = "zh-CN";

// Enter while an input method is composing chooses a word; it must not send the question.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.isComposing || event.keyCode === 229)) {
    event.stopImmediatePropagation();
  }
}, true);

// A new question comes into view; what is read is not moved after that.
let shownTurn = "";
new MutationObserver(() => {
  const asked = document.querySelector("#current .asked");
  if (!asked || asked.dataset.turn === shownTurn) return;
  shownTurn = asked.dataset.turn;
  requestAnimationFrame(() => asked.scrollIntoView({ block: "start" }));
}).observe(document.documentElement, { childList: true, subtree: true });

// A mark 〔n〕 opens its clause.
document.addEventListener("click", (event) => {
  const mark = event.target.closest("a[data-cite]");
  if (!mark) return;
  event.preventDefault();
  const clause = document.getElementById(mark.dataset.cite);
  if (!clause) return;
  clause.open = true;
  clause.scrollIntoView({ behavior: "smooth", block: "center" });
  clause.querySelector("summary").focus({ preventScroll: true });
  clause.classList.add("found");
  setTimeout(() => clause.classList.remove("found"), 1600);
});
