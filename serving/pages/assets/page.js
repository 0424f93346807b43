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

// The clock of a running answer goes on between two events of the run.
let clock = { said: "", from: 0 };
setInterval(() => {
  const shown = document.querySelector(".clock[data-seconds]");
  if (!shown) return;
  const said = `${shownTurn} ${shown.dataset.seconds}`;
  if (said !== clock.said) {
    clock = { said, from: performance.now() - Number(shown.dataset.seconds) * 1000 };
  }
  shown.textContent = `${((performance.now() - clock.from) / 1000).toFixed(1)} 秒`;
}, 200);

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
