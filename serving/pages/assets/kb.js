// Copy a citation; a browser without a clipboard gets a selection instead.
const button = document.getElementById("copy");
button?.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(button.dataset.text);
  } catch {
    const area = document.createElement("textarea");
    area.value = button.dataset.text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.textContent = "已复制";
  setTimeout(() => { button.textContent = "复制引文"; }, 1600);
});

// The cited words come into view, below the page image if there is one.
const here = document.getElementById("here");
if (here && !document.getElementById("page-image")) {
  const box = here.getBoundingClientRect();
  if (box.bottom > innerHeight) here.scrollIntoView({ block: "center" });
}

const image = document.getElementById("page-image");
image?.addEventListener("error", () => {
  const said = document.createElement("p");
  said.className = "note warn";
  said.textContent = "页面图像无法显示：原件未保存或已损坏，请看下方文字。";
  image.closest("a").replaceWith(said);
});
