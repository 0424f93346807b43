const input = element.querySelector("#boundary-input");
const drop = element.querySelector("#drop");
const picked = element.querySelector("#picked");

const line = (tag, className, text) => {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
};

const show = (file) => {
  picked.replaceChildren();
  drop.classList.toggle("has-file", Boolean(file && file.id));
  if (!file) return;
  if (file.error) {
    picked.append(line("p", "picked-error", file.error));
    return;
  }
  if (file.busy) {
    picked.append(line("p", "picked-busy", file.busy));
    return;
  }
  picked.append(line("p", "picked-name", file.filename));
  const about = file.cspon;
  const parcels = about.parcels > 1 ? `，${about.parcels} 个地块` : "";
  picked.append(line("p", "picked-facts", `${about.area_ha.toFixed(4)} 公顷${parcels}`));
  picked.append(line("p", "picked-facts", about.crs));
  for (const notice of about.notices) picked.append(line("p", "picked-notice", notice));
  const remove = line("button", "picked-remove", "移除");
  remove.type = "button";
  remove.addEventListener("click", () => {
    fetch(`/v1/files/${file.id}`, { method: "DELETE" });
    input.value = "";
    set(null);
    input.focus();
  });
  picked.append(remove);
};

const set = (file) => {
  props.value = file;
  show(file);
};

const send = async (file) => {
  set(null);
  show({ busy: "正在读取边界…" });
  const form = new FormData();
  form.append("file", file);
  try {
    const reply = await fetch("/v1/files", { method: "POST", body: form });
    const body = await reply.json();
    if (!reply.ok) {
      show({ error: body.error.message });
      return;
    }
    set(body);
  } catch {
    show({ error: "上传失败：无法连接服务，请确认服务仍在运行后重试" });
  }
};

input.addEventListener("change", () => input.files.length && send(input.files[0]));
for (const name of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files.length) send(event.dataTransfer.files[0]);
  });
}
watch("value", () => show(props.value));
