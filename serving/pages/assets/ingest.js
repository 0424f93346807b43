// Upload files and follow their batches; a batch goes on when this page is closed.
const form = document.getElementById("upload");
const input = document.getElementById("files");
const drop = document.getElementById("drop");
const picked = document.getElementById("picked");
const said = document.getElementById("said");
const sendButton = document.getElementById("send");
const list = document.getElementById("batches");
const shape = document.getElementById("batch");
const STATES = { queued: ["排队", "mute"], running: ["进行中", "warn"], done: ["完成", "good"], failed: ["未完成", "bad"], cancelled: ["已取消", "mute"] };

function say(text, bad) {
  said.textContent = text;
  said.className = text ? (bad ? "note bad" : "note good") : "";
}

function showPicked() {
  const files = [...input.files];
  picked.replaceChildren(...files.slice(0, 12).map((file) => {
    const item = document.createElement("li");
    item.textContent = `${file.name}（${(file.size / 1048576).toFixed(2)} MB）`;
    return item;
  }));
  if (files.length > 12) picked.append(Object.assign(document.createElement("li"), { textContent: `…共 ${files.length} 个` }));
}

input.addEventListener("change", showPicked);
for (const kind of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop") { input.files = event.dataTransfer.files; showPicked(); }
  });
}

function item(text, href) {
  const made = document.createElement("li");
  if (!href) { made.textContent = text; return made; }
  made.append(Object.assign(document.createElement("a"), { textContent: text, href }));
  return made;
}

function draw(card, batch) {
  const find = (name) => card.querySelector(name);
  const [word, tone] = STATES[batch.state];
  find(".files").textContent = batch.files.length > 3 ? `${batch.files.slice(0, 2).join("、")} 等 ${batch.files.length} 个文件` : batch.files.join("、");
  find(".badge").textContent = word;
  find(".badge").className = `badge ${tone}`;
  const ended = !["queued", "running"].includes(batch.state);
  const bar = find("progress");
  bar.hidden = ended;
  if (batch.total) bar.value = batch.done / batch.total; else bar.removeAttribute("value");
  find(".stop").hidden = ended;
  const counts = [];
  if (batch.added.length) counts.push(`新增 ${batch.added.length} 份`);
  if (batch.changed.length) counts.push(`更新 ${batch.changed.length} 份`);
  if (batch.unchanged.length) counts.push(`${batch.unchanged.length} 份与库中一致`);
  if (batch.failures.length) counts.push(`未入库 ${batch.failures.length} 个`);
  if (batch.state === "done" && !counts.length) counts.push("没有新内容");
  find(".step").textContent = ended
    ? [batch.error || batch.step, batch.mend, counts.join("，"), `用时 ${batch.seconds} 秒`].filter(Boolean).join(" · ")
    : batch.step;
  find(".docs").replaceChildren(...[...batch.added, ...batch.changed].slice(0, 20).map((id) => item(id.split("@")[0], `/kb/document?id=${encodeURIComponent(id)}`)));
  find(".failures").hidden = !batch.failures.length;
  find(".failures tbody").replaceChildren(...batch.failures.map((failure) => {
    const row = document.createElement("tr");
    for (const text of [failure.file, failure.message, failure.mend]) row.append(Object.assign(document.createElement("td"), { textContent: text }));
    return row;
  }));
  find(".notices").hidden = !batch.notices.length;
  find(".notices").replaceChildren(...batch.notices.map((notice) => item(notice)));
}

function follow(batch) {
  const card = shape.content.cloneNode(true).firstElementChild;
  if (!list.querySelector(".batch")) list.replaceChildren();
  list.prepend(card);
  draw(card, batch);
  card.querySelector(".stop").addEventListener("click", () => fetch(`/v1/kb/ingests/${batch.id}`, { method: "DELETE" }));
  if (!["queued", "running"].includes(batch.state)) return;
  const events = new EventSource(`/v1/kb/ingests/${batch.id}/events`);
  events.onmessage = (event) => {
    const now = JSON.parse(event.data);
    draw(card, now);
    if (!["queued", "running"].includes(now.state)) events.close();
  };
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!input.files.length) return say("请先选择文件。", true);
  const data = new FormData(form);
  if (!document.getElementById("ocr").checked) data.set("ocr", "false");
  sendButton.disabled = true;
  say("正在上传…", false);
  try {
    const reply = await fetch(form.action, { method: "POST", body: data });
    const answer = await reply.json();
    if (!reply.ok) throw new Error([answer.error.message, answer.error.mend].filter(Boolean).join("\n"));
    say("", false);
    form.reset();
    showPicked();
    follow(answer);
  } catch (error) {
    say(error.message === "Failed to fetch" ? "上传中断，请检查网络后重试。" : error.message, true);
  } finally {
    sendButton.disabled = false;
  }
});

const kept = await (await fetch("/v1/kb/ingests")).json();
if (Array.isArray(kept)) kept.reverse().forEach(follow);
