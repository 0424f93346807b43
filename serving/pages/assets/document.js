// Edit a document's metadata: only what was changed is sent.
const form = document.getElementById("metadata");
const edit = document.getElementById("edit");
const said = document.getElementById("said");
const fields = [...form.querySelectorAll("[name]")];

function editing(on) {
  form.classList.toggle("editing", on);
  edit.setAttribute("aria-expanded", String(on));
  edit.hidden = on;
  for (const field of fields) field.disabled = !on;
  if (on) fields[0].focus();
}

function say(text, bad) {
  said.textContent = text;
  said.className = bad ? "note bad" : "note good";
}

function valueOf(field) {
  const text = field.value.trim();
  if (field.dataset.type === "list") return text ? text.split(/[、,，;；]/).map((t) => t.trim()).filter(Boolean) : [];
  return text;
}

async function send(method, body) {
  const reply = await fetch(form.dataset.address, {
    method,
    headers: body ? { "content-type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
  const answer = await reply.json();
  if (!reply.ok) throw new Error([answer.error.message, answer.error.mend].filter(Boolean).join("\n"));
  return answer;
}

edit.addEventListener("click", () => editing(true));
document.getElementById("cancel").addEventListener("click", () => { form.reset(); editing(false); });

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const changed = Object.fromEntries(
    fields.filter((f) => f.value.trim() !== f.dataset.was.trim()).map((f) => [f.name, valueOf(f)]),
  );
  if (fields.some((f) => f.dataset.type === "date" && f.name in changed && !changed[f.name])) return say("日期可以更正，不能清空。", true);
  if (!Object.keys(changed).length) return say("没有改动。", true);
  say("正在保存，索引随之更新…", false);
  try {
    const answer = await send("PATCH", changed);
    location.href = `/kb/document?id=${encodeURIComponent(answer.document.id)}`;
  } catch (error) {
    say(error.message, true);
  }
});

document.getElementById("remove").addEventListener("click", async () => {
  if (!confirm("从知识库移除这份文献及其全部内容？此操作不可撤销，需要时须重新入库。")) return;
  say("正在移除…", false);
  try {
    await send("DELETE");
    location.href = "/kb/documents";
  } catch (error) {
    say(error.message, true);
  }
});
